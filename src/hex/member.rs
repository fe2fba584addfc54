//! The bytes of something inside of a file, taken out of it once more and held in memory.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::file::MissingFile;
use super::source::{ByteSource, Piece};
use crate::archive::{self, MAX_MEMBER};
use crate::finding::{Digest, FileFacts, Sha256};
use crate::root;
use crate::text::{self, subject};
use crate::timeout::blocking_call;

/// A member as it was scanned: its digest says so.
#[derive(Debug)]
pub(crate) struct MemberSource(Vec<u8>);

impl MemberSource {
    /// Takes the member at `path` out of its container.
    ///
    /// # Errors
    /// [`MissingFile`], when it is not to be had, or is not what was scanned.
    pub(crate) fn open(path: &Path, scanned: &FileFacts) -> Result<Self, MissingFile> {
        let gone = |why: String| MissingFile::Inside(why);
        if scanned.size > MAX_MEMBER {
            return Err(gone(format!("more than {} are not taken out of an archive again", text::bytes(MAX_MEMBER))));
        }
        let opened = blocking_call(|| root::open_file(subject::file_of(path)))?;
        let size = opened.stat.st_size as u64;
        let bytes = archive::member(&mut Answering(opened.file), size, path).map_err(|gap| {
            gone(
                gap.map_or_else(|| "the archive holds nothing by this name any more".to_owned(), |gap| gap.to_string()),
            )
        })?;
        if Digest::Whole(Sha256::of(&bytes)) != scanned.digest {
            return Err(gone("the archive holds other bytes by this name than were scanned".to_owned()));
        }
        Ok(Self(bytes))
    }
}

impl ByteSource for MemberSource {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn piece(&mut self, offset: u64, buffer: &mut [u8]) -> Piece {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.0.get(offset..)).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if count == 0 {
            return Piece::End;
        }
        buffer.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        Piece::Bytes(count)
    }
}

/// A file whose file system may not answer, which whoever waits for this thread is told.
struct Answering(File);

impl Read for Answering {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        blocking_call(|| self.0.read(buffer))
    }
}

impl Seek for Answering {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}
