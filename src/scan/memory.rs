//! Memory for the content of files, shared by all workers, so that it does not grow with their number.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often one that waits for memory looks at the levers.
const WAIT: Duration = Duration::from_millis(20);

/// So many bytes, given out first come first served.
#[derive(Debug)]
pub(super) struct MemoryBudget {
    total: u64,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug)]
struct State {
    free: u64,
    /// Those who wait, the first of them first: a large share is not passed over for small ones for ever.
    queue: VecDeque<u64>,
    next: u64,
}

/// Bytes that were given out; dropped, they go back.
#[derive(Debug)]
pub(super) struct Share {
    memory: Arc<MemoryBudget>,
    bytes: u64,
}

impl MemoryBudget {
    pub(super) fn new(total: u64) -> Self {
        let state = State { free: total, queue: VecDeque::new(), next: 0 };
        Self { total, state: Mutex::new(state), freed: Condvar::new() }
    }

    /// All there is.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Waits for `bytes`. Who wants more than there is gets all of it, and is alone.
    ///
    /// # Errors
    /// What `tick`, called every now and then, decides.
    pub(super) fn take<E>(self: &Arc<Self>, bytes: u64, mut tick: impl FnMut() -> Result<(), E>) -> Result<Share, E> {
        let bytes = bytes.min(self.total);
        let mut state = self.lock();
        let ticket = state.next;
        state.next += 1;
        state.queue.push_back(ticket);
        loop {
            if state.queue.front() == Some(&ticket) && state.free >= bytes {
                state.queue.pop_front();
                state.free -= bytes;
                self.freed.notify_all();
                return Ok(Share { memory: Arc::clone(self), bytes });
            }
            drop(self.freed.wait_timeout(state, WAIT).unwrap_or_else(PoisonError::into_inner));
            if let Err(error) = tick() {
                self.lock().queue.retain(|waiting| *waiting != ticket);
                self.freed.notify_all();
                return Err(error);
            }
            state = self.lock();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.lock().free += self.bytes;
        self.memory.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn no_more_is_given_out_than_there_is_and_all_of_it_comes_back() {
        let memory = Arc::new(MemoryBudget::new(10));
        let (held, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for worker in 0..8_u64 {
                let (memory, held, most) = (&memory, &held, &most);
                scope.spawn(move || {
                    for round in 0..200 {
                        let bytes = (worker + round) % 14;
                        let share = memory.take(bytes, || Ok::<_, ()>(())).unwrap();
                        let now = held.fetch_add(share.bytes, Ordering::SeqCst) + share.bytes;
                        most.fetch_max(now, Ordering::SeqCst);
                        held.fetch_sub(share.bytes, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(most.into_inner() <= 10);
        assert_eq!(memory.lock().free, 10);
        assert!(memory.lock().queue.is_empty());
    }

    #[test]
    fn one_that_gives_up_keeps_nobody_waiting() {
        let memory = Arc::new(MemoryBudget::new(10));
        let first = memory.take(6, || Ok::<_, ()>(())).unwrap();
        assert!(memory.take(20, || Err(())).is_err());
        let second = memory.take(4, || Err(())).unwrap();
        drop(first);
        assert_eq!(memory.take(99, || Err(())).map(|_| ()), Err(()), "the second still holds some");
        drop(second);
        assert_eq!(memory.take(99, || Err(())).unwrap().bytes, 10);
    }
}
