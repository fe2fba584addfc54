//! The folders in a folder.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;
use rustix::io::Errno;

use crate::root::{self, entry_buffer, open_folder};
use crate::text;

/// Folders and links that are listed at most, each.
const MAX_ENTRIES: usize = 50_000;

/// A folder that cannot be listed.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {what}")]
pub(crate) struct PlaceError {
    /// Its path, escaped.
    path: String,
    /// What the system says, and what to do.
    what: String,
}

impl PlaceError {
    fn new(path: &Path, error: &io::Error) -> Self {
        let what = match Errno::from_io_error(error) {
            Some(Errno::ACCESS | Errno::PERM) => "permission denied; run as a user who may list it".to_owned(),
            Some(Errno::NOENT) => "is gone; go up".to_owned(),
            Some(Errno::NOTDIR) => "is no folder any more; go up".to_owned(),
            Some(Errno::LOOP) => "is a link now, which is not followed; go up".to_owned(),
            _ => error.to_string(),
        };
        Self { path: text::escape_path(path).into_owned(), what }
    }
}

/// A folder in a folder, or a link to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFolder {
    /// Its name.
    pub name: OsString,
    /// What it points to when it is a link.
    pub link: Option<PathBuf>,
}

/// What a folder holds, hidden ones included, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FolderListing {
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
pub(crate) fn list(path: &Path) -> Result<FolderListing, PlaceError> {
    read(path).map_err(|error| PlaceError::new(path, &error))
}

fn read(path: &Path) -> io::Result<FolderListing> {
    let folder = open_folder(path)?;
    let mut listing = FolderListing::default();
    let mut buffer = entry_buffer();
    let mut entries = folder.entries(&mut buffer);
    while let Some(entry) = entries.next() {
        let (name, listed) = entry?;
        let kind = match listed {
            FileType::Directory | FileType::RegularFile => listed,
            // What is listed is a hint; some file systems leave the type out of their folders (readdir(3)).
            _ => folder.stat_of(&name).map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode)),
        };
        let list = match kind {
            FileType::Directory => &mut listing.folders,
            FileType::Symlink => &mut listing.links,
            _ => continue,
        };
        if list.len() < MAX_ENTRIES {
            list.push(name);
        } else {
            listing.more = true;
        }
    }
    listing.folders.sort_unstable();
    listing.links.sort_unstable();
    Ok(listing)
}

/// Those of the links `names` in `path` that point to a folder. What they point to is asked for its type, not opened; on
/// a network that does not answer this takes as long as that takes.
pub(crate) fn links(path: &Path, names: &[OsString]) -> Vec<ListedFolder> {
    let Ok(folder) = open_folder(path) else { return Vec::new() };
    let to_folder = |name: &OsString| {
        root::named(&path.join(name)).ok().filter(|found| found.metadata.is_dir())?;
        Some(ListedFolder { name: name.clone(), link: Some(folder.target_of(name).ok()?) })
    };
    names.iter().filter_map(to_folder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
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
        assert_eq!(
            links(dir.path(), &listing.links),
            [ListedFolder { name: "to-folder".into(), link: Some("b".into()) }]
        );
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
