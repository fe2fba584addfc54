//! The compiler's word on rules kept on disk, so that thousands of them are checked once.
//!
//! A set that is known needs no check. So a cache is read only from a folder and a file that belong to this user and that
//! no one else can write or read, and only when its bytes have the digest that stands before them.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use sha2::Digest as _;

use super::RuleSource;
use crate::finding::Sha256;
use crate::hunt::{ENGINE, RuleOptions};
use crate::storage::{self, Trust, is_ours_alone};

/// Fewer bytes of rules than this are checked in no time.
const WORTH: usize = 256 * 1024;
/// What the names of stored sets end in.
const EXTENSION: &str = "rules";
/// A larger file is no cache of ours, in bytes.
const LARGEST: u64 = 1 << 30;

/// Whether so much text is worth a cache.
pub(super) fn is_worth(sources: &[RuleSource]) -> bool {
    sources.iter().map(|source| source.text.len()).sum::<usize>() >= WORTH
}

/// The place of one rule set in a folder that was checked.
pub(super) struct Cache {
    folder: OwnedFd,
    name: String,
}

impl Cache {
    /// The place for `sources` in `path`; `None` if the folder is not ours alone.
    pub(super) fn open(path: &Path, sources: &[RuleSource], options: &RuleOptions) -> Option<Self> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).ok()?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(CWD, path, flags, Mode::empty()).ok()?;
        let ours = is_ours_alone(&rustix::fs::fstat(&folder).ok()?) && Trust::current().check_folders(path).is_ok();
        ours.then(|| Self { folder, name: name_for(sources, options) })
    }

    /// What the compiler warned of, if the rules were found to compile.
    pub(super) fn read(&self) -> Option<Vec<String>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(&self.folder, &self.name, flags, Mode::empty()).ok()?);
        let stat = rustix::fs::fstat(&file).ok()?;
        let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        if !regular || !is_ours_alone(&stat) || stat.st_size as u64 > LARGEST {
            return None;
        }
        let mut bytes = Vec::new();
        file.take(LARGEST).read_to_end(&mut bytes).ok()?;
        let (digest, content) = bytes.split_at_checked(32)?;
        if Sha256::of(content).0 != digest {
            return None;
        }
        serde_json::from_slice(content).ok()
    }

    /// Stores that the rules compile, with these warnings. That it cannot be done is no error: the next start checks them
    /// again.
    pub(super) fn write(&self, warnings: &[String]) {
        let _ = self.try_write(warnings);
    }

    fn try_write(&self, warnings: &[String]) -> Option<()> {
        let content = serde_json::to_vec(warnings).ok()?;
        let draft = format!(".{}.{}", self.name, storage::new_id());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(&self.folder, &draft, flags, Mode::RUSR | Mode::WUSR).ok()?);
        let written = file.write_all(&Sha256::of(&content).0).and_then(|()| file.write_all(&content));
        let moved = written.is_ok() && rustix::fs::renameat(&self.folder, &draft, &self.folder, &self.name).is_ok();
        if !moved {
            let _ = rustix::fs::unlinkat(&self.folder, &draft, AtFlags::empty());
        }
        moved.then_some(())
    }
}

/// The files in such a folder.
pub(crate) fn cache_files(folder: &Path) -> Vec<PathBuf> {
    let ours = |path: &PathBuf| rustix::fs::lstat(path).is_ok_and(|stat| is_ours_alone(&stat));
    let named = |path: &PathBuf| path.extension().is_some_and(|extension| extension == EXTENSION);
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    entries.filter(|path| named(path) && ours(path)).collect()
}

/// A name that changes with every byte of the sources, the options, and both programs. Lengths go first, so that no two sets
/// are the same bytes.
fn name_for(sources: &[RuleSource], options: &RuleOptions) -> String {
    let mut hasher = sha2::Sha256::new();
    let options = format!("{options:?}");
    for part in [ENGINE, env!("CARGO_PKG_VERSION"), &options]
        .into_iter()
        .chain(sources.iter().flat_map(|source| [&*source.namespace, &*source.origin, &*source.text]))
    {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    format!("{}.{EXTENSION}", Sha256(hasher.finalize().into()))
}
