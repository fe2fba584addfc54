//! What a hunt is: a rule, the hypothesis behind it, and the documented benign explanations of a hit.
//!
//! A hunt on disk is `NAME.yar` with `NAME.toml` beside it ([`load`]); five are built in ([`builtin`]). Each scenario
//! carries checks over evidence ([`check`], [`field`]) that are weighed in three-valued logic ([`truth`]); what depends
//! on the site is named in sets ([`site`], [`known_good`]).

pub(crate) mod builtin;
mod cache;
pub(crate) mod check;
mod compile;
pub(crate) mod describe;
mod document;
pub(crate) mod field;
mod file;
pub(crate) mod file_types;
mod folder;
pub(crate) mod generic;
mod include;
mod items;
pub(crate) mod known_good;
pub(crate) mod language;
pub(crate) mod load;
mod matching;
mod nesting;
pub(crate) mod persistence;
mod plain;
pub(crate) mod rule;
pub(crate) mod site;
mod site_defaults;
mod source;
pub(crate) mod standard;
pub(crate) mod strength;
pub(crate) mod threat;
pub(crate) mod truth;
mod value;
mod vet;

pub(crate) use crate::diagnostics::Problem;
use crate::diagnostics::{self as problem, table};
pub(crate) use check::{Check, Operand};
pub use compile::RuleOptions;
pub(crate) use compile::{Define, DefineValue, EXTERNAL_VARIABLES, catch_engine_panic, engine_runs};
pub(crate) use field::CheckOperator;
pub use field::Field;
pub(crate) use items::{placed_trees, trees};
pub use load::load_dir;
pub(crate) use load::{Loaded, load_dir_keeping, load_file};
pub(crate) use matching::NamedValues;
pub use plain::RuleFiles;
#[cfg(test)]
pub(crate) use rule::MetaValue;
pub(crate) use rule::{Pattern, Rule, rules_of};
pub use site::Site;
pub use source::RuleText;
pub(crate) use strength::Strength;
pub(crate) use threat::{Tactic, Threat};
pub(crate) use truth::Truth;
pub(crate) use value::{BoxTime, PackageState, Value};
pub(crate) use vet::Unused;

use std::sync::Arc;

use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};

/// The engine and its version, as Cargo.toml pins it.
pub(crate) const ENGINE: &str = "yara-x 1.22.1";

/// One YARA rule, the hypothesis behind it, and its scenarios.
#[derive(Debug, Clone, PartialEq)]
pub struct Hunt {
    /// The rule.
    pub rule: Rule,
    /// Other files that have the same rule.
    pub also_in: Vec<Arc<str>>,
    /// What a hit may mean.
    pub hypothesis: String,
    /// A YARA condition for files that are worth a look though the rule does not match them.
    pub candidate: Option<String>,
    /// What it looks for in the terms of other tools.
    pub threat: Threat,
    /// The documented benign explanations, in the order they are gone through.
    pub scenarios: Arc<[Scenario]>,
}

/// One documented benign explanation of a hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scenario {
    /// Name within the hunt: lower-case words joined by `-`.
    pub id: String,
    /// One line.
    pub title: String,
    /// What benign thing this would be.
    pub story: String,
    /// What to verify, and what would contradict it.
    pub filter: String,
    /// The filter as checks: it is met when all checks of any one line are. Empty when no evidence can express it.
    pub applies_when: Vec<Vec<Check>>,
    /// What speaks against it: it is contradicted when all checks of any one line are met.
    pub contradicted_when: Vec<Vec<Check>>,
}

impl Scenario {
    /// Every check, those that speak for it first.
    pub fn checks(&self) -> impl Iterator<Item = &Check> {
        self.applies_when.iter().chain(&self.contradicted_when).flatten()
    }
}

impl Serialize for Hunt {
    /// The document of `hunts list --json`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("rule", &*self.rule.id.name)?;
        map.serialize_entry("namespace", &*self.rule.id.namespace)?;
        map.serialize_entry("also_in", &self.also_in.iter().map(|origin| &**origin).collect::<Vec<_>>())?;
        for (key, value) in [
            ("description", self.rule.description()),
            ("author", self.rule.author()),
            ("reference", self.rule.reference()),
            ("date", self.rule.date()),
            ("license", self.rule.license()),
        ] {
            map.serialize_entry(key, &value)?;
        }
        map.serialize_entry("tags", &self.rule.tags)?;
        map.serialize_entry("score", &self.rule.score())?;
        map.serialize_entry("known_samples", &self.rule.known_samples())?;
        map.serialize_entry("digest", &self.rule.digest)?;
        map.serialize_entry("hypothesis", &self.hypothesis)?;
        map.serialize_entry("threat", &self.threat)?;
        map.serialize_entry("patterns", &self.rule.patterns)?;
        map.serialize_entry("condition", &self.rule.condition)?;
        map.serialize_entry("candidate", &self.candidate)?;
        map.serialize_entry("scenarios", &*self.scenarios)?;
        map.serialize_entry("source", &self.rule.source)?;
        map.end()
    }
}
