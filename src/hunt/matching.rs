//! Compares one seen value with the values a check names, and says which values a check may name.

use std::ffi::OsStr;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};
use ipnet::IpNet;

use super::field::{Kind, Operator};
use crate::finding::Sha256;

/// Bytes of one value in a hunt or in `site.toml` at most (`PATH_MAX`, see limits.h(0p)).
const MOST_BYTES: usize = 4096;

impl Operator {
    /// Whether `value`, as it was seen on the box, meets this operator with one of the values a check names.
    ///
    /// `exists` asks only whether there is a value, so any value meets it. A named value that does not parse matches nothing.
    pub fn matches(self, value: &[u8], named: &[String]) -> bool {
        match self {
            Self::Exists => true,
            Self::In => named.iter().any(|name| name.as_bytes() == value),
            Self::Contains => named.iter().any(|part| contains(value, part.as_bytes())),
            Self::Under => named.iter().any(|folder| is_under(value, folder.as_bytes())),
            Self::Glob => {
                let path = Path::new(OsStr::from_bytes(value));
                named.iter().filter_map(|pattern| glob(pattern).ok()).any(|glob| glob.is_match(path))
            }
            Self::Within => std::str::from_utf8(value).is_ok_and(|value| is_within(value, named)),
        }
    }
}

fn contains(value: &[u8], part: &[u8]) -> bool {
    part.is_empty() || value.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
}

fn is_under(path: &[u8], folder: &[u8]) -> bool {
    fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
        path.split(|b| *b == b'/').filter(|part| !part.is_empty() && *part != b".")
    }
    // A path with `..` says nothing about where it ends up.
    if !path.starts_with(b"/") || components(path).any(|part| part == b"..") {
        return false;
    }
    let mut rest = components(path);
    components(folder).all(|wanted| rest.next().is_some_and(|part| wanted == b"*" || part == wanted))
}

fn glob(pattern: &str) -> Result<GlobMatcher, globset::Error> {
    Ok(GlobBuilder::new(pattern).literal_separator(true).backslash_escape(true).build()?.compile_matcher())
}

fn is_within(value: &str, named: &[String]) -> bool {
    if let Ok(address) = value.parse::<IpAddr>() {
        // A socket of both families shows IPv4 peers as ::ffff:192.0.2.1.
        let address = address.to_canonical();
        return named.iter().filter_map(|name| network(name)).any(|network| network.contains(&address));
    }
    let time = jiff::fmt::temporal::Pieces::parse(value).ok().and_then(|pieces| pieces.time());
    let Some(time) = time else { return false };
    let minute = u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs());
    named
        .iter()
        .filter_map(|name| window(name))
        .any(|(from, to)| if from <= to { (from..=to).contains(&minute) } else { minute >= from || minute <= to })
}

/// A network in CIDR notation, or a single address.
fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// `HH:MM-HH:MM` in minutes of the day, both ends included; it may pass midnight.
fn window(text: &str) -> Option<(u16, u16)> {
    let (from, to) = text.split_once('-')?;
    Some((minute_of_day(from)?, minute_of_day(to)?))
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
pub(super) fn normal(kind: Kind, operator: Operator, value: &str) -> Result<String, String> {
    if value.is_empty() {
        return Err("an empty value matches nothing".into());
    }
    if value.len() > MOST_BYTES {
        return Err(format!("is longer than {MOST_BYTES} bytes"));
    }
    let valid = match operator {
        Operator::Glob => return glob(value).map(|_| value.to_owned()).map_err(|e| format!("`{value}`: {}", e.kind())),
        Operator::Contains | Operator::Exists => Some(value.to_owned()),
        Operator::Within if kind == Kind::Address => network(value).map(|_| value.to_owned()),
        Operator::In | Operator::Under | Operator::Within => plain(kind, value),
    };
    valid.ok_or_else(|| format!("`{value}` is not {}", kind.noun()))
}

fn plain(kind: Kind, value: &str) -> Option<String> {
    let whole = || Some(value.to_owned());
    match kind {
        Kind::Path => {
            let trimmed = value.trim_end_matches('/');
            let good = value.starts_with('/') && !trimmed.split('/').any(|part| matches!(part, "." | ".."));
            good.then(|| if trimmed.is_empty() { "/".to_owned() } else { trimmed.to_owned() })
        }
        Kind::Name if value.contains('/') => None,
        Kind::Name | Kind::Account | Kind::Group | Kind::Package | Kind::Text => whole(),
        Kind::Mode => {
            let octal = (3..=4).contains(&value.len()) && value.bytes().all(|b| (b'0'..=b'7').contains(&b));
            octal.then(|| format!("{value:0>4}"))
        }
        Kind::Time => window(value).and_then(|_| whole()),
        Kind::Sha256 => value.parse::<Sha256>().ok().map(|digest| digest.to_string()),
        Kind::PackageState => matches!(value, "unchanged" | "changed").then(|| value.to_owned()),
        Kind::Port => value.parse::<u16>().ok().map(|port| port.to_string()),
        Kind::Address => value.parse::<IpAddr>().ok().map(|address| address.to_canonical().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn met(operator: Operator, value: &str, named: &[&str]) -> bool {
        let named: Vec<String> = named.iter().map(ToString::to_string).collect();
        operator.matches(value.as_bytes(), &named)
    }

    #[test]
    fn in_is_exact() {
        assert!(met(Operator::In, "cron", &["systemd", "cron"]));
        assert!(!met(Operator::In, "crond", &["systemd", "cron"]));
        assert!(!met(Operator::In, "veeam.exe", &["veeam"]));
        assert!(!met(Operator::In, "Cron", &["cron"]));
        assert!(!met(Operator::In, "cron", &[]));
    }

    #[test]
    fn contains_does_not_mind_case() {
        assert!(met(Operator::Contains, "Nightly-Backup.sh", &["backup", "nightly"]));
        assert!(!met(Operator::Contains, "back-up", &["backup"]));
        assert!(Operator::Contains.matches(b"\xff\xfedeploy", &["deploy".into()]));
    }

    #[test]
    fn under_goes_by_components() {
        assert!(met(Operator::Under, "/opt/x/payload.py", &["/opt"]));
        assert!(met(Operator::Under, "/opt", &["/opt/"]));
        assert!(met(Operator::Under, "//opt/./x", &["/opt"]));
        assert!(!met(Operator::Under, "/opt-x/payload.py", &["/opt"]));
        assert!(!met(Operator::Under, "/opt/../etc/x", &["/opt"]));
        assert!(!met(Operator::Under, "opt/x", &["/opt"]));
        assert!(met(Operator::Under, "/home/ann/src/a/b.c", &["/home/*/src"]));
        assert!(!met(Operator::Under, "/home/ann/x/src/b.c", &["/home/*/src"]));
        assert!(met(Operator::Under, "/x", &["/"]));
    }

    #[test]
    fn globs_stop_at_slashes() {
        assert!(met(Operator::Glob, "firewall-open.sh", &["firewall*"]));
        assert!(!met(Operator::Glob, "my-firewall", &["firewall*"]));
        assert!(!met(Operator::Glob, "/opt/a/b.py", &["/opt/*.py"]));
        assert!(met(Operator::Glob, "/opt/a/b.py", &["/opt/**/*.py"]));
        assert!(met(Operator::Glob, "a.yara", &["*.{yar,yara}"]));
        assert!(!met(Operator::Glob, "a", &["[", "b"]));
    }

    #[test]
    fn networks_and_windows() {
        let internal = ["10.0.0.0/8", "fc00::/7", "192.0.2.7"];
        for inside in ["10.255.0.1", "fd12::1", "192.0.2.7", "::ffff:10.1.2.3"] {
            assert!(met(Operator::Within, inside, &internal), "{inside}");
        }
        for outside in ["11.0.0.1", "fe80::1", "192.0.2.8", "", "ten"] {
            assert!(!met(Operator::Within, outside, &internal), "{outside}");
        }
        assert!(met(Operator::Within, "2024-05-01T02:10:00+02:00", &["01:00-03:00"]));
        assert!(!met(Operator::Within, "2024-05-01T03:01:00Z", &["01:00-03:00"]));
        assert!(met(Operator::Within, "2024-05-01T00:10:00Z", &["23:00-01:00"]));
        assert!(!met(Operator::Within, "2024-05-01T12:00:00Z", &["23:00-01:00"]));
    }

    #[test]
    fn values_are_brought_into_one_form_or_refused() {
        let good = |kind, operator, value: &str| normal(kind, operator, value).unwrap();
        assert_eq!(good(Kind::Path, Operator::Under, "/etc/cron.d/"), "/etc/cron.d");
        assert_eq!(good(Kind::Path, Operator::Under, "/"), "/");
        assert_eq!(good(Kind::Mode, Operator::In, "755"), "0755");
        assert_eq!(good(Kind::Sha256, Operator::In, &"AB".repeat(32)), "ab".repeat(32));
        assert_eq!(good(Kind::Port, Operator::In, "23"), "23");
        let wrong = |kind, operator, value: &str| normal(kind, operator, value).unwrap_err();
        assert_eq!(wrong(Kind::Path, Operator::Under, "opt"), "`opt` is not an absolute path");
        assert_eq!(wrong(Kind::Path, Operator::In, "/a/../b"), "`/a/../b` is not an absolute path");
        assert_eq!(wrong(Kind::Name, Operator::In, "/bin/sh"), "`/bin/sh` is not a name without a slash");
        assert!(wrong(Kind::Address, Operator::Within, "10.0.0.0/33").contains("a network such as"));
        assert!(wrong(Kind::Address, Operator::In, "10.0.0.0/8").contains("is not an IP address"));
        assert!(wrong(Kind::Time, Operator::Within, "25:00-1:00").contains("a daily window"));
        assert!(wrong(Kind::Time, Operator::Within, "+1:00-02:00").contains("a daily window"));
        assert!(wrong(Kind::Port, Operator::In, "65536").contains("a port from 0 to 65535"));
        assert!(wrong(Kind::Name, Operator::Glob, "fire[").starts_with("`fire[`: "));
        assert!(wrong(Kind::Name, Operator::In, "").contains("empty"));
        assert!(wrong(Kind::Text, Operator::Contains, &"x".repeat(5000)).contains("longer than 4096"));
    }

    proptest! {
        #[test]
        fn nothing_seen_on_a_box_can_break_a_comparison(value: Vec<u8>, named in proptest::collection::vec(".*", 0..4)) {
            for operator in Operator::ALL {
                operator.matches(&value, &named);
            }
        }

        #[test]
        fn a_path_lies_under_each_of_its_parents_and_no_sibling(parts in proptest::collection::vec("[a-z]{1,6}", 1..6)) {
            let path = format!("/{}", parts.join("/"));
            for length in 0..=parts.len() {
                let parent = format!("/{}", parts[..length].join("/"));
                prop_assert!(met(Operator::Under, &path, &[&parent]));
                if length > 0 {
                    let sibling = format!("{parent}-");
                    prop_assert!(!met(Operator::Under, &path, &[&sibling]));
                }
            }
        }
    }
}
