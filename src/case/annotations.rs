//! Notes and tags in force: what a responder wrote on findings beside their decisions.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, params};

use super::acts::NOTE_OF_5;
use super::error::CaseOutcome;
use super::{Case, CaseError, CaseErrorKind, Decision, FindingId};
use crate::triage::tag;

/// What is written on one finding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Annotations {
    /// Its tags, without `#`.
    pub tags: BTreeSet<String>,
    /// Its notes, oldest first; raw.
    pub notes: Vec<String>,
}

impl Annotations {
    /// Whether nothing is written on it.
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty() && self.notes.is_empty()
    }

    /// Takes the next decision in force into account.
    pub(crate) fn apply(&mut self, decision: &Decision) {
        match decision {
            // What format 5 knew an act over several cases by is no note of a person.
            Decision::Note { note } if !note.starts_with(NOTE_OF_5) => {
                self.tags.extend(tag::in_note(note));
                self.notes.push(note.clone());
            }
            Decision::Tagged { add, remove } => {
                self.tags.extend(add.iter().filter_map(|typed| tag::parse(typed)));
                self.tags.retain(|tag| !remove.contains(tag));
            }
            _ => {}
        }
    }
}

impl Case {
    /// What is written on each finding that something is written on.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn annotations(&self) -> Result<BTreeMap<FindingId, Annotations>, CaseError> {
        self.read(|db| read(db, None))
    }

    /// What is written on one finding.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn annotations_of(&self, finding: FindingId) -> Result<Annotations, CaseError> {
        self.read(|db| Ok(read(db, Some(finding))?.remove(&finding).unwrap_or_default()))
    }
}

fn read(db: &Connection, finding: Option<FindingId>) -> CaseOutcome<BTreeMap<FindingId, Annotations>> {
    let mut statement = db.prepare_cached(
        "SELECT finding, kind, payload FROM journal
         WHERE kind IN ('note', 'tagged') AND finding IS NOT NULL AND (?1 IS NULL OR finding = ?1)
         AND NOT EXISTS (SELECT 1 FROM undone WHERE undone.grp = journal.grp) ORDER BY seq",
    )?;
    let mut all: BTreeMap<FindingId, Annotations> = BTreeMap::new();
    let mut rows = statement.query(params![finding])?;
    while let Some(row) = rows.next()? {
        let (kind, payload): (String, String) = (row.get(1)?, row.get(2)?);
        let payload: serde_json::Value = serde_json::from_str(&payload)?;
        let decision = serde_json::from_value(serde_json::json!({ "kind": kind, "payload": payload }));
        let decision: Decision = decision.map_err(|error| CaseErrorKind::Damaged(error.to_string()))?;
        all.entry(row.get(0)?).or_default().apply(&decision);
    }
    all.retain(|_, annotations| !annotations.is_empty());
    Ok(all)
}
