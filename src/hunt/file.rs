//! Reads a file that a person named, without being led astray by what it really is.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::problem::Problem;
use crate::text;

/// Bytes of a hunt's file or of `site.toml` at most.
pub(super) const MAX_BYTES: u64 = 4 << 20;

/// Bytes of a plain YARA file at most: published rule collections come as one file of some ten million bytes.
pub(super) const MAX_RULE_BYTES: u64 = 64 << 20;

/// Opens a regular file for reading. Links and anything that is not a regular file are refused; a FIFO never blocks.
///
/// # Errors
/// What the file is instead, or why it could not be opened.
pub(super) fn open(path: &Path) -> Result<File, Problem> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, Mode::empty());
    let file = File::from(opened.map_err(|errno| match errno {
        Errno::LOOP => {
            Problem::whole(path, "is a symbolic link and is not followed").hint("name the file it points to")
        }
        errno => Problem::whole(path, format!("cannot be opened: {errno}")),
    })?);
    if !file.metadata().map_err(|error| unreadable(path, &error))?.is_file() {
        return Err(Problem::whole(path, "is not a regular file"));
    }
    Ok(file)
}

/// The whole text of a regular file of at most `most` bytes, without a byte order mark.
///
/// # Errors
/// As [`open`]; also when the file is larger or not UTF-8.
pub(super) fn read(path: &Path, most: u64) -> Result<String, Problem> {
    text_of(path, read_bytes(path, open(path)?, most)?)
}

/// `bytes` as text, without a byte order mark; `path` is only named.
///
/// # Errors
/// They are not UTF-8.
pub(super) fn text_of(path: &Path, bytes: Vec<u8>) -> Result<String, Problem> {
    let mut source = String::from_utf8(bytes).map_err(|error| Problem::not_utf8(path, &error))?;
    if source.starts_with('\u{feff}') {
        source.remove(0);
    }
    Ok(source)
}

/// The bytes of an open file of at most `most` bytes; `path` is only named.
///
/// # Errors
/// When it is no regular file, is larger, or is of a kind that no text is ([`other_kind`]).
pub(super) fn read_bytes(path: &Path, file: File, most: u64) -> Result<Vec<u8>, Problem> {
    let facts = file.metadata().map_err(|error| unreadable(path, &error))?;
    if !facts.is_file() {
        return Err(Problem::whole(path, "is not a regular file"));
    }
    let mut bytes = Vec::new();
    // One byte more than allowed shows a file that is too large, or that grew since it was opened.
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    if let Some((kind, hint)) = other_kind(&bytes) {
        return Err(Problem::whole(path, kind).hint(hint));
    }
    if bytes.len() as u64 > most {
        return Err(Problem::whole(path, format!("is larger than {}, the most that is read", text::bytes(most))));
    }
    Ok(bytes)
}

/// What a file is that is no text, by its first bytes, and what to do about it.
fn other_kind(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    const COMPILED: &str = "give the source of the rules instead";
    const PACKED: &str = "unpack it, and give what is in it";
    const UTF_16: (&str, &str) = ("is UTF-16 text", "save it as UTF-8");
    // Of compiled rules: libyara's `compiler.c` and yara-x's `Rules::serialize`.
    const KINDS: [(&[u8], &str, &str); 11] = [
        (b"YARA-X", "holds rules that yara-x has compiled", COMPILED),
        (b"YARA", "holds rules that YARA has compiled", COMPILED),
        (b"\x1f\x8b", "is compressed with gzip", PACKED),
        (b"BZh", "is compressed with bzip2", PACKED),
        (b"\xfd7zXZ\0", "is compressed with xz", PACKED),
        (b"\x28\xb5\x2f\xfd", "is compressed with zstd", PACKED),
        (b"PK\x03\x04", "is a ZIP archive", PACKED),
        (b"7z\xbc\xaf\x27\x1c", "is a 7z archive", PACKED),
        (b"\0\x05\x16\x07", "is what macOS keeps beside a file (AppleDouble), and holds none of its text", "delete it"),
        (b"\xff\xfe", UTF_16.0, UTF_16.1),
        (b"\xfe\xff", UTF_16.0, UTF_16.1),
    ];
    let known = KINDS.iter().find(|(magic, ..)| bytes.starts_with(magic)).map(|(_, kind, hint)| (*kind, *hint));
    let is_utf16 = || matches!(bytes, [0, 1..=0xff, 0, 1..=0xff, ..] | [1..=0xff, 0, 1..=0xff, 0, ..]);
    let is_binary = || bytes.iter().take(4096).any(|byte| *byte == 0);
    known
        .or_else(|| is_utf16().then_some(UTF_16))
        .or_else(|| is_binary().then_some(("holds bytes of zero, and is no text", "give a file of text")))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    Problem::whole(path, format!("cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_fifos_folders_large_files_and_binary_files_are_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("good"), "\u{feff}text").unwrap();
        assert_eq!(read(&at("good"), 100).unwrap(), "text");

        std::os::unix::fs::symlink(at("good"), at("link")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("fifo"), Mode::RUSR).unwrap();
        std::fs::write(at("binary"), b"ok\nno\xff").unwrap();
        let message = |name: &str, most| read(&at(name), most).unwrap_err().to_string();
        assert!(message("link", 100).contains("symbolic link"));
        assert!(message("fifo", 100).contains("not a regular file"));
        assert!(message("", 100).contains("not a regular file"));
        assert!(message("good", 6).contains("larger than 6 B"));
        assert!(message("binary", 100).ends_with("binary:2:3: is not UTF-8 text (save it as UTF-8)"));
        assert!(message("absent", 100).contains("cannot be opened"));
        for (bytes, kind) in [
            (&b"YARA-X\0\0"[..], "yara-x has compiled"),
            (b"YARA\x15\0", "YARA has compiled"),
            (b"\x1f\x8b\x08", "compressed with gzip"),
            (b"\xff\xfer\0u\0", "UTF-16 text"),
            (b"r\0u\0l\0e\0", "UTF-16 text"),
            (b"\0r\0u\0l\0e", "UTF-16 text"),
            (b"\0\x05\x16\x07\0\x02", "AppleDouble"),
            (b"rule a \0", "bytes of zero"),
        ] {
            std::fs::write(at("kind"), bytes).unwrap();
            assert!(message("kind", 100).contains(kind), "{}", message("kind", 100));
        }
    }
}
