//! What all threads of a scan share: what is scanned, with which rules, within which bounds, and where it is reported.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossbeam_channel::Sender;
use jiff::Timestamp;

use super::ScanEvent;
use super::control::{Control, Progress};
use super::coverage::{Reason, Unscanned};
use super::keeping::Keeping;
use super::memory::MemoryBudget;
use super::only::Only;
use super::processes::ProcessScan;
use super::rules::Ruleset;
use super::tree::Tree;
use super::unresponsive::UnresponsiveDevices;
use crate::accounts::Accounts;
use crate::archive::Limits;
use crate::root::{Folder, MountPolicy, OpenedFile};

/// What a scan asks of a file system before it has anything open. Any of it may hang.
#[derive(Debug, Clone, Copy)]
pub(super) struct System {
    /// Opens a file of the tree, from its folder if that is open.
    pub open: fn(&Tree, Option<&Folder>, &Path) -> io::Result<OpenedFile>,
    /// Opens a folder of the tree to be listed, from the one it lies in if that is open.
    pub open_folder: fn(&Tree, Option<&Folder>, &Path, MountPolicy) -> io::Result<Folder>,
}

impl System {
    /// The kernel's.
    pub(super) const REAL: Self = Self { open: Tree::open_file, open_folder: Tree::open_folder };
}

/// What all threads of a scan share.
pub(super) struct Shared {
    pub tree: Tree,
    pub system: System,
    pub rules: Arc<Ruleset>,
    pub accounts: Accounts,
    pub own: HashSet<(u64, u64)>,
    pub max_file_size: u64,
    /// Up to which size files are kept whole with their findings.
    pub keeping: Keeping,
    /// How much is taken out of archives; `None` to leave them closed.
    pub archives: Option<Limits>,
    pub processes: ProcessScan,
    /// When the box was started, in seconds since 1970.
    pub boot: i64,
    /// Files that have not changed since are left out, and counted in `older`.
    pub newer: Option<Timestamp>,
    pub older: AtomicU64,
    /// The only paths of the tree that are scanned.
    pub only: Option<Arc<Only>>,
    pub match_timeout: Duration,
    pub file_timeout: Duration,
    pub memory: Arc<MemoryBudget>,
    /// How many workers there are at once.
    pub workers: usize,
    pub unresponsive: UnresponsiveDevices,
    /// Folders that their own folder lists as files: they are walked when all else is done.
    pub disguised: Mutex<Vec<PathBuf>>,
    pub control: Arc<Control>,
    pub progress: Arc<Progress>,
    pub events: Sender<ScanEvent>,
}

impl Shared {
    pub(super) fn unscanned(&self, unscanned: Unscanned) {
        if unscanned.reason.is_gap() {
            self.progress.gaps.fetch_add(1, Ordering::Relaxed);
        }
        self.send(ScanEvent::Unscanned(unscanned));
    }

    /// What is known to be left out once the whole tree was walked.
    pub(super) fn left_out(&self) {
        let start = self.tree.start();
        for missed in self.only.iter().flat_map(|only| only.missed(start)) {
            self.unscanned(missed);
        }
        let older = self.older.load(Ordering::Relaxed);
        if let Some(since) = self.newer.filter(|_| older > 0) {
            self.unscanned(Unscanned { path: start.to_owned(), reason: Reason::Older(older, since) });
        }
    }

    /// A watcher that is gone needs no scan.
    pub(super) fn send(&self, event: ScanEvent) {
        if self.events.send(event).is_err() {
            self.control.cancel();
        }
    }
}
