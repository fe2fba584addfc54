//! Records of logins: `wtmp`, `btmp` and `lastlog` (utmp(5), lastlog(8)).
//!
//! The layout is that of glibc on 64-bit machines, which is the same on all of them: the times are 32 bits wide. Numbers
//! are little-endian where the box's programs are; the time decides which of the two makes sense.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::{EventKind, Events};
use crate::root::{Attributes, Root};

/// Bytes of one record of `struct utmp`.
const RECORD: usize = 384;
/// Bytes of one record of `struct lastlog`.
const LAST: usize = 292;
/// Bytes read of one file, from its end.
const MAX_BYTES: u64 = 8 << 20;

const BOOT_TIME: i16 = 2;
const USER_PROCESS: i16 = 7;

/// Files and what their records of a user's process mean.
const FILES: [(&str, EventKind); 4] = [
    ("/var/log/wtmp", EventKind::Login),
    ("/var/log/wtmp.1", EventKind::Login),
    ("/var/log/btmp", EventKind::FailedLogin),
    ("/var/log/btmp.1", EventKind::FailedLogin),
];

pub(super) fn read(root: &Root, events: &mut Events) {
    for (path, kind) in FILES {
        let path = Path::new(path);
        let Some((bytes, first)) = records(root, path, RECORD, events) else { continue };
        let source = events.source(path);
        for (index, record) in bytes.chunks_exact(RECORD).enumerate() {
            if let Some((at, kind, said)) = record_of(record, kind) {
                events.add(source, first + index, Some(at), kind, &said);
            }
        }
    }
    let path = Path::new("/var/log/lastlog");
    let Some((bytes, first)) = records(root, path, LAST, events) else { return };
    let source = events.source(path);
    for (index, record) in bytes.chunks_exact(LAST).enumerate() {
        let at = number(record, 0).filter(|at| *at > 0);
        if let Some(at) = at {
            let (line, host) = (string(record, 4, 32), string(record, 36, 256));
            let uid = first + index - 1;
            events.add(
                source,
                first + index,
                Some(i64::from(at)),
                EventKind::Login,
                &format!("last of uid {uid} on {line} from {host}"),
            );
        }
    }
}

/// The last whole records of a file, and the number of the first.
fn records(root: &Root, path: &Path, size: usize, events: &mut Events) -> Option<(Vec<u8>, usize)> {
    let read = || -> std::io::Result<(Vec<u8>, usize)> {
        let located = root.locate(path, true)?;
        let length = Attributes::of(&located.metadata).size;
        let whole = length - length % size as u64;
        let skipped = whole.saturating_sub(MAX_BYTES).div_ceil(size as u64);
        let mut file = located.open()?;
        file.seek(SeekFrom::Start(skipped * size as u64))?;
        let mut bytes = Vec::new();
        file.take(MAX_BYTES).read_to_end(&mut bytes)?;
        Ok((bytes, skipped as usize + 1))
    };
    match read() {
        Ok(found) => Some(found),
        Err(error) => {
            events.gaps.add_error(path, &error);
            None
        }
    }
}

fn record_of(record: &[u8], of_user: EventKind) -> Option<(i64, EventKind, String)> {
    let kind = i16::from_le_bytes(*record.first_chunk::<2>()?);
    let at = i64::from(number(record, 340)?);
    let (line, user, host) = (string(record, 8, 32), string(record, 44, 32), string(record, 76, 256));
    match kind {
        USER_PROCESS => {
            let from = if host.is_empty() { String::new() } else { format!(" from {host}") };
            Some((at, of_user, format!("{user} on {line}{from}")))
        }
        // A failed login over SSH is noted as a login process.
        6 if of_user == EventKind::FailedLogin => Some((at, of_user, format!("{user} on {line} from {host}"))),
        BOOT_TIME => Some((at, EventKind::System, format!("the box was started, kernel {host}"))),
        3 | 4 => Some((at, EventKind::System, "the clock was set".to_owned())),
        _ => None,
    }
}

fn number(record: &[u8], at: usize) -> Option<i32> {
    record.get(at..).and_then(|rest| rest.first_chunk::<4>()).map(|bytes| i32::from_le_bytes(*bytes))
}

fn string(record: &[u8], at: usize, length: usize) -> String {
    let bytes = record.get(at..at + length).unwrap_or_default();
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
