//! What lies on the box, for the many words that may mean a file: each folder is listed once and each path resolved once.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

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
    /// It is not there, or cannot be listed.
    Nothing,
    /// All names in it.
    Names(HashSet<OsString>),
    /// It holds too many to keep them.
    TooMany,
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
        let listed = match self.folders.get(folder.as_os_str()) {
            Some(known) => known,
            None => {
                let listed = self.list(folder);
                self.folders.entry(folder.as_os_str().to_owned()).or_insert(listed)
            }
        };
        match listed {
            Listed::Nothing => false,
            Listed::Names(names) => names.contains(name),
            Listed::TooMany => self.resolve(&folder.join(name)).is_some(),
        }
    }

    fn list(&mut self, folder: &Path) -> Listed {
        match self.root.folder(folder).and_then(|open| open.names()) {
            Ok((names, false)) if self.kept + names.len() <= MAX_KEPT => {
                self.kept += names.len();
                Listed::Names(names.into_iter().collect())
            }
            Ok(_) => Listed::TooMany,
            Err(_) => Listed::Nothing,
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
            assert_eq!(there.resolve(Path::new("/opt/d/c")), Some("/opt/b/c".into()));
            assert_eq!(there.resolve(Path::new("/opt/e")), None);
            assert_eq!(there.folders.values().any(|listed| matches!(listed, Listed::TooMany)), kept == MAX_KEPT);
        }
    }
}
