//! Whether a process was started when a schedule that names the file would have started it.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::calendar::Calendar;
use crate::evidence::{Evidence, Names, Schedule, Scheduler};
use crate::finding::FileTime;
use crate::hunt::{Field, Truth};
use crate::text;

/// Seconds by which a start may be off from what cron's table says: `/proc` tells the time of boot to the second only.
const CRON_SLACK: &[i64] = &[0, 1, -1];
/// The same for a timer, which systemd lets run up to a minute late unless told otherwise (systemd.timer(5), `AccuracySec`).
const TIMER_SLACK: &[i64] = &[0, 1, -1, -60];
/// Seconds until a job has started: atd looks once a minute, a timer's stamp is written when it runs out.
const LATE: i64 = 90;

/// The run times of all schedules that name a file.
pub(super) struct Timetable {
    zone: TimeZone,
    schedules: Vec<RunTimes>,
    /// Why there may be other schedules.
    unknown: Option<String>,
}

/// When one schedule runs.
struct RunTimes {
    calendars: Vec<Calendar>,
    slack: &'static [i64],
    /// Single times at which it ran or will run.
    once: Vec<Timestamp>,
    /// Why it may run at other times too.
    open: Option<String>,
    /// Why it may not run the file at all.
    weak: Option<String>,
}

/// How a start fits.
pub(super) struct Fit {
    pub(super) truth: Truth,
    /// Why it is unknown, if it is.
    pub(super) why: Option<String>,
}

impl Timetable {
    /// The run times of the schedules in the evidence.
    pub(super) fn of(evidence: &Evidence) -> Self {
        let schedules = evidence.schedules.found().into_iter().flatten().map(RunTimes::of).collect();
        let fields = [Field::ScheduleCron, Field::ScheduleSystemd];
        let unknown = fields.into_iter().find_map(|field| evidence.field(field).unknown);
        let unknown = unknown.or_else(|| evidence.zone.reason().map(str::to_owned));
        Self { zone: evidence.zone.found().map_or(TimeZone::UTC, |zone| (**zone).clone()), schedules, unknown }
    }

    /// Whether a process that was started then fits one of the schedules.
    pub(super) fn fit(&self, started: Timestamp) -> Fit {
        let mut fit = match &self.unknown {
            Some(why) => Fit { truth: Truth::Unknown, why: Some(why.clone()) },
            None => Fit { truth: Truth::NotMet, why: None },
        };
        for schedule in &self.schedules {
            let one = schedule.fit(started, &self.zone);
            if one.truth > fit.truth {
                fit = one;
            }
        }
        fit
    }
}

impl RunTimes {
    fn of(schedule: &Schedule) -> Self {
        let when = &schedule.when;
        let single = |time: Option<FileTime>| time.and_then(FileTime::timestamp);
        let mut times = Self {
            calendars: Vec::new(),
            slack: CRON_SLACK,
            once: single(schedule.next_run).into_iter().collect(),
            open: None,
            weak: None,
        };
        match schedule.scheduler {
            Scheduler::Cron => match Calendar::of_cron(when) {
                Some(calendar) => times.calendars.push(calendar),
                None => times.open = Some(format!("it runs {when}, which is no time of day")),
            },
            Scheduler::Anacron => times.open = Some(format!("it runs {when}, at no set time of day")),
            Scheduler::At => {}
            Scheduler::Systemd => {
                times.once.extend(single(schedule.last_run));
                times.timers(when);
            }
        }
        if let Names::Folder(folder) = &schedule.names {
            times.weak = Some(format!("it names only the folder {}", text::escape_path(folder)));
        }
        let table = text::escape_path(&schedule.referrer.path);
        for why in [&mut times.open, &mut times.weak].into_iter().flatten() {
            *why = format!("{table}:{}: {why}", schedule.line);
        }
        times
    }

    /// Reads what the timers of a unit say: `nightly.timer: OnCalendar=*-*-* 02:00`, joined by `; `.
    fn timers(&mut self, when: &str) {
        self.slack = TIMER_SLACK;
        let timers = when.split("; ").filter_map(|part| part.split_once(".timer: "));
        let mut known = false;
        for (key, value) in timers.flat_map(|(_, settings)| each_setting(settings)) {
            known = true;
            let calendar = (key == "OnCalendar").then(|| Calendar::of_systemd(&value)).flatten();
            match calendar {
                Some(calendar) => self.calendars.push(calendar),
                None if key == "RandomizedDelaySec" => {
                    self.open = Some(format!("its timer adds a delay by chance, {value}"));
                }
                None => self.open = Some(format!("its timer says {key}={value}, which is no time of day known here")),
            }
        }
        if !known {
            self.open = Some(format!("{when}, at no set time of day"));
        }
    }

    fn fit(&self, started: Timestamp, zone: &TimeZone) -> Fit {
        let soon_after = |time: &Timestamp| (-1..=LATE).contains(&started.duration_since(*time).as_secs());
        if self.once.iter().any(soon_after) || self.calendars.iter().any(|one| self.holds(one, started, zone)) {
            let truth = if self.weak.is_some() { Truth::Unknown } else { Truth::Met };
            return Fit { truth, why: self.weak.clone() };
        }
        match &self.open {
            Some(why) => Fit { truth: Truth::Unknown, why: Some(why.clone()) },
            None => Fit { truth: Truth::NotMet, why: None },
        }
    }

    fn holds(&self, calendar: &Calendar, started: Timestamp, zone: &TimeZone) -> bool {
        let zone = if calendar.utc { &TimeZone::UTC } else { zone };
        self.slack.iter().any(|seconds| {
            let at = started.saturating_add(SignedDuration::from_secs(*seconds)).unwrap_or(started);
            calendar.holds(zone.to_datetime(at))
        })
    }
}

/// `OnCalendar=Mon *-*-* 02:00 OnBootSec=5min` as keys and values, which may hold blanks.
fn each_setting(settings: &str) -> Vec<(String, String)> {
    let mut each: Vec<(String, String)> = Vec::new();
    for word in settings.split_ascii_whitespace() {
        match (word.split_once('='), each.last_mut()) {
            (Some((key, value)), _) => each.push((key.to_owned(), value.to_owned())),
            (None, Some((_, value))) => {
                value.push(' ');
                value.push_str(word);
            }
            (None, None) => {}
        }
    }
    each
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(scheduler: Scheduler, when: &str) -> RunTimes {
        let mut times = RunTimes { calendars: Vec::new(), slack: CRON_SLACK, once: Vec::new(), open: None, weak: None };
        match scheduler {
            Scheduler::Systemd => times.timers(when),
            _ => times.calendars.extend(Calendar::of_cron(when)),
        }
        times
    }

    fn fits(times: &RunTimes, started: &str) -> Truth {
        times.fit(started.parse().unwrap(), &TimeZone::fixed(jiff::tz::offset(2))).truth
    }

    #[test]
    fn a_start_fits_in_the_box_s_own_time_with_a_little_slack() {
        let nightly = times(Scheduler::Cron, "0 2 * * *");
        assert_eq!(fits(&nightly, "2026-11-20T00:00:40Z"), Truth::Met);
        assert_eq!(fits(&nightly, "2026-11-19T23:59:59.5Z"), Truth::Met);
        assert_eq!(fits(&nightly, "2026-11-20T00:01:05Z"), Truth::NotMet);
        assert_eq!(fits(&nightly, "2026-11-20T02:00:00Z"), Truth::NotMet);
    }

    #[test]
    fn timers_are_read_and_what_has_no_time_is_unknown() {
        let timer = times(Scheduler::Systemd, "n.timer: OnCalendar=Mon..Fri *-*-* 02:00; started by multi-user.target");
        assert_eq!(fits(&timer, "2026-11-20T00:01:20Z"), Truth::Met);
        assert_eq!(fits(&timer, "2026-11-21T00:00:20Z"), Truth::NotMet);
        let utc = times(Scheduler::Systemd, "n.timer: OnCalendar=02:00 UTC");
        assert_eq!(
            (fits(&utc, "2026-11-20T02:00:20Z"), fits(&utc, "2026-11-20T00:00:20Z")),
            (Truth::Met, Truth::NotMet)
        );
        for open in [
            "n.timer: OnBootSec=5min",
            "n.timer: OnCalendar=02:00 RandomizedDelaySec=1h",
            "n.timer: OnCalendar=02:00 Europe/Berlin",
            "started by multi-user.target",
            "n.service, which no timer and no target starts",
        ] {
            assert_eq!(fits(&times(Scheduler::Systemd, open), "2026-11-20T12:00:00Z"), Truth::Unknown, "{open}");
        }
        let mut ran = times(Scheduler::Systemd, "n.timer: OnCalendar=02:00");
        ran.once.push("2026-11-20T09:00:00Z".parse().unwrap());
        assert_eq!(fits(&ran, "2026-11-20T09:01:00Z"), Truth::Met);
        assert_eq!(fits(&ran, "2026-11-20T09:05:00Z"), Truth::NotMet);
        ran.weak = Some("it names only the folder /opt".into());
        assert_eq!(fits(&ran, "2026-11-20T09:01:00Z"), Truth::Unknown);
    }
}
