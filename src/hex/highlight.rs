//! Which patterns cover which bytes, and the way from match to match.
//!
//! For each pattern the matches are kept twice: as they are, in file order, and merged where they overlap. The merged
//! stretches of a pattern never overlap, so what covers a window is found by one binary search a pattern, and costs no
//! more than the window is long, even if a million matches lie over each other.
//!
//! All matches have one order: by offset; of those that begin at one offset by pattern, in the order of the legend; of
//! one pattern's the shorter first. They are counted in that order, and the way from match to match follows it.

use std::cmp::Ordering;
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
pub struct NthMatch {
    /// Index of its pattern in the legend.
    pub pattern: usize,
    /// Offset of its first byte.
    pub offset: u64,
    /// Its bytes, counted.
    pub length: u64,
    /// Which match it is in the order of all, from 1.
    pub nth: usize,
    /// Which it is of its pattern's, from 0.
    place: usize,
    /// Whether the way led past the end or the beginning of the file.
    pub wrapped: bool,
}

impl NthMatch {
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
pub struct HighlightRun {
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
    pub fn runs(&self, window: Range<u64>) -> Vec<HighlightRun> {
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
                runs.push(HighlightRun { range: from..at, patterns: covering.clone() });
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
    pub fn under(&self, offset: u64) -> Option<NthMatch> {
        self.picked(|track| track.under(offset)).max_by_key(|found| found.offset)
    }

    /// The match of one pattern that covers the byte at `offset`; of several the one that begins last.
    pub fn under_of(&self, pattern: usize, offset: u64) -> Option<NthMatch> {
        let place = self.tracks.get(pattern)?.under(offset)?;
        self.found(pattern, place)
    }

    /// The first match that begins at `offset` or after it.
    pub fn from(&self, offset: u64) -> Option<NthMatch> {
        self.picked(|track| Some(track.begun_before(offset))).min_by_key(|found| found.offset)
    }

    /// The match after this one; after the last of all comes the first, and it says so.
    pub fn after(&self, found: NthMatch) -> Option<NthMatch> {
        // In a pattern that comes later in the legend, what begins at the same offset is still to come.
        let place = |pattern: usize, track: &Track| match pattern.cmp(&found.pattern) {
            Ordering::Less => track.begun_until(found.offset),
            Ordering::Equal => found.place + 1,
            Ordering::Greater => track.begun_before(found.offset),
        };
        let tracks = self.tracks.iter().enumerate();
        let next = tracks.filter_map(|(pattern, track)| self.found(pattern, place(pattern, track)));
        next.min_by_key(|next| next.offset).or_else(|| self.from(0).map(NthMatch::wrapped))
    }

    /// The match before this one; before the first of all comes the last, and it says so.
    pub fn before(&self, found: NthMatch) -> Option<NthMatch> {
        let place = |pattern: usize, track: &Track| match pattern.cmp(&found.pattern) {
            Ordering::Less => track.begun_until(found.offset),
            Ordering::Equal => found.place,
            Ordering::Greater => track.begun_before(found.offset),
        };
        let tracks = self.tracks.iter().enumerate();
        let back = tracks.filter_map(|(pattern, track)| self.found(pattern, place(pattern, track).checked_sub(1)?));
        back.max_by_key(|back| back.offset).or_else(|| self.last().map(NthMatch::wrapped))
    }

    /// The first match that begins after `offset`, else the first of all.
    pub fn next(&self, offset: u64) -> Option<NthMatch> {
        let after = offset.checked_add(1).and_then(|after| self.from(after));
        after.or_else(|| self.from(0).map(NthMatch::wrapped))
    }

    /// The last match that begins before `offset`, else the last of all.
    pub fn previous(&self, offset: u64) -> Option<NthMatch> {
        let before = self.picked(|track| track.begun_before(offset).checked_sub(1)).max_by_key(|found| found.offset);
        before.or_else(|| self.last().map(NthMatch::wrapped))
    }

    /// The first match of the pattern that comes after `pattern` in the legend, going round, past those without a match;
    /// of the first pattern that has one, for `None`.
    pub fn next_pattern(&self, pattern: Option<usize>) -> Option<NthMatch> {
        let first = pattern.map_or(0, |pattern| pattern.saturating_add(1)).min(self.tracks.len());
        (first..self.tracks.len()).chain(0..first).find_map(|pattern| self.found(pattern, 0))
    }

    fn last(&self) -> Option<NthMatch> {
        self.picked(|track| track.spans.len().checked_sub(1)).max_by_key(|found| found.offset)
    }

    /// One match of every pattern that has one at the place to be picked, in the order of the legend.
    fn picked(&self, pick: impl Fn(&Track) -> Option<usize>) -> impl Iterator<Item = NthMatch> {
        let tracks = self.tracks.iter().enumerate();
        tracks.filter_map(move |(pattern, track)| self.found(pattern, pick(track)?))
    }

    /// The match at a place among its pattern's.
    fn found(&self, pattern: usize, place: usize) -> Option<NthMatch> {
        let Span { offset, length } = *self.tracks.get(pattern)?.spans.get(place)?;
        let others = self.tracks.iter().enumerate().map(|(other, track)| match other.cmp(&pattern) {
            Ordering::Less => track.begun_until(offset),
            Ordering::Equal => place,
            Ordering::Greater => track.begun_before(offset),
        });
        Some(NthMatch { pattern, offset, length, nth: others.sum::<usize>() + 1, place, wrapped: false })
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

    /// How many of its matches begin before `offset`: the place of the first that does not.
    fn begun_before(&self, offset: u64) -> usize {
        self.spans.partition_point(|span| span.offset < offset)
    }

    /// How many of its matches begin at `offset` or before it.
    fn begun_until(&self, offset: u64) -> usize {
        self.spans.partition_point(|span| span.offset <= offset)
    }

    fn under(&self, offset: u64) -> Option<usize> {
        let stretch = self.covered.get(self.covered.partition_point(|range| range.end <= offset))?;
        let begun = self.spans.get(..self.begun_until(offset))?.iter().enumerate();
        let mut near = begun.rev().take_while(|(_, span)| span.offset >= stretch.start);
        near.find(|(_, span)| offset - span.offset < span.length).map(|(place, _)| place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(pattern: &str, offset: u64, length: u64) -> PatternMatch {
        PatternMatch { pattern: pattern.into(), offset, length, data: Vec::new() }
    }

    fn run(range: Range<u64>, patterns: &[usize]) -> HighlightRun {
        HighlightRun { range, patterns: patterns.to_vec() }
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
        let step = |found: Option<NthMatch>| found.map(|f| (f.offset, f.nth, f.wrapped));
        assert_eq!(step(marks.next(0)), Some((10, 1, false)));
        assert_eq!(step(marks.next(10)), Some((20, 2, false)));
        assert_eq!(step(marks.next(30)), Some((10, 1, true)));
        assert_eq!(step(marks.previous(10)), Some((30, 3, true)));
        assert_eq!(step(marks.previous(25)), Some((20, 2, false)));
        assert_eq!(step(marks.next_pattern(Some(0))), Some((20, 2, false)));
        assert_eq!(step(marks.next_pattern(Some(1))), Some((10, 1, false)));
        assert_eq!(step(marks.next_pattern(None)), Some((10, 1, false)));
        assert_eq!(Highlights::new([], &[]).next(0), None);
        assert_eq!(Highlights::default().next_pattern(None), None);
    }

    #[test]
    fn matches_at_one_offset_come_by_pattern_and_the_shorter_first() {
        let at = [found("$b", 0, 2), found("$a", 0, 9), found("$a", 0, 3), found("$a", 5, 1), found("$b", 0, 2)];
        let marks = Highlights::new(["$a", "$b"], &at);
        let shown = |found: NthMatch| (found.pattern, found.offset, found.length, found.nth, found.wrapped);
        let mut way = vec![marks.from(0).unwrap()];
        for _ in 0..5 {
            way.push(marks.after(way[way.len() - 1]).unwrap());
        }
        let way: Vec<_> = way.into_iter().map(shown).collect();
        assert_eq!(way[..3], [(0, 0, 3, 1, false), (0, 0, 9, 2, false), (1, 0, 2, 3, false)]);
        assert_eq!(way[3..], [(1, 0, 2, 4, false), (0, 5, 1, 5, false), (0, 0, 3, 1, true)]);
        assert_eq!(shown(marks.previous(5).unwrap()), (1, 0, 2, 4, false));
        assert_eq!(shown(marks.before(marks.from(0).unwrap()).unwrap()), (0, 5, 1, 5, true));
        assert_eq!(marks.next_pattern(Some(0)).map(shown), Some((1, 0, 2, 3, false)), "also at offset 0");
    }

    #[test]
    fn a_pattern_has_the_rules_number_whether_it_or_others_matched() {
        let marks = Highlights::new(["$z", "$y", "$a"], &[found("$a", 1, 1), found("$z", 5, 1), found("$b", 9, 1)]);
        let legend: Vec<_> = marks.legend().iter().map(|entry| (&*entry.pattern, entry.count)).collect();
        assert_eq!(legend, [("$z", 1), ("$y", 0), ("$a", 1), ("$b", 1)]);
        assert_eq!(marks.covering(5), [0]);
        assert_eq!(marks.next_pattern(Some(0)).map(|f| f.pattern), Some(2), "$y has no match");
        assert_eq!(marks.next_pattern(Some(3)).map(|f| f.pattern), Some(0));
        assert_eq!(marks.next_pattern(Some(usize::MAX)).map(|f| f.pattern), Some(0));
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

        #[test]
        fn the_way_visits_each_match_once_and_comes_back(
            raw in prop::collection::vec((0usize..3, 0u64..6, 0u64..4), 1..40),
        ) {
            let matches: Vec<_> = raw.iter().map(|(p, o, l)| found(&format!("${p}"), *o, *l)).collect();
            let marks = Highlights::new(["$0", "$1", "$2"], &matches);
            let mut all: Vec<_> = raw.iter().map(|(pattern, offset, length)| (*offset, *pattern, *length)).collect();
            all.sort_unstable();
            let shown = |found: NthMatch| (found.offset, found.pattern, found.length);
            let first = marks.next(u64::MAX).unwrap();
            let last = marks.before(first).unwrap();
            for (start, forward) in [(first, true), (last, false)] {
                let mut here = start;
                let mut way = Vec::new();
                for step in 1..=all.len() {
                    way.push(shown(here));
                    prop_assert_eq!(here.nth, if forward { step } else { all.len() + 1 - step });
                    here = if forward { marks.after(here) } else { marks.before(here) }.unwrap();
                    prop_assert_eq!(here.wrapped, step == all.len());
                }
                prop_assert_eq!((shown(here), here.nth), (shown(start), start.nth));
                if !forward {
                    way.reverse();
                }
                prop_assert_eq!(&way, &all);
            }
        }
    }
}
