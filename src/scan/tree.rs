//! The tree that is scanned: opened once, and every file in it opened below it, without following links or leaving a
//! trace in access times.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::FileType;
use rustix::io::Errno;

use super::READ_TIMEOUT;
use crate::root::{Folder, Located, MountPolicy, OpenedFile, Pointed, kind_name};
use crate::timeout::{self, NoResult, NoThread};
use crate::{root, text};

/// How long a tree that was open before may take to be opened again.
const REOPENING: Duration = Duration::from_secs(5);

/// A tree that cannot be scanned at all.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// Nothing is there.
    #[error("{path}: no such file or folder; give the path of an existing one")]
    Missing {
        /// The path as it was given, escaped.
        path: String,
    },
    /// It may not be read.
    #[error("{path}: permission denied; run as a user who may read it (root sees everything)")]
    Permission {
        /// The path as it was given, escaped.
        path: String,
    },
    /// It is neither a folder nor a regular file.
    #[error("{path}: is a {kind}; give a folder or a regular file")]
    Special {
        /// The path as it was given, escaped.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// Its file system does not answer.
    #[error(
        "{path}: no answer from its file system in {seconds} s; see whether its server is there, or scan another tree"
    )]
    Silent {
        /// The path as it was given, escaped.
        path: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// There is no thread to open it on.
    #[error("{path}: cannot be opened: {error}")]
    NoThread {
        /// The path as it was given, escaped.
        path: String,
        /// The system's error.
        error: NoThread,
    },
    /// Any other system error.
    #[error("{path}: cannot be opened: {error}; give the path of a folder or file that can")]
    Io {
        /// The path as it was given, escaped.
        path: String,
        /// The system's error.
        error: io::Error,
    },
}

impl TreeError {
    fn new(path: &Path, error: io::Error) -> Self {
        let path = text::escape_path(path).into_owned();
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing { path },
            io::ErrorKind::PermissionDenied => Self::Permission { path },
            _ => Self::Io { path, error },
        }
    }
}

/// The folder, or the single file, that is scanned: held open, so that it stays what was named.
#[derive(Debug)]
pub struct Tree {
    /// Where the walk starts: absolute, free of links but for those of processes in `/proc`, which lead where no other
    /// name may. It is shown and compared, never opened again.
    start: PathBuf,
    device: u64,
    top: Top,
}

#[derive(Debug)]
enum Top {
    Folder(Folder),
    File(Box<Located>),
}

impl Tree {
    /// Opens `path`, a folder or a single regular file, following links in the path as it was given.
    ///
    /// # Errors
    /// When it does not exist, may not be read, is neither folder nor regular file, or has not answered in
    /// [`READ_TIMEOUT`].
    pub fn open(path: &Path) -> Result<Self, TreeError> {
        Self::open_within(READ_TIMEOUT, path)
    }

    fn open_within(limit: Duration, path: &Path) -> Result<Self, TreeError> {
        let asked = path.to_owned();
        let opened = timeout::run(limit, move || Self::open_now(&asked));
        let path = || text::escape_path(path).into_owned();
        opened.unwrap_or_else(|error| {
            Err(match error {
                NoResult::TimedOut(limit) => TreeError::Silent { path: path(), seconds: limit.as_secs() },
                NoResult::NoThread(error) => TreeError::NoThread { path: path(), error },
                error @ NoResult::Panicked => TreeError::Io { path: path(), error: io::Error::other(error) },
            })
        })
    }

    fn open_now(path: &Path) -> Result<Self, TreeError> {
        let fail = |error: io::Error| TreeError::new(path, error);
        let located = root::named(path).map_err(fail)?;
        let (start, device) = (located.path.clone(), located.metadata.dev());
        let top = match FileType::from_raw_mode(located.metadata.mode()) {
            // Opened for reading, not only pointed at, so that a folder that may not be listed is refused here and now.
            FileType::Directory => Top::Folder(located.enter().map_err(fail)?),
            FileType::RegularFile => {
                // The same for a file. To ask without opening takes faccessat2(2), which came with Linux 5.8.
                located.open_now().map_err(fail)?;
                Top::File(Box::new(located))
            }
            other => {
                return Err(TreeError::Special { path: text::escape_path(path).into_owned(), kind: kind_name(other) });
            }
        };
        Ok(Self { start, device, top })
    }

    /// The same tree, opened anew for another scan.
    ///
    /// # Errors
    /// As [`Tree::open`], when it is no longer what it was, or has not answered in 5 s: decisions wait meanwhile.
    pub fn reopen(&self) -> Result<Self, TreeError> {
        Self::open_within(REOPENING, &self.start)
    }

    /// Where the walk starts.
    pub fn start(&self) -> &Path {
        &self.start
    }

    /// Device number of the file system the tree's root is on.
    pub fn device(&self) -> u64 {
        self.device
    }

    /// Whether it is a folder; else it is a single file.
    pub fn is_folder(&self) -> bool {
        matches!(self.top, Top::Folder(_))
    }

    /// The name that the single file had, when it has none any more: it was deleted and is held by a process.
    pub(super) fn deleted(&self) -> Option<PathBuf> {
        match &self.top {
            Top::Folder(_) => None,
            Top::File(located) => located.deleted(),
        }
    }

    /// The type of the file system that the tree's folder lies on, if the kernel makes its files up. `None` for a single
    /// file, which somebody named and so wants.
    pub fn pseudo_file_system(&self) -> Option<&'static str> {
        match &self.top {
            Top::Folder(folder) => folder.file_system().ok().and_then(pseudo_file_system),
            Top::File(_) => None,
        }
    }

    /// Opens a folder of the tree to be listed, from `within` if that is the folder it lies in, else from the top. No link
    /// is followed at any part of the path below that, and its access time is left alone where the kernel allows it.
    ///
    /// # Errors
    /// `ENOTDIR` when it is none, `EXDEV` when a mount is refused, else what the system said.
    pub fn open_folder(&self, within: Option<&Folder>, path: &Path, mounts: MountPolicy) -> io::Result<Folder> {
        let (from, below) = self.way(within, path)?;
        from.enter(below, path, mounts)
    }

    /// Points at a folder of the tree, as [`Tree::open_folder`] would open it.
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn point(&self, within: Option<&Folder>, path: &Path) -> io::Result<Pointed> {
        let (from, below) = self.way(within, path)?;
        from.point(below)
    }

    /// Opens a regular file of the tree for reading, from `within` if that is the folder it lies in, else from the top. No
    /// link is followed at any part of the path below that, a FIFO does not block, and the access time is left alone where
    /// the kernel allows it (own files, or root).
    ///
    /// # Errors
    /// `ELOOP` when the file or a folder above it is a link, [`NotRegular`](crate::root::NotRegular) inside when it is no
    /// regular file, else what the system said.
    pub fn open_file(&self, within: Option<&Folder>, path: &Path) -> io::Result<OpenedFile> {
        match (within, path.file_name(), &self.top) {
            (_, _, Top::File(located)) => located.open_now(),
            (Some(folder), Some(name), _) => folder.open_file(name),
            _ => {
                let (from, below) = self.way(None, path)?;
                from.open_below(below)
            }
        }
    }

    /// From which open folder a path of the tree is reached, and by which path.
    fn way<'a>(&'a self, within: Option<&'a Folder>, path: &'a Path) -> io::Result<(&'a Folder, &'a Path)> {
        match (within, path.file_name(), &self.top) {
            (Some(folder), Some(name), _) => Ok((folder, Path::new(name))),
            (_, _, Top::Folder(top)) => {
                let below = path.strip_prefix(&self.start).map_err(|_| io::Error::from(Errno::INVAL))?;
                Ok((top, below))
            }
            (_, _, Top::File(_)) => Err(Errno::NOTDIR.into()),
        }
    }
}

/// File systems whose files are made up by the kernel: their content is not stored anywhere, may be endless, and may
/// change by being read. Magic numbers from `statfs(2)` and `linux/magic.h`, each with the type's name in mountinfo.
const PSEUDO: [(u64, &str); 22] = [
    (0x9fa0, "proc"),
    (0x6265_6572, "sysfs"),
    (0x0027_e0eb, "cgroup"),
    (0x6367_7270, "cgroup2"),
    (0x6462_6720, "debugfs"),
    (0x7472_6163, "tracefs"),
    (0x7363_6673, "securityfs"),
    (0xf97c_ff8c, "selinuxfs"),
    (0x4341_5d53, "smackfs"),
    (0xcafe_4a11, "bpf"),
    (0x6165_676c, "pstore"),
    (0xde5e_81e4, "efivarfs"),
    (0x1cd1, "devpts"),
    (0x1980_0202, "mqueue"),
    (0x6265_6570, "configfs"),
    (0x6573_5543, "fusectl"),
    (0x4249_4e4d, "binfmt_misc"),
    (0x0187, "autofs"),
    (0x6759_6969, "rpc_pipefs"),
    (0x6e73_6673, "nsfs"),
    (0x6e66_7364, "nfsd"),
    (0x0765_5821, "resctrl"),
];

/// The name of the file system with this magic number if its files are made up by the kernel.
pub(super) fn pseudo_file_system(magic: u64) -> Option<&'static str> {
    PSEUDO.iter().find(|(number, _)| *number == magic & 0xffff_ffff).map(|(_, name)| *name)
}

/// File systems whose files another machine serves, by their magic number (linux/magic.h, and the file systems' own sources).
const REMOTE: [(u64, &str); 13] = [
    (0x6969, "nfs"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x517b, "smb"),
    (0x0102_1997, "9p"),
    (0x00c3_6400, "ceph"),
    (0x5346_414f, "afs"),
    (0x6b41_4653, "kafs"),
    (0x7375_7245, "coda"),
    (0x564c, "ncp"),
    (0x0bd0_0bd0, "lustre"),
    (0x4750_4653, "gpfs"),
    (0x2030_528d, "beegfs"),
];

/// The name of the file system with this magic number and device if another machine serves its files, or a program does:
/// one in user space that lies on no device of its own may be either.
pub(super) fn remote_file_system(magic: u64, device: u64) -> Option<&'static str> {
    const FUSE: u64 = 0x6573_5546;
    let magic = magic & 0xffff_ffff;
    let known = REMOTE.iter().find(|(number, _)| *number == magic).map(|(_, name)| *name);
    known.or_else(|| (magic == FUSE && rustix::fs::major(device) == 0).then_some("fuse"))
}

/// The type of the file system that an open file lies on, if its files are made up by the kernel.
pub(super) fn pseudo_file_system_of(file: impl AsFd) -> Option<&'static str> {
    rustix::fs::fstatfs(file).ok().and_then(|found| pseudo_file_system(found.f_type as u64))
}

/// Whether files of a file system of this type, named as in `/proc/self/mountinfo`, are made up by the kernel. A scan
/// leaves those out unless told otherwise.
pub(crate) fn is_pseudo_type(name: &str) -> bool {
    PSEUDO.iter().any(|(_, known)| *known == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, Mode};

    #[test]
    fn files_open_below_the_tree_and_links_do_not() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "x").unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("a")).unwrap();
        std::fs::write(dir.path().join("a/file"), "abc").unwrap();
        symlink(outside.path(), dir.path().join("link")).unwrap();
        symlink("file", dir.path().join("a/link")).unwrap();
        let tree = Tree::open(dir.path()).unwrap();
        let root = tree.start().to_owned();
        assert_eq!(tree.open_file(None, &root.join("a/file")).unwrap().stat.st_size, 3);
        for link in ["link/secret", "a/link"] {
            let error = tree.open_file(None, &root.join(link)).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(Errno::LOOP.raw_os_error()), "{link}");
        }
        assert!(tree.open_file(None, &root.join("a")).unwrap_err().to_string().contains("folder"));
    }

    #[test]
    fn a_fifo_does_not_block() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        rustix::fs::mkfifoat(CWD, &fifo, Mode::RUSR | Mode::WUSR).unwrap();
        let tree = Tree::open(dir.path()).unwrap();
        let error = tree.open_file(None, &tree.start().join("fifo")).unwrap_err();
        assert!(error.to_string().contains("FIFO"));
        assert!(matches!(Tree::open(&fifo), Err(TreeError::Special { kind: "FIFO", .. })));
    }

    #[test]
    fn a_single_file_is_a_tree() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("one");
        std::fs::write(&file, "abc").unwrap();
        let tree = Tree::open(&file).unwrap();
        assert!(tree.open_file(None, tree.start()).is_ok());
        assert!(matches!(Tree::open(&dir.path().join("none")), Err(TreeError::Missing { .. })));
    }
}
