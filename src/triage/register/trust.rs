//! Whose register is believed. Whoever can write to it can hide a hit.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::super::actor;
use super::error::RegisterError;

/// Greatest length of a register in bytes: some tens of thousands of exclusions.
pub const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Write permission of group and others (`inode(7)`).
const OTHERS_WRITE: u32 = 0o022;

/// Whom a register may belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trust {
    /// Effective user id of this process.
    pub euid: u32,
    /// As root: the user id of the person behind `sudo`, whose register is believed too.
    pub behind: Option<u32>,
    /// Believe a register of anyone's, because the person said so.
    pub allow_foreign_owner: bool,
}

impl Trust {
    /// What holds for this process: its own registers, and as root those of the person behind it.
    pub fn current() -> Self {
        let euid = rustix::process::geteuid().as_raw();
        let sudo_uid = || std::env::var("SUDO_UID").ok()?.parse().ok();
        let behind = if euid == 0 { actor::login_uid().or_else(sudo_uid) } else { None };
        Self { euid, behind, allow_foreign_owner: false }
    }

    /// Whether an open file may be read as a register.
    pub(super) fn check(&self, file: &Path, facts: &Metadata) -> Result<(), RegisterError> {
        if !facts.is_file() {
            let what = if facts.is_dir() { "a folder" } else { "a device, pipe or socket" };
            return Err(RegisterError::NotAFile { file: file.to_owned(), what });
        }
        if facts.mode() & OTHERS_WRITE != 0 {
            return Err(RegisterError::Writable { file: file.to_owned(), mode: facts.mode() & 0o7777 });
        }
        if !self.believes(facts.uid()) {
            return Err(RegisterError::Foreign { file: file.to_owned(), owner: facts.uid(), euid: self.euid });
        }
        if facts.len() > MOST_BYTES {
            return Err(RegisterError::TooLarge { file: file.to_owned(), size: facts.len(), most: MOST_BYTES });
        }
        Ok(())
    }

    fn believes(&self, owner: u32) -> bool {
        owner == self.euid || self.allow_foreign_owner || (self.euid == 0 && self.behind == Some(owner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_is_its_users_and_for_root_also_the_persons_behind() {
        let alice = Trust { euid: 1000, behind: Some(1001), allow_foreign_owner: false };
        assert!(alice.believes(1000));
        assert!(!alice.believes(1001) && !alice.believes(0));
        let root = Trust { euid: 0, behind: Some(1000), allow_foreign_owner: false };
        assert!(root.believes(0) && root.believes(1000));
        assert!(!root.believes(1001));
        assert!(Trust { allow_foreign_owner: true, ..root }.believes(1001));
    }
}
