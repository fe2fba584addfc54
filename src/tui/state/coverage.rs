//! What was not scanned, as it is listed.

use std::path::PathBuf;

use crate::case::NotScanned;
use crate::scan::{Unscanned, is_gap_kind};
use crate::text;
use crate::text::fuzzy::Pattern;

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
#[derive(Debug, Default)]
pub struct CoverageView {
    items: Vec<Missed>,
    /// Indexes of those that are shown.
    shown: Vec<u32>,
    filter: String,
    pattern: Pattern,
    place: usize,
    /// The first one shown.
    pub top: usize,
}

impl CoverageView {
    /// How many there are, shown or not.
    pub fn total(&self) -> usize {
        self.items.len()
    }

    /// How many are shown.
    pub fn len(&self) -> usize {
        self.shown.len()
    }

    /// Whether none is shown.
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// Those shown from this place on.
    pub fn from(&self, place: usize) -> impl Iterator<Item = &Missed> {
        self.shown.iter().skip(place).map(|index| &self.items[*index as usize])
    }

    /// Forgets all; the filter stays.
    pub fn clear(&mut self) {
        self.items.clear();
        self.shown.clear();
    }

    /// Adds some.
    pub fn extend(&mut self, more: Vec<Missed>) {
        let first = self.items.len();
        self.items.extend(more);
        let fresh = (first..self.items.len()).filter(|index| passes(&self.pattern, &self.items[*index]));
        self.shown.extend(fresh.map(|index| index as u32));
    }

    /// What was typed to filter by.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// The filter, taken apart.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// Shows only what matches what was typed. The selection stays where it is if that is still shown.
    pub fn set_filter(&mut self, filter: &str) {
        filter.clone_into(&mut self.filter);
        let selected = self.shown.get(self.place).copied();
        let pattern = Pattern::new(filter);
        let narrows = pattern.narrows(&self.pattern);
        self.pattern = pattern;
        if !narrows {
            self.shown = (0..self.items.len() as u32).collect();
        }
        self.shown.retain(|index| passes(&self.pattern, &self.items[*index as usize]));
        self.select(selected.map_or(0, |selected| self.shown.partition_point(|index| *index < selected)));
    }

    /// Place of the selection among those shown.
    pub fn place(&self) -> usize {
        self.place
    }

    /// Selects the one at this place, or the last.
    pub fn select(&mut self, place: usize) {
        self.place = place.min(self.shown.len().saturating_sub(1));
    }
}

fn passes(pattern: &Pattern, missed: &Missed) -> bool {
    pattern.is_empty() || pattern.matches(&missed.line().0)
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
