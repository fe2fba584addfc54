//! What a box said of a scenario, as a case keeps it and as every format writes it: the same words wherever it is read.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{CheckAssessment, ScenarioAssessment, ScenarioState};
use crate::hunt::Truth;
use crate::text;
use crate::triage::exclusion::CheckResult;

/// What the box said of one scenario. All texts are safe to show.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BoxSaid {
    /// The scenario's id in its hunt.
    pub id: String,
    /// `supported`, `contradicted`, `unsupported` or `unknown`.
    #[serde(rename = "box")]
    pub state: String,
    /// Why it cannot be told, each reason once; empty unless it is unknown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
    /// What speaks against it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub against: Vec<String>,
    /// The checks, each once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckSaid>,
}

/// What the box said of one check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckSaid {
    /// The check as a sentence.
    pub check: String,
    /// `met`, `not met` or `unknown`.
    pub result: String,
    /// How much it tells, where it is met: `weak` or `strong`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub strength: String,
    /// What was seen; empty where nothing was.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub seen: String,
    /// Where each value was seen, and who could have made it so; or why it is unknown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<String>,
}

impl BoxSaid {
    /// A scenario of which nothing is known, and why.
    pub fn unknown(id: &str, why: &str) -> Self {
        Self { id: id.to_owned(), state: UNKNOWN.to_owned(), unknown: vec![why.to_owned()], ..Self::default() }
    }

    /// What a case keeps of all scenarios of a finding, its texts made safe to show, whoever wrote it; `None` for what is none
    /// of this program's.
    pub fn all_of(kept: &str) -> Option<Vec<Self>> {
        let mut all: Vec<Self> = serde_json::from_str(kept).ok()?;
        let safe = |text: &mut String| {
            if let Cow::Owned(escaped) = text::escape_str(text) {
                *text = escaped;
            }
        };
        for said in &mut all {
            if !STATES.contains(&said.state.as_str()) {
                UNKNOWN.clone_into(&mut said.state);
            }
            [&mut said.id].into_iter().chain(&mut said.unknown).chain(&mut said.against).for_each(safe);
            for check in &mut said.checks {
                let CheckSaid { check, result, strength, seen, why } = check;
                [check, result, strength, seen].into_iter().chain(why).for_each(safe);
            }
        }
        Some(all)
    }
}

/// The word for a state in what other programs read.
pub(crate) fn word(state: ScenarioState) -> &'static str {
    match state {
        ScenarioState::Supported => "supported",
        ScenarioState::Contradicted => "contradicted",
        ScenarioState::NotSupported => "unsupported",
        ScenarioState::Unknown => UNKNOWN,
    }
}

/// Why a scenario whose checks are met is not supported.
const ONLY_WEAK: &str = "only weak signs speak for it, which an intruder's file has too";
/// Why nothing can be said of a scenario without checks.
const NO_CHECK: &str = "no check expresses it";
const UNKNOWN: &str = "unknown";
/// All there are.
const STATES: [&str; 4] = ["supported", "contradicted", "unsupported", UNKNOWN];

impl From<&ScenarioAssessment> for BoxSaid {
    fn from(assessed: &ScenarioAssessment) -> Self {
        let mut checks: Vec<CheckSaid> = Vec::new();
        for check in
            assessed.lines.iter().chain(&assessed.contradicted_when).flat_map(|line| &line.checks).map(CheckSaid::from)
        {
            if !checks.iter().any(|other| other.check == check.check) {
                checks.push(check);
            }
        }
        let mut unknown: Vec<String> = assessed.unknown().into_iter().map(str::to_owned).collect();
        if assessed.state == ScenarioState::Unknown && unknown.is_empty() {
            unknown.push(match assessed.truth {
                Truth::Met => ONLY_WEAK.to_owned(),
                _ => NO_CHECK.to_owned(),
            });
        }
        Self {
            id: assessed.id.clone(),
            state: word(assessed.state).to_owned(),
            unknown,
            against: assessed.against.iter().map(|one| one.message.clone()).collect(),
            checks,
        }
    }
}

impl From<&CheckAssessment> for CheckSaid {
    fn from(check: &CheckAssessment) -> Self {
        let why = check.unknown.iter().chain(&check.provenance).chain(&check.warning);
        Self {
            check: check.check.clone(),
            result: CheckResult::from(check.truth).word().to_owned(),
            strength: check.strength.map(|strength| strength.name().to_owned()).unwrap_or_default(),
            seen: check.seen.clone(),
            why: why.cloned().collect(),
        }
    }
}
