//! The threads of a scan, and the one that minds them: it replaces a thread that its file system does not answer, and
//! says which file or folder that was. A system call that hangs cannot be broken off, so such a thread is never waited
//! for.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};

use super::Event;
use super::coverage::{Reason, Unscanned};
use super::queue::{BATCH, Feed, Hub, Queue};
use super::seat::{Left, Seat};
use super::walk::{Sink, Walk};
use super::worker::{Shared, Worker};

/// How often the seats are looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How long an answer is waited for when the responder wants to go on without it.
const PROMPT: Duration = Duration::from_secs(1);

/// What a thread does.
#[derive(Debug, Clone)]
enum Task {
    /// Walks, for the workers.
    Feed(Arc<Walk>),
    /// Walks ahead, to count.
    Count(Arc<Walk>),
    /// Reads and matches.
    Work,
}

struct Member {
    number: u64,
    task: Task,
    seat: Arc<Seat>,
}

/// How a thread came to its end.
struct Ended {
    number: u64,
    panicked: bool,
}

/// Says so when its thread ends.
struct Farewell {
    number: u64,
    to: Sender<Ended>,
}

impl Drop for Farewell {
    fn drop(&mut self) {
        let _ = self.to.send(Ended { number: self.number, panicked: thread::panicking() });
    }
}

/// Runs the threads of a scan and reports its end.
pub(super) struct Crew {
    shared: Arc<Shared>,
    /// How long a thread may wait for an answer.
    limit: Duration,
    hub: Hub,
    members: Vec<Member>,
    begun: u64,
    ends: (Sender<Ended>, Receiver<Ended>),
}

impl Crew {
    pub(super) fn new(shared: Arc<Shared>, limit: Duration) -> Self {
        Self { shared, limit, hub: Hub::new(), members: Vec::new(), begun: 0, ends: unbounded() }
    }

    /// Scans what `walk` meets; `ahead` is a second walk through the same tree that counts.
    pub(super) fn run(mut self, walk: Walk, ahead: Option<Walk>) {
        if let Some(ahead) = ahead {
            self.begin(Task::Count(Arc::new(ahead)));
        }
        for _ in 0..self.shared.workers {
            self.begin(Task::Work);
        }
        self.begin(Task::Feed(Arc::new(walk)));
        while !self.members.is_empty() {
            match self.ends.1.recv_timeout(LOOK) {
                Ok(ended) => self.ended(&ended),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            self.look();
        }
        let (progress, control) = (&self.shared.progress, &self.shared.control);
        let end = Event::Finished { reading: progress.read(), cancelled: control.is_cancelled() };
        // A watcher that has gone does not need to know.
        let _ = self.shared.events.send(end);
    }

    fn begin(&mut self, task: Task) {
        let (number, seat) = (self.begun, Arc::new(Seat::default()));
        self.begun += 1;
        let farewell = Farewell { number, to: self.ends.0.clone() };
        let (shared, sat, done) = (Arc::clone(&self.shared), Arc::clone(&seat), task.clone());
        let (feed, queue) = (self.hub.feed.clone(), self.hub.queue.clone());
        thread::spawn(move || {
            // Dropped last: who is told of the end finds nothing of the thread.
            let _farewell = farewell;
            carry_out(&done, &shared, &sat, (&feed, &queue));
        });
        if !matches!(task, Task::Count(_)) {
            self.shared.progress.show(&seat);
        }
        self.members.push(Member { number, task, seat });
    }

    fn ended(&mut self, ended: &Ended) {
        // One who was given up is no member any more.
        let Some(place) = self.members.iter().position(|member| member.number == ended.number) else { return };
        let member = self.members.remove(place);
        self.shared.progress.hide(&member.seat);
        match (ended.panicked, member.seat.dismiss()) {
            (true, Some(left)) => {
                if left.path.as_os_str().is_empty() {
                    // It came to no file, so the next would not either.
                    self.shared.control.cancel();
                }
                let reason = Reason::Engine("its thread panicked; please report this".to_owned());
                self.replace(member.task, left, reason);
            }
            _ => self.close_after(&member.task),
        }
    }

    /// Gives up those who have waited too long.
    fn look(&mut self) {
        let control = &self.shared.control;
        if control.is_cancelled() {
            // The walk may be waiting for room that no worker makes any more.
            self.hub.queue.discard();
        }
        let hurry = control.is_cancelled() || self.members.iter().all(|member| matches!(member.task, Task::Count(_)));
        let (limit, skips) = (if hurry { PROMPT.min(self.limit) } else { self.limit }, control.skips());
        let mut lost = Vec::new();
        self.members.retain_mut(|member| match member.seat.give_up(limit, PROMPT, skips) {
            None => true,
            Some(left) => {
                lost.push((Arc::clone(&member.seat), member.task.clone(), left));
                false
            }
        });
        for (seat, task, left) in lost {
            self.shared.progress.hide(&seat);
            left.device.into_iter().for_each(|device| self.shared.silence.lasts(device));
            let reason = Reason::NoAnswer(left.waited.as_secs());
            self.replace(task, left, reason);
        }
    }

    /// Lists what a thread was lost over, and has another go on.
    fn replace(&mut self, task: Task, left: Left, reason: Reason) {
        let Left { path, rest, .. } = left;
        self.hub.give_back(rest);
        // What the counting walk meets, the other meets as well.
        if !matches!(task, Task::Count(_)) && !path.as_os_str().is_empty() {
            self.shared.unscanned(Unscanned { path, reason });
        }
        if matches!(task, Task::Work) {
            self.shared.progress.files.fetch_add(1, Ordering::Relaxed);
        }
        if self.shared.control.is_cancelled() {
            self.close_after(&task);
        } else {
            self.begin(task);
        }
    }

    fn close_after(&mut self, task: &Task) {
        if matches!(task, Task::Feed(_)) {
            self.hub.close();
        }
    }
}

fn carry_out(task: &Task, shared: &Shared, seat: &Seat, (feed, queue): (&Feed, &Queue)) {
    match task {
        Task::Feed(walk) => walk.run(shared, seat, &mut Feeder { shared, seat, feed }),
        Task::Count(walk) => {
            walk.run(shared, seat, &mut Counter { shared });
            let through = !shared.control.is_cancelled() && seat.has_answer().is_ok();
            shared.progress.counted.store(through, Ordering::Release);
        }
        Task::Work => Worker::new(seat, shared).run(queue),
    }
}

/// Hands the walk's files to the workers. Until then they lie in the seat, so that none is lost with the thread.
struct Feeder<'s> {
    shared: &'s Shared,
    seat: &'s Seat,
    feed: &'s Feed,
}

impl Feeder<'_> {
    fn hand_over(&self, least: usize) -> bool {
        let full = self.seat.with_rest(|rest| (rest.paths.len() >= least).then(|| std::mem::take(rest)));
        full.is_ok_and(|full| full.is_none_or(|full| self.feed.push(full))) && !self.shared.control.is_cancelled()
    }
}

impl Sink for Feeder<'_> {
    fn file(&mut self, path: PathBuf, device: u64) -> bool {
        let added = self.seat.with_rest(|rest| {
            rest.device = device;
            rest.paths.push(path);
        });
        added.is_ok() && self.hand_over(BATCH)
    }

    fn unscanned(&mut self, unscanned: Unscanned) {
        self.shared.unscanned(unscanned);
    }

    fn enter(&mut self) -> bool {
        self.shared.progress.folders.fetch_add(1, Ordering::Relaxed);
        !self.shared.control.is_cancelled()
    }

    fn leave(&mut self) -> bool {
        self.hand_over(1)
    }

    fn link(&mut self) {
        self.shared.progress.links.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts files ahead of the workers.
struct Counter<'s> {
    shared: &'s Shared,
}

impl Sink for Counter<'_> {
    fn file(&mut self, _: PathBuf, _: u64) -> bool {
        self.shared.progress.total_files.fetch_add(1, Ordering::Relaxed);
        !self.shared.control.is_cancelled()
    }

    fn enter(&mut self) -> bool {
        !self.shared.control.is_cancelled()
    }

    fn unscanned(&mut self, _: Unscanned) {}
}
