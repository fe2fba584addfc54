//! What a prefilter can do for which rule, and why not.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How each rule can be ruled out, in order of declaration, or why the whole set is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefilterReport {
    /// The rules; empty when the set is refused before it could be read.
    pub rules: Vec<RuleReport>,
    /// How many byte strings are searched for; a pattern can need several.
    pub literals: usize,
    /// Why every file goes whole to yara-x, if it does for a reason that is not one rule's.
    pub refusal: Option<PrefilterRefusal>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleReport {
    /// The namespace it was declared in.
    pub namespace: String,
    /// Its identifier.
    pub name: String,
    /// How it can be ruled out.
    pub class: RuleClass,
}

/// How a rule can be ruled out for a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RuleClass {
    /// By what does not occur in the file. Rules that are never reported by themselves (private ones) are here too.
    ByLiterals,
    /// For some sizes or first bytes the rule can match without a literal; for the others as [`RuleClass::ByLiterals`].
    ByGuards,
    /// Not at all: any file must go whole to yara-x.
    Whole(WholeReason),
}

/// Why a rule can match a file in which none of the literals occurs, whatever its size and first bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WholeReason {
    /// It needs no more than these patterns, which can't be searched for: `xor`, `base64`, too short, too common.
    Patterns(Vec<String>),
    /// It depends on values only yara-x knows: modules, external variables, loop variables.
    Values,
    /// Its condition holds without any pattern.
    Condition,
}

/// Why the whole set goes without a prefilter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PrefilterRefusal {
    /// A source that does not parse; the compiler says where.
    Syntax {
        /// The namespace of the source.
        namespace: String,
    },
    /// An `include` whose text was not given, or that is nested too deep.
    Include {
        /// The path as the statement has it.
        path: String,
    },
}

impl PrefilterReport {
    /// The rules for whose sake every file must go whole to yara-x. Compiled apart from the others, they leave these
    /// a prefilter that saves work.
    pub fn whole(&self) -> impl Iterator<Item = (&RuleReport, &WholeReason)> {
        self.rules.iter().filter_map(|rule| match &rule.class {
            RuleClass::Whole(reason) => Some((rule, reason)),
            RuleClass::ByLiterals | RuleClass::ByGuards => None,
        })
    }
}

impl fmt::Display for WholeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Patterns(names) if names.is_empty() => f.write_str("rests on a rule that can't be searched for"),
            Self::Patterns(names) => write!(f, "rests on patterns that can't be searched for: {}", names.join(", ")),
            Self::Values => f.write_str("depends on modules or variables"),
            Self::Condition => f.write_str("can match without any pattern"),
        }
    }
}

impl fmt::Display for PrefilterRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { namespace } => write!(f, "a source of namespace {namespace} does not parse"),
            Self::Include { path } => write!(f, "the text of the included {path} is not known"),
        }
    }
}
