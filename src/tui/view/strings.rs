//! The printable texts in the file of a finding: offset, encoding, length, text.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::text;
use crate::theme::Role;
use crate::tui::keymap::Action;
use crate::tui::state::App;
use crate::tui::state::detail::Tab;
use crate::tui::state::drawn::Drawn;
use crate::tui::widget::paint::{self, StyledLine};
use crate::tui::widget::pane;

/// Draws the list.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, drawn: &mut Drawn) {
    let Some(detail) = &app.detail else { return };
    let digits = detail.hex.layout.digits;
    let strings = &detail.hex.strings;
    let (least, progress, cut) = (strings.least(), strings.progress, strings.cut);
    let list = &strings.texts;
    let mut title = format!("Strings: {}, of {} characters at least", text::count(list.len() as u64), least);
    if !list.filter().is_empty() {
        title = format!("{title}, with {}", text::quoted(list.filter()));
    }
    match (progress, cut) {
        (Some((done, all)), _) => {
            let part = done.saturating_mul(100).checked_div(all).unwrap_or(0);
            title = format!("{title}; {part} % of the file looked through");
        }
        (None, true) => title = format!("{title}; the first {} of more", text::count(list.total() as u64)),
        (None, false) => {}
    }
    let focused = detail.tab == Tab::Hex;
    let inner = pane::pane(buffer, area, &app.theme, &title, focused);
    let height = usize::from(inner.height);
    drawn.areas.entries = inner;
    if focused {
        drawn.page = Some(height.max(1));
    }
    if list.is_empty() && progress.is_none() {
        let back = app.keymap.first_key(Action::Back);
        let said = match list.total() {
            0 => "There is no printable text in it.".to_owned(),
            _ => format!("No text matches. {back} shows all again."),
        };
        return paint::line(buffer, inner, &StyledLine::styled(said, app.theme.style(Role::Dim)));
    }
    let top = paint::scroll(list.top, list.place(), height, list.len());
    drawn.strings_top = Some(top);
    for (index, found) in list.from(top).take(height).enumerate() {
        let row = paint::row(inner, index);
        let mut pieces = paint::Pieces::new(&app.theme)
            .add(Role::Offset, format!("{:0digits$x} ", found.offset))
            .add(Role::Dim, format!("{:<8} {:>5}  ", found.coding.name(), text::count(found.length)));
        let shown = text::escape_str(&found.text);
        let places = list.pattern().find(&shown).unwrap_or_default().places;
        let cut = text::end(&shown, usize::from(inner.width).saturating_sub(pieces.width() + 1));
        pieces.push_matched(&shown, cut, &places, |_| Role::Text);
        paint::line(buffer, row, &pieces.line());
        if top + index == list.place() {
            paint::fill(buffer, row, app.theme.style(Role::Selected));
        }
    }
    let bar = Rect { width: inner.width + 1, ..inner };
    pane::scroll_bar(buffer, bar, &app.theme, top, list.len());
}
