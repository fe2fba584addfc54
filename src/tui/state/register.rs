//! The register screen: every exclusion, in force or not, and how often it was hit.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use uuid::Uuid;

use super::findings::below;
use crate::text;
use crate::text::fuzzy::FuzzyPattern;
use crate::triage::register::RegisterEntry;

/// How an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum EntryState {
    /// It cannot be understood and excludes nothing.
    Doubtful,
    /// It has run out.
    Expired,
    /// It counts.
    InForce,
    /// It was taken back.
    Revoked,
}

impl EntryState {
    /// Of an entry at `now`.
    pub(crate) fn of(entry: &RegisterEntry, now: Timestamp) -> Self {
        match &entry.content {
            Err(_) => Self::Doubtful,
            Ok(exclusion) if exclusion.revoked.is_some() => Self::Revoked,
            Ok(exclusion) if exclusion.is_expired(now) => Self::Expired,
            Ok(_) => Self::InForce,
        }
    }

    /// Its sign and its word.
    pub(crate) fn shown(self) -> (char, &'static str) {
        match self {
            Self::Doubtful => ('!', "doubtful"),
            Self::Expired => ('◔', "expired"),
            Self::InForce => ('○', "in force"),
            Self::Revoked => ('✘', "revoked"),
        }
    }
}

/// The entries as they were last read, and the selection.
#[derive(Debug, Default)]
pub struct RegisterView {
    /// Where the register is, safe text.
    pub path: String,
    /// The entries, in the order of the file.
    pub entries: Vec<RegisterEntry>,
    /// Findings of the last scan that each covers.
    pub hits: HashMap<Uuid, u64>,
    /// The tree that is scanned: paths in it are listed as they are seen from there.
    pub tree: PathBuf,
    /// Shows only entries that match this as they are listed.
    pub filter: String,
    /// The selected one of those shown.
    pub place: usize,
    /// The first one shown.
    pub top: usize,
}

impl RegisterView {
    /// The entries that are shown.
    pub fn shown(&self) -> Vec<&RegisterEntry> {
        let pattern = FuzzyPattern::new(&self.filter);
        self.entries.iter().filter(|entry| pattern.is_empty() || pattern.matches(&listed(entry, &self.tree))).collect()
    }

    /// The selected entry.
    pub fn selected(&self) -> Option<&RegisterEntry> {
        self.shown().get(self.place).copied()
    }

    /// Moves the selection.
    pub fn select(&mut self, place: usize) {
        self.place = place.min(self.shown().len().saturating_sub(1));
    }
}

/// What an entry is about in one line, safe text.
pub(crate) fn summary(entry: &RegisterEntry) -> String {
    shown(entry, |path| path)
}

/// The same as the list has it: the paths of this tree as they are seen from it, so that what tells them apart is seen.
pub(crate) fn listed(entry: &RegisterEntry, tree: &Path) -> String {
    shown(entry, |path| below(path, tree))
}

fn shown<'e>(entry: &'e RegisterEntry, seen: impl Fn(&'e Path) -> &'e Path) -> String {
    match &entry.content {
        Ok(exclusion) => format!(
            "{}  {}  {}",
            text::escape_str(&exclusion.rule),
            exclusion.on_its_boxes(exclusion.scope.shown(seen)),
            text::escape_str(&exclusion.reason)
        ),
        Err(doubt) => format!("line {}: {}", doubt.line, doubt.cause),
    }
}
