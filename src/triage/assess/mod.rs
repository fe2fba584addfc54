//! Scenarios held against evidence: check by check met, not met, or unknown and why.
//!
//! [`assess`] weighs every scenario of a hunt for one finding and says for each check what was seen on the box and who
//! could have made it so. [`suggestion`] puts that into a few words. Neither decides anything: an intruder's persistence
//! meets the same checks as an administrator's job, and only a person can tell the two apart.

mod against;
mod calendar;
mod check;
mod context;
mod line;
mod partition;
mod said;
mod state;
mod timing;
mod words;

pub(crate) use against::Contradiction;
pub(crate) use context::AssessmentContext;
pub(crate) use said::{BoxSaid, CheckSaid};
pub(crate) use state::ScenarioState;
pub(crate) use words::set_in_words;

use serde::Serialize;

use super::exclusion::{CheckResult, SeenCheck};
use crate::evidence::Evidence;
use crate::hunt::{Check, Hunt, Scenario, Strength, Truth};
use context::{EvidenceContext, scenarios_of};

/// What the box says of one scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScenarioAssessment {
    /// The scenario's id in its hunt.
    pub id: String,
    /// What it comes to, with what speaks against it.
    pub state: ScenarioState,
    /// What speaks for it: met when any line is; unknown also when no check expresses the scenario.
    pub truth: Truth,
    /// How much speaks for it, where it is met: that of its strongest met line.
    pub strength: Option<Strength>,
    /// The lines of `applies_when`, in their order.
    pub lines: Vec<LineAssessment>,
    /// What speaks against it, where something speaks for it; each in words.
    pub against: Vec<Contradiction>,
    /// The lines of `contradicted_when`, in their order.
    pub contradicted_when: Vec<LineAssessment>,
}

/// What the box says of one line of a scenario: all its checks must be met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineAssessment {
    /// Met when all checks are, and by the same process where several ask about a process.
    pub truth: Truth,
    /// How much the line tells, where it is met: that of its strongest check.
    pub strength: Option<Strength>,
    /// The checks, in their order.
    pub checks: Vec<CheckAssessment>,
    /// Why the line comes to less than its checks do; safe to show.
    pub note: Option<String>,
}

/// What the box says of one check. All texts are safe to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckAssessment {
    /// The check as a sentence.
    pub check: String,
    /// What it comes to.
    pub truth: Truth,
    /// How much it tells, where it is met.
    pub strength: Option<Strength>,
    /// What was seen: the values that meet the check, or else those that do not.
    pub seen: String,
    /// Why it is unknown, if it is.
    pub unknown: Option<String>,
    /// Where each value was seen: owner, mode and times of what says so, whether a package ships it.
    pub provenance: Vec<String>,
    /// Who could have made it so; only where it is met.
    pub warning: Option<String>,
    /// The site set, without its `$`, that is empty: name something in it and the check can be told.
    pub empty_set: Option<String>,
    /// What the site set that it names holds: `$admin_accounts: root, admin`.
    #[serde(skip)]
    pub set: Option<String>,
}

/// Weighs every scenario of `hunt`, in its order, and then those that fit any hunt ([`crate::hunt::standard`]), for the finding that `evidence` is about.
///
/// Asks the box for the paths and groups that the checks name, so it may block for as long as the gatherer's limit; call
/// it off the UI thread. All else is already in the evidence.
pub(crate) fn assess(hunt: &Hunt, evidence: &Evidence, context: &AssessmentContext<'_>) -> Vec<ScenarioAssessment> {
    let known = EvidenceContext::gather(hunt, evidence, context);
    scenarios_of(hunt).map(|scenario| evaluate(scenario, &known)).collect()
}

fn evaluate(scenario: &Scenario, known: &EvidenceContext<'_>) -> ScenarioAssessment {
    let lines = |all: &[Vec<Check>]| all.iter().map(|checks| line::evaluate(checks, known)).collect::<Vec<_>>();
    let contradicted_when = lines(&scenario.contradicted_when);
    let lines = lines(&scenario.applies_when);
    let truth = if lines.is_empty() { Truth::Unknown } else { Truth::any(lines.iter().map(|line| line.truth)) };
    let strength = lines.iter().filter_map(|line| line.strength).max();
    let against = match truth {
        Truth::NotMet => Vec::new(),
        Truth::Unknown | Truth::Met => against::all(&scenario.applies_when, &lines, &contradicted_when, known),
    };
    let state = ScenarioState::of(truth, strength, !against.is_empty());
    ScenarioAssessment { id: scenario.id.clone(), state, truth, strength, lines, against, contradicted_when }
}

/// What the evidence suggests, in a few words that are safe to show; never a decision.
pub(crate) fn suggestion(scenario: &ScenarioAssessment) -> String {
    let but = || match scenario.against.as_slice() {
        [] => String::new(),
        [only] => only.message.clone(),
        [first, others @ ..] => format!("{}; and {} more", first.message, others.len()),
    };
    match scenario.state {
        ScenarioState::Supported => "the box shows this; weigh who could have made it so".to_owned(),
        ScenarioState::Contradicted if scenario.strength == Some(Strength::Weak) => {
            format!("only weak signs show this, and it is contradicted: {}", but())
        }
        ScenarioState::Contradicted => format!("the box shows this, but it is contradicted: {}", but()),
        ScenarioState::NotSupported => "nothing on the box supports this".to_owned(),
        ScenarioState::Unknown if scenario.truth == Truth::Met => {
            "can't be told: only weak signs speak for it, which an intruder's file has too".to_owned()
        }
        ScenarioState::Unknown => match scenario.unknown().as_slice() {
            [] => "can't be told: no check expresses this, so go by the filter's words".to_owned(),
            [reason] => format!("can't be told: {reason}"),
            [reason, others @ ..] => format!("can't be told: {reason}; and {} more", others.len()),
        },
    }
}

impl ScenarioAssessment {
    /// Why the scenario can't be told, each reason once; empty unless it is unknown.
    pub fn unknown(&self) -> Vec<&str> {
        let mut reasons = Vec::new();
        if self.truth == Truth::Unknown {
            let open = self.lines.iter().filter(|line| line.truth == Truth::Unknown);
            let all =
                open.flat_map(|line| line.note.iter().chain(line.checks.iter().filter_map(|c| c.unknown.as_ref())));
            for reason in all {
                if !reasons.contains(&reason.as_str()) {
                    reasons.push(reason);
                }
            }
        }
        reasons
    }

    /// The checks as they stood, each once, to be put on record with a decision.
    pub fn seen_checks(&self) -> Vec<SeenCheck> {
        let mut seen: Vec<SeenCheck> = Vec::new();
        for check in self.lines.iter().flat_map(|line| &line.checks) {
            if !seen.iter().any(|other| other.check == check.check) {
                seen.push(check.into());
            }
        }
        let against = |said: &Contradiction| SeenCheck {
            check: format!("speaks against it: {}", said.kind),
            result: CheckResult::Met,
            seen: said.message.clone(),
        };
        seen.extend(self.against.iter().map(against));
        seen
    }
}

impl From<&CheckAssessment> for SeenCheck {
    fn from(check: &CheckAssessment) -> Self {
        let said =
            [Some(&check.seen).filter(|seen| !seen.is_empty()), check.unknown.as_ref(), check.provenance.first()];
        let said: Vec<&str> = said.into_iter().flatten().map(String::as_str).collect();
        let weak = if check.strength == Some(Strength::Weak) { "weak sign: " } else { "" };
        let seen = format!("{weak}{}", said.join("; "));
        Self { check: check.check.clone(), result: check.truth.into(), seen }
    }
}

impl From<Truth> for CheckResult {
    fn from(truth: Truth) -> Self {
        match truth {
            Truth::Met => Self::Met,
            Truth::NotMet => Self::NotMet,
            Truth::Unknown => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests;
