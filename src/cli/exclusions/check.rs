//! `huntbook exclusions check`: what a person should look at before an exclusion is relied on any longer.

use std::collections::HashSet;
use std::io::Write as _;
use std::process::ExitCode;

use serde_json::json;
use uuid::Uuid;

use super::review::{Review, short};
use crate::cli::exit::OPEN;
use crate::print;
use crate::report::json;
use crate::scan::{Reason, digest_now};
use crate::session::{host_name, identity};
use crate::text;
use crate::triage::bound::{self, BoundBox, Elsewhere};
use crate::triage::exclusion::Exclusion;
use crate::triage::register::{RegisterEntry, RegisterProblem};
use crate::triage::scope::Scope;

/// Something to repair. The texts are safe to show.
struct Fault {
    line: usize,
    id: Option<Uuid>,
    kind: &'static str,
    problem: String,
}

/// An exclusion whose file could not be held against it.
struct NotCompared {
    id: Uuid,
    why: String,
}

pub(super) fn run(review: &Review, as_json: bool) -> anyhow::Result<ExitCode> {
    let (mut faults, well) = of_register(review);
    let not_compared = add_changed(review, &well, &mut faults);
    faults.sort_by_key(|fault| fault.line);
    let entries = review.register.entries().len();
    let file = text::escape_path(review.register.path());
    let mut out = print::stdout();
    if as_json {
        let listed = |fault: &Fault| json!({"line": fault.line, "id": fault.id.map(|id| id.to_string()), "kind": fault.kind, "problem": fault.problem});
        let missed = |missed: &NotCompared| json!({"id": missed.id.to_string(), "why": missed.why});
        let document = json!({
            "register": file,
            "exclusions": entries,
            "faults": faults.iter().map(listed).collect::<Vec<_>>(),
            "not_compared": not_compared.iter().map(missed).collect::<Vec<_>>(),
        });
        writeln!(out, "{}", json::pretty(&document))?;
    } else {
        for fault in &faults {
            let id = fault.id.map(|id| format!(" {}", short(id))).unwrap_or_default();
            writeln!(out, "{file}:{}:{id} {}", fault.line, fault.problem)?;
        }
        for missed in &not_compared {
            writeln!(out, "{} its file could not be compared: {}", short(missed.id), missed.why)?;
        }
        writeln!(out, "{}, {} to look at", text::counted(entries as u64, "exclusion"), faults.len())?;
    }
    Ok(ExitCode::from(if faults.is_empty() { 0 } else { OPEN }))
}

/// What the register itself knows, and the entries that it finds nothing wrong with, by their lines.
fn of_register(review: &Review) -> (Vec<Fault>, HashSet<usize>) {
    let mut well: HashSet<usize> = review.register.entries().iter().map(|entry| entry.line).collect();
    let found = review.register.check(review.now, &review.folders, &|rule, made_for| review.digest_of(rule, made_for));
    let mut faults = Vec::new();
    for found in found {
        if !matches!(
            found.problem,
            RegisterProblem::Redundant(_) | RegisterProblem::Shadowed(_) | RegisterProblem::LongLived(_)
        ) {
            well.remove(&found.line);
        }
        if found.problem.is_fault() {
            let problem = text::escape_str(&found.problem.to_string()).into_owned();
            faults.push(Fault { line: found.line, id: found.id, kind: kind(&found.problem), problem });
        }
    }
    (faults, well)
}

/// Adds exclusions of a file as it is whose content on this box is another by now, and returns what could not be
/// compared. An exclusion made on another box says nothing of the file that lies here.
fn add_changed(review: &Review, well: &HashSet<usize>, faults: &mut Vec<Fault>) -> Vec<NotCompared> {
    let here = identity(&review.root, &host_name(&review.root)).bound();
    let mut not_compared = Vec::new();
    for RegisterEntry { line, content } in review.register.entries().iter().filter(|entry| well.contains(&entry.line)) {
        let Ok(exclusion) = content else { continue };
        let Scope::FileAsIs { path, digest } = &exclusion.scope else { continue };
        let Some(doubt) = doubt_of_box(exclusion, &here) else { continue };
        match digest_now(path) {
            Ok(now) if now == *digest => {}
            Ok(now) if !now.is_comparable(digest) => not_compared.push(NotCompared {
                id: exclusion.id,
                why: "one digest is of the whole file, the other of data and places only".to_owned(),
            }),
            Ok(now) => {
                let path = text::escape_path(path);
                let (name, now) = now.labelled();
                let problem = format!("stale: {path} has other content by now, {name} {now}{doubt}");
                faults.push(Fault { line: *line, id: Some(exclusion.id), kind: "content-changed", problem });
            }
            Err(Reason::Vanished) => {
                not_compared.push(NotCompared { id: exclusion.id, why: format!("it is not there any more{doubt}") });
            }
            Err(reason) => not_compared.push(NotCompared { id: exclusion.id, why: format!("{reason}{doubt}") }),
        }
    }
    not_compared
}

/// What is to be said with what this box has of the file of an exclusion: nothing where it was made on this box, and that this
/// is not certain where only the names agree. `None` where it was made on another box.
fn doubt_of_box(exclusion: &Exclusion, here: &BoundBox) -> Option<String> {
    let made_on = match &exclusion.host_id {
        Some(id) => BoundBox { id: id.clone(), name: exclusion.host.clone() },
        None if exclusion.host == here.name => {
            let name = text::escape_str(&exclusion.host);
            return Some(format!(" (if this is the {name} it was made on: it tells the box by its name alone)"));
        }
        None => return None,
    };
    match bound::elsewhere(&[made_on], here) {
        None => Some(String::new()),
        Some(Elsewhere::Doubtful(_)) => {
            let name = text::escape_str(&exclusion.host);
            Some(format!(" (if this is the {name} it was made on: machine id and name do not both say so)"))
        }
        Some(Elsewhere::OtherBox) => None,
    }
}

/// A word for filters, the same for the same kind of problem.
fn kind(problem: &RegisterProblem) -> &'static str {
    match problem {
        RegisterProblem::Doubtful(_) => "doubtful",
        RegisterProblem::Revoked => "revoked",
        RegisterProblem::Expired(_) => "expired",
        RegisterProblem::RuleChanged => "rule-changed",
        RegisterProblem::OverBroad(_) => "over-broad",
        RegisterProblem::LongLived(_) => "long-lived",
        RegisterProblem::Redundant(_) => "redundant",
        RegisterProblem::Shadowed(_) => "shadowed",
    }
}
