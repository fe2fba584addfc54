//! Whether a process was started by a schedule that names the file, at one of the times when that would have started it.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::calendar::Calendar;
use crate::evidence::{Evidence, NameMatch, Observed, Process, Schedule, Scheduler};
use crate::finding::FileTime;
use crate::hunt::{Field, Strength, Truth};
use crate::text;

/// Seconds by which a start may be off: `/proc` tells the time of boot to the second only.
const SLACK: i64 = 1;
/// Seconds until a job has started: atd looks once a minute, a timer's stamp is written when it runs out.
const LATE: i64 = 90;
/// Minutes looked back at most, for a job that may be delayed by chance.
const MAX_LATE: u64 = 7 * 1440;
/// Names of what starts the jobs of tables; cron's own child runs a job under a shell.
const CRON: [&str; 6] = ["cron", "crond", "anacron", "atd", "fcron", "busybox"];
/// Times a day at which a table that runs so often fits any start.
const OFTEN: usize = 288;

/// The run times of all schedules that name a file.
pub(super) struct Timetable {
    zone: TimeZone,
    schedules: Vec<RunTimes>,
    /// Why there may be other schedules.
    unknown: Option<String>,
}

/// When one schedule runs, and how what it starts can be told.
struct RunTimes {
    scheduler: Scheduler,
    calendars: Vec<Calendar>,
    /// Seconds by which it may be late.
    late: u64,
    /// Its own time zone, if it has one.
    zone: Option<TimeZone>,
    /// Single times at which it ran or will run.
    once: Vec<Timestamp>,
    /// Why it may run at other times too.
    open: Option<String>,
    /// Why it may not run the file at all.
    weak: Option<String>,
    user: String,
    unit: Option<String>,
}

/// How a start fits.
#[derive(Debug)]
pub(super) struct Fit {
    pub(super) truth: Truth,
    /// Why it is unknown, if it is.
    pub(super) why: Option<String>,
    /// How much it tells, where it fits.
    pub(super) strength: Strength,
}

impl Fit {
    fn of(truth: Truth, why: Option<String>) -> Self {
        Self { truth, why, strength: Strength::Weak }
    }
}

impl Timetable {
    /// The run times of the schedules in the evidence.
    pub(super) fn of(evidence: &Evidence) -> Self {
        let all = evidence.schedules.found().into_iter().flatten().filter(|schedule| schedule.never.is_none());
        let schedules = all.map(RunTimes::of).collect();
        let fields = [Field::ScheduleCron, Field::ScheduleSystemd];
        let unknown = fields.into_iter().find_map(|field| evidence.field(field).unknown);
        let unknown = unknown.or_else(|| evidence.zone.reason().map(str::to_owned));
        Self { zone: evidence.zone.found().map_or(TimeZone::UTC, |zone| (**zone).clone()), schedules, unknown }
    }

    /// Whether a process that was started then fits one of the schedules.
    pub(super) fn fit(&self, started: Timestamp, process: Option<&Process>) -> Fit {
        let mut fit = match &self.unknown {
            Some(why) => Fit::of(Truth::Unknown, Some(why.clone())),
            None => Fit::of(Truth::NotMet, None),
        };
        for schedule in &self.schedules {
            let mut one = schedule.fit(started, &self.zone);
            // The time alone is met by chance; who started it, and as whom, must fit too.
            if process.is_some_and(|process| !schedule.may_have_started(process)) {
                one = Fit::of(Truth::NotMet, None);
            }
            if (one.truth, one.strength) > (fit.truth, fit.strength) {
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
            scheduler: schedule.scheduler,
            calendars: Vec::new(),
            late: schedule.late,
            zone: None,
            once: single(schedule.next_run).into_iter().collect(),
            open: None,
            weak: None,
            user: schedule.user.clone(),
            unit: schedule.unit.clone(),
        };
        match schedule.scheduler {
            Scheduler::Cron => match Calendar::of_cron(when) {
                Some(calendar) => times.calendars.push(calendar),
                None => times.open = Some(format!("it runs {when}, which is no time of day")),
            },
            Scheduler::Anacron | Scheduler::Incron | Scheduler::Place => {
                times.open = Some(format!("it runs {when}, at no set time of day"));
            }
            Scheduler::At => {}
            Scheduler::Systemd => {
                times.once.extend(single(schedule.last_run));
                times.timers(when);
            }
        }
        let named = schedule.zone.clone().or_else(|| times.calendars.iter().find_map(|one| one.zone.clone()));
        if let Some(name) = named {
            times.zone = match &schedule.zone_rules {
                Observed::Found(zone) => Some((**zone).clone()),
                Observed::NotFound => None,
                // A case of a Huntbook that did not keep them: those of this machine.
                Observed::Unknown(_) => zone_named(&name),
            };
            if times.zone.is_none() {
                times.calendars.clear();
                let name = text::escape_str(&name);
                times.open = Some(format!("its times are in the zone {name}, for which the box has no rules"));
            }
        }
        if let NameMatch::Folder(folder) = &schedule.names {
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
        let timers = when.split("; ").filter_map(|part| part.split_once(".timer: "));
        let mut known = false;
        for (key, value) in timers.flat_map(|(_, settings)| each_setting(settings)) {
            known = true;
            // How late it may be is known already.
            if matches!(key.as_str(), "RandomizedDelaySec" | "AccuracySec") {
                continue;
            }
            if let Some(at) = value.strip_prefix('@').filter(|_| key == "OnCalendar") {
                self.once.extend(at.parse().ok().and_then(|at| Timestamp::from_second(at).ok()));
                continue;
            }
            let calendar = (key == "OnCalendar").then(|| Calendar::of_systemd(&value)).flatten();
            match calendar {
                Some(calendar) => self.calendars.push(calendar),
                None => self.open = Some(format!("its timer says {key}={value}, which is no time of day known here")),
            }
        }
        if !known {
            self.open = Some(format!("{when}, at no set time of day"));
        }
    }

    /// Whether a process may have been started by this schedule: by who is above it or by its unit, and by its user.
    fn may_have_started(&self, process: &Process) -> bool {
        let user_fits = process.user == self.user || process.real_user.as_ref() == Some(&self.user);
        let under = |names: &[&str]| {
            process.parents.iter().any(|parent| parent.names.iter().any(|name| names.contains(&name.as_str())))
        };
        match self.scheduler {
            Scheduler::Cron | Scheduler::Anacron | Scheduler::At => user_fits && under(&CRON),
            Scheduler::Incron => user_fits && under(&["incrond"]),
            Scheduler::Systemd => self.unit.is_some() && process.unit == self.unit,
            Scheduler::Place => false,
        }
    }

    fn fit(&self, started: Timestamp, zone: &TimeZone) -> Fit {
        let soon_after = |time: &Timestamp| (-1..=LATE).contains(&started.duration_since(*time).as_secs());
        if self.once.iter().any(soon_after) || self.calendars.iter().any(|one| self.holds(one, started, zone)) {
            let truth = if self.weak.is_some() { Truth::Unknown } else { Truth::Met };
            let strength = if self.is_often() { Strength::Weak } else { Strength::Strong };
            return Fit { truth, why: self.weak.clone(), strength };
        }
        match &self.open {
            Some(why) => Fit::of(Truth::Unknown, Some(why.clone())),
            None => Fit::of(Truth::NotMet, None),
        }
    }

    /// Whether it runs so often that any start fits.
    fn is_often(&self) -> bool {
        let late = usize::try_from(self.late / 60).unwrap_or(usize::MAX);
        self.calendars.iter().any(|calendar| calendar.times_a_day().saturating_mul(late.saturating_add(1)) >= OFTEN)
    }

    fn holds(&self, calendar: &Calendar, started: Timestamp, zone: &TimeZone) -> bool {
        let zone = self.zone.as_ref().unwrap_or(zone);
        let before = |seconds: i64| {
            let at = started.saturating_sub(SignedDuration::from_secs(seconds)).unwrap_or(started);
            calendar.holds(zone.to_datetime(at))
        };
        let minutes = (self.late / 60).min(MAX_LATE) as i64;
        before(-SLACK) || before(SLACK) || (0..=minutes).any(|minute| before(minute * 60))
    }
}

/// A zone by its name; the rules are this machine's.
fn zone_named(name: &str) -> Option<TimeZone> {
    if matches!(name, "UTC" | "GMT" | "Z") { Some(TimeZone::UTC) } else { TimeZone::get(name).ok() }
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
        let mut times = RunTimes {
            scheduler,
            calendars: Vec::new(),
            late: if scheduler == Scheduler::Systemd { 60 } else { 0 },
            zone: None,
            once: Vec::new(),
            open: None,
            weak: None,
            user: "root".into(),
            unit: None,
        };
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
    fn a_table_that_runs_all_the_time_tells_little() {
        let strength = |when: &str| {
            let fit = times(Scheduler::Cron, when).fit("2026-11-20T00:00:10Z".parse().unwrap(), &TimeZone::UTC);
            (fit.truth, fit.strength)
        };
        assert_eq!(strength("* * * * *"), (Truth::Met, Strength::Weak));
        assert_eq!(strength("*/5 * * * *"), (Truth::Met, Strength::Weak));
        assert_eq!(strength("0 0 * * *"), (Truth::Met, Strength::Strong));
        assert_eq!(strength("0 * * * *"), (Truth::Met, Strength::Strong));
    }

    #[test]
    fn timers_are_read_and_what_has_no_time_is_unknown() {
        let timer = times(Scheduler::Systemd, "n.timer: OnCalendar=Mon..Fri *-*-* 02:00; started by multi-user.target");
        assert_eq!(fits(&timer, "2026-11-20T00:01:20Z"), Truth::Met);
        assert_eq!(fits(&timer, "2026-11-21T00:00:20Z"), Truth::NotMet);
        let mut utc = times(Scheduler::Systemd, "n.timer: OnCalendar=02:00 UTC AccuracySec=1min");
        assert_eq!(utc.calendars[0].zone.as_deref(), Some("UTC"));
        utc.zone = Some(TimeZone::UTC);
        assert_eq!(
            (fits(&utc, "2026-11-20T02:00:20Z"), fits(&utc, "2026-11-20T00:00:20Z")),
            (Truth::Met, Truth::NotMet)
        );
        for open in [
            "n.timer: OnBootSec=5min",
            "started by multi-user.target",
            "n.service, which no timer and no target starts",
        ] {
            assert_eq!(fits(&times(Scheduler::Systemd, open), "2026-11-20T12:00:00Z"), Truth::Unknown, "{open}");
        }
        let mut delayed = times(Scheduler::Systemd, "n.timer: OnCalendar=02:00 RandomizedDelaySec=1h");
        delayed.late = 3660;
        assert_eq!(fits(&delayed, "2026-11-20T00:59:00Z"), Truth::Met);
        assert_eq!(fits(&delayed, "2026-11-20T01:02:00Z"), Truth::NotMet);
        let epoch = times(Scheduler::Systemd, "n.timer: OnCalendar=@1795000000");
        assert_eq!(fits(&epoch, &Timestamp::from_second(1_795_000_030).unwrap().to_string()), Truth::Met);
        let mut ran = times(Scheduler::Systemd, "n.timer: OnCalendar=02:00");
        ran.once.push("2026-11-20T09:00:00Z".parse().unwrap());
        assert_eq!(fits(&ran, "2026-11-20T09:01:00Z"), Truth::Met);
        assert_eq!(fits(&ran, "2026-11-20T09:05:00Z"), Truth::NotMet);
        ran.weak = Some("it names only the folder /opt".into());
        assert_eq!(fits(&ran, "2026-11-20T09:01:00Z"), Truth::Unknown);
    }
}
