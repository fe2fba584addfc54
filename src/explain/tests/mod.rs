//! What is explained, held against what yara-x says.

mod forms;
mod generate;
mod property;

use std::collections::BTreeMap;
use std::path::Path;

use super::{Facts, Part, Value, condition};
use crate::hunt::{Rule, rules_of};
use crate::scan::{Externals, Probed, probe};

/// What names the file that all tests are about.
fn externals() -> Externals {
    Externals::new(Path::new("/opt/tools/Agent.SH"), b"\x7fELF", "root".to_owned())
}

/// A rule with these lines of patterns and this condition.
fn rule(patterns: &str, condition: &str) -> Rule {
    let strings = if patterns.is_empty() { String::new() } else { format!("strings:\n{patterns}\n") };
    let source = format!("rule r {{ {strings} condition: {condition}\n}}");
    let rules = rules_of("", Path::new("r.yar"), &source).unwrap_or_else(|error| panic!("{source}: {error:?}"));
    rules.into_iter().next().unwrap()
}

fn probed(rule: &Rule, bytes: &[u8]) -> Probed {
    probe(rule, bytes, &externals()).unwrap()
}

/// The rule explained without being told what yara-x says of it.
fn unaided(rule: &Rule, bytes: &[u8], probed: &Probed) -> Part {
    let externals = externals();
    let facts = Facts { bytes: &bytes, places: &probed.places, externals: Some(&externals), rules: &BTreeMap::new() };
    condition(rule, facts, None)
}

/// Every part of the explanation as one line: depth, value, text, reason.
fn told(patterns: &str, condition: &str, bytes: &[u8]) -> Vec<String> {
    let rule = rule(patterns, condition);
    let part = unaided(&rule, bytes, &probed(&rule, bytes));
    let line = |(depth, part): (usize, &Part)| {
        format!("{}{} `{}` → {}", "  ".repeat(depth), part.value, part.text, part.because)
    };
    part.rows().into_iter().map(line).collect()
}
