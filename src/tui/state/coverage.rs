//! What was not scanned, as it is listed.

use std::path::PathBuf;

use super::filtered::{Filterable, Filtered};
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
}

impl Missed {
    /// What is matched and shown: why, then the path, safe text. Also where the path begins in it.
    pub fn line(&self) -> (String, usize) {
        let start = self.why.len() + 2;
        (format!("{}  {}", self.why, text::escape_path(&self.path)), start)
    }
}

impl From<&Unscanned> for Missed {
    fn from(unscanned: &Unscanned) -> Self {
        let Unscanned { path, reason } = unscanned;
        Self { path: path.clone(), why: reason.to_string(), gap: reason.is_gap() }
    }
}

impl From<&NotScanned> for Missed {
    fn from(missed: &NotScanned) -> Self {
        let why = text::escape_str(&missed.detail).into_owned();
        Self { path: missed.path.clone(), why, gap: is_gap_kind(&missed.reason) }
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
        let missed = |path: &str, why: &str| Missed { path: path.into(), why: why.into(), gap: true };
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
}
