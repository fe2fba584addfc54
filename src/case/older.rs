//! What a case of format 1 knows of data digests: it stored them as SHA-256, and only its coverage says which they are.
//!
//! Nothing of it is rewritten, for the journal vouches for it. What is read out is told as what it is; the verdict is
//! worked out from the digests as they are stored, in the journal and beside it.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::fault::Outcome;
use super::{CaseFault, FindingId, facts};
use crate::finding::Digest;
use crate::scan::{MOST_ZEROS, Reason};

/// What `stored`, the digest of the file of `size` bytes in row `hit` of `hits`, really is.
pub(super) fn told(db: &Connection, hit: i64, (path, size): (&Path, u64), stored: Digest) -> Outcome<Digest> {
    let Digest::Whole(value) = stored else { return Ok(stored) };
    // A file without more holes than are hashed has its SHA-256.
    if size <= MOST_ZEROS {
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
pub(super) fn last_told(db: &Connection, finding: FindingId) -> Outcome<(Digest, Digest)> {
    let (hit, path, size, stored) = db
        .prepare_cached(
            "SELECT hits.id, paths.path, files.size, files.sha256
             FROM findings JOIN hits ON hits.id = findings.last_hit
             JOIN files ON files.id = hits.file JOIN paths ON paths.id = files.path WHERE findings.id = ?1",
        )?
        .query_row([finding], |row| Ok((row.get(0)?, facts::path(row.get(1)?), row.get::<_, i64>(2)?, row.get(3)?)))
        .optional()?
        .ok_or(CaseFault::NoSuchFinding(finding))?;
    Ok((stored, told(db, hit, (&path, size.cast_unsigned()), stored)?))
}
