//! How old the box is, so that ages mean something: on a box that was copied or made a moment ago, every file is young.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::show;
use crate::finding::FileTime;
use crate::root::{Attributes, Root};

/// Files and folders that are as old as the box itself, as a rule.
const OLD: [&str; 18] = [
    "/etc/passwd",
    "/etc/group",
    "/etc/hostname",
    "/etc/os-release",
    "/usr/lib/os-release",
    "/etc/fstab",
    "/etc/machine-id",
    "/etc/shells",
    "/etc/debian_version",
    "/etc/redhat-release",
    "/etc",
    "/usr",
    "/var",
    "/home",
    "/usr/bin",
    "/usr/lib",
    "/usr/share",
    "/opt",
];
/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// The ages of what is old on a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// The earliest change of an inode among them; nobody can set it back.
    #[serde(with = "show::kept_maybe_time")]
    pub oldest_change: Option<FileTime>,
    /// Whether most of them have content older than their inode: somebody copied the box, and kept the times.
    pub copied: bool,
}

impl Baseline {
    pub(super) fn of(root: &Root) -> Self {
        let located = OLD.iter().filter_map(|path| root.locate(Path::new(path), true).ok());
        let all: Vec<Attributes> = located.map(|located| Attributes::of(&located.metadata)).collect();
        let is_copy = |is: &&Attributes| is.born.is_some_and(|born| is.modified.seconds + DAY < born.seconds);
        let copies = all.iter().filter(is_copy).count();
        Self { oldest_change: all.iter().map(|is| is.changed).min(), copied: !all.is_empty() && copies * 2 > all.len() }
    }

    /// Whether the box was no more than a day old when a file was changed, so that times of change tell nothing.
    pub fn is_young_at(&self, changed: FileTime) -> bool {
        self.oldest_change.is_none_or(|oldest| changed.seconds.saturating_sub(oldest.seconds) < DAY)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::scratch;
    use super::*;

    #[test]
    fn a_box_that_was_just_made_is_young_and_one_with_kept_times_is_a_copy() {
        let (dir, root) = scratch(&[("etc/passwd", ""), ("etc/group", ""), ("etc/os-release", "")]);
        let fresh = Baseline::of(&root);
        let now = fresh.oldest_change.unwrap();
        assert!(fresh.is_young_at(now) && !fresh.copied);
        assert!(!fresh.is_young_at(FileTime { seconds: now.seconds + 2 * DAY, nanos: 0 }));
        let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_hours(416_000);
        for path in ["etc/passwd", "etc/group", "etc/os-release", "etc"] {
            std::fs::File::open(dir.path().join(path)).unwrap().set_modified(old).unwrap();
        }
        let attributes = Attributes::of(&std::fs::metadata(dir.path().join("etc/passwd")).unwrap());
        assert_eq!(Baseline::of(&root).copied, attributes.born.is_some());
    }
}
