//! Host facts, scans, the rules they ran with, and coverage.

use std::collections::HashMap;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::Value;

use super::chain::UndoGroup;
use super::error::CaseOutcome;
use super::facts::{CASE_ID, host_facts, must_follow, parse_time, time_text};
use super::rules::{RuleRecord, rule_from, rule_row, rules_digest, scan_digest};
use super::{Case, CaseError, CaseErrorKind, JournalEvent, PathText, Record, ScanId, Stamp, facts, migrate};
use crate::finding::Sha256;

/// What a scan is about to do.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanPlan<R = Vec<RuleRecord>> {
    /// The tree, absolute.
    pub tree: PathBuf,
    /// The options it runs with.
    pub options: Value,
    /// Every rule it runs with. Where they are thousands, an iterator that makes one after the other takes less memory.
    pub rules: R,
}

/// How a scan ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanOutcome {
    /// It went through the whole tree.
    Finished,
    /// The responder stopped it.
    Cancelled,
    /// It could not go on.
    Failed,
}

impl ScanOutcome {
    fn parse(text: &str) -> CaseOutcome<Self> {
        let all = [Self::Finished, Self::Cancelled, Self::Failed];
        let found = all.into_iter().find(|outcome| outcome.to_string() == text);
        found.ok_or_else(|| CaseErrorKind::Damaged(format!("a scan ended as {text:?}")))
    }
}

impl fmt::Display for ScanOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        })
    }
}

/// What a scan has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanEnd {
    /// How it ended.
    pub outcome: ScanOutcome,
    /// Files scanned.
    pub files: u64,
    /// Bytes in those files.
    pub bytes: u64,
    /// Folders listed; `None` in a case that an older Huntbook wrote.
    pub folders: Option<u64>,
    /// Links met and not followed; `None` in a case that an older Huntbook wrote.
    pub links: Option<u64>,
    /// Members of archives scanned; `None` in a case that an older Huntbook wrote.
    pub members: Option<u64>,
    /// Executables, libraries and regions of memory of processes scanned; `None` in a case that an older Huntbook wrote.
    pub processes: Option<u64>,
}

/// A scan of the case.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanRow {
    /// Its number.
    pub id: ScanId,
    /// The tree it walked.
    pub tree: PathBuf,
    /// The options it ran with.
    pub options: Value,
    /// Digest over all its rules.
    pub rules_digest: Sha256,
    /// When it began.
    pub started: Timestamp,
    /// When and how it ended; `None` while it runs, or when it was killed.
    pub ended: Option<(Timestamp, ScanEnd)>,
    /// Findings seen.
    pub findings: u64,
    /// Things in the tree that were not scanned.
    pub not_scanned: u64,
}

impl ScanRow {
    /// Whether it went through the whole tree.
    pub fn is_complete(&self) -> bool {
        self.ended.as_ref().is_some_and(|(_, end)| end.outcome == ScanOutcome::Finished)
    }
}

/// One thing in the tree that was not scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotScanned {
    /// Its path.
    pub path: PathBuf,
    /// The kind of reason, the same word for the same kind.
    pub reason: String,
    /// What more is known: the operating system's message, the limit that was met.
    pub detail: String,
}

/// A [`NotScanned`] with the number to ask for those after it.
pub(crate) type CoverageRow = (i64, NotScanned);

impl Case {
    /// Stores facts about the box that was scanned, as ECS names (`host.name`, `host.os.full`, `host.id`, …) and their
    /// values; a name that is there gets the new value. What is new goes into the journal.
    ///
    /// # Errors
    /// When the case cannot be written.
    pub fn record_host(&mut self, facts: &[(&str, &str)], stamp: &Stamp) -> Result<(), CaseError> {
        self.write(|db| {
            let before = host_facts(db)?;
            let mut insert = db.prepare_cached(
                "INSERT INTO host (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            )?;
            facts.iter().filter(|(key, _)| *key != CASE_ID).try_for_each(|fact| insert.execute(*fact).map(drop))?;
            let facts = host_facts(db)?;
            if facts == before {
                return Ok(());
            }
            UndoGroup::begin(db, stamp)?.append(&JournalEvent::Happened(Record::HostRecorded { facts }), None)
        })
    }

    /// The facts about the box that was scanned, by name, and `case.id`, the UUID the case was given when it was created.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn host(&self) -> Result<Vec<(String, String)>, CaseError> {
        self.read(|db| {
            let mut statement = db.prepare("SELECT key, value FROM host ORDER BY key")?;
            let facts = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(facts.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Records that a scan begins, with its rules, and returns its number.
    ///
    /// # Errors
    /// When the case cannot be written.
    pub fn start_scan<R>(&mut self, plan: &ScanPlan<R>, stamp: &Stamp) -> Result<ScanId, CaseError>
    where
        R: Clone + IntoIterator<Item = RuleRecord>,
    {
        self.write(|db| {
            let (mut rules, mut candidates) = (Vec::new(), Vec::new());
            for rule in plan.rules.clone() {
                if rule.id.is_candidate() {
                    candidates.push(rule);
                } else {
                    rules.push(rule_row(db, &rule)?);
                }
            }
            for candidate in migrate::as_recorded(db, &candidates)? {
                rules.push(rule_row(db, &candidate)?);
            }
            let rules_digest = rules_digest(rules.iter().map(|(_, content)| *content).collect());
            let scan = ScanId(
                db.prepare("INSERT INTO scans (tree, options, rules_digest, started) VALUES (?1, ?2, ?3, ?4)")?
                    .insert(params![
                        plan.tree.as_os_str().as_bytes(),
                        plan.options.to_string(),
                        rules_digest.0,
                        time_text(stamp.at)
                    ])?,
            );
            for (rule, _) in rules {
                db.prepare_cached("INSERT OR IGNORE INTO scan_rules (scan, rule) VALUES (?1, ?2)")?
                    .execute(params![scan, rule])?;
            }
            let (tree, options) = (PathText::from(plan.tree.as_path()), plan.options.clone());
            let started = Record::ScanStarted { scan, tree, options, rules: rules_digest };
            UndoGroup::begin(db, stamp)?.append(&JournalEvent::Happened(started), None)?;
            Ok(scan)
        })
    }

    /// Records that `scan` is over, and puts a digest of all it saw into the journal.
    ///
    /// # Errors
    /// [`CaseErrorKind::NoSuchScan`], [`CaseErrorKind::ScanOver`], or when the case cannot be written.
    pub fn end_scan(&mut self, scan: ScanId, end: &ScanEnd, stamp: &Stamp) -> Result<(), CaseError> {
        self.write(|db| {
            must_run(db, scan)?;
            db.execute(
                "UPDATE scans SET ended = ?2, outcome = ?3, files = ?4, bytes = ?5 WHERE id = ?1",
                params![
                    scan,
                    time_text(stamp.at),
                    end.outcome.to_string(),
                    end.files.cast_signed(),
                    end.bytes.cast_signed()
                ],
            )?;
            let ended = Record::ScanEnded {
                scan,
                outcome: end.outcome.to_string(),
                files: Some(end.files),
                bytes: Some(end.bytes),
                findings: count(db, "sightings", scan)?,
                not_scanned: count(db, "coverage", scan)?,
                folders: end.folders,
                links: end.links,
                members: end.members,
                processes: end.processes,
                digest: scan_digest(db, scan)?,
            };
            UndoGroup::begin(db, stamp)?.append(&JournalEvent::Happened(ended), None)
        })
    }

    /// All scans, first to last.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn scans(&self) -> Result<Vec<ScanRow>, CaseError> {
        self.read(|db| {
            let mut statement = db.prepare(
                "SELECT id, tree, options, rules_digest, started, ended, outcome, files, bytes FROM scans ORDER BY id",
            )?;
            let mut rows = statement.query([])?;
            let walked = walked(db)?;
            let mut scans = Vec::new();
            while let Some(row) = rows.next()? {
                scans.push(scan_from(db, row, &walked)?);
            }
            Ok(scans)
        })
    }

    /// The last scan.
    ///
    /// # Errors
    /// When the case cannot be read, or holds no scan.
    pub fn last_scan(&self) -> Result<ScanRow, CaseError> {
        let none = || CaseError { path: self.path().to_owned(), fault: CaseErrorKind::NoScan };
        self.scans()?.pop().ok_or_else(none)
    }

    /// The rules `scan` ran with, by namespace and name.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn rules(&self, scan: ScanId) -> Result<Vec<RuleRecord>, CaseError> {
        self.read(|db| {
            let mut statement = db.prepare(
                "SELECT namespace, name, digest, source, meta, scenarios, known
                 FROM scan_rules JOIN rules ON rules.id = scan_rules.rule JOIN rule_names ON rule_names.id = rules.rule_name
                 WHERE scan = ?1 ORDER BY namespace, name",
            )?;
            let mut rows = statement.query([scan])?;
            let mut rules = Vec::new();
            while let Some(row) = rows.next()? {
                rules.push(rule_from(row)?);
            }
            Ok(rules)
        })
    }

    /// Adds to what `scan` did not scan.
    ///
    /// # Errors
    /// [`CaseErrorKind::NoSuchScan`], [`CaseErrorKind::ScanOver`], or when the case cannot be written.
    pub fn record_coverage(&mut self, scan: ScanId, missed: &[NotScanned]) -> Result<(), CaseError> {
        self.write(|db| {
            must_run(db, scan)?;
            let mut insert =
                db.prepare_cached("INSERT INTO coverage (scan, path, reason, detail) VALUES (?1, ?2, ?3, ?4)")?;
            for NotScanned { path, reason, detail } in missed {
                insert.execute(params![scan, path.as_os_str().as_bytes(), reason, detail])?;
            }
            Ok(())
        })
    }

    /// What `scan` did not scan, in the order it was met: those after row `after` (0 for the first), at most `limit`.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn coverage(&self, scan: ScanId, after: i64, limit: usize) -> Result<Vec<CoverageRow>, CaseError> {
        self.read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT id, path, reason, detail FROM coverage WHERE scan = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut rows = statement.query(params![scan, after, limit])?;
            let (mut before, mut missed) = (after, Vec::new());
            while let Some(row) = rows.next()? {
                let id = row.get(0)?;
                must_follow(&mut before, id)?;
                let (path, reason, detail) = (facts::path(row.get(1)?), row.get(2)?, row.get(3)?);
                missed.push((id, NotScanned { path, reason, detail }));
            }
            Ok(missed)
        })
    }

    /// The first things that `scan` did not scan for this reason.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn coverage_for(&self, scan: ScanId, reason: &str, limit: usize) -> Result<Vec<NotScanned>, CaseError> {
        self.read(|db| {
            let mut statement = db.prepare_cached(
                "SELECT path, detail FROM coverage WHERE scan = ?1 AND reason = ?2 ORDER BY id LIMIT ?3",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let missed = statement.query_map(params![scan, reason, limit], |row| {
                Ok(NotScanned { path: facts::path(row.get(0)?), reason: reason.to_owned(), detail: row.get(1)? })
            })?;
            Ok(missed.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// How many things `scan` did not scan, by reason.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn coverage_counts(&self, scan: ScanId) -> Result<Vec<(String, u64)>, CaseError> {
        self.read(|db| {
            let mut statement =
                db.prepare("SELECT reason, count(*) FROM coverage WHERE scan = ?1 GROUP BY reason ORDER BY reason")?;
            let counts = statement.query_map([scan], |row| Ok((row.get(0)?, row.get(1).map(i64::cast_unsigned)?)))?;
            Ok(counts.collect::<rusqlite::Result<_>>()?)
        })
    }
}

/// Refuses a scan that is not there or has ended.
pub(super) fn must_run(db: &Connection, scan: ScanId) -> CaseOutcome<()> {
    let ended = db
        .prepare_cached("SELECT ended IS NOT NULL FROM scans WHERE id = ?1")?
        .query_row([scan], |row| row.get(0))
        .optional()?;
    match ended {
        None => Err(CaseErrorKind::NoSuchScan(scan)),
        Some(true) => Err(CaseErrorKind::ScanOver(scan)),
        Some(false) => Ok(()),
    }
}

fn count(db: &Connection, table: &str, scan: ScanId) -> CaseOutcome<u64> {
    let mut statement = db.prepare_cached(&format!("SELECT count(*) FROM {table} WHERE scan = ?1"))?;
    Ok(statement.query_row([scan], |row| row.get(0).map(i64::cast_unsigned))?)
}

/// What ended scans met beside files, which only the journal holds.
fn walked(db: &Connection) -> CaseOutcome<Walked> {
    let mut statement = db.prepare_cached("SELECT payload FROM journal WHERE kind = 'scan-ended'")?;
    let mut rows = statement.query([])?;
    let mut walked = Walked::new();
    while let Some(row) = rows.next()? {
        let payload: Value = serde_json::from_str(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?)?;
        let number = |key| payload.get(key).and_then(Value::as_u64);
        if let Some(scan) = payload.get("scan").and_then(Value::as_i64) {
            walked.insert(ScanId(scan), ["folders", "links", "members", "processes"].map(number));
        }
    }
    Ok(walked)
}

/// Folders, links, members and parts of processes.
type Walked = HashMap<ScanId, [Option<u64>; 4]>;

fn scan_from(db: &Connection, row: &Row<'_>, walked: &Walked) -> CaseOutcome<ScanRow> {
    let id = row.get(0)?;
    let ended = match (row.get::<_, Option<String>>(5)?, row.get::<_, Option<String>>(6)?) {
        (Some(at), Some(outcome)) => {
            let [folders, links, members, processes] = walked.get(&id).copied().unwrap_or_default();
            let end = ScanEnd {
                folders,
                links,
                members,
                processes,
                outcome: ScanOutcome::parse(&outcome)?,
                files: row.get(7).map(i64::cast_unsigned)?,
                bytes: row.get(8).map(i64::cast_unsigned)?,
            };
            Some((parse_time(&at)?, end))
        }
        _ => None,
    };
    Ok(ScanRow {
        id,
        tree: facts::path(row.get(1)?),
        options: serde_json::from_str(&row.get::<_, String>(2)?)?,
        rules_digest: Sha256(row.get(3)?),
        started: parse_time(&row.get::<_, String>(4)?)?,
        ended,
        findings: count(db, "sightings", id)?,
        not_scanned: count(db, "coverage", id)?,
    })
}
