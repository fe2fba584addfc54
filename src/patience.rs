//! Work that may never end: a system call that asks a server which has gone cannot be broken off.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Does `work` on a thread of its own and waits for it, but no longer than `limit`. `None` when it was not done by then;
/// the thread goes on, and what it comes to is dropped.
pub fn within<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (done, outcome) = mpsc::sync_channel(1);
    let spawned = thread::Builder::new().name("patience".to_owned()).spawn(move || {
        // Nobody listens any more when the limit has passed.
        let _ = done.send(work());
    });
    spawned.ok()?;
    outcome.recv_timeout(limit).ok()
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
}
