//! yara-x, one instance of it for each worker and pack of rules.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::MATCHES_PER_PATTERN;
use super::coverage::Reason;
use super::externals::Externals;
use super::prefilter::RuleIndex;
use super::rules::{FILESIZE, Meaning, Pack, PackId, Ruleset, Windowed};
use crate::finding::{PatternMatch, RuleId};
use crate::hunt::{RuleOptions, catch_engine_panic};

/// What one rule matched in a file.
pub(super) struct RuleMatches {
    /// Its place among all rules.
    pub index: RuleIndex,
    pub rule: RuleId,
    pub candidate: bool,
    pub matches: Vec<PatternMatch>,
    pub capped: bool,
}

/// Scanners that one worker keeps at most. Each takes a few hundred kilobytes.
const SCANNERS: usize = 64;

/// The compiled rules that the scanners of one worker scan with. They stay until all of them are dropped.
pub(super) struct ScannerRules(Vec<OnceCell<Arc<yara_x::Rules>>>);

impl ScannerRules {
    pub(super) fn new() -> Self {
        Self(vec![OnceCell::new(); SCANNERS])
    }
}

/// The scanners of one worker. Each is made when a file first needs it.
pub(super) struct Engine<'r> {
    rules: &'r Ruleset,
    /// How long one file may be matched.
    limit: Duration,
    shelf: std::slice::Iter<'r, OnceCell<Arc<yara_x::Rules>>>,
    scanners: HashMap<PackId, yara_x::Scanner<'r>>,
}

impl<'r> Engine<'r> {
    pub(super) fn new(rules: &'r Ruleset, limit: Duration, shelf: &'r ScannerRules) -> Self {
        Self { rules, limit, shelf: shelf.0.iter(), scanners: HashMap::new() }
    }

    /// Whether no more scanners are kept; those that are made beyond are for one file each.
    pub(super) fn is_full(&self) -> bool {
        self.shelf.len() == 0
    }

    /// Matches a pack of rules against a file's content.
    pub(super) fn whole(
        &mut self,
        (id, pack): (PackId, &Pack),
        bytes: &[u8],
        externals: &Externals,
    ) -> Result<Vec<RuleMatches>, Failure> {
        let (rules, limit) = (self.rules, self.limit);
        if let Some(scanner) = self.scanners.get_mut(&id) {
            // Nothing is known about the state that a failure leaves it in.
            return guarded(limit, || scan(scanner, rules, pack, bytes, externals))
                .inspect_err(|_| _ = self.scanners.remove(&id));
        }
        let Some(place) = self.shelf.next() else { return self.once(pack, bytes, externals, limit) };
        let compiled = self.compiled(pack)?;
        let compiled: &'r yara_x::Rules = place.get_or_init(|| compiled);
        let work = || {
            let mut scanner = scanner_of(compiled, pack, limit);
            scan(&mut scanner, rules, pack, bytes, externals).map(|found| (found, scanner))
        };
        let (found, scanner) = guarded(limit, work)?;
        self.scanners.insert(id, scanner);
        Ok(found)
    }

    /// As [`Engine::whole`], within this time, with a scanner that is not kept.
    pub(super) fn once(
        &self,
        pack: &Pack,
        bytes: &[u8],
        externals: &Externals,
        limit: Duration,
    ) -> Result<Vec<RuleMatches>, Failure> {
        let compiled = self.compiled(pack)?;
        guarded(limit, || scan(&mut scanner_of(&compiled, pack, limit), self.rules, pack, bytes, externals))
    }

    fn compiled(&self, pack: &Pack) -> Result<Arc<yara_x::Rules>, Failure> {
        guarded(self.limit, || Ok(pack.compiled().cloned()))?
            .ok_or_else(|| Failure::Engine("rules do not compile apart from the others; please report this".to_owned()))
    }

    /// Begins to match a pack of rules, within this time, against parts of a large file; `None` if they cannot be.
    pub(super) fn parts<'p>(&self, pack: &'p Pack, facts: &PartFacts, limit: Duration) -> Option<PartsScan<'p>>
    where
        'r: 'p,
    {
        PartsScan::begin(self.rules, pack, facts, limit)
    }
}

fn scanner_of<'c>(compiled: &'c yara_x::Rules, pack: &Pack, limit: Duration) -> yara_x::Scanner<'c> {
    let mut scanner = yara_x::Scanner::new(compiled);
    scanner.max_matches_per_pattern(most_matches(pack)).set_timeout(limit);
    scanner
}

fn scan(
    scanner: &mut yara_x::Scanner<'_>,
    rules: &Ruleset,
    pack: &Pack,
    bytes: &[u8],
    externals: &Externals,
) -> Result<Vec<RuleMatches>, yara_x::errors::ScanError> {
    if pack.externals() {
        externals.each(rules.options(), |name, value| _ = scanner.set_global(name, value));
    }
    Ok(collect(&scanner.scan(bytes)?, rules, pack, |found| kept_of(found.data())))
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
pub(super) struct PartsScan<'r> {
    rules: &'r Ruleset,
    pack: &'r Pack,
    limit: Duration,
    scanner: yara_x::blocks::Scanner<'r>,
    filesize: u64,
}

impl<'r> PartsScan<'r> {
    /// See [`Engine::parts`].
    pub(super) fn begin(rules: &'r Ruleset, pack: &'r Pack, facts: &PartFacts, limit: Duration) -> Option<Self> {
        let windowed = &pack.parts()?.windowed;
        let mut scanner = yara_x::blocks::Scanner::new(windowed.rules()?);
        scanner.max_matches_per_pattern(most_matches(pack)).set_timeout(limit);
        facts.set(windowed, &mut scanner, pack.externals().then(|| rules.options()));
        Some(Self { rules, pack, limit, scanner, filesize: facts.filesize })
    }

    /// Says how many bytes there are in all, where that was not known at first.
    pub(super) fn of_size(mut self, filesize: u64) -> Self {
        let _ = self.scanner.set_global(FILESIZE, filesize as i64);
        Self { filesize, ..self }
    }

    /// Takes the bytes of one part and the offset of the first; parts come in file order.
    pub(super) fn scan(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Failure> {
        guarded(self.limit, || self.scanner.scan(offset as usize, bytes).map(|_| ()))
    }

    /// What all parts together match. `read` reads a range of the file: yara-x keeps no bytes of a match that turned out
    /// longer in a later part, and panics when asked for them.
    pub(super) fn finish(mut self, read: impl Fn(Range<u64>) -> Vec<u8>) -> Result<Vec<RuleMatches>, Failure> {
        // yara-x panics over a file without a block; past the end, an empty one changes nothing.
        let end = self.filesize.max(1) as usize;
        guarded(self.limit, || {
            let results = self.scanner.scan(end, &[])?.finish()?;
            Ok(collect(&results, self.rules, self.pack, |found| {
                let start = found.range().start as u64;
                read(start..start + found.range().len().min(PatternMatch::KEPT) as u64)
            }))
        })
    }
}

/// Why the engine gave no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// It took longer than this.
    TimedOut(Duration),
    /// It says why, or panicked with these words.
    Engine(String),
}

impl Failure {
    /// What coverage says when the engine failed over this rule.
    pub(super) fn over(self, rule: String) -> Reason {
        match self {
            Self::TimedOut(limit) => Reason::TimedOut { seconds: limit.as_secs(), rule },
            Self::Engine(message) => Reason::Engine(format!("over {rule}: {message}")),
        }
    }
}

/// Has the engine do something; its panics are failures.
pub(super) fn guarded<T>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, yara_x::errors::ScanError>,
) -> Result<T, Failure> {
    catch_engine_panic(work).map_err(Failure::Engine)?.map_err(|error| match error {
        yara_x::errors::ScanError::Timeout => Failure::TimedOut(limit),
        error => Failure::Engine(error.to_string()),
    })
}

/// One more than is listed shows that there are more. Where conditions count, they count as far as yara-x does.
fn most_matches(pack: &Pack) -> usize {
    const YARA_X: usize = 1_000_000;
    if pack.counts() { YARA_X } else { MATCHES_PER_PATTERN + 1 }
}

fn kept_of(bytes: &[u8]) -> Vec<u8> {
    bytes.get(..PatternMatch::KEPT).unwrap_or(bytes).to_vec()
}

fn collect(
    results: &yara_x::ScanResults<'_, '_>,
    rules: &Ruleset,
    pack: &Pack,
    bytes: impl Fn(&yara_x::Match<'_, '_>) -> Vec<u8>,
) -> Vec<RuleMatches> {
    let mut found = Vec::new();
    for rule in results.matching_rules() {
        let Some(index) = pack.member(rule.namespace(), rule.identifier()) else { continue };
        let (rule_id, candidate) = match rules.meaning(index) {
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
        found.push(RuleMatches { index, rule: rule_id, candidate, matches, capped });
    }
    found
}
