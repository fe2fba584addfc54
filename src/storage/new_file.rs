//! A file that is whole or not there: written under another name, put on the disk, then given its own.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

use super::folder_of;

/// A new file beside another (mode 0600), gone when it is dropped without having taken the other's name.
#[derive(Debug)]
pub(crate) struct NewFile {
    file: File,
    path: PathBuf,
}

impl NewFile {
    /// A new file in the folder of `path`, under another name until it is whole.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn beside(path: &Path) -> io::Result<Self> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}.new", std::process::id()));
        Self::named(beside.into())
    }

    /// A new file that has this `name`, which must be free, until it is whole.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn named(name: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&name)?;
        Ok(Self { file, path: name })
    }

    /// Where to write.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Gives it the name `path`, which must be free unless it is to be replaced, once it is on the disk, and sees to it
    /// that the name is on the disk too.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`], or what else the system says.
    pub(crate) fn take_name(&self, path: &Path, force: bool) -> io::Result<()> {
        self.rename(path, force)?;
        sync_folder(path)
    }

    /// The same, but a crash of the system may still undo the name until [`sync_folder`] has been called.
    ///
    /// # Errors
    /// As those of [`Self::take_name`].
    pub(crate) fn rename(&self, path: &Path, force: bool) -> io::Result<()> {
        self.file.sync_all()?;
        if force {
            fs::rename(&self.path, path)
        } else {
            match rustix::fs::renameat_with(CWD, &self.path, CWD, path, RenameFlags::NOREPLACE) {
                // A file system that does not know the flag, a kernel older than Linux 3.15 (rename(2)), or a sandbox that
                // refuses what it does not know; a link never replaces either, and what is left beside is removed.
                Err(Errno::INVAL | Errno::NOSYS | Errno::PERM | Errno::ACCESS) => fs::hard_link(&self.path, path),
                other => Ok(other?),
            }
        }
    }
}

/// Puts the names in the folder of `path` on the disk.
///
/// # Errors
/// What the system says.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // Gone already when it took the other's name.
        let _ = fs::remove_file(&self.path);
    }
}
