//! Indexes that are built once, by the first who asks.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A build that takes longer than this is repeated only when the responder asks for it.
const QUICK: Duration = Duration::from_secs(1);

/// An index that the first who asks builds and all others wait for.
pub(super) struct LazyIndex<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

enum State<T> {
    Empty,
    Building,
    Built { index: Arc<T>, at: Instant, took: Duration },
}

impl<T> Default for LazyIndex<T> {
    fn default() -> Self {
        Self { state: Mutex::new(State::Empty), changed: Condvar::new() }
    }
}

impl<T> LazyIndex<T> {
    /// The index; built by `build` in this thread if nobody has yet.
    pub(super) fn get(&self, build: impl FnOnce() -> T) -> Arc<T> {
        let mut state = self.lock();
        loop {
            match &*state {
                State::Built { index, .. } => return Arc::clone(index),
                State::Building => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                State::Empty => break,
            }
        }
        *state = State::Building;
        drop(state);
        let unfinished = Unfinished(self);
        let started = Instant::now();
        let index = Arc::new(build());
        std::mem::forget(unfinished);
        *self.lock() = State::Built { index: Arc::clone(&index), at: Instant::now(), took: started.elapsed() };
        self.changed.notify_all();
        index
    }

    /// The index, if it has been built.
    pub(super) fn built(&self) -> Option<Arc<T>> {
        match &*self.lock() {
            State::Built { index, .. } => Some(Arc::clone(index)),
            State::Empty | State::Building => None,
        }
    }

    /// Whether the index is older than `age`, and was built so quickly that nobody minds waiting for a new one.
    pub(super) fn is_worth_renewing(&self, age: Duration) -> bool {
        match &*self.lock() {
            State::Built { at, took, .. } => *took < QUICK && at.elapsed() > age,
            State::Empty | State::Building => false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets the next who asks try again when a build panics.
struct Unfinished<'a, T>(&'a LazyIndex<T>);

impl<T> Drop for Unfinished<'_, T> {
    fn drop(&mut self) {
        *self.0.lock() = State::Empty;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn an_index_is_built_once_and_again_only_after_a_panic() {
        let slot = Arc::new(LazyIndex::default());
        let other = Arc::clone(&slot);
        let failed = thread::spawn(move || other.get(|| -> u32 { panic!("as intended by the test") })).join();
        assert!(failed.is_err());
        let builds = std::sync::atomic::AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    assert_eq!(*slot.get(|| builds.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 41), 41);
                });
            }
        });
        assert_eq!(builds.into_inner(), 1);
        assert!(!slot.is_worth_renewing(Duration::from_mins(1)));
        assert!(slot.is_worth_renewing(Duration::ZERO));
    }
}
