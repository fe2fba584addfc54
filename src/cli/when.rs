//! Points in time as people write them.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Parses a time: RFC 3339, a date or a date and time in UTC (`2026-11-26`, `2026-11-26T10:30`), or how long ago (`36h`,
/// `3d`, `2 weeks`).
///
/// # Errors
/// A message that says what would be right.
pub(super) fn parse_time(text: &str) -> Result<Timestamp, String> {
    let utc = |time: DateTime| time.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    let ago = || {
        let span = text.parse::<jiff::Span>().ok()?;
        // A day has 24 hours in UTC.
        let length = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?;
        let length = if length < SignedDuration::ZERO { -length } else { length };
        Timestamp::now().checked_sub(length).ok()
    };
    let exact = text.parse::<Timestamp>().ok();
    let time = exact.or_else(|| utc(text.parse::<DateTime>().ok()?));
    let time = time.or_else(|| utc(text.parse::<Date>().ok()?.to_datetime(jiff::civil::Time::midnight())));
    time.or_else(ago).ok_or_else(|| {
        "is no time; write 2026-11-26T10:30:00Z, 2026-11-26 (midnight, UTC), or how long ago: 36h, 3d".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, wanted) in [
            ("2026-11-26T10:30:00Z", "2026-11-26T10:30:00Z"),
            ("2026-11-26T10:30:00+02:00", "2026-11-26T08:30:00Z"),
            ("2026-11-26", "2026-11-26T00:00:00Z"),
            ("2026-11-26T10:30", "2026-11-26T10:30:00Z"),
            ("2026-11-26 10:30:15", "2026-11-26T10:30:15Z"),
        ] {
            assert_eq!(parse_time(text).unwrap().to_string(), wanted, "{text}");
        }
        for (text, hours) in [("36h", 36), ("3d", 72), ("1w", 168), ("90m", 1)] {
            let hour = SignedDuration::from_hours(1);
            let then = parse_time(text).unwrap();
            let passed = Timestamp::now().duration_since(then);
            assert!(passed >= hour * hours && passed <= hour * (hours + 1), "{text}: {passed}");
        }
        for wrong in ["", "yesterday", "26.11.2026", "3"] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
    }
}
