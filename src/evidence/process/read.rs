//! What one folder of `/proc` says: `stat`, `status`, `cmdline`, `maps` and the links (proc(5)).
//!
//! Parsed here and not by crate procfs, whose parsers of these files index into the text and so panic on a damaged one,
//! and give up a whole table at its first odd line.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::makedev;

/// Bytes read of one file of a process; `maps` of a process with many mappings is the longest.
const MAX_BYTES: u64 = 16 << 20;
/// Bytes kept of a command line.
const MAX_COMMAND_LINE: usize = 16 * 1024;
/// Descriptors looked at in one process.
const MAX_DESCRIPTORS: usize = 100_000;

/// Reads a file of `/proc` up to the limit.
pub(in super::super) fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The fields of `stat` that matter here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) name: String,
    pub(super) parent: u32,
    /// Clock ticks after boot.
    pub(super) started: u64,
}

/// Parses `stat`. The name stands in parentheses and may itself hold any, so the last one closes it.
pub(super) fn stat(bytes: &[u8]) -> Option<Stat> {
    let open = bytes.iter().position(|byte| *byte == b'(')?;
    let close = bytes.iter().rposition(|byte| *byte == b')')?;
    let name = String::from_utf8_lossy(bytes.get(open + 1..close)?).into_owned();
    let rest = std::str::from_utf8(bytes.get(close + 1..)?).ok()?;
    // After the name: state, ppid, …; starttime is field 22 of the whole line.
    let mut fields = rest.split_ascii_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    let started = fields.nth(17)?.parse().ok()?;
    Some(Stat { name, parent, started })
}

/// The real and the effective user id in `status`.
pub(super) fn user_ids(status: &[u8]) -> Option<(u32, u32)> {
    let line = status.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"Uid:"))?;
    let mut ids = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    Some((ids.next()?.parse().ok()?, ids.next()?.parse().ok()?))
}

/// The words of `cmdline`; they end with a NUL each.
pub(super) fn command_line(mut bytes: Vec<u8>) -> Vec<OsString> {
    bytes.truncate(MAX_COMMAND_LINE);
    let words = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
    if words.is_empty() {
        return Vec::new();
    }
    words.split(|byte| *byte == 0).map(|word| OsString::from_vec(word.to_vec())).collect()
}

/// A file that is mapped.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Mapping {
    pub(super) dev: u64,
    pub(super) ino: u64,
    pub(super) path: PathBuf,
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
    let [.., device, inode] = fields;
    let (major, minor) = std::str::from_utf8(device).ok()?.split_once(':')?;
    let dev = makedev(u32::from_str_radix(major, 16).ok()?, u32::from_str_radix(minor, 16).ok()?);
    let ino = std::str::from_utf8(inode).ok()?.parse().ok().filter(|ino| *ino != 0)?;
    let path = rest.strip_suffix(b" (deleted)").unwrap_or(rest);
    Some(Mapping { dev, ino, path: OsString::from_vec(path.to_vec()).into() })
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

/// Device and inode of what a link of `/proc` leads to; it works for deleted files too. Nothing is opened.
pub(super) fn identity(link: &Path) -> Option<(u64, u64)> {
    let metadata = fs::metadata(link).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_whatever_the_name() {
        let line = b"412 (evil) R 1 (x) S 7 412 412 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 9876 1000 10\n";
        assert_eq!(stat(line), Some(Stat { name: "evil) R 1 (x".into(), parent: 7, started: 9876 }));
        for length in 0..line.len() - 10 {
            let cut = stat(&line[..length]);
            assert!(cut.is_none_or(|cut| cut.parent != 7 || cut.started <= 9876));
        }
        assert_eq!(stat(b")("), None);
        assert_eq!(stat(b"\xff\0"), None);
    }

    #[test]
    fn maps_command_lines_and_ids_are_read() {
        let maps = b"7f00-7f01 r-xp 00000000 08:01 1234   /opt/a b\n7f01-7f02 rw-p 00000000 00:00 0 [heap]\n\
                     7f00-7f01 r--p 00001000 08:01 1234   /opt/a b\n1-2 r 0 fe:02 9 /gone (deleted)\nbroken\n1-2 r 0 zz 9 /x\n";
        let found = mappings(maps);
        let mapping = |dev, ino, path: &str| Mapping { dev, ino, path: path.into() };
        assert_eq!(found, [mapping(makedev(8, 1), 1234, "/opt/a b"), mapping(makedev(0xfe, 2), 9, "/gone")].into());
        assert_eq!(command_line(b"sh\0\0-c\0".to_vec()), ["sh", "", "-c"]);
        assert_eq!(command_line(Vec::new()), Vec::<OsString>::new());
        assert_eq!(user_ids(b"Name:\tx\nUid:\t1000\t0\t0\t0\n"), Some((1000, 0)));
        assert_eq!(user_ids(b"Uid:\tx"), None);
    }
}
