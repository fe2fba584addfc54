//! One row a time, as Timesketch (<https://timesketch.org/guides/user/import-from-json-csv/>) and Timeline Explorer read CSV:
//! the first three columns are those that Timesketch asks for.

use jiff::Timestamp;

use super::Reported;
use super::csv;
use super::decided;
use super::origin::Origin;
use crate::case::{JournalEntry, JournalEvent, Record};
use crate::evidence::Evidence;
use crate::finding::FileTime;
use crate::text;

const COLUMNS: [&str; 11] = [
    "datetime",
    "timestamp_desc",
    "message",
    "hostname",
    "source_short",
    "rule",
    "verdict",
    "file_path",
    "sha256",
    "user",
    "event_id",
];

/// The first line.
pub(crate) fn head() -> String {
    csv::line(COLUMNS)
}

/// Year to microsecond with the offset, as Timesketch parses it.
fn datetime(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()
}

/// The times of a finding's file, a row each; one that cannot be told as a date has none.
pub(crate) fn finding(origin: &Origin, reported: Reported<'_>) -> String {
    let Reported { rule, finding, judged, .. } = reported;
    let file = &finding.file;
    let path = text::escape_path(&origin.on_box(&file.path)).into_owned();
    let what = if judged.subject.candidate { "candidate of" } else { "match of" };
    let message = format!("{path}: {what} {} ({})", text::escape_str(&rule.id.name), judged.verdict);
    let times = [
        ("Content Modification Time", Some(file.modified)),
        ("Metadata Modification Time", Some(file.changed)),
        ("Last Access Time", Some(file.accessed)),
        ("Creation Time", file.born),
    ];
    let known = times.into_iter().filter_map(|(what, time)| Some((what, time.and_then(FileTime::timestamp)?)));
    known
        .map(|(what, at)| {
            csv::line([
                datetime(at).as_str(),
                what,
                &message,
                origin.host_name(),
                "FILE",
                &rule.id.name,
                &judged.verdict.to_string(),
                &path,
                &file.digest.sha256().map(|sha256| sha256.to_string()).unwrap_or_default(),
                file.owner.as_deref().unwrap_or_default(),
                &origin.event_id(&format!("finding {}", judged.id)),
            ])
        })
        .collect()
}

/// What the box said of a finding that has a time: starts of processes, changes and runs of what schedules it, and what its logs
/// tell of the hour around the file's last change; a row each, with its own id. One line of a log is one row, whichever finding it
/// is told of.
pub(crate) fn evidence(origin: &Origin, reported: Reported<'_>, evidence: &Evidence) -> Vec<(String, String)> {
    let Reported { rule, finding, judged, .. } = reported;
    let file = &finding.file;
    let path = text::escape_path(&origin.on_box(&file.path)).into_owned();
    let sha256 = file.digest.sha256().map(|sha256| sha256.to_string()).unwrap_or_default();
    let mut rows = Vec::new();
    let mut about = |at: Timestamp, what: &str, source: &str, message: &str, user: &str| {
        let id = origin.event_id(&format!("finding {} {at} {message}", judged.id));
        let verdict = judged.verdict.to_string();
        let cells = [
            &datetime(at),
            what,
            message,
            origin.host_name(),
            source,
            &rule.id.name,
            &verdict,
            &path,
            &sha256,
            user,
            &id,
        ];
        rows.push((id.clone(), csv::line(cells)));
    };
    for process in evidence.processes.found().into_iter().flatten() {
        if let Some(at) = process.started {
            let message = format!("pid {} {} started: {path}", process.pid, text::escape_str(&process.name));
            about(at, "Start Time", "PROCESS", &message, &process.user);
        }
    }
    for schedule in evidence.schedules.found().into_iter().chain(evidence.persistence.found()).flatten() {
        let table = text::escape_path(&schedule.referrer.path);
        let times = [
            ("Content Modification Time", "changed", Some(schedule.referrer.changed)),
            ("Last Run Time", "last ran", schedule.last_run),
        ];
        for (what, did, at) in times {
            if let Some(at) = at.and_then(FileTime::timestamp) {
                about(at, what, "SCHEDULE", &format!("{table} {did}: {path}"), "");
            }
        }
    }
    for event in evidence.events.found().into_iter().flatten() {
        let source = text::escape_path(&event.source);
        let id = origin.event_id(&format!("log {source}:{} {}", event.line, event.at));
        let message = format!("{}: {} ({source}:{})", event.kind, event.message, event.line);
        let cells =
            [&datetime(event.at), "Event Logged", &message, origin.host_name(), "LOG", "", "", &source, "", "", &id];
        rows.push((id.clone(), csv::line(cells)));
    }
    rows
}

/// A row for a scan or a decision; nothing for other entries of the journal.
pub(crate) fn entry(origin: &Origin, entry: &JournalEntry) -> String {
    let (what, message) = match &entry.event {
        JournalEvent::Happened(Record::ScanStarted { scan, tree, .. }) => {
            ("Scan Started", format!("scan {scan} of {} began", tree.path))
        }
        JournalEvent::Happened(Record::ScanEnded { scan, outcome, findings, .. }) => {
            ("Scan Ended", format!("scan {scan} {outcome}: {}", text::counted(*findings, "finding")))
        }
        JournalEvent::Happened(_) => return String::new(),
        JournalEvent::Decided(crate::case::Decision::Answered { scenario, answer, note }) => {
            let note = note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
            ("Decision", format!("scenario {scenario} {answer}{note}"))
        }
        JournalEvent::Decided(_) => match decided::decision(entry) {
            Some(said) => ("Decision", said),
            None => return String::new(),
        },
    };
    let undone = if entry.undone { " (taken back)" } else { "" };
    let (rule, path) = match &entry.finding {
        Some((_, subject)) => (subject.rule.as_str(), subject.path.path.as_str()),
        None => ("", ""),
    };
    csv::line([
        datetime(entry.at).as_str(),
        what,
        &(message + undone),
        origin.host_name(),
        "HUNTBOOK",
        rule,
        "",
        path,
        "",
        &entry.actor.to_string(),
        &origin.event_id(&format!("journal {}", entry.seq)),
    ])
}
