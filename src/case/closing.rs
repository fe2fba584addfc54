//! Whether a case was closed in order, so that one that was copied without its write-ahead log is told from a whole one.
//!
//! `SQLite` says in the header of a file whether it is written with a write-ahead log
//! (<https://www.sqlite.org/fileformat.html>, byte 18), and that is written to the file itself, not to the log. While
//! a case is open for writing, it says so; when the last Huntbook closes it, it says so no more. So a file that says so and
//! has no `-wal` beside it has lost it, or its Huntbook was killed in the very moment of opening or closing it, when nothing
//! was in the log: what is said is that entries *may* be missing.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use rusqlite::Connection;
use rustix::fs::{Mode, OFlags};

use super::error::{CaseOutcome, io_fault};

/// How often a file is looked at that seems to lack its log: another Huntbook may be opening or closing it just now.
const LOOKS: usize = 4;
/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// The first format whose files say whether they were closed.
const SINCE_FORMAT: u32 = 4;

/// What to say of a case that has lost its log.
pub(crate) const LOG_MISSING: &str = "it was not closed, and the -wal file with what was recorded last is not beside it: entries \
                               may be missing; copy both from where the case was written";

/// Whether all that was recorded is in the files of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogState {
    /// It was closed in order, or its `-wal` file lies beside it.
    Whole,
    /// It was not closed, and the `-wal` file with what was recorded last is not there.
    Missing,
    /// A case of an older format does not say whether it was closed.
    Unknown,
}

impl LogState {
    /// Looks at the case in `file`, before it is opened.
    pub(super) fn of(file: &Path) -> CaseOutcome<Self> {
        for look in 0..LOOKS {
            if look > 0 {
                sleep(PAUSE);
            }
            if log_beside(file)?.is_some() {
                return Ok(Self::Whole);
            }
            match Header::of(file)? {
                Some(Header { written_ahead: true, format }) if format < SINCE_FORMAT => return Ok(Self::Unknown),
                Some(Header { written_ahead: true, .. }) => {}
                _ => return Ok(Self::Whole),
            }
        }
        Ok(Self::Missing)
    }
}

/// What the first bytes of a database say.
struct Header {
    written_ahead: bool,
    format: u32,
}

impl Header {
    /// The header of `file`, beside which no log lies: so no connection of this process has it open in that mode, whose locks
    /// would be lost when the file is closed here (<https://www.sqlite.org/howtocorrupt.html>, 2.2). `None` where the file
    /// is too short for one.
    fn of(file: &Path) -> CaseOutcome<Option<Self>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = rustix::fs::open(file, flags, Mode::empty()).map_err(|errno| io_fault("open it")(errno.into()))?;
        let mut bytes = [0; 64];
        match File::from(opened).read_exact_at(&mut bytes, 0) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(io_fault("read it")(error)),
        }
        let [.., a, b, c, d] = bytes;
        Ok(Some(Self { written_ahead: bytes[18] == 2, format: u32::from_be_bytes([a, b, c, d]) }))
    }
}

/// Marks the file as closed, if nobody else has it open; the last one who closes it does.
pub(super) fn close(db: &Connection) {
    let mark = || {
        db.busy_timeout(Duration::ZERO)?;
        db.pragma_update_and_check(None, "journal_mode", "delete", |row| row.get::<_, String>(0))
    };
    // Where it cannot be done, the -wal file stays, or the next one to open the case says what is missing.
    let _ = mark();
}

/// The length in bytes of the write-ahead log beside `file`, if there is one.
pub(super) fn log_beside(file: &Path) -> CaseOutcome<Option<u64>> {
    match fs::symlink_metadata(beside(file, "-wal")) {
        Ok(found) => Ok(Some(found.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_fault("look for its -wal file")(error)),
    }
}

/// `file` with `suffix` behind its name.
pub(super) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
