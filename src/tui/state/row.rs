//! One finding as the list holds it, what lists are sorted by, and what findings have come to, counted.

use std::cmp::{Ordering, Reverse};
use std::path::PathBuf;

use crate::case::FindingId;
use crate::finding::{FileTime, Sha256};
use crate::triage::Verdict;

/// One line of the list: what must be at hand for every finding, however many there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The finding's number in the case.
    pub id: FindingId,
    /// Index of its hunt.
    pub hunt: usize,
    /// The file, raw.
    pub path: PathBuf,
    /// Size of the file in bytes.
    pub size: u64,
    /// Last change of the file's content.
    pub modified: FileTime,
    /// SHA-256 of the file.
    pub sha256: Sha256,
    /// Places where a pattern matched.
    pub matches: usize,
    /// Whether it is a candidate: no rule matched.
    pub candidate: bool,
    /// What it has come to.
    pub verdict: Verdict,
    /// Why it came back though an exclusion once covered it, in words.
    pub returned: Option<String>,
}

impl Row {
    /// Findings that need a decision come first, and those that came back before the others.
    fn rank(&self) -> u8 {
        match (self.verdict, self.returned.is_some(), self.candidate) {
            (Verdict::Malicious, ..) => 1,
            (Verdict::Suspicious, ..) => 3,
            (Verdict::Benign, ..) => 5,
            (Verdict::Open, true, _) => 0,
            (Verdict::Open, false, false) => 2,
            (Verdict::Open, false, true) => 4,
        }
    }

    /// Whether somebody still has to decide.
    pub fn is_open(&self) -> bool {
        self.verdict == Verdict::Open
    }
}

/// What the list is sorted by; the path decides between equals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// What needs a decision first.
    #[default]
    State,
    /// Path.
    Path,
    /// Largest file first.
    Size,
    /// Newest file first.
    Modified,
}

impl Sort {
    /// The next one, round and round.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::State => Self::Path,
            Self::Path => Self::Size,
            Self::Size => Self::Modified,
            Self::Modified => Self::State,
        }
    }

    /// What to call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Path => "path",
            Self::Size => "size",
            Self::Modified => "time",
        }
    }

    /// What decides before the path does; the path decides between equals.
    pub(super) fn key(self, row: &Row) -> (u8, Reverse<u64>, Reverse<FileTime>) {
        const LAST: FileTime = FileTime { seconds: 0, nanos: 0 };
        match self {
            Self::State => (row.rank(), Reverse(0), Reverse(LAST)),
            Self::Path => (0, Reverse(0), Reverse(LAST)),
            Self::Size => (0, Reverse(row.size), Reverse(LAST)),
            Self::Modified => (0, Reverse(0), Reverse(row.modified)),
        }
    }

    /// The order of two rows in the list.
    pub(super) fn compare(self, a: &Row, b: &Row) -> Ordering {
        self.key(a).cmp(&self.key(b)).then_with(|| by_path(a, b))
    }
}

/// How many findings of a hunt have come to what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Nothing decided; candidates not counted.
    pub open: usize,
    /// Covered by an exclusion.
    pub benign: usize,
    /// Every scenario ruled out.
    pub suspicious: usize,
    /// Said to be malicious, or a known sample.
    pub malicious: usize,
    /// Candidates nothing is decided on.
    pub candidates: usize,
}

impl Counts {
    /// All of them.
    pub fn all(&self) -> usize {
        self.open + self.benign + self.suspicious + self.malicious + self.candidates
    }

    pub(super) fn slot(&mut self, row: &Row) -> &mut usize {
        match row.verdict {
            Verdict::Open if row.candidate => &mut self.candidates,
            Verdict::Open => &mut self.open,
            Verdict::Benign => &mut self.benign,
            Verdict::Suspicious => &mut self.suspicious,
            Verdict::Malicious => &mut self.malicious,
        }
    }
}

/// The order of two rows by path; the hunt decides between two findings in one file.
pub(super) fn by_path(a: &Row, b: &Row) -> Ordering {
    a.path.cmp(&b.path).then(a.hunt.cmp(&b.hunt)).then(a.candidate.cmp(&b.candidate))
}
