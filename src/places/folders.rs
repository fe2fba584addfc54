//! The folders in a folder.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::text;

/// Folders and links that are listed at most, each.
const MOST: usize = 50_000;

/// A folder that cannot be listed.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {what}")]
pub struct PlaceError {
    /// Its path, escaped.
    path: String,
    /// What the system says, and what to do.
    what: String,
}

impl PlaceError {
    fn new(path: &Path, error: Errno) -> Self {
        let what = match error {
            Errno::ACCESS | Errno::PERM => "permission denied; run as a user who may list it".to_owned(),
            Errno::NOENT => "is gone; go up".to_owned(),
            Errno::NOTDIR => "is no folder any more; go up".to_owned(),
            Errno::LOOP => "is a link now, which is not followed; go up".to_owned(),
            other => io::Error::from(other).to_string(),
        };
        Self { path: text::escape_path(path).into_owned(), what }
    }
}

/// A folder in a folder, or a link to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its name.
    pub name: OsString,
    /// What it points to when it is a link.
    pub link: Option<PathBuf>,
}

/// What a folder holds, hidden ones included, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The folders.
    pub folders: Vec<OsString>,
    /// The links, wherever they point to.
    pub links: Vec<OsString>,
    /// Whether there are more than are listed.
    pub more: bool,
}

/// The folders and links in `path`, which is no link itself. Its access time is left alone where the kernel allows it.
///
/// # Errors
/// When it cannot be opened or read.
pub fn list(path: &Path) -> Result<Listing, PlaceError> {
    read(path).map_err(|error| PlaceError::new(path, error))
}

fn read(path: &Path) -> Result<Listing, Errno> {
    let handle = open(path)?;
    let mut listing = Listing::default();
    for entry in Dir::read_from(&handle)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let kind = match entry.file_type() {
            // Some file systems leave the type out of their folders (readdir(3)).
            FileType::Unknown => rustix::fs::statat(&handle, name, AtFlags::SYMLINK_NOFOLLOW)
                .map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode)),
            known => known,
        };
        let list = match kind {
            FileType::Directory => &mut listing.folders,
            FileType::Symlink => &mut listing.links,
            _ => continue,
        };
        if list.len() < MOST {
            list.push(OsStr::from_bytes(name.to_bytes()).to_owned());
        } else {
            listing.more = true;
        }
    }
    listing.folders.sort_unstable();
    listing.links.sort_unstable();
    Ok(listing)
}

fn open(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(CWD, path, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => rustix::fs::openat(CWD, path, flags, Mode::empty()),
        other => other,
    }
}

/// Those of the links `names` in `path` that point to a folder. What they point to is asked for its type, not opened; on
/// a network that does not answer this takes as long as that takes.
pub fn links(path: &Path, names: &[OsString]) -> Vec<Folder> {
    let Ok(handle) = open(path) else { return Vec::new() };
    let to_folder = |name: &OsString| {
        let stat = rustix::fs::statat(handle.as_fd(), name, AtFlags::empty()).ok()?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            return None;
        }
        let target = rustix::fs::readlinkat(handle.as_fd(), name, Vec::new()).ok()?;
        Some(Folder { name: name.clone(), link: Some(OsStr::from_bytes(target.to_bytes()).into()) })
    };
    names.iter().filter_map(to_folder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn folders_are_listed_by_name_with_hidden_and_hostile_ones_and_links_apart() {
        let dir = tempfile::tempdir().unwrap();
        let hostile = OsStr::from_bytes(b"\xff\x1b[2J");
        for name in [OsStr::new("b"), OsStr::new(".hidden"), OsStr::new("a"), hostile] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        std::fs::write(dir.path().join("file"), "x").unwrap();
        symlink("b", dir.path().join("to-folder")).unwrap();
        symlink("file", dir.path().join("to-file")).unwrap();
        symlink("nowhere", dir.path().join("to-nothing")).unwrap();
        symlink("to-itself", dir.path().join("to-itself")).unwrap();
        let listing = list(dir.path()).unwrap();
        assert_eq!(listing.folders, [OsStr::new(".hidden"), OsStr::new("a"), OsStr::new("b"), hostile]);
        assert_eq!(listing.links.len(), 4);
        assert_eq!(links(dir.path(), &listing.links), [Folder { name: "to-folder".into(), link: Some("b".into()) }]);
    }

    #[test]
    fn what_cannot_be_listed_is_said_with_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x\u{1b}[2J");
        let said = |path: &Path| list(path).unwrap_err().to_string();
        assert!(said(&path).ends_with("\\x1b[2J: is gone; go up"));
        symlink(".", &path).unwrap();
        assert!(said(&path).contains("link") || said(&path).contains("no folder"), "{}", said(&path));
        let file = dir.path().join("file");
        std::fs::write(&file, "x").unwrap();
        assert!(said(&file).contains("no folder"));
    }
}
