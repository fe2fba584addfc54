//! The case: the record of one hunt on one box, in one `SQLite` file.
//!
//! Three kinds of things are in it. **What was seen**: host facts, scans with their rules, findings with their bytes,
//! coverage, what the box said of them. **What was decided**: the [`journal`], to which entries are only ever added and in which each entry holds
//! the hash of the one before. **What that comes to**: answers and verdicts, worked out from the other two by
//! [`replay`], stored for quick reading in the same transaction, and checked by [`Case::verify`].
//!
//! A decision is on the disk (WAL, `synchronous=FULL`) before the call that records it returns. The end of a scan puts a
//! digest of all that it saw into the journal, so the hash chain covers the findings too. Several processes may use one
//! case: readers never wait, writers take turns.

mod acts;
mod annotations;
mod chain;
mod closing;
mod copies;
mod decide;
mod digest;
mod error;
mod facts;
mod gathered;
mod guard;
mod ids;
mod journal;
mod migrate;
mod not_seen;
mod opening;
mod own_files;
mod place;
mod query;
mod record;
mod replay;
mod rules;
mod scans;
mod schema;
mod summary;
mod tables;
mod verification;
mod verify;
mod vouched;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};

pub(crate) use acts::LastDecided;
pub(crate) use annotations::Annotations;
pub(crate) use closing::{LOG_MISSING, LogState};
pub use decide::Undo;
pub use error::CaseError;
pub(crate) use error::CaseErrorKind;
pub(crate) use gathered::EvidenceEnd;
pub(crate) use ids::ScanId;
pub use ids::{FindingId, Seq};
pub(crate) use journal::{Act, Cover, Head, JournalSubject, PathText, ScanTotals};
pub use journal::{Decision, JournalEntry, JournalEvent, Record, Stamp};
#[cfg(test)]
pub(crate) use not_seen::Absence;
pub(crate) use not_seen::{Gone, Unmet};
pub(crate) use own_files::{files_in, with_its_log};
pub(crate) use place::{default_folder, default_path};
#[cfg(test)]
pub(crate) use query::ScanComparison;
pub use query::Sighting;
pub(crate) use query::{FindingRow, GivenAnswer};
pub use rules::RuleRecord;
pub(crate) use scans::ScanRow;
pub use scans::{NotScanned, ScanEnd, ScanOutcome, ScanPlan};
pub use summary::CaseSummary;
#[cfg(test)]
pub(crate) use verification::CaseProblem;

use error::CaseOutcome;

/// How long a call waits for another process's write lock before it gives up with [`CaseErrorKind::Busy`].
pub(crate) const BUSY: Duration = Duration::from_secs(5);

/// An open case. One connection; give each thread its own.
#[derive(Debug)]
pub struct Case {
    db: Connection,
    path: PathBuf,
    /// Where it is written; `None` in memory and when it is only read.
    place: Option<opening::CaseFile>,
    log: LogState,
    /// Whether the journal says that the log was missing, if it was.
    loss_recorded: bool,
    deadline: guard::Deadline,
}

impl Drop for Case {
    fn drop(&mut self) {
        // The name may be another file's by now, whose log is not to be touched; and that a log is missing is not to be hidden.
        let told = self.log != LogState::Missing || self.loss_recorded;
        if told && self.place.as_ref().is_some_and(|place| place.must_be_there().is_ok()) {
            closing::close(&self.db);
        }
    }
}

impl Case {
    /// The case's file; `in memory only` for one that has none.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether all that was recorded is in the case's files.
    pub fn log_state(&self) -> LogState {
        self.log
    }

    /// Runs `work` on one state of the case, whatever other processes write meanwhile.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> CaseOutcome<T>) -> Result<T, CaseError> {
        self.deadline.restart();
        let read = || work(&*self.db.unchecked_transaction()?);
        read().map_err(|fault| self.error(fault))
    }

    /// Runs `work` with the write lock; all of it is on the disk when this returns, or nothing is.
    fn write<T>(&mut self, work: impl FnOnce(&Connection) -> CaseOutcome<T>) -> Result<T, CaseError> {
        self.deadline.restart();
        let write = || {
            let transaction = Transaction::new_unchecked(&self.db, TransactionBehavior::Immediate)?;
            let done = work(&transaction)?;
            self.place.as_ref().map_or(Ok(()), opening::CaseFile::must_be_there)?;
            transaction.commit()?;
            Ok(done)
        };
        write().map_err(|fault| self.error(fault))
    }

    fn error(&self, fault: CaseErrorKind) -> CaseError {
        CaseError { path: self.path.clone(), fault }
    }
}
