//! The printable texts in a finding's file, as they are found, and which of them are shown.

use crate::hex::strings::FoundString;
use crate::text::fuzzy::Pattern;

/// Least lengths that one key goes through.
const LENGTHS: [u64; 5] = [4, 6, 8, 12, 20];

/// The texts.
#[derive(Debug, Default)]
pub struct StringList {
    /// Number of the search for them; what is told with another is of an older one. 0 before the first.
    pub number: u64,
    /// All that were found so far, in the order in which they end.
    found: Vec<FoundString>,
    /// Indexes of those that are shown.
    shown: Vec<u32>,
    /// Bytes looked through of all, while it goes on.
    pub progress: Option<(u64, u64)>,
    /// Whether there are more than are kept.
    pub cut: bool,
    filter: String,
    pattern: Pattern,
    least: usize,
    place: usize,
    /// The first one shown.
    pub top: usize,
}

impl StringList {
    /// Begins anew under this number.
    pub fn begin(&mut self, number: u64) {
        let (filter, least) = (std::mem::take(&mut self.filter), self.least);
        *self = Self { number, progress: Some((0, 0)), least, ..Self::default() };
        self.set_filter(&filter);
    }

    /// Adds texts.
    pub fn extend(&mut self, more: Vec<FoundString>) {
        let first = self.found.len();
        self.found.extend(more);
        let fresh = (first..self.found.len()).filter(|index| self.passes(*index)).map(|index| index as u32);
        let fresh: Vec<u32> = fresh.collect();
        self.shown.extend(fresh);
    }

    fn passes(&self, index: usize) -> bool {
        let Some(found) = self.found.get(index) else { return false };
        found.length >= self.least() && (self.pattern.is_empty() || self.pattern.matches(&found.text))
    }

    fn show(&mut self) {
        let selected = self.shown.get(self.place).copied();
        self.shown = (0..self.found.len()).filter(|index| self.passes(*index)).map(|index| index as u32).collect();
        self.select(selected.map_or(0, |selected| self.shown.partition_point(|index| *index < selected)));
    }

    /// What was typed to filter by.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// The filter, taken apart.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// Shows only texts that match what was typed.
    pub fn set_filter(&mut self, filter: &str) {
        filter.clone_into(&mut self.filter);
        self.pattern = Pattern::new(filter);
        self.show();
    }

    /// Characters that a text has at least to be shown.
    pub fn least(&self) -> u64 {
        LENGTHS[self.least % LENGTHS.len()]
    }

    /// Asks for longer texts; after the longest for all again.
    pub fn turn_least(&mut self) {
        self.least = (self.least + 1) % LENGTHS.len();
        self.show();
    }

    /// How many are shown.
    pub fn len(&self) -> usize {
        self.shown.len()
    }

    /// Whether none is shown.
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// How many were found.
    pub fn total(&self) -> usize {
        self.found.len()
    }

    /// Those shown from this place on.
    pub fn from(&self, place: usize) -> impl Iterator<Item = &FoundString> {
        self.shown.iter().skip(place).filter_map(|index| self.found.get(*index as usize))
    }

    /// Place of the selection among those shown.
    pub fn place(&self) -> usize {
        self.place
    }

    /// Selects the one at this place, or the last.
    pub fn select(&mut self, place: usize) {
        self.place = place.min(self.shown.len().saturating_sub(1));
    }

    /// The selected text.
    pub fn selected(&self) -> Option<&FoundString> {
        self.from(self.place).next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::strings::Coding;

    #[test]
    fn filter_and_length_leave_the_selection_on_its_text() {
        let found = |offset: u64, text: &str| FoundString {
            offset,
            length: text.len() as u64,
            coding: Coding::Ascii,
            text: text.to_owned(),
        };
        let mut list = StringList::default();
        list.begin(1);
        list.extend(vec![found(0, "libc"), found(9, "/bin/sh -c"), found(30, "/usr/bin/env")]);
        list.select(2);
        list.set_filter("bin");
        assert_eq!((list.len(), list.selected().unwrap().offset), (2, 30));
        list.extend(vec![found(50, "sbin"), found(60, "none")]);
        assert_eq!((list.len(), list.total()), (3, 5));
        list.turn_least();
        assert_eq!((list.least(), list.len(), list.selected().unwrap().offset), (6, 2, 30));
        list.set_filter("");
        (0..4).for_each(|_| list.turn_least());
        assert_eq!((list.least(), list.len()), (4, 5));
        list.begin(2);
        assert!(list.is_empty() && list.progress.is_some());
    }
}
