//! What a piece of evidence, or a check, points to.

use std::path::PathBuf;

use super::super::schedule::{Schedule, Scheduler};
use super::super::{Evidence, Process};
use super::Reference;
use crate::hunt::{Check, Field, Operand};

/// Things that one check points to at most.
const MAX: usize = 4;

impl From<&Schedule> for Reference {
    fn from(schedule: &Schedule) -> Self {
        let line = (!schedule.referrer.is_folder && schedule.line > 0).then_some(schedule.line);
        Self::File(schedule.referrer.path.clone(), line)
    }
}

/// What the evidence has for a check, the first few.
pub(crate) fn of_check(check: &Check, evidence: &Evidence) -> Vec<Reference> {
    let schedules = |wanted: fn(&Schedule) -> bool| {
        let all = evidence.schedules.found().into_iter().flatten();
        all.filter(move |schedule| wanted(schedule)).map(Reference::from).collect()
    };
    let processes = |wanted: fn(&Process) -> bool| -> Vec<Reference> {
        let all = evidence.processes.found().into_iter().flatten();
        all.filter(move |process| wanted(process)).map(|process| Reference::Process(process.pid)).collect()
    };
    let mut all: Vec<Reference> = match check.field {
        Field::ScheduleCron => schedules(|schedule| schedule.scheduler != Scheduler::Systemd),
        Field::ScheduleSystemd => schedules(|schedule| schedule.scheduler == Scheduler::Systemd),
        Field::PersistenceKind => evidence.persistence.found().into_iter().flatten().map(Reference::from).collect(),
        Field::ProcessName
        | Field::ProcessCommandLine
        | Field::ProcessUser
        | Field::ProcessStart
        | Field::ProcessParentName
        | Field::ProcessAncestorName => processes(Process::runs_it),
        Field::ProcessUnit => {
            let units = evidence.processes.found().into_iter().flatten().filter_map(|process| process.unit.clone());
            units.map(Reference::Unit).collect()
        }
        Field::DestinationPort | Field::DestinationIp | Field::NetworkDirection | Field::SourceIp => {
            processes(|_| true)
        }
        Field::FilePackage | Field::FilePackageState | Field::FilePackageManager => {
            let owner = evidence.package.found();
            owner
                .map(|owner| Reference::Package(owner.manager.to_string(), owner.package.clone()))
                .into_iter()
                .collect()
        }
        Field::FileRepositoryState => {
            evidence.checkout.found().map(|checkout| Reference::File(checkout.path.clone(), None)).into_iter().collect()
        }
        Field::FilePath | Field::FileName => {
            evidence.path.parent().map(|folder| Reference::File(folder.to_owned(), None)).into_iter().collect()
        }
        Field::EventBefore => {
            let naming = evidence.events.found().into_iter().flatten().filter(|event| event.names_file);
            naming.map(|event| Reference::File(event.source.clone(), Some(event.line))).collect()
        }
        Field::HostPath => match &check.operand {
            Operand::Values(values) => {
                let whole =
                    values.texts().iter().filter(|text| text.starts_with('/') && !text.contains(['*', '?', '[']));
                whole.map(|path| Reference::File(PathBuf::from(path), None)).collect()
            }
            Operand::SiteSet(_) | Operand::Exists(_) | Operand::Schedule => Vec::new(),
        },
        Field::FileOwner
        | Field::FileGroup
        | Field::FileMode
        | Field::FileMtime
        | Field::FileSha256
        | Field::FileContentKind
        | Field::FileContainer
        | Field::FileCopy
        | Field::UserGroup => Vec::new(),
    };
    all.dedup();
    all.truncate(MAX);
    all
}
