//! One file on its way through the prefilter.

use super::Prefilter;
use super::condition::Facts;
use super::seam::Seam;
use super::search::Seen;
use super::truth::Truth;

/// Bytes at the beginning of a file that conditions like `uint32(0) == …` can be decided on.
pub(super) const HEADER: usize = 4096;
/// One useless hit in this many bytes is as much as the search is worth.
const BYTES_PER_WASTED_HIT: u64 = 64;
/// Useless hits that any file may have, so that a short one is not judged by a few.
const FREE_HITS: u64 = 1024;

/// What is known about a file so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// More of the file must be read.
    NeedMore,
    /// No rule can match; the rest need not be read.
    CannotMatch,
    /// A rule may match: the file must go whole to yara-x.
    MustScan,
}

/// The stream of one file. Feed its bytes in order, from the first; holes may be announced instead of read.
#[derive(Debug)]
pub struct Pass<'p> {
    prefilter: &'p Prefilter,
    filesize: u64,
    /// Bytes that have gone by.
    position: u64,
    header: Vec<u8>,
    seam: Seam,
    seen: Seen,
    decision: Decision,
}

impl<'p> Pass<'p> {
    pub(super) fn new(prefilter: &'p Prefilter, filesize: u64) -> Self {
        let seen = Seen { patterns: prefilter.unsearchable.clone(), wasted: 0 };
        let mut pass = Self {
            prefilter,
            filesize,
            position: 0,
            header: Vec::new(),
            seam: Seam::default(),
            seen,
            decision: if prefilter.always_full() { Decision::MustScan } else { Decision::NeedMore },
        };
        pass.rule_out();
        pass.decide();
        pass
    }

    /// What is known so far. Right after [`Prefilter::pass`], that is what the size alone tells: a file that it rules
    /// out need not be opened.
    pub const fn decision(&self) -> Decision {
        self.decision
    }

    /// Takes the next bytes of the file. After a decision it does nothing more.
    pub fn feed(&mut self, chunk: &[u8]) -> Decision {
        if self.decision != Decision::NeedMore || chunk.is_empty() {
            return self.decision;
        }
        let had_header = self.has_header();
        self.take_header(chunk);
        self.position = self.position.saturating_add(chunk.len() as u64);
        let new = self.search(chunk);
        let header_done = !had_header && self.has_header();
        if header_done {
            self.rule_out();
        }
        if new || header_done {
            self.decide();
        }
        self.check_worth();
        self.decision
    }

    /// Takes a hole of `length` bytes, all zero, as cheaply as a short chunk.
    pub fn skip_zeros(&mut self, length: u64) -> Decision {
        const ZEROS: [u8; HEADER] = [0; HEADER];
        let end = self.position.saturating_add(length);
        // What tells the hole from a shorter one is over after the header, and a longest run.
        let mut left = length.min((HEADER + self.prefilter.searcher.longest()) as u64);
        while left > 0 && self.decision == Decision::NeedMore {
            let chunk = ZEROS.get(..left.min(HEADER as u64) as usize).unwrap_or(&ZEROS);
            self.feed(chunk);
            left -= chunk.len() as u64;
        }
        self.position = end;
        self.decision
    }

    /// Whether the file must go whole to yara-x. A file that had more or fewer bytes than its size said has changed
    /// while it was read, so nothing is known about it.
    pub fn finish(&self) -> bool {
        match self.decision {
            Decision::CannotMatch => false,
            Decision::MustScan => true,
            Decision::NeedMore => self.position != self.filesize || self.may_match(&self.seen.patterns),
        }
    }

    fn has_header(&self) -> bool {
        self.header.len() as u64 == self.filesize.min(HEADER as u64)
    }

    fn take_header(&mut self, chunk: &[u8]) {
        let wanted = self.filesize.min(HEADER as u64) as usize;
        let missing = wanted.saturating_sub(self.header.len());
        self.header.extend_from_slice(first(chunk, missing));
    }

    /// Searches the chunk, and the seam between it and what came before.
    fn search(&mut self, chunk: &[u8]) -> bool {
        let searcher = &self.prefilter.searcher;
        let mut new = false;
        self.seam.pass(chunk, searcher.longest(), |bytes, _| new |= searcher.search(bytes, &mut self.seen));
        new
    }

    /// Rules the file out if no rule could match even with every pattern in it.
    fn rule_out(&mut self) {
        if self.decision == Decision::NeedMore && !self.may_match(&self.prefilter.every_pattern) {
            self.decision = Decision::CannotMatch;
        }
    }

    /// Sends the file to yara-x if what was seen is enough for some rule. That is not asked before the first bytes
    /// are known: as long as they are not, they could be anything.
    fn decide(&mut self) {
        if self.decision == Decision::NeedMore && self.has_header() && self.may_match(&self.seen.patterns) {
            self.decision = Decision::MustScan;
        }
    }

    /// Where literals are so frequent that looking at each hit takes longer than yara-x would, yara-x takes the file.
    fn check_worth(&mut self) {
        let worth = FREE_HITS + self.position / BYTES_PER_WASTED_HIT;
        if self.decision == Decision::NeedMore && self.seen.wasted > worth {
            self.decision = Decision::MustScan;
        }
    }

    fn may_match(&self, patterns: &[bool]) -> bool {
        self.prefilter.rules.may_report(&Facts {
            filesize: Some(self.filesize),
            header: &self.header,
            patterns,
            open_guard: Truth::ANY,
            unknown: Truth::ANY,
        })
    }
}

/// The first `count` bytes, or all if there are fewer.
fn first(bytes: &[u8], count: usize) -> &[u8] {
    bytes.get(..count).unwrap_or(bytes)
}
