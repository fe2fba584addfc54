//! A probe on a thread of its own, and the time that it is given.

use std::time::Duration;

use super::observed::Observed;
use crate::sandbox;
use crate::timeout::{self, NoResult, Pending};

/// A probe under way, on a thread of its own: a file system that does not answer, or a process that cannot be read, holds
/// up that thread and not the one who asked. After its time the answer is "unknown" and the thread goes on, so that an
/// index that it was building is there the next time.
pub(super) struct RunningProbe<T> {
    what: &'static str,
    answer: Pending<Observed<T>>,
}

/// Starts a probe that may take `limit`.
pub(super) fn start<T: Send + 'static>(
    what: &'static str,
    limit: Duration,
    probe: impl FnOnce() -> Observed<T> + Send + 'static,
) -> RunningProbe<T> {
    RunningProbe { what, answer: timeout::start(&format!("probe {what}"), limit, probe) }
}

/// `probe`, done where `/proc` says what it knows of other processes.
pub(super) fn outside<T: Send + 'static>(
    probe: impl FnOnce() -> Observed<T> + Send + 'static,
) -> impl FnOnce() -> Observed<T> + Send + 'static {
    move || sandbox::outside(probe).unwrap_or_else(|| Observed::Unknown("the process probe broke off".to_owned()))
}

impl<T> RunningProbe<T> {
    /// Waits for the answer, until the limit counted from the start.
    pub(super) fn finish(self) -> Observed<T> {
        let what = self.what;
        self.answer.finish().unwrap_or_else(|error| {
            Observed::Unknown(match error {
                NoResult::TimedOut(limit) => {
                    let seconds = limit.as_secs_f32();
                    format!("the {what} probe did not finish in {seconds} s; it goes on, ask again later")
                }
                NoResult::NoThread(error) => format!("the {what} probe did not start: {error}"),
                NoResult::Panicked => format!("the {what} probe broke off"),
            })
        })
    }
}
