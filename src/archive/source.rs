//! What bytes are read from.

use std::io::{self, Read, Seek};

use super::Gap;

/// Something with bytes at offsets.
pub(crate) trait Source: Read + Seek {}
impl<T: Read + Seek> Source for T {}

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
pub(super) fn broken(error: &io::Error) -> Gap {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Gap::Broken("its end is missing".to_owned()),
        io::ErrorKind::Unsupported => Gap::Unsupported(error.to_string()),
        _ => Gap::Broken(error.to_string()),
    }
}
