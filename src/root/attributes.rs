//! What `stat` says of a file.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;

use crate::finding::FileTime;

/// What `stat` says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Attributes {
    pub(crate) dev: u64,
    pub(crate) ino: u64,
    pub(crate) mode: u32,
    pub(crate) links: u64,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) size: u64,
    pub(crate) accessed: FileTime,
    pub(crate) modified: FileTime,
    pub(crate) changed: FileTime,
    pub(crate) born: Option<FileTime>,
}

impl Attributes {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let time = |seconds, nanos: i64| FileTime { seconds, nanos: nanos as u32 };
        // Some file systems answer zero where they keep no birth time.
        let born = metadata.created().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        Self {
            dev: metadata.dev(),
            ino: metadata.ino(),
            mode: metadata.mode(),
            links: metadata.nlink(),
            uid: metadata.uid(),
            gid: metadata.gid(),
            size: metadata.size(),
            accessed: time(metadata.atime(), metadata.atime_nsec()),
            modified: time(metadata.mtime(), metadata.mtime_nsec()),
            changed: time(metadata.ctime(), metadata.ctime_nsec()),
            born: born
                .filter(|since| !since.is_zero())
                .map(|since| FileTime { seconds: since.as_secs() as i64, nanos: since.subsec_nanos() }),
        }
    }
}
