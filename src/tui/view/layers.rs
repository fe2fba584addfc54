//! What lies over a byte: its kind, structures, patterns, what is pointed to, searched and selected.

use std::ops::Range;

use ratatui::style::Style;

use super::structure::Faces;
use crate::hex::byte::ByteClass;
use crate::hex::highlight::HighlightRun;
use crate::theme::{Role, Theme};
use crate::tui::state::bytes::HexView;

/// All that may lie over a byte.
pub(super) struct Layers<'a> {
    /// The colours.
    pub theme: &'a Theme,
    /// The bytes.
    pub hex: &'a HexView,
    /// What of those in view is covered by which patterns.
    pub runs: &'a [HighlightRun],
    /// The structures over them.
    pub faces: Option<&'a Faces>,
}

impl Layers<'_> {
    /// What lies over a byte, the topmost last: its kind, structure, field, patterns, pointed range, search, selection.
    pub(super) fn style(&self, at: u64, byte: Option<u8>) -> Style {
        self.over(at, self.theme.style(kind_role(byte)))
    }

    /// What lies over a byte that has this style of its own.
    pub(super) fn over(&self, at: u64, own: Style) -> Style {
        let Self { theme, hex, .. } = self;
        let run = run_at(self.runs, at);
        let mut style = own;
        if let Some(faces) = self.faces.filter(|_| run.is_none()) {
            style = faces.role(at).map_or(style, |role| theme.style(role));
            if faces.is_here(at) {
                style = style.patch(theme.style(Role::Range));
            }
        }
        let within = |range: &Range<u64>| range.contains(&at);
        if let Some(run) = run {
            // Where patterns overlap, the bytes take turns, so that both show.
            let turn = run.patterns.get(at as usize % run.patterns.len().max(1));
            style = turn.map_or(style, |pattern| theme.style(Role::pattern(*pattern)));
        }
        let current = hex.current.filter(|found| run.is_some_and(|run| run.patterns.contains(&found.pattern)));
        if current.map(|found| found.offset..found.end()).as_ref().is_some_and(within) {
            style = style.patch(theme.style(Role::MatchCurrent));
        }
        if hex.pointed.as_ref().is_some_and(within) {
            style = style.patch(theme.style(Role::Range));
        }
        let hit = hex.sought.as_ref().and_then(|sought| sought.hit).map(|hit| hit.offset..hit.offset + hit.length);
        if hit.as_ref().is_some_and(within) {
            style = style.patch(theme.style(Role::Search));
        }
        if hex.selection().as_ref().is_some_and(within) {
            style = style.patch(theme.style(Role::Selected));
        }
        style
    }
}

fn kind_role(byte: Option<u8>) -> Role {
    match ByteClass::of(byte) {
        ByteClass::Unknown => Role::Dim,
        ByteClass::Null => Role::ByteZero,
        ByteClass::Printable => Role::BytePrintable,
        ByteClass::Space => Role::ByteSpace,
        ByteClass::Control => Role::ByteControl,
        ByteClass::High => Role::ByteHigh,
    }
}

fn run_at(runs: &[HighlightRun], at: u64) -> Option<&HighlightRun> {
    let index = runs.partition_point(|run| run.range.end <= at);
    runs.get(index).filter(|run| run.range.contains(&at))
}
