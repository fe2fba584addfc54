//! What goes out: one format a file. Everything printed is safe for a terminal.

mod case_report;
pub(crate) mod csv;
pub(crate) mod decided;
pub(crate) mod hunting;
pub(crate) mod inspect;
pub(crate) mod json;
pub(crate) mod kql;
pub(crate) mod loki;
pub(crate) mod many;
pub(crate) mod ndjson;
pub(crate) mod origin;
pub(crate) mod outgoing;
pub(crate) mod sarif;
pub(crate) mod sentinel;
mod stix;
pub(crate) mod text;
pub(crate) mod timesketch;
pub(crate) mod watchlist;
pub(crate) mod whole;
mod writing;

use std::time::Duration;

use crate::case::{Annotations, Case, CaseError, EvidenceEnd, Head, JournalEntry, JournalEvent, ScanRow};
use crate::finding::Finding;
use crate::hunt::Rule;
use crate::scan::{UNUSED_RULE, is_gap_kind};
use crate::session::{Excluded, FindingStatus, HuntWords, ScenarioStatus};

pub(crate) use whole::{ReportFormat, ReportSource};

/// A finding or candidate with all that is said about it.
#[derive(Debug, Clone, Copy)]
pub struct Reported<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// What its hunt says beside it.
    pub hunt: &'a HuntWords,
    /// Facts and matches.
    pub finding: &'a Finding,
    /// What it has come to.
    pub judged: &'a FindingStatus,
    /// The exclusion that covers it.
    pub exclusion: Option<&'a Excluded>,
    /// Its scenarios with what the box said and what was answered; empty for a format that does not tell them.
    pub scenarios: &'a [ScenarioStatus],
    /// Everything that was decided about it, oldest first; empty where that is not at hand.
    pub history: &'a [JournalEntry],
}

impl Reported<'_> {
    /// Notes and tags in force.
    pub(crate) fn written(&self) -> Annotations {
        let mut written = Annotations::default();
        for entry in self.history.iter().filter(|entry| !entry.undone) {
            if let JournalEvent::Decided(decision) = &entry.event {
                written.apply(decision);
            }
        }
        written
    }
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
    pub fn add(&mut self, judged: &FindingStatus) {
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

    /// How many stand how, in words.
    pub fn words(&self) -> String {
        let Self { open, suspicious, malicious, benign, candidates, .. } = self;
        let candidates = crate::text::counted(*candidates, "candidate");
        let [open, suspicious, malicious, benign] =
            [open, suspicious, malicious, benign].map(|n| crate::text::count(*n));
        format!("{open} open, {suspicious} suspicious, {malicious} malicious, {benign} excluded, {candidates}")
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

/// What a scan went through; `None` where a case does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files scanned.
    pub files: Option<u64>,
    /// Bytes in those files.
    pub bytes: Option<u64>,
    /// Folders listed.
    pub folders: Option<u64>,
    /// Links not followed.
    pub links: Option<u64>,
    /// Members of archives scanned.
    pub members: Option<u64>,
    /// Parts of processes scanned.
    pub processes: Option<u64>,
    /// Everything that was not scanned.
    pub not_scanned: u64,
    /// What of that could hold something that was not seen.
    pub gaps: u64,
    /// What of that are rules and rule files that could not be used.
    pub unused_rules: u64,
    /// How long it took.
    pub elapsed: Option<Duration>,
}

impl Totals {
    /// Of the last scan of a case.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn of_case(case: &Case, scan: &ScanRow) -> Result<Self, CaseError> {
        let counts = case.coverage_counts(scan.id)?;
        let gaps = counts.iter().filter(|(kind, _)| is_gap_kind(kind)).map(|(_, count)| count).sum();
        let unused_rules = counts.iter().filter(|(kind, _)| kind == UNUSED_RULE).map(|(_, count)| count).sum();
        let missed = Self { not_scanned: scan.not_scanned, gaps, unused_rules, ..Self::default() };
        let Some((at, end)) = &scan.ended else { return Ok(missed) };
        Ok(Self {
            files: Some(end.files),
            bytes: Some(end.bytes),
            folders: end.folders,
            links: end.links,
            members: end.members,
            processes: end.processes,
            elapsed: Some(at.duration_since(scan.started).unsigned_abs()),
            ..missed
        })
    }

    /// How much was not scanned, and how much of that are gaps.
    pub fn missed(&self) -> String {
        missed(self.not_scanned, self.gaps)
    }
}

/// What is said of something in coverage, by the short name of the reason, before its path.
pub(crate) fn missed_word(reason: &str) -> &'static str {
    if reason == UNUSED_RULE { "not used" } else { "not scanned" }
}

/// `3 not scanned, 1 gap`: how much was not scanned, whatever the reason, and what of it could hold something unseen.
pub(crate) fn missed(not_scanned: u64, gaps: u64) -> String {
    match (not_scanned, gaps) {
        (0, _) => "0 not scanned".to_owned(),
        (_, 0) => format!("{} not scanned, no gap", crate::text::count(not_scanned)),
        _ => format!("{} not scanned, {}", crate::text::count(not_scanned), crate::text::counted(gaps, "gap")),
    }
}

/// How far the box was asked, in a line of safe text.
pub(crate) fn asked(end: &EvidenceEnd) -> String {
    let EvidenceEnd { asked, gathered, cut } = end;
    let about = format!("the box was asked about {}", crate::text::counted(*asked, "finding"));
    match cut {
        None if asked == gathered => about,
        cut => {
            let why = crate::text::escape_str(cut.as_deref().unwrap_or("it did not answer"));
            format!("{about} and answered about {}: {why}", crate::text::count(*gathered))
        }
    }
}

/// The end of a scan.
#[derive(Debug, Clone)]
pub struct Summary {
    /// What the findings have come to.
    pub tally: Tally,
    /// What the scan went through.
    pub totals: Totals,
    /// The journal's last entry.
    pub head: Head,
    /// How far the box was asked about findings, if it was.
    pub evidence: Option<EvidenceEnd>,
    /// Why the case on disk lacks some or all of it, if it does.
    pub unsaved: Option<String>,
}
