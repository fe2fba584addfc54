//! The threads of a scan, and the one that supervises them: it replaces a thread that its file system does not answer,
//! says which file or folder that was, and ends the scan when all is done, when it is cancelled, or when no thread is left
//! that could go on. A system call that hangs cannot be broken off, so such a thread is never waited for.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};

use super::coverage::{Reason, Unscanned};
use super::open_folder::OpenFolder;
use super::processes;
use super::shared::Shared;
use super::walk::{Walk, WalkSink};
use super::work_queue::{BATCH, Feed, Queue, WorkQueue};
use super::worker;
use super::worker_slot::{AbandonedWork, WorkerSlot};
use super::{ScanConclusion, ScanEvent};
use crate::timeout::{self, NoThread};

/// How often the slots are looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// How long an answer, or the end of a match, is waited for when the responder wants to go on without it.
const PROMPT: Duration = Duration::from_secs(1);
/// How long whoever listens to a scan may take to hear that it broke off.
const LAST_WORD: Duration = Duration::from_secs(10);

/// What a thread does.
#[derive(Debug, Clone)]
enum Task {
    /// Walks, for the workers.
    Walk(Arc<Walk>),
    /// Walks ahead, to count.
    Count(Arc<Walk>),
    /// Reads and matches.
    Scan,
    /// Reads and matches what runs.
    Processes,
}

impl Task {
    fn name(&self) -> &'static str {
        match self {
            Self::Walk(_) => "walk",
            Self::Count(_) => "count",
            Self::Scan => "worker",
            Self::Processes => "processes",
        }
    }
}

struct WorkerHandle {
    number: u64,
    task: Task,
    slot: Arc<WorkerSlot>,
}

/// How a thread came to its end.
struct Exit {
    number: u64,
    /// What its panic said, if it panicked.
    panic: Option<String>,
}

/// Says so when its thread ends, however it does.
struct ExitNotifier {
    number: u64,
    to: Sender<Exit>,
}

impl Drop for ExitNotifier {
    fn drop(&mut self) {
        let panic = thread::panicking().then(timeout::last_panic);
        let _ = self.to.send(Exit { number: self.number, panic });
    }
}

/// Tells the end of a scan once, if need be when the supervisor itself panics: whoever listens would wait for ever.
struct EndNotifier {
    shared: Arc<Shared>,
    told: bool,
}

impl EndNotifier {
    fn tell(mut self, end: ScanConclusion) {
        self.told = true;
        self.shared.rules.log_use();
        // A listener that has gone does not need to know.
        let _ = self.shared.events.send(ScanEvent::Finished { reading: self.shared.progress.read(), end });
    }
}

impl Drop for EndNotifier {
    fn drop(&mut self) {
        if !self.told {
            self.shared.control.cancel();
            let end =
                ScanConclusion::Failed("the thread that supervises the scan panicked; please report this".to_owned());
            let event = ScanEvent::Finished { reading: self.shared.progress.read(), end };
            let _ = self.shared.events.send_timeout(event, LAST_WORD);
        }
    }
}

/// Runs the threads of a scan and reports its end.
pub(super) struct Supervisor {
    shared: Arc<Shared>,
    /// How long a thread may wait for an answer.
    limit: Duration,
    queue: WorkQueue,
    workers: Vec<WorkerHandle>,
    begun: u64,
    exits: (Sender<Exit>, Receiver<Exit>),
    /// When the scan was first seen to be cancelled.
    cancelled: Option<Instant>,
    /// Why the scan cannot go on.
    failed: Option<String>,
}

impl Supervisor {
    pub(super) fn new(shared: Arc<Shared>, limit: Duration) -> Self {
        Self {
            shared,
            limit,
            queue: WorkQueue::new(),
            workers: Vec::new(),
            begun: 0,
            exits: unbounded(),
            cancelled: None,
            failed: None,
        }
    }

    /// Scans what `walk` meets; `ahead` is a second walk through the same tree that counts.
    pub(super) fn run(mut self, walk: Walk, ahead: Option<Walk>) {
        let notifier = EndNotifier { shared: Arc::clone(&self.shared), told: false };
        let walk = Arc::new(walk);
        self.begin_all(&walk, ahead);
        if self.shared.processes.wanted()
            && let Err(error) = self.begin(Task::Processes)
        {
            self.fail(error.to_string());
        }
        self.wait();
        // Only a worker sees that what is listed as a file is a folder. They lie deeper each time, so this ends.
        while let Some(folders) = self.disguised() {
            walk.resume(folders);
            self.queue = WorkQueue::new();
            self.begin_all(&walk, None);
            self.wait();
        }
        if self.failed.is_none() {
            self.shared.left_out();
        }
        notifier.tell(match self.failed {
            Some(why) => ScanConclusion::Failed(why),
            None if self.shared.control.is_cancelled() => ScanConclusion::Cancelled,
            None => ScanConclusion::Complete,
        });
    }

    /// Minds the threads until none is left.
    fn wait(&mut self) {
        while !self.workers.is_empty() {
            match self.exits.1.recv_timeout(POLL_INTERVAL) {
                Ok(exit) => self.exited(&exit),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            self.look();
        }
    }

    /// Folders that were listed as files, if there are any and the scan goes on.
    fn disguised(&self) -> Option<Vec<PathBuf>> {
        let folders = std::mem::take(&mut *self.shared.disguised.lock().unwrap_or_else(PoisonError::into_inner));
        (!folders.is_empty() && !self.shared.control.is_cancelled()).then_some(folders)
    }

    /// Starts all threads. Fewer workers than were asked for are enough, and so is no count.
    fn begin_all(&mut self, walk: &Arc<Walk>, ahead: Option<Walk>) {
        if let Some(ahead) = ahead
            && let Err(error) = self.begin(Task::Count(Arc::new(ahead)))
        {
            tracing::warn!("the files are not counted ahead: {error}");
        }
        let walk = self.begin(Task::Walk(Arc::clone(walk)));
        let mut workers = 0;
        let mut refused = walk.err();
        while workers < self.shared.workers && refused.is_none() {
            match self.begin(Task::Scan) {
                Ok(()) => workers += 1,
                Err(error) => refused = Some(error),
            }
        }
        match refused {
            Some(error) if workers == 0 => self.fail(error.to_string()),
            Some(error) => tracing::warn!("{workers} of {} workers: {error}", self.shared.workers),
            None => {}
        }
    }

    fn begin(&mut self, task: Task) -> Result<(), NoThread> {
        let (number, slot) = (self.begun, Arc::new(WorkerSlot::default()));
        self.begun += 1;
        let notifier = ExitNotifier { number, to: self.exits.0.clone() };
        let (shared, occupied, work) = (Arc::clone(&self.shared), Arc::clone(&slot), task.clone());
        let (feed, queue) = (self.queue.feed.clone(), self.queue.queue.clone());
        timeout::spawn(task.name(), move || {
            // Dropped last: who is told of the end finds nothing of the thread.
            let _notifier = notifier;
            occupied.occupy();
            carry_out(&work, &shared, &occupied, (&feed, &queue));
        })?;
        if !matches!(task, Task::Count(_)) {
            self.shared.progress.show(&slot);
        }
        self.workers.push(WorkerHandle { number, task, slot });
        Ok(())
    }

    /// Ends the scan, which cannot go on.
    fn fail(&mut self, why: String) {
        self.failed.get_or_insert(why);
        self.shared.control.cancel();
        self.queue.close();
    }

    fn exited(&mut self, exit: &Exit) {
        // One that was abandoned is none of the workers any more.
        let Some(place) = self.workers.iter().position(|worker| worker.number == exit.number) else { return };
        let WorkerHandle { task, slot, .. } = self.workers.remove(place);
        self.shared.progress.hide(&slot);
        match (&exit.panic, slot.abandon()) {
            (Some(panic), Some(left)) if left.path.as_os_str().is_empty() && !matches!(task, Task::Count(_)) => {
                // It came to no file, so the next would not either.
                self.queue.give_back(left.rest);
                let name = task.name();
                self.fail(format!("a {name} thread panicked before its first file; please report this ({panic})"));
            }
            (Some(panic), Some(left)) => {
                let reason = Reason::Engine(format!("its thread panicked; please report this ({panic})"));
                self.replace(&task, left, reason);
            }
            _ => self.close_after(&task),
        }
    }

    /// Abandons those that have waited too long, and all of them when a cancelled scan does not end.
    fn look(&mut self) {
        let control = &self.shared.control;
        if control.is_cancelled() {
            // The walk may be waiting for room that no worker makes any more.
            self.queue.queue.discard();
            self.cancelled.get_or_insert_with(Instant::now);
        }
        // yara-x cannot be broken off either.
        let at_once = self.cancelled.is_some_and(|since| since.elapsed() >= PROMPT);
        let hurry = control.is_cancelled() || self.workers.iter().all(|worker| matches!(worker.task, Task::Count(_)));
        let (limit, skips) = (if hurry { PROMPT.min(self.limit) } else { self.limit }, control.skips());
        let mut lost = Vec::new();
        self.workers.retain(|WorkerHandle { slot, task, .. }| {
            if let Some(left) = slot.abandon_after(limit, PROMPT, skips) {
                lost.push((Arc::clone(slot), task.clone(), left));
                return false;
            }
            // Nobody is told of what it was at, as of all that a cancelled scan did not come to.
            let goes_on = !at_once || slot.abandon().is_none();
            if !goes_on {
                self.shared.progress.hide(slot);
            }
            goes_on
        });
        for (slot, task, left) in lost {
            self.shared.progress.hide(&slot);
            left.device.into_iter().for_each(|device| self.shared.unresponsive.record_timeout(device));
            let reason = Reason::NoAnswer(left.waited.as_secs());
            self.replace(&task, left, reason);
        }
    }

    /// Lists what a thread was lost over, and has another go on.
    fn replace(&mut self, task: &Task, left: AbandonedWork, reason: Reason) {
        let AbandonedWork { path, rest, .. } = left;
        self.queue.give_back(rest);
        // What the counting walk meets, the other meets as well.
        if !matches!(task, Task::Count(_)) && !path.as_os_str().is_empty() {
            self.shared.unscanned(Unscanned { path, reason });
        }
        if matches!(task, Task::Scan) {
            self.shared.progress.files.fetch_add(1, Ordering::Relaxed);
        }
        if self.shared.control.is_cancelled() {
            return self.close_after(task);
        }
        match self.begin(task.clone()) {
            Ok(()) => {}
            // The others do its work.
            Err(_) if matches!(task, Task::Count(_)) => {}
            Err(_) if matches!(task, Task::Scan) && self.workers.iter().any(|w| matches!(w.task, Task::Scan)) => {}
            Err(error) => self.fail(error.to_string()),
        }
    }

    fn close_after(&mut self, task: &Task) {
        if matches!(task, Task::Walk(_)) {
            self.queue.close();
        }
    }
}

fn carry_out(task: &Task, shared: &Shared, slot: &WorkerSlot, (feed, queue): (&Feed, &Queue)) {
    match task {
        Task::Walk(walk) => walk.run(shared, slot, &mut Feeder { shared, slot, feed }),
        Task::Count(walk) => {
            walk.run(shared, slot, &mut Counter { shared });
            let through = !shared.control.is_cancelled() && slot.check().is_ok();
            shared.progress.counted.store(through, Ordering::Release);
        }
        Task::Scan => worker::run(slot, shared, queue),
        Task::Processes => processes::run_on(slot, shared),
    }
}

/// Hands the walk's files to the workers. Until then they lie in the slot, so that none is lost with the thread.
struct Feeder<'s> {
    shared: &'s Shared,
    slot: &'s WorkerSlot,
    feed: &'s Feed,
}

impl Feeder<'_> {
    fn hand_over(&self, least: usize) -> bool {
        let full = self.slot.with_rest(|rest| (rest.paths.len() >= least).then(|| std::mem::take(rest)));
        full.is_ok_and(|full| full.is_none_or(|full| self.feed.push(full))) && !self.shared.control.is_cancelled()
    }
}

impl WalkSink for Feeder<'_> {
    fn file(&mut self, path: PathBuf, device: u64, folder: Option<&Arc<OpenFolder>>) -> bool {
        let added = self.slot.with_rest(|rest| {
            rest.device = device;
            rest.folder = folder.cloned();
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

impl WalkSink for Counter<'_> {
    fn file(&mut self, _: PathBuf, _: u64, _: Option<&Arc<OpenFolder>>) -> bool {
        self.shared.progress.total_files.fetch_add(1, Ordering::Relaxed);
        !self.shared.control.is_cancelled()
    }

    fn enter(&mut self) -> bool {
        !self.shared.control.is_cancelled()
    }

    fn unscanned(&mut self, _: Unscanned) {}
}
