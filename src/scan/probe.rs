//! One rule's patterns against bytes at hand: where all of them are, whatever its condition makes of them.

use yara_x::{Compiler, Scanner};

use super::engine::guarded;
use super::{MATCH_TIMEOUT, Reason};
use crate::hunt::{Pattern, Rule};

/// Matches of one pattern that are noted at most.
const MAX_MATCHES: usize = 100_000;

/// Where one pattern is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PatternLocations {
    /// Offset and length of each match in bytes, in file order; no two at one offset.
    pub matches: Vec<(u64, u64)>,
    /// Whether there are, or may be, more than are listed.
    pub capped: bool,
}

/// Searches `bytes`, the whole content of a file, for the patterns of `rule`.
///
/// Returns where each is, in the rule's order. A condition can keep yara-x from searching for a pattern, or from noting
/// all places; here every pattern is searched, and all its places are noted.
///
/// # Errors
/// What keeps yara-x from it: a pattern that does not compile, or its time limit.
pub(crate) fn probe(rule: &Rule, bytes: &[u8]) -> Result<Vec<PatternLocations>, Reason> {
    if rule.patterns.is_empty() {
        return Ok(Vec::new());
    }
    let mut compiler = Compiler::new();
    compiler.enable_includes(false);
    let source = alone(&rule.patterns);
    compiler.add_source(source.as_str()).map_err(|error| Reason::Engine(error.to_string()))?;
    let rules = compiler.build();
    let outcome = guarded(MATCH_TIMEOUT, || {
        let mut scanner = Scanner::new(&rules);
        scanner.set_timeout(MATCH_TIMEOUT).max_matches_per_pattern(MAX_MATCHES);
        let results = scanner.scan(bytes)?;
        let Some(found) = results.matching_rules().next() else {
            return Ok(vec![PatternLocations::default(); rule.patterns.len()]);
        };
        let places = found.patterns().include_private(true).map(|pattern| {
            let matches = pattern.matches().map(|found| (found.range().start as u64, found.range().len() as u64));
            let matches: Vec<_> = matches.collect();
            PatternLocations { capped: matches.len() >= MAX_MATCHES, matches }
        });
        Ok(places.collect())
    });
    outcome.map_err(|failure| failure.over(format!("rule {}", rule.id)))
}

/// A rule of nothing but these patterns, each on a line of its own, so that a comment at its end swallows nothing.
fn alone(patterns: &[Pattern]) -> String {
    let lines: String = patterns.iter().map(|pattern| format!("{} = {}\n", pattern.id, pattern.text)).collect();
    format!("rule patterns {{ strings:\n{lines} condition: any of them }}")
}
