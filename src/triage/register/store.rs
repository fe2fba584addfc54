//! The register's bytes on the disk: read from a checked file, replaced whole or not at all.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Metadata};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;

use super::error::RegisterError;
use crate::diagnostics::SourcePlace;
use crate::storage::{NewFile, Trust, folder_of, sync_folder};

/// Greatest length of a register in bytes: some tens of thousands of exclusions.
pub(crate) const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// A register's text with the facts that tell whether it has been changed since.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub text: String,
    facts: Metadata,
}

impl Snapshot {
    /// Every way of writing to a file or of putting another in its place changes one of these.
    fn is_still(&self, facts: &Metadata) -> bool {
        let stamp =
            |f: &Metadata| (f.dev(), f.ino(), f.len(), (f.mtime(), f.mtime_nsec()), (f.ctime(), f.ctime_nsec()));
        stamp(&self.facts) == stamp(facts)
    }
}

/// Whether a replacement took place, or the file was changed by someone else since the snapshot.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Replaced {
    Yes,
    ChangedMeanwhile,
}

/// Reads a register; `None` when there is no such file.
pub(super) fn read(file: &Path, trust: Trust) -> Result<Option<Snapshot>, RegisterError> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let opened = match open(file, flags, Mode::empty()) {
        Ok(opened) => File::from(opened),
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP) => return Err(RegisterError::NotAFile { file: file.to_owned(), what: "a link" }),
        Err(errno) => return Err(RegisterError::io("open the register", file)(errno)),
    };
    let facts = opened.metadata().map_err(RegisterError::io("look at the register", file))?;
    check(trust, file, &facts)?;
    let mut bytes = Vec::new();
    opened.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(RegisterError::io("read the register", file))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(RegisterError::TooLarge { file: file.to_owned(), size: bytes.len() as u64, most: MAX_BYTES });
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(Snapshot { text, facts })),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let SourcePlace { line, column } = SourcePlace::of(&String::from_utf8_lossy(error.as_bytes()), valid);
            let message = "not TOML: the bytes here are not UTF-8".to_owned();
            Err(RegisterError::Syntax { file: file.to_owned(), line, column, message })
        }
    }
}

/// Whether an open file may be read as a register.
fn check(trust: Trust, file: &Path, facts: &Metadata) -> Result<(), RegisterError> {
    if !facts.is_file() {
        let what = if facts.is_dir() { "a folder" } else { "a device, pipe or socket" };
        return Err(RegisterError::NotAFile { file: file.to_owned(), what });
    }
    trust.check_file(file, facts)?;
    trust.check_folders(file)?;
    if facts.len() > MAX_BYTES {
        return Err(RegisterError::TooLarge { file: file.to_owned(), size: facts.len(), most: MAX_BYTES });
    }
    Ok(())
}

/// Makes the folder that is to hold the register, closed to everyone else.
pub(super) fn make_folder(register: &Path) -> Result<(), RegisterError> {
    let folder = folder_of(register);
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(RegisterError::io("make the folder of the register", folder))
}

/// Puts `text` in the register's place: written beside it, synced, renamed over it, the folder synced.
///
/// The caller holds the lock. `old` is what the text was made from, `None` if there was no file.
pub(super) fn replace(register: &Path, text: &str, old: Option<&Snapshot>) -> Result<Replaced, RegisterError> {
    let temporary = temporary_for(register);
    // Under the lock, a file of this name was left by a process that died.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(RegisterError::io("remove what a stopped Huntbook left", &temporary)(error));
        }
        _ => {}
    }
    let cannot_write = RegisterError::io("write beside the register", &temporary);
    let new = match NewFile::named(temporary.clone()).and_then(|new| write(new, text, old)) {
        Ok(new) => new,
        Err(error) => return Err(cannot_write(error)),
    };
    if !is_still(register, old) {
        return Ok(Replaced::ChangedMeanwhile);
    }
    new.rename(register, true).map_err(RegisterError::io("put the new register in its place", register))?;
    sync_folder(register).map_err(|source| RegisterError::NotSynced { file: register.to_owned(), source })?;
    Ok(Replaced::Yes)
}

fn write(new: NewFile, text: &str, old: Option<&Snapshot>) -> io::Result<NewFile> {
    keep_owner(new.file(), old)?;
    new.file().write_all(text.as_bytes())?;
    new.file().sync_all()?;
    Ok(new)
}

/// A register of the person behind `sudo` stays theirs when root writes to it.
pub(super) fn keep_owner(file: &File, old: Option<&Snapshot>) -> io::Result<()> {
    let (Some(old), mine) = (old, file.metadata()?) else { return Ok(()) };
    if old.facts.uid() == mine.uid() { Ok(()) } else { fchown(file, Some(old.facts.uid()), Some(old.facts.gid())) }
}

/// Whether the register is still the one that `old` was read from.
fn is_still(register: &Path, old: Option<&Snapshot>) -> bool {
    match (fs::symlink_metadata(register), old) {
        (Ok(facts), Some(old)) => old.is_still(&facts),
        (Err(error), None) => error.kind() == io::ErrorKind::NotFound,
        (Ok(_), None) | (Err(_), Some(_)) => false,
    }
}

fn temporary_for(register: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(register.file_name().unwrap_or_default());
    name.push(".tmp");
    register.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mine() -> Trust {
        Trust { euid: rustix::process::geteuid().as_raw(), behind: None, allow_foreign_owner: false }
    }

    #[test]
    fn a_replacement_is_whole_private_and_leaves_nothing_beside() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("r.toml");
        fs::write(folder.path().join(".r.toml.tmp"), "left by the dead").unwrap();
        assert_eq!(replace(&file, "version = 1\n", None).unwrap(), Replaced::Yes);
        let read = read(&file, mine()).unwrap().unwrap();
        assert_eq!(read.text, "version = 1\n");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_someone_else_wrote_meanwhile_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("r.toml");
        fs::write(&file, "a").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let old = read(&file, mine()).unwrap().unwrap();
        fs::write(&file, "by an editor").unwrap();
        assert_eq!(replace(&file, "b", Some(&old)).unwrap(), Replaced::ChangedMeanwhile);
        assert_eq!(replace(&file, "b", None).unwrap(), Replaced::ChangedMeanwhile);
        assert_eq!(fs::read_to_string(&file).unwrap(), "by an editor");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_name_without_a_folder_lies_in_the_folder_one_is_in() {
        assert_eq!(folder_of(Path::new("r.toml")), Path::new("."));
        assert_eq!(temporary_for(Path::new("r.toml")), Path::new(".r.toml.tmp"));
    }
}
