//! What happened, in the order of time: a list, and where it stands on a line on which long silences are cut short.

use jiff::Timestamp;

use crate::finding::{FileFacts, FileTime};

/// Events that are listed and drawn at most.
const MAX_EVENTS: usize = 400;
/// A silence of more than this part of the whole time is cut short.
const SILENCE: f64 = 0.08;
/// Stretches of time at most.
const STRETCHES: usize = 6;
/// Width of the line, and of a silence that is cut short.
pub(super) const WIDTH: f64 = 1000.0;
const CUT: f64 = 24.0;

/// What an event is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TimelineKind {
    /// A time of a file.
    File,
    /// The start of a process that has to do with a file.
    Process,
    /// A change or a run of what schedules a file.
    Schedule,
    /// A package that was installed, upgraded or removed.
    Package,
    /// A login, or a change to another user.
    Login,
    /// A start or an end of the box, or a change of its clock.
    System,
    /// A scan.
    Scan,
    /// A decision.
    Decision,
}

impl TimelineKind {
    pub(super) const ALL: [Self; 8] = [
        Self::File,
        Self::Process,
        Self::Schedule,
        Self::Package,
        Self::Login,
        Self::System,
        Self::Scan,
        Self::Decision,
    ];
    /// Which go where there are too many, in this order.
    const LEAST_TELLING_FIRST: [Self; 6] =
        [Self::Login, Self::System, Self::Package, Self::File, Self::Schedule, Self::Process];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::File => "files",
            Self::Process => "processes",
            Self::Schedule => "schedules",
            Self::Package => "packages",
            Self::Login => "logins",
            Self::System => "system",
            Self::Scan => "scan",
            Self::Decision => "decisions",
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TimelineEvent {
    pub(super) at: Timestamp,
    pub(super) kind: TimelineKind,
    /// What, safe text.
    pub(super) text: String,
}

impl TimelineEvent {
    pub(super) fn at(at: Timestamp, kind: TimelineKind, text: String) -> Self {
        Self { at, kind, text }
    }
}

/// The times of a file; those that are the same are one event.
pub(super) fn file_events(path: &str, file: &FileFacts) -> Vec<TimelineEvent> {
    let times = [("created", file.born), ("modified", Some(file.modified)), ("inode changed", Some(file.changed))];
    let mut events: Vec<TimelineEvent> = Vec::new();
    for (what, at) in times {
        let Some(at) = at.and_then(FileTime::timestamp) else { continue };
        match events.last_mut().filter(|event| event.at == at) {
            Some(event) => event.text = event.text.replacen(": ", &format!(" and {what}: "), 1),
            None => events.push(TimelineEvent::at(at, TimelineKind::File, format!("{what}: {path}"))),
        }
    }
    events
}

/// Events in the order of time.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    pub(super) events: Vec<TimelineEvent>,
    /// Events that are not listed.
    pub(super) more: usize,
}

/// A stretch of time without a long silence, from one place on the line to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stretch {
    pub(super) from: (Timestamp, f64),
    pub(super) to: (Timestamp, f64),
}

impl Timeline {
    /// The events in the order of time; when there are too many, what matters least goes first, the earliest of it.
    pub(super) fn of(mut events: Vec<TimelineEvent>) -> Self {
        events.sort_by(|a, b| (a.at, a.kind, &a.text).cmp(&(b.at, b.kind, &b.text)));
        events.dedup();
        let more = events.len().saturating_sub(MAX_EVENTS);
        let mut left = more;
        for kind in TimelineKind::LEAST_TELLING_FIRST {
            events.retain(|event| {
                let drop = left > 0 && event.kind == kind;
                left -= usize::from(drop);
                !drop
            });
        }
        events.truncate(MAX_EVENTS);
        Self { events, more }
    }

    /// The stretches of the line.
    pub(super) fn stretches(&self) -> Vec<Stretch> {
        let (Some(first), Some(last)) = (self.events.first(), self.events.last()) else { return Vec::new() };
        let seconds = |from: Timestamp, to: Timestamp| to.duration_since(from).as_secs_f64();
        let whole = seconds(first.at, last.at).max(1.0);
        let mut gaps: Vec<_> = self
            .events
            .windows(2)
            .enumerate()
            .filter_map(|(index, pair)| Some((seconds(pair.first()?.at, pair.last()?.at), index)))
            .filter(|(gap, _)| *gap > whole * SILENCE)
            .collect();
        gaps.sort_by(|a, b| b.0.total_cmp(&a.0));
        gaps.truncate(STRETCHES - 1);
        let mut ends: Vec<_> = gaps.into_iter().map(|(_, index)| index).collect();
        ends.sort_unstable();
        ends.push(self.events.len() - 1);
        // Each stretch has room by how much happened in it.
        let room = WIDTH - CUT * (ends.len() - 1) as f64;
        let mut stretches = Vec::new();
        let (mut begin, mut x) = (0, 0.0);
        let weight = |begin: usize, end: usize| ((end - begin + 1) as f64).sqrt();
        let mut begins = vec![0];
        begins.extend(ends.iter().map(|end| end + 1));
        let total: f64 = begins.iter().zip(&ends).map(|(begin, end)| weight(*begin, *end)).sum();
        for end in ends {
            let width = room * weight(begin, end) / total;
            let (Some(from), Some(to)) = (self.events.get(begin), self.events.get(end)) else { break };
            stretches.push(Stretch { from: (from.at, x), to: (to.at, x + width) });
            x += width + CUT;
            begin = end + 1;
        }
        stretches
    }
}

impl Stretch {
    /// Where `at` lies on the line; `None` outside of the stretch.
    pub(super) fn place(&self, at: Timestamp) -> Option<f64> {
        if at < self.from.0 || at > self.to.0 {
            return None;
        }
        let whole = self.to.0.duration_since(self.from.0).as_secs_f64();
        if whole <= 0.0 {
            return Some(f64::midpoint(self.from.1, self.to.1));
        }
        Some(self.from.1 + at.duration_since(self.from.0).as_secs_f64() / whole * (self.to.1 - self.from.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(second: i64, kind: TimelineKind) -> TimelineEvent {
        TimelineEvent::at(Timestamp::from_second(second).unwrap(), kind, format!("at {second}"))
    }

    #[test]
    fn long_silences_are_cut_short_and_every_event_has_its_place() {
        let seconds = [0, 10, 1_000_000, 1_000_100, 5_000_000];
        let timeline = Timeline::of(seconds.map(|second| event(second, TimelineKind::File)).to_vec());
        let stretches = timeline.stretches();
        assert_eq!(stretches.len(), 3);
        assert!((stretches[2].to.1 - WIDTH).abs() < 0.01);
        let places: Vec<f64> = timeline
            .events
            .iter()
            .map(|event| stretches.iter().find_map(|stretch| stretch.place(event.at)).unwrap())
            .collect();
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{places:?}");
        assert_eq!(Timeline::of(vec![event(1, TimelineKind::Scan)]).stretches().len(), 1);
        assert!(Timeline::default().stretches().is_empty());
    }

    #[test]
    fn of_too_many_events_decisions_stay_and_the_rest_is_counted() {
        let mut events: Vec<_> = (0..1000).map(|second| event(second, TimelineKind::File)).collect();
        events.push(event(5, TimelineKind::Decision));
        let timeline = Timeline::of(events);
        assert_eq!((timeline.events.len(), timeline.more), (MAX_EVENTS, 601));
        assert!(timeline.events.iter().any(|event| event.kind == TimelineKind::Decision));
    }
}
