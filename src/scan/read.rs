//! Reading a file through a fixed buffer, its holes skipped.

use std::fs::File;
use std::io;
use std::ops::{ControlFlow, Range};

use rustix::fs::{SeekFrom, Stat};
use rustix::io::Errno;

use crate::timeout::blocking_call;

/// Bytes read at once, and between two looks at the levers.
pub(super) const CHUNK: usize = 256 * 1024;

/// The next part of a file, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DataExtent<'c> {
    Bytes(&'c [u8]),
    /// So many zeros that are not stored.
    Hole(u64),
}

/// An open file of which only the first `size` bytes count, as its size was when it was opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct SizedFile<'f> {
    pub file: &'f File,
    pub size: u64,
    /// Bytes of the file that are not stored, as far as `stat` tells.
    pub unstored: u64,
}

impl<'f> SizedFile<'f> {
    pub(super) fn new(file: &'f File, stat: &Stat) -> Self {
        let size = stat.st_size as u64;
        // st_blocks counts 512 bytes each, whatever the file system's own blocks are (stat(2)).
        Self { file, size, unstored: size.saturating_sub((stat.st_blocks as u64).saturating_mul(512)) }
    }

    /// Fills `buffer` from `offset` on; fewer bytes only at the end of the file. Whoever waits for this thread gives it the
    /// time of one call for the whole buffer: a file that comes byte by byte may not take its time for each.
    pub(super) fn fill(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        blocking_call(|| self.fill_now(offset, buffer))
    }

    fn fill_now(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match rustix::io::pread(self.file, rest, offset.saturating_add(filled as u64)) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(filled)
    }

    /// The bytes of a range; fewer of them at the end of the file.
    pub(super) fn read(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; range.end.saturating_sub(range.start) as usize];
        let filled = self.fill(range.start, &mut bytes)?;
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// Calls `each` with every stretch and the offset of its end, until the end of the file or until it breaks off.
    pub(super) fn stream<E: From<io::Error>>(
        &self,
        buffer: &mut [u8],
        mut each: impl FnMut(u64, DataExtent) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let mut at = 0;
        while at < self.size {
            let (hole, data) = self.extent(at);
            if hole > at {
                let length = hole - at;
                at = hole;
                if each(at, DataExtent::Hole(length))?.is_break() {
                    return Ok(());
                }
            }
            while at < data {
                let room = buffer.len().min(usize::try_from(data - at).unwrap_or(usize::MAX));
                let filled = self.fill(at, buffer.get_mut(..room).unwrap_or_default())?;
                if filled == 0 {
                    return Ok(());
                }
                at += filled as u64;
                if each(at, DataExtent::Bytes(buffer.get(..filled).unwrap_or_default()))?.is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Where the hole at `at` ends (there may be none), and where the data after it end.
    fn extent(&self, at: u64) -> (u64, u64) {
        if self.unstored == 0 {
            return (at, self.size);
        }
        let seek = |from| match blocking_call(|| rustix::fs::seek(self.file, from)) {
            Ok(found) => Ok(found.min(self.size)),
            // No data after this place.
            Err(Errno::NXIO) => Ok(self.size),
            Err(error) => Err(error),
        };
        // A file system that does not know its holes has none to skip, and neither has one whose answers lead nowhere: the
        // data after `at` neither begin before it nor end where they begin.
        let Some(data) = seek(SeekFrom::Data(at)).ok().filter(|data| *data >= at) else { return (at, self.size) };
        let end = seek(SeekFrom::Hole(data)).ok().filter(|end| *end > data);
        (data, end.unwrap_or(self.size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt as _;

    /// The file as it comes through, with holes as what they are.
    fn streamed(file: &File) -> Vec<(u64, bool)> {
        let stat = rustix::fs::fstat(file).unwrap();
        let mut seen: Vec<(u64, bool)> = Vec::new();
        let mut bytes = Vec::new();
        let mut position = 0;
        SizedFile::new(file, &stat)
            .stream(&mut [0; 4096], |end, stretch| {
                let (length, hole) = match stretch {
                    DataExtent::Bytes(chunk) => {
                        bytes.extend_from_slice(chunk);
                        (chunk.len() as u64, false)
                    }
                    DataExtent::Hole(length) => (length, true),
                };
                position += length;
                assert_eq!(end, position, "no gap, no overlap");
                match seen.last_mut() {
                    Some((total, was_hole)) if *was_hole == hole => *total += length,
                    _ => seen.push((length, hole)),
                }
                Ok::<_, io::Error>(ControlFlow::Continue(()))
            })
            .unwrap();
        assert_eq!(position, stat.st_size as u64);
        assert!(bytes.windows(3).any(|three| three == b"abc"));
        seen
    }

    #[test]
    fn holes_are_skipped_where_the_file_system_knows_them() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(10 << 20).unwrap();
        file.write_all_at(b"abc", 5 << 20).unwrap();
        let seen = streamed(&file);
        let read: u64 = seen.iter().filter(|(_, hole)| !hole).map(|(length, _)| length).sum();
        // A file system without holes gives all of it as bytes.
        assert!(seen == [(10 << 20, false)] || (seen.len() == 3 && read <= 1 << 20), "{seen:?}");
    }

    #[test]
    fn a_dense_file_comes_whole() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&b"abc".repeat(10_000), 0).unwrap();
        assert_eq!(streamed(&file), [(30_000, false)]);
    }

    #[test]
    fn answers_about_holes_that_lead_nowhere_are_not_believed() {
        // Whatever is asked of it, lseek(2) says 0.
        let zero = File::open("/dev/zero").unwrap();
        let content = SizedFile { file: &zero, size: 10_000, unstored: 1 };
        let mut seen = Vec::new();
        let outcome = content.stream(&mut [0; 4096], |end, stretch| {
            assert!(matches!(stretch, DataExtent::Bytes(_)));
            seen.push(end);
            Ok::<_, io::Error>(ControlFlow::Continue(()))
        });
        outcome.unwrap();
        assert_eq!(seen, [4096, 8192, 10_000]);
    }

    #[test]
    fn a_file_that_became_shorter_ends_early() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&[7; 10_000], 0).unwrap();
        let stat = rustix::fs::fstat(&file).unwrap();
        file.set_len(100).unwrap();
        let content = SizedFile { file: &file, size: stat.st_size as u64, unstored: 0 };
        let mut last = 0;
        let outcome = content.stream(&mut [0; 4096], |end, _| {
            last = end;
            Ok::<_, io::Error>(ControlFlow::Continue(()))
        });
        outcome.unwrap();
        assert_eq!(last, 100);
    }
}
