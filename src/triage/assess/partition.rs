//! The values of a field, parted by what they say about a check.

use std::collections::{BTreeSet, HashMap};

use super::context::{EvidenceContext, ExpandedOperand, KNOWN_GOOD};
use super::timing::{Fit, Timetable};
use crate::evidence::{Observed, Process, SeenValue, Values};
use crate::hunt::{Check, NamedValues, Operand, Strength, Truth, Value};

/// The processes by which a check is met, so that the checks of one line can be asked to agree on one.
#[derive(Debug, Clone, Default)]
pub(super) struct ByProcess {
    pub(super) met: BTreeSet<u32>,
    /// Processes that may meet it.
    pub(super) maybe: BTreeSet<u32>,
    /// Whether any other process may meet it.
    pub(super) anyone: bool,
}

/// What values say about a check.
pub(super) struct Partition<'v> {
    pub(super) met: Vec<&'v SeenValue>,
    pub(super) not_met: Vec<&'v SeenValue>,
    /// Values that may meet it.
    pub(super) maybe: Vec<&'v SeenValue>,
    /// Why there may be other values, or why it can't be told of one.
    pub(super) unknown: Option<String>,
    /// How much the values that meet it tell, where that is not their own strength.
    pub(super) strength: Option<Strength>,
}

impl<'v> Partition<'v> {
    /// Holds each value against those that the check names.
    pub(super) fn by_value(
        values: &'v Values,
        check: &Check,
        known: &EvidenceContext<'_>,
        named: &ExpandedOperand<'_>,
    ) -> Self {
        // Thousands of processes share a few names.
        let mut answers: HashMap<&Value, bool> = HashMap::new();
        let mut meets = |seen: &&'v SeenValue| {
            *answers.entry(&seen.value).or_insert_with(|| meets(&seen.value, check, known, &named.values))
        };
        let (met, not_met) = values.seen.iter().partition(&mut meets);
        let maybe = values.possible.iter().filter(&mut meets).collect();
        let unknown = values.unknown.clone().or_else(|| named.unknown.clone());
        Self { met, not_met, maybe, unknown, strength: None }
    }

    /// Holds each start of a process against the run times of the schedules that name the file.
    pub(super) fn by_start(values: &'v Values, known: &EvidenceContext<'_>) -> Self {
        let timetable = Timetable::of(known.evidence);
        let all = [&known.evidence.processes, &known.evidence.unread].into_iter().filter_map(Observed::found).flatten();
        let by_pid: HashMap<u32, &Process> = all.map(|process| (process.pid, process)).collect();
        let fit = |seen: &SeenValue| match seen.value {
            Value::Time(started) => {
                timetable.fit(started.timestamp(), seen.pid.and_then(|pid| by_pid.get(&pid)).copied())
            }
            _ => Fit { truth: Truth::Unknown, why: None, strength: Strength::Weak },
        };
        let (met, not_met, maybe) = (Vec::new(), Vec::new(), Vec::new());
        let mut parted = Self { met, not_met, maybe, unknown: values.unknown.clone(), strength: None };
        for value in &values.seen {
            let fit = fit(value);
            match fit.truth {
                Truth::Met => {
                    parted.met.push(value);
                    parted.strength = parted.strength.max(Some(fit.strength));
                }
                Truth::NotMet => parted.not_met.push(value),
                Truth::Unknown => parted.maybe.push(value),
            }
            parted.unknown = parted.unknown.or(fit.why);
        }
        parted.maybe.extend(values.possible.iter().filter(|value| fit(value).truth != Truth::NotMet));
        parted
    }

    pub(super) fn truth(&self) -> Truth {
        match self {
            _ if !self.met.is_empty() => Truth::Met,
            _ if !self.maybe.is_empty() || self.unknown.is_some() => Truth::Unknown,
            _ => Truth::NotMet,
        }
    }

    pub(super) fn by(&self) -> ByProcess {
        let pids = |values: &[&SeenValue]| values.iter().filter_map(|value| value.pid).collect();
        ByProcess { met: pids(&self.met), maybe: pids(&self.maybe), anyone: self.unknown.is_some() }
    }
}

fn meets(value: &Value, check: &Check, known: &EvidenceContext<'_>, named: &NamedValues) -> bool {
    let is_good = || matches!(value, Value::Sha256(digest) if known.context.known_good.contains(digest));
    let by_list = matches!(&check.operand, Operand::SiteSet(name) if name == KNOWN_GOOD) && is_good();
    by_list || named.matches(value)
}
