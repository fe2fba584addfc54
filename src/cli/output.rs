//! Where an export goes: standard output, or a new file that is whole or not there.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::text;

/// Where it goes.
#[derive(Debug, Clone, Args)]
pub struct Output {
    /// Write to this file instead of standard output; it is written whole or not at all.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace FILE if it is there.
    #[arg(long, requires = "output")]
    pub force: bool,
}

impl Output {
    /// Writes `content` there.
    ///
    /// # Errors
    /// When the file exists and is not to be replaced, or cannot be written.
    pub fn write(&self, content: &[u8]) -> anyhow::Result<()> {
        let Some(path) = &self.output else {
            let mut out = io::stdout().lock();
            out.write_all(content)?;
            return Ok(out.flush()?);
        };
        let shown = text::escape_path(path).into_owned();
        anyhow::ensure!(
            self.force || fs::symlink_metadata(path).is_err(),
            "{shown} is there already; --force replaces it"
        );
        replace(path, content).with_context(|| format!("cannot write {shown}"))
    }
}

/// Writes a file beside `path` (mode 0600) and puts it in its place.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = PathBuf::from(beside);
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().inspect_err(|_| _ = fs::remove_file(&beside))
}
