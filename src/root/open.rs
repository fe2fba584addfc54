//! Opening beneath a folder, with nothing on the way followed.
//!
//! `openat2(2)` does it in one call. Linux before 5.6 does not have it, and sandboxes answer it with whatever they
//! like: `ENOSYS`, `EPERM` (systemd-nspawn, Docker with an old libseccomp), `EACCES`, `EINVAL` or `E2BIG`. There the
//! path is walked component by component, which follows no link either.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat, openat2, statat};
use rustix::io::Errno;

/// No link is followed, and nothing above the folder is reached.
const BENEATH: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);
/// How a file is opened for reading: `O_NONBLOCK` keeps a FIFO from blocking, `O_NOCTTY` a terminal from being taken.
pub(super) const READ: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);
/// A folder or file that is only pointed at.
pub(super) const POINT: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// Longest path that is handed to the kernel at once, in bytes: `PATH_MAX` is 4,096 with the final NUL.
const MAX_PATH_BYTES: usize = 4095;
/// Tries before a call that is to be tried again (`EAGAIN`, `EINTR`) counts as failed.
const TRIES: u8 = 16;

/// A regular file opened for reading.
#[derive(Debug)]
pub struct OpenedFile {
    /// The descriptor, positioned at the first byte.
    pub file: File,
    /// What `fstat` said right after opening.
    pub stat: Stat,
    /// Whether `O_NOATIME` was granted.
    pub noatime: bool,
}

impl OpenedFile {
    /// Opens for reading what a descriptor points at, which is known to be a regular file. The way there is this
    /// process's own `/proc/self/fd`, so nothing else can be reached by it.
    pub(super) fn again(pointed: BorrowedFd<'_>) -> io::Result<Self> {
        let path = proc_path(pointed.as_raw_fd());
        Self::new(quietly(READ.difference(OFlags::NOFOLLOW), |flags| openat(CWD, &path, flags, Mode::empty()))?)
    }

    fn new((handle, noatime): (OwnedFd, bool)) -> io::Result<Self> {
        let stat = fstat(&handle)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(Self { file: handle.into(), stat, noatime }),
            other => Err(io::Error::other(NotRegular(kind_name(other)))),
        }
    }
}

/// The file is no regular file; the name says what it is instead.
#[derive(Debug, thiserror::Error)]
#[error("is a {0}")]
pub(crate) struct NotRegular(pub &'static str);

/// What to call a file of this type.
pub(crate) fn kind_name(kind: FileType) -> &'static str {
    match kind {
        FileType::Fifo => "FIFO",
        FileType::Socket => "socket",
        FileType::CharacterDevice => "character device",
        FileType::BlockDevice => "block device",
        FileType::Symlink => "link",
        FileType::Directory => "folder",
        FileType::RegularFile => "regular file",
        FileType::Unknown => "file of unknown type",
    }
}

/// Opens the regular file at `path` beneath `folder` for reading. No link is followed at any part of the path, a FIFO
/// does not block, and the access time is left alone where the kernel allows it (own files, or root).
///
/// # Errors
/// `ELOOP` when the file or a folder above it is a link, [`NotRegular`] inside when it is no regular file, else what
/// the system said.
pub(super) fn open_regular(folder: BorrowedFd<'_>, path: &Path) -> io::Result<OpenedFile> {
    OpenedFile::new(quietly(READ, |flags| open_beneath(folder, path, flags, ResolveFlags::empty()))?)
}

/// Opens a name in a folder for reading what it holds; nothing is followed.
pub(super) fn open_name(folder: BorrowedFd<'_>, name: &Path, further: OFlags) -> io::Result<OwnedFd> {
    Ok(quietly(READ | further, |flags| openat(folder, name, flags, Mode::empty()))?.0)
}

/// The path of what this process has open under a number.
pub(super) fn proc_path(number: RawFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{number}"))
}

/// Opens without moving the access time where that is granted (owner or root only, open(2)); says whether it was.
pub(super) fn quietly(
    flags: OFlags,
    mut open: impl FnMut(OFlags) -> Result<OwnedFd, Errno>,
) -> Result<(OwnedFd, bool), Errno> {
    match open(flags | OFlags::NOATIME) {
        Err(Errno::PERM) => Ok((open(flags)?, false)),
        other => Ok((other?, true)),
    }
}

/// Opens `path`, which is relative, beneath `folder`. A path of any length can be opened. `further` may refuse mounts.
pub(crate) fn open_beneath(
    folder: BorrowedFd<'_>,
    path: &Path,
    flags: OFlags,
    further: ResolveFlags,
) -> Result<OwnedFd, Errno> {
    let mut rest = path.as_os_str().as_bytes();
    let mut reached: Option<OwnedFd> = None;
    while rest.len() > MAX_PATH_BYTES {
        let head = rest.get(..MAX_PATH_BYTES).unwrap_or_default();
        let cut = head.iter().rposition(|byte| *byte == b'/').ok_or(Errno::NAMETOOLONG)?;
        let (head, tail) = rest.split_at(cut);
        let at = reached.as_ref().map_or(folder, |reached| reached.as_fd());
        reached = Some(open_part(at, as_path(head), POINT | OFlags::DIRECTORY, further)?);
        let slashes = tail.iter().take_while(|byte| **byte == b'/').count();
        rest = tail.get(slashes..).unwrap_or_default();
    }
    let at = reached.as_ref().map_or(folder, |reached| reached.as_fd());
    open_part(at, as_path(if rest.is_empty() { b"." } else { rest }), flags, further)
}

fn as_path(bytes: &[u8]) -> &Path {
    Path::new(std::ffi::OsStr::from_bytes(bytes))
}

fn open_part(folder: BorrowedFd<'_>, path: &Path, flags: OFlags, further: ResolveFlags) -> Result<OwnedFd, Errno> {
    for _ in 0..TRIES {
        match openat2(folder, path, flags, Mode::empty(), BENEATH | further) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            // Of a file of somebody else `O_NOATIME` is refused with the same number; the caller asks again without it.
            Err(Errno::PERM) if flags.contains(OFlags::NOATIME) => return Err(Errno::PERM),
            Err(Errno::NOSYS | Errno::PERM | Errno::ACCESS | Errno::INVAL | Errno::TOOBIG) if !has_openat2() => {
                return open_stepwise(folder, path, flags, further);
            }
            other => return other,
        }
    }
    Err(Errno::AGAIN)
}

/// Whether `openat2` works at all: it is asked for what nobody is refused.
fn has_openat2() -> bool {
    let Ok(top) = openat(CWD, "/", POINT | OFlags::DIRECTORY, Mode::empty()) else { return true };
    openat2(&top, ".", POINT | OFlags::DIRECTORY, Mode::empty(), BENEATH).is_ok()
}

/// As `openat2` with [`BENEATH`], by calls that every kernel has.
fn open_stepwise(folder: BorrowedFd<'_>, path: &Path, flags: OFlags, further: ResolveFlags) -> Result<OwnedFd, Errno> {
    let mut reached: Option<OwnedFd> = None;
    let mut components = path.components().filter(|part| *part != Component::CurDir).peekable();
    if components.peek().is_none() {
        return openat(folder, ".", flags, Mode::empty());
    }
    while let Some(component) = components.next() {
        // Like the kernel, which has EXDEV for what leads out.
        let Component::Normal(name) = component else { return Err(Errno::XDEV) };
        let at = reached.as_ref().map_or(folder, |reached| reached.as_fd());
        let last = components.peek().is_none();
        let flags = if last { flags | OFlags::NOFOLLOW } else { POINT | OFlags::DIRECTORY };
        // A mount of the same file system is not told by this; what matters is that no other one is entered unseen.
        if further.contains(ResolveFlags::NO_XDEV) && device_of(at, name.as_ref())? != fstat(at)?.st_dev {
            return Err(Errno::XDEV);
        }
        match openat(at, name, flags, Mode::empty()) {
            Ok(next) if last => return Ok(next),
            Ok(next) => reached = Some(next),
            // A link that is to be a folder is told as no folder.
            Err(Errno::NOTDIR) if !last && is_link(at, name.as_ref()) => return Err(Errno::LOOP),
            Err(error) => return Err(error),
        }
    }
    Err(Errno::INVAL)
}

fn device_of(folder: BorrowedFd<'_>, name: &Path) -> Result<u64, Errno> {
    Ok(statat(folder, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT)?.st_dev)
}

fn is_link(folder: BorrowedFd<'_>, name: &Path) -> bool {
    statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;

    #[test]
    fn a_path_walked_component_by_component_ends_where_openat2_does() {
        if !has_openat2() {
            eprintln!("skipped: this kernel has no openat2");
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
        std::fs::write(dir.path().join("a/b/file"), "x").unwrap();
        symlink("b", dir.path().join("a/link")).unwrap();
        symlink("file", dir.path().join("a/b/link")).unwrap();
        symlink("/etc", dir.path().join("out")).unwrap();
        let top = File::open(dir.path()).unwrap();
        let paths = "a a/b/file a/link/file a/b/link out/passwd ../x .. a/none none/x a/b/file/x ./a/./b . /etc";
        for path in paths.split(' ').map(Path::new) {
            for flags in [READ, READ | OFlags::DIRECTORY, POINT] {
                let inode = |fd: OwnedFd| File::from(fd).metadata().unwrap().ino();
                let by_kernel = openat2(&top, path, flags, Mode::empty(), BENEATH).map(inode);
                let by_step = open_stepwise(top.as_fd(), path, flags, ResolveFlags::empty()).map(inode);
                assert_eq!(by_step, by_kernel, "{} {flags:?}", path.display());
            }
        }
    }
}
