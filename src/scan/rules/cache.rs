//! Compiled rules kept on disk, so that thousands of them are compiled once.
//!
//! A compiled set is code that yara-x trusts. So a cache is read only from a folder and a file that belong to this user
//! and that no one else can write or read, and only when its bytes have the digest that stands before them.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use super::RuleSource;
use super::assign::{self, Kind, Unit};
use super::group::{Group, Needs};
use crate::finding::Sha256;
use crate::hunt::RuleOptions;

/// The version of yara-x whose compiled form is stored, as Cargo.toml pins it.
const ENGINE: &str = "yara-x 1.22.1";
/// Fewer bytes of rules than this compile as fast as they load.
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

/// What stands in the file, after its own digest, before the compiled groups.
#[derive(Serialize, Deserialize)]
struct Header {
    kinds: Vec<Kind>,
    /// Of each compiled group.
    needs: Vec<Needs>,
    warnings: Vec<String>,
    /// Bytes of each compiled group.
    lengths: Vec<usize>,
}

impl Cache {
    /// The place for `sources` in `path`; `None` if the folder is not ours alone.
    pub(super) fn open(path: &Path, sources: &[RuleSource], options: &RuleOptions) -> Option<Self> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).ok()?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(CWD, path, flags, Mode::empty()).ok()?;
        is_ours_alone(&rustix::fs::fstat(&folder).ok()?).then(|| Self { folder, name: name_for(sources, options) })
    }

    /// The groups and warnings that were stored.
    pub(super) fn read(&self, sources: &[RuleSource], options: &RuleOptions) -> Option<(Vec<Group>, Vec<String>)> {
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
        let end = content.iter().position(|byte| *byte == b'\n')?;
        let header: Header = serde_json::from_slice(content.get(..end)?).ok()?;
        let mut rest = content.get(end + 1..)?;
        let units = Unit::all(sources);
        let grouped = assign::grouped(&units, &header.kinds);
        if units.len() != header.kinds.len()
            || grouped.len() != header.lengths.len()
            || grouped.len() != header.needs.len()
        {
            return None;
        }
        let mut groups = Vec::new();
        for (((kind, sources), needs), length) in grouped.into_iter().zip(header.needs).zip(header.lengths) {
            let (compiled, after) = rest.split_at_checked(length)?;
            groups.push(Group::new(kind, needs, &sources, options, yara_x::Rules::deserialize(compiled).ok()?));
            rest = after;
        }
        Some((groups, header.warnings))
    }

    /// Stores the groups. That it cannot be done is no error: the next start compiles again.
    pub(super) fn write(&self, kinds: &[Kind], groups: &[Group], warnings: &[String]) {
        let _ = self.try_write(kinds, groups, warnings);
    }

    fn try_write(&self, kinds: &[Kind], groups: &[Group], warnings: &[String]) -> Option<()> {
        let compiled: Vec<Vec<u8>> =
            groups.iter().map(|group| group.compiled().serialize().ok()).collect::<Option<_>>()?;
        let lengths = compiled.iter().map(Vec::len).collect();
        let needs = groups.iter().map(Group::needs).collect();
        let header = Header { kinds: kinds.to_vec(), needs, warnings: warnings.to_vec(), lengths };
        let mut first = serde_json::to_vec(&header).ok()?;
        first.push(b'\n');
        let content = || std::iter::once(&first).chain(&compiled);
        let mut digest = sha2::Sha256::new();
        content().for_each(|part| digest.update(part));
        let draft = format!(".{}.{}", self.name, uuid::Uuid::new_v4());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(&self.folder, &draft, flags, Mode::RUSR | Mode::WUSR).ok()?);
        let written =
            file.write_all(&digest.finalize()).and_then(|()| content().try_for_each(|part| file.write_all(part)));
        let moved = written.is_ok() && rustix::fs::renameat(&self.folder, &draft, &self.folder, &self.name).is_ok();
        if !moved {
            let _ = rustix::fs::unlinkat(&self.folder, &draft, AtFlags::empty());
        }
        moved.then_some(())
    }
}

/// The compiled rules in a folder of them: their patterns are what the rules look for.
pub fn cache_files(folder: &Path) -> Vec<PathBuf> {
    let ours = |path: &PathBuf| rustix::fs::lstat(path).is_ok_and(|stat| is_ours_alone(&stat));
    let named = |path: &PathBuf| path.extension().is_some_and(|extension| extension == EXTENSION);
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    entries.filter(|path| named(path) && ours(path)).collect()
}

/// Whether it belongs to this user, and nobody else has any right to it.
pub(crate) fn is_ours_alone(stat: &Stat) -> bool {
    stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & 0o077 == 0
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
