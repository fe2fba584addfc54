//! The content of a file of the box, block by block, for digests.

use std::fs::File;
use std::io::{self, Read as _};

/// Bytes read at once.
const BLOCK: usize = 256 * 1024;

/// Hands the first `most` bytes of an open file to `each`, in blocks.
///
/// # Errors
/// What reading says.
pub(super) fn each(file: File, most: u64, mut each: impl FnMut(&[u8])) -> io::Result<()> {
    let (mut file, mut buffer) = (file.take(most), vec![0; BLOCK]);
    loop {
        let read = file.read(&mut buffer)?;
        match buffer.get(..read) {
            Some(block) if !block.is_empty() => each(block),
            _ => return Ok(()),
        }
    }
}
