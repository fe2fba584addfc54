//! The lock that lets one process at a time change a register.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::io::Errno;

use super::error::RegisterError;
use super::store::{Snapshot, keep_owner};

/// How long to wait between two tries.
const PAUSE: Duration = Duration::from_millis(10);

/// A held lock; dropping it lets go, also where a copy of the open file is on its way into another program. The kernel
/// lets go of it when the process dies.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Gives the lock file to the owner of the register, so that a person can take a lock that root made behind
    /// `sudo`. Where that is refused, the person's next change says so.
    pub(super) fn belong_with(&self, register: Option<&Snapshot>) {
        let _ = keep_owner(&self.file, register);
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// `NAME.lock` beside the register. It stays: deleting it would let two processes hold two files of one name.
pub(super) fn path_for(register: &Path) -> PathBuf {
    let mut name = OsString::from(register);
    name.push(".lock");
    name.into()
}

/// Takes the lock of a register, waiting at most `patience`.
pub(super) fn hold(register: &Path, patience: Duration) -> Result<Lock, RegisterError> {
    let path = path_for(register);
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = open(&path, flags, Mode::RUSR | Mode::WUSR).map_err(RegisterError::io("open the lock file", &path))?;
    let file = File::from(file);
    let begun = Instant::now();
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Lock { file }),
            Err(Errno::WOULDBLOCK | Errno::INTR) if begun.elapsed() < patience => sleep(PAUSE),
            Err(Errno::WOULDBLOCK | Errno::INTR) => {
                return Err(RegisterError::Locked { lock: path, seconds: patience.as_secs() });
            }
            Err(errno) => return Err(RegisterError::io("lock", &path)(io::Error::from(errno))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_lock_is_waited_for_only_so_long() {
        let folder = tempfile::tempdir().unwrap();
        let register = folder.path().join("r.toml");
        let held = hold(&register, Duration::ZERO).unwrap();
        let begun = Instant::now();
        let error = hold(&register, Duration::from_millis(60)).unwrap_err();
        assert!(matches!(&error, RegisterError::Locked { lock, .. } if *lock == folder.path().join("r.toml.lock")));
        assert!(begun.elapsed() >= Duration::from_millis(60));
        drop(held);
        hold(&register, Duration::ZERO).unwrap();
    }

    #[test]
    fn a_link_in_the_locks_place_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        std::os::unix::fs::symlink(&target, folder.path().join("r.toml.lock")).unwrap();
        assert!(hold(&folder.path().join("r.toml"), Duration::ZERO).is_err());
        assert!(!target.exists());
    }
}
