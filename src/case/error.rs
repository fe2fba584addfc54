//! What can go wrong with a case, and what to do about it.

use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;

use super::{FindingId, ScanId, Seq};
use crate::finding::FoundBy;
use crate::storage::Distrust;
use crate::text;

/// What helps when a case cannot be written where it is.
const COPY: &str =
    "save a copy elsewhere (on the screen by \"save a copy\" in its palette, else by huntbook case copy)";

/// A failure, with the case it concerns. Nothing was written by the call that returned it, and the case can be used on.
#[derive(Debug, thiserror::Error)]
#[error("case {}: {fault}", text::escape_path(.path))]
pub struct CaseError {
    /// The case's file; `in memory only` for one that has none.
    pub path: PathBuf,
    /// What went wrong.
    pub fault: CaseErrorKind,
}

/// What went wrong with a case.
#[derive(Debug, thiserror::Error)]
pub enum CaseErrorKind {
    /// The file exists but holds something else.
    #[error("this file is not a Huntbook case; name another file")]
    NotACase,
    /// The file was written by a later Huntbook.
    #[error("this case has format {found}, this Huntbook knows formats up to {known}; open it with a newer Huntbook")]
    Newer {
        /// The format of the file (`user_version`).
        found: i64,
        /// The highest format this program knows.
        known: i64,
    },
    /// The file is a symbolic link, which someone else could point elsewhere.
    #[error("this is a symbolic link, which is not followed; name the file itself")]
    Symlink,
    /// The file system has no room left.
    #[error("the disk is full, nothing was saved; free some space and try again, or {COPY}")]
    Full,
    /// The file, its folder or its file system cannot be written.
    #[error("it cannot be written, nothing was saved; make the file and its folder writable, or {COPY}")]
    ReadOnly,
    /// The file was deleted or replaced while the case was open.
    #[error("its file was moved, deleted or replaced meanwhile, nothing was saved; {COPY}")]
    Gone,
    /// Two Huntbooks have gone on from the same case separately.
    #[error("another Huntbook has written to it since; {COPY}, nothing is lost")]
    Diverged,
    /// Someone else owns it, can write to it or can replace it.
    #[error("{0}")]
    Distrusted(Distrust),
    /// The file system refuses locks, as NFS without its lock service does.
    #[error(
        "its file system refuses locks (ENOLCK), as NFS without a lock service does, so it cannot be written there; name a \
         file on a local disk"
    )]
    NoLocks,
    /// Another process held the write lock longer than [`super::BUSY`].
    #[error("another Huntbook is writing to it; nothing was saved, try again")]
    Busy,
    /// The case was not closed and lies where its write-ahead log cannot be read in place.
    #[error(
        "it was not closed, its last entries are in the -wal file beside it, and the folder cannot be written; \
         copy both files to a writable folder and open the copy"
    )]
    Unclosed,
    /// The case was not closed while a transaction was written without a write-ahead log, and it cannot be rolled back in place.
    #[error(
        "it was not closed, what was being written is in the -journal file beside it, and it cannot be recovered there; \
         copy both files to a folder of your own that can be written and open the copy"
    )]
    HotJournal,
    /// The rollback journal beside the case names another file, which `SQLite` would read and delete.
    #[error(
        "the -journal file beside it names a file of its own to be deleted, which no Huntbook writes; somebody made it \
         so: keep both files as evidence, and open a copy of the case alone"
    )]
    ForeignJournal,
    /// The file has tables, indexes, views or triggers that no Huntbook makes, or lacks some.
    #[error(
        "{}, so no Huntbook made it, or somebody changed it; it is not opened: keep it as evidence, and go on with a new case",
        text::escape_str(object)
    )]
    ForeignSchema {
        /// What differs: "it has the view findings".
        object: String,
    },
    /// Reading it took longer than any file of its size does.
    #[error(
        "reading it does not come to an end, it is damaged or made to be read without end; keep a copy, and go on with a new case"
    )]
    Unending,
    /// Huntbook was ended after it had made the case, and before it had written that it scans.
    #[error("no scan is recorded in it: Huntbook was ended before its scan began; scan again")]
    NoScan,
    /// The file is damaged, or was changed by another program.
    #[error("it is damaged ({0}); keep a copy, run `huntbook case verify` on it, and go on with a new case")]
    Damaged(String),
    /// A call to the operating system failed.
    #[error("cannot {doing}: {source}; see to the file and its folder, or name another with --case")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The operating system's answer.
        source: io::Error,
    },
    /// `SQLite` failed in a way that has no better name here.
    #[error("the database failed ({0}); try again, or {COPY}")]
    Database(rusqlite::Error),
    /// The case has no such finding.
    #[error("there is no finding {0} in it; scan again")]
    NoSuchFinding(FindingId),
    /// The case has no such scan, or the finding was not seen in it.
    #[error("there is no such scan ({0}) in it; scan again")]
    NoSuchScan(ScanId),
    /// The scan has ended; its digest is in the journal.
    #[error("scan {0} has ended, nothing can be added to it; start another scan")]
    ScanOver(ScanId),
    /// A finding names a rule that its scan was not started with.
    #[error("the scan was not started with the rule {} of {}; scan again with it", text::escape_str(&.0.name()), text::escape_str(&.0.rule().namespace))]
    UnknownRule(FoundBy),
    /// A decision was to be recorded for no finding at all.
    #[error("no finding was chosen; choose one or more first")]
    NothingChosen,
    /// A decision that needs a reason came without one.
    #[error("a reason is required; write one")]
    NoReason,
    /// The journal has no such entry.
    #[error("there is no entry {0} in its journal; the history lists them")]
    NoSuchEntry(Seq),
    /// The entry records what happened, not what was decided.
    #[error("entry {0} of its journal is no decision and cannot be undone; undo a decision")]
    NotADecision(Seq),
    /// The entry is not in force any more.
    #[error("entry {0} of its journal has been undone already")]
    AlreadyUndone(Seq),
    /// No decision in force is left.
    #[error("there is nothing left to undo")]
    NothingToUndo,
}

impl From<Distrust> for CaseErrorKind {
    fn from(distrust: Distrust) -> Self {
        Self::Distrusted(distrust)
    }
}

impl From<rusqlite::Error> for CaseErrorKind {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error as E;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::NotADatabase) => Self::NotACase,
            Some(ErrorCode::OperationInterrupted) => Self::Unending,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::TooBig) => Self::Damaged(error.to_string()),
            Some(_) => Self::Database(error),
            None => match error {
                E::FromSqlConversionFailure(..)
                | E::IntegralValueOutOfRange(..)
                | E::InvalidColumnType(..)
                | E::Utf8Error(..)
                | E::QueryReturnedNoRows => Self::Damaged(error.to_string()),
                other => Self::Database(other),
            },
        }
    }
}

impl From<serde_json::Error> for CaseErrorKind {
    fn from(error: serde_json::Error) -> Self {
        Self::Damaged(error.to_string())
    }
}

/// The result of work inside a case, before the case's path is added to the failure.
pub(super) type CaseOutcome<T> = Result<T, CaseErrorKind>;

/// What a failure of the file system comes to while Huntbook was `doing` something.
pub(super) fn io_fault(doing: &'static str) -> impl Fn(io::Error) -> CaseErrorKind {
    move |source| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => CaseErrorKind::Full,
        io::ErrorKind::ReadOnlyFilesystem => CaseErrorKind::ReadOnly,
        _ => CaseErrorKind::Io { doing, source },
    }
}
