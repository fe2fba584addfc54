//! Walking the tree: every entry goes to a [`WalkSink`], files to be scanned and everything else with its reason.

use std::collections::HashMap;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

use super::coverage::{Reason, Unscanned};
use super::only::Only;
use super::open_folder::OpenFolder;
use super::shared::Shared;
use super::tree::{self, Tree};
use super::unresponsive::UnresponsiveDevices;
use super::worker_slot::{Abandoned, WorkerSlot};
use crate::root::{EntryBuffer, Folder, MountPolicy, entry_buffer, kind_name};
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
pub(super) trait WalkSink {
    /// A file that its folder lists as a regular one; `folder` is that folder, unless too many are open.
    fn file(&mut self, path: PathBuf, device: u64, folder: Option<&Arc<OpenFolder>>) -> bool;
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

/// Folders that are kept open at most, so that what is in them is opened from there.
const OPEN_FOLDERS: usize = 128;

/// A walk through a tree: the folders that are still to be listed. When a thread is given up over a folder, another goes
/// on with the others.
///
/// Folders are listed here and not by crate `ignore`, which opens each by its whole path: links that take a folder's place
/// would be followed, and paths over `PATH_MAX` not opened. Its globs decide what is left out.
#[derive(Debug)]
pub(super) struct Walk {
    options: WalkOptions,
    globs: Gitignore,
    start: PathBuf,
    start_device: u64,
    pending: Mutex<Vec<Pending>>,
    /// Whether the file system with this device number is entered, and if not, why.
    devices: Mutex<HashMap<u64, Option<Reason>>>,
    open_folders: Arc<AtomicUsize>,
}

/// A folder that is to be listed.
#[derive(Debug)]
struct Pending {
    path: PathBuf,
    /// The folder it lies in, unless too many are open: then it is reached from the top of the tree.
    within: Option<Arc<OpenFolder>>,
    /// Device number of the file system that lies on.
    device: u64,
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
        let (start, start_device) = (tree.start().to_owned(), tree.device());
        let walk = Self {
            options,
            globs,
            start,
            start_device,
            pending: Mutex::default(),
            devices: Mutex::default(),
            open_folders: Arc::default(),
        };
        walk.resume([walk.start.clone()]);
        walk
    }

    /// Has these folders listed, too.
    pub(super) fn resume(&self, folders: impl IntoIterator<Item = PathBuf>) {
        let pending = folders.into_iter().map(|path| Pending { path, within: None, device: self.start_device });
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).extend(pending);
    }

    /// Walks on in `slot` until no folder is left, the sink has enough, or the thread is abandoned.
    pub(super) fn run(&self, shared: &Shared, slot: &WorkerSlot, sink: &mut impl WalkSink) {
        let mut buffer = entry_buffer();
        while let Some(pending) = self.next() {
            if slot.begin(&pending.path, Some(pending.device), shared.control.skips()).is_err() {
                return;
            }
            let outcome = self.visit(&pending, shared, slot, sink, &mut buffer);
            // Of a folder over which the thread was abandoned, coverage knows already.
            if slot.check().is_err() || matches!(outcome, Err(Stop::Walk)) {
                return;
            }
            if let Err(Stop::Error(error)) = outcome {
                sink.unscanned(Unscanned { path: pending.path, reason: Reason::of(&error) });
            }
            if !sink.leave() {
                return;
            }
        }
    }

    /// The folder that was met last: its own come before those beside it.
    fn next(&self) -> Option<Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// A folder, or the one file that is scanned.
    fn visit(
        &self,
        pending: &Pending,
        shared: &Shared,
        slot: &WorkerSlot,
        sink: &mut impl WalkSink,
        buffer: &mut EntryBuffer,
    ) -> Result<(), Stop> {
        let Pending { path, within, device } = pending;
        if !shared.tree.is_folder() {
            return if sink.file(path.clone(), *device, None) { Ok(()) } else { Err(Stop::Walk) };
        }
        if let Some(others) = shared.unresponsive.blocked(*device) {
            sink.unscanned(Unscanned { path: path.clone(), reason: Reason::Silent(others) });
            return Ok(());
        }
        let within = within.as_ref().map(|held| held.folder());
        let folder = match self.open(within, path, shared, slot) {
            Ok(Ok(folder)) => folder,
            Ok(Err(reason)) => {
                sink.unscanned(Unscanned { path: path.clone(), reason });
                return Ok(());
            }
            Err(Stop::Error(error)) if Errno::from_io_error(&error) == Some(Errno::NOTDIR) => {
                return self.no_folder(pending, shared, slot, sink);
            }
            Err(stop) => return Err(stop),
        };
        if !sink.enter() {
            return Err(Stop::Walk);
        }
        if self.open_folders.load(Ordering::Relaxed) < OPEN_FOLDERS {
            let held = OpenFolder::new(folder, &self.open_folders);
            self.list(held.folder(), Some(&held), slot, sink, buffer)
        } else {
            self.list(&folder, None, slot, sink, buffer)
        }
    }

    /// Opens a folder, or says why it is not entered. What is mounted in the tree is looked at before it is opened: an
    /// automount is not set off, and a file system that is left out is not touched.
    fn open(
        &self,
        within: Option<&Folder>,
        path: &Path,
        shared: &Shared,
        slot: &WorkerSlot,
    ) -> Result<Result<Folder, Reason>, Stop> {
        let open = |mounts| blocking_call(|| (shared.system.open_folder)(&shared.tree, within, path, mounts));
        let folder = match open(MountPolicy::Refused) {
            Err(error) if Errno::from_io_error(&error) == Some(Errno::XDEV) => {
                let mounted = blocking_call(|| shared.tree.point(within, path))?;
                slot.set_device(mounted.stat.st_dev)?;
                let magic = || Ok(mounted.file_system);
                if let Some(reason) = self.refusal(mounted.stat.st_dev, magic, &shared.unresponsive, slot)? {
                    return Ok(Err(reason));
                }
                let folder = open(MountPolicy::Entered)?;
                let is = |stat: &Stat| (stat.st_dev, stat.st_ino);
                if is(folder.stat()) != is(&mounted.stat) {
                    return Err(Stop::Error(io::Error::other("something was mounted there meanwhile")));
                }
                folder
            }
            opened => opened?,
        };
        slot.set_device(folder.stat().st_dev)?;
        let reason = self.refusal(folder.stat().st_dev, || folder.file_system(), &shared.unresponsive, slot)?;
        Ok(reason.map_or(Ok(folder), Err))
    }

    /// Something that was listed as a folder and is none.
    fn no_folder(
        &self,
        pending: &Pending,
        shared: &Shared,
        slot: &WorkerSlot,
        sink: &mut impl WalkSink,
    ) -> Result<(), Stop> {
        let within = pending.within.as_ref();
        let found = blocking_call(|| shared.tree.point(within.map(|held| held.folder()), &pending.path))?;
        slot.check()?;
        let (path, is) = (pending.path.clone(), FileType::from_raw_mode(found.stat.st_mode));
        sink.unscanned(Unscanned { path: path.clone(), reason: Reason::not_as_listed(FileType::Directory, is) });
        match is {
            FileType::Directory => Ok(()),
            _ => self.entry(path, is, found.stat.st_dev, within, sink),
        }
    }

    /// Takes the entries of a folder.
    fn list(
        &self,
        folder: &Folder,
        held: Option<&Arc<OpenFolder>>,
        slot: &WorkerSlot,
        sink: &mut impl WalkSink,
        buffer: &mut EntryBuffer,
    ) -> Result<(), Stop> {
        let device = folder.stat().st_dev;
        let mut entries = folder.entries(buffer);
        loop {
            let entry = blocking_call(|| entries.next());
            slot.check()?;
            let Some(entry) = entry else { return Ok(()) };
            let (name, listed) = entry?;
            let path = folder.path.join(&name);
            if name.as_bytes().contains(&b'/') {
                let reason = Reason::Io("its name holds a slash, which no name can".to_owned());
                sink.unscanned(Unscanned { path, reason });
                continue;
            }
            let kind = match listed {
                FileType::RegularFile | FileType::Directory => listed,
                // That is only a byte in the folder; whether the file is no file, its inode says.
                _ => {
                    let stat = blocking_call(|| folder.stat_of(&name));
                    slot.check()?;
                    match stat {
                        Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                        Err(error) => {
                            sink.unscanned(Unscanned { path, reason: Reason::of(&error) });
                            continue;
                        }
                    }
                }
            };
            if kind != listed && listed != FileType::Unknown {
                sink.unscanned(Unscanned { path: path.clone(), reason: Reason::not_as_listed(listed, kind) });
            }
            self.entry(path, kind, device, held, sink)?;
        }
    }

    fn entry(
        &self,
        path: PathBuf,
        kind: FileType,
        device: u64,
        within: Option<&Arc<OpenFolder>>,
        sink: &mut impl WalkSink,
    ) -> Result<(), Stop> {
        if self.options.only.as_ref().is_some_and(|only| !only.admits(&path, kind.is_dir())) {
            return Ok(());
        }
        if let ignore::Match::Ignore(glob) = self.globs.matched(&path, kind.is_dir()) {
            let reason = Reason::Excluded(glob.original().to_owned());
            sink.unscanned(Unscanned { path, reason });
            return Ok(());
        }
        match kind {
            FileType::Directory => {
                let pending = Pending { path, within: within.cloned(), device };
                self.pending.lock().unwrap_or_else(PoisonError::into_inner).push(pending);
            }
            FileType::RegularFile => {
                return if sink.file(path, device, within) { Ok(()) } else { Err(Stop::Walk) };
            }
            FileType::Symlink => sink.link(),
            other => sink.unscanned(Unscanned { path, reason: Reason::Special(kind_name(other)) }),
        }
        Ok(())
    }

    /// Why a folder on this file system, whose magic number `magic` tells, is not entered, if it is not.
    fn refusal(
        &self,
        device: u64,
        magic: impl FnOnce() -> io::Result<u64>,
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
            let magic = blocking_call(magic).unwrap_or_default();
            slot.check()?;
            let pseudo = tree::pseudo_file_system(magic).filter(|_| !self.options.include_pseudo);
            let remote = || tree::remote_file_system(magic, device).filter(|_| self.options.local_only);
            pseudo.map(Reason::PseudoFileSystem).or_else(|| remote().map(Reason::NotLocal))
        };
        self.devices.lock().unwrap_or_else(PoisonError::into_inner).insert(device, reason.clone());
        Ok(reason)
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
