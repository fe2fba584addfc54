//! What is explained, held against what yara-x says.

mod file;
mod forms;
mod generate;
mod property;

use std::path::Path;

use super::{ConditionPart, ExplainedFile, PartValue, condition};
use crate::hunt::{Rule, rules_of};
use crate::scan::{Externals, PatternLocations, probe};

/// What names the file that all tests are about.
fn externals() -> Externals {
    Externals::new(
        Path::new("/opt/tools/Agent.SH"),
        b"\x7fELF",
        "root".to_owned(),
        &crate::hunt::RuleOptions::default(),
    )
}

/// A rule with these lines of patterns and this condition.
fn rule(patterns: &str, condition: &str) -> Rule {
    let source = format!("rule r {{ strings: {patterns} condition: {condition}\n}}");
    let rules = rules_of("", Path::new("r.yar"), &source).unwrap_or_else(|error| panic!("{source}: {error:?}"));
    rules.into_iter().next().unwrap()
}

fn places(rule: &Rule, bytes: &[u8]) -> Vec<Option<PatternLocations>> {
    probe(rule, bytes).unwrap().into_iter().map(Some).collect()
}

/// The rule explained for a file of which everything is known but what yara-x says.
fn unaided(rule: &Rule, bytes: &[u8]) -> ConditionPart {
    explained(rule, bytes, None)
}

fn explained(rule: &Rule, bytes: &[u8], matched: Option<bool>) -> ConditionPart {
    let (places, externals) = (places(rule, bytes), externals());
    let facts = ExplainedFile {
        bytes: &bytes,
        places: &places,
        externals: Some(&externals),
        options: &crate::hunt::RuleOptions::default(),
    };
    condition(rule, facts, matched)
}

/// Every part of the explanation as one line: depth, value, text, reason.
fn told(patterns: &str, condition: &str, bytes: &[u8]) -> Vec<String> {
    let part = unaided(&rule(patterns, condition), bytes);
    let line = |(depth, part): (usize, &ConditionPart)| {
        format!("{}{} `{}` → {}", "  ".repeat(depth), part.value, part.text, part.because)
    };
    part.rows().into_iter().map(line).collect()
}
