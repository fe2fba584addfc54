//! Time limits and indexes that are built once.
//!
//! A probe runs in its own thread. A stuck file system or a process that cannot be read holds that thread up, not the
//! one who asked: after the limit the answer is "unknown", and the thread goes on, so that an index it was building is
//! there the next time.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::observed::Observed;

/// A build that takes longer than this is repeated only when the responder asks for it.
const QUICK: Duration = Duration::from_secs(1);

/// A probe under way.
pub(super) struct Running<T> {
    what: &'static str,
    deadline: Instant,
    limit: Duration,
    answer: Option<Receiver<Observed<T>>>,
}

/// Starts a probe that may take `limit`.
pub(super) fn start<T, F>(what: &'static str, limit: Duration, probe: F) -> Running<T>
where
    T: Send + 'static,
    F: FnOnce() -> Observed<T> + Send + 'static,
{
    let (send, receive) = mpsc::sync_channel(1);
    let spawned = thread::Builder::new().name(format!("probe {what}")).spawn(move || {
        // Nobody listens any more when the limit has passed; the answer is dropped then.
        let _ = send.send(probe());
    });
    Running { what, deadline: Instant::now() + limit, limit, answer: spawned.is_ok().then_some(receive) }
}

impl<T> Running<T> {
    /// Waits for the answer, until the limit counted from the start.
    pub(super) fn finish(self) -> Observed<T> {
        let Some(answer) = self.answer else {
            return Observed::Unknown(format!("no thread could be started for the {} probe", self.what));
        };
        match answer.recv_timeout(self.deadline.saturating_duration_since(Instant::now())) {
            Ok(observed) => observed,
            Err(RecvTimeoutError::Timeout) => Observed::Unknown(format!(
                "the {} probe did not finish in {} s; it goes on, ask again later",
                self.what,
                self.limit.as_secs_f32()
            )),
            Err(RecvTimeoutError::Disconnected) => Observed::Unknown(format!("the {} probe broke off", self.what)),
        }
    }
}

/// An index that the first who asks builds and all others wait for.
pub(super) struct Slot<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

enum State<T> {
    Empty,
    Building,
    Built { index: Arc<T>, at: Instant, took: Duration },
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { state: Mutex::new(State::Empty), changed: Condvar::new() }
    }
}

impl<T> Slot<T> {
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
struct Unfinished<'a, T>(&'a Slot<T>);

impl<T> Drop for Unfinished<'_, T> {
    fn drop(&mut self) {
        *self.0.lock() = State::Empty;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_probe_is_unknown_and_a_broken_one_too() {
        let (hold, stuck) = mpsc::channel::<()>();
        let slow = start("slow", Duration::from_millis(20), move || {
            let _ = stuck.recv();
            Observed::Found(1)
        });
        assert!(slow.finish().reason().unwrap().contains("did not finish in 0.02 s"));
        drop(hold);
        let broken = start::<u8, _>("broken", Duration::from_secs(5), || panic!("as intended by the test"));
        assert_eq!(broken.finish(), Observed::Unknown("the broken probe broke off".into()));
        assert_eq!(start("quick", Duration::from_secs(5), || Observed::Found(7)).finish(), Observed::Found(7));
    }

    #[test]
    fn an_index_is_built_once_and_again_only_after_a_panic() {
        let slot = Arc::new(Slot::default());
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
