//! The control of a running scan and the progress it shows, shared between the scan's threads and whoever watches.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::worker_slot::WorkerSlot;
use crate::text;

/// What a worker is to do at a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Directive {
    /// Go on.
    Continue,
    /// Leave the file at hand; coverage says that it was skipped.
    SkipFile,
    /// End the scan.
    Cancel,
}

/// A file system in order answers sooner than this, on a slow disk too.
const SILENT: Duration = Duration::from_secs(3);

const RUNNING: u8 = 0;
const PAUSED: u8 = 1;
const CANCELLED: u8 = 2;

/// Pause, resume, cancel and skip, effective at each worker's next checkpoint (once per chunk of a file).
#[derive(Debug, Default)]
pub struct Control {
    state: AtomicU8,
    gate: Mutex<()>,
    opened: Condvar,
    /// How often a skip was asked for.
    skips: AtomicU64,
}

impl Control {
    /// Makes workers wait at their next checkpoint.
    pub fn pause(&self) {
        let _ = self.state.compare_exchange(RUNNING, PAUSED, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Lets waiting workers go on.
    pub fn resume(&self) {
        let _guard = lock(&self.gate);
        let _ = self.state.compare_exchange(PAUSED, RUNNING, Ordering::AcqRel, Ordering::Acquire);
        self.opened.notify_all();
    }

    /// Ends the scan; there is no way back.
    pub fn cancel(&self) {
        let _guard = lock(&self.gate);
        self.state.store(CANCELLED, Ordering::Release);
        self.opened.notify_all();
    }

    /// Makes every worker leave the file it is reading now. A file or folder that does not answer is given up.
    pub fn skip_current(&self) {
        self.skips.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether workers are waiting, or will be at their next checkpoint.
    pub fn is_paused(&self) -> bool {
        self.state.load(Ordering::Acquire) == PAUSED
    }

    /// Whether the scan was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.state.load(Ordering::Acquire) == CANCELLED
    }

    /// How often a skip was asked for up to now: those are not meant for a file that begins after them.
    pub(super) fn skips(&self) -> u64 {
        self.skips.load(Ordering::Acquire)
    }

    /// Where a worker learns what to do with a file that it began after so many `skips`; waits here while the scan is
    /// paused.
    pub(super) fn checkpoint(&self, skips: u64) -> Directive {
        if self.state.load(Ordering::Acquire) == PAUSED {
            let mut guard = lock(&self.gate);
            while self.state.load(Ordering::Acquire) == PAUSED {
                guard = self.opened.wait(guard).unwrap_or_else(PoisonError::into_inner);
            }
        }
        if self.is_cancelled() {
            return Directive::Cancel;
        }
        if self.skips() == skips { Directive::Continue } else { Directive::SkipFile }
    }
}

/// What a scan has done so far; every number only grows.
#[derive(Debug)]
pub struct Progress {
    /// Regular files looked at, whatever came of it.
    pub files: AtomicU64,
    /// Members of archives looked at, whatever came of it.
    pub members: AtomicU64,
    /// Executables and regions of memory of processes looked at.
    pub processes: AtomicU64,
    /// Bytes of file content dealt with, holes of sparse files included.
    pub bytes: AtomicU64,
    /// Folders entered.
    pub folders: AtomicU64,
    /// Symbolic links seen and not followed.
    pub links: AtomicU64,
    /// Files and folders in coverage whose content went unseen.
    pub gaps: AtomicU64,
    /// Findings and candidates reported.
    pub findings: AtomicU64,
    /// Files the counting walk has seen, and whether it has seen all.
    pub total_files: AtomicU64,
    /// Set when the counting walk is through.
    pub counted: AtomicBool,
    slots: Mutex<Vec<Arc<WorkerSlot>>>,
    started: Instant,
}

impl Progress {
    /// Gauges, started now.
    pub(super) fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            files: zero(),
            members: zero(),
            processes: zero(),
            bytes: zero(),
            folders: zero(),
            links: zero(),
            gaps: zero(),
            findings: zero(),
            total_files: zero(),
            counted: AtomicBool::new(false),
            slots: Mutex::default(),
            started: Instant::now(),
        }
    }

    /// The gauges at this moment.
    pub fn read(&self) -> ProgressSnapshot {
        let get = |gauge: &AtomicU64| gauge.load(Ordering::Relaxed);
        ProgressSnapshot {
            files: get(&self.files),
            members: get(&self.members),
            processes: get(&self.processes),
            bytes: get(&self.bytes),
            folders: get(&self.folders),
            links: get(&self.links),
            gaps: get(&self.gaps),
            findings: get(&self.findings),
            total_files: self.counted.load(Ordering::Acquire).then(|| get(&self.total_files)),
            elapsed: self.started.elapsed(),
        }
    }

    /// What is being read now; what has been without an answer for [`SILENT`] comes first, the longest first.
    pub fn current(&self) -> Current {
        let slots = lock(&self.slots);
        let mut current = slots.iter().filter_map(|slot| slot.current());
        let Some(first) = current.next() else { return Current::default() };
        let longest = current.fold(first, |one, other| if other.1 >= SILENT && other.1 > one.1 { other } else { one });
        let (path, waited) = longest;
        Current { path, silent: (waited >= SILENT).then_some(waited) }
    }

    /// Shows what the thread in this slot is at from now on.
    pub(super) fn show(&self, slot: &Arc<WorkerSlot>) {
        lock(&self.slots).push(Arc::clone(slot));
    }

    /// Shows it no longer.
    pub(super) fn hide(&self, slot: &Arc<WorkerSlot>) {
        lock(&self.slots).retain(|shown| !Arc::ptr_eq(shown, slot));
    }
}

/// What a scan has at hand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Current {
    /// The file, or a folder that does not answer.
    pub path: PathBuf,
    /// How long it has been without an answer, if that is longer than a file system in order takes.
    pub silent: Option<Duration>,
}

/// [`Progress`] at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProgressSnapshot {
    /// See [`Progress::files`].
    pub files: u64,
    /// See [`Progress::members`].
    pub members: u64,
    /// See [`Progress::processes`].
    pub processes: u64,
    /// See [`Progress::bytes`].
    pub bytes: u64,
    /// See [`Progress::folders`].
    pub folders: u64,
    /// See [`Progress::links`].
    pub links: u64,
    /// See [`Progress::gaps`].
    pub gaps: u64,
    /// See [`Progress::findings`].
    pub findings: u64,
    /// Files there are in all, once the counting walk knows.
    pub total_files: Option<u64>,
    /// Time since the scan began.
    pub elapsed: Duration,
}

impl ProgressSnapshot {
    /// The files, and the members of archives where there were any.
    pub fn scanned(&self) -> String {
        scanned(self.files, self.members, self.processes)
    }
}

/// `3 files + 2 members of archives + 1 part of processes`: what a scan went through, without what there was none of.
pub(crate) fn scanned(files: u64, members: u64, processes: u64) -> String {
    let more = [
        (members, text::counted(members, "member") + " of archives"),
        (processes, text::counted(processes, "part") + " of processes"),
    ];
    let more = more.into_iter().filter(|(count, _)| *count > 0).map(|(_, said)| said);
    std::iter::once(text::counted(files, "file")).chain(more).collect::<Vec<_>>().join(" + ")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paused_worker_waits_until_it_may_go_on_or_must_end() {
        let control = Control::default();
        control.pause();
        assert!(control.is_paused());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| control.checkpoint(0));
            std::thread::sleep(Duration::from_millis(20));
            assert!(!waiting.is_finished());
            control.resume();
            assert_eq!(waiting.join().unwrap(), Directive::Continue);
        });
        control.pause();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| control.checkpoint(0));
            control.cancel();
            assert_eq!(waiting.join().unwrap(), Directive::Cancel);
        });
        control.resume();
        assert!(control.is_cancelled());
    }

    #[test]
    fn a_skip_is_for_one_file_only() {
        let control = Control::default();
        let before = control.skips();
        control.skip_current();
        assert_eq!(control.checkpoint(before), Directive::SkipFile);
        assert_eq!(control.checkpoint(control.skips()), Directive::Continue);
    }
}
