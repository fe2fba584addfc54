//! Lines that are kept as pieces with their roles.

use crate::explain::ConditionPart;
use crate::theme::Theme;
use crate::tui::state::elf_rows::{self, RowPieces};
use crate::tui::widget::paint::{self, StyledLine};

/// A line as it is painted.
pub(super) fn line(theme: &Theme, pieces: RowPieces) -> StyledLine {
    let mut line = paint::Pieces::new(theme);
    for (role, piece) in pieces {
        line.push(role, piece);
    }
    line.line()
}

/// The lines of a condition, `width` columns wide.
pub(super) fn condition(theme: &Theme, part: &ConditionPart, width: usize) -> Vec<StyledLine> {
    elf_rows::condition(part, width).into_iter().map(|pieces| line(theme, pieces)).collect()
}
