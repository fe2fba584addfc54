//! What the box said of a finding when the scan asked it, in a few lines a subject.

use std::fmt::Display;

use super::timeline::{TimelineEvent, TimelineKind};
use crate::evidence::{Evidence, Observed};
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
    many(&mut all, "process", &evidence.processes, "none runs, maps, opens or names it");
    many(&mut all, "socket", &evidence.sockets, "none of those processes has one");
    many(&mut all, "account", &evidence.accounts, "none");
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

/// When processes that have to do with the file were started, and what schedules it was changed and ran.
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
    events
}
