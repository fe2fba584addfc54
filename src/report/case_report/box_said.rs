//! What the box said of a finding when the scan asked it, in a few lines a subject.

use std::fmt::Display;

use super::timeline::{TimelineEvent, TimelineKind};
use crate::evidence::{EventKind, Evidence, Observed};
use crate::finding::FileTime;
use crate::text;

/// Lines of one subject at most.
const LINES: usize = 6;
/// Columns of one line.
const WIDTH: usize = 400;

/// What the box said, as subject and line; safe text.
pub(super) fn lines(evidence: &Evidence) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    if let Observed::Found(file) = &evidence.file
        && !file.since_scan.is_empty()
    {
        all.push(("file", format!("since it was scanned: {}", file.since_scan.join(", "))));
    }
    one(&mut all, "package", &evidence.package, "no package of the box ships it");
    many(&mut all, "schedule", &evidence.schedules, "nothing that runs by itself names it");
    many(&mut all, "other start", &evidence.persistence, "no other place that starts programs names it");
    many(&mut all, "process", &evidence.processes, "none runs, maps, opens or names it");
    many(&mut all, "socket", &evidence.sockets, "none of those processes has one");
    some(&mut all, "live", &evidence.live);
    many(&mut all, "account", &evidence.accounts, "none");
    some(&mut all, "is", evidence.content.found());
    some(&mut all, "checkout", evidence.checkout.found());
    some(&mut all, "container", &evidence.layer);
    let copies = evidence.copies.iter().map(|copy| {
        let whose = if copy.is_mirrored { "its original" } else { "the same content" };
        format!("{} ({whose})", text::escape_path(&copy.path))
    });
    some(&mut all, "copy", copies);
    some(&mut all, "as young", evidence.neighbours.found().into_iter().flatten());
    let logged = evidence.events.found().into_iter().flatten().filter(|event| event.names_file);
    some(&mut all, "log", logged);
    some(&mut all, "not read", evidence.gaps.iter().map(|gap| format!("{}: {}", gap.probe, gap.text)));
    for (_, line) in &mut all {
        let safe = text::truncate_end(&text::escape_str(line), WIDTH).into_owned();
        *line = safe;
    }
    all
}

fn one<T: Display>(all: &mut Vec<(&'static str, String)>, what: &'static str, said: &Observed<T>, nothing: &str) {
    all.push((
        what,
        match said {
            Observed::Found(found) => found.to_string(),
            Observed::NotFound => nothing.to_owned(),
            Observed::Unknown(why) => format!("unknown: {why}"),
        },
    ));
}

fn many<T: Display>(all: &mut Vec<(&'static str, String)>, what: &'static str, said: &Observed<Vec<T>>, nothing: &str) {
    let Observed::Found(found) = said else {
        return one(all, what, &said.as_ref().map(|_| ""), nothing);
    };
    all.extend(found.iter().take(LINES).map(|item| (what, item.to_string())));
    if found.len() > LINES {
        all.push((what, format!("and {} more", text::count((found.len() - LINES) as u64))));
    }
}

/// What is told only where there is something to tell.
fn some<T: Display>(all: &mut Vec<(&'static str, String)>, what: &'static str, said: impl IntoIterator<Item = T>) {
    let mut said = said.into_iter();
    all.extend(said.by_ref().take(LINES).map(|item| (what, item.to_string())));
    match said.count() {
        0 => {}
        more => all.push((what, format!("and {} more", text::count(more as u64)))),
    }
}

/// When processes that have to do with the file were started, what schedules it was changed and ran, and what the box's logs
/// tell of the hour around its last change.
pub(super) fn events(path: &str, evidence: &Evidence) -> Vec<TimelineEvent> {
    let mut events = Vec::new();
    for process in evidence.processes.found().into_iter().flatten() {
        if let Some(started) = process.started {
            let what = format!("pid {} {} ({}) started: {path}", process.pid, process.name, process.user);
            events.push(TimelineEvent::at(started, TimelineKind::Process, text::escape_str(&what).into_owned()));
        }
    }
    for schedule in evidence.schedules.found().into_iter().flatten() {
        let table = text::escape_path(&schedule.referrer.path);
        let times = [
            ("changed", Some(schedule.referrer.changed)),
            ("last ran", schedule.last_run),
            ("runs next", schedule.next_run),
        ];
        for (what, at) in times {
            if let Some(at) = at.and_then(FileTime::timestamp) {
                events.push(TimelineEvent::at(at, TimelineKind::Schedule, format!("{table} {what}: {path}")));
            }
        }
    }
    for event in evidence.events.found().into_iter().flatten() {
        let kind = match event.kind {
            EventKind::Package => TimelineKind::Package,
            EventKind::Login | EventKind::FailedLogin | EventKind::Privilege => TimelineKind::Login,
            EventKind::System => TimelineKind::System,
            // Jobs, programs and commands fill the logs of any box; those that name the file count.
            _ if !event.names_file => continue,
            EventKind::Cron => TimelineKind::Schedule,
            EventKind::Audit | EventKind::Shell => TimelineKind::Process,
        };
        let source = text::escape_path(&event.source);
        let said = format!("{}: {} ({source}:{})", event.kind, event.message, event.line);
        events.push(TimelineEvent::at(
            event.at,
            kind,
            text::truncate_end(&text::escape_str(&said), WIDTH).into_owned(),
        ));
    }
    events
}
