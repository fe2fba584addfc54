//! The tables worked out from the journal, and how they are brought up to date.

use std::collections::{BTreeMap, HashSet};

use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::CaseOutcome;
use super::replay::{Decided, Given, ReplayedFinding, VerdictRecord, replay, undone_groups, verdict};
use super::{CaseErrorKind, Cover, FindingId, JournalSubject, PathText, Seq, chain};
use crate::finding::{Digest, Sha256};
use crate::triage::{Answer, Verdict};

/// What the journal comes to for `finding`.
fn decided_about(db: &Connection, finding: FindingId) -> CaseOutcome<Decided> {
    let entries = chain::entries_of(db, finding)?;
    let undone = entries.iter().filter(|entry| entry.undone).map(|entry| entry.group).collect();
    let mut all = BTreeMap::new();
    replay(&mut all, &entries, &undone);
    Ok(all.remove(&finding).unwrap_or_default())
}

/// What `finding` comes to when the register says `cover` of it.
pub(super) fn verdict_under(db: &Connection, finding: FindingId, cover: Option<&Cover>) -> CaseOutcome<Verdict> {
    Ok(verdict(&now(db, finding)?, &decided_about(db, finding)?, cover))
}

/// Works out anew what the journal comes to for `finding`, and its verdict.
pub(super) fn refresh(db: &Connection, finding: FindingId) -> CaseOutcome<()> {
    let decided = decided_about(db, finding)?;
    store(db, finding, &decided)?;
    refresh_verdict(db, finding, &decided)
}

fn store(db: &Connection, finding: FindingId, decided: &Decided) -> CaseOutcome<()> {
    db.prepare_cached("DELETE FROM answers WHERE finding = ?1")?.execute([finding])?;
    let mut insert =
        db.prepare_cached("INSERT INTO answers (finding, scenario, answer, seq, sha256) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for (scenario, given) in &decided.answers {
        insert.execute(params![finding, scenario, answer_text(given.answer)?, given.seq, given.digest])?;
    }
    db.prepare_cached("DELETE FROM standings WHERE finding = ?1")?.execute([finding])?;
    if let Some(standing) = &decided.standing {
        db.prepare_cached(
            "INSERT INTO standings (finding, seq, exclusion, sha256, rule_digest) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            finding,
            standing.seq,
            standing.exclusion,
            standing.digest,
            standing.rule_digest.0
        ])?;
    }
    Ok(())
}

fn refresh_verdict(db: &Connection, finding: FindingId, decided: &Decided) -> CaseOutcome<()> {
    let verdict = verdict(&now(db, finding)?, decided, cover(db, finding)?.as_ref());
    db.prepare_cached("UPDATE findings SET verdict = ?2 WHERE id = ?1 AND verdict <> ?2")?
        .execute(params![finding, verdict_text(verdict)?])?;
    Ok(())
}

/// Works out anew which groups are not in force.
pub(super) fn refresh_undone(db: &Connection) -> CaseOutcome<()> {
    let undone = undone_groups(&undoings(db)?);
    db.execute("DELETE FROM undone", [])?;
    let mut insert = db.prepare_cached("INSERT INTO undone (grp) VALUES (?1)")?;
    for group in undone {
        insert.execute([group])?;
    }
    Ok(())
}

/// Every undoing in the journal's order, as (its group, the group it undoes).
pub(super) fn undoings(db: &Connection) -> CaseOutcome<Vec<(Seq, Seq)>> {
    let sql = "SELECT DISTINCT grp, CAST(about AS INTEGER) FROM journal WHERE kind = 'undone' ORDER BY grp";
    let mut statement = db.prepare_cached(sql)?;
    let pairs = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(pairs.collect::<rusqlite::Result<_>>()?)
}

/// The groups stored as not in force.
pub(super) fn stored_undone(db: &Connection) -> CaseOutcome<HashSet<Seq>> {
    let mut statement = db.prepare("SELECT grp FROM undone")?;
    Ok(statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
}

/// The decisions in force about every finding, as stored.
pub(super) fn stored_decided(db: &Connection) -> CaseOutcome<BTreeMap<FindingId, Decided>> {
    let mut all: BTreeMap<FindingId, Decided> = BTreeMap::new();
    let mut answers = db.prepare("SELECT finding, scenario, answer, seq, sha256 FROM answers")?;
    let mut rows = answers.query([])?;
    while let Some(row) = rows.next()? {
        let given = Given { seq: row.get(3)?, answer: parse_answer(&row.get::<_, String>(2)?)?, digest: row.get(4)? };
        all.entry(row.get(0)?).or_default().answers.insert(row.get(1)?, given);
    }
    let mut standings = db.prepare("SELECT finding, seq, exclusion, sha256, rule_digest FROM standings")?;
    let mut rows = standings.query([])?;
    while let Some(row) = rows.next()? {
        let standing = VerdictRecord {
            seq: row.get(1)?,
            exclusion: row.get(2)?,
            digest: row.get(3)?,
            rule_digest: Sha256(row.get(4)?),
        };
        all.entry(row.get(0)?).or_default().standing = Some(standing);
    }
    Ok(all)
}

/// The finding as it was last seen, as far as its verdict depends on it.
pub(super) fn now(db: &Connection, finding: FindingId) -> CaseOutcome<ReplayedFinding> {
    let (digest, rule_digest, scenarios, known): (Digest, _, _, _) = db
        .prepare_cached(
            "SELECT files.sha256, rules.digest, rules.scenarios, rules.known
             FROM findings JOIN hits ON hits.id = findings.last_hit
             JOIN files ON files.id = hits.file JOIN rules ON rules.id = hits.rule WHERE findings.id = ?1",
        )?
        .query_row([finding], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?, row.get::<_, String>(3)?)))
        .optional()?
        .ok_or(CaseErrorKind::NoSuchFinding(finding))?;
    let known: Vec<Sha256> = serde_json::from_str(&known)?;
    Ok(ReplayedFinding {
        digest,
        rule_digest: Sha256(rule_digest),
        scenarios: serde_json::from_str(&scenarios)?,
        known: digest.sha256().is_some_and(|sha256| known.contains(&sha256)),
    })
}

/// What an entry about `finding` says it is.
pub(super) fn subject(db: &Connection, finding: FindingId) -> CaseOutcome<JournalSubject> {
    db.prepare_cached(
        "SELECT rule_names.namespace, rule_names.name, rules.digest, paths.path, files.sha256
         FROM findings JOIN rule_names ON rule_names.id = findings.rule_name JOIN paths ON paths.id = findings.path
         JOIN hits ON hits.id = findings.last_hit
         JOIN files ON files.id = hits.file JOIN rules ON rules.id = hits.rule WHERE findings.id = ?1",
    )?
    .query_row([finding], |row| {
        Ok(JournalSubject {
            namespace: row.get(0)?,
            rule: row.get(1)?,
            rule_digest: Sha256(row.get(2)?),
            path: PathText::from(super::facts::path(row.get(3)?).as_path()),
            digest: row.get(4)?,
        })
    })
    .optional()?
    .ok_or(CaseErrorKind::NoSuchFinding(finding))
}

/// What the register was last found to say of `finding`.
pub(super) fn cover(db: &Connection, finding: FindingId) -> CaseOutcome<Option<Cover>> {
    Ok(db
        .prepare_cached("SELECT exclusion, lapsed FROM covers WHERE finding = ?1")?
        .query_row([finding], |row| Ok(Cover { exclusion: row.get(0)?, lapsed: row.get(1)? }))
        .optional()?)
}

/// What the register was last found to say of every finding that an exclusion covers, or did.
pub(super) fn covers(db: &Connection) -> CaseOutcome<BTreeMap<FindingId, Cover>> {
    let mut statement = db.prepare("SELECT finding, exclusion, lapsed FROM covers")?;
    let rows =
        statement.query_map([], |row| Ok((row.get(0)?, Cover { exclusion: row.get(1)?, lapsed: row.get(2)? })))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn answer_text(answer: Answer) -> CaseOutcome<String> {
    plain(serde_json::to_value(answer)?)
}

/// An answer as stored.
pub(super) fn parse_answer(text: &str) -> CaseOutcome<Answer> {
    Ok(serde_json::from_value(text.into())?)
}

/// A verdict as stored.
pub(super) fn verdict_text(verdict: Verdict) -> CaseOutcome<String> {
    plain(serde_json::to_value(verdict)?)
}

/// A stored verdict.
pub(super) fn parse_verdict(text: &str) -> CaseOutcome<Verdict> {
    Ok(serde_json::from_value(text.into())?)
}

fn plain(value: serde_json::Value) -> CaseOutcome<String> {
    match value {
        serde_json::Value::String(text) => Ok(text),
        other => Err(CaseErrorKind::Damaged(other.to_string())),
    }
}
