//! What lies on the box, for the many words that may mean a file: each folder is listed once and each path resolved once.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::super::observed::is_missing;
use crate::root::Root;

/// Names kept of all folders; what lies in folders beyond that is looked up one by one.
const MAX_KEPT: usize = 2_000_000;

/// The folders that were listed and the paths that were resolved.
pub(super) struct Lookup<'a> {
    root: &'a Root,
    /// By the text of the folder: that of a path is hashed far quicker than its components.
    folders: HashMap<OsString, Listed>,
    resolved: HashMap<OsString, Option<PathBuf>>,
    kept: usize,
}

/// What is known of a folder.
enum Listed {
    /// It is not there.
    Nothing,
    /// All names in it.
    Names(HashSet<OsString>),
    /// It holds too many to keep them, or cannot be listed.
    Unlisted,
}

impl<'a> Lookup<'a> {
    pub(super) fn new(root: &'a Root) -> Self {
        Self { root, folders: HashMap::new(), resolved: HashMap::new(), kept: 0 }
    }

    /// Whether a path exists.
    pub(super) fn is_there(&mut self, path: &Path) -> bool {
        match (path.parent(), path.file_name()) {
            (Some(folder), Some(name)) => self.lies_in(folder, name),
            _ => true,
        }
    }

    /// Whether a folder, an absolute path without `.` and `..`, holds this name.
    pub(super) fn lies_in(&mut self, folder: &Path, name: &OsStr) -> bool {
        match self.listed(folder) {
            Listed::Nothing => false,
            Listed::Names(names) => names.contains(name),
            Listed::Unlisted => self.resolve(&folder.join(name)).is_some(),
        }
    }

    /// The names in a folder that fit, sorted; `None` where it holds too many to keep them, or cannot be
    /// listed.
    pub(super) fn names(&mut self, folder: &Path, fits: impl Fn(&OsStr) -> bool) -> Option<Vec<OsString>> {
        let mut names: Vec<OsString> = match self.listed(folder) {
            Listed::Nothing => Vec::new(),
            Listed::Names(names) => names.iter().filter(|name| fits(name)).cloned().collect(),
            Listed::Unlisted => return None,
        };
        names.sort_unstable();
        Some(names)
    }

    fn listed(&mut self, folder: &Path) -> &Listed {
        // Asked twice, because the first answer cannot be given back while it may have to be added.
        if !self.folders.contains_key(folder.as_os_str()) {
            let listed = self.list(folder);
            self.folders.insert(folder.as_os_str().to_owned(), listed);
        }
        self.folders.get(folder.as_os_str()).unwrap_or(&Listed::Nothing)
    }

    fn list(&mut self, folder: &Path) -> Listed {
        match self.root.folder(folder).and_then(|open| open.names()) {
            Ok((names, false)) if self.kept + names.len() <= MAX_KEPT => {
                self.kept += names.len();
                Listed::Names(names.into_iter().collect())
            }
            Err(error) if is_missing(&error) => Listed::Nothing,
            Ok(_) | Err(_) => Listed::Unlisted,
        }
    }

    /// A path with its links resolved; `None` where it leads nowhere.
    pub(super) fn resolve(&mut self, path: &Path) -> Option<PathBuf> {
        if let Some(known) = self.resolved.get(path.as_os_str()) {
            return known.clone();
        }
        let resolved = self.root.locate(path, true).ok().map(|located| located.path);
        self.resolved.insert(path.as_os_str().to_owned(), resolved.clone());
        resolved
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::scratch;
    use super::*;

    #[test]
    fn what_lies_there_is_the_same_whether_folders_are_kept_or_not() {
        let (dir, root) = scratch(&[("opt/a", ""), ("opt/b/c", "")]);
        std::os::unix::fs::symlink("b", dir.path().join("opt/d")).unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("opt/e")).unwrap();
        for kept in [0, MAX_KEPT] {
            let mut there = Lookup { kept, ..Lookup::new(&root) };
            for (path, expected) in [
                ("/opt/a", true),
                ("/opt/d/c", true),
                ("/opt/b/d", false),
                ("/none/a", false),
                ("/opt/a/b", false),
                ("/", true),
            ] {
                for _ in 0..2 {
                    assert_eq!(there.is_there(Path::new(path)), expected, "{path}");
                }
            }
            let names = there.names(Path::new("/opt"), |name| name != "b");
            assert_eq!(names, (kept == 0).then(|| ["a", "d", "e"].map(OsString::from).to_vec()));
            assert_eq!(there.resolve(Path::new("/opt/d/c")), Some("/opt/b/c".into()));
            assert_eq!(there.resolve(Path::new("/opt/e")), None);
            assert_eq!(there.folders.values().any(|listed| matches!(listed, Listed::Unlisted)), kept == MAX_KEPT);
        }
    }
}
