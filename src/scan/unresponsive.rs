//! File systems that have stopped answering. Each question to one costs a thread and the time that it is waited for, so
//! after a number of them the rest is listed instead of asked.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Files and folders of one file system in a row that have to go without an answer before it is asked no more.
const MAX_UNANSWERED: usize = 16;

/// How many files and folders of each file system, by device number, went without an answer since the last that did not.
#[derive(Debug, Default)]
pub(super) struct UnresponsiveDevices {
    unanswered: Mutex<HashMap<u64, usize>>,
    any: AtomicBool,
}

impl UnresponsiveDevices {
    /// One more was without an answer.
    pub(super) fn record_timeout(&self, device: u64) {
        *self.lock().entry(device).or_default() += 1;
        self.any.store(true, Ordering::Release);
    }

    /// A file was read to its end.
    pub(super) fn record_success(&self, device: u64) {
        // Nearly every scan: nothing is silent, and no file costs a lock.
        if self.any.load(Ordering::Acquire) {
            let mut unanswered = self.lock();
            unanswered.remove(&device);
            self.any.store(!unanswered.is_empty(), Ordering::Release);
        }
    }

    /// How many went without an answer, if this file system is asked no more.
    pub(super) fn blocked(&self, device: u64) -> Option<usize> {
        let many = self.any.load(Ordering::Acquire).then(|| self.lock().get(&device).copied())?;
        many.filter(|many| *many >= MAX_UNANSWERED)
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
        let devices = UnresponsiveDevices::default();
        for _ in 1..MAX_UNANSWERED {
            devices.record_timeout(1);
            devices.record_timeout(2);
        }
        assert_eq!((devices.blocked(1), devices.blocked(2)), (None, None));
        devices.record_success(2);
        devices.record_timeout(1);
        devices.record_timeout(2);
        assert_eq!((devices.blocked(1), devices.blocked(2), devices.blocked(3)), (Some(MAX_UNANSWERED), None, None));
    }
}
