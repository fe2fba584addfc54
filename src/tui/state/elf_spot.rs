//! Where the ELF tab is: the selected line and the first one shown.

/// A line of the tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ElfSpot {
    /// The part, from 0.
    pub part: usize,
    /// The line of the part, from 0.
    pub line: usize,
}

/// Where the tab is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ElfPage {
    /// Columns that the lines are laid out for; set by whoever draws.
    pub width: usize,
    /// The selected line.
    pub selected: ElfSpot,
    /// The first line shown.
    pub top: ElfSpot,
    /// Whether the selected line was jumped to, so that what leads up to it is to be shown as well.
    pub(super) jumped: bool,
}

impl Default for ElfPage {
    fn default() -> Self {
        Self { width: 80, selected: ElfSpot::default(), top: ElfSpot::default(), jumped: false }
    }
}
