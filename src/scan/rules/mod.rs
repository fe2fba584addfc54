//! Rule sources compiled into what the workers scan with.

mod assign;
mod cache;
mod group;
mod windowed;

use std::path::Path;
use std::sync::Arc;

use super::coverage::Unscanned;
use crate::finding::RuleId;
use crate::hunt::{RuleOptions, catch_engine_panic};
use assign::Unit;
pub use cache::cache_files;
pub(crate) use cache::is_ours_alone;
pub(super) use group::Group;
use group::Needs;
pub(super) use windowed::{FILESIZE, HEADER, Windowed};

/// The namespace of the rules that only point out candidates.
const CANDIDATES: &str = "huntbook-candidate";
/// Errors that a report holds at most; a wrong file can have one in every rule.
const MOST_ERRORS: usize = 20;

/// YARA source text and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSource {
    /// Namespace the rules go into; rules of different namespaces may share a name.
    pub namespace: String,
    /// The file it was read from, for error messages.
    pub origin: String,
    /// The text. `include` is refused: nothing is read here.
    pub text: Arc<str>,
}

/// A condition that points out files worth a look though the rule itself does not match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandidateTest {
    /// The rule whose hunt the candidate belongs to.
    pub rule: RuleId,
    /// A YARA condition.
    pub condition: String,
}

/// Rules that do not compile. The text is the compiler's own report: place, source line, and what is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{report}")]
pub struct RulesError {
    /// The report, several lines for each error.
    pub report: String,
}

/// Compiled rules, ready to scan with from any number of threads.
#[derive(Debug)]
pub struct Ruleset {
    groups: Vec<Group>,
    candidates: Vec<RuleId>,
    warnings: Vec<String>,
    options: RuleOptions,
    unused: Vec<Unscanned>,
}

impl Ruleset {
    /// Compiles `sources` and the candidate tests.
    ///
    /// # Errors
    /// The compiler's report of what does not compile.
    pub fn compile(sources: &[RuleSource], tests: &[CandidateTest]) -> Result<Self, RulesError> {
        Self::compile_with(sources, tests, &RuleOptions::default(), None)
    }

    /// As [`Ruleset::compile`], with these options, and takes a large set from `cache` if it was compiled before, and else puts it there.
    ///
    /// `cache` is a folder that belongs to this user and that no one else may enter (mode 0700); it is made if it is
    /// not there. A compiled set is code, so what others could have written is neither read nor replaced. A cache that
    /// cannot be used is no error: the rules are compiled.
    ///
    /// # Errors
    /// The compiler's report of what does not compile.
    pub fn compile_with(
        sources: &[RuleSource],
        tests: &[CandidateTest],
        options: &RuleOptions,
        cache: Option<&Path>,
    ) -> Result<Self, RulesError> {
        catch_engine_panic(|| Self::compile_now(sources, tests, options, cache)).unwrap_or_else(|panic| {
            let report = format!(
                "the rule engine failed: {}; it needs memory that can be made executable (see SELinux's execmem, \
                 systemd's MemoryDenyWriteExecute) and address space (ulimit -v)",
                panic.split_whitespace().collect::<Vec<_>>().join(" ")
            );
            Err(RulesError { report })
        })
    }

    fn compile_now(
        sources: &[RuleSource],
        tests: &[CandidateTest],
        options: &RuleOptions,
        cache: Option<&Path>,
    ) -> Result<Self, RulesError> {
        let candidates = tests.iter().map(|test| test.rule.clone()).collect();
        let sources: Vec<RuleSource> = tests.iter().enumerate().map(candidate).chain(sources.iter().cloned()).collect();
        let cache = cache
            .filter(|_| cache::is_worth(&sources))
            .and_then(|folder| cache::Cache::open(folder, &sources, options));
        if let Some((groups, warnings)) = cache.as_ref().and_then(|cache| cache.read(&sources, options)) {
            return Ok(Self { groups, candidates, warnings, options: options.clone(), unused: Vec::new() });
        }
        let units = Unit::all(&sources);
        let kinds = assign::assign(&units);
        let mut groups = Vec::new();
        let mut warnings = Vec::new();
        let mut errors = Vec::new();
        for (kind, sources) in assign::grouped(&units, &kinds) {
            let compiler = group::compiler(&sources, options, &[]);
            errors.extend(compiler.errors().iter().map(ToString::to_string));
            warnings.extend(compiler.warnings().iter().map(ToString::to_string));
            if errors.is_empty() {
                groups.push(Group::new(kind, Needs::of(&sources), &sources, options, compiler.build()));
            }
        }
        if !errors.is_empty() {
            let more = errors.len().saturating_sub(MOST_ERRORS);
            errors.truncate(MOST_ERRORS);
            errors.extend((more > 0).then(|| format!("… and {}", crate::text::counted(more as u64, "more error"))));
            return Err(RulesError { report: errors.join("\n") });
        }
        if let Some(cache) = cache {
            cache.write(&kinds, &groups, &warnings);
        }
        Ok(Self { groups, candidates, warnings, options: options.clone(), unused: Vec::new() })
    }

    /// The same rules, and what coverage says of those that could not be used.
    #[must_use]
    pub fn with_unused(self, unused: Vec<Unscanned>) -> Self {
        Self { unused, ..self }
    }

    /// Rules that could not be used, each a gap in every scan with these.
    pub(super) fn unused(&self) -> &[Unscanned] {
        &self.unused
    }

    /// How the rules were compiled.
    pub(super) fn options(&self) -> &RuleOptions {
        &self.options
    }

    /// How many rules there are, candidate tests not counted.
    pub fn len(&self) -> usize {
        self.groups.iter().map(Group::len).sum::<usize>() - self.candidates.len()
    }

    /// Whether there is no rule at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the compiler warned of: slow patterns, conditions that never hold. None of it keeps a rule from working.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// What a matching rule means: a finding of the rule, or a candidate of the rule's hunt.
    pub(super) fn meaning(&self, namespace: &str, identifier: &str) -> Meaning {
        if namespace != CANDIDATES {
            return Meaning::Finding(RuleId { namespace: Arc::from(namespace), name: Arc::from(identifier) });
        }
        let index = identifier.strip_prefix("candidate_").and_then(|index| index.parse::<usize>().ok());
        index.and_then(|index| self.candidates.get(index)).cloned().map_or(Meaning::Nothing, Meaning::Candidate)
    }
}

/// See [`Ruleset::meaning`].
pub(super) enum Meaning {
    Finding(RuleId),
    Candidate(RuleId),
    Nothing,
}

/// A candidate test as a rule. The line end keeps a comment at the end of the condition from swallowing the brace.
fn candidate((index, test): (usize, &CandidateTest)) -> RuleSource {
    RuleSource {
        namespace: CANDIDATES.to_owned(),
        origin: format!("candidate condition of {}", test.rule),
        text: format!("rule candidate_{index} {{ condition: {}\n}}", test.condition).into(),
    }
}

#[cfg(test)]
mod tests;
