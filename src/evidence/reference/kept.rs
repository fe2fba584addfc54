//! What a case keeps of the things that evidence points to, where the box itself cannot be asked.

use super::super::Evidence;
use super::super::schedule::Schedule;
use super::{LineKind, Reference, Referred, process};

/// What the evidence of a finding holds of something that it points to.
pub(crate) fn kept(evidence: &Evidence, reference: &Reference) -> Referred {
    let mut page = Referred::default();
    page.push(LineKind::Heading, "The box cannot be asked; this is what the case keeps of it", None);
    let before = page.lines.len();
    match reference {
        Reference::File(path, _) => {
            for schedule in naming(evidence).filter(|schedule| schedule.referrer.path == *path) {
                line_of(&mut page, schedule);
            }
            let here = evidence.path == *path || evidence.facts.path == *path;
            if here {
                page.push(LineKind::Text, "It is the found file itself: its bytes are on the first tab.", None);
            }
            for folder in evidence.folders.found().into_iter().flatten().filter(|folder| folder.path == *path) {
                page.fact(
                    "folder",
                    &format!("{}:{}, mode {:04o}", folder.owner, folder.group, folder.mode & 0o7777),
                    None,
                );
            }
        }
        Reference::Unit(unit) => {
            for schedule in naming(evidence).filter(|schedule| schedule.unit.as_ref() == Some(unit)) {
                line_of(&mut page, schedule);
            }
        }
        Reference::Package(..) => {
            if let Some(owner) = evidence.package.found() {
                page.fact("package", &owner.to_string(), None);
                page.push(LineKind::Gap, "The case does not keep the package's other files.", None);
            }
        }
        Reference::Process(pid) => of_process(&mut page, evidence, *pid),
    }
    if page.lines.len() == before {
        page.push(LineKind::Gap, "nothing: look at it on the box", None);
    }
    page
}

fn naming(evidence: &Evidence) -> impl Iterator<Item = &Schedule> {
    [&evidence.schedules, &evidence.persistence].into_iter().filter_map(|all| all.found()).flatten()
}

fn line_of(page: &mut Referred, schedule: &Schedule) {
    page.fact("file", &schedule.referrer.to_string(), None);
    page.fact("runs", &format!("{}, as {}", schedule.when, schedule.user), None);
    page.push(LineKind::Here, &format!("{:>5}  {}", schedule.line, schedule.command), None);
    page.push(LineKind::Gap, "The case keeps no other line of it.", None);
}

fn of_process(page: &mut Referred, evidence: &Evidence, pid: u32) {
    let all = || evidence.processes.found().into_iter().flatten();
    if let Some(found) = all().find(|process| process.pid == pid) {
        process::facts(page, found);
        page.push(LineKind::Heading, "Above it", None);
        for parent in found.parents.iter().rev() {
            page.push(LineKind::Text, &parent.to_string(), Some(Reference::Process(parent.pid)));
        }
        page.push(LineKind::Here, &found.to_string(), None);
        page.push(LineKind::Gap, "The case does not keep what it started.", None);
        return;
    }
    if let Some(parent) = all().flat_map(|process| &process.parents).find(|parent| parent.pid == pid) {
        page.push(LineKind::Here, &parent.to_string(), None);
        if let Some(path) = &parent.executable {
            page.fact("executable", &path.to_string_lossy(), None);
        }
    }
}
