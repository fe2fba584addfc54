//! Work that may never end: a system call that asks a server which has gone cannot be broken off.

use std::cell::RefCell;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often one that is waited for is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Since when a thread waits for an answer.
type Asked = Arc<Mutex<Option<Instant>>>;

thread_local! {
    static ASKED: RefCell<Option<Asked>> = const { RefCell::new(None) };
}

/// Does `work` on a thread of its own and waits for it, but no longer than `limit`. `None` when it was not done by then;
/// the thread goes on, and what it comes to is dropped.
pub fn within<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    answered(limit, move || asking(work))
}

/// As [`within`], for work that takes as long as it takes: given up is only what waits for `limit` within one [`asking`].
pub fn answered<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (done, outcome) = mpsc::sync_channel(1);
    let asked = Asked::default();
    let asks = Arc::clone(&asked);
    let spawned = thread::Builder::new().name("patience".to_owned()).spawn(move || {
        ASKED.set(Some(asks));
        // Nobody listens any more when it was given up.
        let _ = done.send(work());
    });
    spawned.ok()?;
    loop {
        match outcome.recv_timeout(LOOK.min(limit)) {
            Ok(outcome) => return Some(outcome),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let since = *asked.lock().unwrap_or_else(PoisonError::into_inner);
        if since.is_some_and(|since| since.elapsed() >= limit) {
            return None;
        }
    }
}

/// Asks something that may never answer; whoever waits for this thread with [`answered`] knows of it meanwhile.
pub fn asking<T>(ask: impl FnOnce() -> T) -> T {
    let before = waits_since(Some(Instant::now()));
    let answer = ask();
    waits_since(before);
    answer
}

/// Says since when this thread waits, and returns since when it did.
fn waits_since(since: Option<Instant>) -> Option<Instant> {
    ASKED.with_borrow(|asked| {
        let mut asked = asked.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *asked, since)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_end_is_not_waited_for() {
        let (hold, stuck) = mpsc::channel::<()>();
        assert_eq!(within(Duration::from_millis(20), move || stuck.recv()), None);
        drop(hold);
        assert_eq!(within(Duration::from_mins(1), || 7), Some(7));
        assert_eq!(within(Duration::from_mins(1), || -> u8 { panic!("as intended by the test") }), None);
    }

    #[test]
    fn work_may_take_long_and_an_answer_may_not() {
        let limit = Duration::from_millis(20);
        let works = move || {
            thread::sleep(8 * limit);
            asking(|| 7)
        };
        assert_eq!(answered(limit, works), Some(7));
        let (hold, stuck) = mpsc::channel::<()>();
        assert_eq!(answered(limit, move || asking(|| stuck.recv())), None);
        drop(hold);
        let (hold, stuck) = mpsc::channel::<()>();
        let asks_again = move || {
            asking(|| ());
            stuck.recv()
        };
        assert_eq!(within(limit, asks_again), None, "all of it is one question");
        drop(hold);
        assert_eq!(answered(limit, || -> u8 { panic!("as intended by the test") }), None);
    }
}
