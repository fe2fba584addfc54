//! What one folder of `/proc` says beside what [`crate::proc`] reads: `maps` and the links (proc(5)).

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::proc::maps::Region;

use super::super::proc_file::bytes;
pub(super) use crate::proc::{command_line, stat, user_ids};

/// Descriptors looked at in one process.
const MAX_DESCRIPTORS: usize = 100_000;

/// A file that is mapped.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Mapping {
    pub(super) dev: u64,
    pub(super) ino: u64,
    pub(super) path: PathBuf,
    /// Whether what it holds may be executed, as a program's or a library's code is.
    pub(super) is_code: bool,
}

/// The files in `maps`, each once.
pub(super) fn mappings(bytes: &[u8]) -> HashSet<Mapping> {
    let mapping = |region: &Region| {
        let path = region.file()?.to_owned();
        Some(Mapping { dev: region.dev, ino: region.ino, path, is_code: region.is_code() })
    };
    Region::all(bytes).iter().filter_map(mapping).collect()
}

/// What a descriptor of a process leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Descriptor {
    File { number: u32, dev: u64, ino: u64 },
    Socket { ino: u64 },
}

/// The files and sockets that a process holds open.
pub(super) fn descriptors(folder: &Path) -> io::Result<Vec<Descriptor>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)?.take(MAX_DESCRIPTORS) {
        let entry = entry?;
        let Some(number) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // A descriptor that was closed meanwhile is simply not there.
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        let target = target.as_os_str().as_encoded_bytes();
        if let Some(ino) = target.strip_prefix(b"socket:[").and_then(|rest| rest.strip_suffix(b"]")) {
            found.extend(
                std::str::from_utf8(ino).ok().and_then(|ino| ino.parse().ok()).map(|ino| Descriptor::Socket { ino }),
            );
        } else if target.starts_with(b"/")
            && let Some((dev, ino)) = identity(&entry.path())
        {
            found.push(Descriptor::File { number, dev, ino });
        }
    }
    Ok(found)
}

/// Threads looked at in one process; most share one table of descriptors.
const MAX_THREADS: usize = 64;

/// As [`descriptors`], with those that only another thread of the process has (unshare(2), `CLONE_FILES`).
pub(super) fn descriptors_of_all_threads(process: &Path) -> io::Result<Vec<Descriptor>> {
    let mut found = descriptors(&process.join("fd"))?;
    let names = |folder: &Path| -> io::Result<Vec<OsString>> {
        fs::read_dir(folder)?.take(MAX_DESCRIPTORS).map(|entry| Ok(entry?.file_name())).collect()
    };
    let Ok(threads) = names(&process.join("task")) else { return Ok(found) };
    if threads.len() < 2 {
        return Ok(found);
    }
    let own = names(&process.join("fd")).unwrap_or_default();
    for thread in threads.iter().take(MAX_THREADS) {
        let folder = process.join("task").join(thread).join("fd");
        // A thread that shares the table has the same numbers.
        if names(&folder).is_ok_and(|names| names != own) {
            found.extend(descriptors(&folder).unwrap_or_default());
        }
    }
    // The numbers differ also where a descriptor was opened meanwhile: what the threads share counts once.
    let mut seen = HashSet::new();
    found.retain(|descriptor| seen.insert(*descriptor));
    Ok(found)
}

/// Bytes looked at of an environment.
const MAX_ENVIRONMENT: u64 = 256 * 1024;

/// The value of a variable in the environment that a process was started with, if that may be read.
pub(super) fn variable(process: &Path, name: &str) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(process.join("environ")).ok()?.take(MAX_ENVIRONMENT).read_to_end(&mut bytes).ok()?;
    let wanted = format!("{name}=");
    let value = bytes.split(|byte| *byte == 0).find_map(|setting| setting.strip_prefix(wanted.as_bytes()))?;
    (!value.is_empty()).then(|| String::from_utf8_lossy(value).into_owned())
}

/// A number in a file of its own, such as `sessionid`; `None` where it is unset (`(u32)-1`, `AUDIT_SID_UNSET`).
pub(super) fn number(path: &Path) -> Option<u32> {
    let bytes = bytes(path).ok()?;
    std::str::from_utf8(&bytes).ok()?.trim().parse().ok().filter(|number| *number != u32::MAX)
}

/// Device and inode of what a link of `/proc` leads to; it works for deleted files too. Nothing is opened.
pub(super) fn identity(link: &Path) -> Option<(u64, u64)> {
    let metadata = fs::metadata(link).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_mapped_twice_is_one_and_its_code_another() {
        let maps = b"7f00-7f01 r-xp 0 08:01 1234 /opt/a\n7f01-7f02 rw-p 0 00:00 0 [heap]\n7f00-7f01 r--p 1 08:01 1234 /opt/a\n\
            7f02-7f03 r--p 2 08:01 1234 /opt/a\n";
        let mut found: Vec<_> = mappings(maps).into_iter().map(|mapping| (mapping.is_code, mapping.path)).collect();
        found.sort();
        assert_eq!(found, [(false, "/opt/a".into()), (true, "/opt/a".into())]);
    }
}
