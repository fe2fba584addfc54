//! Where the box is: the live root, or the folder an image is mounted on.
//!
//! A path is walked component by component with `O_PATH` and `O_NOFOLLOW`, and symbolic links are resolved here, so that
//! an absolute link inside an image stays inside the image, `..` never leads above it, nothing is mounted on the way
//! (`O_PATH` triggers no automount, open(2)) and a FIFO or device is never opened.
//!
//! The links below `/proc/PID` (`root`, `cwd`, `exe`, `fd/N`, …; proc(5)) lead where their text does not: into another
//! mount name space, to a deleted file. They are opened by the kernel where a person named one ([`named`]), and refused
//! where the box did; their text is never taken for a path.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, Stat, fstat, fstatfs, openat, readlinkat};
use rustix::io::Errno;

use super::open::{self, OpenedFile, READ};
use super::{Attributes, Folder, Located};

/// Symbolic links followed on one path before it counts as a loop: Linux's own limit (`path_resolution(7)`).
const MAX_LINKS: usize = 40;
/// Components walked for one path, links included.
const MAX_COMPONENTS: usize = 4096;
/// Bytes read of one text file (a cron table, a unit); the rest is told as a gap.
pub(crate) const TEXT_CAP: u64 = 4 << 20;
/// How long reading one text may take, as long as each single read comes back. A read that does not is for the caller's
/// own limit.
const TEXT_TIME: Duration = Duration::from_secs(5);
/// `PROC_SUPER_MAGIC` (statfs(2)).
const PROC: u64 = 0x9fa0;
/// Inode number of the top folder of every proc file system (`PROC_ROOT_INO` of the kernel): links in it are ordinary
/// ones.
const PROC_TOP: u64 = 1;
/// How something is opened to be pointed at, not read.
const POINT: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// The box that is looked at: the running system, or an image mounted on a folder. Its top folder is held open, so that it
/// stays the same box whatever its name leads to later.
///
/// ```
/// use std::path::Path;
/// use huntbook::internals::root::Root;
///
/// let image = Root::image("/mnt/evidence");
/// assert!(!image.is_live());
/// // A path as it is walked, and the same file's path on the box that the image is of.
/// assert_eq!(image.on_box(Path::new("/mnt/evidence/etc/passwd")).as_deref(), Some(Path::new("/etc/passwd")));
/// assert_eq!(image.on_box(Path::new("/etc/passwd")), None, "this one is the responder's own");
/// ```
#[derive(Debug, Clone)]
pub struct Root {
    dir: Arc<Path>,
    /// The top folder, or why it could not be opened: that is said by whatever is asked of it.
    top: Arc<Result<File, Errno>>,
    live: bool,
}

impl Root {
    /// The running system itself.
    pub fn live() -> Self {
        Self { dir: Path::new("/").into(), top: Arc::new(top().map(File::from)), live: true }
    }

    /// An image, or a copy of a box, whose root is `dir` on this machine. Whether it is there shows when it is read.
    pub fn image(dir: impl AsRef<Path>) -> Self {
        let dir = dir.as_ref();
        match Self::open(dir) {
            Ok(root) => Self { live: false, ..root },
            Err(error) => {
                let why = Errno::from_io_error(&error).unwrap_or(Errno::NOTDIR);
                Self { dir: dir.into(), top: Arc::new(Err(why)), live: false }
            }
        }
    }

    /// The box whose root is the folder that a person named: the running system if that is `/`.
    ///
    /// # Errors
    /// When it is no folder, or cannot be opened.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let located = named(dir)?;
        if !located.metadata.is_dir() {
            return Err(Errno::NOTDIR.into());
        }
        let live = located.path == Path::new("/");
        Ok(Self { dir: located.path.into(), top: Arc::new(Ok(located.here)), live })
    }

    /// Whether this is the running system, so that processes and sockets can be looked at.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// The folder on this machine that is the box's `/`, as a text to be shown and compared: it is never opened again.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The path as the box names it, of a file walked on this machine; `None` when it is not below the root.
    pub fn on_box(&self, walked: &Path) -> Option<PathBuf> {
        let rest = walked.strip_prefix(&self.dir).ok()?;
        walked.is_absolute().then(|| Path::new("/").join(rest))
    }

    /// Walks `path` (absolute, as on the box). With `follow`, a link at its end is resolved too.
    pub(crate) fn locate(&self, path: &Path, follow: bool) -> io::Result<Located> {
        self.walk(path, if follow { Links::Resolved } else { Links::ResolvedAbove })
    }

    fn walk(&self, path: &Path, links: Links) -> io::Result<Located> {
        let top = self.top.as_ref().as_ref().map_err(|error| io::Error::from(*error))?;
        let mut base = Base { text: PathBuf::from("/"), dir: top.try_clone()?, is_root: true };
        let mut pending: Vec<OsString> = components(path).rev().collect();
        let mut names: Vec<OsString> = Vec::new();
        let (mut parent, mut here) = base.reopen(&names)?;
        // The process link at the end of the path so far.
        let mut behind = None;
        let (mut followed, mut steps) = (0, 0);
        while let Some(name) = pending.pop() {
            steps += 1;
            if steps > MAX_COMPONENTS {
                return Err(Errno::NAMETOOLONG.into());
            }
            if name == ".." {
                if names.pop().is_none() && !base.is_root {
                    return Err(io::Error::other("leads above a folder of a process; name that folder itself"));
                }
                (parent, here) = base.reopen(&names)?;
                continue;
            }
            let next = File::from(openat(&here, &name, POINT | OFlags::NOFOLLOW, Mode::empty())?);
            let stays = links == Links::ResolvedAbove && pending.is_empty();
            if stays || !next.metadata()?.is_symlink() {
                names.push(name);
                behind = None;
                parent = std::mem::replace(&mut here, next);
                continue;
            }
            followed += 1;
            if followed > MAX_LINKS {
                return Err(Errno::LOOP.into());
            }
            let target = PathBuf::from(OsString::from_vec(readlinkat(&here, &name, Vec::new())?.into_bytes()));
            if is_in_process_folder(&here)? {
                if matches!(links, Links::Resolved | Links::ResolvedAbove) {
                    return Err(io::Error::other("leads through a link of a process in /proc; not followed"));
                }
                let opened = File::from(openat(&here, &name, POINT, Mode::empty())?);
                names.push(name.clone());
                let mut text = base.text;
                text.extend(names.drain(..));
                base = Base { text, dir: opened.try_clone()?, is_root: name == "root" };
                parent = std::mem::replace(&mut here, opened);
                behind = Some((name, target));
                continue;
            }
            if links == Links::OfProcesses {
                return Err(Errno::LOOP.into());
            }
            if target.is_absolute() {
                if !base.is_root {
                    let why = "leads through an absolute link below a folder of a process; name what it leads to";
                    return Err(io::Error::other(why));
                }
                names.clear();
                (parent, here) = base.reopen(&names)?;
            }
            pending.extend(components(&target).rev());
        }
        let metadata = here.metadata()?;
        let mut path = base.text;
        path.extend(&names);
        let name = names.pop().or_else(|| behind.as_ref().map(|(name, _)| name.clone())).unwrap_or_else(|| ".".into());
        Ok(Located { path, metadata, parent, name, here, behind: behind.map(|(_, target)| target) })
    }

    /// Opens the regular file at `path`, links resolved within the root.
    pub(crate) fn open_file(&self, path: &Path) -> io::Result<(Located, File)> {
        let located = self.locate(path, true)?;
        let file = located.open()?;
        Ok((located, file))
    }

    /// Reads the regular file at `path`, at most [`TEXT_CAP`] bytes of it.
    pub(crate) fn text(&self, path: &Path) -> io::Result<TextFile> {
        self.text_up_to(path, TEXT_CAP)
    }

    /// Reads the regular file at `path`, at most `cap` bytes of it, for at most [`TEXT_TIME`].
    pub(crate) fn text_up_to(&self, path: &Path, cap: u64) -> io::Result<TextFile> {
        let (located, file) = self.open_file(path)?;
        let mut bytes = read_for(TEXT_TIME, file.take(cap + 1))?;
        let cut = bytes.len() as u64 > cap;
        bytes.truncate(cap as usize);
        let attributes = Attributes::of(&located.metadata);
        Ok(TextFile { resolved: located.path, bytes, cut, attributes })
    }

    /// Opens the folder at `path`, links resolved within the root.
    pub(crate) fn folder(&self, path: &Path) -> io::Result<Folder> {
        self.locate(path, true)?.enter()
    }
}

/// Where a path is that a person named: links are followed, those of processes in `/proc` too. A relative path is taken
/// from the working folder.
///
/// # Errors
/// What the system says; a link below `/proc/PID/cwd` and its like that leads out of there is refused.
pub(crate) fn named(path: &Path) -> io::Result<Located> {
    let absolute = if path.is_absolute() { path.to_owned() } else { std::env::current_dir()?.join(path) };
    Root::live().walk(&absolute, Links::Named)
}

/// Opens the regular file at the absolute `path` for reading, as a scan has named it: no link is followed at any part of
/// the path but those of processes in `/proc`.
///
/// # Errors
/// `ELOOP` when the file or a folder above it is a link, [`NotRegular`](super::NotRegular) inside when it is no regular
/// file, else what the system said.
pub(crate) fn open_file(path: &Path) -> io::Result<OpenedFile> {
    if path.starts_with("/proc") {
        return Root::live().walk(path, Links::OfProcesses)?.open_now();
    }
    open::open_regular(top()?.as_fd(), below_top(path)?)
}

/// Opens the folder at `path`, which a person is at, to be listed: links above it are followed, and it is none itself.
///
/// # Errors
/// What the system said.
pub(crate) fn open_folder(path: &Path) -> io::Result<Folder> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return named(path)?.enter() };
    let (above, below) = (named(parent)?, Path::new(name));
    let open = |flags| open::open_beneath(above.here.as_fd(), below, flags, ResolveFlags::empty());
    match open::quietly(READ | OFlags::DIRECTORY, open) {
        Ok((handle, _)) => Folder::new(path.to_owned(), handle.into()),
        // It may be one of a process.
        Err(Errno::NOTDIR | Errno::LOOP) if is_in_process_folder(&above.here)? => named(path)?.enter(),
        Err(error) => Err(error.into()),
    }
}

/// What the inode at the absolute `path` says, reached as [`open_file`] does; a link at its end is not followed.
///
/// # Errors
/// What the system said.
pub(crate) fn stat_file(path: &Path) -> io::Result<Stat> {
    if path.starts_with("/proc") {
        return Ok(fstat(&Root::live().walk(path, Links::OfProcesses)?.here)?);
    }
    let pointed = open::open_beneath(top()?.as_fd(), below_top(path)?, open::POINT, ResolveFlags::empty())?;
    Ok(fstat(pointed)?)
}

fn top() -> Result<OwnedFd, Errno> {
    openat(CWD, "/", POINT | OFlags::DIRECTORY, Mode::empty())
}

fn below_top(path: &Path) -> Result<&Path, Errno> {
    path.strip_prefix("/").map_err(|_| Errno::INVAL)
}

/// What is done about links on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Links {
    /// Each is resolved within the root; those of processes are refused.
    Resolved,
    /// The same, but for one at the end of the path, which stays.
    ResolvedAbove,
    /// A person named the path: each is resolved, those of processes are opened.
    Named,
    /// Only those of processes are opened.
    OfProcesses,
}

/// Where names are counted from: the root, or what a link of a process led to.
struct Base {
    text: PathBuf,
    dir: File,
    /// Whether it is the top of what can be reached, so that `..` and absolute links lead to it.
    is_root: bool,
}

impl Base {
    /// The folder and the entry at the end of names that are known to hold no links.
    fn reopen(&self, names: &[OsString]) -> io::Result<(File, File)> {
        let mut parent = self.dir.try_clone()?;
        let mut here = self.dir.try_clone()?;
        for name in names {
            let next = openat(&here, name, POINT | OFlags::NOFOLLOW, Mode::empty())?;
            parent = std::mem::replace(&mut here, File::from(next));
        }
        Ok((parent, here))
    }
}

/// Whether the links in this folder are those of a process, which are more than their text.
fn is_in_process_folder(folder: &File) -> io::Result<bool> {
    Ok(fstatfs(folder)?.f_type as u64 == PROC && folder.metadata()?.ino() != PROC_TOP)
}

/// Reads to the end, unless that takes longer than `limit`.
fn read_for(limit: Duration, mut from: impl Read) -> io::Result<Vec<u8>> {
    let (begun, mut bytes, mut chunk) = (Instant::now(), Vec::new(), vec![0; 64 * 1024]);
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return Ok(bytes),
            Ok(count) => bytes.extend_from_slice(chunk.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if begun.elapsed() >= limit {
            let why = format!("not read to its end within {} s", limit.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, why));
        }
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
pub(crate) fn normal(path: &Path) -> PathBuf {
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

/// A text file as read.
#[derive(Debug)]
pub(crate) struct TextFile {
    /// Where it is with every link resolved.
    pub(crate) resolved: PathBuf,
    pub(crate) bytes: Vec<u8>,
    /// Whether it was longer than [`TEXT_CAP`].
    pub(crate) cut: bool,
    pub(crate) attributes: Attributes,
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
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
        assert!(root.folder(Path::new("/")).unwrap().open_file(OsStr::new("fifo")).is_err());
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
