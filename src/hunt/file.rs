//! Reads a file that a person named, without being led astray by what it really is.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::problem::{Place, Problem};
use crate::text;

/// Bytes of a hunt's file or of `site.toml` at most.
pub(super) const MOST_BYTES: u64 = 4 << 20;

/// Bytes of a plain YARA file at most: published rule collections come as one file of some ten million bytes.
pub(super) const MOST_RULE_BYTES: u64 = 64 << 20;

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
    let facts = file.metadata().map_err(|error| unreadable(path, &error))?;
    if !facts.is_file() {
        return Err(Problem::whole(path, "is not a regular file"));
    }
    Ok(file)
}

/// The whole text of a regular file of at most `most` bytes, without a byte order mark.
///
/// # Errors
/// As [`open`]; also when the file is larger or not UTF-8.
pub(super) fn read(path: &Path, most: u64) -> Result<String, Problem> {
    let file = open(path)?;
    let mut bytes = Vec::new();
    // One byte more than allowed shows a file that is too large, or that grew since it was opened.
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > most {
        return Err(Problem::whole(path, format!("is larger than {}, the most that is read", text::bytes(most))));
    }
    let mut source = String::from_utf8(bytes).map_err(|error| not_utf8(path, &error))?;
    if source.starts_with('\u{feff}') {
        source.remove(0);
    }
    Ok(source)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    Problem::whole(path, format!("cannot be read: {error}"))
}

fn not_utf8(path: &Path, error: &std::string::FromUtf8Error) -> Problem {
    let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
    let place = Place::of(&String::from_utf8_lossy(good), good.len());
    Problem { place: Some(place), ..Problem::whole(path, "is not UTF-8 text") }
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
        assert!(message("binary", 100).ends_with("binary:2:3: is not UTF-8 text"));
        assert!(message("absent", 100).contains("cannot be opened"));
    }
}
