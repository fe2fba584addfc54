//! What the processes that run the file, and their accounts, say against any benign explanation.

use super::Contradiction;
use crate::evidence::{ContentCheck, Evidence, Observed, Process};
use crate::hunt::{Check, Field, Truth};
use crate::text;
use crate::triage::assess::LineAssessment;
use crate::triage::assess::context::EvidenceContext;

fn running(evidence: &Evidence) -> impl Iterator<Item = &Process> {
    evidence.processes.found().into_iter().flatten().filter(|process| process.runs_it())
}

/// That a process is named like a product's, and its executable is no package's.
pub(super) fn unvouched(
    applies_when: &[Vec<Check>],
    lines: &[LineAssessment],
    known: &EvidenceContext<'_>,
) -> Option<Contradiction> {
    let met = applies_when.iter().zip(lines).filter(|(_, line)| line.truth == Truth::Met);
    let checks: Vec<&Check> =
        met.flat_map(|(checks, _)| checks).filter(|check| check.field == Field::ProcessName).collect();
    let by_name = |process: &&Process| {
        let named = |name: &String| {
            let value = crate::hunt::Value::Text(name.clone());
            checks.iter().any(|check| known.named(check).values.matches(&value))
        };
        process.names.iter().any(named) && !process.vouched.iter().any(named)
    };
    let process = running(known.evidence).find(by_name)?;
    let why = match &process.package {
        Observed::Found(owner) if owner.content == ContentCheck::AsShipped => {
            format!("but its executable is the package {}'s, under another name", owner.package)
        }
        Observed::Found(owner) => format!("but its executable is not as {} shipped it", owner.package),
        Observed::NotFound => "but its executable is no package's".to_owned(),
        // What could not be asked speaks against nothing.
        Observed::Unknown(_) => return None,
    };
    let executable = process.executable.as_deref().map(|path| text::escape_path(path).into_owned()).unwrap_or_default();
    let said = format!("pid {} calls itself {}, {why}: {executable}", process.pid, process.name);
    Some(Contradiction::new("name-only-claimed", said))
}

/// That the executable of a process that runs the file is gone.
pub(super) fn deleted(evidence: &Evidence) -> Option<Contradiction> {
    let process = running(evidence).find(|process| process.deleted)?;
    let said = format!("the executable of pid {} {} has been deleted since it was started", process.pid, process.name);
    Some(Contradiction::new("executable-deleted", said))
}

/// That a process that runs the file has the loader put a library before all others.
pub(super) fn preloaded(evidence: &Evidence) -> Option<Contradiction> {
    let process = running(evidence).find(|process| process.preload.is_some())?;
    let preload = process.preload.as_deref().unwrap_or_default();
    let said = format!("pid {} {} was started with LD_PRELOAD={preload}", process.pid, process.name);
    Some(Contradiction::new("ld-preload", said))
}

/// That a process that runs the file is an interpreter under another name.
pub(super) fn renamed(evidence: &Evidence) -> Option<Contradiction> {
    // A package may ship one under a name of its own.
    let is_shipped = |process: &Process| {
        process.package.found().is_some_and(|owner| owner.installed && owner.content == ContentCheck::AsShipped)
    };
    let process = running(evidence).find(|process| process.copy_of.is_some() && !is_shipped(process))?;
    let (copy_of, pid) = (process.copy_of.as_deref().unwrap_or_default(), process.pid);
    let executable = process.executable.as_deref().map(|path| text::escape_path(path).into_owned()).unwrap_or_default();
    let said = format!("the executable of pid {pid} is a copy of {copy_of} under another name: {executable}");
    Some(Contradiction::new("renamed-interpreter", said))
}

/// That the account is root under another name.
pub(super) fn twins(evidence: &Evidence) -> Option<Contradiction> {
    let is_root_too = |uid: u32| uid == 0;
    let account =
        evidence.accounts.found()?.iter().find(|account| is_root_too(account.uid) && !account.twins.is_empty())?;
    let said = format!(
        "{} has the user id 0 as well as root, so that what is root's may be its",
        text::escape_str(&account.twins.join(", "))
    );
    Some(Contradiction::new("root-twin", said))
}

/// That something on the box is connected to what the match itself names.
pub(super) fn live(evidence: &Evidence) -> Option<Contradiction> {
    let socket = evidence.live.first()?;
    Some(Contradiction::new("live-connection", format!("there is a connection to what the match names: {socket}")))
}
