//! yara-x, one instance of it for each worker and group of rules.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::MATCHES_PER_PATTERN;
use super::coverage::Reason;
use super::externals::Externals;
use super::rules::{FILESIZE, Group, Meaning, Ruleset, Windowed};
use crate::finding::{PatternMatch, RuleId};
use crate::hunt::{RuleOptions, catch_engine_panic};

/// What one rule matched in a file.
pub(super) struct RuleMatches {
    pub rule: RuleId,
    pub candidate: bool,
    pub matches: Vec<PatternMatch>,
    pub capped: bool,
}

/// The scanners of one worker. Each is made when a file first needs it.
pub(super) struct Engine<'r> {
    rules: &'r Ruleset,
    /// How long one file may be matched.
    limit: Duration,
    whole: Vec<Option<yara_x::Scanner<'r>>>,
}

impl<'r> Engine<'r> {
    pub(super) fn new(rules: &'r Ruleset, limit: Duration) -> Self {
        Self { rules, limit, whole: rules.groups().iter().map(|_| None).collect() }
    }

    /// Matches a group of rules against a file's content. What the engine panics over costs this file only.
    pub(super) fn whole(
        &mut self,
        index: usize,
        bytes: &[u8],
        externals: &Externals,
    ) -> Result<Vec<RuleMatches>, Reason> {
        let (Some(group), Some(slot)) = (self.rules.groups().get(index), self.whole.get_mut(index)) else {
            return Ok(Vec::new());
        };
        let (rules, limit) = (self.rules, self.limit);
        let outcome = guarded(limit, || {
            let scanner = slot.get_or_insert_with(|| {
                let mut scanner = yara_x::Scanner::new(group.compiled());
                scanner.max_matches_per_pattern(most_matches(group)).set_timeout(limit);
                scanner
            });
            if group.externals() {
                externals.each(rules.options(), |name, value| _ = scanner.set_global(name, value));
            }
            Ok(collect(&scanner.scan(bytes)?, rules, |found| kept_of(found.data())))
        });
        // After a panic nothing is known about the state it was left in.
        outcome.map_err(|broken| {
            if broken.panicked {
                *slot = None;
            }
            broken.reason
        })
    }

    /// Begins to match a group of rules against parts of a large file; `None` if they cannot be.
    pub(super) fn parts(&self, index: usize, facts: &PartFacts) -> Option<Parts<'r>> {
        let group = self.rules.groups().get(index)?;
        let windowed = group.windowed()?;
        let mut scanner = yara_x::blocks::Scanner::new(windowed.rules()?);
        scanner.max_matches_per_pattern(most_matches(group)).set_timeout(self.limit);
        facts.set(windowed, &mut scanner, group.externals().then(|| self.rules.options()));
        Some(Parts { rules: self.rules, limit: self.limit, scanner, filesize: facts.filesize })
    }
}

/// What conditions may ask about a file of which only parts are matched.
pub(super) struct PartFacts<'f> {
    /// Bytes.
    pub filesize: u64,
    /// The first bytes of the file.
    pub header: &'f [u8],
    pub externals: &'f Externals,
}

impl PartFacts<'_> {
    fn set(&self, windowed: &Windowed, scanner: &mut yara_x::blocks::Scanner, externals: Option<&RuleOptions>) {
        let _ = scanner.set_global(FILESIZE, self.filesize as i64);
        for read in windowed.reads() {
            let bytes = self.header.get(read.offset as usize..read.offset as usize + usize::from(read.field.width));
            let value = bytes.map_or(0, |bytes| read.field.value(bytes));
            let _ = scanner.set_global(&read.variable, value as i64);
        }
        if let Some(options) = externals {
            self.externals.each(options, |name, value| _ = scanner.set_global(name, value));
        }
    }
}

/// A large file being matched part by part.
pub(super) struct Parts<'r> {
    rules: &'r Ruleset,
    limit: Duration,
    scanner: yara_x::blocks::Scanner<'r>,
    filesize: u64,
}

impl Parts<'_> {
    /// Takes the bytes of one part and the offset of the first; parts come in file order.
    pub(super) fn scan(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Reason> {
        guarded(self.limit, || self.scanner.scan(offset as usize, bytes).map(|_| ())).map_err(|broken| broken.reason)
    }

    /// What all parts together match. `read` reads a range of the file: yara-x keeps no bytes of a match that turned out
    /// longer in a later part, and panics when asked for them.
    pub(super) fn finish(mut self, read: impl Fn(Range<u64>) -> Vec<u8>) -> Result<Vec<RuleMatches>, Reason> {
        // yara-x panics over a file without a block; past the end, an empty one changes nothing.
        let end = self.filesize.max(1) as usize;
        let outcome = guarded(self.limit, || {
            let results = self.scanner.scan(end, &[])?.finish()?;
            Ok(collect(&results, self.rules, |found| {
                let start = found.range().start as u64;
                read(start..start + found.range().len().min(PatternMatch::KEPT) as u64)
            }))
        });
        outcome.map_err(|broken| broken.reason)
    }
}

pub(super) struct Broken {
    pub reason: Reason,
    panicked: bool,
}

pub(super) fn guarded<T>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, yara_x::errors::ScanError>,
) -> Result<T, Broken> {
    let outcome = catch_engine_panic(work);
    let reason = |error| match error {
        yara_x::errors::ScanError::Timeout => Reason::TimedOut(limit.as_secs()),
        error => Reason::Engine(error.to_string()),
    };
    match outcome {
        Ok(result) => result.map_err(|error| Broken { reason: reason(error), panicked: false }),
        Err(panic) => Err(Broken { reason: Reason::Engine(panic), panicked: true }),
    }
}

/// One more than is listed shows that there are more. Where conditions count, they count as far as yara-x does.
fn most_matches(group: &Group) -> usize {
    const YARA_X: usize = 1_000_000;
    if group.counts() { YARA_X } else { MATCHES_PER_PATTERN + 1 }
}

fn kept_of(bytes: &[u8]) -> Vec<u8> {
    bytes.get(..PatternMatch::KEPT).unwrap_or(bytes).to_vec()
}

fn collect(
    results: &yara_x::ScanResults<'_, '_>,
    rules: &Ruleset,
    bytes: impl Fn(&yara_x::Match<'_, '_>) -> Vec<u8>,
) -> Vec<RuleMatches> {
    let mut found = Vec::new();
    for rule in results.matching_rules() {
        let (rule_id, candidate) = match rules.meaning(rule.namespace(), rule.identifier()) {
            Meaning::Finding(id) => (id, false),
            Meaning::Candidate(id) => (id, true),
            Meaning::Nothing => continue,
        };
        let mut matches = Vec::new();
        let mut capped = false;
        for pattern in rule.patterns() {
            let name: Arc<str> = Arc::from(pattern.identifier());
            let mut found = pattern.matches();
            matches.extend(found.by_ref().take(MATCHES_PER_PATTERN).map(|found| PatternMatch {
                pattern: Arc::clone(&name),
                offset: found.range().start as u64,
                length: found.range().len() as u64,
                data: bytes(&found),
            }));
            capped |= found.next().is_some();
        }
        matches.sort_by_key(|found| (found.offset, found.length));
        found.push(RuleMatches { rule: rule_id, candidate, matches, capped });
    }
    found
}
