//! What makes a check come true: a table, a unit or a folder, and who could have put it there.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::account::BoxAccounts;
use super::observed::Observed;
use super::package::{ContentCheck, PackageOwner};
use super::show;
use crate::finding::{FileFacts, FileTime};
use crate::root::Attributes;

/// A table or unit that names the found file, or a path whose existence explains it; and who could have made it so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Referrer {
    /// Its path on the box.
    #[serde(with = "show::kept_path")]
    pub path: PathBuf,
    /// Owner's name, or `uid 1000`.
    pub owner: String,
    /// Type and permission bits (`st_mode`).
    pub mode: u32,
    /// Who besides the owner may write to it.
    pub writers: Vec<String>,
    /// Last change of content; a user can set it back.
    #[serde(with = "show::kept_time")]
    pub modified: FileTime,
    /// Last change of content or inode; a user cannot set it back.
    #[serde(with = "show::kept_time")]
    pub changed: FileTime,
    /// Seconds by which the referrer's `changed` is later than the found file's; negative when it is earlier.
    pub seconds_after_file: i64,
    /// Whether it is a folder, whose times change with every file in it.
    pub is_folder: bool,
    /// Birth; `None` where the file system does not know it.
    #[serde(with = "show::kept_maybe_time")]
    pub born: Option<FileTime>,
    /// The package that ships it.
    pub package: Observed<PackageOwner>,
}

impl Referrer {
    /// What `is`, the state of `path` on the box, says beside the found file's `facts`; `package` is what ships it.
    pub(super) fn of(
        path: &Path,
        is: &Attributes,
        facts: &FileFacts,
        package: Observed<PackageOwner>,
        accounts: &BoxAccounts,
    ) -> Self {
        Self {
            path: path.to_owned(),
            owner: accounts.user(is.uid),
            mode: is.mode,
            writers: show::writers(accounts.effective_mode(is.mode, is.uid, is.gid), &accounts.group(is.gid)),
            is_folder: is.mode & 0o170_000 == 0o040_000,
            born: is.born,
            modified: is.modified,
            changed: is.changed,
            seconds_after_file: is.changed.seconds.saturating_sub(facts.changed.seconds),
            package,
        }
    }
}

impl fmt::Display for Referrer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "owner {}, mode {}", self.owner, show::mode(self.mode))?;
        if !self.writers.is_empty() {
            write!(f, " (also {})", self.writers.join(", "))?;
        }
        let after = self.seconds_after_file;
        let (age, order) = (span(after.unsigned_abs()), if after < 0 { "before" } else { "after" });
        write!(f, ", changed {}, {age} {order} the file, ", show::time(self.changed))?;
        match &self.package {
            Observed::Found(owner) if owner.content == ContentCheck::AsShipped => write!(f, "shipped by {owner}"),
            Observed::Found(owner) => write!(f, "from {owner}"),
            Observed::NotFound => f.write_str("shipped by no package"),
            Observed::Unknown(reason) => write!(f, "package unknown: {reason}"),
        }
    }
}

/// A length of time for people.
fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
