//! Creating, opening and copying a case.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use rustix::fs::Access;

use super::fault::Outcome;
use super::schema::{APPLICATION_ID, FORMAT, GUARDS, TABLES};
use super::{BUSY, Case, CaseError, CaseFault};

/// What stands for the file of a case that has none.
const IN_MEMORY: &str = "in memory only";
/// The longest value read from or written to a case, in bytes: a file from elsewhere must not fill the memory.
const LONGEST: i32 = 64 << 20;
/// Pages copied at a time.
const PAGES: std::ffi::c_int = 4096;

impl Case {
    /// Opens the case at `path` for reading and writing, and creates it (mode 0600), with its folder (0700), where there
    /// is none.
    ///
    /// # Errors
    /// [`CaseFault::Symlink`], [`CaseFault::NotACase`], [`CaseFault::Newer`], [`CaseFault::ReadOnly`], and what the
    /// file system has to say.
    pub fn open(path: &Path) -> Result<Self, CaseError> {
        let open = || {
            let file = resolve(path, true)?;
            let new = create_if_missing(&file)?;
            let opened = open_to_write(&file);
            // Nothing was written: what is left would be taken for a case of some kind.
            if new && opened.is_err() && fs::symlink_metadata(&file).is_ok_and(|facts| facts.len() == 0) {
                let _ = fs::remove_file(&file);
            }
            Ok((opened?, Some(Place::of(file)?)))
        };
        finish(path, open().map_err(|fault| blame_the_medium(path, fault)))
    }

    /// A new case in memory, for when no place can be written. [`Case::save_copy`] puts it on a disk.
    ///
    /// # Errors
    /// Only when memory is short.
    pub fn in_memory() -> Result<Self, CaseError> {
        let open = || {
            let db = Connection::open_in_memory()?;
            harden(&db)?;
            create_tables(&db)?;
            db.pragma_update(None, "foreign_keys", true)?;
            Ok((db, None))
        };
        finish(Path::new(IN_MEMORY), open())
    }

    /// A copy of this case in memory, to go on with when its medium fails.
    ///
    /// # Errors
    /// When the case cannot be read, or memory is short.
    pub fn copy_to_memory(&self) -> Result<Self, CaseError> {
        let copy = || {
            let mut db = Connection::open_in_memory()?;
            Backup::new(&self.db, &mut db)?.run_to_completion(PAGES, Duration::ZERO, None)?;
            harden(&db)?;
            db.pragma_update(None, "foreign_keys", true)?;
            Ok((db, None))
        };
        finish(Path::new(IN_MEMORY), copy())
    }

    /// Puts everything of `newer`, a continuation of this case, into this case's file.
    ///
    /// # Errors
    /// [`CaseFault::Diverged`] when this case's journal is not the beginning of the newer one's, because another Huntbook
    /// wrote to it meanwhile; or when the file cannot be written. Then it is as it was.
    pub fn catch_up(&mut self, newer: &Self) -> Result<(), CaseError> {
        if !newer.has_head(&self.head()?)? {
            return Err(self.error(CaseFault::Diverged));
        }
        let mut copy = || {
            Backup::new(&newer.db, &mut self.db)?.run_to_completion(PAGES, Duration::ZERO, None)?;
            Ok(())
        };
        let copied: Outcome<()> = copy();
        copied.map_err(|fault| CaseError { path: self.path.clone(), fault })
    }

    /// Opens the case at `path` for reading only; nothing is written to it or beside it.
    ///
    /// A case that was closed is read as it lies (`immutable`), which works on any read-only medium. A case with a `-wal`
    /// file beside it is in use, or its Huntbook was killed: it is read under the usual locks, so with what was written
    /// last.
    ///
    /// # Errors
    /// As [`Case::open`]; [`CaseFault::Unclosed`] when the `-wal` file holds entries but the medium cannot be written.
    pub fn open_read_only(path: &Path) -> Result<Self, CaseError> {
        let open = || {
            let file = resolve(path, false)?;
            if fs::symlink_metadata(&file).map_err(io_fault("open it"))?.len() == 0 {
                return Err(CaseFault::NotACase);
            }
            let opened = match log_beside(&file)? {
                None => read_as_it_lies(&file),
                Some(length) => match read_with_locks(&file) {
                    Err(CaseFault::Database(_) | CaseFault::ReadOnly) if length == 0 => read_as_it_lies(&file),
                    Err(CaseFault::Database(_) | CaseFault::ReadOnly) => Err(CaseFault::Unclosed),
                    other => other,
                },
            };
            let (db, identity) = opened?;
            if identity == Identity::Empty { Err(CaseFault::NotACase) } else { Ok((db, None)) }
        };
        finish(path, open())
    }

    /// Writes the whole case to a new file at `path` (mode 0600), as one file without a `-wal` beside it.
    ///
    /// # Errors
    /// When `path` exists or cannot be written; then no file is left there.
    pub fn save_copy(&self, path: &Path) -> Result<(), CaseError> {
        let save = || {
            let file = resolve(path, true)?;
            new_file(&file).map_err(io_fault("create the copy"))?;
            let copied = self.db.execute("VACUUM INTO ?1", [path_text(&file)]).map_err(CaseFault::from);
            let synced =
                copied.and_then(|_| File::open(&file).and_then(|f| f.sync_all()).map_err(io_fault("sync the copy")));
            if synced.is_err() {
                let _ = fs::remove_file(&file);
            }
            synced
        };
        save().map_err(|fault| CaseError { path: path.into(), fault })
    }
}

/// The file that a case is written to.
#[derive(Debug)]
pub(super) struct Place {
    file: PathBuf,
    dev: u64,
    ino: u64,
}

impl Place {
    fn of(file: PathBuf) -> Outcome<Self> {
        let found = fs::symlink_metadata(&file).map_err(io_fault("look at it"))?;
        Ok(Self { file, dev: found.dev(), ino: found.ino() })
    }

    /// Refuses to go on with a file that has lost its name: what is written to it would vanish with the process.
    pub(super) fn must_be_there(&self) -> Outcome<()> {
        match fs::symlink_metadata(&self.file) {
            Ok(found) if (found.dev(), found.ino()) == (self.dev, self.ino) => Ok(()),
            _ => Err(CaseFault::Gone),
        }
    }
}

fn finish(path: &Path, opened: Outcome<(Connection, Option<Place>)>) -> Result<Case, CaseError> {
    match opened {
        Ok((db, place)) => Ok(Case { db, path: path.into(), place }),
        Err(fault) => Err(CaseError { path: path.into(), fault }),
    }
}

/// `SQLite` says only "cannot open" of a folder in which it cannot make the `-wal` file.
fn blame_the_medium(path: &Path, fault: CaseFault) -> CaseFault {
    let CaseFault::Database(error) = &fault else { return fault };
    let closed = |path: &Path| rustix::fs::access(path, Access::WRITE_OK).is_err();
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let cannot_open = error.sqlite_error_code() == Some(ErrorCode::CannotOpen);
    if cannot_open && (closed(path) || closed(folder)) { CaseFault::ReadOnly } else { fault }
}

fn io_fault(doing: &'static str) -> impl Fn(io::Error) -> CaseFault {
    move |source| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => CaseFault::Full,
        io::ErrorKind::ReadOnlyFilesystem => CaseFault::ReadOnly,
        _ => CaseFault::Io { doing, source },
    }
}

/// `path` with the links of its folder resolved, refused when it is itself a link or no file. Only the name is left for
/// `SQLITE_OPEN_NOFOLLOW` to watch, which refuses a link anywhere in a path.
fn resolve(path: &Path, make_folder: bool) -> Outcome<PathBuf> {
    let name = path.file_name().ok_or(CaseFault::NotACase)?;
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    if make_folder {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io_fault("create its folder"))?;
    }
    let file = folder.canonicalize().map_err(io_fault("find its folder"))?.join(name);
    match fs::symlink_metadata(&file) {
        Ok(found) if found.is_symlink() => Err(CaseFault::Symlink),
        Ok(found) if !found.is_file() => Err(CaseFault::NotACase),
        _ => Ok(file),
    }
}

fn new_file(file: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)
}

/// The database in `file`, with the tables of a case if it was empty.
fn open_to_write(file: &Path) -> Outcome<Connection> {
    let db = Connection::open_with_flags(file, flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
    harden(&db)?;
    if identify(&db)? == Identity::Empty {
        create_tables(&db)?;
    }
    if db.is_readonly("main")? {
        return Err(CaseFault::ReadOnly);
    }
    make_durable(&db)?;
    bring_up_to_date(&db)?;
    Ok(db)
}

/// Made here and not by `SQLite`, for the mode; the folder is synced so that the name outlives a power cut. Returns
/// whether the file is new.
fn create_if_missing(file: &Path) -> Outcome<bool> {
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

/// A path as the text that `SQLite` takes for one, whatever its bytes.
fn path_text(path: &Path) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(ValueRef::Text(path.as_os_str().as_bytes()))
}

fn flags(access: OpenFlags) -> OpenFlags {
    access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW
}

/// A case may come from someone else's hands: its schema is not trusted, its values are bounded.
fn harden(db: &Connection) -> Outcome<()> {
    db.busy_timeout(BUSY)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    db.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST)?;
    db.pragma_update(None, "cell_size_check", true)?;
    // A sort that spills would go to a folder for everyone, where this process may not write.
    db.pragma_update(None, "temp_store", "memory")?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum Identity {
    Case,
    Empty,
}

/// What the file is, asked at one moment: another process may be creating the case just now.
fn identify(db: &Connection) -> Outcome<Identity> {
    identify_within(&*db.unchecked_transaction()?)
}

fn identify_within(db: &Connection) -> Outcome<Identity> {
    let number = |name| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    match (number("application_id")?, number("user_version")?) {
        (APPLICATION_ID, 1..=FORMAT) => Ok(Identity::Case),
        (APPLICATION_ID, found) if found > FORMAT => Err(CaseFault::Newer { found, known: FORMAT }),
        (0, 0) if db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))? == 0 => {
            Ok(Identity::Empty)
        }
        _ => Err(CaseFault::NotACase),
    }
}

/// All or nothing, and by one process only when two open a new case at once.
fn create_tables(db: &Connection) -> Outcome<()> {
    let transaction = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
    if identify_within(&transaction)? == Identity::Empty {
        transaction.execute_batch(TABLES)?;
        for (_, trigger) in GUARDS {
            transaction.execute_batch(trigger)?;
        }
        transaction.execute(
            "INSERT INTO host (key, value) VALUES ('case.id', ?1)",
            [uuid::Uuid::new_v4().hyphenated().to_string()],
        )?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", FORMAT)?;
    }
    transaction.commit()?;
    Ok(())
}

/// From here on an older Huntbook refuses the case instead of stumbling over what it does not know.
fn bring_up_to_date(db: &Connection) -> Outcome<()> {
    let format = |db: &Connection| db.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    if format(db)? < FORMAT {
        let transaction = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
        if format(&transaction)? < FORMAT {
            transaction.pragma_update(None, "user_version", FORMAT)?;
        }
        transaction.commit()?;
    }
    Ok(())
}

/// WAL where the file system can do it (it needs shared memory), otherwise the rollback journal, which is as safe.
fn make_durable(db: &Connection) -> Outcome<()> {
    let mode: String = db.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    if mode != "wal" {
        db.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0))?;
    }
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", true)?;
    // The first look makes the -wal file, by which `open_read_only` knows that the case is in use.
    identify(db)?;
    Ok(())
}

/// The length in bytes of the write-ahead log beside `file`, if there is one.
fn log_beside(file: &Path) -> Outcome<Option<u64>> {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    match fs::symlink_metadata(&log) {
        Ok(found) => Ok(Some(found.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_fault("look for its -wal file")(error)),
    }
}

fn read_with_locks(file: &Path) -> Outcome<(Connection, Identity)> {
    ready(Connection::open_with_flags(file, flags(OpenFlags::SQLITE_OPEN_READ_ONLY))?)
}

fn read_as_it_lies(file: &Path) -> Outcome<(Connection, Identity)> {
    let access = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    ready(Connection::open_with_flags(immutable_uri(file), flags(access))?)
}

fn ready(db: Connection) -> Outcome<(Connection, Identity)> {
    harden(&db)?;
    let identity = identify(&db)?;
    Ok((db, identity))
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
