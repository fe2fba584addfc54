//! What the files of a process in `/proc` say: `stat`, `status`, `cmdline` (proc(5)); `maps` has a file of its own.
//!
//! Parsed here and not by crate procfs, whose parsers of these files index into the text and so panic on a damaged one,
//! and give up a whole table at its first odd line.

pub(crate) mod maps;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

/// Bytes kept of a command line.
const MAX_COMMAND_LINE: usize = 16 * 1024;

/// The fields of `stat` that matter here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) name: String,
    pub(crate) parent: u32,
    /// Session id (setsid(2)): that of the login shell, as a rule.
    pub(crate) session: u32,
    /// Whether it is a thread of the kernel, which runs no file.
    pub(crate) is_kernel: bool,
    /// Clock ticks after boot.
    pub(crate) started: u64,
}

/// `PF_KTHREAD` of the kernel's `include/linux/sched.h`.
const KERNEL_THREAD: u64 = 0x0020_0000;

/// Parses `stat`. The name stands in parentheses and may itself hold any, so the last one closes it.
pub(crate) fn stat(bytes: &[u8]) -> Option<Stat> {
    let open = bytes.iter().position(|byte| *byte == b'(')?;
    let close = bytes.iter().rposition(|byte| *byte == b')')?;
    let name = String::from_utf8_lossy(bytes.get(open + 1..close)?).into_owned();
    let rest = std::str::from_utf8(bytes.get(close + 1..)?).ok()?;
    // After the name: state, ppid, pgrp, session, tty, tpgid, flags, …; starttime is field 22 of the whole line.
    let mut fields = rest.split_ascii_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    let session = fields.nth(1)?.parse().unwrap_or(0);
    let flags: u64 = fields.nth(2)?.parse().unwrap_or(0);
    let started = fields.nth(12)?.parse().ok()?;
    Some(Stat { name, parent, session, is_kernel: flags & KERNEL_THREAD != 0, started })
}

/// The real and the effective user id in `status`.
pub(crate) fn user_ids(status: &[u8]) -> Option<(u32, u32)> {
    let mut ids = line_of(status, b"Uid:")?.split_ascii_whitespace();
    Some((ids.next()?.parse().ok()?, ids.next()?.parse().ok()?))
}

/// The signals that the process ignores, in `status`: bit 0 is signal 1. None where it does not say.
pub(crate) fn ignored_signals(status: &[u8]) -> Option<u64> {
    u64::from_str_radix(line_of(status, b"SigIgn:")?.trim(), 16).ok()
}

/// What stands after a name in `status`.
fn line_of<'s>(status: &'s [u8], name: &[u8]) -> Option<&'s str> {
    let line = status.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(name))?;
    std::str::from_utf8(line).ok()
}

/// The words of `cmdline`; they end with a NUL each.
pub(crate) fn command_line(mut bytes: Vec<u8>) -> Vec<OsString> {
    bytes.truncate(MAX_COMMAND_LINE);
    let words = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
    if words.is_empty() {
        return Vec::new();
    }
    words.split(|byte| *byte == 0).map(|word| OsString::from_vec(word.to_vec())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_bits_of_a_line_of_status() {
        let status = b"Name:\tsh\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t00000001800004e8\n";
        assert_eq!(ignored_signals(status), Some(1 | 1 << 12));
        assert_eq!(ignored_signals(b"SigIgn:\tgarbage\n"), None);
        assert_eq!(ignored_signals(b"Name:\tsh\n"), None);
    }

    #[test]
    fn stat_is_read_whatever_the_name() {
        let line = b"412 (evil) R 1 (x) S 7 412 412 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 9876 1000 10\n";
        let read = stat(line).unwrap();
        assert_eq!((read.name.as_str(), read.parent, read.session, read.started), ("evil) R 1 (x", 7, 412, 9876));
        assert!(!read.is_kernel);
        let kernel = b"2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 12 0 0\n";
        assert!(stat(kernel).unwrap().is_kernel);
        for length in 0..line.len() - 10 {
            let cut = stat(&line[..length]);
            assert!(cut.is_none_or(|cut| cut.parent != 7 || cut.started <= 9876));
        }
        assert_eq!(stat(b")("), None);
        assert_eq!(stat(b"\xff\0"), None);
    }

    #[test]
    fn command_lines_and_ids_are_read() {
        assert_eq!(command_line(b"sh\0\0-c\0".to_vec()), ["sh", "", "-c"]);
        assert_eq!(command_line(Vec::new()), Vec::<OsString>::new());
        assert_eq!(user_ids(b"Name:\tx\nUid:\t1000\t0\t0\t0\n"), Some((1000, 0)));
        assert_eq!(user_ids(b"Uid:\tx"), None);
    }
}
