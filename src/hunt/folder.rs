//! A folder of rule files: which there are, and their bytes, also through links as long as they stay inside.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};

use super::file;
use super::problem::Problem;
use crate::root;

/// Files looked at below one folder at most.
const MAX_FILES: usize = 20_000;
/// Folders nested in a folder of rules at most.
const MAX_DEPTH: usize = 16;

/// A folder whose files are read, and nothing else.
#[derive(Debug)]
pub(super) struct RuleFolder {
    root: PathBuf,
    /// The same without links.
    real: PathBuf,
    folder: OwnedFd,
}

/// What there is in a folder.
#[derive(Debug, Default)]
pub(super) struct HuntFiles {
    /// Files, each once, with the folder's own name before theirs.
    pub files: Vec<PathBuf>,
    /// What cannot be looked into.
    pub problems: Vec<Problem>,
    /// Files and folders that were met, by device and inode.
    met: HashSet<(u64, u64)>,
}

impl RuleFolder {
    /// # Errors
    /// The folder cannot be opened.
    pub(super) fn open(root: &Path) -> Result<Self, Problem> {
        let unusable = |error: std::io::Error| Problem::whole(root, format!("cannot be opened: {error}"));
        let real = root.canonicalize().map_err(unusable)?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(CWD, &real, flags, Mode::empty()).map_err(|errno| unusable(errno.into()))?;
        Ok(Self { root: root.to_owned(), real, folder })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The files whose name `wanted` takes, in folders below too if `deep`. Of a file with several names it is the one
    /// that is no link, else the first.
    ///
    /// Folders whose name begins with `..` are not entered: a volume of Kubernetes keeps the files of each version in
    /// one, and links to those of the newest beside it.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub(super) fn files(&self, deep: bool, wanted: impl Fn(&OsStr) -> bool) -> Result<HuntFiles, Problem> {
        let mut listed = HuntFiles::default();
        let mut links = Vec::new();
        let mut folders = vec![(self.root.clone(), 0)];
        while let Some((folder, depth)) = folders.pop().or_else(|| links.pop()) {
            let path = folder;
            let Ok(facts) = fs::metadata(&path) else {
                listed.files.push(path);
                continue;
            };
            if !self.holds(&path) && depth > 0 {
                listed.problems.push(leads_out(&path));
                continue;
            }
            if !facts.is_dir() {
                if listed.met.insert((facts.dev(), facts.ino())) {
                    listed.files.push(path);
                }
                continue;
            }
            if !listed.met.insert((facts.dev(), facts.ino())) {
                continue;
            }
            let names = match names(&path) {
                Ok(names) => names,
                Err(problem) if depth == 0 => return Err(problem),
                Err(problem) => {
                    listed.problems.push(problem);
                    continue;
                }
            };
            for name in names.iter().rev().filter(|name| !name.as_bytes().starts_with(b"..")) {
                let path = path.join(name);
                let kind = fs::symlink_metadata(&path).map(|facts| facts.file_type());
                let is_link = kind.as_ref().is_ok_and(fs::FileType::is_symlink);
                let is_folder = if is_link { path.is_dir() } else { kind.is_ok_and(|kind| kind.is_dir()) };
                match (is_folder, is_link) {
                    (true, _) if !deep => {}
                    (true, _) if depth == MAX_DEPTH => {
                        listed.problems.push(Problem::whole(&path, "is nested too deep"));
                    }
                    (false, _) if !wanted(name) => {}
                    (_, true) => links.push((path, depth + 1)),
                    (_, false) => folders.push((path, depth + 1)),
                }
            }
            if listed.files.len() + folders.len() + links.len() > MAX_FILES {
                return Err(Problem::whole(&self.root, format!("holds more than {MAX_FILES} files")));
            }
        }
        listed.files.sort_unstable();
        Ok(listed)
    }

    /// Whether what `path` leads to lies in this folder.
    fn holds(&self, path: &Path) -> bool {
        path.canonicalize().is_ok_and(|real| real.starts_with(&self.real))
    }

    /// The bytes of a file of this folder, at most `max`.
    ///
    /// # Errors
    /// What it is instead of a file of text, or why it cannot be read.
    pub(super) fn read(&self, path: &Path, max: u64) -> Result<Vec<u8>, Problem> {
        let wrong = |message: String| Problem::whole(path, message);
        if path.file_name().is_some_and(|name| name.as_bytes().starts_with(b".#")) {
            return Err(wrong("is an editor's lock, and holds no rules".to_owned()));
        }
        let real = path.canonicalize().map_err(|error| match fs::symlink_metadata(path) {
            Ok(facts) if facts.is_symlink() => wrong("is a symbolic link that leads nowhere".to_owned()),
            _ => wrong(format!("cannot be opened: {error}")),
        })?;
        let below = real.strip_prefix(&self.real).map_err(|_| leads_out(path))?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = root::open_beneath(self.folder.as_fd(), below, flags, ResolveFlags::empty());
        let file = file.map_err(|errno| wrong(format!("cannot be opened: {errno}")))?;
        file::read_bytes(path, file.into(), max)
    }
}

fn leads_out(path: &Path) -> Problem {
    Problem::whole(path, "is a symbolic link that leads out of the folder").hint("copy the file it points to")
}

/// The names in a folder, sorted, so that hunts are listed in the same order everywhere.
fn names(folder: &Path) -> Result<Vec<std::ffi::OsString>, Problem> {
    let unreadable = |error: std::io::Error| Problem::whole(folder, format!("cannot be listed: {error}"));
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        names.push(entry.map_err(unreadable)?.file_name());
        if names.len() > MAX_FILES {
            return Err(Problem::whole(folder, format!("holds more than {MAX_FILES} files")));
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Whether a name is one that rules have: also compiled and packed ones, so that they are named as what they are.
pub(super) fn is_rule_file(name: &OsStr) -> bool {
    let name = name.as_bytes().to_ascii_lowercase();
    [".yar", ".yara", ".yar.gz", ".yara.gz", ".yarc"].iter().any(|ending| name.ends_with(ending.as_bytes()))
}
