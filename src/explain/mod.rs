//! A rule's condition, part by part, for one file: what each part comes to and why.
//!
//! The parts are evaluated here as yara-x evaluates them (its `undefined` and its loops included), from the file's
//! bytes and from where yara-x found the patterns. What cannot be told so (what modules say, fractions, texts against
//! regular expressions) is unknown, and what depends on it too, unless the rest decides. The whole always agrees with
//! what yara-x said of the rule: where it would not, nothing is explained.

mod because;
mod evaluate;
mod facts;
mod file;
mod known;
mod parts;
mod quantify;
mod show;
mod spans;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;

use serde::Serialize;
use yara_x_parser::ast::AST;

pub(crate) use facts::ExplainedFile;
#[cfg(test)]
pub(crate) use file::PatternPlaces;
pub(crate) use file::{Explained, ScannedFile, explain};
pub(crate) use show::{ConditionLine, lines};

use crate::hunt::{Rule, rules_of};

/// What a part of a condition comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartValue {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// YARA's undefined, as of a read past the end of the file: it does not hold, and neither does its opposite.
    Undefined,
    /// It cannot be told here.
    Unknown,
}

impl fmt::Display for PartValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::True => "true",
            Self::False => "false",
            Self::Undefined => "undefined",
            Self::Unknown => "not explained",
        })
    }
}

/// A part of a condition that is true or false by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConditionPart {
    /// Its source text as the rule's author wrote it, cut where it is very long; not safe for a terminal.
    pub text: String,
    /// What it comes to.
    pub value: PartValue,
    /// Why: what was seen in the file; for an unknown part, why it is unknown. Empty where the parts within say it. Not
    /// safe for a terminal.
    pub because: String,
    /// The parts it is put together from by `and`, `or`, `not` and `of`.
    pub parts: Vec<ConditionPart>,
}

impl ConditionPart {
    fn unexplained(text: &str, because: impl Into<String>) -> Self {
        Self { text: text.to_owned(), value: PartValue::Unknown, because: because.into(), parts: Vec::new() }
    }

    /// This part and all within, each with how deep it lies; the whole has depth 0.
    pub fn rows(&self) -> Vec<(usize, &Self)> {
        let mut rows = Vec::new();
        let mut waiting = vec![(0, self)];
        while let Some((depth, part)) = waiting.pop() {
            rows.push((depth, part));
            waiting.extend(part.parts.iter().rev().map(|within| (depth + 1, within)));
        }
        rows
    }

    /// Agrees with yara-x: `matched` is what it made of the whole.
    #[must_use]
    fn agreed(mut self, matched: bool) -> Self {
        let said = if matched { PartValue::True } else { PartValue::False };
        match self.value {
            PartValue::True | PartValue::False | PartValue::Undefined if (self.value == PartValue::True) == matched => {
                self
            }
            PartValue::Unknown => {
                let parts = if self.parts.is_empty() { "it" } else { "a part" };
                self.because = format!("says yara-x; {parts} is not explained: {}", self.because);
                self.value = said;
                self
            }
            _ => Self {
                value: said,
                because: "says yara-x; not explained: its parts come to something else here".into(),
                parts: Vec::new(),
                text: self.text,
            },
        }
    }
}

/// Explains the condition of `rule`. `matched` is what yara-x made of the rule and the file, if that is known: the whole
/// agrees with it. Whoever knows it must say so: yara-x 1.22.1 leaves the search for patterns out where an undefined
/// operand of `or` was the first to need it, and what it says then depends on the rules that it was compiled with.
pub(crate) fn condition(rule: &Rule, facts: ExplainedFile, matched: Option<bool>) -> ConditionPart {
    let part = match rules_of("", Path::new(""), &rule.source) {
        // Only what was measured not to nest too deep is parsed: the parser recurses.
        Ok(_) => match AST::from(rule.source.as_str()).rules().next() {
            Some(parsed) => parts::explain(&rule.source, parsed, facts),
            None => ConditionPart::unexplained(&rule.condition, "it cannot be parsed"),
        },
        Err(_) => ConditionPart::unexplained(&rule.condition, "it cannot be parsed"),
    };
    match matched {
        Some(matched) => part.agreed(matched),
        None => part,
    }
}
