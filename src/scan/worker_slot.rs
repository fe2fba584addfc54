//! What a thread of the scan has before it, kept where the supervisor can see it and take it away.
//!
//! The thread's [`CallClock`] tells since when it waits for a file system. When that is too long the supervisor abandons
//! the thread: what it has not begun goes to another, and when the answer does come, the slot tells the thread that
//! nobody wants it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::memory::Share;
use super::open_folder::OpenFolder;
use crate::timeout::CallClock;

/// Files of one folder, on their way to a worker.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Device number of the file system the folder is on.
    pub device: u64,
    /// The folder itself, unless too many are open.
    pub folder: Option<Arc<OpenFolder>>,
    pub paths: Vec<PathBuf>,
}

/// The thread was abandoned; it must end without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Abandoned;

/// What a thread left behind when it was abandoned or died.
#[derive(Debug)]
pub(super) struct AbandonedWork {
    /// The file or folder that it was at; empty when it had begun none.
    pub path: PathBuf,
    /// The file system that is on, if that is known.
    pub device: Option<u64>,
    /// How long it had waited for an answer.
    pub waited: Duration,
    /// What it had not begun.
    pub rest: Batch,
}

/// One thread's slot.
#[derive(Debug, Default)]
pub(super) struct WorkerSlot {
    clock: CallClock,
    job: Mutex<Job>,
}

#[derive(Debug, Default)]
struct Job {
    path: PathBuf,
    device: Option<u64>,
    /// The skips asked for before it began with this path.
    skips: u64,
    rest: Batch,
    /// Held here, so that it comes back when the thread does not.
    share: Option<Share>,
}

impl WorkerSlot {
    /// Has the calls of the thread that calls timed by this slot's clock.
    pub(super) fn occupy(&self) {
        self.clock.install();
    }

    /// Begins with `path`, after so many skips were asked for.
    pub(super) fn begin(&self, path: &Path, device: Option<u64>, skips: u64) -> Result<(), Abandoned> {
        let mut job = self.job()?;
        job.path.clear();
        job.path.push(path);
        (job.device, job.skips) = (device, skips);
        Ok(())
    }

    /// Goes on to something inside of the path that it began with.
    pub(super) fn at(&self, path: &Path) -> Result<(), Abandoned> {
        let mut job = self.job()?;
        job.path.clear();
        job.path.push(path);
        Ok(())
    }

    /// Whether what the thread has come to is still wanted. Outside of a [`blocking_call`](crate::timeout::blocking_call)
    /// that stays so.
    pub(super) fn check(&self) -> Result<(), Abandoned> {
        if self.clock.is_abandoned() { Err(Abandoned) } else { Ok(()) }
    }

    /// Tells which file system the path is on.
    pub(super) fn set_device(&self, device: u64) -> Result<(), Abandoned> {
        self.job()?.device = Some(device);
        Ok(())
    }

    /// Changes what is not begun yet.
    pub(super) fn with_rest<T>(&self, change: impl FnOnce(&mut Batch) -> T) -> Result<T, Abandoned> {
        Ok(change(&mut self.job()?.rest))
    }

    /// Keeps memory until what is returned is dropped, or the thread is abandoned.
    pub(super) fn hold(&self, share: Share) -> Result<MemoryGuard<'_>, Abandoned> {
        self.job()?.share = Some(share);
        Ok(MemoryGuard(self))
    }

    /// The path that the thread is at and how long it has been without an answer; nothing of one that was abandoned.
    pub(super) fn current(&self) -> Option<(PathBuf, Duration)> {
        Some((self.job().ok()?.path.clone(), self.clock.waited()))
    }

    /// Abandons the thread if it has waited for `limit`, or for `prompt` if a skip beyond the first `skips` is meant for
    /// it.
    pub(super) fn abandon_after(&self, limit: Duration, prompt: Duration, skips: u64) -> Option<AbandonedWork> {
        let limit = if self.job().ok()?.skips == skips { limit } else { limit.min(prompt) };
        Some(self.take(self.clock.abandon_after(limit)?))
    }

    /// Abandons the thread whatever it does.
    pub(super) fn abandon(&self) -> Option<AbandonedWork> {
        Some(self.take(self.clock.abandon()?))
    }

    fn take(&self, waited: Duration) -> AbandonedWork {
        let Job { path, device, rest, .. } = std::mem::take(&mut *self.lock());
        AbandonedWork { path, device, waited, rest }
    }

    fn job(&self) -> Result<MutexGuard<'_, Job>, Abandoned> {
        self.check()?;
        Ok(self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Job> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Memory that lies in a slot.
#[derive(Debug)]
pub(super) struct MemoryGuard<'s>(&'s WorkerSlot);

impl Drop for MemoryGuard<'_> {
    fn drop(&mut self) {
        self.0.lock().share = None;
    }
}

#[cfg(test)]
mod tests {
    use super::super::memory::MemoryBudget;
    use super::*;
    use crate::timeout::blocking_call;

    const NOW: Duration = Duration::ZERO;
    const LATER: Duration = Duration::from_hours(1);

    #[test]
    fn only_a_thread_that_waits_is_abandoned_and_all_that_it_held_comes_back() {
        let (slot, memory) = (WorkerSlot::default(), Arc::new(MemoryBudget::new(10)));
        slot.occupy();
        slot.with_rest(|rest| rest.paths.push("/next".into())).unwrap();
        slot.begin(Path::new("/file"), Some(7), 0).unwrap();
        let held = slot.hold(memory.take(10, || Ok::<_, ()>(())).unwrap()).unwrap();
        assert!(slot.abandon_after(NOW, NOW, 0).is_none(), "it has its answer");
        let left = blocking_call(|| {
            assert!(slot.abandon_after(LATER, LATER, 0).is_none(), "it has not waited for long");
            slot.abandon_after(NOW, NOW, 0).unwrap()
        });
        assert_eq!((left.path, left.device, left.rest.paths), ("/file".into(), Some(7), vec!["/next".into()]));
        assert!(memory.take(10, || Err(())).is_ok(), "the memory is free, though the thread still has its guard");
        assert_eq!(
            (slot.check(), slot.begin(Path::new("/x"), None, 0), slot.current()),
            (Err(Abandoned), Err(Abandoned), None)
        );
        assert!(slot.abandon_after(NOW, NOW, 0).is_none() && slot.abandon().is_none(), "once is enough");
        drop(held);
    }

    #[test]
    fn a_skip_that_came_after_the_file_began_shortens_the_wait() {
        let slot = WorkerSlot::default();
        slot.occupy();
        slot.begin(Path::new("/file"), None, 3).unwrap();
        assert!(blocking_call(|| slot.abandon_after(LATER, NOW, 3)).is_none());
        assert!(blocking_call(|| slot.abandon_after(LATER, NOW, 4)).is_some());
    }
}
