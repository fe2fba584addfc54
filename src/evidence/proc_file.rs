//! Reading the files of `/proc`, which have no length of their own.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Bytes read of one file of a process; `maps` of a process with many mappings is the longest.
const MAX_BYTES: u64 = 16 << 20;
/// Reads a file of `/proc` up to the limit.
pub(super) fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}
