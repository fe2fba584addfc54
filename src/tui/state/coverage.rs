//! What was not scanned, as it is listed.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::filtered::{Filterable, Filtered};
use super::findings::below;
use crate::case::NotScanned;
use crate::scan::{Unscanned, is_gap_kind};
use crate::text;
use crate::text::fuzzy::FuzzyPattern;

/// One thing that was not scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// Its path, raw.
    pub path: PathBuf,
    /// Why; safe text.
    pub why: String,
    /// Whether content that could hold a finding went unseen.
    pub gap: bool,
    /// Bytes of its path that all entries have in common, the tree's: the list leaves them out.
    pub above: usize,
}

impl Missed {
    /// The same, listed by its path as it is seen from the tree.
    #[must_use]
    pub fn seen_from(self, tree: &Path) -> Self {
        let (whole, below) = (self.path.as_os_str().as_bytes(), below(&self.path, tree).as_os_str().as_bytes());
        let above = if whole.ends_with(below) { whole.len() - below.len() } else { 0 };
        Self { above, ..self }
    }

    /// The path as the list shows it, raw.
    pub fn listed(&self) -> &Path {
        let bytes = self.path.as_os_str().as_bytes();
        Path::new(OsStr::from_bytes(bytes.get(self.above..).unwrap_or(bytes)))
    }

    /// What is matched and shown: why, then the path, safe text. Also where the path begins in it.
    pub fn line(&self) -> (String, usize) {
        let start = self.why.len() + 2;
        (format!("{}  {}", self.why, text::escape_path(self.listed())), start)
    }
}

impl From<&Unscanned> for Missed {
    fn from(unscanned: &Unscanned) -> Self {
        let Unscanned { path, reason } = unscanned;
        Self { path: path.clone(), why: reason.to_string(), gap: reason.is_gap(), above: 0 }
    }
}

impl From<&NotScanned> for Missed {
    fn from(missed: &NotScanned) -> Self {
        let why = text::escape_str(&missed.detail).into_owned();
        Self { path: missed.path.clone(), why, gap: is_gap_kind(&missed.reason), above: 0 }
    }
}

/// All that was not scanned, and what of it is shown.
pub(crate) type CoverageView = Filtered<Missed>;

impl Filterable for Missed {
    fn matches(&self, pattern: &FuzzyPattern) -> bool {
        pattern.matches(&self.line().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_holds_for_what_comes_later_and_the_selection_stays() {
        let missed = |path: &str, why: &str| Missed { path: path.into(), why: why.into(), gap: true, above: 0 };
        let mut view = CoverageView::default();
        view.extend(vec![
            missed("/a", "too large"),
            missed("/b", "permission denied"),
            missed("/c", "permission denied"),
        ]);
        view.select(2);
        view.set_filter("perm");
        let shown = |view: &CoverageView| view.from(0).map(|missed| missed.path.clone()).collect::<Vec<_>>();
        assert_eq!((view.len(), view.place(), view.total()), (2, 1, 3));
        view.extend(vec![missed("/d", "vanished"), missed("/perm", "vanished")]);
        assert_eq!(shown(&view), [PathBuf::from("/b"), "/c".into(), "/perm".into()]);
        view.set_filter("");
        assert_eq!((view.len(), view.place()), (5, 2));
    }

    #[test]
    fn paths_are_listed_and_filtered_as_they_are_seen_from_the_tree() {
        let missed = |path: &str| Missed { path: path.into(), why: "vanished".into(), gap: true, above: 0 };
        let listed = |path: &str, tree: &str| missed(path).seen_from(Path::new(tree)).listed().to_owned();
        assert_eq!(listed("/mnt/image/etc/shadow", "/mnt/image"), PathBuf::from("etc/shadow"));
        assert_eq!(listed("/mnt/image2/etc", "/mnt/image"), PathBuf::from("/mnt/image2/etc"));
        assert_eq!(listed("/etc/shadow", "/"), PathBuf::from("etc/shadow"));
        assert_eq!(listed("/mnt/image", "/mnt/image"), PathBuf::from("image"));
        let mut view = CoverageView::default();
        view.extend(vec![missed("/mnt/image/etc/shadow").seen_from(Path::new("/mnt/image"))]);
        view.set_filter("image");
        assert_eq!(view.len(), 0, "letters of the tree's own path are in every entry");
        view.set_filter("etc");
        assert_eq!(view.len(), 1);
    }
}
