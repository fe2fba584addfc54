//! Where the bytes come from: a whole file in memory, the beginning of one, or an open file read piece by piece.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// A file that can be read at any offset, so that only what the decoder asks for is read.
pub trait Bytes {
    /// Length of the whole file in bytes, also of the part that cannot be read.
    fn size(&self) -> u64;

    /// How many bytes from the start of the file can be read: less than [`Bytes::size`] when only a prefix is at hand.
    fn readable(&self) -> u64 {
        self.size()
    }

    /// Up to `length` bytes from `offset` on; fewer, or none, where the file or what can be read of it ends.
    fn read(&self, offset: u64, length: usize) -> Cow<'_, [u8]>;
}

impl Bytes for &[u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read(&self, offset: u64, length: usize) -> Cow<'_, [u8]> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.len());
        let end = start.saturating_add(length).min(self.len());
        Cow::Borrowed(self.get(start..end).unwrap_or_default())
    }
}

/// The beginning of a file whose rest is not at hand.
#[derive(Debug, Clone, Copy)]
pub struct Prefix<'a> {
    bytes: &'a [u8],
    file_size: u64,
}

impl<'a> Prefix<'a> {
    /// The first bytes of a file that is `file_size` bytes long; a size below the number of bytes given is raised to it.
    pub fn new(bytes: &'a [u8], file_size: u64) -> Self {
        Self { bytes, file_size: file_size.max(bytes.len() as u64) }
    }
}

impl Bytes for Prefix<'_> {
    fn size(&self) -> u64 {
        self.file_size
    }

    fn readable(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&self, offset: u64, length: usize) -> Cow<'_, [u8]> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.bytes.len());
        let end = start.saturating_add(length).min(self.bytes.len());
        Cow::Borrowed(self.bytes.get(start..end).unwrap_or_default())
    }
}

/// An open file, read with `pread(2)`: its position is left alone and nothing is mapped.
#[derive(Debug)]
pub struct FileBytes<'a> {
    file: &'a File,
    size: u64,
}

impl<'a> FileBytes<'a> {
    /// Takes the size from the descriptor.
    ///
    /// # Errors
    ///
    /// What `fstat(2)` says when it fails.
    pub fn new(file: &'a File) -> io::Result<Self> {
        Ok(Self { file, size: file.metadata()?.len() })
    }
}

impl Bytes for FileBytes<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, offset: u64, length: usize) -> Cow<'_, [u8]> {
        let there = self.size.saturating_sub(offset);
        let mut buffer = vec![0; length.min(usize::try_from(there).unwrap_or(usize::MAX))];
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, offset.saturating_add(filled as u64)) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // What could not be read is missing from the answer, and the decoder says so.
                Err(_) => break,
            }
        }
        buffer.truncate(filled);
        Cow::Owned(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_where_its_bytes_end_but_knows_the_file() {
        let prefix = Prefix::new(b"abcdef", 100);
        assert_eq!((prefix.size(), prefix.readable()), (100, 6));
        assert_eq!(prefix.read(4, 10).as_ref(), b"ef");
        assert!(prefix.read(u64::MAX, usize::MAX).is_empty());
        assert_eq!(Prefix::new(b"abc", 1).size(), 3);
    }

    #[test]
    fn an_open_file_reads_like_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"0123456789").unwrap();
        let file = File::open(&path).unwrap();
        let source = FileBytes::new(&file).unwrap();
        let whole: &[u8] = b"0123456789";
        for (offset, length) in [(0, 4), (8, 4), (10, 1), (u64::MAX, 3), (0, usize::MAX)] {
            assert_eq!(source.read(offset, length), whole.read(offset, length));
        }
    }

    #[test]
    fn a_file_that_shrinks_gives_fewer_bytes_not_wrong_ones() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"0123456789").unwrap();
        let file = File::options().read(true).write(true).open(&path).unwrap();
        let source = FileBytes::new(&file).unwrap();
        file.set_len(4).unwrap();
        assert_eq!(source.read(2, 8).as_ref(), b"23");
    }
}
