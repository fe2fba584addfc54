//! Actions on the list of printable texts in the file of the open finding.

use super::ask::{FUZZY, ask};
use super::finding::{copy_text, opened};
use crate::hex::strings::FoundString;
use crate::tui::message::Effect;
use crate::tui::state::App;
use crate::tui::state::face::Face;
use crate::tui::state::overlay::Purpose;
use crate::tui::widget::input::Input;

/// Takes texts that were found, unless they are of an older list.
pub(super) fn arrived(app: &mut App, number: u64, more: Vec<FoundString>, (progress, cut): (Option<(u64, u64)>, bool)) {
    let list = app.detail.as_mut().map(|detail| &mut detail.hex.strings);
    if let Some(list) = list.filter(|list| list.number == number) {
        list.texts.extend(more);
        (list.progress, list.cut) = (progress, cut);
    }
}

/// Moves the selection by so many texts, and the cursor to its bytes.
pub(super) fn step(app: &mut App, by: isize) -> Vec<Effect> {
    let Some(detail) = opened(app) else { return Vec::new() };
    let list = &mut detail.hex.strings.texts;
    list.select(list.place().saturating_add_signed(by));
    if let Some(offset) = list.selected().map(|found| found.offset) {
        detail.hex.viewport.cursor = offset;
    }
    Vec::new()
}

/// Moves the selection by so many screens.
pub(super) fn page(app: &mut App, by: isize) -> Vec<Effect> {
    step(app, by * app.page as isize)
}

/// Asks for the filter.
pub(super) fn filter(app: &mut App) -> Vec<Effect> {
    let Some(detail) = opened(app) else { return Vec::new() };
    let input = Input::with(detail.hex.strings.texts.filter());
    ask(app, Purpose::StringsFilter, "Filter", FUZZY, input);
    Vec::new()
}

/// Asks for longer texts.
pub(super) fn turn_least(app: &mut App) -> Vec<Effect> {
    if let Some(detail) = opened(app) {
        detail.hex.strings.turn_least();
    }
    Vec::new()
}

/// Shows the bytes of the selected text.
pub(super) fn open(app: &mut App) -> Vec<Effect> {
    let Some(detail) = opened(app) else { return Vec::new() };
    let selected = detail.hex.strings.texts.selected().map(|found| (found.offset, found.length * found.coding.width()));
    if let Some((offset, length)) = selected {
        detail.hex.show(Face::Hex);
        detail.hex.point_to(offset..offset + length);
    }
    Vec::new()
}

/// Copies the selected text.
pub(super) fn copy(app: &mut App) -> Vec<Effect> {
    let Some(detail) = opened(app) else { return Vec::new() };
    let Some(text) = detail.hex.strings.texts.selected().map(|found| found.text.clone()) else { return Vec::new() };
    copy_text(app, "the text", &text)
}
