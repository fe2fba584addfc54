//! What a thread of the scan has before it, kept where others can see it and take it away.
//!
//! A server that has gone can keep a system call waiting for ever, and nothing breaks that off. So a thread says in its
//! seat when it asks a file system for something and when it has the answer. One that waits too long is given up: what
//! it has not begun goes to another, and when the answer does come, the seat tells the thread that nobody wants it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::memory::Share;

/// Files of one folder, on their way to a worker.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Device number of the file system the folder is on.
    pub device: u64,
    pub paths: Vec<PathBuf>,
}

/// The thread was given up; it must end without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GivenUp;

/// What a thread left behind when it was given up.
#[derive(Debug)]
pub(super) struct Left {
    /// The file or folder that it was at.
    pub path: PathBuf,
    /// The file system that is on, if that is known.
    pub device: Option<u64>,
    /// How long it had waited for an answer.
    pub waited: Duration,
    /// What it had not begun.
    pub rest: Batch,
}

/// One thread's seat.
#[derive(Debug, Default)]
pub(super) struct Seat(Mutex<Job>);

#[derive(Debug, Default)]
struct Job {
    path: PathBuf,
    device: Option<u64>,
    /// The skips asked for before it began with this path.
    skips: u64,
    asked: Option<Instant>,
    rest: Batch,
    /// Held here, so that it comes back when the thread does not.
    share: Option<Share>,
    given_up: bool,
}

impl Seat {
    /// Begins with `path`, after so many skips were asked for, and asks for something of it.
    pub(super) fn begin(&self, path: &Path, device: Option<u64>, skips: u64) -> Result<(), GivenUp> {
        let mut job = self.wanted()?;
        job.path.clear();
        job.path.push(path);
        (job.device, job.skips, job.asked) = (device, skips, Some(Instant::now()));
        Ok(())
    }

    /// The thread asks a file system for something.
    pub(super) fn asks(&self) -> Result<(), GivenUp> {
        self.wanted()?.asked = Some(Instant::now());
        Ok(())
    }

    /// The thread has its answer, and does something else for now.
    pub(super) fn has_answer(&self) -> Result<(), GivenUp> {
        self.wanted()?.asked = None;
        Ok(())
    }

    /// The answer was which file system the path is on.
    pub(super) fn is_on(&self, device: u64) -> Result<(), GivenUp> {
        let mut job = self.wanted()?;
        (job.device, job.asked) = (Some(device), None);
        Ok(())
    }

    /// Changes what is not begun yet.
    pub(super) fn with_rest<T>(&self, change: impl FnOnce(&mut Batch) -> T) -> Result<T, GivenUp> {
        Ok(change(&mut self.wanted()?.rest))
    }

    /// Keeps memory until what is returned is dropped, or the thread is given up.
    pub(super) fn hold(&self, share: Share) -> Result<Lent<'_>, GivenUp> {
        self.wanted()?.share = Some(share);
        Ok(Lent(self))
    }

    /// The path at hand and how long it has been without an answer; nothing of one who was given up.
    pub(super) fn at_hand(&self) -> Option<(PathBuf, Duration)> {
        let job = self.wanted().ok()?;
        Some((job.path.clone(), job.asked.map_or(Duration::ZERO, |asked| asked.elapsed())))
    }

    /// Gives the thread up if it has waited for `limit`, or for `prompt` if a skip beyond the first `skips` is meant for it.
    pub(super) fn give_up(&self, limit: Duration, prompt: Duration, skips: u64) -> Option<Left> {
        let mut job = self.wanted().ok()?;
        let waited = job.asked?.elapsed();
        let limit = if job.skips == skips { limit } else { limit.min(prompt) };
        (waited >= limit).then(|| job.leave(waited))
    }

    /// Gives the thread up whatever it does.
    pub(super) fn dismiss(&self) -> Option<Left> {
        let mut job = self.wanted().ok()?;
        let waited = job.asked.map_or(Duration::ZERO, |asked| asked.elapsed());
        Some(job.leave(waited))
    }

    fn wanted(&self) -> Result<MutexGuard<'_, Job>, GivenUp> {
        let job = self.lock();
        if job.given_up { Err(GivenUp) } else { Ok(job) }
    }

    fn lock(&self) -> MutexGuard<'_, Job> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Job {
    fn leave(&mut self, waited: Duration) -> Left {
        let Self { path, device, rest, .. } = std::mem::replace(self, Self { given_up: true, ..Self::default() });
        Left { path, device, waited, rest }
    }
}

/// Memory that lies in a seat.
#[derive(Debug)]
pub(super) struct Lent<'s>(&'s Seat);

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.0.lock().share = None;
    }
}

#[cfg(test)]
mod tests {
    use super::super::memory::Memory;
    use super::*;
    use std::sync::Arc;

    const NOW: Duration = Duration::ZERO;
    const LATER: Duration = Duration::from_hours(1);

    #[test]
    fn only_one_who_waits_is_given_up_and_all_that_it_held_comes_back() {
        let (seat, memory) = (Seat::default(), Arc::new(Memory::new(10)));
        seat.with_rest(|rest| rest.paths.push("/next".into())).unwrap();
        seat.begin(Path::new("/file"), Some(7), 0).unwrap();
        let lent = seat.hold(memory.take(10, || Ok::<_, ()>(())).unwrap()).unwrap();
        seat.has_answer().unwrap();
        assert!(seat.give_up(NOW, NOW, 0).is_none(), "it has its answer");
        seat.asks().unwrap();
        assert!(seat.give_up(LATER, LATER, 0).is_none(), "it has not waited for long");
        let left = seat.give_up(NOW, NOW, 0).unwrap();
        assert_eq!((left.path, left.device, left.rest.paths), ("/file".into(), Some(7), vec!["/next".into()]));
        assert!(memory.take(10, || Err(())).is_ok(), "the memory is free, though the thread still has what it lent");
        assert_eq!((seat.asks(), seat.has_answer(), seat.at_hand()), (Err(GivenUp), Err(GivenUp), None));
        assert!(seat.give_up(NOW, NOW, 0).is_none() && seat.dismiss().is_none(), "once is enough");
        drop(lent);
    }

    #[test]
    fn a_skip_that_came_after_the_file_began_shortens_the_wait() {
        let seat = Seat::default();
        seat.begin(Path::new("/file"), None, 3).unwrap();
        assert!(seat.give_up(LATER, NOW, 3).is_none());
        assert!(seat.give_up(LATER, NOW, 4).is_some());
    }
}
