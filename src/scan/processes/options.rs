//! Which processes a scan looks at, and what of them.

use std::path::Path;
use std::sync::atomic::AtomicU32;

use crate::text;

/// Whether, and how, processes are looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcessOptions {
    /// Executables and libraries that the walk cannot reach; `None` for those of a scan of `/`.
    pub executables: Option<bool>,
    /// Private memory.
    pub memory: bool,
    /// The only processes that are looked at; all where it is empty.
    pub only: Vec<u32>,
}

impl ProcessOptions {
    /// Whether a scan of `tree` looks at what runs.
    pub(crate) fn looks_at_executables(&self, tree: &Path, is_live: bool) -> bool {
        self.executables.unwrap_or(tree == Path::new("/")) && is_live
    }

    /// What to say when a scan of `tree` begins: what it looks at that is no part of a tree.
    pub(crate) fn said(&self, tree: &Path, is_live: bool) -> Option<String> {
        let executables = self.looks_at_executables(tree, is_live);
        let memory = self.memory && is_live;
        let what = match (executables, memory) {
            (false, false) => return None,
            (true, false) => "programs that run and are deleted, replaced or memfd",
            (true, true) => "programs that run and are deleted, replaced or memfd, and private memory",
            (false, true) => "private memory",
        };
        let of = match self.only.len() {
            0 => "all processes".to_owned(),
            count => text::counted(count as u64, "process"),
        };
        let leave = if executables { "; --no-processes leaves them alone" } else { "" };
        Some(format!("the scan also looks at {of}: {what}{leave}"))
    }
}

/// What of processes a scan looks at, and how far it is.
#[derive(Debug, Default)]
pub(in crate::scan) struct ProcessScan {
    pub executables: bool,
    pub memory: bool,
    pub only: Vec<u32>,
    /// The last process that was begun: whoever takes over goes on after it.
    pub last: AtomicU32,
}

impl ProcessScan {
    /// What `options` come to for a scan of `tree`.
    pub(in crate::scan) fn new(options: ProcessOptions, tree: &Path, is_live: bool) -> Self {
        let executables = options.looks_at_executables(tree, is_live);
        let memory = options.memory && is_live;
        Self { executables, memory, only: options.only, ..Self::default() }
    }

    /// Whether anything is looked at.
    pub(in crate::scan) fn wanted(&self) -> bool {
        self.executables || self.memory
    }
}
