//! Cases of older formats. Nothing of them is rewritten, for the journal vouches for it; tables that they lack are added.
//!
//! What a case of format 1 knows of data digests: it stored them as SHA-256, and only its coverage says which they are. What
//! is read out is told as what it is; the verdict is worked out from the digests as they are stored, in the journal and
//! beside it.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::chain::UndoGroup;
use super::error::CaseOutcome;
use super::facts::host_facts;
use super::journal::by_cover;
use super::schema::{self, FORMAT};
use super::{CaseErrorKind, FindingId, JournalEvent, Record, RuleRecord, ScanTotals, facts, tables};
use crate::finding::{Digest, FoundBy};
use crate::scan::{MAX_HASHED_ZEROS, Reason};

/// What `stored`, the digest of the file of `size` bytes in row `hit` of `hits`, really is.
pub(super) fn told(db: &Connection, hit: i64, (path, size): (&Path, u64), stored: Digest) -> CaseOutcome<Digest> {
    let Digest::Whole(value) = stored else { return Ok(stored) };
    // A file without more holes than are hashed has its SHA-256.
    if size <= MAX_HASHED_ZEROS {
        return Ok(stored);
    }
    let mut statement = db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM sightings JOIN coverage ON coverage.scan = sightings.scan
            AND coverage.reason = ?2 AND coverage.path = ?3 WHERE sightings.hit = ?1)",
    )?;
    let of_data = statement
        .query_row(params![hit, Reason::DataDigest.kind(), path.as_os_str().as_bytes()], |row| row.get::<_, bool>(0))?;
    Ok(if of_data { Digest::DataOnly(value) } else { stored })
}

/// The digest with which `finding` was last seen: as it is stored, and what it really is.
pub(super) fn last_told(db: &Connection, finding: FindingId) -> CaseOutcome<(Digest, Digest)> {
    let (hit, path, size, stored) = db
        .prepare_cached(
            "SELECT hits.id, paths.path, files.size, files.sha256
             FROM findings JOIN hits ON hits.id = findings.last_hit
             JOIN files ON files.id = hits.file JOIN paths ON paths.id = files.path WHERE findings.id = ?1",
        )?
        .query_row([finding], |row| Ok((row.get(0)?, facts::path(row.get(1)?), row.get::<_, i64>(2)?, row.get(3)?)))
        .optional()?
        .ok_or(CaseErrorKind::NoSuchFinding(finding))?;
    Ok((stored, told(db, hit, (&path, size.cast_unsigned()), stored)?))
}

/// The first format whose journal vouches for the facts about the box, what the register says, and the size of scans.
pub(super) const VOUCHED_SINCE: i64 = 4;

/// Writes down, in the journal of a case of an older format, what its tables hold and no entry vouches for, as it is found
/// there. From then on the case is of the format of this program, and an older Huntbook refuses it instead of stumbling over
/// what it does not know.
pub(super) fn bring_up_to_date(db: &Connection, group: &mut UndoGroup<'_>) -> CaseOutcome<()> {
    let format = schema::format_of(db)?;
    if format >= FORMAT {
        return Ok(());
    }
    let scans = if format < VOUCHED_SINCE { ended_scans(db)? } else { Vec::new() };
    group.append(&JournalEvent::Happened(Record::Upgraded { format: FORMAT, scans }), None)?;
    if format < VOUCHED_SINCE {
        group.append(&JournalEvent::Happened(Record::HostRecorded { facts: host_facts(db)? }), None)?;
        let covers = tables::covers(db)?.into_iter().map(|(finding, cover)| (finding, Some(cover))).collect();
        group.append(&JournalEvent::Happened(Record::RegisterApplied { covers: by_cover(covers) }), None)?;
    }
    if format < schema::SAID {
        db.execute_batch(schema::TABLES_OF_5)?;
    }
    db.execute_batch(schema::TABLES_OF_6)?;
    db.pragma_update(None, "user_version", FORMAT)?;
    Ok(())
}

fn ended_scans(db: &Connection) -> CaseOutcome<Vec<ScanTotals>> {
    let mut statement = db.prepare("SELECT id, files, bytes FROM scans WHERE ended IS NOT NULL ORDER BY id")?;
    let scans = statement.query_map([], |row| {
        Ok(ScanTotals {
            scan: row.get(0)?,
            files: row.get(1).map(i64::cast_unsigned)?,
            bytes: row.get(2).map(i64::cast_unsigned)?,
        })
    })?;
    Ok(scans.collect::<rusqlite::Result<_>>()?)
}

/// The namespace of all candidate conditions before format 3.
pub(super) const CANDIDATE_NAMESPACE: &str = "candidate";

/// All candidate conditions of a scan as this case records them. One that an older Huntbook began knows a condition by its rule's
/// name alone: it goes on so where only one is meant, so that what was decided on its candidates stays with them.
pub(super) fn as_recorded(db: &Connection, candidates: &[RuleRecord]) -> CaseOutcome<Vec<RuleRecord>> {
    let mut known = db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM rule_names WHERE namespace = ?1 AND name = ?2)
            AND NOT EXISTS (SELECT 1 FROM rule_names WHERE namespace <> ?1 AND name = ?2)",
    )?;
    let mut recorded = candidates.to_vec();
    for rule in &mut recorded {
        let FoundBy::Candidate(id) = &mut rule.id else { continue };
        let same = |other: &&RuleRecord| other.id.rule().name == id.name;
        if candidates.iter().filter(same).count() == 1
            && known.query_row(params![CANDIDATE_NAMESPACE, FoundBy::Candidate(id.clone()).name()], |row| row.get(0))?
        {
            id.namespace = CANDIDATE_NAMESPACE.into();
        }
    }
    Ok(recorded)
}
