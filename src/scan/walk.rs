//! Walking the tree: every entry goes to a [`Sink`], files to be scanned and everything else with its reason.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use ignore::{DirEntry, WalkBuilder, WalkState};
use rustix::fs::FileType;

use super::coverage::{Reason, Unscanned};
use super::tree::{self, Tree};

/// What the walk leaves out because the responder said so.
#[derive(Debug, Clone, Default)]
pub struct WalkOptions {
    /// Stay on the file system of the tree's root.
    pub one_file_system: bool,
    /// Enter file systems made up by the kernel, too.
    pub include_pseudo: bool,
    /// Globs, in the syntax of gitignore and relative to the tree, of what is not scanned.
    pub exclude: Vec<String>,
}

/// A glob of `--exclude` that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("--exclude {glob}: {error}; write a glob as in a .gitignore")]
pub struct BadGlob {
    glob: String,
    error: ignore::Error,
}

impl WalkOptions {
    /// The globs, ready to match below `root`.
    ///
    /// # Errors
    /// The first glob that cannot be understood.
    pub(super) fn globs(&self, root: &Path) -> Result<Gitignore, BadGlob> {
        let mut builder = GitignoreBuilder::new(root);
        let bad = |glob: &str, error| BadGlob { glob: crate::text::escape_str(glob).into_owned(), error };
        for glob in &self.exclude {
            builder.add_line(None, glob).map_err(|error| bad(glob, error))?;
        }
        builder.build().map_err(|error| bad(&self.exclude.join(" "), error))
    }
}

/// Where a walk's entries go.
pub(super) trait Sink: Send {
    /// A regular file. Returns whether the walk is to go on.
    fn file(&mut self, path: PathBuf) -> bool;
    /// Something that will not be scanned.
    fn unscanned(&mut self, unscanned: Unscanned);
    /// A folder is entered. Returns whether the walk is to go on.
    fn folder(&mut self) -> bool;
    /// A link was seen.
    fn link(&mut self) {}
}

/// Walks `tree` on `threads` threads; `sink` makes the sink of each.
pub(super) fn walk<S: Sink>(
    tree: &Tree,
    options: &WalkOptions,
    globs: &Gitignore,
    threads: usize,
    sink: impl Fn() -> S + Sync,
) {
    let walker =
        WalkBuilder::new(tree.start()).standard_filters(false).follow_links(false).threads(threads).build_parallel();
    walker.run(|| {
        let mut visitor = Visitor { tree, options, globs, sink: sink(), devices: HashMap::new() };
        Box::new(move |entry| visitor.visit(entry))
    });
}

struct Visitor<'t, S> {
    tree: &'t Tree,
    options: &'t WalkOptions,
    globs: &'t Gitignore,
    sink: S,
    /// Whether the file system with this device number is entered, and if not, why.
    devices: HashMap<u64, Option<Reason>>,
}

impl<S: Sink> Visitor<'_, S> {
    fn visit(&mut self, entry: Result<DirEntry, ignore::Error>) -> WalkState {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                self.error(error);
                return WalkState::Continue;
            }
        };
        let Some(kind) = entry.file_type() else { return WalkState::Continue };
        if let ignore::Match::Ignore(glob) = self.globs.matched(entry.path(), kind.is_dir())
            && entry.depth() > 0
        {
            let reason = Reason::Excluded(glob.original().to_owned());
            self.sink.unscanned(Unscanned { path: entry.into_path(), reason });
            return WalkState::Skip;
        }
        if kind.is_dir() {
            return self.folder(&entry);
        }
        if kind.is_file() {
            return if self.sink.file(entry.into_path()) { WalkState::Continue } else { WalkState::Quit };
        }
        if kind.is_symlink() {
            self.sink.link();
        } else {
            let name = tree::kind_name(FileType::from_raw_mode(file_type_mode(kind)));
            self.sink.unscanned(Unscanned { path: entry.into_path(), reason: Reason::Special(name) });
        }
        WalkState::Continue
    }

    fn folder(&mut self, entry: &DirEntry) -> WalkState {
        match rustix::fs::lstat(entry.path()) {
            Ok(stat) => match self.refusal(entry.path(), stat.st_dev) {
                None if self.sink.folder() => WalkState::Continue,
                None => WalkState::Quit,
                Some(reason) => {
                    self.sink.unscanned(Unscanned { path: entry.path().to_owned(), reason });
                    WalkState::Skip
                }
            },
            Err(error) => {
                self.sink.unscanned(Unscanned { path: entry.path().to_owned(), reason: Reason::of(&error.into()) });
                WalkState::Skip
            }
        }
    }

    fn refusal(&mut self, path: &Path, device: u64) -> Option<Reason> {
        if let Some(known) = self.devices.get(&device) {
            return known.clone();
        }
        let reason = if self.options.one_file_system && device != self.tree.device() {
            Some(Reason::OtherFileSystem)
        } else if self.options.include_pseudo {
            None
        } else {
            let magic = rustix::fs::statfs(path).map_or(0, |found| found.f_type as u64);
            tree::pseudo_file_system(magic).map(Reason::PseudoFileSystem)
        };
        self.devices.insert(device, reason.clone());
        reason
    }

    fn error(&mut self, error: ignore::Error) {
        let (path, error) = innermost(error, None);
        let reason = match error.io_error() {
            Some(error) => Reason::of(error),
            None => Reason::Io(error.to_string()),
        };
        let path = path.unwrap_or_else(|| self.tree.start().to_owned());
        self.sink.unscanned(Unscanned { path, reason });
    }
}

fn innermost(error: ignore::Error, path: Option<PathBuf>) -> (Option<PathBuf>, ignore::Error) {
    match error {
        ignore::Error::WithPath { path, err } => innermost(*err, Some(path)),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => innermost(*err, path),
        ignore::Error::Loop { child, .. } => (Some(child), ignore::Error::Io(rustix::io::Errno::LOOP.into())),
        other => (path, other),
    }
}

fn file_type_mode(kind: std::fs::FileType) -> u32 {
    use std::os::unix::fs::FileTypeExt as _;
    if kind.is_fifo() {
        FileType::Fifo.as_raw_mode()
    } else if kind.is_socket() {
        FileType::Socket.as_raw_mode()
    } else if kind.is_char_device() {
        FileType::CharacterDevice.as_raw_mode()
    } else if kind.is_block_device() {
        FileType::BlockDevice.as_raw_mode()
    } else {
        0
    }
}
