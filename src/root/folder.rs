//! An open folder: what is in it, and opening that from it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, FileType, OFlags, RawDir, ResolveFlags, SeekFrom, Stat, fstat, fstatfs, readlinkat, seek, statat,
};

use super::open::{self, POINT, READ};
use super::{NotRegular, OpenedFile, kind_name};

/// Names read of one folder; the rest is told as a gap.
const MAX_NAMES: usize = 1_000_000;
/// Bytes of entries that are taken from the kernel at once.
const ENTRIES: usize = 32 * 1024;

/// An open folder.
#[derive(Debug)]
pub struct Folder {
    /// Where it is with every link resolved: a text to be shown.
    pub(crate) path: PathBuf,
    file: File,
    stat: Stat,
}

/// What is done where another file system is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MountPolicy {
    /// Entered.
    Entered,
    /// Refused with `EXDEV`.
    Refused,
}

/// A folder, or what was listed as one, that is only pointed at: nothing is mounted or opened by that.
#[derive(Debug)]
pub(crate) struct Pointed {
    /// What `fstat` says of it.
    pub stat: Stat,
    /// Magic number of its file system (statfs(2)).
    pub file_system: u64,
}

/// A buffer for [`Folder::entries`].
pub(crate) type EntryBuffer = Vec<MaybeUninit<u8>>;

/// A buffer for [`Folder::entries`], of a size that the kernel likes.
pub(crate) fn entry_buffer() -> EntryBuffer {
    vec![MaybeUninit::uninit(); ENTRIES]
}

impl Folder {
    pub(super) fn new(path: PathBuf, file: File) -> io::Result<Self> {
        let stat = fstat(&file)?;
        Ok(Self { path, file, stat })
    }

    /// Opens the folder `below` this one to be listed; no link is followed at any part of that, and its access time is
    /// left alone where the kernel allows it. `path` is what it is called from now on.
    ///
    /// # Errors
    /// `ENOTDIR` when it is none, `EXDEV` when a mount is refused, else what the system said.
    pub(crate) fn enter(&self, below: &Path, path: &Path, mounts: MountPolicy) -> io::Result<Self> {
        let further = if mounts == MountPolicy::Refused { ResolveFlags::NO_XDEV } else { ResolveFlags::empty() };
        let open = |flags| open::open_beneath(self.file.as_fd(), below, flags, further);
        let (handle, _) = open::quietly(READ | OFlags::DIRECTORY, open)?;
        Self::new(path.to_owned(), handle.into())
    }

    /// Points at the folder `below` this one without opening it.
    ///
    /// # Errors
    /// What the system said.
    pub(crate) fn point(&self, below: &Path) -> io::Result<Pointed> {
        let pointed = open::open_beneath(self.file.as_fd(), below, POINT, ResolveFlags::empty())?;
        Ok(Pointed { stat: fstat(&pointed)?, file_system: fstatfs(&pointed)?.f_type as u64 })
    }

    /// Opens the regular file with this name in the folder for reading. Its inode is asked first: opening a device can
    /// already do something.
    ///
    /// # Errors
    /// `ELOOP` when the file or a folder above it is a link, [`NotRegular`] inside when it is no regular
    /// file, else what the system said.
    pub(crate) fn open_file(&self, name: &OsStr) -> io::Result<OpenedFile> {
        match FileType::from_raw_mode(self.stat_of(name)?.st_mode) {
            FileType::RegularFile => open::open_regular(self.file.as_fd(), Path::new(name)),
            other => Err(io::Error::other(NotRegular(kind_name(other)))),
        }
    }

    /// Opens the regular file `below` this folder for reading.
    ///
    /// # Errors
    /// `ELOOP` when the file or a folder above it is a link, [`NotRegular`] inside when it is no regular
    /// file, else what the system said.
    pub(crate) fn open_below(&self, below: &Path) -> io::Result<OpenedFile> {
        open::open_regular(self.file.as_fd(), below)
    }

    /// What the inode of a name in it says; a link is not followed.
    ///
    /// # Errors
    /// What the system said.
    pub(crate) fn stat_of(&self, name: &OsStr) -> io::Result<Stat> {
        Ok(statat(&self.file, name, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// What a link in it says, unresolved.
    ///
    /// # Errors
    /// What the system said.
    pub(crate) fn target_of(&self, name: &OsStr) -> io::Result<PathBuf> {
        let target = readlinkat(&self.file, name, Vec::new())?;
        Ok(OsString::from_vec(target.into_bytes()).into())
    }

    /// What `fstat` said when it was opened.
    pub(crate) fn stat(&self) -> &Stat {
        &self.stat
    }

    /// Magic number of the file system that it is on (statfs(2)).
    ///
    /// # Errors
    /// What the system said.
    pub(crate) fn file_system(&self) -> io::Result<u64> {
        Ok(fstatfs(&self.file)?.f_type as u64)
    }

    /// Its entries, without `.` and `..`, in the order of the file system. Once for each opening.
    pub(crate) fn entries<'f>(&'f self, buffer: &'f mut EntryBuffer) -> FolderEntries<'f> {
        FolderEntries(RawDir::new(&self.file, buffer.as_mut_slice()))
    }

    /// The names in it, sorted, without `.` and `..`, and whether there were too many to list.
    pub(crate) fn names(&self) -> io::Result<(Vec<OsString>, bool)> {
        let mut names = Vec::new();
        let mut buffer = entry_buffer();
        seek(&self.file, SeekFrom::Start(0))?;
        let mut entries = self.entries(&mut buffer);
        while let Some(entry) = entries.next() {
            if names.len() == MAX_NAMES {
                return Ok((names, true));
            }
            names.push(entry?.0);
        }
        names.sort_unstable();
        Ok((names, false))
    }
}

/// The entries of a folder: the name, and the type that the folder claims for it. The claim is only a hint: it is a byte
/// in the folder's own blocks, which may say anything.
pub(crate) struct FolderEntries<'f>(RawDir<'f, &'f File>);

impl FolderEntries<'_> {
    /// The next entry.
    pub(crate) fn next(&mut self) -> Option<io::Result<(OsString, FileType)>> {
        loop {
            let entry = match self.0.next()? {
                Ok(entry) => entry,
                Err(error) => return Some(Err(error.into())),
            };
            match entry.file_name().to_bytes() {
                b"." | b".." => {}
                name => return Some(Ok((OsStr::from_bytes(name).to_owned(), entry.file_type()))),
            }
        }
    }
}
