//! What takes long to make, kept in a folder, so that the next start need not make it again.
//!
//! What is kept is believed. So it is read only from a folder and a file that belong to this user and that no one else can
//! write or read, and only when its bytes have the digest that stands before them.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Digest as _;

use super::{Trust, is_ours_alone};

/// What the names of kept files end in.
const EXTENSION: &str = "rules";
/// A larger file is no cache of ours, in bytes.
const LARGEST: u64 = 1 << 30;
/// Files that are kept: those of a few sets of rules.
const MAX_FILES: usize = 24;
/// Bytes of a digest.
const DIGEST: usize = 32;

/// The place of one thing in a folder that was checked.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: OwnedFd,
    path: PathBuf,
    name: String,
}

impl Cache {
    /// The place for what is made of `parts`, each of which counts byte by byte, in the folder `path`, which is made if it is
    /// not there; `None` if it is not ours alone.
    pub(crate) fn open<'p>(path: &Path, parts: impl IntoIterator<Item = &'p [u8]>) -> Option<Self> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).ok()?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(CWD, path, flags, Mode::empty()).ok()?;
        let ours = is_ours_alone(&rustix::fs::fstat(&folder).ok()?) && Trust::current().check_folders(path).is_ok();
        ours.then(|| Self { folder, path: path.to_owned(), name: name_for(parts) })
    }

    /// What was kept, if it is there and whole.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Option<T> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(&self.folder, &self.name, flags, Mode::empty()).ok()?);
        let stat = rustix::fs::fstat(&file).ok()?;
        let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        if !regular || !is_ours_alone(&stat) || stat.st_size as u64 > LARGEST {
            return None;
        }
        let mut bytes = Vec::with_capacity(stat.st_size as usize);
        file.take(LARGEST).read_to_end(&mut bytes).ok()?;
        let (digest, content) = bytes.split_at_checked(DIGEST)?;
        if *sha2::Sha256::digest(content) != *digest {
            return None;
        }
        postcard::from_bytes(content).ok()
    }

    /// Keeps `made`. That it cannot be done is no error: the next start makes it again.
    pub(crate) fn write(&self, made: &impl Serialize) {
        if self.try_write(made).is_none() {
            tracing::debug!("nothing is kept in {}", crate::text::escape_path(&self.path));
        }
        self.make_room();
    }

    fn try_write(&self, made: &impl Serialize) -> Option<()> {
        let content = postcard::to_stdvec(made).ok()?;
        let draft = format!(".{}.{}", self.name, super::new_id());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(&self.folder, &draft, flags, Mode::RUSR | Mode::WUSR).ok()?);
        let digest = sha2::Sha256::digest(&content);
        let written = file.write_all(&digest).and_then(|()| file.write_all(&content));
        let moved = written.is_ok() && rustix::fs::renameat(&self.folder, &draft, &self.folder, &self.name).is_ok();
        if !moved {
            let _ = rustix::fs::unlinkat(&self.folder, &draft, AtFlags::empty());
        }
        moved.then_some(())
    }

    /// Removes the oldest files where there are too many.
    fn make_room(&self) {
        let age = |path: &PathBuf| std::fs::symlink_metadata(path).and_then(|stat| stat.modified());
        let mut files: Vec<(SystemTime, PathBuf)> =
            cache_files(&self.path).into_iter().filter_map(|path| Some((age(&path).ok()?, path))).collect();
        files.sort_unstable();
        for (_, path) in files.iter().rev().skip(MAX_FILES) {
            let Some(name) = path.file_name() else { continue };
            let _ = rustix::fs::unlinkat(&self.folder, name, AtFlags::empty());
        }
    }
}

/// The files in such a folder.
pub(crate) fn cache_files(folder: &Path) -> Vec<PathBuf> {
    let ours = |path: &PathBuf| rustix::fs::lstat(path).is_ok_and(|stat| is_ours_alone(&stat));
    let named = |path: &PathBuf| path.extension().is_some_and(|extension| extension == EXTENSION);
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    entries.filter(|path| named(path) && ours(path)).collect()
}

/// What tells this build of the program from others: the form of what is kept may be another with each.
fn build() -> String {
    let stat = rustix::fs::stat("/proc/self/exe");
    stat.map_or_else(
        |_| String::new(),
        |stat| format!("{} {} {} {}", stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime),
    )
}

/// A name that changes with every byte of the parts and with the program. Lengths go first, so that no two lists of parts are
/// the same bytes.
fn name_for<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> String {
    let mut hasher = sha2::Sha256::new();
    let mut add = |part: &[u8]| {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    };
    add(env!("CARGO_PKG_VERSION").as_bytes());
    add(build().as_bytes());
    parts.into_iter().for_each(add);
    format!("{}.{EXTENSION}", crate::text::hex(&hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_is_kept_is_found_again_under_the_same_parts_only() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("cache");
        let open = |parts: &[&'static str]| Cache::open(&folder, parts.iter().map(|part| part.as_bytes())).unwrap();
        open(&["ab", "c"]).write(&(7_u32, "text".to_owned()));
        let read = |parts: &[&'static str]| open(parts).read::<(u32, String)>();
        assert_eq!(read(&["ab", "c"]), Some((7, "text".to_owned())));
        assert_eq!(read(&["a", "bc"]), None);
        assert_eq!(cache_files(&folder).len(), 1);
        for n in 0..MAX_FILES + 5 {
            Cache::open(&folder, [n.to_string().as_bytes()]).unwrap().write(&n);
        }
        assert_eq!(cache_files(&folder).len(), MAX_FILES);
    }

    #[test]
    fn what_others_could_have_written_or_is_damaged_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("cache");
        let open = || Cache::open(&folder, [&b"a"[..]]);
        open().unwrap().write(&1_u8);
        let [file] = cache_files(&folder).try_into().unwrap();
        set_mode(&file, 0o666);
        assert_eq!(open().unwrap().read::<u8>(), None);
        set_mode(&file, 0o600);
        assert_eq!(open().unwrap().read::<u8>(), Some(1));
        let mut bytes = std::fs::read(&file).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&file, &bytes).unwrap();
        assert_eq!(open().unwrap().read::<u8>(), None);
        set_mode(&folder, 0o777);
        assert!(open().is_none());
    }
}
