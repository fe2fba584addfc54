//! The faces of bytes, and the place in that of text.

use crate::hex::encoding::Encoding;
use crate::hex::layout::Motion;
use crate::hex::rows::LOOK_BACK;

/// How the bytes are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Face {
    /// Offsets, digits and characters.
    #[default]
    Hex,
    /// Lines of text.
    Text,
    /// The printable texts in them.
    Strings,
}

impl Face {
    /// The next one, round and round.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Hex => Self::Text,
            Self::Text => Self::Strings,
            Self::Strings => Self::Hex,
        }
    }

    /// What to call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hex => "Hex",
            Self::Text => "Text",
            Self::Strings => "Strings",
        }
    }
}

/// The place in the text.
#[derive(Debug, Default)]
pub struct TextFace {
    /// How the bytes are read.
    pub encoding: Encoding,
    /// Offset of the first row in view.
    pub top: u64,
    /// Columns of the area, the numbers of lines included.
    pub(super) columns: usize,
    /// Lines of the area.
    pub(super) height: usize,
    /// The column that the cursor keeps from row to row.
    pub(super) goal: Option<usize>,
    /// What was asked for before its bytes were there.
    pub(super) pending: Vec<Motion>,
}

impl TextFace {
    /// Bytes that one screen of text takes, about.
    pub(super) fn page(&self) -> u64 {
        (self.height * self.columns * 2).clamp(4096, 256 * 1024) as u64
    }

    /// Bytes before the cursor that must be at hand.
    pub(super) fn look_back(&self) -> u64 {
        LOOK_BACK + self.page()
    }
}
