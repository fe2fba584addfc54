//! Scanning some paths of a tree, and nothing else of it.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;
use std::ops::Bound;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::coverage::{Reason, Unscanned};

/// The paths that are scanned: files, and folders with all that is below them.
#[derive(Debug)]
pub struct Only {
    /// Absolute, without links in their folders.
    paths: BTreeSet<PathBuf>,
    met: Mutex<HashSet<PathBuf>>,
}

impl Only {
    /// These paths; each is made absolute, and links in its folder are followed. What the path itself is stays as it is.
    pub fn new(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let absolute = |path: PathBuf| match (path.parent(), path.file_name()) {
            (Some(folder), Some(name)) => {
                let folder = if folder == Path::new("") { Path::new(".") } else { folder };
                let folder = folder.canonicalize().or_else(|_| std::path::absolute(folder));
                folder.map_or_else(|_| path.clone(), |folder| folder.join(name))
            }
            // `/`, and what ends in `..`.
            _ => path.canonicalize().unwrap_or(path),
        };
        Self { paths: paths.into_iter().map(absolute).collect(), met: Mutex::default() }
    }

    /// The paths that a list names: one a line, or ended by NUL.
    pub fn parse(list: &[u8], null: bool) -> Vec<PathBuf> {
        let end = if null { 0 } else { b'\n' };
        let names = list.split(|byte| *byte == end).filter(|name| !name.is_empty());
        names.map(|name| PathBuf::from(OsString::from_vec(name.to_owned()))).collect()
    }

    /// The paths, in their order.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.paths.iter().map(PathBuf::as_path)
    }

    /// The folder that all of them are in; for a single one itself. `None` when there is none.
    pub fn tree(&self) -> Option<PathBuf> {
        let mut paths = self.paths.iter();
        let first = paths.next()?;
        let common = paths.fold(first.as_path(), |common, path| {
            common.ancestors().find(|above| path.starts_with(above)).unwrap_or(Path::new("/"))
        });
        Some(common.to_owned())
    }

    /// Whether the walk goes to `path`: it is one of the paths, lies in one, or is a folder that one lies in.
    pub(super) fn admits(&self, path: &Path, is_folder: bool) -> bool {
        if self.paths.contains(path) {
            self.met.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
            return true;
        }
        let lies_in_one = path.ancestors().skip(1).any(|above| self.paths.contains(above));
        // Paths that lie in a folder come right after it.
        let holds_one = || {
            self.paths
                .range::<Path, _>((Bound::Excluded(path), Bound::Unbounded))
                .next()
                .is_some_and(|next| next.starts_with(path))
        };
        lies_in_one || is_folder && holds_one()
    }

    /// What coverage says when a walk from `start` is over: that only these were scanned, and which were not met.
    pub(super) fn missed(&self, start: &Path) -> Vec<Unscanned> {
        let count = self.paths.len() as u64;
        let mut missed = vec![Unscanned { path: start.to_owned(), reason: Reason::OnlyNamed(count) }];
        let met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        let not_met = self.paths.iter().filter(|path| *path != start && !met.contains(*path));
        missed.extend(not_met.map(|path| Unscanned { path: path.clone(), reason: Reason::NotMet }));
        missed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_and_the_way_to_it_is_admitted() {
        let only = Only::new(["/a/b", "/a/c/d/file", "/z.d"].map(PathBuf::from));
        for (path, is_folder, admitted) in [
            ("/a", true, true),
            ("/a", false, false),
            ("/a/b", true, true),
            ("/a/b/deep/file", false, true),
            ("/a/bc", true, false),
            ("/a/c", true, true),
            ("/a/c/d/file", false, true),
            ("/a/c/d/other", false, false),
            ("/z", true, false),
            ("/z.d", false, true),
        ] {
            assert_eq!(only.admits(Path::new(path), is_folder), admitted, "{path}");
        }
        assert_eq!(only.tree(), Some(PathBuf::from("/")));
        assert_eq!(only.missed(Path::new("/")).len(), 1);
        let only = Only::new(["/a/b/c", "/a/b/d/e"].map(PathBuf::from));
        assert_eq!(only.tree(), Some(PathBuf::from("/a/b")));
        assert_eq!(only.missed(Path::new("/a/b")).len(), 3);
        assert_eq!(Only::new([]).tree(), None);
    }

    #[test]
    fn lists_are_split_at_line_ends_or_nul() {
        assert_eq!(Only::parse(b"a\nb c\n\nd", false), ["a", "b c", "d"].map(PathBuf::from));
        assert_eq!(Only::parse(b"a\nb\0c\0", true), ["a\nb", "c"].map(PathBuf::from));
    }
}
