//! One rule by itself against bytes at hand: where all of its patterns are, whatever its condition makes of them.

use yara_x::{Compiler, Rules, Scanner};

use super::engine::guarded;
use super::externals::Externals;
use super::{Reason, TIMEOUT};
use crate::hunt::{EXTERNAL_VARIABLES, Pattern, Rule};

/// Matches of one pattern that are noted at most.
const MOST: usize = 100_000;
/// The rule that has the patterns of the probed one, and a condition for which all of them must be searched.
const PATTERNS: &str = "huntbook_patterns";

/// Where one pattern is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// Offset and length of each match in bytes, in file order; no two at one offset.
    pub matches: Vec<(u64, u64)>,
    /// Whether there are, or may be, more than are listed.
    pub capped: bool,
}

/// What yara-x makes of one rule and one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// Whether the rule matches; `None` when it does not compile by itself, for it refers to other rules.
    pub matched: Option<bool>,
    /// For each pattern of the rule, in its order, where it is. A condition can keep yara-x from searching for a
    /// pattern, or from noting all places; here every pattern was searched, and all its places noted.
    pub places: Vec<Places>,
}

/// Holds `rule` against `bytes`, the whole content of a file.
///
/// # Errors
/// What keeps yara-x from it: a pattern that does not compile, or the time limit [`TIMEOUT`].
pub fn probe(rule: &Rule, bytes: &[u8], externals: &Externals) -> Result<Probed, Reason> {
    let outcome = guarded(|| {
        let matched = compiled(&[&with_imports(rule)]).map(|rules| {
            let mut scanner = scanner(&rules, externals);
            let results = scanner.scan(bytes)?;
            Ok::<_, yara_x::errors::ScanError>(
                results.matching_rules().include_private(true).any(|found| found.identifier() == &*rule.id.name),
            )
        });
        let matched = matched.ok().transpose()?;
        let places = if rule.patterns.is_empty() { Ok(Vec::new()) } else { places(rule, bytes, externals)? };
        Ok((matched, places))
    });
    let (matched, places) = outcome.map_err(|broken| broken.reason)?;
    Ok(Probed { matched, places: places.map_err(Reason::Engine)? })
}

type Scanned<T> = Result<T, yara_x::errors::ScanError>;

fn places(rule: &Rule, bytes: &[u8], externals: &Externals) -> Scanned<Result<Vec<Places>, String>> {
    let rules = match compiled(&[&patterns_alone(&rule.patterns)]) {
        Ok(rules) => rules,
        Err(why) => return Ok(Err(why)),
    };
    let mut scanner = scanner(&rules, externals);
    scanner.max_matches_per_pattern(MOST);
    let results = scanner.scan(bytes)?;
    let Some(found) = results.matching_rules().next() else {
        return Ok(Ok(vec![Places::default(); rule.patterns.len()]));
    };
    let places = found.patterns().include_private(true).map(|pattern| {
        let matches = pattern.matches().map(|found| (found.range().start as u64, found.range().len() as u64));
        let matches: Vec<_> = matches.collect();
        Places { capped: matches.len() >= MOST, matches }
    });
    Ok(Ok(places.collect()))
}

fn scanner<'r>(rules: &'r Rules, externals: &Externals) -> Scanner<'r> {
    let mut scanner = Scanner::new(rules);
    scanner.set_timeout(TIMEOUT);
    externals.each(|name, value| _ = scanner.set_global(name, value));
    scanner
}

fn compiled(sources: &[&str]) -> Result<Rules, String> {
    let mut compiler = Compiler::new();
    compiler.enable_includes(false);
    for name in EXTERNAL_VARIABLES {
        let _ = compiler.define_global(name, "");
    }
    for source in sources {
        compiler.add_source(*source).map_err(|error| error.to_string())?;
    }
    Ok(compiler.build())
}

/// The modules' imports stand outside the rule; any that the rule may name are put before it.
fn with_imports(rule: &Rule) -> String {
    let named = yara_x::mods::module_names().filter(|module| rule.condition.contains(&format!("{module}.")));
    let imports: String = named.map(|module| format!("import \"{module}\"\n")).collect();
    imports + &rule.source
}

/// A line for each pattern, so that a comment at its end swallows nothing.
fn patterns_alone(patterns: &[Pattern]) -> String {
    let lines: String = patterns.iter().map(|pattern| format!("{} = {}\n", pattern.id, pattern.text)).collect();
    format!("rule {PATTERNS} {{ strings:\n{lines} condition: any of them }}")
}
