//! Sources for tests.

use std::ops::Range;

use super::source::{Ahead, ByteSource, Piece};
use crate::finding::{FileFacts, FileTime, Sha256};

/// Bytes in memory, some of them unknown, that come in small pieces.
pub(crate) struct Patchy {
    bytes: Vec<u8>,
    unknown: Vec<Range<u64>>,
    holes: bool,
    /// The largest buffer that was ever handed in.
    pub widest: usize,
    /// Bytes handed out.
    pub given: u64,
}

impl Patchy {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), unknown: Vec::new(), holes: false, widest: 0, given: 0 }
    }

    /// Does not know these of its bytes.
    pub(crate) fn without(mut self, unknown: Range<u64>) -> Self {
        self.unknown.push(unknown);
        self
    }

    /// Tells of its zeros as if they were holes.
    pub(crate) fn with_holes(mut self) -> Self {
        self.holes = true;
        self
    }

    fn unknown_until(&self, offset: u64) -> Option<u64> {
        self.unknown.iter().find(|r| r.contains(&offset)).map(|r| r.end)
    }
}

impl ByteSource for Patchy {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn piece(&mut self, offset: u64, buffer: &mut [u8]) -> Piece {
        self.widest = self.widest.max(buffer.len());
        if offset >= self.size() {
            return Piece::End;
        }
        if let Some(until) = self.unknown_until(offset) {
            return Piece::Unknown { until };
        }
        let stop = self.unknown.iter().map(|r| r.start).filter(|start| *start > offset).min().unwrap_or(self.size());
        let count = ((stop.min(self.size()) - offset) as usize).min(buffer.len()).min(70_001);
        buffer[..count].copy_from_slice(&self.bytes[offset as usize..offset as usize + count]);
        self.given += count as u64;
        Piece::Bytes(count)
    }

    fn ahead(&mut self, offset: u64) -> Ahead {
        if let Some(until) = self.unknown_until(offset) {
            return Ahead::Unknown { until };
        }
        let zeros = self.bytes[offset as usize..]
            .iter()
            .zip(offset..)
            .take_while(|(b, at)| **b == 0 && self.unknown_until(*at).is_none())
            .count();
        match zeros {
            0 => Ahead::Data,
            _ if !self.holes => Ahead::Data,
            _ => Ahead::Zeros { until: offset + zeros as u64 },
        }
    }
}

/// The facts of the file at `path` as a scan would have taken them now.
pub(crate) fn facts(path: &std::path::Path) -> FileFacts {
    let stat = rustix::fs::stat(path).unwrap();
    let time = |seconds: i64, nanos: u64| FileTime { seconds, nanos: nanos as u32 };
    FileFacts {
        path: path.to_owned(),
        dev: stat.st_dev,
        ino: stat.st_ino,
        mode: stat.st_mode,
        links: stat.st_nlink,
        uid: stat.st_uid,
        gid: stat.st_gid,
        owner: None,
        group: None,
        size: stat.st_size as u64,
        accessed: time(stat.st_atime, stat.st_atime_nsec),
        modified: time(stat.st_mtime, stat.st_mtime_nsec),
        changed: time(stat.st_ctime, stat.st_ctime_nsec),
        born: None,
        digest: Sha256::of(b"").into(),
        noatime: true,
        stated: None,
    }
}
