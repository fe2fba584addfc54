//! The levers of a running scan and the gauges it shows, shared between the scan's threads and whoever watches.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a worker is to do at a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Go on.
    Continue,
    /// Leave the file at hand; coverage says that it was skipped.
    SkipFile,
    /// End the scan.
    Cancel,
}

const RUNNING: u8 = 0;
const PAUSED: u8 = 1;
const CANCELLED: u8 = 2;

/// Pause, resume, cancel and skip, effective at each worker's next checkpoint (once per chunk of a file).
#[derive(Debug, Default)]
pub struct Control {
    state: AtomicU8,
    gate: Mutex<()>,
    opened: Condvar,
    skips: Vec<AtomicBool>,
}

impl Control {
    /// Levers for `workers` workers.
    pub fn new(workers: usize) -> Self {
        Self { skips: (0..workers).map(|_| AtomicBool::new(false)).collect(), ..Self::default() }
    }

    /// How many workers there are.
    pub fn workers(&self) -> usize {
        self.skips.len()
    }

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

    /// Makes every worker leave the file it is reading now.
    pub fn skip_current(&self) {
        for skip in &self.skips {
            skip.store(true, Ordering::Release);
        }
    }

    /// Whether workers are waiting, or will be at their next checkpoint.
    pub fn is_paused(&self) -> bool {
        self.state.load(Ordering::Acquire) == PAUSED
    }

    /// Whether the scan was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.state.load(Ordering::Acquire) == CANCELLED
    }

    /// Forgets a skip that was meant for an earlier file.
    pub(super) fn begin_file(&self, worker: usize) {
        if let Some(skip) = self.skips.get(worker) {
            skip.store(false, Ordering::Release);
        }
    }

    /// Where a worker learns what to do; waits here while the scan is paused.
    pub(super) fn checkpoint(&self, worker: usize) -> Order {
        if self.state.load(Ordering::Acquire) == PAUSED {
            let mut guard = lock(&self.gate);
            while self.state.load(Ordering::Acquire) == PAUSED {
                guard = self.opened.wait(guard).unwrap_or_else(PoisonError::into_inner);
            }
        }
        if self.is_cancelled() {
            return Order::Cancel;
        }
        match self.skips.get(worker) {
            Some(skip) if skip.swap(false, Ordering::AcqRel) => Order::SkipFile,
            _ => Order::Continue,
        }
    }
}

/// What a scan has done so far; every number only grows.
#[derive(Debug)]
pub struct Progress {
    /// Regular files looked at, whatever came of it.
    pub files: AtomicU64,
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
    current: Vec<Mutex<PathBuf>>,
    started: Instant,
}

impl Progress {
    /// Gauges for `workers` workers, started now.
    pub fn new(workers: usize) -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            files: zero(),
            bytes: zero(),
            folders: zero(),
            links: zero(),
            gaps: zero(),
            findings: zero(),
            total_files: zero(),
            counted: AtomicBool::new(false),
            current: (0..workers).map(|_| Mutex::default()).collect(),
            started: Instant::now(),
        }
    }

    /// The gauges at this moment.
    pub fn read(&self) -> Reading {
        let get = |gauge: &AtomicU64| gauge.load(Ordering::Relaxed);
        Reading {
            files: get(&self.files),
            bytes: get(&self.bytes),
            folders: get(&self.folders),
            links: get(&self.links),
            gaps: get(&self.gaps),
            findings: get(&self.findings),
            total_files: self.counted.load(Ordering::Acquire).then(|| get(&self.total_files)),
            elapsed: self.started.elapsed(),
        }
    }

    /// A path that is being read now.
    pub fn current_path(&self) -> PathBuf {
        self.current.first().map(|slot| lock(slot).clone()).unwrap_or_default()
    }

    pub(super) fn enter(&self, worker: usize, path: &Path) {
        if let Some(slot) = self.current.get(worker) {
            let mut slot = lock(slot);
            slot.clear();
            slot.push(path);
        }
    }
}

/// [`Progress`] at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// See [`Progress::files`].
    pub files: u64,
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paused_worker_waits_until_it_may_go_on_or_must_end() {
        let control = Control::new(1);
        control.pause();
        assert!(control.is_paused());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| control.checkpoint(0));
            std::thread::sleep(Duration::from_millis(20));
            assert!(!waiting.is_finished());
            control.resume();
            assert_eq!(waiting.join().unwrap(), Order::Continue);
        });
        control.pause();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| control.checkpoint(0));
            control.cancel();
            assert_eq!(waiting.join().unwrap(), Order::Cancel);
        });
        control.resume();
        assert!(control.is_cancelled());
    }

    #[test]
    fn a_skip_is_for_one_file_only() {
        let control = Control::new(2);
        control.skip_current();
        assert_eq!(control.checkpoint(0), Order::SkipFile);
        assert_eq!(control.checkpoint(0), Order::Continue);
        control.begin_file(1);
        assert_eq!(control.checkpoint(1), Order::Continue);
    }
}
