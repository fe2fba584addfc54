//! Calls that may never return, and the time that they are given.
//!
//! A system call that asks a server which has gone cannot be broken off: neither a signal nor a deadline reaches it. So
//! such a call is made on a thread that others can do without. [`blocking_call`] stands around every call of this kind
//! and notes in the thread's [`CallClock`] since when it lasts; whoever waits for the thread looks at that clock and
//! abandons the thread when it has waited long enough.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::io;
use std::panic;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often the clock of a thread that is waited for is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Since when a thread is inside a [`blocking_call`], and whether it was abandoned over it. Clones share both.
///
/// ```
/// use huntbook::internals::timeout::{CallClock, blocking_call};
/// use std::time::Duration;
///
/// let clock = CallClock::default();
/// clock.install();
/// assert_eq!(blocking_call(|| clock.abandon_after(Duration::from_secs(30))), None, "it has not waited for long");
/// assert!(blocking_call(|| clock.abandon_after(Duration::ZERO)).is_some());
/// assert!(clock.is_abandoned());
/// ```
#[derive(Debug, Clone, Default)]
pub struct CallClock(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    since: Option<Instant>,
    abandoned: bool,
}

thread_local! {
    static CLOCK: RefCell<Option<CallClock>> = const { RefCell::new(None) };
    static SUPERVISED: Cell<bool> = const { Cell::new(false) };
    static LAST_PANIC: Cell<String> = const { Cell::new(String::new()) };
}

impl CallClock {
    /// Makes this the clock of the thread that calls.
    pub fn install(&self) {
        CLOCK.set(Some(self.clone()));
    }

    /// How long the thread has been inside the call it is in now; zero outside of one.
    pub fn waited(&self) -> Duration {
        self.lock().since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Abandons the thread if it has been inside one call for `limit`; returns for how long. A thread outside of a call
    /// is never abandoned here, so what it does after [`CallClock::is_abandoned`] was false counts until its next call.
    pub fn abandon_after(&self, limit: Duration) -> Option<Duration> {
        let mut state = self.lock();
        let waited = state.since.filter(|_| !state.abandoned)?.elapsed();
        (waited >= limit).then(|| {
            state.abandoned = true;
            waited
        })
    }

    /// Abandons the thread whatever it does; returns how long it has been inside a call, or `None` when it was abandoned
    /// before.
    pub fn abandon(&self) -> Option<Duration> {
        let mut state = self.lock();
        let waited = state.since.map_or(Duration::ZERO, |since| since.elapsed());
        (!std::mem::replace(&mut state.abandoned, true)).then_some(waited)
    }

    /// Whether nobody waits for the thread any more.
    pub fn is_abandoned(&self) -> bool {
        self.lock().abandoned
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes in the thread's clock that a call lasts, until it is dropped.
struct CallGuard {
    clock: Option<CallClock>,
    /// Of the call around this one.
    before: Option<Instant>,
}

impl CallGuard {
    fn begin() -> Self {
        let clock = CLOCK.with_borrow(Clone::clone);
        let before = clock.as_ref().and_then(|clock| clock.lock().since.replace(Instant::now()));
        Self { clock, before }
    }
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        if let Some(clock) = &self.clock {
            clock.lock().since = self.before;
        }
    }
}

/// Makes a call that may never return; whoever waits for this thread can see since when.
pub fn blocking_call<T>(call: impl FnOnce() -> T) -> T {
    let _guard = CallGuard::begin();
    call()
}

/// Why work on another thread came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoResult {
    /// It was abandoned: nothing was heard for the time that it was given.
    #[error("no answer in {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    /// No thread could be started for it.
    #[error(transparent)]
    NoThread(#[from] NoThread),
    /// Its thread panicked.
    #[error("its thread panicked; please report this")]
    Panicked,
}

/// The system starts no more threads.
#[derive(Debug, thiserror::Error)]
#[error(
    "the system starts no more threads ({0}); allow more processes (ulimit -u, pids.max of the control group) or more \
     memory, or end others"
)]
pub struct NoThread(#[from] pub io::Error);

/// Starts a thread with this name. Whoever starts it sees to it that its panic is noticed and told.
///
/// # Errors
/// When the system starts none. `std::thread::spawn` panics then, and is not used for that reason.
pub(crate) fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<thread::JoinHandle<T>, NoThread> {
    let supervised = move || {
        SUPERVISED.set(true);
        work()
    };
    Ok(thread::Builder::new().name(name.to_owned()).spawn(supervised)?)
}

/// Whether somebody hears of a panic of this thread, so that a panic hook need not end the program's screen over it.
pub(crate) fn is_supervised() -> bool {
    SUPERVISED.get()
}

/// Has panics of supervised threads kept for whoever hears of them (see [`last_panic`]) instead of being printed. To be
/// called once, before other panic hooks are installed.
///
/// Printing one is more than noise: its backtrace takes memory, and when there is none left the thread waits for ever
/// inside the printing.
pub(crate) fn keep_supervised_panics_quiet() {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if is_supervised() {
            LAST_PANIC.set(info.to_string());
        } else {
            previous(info);
        }
    }));
}

/// What the last panic of this thread said and where; empty when nothing was kept.
pub(crate) fn last_panic() -> String {
    LAST_PANIC.take()
}

/// Does `work` and takes a panic in it as an error, of which nothing is printed.
///
/// # Errors
/// What the panic says.
pub(crate) fn catch_panic<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let before = SUPERVISED.replace(true);
    let outcome = panic::catch_unwind(panic::AssertUnwindSafe(work));
    SUPERVISED.set(before);
    outcome.map_err(|panic| panic_message(panic.as_ref()))
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".to_owned())
}

/// Work under way on a thread of its own.
#[derive(Debug)]
pub(crate) struct Pending<T> {
    started: Instant,
    limit: Duration,
    clock: CallClock,
    outcome: Result<Receiver<T>, NoThread>,
}

/// Starts `work` on a thread of its own, which may take `limit` in one call or, with [`Pending::finish`], in all.
pub(crate) fn start<T: Send + 'static>(
    name: &str,
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Pending<T> {
    let (done, outcome) = mpsc::sync_channel(1);
    let clock = CallClock::default();
    let watched = clock.clone();
    let thread = spawn(name, move || {
        watched.install();
        // Nobody listens any more when it was abandoned.
        let _ = done.send(work());
    });
    Pending { started: Instant::now(), limit, clock, outcome: thread.map(|_| outcome) }
}

impl<T> Pending<T> {
    /// Waits for the result, until the limit counted from the start. The thread goes on after that, and its result is
    /// dropped.
    ///
    /// # Errors
    /// Why there is no result.
    pub(crate) fn finish(self) -> Result<T, NoResult> {
        let left = self.limit.saturating_sub(self.started.elapsed());
        self.outcome?.recv_timeout(left).map_err(|error| match error {
            RecvTimeoutError::Timeout => NoResult::TimedOut(self.limit),
            RecvTimeoutError::Disconnected => NoResult::Panicked,
        })
    }

    /// Waits for the result however long the work takes, unless one [`blocking_call`] in it lasts as long as the limit.
    ///
    /// # Errors
    /// Why there is no result.
    pub(crate) fn finish_while_responsive(self) -> Result<T, NoResult> {
        let outcome = self.outcome?;
        loop {
            match outcome.recv_timeout(POLL_INTERVAL.min(self.limit)) {
                Ok(outcome) => return Ok(outcome),
                Err(RecvTimeoutError::Disconnected) => return Err(NoResult::Panicked),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.clock.abandon_after(self.limit).is_some() {
                return Err(NoResult::TimedOut(self.limit));
            }
        }
    }
}

/// Does `work` on a thread of its own and waits for it, but no longer than `limit`.
///
/// # Errors
/// Why there is no result.
pub(crate) fn run<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NoResult> {
    start("timeout", limit, work).finish()
}

/// As [`run`], for work that takes as long as it takes: abandoned is only what stays for `limit` in one
/// [`blocking_call`].
///
/// # Errors
/// Why there is no result.
pub(crate) fn run_while_responsive<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NoResult> {
    start("timeout", limit, work).finish_while_responsive()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_mins(1);

    #[test]
    fn work_that_does_not_end_is_abandoned() {
        let (hold, stuck) = mpsc::channel::<()>();
        assert!(matches!(run(SHORT, move || stuck.recv()), Err(NoResult::TimedOut(SHORT))));
        drop(hold);
        assert_eq!(run(LONG, || 7).unwrap(), 7);
        assert!(matches!(run(LONG, || -> u8 { panic!("as intended by the test") }), Err(NoResult::Panicked)));
    }

    #[test]
    fn work_may_take_long_and_a_call_in_it_may_not() {
        let works = move || {
            thread::sleep(8 * SHORT);
            blocking_call(|| 7)
        };
        assert_eq!(run_while_responsive(SHORT, works).unwrap(), 7);
        let (hold, stuck) = mpsc::channel::<()>();
        let hangs = move || blocking_call(|| stuck.recv());
        assert!(matches!(run_while_responsive(SHORT, hangs), Err(NoResult::TimedOut(_))));
        drop(hold);
        let panics = || -> u8 { panic!("as intended by the test") };
        assert!(matches!(run_while_responsive(SHORT, panics), Err(NoResult::Panicked)));
    }

    #[test]
    fn only_a_thread_inside_a_call_is_abandoned_and_only_once() {
        let clock = CallClock::default();
        clock.install();
        assert_eq!(clock.abandon_after(Duration::ZERO), None);
        let caught = std::panic::catch_unwind(|| blocking_call(|| panic!("as intended by the test")));
        assert!(caught.is_err() && clock.abandon_after(Duration::ZERO).is_none(), "a call that panics has ended");
        blocking_call(|| {
            assert_eq!(clock.abandon_after(LONG), None);
            blocking_call(|| ());
            assert!(clock.abandon_after(Duration::ZERO).is_some(), "the outer call goes on");
            assert!(clock.abandon_after(Duration::ZERO).is_none() && clock.abandon().is_none());
        });
        assert!(clock.is_abandoned());
    }
}
