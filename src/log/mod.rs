//! The log that `--log FILE` asks for: one line an event, for whoever has to tell afterwards what the program did.
//!
//! ```text
//! # Huntbook log
//! 2026-03-01T09:12:44.102Z  INFO scan started tree="/srv" …
//! 2026-03-01T09:12:44.870Z  WARN not scanned reason="permission denied" path="/srv/keys"
//! ```
//!
//! Any room says what happens by `tracing`'s macros; without a log that costs next to nothing. Lines are written by a
//! thread of their own, so that nobody waits for a disk, and a disk that is full or gone costs lines, never the program.
//! Whatever a line holds is escaped as a whole: one event is one line.

mod sink;

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use jiff::Timestamp;
use rustix::fs::OFlags;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use crate::storage::{Distrust, Trust};
use crate::text;
use crate::timeout::{self, NoThread};
use sink::LogSink;

/// What a log begins with, so that no other file is ever added to by a slip.
const HEADER: &str = "# Huntbook log\n";
/// Lines that wait for the disk at most; what comes on top is counted and left out.
const WAITING: usize = 16 * 1024;
/// How long the end of the program waits for the disk.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Why there is no log. Paths are safe to show.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The system refused.
    #[error("the log {path} cannot be written: {error}; name another file with --log")]
    Refused {
        /// The file.
        path: String,
        /// What the system said.
        error: io::Error,
    },
    /// It is a link, folder, FIFO or device.
    #[error("the log {0} is not a regular file; name one, or one that is not there yet, with --log")]
    NotRegular(String),
    /// It is there and something else.
    #[error("{0} is there and is no Huntbook log; name a file that is not there yet with --log")]
    Foreign(String),
    /// Someone else owns it, can write to it or can replace it.
    #[error("the log {0}")]
    Distrusted(#[from] Distrust),
    /// There is no thread to write it.
    #[error(transparent)]
    NoThread(#[from] NoThread),
}

/// The running log. Dropping it waits a moment for lines that are still on their way.
#[derive(Debug)]
pub struct Log {
    jobs: Sender<Job>,
}

enum Job {
    Line(String),
    /// Answer when everything before is written.
    Flush(Sender<()>),
}

impl Log {
    /// Opens the file at `path`, made new with mode 0600 or added to, and has every event up to `level` written there
    /// from now on, by the whole process.
    ///
    /// # Errors
    /// When the file cannot be opened, or is there and no log.
    pub fn start(path: &Path, level: LevelFilter) -> Result<Self, LogError> {
        let mut sink = LogSink::new(open(path)?);
        let (jobs, queue) = bounded(WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        let lines = Lines { jobs: jobs.clone(), dropped: Arc::clone(&dropped) };
        timeout::spawn("log", move || {
            for job in queue {
                match job {
                    Job::Line(line) => {
                        sink.missed(dropped.swap(0, Ordering::Relaxed));
                        sink.line(&line);
                    }
                    Job::Flush(done) => _ = done.send(()),
                }
            }
        })?;
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_target(false)
            .with_timer(Utc)
            .with_max_level(level)
            .log_internal_errors(false)
            .with_writer(move || lines.clone())
            .finish();
        // A process that has a log already keeps it.
        let _ = tracing::subscriber::set_global_default(subscriber);
        Ok(Self { jobs })
    }

    /// What waits until the lines so far are written, but not for long; for those who are about to end the program.
    pub fn flusher(&self) -> impl Fn() + Send + Sync + use<> {
        let jobs = self.jobs.clone();
        move || {
            let (done, written) = bounded(1);
            if jobs.send_timeout(Job::Flush(done), FLUSH_TIMEOUT).is_ok() {
                let _ = written.recv_timeout(FLUSH_TIMEOUT);
            }
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.flusher()();
    }
}

fn open(path: &Path) -> Result<File, LogError> {
    let shown = || text::escape_path(path).into_owned();
    let refused = |error| LogError::Refused { path: shown(), error };
    // A FIFO must not hang the program, and a link must not lead the log elsewhere.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let new = std::fs::symlink_metadata(path).is_err();
    Trust::current().check_folders(path)?;
    let opened = OpenOptions::new().read(true).append(true).create(true).mode(0o600).custom_flags(flags).open(path);
    let mut file = opened.map_err(|error| match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
        Some(rustix::io::Errno::LOOP) => LogError::NotRegular(shown()),
        _ => refused(error),
    })?;
    let facts = file.metadata().map_err(refused)?;
    if !facts.is_file() {
        return Err(LogError::NotRegular(shown()));
    }
    if !new {
        Trust::current().check_file(path, &facts)?;
    }
    if facts.len() == 0 {
        if let Err(error) = file.write_all(HEADER.as_bytes()) {
            // A file that was made here and holds nothing is no use to anyone.
            if new && file.metadata().is_ok_and(|facts| facts.len() == 0) {
                let _ = std::fs::remove_file(path);
            }
            return Err(refused(error));
        }
    } else {
        let mut head = [0; HEADER.len()];
        if file.read_exact(&mut head).is_err() || head != HEADER.as_bytes() {
            return Err(LogError::Foreign(shown()));
        }
    }
    file.set_permissions(Permissions::from_mode(0o600)).map_err(refused)?;
    Ok(file)
}

/// Takes what the formatter has made of one event, which it writes in one piece.
#[derive(Clone)]
struct Lines {
    jobs: Sender<Job>,
    dropped: Arc<AtomicU64>,
}

impl Write for Lines {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let line = text::escape(event.strip_suffix(b"\n").unwrap_or(event)).into_owned();
        if self.jobs.try_send(Job::Line(line)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// UTC in milliseconds, as journal and reports have it.
struct Utc;

impl FormatTime for Utc {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        write!(writer, "{:.3}", Timestamp::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_private_added_to_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hunt.log");
        open(&path).unwrap().write_all(b"first\n").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        open(&path).unwrap().write_all(b"second\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{HEADER}first\nsecond\n"));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

        std::fs::set_permissions(&path, Permissions::from_mode(0o622)).unwrap();
        assert!(matches!(open(&path), Err(LogError::Distrusted(_))));
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();

        let other = dir.path().join("evidence");
        std::fs::write(&other, "#!/bin/sh\n# Huntbook log\n").unwrap();
        assert!(matches!(open(&other), Err(LogError::Foreign(_))));
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(open(&link), Err(LogError::NotRegular(_))));
        let error = open(&dir.path().join("no/such")).unwrap_err().to_string();
        assert!(error.contains("no/such cannot be written") && error.contains("--log"), "{error}");
        assert!(open(dir.path()).is_err());
    }

    #[test]
    fn one_event_is_one_line_whatever_it_holds() {
        let (jobs, queue) = bounded(1);
        let mut lines = Lines { jobs, dropped: Arc::default() };
        lines.write_all("WARN path=a\n2026 INFO forged \u{1b}[2J\u{202e}\n".as_bytes()).unwrap();
        let Ok(Job::Line(line)) = queue.try_recv() else { panic!("no line") };
        assert_eq!(line, "WARN path=a\\n2026 INFO forged \\x1b[2J\\u{202e}");
        lines.write_all(b"second\n").unwrap();
        lines.write_all(b"third\n").unwrap();
        assert_eq!(lines.dropped.load(Ordering::Relaxed), 1, "nobody waits for the disk");
    }
}
