//! The times that lines of logs begin with.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Months as syslog writes them (RFC 3164).
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Seconds by which a line may be later than the log's own time.
const AHEAD: i64 = 86_400;

/// The time that a line begins with, and what follows it. `written` is when the log was last written: syslog's times lack
/// the year.
pub(super) fn split<'l>(line: &'l str, zone: &TimeZone, written: i64) -> Option<(i64, &'l str)> {
    iso(line, zone).or_else(|| syslog(line, zone, written))
}

/// `2026-11-20T10:30:00.123+01:00`, `2026-11-20 10:30:00`, and the first of these with `+0100`.
fn iso<'l>(line: &'l str, zone: &TimeZone) -> Option<(i64, &'l str)> {
    let line = line.strip_prefix('[').unwrap_or(line);
    let date = line.get(..10)?;
    let separator = line.get(10..11)?;
    let time = line.get(11..19).filter(|_| matches!(separator, "T" | " "))?;
    let local: DateTime = format!("{date}T{time}").parse().ok()?;
    let rest = line.get(19..)?;
    let fraction = rest
        .strip_prefix(['.', ','])
        .map_or(0, |digits| 1 + digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len()));
    let rest = rest.get(fraction..)?;
    let (offset, rest) = match rest.as_bytes() {
        [b'Z', ..] => (Some(0), rest.get(1..)?),
        [sign @ (b'+' | b'-'), ..] => {
            let digits: String = rest.get(1..)?.chars().filter(|c| *c != ':').take(4).collect();
            let hours: i64 = digits.get(..2)?.parse().ok()?;
            let minutes: i64 = digits.get(2..4)?.parse().ok()?;
            let length = if rest.get(3..4) == Some(":") { 6 } else { 5 };
            let seconds = (hours * 60 + minutes) * 60;
            (Some(if *sign == b'-' { -seconds } else { seconds }), rest.get(length..)?)
        }
        _ => (None, rest),
    };
    let at = match offset {
        Some(offset) => TimeZone::UTC.to_timestamp(local).ok()?.as_second() - offset,
        None => zone.to_timestamp(local).ok()?.as_second(),
    };
    Some((at, rest.trim_start_matches([']', ' '])))
}

/// `Nov 20 10:30:00`, in the year that is not later than the log.
fn syslog<'l>(line: &'l str, zone: &TimeZone, written: i64) -> Option<(i64, &'l str)> {
    let month = MONTHS.iter().position(|month| line.starts_with(month))? + 1;
    let day: i8 = line.get(4..6)?.trim().parse().ok()?;
    let time = line.get(7..15)?;
    let mut parts = time.split(':').map(|part| part.parse::<i8>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let year = zone.to_datetime(Timestamp::from_second(written).ok()?).year();
    let in_year = |year: i16| {
        let local = DateTime::new(year, month as i8, day, hour, minute, second, 0).ok()?;
        zone.to_timestamp(local).ok().map(Timestamp::as_second)
    };
    let at = in_year(year).filter(|at| *at <= written + AHEAD).or_else(|| in_year(year - 1))?;
    Some((at, line.get(16..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_of_logs_are_read_with_their_year_and_zone() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let written = "2027-01-02T00:00:00Z".parse::<Timestamp>().unwrap().as_second();
        let of = |line: &str| {
            split(line, &zone, written)
                .map(|(at, rest)| (Timestamp::from_second(at).unwrap().to_string(), rest.to_owned()))
        };
        for (line, at, rest) in [
            ("Dec 31 23:30:00 box x: y", "2026-12-31T22:30:00Z", "box x: y"),
            ("Jan  1 01:30:00 box", "2027-01-01T00:30:00Z", "box"),
            ("2026-11-20T10:30:00.123456+01:00 box", "2026-11-20T09:30:00Z", "box"),
            ("2026-11-20T10:30:00+0100 DEBUG", "2026-11-20T09:30:00Z", "DEBUG"),
            ("2026-11-20T10:30:00Z x", "2026-11-20T10:30:00Z", "x"),
            ("2026-11-20 10:30:00 install", "2026-11-20T09:30:00Z", "install"),
            ("[2026-11-20T10:30:00+0100] [ALPM] installed", "2026-11-20T09:30:00Z", "[ALPM] installed"),
        ] {
            assert_eq!(of(line), Some((at.to_owned(), rest.to_owned())), "{line}");
        }
        for none in ["", "Nov", "Nov 99 10:00:00", "2026-13-01 10:00:00", "hello world, this is no time"] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn no_line_breaks_it(line in ".*", year in any::<i64>()) {
            let _ = split(&line, &TimeZone::UTC, year);
            let _ = split(&format!("Nov 20 {line}"), &TimeZone::UTC, year);
            let _ = split(&format!("2026-11-20T10:30:00{line}"), &TimeZone::UTC, year);
        }
    }
}
