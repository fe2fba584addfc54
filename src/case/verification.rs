//! What is found when a case is checked.

use std::fmt;

use super::closing::LOG_MISSING;
use super::{FindingId, Head, ScanId, Seq};

/// How many problems are listed; the rest is counted.
const LISTED: usize = 100;

/// What [`Case::verify`](super::Case::verify) has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Entries in the journal.
    pub entries: u64,
    /// Its last entry.
    pub head: Head,
    /// What is wrong, at most 100 of them; none when the case is whole.
    pub problems: Vec<CaseProblem>,
    /// What nothing in the case vouches for; nothing in a case of this format whose scans have all ended.
    pub unvouched: Vec<Unvouched>,
    /// Problems that are not listed.
    pub more: u64,
}

impl Verification {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.problems.is_empty()
    }

    pub(super) fn add(&mut self, problem: CaseProblem) {
        if self.problems.len() < LISTED {
            self.problems.push(problem);
        } else {
            self.more += 1;
        }
    }
}

/// What a case holds and its journal does not vouch for, though nothing is wrong with that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unvouched {
    /// The case is of an older format, whose journal does not hold this.
    Older(&'static str),
    /// The scan runs, or was stopped before it could write down what it saw.
    Running(ScanId),
    /// The box is being asked about the findings of the scan, or that was broken off.
    Gathering(ScanId),
}

impl fmt::Display for Unvouched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Older(what) => {
                write!(
                    f,
                    "{what}: nothing vouches for that, as an older Huntbook wrote the case; the next scan into it will"
                )
            }
            Self::Gathering(scan) => {
                write!(
                    f,
                    "scan {scan}: asking the box did not come to its end: nothing vouches for what it said till then"
                )
            }
            Self::Running(scan) => {
                write!(
                    f,
                    "scan {scan} has not ended: nothing vouches yet for the findings and coverage that only it saw"
                )
            }
        }
    }
}

/// One thing that is wrong with a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseProblem {
    /// Nothing was ever recorded in it, or all of it was lost.
    Empty,
    /// The write-ahead log is missing, and with it what was recorded last.
    LogMissing,
    /// The write-ahead log was missing when the case was opened and this entry was recorded.
    LogWasMissing(Seq),
    /// The case is another than the one that this entry was recorded in.
    OtherCase(Seq),
    /// The facts about the box are not those in the journal.
    Host,
    /// What the register says of a finding is not what the journal says it says.
    Register(FindingId),
    /// A scan's tree, options, times, outcome, files or bytes are not those in the journal.
    ScanFacts(ScanId),
    /// `SQLite` finds its own structures damaged.
    File(String),
    /// A trigger that keeps the journal append-only is missing or was changed.
    Guard(&'static str),
    /// Entries are missing before this one.
    Gap(Seq),
    /// The entry does not follow the one before it: one of the two was replaced.
    Chain(Seq),
    /// The entry was edited: its hash is not that of its content.
    Edited(Seq),
    /// The entry cannot be understood.
    Unreadable(Seq, String),
    /// The entry names another finding than the one it points to.
    Misdirected(Seq),
    /// The list of what is undone differs from the journal.
    Undone,
    /// The stored answers or standing of a finding differ from the journal.
    Decisions(FindingId),
    /// The stored verdict of a finding is not what its decisions lead to.
    Verdict(FindingId),
    /// A rule was edited.
    Rule(i64),
    /// What was seen of a finding was edited: facts, matches, kept bytes, or which of them were seen last.
    Evidence(FindingId),
    /// What a scan saw is not what the journal says it saw: findings or coverage were added, removed or replaced.
    Scan(ScanId),
    /// What the box said of the findings of a scan is not what the journal says it said.
    BoxEvidence(ScanId),
    /// What the box said of a finding, or of no one finding, was edited.
    BoxEvidencePart(Option<FindingId>),
}

impl fmt::Display for CaseProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there is nothing in its journal: it is empty, or what was recorded is lost"),
            Self::LogMissing => f.write_str(LOG_MISSING),
            Self::LogWasMissing(seq) => write!(
                f,
                "journal entry {seq}: the case had not been closed, and its -wal file was gone: entries before it may be \
                 missing"
            ),
            Self::OtherCase(seq) => write!(f, "journal entry {seq}: it was recorded in another case"),
            Self::Host => f.write_str("the facts about the box are not those in the journal"),
            Self::Register(finding) => {
                write!(f, "finding {finding}: what the register says of it is not what the journal says")
            }
            Self::ScanFacts(scan) => {
                write!(f, "scan {scan}: its tree, options, times, outcome or counts are not those in the journal")
            }
            Self::File(what) => write!(f, "the file is damaged: {what}"),
            Self::Guard(name) => write!(f, "the guard {name} of the journal is missing or was changed"),
            Self::Gap(seq) => write!(f, "journal entry {seq}: entries are missing before it"),
            Self::Chain(seq) => write!(f, "journal entry {seq}: the entry before it is not the one it was chained to"),
            Self::Edited(seq) => write!(f, "journal entry {seq}: it was edited, its hash does not fit"),
            Self::Unreadable(seq, why) => write!(f, "journal entry {seq}: it cannot be understood: {why}"),
            Self::Misdirected(seq) => write!(f, "journal entry {seq}: it names another finding than it points to"),
            Self::Undone => f.write_str("the list of what is undone differs from the journal"),
            Self::Decisions(finding) => write!(f, "finding {finding}: its answers differ from the journal"),
            Self::Verdict(finding) => write!(f, "finding {finding}: its verdict is not what the journal comes to"),
            Self::Rule(row) => write!(f, "rule row {row}: it was edited"),
            Self::Evidence(finding) => write!(f, "finding {finding}: what was seen of it was edited"),
            Self::Scan(scan) => write!(f, "scan {scan}: what it saw is not what the journal says it saw"),
            Self::BoxEvidence(scan) => {
                write!(f, "scan {scan}: what the box said of its findings is not what the journal says it said")
            }
            Self::BoxEvidencePart(Some(finding)) => write!(f, "finding {finding}: what the box said of it was edited"),
            Self::BoxEvidencePart(None) => f.write_str("what the box said was edited"),
        }
    }
}
