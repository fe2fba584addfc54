//! When the terminal's bell rings.

use std::collections::BTreeSet;

use super::findings::ListedFinding;
use crate::triage::Verdict;

/// When the bell rings: `bell` of `config.toml`.
///
/// It is silent unless someone asks for it: hunts are run at night and beside other people, and title and taskbar say
/// the same without a sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bell {
    /// Never.
    #[default]
    Never,
    /// When a scan has come to its end.
    Done,
    /// When a hunt finds its first, and at the end: silence means that nothing was found yet.
    Hits,
}

impl Bell {
    /// The words of `config.toml`.
    pub const NAMES: [(&'static str, Self); 3] = [("never", Self::Never), ("done", Self::Done), ("hits", Self::Hits)];
}

/// The bell, and the hunts it has rung for in this scan.
#[derive(Debug, Default)]
pub struct Alarm {
    bell: Bell,
    rung: BTreeSet<usize>,
}

impl Alarm {
    /// One that rings when `bell` says.
    pub fn new(bell: Bell) -> Self {
        Self { bell, rung: BTreeSet::new() }
    }

    /// A new scan has begun.
    pub fn scan_started(&mut self) {
        self.rung.clear();
    }

    /// Whether to ring for findings that have come in: one of them is the first of its hunt that needs a person.
    pub fn found(&mut self, rows: &[ListedFinding]) -> bool {
        if self.bell != Bell::Hits {
            return false;
        }
        let before = self.rung.len();
        let news = rows.iter().filter(|row| row.verdict != Verdict::Benign && !row.candidate);
        self.rung.extend(news.map(|row| row.hunt));
        self.rung.len() > before
    }

    /// Whether to ring for the end of a scan. Who cancels one sits at the screen.
    pub fn ended(&self, cancelled: bool) -> bool {
        self.bell != Bell::Never && !cancelled
    }
}
