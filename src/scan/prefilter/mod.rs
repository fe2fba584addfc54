//! Proof, while a file streams by, that no rule can match it; and if one may, which.
//!
//! From the parsed rules this derives what must occur in a file before yara-x could report anything: byte sequences
//! that a pattern can't match without ([`literals`], [`required`]), in the combinations that the conditions ask for,
//! with what they say about the file's size, name and first bytes ([`lower`], [`condition`]).
//!
//! A file is read once through a fixed buffer ([`Pass`]). Its first bytes tell its kind, and with it the rules that may
//! match at all, for all rules at once ([`class`]); their byte sequences, however many, are searched for in one pass
//! ([`search`], [`hashed`]); each that is found is counted for its rules, and a rule that lacks none ([`need`]) is asked.
//! Only for rules that are left the file goes to yara-x. Wherever this doubts, the rule is left: the results are always those
//! of yara-x alone. Nothing here is written for particular rules.
//!
//! The rules must be those that yara-x was given, in the same order, all of them compiled without an error.

mod bitmap;
mod bytes;
mod class;
mod condition;
mod encoded;
mod format;
mod guard;
mod guard_table;
mod hashed;
mod learn;
mod literals;
mod locate;
mod lower;
mod need;
mod pairs;
mod rarity;
mod report;
mod required;
mod seam;
mod search;
mod set;
mod stream;
#[cfg(test)]
pub(in crate::scan) mod tests;
mod truth;
mod verify;

pub(in crate::scan) use condition::RuleIndex;
pub(crate) use literals::Reach;
pub(crate) use locate::Locator;
#[cfg(test)]
pub(crate) use report::PrefilterRefusal;
pub(crate) use report::{PrefilterReport, RuleClass, WholeReason};
#[cfg(test)]
pub(crate) use stream::FileDecision;
pub(crate) use stream::{ExternalsOf, Pass, Scratch};

use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::Arc;

use yara_x_parser::ast::Item;

use class::{Kinds, Sought};
use learn::Learned;
use search::{SearchedPatterns, Searcher};
use set::{ParsedRules, RuleSet};

/// Bytes before and after a match that decide whether it is one: `fullword` and `\b`, in both widths.
const BOUNDARY: u64 = 16;

/// YARA source text as yara-x was given it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct YaraSource<'s> {
    /// The namespace its rules are in. Consecutive sources with the same name share one.
    pub namespace: &'s str,
    /// The text.
    pub text: &'s str,
}

/// Tells which files may be matched by a set of rules, and by which; made once, shared by all threads.
#[derive(Debug, Serialize, Deserialize)]
#[serde(from = "Derived")]
pub struct Prefilter {
    rules: RuleSet,
    searcher: Searcher,
    #[serde(skip)]
    kinds: Kinds,
    #[serde(skip)]
    learned: Learned,
    report: PrefilterReport,
    always_full: bool,
    reach: Option<Reach>,
}

/// What of a prefilter is kept from one start to the next.
#[derive(Deserialize)]
struct Derived {
    rules: RuleSet,
    searcher: Searcher,
    report: PrefilterReport,
    always_full: bool,
    reach: Option<Reach>,
}

impl From<Derived> for Prefilter {
    fn from(Derived { rules, searcher, report, always_full, reach }: Derived) -> Self {
        let kinds = Kinds::new(&rules);
        Self { rules, searcher, kinds, learned: Learned::default(), report, always_full, reach }
    }
}

impl Prefilter {
    /// Derives the prefilter. `included` holds, for every `include` statement in the sources (and in the included
    /// texts), its path as the statement has it and the text it stands for.
    ///
    /// There is no error: a set that can't be prefiltered has every file scanned, and [`Prefilter::report`] says why.
    pub fn new(sources: &[YaraSource], included: &[(&str, &str)]) -> Self {
        Self::derive(sources, included, &mut |_, _, _| {})
    }

    /// As [`Prefilter::new`]; `each` gets every item that is read, with the number of its source, and its place there.
    pub(in crate::scan) fn derive(
        sources: &[YaraSource],
        included: &[(&str, &str)],
        each: &mut dyn FnMut(usize, Range<usize>, &Item),
    ) -> Self {
        let (parsed, refusal) = match RuleSet::parse(sources, included, each) {
            Ok(parsed) => (parsed, None),
            Err(why) => (ParsedRules::default(), Some(why)),
        };
        let ParsedRules { set: mut rules, needles, expressions, pairs } = parsed;
        let (mut searcher, refused) = Searcher::new(needles, expressions.into());
        rules.give_up(&refused);
        rules.take_pairs(&searcher.add_pairs(&rules.wanted_pairs(&pairs)));
        let report = PrefilterReport { rules: rules.classify(), literals: searcher.windows(), refusal };
        let always_full = report.refusal.is_some() || report.whole().next().is_some();
        let reach = rules.reach().filter(|_| !always_full);
        let reach = reach.map(|reach| Reach { bytes: reach.bytes + BOUNDARY, ..reach });
        Derived { rules, searcher, report, always_full, reach }.into()
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

    /// As [`Prefilter::reach`], of one rule and those that it rests on.
    pub(in crate::scan) fn reach_of(&self, rule: RuleIndex) -> Option<Reach> {
        let is_whole = self.report.rules.get(rule).is_none_or(|rule| matches!(rule.class, RuleClass::Whole(_)));
        let reach = self.rules.reach_of(rule).filter(|_| !is_whole)?;
        Some(Reach { bytes: reach.bytes + BOUNDARY, ..reach })
    }

    /// Begins a file that is asked where something may match.
    pub fn locate(&self) -> Locator<'_> {
        Locator::new(self)
    }

    /// Begins a file of `filesize` bytes, which must be the size of what will be scanned.
    pub fn pass(&self, filesize: u64) -> Pass<'_> {
        self.pass_in(self.scratch(), filesize, None)
    }

    /// As [`Prefilter::pass`], with what external variables say of the file, in room that another pass has left.
    pub fn pass_in<'p>(
        &'p self,
        scratch: Scratch,
        filesize: u64,
        externals_of: Option<&'p ExternalsOf<'p>>,
    ) -> Pass<'p> {
        Pass::new(self, Some(filesize), externals_of, scratch)
    }

    /// As [`Prefilter::pass`], of a file of more than [`stream::HEADER`] bytes whose size only its end tells; see
    /// [`Pass::ends_at`].
    pub(in crate::scan) fn pass_without_size(&self) -> Pass<'_> {
        Pass::new(self, None, None, self.scratch())
    }

    /// Room for a pass.
    pub fn scratch(&self) -> Scratch {
        Scratch::new(self, Sought::All)
    }

    /// Room for a first pass, which searches for the rarest patterns only: for each rule, those of which one must be there.
    /// What it leaves of the rules may still be ruled out by a pass that searches for all. `None` where both would be the same.
    pub fn first_scratch(&self) -> Option<Scratch> {
        self.has_first_pass().then(|| Scratch::new(self, Sought::Keys))
    }

    /// See [`Prefilter::first_scratch`].
    pub fn has_first_pass(&self) -> bool {
        self.searcher.is_large() && self.kinds.keys().patterns.contains(&false)
    }

    /// Takes note of what a first pass left of the rules for a file of so many bytes, and the second of those, so that the first
    /// may leave less from then on.
    pub(in crate::scan) fn learn(&self, first: &[RuleIndex], second: &[RuleIndex], bytes: u64) {
        let full = self.learned.note(first, second, bytes);
        if !full.is_empty() {
            self.kinds.search_in_full(&self.rules, &full);
        }
    }

    /// All patterns.
    fn everything(&self) -> Arc<SearchedPatterns> {
        self.kinds.chosen(self.kinds.any(), Sought::All, &self.rules, &self.searcher)
    }
}
