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
    fn a_damaged_zone_is_unknown() {
        let whole = east();
        for damaged in [&b""[..], b"TZif", &whole[..60], &[0xff; 200], b"\0\0\0\0", &vec![b'T'; 5 << 20]] {
            let (dir, root) = scratch(&[]);
            put(dir.path(), "etc/localtime", damaged);
            assert!(zone(&root).reason().unwrap().contains("/etc/localtime holds no time zone"), "{damaged:?}");
        }
    }
}
