//! The time zone of the box, so that its own times are compared with its own schedules.

use std::ops::Deref;
use std::path::Path;

use jiff::tz::TimeZone;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::observed::{Observed, from_error};
use crate::root::Root;
use crate::text;

/// Where the zone is: a link into the zone files, or a copy of one (localtime(5)).
const LOCALTIME: &str = "/etc/localtime";

/// Bytes of the longest name of a zone that is looked for.
const MAX_NAME: usize = 100;

/// The time zone of a box, with what it was read from: a case keeps that, for the zone files of another machine may be of
/// another year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BoxZone {
    /// `Europe/Berlin`, `UTC`, or `local` where its name is not known; safe to show.
    pub name: String,
    /// The zone file's bytes in hex; `None` for UTC.
    tzif: Option<String>,
    #[serde(skip)]
    zone: TimeZone,
}

impl BoxZone {
    /// The zone of the box at `root`. Blocks where its file system does.
    pub(crate) fn of(root: &Root) -> Observed<Self> {
        zone(root)
    }

    /// UTC.
    pub(crate) fn utc() -> Self {
        Self { name: "UTC".to_owned(), tzif: None, zone: TimeZone::UTC }
    }

    /// The zone that a zone file says.
    fn of_file(name: String, bytes: &[u8]) -> Result<Self, jiff::Error> {
        let zone = TimeZone::tzif(&name, bytes)?;
        Ok(Self { name, tzif: Some(text::hex(bytes)), zone })
    }
}

impl Deref for BoxZone {
    type Target = TimeZone;

    fn deref(&self) -> &TimeZone {
        &self.zone
    }
}

impl<'de> Deserialize<'de> for BoxZone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Kept {
            name: String,
            tzif: Option<String>,
        }
        let Kept { name, tzif } = Kept::deserialize(deserializer)?;
        let Some(tzif) = tzif else { return Ok(Self::utc()) };
        let bytes = text::from_hex(tzif.as_bytes()).ok_or_else(|| D::Error::custom("a time zone is not in hex"))?;
        Self::of_file(name, &bytes).map_err(D::Error::custom)
    }
}

/// The zone in `/etc/localtime` (tzfile(5)); UTC when there is none, as tzset(3) has it.
pub(super) fn zone(root: &Root) -> Observed<BoxZone> {
    let path = Path::new(LOCALTIME);
    let found = match root.text(path) {
        Ok(found) => found,
        Err(error) => match from_error(path, &error) {
            Observed::NotFound => return Observed::Found(BoxZone::utc()),
            other => return other,
        },
    };
    match BoxZone::of_file(name(&found.resolved), &found.bytes) {
        Ok(zone) => Observed::Found(zone),
        Err(error) => {
            let shown = error.to_string();
            Observed::Unknown(format!("{LOCALTIME} holds no time zone: {}", text::escape_str(&shown)))
        }
    }
}

/// Where the zone files are (tzset(3)).
const ZONES: &str = "/usr/share/zoneinfo";

/// Whether a word may be the name of a time zone, as systemd.time(7) and cronie's `CRON_TZ` take them: `UTC`, or a name of
/// the zone files.
pub(crate) fn is_zone_name(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/_+-".contains(c);
    word == "UTC"
        || (word.contains('/') && word.starts_with(|c: char| c.is_ascii_uppercase()) && word.chars().all(plain))
}

/// The zone of this name by the box's own zone files; not found where it has none of that name.
pub(super) fn named(root: &Root, name: &str) -> Observed<BoxZone> {
    if matches!(name, "UTC" | "GMT" | "Z") {
        return Observed::Found(BoxZone::utc());
    }
    if name.is_empty()
        || name.len() > MAX_NAME
        || !(is_zone_name(name) || name.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    {
        return Observed::NotFound;
    }
    let path = Path::new(ZONES).join(name);
    match root.text(&path) {
        Ok(found) => BoxZone::of_file(name.to_owned(), &found.bytes).map_or_else(
            |error| {
                let (path, error) = (text::escape_path(&path), error.to_string());
                Observed::Unknown(format!("{path} holds no time zone: {}", text::escape_str(&error)))
            },
            Observed::Found,
        ),
        Err(error) => from_error(&path, &error),
    }
}

/// `Europe/Berlin` of `/usr/share/zoneinfo/Europe/Berlin`.
fn name(resolved: &Path) -> String {
    let shown = text::escape_path(resolved);
    shown.split_once("/zoneinfo/").map_or("local", |(_, name)| name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{put, scratch};
    use super::*;

    /// A zone file of version 2 without transitions, three hours east of Greenwich all year.
    fn east() -> Vec<u8> {
        let block = |version: &[u8]| {
            let counts = [0u32, 0, 0, 0, 1, 4].map(u32::to_be_bytes).concat();
            let kind = [&10_800i32.to_be_bytes()[..], &[0, 0]].concat();
            [b"TZif", version, &[0; 15], &counts, &kind, b"+03\0"].concat()
        };
        [block(b"2"), block(b"2"), b"\n<+03>-3\n".to_vec()].concat()
    }

    #[test]
    fn the_zone_is_the_box_s_own_and_utc_without_one() {
        let (dir, root) = scratch(&[]);
        assert_eq!(zone(&root), Observed::Found(BoxZone::utc()));
        put(dir.path(), "usr/share/zoneinfo/Test/East", &east());
        std::fs::create_dir_all(dir.path().join("etc")).unwrap();
        std::os::unix::fs::symlink("/usr/share/zoneinfo/Test/East", dir.path().join("etc/localtime")).unwrap();
        let found = zone(&root);
        let east = found.found().unwrap();
        assert_eq!(
            (east.to_offset(jiff::Timestamp::UNIX_EPOCH).seconds(), east.iana_name()),
            (10_800, Some("Test/East"))
        );
        let kept = serde_json::to_string(east).unwrap();
        assert_eq!(serde_json::from_str::<BoxZone>(&kept).unwrap(), *east);
        assert!(serde_json::from_str::<BoxZone>(&kept.replace("5a69", "5a6a")).is_err());
    }

    #[test]
    fn a_zone_by_name_is_that_of_the_box_and_no_name_leads_elsewhere() {
        let (dir, root) = scratch(&[("etc/passwd", "x")]);
        assert_eq!(named(&root, "Europe/Berlin"), Observed::NotFound, "whatever this machine has");
        put(dir.path(), "usr/share/zoneinfo/Europe/Berlin", &east());
        let found = named(&root, "Europe/Berlin");
        assert_eq!(found.found().unwrap().to_offset(jiff::Timestamp::UNIX_EPOCH).seconds(), 10_800);
        assert_eq!(named(&root, "UTC"), Observed::Found(BoxZone::utc()));
        for name in ["../../etc/passwd", "", "Europe/../Europe/Berlin", "a b", &"A/".repeat(100)] {
            assert_eq!(named(&root, name), Observed::NotFound, "{name}");
        }
        put(dir.path(), "usr/share/zoneinfo/Test/Bad", b"nothing");
        assert!(named(&root, "Test/Bad").reason().unwrap().contains("holds no time zone"));
    }

    #[test]
    fn a_damaged_zone_is_unknown() {
        let whole = east();
        for damaged in [&b""[..], b"TZif", &whole[..60], &[0xff; 200], b"\0\0\0\0", &vec![b'T'; 5 << 20]] {
            let (dir, root) = scratch(&[]);
            put(dir.path(), "etc/localtime", damaged);
            assert!(zone(&root).reason().unwrap().contains("/etc/localtime holds no time zone"), "{damaged:?}");
        }
    }
}
