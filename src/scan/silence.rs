//! File systems that have stopped answering. Each question to one costs a thread and the time that it is waited for, so
//! after a number of them the rest is listed instead of asked.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Files and folders of one file system in a row that have to go without an answer before it is asked no more.
const MOST: usize = 16;

/// How many files and folders of each file system, by device number, went without an answer since the last that did not.
#[derive(Debug, Default)]
pub(super) struct Silence {
    unanswered: Mutex<HashMap<u64, usize>>,
    any: AtomicBool,
}

impl Silence {
    /// One more was without an answer.
    pub(super) fn lasts(&self, device: u64) {
        *self.lock().entry(device).or_default() += 1;
        self.any.store(true, Ordering::Release);
    }

    /// A file was read to its end.
    pub(super) fn ends(&self, device: u64) {
        // Nearly every scan: nothing is silent, and no file costs a lock.
        if self.any.load(Ordering::Acquire) {
            let mut unanswered = self.lock();
            unanswered.remove(&device);
            self.any.store(!unanswered.is_empty(), Ordering::Release);
        }
    }

    /// How many went without an answer, if this file system is asked no more.
    pub(super) fn of(&self, device: u64) -> Option<usize> {
        let many = self.any.load(Ordering::Acquire).then(|| self.lock().get(&device).copied())?;
        many.filter(|many| *many >= MOST)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, usize>> {
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_is_given_up_after_many_in_a_row_and_no_other_with_it() {
        let silence = Silence::default();
        for _ in 1..MOST {
            silence.lasts(1);
            silence.lasts(2);
        }
        assert_eq!((silence.of(1), silence.of(2)), (None, None));
        silence.ends(2);
        silence.lasts(1);
        silence.lasts(2);
        assert_eq!((silence.of(1), silence.of(2), silence.of(3)), (Some(MOST), None, None));
    }
}
