//! The lock that lets one process at a time change a register.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
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

/// `NAME.lock` beside the register. It stays, but for [`remove`].
pub(super) fn path_for(register: &Path) -> PathBuf {
    let mut name = OsString::from(register);
    name.push(".lock");
    name.into()
}

/// Takes the lock of a register, waiting at most `patience`.
pub(super) fn hold(register: &Path, patience: Duration) -> Result<Lock, RegisterError> {
    let path = path_for(register);
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let begun = Instant::now();
    loop {
        let file =
            open(&path, flags, Mode::RUSR | Mode::WUSR).map_err(RegisterError::io("open the lock file", &path))?;
        let file = File::from(file);
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            // Who waited for one that was removed holds nothing.
            Ok(()) if is_at(&file, &path) => return Ok(Lock { file }),
            Ok(()) if begun.elapsed() < patience => {}
            Ok(()) => return Err(RegisterError::Locked { lock: path, seconds: patience.as_secs() }),
            Err(Errno::WOULDBLOCK | Errno::INTR) if begun.elapsed() < patience => sleep(PAUSE),
            Err(Errno::WOULDBLOCK | Errno::INTR) => {
                return Err(RegisterError::Locked { lock: path, seconds: patience.as_secs() });
            }
            Err(errno) => return Err(RegisterError::io("lock", &path)(io::Error::from(errno))),
        }
    }
}

/// Whether the register has a lock file.
pub(super) fn is_there(register: &Path) -> bool {
    fs::symlink_metadata(path_for(register)).is_ok()
}

/// Takes the lock file away: beside a register that is there for a moment only, it would be left behind.
pub(super) fn remove(register: &Path, patience: Duration) -> Result<(), RegisterError> {
    let _held = hold(register, patience)?;
    let path = path_for(register);
    fs::remove_file(&path).map_err(RegisterError::io("remove the lock file", &path))
}

/// Whether the open file is the one of this name.
fn is_at(file: &File, path: &Path) -> bool {
    let inode = |facts: fs::Metadata| (facts.dev(), facts.ino());
    let there = fs::symlink_metadata(path).map(inode);
    file.metadata().map(inode).is_ok_and(|open| there.is_ok_and(|there| there == open))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waited_for_a_lock_that_was_removed_takes_the_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let register = folder.path().join("r.toml");
        let held = hold(&register, Duration::ZERO).unwrap();
        let waits = std::thread::spawn({
            let register = register.clone();
            move || hold(&register, Duration::from_mins(1)).unwrap()
        });
        sleep(PAUSE * 3);
        fs::remove_file(path_for(&register)).unwrap();
        drop(held);
        let new = waits.join().unwrap();
        assert!(is_at(&new.file, &path_for(&register)));
        assert!(hold(&register, Duration::ZERO).is_err(), "there is one lock");
        drop(new);
        remove(&register, Duration::ZERO).unwrap();
        assert!(!is_there(&register));
    }

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
