//! The files on their way from the walk to the workers.

use crossbeam_channel::{Receiver, Sender, bounded, select, unbounded};

use super::worker_slot::Batch;

/// Files that the walk hands to a worker at once.
pub(super) const BATCH: usize = 4;
/// Batches that wait for a worker before the walk does.
const BATCHES: usize = 1024;

/// The end of the queue that the walk has.
#[derive(Debug, Clone)]
pub(super) struct Feed(Sender<Batch>);

/// The end that each worker has.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    fed: Receiver<Batch>,
    returned: Receiver<Batch>,
    /// Nothing comes over it; it ends with the walk. `fed` does not: a thread that does not answer holds its other end.
    walk: Receiver<()>,
}

/// The end that the supervisor has.
#[derive(Debug)]
pub(super) struct WorkQueue {
    pub feed: Feed,
    pub queue: Queue,
    returned: Sender<Batch>,
    walk: Option<Sender<()>>,
}

impl Feed {
    /// Waits for room; returns whether the workers want more.
    pub(super) fn push(&self, batch: Batch) -> bool {
        batch.paths.is_empty() || self.0.send(batch).is_ok()
    }
}

impl Queue {
    /// What is next; `None` when all is done.
    pub(super) fn next(&self) -> Option<Batch> {
        // What was given back comes first, so that nothing of it is left when the walk has ended.
        if let Ok(batch) = self.returned.try_recv() {
            return Some(batch);
        }
        select! {
            recv(self.fed) -> batch => batch.ok(),
            recv(self.returned) -> batch => batch.ok(),
            recv(self.walk) -> _ => self.returned.try_recv().or_else(|_| self.fed.try_recv()).ok(),
        }
    }

    /// Makes room by forgetting what the walk has fed.
    pub(super) fn discard(&self) {
        self.fed.try_iter().for_each(drop);
    }
}

impl WorkQueue {
    pub(super) fn new() -> Self {
        let (feed, fed) = bounded(BATCHES);
        let (returned, given_back) = unbounded();
        let (walk, walks) = bounded(0);
        let queue = Queue { fed, returned: given_back, walk: walks };
        Self { feed: Feed(feed), queue, returned, walk: Some(walk) }
    }

    /// Gives back what a thread did not come to.
    pub(super) fn give_back(&self, batch: Batch) {
        if !batch.paths.is_empty() {
            // `queue` is one of the other ends.
            let _ = self.returned.send(batch);
        }
    }

    /// The walk has ended: workers end when they have done what there is.
    pub(super) fn close(&mut self) {
        self.walk = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(device: u64) -> Batch {
        Batch { device, folder: None, paths: vec!["/file".into()] }
    }

    #[test]
    fn workers_end_with_the_walk_when_all_is_done_though_a_hung_thread_holds_its_end() {
        let mut work = WorkQueue::new();
        let (hung, queue) = (work.feed.clone(), work.queue.clone());
        assert!(hung.push(batch(1)) && hung.push(Batch::default()));
        work.close();
        work.give_back(batch(2));
        let done: Vec<_> = std::iter::from_fn(|| queue.next()).map(|batch| batch.device).collect();
        assert_eq!(done, [2, 1]);
        work.give_back(batch(3));
        assert_eq!(queue.next().map(|batch| batch.device), Some(3), "given back to one who came later");
        drop(hung);
    }
}
