//! One check against what is known.

use super::context::{EvidenceContext, ExpandedOperand};
use super::partition::{ByProcess, Partition};
use super::{CheckAssessment, words};
use crate::evidence::{Observed, Referrer};
use crate::hunt::{Check, Field, Operand};

/// What a check comes to, and by which processes.
pub(super) struct Weighed {
    pub(super) said: CheckAssessment,
    /// For checks about processes and their connections.
    pub(super) by: Option<ByProcess>,
}

/// Weighs one check, and says what the set that it names holds.
pub(super) fn evaluate(check: &Check, known: &EvidenceContext<'_>) -> Weighed {
    let mut weighed = weigh(check, known);
    weighed.said.set = known.set_words(check);
    weighed
}

fn weigh(check: &Check, known: &EvidenceContext<'_>) -> Weighed {
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
        Operand::Schedule => Partition::by_start(&values, known),
        _ => Partition::by_value(&values, check, known, &named),
    };
    let wanted = check.operand != Operand::Exists(false);
    let truth = if wanted { split.truth() } else { !split.truth() };
    // That something is not there is said of all processes together.
    let by = (wanted && is_about_processes(check.field)).then(|| split.by());
    Weighed { said: words::of_values(check, truth, &split, known), by }
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
