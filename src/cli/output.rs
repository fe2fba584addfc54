//! Where an export goes: standard output, or a new file that is whole or not there.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::print::{self, SafeWriter};
use crate::storage::NewFile;
use crate::text;

/// Where it goes.
#[derive(Debug, Clone, Default, Args)]
pub struct Output {
    /// Write to this file instead of standard output (-); it is written whole or not at all.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace FILE if it is there.
    #[arg(long, requires = "output")]
    pub force: bool,
}

impl Output {
    /// Has `write` write there piece by piece.
    ///
    /// # Errors
    /// When the file exists and is not to be replaced, or cannot be written, or what `write` says; then there is no new
    /// file.
    pub fn write_with(&self, write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let Some(path) = self.output.as_deref().filter(|path| *path != Path::new("-")) else {
            let mut out = BufWriter::new(print::stdout());
            write(&mut out)?;
            return Ok(out.flush()?);
        };
        // Looked at before the work is done; what counts is looked at again when the file takes its name.
        if !self.force && fs::symlink_metadata(path).is_ok() {
            return Err(there_already(path));
        }
        let beside = NewFile::beside(path).with_context(|| cannot_write(path))?;
        let mut out = BufWriter::new(SafeWriter::new(beside.file()));
        write(&mut out)?;
        out.flush().with_context(|| cannot_write(path))?;
        drop(out);
        match beside.take_name(path, self.force) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(there_already(path)),
            other => other.with_context(|| cannot_write(path)),
        }
    }
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", text::escape_path(path))
}

fn there_already(path: &Path) -> anyhow::Error {
    anyhow::anyhow!("{} is there already; --force replaces it", text::escape_path(path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn to(path: PathBuf, force: bool) -> Output {
        Output { output: Some(path), force }
    }

    impl Output {
        fn write(&self, content: &[u8]) -> anyhow::Result<()> {
            self.write_with(|out| Ok(out.write_all(content)?))
        }
    }

    #[test]
    fn a_file_is_new_and_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        to(path.clone(), false).write(b"one").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        let refused = to(path.clone(), false).write(b"two").unwrap_err();
        assert!(refused.to_string().contains("--force"), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), b"one");
        to(path.clone(), true).write(b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_came_meanwhile_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let written = to(path.clone(), false).write_with(|out| {
            fs::write(&path, b"theirs")?;
            Ok(out.write_all(b"mine")?)
        });
        assert!(written.unwrap_err().to_string().contains("is there already"));
        assert_eq!(fs::read(&path).unwrap(), b"theirs");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_fails_half_way_leaves_nothing_and_no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let half = to(path.clone(), false).write_with(|out| {
            out.write_all(b"half")?;
            anyhow::bail!("no more")
        });
        assert_eq!(half.unwrap_err().to_string(), "no more");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let target = folder.path().join("target");
        symlink(&target, &path).unwrap();
        assert!(to(path.clone(), false).write(b"x").is_err());
        to(path.clone(), true).write(b"x").unwrap();
        assert!(!target.exists() && fs::symlink_metadata(&path).unwrap().is_file());
    }
}
