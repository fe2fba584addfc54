//! The ELF tab: every field with its place, bytes, value and meaning; anomalies first; the code at the entry point.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::parts;
use crate::theme::Role;
use crate::tui::state::App;
use crate::tui::state::drawn::Drawn;
use crate::tui::state::elf_page;
use crate::tui::widget::{paint, pane};

/// Draws the tab.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, drawn: &mut Drawn) {
    let title = app.detail.as_ref().map_or("", |detail| detail.kind_name());
    let focused = app.shows_elf();
    let inner = pane::pane(buffer, area, &app.theme, title, focused);
    let Some(detail) = &app.detail else { return };
    let height = usize::from(inner.height);
    if focused {
        drawn.page = Some(height.max(1));
    }
    let (page, shown) = elf_page::fit(detail, usize::from(inner.width).saturating_sub(1), height);
    drawn.elf = Some(page);
    for (index, (spot, line)) in shown.rows.into_iter().take(height).enumerate() {
        let row = paint::row(inner, index);
        paint::line(buffer, row, &parts::line(&app.theme, line.pieces));
        if spot == page.selected {
            paint::fill(buffer, row, app.theme.style(Role::Selected));
        }
    }
    pane::scroll_bar(buffer, Rect { width: inner.width + 1, ..inner }, &app.theme, shown.above, shown.total);
}
