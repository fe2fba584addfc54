//! The cases in a folder, told from what only has such a name: a scan leaves them out, for they hold rules and the bytes
//! these matched.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags};

use super::schema::APPLICATION_ID;
use crate::storage::is_ours_alone;

/// Names in the folder that are looked at at most.
const NAMES: usize = 10_000;
/// How a database of `SQLite` begins, and where its application id is (`SQLite`, Database File Format 1.3).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const APPLICATION_ID_AT: usize = 68;

/// The cases in `folder` that belong to this user and to nobody else, with the files that `SQLite` keeps beside each.
///
/// `open`, the case that this process has open, is left out: to open its file again and close it would take away its locks
/// (<https://www.sqlite.org/howtocorrupt.html>, 2.2).
pub(crate) fn files_in(folder: &Path, open: &Path) -> Vec<PathBuf> {
    let number = |path: &Path| rustix::fs::lstat(path).ok().map(|stat| (stat.st_dev, stat.st_ino));
    let open = number(open);

    let entries = std::fs::read_dir(folder).into_iter().flatten().take(NAMES).filter_map(Result::ok);
    let cases = entries
        .map(|entry| entry.path())
        .filter(|path| open.is_none() || number(path) != open)
        .filter(|path| is_own_case(path).unwrap_or(false));
    cases.flat_map(|case| with_its_log(&case)).collect()
}

/// The file of a case and those that `SQLite` keeps beside it while it is open, or after a crash.
pub(crate) fn with_its_log(case: &Path) -> [PathBuf; 4] {
    ["", "-wal", "-shm", "-journal"].map(|suffix| {
        let mut name = case.as_os_str().to_owned();
        name.push(suffix);
        name.into()
    })
}

fn is_own_case(path: &Path) -> Option<bool> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    if path.extension()? != "case" {
        return Some(false);
    }
    let file = File::from(rustix::fs::openat(CWD, path, flags, Mode::empty()).ok()?);
    let stat = rustix::fs::fstat(&file).ok()?;
    let mut header = [0; APPLICATION_ID_AT + 4];
    if !is_ours_alone(&stat) || FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Some(false);
    }
    file.read_exact_at(&mut header, 0).ok()?;
    let id = header.last_chunk().map(|id| i64::from(u32::from_be_bytes(*id)));
    Some(header.starts_with(MAGIC) && id == Some(APPLICATION_ID))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Case;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn only_cases_of_this_user_alone_are_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["a.case", "shared.case", "renamed"] {
            drop(Case::open(&at(name)).unwrap());
        }
        std::fs::set_permissions(at("shared.case"), std::fs::Permissions::from_mode(0o644)).unwrap();
        std::fs::write(at("text.case"), "30.40.50.60:9342").unwrap();
        std::fs::set_permissions(at("text.case"), std::fs::Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink(at("a.case"), at("link.case")).unwrap();
        rustix::fs::mkfifoat(CWD, at("fifo.case"), Mode::RUSR).unwrap();
        let none = Path::new("in memory only");
        assert_eq!(files_in(dir.path(), none), ["a.case", "a.case-wal", "a.case-shm", "a.case-journal"].map(at));
        assert!(files_in(dir.path(), &at("a.case")).is_empty());
        assert!(files_in(&at("absent"), none).is_empty());
    }
}
