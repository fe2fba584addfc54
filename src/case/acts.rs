//! Acts over several cases: what one act decided is one group in each of them, and an entry of the group says which act it was.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};
use serde_json::json;

use super::chain;
use super::decide::last_in_force;
use super::error::CaseOutcome;
use super::{Case, CaseError, CaseErrorKind, Seq};

/// What begins the note by which a Huntbook that wrote format 5 knew an act.
pub(super) const NOTE_OF_5: &str = "one act over ";

/// The last decision in force of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastDecided {
    /// When it was recorded.
    pub at: Timestamp,
    /// The act over several cases that it was part of, if it was.
    pub act: Option<String>,
}

impl Case {
    /// The last decision in force, whichever finding it is about.
    ///
    /// # Errors
    /// When the case cannot be read, or the entry does not parse.
    pub fn last_decided(&self) -> Result<Option<LastDecided>, CaseError> {
        self.read(|db| {
            let last = match last_in_force(db, None) {
                Err(CaseErrorKind::NothingToUndo) => return Ok(None),
                last => chain::entry(db, last?)?,
            };
            Ok(Some(LastDecided { at: last.at, act: act_of(db, last.group)? }))
        })
    }

    /// The group in which the case holds its part of an act, unless that was taken back.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn group_of_act(&self, act: &str) -> Result<Option<Seq>, CaseError> {
        self.read(|db| {
            let sql = "SELECT grp FROM journal
                WHERE (kind = 'act-over-cases' AND about = ?1 OR kind = 'note' AND payload = ?2)
                AND NOT EXISTS (SELECT 1 FROM undone WHERE undone.grp = journal.grp) ORDER BY seq DESC LIMIT 1";
            let note = json!({ "note": act }).to_string();
            Ok(db.prepare_cached(sql)?.query_row([act, &note], |row| row.get(0)).optional()?)
        })
    }
}

/// The act that a group is part of.
fn act_of(db: &Connection, group: Seq) -> CaseOutcome<Option<String>> {
    let sql = "SELECT CASE kind WHEN 'note' THEN payload ->> '$.note' ELSE about END FROM journal WHERE grp = ?1
        AND (kind = 'act-over-cases' OR kind = 'note' AND payload ->> '$.note' LIKE ?2 || '%') LIMIT 1";
    let mut statement = db.prepare_cached(sql)?;
    Ok(statement.query_row((group, NOTE_OF_5), |row| row.get::<_, Option<String>>(0)).optional()?.flatten())
}
