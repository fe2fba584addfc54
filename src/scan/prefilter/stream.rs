//! One file on its way through the prefilter.

use std::sync::Arc;

use super::Prefilter;
use super::class::{Keys, Kind, Sought};
use super::condition::RuleIndex;
use super::guard::KnownFacts;
use super::seam::Seam;
use super::search::{SearchedPatterns, Seen};
use super::truth::PossibleTruth;
use super::verify::FilePart;
use crate::scan::externals::Externals;

/// Bytes at the beginning of a file that conditions like `uint32(0) == …` can be decided on.
pub(super) const HEADER: usize = 4096;
/// One useless hit in this many bytes is as much as the search is worth.
const BYTES_PER_WASTED_HIT: u64 = 64;
/// Useless hits that any file may have, so that a short one is not judged by a few.
const FREE_HITS: u64 = 1024;
/// Of so many rules each is asked whether it can match at all, though all its patterns were there.
const FEW_RULES: usize = 64;

/// What is known about a file so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileDecision {
    /// More of the file must be read.
    NeedMore,
    /// No rule can match; the rest need not be read.
    CannotMatch,
    /// A rule may match: the file must go to yara-x. The rest of it tells which others may.
    MustScan,
}

/// Makes of a file's first bytes, up to [`HEADER`], what external variables say of it.
pub(crate) type ExternalsOf<'f> = dyn Fn(&[u8]) -> Externals + 'f;

/// Room for one file's way through a prefilter, used for one file after the other.
#[derive(Debug)]
pub struct Scratch {
    sought: Sought,
    keys: Arc<Keys>,
    seen: Seen,
    /// How many of [`Seen::found`] were counted.
    counted: usize,
    /// By rule: patterns that it still lacks.
    lacks: Vec<u16>,
    /// Rules that lack less than at first.
    touched: Vec<RuleIndex>,
    /// By rule: whether one of its keys is there, or it has none.
    is_keyed: Vec<bool>,
    /// Those that have become so.
    keyed: Vec<RuleIndex>,
    /// By rule: whether it is among those left.
    is_left: Vec<bool>,
    left: Vec<RuleIndex>,
    truths: Vec<PossibleTruth>,
    /// By guard.
    decided: Vec<PossibleTruth>,
    packed: Vec<u8>,
    header: Vec<u8>,
    seam: Seam,
}

impl Scratch {
    pub(super) fn new(prefilter: &Prefilter, sought: Sought) -> Self {
        let rules = &prefilter.rules;
        let mut present = rules.unsearchable();
        let keys = prefilter.kinds.keys();
        if sought == Sought::Keys {
            // What is not searched for may be there.
            present.iter_mut().zip(&keys.patterns).for_each(|(present, key)| *present |= !key);
        }
        Self {
            sought,
            keys,
            seen: prefilter.searcher.seen(present),
            counted: 0,
            lacks: rules.needs().to_vec(),
            touched: Vec::new(),
            is_keyed: (0..rules.len()).map(|rule| !rules.has_key(rule)).collect(),
            keyed: Vec::new(),
            is_left: vec![false; rules.len()],
            left: Vec::new(),
            truths: vec![PossibleTruth::ANY; rules.len()],
            decided: Vec::new(),
            packed: Vec::new(),
            header: Vec::new(),
            seam: Seam::default(),
        }
    }

    /// Makes it ready for the next file.
    fn prepare(&mut self, prefilter: &Prefilter) {
        if self.sought == Sought::Keys && !Arc::ptr_eq(&self.keys, &prefilter.kinds.keys()) {
            *self = Self::new(prefilter, self.sought);
        }
        self.clear(prefilter.rules.needs());
    }

    /// Whether the rule is decided by all its patterns, not by its keys alone.
    fn is_full(&self, rule: RuleIndex) -> bool {
        self.sought == Sought::All || self.keys.is_full.get(rule).copied().unwrap_or(false)
    }

    fn clear(&mut self, needs: &[u16]) {
        self.seen.clear();
        self.counted = 0;
        for rule in self.touched.drain(..) {
            if let (Some(lacks), Some(need)) = (self.lacks.get_mut(rule), needs.get(rule)) {
                *lacks = *need;
            }
        }
        for rule in self.keyed.drain(..) {
            if let Some(is_keyed) = self.is_keyed.get_mut(rule) {
                *is_keyed = false;
            }
        }
        for rule in self.left.drain(..) {
            if let Some(left) = self.is_left.get_mut(rule) {
                *left = false;
            }
        }
        self.decided.clear();
        self.header.clear();
        self.seam.clear();
    }
}

/// The stream of one file. Feed its bytes in order, from the first; holes may be announced instead of read.
pub struct Pass<'p> {
    prefilter: &'p Prefilter,
    /// `None` where only its end tells.
    filesize: Option<u64>,
    /// Bytes that have gone by.
    position: u64,
    externals_of: Option<&'p ExternalsOf<'p>>,
    /// Known once the first bytes are.
    externals: Option<Externals>,
    scratch: Scratch,
    /// See [`Pass::only`].
    only: Option<&'p [RuleIndex]>,
    /// What is searched for, once there is something to search.
    chosen: Option<Arc<SearchedPatterns>>,
    /// Known once the first bytes are.
    kind: Option<Arc<Kind>>,
    /// How many of the rules were left that another pass, which searches for more, may rule out.
    doubtful: usize,
    /// Whether more of the file can tell nothing more.
    settled: bool,
    decision: FileDecision,
}

impl<'p> Pass<'p> {
    pub(super) fn new(
        prefilter: &'p Prefilter,
        filesize: Option<u64>,
        externals_of: Option<&'p ExternalsOf<'p>>,
        mut scratch: Scratch,
    ) -> Self {
        scratch.prepare(prefilter);
        let decision = if prefilter.always_full() { FileDecision::MustScan } else { FileDecision::NeedMore };
        let refused = prefilter.report().refusal.is_some();
        let mut pass = Self {
            prefilter,
            filesize,
            position: 0,
            externals_of,
            externals: None,
            scratch,
            only: None,
            chosen: None,
            kind: None,
            doubtful: 0,
            settled: refused,
            decision,
        };
        if prefilter.rules.len() <= FEW_RULES && !pass.may_any(prefilter.kinds.any()) {
            pass.rule_out();
        }
        if pass.has_header() {
            pass.begin();
        }
        pass
    }

    /// Asks none but these rules, in order, which another pass over the same file left: it ends when it has left all of them too.
    #[must_use]
    pub(in crate::scan) fn only(mut self, rules: &'p [RuleIndex]) -> Self {
        let Prefilter { kinds, rules: all, searcher, .. } = self.prefilter;
        (self.only, self.chosen) = (Some(rules), kinds.chosen_for(rules, all, searcher));
        self
    }

    /// What is known so far. Right after [`Prefilter::pass`], that is what the size alone tells: a file that it rules
    /// out need not be opened.
    pub const fn decision(&self) -> FileDecision {
        self.decision
    }

    /// Whether more of the file may tell more.
    pub const fn wants_more(&self) -> bool {
        !self.settled
    }

    /// Takes the next bytes of the file.
    pub fn feed(&mut self, chunk: &[u8]) -> FileDecision {
        if self.settled || chunk.is_empty() {
            return self.decision;
        }
        let had_header = self.has_header();
        let before = self.scratch.header.len();
        self.take_header(chunk);
        self.position = self.position.saturating_add(chunk.len() as u64);
        if !self.has_header() {
            return self.decision;
        }
        if !had_header {
            self.begin();
            let header = std::mem::take(&mut self.scratch.header);
            self.search(first(&header, before), before as u64);
            self.scratch.header = header;
        }
        self.search(chunk, self.position);
        self.check_worth();
        self.decision
    }

    /// Takes a hole of `length` bytes, all zero, as cheaply as a short chunk.
    pub fn skip_zeros(&mut self, length: u64) -> FileDecision {
        const ZEROS: [u8; HEADER] = [0; HEADER];
        let end = self.position.saturating_add(length);
        // What tells the hole from a shorter one is over after the header, and a longest run.
        let mut left = length.min((HEADER + self.prefilter.searcher.longest()) as u64);
        while left > 0 && !self.settled {
            let chunk = ZEROS.get(..left.min(HEADER as u64) as usize).unwrap_or(&ZEROS);
            self.feed(chunk);
            left -= chunk.len() as u64;
        }
        self.position = end;
        self.decision
    }

    /// Whether the file must go to yara-x. A file that had more or fewer bytes than its size said has changed while it was
    /// read, so nothing is known about it.
    pub fn finish(&self) -> bool {
        match self.decision {
            FileDecision::CannotMatch => false,
            FileDecision::MustScan => true,
            FileDecision::NeedMore => Some(self.position) != self.filesize,
        }
    }

    /// Whether all of the file has gone by, or as much as was wanted.
    pub(in crate::scan) fn is_whole(&self) -> bool {
        self.settled || Some(self.position) == self.filesize
    }

    /// Says how long the file is, before its last bytes are taken.
    pub(in crate::scan) fn ends_at(&mut self, filesize: u64) {
        self.filesize = Some(filesize);
    }

    /// The rules that may match the file, in order of declaration.
    pub(in crate::scan) fn left(&mut self) -> &[RuleIndex] {
        self.scratch.left.sort_unstable();
        &self.scratch.left
    }

    /// Entries of the search's tables that were looked at.
    #[cfg(test)]
    pub(super) fn work(&self) -> u64 {
        self.scratch.seen.work()
    }

    /// Whether no other pass can rule out more.
    pub(in crate::scan) fn is_certain(&self) -> bool {
        self.is_whole() && self.doubtful == 0
    }

    /// What the next pass may use.
    pub(in crate::scan) fn into_scratch(self) -> Scratch {
        self.scratch
    }

    fn has_header(&self) -> bool {
        self.scratch.header.len() == self.header_length()
    }

    /// Bytes of the header; a file whose size is not known is taken to have as many.
    fn header_length(&self) -> usize {
        self.filesize.map_or(HEADER, |size| size.min(HEADER as u64) as usize)
    }

    fn take_header(&mut self, chunk: &[u8]) {
        let missing = self.header_length().saturating_sub(self.scratch.header.len());
        self.scratch.header.extend_from_slice(first(chunk, missing));
    }

    /// The first bytes are known: what they leave of the rules.
    fn begin(&mut self) {
        if self.settled {
            return;
        }
        let prefilter = self.prefilter;
        let header = std::mem::take(&mut self.scratch.header);
        self.externals = self.externals_of.map(|externals_of| externals_of(&header));
        let facts = KnownFacts { filesize: self.filesize, header: &header, ..KnownFacts::NOTHING };
        let guards = prefilter.rules.guards();
        prefilter.kinds.guards().decide(guards, &facts, &mut self.scratch.decided);
        self.scratch.header = header;
        let kind = prefilter.kinds.of(&self.scratch.decided, &mut self.scratch.packed, &prefilter.rules);
        for rule in &kind.free {
            self.ask(&kind, *rule);
        }
        self.doubtful = 0;
        if kind.rules == 0 || (kind.rules <= FEW_RULES && !self.may_any(&kind)) {
            self.rule_out();
        }
        self.settle(&kind);
        self.kind = Some(kind);
    }

    /// Ends the search once all rules are left that may be.
    fn settle(&mut self, kind: &Kind) {
        let most = self.only.map_or(kind.rules, |only| only.len().min(kind.rules));
        self.settled |= self.scratch.left.len() >= most;
    }

    /// Whether the rule may match such a file, and is one of those that are asked.
    fn is_open(&self, kind: &Kind, rule: RuleIndex) -> bool {
        kind.is_open(rule) && self.only.is_none_or(|only| only.binary_search(&rule).is_ok())
    }

    fn rule_out(&mut self) {
        if self.scratch.left.is_empty() {
            (self.decision, self.settled) = (FileDecision::CannotMatch, true);
        }
    }

    /// Whether any rule could match with every pattern in the file.
    fn may_any(&mut self, kind: &Kind) -> bool {
        let every = vec![true; self.prefilter.rules.patterns()];
        kind.open_rules().any(|rule| {
            let Self { prefilter, filesize, externals, scratch, .. } = self;
            let facts = KnownFacts {
                filesize: *filesize,
                header: &scratch.header,
                patterns: &every,
                guards: prefilter.rules.guards(),
                decided: &scratch.decided,
                externals: externals.as_ref(),
                ..KnownFacts::NOTHING
            };
            prefilter.rules.may_report(rule, &facts, &mut scratch.truths)
        })
    }

    /// Searches the chunk, which ends at this offset of the file, and the seam between it and what came before.
    fn search(&mut self, chunk: &[u8], end: u64) {
        let Some(kind) = self.kind.clone() else { return };
        if self.settled || chunk.is_empty() {
            return;
        }
        let Prefilter { searcher, rules, kinds, .. } = self.prefilter;
        let Scratch { seam, seen, sought, .. } = &mut self.scratch;
        let chosen = &**self.chosen.get_or_insert_with(|| kinds.chosen(&kind, *sought, rules, searcher));
        let (is_first, is_last) = (end == chunk.len() as u64, Some(end) == self.filesize);
        seam.pass(chunk, searcher.longest(), |bytes, before| {
            let part =
                if before == 0 { FilePart { bytes, end, is_first, is_last } } else { FilePart::inner(bytes, end) };
            searcher.search(chosen, part, seen);
        });
        self.count(&kind);
    }

    /// Counts the patterns that are new, and asks each rule that lacks none any more.
    fn count(&mut self, kind: &Kind) {
        let prefilter = self.prefilter;
        while let Some(pattern) = self.scratch.seen.found.get(self.scratch.counted).copied() {
            self.scratch.counted += 1;
            for rule in prefilter.rules.opened_by(pattern) {
                if let Some(is_keyed) = self.scratch.is_keyed.get_mut(*rule).filter(|is_keyed| !**is_keyed) {
                    *is_keyed = true;
                    self.scratch.keyed.push(*rule);
                }
            }
            for rule in prefilter.rules.decided_by(pattern).iter().copied() {
                if !self.is_open(kind, rule) {
                    continue;
                }
                let is_keyed = self.scratch.is_keyed.get(rule).copied().unwrap_or(true);
                if !self.scratch.is_full(rule) {
                    // Patterns that are searched for as keys of other rules may come after its own.
                    if is_keyed {
                        self.ask(kind, rule);
                    }
                    continue;
                }
                let Some(lacks) = self.scratch.lacks.get_mut(rule) else { continue };
                *lacks = lacks.saturating_sub(1);
                self.scratch.touched.push(rule);
                if *lacks == 0 && is_keyed {
                    self.ask(kind, rule);
                }
            }
        }
        self.settle(kind);
    }

    /// Adds the rule to those left, if what was seen is enough for it.
    fn ask(&mut self, kind: &Kind, rule: RuleIndex) {
        if !self.is_open(kind, rule) || self.scratch.is_left.get(rule).copied().unwrap_or(true) {
            return;
        }
        let Self { prefilter, filesize, externals, scratch, .. } = self;
        let facts = KnownFacts {
            filesize: *filesize,
            header: &scratch.header,
            patterns: &scratch.seen.patterns,
            guards: prefilter.rules.guards(),
            decided: &scratch.decided,
            externals: externals.as_ref(),
            ..KnownFacts::NOTHING
        };
        if prefilter.rules.may_report(rule, &facts, &mut scratch.truths) {
            if let Some(left) = scratch.is_left.get_mut(rule) {
                *left = true;
            }
            scratch.left.push(rule);
            self.doubtful += usize::from(!scratch.is_full(rule));
            self.decision = FileDecision::MustScan;
        }
    }

    /// Where literals are so frequent that looking at each hit takes longer than yara-x would, yara-x takes the file.
    fn check_worth(&mut self) {
        let seen = &self.scratch.seen;
        let is_worth = seen.wasted <= FREE_HITS + self.position / BYTES_PER_WASTED_HIT && !seen.is_stopped();
        let Some(kind) = self.kind.clone().filter(|_| !self.settled && !is_worth) else { return };
        self.doubtful += 1;
        for rule in kind.open_rules() {
            if self.only.is_some_and(|only| only.binary_search(&rule).is_err()) {
                continue;
            }
            if let Some(left) = self.scratch.is_left.get_mut(rule).filter(|left| !**left) {
                *left = true;
                self.scratch.left.push(rule);
            }
        }
        (self.decision, self.settled) = (FileDecision::MustScan, true);
    }
}

/// The first `count` bytes, or all if there are fewer.
fn first(bytes: &[u8], count: usize) -> &[u8] {
    bytes.get(..count).unwrap_or(bytes)
}
