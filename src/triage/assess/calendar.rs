//! Times as cron tables (crontab(5)) and systemd timers (systemd.time(7), "Calendar events") write them, to the minute.

use crate::evidence::is_zone_name;
use jiff::civil::{DateTime, Weekday};

/// A set of points in time that repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Calendar {
    /// Monday is 0.
    weekdays: Option<Part>,
    years: Part,
    months: Part,
    days: Part,
    hours: Part,
    minutes: Part,
    /// In a cron table a day fits when either its date or its weekday does, if both are named.
    either_day: bool,
    /// Days are counted from the end of the month: 1 is its last.
    from_end: bool,
    /// The time zone that it is in, where it says so: `UTC`, `Europe/Berlin`.
    pub(super) zone: Option<String>,
}

/// Numbers in one part of a time, as `from, to, step`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part(Vec<(u16, u16, u16)>);

impl Part {
    fn any() -> Self {
        Self(vec![(0, u16::MAX, 1)])
    }

    fn holds(&self, number: u16) -> bool {
        self.0.iter().any(|(from, to, step)| (*from..=*to).contains(&number) && (number - from).is_multiple_of(*step))
    }

    /// Reads `*`, `5`, `1-5` (or `1..5`), `*/15`, `10/20`, and lists of these. Numbers and `names` count from `first`.
    fn read(text: &str, range: &str, names: &[&str], first: u16) -> Option<Self> {
        let number = |word: &str| {
            let prefix = |name: &&str| word.len() >= 3 && name.starts_with(&word.to_ascii_lowercase());
            let by_name = names.iter().position(prefix).map(|index| index as u16 + first);
            by_name.or_else(|| word.parse().ok().filter(|_| word.bytes().all(|b| b.is_ascii_digit())))
        };
        let item = |item: &str| {
            let (span, step) = match item.split_once('/') {
                Some((span, step)) => (span, step.parse().ok().filter(|step| *step > 0)?),
                None => (item, 1),
            };
            if span == "*" {
                return Some((first, u16::MAX, step));
            }
            // cronie's crontab(5): a number by chance, drawn once, from the range.
            if let Some((from, to)) = span.split_once('~').filter(|_| range == "-") {
                let bound = |word: &str, open| if word.is_empty() { Some(open) } else { number(word) };
                return Some((bound(from, first)?, bound(to, u16::MAX)?, 1));
            }
            match span.split_once(range) {
                Some((from, to)) => Some((number(from)?, number(to)?, step)),
                None if item.contains('/') => Some((number(span)?, u16::MAX, step)),
                None => number(span).map(|number| (number, number, 1)),
            }
        };
        text.split(',').map(item).collect::<Option<Vec<_>>>().map(Self)
    }
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const FROM_SUNDAY: [&str; 8] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const FROM_MONDAY: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

impl Calendar {
    /// Reads the time of a cron table: five fields, or a name such as `@daily`. `None` for what is no repeating time.
    pub(super) fn of_cron(when: &str) -> Option<Self> {
        let fields = match when {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            fields => fields,
        };
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else { return None };
        // Here Sunday is 0 and also 7; elsewhere in this file Monday is 0.
        let named = Part::read(weekday, "-", &FROM_SUNDAY, 0)?;
        let on = |day: u16| named.holds(day) || (day == 0 && named.holds(7));
        let weekdays = Part((0..7).filter(|day| on((day + 1) % 7)).map(|day| (day, day, 1)).collect());
        Some(Self {
            weekdays: Some(weekdays),
            years: Part::any(),
            months: Part::read(month, "-", &MONTHS, 1)?,
            days: Part::read(day, "-", &[], 1)?,
            hours: Part::read(hour, "-", &[], 0)?,
            minutes: Part::read(minute, "-", &[], 0)?,
            either_day: !day.starts_with('*') && !weekday.starts_with('*'),
            from_end: false,
            zone: None,
        })
    }

    /// Reads a calendar event of systemd. `None` for what is none.
    pub(super) fn of_systemd(when: &str) -> Option<Self> {
        let (event, zone) = match when.trim().rsplit_once(char::is_whitespace) {
            Some((event, zone)) if is_zone_name(zone) => (event, Some(zone.to_owned())),
            _ => (when, None),
        };
        let whole = match event.trim().to_ascii_lowercase().as_str() {
            "minutely" => "*-*-* *:*:00",
            "hourly" => "*-*-* *:00:00",
            "daily" => "*-*-* 00:00:00",
            "weekly" => "Mon *-*-* 00:00:00",
            "monthly" => "*-*-01 00:00:00",
            "quarterly" => "*-01,04,07,10-01 00:00:00",
            "semiannually" => "*-01,07-01 00:00:00",
            "yearly" | "annually" => "*-01-01 00:00:00",
            _ => event,
        };
        let mut read = Self {
            weekdays: None,
            years: Part::any(),
            months: Part::any(),
            days: Part::any(),
            hours: Part(vec![(0, 0, 1)]),
            minutes: Part(vec![(0, 0, 1)]),
            either_day: false,
            from_end: false,
            zone,
        };
        let mut words = whole.split_ascii_whitespace().peekable();
        if let Some(word) = words.next_if(|word| word.starts_with(|c: char| c.is_ascii_alphabetic())) {
            read.weekdays = Some(weekdays(word)?);
        }
        if let Some(word) = words.next_if(|word| word.contains(['-', '~'])) {
            read.date(word)?;
        }
        if let Some(word) = words.next_if(|word| word.contains(':')) {
            read.time(word)?;
        }
        (words.next().is_none() && !whole.trim().is_empty()).then_some(read)
    }

    /// How many minutes of a day on which it runs are its times.
    pub(super) fn times_a_day(&self) -> usize {
        let count = |part: &Part, below: u16| (0..below).filter(|number| part.holds(*number)).count();
        count(&self.hours, 24) * count(&self.minutes, 60)
    }

    fn date(&mut self, word: &str) -> Option<()> {
        // `*-02~01` is the last day of February.
        let word = match word.rsplit_once('~') {
            Some((before, day)) => {
                self.from_end = true;
                format!("{before}-{day}")
            }
            None => word.to_owned(),
        };
        let parts: Vec<&str> = word.split('-').collect();
        let (month, day) = match parts.as_slice() {
            [year, month, day] => {
                self.years = Part::read(year, "..", &[], 0)?;
                (month, day)
            }
            [month, day] => (month, day),
            _ => return None,
        };
        self.months = Part::read(month, "..", &[], 1)?;
        self.days = Part::read(day, "..", &[], 1)?;
        Some(())
    }

    fn time(&mut self, word: &str) -> Option<()> {
        let parts: Vec<&str> = word.split(':').collect();
        let ([hour, minute] | [hour, minute, _]) = parts.as_slice() else { return None };
        self.hours = Part::read(hour, "..", &[], 0)?;
        self.minutes = Part::read(minute, "..", &[], 0)?;
        Some(())
    }

    /// Whether the minute of `at` is one of these times.
    pub(super) fn holds(&self, at: DateTime) -> bool {
        let small = |number: i8| u16::from(number.unsigned_abs());
        let weekday = |day: Weekday| small(day.to_monday_zero_offset());
        let day = if self.from_end { at.date().days_in_month() - at.day() + 1 } else { at.day() };
        let by_date = self.days.holds(small(day));
        let by_weekday = self.weekdays.as_ref().is_none_or(|days| days.holds(weekday(at.weekday())));
        let day = if self.either_day { by_date || by_weekday } else { by_date && by_weekday };
        day && self.years.holds(at.year().unsigned_abs())
            && self.months.holds(small(at.month()))
            && self.hours.holds(small(at.hour()))
            && self.minutes.holds(small(at.minute()))
    }
}

/// `Mon`, `Mon,Thu`, `Mon..Fri`, `Sat..Mon`.
fn weekdays(word: &str) -> Option<Part> {
    let Part(items) = Part::read(word, "..", &FROM_MONDAY, 0)?;
    let mut days = Vec::new();
    for (from, to, _) in items {
        if from > 6 || to > 6 {
            return None;
        }
        // A range may pass Sunday.
        if from <= to { days.push((from, to, 1)) } else { days.extend([(from, 6, 1), (0, to, 1)]) }
    }
    Some(Part(days))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cron(when: &str, at: &str) -> bool {
        Calendar::of_cron(when).unwrap_or_else(|| panic!("{when}")).holds(at.parse().unwrap())
    }

    fn systemd(when: &str, at: &str) -> bool {
        Calendar::of_systemd(when).unwrap_or_else(|| panic!("{when}")).holds(at.parse().unwrap())
    }

    #[test]
    fn cron_fields_are_understood() {
        // 2026-11-20 is a Friday.
        for fits in [
            "* * * * *",
            "*/5 * * * *",
            "10 2 * * *",
            "5-15/5 1-3 * * *",
            "10 2 * nov fri",
            "10 2 20 * *",
            "10 2 * * 5",
            "10 2 1 * 5",
            "10 2 20 * mon",
            "0,10 2 * * mon-fri",
            "10/10 */2 */19 11 *",
        ] {
            assert!(cron(fits, "2026-11-20T02:10:30"), "{fits}");
        }
        for misses in [
            "11 2 * * *",
            "10 3 * * *",
            "10 2 * * 0",
            "10 2 * * 7",
            "10 2 19 * *",
            "10 2 * dec *",
            "10 2 1 * mon",
            "*/7 * * * *",
            "@daily",
            "@hourly",
        ] {
            assert!(!cron(misses, "2026-11-20T02:10:00"), "{misses}");
        }
        // 2026-11-22 is a Sunday, which has two numbers.
        for sunday in ["0 0 * * 0", "0 0 * * 7", "0 0 * * sun", "0 0 * * 5-7", "@weekly", "@daily", "@midnight"] {
            assert!(cron(sunday, "2026-11-22T00:00:00"), "{sunday}");
        }
        assert!(cron("@monthly", "2026-11-01T00:00:00") && cron("@yearly", "2026-01-01T00:00:00"));
        for no_time in ["@reboot", "daily", "", "* * * *", "~x * * * *", "x * * * *", "*/0 * * * *", "99999 * * * *"] {
            assert_eq!(Calendar::of_cron(no_time), None, "{no_time}");
        }
    }

    #[test]
    fn calendar_events_are_understood() {
        for fits in [
            "*-*-* 02:10",
            "Fri 02:10:00",
            "Mon..Fri *-*-* 02:10",
            "Thu..Mon 2:10",
            "*:0/5",
            "*-11-20 02:10",
            "2026-*-* 2:10",
            "Wed,Fri *-*-1..20 1..3:10",
            "02:10 UTC",
            "minutely",
            "friday 02:10",
            "minutely UTC",
            "*-*-* 02:10 Europe/Berlin",
            "*-11~11 02:10",
            "*-*~1..15 02:10",
        ] {
            assert!(systemd(fits, "2026-11-20T02:10:30"), "{fits}");
        }
        for misses in [
            "*-*-* 02:11",
            "Sat..Mon 2:10",
            "daily",
            "*-12-* 02:10",
            "2027-*-* 2:10",
            "*-11-20",
            "monthly",
            "*-11~10 02:10",
        ] {
            assert!(!systemd(misses, "2026-11-20T02:10:00"), "{misses}");
        }
        assert!(systemd("daily", "2026-11-20T00:00:00") && systemd("*-11-20", "2026-11-20T00:00:00"));
        assert_eq!(Calendar::of_systemd("02:10 UTC").unwrap().zone.as_deref(), Some("UTC"));
        assert_eq!(Calendar::of_systemd("hourly Europe/Berlin").unwrap().zone.as_deref(), Some("Europe/Berlin"));
        assert_eq!(
            (
                Calendar::of_cron("* * * * *").unwrap().times_a_day(),
                Calendar::of_cron("*/5 2 * * *").unwrap().times_a_day()
            ),
            (1440, 12)
        );
        for other in ["", "Someday", "2:10 2:10", "Mon..Zzz", "1:2:3:4"] {
            assert_eq!(Calendar::of_systemd(other), None, "{other}");
        }
    }

    #[test]
    fn systemd_s_own_next_times_are_held() {
        let analyze = |when: &str| {
            let mut command = std::process::Command::new("systemd-analyze");
            command.args(["calendar", "--iterations=3", "--base-time=2026-01-15 12:34:00", when]).env("TZ", "UTC");
            let output = command.output().ok().filter(|output| output.status.success())?;
            Some(String::from_utf8_lossy(&output.stdout).into_owned())
        };
        if analyze("daily").is_none() {
            eprintln!("skipped: systemd-analyze is not here");
            return;
        }
        let mut compared = 0;
        for when in [
            "minutely",
            "hourly",
            "daily",
            "weekly",
            "monthly",
            "quarterly",
            "semiannually",
            "yearly",
            "*:0/5",
            "*:7/13",
            "Mon..Fri 02:10",
            "Sat,Sun *-*-* 23:59",
            "*-*-1,15 6:30",
            "*-02-29 0:00",
            "*-*~1 3:00",
            "*-02~2 3:00",
            "2026-*-10/5 1..3:00/20",
            "*-1/3-1 0:00",
            "Fri *-*-13 13:00",
            "hourly UTC",
            "*-*-* *:15:00",
            "10:00",
            "Mon",
            "*-11-11",
            "Tue *-*-1..7 9:00",
        ] {
            let Some(said) = analyze(when) else { panic!("{when} is no calendar event for systemd") };
            let calendar = Calendar::of_systemd(when).unwrap_or_else(|| panic!("{when}"));
            for line in said.lines().filter(|line| line.contains("elapse:") || line.contains("Iter. #")) {
                let words: Vec<&str> = line.split_ascii_whitespace().collect();
                let Some(date) = words.iter().position(|word| word.len() == 10 && word.matches('-').count() == 2)
                else {
                    continue;
                };
                let at: DateTime = format!("{}T{}", words[date], words[date + 1]).parse().unwrap();
                assert!(calendar.holds(at), "{when}: systemd says {at}");
                compared += 1;
            }
        }
        assert!(compared >= 27, "{compared}");
    }

    proptest! {
        #[test]
        fn nothing_in_a_table_can_break_it(when in "[-*/,.:~a-zA-Z0-9 @]{0,40}", noise in ".*") {
            let at: DateTime = "2026-11-20T02:10:00".parse().unwrap();
            for text in [when, noise] {
                for calendar in [Calendar::of_cron(&text), Calendar::of_systemd(&text)].into_iter().flatten() {
                    calendar.holds(at);
                }
            }
        }
    }
}
