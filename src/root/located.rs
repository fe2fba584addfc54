//! Something that was reached: what it is, and opening it.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, openat, readlinkat};

use super::Folder;
use super::open::{self, OpenedFile, READ};

/// A path that was walked to its end.
#[derive(Debug)]
pub(crate) struct Located {
    /// The path on the box with every link resolved.
    pub(crate) path: PathBuf,
    pub(crate) metadata: Metadata,
    pub(super) parent: File,
    pub(super) name: OsString,
    /// What was located, pointed at.
    pub(super) here: File,
    /// The text of the link of a process that led here, if one did.
    pub(super) behind: Option<PathBuf>,
}

impl Located {
    /// What a symbolic link says, unresolved.
    pub(crate) fn target(&self) -> io::Result<PathBuf> {
        let target = readlinkat(&self.parent, &self.name, Vec::new())?;
        Ok(OsString::from_vec(target.into_bytes()).into())
    }

    /// Opens what was located for reading, if it is a regular file, and still the same one.
    pub(crate) fn open(&self) -> io::Result<File> {
        regular(&self.metadata)?;
        let file: File = match self.behind {
            // What has been checked is opened, not what the link may lead to by now.
            Some(_) => OpenedFile::again(self.here.as_fd())?.file,
            None => open::open_name(self.parent.as_fd(), Path::new(&self.name), OFlags::empty())?.into(),
        };
        let opened = file.metadata()?;
        regular(&opened)?;
        if (opened.dev(), opened.ino()) != (self.metadata.dev(), self.metadata.ino()) {
            return Err(io::Error::other("replaced while it was opened"));
        }
        Ok(file)
    }

    /// The same, opened for reading as the scan does.
    pub(crate) fn open_now(&self) -> io::Result<OpenedFile> {
        match self.behind {
            Some(_) => OpenedFile::again(self.here.as_fd()),
            None => open::open_regular(self.parent.as_fd(), Path::new(&self.name)),
        }
    }

    /// Opens the folder that was located, to be listed.
    pub(crate) fn enter(&self) -> io::Result<Folder> {
        let flags = READ | OFlags::DIRECTORY;
        let (handle, _) = open::quietly(flags, |flags| openat(&self.here, ".", flags, Mode::empty()))?;
        Folder::new(self.path.clone(), handle.into())
    }

    /// A path that leads to what was located, and to nothing else, as long as this is kept. It is for system calls that
    /// take no descriptor of something that is only pointed at.
    pub(crate) fn proc_path(&self) -> PathBuf {
        open::proc_path(self.here.as_raw_fd())
    }

    /// What the link of a process that was followed last says of where it leads.
    pub(crate) fn led_to(&self) -> Option<&Path> {
        self.behind.as_deref()
    }

    /// The name that it had when it has none any more: `/proc/PID/exe` of a program that was deleted, an unlinked file
    /// that is still open, a memfd.
    pub(crate) fn deleted(&self) -> Option<PathBuf> {
        let text = self.behind.as_ref().filter(|_| self.metadata.nlink() == 0)?;
        let bytes = text.as_os_str().as_bytes();
        Some(OsStr::from_bytes(bytes.strip_suffix(b" (deleted)").unwrap_or(bytes)).into())
    }
}

fn regular(metadata: &Metadata) -> io::Result<()> {
    let kind = metadata.file_type();
    let what = match () {
        () if kind.is_file() => return Ok(()),
        () if kind.is_dir() => "a folder",
        () if kind.is_symlink() => "a symbolic link",
        () if kind.is_fifo() => "a FIFO",
        () if kind.is_socket() => "a socket",
        () => "a device",
    };
    Err(io::Error::other(format!("{what}, not a regular file; not read")))
}
