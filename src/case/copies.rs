//! Copies of a case: in memory, to go on with when its medium fails, and on another disk.

use std::ffi::c_int;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::Backup;
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::error::{CaseOutcome, io_fault};
use super::guard::{Deadline, harden, keep_rules};
use super::opening::{create_tables, new_file, resolve};
use super::{Case, CaseError, CaseErrorKind, LogState};

/// What stands for the file of a case that has none.
const IN_MEMORY: &str = "in memory only";
/// Pages copied at a time.
const PAGES: c_int = 4096;

impl Case {
    /// A new case in memory, for when no place can be written. [`Case::save_copy`] puts it on a disk.
    ///
    /// # Errors
    /// Only when memory is short.
    pub fn in_memory() -> Result<Self, CaseError> {
        let open = || {
            let mut db = Connection::open_in_memory()?;
            let deadline = harden(&mut db, 0)?;
            create_tables(&db)?;
            Ok((db, deadline))
        };
        Self::without_a_file(open(), LogState::Whole)
    }

    /// A copy of this case in memory, to go on with when its medium fails.
    ///
    /// # Errors
    /// When the case cannot be read, or memory is short.
    pub fn copy_to_memory(&self) -> Result<Self, CaseError> {
        let copy = || {
            let mut db = Connection::open_in_memory()?;
            Backup::new(&self.db, &mut db)?.run_to_completion(PAGES, Duration::ZERO, None)?;
            let size =
                db.query_row("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", [], |row| {
                    row.get::<_, i64>(0)
                })?;
            let deadline = harden(&mut db, size.unsigned_abs())?;
            Ok((db, deadline))
        };
        Self::without_a_file(copy(), self.log)
    }

    fn without_a_file(opened: CaseOutcome<(Connection, Deadline)>, log: LogState) -> Result<Self, CaseError> {
        let ready = opened.and_then(|(db, deadline)| keep_rules(&db).map(|()| (db, deadline)));
        match ready {
            Ok((db, deadline)) => {
                Ok(Self { db, path: IN_MEMORY.into(), place: None, log, loss_recorded: false, deadline })
            }
            Err(fault) => Err(CaseError { path: IN_MEMORY.into(), fault }),
        }
    }

    /// Puts everything of `newer`, a continuation of this case, into this case's file.
    ///
    /// # Errors
    /// [`CaseErrorKind::Diverged`] when this case's journal is not the beginning of the newer one's, because another Huntbook
    /// wrote to it meanwhile; or when the file cannot be written. Then it is as it was.
    pub fn catch_up(&mut self, newer: &Self) -> Result<(), CaseError> {
        if !newer.has_head(&self.head()?)? {
            return Err(self.error(CaseErrorKind::Diverged));
        }
        let mut copy = || {
            Backup::new(&newer.db, &mut self.db)?.run_to_completion(PAGES, Duration::ZERO, None)?;
            Ok(())
        };
        let copied: CaseOutcome<()> = copy();
        copied.map_err(|fault| CaseError { path: self.path.clone(), fault })
    }

    /// Writes the whole case to a new file at `path` (mode 0600), as one file without a `-wal` beside it.
    ///
    /// # Errors
    /// When `path` exists or cannot be written; then no file is left there.
    pub fn save_copy(&self, path: &Path) -> Result<(), CaseError> {
        let save = || {
            let file = resolve(path, true)?;
            new_file(&file).map_err(io_fault("create the copy"))?;
            self.deadline.restart();
            let copied = self.db.execute("VACUUM INTO ?1", [path_text(&file)]).map_err(CaseErrorKind::from);
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

/// A path as the text that `SQLite` takes for one, whatever its bytes.
fn path_text(path: &Path) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(ValueRef::Text(path.as_os_str().as_bytes()))
}
