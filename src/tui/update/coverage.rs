//! Actions on the coverage screen.

use super::ask::{FUZZY, ask};
use super::finding::copy_text;
use crate::text;
use crate::tui::message::Effect;
use crate::tui::state::overlay::Purpose;
use crate::tui::state::{App, NoticeKind};
use crate::tui::widget::input::Input;

/// Moves the selection by so many entries.
pub(super) fn step(app: &mut App, by: isize) -> Vec<Effect> {
    app.coverage.select(app.coverage.place().saturating_add_signed(by));
    Vec::new()
}

/// Moves the selection by so many screens.
pub(super) fn page(app: &mut App, by: isize) -> Vec<Effect> {
    step(app, by * app.page as isize)
}

/// Asks for the filter.
pub(super) fn filter(app: &mut App) -> Vec<Effect> {
    let input = Input::with(app.coverage.filter());
    ask(app, Purpose::CoverageFilter, "Filter", FUZZY, input);
    Vec::new()
}

/// Copies the selected entry.
pub(super) fn copy(app: &mut App) -> Vec<Effect> {
    let Some(missed) = app.coverage.selected() else {
        app.say(NoticeKind::Info, "there is no entry to copy");
        return Vec::new();
    };
    let copied = format!("{}: {}\n", text::escape_path(&missed.path), missed.why);
    copy_text(app, "the entry", &copied)
}
