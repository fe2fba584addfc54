//! Rule sources compiled into what the workers scan with.

use std::sync::Arc;

use crate::finding::RuleId;

/// The namespace of the rules that only point out candidates.
const CANDIDATES: &str = "huntbook-candidate";

/// YARA source text and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSource {
    /// Namespace the rules go into; rules of different namespaces may share a name.
    pub namespace: String,
    /// The file it was read from, for error messages.
    pub origin: String,
    /// The text.
    pub text: String,
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
    /// The report, several lines.
    pub report: String,
}

/// Compiled rules, ready to scan with from any number of threads.
#[derive(Debug)]
pub struct Ruleset {
    compiled: yara_x::Rules,
    candidates: Vec<RuleId>,
}

impl Ruleset {
    /// Compiles `sources` and the candidate tests.
    ///
    /// # Errors
    /// The compiler's report of the first source that does not compile.
    pub fn compile(sources: &[RuleSource], tests: &[CandidateTest]) -> Result<Self, RulesError> {
        let mut compiler = yara_x::Compiler::new();
        for source in sources {
            compiler.new_namespace(&source.namespace);
            compiler
                .add_source(yara_x::SourceCode::from(source.text.as_str()).with_origin(&source.origin))
                .map_err(|error| RulesError { report: error.to_string() })?;
        }
        compiler.new_namespace(CANDIDATES);
        for (index, test) in tests.iter().enumerate() {
            let text = format!("rule candidate_{index} {{ condition: {} }}", test.condition);
            let origin = format!("candidate condition of {}", test.rule);
            compiler
                .add_source(yara_x::SourceCode::from(text.as_str()).with_origin(origin))
                .map_err(|error| RulesError { report: error.to_string() })?;
        }
        Ok(Self { compiled: compiler.build(), candidates: tests.iter().map(|test| test.rule.clone()).collect() })
    }

    /// How many rules there are, candidate tests not counted.
    pub fn len(&self) -> usize {
        self.compiled.iter().len() - self.candidates.len()
    }

    /// Whether there is no rule at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn compiled(&self) -> &yara_x::Rules {
        &self.compiled
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

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> RuleSource {
        RuleSource { namespace: "test".into(), origin: "my.yar".into(), text: text.into() }
    }

    #[test]
    fn an_error_names_the_file_and_the_line() {
        let error = Ruleset::compile(&[source("rule a {\n condition: nonsense }")], &[]).unwrap_err();
        assert!(error.report.contains("my.yar:2"), "{}", error.report);
    }

    #[test]
    fn candidate_tests_are_not_counted_as_rules() {
        let rule = RuleId { namespace: "test".into(), name: "a".into() };
        let test = CandidateTest { rule: rule.clone(), condition: "filesize < 3".into() };
        let set = Ruleset::compile(&[source("rule a { condition: false }")], &[test]).unwrap();
        assert_eq!(set.len(), 1);
        assert!(matches!(set.meaning("huntbook-candidate", "candidate_0"), Meaning::Candidate(r) if r == rule));
    }
}
