//! What can go wrong with a case, and what to do about it.

use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;

use super::{FindingId, ScanId, Seq};
use crate::finding::RuleId;
use crate::text;

/// A failure, with the case it concerns. Nothing was written by the call that returned it, and the case can be used on.
#[derive(Debug, thiserror::Error)]
#[error("case {}: {fault}", text::escape_path(.path))]
pub struct CaseError {
    /// The case's file; `in memory only` for one that has none.
    pub path: PathBuf,
    /// What went wrong.
    pub fault: CaseFault,
}

/// What went wrong with a case.
#[derive(Debug, thiserror::Error)]
pub enum CaseFault {
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
    #[error("the disk is full, nothing was saved; free some space and try again, or save a copy elsewhere")]
    Full,
    /// The file, its folder or its file system cannot be written.
    #[error("it cannot be written, nothing was saved; make the file and its folder writable, or save a copy elsewhere")]
    ReadOnly,
    /// The file was deleted or replaced while the case was open.
    #[error("its file was moved, deleted or replaced meanwhile, nothing was saved; save a copy elsewhere")]
    Gone,
    /// Two Huntbooks have gone on from the same case separately.
    #[error("another Huntbook has written to it since; save a copy elsewhere, nothing is lost")]
    Diverged,
    /// Another process held the write lock longer than [`super::BUSY`].
    #[error("another Huntbook is writing to it; nothing was saved, try again")]
    Busy,
    /// The case was not closed and lies where its write-ahead log cannot be read in place.
    #[error(
        "it was not closed, its last entries are in the -wal file beside it, and the folder cannot be written; \
         copy both files to a writable folder and open the copy"
    )]
    Unclosed,
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
    #[error("the database failed ({0}); try again, or save a copy elsewhere")]
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
    #[error("the scan was not started with the rule {} of {}; scan again with it", text::escape_str(&.0.name), text::escape_str(&.0.namespace))]
    UnknownRule(RuleId),
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

impl From<rusqlite::Error> for CaseFault {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error as E;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::NotADatabase) => Self::NotACase,
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

impl From<serde_json::Error> for CaseFault {
    fn from(error: serde_json::Error) -> Self {
        Self::Damaged(error.to_string())
    }
}

/// The result of work inside a case, before the case's path is added to the failure.
pub(super) type Outcome<T> = Result<T, CaseFault>;
