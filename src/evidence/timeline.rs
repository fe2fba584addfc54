//! All that is known of the time around a file, in one order.

use jiff::Timestamp;

use super::{Evidence, NameMatch, Observed};
use crate::finding::FileTime;
use crate::text;

/// Lines at most.
const MAX_LINES: usize = 300;

/// Times and what happened then, safe to show, the earliest first. Whoever has root can change all but the times of
/// inodes, and the box's clock may have been wrong.
pub(crate) fn of(evidence: &Evidence) -> Vec<(String, String)> {
    let mut all: Vec<(Timestamp, String)> = Vec::new();
    let mut file = |time: Option<FileTime>, said: &str| {
        all.extend(time.and_then(FileTime::timestamp).map(|at| (at, said.to_owned())));
    };
    let facts = &evidence.facts;
    file(facts.born, "FILE: its inode was made");
    file(Some(facts.modified), "FILE: its content says it was changed (can be set)");
    file(Some(facts.changed), "FILE: its inode was changed");
    for neighbour in evidence.neighbours.found().into_iter().flatten() {
        file(Some(neighbour.changed), &format!("beside it: {} was changed", text::escape_path(&neighbour.path)));
    }
    let naming = [&evidence.schedules, &evidence.persistence].into_iter().filter_map(Observed::found).flatten();
    for schedule in naming.filter(|schedule| schedule.names == NameMatch::File) {
        let path = text::escape_path(&schedule.referrer.path);
        file(Some(schedule.referrer.changed), &format!("{path}:{}, which names it, was changed", schedule.line));
        file(schedule.last_run, &format!("{path}:{} ran", schedule.line));
    }
    for process in evidence.processes.found().into_iter().flatten() {
        let what = if process.runs_it() { "runs it" } else { "opens or names it" };
        let said = format!("pid {} {}, which {what}, was started by {}", process.pid, process.name, process.user);
        all.extend(process.started.map(|at| (at, said)));
    }
    let events = evidence.events.found().into_iter().flatten();
    all.extend(events.map(|event| {
        let source = text::escape_path(&event.source);
        (event.at, format!("{}: {} ({source}:{})", event.kind, event.said, event.line))
    }));
    all.sort();
    all.dedup();
    all.truncate(MAX_LINES);
    all.into_iter().map(|(at, said)| (format!("{at:.0}"), said)).collect()
}
