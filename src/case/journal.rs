//! The journal: who decided what, when and why. Entries are added, never changed, and chained by their hashes.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{FindingId, ScanId, Seq};
use crate::finding::{Digest, Sha256};
use crate::text;
use crate::triage::{Actor, Answer};

/// Who acts, on which host, when; it goes into every entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// Who acts.
    pub actor: Actor,
    /// The name of the host that Huntbook runs on, which need not be the box that was scanned.
    pub host: String,
    /// When.
    pub at: Timestamp,
}

/// What an entry says. Stored as its kind and, in JSON, its payload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum JournalEvent {
    /// Somebody decided something; it can be undone.
    Decided(Decision),
    /// Something happened.
    Happened(Record),
}

/// A decision about one or more findings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "payload", rename_all = "kebab-case")]
pub enum Decision {
    /// The responder's word on one scenario.
    Answered {
        /// The scenario's id in its hunt.
        scenario: String,
        /// The word.
        answer: Answer,
        /// Why, in the responder's words.
        note: Option<String>,
    },
    /// A remark.
    Note {
        /// The remark.
        note: String,
    },
    /// Tags were put on, or taken off.
    Tagged {
        /// Put on, without `#`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        add: Vec<String>,
        /// Taken off.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        remove: Vec<String>,
    },
    /// The responder says that the finding is malicious.
    MarkedMalicious {
        /// Why; required.
        reason: String,
    },
    /// An exclusion that covers the finding went into the register.
    ExclusionRecorded {
        /// The exclusion's id in the register.
        exclusion: String,
        /// What the exclusion says, and the evidence that was seen.
        summary: Value,
    },
    /// An exclusion was revoked in the register.
    ExclusionRevoked {
        /// The exclusion's id in the register.
        exclusion: String,
        /// Why; required.
        reason: String,
    },
}

/// Something that happened and cannot be undone, or the undoing itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "payload", rename_all = "kebab-case")]
pub enum Record {
    /// The case was opened for writing.
    CaseOpened {
        /// The id the case was given when it was created.
        case: String,
        /// The program and its version.
        program: String,
        /// Whether its write-ahead log was missing then, and with it, perhaps, what was recorded last.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        log_missing: bool,
    },
    /// A case of an older format was brought up to date; what no entry before vouches for is written down as it was found.
    Upgraded {
        /// The format that this program writes.
        format: i64,
        /// Files and bytes of scans whose end does not name them.
        scans: Vec<ScanTotals>,
    },
    /// Facts about the box that was scanned were recorded.
    HostRecorded {
        /// All of them, by name.
        facts: BTreeMap<String, String>,
    },
    /// The register was looked up and says something else of findings than before.
    RegisterApplied {
        /// What it says now.
        covers: Vec<Covered>,
    },
    /// What an exclusion of the register that covers findings of this case says, so that the case can be read without the
    /// register. Recorded once, and again when the words change.
    ExclusionMet {
        /// The exclusion's id in the register.
        exclusion: String,
        /// Its words.
        words: Value,
    },
    /// A scan began.
    ScanStarted {
        /// The scan.
        scan: ScanId,
        /// The tree it walks.
        tree: PathText,
        /// The options it was started with.
        options: Value,
        /// Digest over all its rules.
        rules: Sha256,
    },
    /// A scan came to its end.
    ScanEnded {
        /// The scan.
        scan: ScanId,
        /// How it ended, as `ScanOutcome` prints it.
        outcome: String,
        /// Files scanned; missing where an older Huntbook wrote it, as is `bytes`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        files: Option<u64>,
        /// Bytes in those files.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
        /// Findings seen.
        findings: u64,
        /// Things in the tree that were not scanned.
        not_scanned: u64,
        /// Folders listed; missing where an older Huntbook wrote it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        folders: Option<u64>,
        /// Links met and not followed; missing where an older Huntbook wrote it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        links: Option<u64>,
        /// Members of archives scanned; missing where an older Huntbook wrote it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        members: Option<u64>,
        /// Parts of processes scanned; missing where an older Huntbook wrote it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        processes: Option<u64>,
        /// Digest over the rules, every finding with its matches and bytes, and coverage.
        digest: Sha256,
    },
    /// The box was asked about the findings of a scan, and what it said is in the case.
    EvidenceGathered {
        /// The scan.
        scan: ScanId,
        /// Findings that it was to be asked about.
        asked: u64,
        /// Findings that it answered about.
        gathered: u64,
        /// Why not about all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cut: Option<String>,
        /// Digest over all that it said.
        digest: Sha256,
    },
    /// What the group decided was decided in several cases at once, and is taken back in all of them.
    ActOverCases {
        /// The act's id, the same in all of them.
        act: String,
        /// How many cases it touches.
        cases: u64,
    },
    /// All entries of a group are not in force any more; or, if they are themselves of this kind, in force again.
    Undone {
        /// The group, by its first entry.
        group: Seq,
    },
}

/// An act over several cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// Its id, the same in all of them.
    pub id: String,
    /// How many cases it touches.
    pub cases: u64,
}

/// What an ended scan has gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanTotals {
    /// The scan.
    pub scan: ScanId,
    /// Files scanned.
    pub files: u64,
    /// Bytes in those files.
    pub bytes: u64,
}

/// Findings of which the register says the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covered {
    /// What it says; `None` when no exclusion covers them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cover: Option<Cover>,
    /// The findings.
    pub findings: Vec<FindingId>,
}

impl JournalEvent {
    /// What the entry is about besides its finding: the scenario, exclusion, scan or group.
    pub(super) fn about(&self) -> Option<String> {
        match self {
            Self::Decided(Decision::Answered { scenario, .. }) => Some(scenario.clone()),
            Self::Decided(
                Decision::ExclusionRecorded { exclusion, .. } | Decision::ExclusionRevoked { exclusion, .. },
            )
            | Self::Happened(Record::ExclusionMet { exclusion, .. }) => Some(exclusion.clone()),
            Self::Happened(
                Record::ScanStarted { scan, .. }
                | Record::ScanEnded { scan, .. }
                | Record::EvidenceGathered { scan, .. },
            ) => Some(scan.to_string()),
            Self::Happened(Record::Undone { group }) => Some(group.to_string()),
            Self::Happened(Record::ActOverCases { act, .. }) => Some(act.clone()),
            Self::Decided(Decision::Note { .. } | Decision::Tagged { .. } | Decision::MarkedMalicious { .. })
            | Self::Happened(
                Record::CaseOpened { .. }
                | Record::Upgraded { .. }
                | Record::HostRecorded { .. }
                | Record::RegisterApplied { .. },
            ) => None,
        }
    }
}

/// A path in JSON: readable, and exact in hex where it is not UTF-8 or has characters that are shown escaped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathText {
    /// The path, escaped for display.
    pub path: String,
    /// The raw bytes in hex, when `path` is not the path itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_hex: Option<String>,
}

impl From<&Path> for PathText {
    fn from(path: &Path) -> Self {
        let bytes = path.as_os_str().as_bytes();
        let inside = text::subject::is_inside(path);
        let shown = if inside { text::escape_path(path) } else { text::escape(bytes) }.into_owned();
        let path_hex = (shown.as_bytes() != bytes).then(|| text::hex(bytes));
        Self { path: shown, path_hex }
    }
}

/// The finding that an entry is about, as it was at that moment; the entry can be read without the other tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalSubject {
    /// The rule's namespace.
    pub namespace: String,
    /// The rule's name.
    pub rule: String,
    /// Digest of the rule's source.
    pub rule_digest: Sha256,
    /// The file's path.
    #[serde(flatten)]
    pub path: PathText,
    /// Digest of the file's content, under the key of its kind.
    #[serde(flatten)]
    pub digest: Digest,
}

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalEntry {
    /// Its place.
    pub seq: Seq,
    /// The first entry of those that were recorded together and are undone together.
    pub group: Seq,
    /// When it was recorded.
    pub at: Timestamp,
    /// Who acted.
    pub actor: Actor,
    /// The host that Huntbook ran on.
    pub host: String,
    /// What it says.
    pub event: JournalEvent,
    /// The finding it is about, and what that was then.
    pub finding: Option<(FindingId, JournalSubject)>,
    /// Whether it has been undone.
    pub undone: bool,
    /// Its hash.
    pub hash: Sha256,
}

/// What the register says of a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cover {
    /// The id of the exclusion that covers the finding, or did.
    pub exclusion: String,
    /// Why it does not any more (expired, content changed, rule changed); `None` while it is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lapsed: Option<String>,
}

/// `covers` with the findings that have the same one together.
pub(super) fn by_cover(covers: Vec<(FindingId, Option<Cover>)>) -> Vec<Covered> {
    let mut together: BTreeMap<Option<Cover>, Vec<FindingId>> = BTreeMap::new();
    for (finding, cover) in covers {
        together.entry(cover).or_default().push(finding);
    }
    together.into_iter().map(|(cover, findings)| Covered { cover, findings }).collect()
}

/// The last entry's place and hash. To one who kept it, it proves that nothing before it was changed or removed.
///
/// Written `SEQ:HASH`, the hash in 64 hex digits; `0:000…` for a journal without entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The entry's place; 0 for a journal without entries.
    pub seq: Seq,
    /// The entry's hash; zeros for a journal without entries.
    pub hash: Sha256,
}

impl Head {
    pub(super) const START: Self = Self { seq: Seq(0), hash: Sha256([0; 32]) };
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

impl std::str::FromStr for Head {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        let wrong = || format!("a journal head is NUMBER:SHA256, this is not: {}", text::escape_str(written));
        let (seq, hash) = written.split_once(':').ok_or_else(wrong)?;
        Ok(Self { seq: Seq(seq.parse().map_err(|_| wrong())?), hash: hash.parse().map_err(|_| wrong())? })
    }
}
