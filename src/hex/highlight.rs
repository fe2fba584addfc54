//! Which patterns cover which bytes, and the way from match to match.
//!
//! For each pattern the matches are kept twice: as they are, in file order, and merged where they overlap. The merged
//! stretches of a pattern never overlap, so what covers a window is found by one binary search a pattern, and costs no
//! more than the window is long, even if a million matches lie over each other.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use crate::finding::PatternMatch;

/// One pattern of a legend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Legend {
    /// The pattern's identifier with its `$`; from a rule file, so to be escaped where it is shown.
    pub pattern: Arc<str>,
    /// How often it matched.
    pub count: usize,
}

/// A match as one gets to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Index of its pattern in the legend.
    pub pattern: usize,
    /// Offset of its first byte.
    pub offset: u64,
    /// Its bytes, counted.
    pub length: u64,
    /// Which match it is in file order, from 1.
    pub nth: usize,
    /// Whether the way led past the end or the beginning of the file.
    pub wrapped: bool,
}

impl Found {
    /// Offset one past its last byte.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }

    fn wrapped(self) -> Self {
        Self { wrapped: true, ..self }
    }
}

/// Bytes that are covered by the same patterns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Their offsets.
    pub range: Range<u64>,
    /// Indexes in the legend, ascending, at least one.
    pub patterns: Vec<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    offset: u64,
    length: u64,
}

#[derive(Debug, Clone, Default)]
struct Track {
    /// By offset, then length.
    spans: Vec<Span>,
    /// The bytes of the spans; what overlaps is one, what only touches is two, so that neighbours can be told apart.
    covered: Vec<Range<u64>>,
}

/// The matches of one finding.
#[derive(Debug, Clone, Default)]
pub struct Highlights {
    legend: Vec<Legend>,
    tracks: Vec<Track>,
}

impl Highlights {
    /// Sorts the matches, which may be in any order, by pattern. The legend begins with `patterns`, those of the rule in
    /// its order, so that a pattern has the same number in every finding of the rule; a pattern that matched and is not
    /// among them comes after, by name.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>, matches: &'a [PatternMatch]) -> Self {
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut names: Vec<&str> = Vec::new();
        let mut others: Vec<&str> = matches.iter().map(|found| &*found.pattern).collect();
        others.sort_unstable();
        for name in patterns.into_iter().chain(others) {
            numbers.entry(name).or_insert_with(|| {
                names.push(name);
                names.len() - 1
            });
        }
        let mut spans: Vec<Vec<Span>> = vec![Vec::new(); names.len()];
        for found in matches {
            if let Some(spans) = numbers.get(&*found.pattern).and_then(|number| spans.get_mut(*number)) {
                spans.push(Span { offset: found.offset, length: found.length });
            }
        }
        let legend =
            names.into_iter().zip(&spans).map(|(name, spans)| Legend { pattern: name.into(), count: spans.len() });
        Self { legend: legend.collect(), tracks: spans.into_iter().map(Track::new).collect() }
    }

    /// The rule's patterns, whether they matched or not. The index in this list is the pattern's number everywhere else.
    pub fn legend(&self) -> &[Legend] {
        &self.legend
    }

    /// How many matches there are.
    pub fn count(&self) -> usize {
        self.legend.iter().map(|legend| legend.count).sum()
    }

    /// The covered bytes of a window in order, cut to the window; bytes that no pattern covers are in no run.
    pub fn runs(&self, window: Range<u64>) -> Vec<Run> {
        let mut edges: BTreeMap<u64, Vec<(usize, bool)>> = BTreeMap::new();
        for (pattern, track) in self.tracks.iter().enumerate() {
            for range in track.within(&window) {
                edges.entry(range.start).or_default().push((pattern, true));
                edges.entry(range.end).or_default().push((pattern, false));
            }
        }
        let mut runs = Vec::new();
        let mut covering: Vec<usize> = Vec::new();
        let mut from = window.start;
        for (at, changes) in edges {
            if !covering.is_empty() {
                runs.push(Run { range: from..at, patterns: covering.clone() });
            }
            // Ends first: a pattern may end and begin again at the same offset.
            for (pattern, _) in changes.iter().filter(|(_, begins)| !begins) {
                covering.retain(|other| other != pattern);
            }
            covering.extend(changes.iter().filter(|(_, begins)| *begins).map(|(pattern, _)| pattern));
            covering.sort_unstable();
            from = at;
        }
        runs
    }

    /// The patterns that cover the byte at `offset`, as indexes in the legend.
    pub fn covering(&self, offset: u64) -> Vec<usize> {
        self.patterns_in(offset..offset.saturating_add(1))
    }

    /// The patterns that cover any byte of `range`, as indexes in the legend.
    pub fn patterns_in(&self, range: Range<u64>) -> Vec<usize> {
        let covers = |track: &Track| track.within(&range).next().is_some();
        self.tracks.iter().enumerate().filter(|(_, track)| covers(track)).map(|(pattern, _)| pattern).collect()
    }

    /// The match that covers the byte at `offset`; of several the one that begins last.
    pub fn under(&self, offset: u64) -> Option<Found> {
        let last = self.picked(|track| track.under(offset)).max_by_key(|(_, span)| span.offset)?;
        Some(self.found(last, false))
    }

    /// The match of one pattern that covers the byte at `offset`; of several the one that begins last.
    pub fn under_of(&self, pattern: usize, offset: u64) -> Option<Found> {
        let span = self.tracks.get(pattern)?.under(offset)?;
        Some(self.found((pattern, span), false))
    }

    /// The first match that begins at `offset` or after it. Of several at one offset, one is given.
    pub fn from(&self, offset: u64) -> Option<Found> {
        let first = self.picked(|track| track.from(offset)).min_by_key(|(_, span)| span.offset)?;
        Some(self.found(first, false))
    }

    /// The first match that begins after `offset`, else the first of all.
    pub fn next(&self, offset: u64) -> Option<Found> {
        let after = offset.checked_add(1).and_then(|after| self.from(after));
        after.or_else(|| self.from(0).map(Found::wrapped))
    }

    /// The last match that begins before `offset`, else the last of all.
    pub fn previous(&self, offset: u64) -> Option<Found> {
        let last = |pick: fn(&Track, u64) -> Option<Span>| {
            self.picked(|track| pick(track, offset)).max_by_key(|(_, span)| span.offset)
        };
        let before = last(Track::before).map(|found| self.found(found, false));
        before.or_else(|| last(|track, _| track.spans.last().copied()).map(|found| self.found(found, true)))
    }

    /// The first match of one pattern that begins after `offset`, else its first of all; `None` if it has none.
    pub fn next_of(&self, pattern: usize, offset: u64) -> Option<Found> {
        let track = self.tracks.get(pattern)?;
        let after = offset.checked_add(1).and_then(|after| track.from(after));
        let after = after.map(|span| self.found((pattern, span), false));
        after.or_else(|| track.from(0).map(|span| self.found((pattern, span), true)))
    }

    /// [`Self::next_of`] for the pattern that comes after `pattern` in the legend, going round, past those without a
    /// match.
    pub fn next_pattern(&self, pattern: Option<usize>, offset: u64) -> Option<Found> {
        let first = pattern.map_or(0, |pattern| pattern.saturating_add(1)).min(self.tracks.len());
        (first..self.tracks.len()).chain(0..first).find_map(|pattern| self.next_of(pattern, offset))
    }

    /// One match of every pattern that has one to give, with the pattern's index.
    fn picked(&self, pick: impl Fn(&Track) -> Option<Span>) -> impl Iterator<Item = (usize, Span)> {
        self.tracks.iter().enumerate().filter_map(move |(pattern, track)| Some((pattern, pick(track)?)))
    }

    fn found(&self, (pattern, span): (usize, Span), wrapped: bool) -> Found {
        let before: usize = self.tracks.iter().map(|track| track.begun_before(span.offset)).sum();
        Found { pattern, offset: span.offset, length: span.length, nth: before + 1, wrapped }
    }
}

impl Track {
    fn new(mut spans: Vec<Span>) -> Self {
        spans.sort_unstable_by_key(|span| (span.offset, span.length));
        let mut covered: Vec<Range<u64>> = Vec::new();
        for span in spans.iter().filter(|span| span.length > 0) {
            let end = span.offset.saturating_add(span.length);
            match covered.last_mut() {
                Some(last) if span.offset < last.end => last.end = last.end.max(end),
                _ => covered.push(span.offset..end),
            }
        }
        Self { spans, covered }
    }

    /// What of the window is covered, in order.
    fn within<'a>(&'a self, window: &Range<u64>) -> impl Iterator<Item = Range<u64>> + use<'a> {
        let window = window.clone();
        let first = self.covered.partition_point(|range| range.end <= window.start);
        self.covered
            .iter()
            .skip(first)
            .take_while(move |range| range.start < window.end)
            .map(move |range| range.start.max(window.start)..range.end.min(window.end))
            .filter(|range| !range.is_empty())
    }

    fn begun_before(&self, offset: u64) -> usize {
        self.spans.partition_point(|span| span.offset < offset)
    }

    fn from(&self, offset: u64) -> Option<Span> {
        self.spans.get(self.begun_before(offset)).copied()
    }

    fn under(&self, offset: u64) -> Option<Span> {
        let stretch = self.covered.get(self.covered.partition_point(|range| range.end <= offset))?;
        let begun = self.spans.get(..self.spans.partition_point(|span| span.offset <= offset))?;
        let near = begun.iter().rev().take_while(|span| span.offset >= stretch.start);
        near.copied().find(|span| offset - span.offset < span.length)
    }

    fn before(&self, offset: u64) -> Option<Span> {
        self.spans.get(self.begun_before(offset).checked_sub(1)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(pattern: &str, offset: u64, length: u64) -> PatternMatch {
        PatternMatch { pattern: pattern.into(), offset, length, data: Vec::new() }
    }

    fn run(range: Range<u64>, patterns: &[usize]) -> Run {
        Run { range, patterns: patterns.to_vec() }
    }

    #[test]
    fn overlaps_are_kept_and_neighbours_told_apart() {
        let marks = Highlights::new([], &[found("$b", 4, 4), found("$a", 0, 6), found("$b", 8, 2)]);
        assert_eq!(marks.legend()[1], Legend { pattern: "$b".into(), count: 2 });
        assert_eq!(marks.runs(0..100), [run(0..4, &[0]), run(4..6, &[0, 1]), run(6..8, &[1]), run(8..10, &[1])]);
        assert_eq!(marks.runs(5..7), [run(5..6, &[0, 1]), run(6..7, &[1])]);
        assert_eq!(marks.covering(5), [0, 1]);
        assert!(marks.covering(10).is_empty());
        assert!(marks.runs(Range { start: 7, end: 2 }).is_empty());
    }

    #[test]
    fn the_way_goes_round() {
        let marks = Highlights::new([], &[found("$a", 10, 1), found("$b", 20, 1), found("$a", 30, 1)]);
        let step = |found: Option<Found>| found.map(|f| (f.offset, f.nth, f.wrapped));
        assert_eq!(step(marks.next(0)), Some((10, 1, false)));
        assert_eq!(step(marks.next(10)), Some((20, 2, false)));
        assert_eq!(step(marks.next(30)), Some((10, 1, true)));
        assert_eq!(step(marks.previous(10)), Some((30, 3, true)));
        assert_eq!(step(marks.previous(25)), Some((20, 2, false)));
        assert_eq!(step(marks.next_of(0, 10)), Some((30, 3, false)));
        assert_eq!(step(marks.next_pattern(Some(0), 25)), Some((20, 2, true)));
        assert_eq!(step(marks.next_pattern(Some(1), 5)), Some((10, 1, false)));
        assert_eq!(step(marks.next_pattern(None, 5)), Some((10, 1, false)));
        assert_eq!(marks.next_of(7, 0), None);
        assert_eq!(Highlights::new([], &[]).next(0), None);
        assert_eq!(Highlights::default().next_pattern(None, 0), None);
    }

    #[test]
    fn a_pattern_has_the_rules_number_whether_it_or_others_matched() {
        let marks = Highlights::new(["$z", "$y", "$a"], &[found("$a", 1, 1), found("$z", 5, 1), found("$b", 9, 1)]);
        let legend: Vec<_> = marks.legend().iter().map(|entry| (&*entry.pattern, entry.count)).collect();
        assert_eq!(legend, [("$z", 1), ("$y", 0), ("$a", 1), ("$b", 1)]);
        assert_eq!(marks.covering(5), [0]);
        assert_eq!(marks.next_pattern(Some(0), 0).map(|f| f.pattern), Some(2), "$y has no match");
        assert_eq!(marks.next_pattern(Some(3), 0).map(|f| f.pattern), Some(0));
        assert_eq!(marks.next_pattern(Some(usize::MAX), 0).map(|f| f.pattern), Some(0));
        assert_eq!(marks.from(5).map(|f| (f.offset, f.wrapped)), Some((5, false)));
        assert_eq!(marks.from(10), None);
        assert_eq!(marks.next(u64::MAX).map(|f| (f.offset, f.wrapped)), Some((1, true)));
    }

    #[test]
    fn a_million_matches_over_each_other_cost_no_more_than_the_window() {
        let matches: Vec<_> = (0..1_000_000).map(|n| found("$a", n, 5_000_000)).collect();
        let marks = Highlights::new([], &matches);
        assert_eq!(marks.count(), 1_000_000);
        assert_eq!(marks.runs(900_000..900_100), [run(900_000..900_100, &[0])]);
        assert_eq!(marks.next(500_000).map(|f| f.nth), Some(500_002));
        assert_eq!(marks.under(5_500_000).map(|f| f.offset), Some(999_999));
        assert_eq!(marks.tracks[0].covered.len(), 1);
    }

    proptest! {
        #[test]
        fn it_agrees_with_counting_by_hand(
            raw in prop::collection::vec((0usize..4, 0u64..60, 0u64..12), 0..30),
            window in (0u64..70, 0u64..40),
            at in 0u64..70,
        ) {
            let matches: Vec<_> = raw.iter().map(|(p, o, l)| found(&format!("${p}"), *o, *l)).collect();
            let marks = Highlights::new([], &matches);
            let window = window.0..window.0 + window.1;
            let runs = marks.runs(window.clone());
            prop_assert!(runs.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start));
            for offset in 0..120 {
                let mut naive: Vec<&str> = matches
                    .iter()
                    .filter(|m| window.contains(&offset) && m.offset <= offset && offset < m.end())
                    .map(|m| &*m.pattern)
                    .collect();
                naive.sort_unstable();
                naive.dedup();
                let of_run = runs.iter().find(|run| run.range.contains(&offset));
                let indexes = of_run.map_or(&[][..], |run| &run.patterns[..]);
                let named: Vec<&str> = indexes.iter().map(|i| &*marks.legend()[*i].pattern).collect();
                prop_assert_eq!(named, naive);
            }
            let covers = |m: &&PatternMatch| m.offset <= at && at < m.end();
            let under = matches.iter().filter(covers).map(|m| m.offset).max();
            prop_assert_eq!(marks.under(at).map(|f| f.offset), under);
            prop_assert!(marks.under(at).is_none_or(|f| f.offset <= at && at < f.end()));
            let starts = || matches.iter().map(|m| m.offset);
            let next = starts().filter(|o| *o > at).min().map(|o| (o, false)).or(starts().min().map(|o| (o, true)));
            prop_assert_eq!(marks.next(at).map(|f| (f.offset, f.wrapped)), next);
            let back = starts().filter(|o| *o < at).max().map(|o| (o, false)).or(starts().max().map(|o| (o, true)));
            prop_assert_eq!(marks.previous(at).map(|f| (f.offset, f.wrapped)), back);
        }
    }
}
