//! Recording decisions, and taking them back.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension as _};
use serde_json::Value;

use super::chain::{self, UndoGroup};
use super::error::CaseOutcome;
use super::facts::CASE_ID;
use super::journal::by_cover;
use super::{
    Act, Case, CaseError, CaseErrorKind, Cover, Decision, FindingId, JournalEvent, LogState, Record, Seq, Stamp,
    migrate, tables,
};
use crate::version;

/// What to take back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undo {
    /// The group of this entry, whatever came after it. If it is an undoing, what it undid is in force again.
    Entry(Seq),
    /// The last decision in force about this finding, with all that was decided together with it.
    LastOf(FindingId),
    /// The last decision in force in the case.
    Last,
}

impl Case {
    /// Records that somebody opened the case for writing; called once after [`Case::open`]. A case of an older format
    /// is of this one from then on.
    ///
    /// # Errors
    /// When the case cannot be written.
    pub fn record_opening(&mut self, stamp: &Stamp) -> Result<Seq, CaseError> {
        let log_missing = self.log == LogState::Missing;
        let opened = self.write(|db| {
            let case = db.query_row("SELECT value FROM host WHERE key = ?1", [CASE_ID], |row| row.get(0))?;
            let program = version::NAME.to_owned();
            let mut group = UndoGroup::begin(db, stamp)?;
            group.append(&JournalEvent::Happened(Record::CaseOpened { case, program, log_missing }), None)?;
            migrate::bring_up_to_date(db, &mut group)?;
            Ok(group.first())
        })?;
        self.loss_recorded = true;
        Ok(opened)
    }

    /// Records one decision about each of `findings`, as one group that is undone together, and returns the group.
    ///
    /// It is on the disk when this returns. Revoking an exclusion concerns every finding that the exclusion was ever
    /// recorded for, so `findings` may be empty then.
    ///
    /// # Errors
    /// [`CaseErrorKind::NothingChosen`], [`CaseErrorKind::NoSuchFinding`], [`CaseErrorKind::NoReason`], or when the case cannot be
    /// written; then nothing is recorded for any of them.
    pub fn decide(&mut self, findings: &[FindingId], decision: &Decision, stamp: &Stamp) -> Result<Seq, CaseError> {
        self.decide_together(findings, std::slice::from_ref(decision), None, stamp)
    }

    /// As [`Case::decide`], with several decisions as one group, which may be this case's part of an act over several cases.
    ///
    /// # Errors
    /// As [`Case::decide`].
    pub fn decide_together(
        &mut self,
        findings: &[FindingId],
        decisions: &[Decision],
        act: Option<&Act>,
        stamp: &Stamp,
    ) -> Result<Seq, CaseError> {
        self.write(|db| {
            let mut chosen: BTreeSet<_> = findings.iter().copied().collect();
            for decision in decisions {
                match decision {
                    Decision::MarkedMalicious { reason } | Decision::ExclusionRevoked { reason, .. }
                        if reason.trim().is_empty() =>
                    {
                        return Err(CaseErrorKind::NoReason);
                    }
                    Decision::ExclusionRevoked { exclusion, .. } => chosen.extend(ever_excluded_by(db, exclusion)?),
                    _ if chosen.is_empty() => return Err(CaseErrorKind::NothingChosen),
                    _ => {}
                }
            }
            let events: Vec<_> = decisions.iter().cloned().map(JournalEvent::Decided).collect();
            record(db, &chosen, &events, act, stamp)
        })
    }

    /// Writes down the words of exclusions (id, words) that cover findings; words that the journal holds as they are are
    /// not repeated.
    ///
    /// # Errors
    /// When the case cannot be written, or an entry in its journal does not parse.
    pub fn record_exclusions(&mut self, exclusions: &[(String, Value)], stamp: &Stamp) -> Result<(), CaseError> {
        self.write(|db| {
            let known = chain::exclusion_words(db)?;
            let mut group = UndoGroup::begin(db, stamp)?;
            for (exclusion, words) in exclusions.iter().filter(|(id, words)| known.get(id) != Some(words)) {
                let met = Record::ExclusionMet { exclusion: exclusion.clone(), words: words.clone() };
                group.append(&JournalEvent::Happened(met), None)?;
            }
            Ok(())
        })
    }

    /// Takes a decision back by a new entry for each finding it concerned, and returns their group. Any depth.
    ///
    /// # Errors
    /// [`CaseErrorKind::NothingToUndo`], [`CaseErrorKind::NoSuchEntry`], [`CaseErrorKind::NotADecision`],
    /// [`CaseErrorKind::AlreadyUndone`], or when the case cannot be written.
    pub fn undo(&mut self, what: Undo, stamp: &Stamp) -> Result<Seq, CaseError> {
        self.write(|db| {
            let seq = match what {
                Undo::Entry(seq) => seq,
                Undo::LastOf(finding) => last_in_force(db, Some(finding))?,
                Undo::Last => last_in_force(db, None)?,
            };
            let target = chain::entry(db, seq)?;
            match target.event {
                JournalEvent::Decided(_) | JournalEvent::Happened(Record::Undone { .. }) => {}
                JournalEvent::Happened(_) => return Err(CaseErrorKind::NotADecision(seq)),
            }
            if target.undone {
                return Err(CaseErrorKind::AlreadyUndone(seq));
            }
            let mut statement =
                db.prepare_cached("SELECT finding FROM journal WHERE grp = ?1 AND finding IS NOT NULL")?;
            let concerned = statement.query_map([target.group], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
            record(db, &concerned, &[JournalEvent::Happened(Record::Undone { group: target.group })], None, stamp)
        })
    }

    /// Stores what the register says of findings, as just looked up (`None`: no exclusion covers it), and brings their
    /// verdicts up to date. Called after a scan, after the register changed, and when a case is opened again, because
    /// exclusions expire.
    ///
    /// # Errors
    /// [`CaseErrorKind::NoSuchFinding`], or when the case cannot be written.
    pub fn apply_register(&mut self, covers: &[(FindingId, Option<Cover>)], stamp: &Stamp) -> Result<(), CaseError> {
        // Most often there is nothing to write, and then nobody has to wait for the write lock.
        if self.read(|db| Ok(changed(db, covers)?.is_empty()))? {
            return Ok(());
        }
        self.write(|db| {
            let changed = changed(db, covers)?;
            if changed.is_empty() {
                return Ok(());
            }
            for (finding, cover) in &changed {
                db.prepare_cached("DELETE FROM covers WHERE finding = ?1")?.execute([finding])?;
                if let Some(cover) = cover {
                    db.prepare_cached("INSERT INTO covers (finding, exclusion, lapsed) VALUES (?1, ?2, ?3)")?
                        .execute((finding, &cover.exclusion, &cover.lapsed))
                        .map_err(|error| missing_finding(error, *finding))?;
                }
                tables::refresh(db, *finding)?;
            }
            let applied = Record::RegisterApplied { covers: by_cover(changed) };
            UndoGroup::begin(db, stamp)?.append(&JournalEvent::Happened(applied), None)
        })
    }
}

/// Those of `covers` that differ from what is stored.
fn changed(db: &Connection, covers: &[(FindingId, Option<Cover>)]) -> CaseOutcome<Vec<(FindingId, Option<Cover>)>> {
    let mut changed = Vec::new();
    for (finding, cover) in covers {
        if tables::cover(db, *finding)? != *cover {
            changed.push((*finding, cover.clone()));
        }
    }
    Ok(changed)
}

/// One entry of each event for each of `findings`, or a single one without a finding, with the act that they are part of, and
/// the tables brought up to date.
fn record(
    db: &Connection,
    findings: &BTreeSet<FindingId>,
    events: &[JournalEvent],
    act: Option<&Act>,
    stamp: &Stamp,
) -> CaseOutcome<Seq> {
    let mut group = UndoGroup::begin(db, stamp)?;
    for event in events {
        for finding in findings {
            group.append(event, Some((*finding, &tables::subject(db, *finding)?)))?;
        }
        if findings.is_empty() {
            group.append(event, None)?;
        }
    }
    if let Some(Act { id, cases }) = act {
        group.append(&JournalEvent::Happened(Record::ActOverCases { act: id.clone(), cases: *cases }), None)?;
    }
    if events.iter().any(|event| matches!(event, JournalEvent::Happened(Record::Undone { .. }))) {
        tables::refresh_undone(db)?;
    }
    for finding in findings {
        tables::refresh(db, *finding)?;
    }
    Ok(group.first())
}

/// The findings that `exclusion` was recorded for, undone or not: an undoing may be undone later.
fn ever_excluded_by(db: &Connection, exclusion: &str) -> CaseOutcome<Vec<FindingId>> {
    let sql = "SELECT DISTINCT finding FROM journal
               WHERE kind = 'exclusion-recorded' AND about = ?1 AND finding IS NOT NULL";
    let mut statement = db.prepare_cached(sql)?;
    Ok(statement.query_map([exclusion], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
}

/// The last decision that has not been undone, about `finding` or at all.
pub(super) fn last_in_force(db: &Connection, finding: Option<FindingId>) -> CaseOutcome<Seq> {
    let about = if finding.is_some() { "finding = ?1" } else { "?1 IS NULL" };
    let sql = format!(
        "SELECT seq FROM journal WHERE {about}
         AND kind IN ('answered', 'note', 'tagged', 'marked-malicious', 'exclusion-recorded', 'exclusion-revoked')
         AND NOT EXISTS (SELECT 1 FROM undone WHERE undone.grp = journal.grp) ORDER BY seq DESC LIMIT 1"
    );
    let last = db.prepare_cached(&sql)?.query_row([finding], |row| row.get(0)).optional()?;
    last.ok_or(CaseErrorKind::NothingToUndo)
}

fn missing_finding(error: rusqlite::Error, finding: FindingId) -> CaseErrorKind {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::ConstraintViolation) => CaseErrorKind::NoSuchFinding(finding),
        _ => error.into(),
    }
}
