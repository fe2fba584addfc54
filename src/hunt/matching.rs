//! Compares one seen value with the values a check names, and says which values a check may name.

use std::ffi::OsString;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path};

use globset::{Glob, GlobBuilder, GlobSet};
use ipnet::IpNet;
use jiff::civil::Time;
use serde::ser::{Serialize, Serializer};

use super::field::{CheckOperator, ValueKind};
use super::value::Value;

/// Bytes of one value in a hunt or in `site.toml` at most (`PATH_MAX`, see limits.h(0p)).
const MAX_BYTES: usize = 4096;

/// The values that a check names, parsed once into what its operator compares.
#[derive(Debug, Clone)]
pub struct NamedValues {
    texts: Vec<String>,
    parsed: Parsed,
}

/// Named values in the form that one operator compares.
#[derive(Debug, Clone)]
enum Parsed {
    /// Any value will do.
    Any,
    Equal(Vec<Value>),
    /// Parts of a text.
    Parts(Vec<String>),
    /// The components of each folder.
    Folders(Vec<Vec<OsString>>),
    /// All in one set; one set each where that would be too large.
    Globs(Vec<GlobSet>),
    Networks(Vec<IpNet>),
    Windows(Vec<Window>),
    Spans(Vec<RangeInclusive<u32>>),
}

impl NamedValues {
    /// The values that a check of this operator on a field of this kind names; each must be in the form that [`normal`]
    /// brings it into.
    pub(super) fn parse(kind: ValueKind, operator: CheckOperator, texts: Vec<String>) -> Self {
        let each = texts.iter();
        let parsed = match operator {
            CheckOperator::Exists => Parsed::Any,
            CheckOperator::In => Parsed::Equal(each.filter_map(|text| Value::parse(kind, text)).collect()),
            CheckOperator::Contains => Parsed::Parts(texts.clone()),
            CheckOperator::Under => {
                Parsed::Folders(each.map(|folder| components(Path::new(folder)).collect()).collect())
            }
            CheckOperator::Glob => Parsed::Globs(glob_sets(each)),
            CheckOperator::Within if kind == ValueKind::Address => {
                Parsed::Networks(each.filter_map(|net| network(net)).collect())
            }
            CheckOperator::Within if kind == ValueKind::Minutes => {
                Parsed::Spans(each.filter_map(|text| span(text)).collect())
            }
            CheckOperator::Within => Parsed::Windows(each.filter_map(|text| Window::parse(text)).collect()),
        };
        Self { texts, parsed }
    }

    /// As [`Self::parse`], without the values that do not fit there: the site's sets may change after the hunts were
    /// loaded, and a group may have any members.
    pub fn fitting<T: AsRef<str>>(kind: ValueKind, operator: CheckOperator, texts: &[T]) -> Self {
        let good = texts.iter().filter_map(|text| normal(kind, operator, text.as_ref()).ok());
        Self::parse(kind, operator, good.collect())
    }

    /// The values in the form in which hunts write them.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// Whether a value that was seen on the box meets the operator with one of these.
    ///
    /// `exists` asks only whether there is a value, so any value meets it.
    pub fn matches(&self, seen: &Value) -> bool {
        match (&self.parsed, seen) {
            (Parsed::Any, _) => true,
            // A socket of both families shows IPv4 peers as ::ffff:192.0.2.1.
            (Parsed::Equal(named), Value::Address(address)) => named.contains(&Value::Address(address.to_canonical())),
            (Parsed::Equal(named), _) => named.contains(seen),
            (Parsed::Parts(parts), Value::Text(_) | Value::Path(_)) => {
                let seen = as_path(seen).as_os_str().as_bytes();
                parts.iter().any(|part| contains(seen, part.as_bytes()))
            }
            (Parsed::Folders(folders), Value::Path(path)) => is_under_one(path, folders),
            (Parsed::Globs(sets), Value::Text(_) | Value::Path(_)) => {
                sets.iter().any(|set| set.is_match(as_path(seen)))
            }
            (Parsed::Networks(networks), Value::Address(address)) => {
                let address = address.to_canonical();
                networks.iter().any(|network| network.contains(&address))
            }
            (Parsed::Windows(windows), Value::Time(time)) => {
                windows.iter().any(|window| window.holds(time.time_of_day()))
            }
            (Parsed::Spans(spans), Value::Minutes(minutes)) => spans.iter().any(|span| span.contains(minutes)),
            (
                Parsed::Parts(_)
                | Parsed::Folders(_)
                | Parsed::Globs(_)
                | Parsed::Networks(_)
                | Parsed::Windows(_)
                | Parsed::Spans(_),
                _,
            ) => false,
        }
    }
}

/// Checks of one field and operator that name the same values compare alike.
impl PartialEq for NamedValues {
    fn eq(&self, other: &Self) -> bool {
        self.texts == other.texts
    }
}

impl Eq for NamedValues {}

impl Serialize for NamedValues {
    /// As in a hunt's TOML.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.parsed {
            Parsed::Equal(values) => values.serialize(serializer),
            _ => self.texts.serialize(serializer),
        }
    }
}

fn as_path(seen: &Value) -> &Path {
    match seen {
        Value::Text(text) => Path::new(text),
        Value::Path(path) => path,
        _ => Path::new(""),
    }
}

fn contains(value: &[u8], part: &[u8]) -> bool {
    part.is_empty() || value.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
}

/// The names in a path, without the root.
fn components(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        _ => None,
    })
}

fn is_under_one(path: &Path, folders: &[Vec<OsString>]) -> bool {
    // A path with `..` says nothing about where it ends up.
    if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
        return false;
    }
    let path: Vec<OsString> = components(path).collect();
    let fits = |(wanted, part): (&OsString, &OsString)| wanted == "*" || wanted == part;
    folders.iter().any(|folder| folder.len() <= path.len() && folder.iter().zip(&path).all(fits))
}

fn glob(pattern: &str) -> Result<Glob, globset::Error> {
    GlobBuilder::new(pattern).literal_separator(true).backslash_escape(true).build()
}

fn glob_sets<'t>(patterns: impl Iterator<Item = &'t String>) -> Vec<GlobSet> {
    let globs: Vec<Glob> = patterns.filter_map(|pattern| glob(pattern).ok()).collect();
    match GlobSet::new(&globs) {
        Ok(set) => vec![set],
        Err(_) => globs.iter().filter_map(|glob| GlobSet::new([glob]).ok()).collect(),
    }
}

/// A network in CIDR notation, or a single address.
fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// `FROM-TO` in minutes, both included.
fn span(text: &str) -> Option<RangeInclusive<u32>> {
    let (from, to) = text.split_once('-')?;
    let number = |digits: &str| digits.parse::<u32>().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()));
    let (from, to) = (number(from)?, number(to)?);
    (from <= to).then_some(from..=to)
}

/// `HH:MM-HH:MM` in minutes of the day, both ends included; it may pass midnight.
#[derive(Debug, Clone, Copy)]
struct Window {
    from: u16,
    to: u16,
}

impl Window {
    fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.split_once('-')?;
        Some(Self { from: minute_of_day(from)?, to: minute_of_day(to)? })
    }

    fn holds(self, time: Time) -> bool {
        let Self { from, to } = self;
        let minute = u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs());
        if from <= to { (from..=to).contains(&minute) } else { minute >= from || minute <= to }
    }
}

fn minute_of_day(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |digits: &str, below: u16| {
        let plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse::<u16>().ok().filter(|number| plain && *number < below)
    };
    Some(number(hour, 24)? * 60 + number(minute, 60)?)
}

/// The value as checks compare it, or what is wrong with it.
pub(super) fn normal(kind: ValueKind, operator: CheckOperator, value: &str) -> Result<String, String> {
    if value.is_empty() {
        return Err("an empty value matches nothing".into());
    }
    if value.len() > MAX_BYTES {
        return Err(format!("is longer than {MAX_BYTES} bytes"));
    }
    let whole = || value.to_owned();
    let valid = match operator {
        CheckOperator::Glob => {
            let set = glob(value).and_then(|glob| GlobSet::new([glob]));
            return set.map(|_| whole()).map_err(|error| format!("`{value}`: {}", error.kind()));
        }
        CheckOperator::Contains | CheckOperator::Exists => Some(whole()),
        CheckOperator::Within if kind == ValueKind::Address => network(value).map(|_| whole()),
        CheckOperator::Within if kind == ValueKind::Minutes => span(value).map(|_| whole()),
        CheckOperator::Within => Window::parse(value).map(|_| whole()),
        CheckOperator::In | CheckOperator::Under => Value::parse(kind, value).map(|value| value.to_string()),
    };
    valid.ok_or_else(|| format!("`{value}` is not {}", kind.noun()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Sha256;
    use crate::hunt::Field;
    use crate::hunt::value::{BoxTime, PackageState};
    use jiff::Timestamp;
    use jiff::tz::Offset;
    use proptest::prelude::*;
    use std::os::unix::ffi::OsStringExt as _;

    /// What is named against a path where the operator wants one, a time where one is written so, an address, or text.
    fn met(operator: CheckOperator, value: &str, named: &[&str]) -> bool {
        let (kind, seen) = match operator {
            CheckOperator::Under => (ValueKind::Path, Value::Path(value.into())),
            CheckOperator::Glob if value.starts_with('/') => (ValueKind::Path, Value::Path(value.into())),
            CheckOperator::Within => match (value.parse(), value.parse()) {
                (Ok(address), _) => (ValueKind::Address, Value::Address(address)),
                (_, Ok(time)) => (ValueKind::Time, Value::Time(BoxTime::new(time, offset_of(value)))),
                _ => (ValueKind::Address, Value::Text(value.to_owned())),
            },
            _ => (ValueKind::Text, Value::Text(value.to_owned())),
        };
        NamedValues::fitting(kind, operator, named).matches(&seen)
    }

    fn offset_of(time: &str) -> Offset {
        jiff::fmt::temporal::Pieces::parse(time).unwrap().to_numeric_offset().unwrap_or(Offset::UTC)
    }

    #[test]
    fn in_is_exact() {
        assert!(met(CheckOperator::In, "cron", &["systemd", "cron"]));
        assert!(!met(CheckOperator::In, "crond", &["systemd", "cron"]));
        assert!(!met(CheckOperator::In, "veeam.exe", &["veeam"]));
        assert!(!met(CheckOperator::In, "Cron", &["cron"]));
        assert!(!met(CheckOperator::In, "cron", &[]));
    }

    #[test]
    fn contains_does_not_mind_case() {
        assert!(met(CheckOperator::Contains, "Nightly-Backup.sh", &["backup", "nightly"]));
        assert!(!met(CheckOperator::Contains, "back-up", &["backup"]));
        let odd = Value::Path(OsString::from_vec(b"/\xff\xfedeploy".to_vec()).into());
        assert!(NamedValues::fitting(ValueKind::Path, CheckOperator::Contains, &["deploy"]).matches(&odd));
    }

    #[test]
    fn under_goes_by_components() {
        assert!(met(CheckOperator::Under, "/opt/x/payload.py", &["/opt"]));
        assert!(met(CheckOperator::Under, "/opt", &["/opt/"]));
        assert!(met(CheckOperator::Under, "//opt/./x", &["/opt"]));
        assert!(!met(CheckOperator::Under, "/opt-x/payload.py", &["/opt"]));
        assert!(!met(CheckOperator::Under, "/opt/../etc/x", &["/opt"]));
        assert!(!met(CheckOperator::Under, "opt/x", &["/opt"]));
        assert!(met(CheckOperator::Under, "/home/ann/src/a/b.c", &["/home/*/src"]));
        assert!(!met(CheckOperator::Under, "/home/ann/x/src/b.c", &["/home/*/src"]));
        assert!(met(CheckOperator::Under, "/x", &["/"]));
    }

    #[test]
    fn globs_stop_at_slashes() {
        assert!(met(CheckOperator::Glob, "firewall-open.sh", &["firewall*"]));
        assert!(!met(CheckOperator::Glob, "my-firewall", &["firewall*"]));
        assert!(!met(CheckOperator::Glob, "/opt/a/b.py", &["/opt/*.py"]));
        assert!(met(CheckOperator::Glob, "/opt/a/b.py", &["/opt/**/*.py"]));
        assert!(met(CheckOperator::Glob, "a.yara", &["*.{yar,yara}"]));
        assert!(!met(CheckOperator::Glob, "a", &["[", "b"]));
    }

    #[test]
    fn patterns_too_large_for_one_set_still_match() {
        let large: Vec<String> = (0..120).map(|number| format!("{}{number}", "?".repeat(4000))).collect();
        let globs: Vec<Glob> = large.iter().map(|pattern| glob(pattern).unwrap()).collect();
        assert!(GlobSet::new(&globs).is_err());
        let named = NamedValues::fitting(ValueKind::Name, CheckOperator::Glob, &large);
        assert_eq!(named.texts().len(), 120);
        for number in [0, 119] {
            assert!(named.matches(&Value::Text(format!("{}{number}", "x".repeat(4000)))));
        }
        assert!(!named.matches(&Value::Text("x".repeat(4000))));
    }

    #[test]
    fn networks_and_windows() {
        let internal = ["10.0.0.0/8", "fc00::/7", "192.0.2.7"];
        for inside in ["10.255.0.1", "fd12::1", "192.0.2.7", "::ffff:10.1.2.3"] {
            assert!(met(CheckOperator::Within, inside, &internal), "{inside}");
        }
        for outside in ["11.0.0.1", "fe80::1", "192.0.2.8", "", "ten"] {
            assert!(!met(CheckOperator::Within, outside, &internal), "{outside}");
        }
        assert!(met(CheckOperator::Within, "2024-05-01T02:10:00+02:00", &["01:00-03:00"]));
        assert!(!met(CheckOperator::Within, "2024-05-01T03:01:00Z", &["01:00-03:00"]));
        assert!(met(CheckOperator::Within, "2024-05-01T00:10:00Z", &["23:00-01:00"]));
        assert!(!met(CheckOperator::Within, "2024-05-01T12:00:00Z", &["23:00-01:00"]));
    }

    #[test]
    fn values_of_every_kind_are_compared_as_what_they_are() {
        let is =
            |kind, named: &str, seen: Value| NamedValues::fitting(kind, CheckOperator::In, &[named]).matches(&seen);
        assert!(is(ValueKind::Mode, "755", Value::Mode(0o755)));
        assert!(!is(ValueKind::Mode, "0755", Value::Mode(0o4755)));
        assert!(is(ValueKind::Sha256, &"AB".repeat(32), Value::Sha256(Sha256([0xab; 32]))));
        assert!(is(ValueKind::PackageState, "changed", Value::PackageState(PackageState::Changed)));
        assert!(is(ValueKind::Port, "023", Value::Port(23)));
        assert!(is(ValueKind::Path, "/opt/x/", Value::Path("/opt/x".into())));
        for seen in ["192.0.2.1", "::ffff:192.0.2.1"] {
            assert!(is(ValueKind::Address, "192.0.2.1", Value::Address(seen.parse().unwrap())), "{seen}");
        }
        assert!(!is(ValueKind::Name, "23", Value::Port(23)));
    }

    #[test]
    fn a_time_is_shown_to_the_second_with_the_offset_of_the_box() {
        let at: Timestamp = "2024-05-01T00:10:00.9Z".parse().unwrap();
        let time = BoxTime::new(at, jiff::tz::offset(2));
        assert_eq!(Value::Time(time).to_string(), "2024-05-01T02:10:00+02:00");
        assert_eq!(time.timestamp(), "2024-05-01T00:10:00Z".parse().unwrap());
        let before_1970 = BoxTime::new("1969-12-31T23:59:58.5Z".parse().unwrap(), Offset::UTC);
        assert_eq!(Value::Time(before_1970).to_string(), "1969-12-31T23:59:58+00:00");
    }

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            ".*".prop_map(Value::Text),
            any::<Vec<u8>>().prop_map(|bytes| Value::Path(OsString::from_vec(bytes).into())),
            (0_u32..0o10000).prop_map(Value::Mode),
            any::<i32>().prop_map(|second| {
                Value::Time(BoxTime::new(Timestamp::from_second(second.into()).unwrap(), jiff::tz::offset(-7)))
            }),
            any::<[u8; 32]>().prop_map(|digest| Value::Sha256(Sha256(digest))),
            any::<bool>().prop_map(|changed| {
                Value::PackageState(if changed { PackageState::Changed } else { PackageState::Unchanged })
            }),
            any::<u16>().prop_map(Value::Port),
            any::<IpAddr>().prop_map(Value::Address),
        ]
    }

    #[test]
    fn values_are_brought_into_one_form_or_refused() {
        let good = |kind, operator, value: &str| normal(kind, operator, value).unwrap();
        assert_eq!(good(ValueKind::Path, CheckOperator::Under, "/etc/cron.d/"), "/etc/cron.d");
        assert_eq!(good(ValueKind::Path, CheckOperator::Under, "/"), "/");
        assert_eq!(good(ValueKind::Mode, CheckOperator::In, "755"), "0755");
        assert_eq!(good(ValueKind::Sha256, CheckOperator::In, &"AB".repeat(32)), "ab".repeat(32));
        assert_eq!(good(ValueKind::Port, CheckOperator::In, "23"), "23");
        let wrong = |kind, operator, value: &str| normal(kind, operator, value).unwrap_err();
        assert_eq!(wrong(ValueKind::Path, CheckOperator::Under, "opt"), "`opt` is not an absolute path");
        assert_eq!(wrong(ValueKind::Path, CheckOperator::In, "/a/../b"), "`/a/../b` is not an absolute path");
        assert_eq!(wrong(ValueKind::Name, CheckOperator::In, "/bin/sh"), "`/bin/sh` is not a name without a slash");
        assert!(wrong(ValueKind::Address, CheckOperator::Within, "10.0.0.0/33").contains("a network such as"));
        assert!(wrong(ValueKind::Address, CheckOperator::In, "10.0.0.0/8").contains("is not an IP address"));
        assert!(wrong(ValueKind::Time, CheckOperator::Within, "25:00-1:00").contains("a daily window"));
        assert!(wrong(ValueKind::Time, CheckOperator::Within, "+1:00-02:00").contains("a daily window"));
        assert!(wrong(ValueKind::Port, CheckOperator::In, "65536").contains("a port from 0 to 65535"));
        assert!(wrong(ValueKind::Name, CheckOperator::Glob, "fire[").starts_with("`fire[`: "));
        assert!(wrong(ValueKind::Name, CheckOperator::In, "").contains("empty"));
        assert!(wrong(ValueKind::Text, CheckOperator::Contains, &"x".repeat(5000)).contains("longer than 4096"));
    }

    proptest! {
        #[test]
        fn nothing_seen_on_a_box_can_break_a_comparison(seen in any_value(), named in proptest::collection::vec(".*", 0..4)) {
            for field in Field::ALL {
                for operator in field.operators() {
                    NamedValues::fitting(field.kind(), *operator, &named).matches(&seen);
                }
            }
        }

        #[test]
        fn a_value_is_equal_to_what_it_is_shown_as(seen in any_value()) {
            let kind = match &seen {
                Value::Text(text) if text.is_empty() || text.len() > MAX_BYTES => return Ok(()),
                // Hunts do not name times, and a path only as it is on a box.
                Value::Time(_) | Value::Path(_) => return Ok(()),
                Value::Text(_) => ValueKind::Text,
                Value::Mode(_) => ValueKind::Mode,
                Value::Sha256(_) => ValueKind::Sha256,
                Value::PackageState(_) => ValueKind::PackageState,
                Value::Minutes(_) => ValueKind::Minutes,
                Value::Port(_) => ValueKind::Port,
                Value::Address(_) => ValueKind::Address,
            };
            prop_assert!(NamedValues::fitting(kind, CheckOperator::In, &[seen.to_string()]).matches(&seen));
        }

        #[test]
        fn a_path_lies_under_each_of_its_parents_and_no_sibling(parts in proptest::collection::vec("[a-z]{1,6}", 1..6)) {
            let path = format!("/{}", parts.join("/"));
            for length in 0..=parts.len() {
                let parent = format!("/{}", parts[..length].join("/"));
                prop_assert!(met(CheckOperator::Under, &path, &[&parent]));
                if length > 0 {
                    let sibling = format!("{parent}-");
                    prop_assert!(!met(CheckOperator::Under, &path, &[&sibling]));
                }
            }
        }
    }
}
