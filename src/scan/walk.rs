//! Walking the tree: every entry goes to a [`Sink`], files to be scanned and everything else with its reason.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::WalkBuilder;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rustix::fs::FileType;

use super::coverage::{Reason, Unscanned};
use super::only::Only;
use super::tree::{self, Tree};
use super::unresponsive::UnresponsiveDevices;
use super::worker::Shared;
use super::worker_slot::{Abandoned, WorkerSlot};
use crate::root::kind_name;
use crate::timeout::blocking_call;

/// What the walk leaves out because the responder said so.
#[derive(Debug, Clone, Default)]
pub struct WalkOptions {
    /// Stay on the file system of the tree's root.
    pub one_file_system: bool,
    /// Enter file systems made up by the kernel, too.
    pub include_pseudo: bool,
    /// Globs, in the syntax of gitignore and relative to the tree, of what is not scanned.
    pub exclude: Vec<String>,
    /// Stay out of file systems that another machine or a program serves.
    pub local_only: bool,
    /// The only paths of the tree that are scanned; `None` for all.
    pub only: Option<Arc<Only>>,
}

/// A glob of `--exclude` that cannot be understood, or that can leave out nothing.
#[derive(Debug, thiserror::Error)]
#[error("--exclude {glob}: {why}; write a glob as in a .gitignore in TREE, such as *.iso or /var/cache")]
pub struct BadGlob {
    glob: String,
    why: String,
}

impl WalkOptions {
    /// Whether all globs can be used below `root`, the tree's start.
    ///
    /// # Errors
    /// The first glob that cannot be understood, or that can leave out nothing.
    pub fn check(&self, root: &Path) -> Result<(), BadGlob> {
        self.globs(root).map(drop)
    }

    /// The globs, ready to match below `root`.
    ///
    /// # Errors
    /// As [`WalkOptions::check`].
    pub(super) fn globs(&self, root: &Path) -> Result<Gitignore, BadGlob> {
        let mut builder = GitignoreBuilder::new(root);
        let bad = |glob: &str, why: String| BadGlob { glob: crate::text::escape_str(glob).into_owned(), why };
        for (index, glob) in self.exclude.iter().enumerate() {
            let line = line(glob, root, index == 0).map_err(|why| bad(glob, why.to_owned()))?;
            builder.add_line(None, &line).map_err(|error| bad(glob, error.to_string()))?;
        }
        builder.build().map_err(|error| bad(&self.exclude.join(" "), error.to_string()))
    }
}

/// `glob` as a line of a .gitignore in `root`: a path that begins with `root` or with `./` is one from there on.
fn line(glob: &str, root: &Path, first: bool) -> Result<String, &'static str> {
    let (sign, pattern) = glob.strip_prefix('!').map_or(("", glob), |pattern| ("!", pattern));
    if glob.starts_with('#') {
        return Err("is a comment; write \\# for a name that begins with #");
    }
    if first && !sign.is_empty() {
        return Err("takes back what a glob before it leaves out, and there is none; write \\! for a name with !");
    }
    if pattern.trim().trim_matches('/').is_empty() {
        return Err("covers nothing");
    }
    let root = root.to_str().map(|root| root.trim_end_matches('/'));
    let below =
        root.and_then(|root| pattern.strip_prefix(root)).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let pattern = below.or_else(|| pattern.strip_prefix('.').filter(|rest| rest.starts_with('/'))).unwrap_or(pattern);
    if pattern.trim_matches('/').is_empty() {
        return Err("is the whole tree");
    }
    if pattern.split('/').any(|part| matches!(part, "." | "..")) {
        return Err("holds . or .., which no path in the tree does");
    }
    Ok(format!("{sign}{pattern}"))
}

/// Where a walk's entries go. What returns whether the walk is to go on is asked while no file system is.
pub(super) trait Sink {
    /// A regular file in a folder of the file system `device`.
    fn file(&mut self, path: PathBuf, device: u64) -> bool;
    /// Something that will not be scanned.
    fn unscanned(&mut self, unscanned: Unscanned);
    /// A folder is entered.
    fn enter(&mut self) -> bool;
    /// A folder is done, as far as it could be listed.
    fn leave(&mut self) -> bool {
        true
    }
    /// A link was seen.
    fn link(&mut self) {}
}

/// A walk through a tree: the folders that are still to be listed. When a thread is given up over a folder, another goes
/// on with the others.
#[derive(Debug)]
pub(super) struct Walk {
    options: WalkOptions,
    globs: Gitignore,
    start: PathBuf,
    start_device: u64,
    pending: Mutex<Vec<PathBuf>>,
    /// Whether the file system with this device number is entered, and if not, why.
    devices: Mutex<HashMap<u64, Option<Reason>>>,
}

/// Why a walk leaves a folder before its end.
enum Stop {
    /// The folder cannot be listed, or not to its end.
    Error(io::Error),
    /// Nobody wants more of the walk.
    Walk,
}

impl From<Abandoned> for Stop {
    fn from(Abandoned: Abandoned) -> Self {
        Self::Walk
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Error(error)
    }
}

impl Walk {
    /// A walk through `tree` that leaves out what `options` and their `globs` say.
    pub(super) fn new(tree: &Tree, options: WalkOptions, globs: Gitignore) -> Self {
        let start = tree.start().to_owned();
        let pending = Mutex::new(vec![start.clone()]);
        Self { options, globs, pending, start, start_device: tree.device(), devices: Mutex::default() }
    }

    /// Walks on in `slot` until no folder is left, the sink has enough, or the thread is abandoned.
    pub(super) fn run(&self, shared: &Shared, slot: &WorkerSlot, sink: &mut impl Sink) {
        while let Some(path) = self.next() {
            if slot.begin(&path, None, shared.control.skips()).is_err() {
                return;
            }
            let outcome = self.visit(&path, shared, slot, sink);
            // Of a folder over which the thread was abandoned, coverage knows already.
            if slot.check().is_err() || matches!(outcome, Err(Stop::Walk)) {
                return;
            }
            if let Err(Stop::Error(error)) = outcome {
                sink.unscanned(Unscanned { path, reason: Reason::of(&error) });
            }
            if !sink.leave() {
                return;
            }
        }
    }

    /// The folder that was met last: its own come before those beside it.
    fn next(&self) -> Option<PathBuf> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// A folder, or the one file that is scanned.
    fn visit(&self, path: &Path, shared: &Shared, slot: &WorkerSlot, sink: &mut impl Sink) -> Result<(), Stop> {
        let stat = blocking_call(|| rustix::fs::lstat(path)).map_err(io::Error::from)?;
        slot.set_device(stat.st_dev)?;
        if !FileType::from_raw_mode(stat.st_mode).is_dir() {
            return self.entry(path.to_owned(), FileType::from_raw_mode(stat.st_mode), stat.st_dev, sink);
        }
        if let Some(reason) = self.refusal(path, stat.st_dev, &shared.unresponsive, slot)? {
            sink.unscanned(Unscanned { path: path.to_owned(), reason });
            return Ok(());
        }
        if !sink.enter() {
            return Err(Stop::Walk);
        }
        let mut entries = blocking_call(|| (shared.system.list)(path));
        loop {
            let entry = blocking_call(|| entries.next());
            slot.check()?;
            match entry {
                None => return Ok(()),
                Some(Ok(entry)) if entry.depth() == 0 => {}
                Some(Ok(entry)) => {
                    let kind = entry.file_type().map_or(FileType::Unknown, file_type);
                    self.entry(entry.into_path(), kind, stat.st_dev, sink)?;
                }
                Some(Err(error)) => sink.unscanned(unscanned(path, error)),
            }
        }
    }

    fn entry(&self, path: PathBuf, kind: FileType, device: u64, sink: &mut impl Sink) -> Result<(), Stop> {
        if self.options.only.as_ref().is_some_and(|only| path != self.start && !only.admits(&path, kind.is_dir())) {
            return Ok(());
        }
        if path != self.start
            && let ignore::Match::Ignore(glob) = self.globs.matched(&path, kind.is_dir())
        {
            let reason = Reason::Excluded(glob.original().to_owned());
            sink.unscanned(Unscanned { path, reason });
            return Ok(());
        }
        match kind {
            FileType::Directory => self.pending.lock().unwrap_or_else(PoisonError::into_inner).push(path),
            FileType::RegularFile => return if sink.file(path, device) { Ok(()) } else { Err(Stop::Walk) },
            FileType::Symlink => sink.link(),
            other => sink.unscanned(Unscanned { path, reason: Reason::Special(kind_name(other)) }),
        }
        Ok(())
    }

    /// Why this folder is not entered, if it is not.
    fn refusal(
        &self,
        path: &Path,
        device: u64,
        unresponsive: &UnresponsiveDevices,
        slot: &WorkerSlot,
    ) -> Result<Option<Reason>, Abandoned> {
        if let Some(others) = unresponsive.blocked(device) {
            return Ok(Some(Reason::Silent(others)));
        }
        if let Some(known) = self.devices.lock().unwrap_or_else(PoisonError::into_inner).get(&device) {
            return Ok(known.clone());
        }
        let reason = if self.options.one_file_system && device != self.start_device {
            Some(Reason::OtherFileSystem)
        } else if self.options.include_pseudo && !self.options.local_only {
            None
        } else {
            let magic = blocking_call(|| rustix::fs::statfs(path)).map_or(0, |found| found.f_type as u64);
            slot.check()?;
            let pseudo = tree::pseudo_file_system(magic).filter(|_| !self.options.include_pseudo);
            let remote = || tree::remote_file_system(magic, device).filter(|_| self.options.local_only);
            pseudo.map(Reason::PseudoFileSystem).or_else(|| remote().map(Reason::NotLocal))
        };
        self.devices.lock().unwrap_or_else(PoisonError::into_inner).insert(device, reason.clone());
        Ok(reason)
    }
}

/// A folder and what is in it, and nothing below that: a walk that hangs is lost as a whole.
pub(super) fn list(path: &Path) -> ignore::Walk {
    WalkBuilder::new(path).standard_filters(false).follow_links(false).max_depth(Some(1)).build()
}

/// What could not be listed of `folder`, or all of it.
fn unscanned(folder: &Path, error: ignore::Error) -> Unscanned {
    let (path, error) = innermost(error, None);
    let reason = match error.io_error() {
        Some(error) => Reason::of(original(error)),
        None => Reason::Io(error.to_string()),
    };
    Unscanned { path: path.unwrap_or_else(|| folder.to_owned()), reason }
}

/// The system's error, with its number; on its way here it may have got another around it.
fn original(error: &io::Error) -> &io::Error {
    let within = error.get_ref().and_then(|around| around.source());
    within.and_then(|error| error.downcast_ref()).unwrap_or(error)
}

fn innermost(error: ignore::Error, path: Option<PathBuf>) -> (Option<PathBuf>, ignore::Error) {
    match error {
        ignore::Error::WithPath { path, err } => innermost(*err, Some(path)),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => innermost(*err, path),
        other => (path, other),
    }
}

fn file_type(kind: std::fs::FileType) -> FileType {
    use std::os::unix::fs::FileTypeExt as _;
    if kind.is_dir() {
        FileType::Directory
    } else if kind.is_file() {
        FileType::RegularFile
    } else if kind.is_symlink() {
        FileType::Symlink
    } else if kind.is_fifo() {
        FileType::Fifo
    } else if kind.is_socket() {
        FileType::Socket
    } else if kind.is_char_device() {
        FileType::CharacterDevice
    } else if kind.is_block_device() {
        FileType::BlockDevice
    } else {
        FileType::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn globs(exclude: &[&str]) -> Result<Gitignore, String> {
        let exclude = exclude.iter().map(ToString::to_string).collect();
        let options = WalkOptions { exclude, ..WalkOptions::default() };
        options.globs(Path::new("/srv/tree")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_glob_covers_what_a_gitignore_in_the_tree_would_and_paths_as_people_have_them() {
        for (globs_given, covered, spared) in [
            (&["*.iso"][..], "/srv/tree/a/b.iso", "/srv/tree/b.is"),
            (&["./ssh"], "/srv/tree/ssh", "/srv/tree/etc/ssh"),
            (&["/srv/tree/ssh"], "/srv/tree/ssh", "/srv/tree/etc/ssh"),
            (&["/srv/tree2"], "/srv/tree/srv/tree2", "/srv/tree/tree2"),
            (&["*.log", "!keep.log"], "/srv/tree/x.log", "/srv/tree/keep.log"),
            (&["*.log", "!/srv/tree/keep.log"], "/srv/tree/x.log", "/srv/tree/keep.log"),
            (&["["], "/srv/tree/usr/bin/[", "/srv/tree/usr/bin/]"),
        ] {
            let globs = globs(globs_given).unwrap();
            assert!(globs.matched(covered, false).is_ignore(), "{globs_given:?} {covered}");
            assert!(!globs.matched(spared, false).is_ignore(), "{globs_given:?} {spared}");
        }
    }

    #[test]
    fn what_cannot_be_listed_has_the_reason_that_the_system_gives() {
        let dir = tempfile::tempdir().unwrap();
        for (name, reason) in [("absent".to_owned(), Reason::Vanished), ("x".repeat(300), Reason::NameTooLong)] {
            let path = dir.path().join(name);
            let error = list(&path).find_map(Result::err).unwrap();
            let told = unscanned(Path::new("/elsewhere"), error);
            assert_eq!((told.path, told.reason), (path, reason));
        }
    }

    #[test]
    fn a_glob_that_can_cover_nothing_is_refused() {
        for (glob, why) in [
            ("", "covers nothing"),
            (" ", "covers nothing"),
            ("/", "covers nothing"),
            ("# x", "is a comment"),
            ("!*.py", "takes back"),
            ("../x", "holds . or .."),
            ("a/./b", "holds . or .."),
            ("./", "is the whole tree"),
            ("/srv/tree/", "is the whole tree"),
        ] {
            let said = globs(&[glob]).unwrap_err();
            assert!(said.starts_with(&format!("--exclude {glob}: {why}")) && said.contains(".gitignore"), "{said}");
        }
    }
}
