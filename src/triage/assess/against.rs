//! What speaks against an explanation that something speaks for.

use serde::Serialize;

use super::LineAssessment;
use super::context::Known;
use crate::hunt::{Check, Truth};

/// One thing that speaks against a scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contradiction {
    /// What it is, in a few fixed words joined by `-`.
    pub kind: &'static str,
    /// What was seen, in words that are safe to show.
    pub said: String,
}

/// All that speaks against a scenario: its own lines that are met, and what speaks against any explanation that rests on
/// what this one rests on.
pub(super) fn all(
    _applies_when: &[Vec<Check>],
    _lines: &[LineAssessment],
    contradicted_when: &[LineAssessment],
    _known: &Known<'_>,
) -> Vec<Contradiction> {
    contradicted_when.iter().filter(|line| line.truth == Truth::Met).map(by_line).collect()
}

/// A met line of `contradicted_when`.
fn by_line(line: &LineAssessment) -> Contradiction {
    let said = line.checks.iter().map(|check| match check.seen.as_str() {
        "" => check.check.clone(),
        seen => format!("{} ({seen})", check.check),
    });
    Contradiction { kind: "contradicted-when", said: said.collect::<Vec<_>>().join(" and ") }
}
