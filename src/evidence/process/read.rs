//! What one folder of `/proc` says beside what [`crate::proc`] reads: `maps` and the links (proc(5)).

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::makedev;

pub(super) use crate::proc::{command_line, stat, user_ids};

/// Bytes read of one file of a process; `maps` of a process with many mappings is the longest.
const MAX_BYTES: u64 = 16 << 20;
/// Descriptors looked at in one process.
const MAX_DESCRIPTORS: usize = 100_000;

/// Reads a file of `/proc` up to the limit.
pub(in super::super) fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A file that is mapped.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Mapping {
    pub(super) dev: u64,
    pub(super) ino: u64,
    pub(super) path: PathBuf,
    /// Whether what it holds may be executed, as a program's or a library's code is.
    pub(super) is_code: bool,
}

/// The files in `maps`, each once: `start-end perms offset major:minor inode path`.
pub(super) fn mappings(bytes: &[u8]) -> HashSet<Mapping> {
    bytes.split(|byte| *byte == b'\n').filter_map(mapping).collect()
}

fn mapping(line: &[u8]) -> Option<Mapping> {
    let mut rest = line;
    let mut fields = [&[][..]; 5];
    for field in &mut fields {
        let end = rest.iter().position(|byte| *byte == b' ')?;
        (*field, rest) = (rest.get(..end)?, rest.get(end + 1..)?.trim_ascii_start());
    }
    let [_, permissions, _, device, inode] = fields;
    let is_code = permissions.contains(&b'x');
    let (major, minor) = std::str::from_utf8(device).ok()?.split_once(':')?;
    let dev = makedev(u32::from_str_radix(major, 16).ok()?, u32::from_str_radix(minor, 16).ok()?);
    let ino = std::str::from_utf8(inode).ok()?.parse().ok().filter(|ino| *ino != 0)?;
    let path = rest.strip_suffix(b" (deleted)").unwrap_or(rest);
    Some(Mapping { dev, ino, path: OsString::from_vec(path.to_vec()).into(), is_code })
}

/// What a descriptor of a process leads to.
#[derive(Debug, PartialEq, Eq)]
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
    fn maps_are_read() {
        let maps = b"7f00-7f01 r-xp 00000000 08:01 1234   /opt/a b\n7f01-7f02 rw-p 00000000 00:00 0 [heap]\n\
                     7f00-7f01 r--p 00001000 08:01 1234   /opt/a b\n1-2 r 0 fe:02 9 /gone (deleted)\nbroken\n1-2 r 0 zz 9 /x\n";
        let found = mappings(maps);
        let mapping = |dev, ino, path: &str, is_code| Mapping { dev, ino, path: path.into(), is_code };
        let expected = [
            mapping(makedev(8, 1), 1234, "/opt/a b", true),
            mapping(makedev(8, 1), 1234, "/opt/a b", false),
            mapping(makedev(0xfe, 2), 9, "/gone", false),
        ];
        assert_eq!(found, expected.into());
    }
}
