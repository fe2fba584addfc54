//! The bytes of a finding as lines of text: their numbers, what stands in them, matches, search and selection over it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::layers::Layers;
use crate::hex::rows::CellKind;
use crate::theme::{Role, Theme};
use crate::tui::state::bytes::HexView;
use crate::tui::widget::paint;

/// Draws the rows in view.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, theme: &Theme, hex: &HexView) {
    let Some(rows) = hex.rows() else { return };
    let in_view = hex.rows_in_view();
    let (Some((first, _)), Some((last, _))) = (in_view.first(), in_view.last()) else { return };
    let runs = hex.highlights.runs(first.start..last.end);
    let layers = Layers { theme, hex, runs: &runs, faces: None };
    let gutter = hex.gutter();
    let cursor = hex.viewport.cursor;
    for (index, (row, number)) in in_view.iter().enumerate().take(usize::from(area.height)) {
        let line = paint::row(area, index);
        // A row that only goes on with a line has no number of its own.
        let label = match number {
            _ if !row.begins_line => format!("{:>gutter$}", "·"),
            Some(number) => format!("{number:>gutter$}"),
            None => format!("{:>1$x}", row.start, gutter),
        };
        paint::text(buffer, line, &label, theme.style(Role::Offset));
        for cell in rows.cells(*row) {
            let column = gutter + 1 + cell.column;
            let own = theme.style(match cell.kind {
                CellKind::Plain => Role::BytePrintable,
                CellKind::Space | CellKind::Newline => Role::ByteSpace,
                CellKind::Control => Role::ByteControl,
                CellKind::Broken => Role::ByteHigh,
                CellKind::Unknown => Role::Dim,
            });
            let mut style = layers.over(cell.offset, own);
            let is_here = (cell.offset..cell.offset + cell.length).contains(&cursor);
            if is_here {
                let over = theme.style(Role::Cursor);
                // On what is reversed already a reversed cursor would not be seen.
                let lost = over.add_modifier & style.add_modifier & Modifier::REVERSED;
                style = style.patch(over).remove_modifier(lost);
            }
            let shown = if cell.kind == CellKind::Newline && is_here { " " } else { cell.shown.as_str() };
            let column = u16::try_from(column).unwrap_or(u16::MAX);
            if column < line.width {
                let place = Rect { x: line.x + column, width: line.width - column, ..line };
                paint::text(buffer, place, shown, style);
            }
        }
    }
}
