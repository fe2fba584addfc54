//! What bytes are read from.

use std::io::{self, Read, Seek};

use super::ArchiveGap;

/// Something with bytes at offsets.
pub(crate) trait ArchiveSource: Read + Seek {}
impl<T: Read + Seek> ArchiveSource for T {}

/// Fills the buffer as far as there are bytes; how many there are.
pub(super) fn fill(from: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// What it means that reading failed.
pub(super) fn broken(error: &io::Error) -> ArchiveGap {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ArchiveGap::Broken("its end is missing".to_owned()),
        io::ErrorKind::Unsupported => ArchiveGap::Unsupported(error.to_string()),
        _ => ArchiveGap::Broken(error.to_string()),
    }
}
