//! Creating and opening a case.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use rustix::fs::{Access, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::closing::{beside, log_beside};
use super::error::{CaseOutcome, io_fault};
use super::facts::CASE_ID;
use super::guard::{Deadline, harden, keep_rules};
use super::schema::{self, APPLICATION_ID, FORMAT};
use super::{Case, CaseError, CaseErrorKind, LogState};
use crate::storage::{self, Distrust, Trust, folder_of};

impl Case {
    /// Opens the case at `path` for reading and writing, and creates it (mode 0600), with its folder (0700), where there
    /// is none.
    ///
    /// # Errors
    /// [`CaseErrorKind::Symlink`], [`CaseErrorKind::NotACase`], [`CaseErrorKind::Newer`], [`CaseErrorKind::ReadOnly`], and what the
    /// file system has to say.
    pub fn open(path: &Path) -> Result<Self, CaseError> {
        let open = || {
            let file = resolve(path, true)?;
            must_be_ours_alone(&file)?;
            let new = create_if_missing(&file)?;
            let opened =
                roll_back(&file).and_then(|()| LogState::of(&file)).and_then(|log| Ok((open_to_write(&file)?, log)));
            // Nothing was written: what is left would be taken for a case of some kind.
            if new && opened.is_err() && fs::symlink_metadata(&file).is_ok_and(|facts| facts.len() == 0) {
                let _ = fs::remove_file(&file);
            }
            let ((db, deadline), log) = opened?;
            Ok(OpenedCase { db, deadline, log, place: Some(CaseFile::of(file)?) })
        };
        finish(path, open().map_err(|fault| blame_the_medium(path, fault)))
    }

    /// Why a case, though it may be read, is not one of this user's alone, if it is not: what it says is for whoever could
    /// write to it to answer for.
    ///
    /// A case travels, so one from another box or another person may be read; only writing to it is refused.
    pub fn distrust(path: &Path) -> Option<Distrust> {
        match resolve(path, false).and_then(|file| must_be_ours_alone(&file)) {
            Err(CaseErrorKind::Distrusted(distrust)) => Some(distrust),
            _ => None,
        }
    }

    /// Opens the case at `path` for reading only; nothing is written to it or beside it.
    ///
    /// A case that was closed is read as it lies (`immutable`), which works on any read-only medium. A case with a `-wal`
    /// file beside it is in use, or its Huntbook was killed: it is read under the usual locks, so with what was written
    /// last. One with a `-journal` file beside it was interrupted in the middle of a write, which is rolled back first.
    ///
    /// # Errors
    /// As [`Case::open`]; [`CaseErrorKind::Unclosed`] and [`CaseErrorKind::HotJournal`] when the `-wal` or `-journal` file is needed
    /// but the medium cannot be written.
    pub fn open_read_only(path: &Path) -> Result<Self, CaseError> {
        let open = || {
            let file = resolve(path, false)?;
            if fs::symlink_metadata(&file).map_err(io_fault("open it"))?.len() == 0 {
                return Err(CaseErrorKind::NotACase);
            }
            roll_back(&file)?;
            let log = LogState::of(&file)?;
            let opened = match log_beside(&file)? {
                None => read_as_it_lies(&file),
                Some(length) => match read_with_locks(&file) {
                    Err(CaseErrorKind::Database(_) | CaseErrorKind::ReadOnly) if length == 0 => read_as_it_lies(&file),
                    Err(CaseErrorKind::Database(_) | CaseErrorKind::ReadOnly) => Err(CaseErrorKind::Unclosed),
                    other => other,
                },
            };
            let (db, deadline, identity) = opened?;
            if identity == Identity::Empty {
                return Err(CaseErrorKind::NotACase);
            }
            schema::must_be_ours(&db, true)?;
            Ok(OpenedCase { db, deadline, log, place: None })
        };
        finish(path, open())
    }
}

/// The file that a case is written to.
#[derive(Debug)]
pub(super) struct CaseFile {
    file: PathBuf,
    dev: u64,
    ino: u64,
}

impl CaseFile {
    fn of(file: PathBuf) -> CaseOutcome<Self> {
        let found = fs::symlink_metadata(&file).map_err(io_fault("look at it"))?;
        Ok(Self { file, dev: found.dev(), ino: found.ino() })
    }

    /// Refuses to go on with a file that has lost its name: what is written to it would vanish with the process.
    pub(super) fn must_be_there(&self) -> CaseOutcome<()> {
        match fs::symlink_metadata(&self.file) {
            Ok(found) if (found.dev(), found.ino()) == (self.dev, self.ino) => Ok(()),
            _ => Err(CaseErrorKind::Gone),
        }
    }
}

/// A connection to a case that has proved to be one.
struct OpenedCase {
    db: Connection,
    deadline: Deadline,
    log: LogState,
    place: Option<CaseFile>,
}

fn finish(path: &Path, opened: CaseOutcome<OpenedCase>) -> Result<Case, CaseError> {
    match opened {
        Ok(OpenedCase { db, deadline, log, place }) => {
            Ok(Case { db, path: path.into(), place, log, loss_recorded: false, deadline })
        }
        Err(fault) => Err(CaseError { path: path.into(), fault }),
    }
}

/// `SQLite` says only "cannot open" of a folder in which it cannot make the `-wal` file, and only "busy" where there are no
/// locks to be had.
fn blame_the_medium(path: &Path, fault: CaseErrorKind) -> CaseErrorKind {
    let folder = folder_of(path);
    let error = match &fault {
        CaseErrorKind::Database(error) => error,
        CaseErrorKind::Busy if refuses_locks(folder) => return CaseErrorKind::NoLocks,
        _ => return fault,
    };
    let closed = |path: &Path| rustix::fs::access(path, Access::WRITE_OK).is_err();
    let cannot_open = error.sqlite_error_code() == Some(ErrorCode::CannotOpen);
    if cannot_open && (closed(path) || closed(folder)) { CaseErrorKind::ReadOnly } else { fault }
}

/// Whether files in `folder` cannot be locked at all. A file of its own is tried: closing the case would take away its locks.
fn refuses_locks(folder: &Path) -> bool {
    let tried = folder.join(format!(".huntbook-{}", storage::new_id()));
    let Ok(file) = new_file(&tried) else { return false };
    let locked = rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive);
    let _ = fs::remove_file(&tried);
    locked == Err(Errno::NOLCK)
}

/// Refuses to write to a case that someone else could have written or could replace, as could be what `SQLite` keeps beside it.
fn must_be_ours_alone(file: &Path) -> CaseOutcome<()> {
    let trust = Trust::current();
    trust.check_folders(file)?;
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let name = beside(file, suffix);
        match fs::symlink_metadata(&name) {
            Ok(facts) => trust.check_file(&name, &facts)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io_fault("look at it")(error)),
        }
    }
    Ok(())
}

/// `path` with the links of its folder resolved, refused when it is itself a link or no file. Only the name is left for
/// `SQLITE_OPEN_NOFOLLOW` to watch, which refuses a link anywhere in a path.
pub(super) fn resolve(path: &Path, make_folder: bool) -> CaseOutcome<PathBuf> {
    let name = path.file_name().ok_or(CaseErrorKind::NotACase)?;
    let folder = folder_of(path);
    if make_folder {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io_fault("create its folder"))?;
    }
    let file = folder.canonicalize().map_err(io_fault("find its folder"))?.join(name);
    match fs::symlink_metadata(&file) {
        Ok(found) if found.is_symlink() => Err(CaseErrorKind::Symlink),
        Ok(found) if !found.is_file() => Err(CaseErrorKind::NotACase),
        _ => Ok(file),
    }
}

pub(super) fn new_file(file: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)
}

/// The database in `file`, with the tables of a case if it was empty.
fn open_to_write(file: &Path) -> CaseOutcome<(Connection, Deadline)> {
    let mut db = Connection::open_with_flags(file, flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
    let deadline = harden(&mut db, size_of(file))?;
    if identify(&db)? == Identity::Empty {
        create_tables(&db)?;
    }
    schema::must_be_ours(&db, false)?;
    if db.is_readonly("main")? {
        return Err(CaseErrorKind::ReadOnly);
    }
    make_durable(&db)?;
    keep_rules(&db)?;
    Ok((db, deadline))
}

fn size_of(file: &Path) -> u64 {
    fs::symlink_metadata(file).map_or(0, |facts| facts.len())
}

/// Made here and not by `SQLite`, for the mode; the folder is synced so that the name outlives a power cut. Returns
/// whether the file is new.
fn create_if_missing(file: &Path) -> CaseOutcome<bool> {
    match new_file(file) {
        Ok(_) => {
            let folder = file.parent().unwrap_or(Path::new("/"));
            let synced = File::open(folder).and_then(|folder| folder.sync_all());
            synced.map(|()| true).map_err(io_fault("sync its folder"))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(io_fault("create it")(error)),
    }
}

fn flags(access: OpenFlags) -> OpenFlags {
    access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW
}

#[derive(Debug, PartialEq, Eq)]
enum Identity {
    Case,
    Empty,
}

/// What the file is, asked at one moment: another process may be creating the case just now.
fn identify(db: &Connection) -> CaseOutcome<Identity> {
    identify_within(&*db.unchecked_transaction()?)
}

fn identify_within(db: &Connection) -> CaseOutcome<Identity> {
    let number = |name| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    match (number("application_id")?, number("user_version")?) {
        (APPLICATION_ID, 1..=FORMAT) => Ok(Identity::Case),
        (APPLICATION_ID, found) if found > FORMAT => Err(CaseErrorKind::Newer { found, known: FORMAT }),
        (0, 0) if !db.query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))? => {
            Ok(Identity::Empty)
        }
        _ => Err(CaseErrorKind::NotACase),
    }
}

/// All or nothing, and by one process only when two open a new case at once.
pub(super) fn create_tables(db: &Connection) -> CaseOutcome<()> {
    let transaction = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
    if identify_within(&transaction)? == Identity::Empty {
        schema::create(&transaction)?;
        transaction.execute(
            "INSERT INTO host (key, value) VALUES (?1, ?2)",
            [CASE_ID, &storage::new_id().hyphenated().to_string()],
        )?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", FORMAT)?;
    }
    transaction.commit()?;
    Ok(())
}

/// WAL where the file system can do it (it needs shared memory), otherwise the rollback journal, which is as safe.
fn make_durable(db: &Connection) -> CaseOutcome<()> {
    let mode: String = db.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    if mode != "wal" {
        db.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0))?;
    }
    db.pragma_update(None, "synchronous", "FULL")?;
    // The first look makes the -wal file, by which `open_read_only` knows that the case is in use.
    identify(db)?;
    Ok(())
}

/// How a rollback journal ends that names a super-journal (<https://www.sqlite.org/fileformat.html>, 3): `SQLite` would
/// read the file of that name, and delete it. A case is never part of a transaction over several files.
const SUPER_JOURNAL: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// Refuses a case whose rollback journal, if it has one, no Huntbook can have written. Returns whether it has one.
fn refuse_foreign_journal(file: &Path) -> CaseOutcome<bool> {
    let name = beside(file, "-journal");
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let journal = match rustix::fs::open(&name, flags, Mode::empty()) {
        Ok(journal) => File::from(journal),
        Err(Errno::NOENT) => return Ok(false),
        Err(errno) => return Err(io_fault("open its -journal file")(errno.into())),
    };
    let read = || {
        let facts = journal.metadata()?;
        let mut end = [0; SUPER_JOURNAL.len()];
        if facts.is_file() && facts.len() >= end.len() as u64 {
            journal.read_exact_at(&mut end, facts.len() - SUPER_JOURNAL.len() as u64)?;
        }
        io::Result::Ok((facts.is_file(), facts.len(), end))
    };
    match read().map_err(io_fault("read its -journal file"))? {
        (true, _, end) if end != SUPER_JOURNAL => Ok(true),
        _ => Err(CaseErrorKind::ForeignJournal),
    }
}

/// Rolls back what was being written to `file` when its Huntbook, or the machine, stopped; as `SQLite` does it, in place.
fn roll_back(file: &Path) -> CaseOutcome<()> {
    if !refuse_foreign_journal(file)? {
        return Ok(());
    }
    // A journal of a Huntbook that writes just now, or one that is over, is none to roll back.
    match read_with_locks(file) {
        Err(CaseErrorKind::Database(_) | CaseErrorKind::ReadOnly) => {}
        other => return other.map(drop),
    }
    let recover = || {
        must_be_ours_alone(file)?;
        let mut db = Connection::open_with_flags(file, flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
        harden(&mut db, size_of(file))?;
        if db.is_readonly("main")? { Err(CaseErrorKind::HotJournal) } else { identify(&db).map(drop) }
    };
    recover().map_err(|fault: CaseErrorKind| match fault {
        CaseErrorKind::Database(_) | CaseErrorKind::ReadOnly | CaseErrorKind::Distrusted(_) => {
            CaseErrorKind::HotJournal
        }
        other => other,
    })
}

fn read_with_locks(file: &Path) -> CaseOutcome<(Connection, Deadline, Identity)> {
    ready(file, Connection::open_with_flags(file, flags(OpenFlags::SQLITE_OPEN_READ_ONLY))?)
}

fn read_as_it_lies(file: &Path) -> CaseOutcome<(Connection, Deadline, Identity)> {
    let access = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    ready(file, Connection::open_with_flags(immutable_uri(file), flags(access))?)
}

fn ready(file: &Path, mut db: Connection) -> CaseOutcome<(Connection, Deadline, Identity)> {
    let deadline = harden(&mut db, size_of(file))?;
    let identity = identify(&db)?;
    Ok((db, deadline, identity))
}

/// `file` as a URI with `immutable=1`, which keeps `SQLite` from locking it or writing beside it
/// (<https://www.sqlite.org/uri.html>).
fn immutable_uri(file: &Path) -> String {
    use std::fmt::Write as _;
    let mut uri = String::from("file:");
    for &byte in file.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri + "?immutable=1"
}
