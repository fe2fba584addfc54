//! The printable texts in a finding's file, as they are found, and which of them are shown.

use super::filtered::{Filterable, Filtered};
use crate::hex::strings::FoundString;
use crate::text::fuzzy::FuzzyPattern;

/// Least lengths that one key goes through.
const LENGTHS: [u64; 5] = [4, 6, 8, 12, 20];

/// The texts.
#[derive(Debug, Default)]
pub struct StringList {
    /// Number of the search for them; what is told with another is of an older one. 0 before the first.
    pub number: u64,
    /// Bytes looked through of all, while it goes on.
    pub progress: Option<(u64, u64)>,
    /// Whether there are more than are kept.
    pub cut: bool,
    /// Those found so far, in the order in which they end.
    pub texts: Filtered<FoundString>,
    least: usize,
}

impl Filterable for FoundString {
    fn matches(&self, pattern: &FuzzyPattern) -> bool {
        pattern.matches(&self.text)
    }

    fn length(&self) -> u64 {
        self.length
    }
}

impl StringList {
    /// Begins anew under this number; filter and least length stay.
    pub fn begin(&mut self, number: u64) {
        self.texts.clear();
        (self.number, self.progress, self.cut) = (number, Some((0, 0)), false);
    }

    /// Characters that a text has at least to be shown.
    pub fn least(&self) -> u64 {
        LENGTHS[self.least % LENGTHS.len()]
    }

    /// Asks for longer texts; after the longest for all again.
    pub fn turn_least(&mut self) {
        self.least = (self.least + 1) % LENGTHS.len();
        self.texts.set_least(self.least());
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
        list.texts.extend(vec![found(0, "libc"), found(9, "/bin/sh -c"), found(30, "/usr/bin/env")]);
        list.texts.select(2);
        list.texts.set_filter("bin");
        assert_eq!((list.texts.len(), list.texts.selected().unwrap().offset), (2, 30));
        list.texts.extend(vec![found(50, "sbin"), found(60, "none")]);
        assert_eq!((list.texts.len(), list.texts.total()), (3, 5));
        list.turn_least();
        assert_eq!((list.least(), list.texts.len(), list.texts.selected().unwrap().offset), (6, 2, 30));
        list.texts.set_filter("");
        (0..4).for_each(|_| list.turn_least());
        assert_eq!((list.least(), list.texts.len()), (4, 5));
        list.begin(2);
        assert!(list.texts.is_empty() && list.progress.is_some());
    }
}
