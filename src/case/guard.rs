//! What keeps a case from elsewhere from doing harm: its schema runs nothing, its values are bounded, and no question to it
//! goes on for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;

use super::BUSY;
use super::error::CaseOutcome;

/// The longest value read from or written to a case, in bytes: a file from elsewhere must not fill the memory.
const MAX_VALUE_BYTES: i32 = 64 << 20;
/// The longest statement, in bytes, definitions in the schema included; those of a case have 600 bytes at most.
const MAX_STATEMENT_BYTES: i32 = 100_000;
/// Instructions of `SQLite`'s machine between two looks at the clock; some microseconds.
const INSTRUCTIONS: std::ffi::c_int = 10_000;
/// How long one question may take whatever the size of the case, and the longer the larger it is.
const MIN_TIME: Duration = Duration::from_secs(30);
/// Bytes for which a question may take a second more; a slow disk reads tens of times as many.
const BYTES_PER_SECOND: u64 = 1 << 20;

/// The time at which what `SQLite` does now is broken off. A damaged or hostile tree of pages can be read without end.
#[derive(Debug, Clone)]
pub(super) struct Deadline {
    begun: Instant,
    /// Milliseconds after `begun`; `u64::MAX` for none.
    ends: Arc<AtomicU64>,
    pub(super) allowed: Duration,
}

impl Deadline {
    /// For a case of `size` bytes; it runs from now.
    fn new(size: u64) -> Self {
        let allowed = MIN_TIME + Duration::from_secs(size / BYTES_PER_SECOND);
        let deadline = Self { begun: Instant::now(), ends: Arc::new(AtomicU64::new(0)), allowed };
        deadline.restart();
        deadline
    }

    /// Gives what is done next all the time that is allowed.
    pub(super) fn restart(&self) {
        let ends = self.begun.elapsed() + self.allowed;
        self.ends.store(u64::try_from(ends.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.begun.elapsed().as_millis() >= u128::from(self.ends.load(Ordering::Relaxed))
    }
}

/// Makes a connection to a case of `size` bytes defensive (<https://www.sqlite.org/security.html>), before its schema is
/// looked at. Triggers are off until the schema has proved to be one that Huntbook makes.
pub(super) fn harden(db: &mut Connection, size: u64) -> CaseOutcome<Deadline> {
    let deadline = Deadline::new(size);
    let watched = deadline.clone();
    db.progress_handler(INSTRUCTIONS, Some(move || watched.is_over()))?;
    db.busy_timeout(BUSY)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    db.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)?;
    db.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, MAX_STATEMENT_BYTES)?;
    db.set_limit(Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1)?;
    db.set_limit(Limit::SQLITE_LIMIT_WORKER_THREADS, 0)?;
    db.pragma_update(None, "cell_size_check", true)?;
    // A sort that spills would go to a folder for everyone, where this process may not write.
    db.pragma_update(None, "temp_store", "memory")?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(deadline)
}

/// Lets the triggers of a case that is written to keep its journal, and its rows refer to rows that are there.
pub(super) fn keep_rules(db: &Connection) -> CaseOutcome<()> {
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, true)?;
    db.pragma_update(None, "foreign_keys", true)?;
    Ok(())
}
