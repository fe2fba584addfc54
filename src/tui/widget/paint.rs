//! Writing styled pieces into the buffer, one line at a time. Views have no other way to put text there, and all of it is
//! [`SafeText`].

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{self as styled, Span};

use crate::text::{self, SafeText};
use crate::theme::{Role, Theme};

/// A line of safe text with its styles.
#[derive(Debug, Clone, Default)]
pub(crate) struct StyledLine(styled::Line<'static>);

impl StyledLine {
    /// A line of one style.
    pub(crate) fn styled(piece: impl Into<SafeText>, style: Style) -> Self {
        Self(styled::Line::styled(String::from(piece.into()), style))
    }

    /// Adds another line to its end.
    pub(crate) fn append(&mut self, other: Self) {
        self.0.spans.extend(other.0.spans);
    }

    /// For the widgets beside this one.
    pub(super) fn into_inner(self) -> styled::Line<'static> {
        self.0
    }
}

/// A line under construction: pieces with their roles.
pub(crate) struct Pieces<'t> {
    theme: &'t Theme,
    spans: Vec<Span<'static>>,
}

impl<'t> Pieces<'t> {
    /// An empty line.
    pub(crate) fn new(theme: &'t Theme) -> Self {
        Self { theme, spans: Vec::new() }
    }

    /// Adds a piece.
    #[must_use]
    pub(crate) fn add(mut self, role: Role, piece: impl Into<SafeText>) -> Self {
        self.push(role, piece);
        self
    }

    /// Adds a piece.
    pub(crate) fn push(&mut self, role: Role, piece: impl Into<SafeText>) {
        self.spans.push(Span::styled(String::from(piece.into()), self.theme.style(role)));
    }

    /// Adds `text` without the bytes `cut`, for which an ellipsis stands, with the letters at the offsets `places`
    /// (ascending) as those that a filter matched. `role` is that of what lies at an offset.
    pub(crate) fn push_matched(
        &mut self,
        text: &str,
        cut: Option<Range<usize>>,
        places: &[usize],
        role: impl Fn(usize) -> Role,
    ) {
        let safe = text::escape_str(text);
        if safe != text {
            // The offsets are those of another text.
            return self.push(role(0), safe);
        }
        let cut = cut.unwrap_or(text.len()..text.len());
        let mut piece = String::new();
        let mut style = Style::default();
        for (at, c) in text.char_indices() {
            let inside = cut.contains(&at);
            if inside && at != cut.start {
                continue;
            }
            let here = if inside { at..cut.end } else { at..at + 1 };
            let next = places.partition_point(|place| *place < here.start);
            let matched = places.get(next).is_some_and(|place| here.contains(place));
            let base = self.theme.style(role(at));
            let wanted = if matched { base.patch(self.theme.style(Role::FuzzyLetter)) } else { base };
            if wanted != style && !piece.is_empty() {
                self.spans.push(Span::styled(std::mem::take(&mut piece), style));
            }
            style = wanted;
            piece.push(if inside { text::ELLIPSIS } else { c });
        }
        self.spans.push(Span::styled(piece, style));
    }

    /// Columns that the line takes so far.
    pub(crate) fn width(&self) -> usize {
        self.spans.iter().map(|span| text::width(&span.content)).sum()
    }

    /// The finished line.
    pub(crate) fn line(self) -> StyledLine {
        StyledLine(styled::Line::from(self.spans))
    }
}

/// Paints `line` at the top of `area`, cut at its right edge.
pub(crate) fn line(buffer: &mut Buffer, area: Rect, line: &StyledLine) {
    if area.height > 0 {
        buffer.set_line(area.x, area.y, &line.0, area.width);
    }
}

/// Paints `piece` at the top of `area`, cut at its right edge.
pub(crate) fn text(buffer: &mut Buffer, area: Rect, piece: &str, style: Style) {
    if area.height > 0 {
        buffer.set_stringn(area.x, area.y, text::escape_str(piece), usize::from(area.width), style);
    }
}

/// The `row`th line of `area`, as an area of its own; empty below its end.
pub(crate) fn row(area: Rect, row: usize) -> Rect {
    let row = u16::try_from(row).unwrap_or(u16::MAX);
    if row >= area.height {
        return Rect { height: 0, ..area };
    }
    Rect { y: area.y + row, height: 1, ..area }
}

/// Lays `style` over a whole area.
pub(crate) fn fill(buffer: &mut Buffer, area: Rect, style: Style) {
    buffer.set_style(area, style);
}

/// The first of `count` lines to show so that `cursor` is within `height` lines, moving as little as possible from `top`
/// and leaving no room empty that lines could fill.
pub(crate) fn scroll(top: usize, cursor: usize, height: usize, count: usize) -> usize {
    let height = height.max(1);
    let top = top.min(count.saturating_sub(height));
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
    use ratatui::style::Modifier;

    use super::*;

    #[test]
    fn matched_letters_are_underlined_and_one_that_was_cut_away_underlines_the_ellipsis() {
        let theme = crate::theme::load("mono", None, crate::theme::ColorDepth::Mono).unwrap();
        let shown = |cut, places: &[usize]| {
            let mut pieces = Pieces::new(&theme);
            pieces.push_matched("abcdef", cut, places, |_| Role::Text);
            let underlined = |span: &Span<'_>| span.style.add_modifier.contains(Modifier::UNDERLINED);
            let spans = pieces.line().0.spans.into_iter();
            spans
                .map(|span| if underlined(&span) { format!("[{}]", span.content) } else { span.content.into() })
                .collect()
        };
        let shown = |cut, places| -> String { shown(cut, places) };
        assert_eq!(shown(None, &[0, 1, 4]), "[ab]cd[e]f");
        assert_eq!(shown(Some(2..4), &[0, 3]), "[a]b[…]ef");
        assert_eq!(shown(Some(2..6), &[]), "ab…");
        assert_eq!(shown(Some(0..0), &[5]), "abcde[f]");
    }

    #[test]
    fn scrolling_moves_as_little_as_possible() {
        assert_eq!(scroll(0, 5, 10, 30), 0);
        assert_eq!(scroll(0, 10, 10, 30), 1);
        assert_eq!(scroll(7, 3, 10, 30), 3);
        assert_eq!(scroll(7, 3, 0, 30), 3);
        assert_eq!(scroll(90, 59, 20, 60), 40, "a filter has left fewer");
        assert_eq!(scroll(2_980, 0, 20, 1), 0);
    }
}
