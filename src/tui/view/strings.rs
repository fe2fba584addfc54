//! The printable texts in the file of a finding: offset, encoding, length, text.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::text;
use crate::theme::Role;
use crate::tui::state::App;
use crate::tui::widget::paint::{self, StyledLine};
use crate::tui::widget::pane;

/// Draws the list.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &mut App) {
    let Some(detail) = &mut app.detail else { return };
    let digits = detail.hex.layout.digits;
    let list = &mut detail.hex.strings;
    let mut title = format!("Strings: {}, of {} characters at least", text::count(list.len() as u64), list.least());
    if !list.filter().is_empty() {
        title = format!("{title}, with {}", text::quoted(list.filter()));
    }
    match (list.progress, list.cut) {
        (Some((done, all)), _) => {
            let part = done.saturating_mul(100).checked_div(all).unwrap_or(0);
            title = format!("{title}; {part} % of the file looked through");
        }
        (None, true) => title = format!("{title}; the first {} of more", text::count(list.total() as u64)),
        (None, false) => {}
    }
    let inner = pane::pane(buffer, area, &app.theme, &title, true);
    let height = usize::from(inner.height);
    app.page = height.max(1);
    if list.is_empty() && list.progress.is_none() {
        let said =
            if list.total() == 0 { "There is no printable text in it." } else { "No text matches. Esc goes back." };
        return paint::line(buffer, inner, &StyledLine::styled(said, app.theme.style(Role::Dim)));
    }
    list.top = paint::scroll(list.top, list.place(), height, list.len());
    for (index, found) in list.from(list.top).take(height).enumerate() {
        let row = paint::row(inner, index);
        let mut pieces = paint::Pieces::new(&app.theme)
            .add(Role::Offset, format!("{:0digits$x} ", found.offset))
            .add(Role::Dim, format!("{:<8} {:>5}  ", found.coding.name(), text::count(found.length)));
        let shown = text::escape_str(&found.text);
        let places = list.pattern().find(&shown).unwrap_or_default().places;
        let cut = text::end(&shown, usize::from(inner.width).saturating_sub(pieces.width() + 1));
        pieces.push_matched(&shown, cut, &places, |_| Role::Text);
        paint::line(buffer, row, &pieces.line());
        if list.top + index == list.place() {
            paint::fill(buffer, row, app.theme.style(Role::Selected));
        }
    }
    let bar = Rect { width: inner.width + 1, ..inner };
    pane::scroll_bar(buffer, bar, &app.theme, list.top, list.len());
}
