//! Which files cron and run-parts pass over: names, modes and owners that they refuse.

use std::path::Path;

use crate::root::{Attributes, Root};

/// How names are chosen on this box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    /// Letters, digits, `_` and `-` only (Debian's cron(8) and run-parts(8)).
    Debian,
    /// All but those of editors' and rpm's leftovers (cronie's `misc.c`, crontabs' run-parts).
    Other,
    /// It is not known whose cron this box has.
    Unknown,
}

/// What cron and run-parts refuse on this box.
#[derive(Debug, Clone, Copy)]
pub(super) struct NameRules {
    names: Names,
    /// Owner of the box's root folder. In a tree that an ordinary user unpacked, owners mean nothing.
    root_owner: u32,
}

/// Endings that are passed over everywhere.
const LEFTOVERS: [&str; 10] =
    ["~", ".rpmsave", ".rpmnew", ".rpmorig", ".dpkg-old", ".dpkg-new", ".dpkg-dist", ".dpkg-tmp", ".swp", ",v"];

impl NameRules {
    pub(super) fn of(root: &Root) -> Self {
        let is_there = |path: &&str| root.locate(Path::new(path), true).is_ok();
        let names = if ["/etc/debian_version", "/var/lib/dpkg/status"].iter().any(is_there) {
            Names::Debian
        } else if ["/etc/redhat-release", "/var/lib/rpm", "/usr/lib/sysimage/rpm", "/etc/SuSE-release"]
            .iter()
            .any(is_there)
        {
            Names::Other
        } else {
            Names::Unknown
        };
        let root_owner = root.locate(Path::new("/"), true).map_or(0, |found| Attributes::of(&found.metadata).uid);
        Self { names, root_owner }
    }

    /// Why run-parts passes over a script.
    pub(super) fn why_skipped(self, path: &Path, is: &Attributes) -> Option<String> {
        if is.mode & 0o111 == 0 {
            return Some("not executable, so that run-parts skips it".to_owned());
        }
        self.why_name_skipped(path, "run-parts")
    }

    /// Why the name of a file is passed over by `who`.
    pub(super) fn why_name_skipped(self, path: &Path, who: &str) -> Option<String> {
        let name = path.file_name()?.to_string_lossy();
        if name.starts_with(['.', '#']) || LEFTOVERS.iter().any(|ending| name.ends_with(ending)) {
            return Some(format!("its name is one that {who} skips"));
        }
        let plain = is_plain(&name);
        (self.names == Names::Debian && !plain).then(|| format!("its name is one that {who} skips on Debian"))
    }

    /// That the name may be passed over, where it is not known whose cron this box has.
    pub(super) fn name_doubt(self, path: &Path, who: &str) -> Option<String> {
        let name = path.file_name()?.to_string_lossy();
        let plain = is_plain(&name);
        (self.names == Names::Unknown && !plain).then(|| format!("its name is one that {who} skips on Debian"))
    }

    /// Why cron refuses a table of the system: it must be root's, nobody else may write to it, and it has one name (cron(8);
    /// cronie's `database.c`, Debian's `process_crontab`).
    pub(super) fn why_table_refused(self, is: &Attributes) -> Option<String> {
        if is.uid != 0 && is.uid != self.root_owner {
            return Some(format!("cron refuses a table of the system that is not root's but uid {}'s", is.uid));
        }
        why_writable(is).or_else(|| self.why_linked(is))
    }

    /// Why cron refuses the table of a user.
    pub(super) fn why_user_table_refused(self, is: &Attributes, uid: Option<u32>) -> Option<String> {
        if uid.is_some_and(|uid| is.uid != uid) && is.uid != 0 && is.uid != self.root_owner {
            return Some(format!("cron refuses a user's table that belongs to uid {}", is.uid));
        }
        let mode = is.mode & 0o7777;
        let wrong = match self.names {
            Names::Debian => mode != 0o600,
            Names::Other => mode & 0o7533 != 0o400,
            Names::Unknown => false,
        };
        let why = wrong.then(|| format!("cron refuses a user's table of mode {mode:04o}"));
        why_writable(is).or(why).or_else(|| self.why_linked(is))
    }

    fn why_linked(self, is: &Attributes) -> Option<String> {
        let counts = self.names != Names::Unknown && is.links > 1;
        counts.then(|| format!("cron refuses a table that has {} names", is.links))
    }

    /// Why cron reads nothing of a table that ends without a newline, as Debian's does.
    pub(super) fn why_unended(self, ends: bool) -> Option<String> {
        let counts = self.names == Names::Debian && !ends;
        counts.then(|| "Debian's cron refuses a table whose last line does not end".to_owned())
    }
}

fn why_writable(is: &Attributes) -> Option<String> {
    let others = is.mode & 0o022;
    let who = if others & 0o002 != 0 { "everyone" } else { "its group" };
    (others != 0).then(|| format!("cron refuses a table that {who} can write to, mode {:04o}", is.mode & 0o7777))
}

fn is_plain(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}
