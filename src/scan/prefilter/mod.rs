//! Proof, while a file streams by, that no rule can match it.
//!
//! From the parsed rules this derives what must occur in a file before yara-x could report anything: byte sequences
//! that a pattern can't match without ([`literals`], [`required`]), in the combinations that the conditions ask for,
//! with what they say about the file's size and first bytes ([`lower`], [`condition`]). A file is read once through a
//! fixed buffer ([`Pass`]); only one that can't be ruled out goes whole to yara-x. Wherever this doubts, the file
//! goes: the results are always those of yara-x alone. Nothing here is written for particular rules.
//!
//! The rules must be those that yara-x was given, in the same order, all of them compiled without an error.

mod bytes;
mod condition;
mod literals;
mod locate;
mod lower;
mod report;
mod required;
mod seam;
mod search;
mod set;
mod stream;
#[cfg(test)]
pub(in crate::scan) mod tests;
mod truth;

pub use literals::Reach;
pub use locate::Locator;
pub use report::{Class, PrefilterReport, Refusal, RuleReport, WholeReason};
pub use stream::{Decision, Pass};

use search::{MAX_WINDOWS, NoSearcher, Searcher};
use set::RuleSet;

/// Bytes before and after a match that decide whether it is one: `fullword` and `\b`, in both widths.
const BOUNDARY: u64 = 16;

/// YARA source text as yara-x was given it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source<'s> {
    /// The namespace its rules are in. Consecutive sources with the same name share one.
    pub namespace: &'s str,
    /// The text.
    pub text: &'s str,
}

/// Tells which files may be matched by a set of rules; made once, shared by all threads.
#[derive(Debug)]
pub struct Prefilter {
    rules: RuleSet,
    searcher: Searcher,
    /// By pattern: whether it must be taken to be in every file.
    unsearchable: Vec<bool>,
    every_pattern: Vec<bool>,
    report: PrefilterReport,
    always_full: bool,
    reach: Option<Reach>,
}

impl Prefilter {
    /// Derives the prefilter. `included` holds, for every `include` statement in the sources (and in the included
    /// texts), its path as the statement has it and the text it stands for.
    ///
    /// There is no error: a set that can't be prefiltered has every file scanned, and [`Prefilter::report`] says why.
    pub fn new(sources: &[Source], included: &[(&str, &str)]) -> Self {
        let parsed = RuleSet::parse(sources, included);
        let (rules, refusal) = parsed.map_or_else(|why| (RuleSet::default(), Some(why)), |rules| (rules, None));
        let (searcher, refusal) = match Searcher::new(rules.needles()) {
            Ok(searcher) => (searcher, refusal),
            Err(NoSearcher::TooMany(count)) => {
                (Searcher::nothing(), Some(Refusal::TooManyLiterals { count, limit: MAX_WINDOWS }))
            }
            Err(NoSearcher::NoSimd) => (Searcher::nothing(), Some(Refusal::NoSimd)),
        };
        let report = PrefilterReport { rules: rules.classify(), literals: searcher.windows(), refusal };
        let unsearchable = rules.unsearchable();
        let every_pattern = vec![true; unsearchable.len()];
        let always_full = report.refusal.is_some() || report.whole().next().is_some();
        let located = !always_full && !searcher.zeros_hit();
        let reach = rules.reach().filter(|_| located);
        let reach = reach.map(|reach| Reach { bytes: reach.bytes + BOUNDARY, ..reach });
        Self { rules, searcher, unsearchable, every_pattern, report, always_full, reach }
    }

    /// How each rule can be ruled out, and why not.
    pub const fn report(&self) -> &PrefilterReport {
        &self.report
    }

    /// Whether every file must be scanned, whatever is in it.
    pub const fn always_full(&self) -> bool {
        self.always_full
    }

    /// How far a match, with what decides it, can reach beyond the spots that a [`Locator`] finds; `None` if some
    /// pattern cannot be located, or has no longest match.
    pub const fn reach(&self) -> Option<Reach> {
        self.reach
    }

    /// Begins a file that is asked where something may match.
    pub fn locate(&self) -> Locator<'_> {
        Locator::new(self)
    }

    /// Begins a file of `filesize` bytes, which must be the size of what will be scanned.
    pub fn pass(&self, filesize: u64) -> Pass<'_> {
        Pass::new(self, filesize)
    }
}
