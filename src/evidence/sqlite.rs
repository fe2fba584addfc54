//! `SQLite` databases of the box, opened so that nothing is written beside them and nothing in them runs.
//!
//! `immutable=1` (<https://www.sqlite.org/uri.html>) keeps `SQLite` from making `-wal` and `-shm` files; the price is that
//! transactions still in a write-ahead log are not seen, which is told.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::observed::Gaps;
use crate::root::Root;
use crate::text;

/// Where the database at `path` lies on this machine, none of whose components is a link; `None`, and a gap that says why,
/// where it cannot be read. `newest` names what may be missing because it is only in the write-ahead log.
///
/// # Errors
/// There is no such file, or it cannot be opened.
pub(super) fn locate(root: &Root, path: &Path, newest: &str, gaps: &mut Gaps) -> io::Result<Option<PathBuf>> {
    let (located, _) = root.open_file(path)?;
    let mut log = OsString::from(path);
    log.push("-wal");
    if root.locate(Path::new(&log), true).is_ok_and(|log| log.metadata.len() > 0) {
        gaps.add(format!("{}: not read, {newest} may be missing", text::escape_path(Path::new(&log))));
    }
    // SQLite resolves links by their text, and the text of /proc/PID/root leads to this machine's own.
    if root.dir().starts_with("/proc") {
        gaps.add(format!(
            "{}: not read in the root of a process; mount that file system, or copy it, to have it read",
            text::escape_path(path)
        ));
        return Ok(None);
    }
    let below = located.path.strip_prefix("/").unwrap_or(&located.path);
    Ok(Some(root.dir().join(below)))
}

/// Opens a database that was located, to be read only.
///
/// # Errors
/// It is none, or does not have these tables.
pub(super) fn open(database: &Path, tables: &[&str]) -> rusqlite::Result<Connection> {
    let mut uri = String::from("file:");
    for byte in database.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri.push_str("?mode=ro&immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(uri, flags)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // A view could make the queries run whatever the file's author liked, for ever.
    let is_table = "SELECT count(*) FROM sqlite_master WHERE name = ?1 COLLATE NOCASE AND type = 'table'
                    AND sql LIKE 'CREATE TABLE%'";
    for table in tables {
        let count: i64 = connection.query_row(is_table, [table], |row| row.get(0))?;
        if count != 1 {
            return Err(rusqlite::Error::InvalidQuery);
        }
    }
    Ok(connection)
}
