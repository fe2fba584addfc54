//! Which scopes may be recorded at all: folders that everyone uses, or that others can write to, may not.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use crate::finding::FileFacts;
use crate::root::Root;
use crate::text::{self, subject};
use crate::timeout::{self, NoResult};

use super::scope::Scope;

/// Folders that hold the box itself or that everyone may write to, `hier(7)`. What lies above one is refused too.
const SYSTEM_FOLDERS: [&str; 34] = [
    "/bin",
    "/boot",
    "/dev/shm",
    "/etc",
    "/home",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/media",
    "/mnt",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",
    "/usr/bin",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/libx32",
    "/usr/local/bin",
    "/usr/local/lib",
    "/usr/local/sbin",
    "/usr/sbin",
    "/usr/share",
    "/usr/src",
    "/var/lib",
    "/var/spool",
    "/var/tmp",
];

/// `S_IFMT`, `S_IFDIR`, `S_IFLNK` and `S_ISVTX` of `inode(7)`.
const TYPE: u32 = 0o170_000;
const FOLDER: u32 = 0o040_000;
const LINK: u32 = 0o120_000;
const STICKY: u32 = 0o1000;
/// Write permission of group and others.
const OTHERS_WRITE: u32 = 0o022;

/// How long a folder may take to say who can write to it; one on a server that has gone never says.
const LIMIT: Duration = Duration::from_secs(2);

/// Asks about folders of the box, so that a test or a case opened elsewhere can answer in the disk's place.
pub trait Folders {
    /// Where the box's own `/` is: `/` on a live system, the mount point of an image.
    fn root(&self) -> &Path;

    /// Type and permission bits (`st_mode`) of a path as walked; a link is not followed.
    ///
    /// # Errors
    /// Whatever the system says.
    fn mode(&self, path: &Path) -> io::Result<u32>;
}

/// The folders that are on this machine's disks, below a root.
#[derive(Debug, Clone)]
pub(crate) struct OnDisk {
    root: Root,
}

impl OnDisk {
    /// Folders of this box.
    pub(crate) fn of(root: &Root) -> Self {
        Self { root: root.clone() }
    }
}

impl Folders for OnDisk {
    fn root(&self) -> &Path {
        self.root.dir()
    }

    fn mode(&self, path: &Path) -> io::Result<u32> {
        let (root, asked) = (self.root.clone(), path.to_owned());
        let located = move || {
            let path = root.on_box(&asked).ok_or(io::ErrorKind::NotFound)?;
            root.locate(&path, false)
        };
        let located = timeout::run(LIMIT, located).map_err(|error| match error {
            NoResult::TimedOut(_) => io::ErrorKind::TimedOut.into(),
            error => io::Error::other(error),
        })?;
        Ok(located?.metadata.mode())
    }
}

/// No folders at all, for files of many boxes: what this machine has says nothing of another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoFolders;

impl Folders for NoFolders {
    fn root(&self) -> &Path {
        Path::new("/")
    }

    fn mode(&self, _path: &Path) -> io::Result<u32> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Why a scope may not be recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeRefusal {
    /// The path is relative or holds `..`, so it could mean another place tomorrow.
    #[error("{} is not a full path; scan the tree by its full path", text::escape_path(.0))]
    NotAFullPath(PathBuf),
    /// The folder is not part of the box that is looked at.
    #[error("{} does not lie below the root {}; give the --root that it lies in", text::escape_path(.0), text::escape_path(.1))]
    OutsideRoot(PathBuf, PathBuf),
    /// Too much lives below this folder.
    #[error("too much lives below {}; choose the file or a folder of its own", text::escape_path(.0))]
    SystemFolder(PathBuf),
    /// Group or others can write to the folder.
    #[error("group or others can write to {}, so anyone of them could hide there; exclude the file", text::escape_path(.0))]
    Writable(PathBuf),
    /// Others can put another folder in its place.
    #[error("group or others can write to {}, so the folder below it can be exchanged; exclude the file", text::escape_path(.0))]
    WritableAbove(PathBuf),
    /// A part of the path is a link, which can be turned to another place.
    #[error("{} is a link; choose the folder it leads to", text::escape_path(.0))]
    Link(PathBuf),
    /// The path is not a folder.
    #[error("{} is not a folder; exclude the file", text::escape_path(.0))]
    NotAFolder(PathBuf),
    /// Who can write there is not known, and what is doubtful is refused.
    #[error("cannot tell who can write to {}: {}; exclude the file", text::escape_path(.0), .1)]
    Unknown(PathBuf, String),
}

/// A scope to choose, and whether it may be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The scope.
    pub scope: Scope,
    /// Why it may not be recorded, if it may not.
    pub allowed: Result<(), ScopeRefusal>,
}

impl Scope {
    /// The scopes that fit a file, narrowest first; the first that is allowed is the one to preselect.
    pub fn proposals(file: &FileFacts, folders: &dyn Folders) -> Vec<Proposal> {
        let propose = |scope: Self| Proposal { allowed: scope.allowed(folders), scope };
        Self::choices(file).into_iter().map(propose).collect()
    }

    /// Whether this scope may be recorded, and may still count.
    ///
    /// # Errors
    /// Why it may not. Only a folder is looked up on the box; a path must merely be a full one.
    pub fn allowed(&self, folders: &dyn Folders) -> Result<(), ScopeRefusal> {
        if let Some(path) = self.path() {
            full_path(path)?;
        }
        match self {
            Self::Folder { folder, .. } => folder_allowed(folder, folders),
            _ => Ok(()),
        }
    }
}

/// Refuses a path that is relative or climbs.
pub(super) fn full_path(path: &Path) -> Result<(), ScopeRefusal> {
    let path = subject::file_of(path);
    if path.is_absolute() && !path.components().any(|part| part == Component::ParentDir) {
        Ok(())
    } else {
        Err(ScopeRefusal::NotAFullPath(path.to_owned()))
    }
}

fn folder_allowed(folder: &Path, folders: &dyn Folders) -> Result<(), ScopeRefusal> {
    let root = folders.root();
    let Ok(inside) = folder.strip_prefix(root) else {
        return Err(ScopeRefusal::OutsideRoot(folder.to_owned(), root.to_owned()));
    };
    if is_system_folder(&Path::new("/").join(inside)) {
        return Err(ScopeRefusal::SystemFolder(folder.to_owned()));
    }
    let mut above = root.to_owned();
    check_mode(&above, inside.as_os_str().is_empty(), folders)?;
    for part in inside.components() {
        above.push(part);
        check_mode(&above, above == folder, folders)?;
    }
    Ok(())
}

/// `path` as the box itself calls it.
fn is_system_folder(path: &Path) -> bool {
    let libraries = path.parent() == Some(Path::new("/usr/lib")) || path.parent() == Some(Path::new("/lib"));
    let per_machine = path.file_name().is_some_and(|name| name.to_string_lossy().contains("-linux-"));
    SYSTEM_FOLDERS.iter().any(|system| Path::new(system).starts_with(path)) || (libraries && per_machine)
}

/// Above the folder a sticky bit is enough: others may add there, but not rename what is not theirs (`inode(7)`).
fn check_mode(path: &Path, is_the_folder: bool, folders: &dyn Folders) -> Result<(), ScopeRefusal> {
    let mode = folders.mode(path).map_err(|error| ScopeRefusal::Unknown(path.to_owned(), error.to_string()))?;
    match mode & TYPE {
        FOLDER => {}
        LINK => return Err(ScopeRefusal::Link(path.to_owned())),
        _ => return Err(ScopeRefusal::NotAFolder(path.to_owned())),
    }
    let writable = mode & OTHERS_WRITE != 0;
    if is_the_folder && writable {
        Err(ScopeRefusal::Writable(path.to_owned()))
    } else if writable && mode & STICKY == 0 {
        Err(ScopeRefusal::WritableAbove(path.to_owned()))
    } else {
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::HashMap;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::super::scope::Owner;
    use super::*;

    /// Folders of a made-up box: 0755 unless said otherwise.
    pub(in crate::triage) struct MadeUp {
        pub root: PathBuf,
        pub modes: HashMap<PathBuf, u32>,
    }

    impl MadeUp {
        pub(in crate::triage) fn new(modes: &[(&str, u32)]) -> Self {
            let modes = modes.iter().map(|(path, mode)| (PathBuf::from(path), *mode)).collect();
            Self { root: "/".into(), modes }
        }
    }

    impl Folders for MadeUp {
        fn root(&self) -> &Path {
            &self.root
        }

        fn mode(&self, path: &Path) -> io::Result<u32> {
            match self.modes.get(path) {
                Some(0) => Err(io::ErrorKind::PermissionDenied.into()),
                Some(mode) => Ok(*mode),
                None => Ok(FOLDER | 0o755),
            }
        }
    }

    fn folder(path: &str) -> Scope {
        Scope::Folder { folder: path.into(), owner: Owner { uid: 0, name: None } }
    }

    #[test]
    fn folders_that_hold_the_box_are_refused_and_their_parents() {
        let disk = MadeUp::new(&[]);
        let refused = "/ /tmp /var/tmp /dev/shm /dev /home /bin /sbin /usr /usr/lib /usr/local /var /etc \
            /usr/lib/x86_64-linux-gnu /lib/aarch64-linux-gnu //tmp/ /usr/./lib";
        for path in refused.split_whitespace() {
            assert!(matches!(folder(path).allowed(&disk), Err(ScopeRefusal::SystemFolder(_))), "{path}");
        }
        for path in ["/opt/reports", "/usr/lib/python3", "/home/alice/rules", "/backup", "/usr/share/doc"] {
            assert_eq!(folder(path).allowed(&disk), Ok(()), "{path}");
        }
    }

    #[test]
    fn folders_that_others_can_write_to_are_refused() {
        let disk = MadeUp::new(&[
            ("/opt/group", FOLDER | 0o775),
            ("/opt/all", FOLDER | 0o757),
            ("/opt/sticky", FOLDER | 0o1777),
            ("/opt/link", LINK | 0o777),
            ("/opt/file", 0o100_644),
            ("/opt/secret", 0),
        ]);
        let why = |path: &str| folder(path).allowed(&disk).unwrap_err();
        assert_eq!(why("/opt/group"), ScopeRefusal::Writable("/opt/group".into()));
        assert_eq!(why("/opt/all"), ScopeRefusal::Writable("/opt/all".into()));
        assert_eq!(why("/opt/sticky"), ScopeRefusal::Writable("/opt/sticky".into()));
        assert_eq!(why("/opt/all/mine"), ScopeRefusal::WritableAbove("/opt/all".into()));
        assert_eq!(folder("/opt/sticky/mine").allowed(&disk), Ok(()));
        assert_eq!(why("/opt/link/deep"), ScopeRefusal::Link("/opt/link".into()));
        assert_eq!(why("/opt/file"), ScopeRefusal::NotAFolder("/opt/file".into()));
        assert!(matches!(why("/opt/secret/x"), ScopeRefusal::Unknown(..)));
    }

    #[test]
    fn paths_that_could_mean_another_place_are_refused() {
        let disk = MadeUp::new(&[]);
        for path in ["relative", "/opt/../tmp", ""] {
            assert!(matches!(folder(path).allowed(&disk), Err(ScopeRefusal::NotAFullPath(_))), "{path}");
        }
        let as_is = Scope::FileAsIs { path: "x".into(), digest: crate::finding::Sha256::of(b"").into() };
        assert!(as_is.allowed(&disk).is_err());
    }

    #[test]
    fn an_image_is_judged_by_the_paths_of_its_own_box() {
        let image = MadeUp { root: "/mnt/image".into(), modes: HashMap::new() };
        assert!(matches!(folder("/mnt/image").allowed(&image), Err(ScopeRefusal::SystemFolder(_))));
        assert!(matches!(folder("/mnt/image/tmp").allowed(&image), Err(ScopeRefusal::SystemFolder(_))));
        assert!(matches!(folder("/opt/reports").allowed(&image), Err(ScopeRefusal::OutsideRoot(..))));
        assert_eq!(folder("/mnt/image/opt/reports").allowed(&image), Ok(()));
    }

    #[test]
    fn the_disk_is_asked_without_following_links() {
        let root = tempfile::tempdir().unwrap();
        let place = root.path().join("opt/reports");
        std::fs::create_dir_all(&place).unwrap();
        for path in [root.path(), &root.path().join("opt"), &place] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        symlink("reports", root.path().join("opt/link")).unwrap();
        let disk = OnDisk::of(&Root::image(root.path()));
        let at = |path: PathBuf| Scope::Folder { folder: path, owner: Owner { uid: 0, name: None } }.allowed(&disk);
        assert_eq!(at(place.clone()), Ok(()));
        assert!(matches!(at(root.path().join("opt/link")), Err(ScopeRefusal::Link(_))));
        std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o770)).unwrap();
        assert_eq!(at(place.clone()), Err(ScopeRefusal::Writable(place)));
        assert!(matches!(at(root.path().join("opt/gone")), Err(ScopeRefusal::Unknown(..))));
    }
}
