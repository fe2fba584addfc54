//! The scan: walk a tree, read its files, have them matched, report findings and coverage. Knows no screen.
//!
//! [`Scan::start`] returns at once. Threads of its own walk the tree, and as many workers as asked for take the paths,
//! read each file into a buffer (never mapped: a mapped file that is truncated kills the process) and match it.
//! What they find comes over a bounded channel as [`Event`]s; [`Control`] steers, [`Progress`] tells how far it is.

mod control;
mod coverage;
mod desk;
mod engine;
mod externals;
mod facts;
mod memory;
pub mod prefilter;
mod probe;
mod read;
mod rules;
#[cfg(test)]
mod tests;
mod tree;
mod walk;
mod windows;
mod worker;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use ignore::gitignore::Gitignore;

pub use control::{Control, Progress, Reading};
pub use coverage::{Reason, Unscanned, is_gap_kind};
pub use engine::engine_runs;
pub use externals::Externals;
pub(crate) use facts::{MOST_ZEROS, digest_now};
pub use probe::{Places, probe};
pub use rules::{CandidateTest, RuleSource, RulesError, Ruleset};
pub(crate) use tree::{NotRegular, open_regular};
pub use tree::{Tree, TreeError, is_pseudo_type};
pub use walk::{BadGlob, WalkOptions};

use crate::accounts::Accounts;
use crate::finding::{FileFacts, Finding, KeptBytes, RuleId};
use memory::Memory;
use worker::{Shared, Worker};

/// Matches of one pattern in one file that are listed at most; a finding that met the cap says so.
pub const MATCHES_PER_PATTERN: usize = 100_000;
/// Default of `--match-timeout`.
pub const MATCH_TIMEOUT: Duration = Duration::from_mins(1);
/// Default of `--max-file-size`, in bytes.
pub const MAX_FILE_SIZE: u64 = 1 << 30;
/// Bytes of files that all workers together hold beside their chunks. A larger file is held while no other is.
const MEMORY: u64 = 16 << 20;
/// The same where rules want every file whole: holding only few of them at once would leave workers without work.
const WHOLE_MEMORY: u64 = 256 << 20;
/// Events that wait for the watcher before workers do.
const EVENTS: usize = 4096;
/// Paths that the walk hands to a worker at once, and how many such batches wait.
const BATCH: usize = 4;
const BATCHES: usize = 1024;

/// What is scanned and how.
#[derive(Debug, Clone)]
pub struct ScanOptions {
    /// What the walk leaves out.
    pub walk: WalkOptions,
    /// Workers that match; at least one.
    pub threads: usize,
    /// Largest file that is held in memory whole, in bytes. Files of any size are streamed through the prefilter, and
    /// rules that allow it are matched around what it locates; only rules that need the whole of a larger file are not
    /// matched against it, and coverage says so.
    pub max_file_size: u64,
    /// How long one file may be matched, in whole seconds; what takes longer is in coverage.
    pub match_timeout: Duration,
    /// Count the files ahead, for percent and time left.
    pub count_ahead: bool,
    /// Files that are Huntbook's own; they are listed in coverage by device and inode, wherever they are met.
    pub own_files: Vec<PathBuf>,
    /// Where the account database is: `/`, or the root of a mounted image.
    pub root: PathBuf,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self {
            walk: WalkOptions::default(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            max_file_size: MAX_FILE_SIZE,
            match_timeout: MATCH_TIMEOUT,
            count_ahead: false,
            own_files: Vec::new(),
            root: PathBuf::from("/"),
        }
    }
}

/// A file that no rule of the hunt matched and that its candidate condition points out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The hunt's rule.
    pub rule: RuleId,
    /// The file's facts.
    pub file: Arc<FileFacts>,
    /// The file's bytes as they were scanned.
    pub kept: Arc<KeptBytes>,
}

/// What a scan reports while it runs. Findings come in no particular order.
#[derive(Debug)]
pub enum Event {
    /// A rule matched a file.
    Finding(Finding),
    /// A candidate condition holds for a file that the rule did not match.
    Candidate(Candidate),
    /// Something was not scanned.
    Unscanned(Unscanned),
    /// The last event: the final gauges, and whether the scan went to its end.
    Finished {
        /// The gauges.
        reading: Reading,
        /// Whether it was cancelled.
        cancelled: bool,
    },
}

/// A scan that was started.
#[derive(Debug)]
pub struct Scan {
    /// What it reports. A dropped receiver ends the scan.
    pub events: Receiver<Event>,
    /// Its levers.
    pub control: Arc<Control>,
    /// Its gauges.
    pub progress: Arc<Progress>,
    thread: Option<JoinHandle<()>>,
}

impl Scan {
    /// Starts scanning `tree` with `rules` on threads of its own.
    ///
    /// # Errors
    /// A glob of `exclude` that cannot be understood.
    pub fn start(tree: Tree, rules: Arc<Ruleset>, options: ScanOptions) -> Result<Self, BadGlob> {
        let globs = options.walk.globs(tree.start())?;
        let workers = options.threads.max(1);
        let control = Arc::new(Control::new(workers));
        let progress = Arc::new(Progress::new(workers));
        let (sender, events) = crossbeam_channel::bounded(EVENTS);
        let rules_want_files_whole = rules.groups().iter().any(|group| group.prefilter().is_none());
        let shared = Shared {
            tree,
            rules,
            accounts: Accounts::read(&options.root),
            own: own_files(&options.own_files),
            max_file_size: options.max_file_size,
            match_timeout: options.match_timeout,
            memory: Memory::new(if rules_want_files_whole { WHOLE_MEMORY } else { MEMORY }),
            control: Arc::clone(&control),
            progress: Arc::clone(&progress),
            events: sender,
        };
        let thread = std::thread::spawn(move || conduct(&shared, &options, &globs));
        Ok(Self { events, control, progress, thread: Some(thread) })
    }

    /// Waits until all threads of the scan have ended. The events must be taken or dropped by then.
    pub fn join(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn own_files(paths: &[PathBuf]) -> HashSet<(u64, u64)> {
    let executable = std::fs::File::open("/proc/self/exe").ok().and_then(|file| rustix::fs::fstat(file).ok());
    let named = paths.iter().filter_map(|path| rustix::fs::stat(path).ok());
    named.chain(executable).map(|stat| (stat.st_dev, stat.st_ino)).collect()
}

/// Runs the threads of a scan and reports its end.
fn conduct(shared: &Shared, options: &ScanOptions, globs: &Gitignore) {
    let (paths, queue) = crossbeam_channel::bounded::<Vec<PathBuf>>(BATCHES);
    std::thread::scope(|scope| {
        if options.count_ahead {
            scope.spawn(|| {
                walk::walk(&shared.tree, &options.walk, globs, 1, || Counter { shared });
                shared.progress.counted.store(!shared.control.is_cancelled(), Ordering::Release);
            });
        }
        for id in 0..options.threads.max(1) {
            let queue = queue.clone();
            scope.spawn(move || Worker::new(id, shared).run(&queue));
        }
        drop(queue);
        walk::walk(&shared.tree, &options.walk, globs, 1, || Feeder {
            shared,
            paths: paths.clone(),
            batch: Vec::new(),
        });
        drop(paths);
    });
    let end = Event::Finished { reading: shared.progress.read(), cancelled: shared.control.is_cancelled() };
    // A watcher that has gone does not need to know.
    let _ = shared.events.send(end);
}

/// Hands the walk's files to the workers.
struct Feeder<'s> {
    shared: &'s Shared,
    paths: Sender<Vec<PathBuf>>,
    batch: Vec<PathBuf>,
}

impl Feeder<'_> {
    fn flush(&mut self) -> bool {
        self.batch.is_empty() || self.paths.send(std::mem::take(&mut self.batch)).is_ok()
    }
}

impl walk::Sink for Feeder<'_> {
    fn file(&mut self, path: PathBuf) -> bool {
        self.batch.push(path);
        (self.batch.len() < BATCH || self.flush()) && !self.shared.control.is_cancelled()
    }

    fn unscanned(&mut self, unscanned: Unscanned) {
        self.shared.unscanned(unscanned);
    }

    fn folder(&mut self) -> bool {
        self.shared.progress.folders.fetch_add(1, Ordering::Relaxed);
        !self.shared.control.is_cancelled()
    }

    fn link(&mut self) {
        self.shared.progress.links.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Feeder<'_> {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Counts files ahead of the workers.
struct Counter<'s> {
    shared: &'s Shared,
}

impl walk::Sink for Counter<'_> {
    fn file(&mut self, _: PathBuf) -> bool {
        self.shared.progress.total_files.fetch_add(1, Ordering::Relaxed);
        !self.shared.control.is_cancelled()
    }

    fn folder(&mut self) -> bool {
        !self.shared.control.is_cancelled()
    }

    fn unscanned(&mut self, _: Unscanned) {}
}
