//! One pass over bytes for all needles at once.

use std::collections::BTreeMap;

use aho_corasick::{Span, packed};

use super::condition::PatternIndex;
use super::literals::Needle;
use super::required::Run;

/// More windows than this are refused. It is what the SIMD search (Teddy, in crate aho-corasick) takes at most; there
/// it was measured at over twice the speed of yara-x, and an automaton for more of them at a quarter of it or less.
pub(super) const MAX_WINDOWS: usize = 128;

/// Finds which patterns may occur in a stretch of bytes.
#[derive(Debug)]
pub(super) struct Searcher {
    /// `None` if there is nothing to find.
    engine: Option<packed::Searcher>,
    /// By window: the needles that a hit of it may belong to.
    targets: Vec<Vec<Target>>,
    runs: Vec<(Run, PatternIndex)>,
    longest: usize,
}

/// A run, and how far before the hit it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Target {
    run: usize,
    before: usize,
}

/// What a search has found so far.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// By [`PatternIndex`]: whether the pattern may occur.
    pub patterns: Vec<bool>,
    /// Hits that told nothing new.
    pub wasted: u64,
}

/// Why there is no searcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoSearcher {
    TooMany(usize),
    NoSimd,
}

impl Searcher {
    pub(super) fn new(needles: Vec<(Needle, PatternIndex)>) -> Result<Self, NoSearcher> {
        let mut by_window: BTreeMap<Vec<u8>, Vec<Target>> = BTreeMap::new();
        let mut runs = Vec::with_capacity(needles.len());
        for (needle, pattern) in needles {
            let target = Target { run: runs.len(), before: needle.window.start };
            for spelling in needle.spellings() {
                by_window.entry(spelling).or_default().push(target);
            }
            runs.push((needle.run, pattern));
        }
        if by_window.len() > MAX_WINDOWS {
            return Err(NoSearcher::TooMany(by_window.len()));
        }
        let windows: Vec<&Vec<u8>> = by_window.keys().collect();
        let targets = windows.iter().map(|window| targets_of(window, &by_window)).collect();
        let engine = if windows.is_empty() { None } else { Some(teddy(&windows).ok_or(NoSearcher::NoSimd)?) };
        let longest = runs.iter().map(|(run, _)| run.len()).max().unwrap_or(0);
        Ok(Self { engine, targets, runs, longest })
    }

    /// A searcher that finds nothing.
    pub(super) const fn nothing() -> Self {
        Self { engine: None, targets: Vec::new(), runs: Vec::new(), longest: 0 }
    }

    /// How many byte strings are searched for.
    pub(super) const fn windows(&self) -> usize {
        self.targets.len()
    }

    /// Length in bytes of the longest run: what reaches over from one chunk into the next is shorter.
    pub(super) const fn longest(&self) -> usize {
        self.longest
    }

    /// Whether some run is in a stretch of nothing but zeros.
    pub(super) fn zeros_hit(&self) -> bool {
        self.runs.iter().any(|(run, _)| run.iter().all(|set| set.contains(0)))
    }

    /// Marks the patterns that have a whole run in `bytes`; whether any was new.
    pub(super) fn search(&self, bytes: &[u8], seen: &mut Seen) -> bool {
        let mut new = false;
        self.visit(bytes, |run, pattern, start| match seen.patterns.get_mut(pattern) {
            Some(known) if !*known && occurs(run, bytes, start) => {
                *known = true;
                new = true;
            }
            _ => seen.wasted += 1,
        });
        new
    }

    /// Calls `spot` with the start and the length of every whole run in `bytes`.
    pub(super) fn spots(&self, bytes: &[u8], mut spot: impl FnMut(usize, usize)) {
        self.visit(bytes, |run, _, start| {
            if let Some(start) = start.filter(|_| occurs(run, bytes, start)) {
                spot(start, run.len());
            }
        });
    }

    /// Calls `each` with every run whose window was hit, and where it would begin.
    fn visit(&self, bytes: &[u8], mut each: impl FnMut(&Run, PatternIndex, Option<usize>)) {
        let Some(engine) = &self.engine else { return };
        let mut at = 0;
        while let Some(hit) = engine.find_in(bytes, Span { start: at, end: bytes.len() }) {
            for target in self.targets.get(hit.pattern().as_usize()).into_iter().flatten() {
                if let Some((run, pattern)) = self.runs.get(target.run) {
                    each(run, *pattern, hit.start().checked_sub(target.before));
                }
            }
            // Hits may overlap, so the search goes on at the next byte.
            at = hit.start() + 1;
        }
    }
}

/// The needles a hit of `window` may belong to. Only the longest window that begins at a place is reported, so a
/// window that is a beginning of it is hit as well.
fn targets_of(window: &[u8], by_window: &BTreeMap<Vec<u8>, Vec<Target>>) -> Vec<Target> {
    let beginnings = (1..=window.len()).filter_map(|length| by_window.get(window.get(..length)?));
    beginnings.flatten().copied().collect()
}

/// Whether `run` stands in `bytes` at `start`, as a whole.
fn occurs(run: &Run, bytes: &[u8], start: Option<usize>) -> bool {
    let Some(there) = start.and_then(|start| bytes.get(start..start + run.len())) else { return false };
    run.iter().zip(there).all(|(set, &byte)| set.contains(byte))
}

/// The SIMD search for `windows`; `None` on a machine that has no such instructions.
fn teddy(windows: &[&Vec<u8>]) -> Option<packed::Searcher> {
    let mut config = packed::Config::new();
    // The crate's own limit of 64 is where Teddy stops paying beside its automaton, which is not used here.
    config.match_kind(packed::MatchKind::LeftmostLongest).heuristic_pattern_limits(false);
    config.builder().extend(windows.iter()).build()
}
