//! One pass over bytes for all needles at once.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::ops::Range;

use aho_corasick::{Span, packed};

use super::guard::PatternIndex;
use super::hashed::{Hashed, Met, NeedleFilter};
use super::literals::Needle;
use super::pairs::{Pair, Pairs, Tries};
use super::required::Run;
use super::verify::{Expressions, FilePart};

/// As many windows go to the SIMD search (Teddy, in crate aho-corasick), which is the fastest for few; it takes no more.
const MAX_TEDDY: usize = 128;

/// Finds which patterns may occur in a stretch of bytes.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Searcher {
    engine: Engine,
    longest: usize,
    /// What patterns look like as a whole, where that is more than their runs.
    expressions: Expressions,
    /// Pairs of bytes of patterns that have no run.
    pairs: Pairs,
}

#[derive(Debug, Serialize, Deserialize)]
enum Engine {
    /// There is nothing to find.
    Nothing,
    Teddy(Teddy),
    Hashed(Hashed),
}

#[derive(Debug)]
struct Teddy {
    engine: packed::Searcher,
    /// By window: the needles that a hit of it may belong to.
    targets: Vec<Vec<Target>>,
    needles: Vec<(Needle, PatternIndex)>,
}

impl Serialize for Teddy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.needles.serialize(serializer)
    }
}

impl<'d> Deserialize<'d> for Teddy {
    fn deserialize<D: Deserializer<'d>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(deserializer)?).map_err(|_| D::Error::custom("more windows than the search takes"))
    }
}

/// A run, and how far before the hit it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Target {
    run: usize,
    before: usize,
}

/// What is searched for in one kind of file: the patterns of the rules that may match it.
#[derive(Debug)]
pub(super) struct SearchedPatterns {
    /// By pattern.
    open: Vec<bool>,
    filter: Option<NeedleFilter>,
}

/// What a search has found so far in one file.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// By [`PatternIndex`]: whether the pattern may occur.
    pub patterns: Vec<bool>,
    /// The patterns that were found, in that order.
    pub found: Vec<PatternIndex>,
    /// Hits that told nothing new, of a search that many of them make slow.
    pub wasted: u64,
    met: Met,
    tries: Tries,
}

impl Searcher {
    /// The search, and the patterns that it cannot search for.
    pub(super) fn new(needles: Vec<(Needle, PatternIndex)>, expressions: Expressions) -> (Self, Vec<PatternIndex>) {
        let longest = needles.iter().map(|(needle, _)| needle.run.len()).max().unwrap_or(0);
        let nothing = Expressions::default();
        let searcher = |engine, longest| Self { engine, longest, expressions: nothing, pairs: Pairs::default() };
        if needles.is_empty() {
            return (searcher(Engine::Nothing, 0), Vec::new());
        }
        let needles = match Teddy::new(needles) {
            Ok(teddy) => return (searcher(Engine::Teddy(teddy), longest), Vec::new()),
            Err(needles) => needles,
        };
        let runs = needles.into_iter().map(|(needle, pattern)| (needle.shortened(), pattern));
        let (hashed, refused) = Hashed::new(runs);
        let longest = hashed.longest();
        (Self { expressions, ..searcher(Engine::Hashed(hashed), longest) }, refused)
    }

    /// Searches for pairs of bytes too; returns the patterns that are searched for by them. Few literals are searched for
    /// faster than a pair is.
    pub(super) fn add_pairs(&mut self, wanted: &[(Pair, PatternIndex)]) -> Vec<PatternIndex> {
        if matches!(self.engine, Engine::Hashed(_)) {
            self.pairs = Pairs::of(wanted);
        }
        self.pairs.patterns().collect()
    }

    /// How many byte strings are searched for.
    pub(super) fn windows(&self) -> usize {
        match &self.engine {
            Engine::Nothing => 0,
            Engine::Teddy(teddy) => teddy.targets.len(),
            Engine::Hashed(hashed) => hashed.windows(),
        }
    }

    /// Whether there is so much to search for that a first search for some of it pays.
    pub(super) fn is_large(&self) -> bool {
        matches!(self.engine, Engine::Hashed(_))
    }

    /// Length in bytes of the longest run: what reaches over from one chunk into the next is shorter.
    pub(super) fn longest(&self) -> usize {
        self.longest.max(if self.pairs.is_empty() { 0 } else { 2 })
    }

    /// What to search for where only the patterns that are `open` count.
    pub(super) fn choose(&self, open: Vec<bool>) -> SearchedPatterns {
        let filter = match &self.engine {
            Engine::Hashed(hashed) => Some(hashed.filter(|pattern| open.get(pattern).copied().unwrap_or(false))),
            Engine::Nothing | Engine::Teddy(_) => None,
        };
        SearchedPatterns { open, filter }
    }

    /// Room for one file's search. `patterns` are those that may occur in any file.
    pub(super) fn seen(&self, patterns: Vec<bool>) -> Seen {
        let met = match &self.engine {
            Engine::Hashed(hashed) => hashed.met(),
            Engine::Nothing | Engine::Teddy(_) => Met::default(),
        };
        Seen { patterns, found: Vec::new(), wasted: 0, met, tries: Tries::default() }
    }

    /// Marks the patterns that have a whole run in the part, and may match there.
    pub(super) fn search(&self, chosen: &SearchedPatterns, part: FilePart, seen: &mut Seen) {
        let bytes = part.bytes;
        let Seen { patterns, found, wasted, met, tries } = seen;
        let mut mark = |pattern: PatternIndex| {
            let known = patterns.get_mut(pattern).filter(|known| !**known);
            let new = known.map(|known| *known = true).is_some();
            found.extend(new.then_some(pattern));
            new
        };
        match (&self.engine, &chosen.filter) {
            (Engine::Hashed(hashed), Some(filter)) => {
                let is_open = |pattern: PatternIndex| chosen.is_open(pattern);
                let mut look = |pattern: PatternIndex, place: Range<usize>, is_last: bool| {
                    let is_there = !is_open(pattern) || is_last || self.expressions.may_match(pattern, part, &place);
                    if is_there {
                        mark(pattern);
                    } else {
                        *wasted += 1;
                    }
                    is_there
                };
                hashed.search(filter, bytes, (met, most_tries(part), most_work(part.end)), &mut look);
                if !self.pairs.is_empty() {
                    self.pairs.search(bytes, (tries, 4 * most_tries(part)), is_open, &mut look);
                }
            }
            (Engine::Teddy(teddy), _) => teddy.visit(bytes, |run, pattern, start| {
                let open = chosen.open.get(pattern).copied().unwrap_or(false);
                let new = open && occurs(run, bytes, start) && mark(pattern);
                *wasted += u64::from(!new);
            }),
            (Engine::Nothing | Engine::Hashed(_), _) => {}
        }
    }

    /// Calls `spot` with the start and the length of every whole run in `bytes`.
    pub(super) fn spots(&self, chosen: &SearchedPatterns, bytes: &[u8], mut spot: impl FnMut(usize, usize)) {
        match (&self.engine, &chosen.filter) {
            (Engine::Hashed(hashed), Some(filter)) => hashed.spots(filter, bytes, spot),
            (Engine::Teddy(teddy), _) => teddy.visit(bytes, |run, _, start| {
                if let Some(start) = start.filter(|_| occurs(run, bytes, start)) {
                    spot(start, run.len());
                }
            }),
            (Engine::Nothing | Engine::Hashed(_), _) => {}
        }
    }
}

impl SearchedPatterns {
    /// Whether the pattern is searched for.
    pub(super) fn is_open(&self, pattern: PatternIndex) -> bool {
        self.open.get(pattern).copied().unwrap_or(false)
    }
}

/// Entries of the search's tables that are looked at until this offset of a file; more would take longer than yara-x does. In a
/// Debian `/usr` texts need less than one for three bytes.
pub(super) const fn most_work(end: u64) -> u64 {
    const FREE: u64 = 1 << 16;
    FREE.saturating_add(end)
}

impl Seen {
    /// Whether a part was not searched to its end.
    pub(super) fn is_stopped(&self) -> bool {
        self.met.is_stopped
    }

    /// Entries of the search's tables that were looked at.
    #[cfg(test)]
    pub(super) fn work(&self) -> u64 {
        self.met.work
    }

    /// Makes room for the next file.
    pub(super) fn clear(&mut self) {
        for pattern in self.found.drain(..) {
            if let Some(seen) = self.patterns.get_mut(pattern) {
                *seen = false;
            }
        }
        self.wasted = 0;
        self.met.clear();
        self.tries.clear();
    }
}

impl Teddy {
    /// Gives the needles back if there are too many windows, or this machine lacks the instructions.
    fn new(needles: Vec<(Needle, PatternIndex)>) -> Result<Self, Vec<(Needle, PatternIndex)>> {
        if needles.len() > MAX_TEDDY || !needles.iter().all(|(needle, _)| needle.has_window()) {
            return Err(needles);
        }
        let mut by_window: BTreeMap<Vec<u8>, Vec<Target>> = BTreeMap::new();
        for (run, (needle, _)) in needles.iter().enumerate() {
            let target = Target { run, before: needle.window.start };
            for spelling in needle.spellings() {
                by_window.entry(spelling).or_default().push(target);
            }
        }
        if by_window.len() > MAX_TEDDY {
            return Err(needles);
        }
        let windows: Vec<&Vec<u8>> = by_window.keys().collect();
        let targets = windows.iter().map(|window| targets_of(window, &by_window)).collect();
        let mut config = packed::Config::new();
        // The crate's own limit of 64 is where Teddy stops paying beside its automaton, which is not used here.
        config.match_kind(packed::MatchKind::LeftmostLongest).heuristic_pattern_limits(false);
        match config.builder().extend(windows.iter()).build() {
            Some(engine) => Ok(Self { engine, targets, needles }),
            None => Err(needles),
        }
    }

    /// Calls `each` with every run whose window was hit, and where it would begin.
    fn visit(&self, bytes: &[u8], mut each: impl FnMut(&Run, PatternIndex, Option<usize>)) {
        let mut at = 0;
        while let Some(hit) = self.engine.find_in(bytes, Span { start: at, end: bytes.len() }) {
            for target in self.targets.get(hit.pattern().as_usize()).into_iter().flatten() {
                if let Some((needle, pattern)) = self.needles.get(target.run) {
                    each(&needle.run, *pattern, hit.start().checked_sub(target.before));
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

/// Places of a run that are looked at closely until the part's end; after them the pattern is taken for being there. Looking at
/// more would take longer than yara-x does.
fn most_tries(part: FilePart) -> u32 {
    const FREE: u64 = 48;
    const BYTES_FOR_ONE: u64 = 4096;
    const MAX_FREE: u32 = 1 << 24;
    u32::try_from(FREE + part.end / BYTES_FOR_ONE).unwrap_or(u32::MAX).min(MAX_FREE)
}

/// Whether `run` stands in `bytes` at `start`, as a whole.
fn occurs(run: &Run, bytes: &[u8], start: Option<usize>) -> bool {
    let Some(there) = start.and_then(|start| bytes.get(start..start + run.len())) else { return false };
    run.iter().zip(there).all(|(set, &byte)| set.contains(byte))
}
