//! What a hunt says beside its rule, as a case keeps it: reports need it where the hunt's files are not.

use serde::{Deserialize, Serialize};

use crate::case::RuleRecord;
use crate::hunt::{Hunt, Threat};

/// What a hunt says beside its rule. All of it is empty for a case that an older Huntbook wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HuntWords {
    /// Other files that have the same rule.
    pub also_in: Vec<String>,
    /// What a hit may mean.
    pub hypothesis: String,
    /// What it looks for in the terms of other tools.
    pub threat: Threat,
    /// The scenarios in their order.
    pub scenarios: Vec<ScenarioWords>,
}

/// What a scenario is called.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScenarioWords {
    /// Its id in the hunt.
    pub id: String,
    /// One line.
    pub title: String,
}

impl HuntWords {
    /// The key under which they stand beside the rule's meta; no key of YARA has a dot.
    pub(super) const KEY: &str = "huntbook.hunt";

    /// Those of `hunt`.
    pub fn of(hunt: &Hunt) -> Self {
        let scenario =
            |scenario: &crate::hunt::Scenario| ScenarioWords { id: scenario.id.clone(), title: scenario.title.clone() };
        Self {
            also_in: hunt.also_in.iter().map(ToString::to_string).collect(),
            hypothesis: hunt.hypothesis.clone(),
            threat: hunt.threat.clone(),
            scenarios: hunt.scenarios.iter().map(scenario).collect(),
        }
    }

    /// Those that a case keeps with a rule.
    pub(crate) fn of_record(record: &RuleRecord) -> Self {
        let kept = record.meta.get(Self::KEY).cloned();
        kept.and_then(|kept| serde_json::from_value(kept).ok()).unwrap_or_default()
    }
}
