//! The found file itself and the folders above it, as they are now.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{IFlags, ioctl_getflags};
use serde::{Deserialize, Serialize};

use super::account::BoxAccounts;
use super::observed::{Observed, from_error, reason};
use super::package::PackageOwner;
use super::show;
use super::xattr::{self, Xattr};
use crate::finding::{FileFacts, FileTime};
use crate::root::{Attributes, Located, Root};

/// What the file system says of the found file now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEvidence {
    /// Where it is on the box, with every link resolved.
    #[serde(with = "show::kept_path")]
    pub path: PathBuf,
    /// Owner's user id.
    pub uid: u32,
    /// Owner's name, or `uid 1000`.
    pub owner: String,
    /// Group's id.
    pub gid: u32,
    /// Group's name, or `gid 1000`.
    pub group: String,
    /// Type and permission bits (`st_mode`).
    pub mode: u32,
    /// Who besides the owner may write to it.
    pub writers: Vec<String>,
    /// Length in bytes.
    pub size: u64,
    /// Inode number.
    pub ino: u64,
    /// Hard links.
    pub links: u64,
    /// Last access.
    #[serde(with = "show::kept_time")]
    pub accessed: FileTime,
    /// Last change of content.
    #[serde(with = "show::kept_time")]
    pub modified: FileTime,
    /// Last change of content or inode.
    #[serde(with = "show::kept_time")]
    pub changed: FileTime,
    /// Birth; `None` where the file system does not know it.
    #[serde(with = "show::kept_maybe_time")]
    pub born: Option<FileTime>,
    /// What has changed since the scan, in words; empty when nothing has.
    pub since_scan: Vec<Cow<'static, str>>,
    /// Extended attributes; capabilities and access lists are decoded.
    pub xattrs: Observed<Vec<Xattr>>,
    /// Inode flags (`FS_IOC_GETFLAGS`) that matter: `immutable`, `append only`.
    pub flags: Observed<Vec<Cow<'static, str>>>,
}

/// A folder above the found file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderEvidence {
    /// The folder.
    #[serde(with = "show::kept_path")]
    pub path: PathBuf,
    /// Owner's name, or `uid 1000`.
    pub owner: String,
    /// Group's name, or `gid 1000`.
    pub group: String,
    /// Type and permission bits (`st_mode`).
    pub mode: u32,
    /// Last change of the folder's entries or inode.
    #[serde(with = "show::kept_time")]
    pub changed: FileTime,
    /// Who besides the owner may make, and without the sticky bit replace, files here: by mode and by access list.
    pub writers: Vec<String>,
    /// Whether the sticky bit keeps others from replacing what they do not own.
    pub sticky: bool,
    /// The package that ships the folder, of the nearest one, where packages were asked.
    pub package: Observed<PackageOwner>,
}

/// Looks at the file. `path` is as on the box, `facts` as scanned.
pub(super) fn file(root: &Root, path: &Path, facts: &FileFacts, accounts: &BoxAccounts) -> Observed<FileEvidence> {
    let located = match root.locate(path, false) {
        Ok(located) => located,
        Err(error) => return from_error(path, &error),
    };
    let now = Attributes::of(&located.metadata);
    let group = accounts.group(now.gid);
    let xattrs = xattr::read(&located, accounts);
    let mut writers = show::writers(now.mode, &group);
    writers.extend(acl_writers(&xattrs));
    Observed::Found(FileEvidence {
        uid: now.uid,
        owner: accounts.user(now.uid),
        writers,
        gid: now.gid,
        group,
        mode: now.mode,
        size: now.size,
        ino: now.ino,
        links: now.links,
        accessed: now.accessed,
        modified: now.modified,
        changed: now.changed,
        born: now.born,
        since_scan: since_scan(facts, &now),
        xattrs,
        flags: inode_flags(&located),
        path: located.path,
    })
}

/// Looks at every folder above the file, the nearest first.
pub(super) fn folders(root: &Root, path: &Path, accounts: &BoxAccounts) -> Observed<Vec<FolderEvidence>> {
    let mut folders = Vec::new();
    for folder in path.ancestors().skip(1) {
        match root.locate(folder, true) {
            Ok(located) => folders.push(folder_evidence(&located, accounts)),
            Err(error) if folders.is_empty() => return from_error(folder, &error),
            Err(_) => break,
        }
    }
    if folders.is_empty() { Observed::NotFound } else { Observed::Found(folders) }
}

fn folder_evidence(located: &Located, accounts: &BoxAccounts) -> FolderEvidence {
    let now = Attributes::of(&located.metadata);
    let group = accounts.group(now.gid);
    let mut writers = show::writers(accounts.effective_mode(now.mode, now.uid, now.gid), &group);
    writers.extend(acl_writers(&xattr::read(located, accounts)));
    FolderEvidence {
        package: Observed::NotFound,
        path: located.path.clone(),
        owner: accounts.user(now.uid),
        group,
        mode: now.mode,
        changed: now.changed,
        writers,
        sticky: now.mode & 0o1000 != 0,
    }
}

fn acl_writers(xattrs: &Observed<Vec<Xattr>>) -> impl Iterator<Item = String> + '_ {
    xattrs.found().into_iter().flatten().flat_map(|xattr| xattr.writers.iter().cloned())
}

fn since_scan(facts: &FileFacts, now: &Attributes) -> Vec<Cow<'static, str>> {
    if (facts.dev, facts.ino) != (now.dev, now.ino) {
        return vec!["another file is at this path now".into()];
    }
    let differences = [
        (facts.size != now.size && !facts.is_inside(), "its length has changed"),
        (facts.modified != now.modified, "its content time has changed"),
        ((facts.uid, facts.gid) != (now.uid, now.gid), "its owner or group has changed"),
        (facts.mode != now.mode, "its mode has changed"),
        (facts.changed != now.changed, "its inode has changed"),
    ];
    differences.into_iter().filter(|(differs, _)| *differs).map(|(_, what)| what.into()).collect()
}

fn inode_flags(located: &Located) -> Observed<Vec<Cow<'static, str>>> {
    let flags = match located.open().and_then(|file| ioctl_getflags(&file).map_err(io::Error::from)) {
        Ok(flags) => flags,
        Err(error) => return Observed::Unknown(reason(&error)),
    };
    let named = [(IFlags::IMMUTABLE, "immutable"), (IFlags::APPEND, "append only")];
    let set: Vec<_> =
        named.into_iter().filter_map(|(flag, name)| flags.contains(flag).then_some(name.into())).collect();
    if set.is_empty() { Observed::NotFound } else { Observed::Found(set) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::testing::{facts, scratch};
    use super::*;

    #[test]
    fn what_changed_since_the_scan_and_who_may_write_is_told() {
        let (dir, root) = scratch(&[("etc/passwd", "root:x:0:0::/:\n"), ("opt/a/x.py", "one")]);
        let host = dir.path().join("opt/a/x.py");
        std::fs::set_permissions(&host, PermissionsExt::from_mode(0o666)).unwrap();
        std::fs::set_permissions(dir.path().join("opt/a"), PermissionsExt::from_mode(0o1777)).unwrap();
        let facts = facts(&host);
        let accounts = BoxAccounts::read(&root);
        let look = || file(&root, Path::new("/opt/a/x.py"), &facts, &accounts);
        let before = look();
        let before = before.found().unwrap();
        assert_eq!(before.since_scan, Vec::<&str>::new());
        assert_eq!((before.mode & 0o7777, before.size, before.links), (0o666, 3, 1));
        assert_eq!(before.writers.last().unwrap(), "everyone");
        assert!(before.born.is_none_or(|born| born.seconds > 0));
        std::fs::write(&host, "longer").unwrap();
        assert!(look().found().unwrap().since_scan.contains(&"its length has changed".into()));
        std::fs::rename(&host, dir.path().join("opt/a/y.py")).unwrap();
        assert_eq!(look(), Observed::NotFound);
        std::fs::write(&host, "one").unwrap();
        assert_eq!(look().found().unwrap().since_scan, ["another file is at this path now"]);

        let folders = folders(&root, Path::new("/opt/a/x.py"), &accounts);
        let folders = folders.found().unwrap();
        let paths: Vec<_> = folders.iter().map(|folder| folder.path.to_str().unwrap()).collect();
        assert_eq!(paths, ["/opt/a", "/opt", "/"]);
        assert!(folders[0].sticky && folders[0].writers.contains(&"everyone".to_owned()));
    }
}
