//! Where the box is: the live root, or the folder an image is mounted on.
//!
//! Every path the probes open goes through [`Root`]. It walks a path component by component with `O_PATH` and
//! `O_NOFOLLOW` and resolves symbolic links itself, so that an absolute link inside an image stays inside the image,
//! `..` never leads above it, nothing is mounted on the way (`O_PATH` triggers no automount, open(2)) and a FIFO or
//! device is never opened.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Dir, Mode, OFlags, openat, readlinkat};
use rustix::io::Errno;

use crate::finding::FileTime;

/// Symbolic links followed on one path before it counts as a loop: Linux's own limit (`path_resolution(7)`).
const MAX_LINKS: usize = 40;
/// Components walked for one path, links included.
const MAX_COMPONENTS: usize = 4096;
/// Bytes read of one text file (a cron table, a unit); the rest is told as a gap.
pub(super) const TEXT_CAP: u64 = 4 << 20;
/// Names read of one folder; the rest is told as a gap.
const MAX_NAMES: usize = 1_000_000;

/// The box that is looked at: the running system, or an image mounted on a folder.
#[derive(Debug, Clone)]
pub struct Root {
    dir: Arc<Path>,
    live: bool,
}

impl Root {
    /// The running system itself.
    pub fn live() -> Self {
        Self { dir: Path::new("/").into(), live: true }
    }

    /// An image, or a copy of a box, whose root is `dir` on this machine. Whether it is there shows when it is read.
    pub fn image(dir: impl AsRef<Path>) -> Self {
        Self { dir: dir.as_ref().into(), live: false }
    }

    /// Whether this is the running system, so that processes and sockets can be looked at.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// The folder on this machine that is the box's `/`.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The path as the box names it, of a file walked on this machine; `None` when it is not below the root.
    pub fn on_box(&self, walked: &Path) -> Option<PathBuf> {
        let strip = |dir: &Path| walked.strip_prefix(dir).ok().map(|rest| Path::new("/").join(rest));
        strip(&self.dir).or_else(|| strip(&self.dir.canonicalize().ok()?)).filter(|_| walked.is_absolute())
    }

    /// Walks `path` (absolute, as on the box). With `follow`, a link at its end is resolved too.
    pub(super) fn locate(&self, path: &Path, follow: bool) -> io::Result<Located> {
        let mut pending: Vec<OsString> = components(path).rev().collect();
        let mut names: Vec<OsString> = Vec::new();
        let mut parent = self.open_top()?;
        let mut here = parent.try_clone()?;
        let (mut links, mut steps) = (0, 0);
        while let Some(name) = pending.pop() {
            steps += 1;
            if steps > MAX_COMPONENTS {
                return Err(io::Error::from(Errno::NAMETOOLONG));
            }
            if name == ".." {
                names.pop();
                (parent, here) = self.reopen(&names)?;
                continue;
            }
            let next =
                File::from(openat(&here, &name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?);
            if next.metadata()?.is_symlink() && (follow || !pending.is_empty()) {
                links += 1;
                if links > MAX_LINKS {
                    return Err(io::Error::from(Errno::LOOP));
                }
                let target = PathBuf::from(OsString::from_vec(readlinkat(&here, &name, Vec::new())?.into_bytes()));
                if target.is_absolute() {
                    names.clear();
                    (parent, here) = self.reopen(&names)?;
                }
                pending.extend(components(&target).rev());
            } else {
                names.push(name);
                parent = std::mem::replace(&mut here, next);
            }
        }
        let metadata = here.metadata()?;
        let path = Path::new("/").join(names.iter().collect::<PathBuf>());
        let name = names.pop().unwrap_or_else(|| OsString::from("."));
        Ok(Located { path, metadata, parent, name })
    }

    /// The folder and the entry at the end of names that are known to hold no links.
    fn reopen(&self, names: &[OsString]) -> io::Result<(File, File)> {
        let mut parent = self.open_top()?;
        let mut here = parent.try_clone()?;
        for name in names {
            let next = openat(&here, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
            parent = std::mem::replace(&mut here, File::from(next));
        }
        Ok((parent, here))
    }

    fn open_top(&self) -> io::Result<File> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::open(&*self.dir, flags, Mode::empty())?))
    }

    /// Opens the regular file at `path`, links resolved within the root.
    pub(super) fn open(&self, path: &Path) -> io::Result<(Located, File)> {
        let located = self.locate(path, true)?;
        let file = located.open()?;
        Ok((located, file))
    }

    /// Reads the regular file at `path`, at most [`TEXT_CAP`] bytes of it.
    pub(super) fn text(&self, path: &Path) -> io::Result<Text> {
        let (located, file) = self.open(path)?;
        let mut bytes = Vec::new();
        file.take(TEXT_CAP + 1).read_to_end(&mut bytes)?;
        let cut = bytes.len() as u64 > TEXT_CAP;
        bytes.truncate(TEXT_CAP as usize);
        let attributes = Attributes::of(&located.metadata);
        Ok(Text { resolved: located.path, bytes, cut, attributes })
    }

    /// Opens the folder at `path`, links resolved within the root.
    pub(super) fn folder(&self, path: &Path) -> io::Result<Folder> {
        let located = self.locate(path, true)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = open_quietly(&located.parent, &located.name, flags)?;
        Ok(Folder { path: located.path, file })
    }
}

fn components(path: &Path) -> impl DoubleEndedIterator<Item = OsString> + '_ {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    })
}

/// An absolute path without `.` and `..`, by its text alone.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => out.push(name),
            Component::ParentDir => {
                out.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    out
}

/// Opens for reading without moving the access time, where the kernel grants that (owner or root only, open(2)).
fn open_quietly(parent: &File, name: &OsStr, flags: OFlags) -> io::Result<File> {
    match openat(parent, name, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => Ok(File::from(openat(parent, name, flags, Mode::empty())?)),
        other => Ok(File::from(other?)),
    }
}

/// A path that was walked to its end.
#[derive(Debug)]
pub(super) struct Located {
    /// The path on the box with every link resolved.
    pub(super) path: PathBuf,
    pub(super) metadata: Metadata,
    parent: File,
    name: OsString,
}

impl Located {
    /// What a symbolic link says, unresolved.
    pub(super) fn target(&self) -> io::Result<PathBuf> {
        let target = readlinkat(&self.parent, &self.name, Vec::new())?;
        Ok(OsString::from_vec(target.into_bytes()).into())
    }

    /// Opens what was located for reading, if it is a regular file, and still the same one.
    pub(super) fn open(&self) -> io::Result<File> {
        regular(&self.metadata)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = open_quietly(&self.parent, &self.name, flags)?;
        let opened = file.metadata()?;
        regular(&opened)?;
        if (opened.dev(), opened.ino()) != (self.metadata.dev(), self.metadata.ino()) {
            return Err(io::Error::other("replaced while it was opened"));
        }
        Ok(file)
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

/// A text file as read.
#[derive(Debug)]
pub(super) struct Text {
    /// Where it is with every link resolved.
    pub(super) resolved: PathBuf,
    pub(super) bytes: Vec<u8>,
    /// Whether it was longer than [`TEXT_CAP`].
    pub(super) cut: bool,
    pub(super) attributes: Attributes,
}

/// An open folder.
#[derive(Debug)]
pub(super) struct Folder {
    /// Where it is with every link resolved.
    pub(super) path: PathBuf,
    file: File,
}

impl Folder {
    /// The names in it, sorted, without `.` and `..`, and whether there were too many to list.
    pub(super) fn names(&self) -> io::Result<(Vec<OsString>, bool)> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.file)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                if names.len() == MAX_NAMES {
                    return Ok((names, true));
                }
                names.push(OsStr::from_bytes(name).to_owned());
            }
        }
        names.sort_unstable();
        Ok((names, false))
    }

    /// Opens a regular file in the folder; a link is refused.
    pub(super) fn open(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = open_quietly(&self.file, name, flags)?;
        regular(&file.metadata()?)?;
        Ok(file)
    }
}

/// What `stat` says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) dev: u64,
    pub(super) ino: u64,
    pub(super) mode: u32,
    pub(super) links: u64,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) size: u64,
    pub(super) accessed: FileTime,
    pub(super) modified: FileTime,
    pub(super) changed: FileTime,
    pub(super) born: Option<FileTime>,
}

impl Attributes {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let time = |seconds, nanos: i64| FileTime { seconds, nanos: nanos as u32 };
        // Some file systems answer zero where they keep no birth time.
        let born = metadata.created().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        Self {
            dev: metadata.dev(),
            ino: metadata.ino(),
            mode: metadata.mode(),
            links: metadata.nlink(),
            uid: metadata.uid(),
            gid: metadata.gid(),
            size: metadata.size(),
            accessed: time(metadata.atime(), metadata.atime_nsec()),
            modified: time(metadata.mtime(), metadata.mtime_nsec()),
            changed: time(metadata.ctime(), metadata.ctime_nsec()),
            born: born
                .filter(|since| !since.is_zero())
                .map(|since| FileTime { seconds: since.as_secs() as i64, nanos: since.subsec_nanos() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn image() -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("box/usr/bin")).unwrap();
        std::fs::write(dir.path().join("box/usr/bin/tool"), "inside").unwrap();
        std::fs::write(dir.path().join("secret"), "outside").unwrap();
        let root = Root::image(dir.path().join("box"));
        (dir, root)
    }

    #[test]
    fn links_are_resolved_inside_the_root_only() {
        let (dir, root) = image();
        let at = dir.path().join("box");
        symlink("usr/bin", at.join("bin")).unwrap();
        symlink("/usr/bin/tool", at.join("absolute")).unwrap();
        symlink("../../../../secret", at.join("escape")).unwrap();
        symlink(dir.path().join("secret"), at.join("out")).unwrap();
        symlink("loop", at.join("loop")).unwrap();
        assert_eq!(root.text(Path::new("/bin/tool")).unwrap().resolved, Path::new("/usr/bin/tool"));
        assert_eq!(root.text(Path::new("/absolute")).unwrap().bytes, b"inside");
        assert_eq!(root.text(Path::new("/bin/../../../usr/bin/tool")).unwrap().bytes, b"inside");
        assert!(root.text(Path::new("/escape")).is_err());
        assert!(root.text(Path::new("/out")).is_err());
        assert!(root.text(Path::new("/../secret")).is_err());
        assert!(root.text(Path::new("/loop")).is_err());
        assert!(root.locate(Path::new("/loop"), false).unwrap().metadata.is_symlink());
    }

    #[test]
    fn only_regular_files_are_opened_and_long_ones_are_cut() {
        let (dir, root) = image();
        let fifo = dir.path().join("box/fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        let error = root.text(Path::new("/fifo")).unwrap_err();
        assert_eq!(error.to_string(), "a FIFO, not a regular file; not read");
        assert!(root.folder(Path::new("/")).unwrap().open(OsStr::new("fifo")).is_err());
        assert!(root.text(Path::new("/usr")).is_err());
        File::create(dir.path().join("box/huge")).unwrap().set_len(TEXT_CAP * 3).unwrap();
        let huge = root.text(Path::new("/huge")).unwrap();
        assert!(huge.cut);
        assert_eq!(huge.bytes.len() as u64, TEXT_CAP);
    }

    #[test]
    fn a_walked_path_is_told_as_the_box_names_it() {
        let (dir, root) = image();
        assert_eq!(root.on_box(&dir.path().join("box/usr/bin/tool")).unwrap(), Path::new("/usr/bin/tool"));
        assert_eq!(root.on_box(&dir.path().join("secret")), None);
        assert_eq!(Root::live().on_box(Path::new("/opt/x")).unwrap(), Path::new("/opt/x"));
        assert_eq!(Root::live().on_box(Path::new("opt/x")), None);
    }
}
