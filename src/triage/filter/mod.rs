//! The filter of a list of findings: words that are sought in paths, and fields with what is asked of them.
//!
//! `ssh rule:tiny -state:excluded size>1M "two words"` shows what matches all of it. Nothing here knows how findings are
//! stored or shown: [`FilteredFinding`] is all that is asked about, and what stands in a filter is read without a look at any.

mod complete;
mod field;
mod parse;
mod term;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::path::Path;

pub(crate) use complete::{FilterCompletion, complete};
pub(crate) use field::{FilterField, help};
pub use term::Signs;
pub(crate) use term::{BoxState, Sign};

use self::term::{BoundTerm, Term};
use super::Verdict;
use crate::finding::{Digest, FileTime};
use crate::text::fuzzy::FuzzyPattern;

/// What is wrong with a part of a filter. The rest of it counts all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// Bytes of what was typed.
    pub at: Range<usize>,
    /// What is wrong, and what would be right; safe text.
    pub message: String,
    /// Whether more may be typed that makes it right.
    pub unfinished: bool,
}

/// What was typed, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pattern: FuzzyPattern,
    terms: Vec<Term>,
    wrong: Option<Wrong>,
}

impl Filter {
    /// Takes apart what was typed. What is wrong is left out, and [`Filter::wrong`] tells the first of it.
    pub(crate) fn parse(typed: &str) -> Self {
        parse::parse(typed)
    }

    /// Whether it lets everything pass.
    pub(crate) fn is_empty(&self) -> bool {
        self.pattern.is_empty() && self.terms.is_empty()
    }

    /// The words that are sought in paths.
    pub(crate) fn pattern(&self) -> &FuzzyPattern {
        &self.pattern
    }

    /// The first thing that is wrong with it.
    pub(crate) fn wrong(&self) -> Option<&Wrong> {
        self.wrong.as_ref()
    }

    /// Whether all that this lets pass, `wider` lets pass too.
    pub(crate) fn narrows(&self, wider: &Self) -> bool {
        self.pattern.narrows(&wider.pattern) && wider.terms.iter().all(|term| self.terms.contains(term))
    }

    /// The filter for a list with these names of rules and boxes, by index.
    pub(crate) fn bind(&self, names: &Names) -> ListFilter {
        let terms = self.terms.iter().map(|term| term.bind(names)).collect();
        ListFilter { pattern: self.pattern.clone(), terms }
    }
}

/// Names that findings refer to by index.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    /// Of rules, as they are shown.
    pub rules: Vec<String>,
    /// Of boxes; the only one where there are not many.
    pub hosts: Vec<String>,
}

/// All that a filter asks of one finding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FilteredFinding<'f> {
    /// Index of its rule.
    pub rule: usize,
    /// Index of its box.
    pub host: usize,
    /// What it has come to.
    pub verdict: Verdict,
    /// Whether it came back though an exclusion once covered it.
    pub returned: bool,
    /// Whether it is a candidate.
    pub candidate: bool,
    /// The path as it is sought in: below the tree, and safe.
    pub path: &'f str,
    /// The path as it is, raw.
    pub raw: &'f Path,
    /// Size in bytes.
    pub size: u64,
    /// Last change of content.
    pub modified: FileTime,
    /// Digest of the content.
    pub digest: &'f Digest,
    /// Places where a pattern matched.
    pub matches: u64,
    /// How much a match of its rule weighs.
    pub score: u8,
    /// The owner's user id.
    pub uid: u32,
    /// The owner's name, raw.
    pub owner: Option<&'f str>,
    /// Its tags.
    pub tags: &'f [Box<str>],
    /// What is known of it from the box and from the scan before.
    pub signs: Signs,
}

/// A filter for one list.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListFilter {
    pattern: FuzzyPattern,
    terms: Vec<BoundTerm>,
}

impl ListFilter {
    /// Whether it lets everything pass.
    pub(crate) fn is_empty(&self) -> bool {
        self.pattern.is_empty() && self.terms.is_empty()
    }

    /// Whether paths are looked at.
    pub(crate) fn asks_paths(&self) -> bool {
        !self.pattern.is_empty() || self.terms.iter().any(BoundTerm::asks_path)
    }

    /// How near a finding comes to the words that are sought, the nearest first; `None` where the filter does not let it
    /// pass.
    pub(crate) fn nearness(&self, asked: &FilteredFinding<'_>) -> Option<u8> {
        if !self.terms.iter().all(|term| term.holds(asked)) {
            return None;
        }
        if self.pattern.is_empty() { Some(0) } else { self.pattern.nearness(asked.path) }
    }
}
