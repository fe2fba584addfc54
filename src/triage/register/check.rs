//! What is wrong with a register's entries: the review that `huntbook exclusions check` prints.

use std::collections::HashMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::finding::Sha256;

use super::super::exclusion::{Exclusion, MAX_DAYS};
use super::super::folders::{Folders, ScopeRefusal};
use super::super::matched_file::MatchedFile;
use super::super::matching::Exclusions;
use super::super::scope::{Scope, ScopeKind};
use super::entry::RegisterEntry;

/// Tells a rule's digest by its name and the digest that an exclusion was made for, which it is if a rule of that name has
/// it; `None` for a rule that is not loaded.
pub(crate) type RuleDigests<'a> = &'a dyn Fn(&str, &Sha256) -> Option<Sha256>;

/// Something about one entry that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterFinding {
    /// Line of the entry, from 1; of what is wrong in it, where that is known.
    pub line: usize,
    /// The entry's id, if it can be read.
    pub id: Option<Uuid>,
    /// What it is.
    pub problem: RegisterProblem,
}

/// What can be wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegisterProblem {
    /// It is not understood and never excludes.
    Doubtful(String),
    /// It was taken back; kept for the record, and nothing to repair.
    Revoked,
    /// It has run out.
    Expired(Timestamp),
    /// The rule is another by now.
    RuleChanged,
    /// The folder is too broad, or others can write to it.
    OverBroad(ScopeRefusal),
    /// It is in force, for longer than the form of the screen lets one be recorded.
    LongLived(Timestamp),
    /// The entry in this line covers just the same, for as long.
    Redundant(usize),
    /// A broader entry, in this line, covers everything that it covers, for as long.
    Shadowed(usize),
}

impl RegisterProblem {
    /// Whether there is something to repair; a revoked entry is as it should be.
    pub fn is_fault(&self) -> bool {
        !matches!(self, Self::Revoked)
    }
}

impl fmt::Display for RegisterProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Doubtful(cause) => write!(f, "doubtful, it excludes nothing: {cause}"),
            Self::Revoked => f.write_str("revoked"),
            Self::Expired(when) => write!(f, "expired at {when}"),
            Self::RuleChanged => f.write_str("stale: the rule has changed since"),
            Self::OverBroad(refusal) => write!(f, "over-broad, it excludes nothing: {refusal}"),
            Self::LongLived(until) => write!(f, "in force until {until}: longer than {MAX_DAYS} days from its making"),
            Self::Redundant(line) => write!(f, "redundant: line {line} covers the same"),
            Self::Shadowed(line) => write!(f, "shadowed: line {line} covers this and more"),
        }
    }
}

/// One finding an entry at most, the gravest.
pub(super) fn check(
    entries: &[RegisterEntry],
    now: Timestamp,
    folders: &dyn Folders,
    rules: RuleDigests<'_>,
) -> Vec<RegisterFinding> {
    let others = Others::of(entries, now, folders);
    let look = |entry: &RegisterEntry| -> Option<RegisterFinding> {
        let (line, problem) = match &entry.content {
            Err(doubt) => (doubt.line, RegisterProblem::Doubtful(doubt.cause.clone())),
            Ok(exclusion) => (entry.line, alone(exclusion, now, folders, rules).or_else(|| others.beside(exclusion))?),
        };
        Some(RegisterFinding { line, id: entry.id(), problem })
    };
    entries.iter().filter_map(look).collect()
}

/// What is wrong with an exclusion whatever else is in the register.
fn alone(
    exclusion: &Exclusion,
    now: Timestamp,
    folders: &dyn Folders,
    rules: RuleDigests<'_>,
) -> Option<RegisterProblem> {
    if exclusion.revoked.is_some() {
        return Some(RegisterProblem::Revoked);
    }
    if exclusion.is_expired(now) {
        return Some(RegisterProblem::Expired(exclusion.expires));
    }
    if rules(&exclusion.rule, &exclusion.rule_digest).is_some_and(|digest| digest != exclusion.rule_digest) {
        return Some(RegisterProblem::RuleChanged);
    }
    if let Err(refusal) = exclusion.scope.allowed(folders) {
        return Some(RegisterProblem::OverBroad(refusal));
    }
    let most = SignedDuration::from_hours(24 * MAX_DAYS);
    (exclusion.expires.duration_since(exclusion.created) > most)
        .then_some(RegisterProblem::LongLived(exclusion.expires))
}

/// The exclusions of the register, to hold one of them against all others.
struct Others {
    all: Exclusions,
    lines: HashMap<Uuid, usize>,
    now: Timestamp,
}

impl Others {
    fn of(entries: &[RegisterEntry], now: Timestamp, folders: &dyn Folders) -> Self {
        let lines = entries.iter().filter_map(|entry| Some((entry.id()?, entry.line))).collect();
        Self { all: Exclusions::index(entries.iter().cloned(), folders), lines, now }
    }

    fn beside(&self, exclusion: &Exclusion) -> Option<RegisterProblem> {
        let hit = stand_in(exclusion);
        let covering = self.all.covering(&hit, self.now);
        let others = || covering.iter().filter(|other| other.id != exclusion.id);
        let line = |other: &Exclusion| self.lines.get(&other.id).copied();
        let same = |other: &Exclusion| other.scope == exclusion.scope && other.boxes == exclusion.boxes;
        let twin = others().find(|other| same(other) && outlasts(other, exclusion, line));
        if let Some(twin) = twin {
            return line(twin).map(RegisterProblem::Redundant);
        }
        let wider = |other: &Exclusion| {
            let of_scope = other.scope == exclusion.scope || encloses(&other.scope, &exclusion.scope);
            of_scope && !same(other) && counts_wherever(other, exclusion)
        };
        let broader = others().find(|other| wider(other) && other.expires >= exclusion.expires);
        broader.and_then(|broader| line(broader)).map(RegisterProblem::Shadowed)
    }
}

/// Of two that cover the same, the one that lasts longer is kept; of two that last as long, the first.
fn outlasts(other: &Exclusion, exclusion: &Exclusion, line: impl Fn(&Exclusion) -> Option<usize>) -> bool {
    (other.expires, line(exclusion)) > (exclusion.expires, line(other))
}

/// Whether an exclusion counts on every box on which another does.
fn counts_wherever(other: &Exclusion, exclusion: &Exclusion) -> bool {
    let all_of = || exclusion.boxes.iter().all(|one| other.boxes.contains(one));
    other.boxes.is_empty() || (!exclusion.boxes.is_empty() && all_of())
}

/// A hit that the exclusion covers: the one it was made for, with the owner its scope asks for.
fn stand_in(exclusion: &Exclusion) -> MatchedFile<'_> {
    let owner = match &exclusion.scope {
        Scope::Path { owner, .. } | Scope::Folder { owner, .. } => owner,
        Scope::FileAsIs { .. } | Scope::Content { .. } => &exclusion.seen.owner,
    };
    let path = match &exclusion.scope {
        Scope::FileAsIs { path, .. } | Scope::Path { path, .. } => path,
        Scope::Content { .. } | Scope::Folder { .. } => &exclusion.seen.path,
    };
    MatchedFile {
        rule: &exclusion.rule,
        rule_digest: &exclusion.rule_digest,
        path,
        digest: &exclusion.seen.digest,
        uid: owner.uid,
        owner: owner.name.as_deref(),
        known_sample: exclusion.known_sample,
    }
}

/// Whether a scope that covers the stand-in of another covers everything of it. Content lies anywhere, so nothing
/// encloses it; what covers a file of a path must be a folder to cover the path.
fn encloses(broad: &Scope, narrow: &Scope) -> bool {
    match (broad, narrow) {
        (Scope::Folder { folder: above, .. }, Scope::Folder { folder: below, .. }) => {
            above != below && below.starts_with(above)
        }
        (broad, narrow) => broad.kind() > narrow.kind() && narrow.kind() != ScopeKind::Content,
    }
}
