//! What a case of format 1 knows of data digests: it stored them as SHA-256, and only its coverage says which they are.
//!
//! Nothing of it is rewritten, for the journal vouches for it. What is read out is told as what it is; the verdict is
//! worked out from the digests as they are stored, in the journal and beside it.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rusqlite::{Connection, params};

use super::fault::Outcome;
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
