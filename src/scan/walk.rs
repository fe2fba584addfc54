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
