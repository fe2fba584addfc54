//! One check against what is known.

use std::collections::{BTreeSet, HashMap};

use super::context::{EvidenceContext, ExpandedOperand, KNOWN_GOOD};
use super::timing::{Fit, Timetable};
use super::{CheckAssessment, words};
use crate::evidence::{Observed, Process, Referrer, SeenValue, Values};
use crate::hunt::{Check, Field, NamedValues, Operand, Strength, Truth, Value};

/// What a check comes to, and by which processes.
pub(super) struct Weighed {
    pub(super) said: CheckAssessment,
    /// For checks about processes and their connections.
    pub(super) by: Option<ByProcess>,
}

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
pub(super) struct Split<'v> {
    pub(super) met: Vec<&'v SeenValue>,
    pub(super) not_met: Vec<&'v SeenValue>,
    /// Values that may meet it.
    pub(super) maybe: Vec<&'v SeenValue>,
    /// Why there may be other values, or why it can't be told of one.
    pub(super) unknown: Option<String>,
    /// How much the values that meet it tell, where that is not their own strength.
    pub(super) strength: Option<Strength>,
}

/// Weighs one check.
pub(super) fn evaluate(check: &Check, known: &EvidenceContext<'_>) -> Weighed {
    let named = known.named(check);
    if let Some(set) = named.empty_set {
        let by = is_about_processes(check.field).then(|| ByProcess { anyone: true, ..ByProcess::default() });
        return Weighed { said: words::empty_set(check, set), by };
    }
    if check.field == Field::HostPath {
        return Weighed { said: host_path(check, known, &named), by: None };
    }
    let values = known.field(check.field);
    let split = match check.operand {
        Operand::Schedule => Split::by_start(&values, known),
        _ => Split::by_value(&values, check, known, &named),
    };
    let wanted = check.operand != Operand::Exists(false);
    let truth = if wanted { split.truth() } else { !split.truth() };
    // That something is not there is said of all processes together.
    let by = (wanted && is_about_processes(check.field)).then(|| split.by());
    Weighed { said: words::of_values(check, truth, &split, known), by }
}

fn meets(value: &Value, check: &Check, known: &EvidenceContext<'_>, named: &NamedValues) -> bool {
    let is_good = || matches!(value, Value::Sha256(digest) if known.context.known_good.contains(digest));
    let by_list = matches!(&check.operand, Operand::SiteSet(name) if name == KNOWN_GOOD) && is_good();
    by_list || named.matches(value)
}

impl<'v> Split<'v> {
    /// Holds each value against those that the check names.
    fn by_value(values: &'v Values, check: &Check, known: &EvidenceContext<'_>, named: &ExpandedOperand<'_>) -> Self {
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
    fn by_start(values: &'v Values, known: &EvidenceContext<'_>) -> Self {
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
        let mut split = Self { met, not_met, maybe, unknown: values.unknown.clone(), strength: None };
        for value in &values.seen {
            let fit = fit(value);
            match fit.truth {
                Truth::Met => {
                    split.met.push(value);
                    split.strength = split.strength.max(Some(fit.strength));
                }
                Truth::NotMet => split.not_met.push(value),
                Truth::Unknown => split.maybe.push(value),
            }
            split.unknown = split.unknown.or(fit.why);
        }
        split.maybe.extend(values.possible.iter().filter(|value| fit(value).truth != Truth::NotMet));
        split
    }

    fn truth(&self) -> Truth {
        match self {
            _ if !self.met.is_empty() => Truth::Met,
            _ if !self.maybe.is_empty() || self.unknown.is_some() => Truth::Unknown,
            _ => Truth::NotMet,
        }
    }

    fn by(&self) -> ByProcess {
        let pids = |values: &[&SeenValue]| values.iter().filter_map(|value| value.pid).collect();
        ByProcess { met: pids(&self.met), maybe: pids(&self.maybe), anyone: self.unknown.is_some() }
    }
}

/// Whether the values of a field belong to one process each.
fn is_about_processes(field: Field) -> bool {
    match field {
        Field::ProcessName
        | Field::ProcessCommandLine
        | Field::ProcessUser
        | Field::ProcessStart
        | Field::ProcessParentName
        | Field::ProcessAncestorName
        | Field::ProcessUnit
        | Field::DestinationPort
        | Field::DestinationIp
        | Field::NetworkDirection
        | Field::SourceIp => true,
        Field::FilePath
        | Field::FileName
        | Field::FileOwner
        | Field::FileGroup
        | Field::FileMode
        | Field::FileMtime
        | Field::FileSha256
        | Field::FilePackage
        | Field::FilePackageManager
        | Field::FileRepositoryState
        | Field::FileContentKind
        | Field::FileContainer
        | Field::FileCopy
        | Field::PersistenceKind
        | Field::EventBefore
        | Field::FilePackageState
        | Field::ScheduleCron
        | Field::ScheduleSystemd
        | Field::HostPath
        | Field::UserGroup => false,
    }
}

fn host_path(check: &Check, known: &EvidenceContext<'_>, named: &ExpandedOperand<'_>) -> CheckAssessment {
    let mut asked = named.values.texts().iter().filter_map(|path| known.path(path));
    let there: Vec<&Referrer> = asked.clone().filter_map(Observed::found).collect();
    let unknown = asked.find_map(Observed::reason);
    words::of_paths(check, &there, unknown)
}
