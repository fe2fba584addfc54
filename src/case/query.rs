//! Questions to a case.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::error::CaseOutcome;
use super::facts::must_follow;
use super::tables::{parse_answer, parse_verdict};
use super::{
    Case, CaseError, CaseErrorKind, Cover, Decision, FindingId, JournalEvent, ScanId, Seq, chain, facts, migrate,
    tables,
};
use crate::finding::{Digest, FileTime, Finding, FoundBy};
use crate::triage::{Actor, Answer, Verdict};

/// A finding as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingRow {
    /// Its number.
    pub id: FindingId,
    /// The rule that matched, or the candidate condition that holds.
    pub found_by: FoundBy,
    /// The file that it matched.
    pub path: PathBuf,
    /// Digest of the file's content.
    pub digest: Digest,
    /// The file's length in bytes.
    pub size: u64,
    /// The file's owner by user id.
    pub uid: u32,
    /// The file's owner by name, if it has one.
    pub owner: Option<String>,
    /// Last change of the file's content.
    pub modified: FileTime,
    /// Last change of the file's content or inode.
    pub changed: FileTime,
    /// Matches that were recorded.
    pub matches: u64,
    /// What it has come to.
    pub verdict: Verdict,
    /// Why an exclusion that covered it does not any more.
    pub lapsed: Option<String>,
}

/// An answer in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenAnswer {
    /// The scenario's id.
    pub scenario: String,
    /// The answer.
    pub answer: Answer,
    /// Why.
    pub note: Option<String>,
    /// Who gave it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Its place in the journal.
    pub seq: Seq,
    /// Digest of the content that it was given on; when the file's is another now, it does not count any more.
    pub digest: Digest,
}

/// Which sighting of a finding is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sighting {
    /// The last one.
    Last,
    /// The one of this scan.
    In(ScanId),
}

/// What a later scan saw differently.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScanComparison {
    /// Seen by the later scan only.
    pub new: Vec<FindingId>,
    /// Seen by the earlier scan only, by a rule that the later one ran too.
    pub gone: Vec<FindingId>,
    /// Seen by the earlier scan only; the later one ran without their rule.
    pub left_out: Vec<FindingId>,
    /// Seen by both, with another content; where the digests are of two kinds, with another inode, size or ctime.
    pub changed: Vec<FindingId>,
    /// Seen by both, with the same content but by another version of the rule.
    pub rule_changed: Vec<FindingId>,
}

impl Case {
    /// The findings of `scan` by number, which is the order they were first found in: those after `after`
    /// (`FindingId(0)` for the first), at most `limit`.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn findings(&self, scan: ScanId, after: FindingId, limit: usize) -> Result<Vec<FindingRow>, CaseError> {
        self.read(|db| list(db, scan, after, limit))
    }

    /// The next open finding of `scan` after `after`, from the start again when there is none behind it.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn next_open(&self, scan: ScanId, after: FindingId) -> Result<Option<FindingId>, CaseError> {
        self.read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT id FROM findings WHERE verdict = 'open' AND id > ?2
                 AND EXISTS (SELECT 1 FROM sightings WHERE scan = ?1 AND finding = findings.id) ORDER BY id LIMIT 1",
            )?;
            let mut first = |after| statement.query_row(params![scan, after], |row| row.get(0)).optional();
            match first(after)? {
                None => Ok(first(FindingId(0))?),
                found => Ok(found),
            }
        })
    }

    /// All of one finding: facts, matches and kept bytes.
    ///
    /// # Errors
    /// [`CaseErrorKind::NoSuchFinding`], [`CaseErrorKind::NoSuchScan`] when that scan did not see it, or when the case cannot be
    /// read.
    pub fn load_finding(&self, id: FindingId, seen: Sighting) -> Result<Finding, CaseError> {
        self.read(|db| load(db, id, seen))
    }

    /// The number of what `found_by` found at `path`, if the case has one.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn find(&self, found_by: &FoundBy, path: &std::path::Path) -> Result<Option<FindingId>, CaseError> {
        use std::os::unix::ffi::OsStrExt as _;
        self.read(|db| {
            Ok(db
                .prepare_cached(
                    "SELECT findings.id FROM findings JOIN rule_names ON rule_names.id = findings.rule_name
                     JOIN paths ON paths.id = findings.path WHERE namespace = ?1 AND name = ?2 AND paths.path = ?3",
                )?
                .query_row(
                    params![&*found_by.rule().namespace, &*found_by.name(), path.as_os_str().as_bytes()],
                    |row| row.get(0),
                )
                .optional()?)
        })
    }

    /// What `finding` has come to.
    ///
    /// # Errors
    /// [`CaseErrorKind::NoSuchFinding`], or when the case cannot be read.
    pub fn verdict(&self, finding: FindingId) -> Result<Verdict, CaseError> {
        self.read(|db| {
            let verdict = db
                .prepare_cached("SELECT verdict FROM findings WHERE id = ?1")?
                .query_row([finding], |row| row.get::<_, String>(0))
                .optional()?;
            parse_verdict(&verdict.ok_or(CaseErrorKind::NoSuchFinding(finding))?)
        })
    }

    /// What `finding` comes to when the register says `cover` of it; nothing is written.
    ///
    /// # Errors
    /// As [`Case::verdict`].
    pub fn verdict_under(&self, finding: FindingId, cover: Option<&Cover>) -> Result<Verdict, CaseError> {
        self.read(|db| tables::verdict_under(db, finding, cover))
    }

    /// The answers in force for `finding`, by scenario.
    ///
    /// # Errors
    /// When the case cannot be read, or the journal does not hold an answer that the case lists.
    pub fn answers(&self, finding: FindingId) -> Result<Vec<GivenAnswer>, CaseError> {
        self.read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT scenario, answer, seq, sha256 FROM answers WHERE finding = ?1 ORDER BY scenario",
            )?;
            let mut rows = statement.query([finding])?;
            let mut answers = Vec::new();
            while let Some(row) = rows.next()? {
                answers.push(answer_from(db, row)?);
            }
            if !answers.is_empty() {
                let (stored, told) = migrate::last_told(db, finding)?;
                for given in answers.iter_mut().filter(|given| given.digest == stored) {
                    given.digest = told;
                }
            }
            Ok(answers)
        })
    }

    /// What the register was last found to say of `finding`.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn cover(&self, finding: FindingId) -> Result<Option<Cover>, CaseError> {
        self.read(|db| tables::cover(db, finding))
    }

    /// The exclusion that was recorded for `finding` itself and not taken back, by its id, whatever became of it in the
    /// register since.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn recorded_exclusion(&self, finding: FindingId) -> Result<Option<String>, CaseError> {
        self.read(|db| {
            let mut statement = db.prepare_cached("SELECT exclusion FROM standings WHERE finding = ?1")?;
            let exclusion = statement.query_row([finding], |row| row.get::<_, Option<String>>(0)).optional()?;
            Ok(exclusion.flatten())
        })
    }

    /// The exclusion in force of each finding that one covers, by its id.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub(crate) fn covered(&self) -> Result<HashMap<FindingId, String>, CaseError> {
        self.read(|db| {
            let mut statement = db.prepare("SELECT finding, exclusion FROM covers WHERE lapsed IS NULL")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// How many findings of `scan` each exclusion in force covers, by the exclusion's id.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn exclusion_hits(&self, scan: ScanId) -> Result<Vec<(String, u64)>, CaseError> {
        self.read(|db| {
            let mut statement = db.prepare(
                "SELECT exclusion, count(*) FROM covers JOIN sightings ON sightings.finding = covers.finding
                 WHERE scan = ?1 AND lapsed IS NULL GROUP BY exclusion ORDER BY exclusion",
            )?;
            let hits = statement.query_map([scan], |row| Ok((row.get(0)?, row.get(1).map(i64::cast_unsigned)?)))?;
            Ok(hits.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// What `later` saw differently from `earlier`.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn compare(&self, earlier: ScanId, later: ScanId) -> Result<ScanComparison, CaseError> {
        self.read(|db| {
            let hunted = format!("found.rule_name IN ({RULE_NAMES})");
            Ok(ScanComparison {
                new: seen_only_by(db, later, earlier, "true")?,
                gone: seen_only_by(db, earlier, later, &hunted)?,
                left_out: seen_only_by(db, earlier, later, &format!("NOT {hunted}"))?,
                changed: seen_by_both(db, CHANGED, earlier, later)?,
                rule_changed: seen_by_both(db, &format!("NOT ({CHANGED}) AND r1.digest <> r2.digest"), earlier, later)?,
            })
        })
    }
}

fn list(db: &Connection, scan: ScanId, after: FindingId, limit: usize) -> CaseOutcome<Vec<FindingRow>> {
    let mut statement = db.prepare_cached(
        "SELECT findings.id, findings.rule_name, paths.path, files.sha256, files.size, files.owner,
            (SELECT count(*) FROM matches WHERE matches.hit = hits.id), findings.verdict, covers.lapsed,
            files.uid, hits.id, files.modified, files.modified_ns, files.changed, files.changed_ns
         FROM sightings JOIN findings ON findings.id = sightings.finding JOIN hits ON hits.id = sightings.hit
         JOIN files ON files.id = hits.file JOIN paths ON paths.id = findings.path
         LEFT JOIN covers ON covers.finding = findings.id
         WHERE sightings.scan = ?1 AND sightings.finding > ?2 ORDER BY sightings.finding LIMIT ?3",
    )?;
    let mut rules: HashMap<i64, FoundBy> = HashMap::new();
    let mut rows = statement.query(params![scan, after, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut findings: Vec<FindingRow> = Vec::new();
    let mut before = after;
    while let Some(row) = rows.next()? {
        must_follow(&mut before, row.get(0)?)?;
        let rule_name = row.get(1)?;
        let found_by = match rules.get(&rule_name) {
            Some(found_by) => found_by.clone(),
            None => rules.entry(rule_name).or_insert(found_by(db, rule_name)?).clone(),
        };
        let (path, size) = (facts::path(row.get(2)?), row.get(4).map(i64::cast_unsigned)?);
        findings.push(FindingRow {
            id: row.get(0)?,
            found_by,
            digest: migrate::told(db, row.get(10)?, (&path, size), row.get(3)?)?,
            path,
            size,
            owner: row.get(5)?,
            matches: row.get(6).map(i64::cast_unsigned)?,
            verdict: parse_verdict(row.get_ref(7)?.as_str().map_err(rusqlite::Error::from)?)?,
            lapsed: row.get(8)?,
            uid: row.get(9)?,
            modified: FileTime { seconds: row.get(11)?, nanos: row.get(12)? },
            changed: FileTime { seconds: row.get(13)?, nanos: row.get(14)? },
        });
    }
    Ok(findings)
}

pub(super) fn found_by(db: &Connection, rule_name: i64) -> CaseOutcome<FoundBy> {
    let mut statement = db.prepare_cached("SELECT namespace, name FROM rule_names WHERE id = ?1")?;
    Ok(statement.query_row([rule_name], |row| Ok(FoundBy::named(row.get(0)?, &row.get::<_, String>(1)?)))?)
}

fn load(db: &Connection, id: FindingId, seen: Sighting) -> CaseOutcome<Finding> {
    let (rule_name, last_hit): (i64, i64) = db
        .prepare_cached("SELECT rule_name, last_hit FROM findings WHERE id = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .ok_or(CaseErrorKind::NoSuchFinding(id))?;
    let hit = match seen {
        Sighting::Last => last_hit,
        Sighting::In(scan) => db
            .prepare_cached("SELECT hit FROM sightings WHERE scan = ?1 AND finding = ?2")?
            .query_row(params![scan, id], |row| row.get(0))
            .optional()?
            .ok_or(CaseErrorKind::NoSuchScan(scan))?,
    };
    let (file, capped) = db
        .prepare_cached("SELECT file, capped FROM hits WHERE id = ?1")?
        .query_row([hit], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut file = facts::load_facts(db, file)?;
    file.digest = migrate::told(db, hit, (&file.path, file.size), file.digest)?;
    Ok(Finding {
        found_by: found_by(db, rule_name)?,
        file: Arc::new(file),
        matches: facts::load_matches(db, hit)?,
        capped,
        kept: Arc::new(facts::load_kept(db, hit)?),
    })
}

/// An answer from the columns scenario, answer, seq, sha256, with the rest from its journal entry.
fn answer_from(db: &Connection, row: &Row<'_>) -> CaseOutcome<GivenAnswer> {
    let seq = row.get(2)?;
    let entry = chain::entry(db, seq)?;
    let JournalEvent::Decided(Decision::Answered { note, .. }) = entry.event else {
        return Err(CaseErrorKind::Damaged(format!("entry {seq} of its journal should be an answer")));
    };
    Ok(GivenAnswer {
        scenario: row.get(0)?,
        answer: parse_answer(&row.get::<_, String>(1)?)?,
        note,
        by: entry.actor,
        at: entry.at,
        seq,
        digest: row.get(3)?,
    })
}

/// Whether file `f2` has another content than `f1`. Two kinds of digests, which are of two lengths, cannot be compared: then
/// it has if `stat` says so, whose ctime a user cannot set back.
const CHANGED: &str = "f1.sha256 <> f2.sha256 AND (length(f1.sha256) = length(f2.sha256)
    OR (f1.ino, f1.size, f1.changed, f1.changed_ns) <> (f2.ino, f2.size, f2.changed, f2.changed_ns))";

/// The rules by name, whatever their version, that scan `?2` ran with.
const RULE_NAMES: &str = "SELECT rule_name FROM scan_rules JOIN rules ON rules.id = scan_rules.rule WHERE scan = ?2";

fn seen_only_by(db: &Connection, scan: ScanId, other: ScanId, when: &str) -> CaseOutcome<Vec<FindingId>> {
    let sql = format!(
        "SELECT finding FROM sightings AS s JOIN findings AS found ON found.id = s.finding WHERE scan = ?1 AND {when}
         AND NOT EXISTS (SELECT 1 FROM sightings WHERE scan = ?2 AND finding = s.finding) ORDER BY finding"
    );
    let mut statement = db.prepare(&sql)?;
    Ok(statement.query_map([scan, other], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
}

fn seen_by_both(db: &Connection, when: &str, earlier: ScanId, later: ScanId) -> CaseOutcome<Vec<FindingId>> {
    let sql = format!(
        "SELECT s1.finding FROM sightings AS s1 JOIN sightings AS s2 ON s2.scan = ?2 AND s2.finding = s1.finding
         JOIN hits AS h1 ON h1.id = s1.hit JOIN hits AS h2 ON h2.id = s2.hit
         JOIN files AS f1 ON f1.id = h1.file JOIN files AS f2 ON f2.id = h2.file
         JOIN rules AS r1 ON r1.id = h1.rule JOIN rules AS r2 ON r2.id = h2.rule
         WHERE s1.scan = ?1 AND {when} ORDER BY s1.finding"
    );
    let mut statement = db.prepare(&sql)?;
    Ok(statement.query_map([earlier, later], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
}
