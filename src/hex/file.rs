//! The file on disk, read only where it is looked at, and watched for whether it still is what was scanned.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{SeekFrom, Stat};
use rustix::io::Errno;

use super::source::{Ahead, ByteSource, Piece};
use crate::finding::{FileFacts, FileTime};
use crate::timeout::blocking_call;
use crate::{root, text};

/// Bytes around a read error that count as unreadable: the page is the kernel's unit of reading.
const PAGE: u64 = 4096;

/// Whether the file is still the one that was scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FileState {
    /// Same inode, size, mtime and ctime, under the same name.
    AsScanned,
    /// There is a file, but not quite the one that was scanned.
    ChangedSince(Change),
    /// There is no file to read.
    Gone(MissingFile),
}

/// How a file differs from what was scanned; the weightiest difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Change {
    /// The name leads to another inode than the one that was scanned.
    #[error("the file was replaced by another since the scan")]
    OtherFile,
    /// The file is shorter than it was.
    #[error("the file was cut from {} to {} since the scan", text::count(*.was), text::counted(*.now, "byte"))]
    Shrank {
        /// Bytes when it was scanned.
        was: u64,
        /// Bytes now.
        now: u64,
    },
    /// The file is longer than it was.
    #[error("the file grew from {} to {} since the scan", text::count(*.was), text::counted(*.now, "byte"))]
    Grew {
        /// Bytes when it was scanned.
        was: u64,
        /// Bytes now.
        now: u64,
    },
    /// Same size, another mtime.
    #[error("the file was written to since the scan, at {at}")]
    Rewritten {
        /// The mtime now.
        at: FileTime,
    },
    /// The very file that was scanned is still open here, but its name is gone.
    #[error("the file was deleted or moved since it was opened here")]
    Deleted,
    /// The very file that was scanned is still open here, but its name leads to another one.
    #[error("the file was replaced by another since it was opened here")]
    Replaced,
    /// The file that was scanned, still open here, has another size, and then lost its name.
    #[error("the file was deleted or moved since it was opened here, after it went from {} to {}", text::count(*.was), text::counted(*.now, "byte"))]
    ResizedAndDeleted {
        /// Bytes when it was scanned.
        was: u64,
        /// Bytes now.
        now: u64,
    },
    /// The file that was scanned, still open here, has another size, and its name leads to another one.
    #[error("the file was replaced by another since it was opened here, after it went from {} to {}", text::count(*.was), text::counted(*.now, "byte"))]
    ResizedAndReplaced {
        /// Bytes when it was scanned.
        was: u64,
        /// Bytes now.
        now: u64,
    },
    /// Same size and mtime, another ctime: mode, owner, links, name, or an mtime that was set back.
    #[error("the file's inode was changed since the scan, at {at}, its size and time of modification were not")]
    Inode {
        /// The ctime now.
        at: FileTime,
    },
}

impl Change {
    /// Whether the scanned offsets may lead nowhere in the file as it is now, so that the kept bytes serve better.
    pub(crate) fn is_another_content(self) -> bool {
        match self {
            Self::OtherFile | Self::Shrank { .. } => true,
            Self::ResizedAndDeleted { was, now } | Self::ResizedAndReplaced { was, now } => now < was,
            _ => false,
        }
    }

    /// Whether the bytes are those that were scanned, as far as a file system can tell.
    pub(crate) fn is_scanned_content(self) -> bool {
        matches!(self, Self::Deleted | Self::Replaced)
    }
}

/// Why there is no file to read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MissingFile {
    /// Nothing has that name any more.
    #[error("the file was deleted or moved since the scan")]
    Missing,
    /// The name, or a folder above it, is a link now; it is not followed.
    #[error("the file's path leads through a link since the scan, and links are not followed")]
    Link,
    /// The name belongs to a folder, device, FIFO or socket.
    #[error("the file was replaced by something that is no regular file since the scan")]
    NotRegular,
    /// The file may not be read.
    #[error("the file may not be read (permission denied; root may)")]
    Denied,
    /// It lies in an archive, or in a process, and is not to be had from there; the text says why.
    #[error("{0}")]
    Inside(String),
    /// It is on another box.
    #[error("the file is on another box")]
    Elsewhere,
    /// Its file system does not answer.
    #[error("the file system gives no answer")]
    Silent,
    /// Any other system error.
    #[error("the file cannot be read ({0})")]
    Io(String),
}

impl From<Errno> for MissingFile {
    fn from(error: Errno) -> Self {
        match error {
            Errno::NOENT | Errno::NOTDIR => Self::Missing,
            Errno::LOOP => Self::Link,
            // open(2) of a socket, or of a device without a driver.
            Errno::NXIO | Errno::NODEV => Self::NotRegular,
            Errno::ACCESS | Errno::PERM => Self::Denied,
            other => Self::Io(io::Error::from(other).to_string()),
        }
    }
}

impl From<io::Error> for MissingFile {
    fn from(error: io::Error) -> Self {
        match Errno::from_io_error(&error) {
            Some(errno) => errno.into(),
            None if error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<root::NotRegular>) => {
                Self::NotRegular
            }
            None => Self::Io(error.to_string()),
        }
    }
}

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    dev: u64,
    ino: u64,
    size: u64,
    modified: FileTime,
    changed: FileTime,
}

impl From<&FileFacts> for Identity {
    fn from(facts: &FileFacts) -> Self {
        let FileFacts { dev, ino, size, modified, changed, .. } = *facts;
        Self { dev, ino, size, modified, changed }
    }
}

impl From<&Stat> for Identity {
    fn from(stat: &Stat) -> Self {
        Self {
            dev: stat.st_dev,
            ino: stat.st_ino,
            size: stat.st_size as u64,
            modified: FileTime { seconds: stat.st_mtime, nanos: stat.st_mtime_nsec as u32 },
            changed: FileTime { seconds: stat.st_ctime, nanos: stat.st_ctime_nsec as u32 },
        }
    }
}

impl Identity {
    /// Device numbers may change with a reboot; all else being equal, that alone makes no other file.
    fn is_same_file(&self, now: &Self) -> bool {
        self.ino == now.ino && (self.dev == now.dev || Self { dev: self.dev, ..*now } == *self)
    }
}

/// A page that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the bytes at {offset:#x} cannot be read ({error})")]
pub(crate) struct Unreadable {
    /// Offset of the first byte.
    pub offset: u64,
    /// What the system said.
    pub error: String,
}

/// A regular file, open for reading. Nothing of it is kept in memory: the kernel's page cache does that, and is never
/// out of date.
#[derive(Debug)]
pub(crate) struct FileSource {
    file: File,
    path: PathBuf,
    scanned: Identity,
    size: u64,
    state: FileState,
    unreadable: Option<Unreadable>,
}

impl FileSource {
    /// Opens `path`, which the scanned file had, without following a link at any part of it, and without leaving a trace
    /// in its access time where the kernel allows that. It is compared with `scanned` from now on.
    ///
    /// # Errors
    /// [`MissingFile`], when there is nothing to read or it may not be read.
    pub(crate) fn open(path: &Path, scanned: &FileFacts) -> Result<Self, MissingFile> {
        let opened = blocking_call(|| root::open_file(path))?;
        let mut source = Self {
            file: opened.file,
            path: path.to_owned(),
            scanned: scanned.into(),
            size: opened.stat.st_size as u64,
            state: FileState::AsScanned,
            unreadable: None,
        };
        source.recheck();
        Ok(source)
    }

    /// Whether the file was still what was scanned when it was last checked.
    pub(crate) fn state(&self) -> &FileState {
        &self.state
    }

    /// Looks again whether the file is still what was scanned, by `fstat` and `lstat`; brings the size up to date.
    pub(crate) fn recheck(&mut self) -> &FileState {
        self.state = match blocking_call(|| rustix::fs::fstat(&self.file)) {
            Ok(stat) => {
                self.size = stat.st_size as u64;
                self.compare(&(&stat).into())
            }
            Err(error) => FileState::Gone(error.into()),
        };
        &self.state
    }

    /// Takes the last page that could not be read, so that it is told once.
    pub(crate) fn take_unreadable(&mut self) -> Option<Unreadable> {
        self.unreadable.take()
    }

    fn compare(&self, now: &Identity) -> FileState {
        let scanned = &self.scanned;
        let change = if !scanned.is_same_file(now) {
            Change::OtherFile
        } else if now.size != scanned.size {
            let (was, now_size) = (scanned.size, now.size);
            // That a name is gone weighs more than what became of the bytes that it had.
            match self.name_change(now) {
                Some(Change::Deleted) => Change::ResizedAndDeleted { was, now: now_size },
                Some(_) => Change::ResizedAndReplaced { was, now: now_size },
                None if now_size < was => Change::Shrank { was, now: now_size },
                None => Change::Grew { was, now: now_size },
            }
        } else if now.modified != scanned.modified {
            Change::Rewritten { at: now.modified }
        } else if let Some(change) = self.name_change(now) {
            change
        } else if now.changed != scanned.changed {
            Change::Inode { at: now.changed }
        } else {
            return FileState::AsScanned;
        };
        FileState::ChangedSince(change)
    }

    fn name_change(&self, held: &Identity) -> Option<Change> {
        match blocking_call(|| root::stat_file(&self.path)) {
            Ok(named) if (named.st_dev, named.st_ino) != (held.dev, held.ino) => Some(Change::Replaced),
            Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::NOENT | Errno::NOTDIR)) => {
                Some(Change::Deleted)
            }
            _ => None,
        }
    }
}

impl ByteSource for FileSource {
    fn size(&self) -> u64 {
        self.size
    }

    fn piece(&mut self, offset: u64, buffer: &mut [u8]) -> Piece {
        let file = &self.file;
        let pread = |buffer: &mut [u8], offset| blocking_call(|| file.read_at(buffer, offset));
        piece_by(pread, offset, buffer).unwrap_or_else(|error| {
            self.unreadable = Some(Unreadable { offset, error: error.to_string() });
            Piece::Unknown { until: page_end(offset) }
        })
    }

    fn ahead(&mut self, offset: u64) -> Ahead {
        match blocking_call(|| rustix::fs::seek(&self.file, SeekFrom::Data(offset))) {
            Ok(data) if data > offset => Ahead::Zeros { until: data },
            // lseek(2): no data between the offset and the end of the file.
            Err(Errno::NXIO) if offset < self.size => Ahead::Zeros { until: self.size },
            _ => Ahead::Data,
        }
    }
}

/// One piece by way of `pread`. A read that fails is tried again up to the end of its page alone, so that one bad page
/// hides no good one; the error comes back when the page itself is bad.
fn piece_by(
    mut pread: impl FnMut(&mut [u8], u64) -> io::Result<usize>,
    offset: u64,
    buffer: &mut [u8],
) -> io::Result<Piece> {
    // read(2): offsets are signed.
    if i64::try_from(offset).is_err() {
        return Ok(Piece::End);
    }
    let mut room = buffer;
    loop {
        let page = usize::try_from(page_end(offset) - offset).unwrap_or(usize::MAX);
        match pread(room, offset) {
            Ok(0) => return Ok(Piece::End),
            Ok(count) => return Ok(Piece::Bytes(count)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if room.len() <= page => return Err(error),
            Err(_) => room = room.split_at_mut(page).0,
        }
    }
}

fn page_end(offset: u64) -> u64 {
    (offset - offset % PAGE).saturating_add(PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::source::fill;

    /// A disk whose bytes are their page's number and whose pages 1 and 3 are bad.
    struct Scratched;

    impl ByteSource for Scratched {
        fn size(&self) -> u64 {
            5 * PAGE
        }

        fn piece(&mut self, offset: u64, buffer: &mut [u8]) -> Piece {
            let pread = |buffer: &mut [u8], offset: u64| {
                let count = buffer.len().min((5 * PAGE - offset) as usize);
                let pages = offset / PAGE..=(offset + count as u64 - 1) / PAGE;
                if pages.clone().any(|page| page == 1 || page == 3) {
                    return Err(io::Error::from(Errno::IO));
                }
                buffer[..count].fill(*pages.start() as u8);
                Ok(count)
            };
            piece_by(pread, offset, buffer).unwrap_or(Piece::Unknown { until: page_end(offset) })
        }
    }

    #[test]
    fn a_bad_page_hides_no_good_one() {
        let mut buffer = Vec::new();
        let known = fill(&mut Scratched, 100, 5 * PAGE as usize - 100, &mut buffer);
        let page = PAGE as usize;
        assert_eq!(known, [0..page - 100, 2 * page - 100..3 * page - 100, 4 * page - 100..5 * page - 100]);
        assert_eq!((buffer[0], buffer[2 * page], buffer[5 * page - 101]), (0, 2, 4));
    }

    #[test]
    fn an_interrupted_read_is_tried_again_and_no_offset_overflows() {
        let mut calls = 0;
        let interrupted_once = |buffer: &mut [u8], _: u64| {
            calls += 1;
            if calls == 1 { Err(io::ErrorKind::Interrupted.into()) } else { Ok(buffer.len()) }
        };
        assert_eq!(piece_by(interrupted_once, 0, &mut [0; 8]).unwrap(), Piece::Bytes(8));
        assert_eq!(piece_by(|_, _| panic!("not to be read"), u64::MAX, &mut [0; 8]).unwrap(), Piece::End);
    }
}
