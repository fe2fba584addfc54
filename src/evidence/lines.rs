//! Lines of a file of any size, in bounded memory: package databases are longer than a text file may be.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::ops::ControlFlow;

/// Bytes read of one database file.
const MAX_FILE: u64 = 1 << 30;
/// Bytes kept of one line; what follows up to its end is dropped.
const MAX_LINE: usize = 64 * 1024;

/// How the reading of lines ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinesEnd {
    /// At the end of the file, or where the caller stopped.
    Whole,
    /// At the limit of 1 GiB.
    Cut,
}

/// Calls `each` with every line without its newline, until it breaks off.
pub(super) fn each(file: File, mut each: impl FnMut(&[u8]) -> ControlFlow<()>) -> io::Result<LinesEnd> {
    let mut reader = BufReader::with_capacity(256 * 1024, file.take(MAX_FILE));
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.by_ref().take(MAX_LINE as u64).read_until(b'\n', &mut line)? == 0 {
            return Ok(if reader.get_ref().limit() == 0 { LinesEnd::Cut } else { LinesEnd::Whole });
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if line.len() == MAX_LINE {
            reader.skip_until(b'\n')?;
        }
        if each(&line).is_break() {
            return Ok(LinesEnd::Whole);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_and_the_next_one_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lines");
        std::fs::write(&path, [b"a\n\n".to_vec(), vec![b'x'; 3 * MAX_LINE], b"\nlast".to_vec()].concat()).unwrap();
        let mut seen = Vec::new();
        let ended = each(File::open(&path).unwrap(), |line| {
            seen.push(line.to_vec());
            ControlFlow::Continue(())
        });
        assert_eq!(ended.unwrap(), LinesEnd::Whole);
        assert_eq!(seen.iter().map(Vec::len).collect::<Vec<_>>(), [1, 0, MAX_LINE, 4]);
        let mut count = 0;
        each(File::open(&path).unwrap(), |_| {
            count += 1;
            ControlFlow::Break(())
        })
        .unwrap();
        assert_eq!(count, 1);
    }
}
