//! A list of which a filter shows a part: what was typed, what passes, and the selection among that.

use crate::text::fuzzy::FuzzyPattern;

/// What can be filtered.
pub trait Filterable {
    /// Whether it matches what was typed; a pattern that is not empty.
    fn matches(&self, pattern: &FuzzyPattern) -> bool;

    /// Its length, where short ones can be left out.
    fn length(&self) -> u64 {
        u64::MAX
    }
}

/// All items, and which of them are shown.
#[derive(Debug)]
pub struct Filtered<T> {
    items: Vec<T>,
    /// Indexes of those that are shown.
    shown: Vec<u32>,
    filter: String,
    pattern: FuzzyPattern,
    /// Shorter ones are left out.
    least: u64,
    place: usize,
    /// The first one shown.
    pub top: usize,
}

impl<T> Default for Filtered<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            shown: Vec::new(),
            filter: String::new(),
            pattern: FuzzyPattern::default(),
            least: 0,
            place: 0,
            top: 0,
        }
    }
}

impl<T: Filterable> Filtered<T> {
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
    pub fn from(&self, place: usize) -> impl Iterator<Item = &T> {
        self.shown.iter().skip(place).filter_map(|index| self.items.get(*index as usize))
    }

    /// Forgets all; the filter stays.
    pub fn clear(&mut self) {
        self.items.clear();
        self.shown.clear();
        (self.place, self.top) = (0, 0);
    }

    /// Adds some.
    pub fn extend(&mut self, more: Vec<T>) {
        let first = self.items.len();
        self.items.extend(more);
        let fresh = (first..self.items.len()).map(|index| index as u32).filter(|index| self.passes(*index));
        let fresh: Vec<u32> = fresh.collect();
        self.shown.extend(fresh);
    }

    /// What was typed to filter by.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// The filter, taken apart.
    pub fn pattern(&self) -> &FuzzyPattern {
        &self.pattern
    }

    /// Shows only what matches what was typed. The selection stays where it is if that is still shown.
    pub fn set_filter(&mut self, filter: &str) {
        filter.clone_into(&mut self.filter);
        let pattern = FuzzyPattern::new(filter);
        let narrows = pattern.narrows(&self.pattern);
        self.pattern = pattern;
        self.show(narrows);
    }

    /// Shows only what is at least so long.
    pub fn set_least(&mut self, least: u64) {
        let narrows = least >= self.least;
        self.least = least;
        self.show(narrows);
    }

    /// Looks anew at what is shown, or at all.
    fn show(&mut self, narrows: bool) {
        let selected = self.shown.get(self.place).copied();
        let mut shown = std::mem::take(&mut self.shown);
        if !narrows {
            shown = (0..self.items.len() as u32).collect();
        }
        shown.retain(|index| self.passes(*index));
        self.shown = shown;
        self.select(selected.map_or(0, |selected| self.shown.partition_point(|index| *index < selected)));
    }

    fn passes(&self, index: u32) -> bool {
        let item = self.items.get(index as usize);
        item.is_some_and(|item| item.length() >= self.least && (self.pattern.is_empty() || item.matches(&self.pattern)))
    }

    /// Place of the selection among those shown.
    pub fn place(&self) -> usize {
        self.place
    }

    /// Selects the one at this place, or the last.
    pub fn select(&mut self, place: usize) {
        self.place = place.min(self.shown.len().saturating_sub(1));
    }

    /// The selected one.
    pub fn selected(&self) -> Option<&T> {
        self.from(self.place).next()
    }
}
