//! Writing styled pieces into the buffer, one line at a time. What is written must be safe text already.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::text;
use crate::theme::{Role, Theme};

/// A line under construction: pieces with their roles.
pub struct Pieces<'t> {
    theme: &'t Theme,
    spans: Vec<Span<'static>>,
}

impl<'t> Pieces<'t> {
    /// An empty line.
    pub fn new(theme: &'t Theme) -> Self {
        Self { theme, spans: Vec::new() }
    }

    /// Adds a piece.
    #[must_use]
    pub fn add(mut self, role: Role, piece: impl Into<String>) -> Self {
        self.push(role, piece);
        self
    }

    /// Adds a piece.
    pub fn push(&mut self, role: Role, piece: impl Into<String>) {
        self.spans.push(Span::styled(piece.into(), self.theme.style(role)));
    }

    /// Columns that the line takes so far.
    pub fn width(&self) -> usize {
        self.spans.iter().map(|span| text::width(&span.content)).sum()
    }

    /// The finished line.
    pub fn line(self) -> Line<'static> {
        Line::from(self.spans)
    }
}

/// Paints `line` at the top of `area`, cut at its right edge.
pub fn line(buffer: &mut Buffer, area: Rect, line: &Line<'_>) {
    if area.height > 0 {
        buffer.set_line(area.x, area.y, line, area.width);
    }
}

/// The `row`th line of `area`, as an area of its own; empty below its end.
pub fn row(area: Rect, row: usize) -> Rect {
    let row = u16::try_from(row).unwrap_or(u16::MAX);
    if row >= area.height {
        return Rect { height: 0, ..area };
    }
    Rect { y: area.y + row, height: 1, ..area }
}

/// Lays `style` over a whole area.
pub fn fill(buffer: &mut Buffer, area: Rect, style: Style) {
    buffer.set_style(area, style);
}

/// The first line to show so that `cursor` is within `height` lines, moving as little as possible from `top`.
pub fn scroll(top: usize, cursor: usize, height: usize) -> usize {
    let height = height.max(1);
    if cursor < top {
        cursor
    } else if cursor >= top + height {
        cursor + 1 - height
    } else {
        top
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scrolling_moves_as_little_as_possible() {
        assert_eq!(scroll(0, 5, 10), 0);
        assert_eq!(scroll(0, 10, 10), 1);
        assert_eq!(scroll(7, 3, 10), 3);
        assert_eq!(scroll(7, 3, 0), 3);
    }
}
