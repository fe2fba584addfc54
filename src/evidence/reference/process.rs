//! A process among those above it and those that it started.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::super::indexes::Indexes;
use super::super::process::{Process, ProcessIndex};
use super::{LineKind, Reference, Referred};
use crate::text;

/// Processes below it that are shown.
const MAX_BELOW: usize = 500;
/// Columns of a command line in the tree.
const COMMAND: usize = 160;

/// The process of this number.
pub(super) fn page(indexes: &Indexes, proc: &Path, pid: u32) -> Referred {
    let (processes, accounts) = (indexes.processes(proc), indexes.accounts());
    let Some(process) = processes.in_full(pid, &accounts) else {
        let at = processes.at;
        return Referred::gap(format!("no process of this number ran at {at:.0}, when processes were read"));
    };
    let mut page = Referred::default();
    facts(&mut page, &process);
    page.push(LineKind::Heading, "Above it and below it", None);
    let mut depth = 0;
    for parent in process.parents.iter().rev() {
        let what = parent.executable.as_deref().map(Path::to_string_lossy).unwrap_or_default();
        let said = format!("{}{} {}, user {}  {what}", "  ".repeat(depth), parent.pid, parent.name, parent.user);
        page.push(LineKind::Text, &said, Some(Reference::Process(parent.pid)));
        depth += 1;
    }
    page.push(LineKind::Here, &format!("{}{}", "  ".repeat(depth), one(&process)), None);
    below(&mut page, &processes, pid, depth + 1, |pid| processes.process(pid, &accounts));
    page
}

/// What is known of a process, without those around it.
pub(super) fn facts(page: &mut Referred, process: &Process) {
    page.fact("process", &format!("{} {}", process.pid, process.name), None);
    match &process.executable {
        Some(path) => {
            let deleted = if process.deleted { "; deleted since it was started" } else { "" };
            let to = (!process.deleted).then(|| Reference::File(path.clone(), None));
            page.fact("executable", &format!("{}{deleted}", text::escape_path(path)), to);
        }
        None => page.fact("executable", "could not be read", None),
    }
    page.fact("command", if process.command_line.is_empty() { "none" } else { &process.command_line }, None);
    let real = process.real_user.as_ref().map(|real| format!(", started by {real}")).unwrap_or_default();
    page.fact("user", &format!("{}{real}", process.user), None);
    let started = process.started.map_or_else(|| "unknown".to_owned(), |at| format!("{at:.0}"));
    page.fact("started", &started, None);
    let mut scripts: Vec<&PathBuf> = process.scripts.iter().collect();
    scripts.dedup();
    for script in scripts.into_iter().take(4) {
        page.fact("script", &text::escape_path(script), Some(Reference::File(script.clone(), None)));
    }
    if let Some(unit) = &process.unit {
        page.fact("unit", unit, Some(Reference::Unit(unit.clone())));
    }
    if let Some(container) = &process.container {
        page.fact("container", container, None);
    }
    if let Some(preload) = &process.preload {
        page.fact("LD_PRELOAD", preload, None);
    }
}

fn one(process: &Process) -> String {
    let command = if process.command_line.is_empty() { &process.name } else { &process.command_line };
    format!("{} {}, user {}", process.pid, text::truncate_end(command, COMMAND), process.user)
}

/// What a process started, and what those started, each under its own.
fn below(
    page: &mut Referred,
    processes: &ProcessIndex,
    pid: u32,
    depth: usize,
    describe: impl Fn(u32) -> Option<Process>,
) {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for (child, parent) in processes.parents() {
        // The numbers come from the box, so they may run in a circle.
        if child != parent {
            children.entry(parent).or_default().push(child);
        }
    }
    let mut left: Vec<(u32, usize)> =
        children.remove(&pid).into_iter().flatten().rev().map(|pid| (pid, depth)).collect();
    if left.is_empty() {
        page.push(LineKind::Fact, &format!("{}it has started no process that still runs", "  ".repeat(depth)), None);
    }
    let mut shown = 0;
    while let Some((pid, depth)) = left.pop() {
        if shown == MAX_BELOW {
            return page.push(LineKind::Gap, "there are more", None);
        }
        shown += 1;
        let said = describe(pid).as_ref().map_or_else(|| pid.to_string(), one);
        page.push(LineKind::Text, &format!("{}{said}", "  ".repeat(depth.min(40))), Some(Reference::Process(pid)));
        left.extend(children.remove(&pid).into_iter().flatten().rev().map(|pid| (pid, depth + 1)));
    }
}
