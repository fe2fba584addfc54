//! All that is known of the time around a file, in one order.

use jiff::Timestamp;

use super::reference::Reference;
use super::{Evidence, NameMatch, Observed};
use crate::finding::FileTime;
use crate::text;

/// Moments told at most; of more the nearest to the file's own times are.
const MAX_MOMENTS: usize = 300;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moment {
    /// When, by the box's clock.
    pub at: Timestamp,
    /// What, safe to show.
    pub message: String,
    /// Whether it is a time of the file itself.
    pub own: bool,
    /// Seconds after the file's last change; negative for before.
    pub after: i64,
    /// What tells it, where that can be looked up.
    pub to: Option<Reference>,
}

/// What happened, the earliest first, and how many moments were left out. Whoever has root can change all but the times of
/// inodes, and the box's clock may have been wrong.
pub(crate) fn of(evidence: &Evidence) -> (Vec<Moment>, usize) {
    let facts = &evidence.facts;
    let mut all: Vec<Moment> = Vec::new();
    let mut add = |at: Option<Timestamp>, said: String, own: bool, to: Option<Reference>| {
        let after = |at: Timestamp| at.as_second().saturating_sub(facts.changed.seconds);
        all.extend(at.map(|at| Moment { at, message: said, own, after: after(at), to }));
    };
    let clock = |time: Option<FileTime>| time.and_then(FileTime::timestamp);
    add(clock(facts.born), "the file: its inode was made".into(), true, None);
    add(
        clock(Some(facts.modified)),
        "the file: its content was changed, as it says itself (can be set)".into(),
        true,
        None,
    );
    add(clock(Some(facts.changed)), "the file: its inode was changed".into(), true, None);
    for neighbour in evidence.neighbours.found().into_iter().flatten() {
        let said = format!("beside it: {} was changed", text::escape_path(&neighbour.path));
        add(clock(Some(neighbour.changed)), said, false, Some(Reference::File(neighbour.path.clone(), None)));
    }
    let naming = [&evidence.schedules, &evidence.persistence].into_iter().filter_map(Observed::found).flatten();
    for schedule in naming.filter(|schedule| schedule.names == NameMatch::File) {
        let path = text::escape_path(&schedule.referrer.path);
        let to = || Some(Reference::from(schedule));
        let line = schedule.line;
        let changed = format!("schedule: {path}:{line}, which names it, was changed");
        add(clock(Some(schedule.referrer.changed)), changed, false, to());
        add(clock(schedule.referrer.born), format!("schedule: {path}, which names it, was made"), false, to());
        add(clock(schedule.last_run), format!("schedule: {path}:{line} ran"), false, to());
        add(clock(schedule.next_run), format!("schedule: {path}:{line} is to run"), false, to());
    }
    for process in evidence.processes.found().into_iter().flatten() {
        let what = if process.runs_it() { "runs it" } else { "opens or names it" };
        let said = format!("process: {} {}, which {what}, was started as {}", process.pid, process.name, process.user);
        add(process.started, said, false, Some(Reference::Process(process.pid)));
    }
    for event in evidence.events.found().into_iter().flatten() {
        let source = text::escape_path(&event.source);
        let said = format!("{}: {} ({source}:{})", event.kind, event.message, event.line);
        add(Some(event.at), said, false, Some(Reference::File(event.source.clone(), Some(event.line))));
    }
    let own: Vec<i64> = all.iter().filter(|moment| moment.own).map(|moment| moment.at.as_second()).collect();
    let distance =
        |moment: &Moment| own.iter().map(|own| (moment.at.as_second() - own).abs()).min().unwrap_or_default();
    all.sort_by_key(distance);
    let left_out = all.len().saturating_sub(MAX_MOMENTS);
    all.truncate(MAX_MOMENTS);
    all.sort_by(|one, other| (one.at, !one.own, &one.message).cmp(&(other.at, !other.own, &other.message)));
    all.dedup_by(|one, other| (one.at, &one.message) == (other.at, &other.message));
    (all, left_out)
}

/// How long before or after the file's last change something happened, for people: `+2 min`, `-3 h`, `at once`.
pub(crate) fn apart(seconds: i64) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let (count, unit) = match seconds.unsigned_abs() {
        0 => return "±0".to_owned(),
        seconds @ 1..120 => (seconds, "s"),
        seconds @ 120..7200 => (seconds / 60, "min"),
        seconds @ 7200..172_800 => (seconds / 3600, "h"),
        seconds => (seconds / 86_400, "days"),
    };
    format!("{sign}{count} {unit}")
}

#[cfg(test)]
mod tests {
    use super::super::BoxEvent;
    use super::*;
    use crate::evidence::testing;

    #[test]
    fn what_happened_near_the_file_stands_in_order_with_its_distance_and_far_moments_are_left_out_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, "x").unwrap();
        let mut facts = testing::facts(&path);
        let at = |seconds| FileTime { seconds, nanos: 0 };
        (facts.born, facts.modified, facts.changed) = (Some(at(1000)), at(900), at(1000));
        let event = |seconds: i64, said: &str| BoxEvent {
            at: Timestamp::from_second(seconds).unwrap(),
            message: said.to_owned(),
            kind: serde_json::from_str("\"package\"").unwrap(),
            source: "/var/log/dpkg.log".into(),
            line: 7,
            names_file: false,
        };
        let mut evidence = Evidence { facts, ..Evidence::default() };
        evidence.events = Observed::Found(vec![event(1120, "install nmap"), event(880, "login of ann")]);
        let (moments, left_out) = of(&evidence);
        let said: Vec<_> = moments.iter().map(|moment| (moment.after, moment.own)).collect();
        assert_eq!(
            (said.as_slice(), left_out),
            (&[(-120, false), (-100, true), (0, true), (0, true), (120, false)][..], 0)
        );
        assert!(moments[4].message.contains("install nmap (/var/log/dpkg.log:7)"), "{}", moments[4].message);
        assert_eq!(moments[4].to, Some(Reference::File("/var/log/dpkg.log".into(), Some(7))));
        let many = (0..1000).map(|second| event(2000 + second, &format!("event {second}"))).collect();
        evidence.events = Observed::Found(many);
        let (moments, left_out) = of(&evidence);
        assert_eq!((moments.len(), left_out), (MAX_MOMENTS, 703));
        assert!(moments.iter().all(|moment| moment.at.as_second() < 2300), "the nearest are told");
    }

    #[test]
    fn distances_are_for_people() {
        let shown: Vec<_> = [0, -1, 119, 120, -7200, 400_000].into_iter().map(apart).collect();
        assert_eq!(shown, ["±0", "-1 s", "+119 s", "+2 min", "-2 h", "+4 days"]);
    }
}
