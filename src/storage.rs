//! Huntbook's own files (case, register, log, cache): where they lie, and whose they must be.
//!
//! Whoever can write to one of them can hide a hit, so one rule holds for all: a file that is written to belongs to this user,
//! or, as root, to the person behind it; nobody else can write to it; and nobody else can put another file in its place.

mod cache;
mod new_file;

use std::ffi::OsString;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::Stat;
use rustix::process::geteuid;
use rustix::rand::{GetRandomFlags, getrandom};
use rustix::system::uname;
use rustix::time::{ClockId, clock_gettime};
use uuid::{Builder, Uuid};

use crate::text::escape_path;
pub(crate) use cache::{Cache, cache_files};

pub(crate) use self::new_file::{NewFile, sync_folder};

/// Write permission of group and others (`inode(7)`).
const OTHERS_WRITE: u32 = 0o022;
/// In a folder with this bit only a file's owner can remove or rename it.
const STICKY: u32 = 0o1000;
/// Whom the kernel shows as the owner where a user namespace does not know him (`/proc/sys/kernel/overflowuid`).
const OVERFLOW: u32 = 65534;
/// `/proc/self/loginuid` of a process that no login started: `(uid_t) -1`, see `pam_loginuid(8)`.
const NO_LOGIN: u32 = u32::MAX;

/// The base folders of the XDG Base Directory Specification (0.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    /// What a person has set: `$XDG_CONFIG_HOME`, otherwise `~/.config`.
    Config,
    /// What a person keeps: `$XDG_DATA_HOME`, otherwise `~/.local/share`.
    Data,
    /// What the program keeps: `$XDG_STATE_HOME`, otherwise `~/.local/state`.
    State,
    /// What can be made again: `$XDG_CACHE_HOME`, otherwise `~/.cache`.
    Cache,
}

impl Base {
    fn variable(self) -> &'static str {
        match self {
            Self::Config => "XDG_CONFIG_HOME",
            Self::Data => "XDG_DATA_HOME",
            Self::State => "XDG_STATE_HOME",
            Self::Cache => "XDG_CACHE_HOME",
        }
    }

    fn below_home(self) -> &'static str {
        match self {
            Self::Config => ".config",
            Self::Data => ".local/share",
            Self::State => ".local/state",
            Self::Cache => ".cache",
        }
    }

    /// Huntbook's folder there, by the variables that `env` looks up; relative ones are ignored, as the specification asks.
    /// `None` when neither the variable nor `HOME` names a folder.
    pub(crate) fn folder(self, env: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        let absolute = |name| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = absolute(self.variable()).or_else(|| absolute("HOME").map(|home| home.join(self.below_home())))?;
        Some(base.join("huntbook"))
    }

    /// Why there is no such folder.
    pub(crate) fn why_none(self) -> String {
        format!("neither {} nor HOME names a folder", self.variable())
    }
}

/// A variable of this process's environment.
pub(crate) fn env(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// A name that nothing else has: a UUID of version 4 (RFC 9562, 5.4).
///
/// The bytes are asked of the kernel itself, because a static program on a box without `/dev` finds them nowhere else. A kernel
/// without getrandom(2) (before Linux 3.17), or a sandbox that refuses it, leaves what distinguishes this process and moment:
/// an identifier must differ from all others, and need not be hard to guess.
pub(crate) fn new_id() -> Uuid {
    let mut bytes = [0; 16];
    let filled = getrandom(&mut bytes, GetRandomFlags::empty());
    if filled != Ok(bytes.len()) {
        bytes = distinct_bytes();
    }
    Builder::from_random_bytes(bytes).into_uuid()
}

fn distinct_bytes() -> [u8; 16] {
    use sha2::Digest as _;
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let system = uname();
    let mut hasher = sha2::Sha256::new();
    for clock in [ClockId::Realtime, ClockId::Monotonic, ClockId::ProcessCPUTime] {
        let now = clock_gettime(clock);
        hasher.update(now.tv_sec.to_le_bytes());
        hasher.update(now.tv_nsec.to_le_bytes());
    }
    hasher.update(COUNT.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    hasher.update(std::process::id().to_le_bytes());
    hasher.update(system.nodename().to_bytes());
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hasher.finalize()).for_each(|(to, from)| *to = from);
    bytes
}

/// Why a file of ours is not believed. The texts say what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// It belongs to someone else.
    #[error(
        "{0}: it belongs to uid {owner}, not to uid {euid}, who could change what it says; look it through, then run: \
         chown {euid} {0} && chmod 600 {0}",
        escape_path(file)
    )]
    Foreign {
        /// The file.
        file: PathBuf,
        /// Its owner's user id.
        owner: u32,
        /// Effective user id of this process.
        euid: u32,
    },
    /// Group or others can write to it.
    #[error(
        "{0}: group or others can write to it (mode {mode:03o}), so anyone could change what it says; look it through, then \
         run: chmod 600 {0}",
        escape_path(file)
    )]
    Writable {
        /// The file.
        file: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Someone else can put another file in its place.
    #[error(
        "{}: {why} its folder {folder} (mode {mode:03o}) and put another file in its place; take that right away \
         (chmod go-w {folder}) or name a file elsewhere",
        escape_path(file),
        folder = escape_path(folder)
    )]
    Folder {
        /// The file.
        file: PathBuf,
        /// The folder that it lies in, or one above that.
        folder: PathBuf,
        /// Who can do so: "others can write to".
        why: String,
        /// The folder's permission bits.
        mode: u32,
    },
}

/// Whom a file of ours may belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trust {
    /// Effective user id of this process.
    pub euid: u32,
    /// As root: the user id of the person behind `sudo`, whose files are believed too.
    pub behind: Option<u32>,
    /// Believe a file of anyone's, because the person said so.
    pub allow_foreign_owner: bool,
}

impl Trust {
    /// What holds for this process: its own files, and as root those of the person behind it.
    pub fn current() -> Self {
        let euid = geteuid().as_raw();
        let sudo_uid = || std::env::var("SUDO_UID").ok()?.parse().ok();
        let behind = if euid == 0 { login_uid().or_else(sudo_uid) } else { None };
        Self { euid, behind, allow_foreign_owner: false }
    }

    /// Whether a file of this owner is believed.
    pub fn believes(&self, owner: u32) -> bool {
        owner == self.euid || self.allow_foreign_owner || (self.euid == 0 && self.behind == Some(owner))
    }

    /// Refuses a file, of which these are the facts, that someone else owns or can write to.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    pub fn check_file(&self, file: &Path, facts: &Metadata) -> Result<(), Distrust> {
        if facts.mode() & OTHERS_WRITE != 0 {
            return Err(Distrust::Writable { file: file.to_owned(), mode: facts.mode() & 0o7777 });
        }
        if !self.believes(facts.uid()) {
            return Err(Distrust::Foreign { file: file.to_owned(), owner: facts.uid(), euid: self.euid });
        }
        Ok(())
    }

    /// Refuses a file that lies in or below a folder in which someone else can put another in its place: one that others can
    /// write to and that has no sticky bit, or that belongs to someone else. A folder that cannot be looked at is none.
    ///
    /// # Errors
    /// Which folder it is, and what to do.
    pub fn check_folders(&self, file: &Path) -> Result<(), Distrust> {
        let Ok(folder) = folder_of(file).canonicalize() else { return Ok(()) };
        for folder in folder.ancestors() {
            let Ok(facts) = std::fs::symlink_metadata(folder) else { continue };
            let (mode, owner, group) = (facts.mode(), facts.uid(), facts.gid());
            // `useradd` gives each account a group of its own number, of which nobody else is; root's is as good as root.
            let private = group == owner || group == 0;
            let others = if private { 0o002 } else { OTHERS_WRITE };
            let known = self.believes(owner) || owner == 0 || (owner == OVERFLOW && in_user_namespace());
            let why = match () {
                () if mode & others != 0 && mode & STICKY == 0 => "group or others can write to".to_owned(),
                () if !known => format!("uid {owner} owns and can write to"),
                () => continue,
            };
            let (file, folder) = (file.to_owned(), folder.to_owned());
            return Err(Distrust::Folder { file, folder, why, mode: mode & 0o7777 });
        }
        Ok(())
    }
}

/// Whether user ids are another's here, so that owners who are not of it all look alike.
fn in_user_namespace() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.split_whitespace().ne(["0", "0", "4294967295"])
}

/// The folder that a file lies in.
pub(crate) fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// User id that logged in, as `/proc/self/loginuid` has it; `None` when no login is known.
pub(crate) fn login_uid() -> Option<u32> {
    let text = std::fs::read_to_string("/proc/self/loginuid").ok()?;
    text.trim().parse().ok().filter(|uid| *uid != NO_LOGIN)
}

/// Whether it belongs to this user, and nobody else has any right to it.
pub(crate) fn is_ours_alone(stat: &Stat) -> bool {
    stat.st_uid == geteuid().as_raw() && stat.st_mode & 0o077 == 0
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, chown};

    use super::*;

    fn mine() -> Trust {
        Trust { euid: geteuid().as_raw(), behind: None, allow_foreign_owner: false }
    }

    #[test]
    fn identifiers_differ_also_where_the_kernel_has_no_random_bytes() {
        let ids: std::collections::BTreeSet<_> = (0..1000).map(|_| new_id()).collect();
        assert!(ids.len() == 1000 && ids.iter().all(|id| id.get_version_num() == 4));
        let without: std::collections::BTreeSet<_> = (0..1000).map(|_| distinct_bytes()).collect();
        assert_eq!(without.len(), 1000);
    }

    #[test]
    fn a_base_folder_is_that_of_xdg_or_lies_below_home() {
        let with = |vars: &'static [(&str, &str)]| {
            move |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        };
        let both = with(&[("XDG_STATE_HOME", "/state"), ("XDG_DATA_HOME", "relative"), ("HOME", "/home/ann")]);
        let path = |base: Base| base.folder(both).unwrap();
        assert_eq!(path(Base::State), Path::new("/state/huntbook"));
        assert_eq!(path(Base::Data), Path::new("/home/ann/.local/share/huntbook"));
        assert_eq!(path(Base::Config), Path::new("/home/ann/.config/huntbook"));
        assert_eq!(path(Base::Cache), Path::new("/home/ann/.cache/huntbook"));
        assert_eq!(Base::Data.folder(with(&[("HOME", "")])), None);
        assert!(Base::Data.why_none().contains("XDG_DATA_HOME"));
    }

    #[test]
    fn a_file_is_its_users_and_for_root_also_the_persons_behind() {
        let alice = Trust { euid: 1000, behind: Some(1001), allow_foreign_owner: false };
        assert!(alice.believes(1000));
        assert!(!alice.believes(1001) && !alice.believes(0));
        let root = Trust { euid: 0, behind: Some(1000), allow_foreign_owner: false };
        assert!(root.believes(0) && root.believes(1000));
        assert!(!root.believes(1001));
        assert!(Trust { allow_foreign_owner: true, ..root }.believes(1001));
    }

    #[test]
    fn a_file_that_others_own_or_write_to_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("f");
        fs::write(&file, "").unwrap();
        let check = || mine().check_file(&file, &fs::symlink_metadata(&file).unwrap());
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(check(), Ok(()));
        for mode in [0o620, 0o602] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            assert!(matches!(check(), Err(Distrust::Writable { mode: found, .. }) if found == mode));
        }
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        let other = Trust { euid: mine().euid + 1, ..mine() };
        let refused = other.check_file(&file, &fs::symlink_metadata(&file).unwrap()).unwrap_err();
        assert!(matches!(refused, Distrust::Foreign { .. }) && refused.to_string().contains("chown"), "{refused}");
    }

    #[test]
    fn a_folder_where_others_can_replace_the_file_is_refused_wherever_above_it() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("open");
        let file = folder.join("below/f");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let with = |mode| {
            fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
            mine().check_folders(&file)
        };
        assert_eq!(with(0o755), Ok(()));
        assert_eq!(with(0o1777), Ok(()));
        let refused = with(0o777).unwrap_err();
        assert!(matches!(&refused, Distrust::Folder { folder: found, .. } if found.ends_with("open")), "{refused}");
        assert!(refused.to_string().contains("chmod go-w"), "{refused}");
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        // Only root can give a folder away.
        if geteuid().is_root() && chown(&folder, Some(1234), None).is_ok() {
            let refused = mine().check_folders(&file).unwrap_err();
            assert!(refused.to_string().contains("uid 1234 owns"), "{refused}");
        }
    }
}
