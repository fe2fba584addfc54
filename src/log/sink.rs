//! Lines to the disk. What it refuses is counted, and said as soon as it takes lines again.

use std::io::Write;

/// The end of the log that touches the disk.
pub(super) struct LogSink<W> {
    out: W,
    missing: u64,
    /// Whether a line may stand there in part.
    torn: bool,
}

impl<W: Write> LogSink<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, missing: 0, torn: false }
    }

    /// Counts lines that never came here.
    pub(super) fn missed(&mut self, lines: u64) {
        self.missing += lines;
    }

    /// Writes a line, after a word on those that are missing before it.
    pub(super) fn line(&mut self, line: &str) {
        let end = if self.torn { "\n" } else { "" };
        let gap = match self.missing {
            0 => String::new(),
            missing => {
                format!("# missing here: {}, which the disk did not take\n", crate::text::counted(missing, "line"))
            }
        };
        let whole = format!("{end}{gap}{line}\n");
        if self.out.write_all(whole.as_bytes()).is_ok() {
            self.missing = 0;
            self.torn = false;
        } else {
            self.missing += 1;
            self.torn = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// A disk with room for some bytes.
    struct Disk {
        bytes: Vec<u8>,
        room: usize,
    }

    impl Write for &mut Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.room - self.bytes.len());
            if count == 0 {
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
            self.bytes.extend(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_costs_lines_and_the_log_says_how_many() {
        let mut disk = Disk { bytes: Vec::new(), room: 10 };
        let mut sink = LogSink::new(&mut disk);
        for line in ["first", "second", "third"] {
            sink.line(line);
        }
        sink.out.room = 1000;
        sink.missed(2);
        sink.line("fourth");
        sink.line("fifth");
        let said = "first\nseco\n# missing here: 4 lines, which the disk did not take\nfourth\nfifth\n";
        assert_eq!(String::from_utf8(disk.bytes).unwrap(), said);
    }
}
