//! What goes out: one format a file. Everything printed is safe for a terminal.

pub mod csv;
pub mod decided;
pub mod inspect;
pub mod json;
pub mod kql;
pub mod loki;
pub mod markdown;
pub mod ndjson;
pub mod outgoing;
pub mod sarif;
pub mod text;
pub mod watchlist;

use crate::finding::Finding;
use crate::hunt::Rule;
use crate::scan::Reading;
use crate::session::{Excluded, Judged};

/// A finding or candidate with all that is said about it.
#[derive(Debug, Clone, Copy)]
pub struct Reported<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// Facts and matches.
    pub finding: &'a Finding,
    /// What it has come to.
    pub judged: &'a Judged,
    /// The exclusion that covers it.
    pub exclusion: Option<&'a Excluded>,
}

/// What findings have come to, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Nothing decided yet.
    pub open: u64,
    /// An exclusion covers it.
    pub benign: u64,
    /// Every scenario ruled out.
    pub suspicious: u64,
    /// Said to be malicious, or a known sample.
    pub malicious: u64,
    /// Candidates, whatever became of them.
    pub candidates: u64,
    /// Decided on and not met by the scan; not counted among the others.
    pub gone: u64,
}

impl Tally {
    /// Counts one more.
    pub fn add(&mut self, judged: &Judged) {
        use crate::triage::Verdict;
        *match judged.verdict {
            _ if judged.gone.is_some() => &mut self.gone,
            _ if judged.subject.candidate => &mut self.candidates,
            Verdict::Open => &mut self.open,
            Verdict::Benign => &mut self.benign,
            Verdict::Suspicious => &mut self.suspicious,
            Verdict::Malicious => &mut self.malicious,
        } += 1;
    }

    /// Findings that no exclusion covers; candidates are none.
    pub fn standing(&self) -> u64 {
        self.open + self.suspicious + self.malicious
    }

    /// All findings, candidates not counted.
    pub fn findings(&self) -> u64 {
        self.standing() + self.benign
    }
}

/// The end of a scan.
#[derive(Debug, Clone)]
pub struct Summary {
    /// What the findings have come to.
    pub tally: Tally,
    /// The gauges at the end.
    pub reading: Reading,
    /// Whether the scan went through the whole tree.
    pub complete: bool,
    /// Number and hash of the journal's last entry.
    pub head: Option<(i64, String)>,
    /// Where the case is, safe text.
    pub case: String,
}
