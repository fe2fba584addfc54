//! The checkout that a file lies in: whether it is tracked there, and unmodified.

mod git;
mod svn;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::observed::Observed;
use super::show;
use crate::root::Root;
use crate::text;

/// What the checkout says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tracked {
    /// It is tracked, and its content is the tracked one.
    Unmodified,
    /// It is tracked with other content.
    Modified,
    /// It is not tracked.
    No,
}

/// What keeps the versions of a checkout's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VersionControl {
    /// git.
    #[default]
    Git,
    /// Subversion.
    Subversion,
}

/// The checkout that a file lies in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkout {
    /// What keeps its versions.
    #[serde(default)]
    pub control: VersionControl,
    /// Its top folder.
    #[serde(with = "show::kept_path")]
    pub path: PathBuf,
    /// What it says of the file.
    pub state: Tracked,
    /// The commit that is checked out, or the file's revision, safe to show.
    pub commit: Option<String>,
    /// The branch, or the address of the repository, safe to show.
    pub branch: Option<String>,
    /// Whether the content lies alone in the object store and in no pack, as what was added lately does.
    pub loose: bool,
}

impl Checkout {
    /// The word for checks.
    pub fn word(&self) -> &'static str {
        match self.state {
            Tracked::Unmodified => "tracked",
            Tracked::Modified => "modified",
            Tracked::No => "untracked",
        }
    }
}

impl fmt::Display for Checkout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = match self.state {
            Tracked::Unmodified => "tracked and unmodified",
            Tracked::Modified => "tracked, but MODIFIED",
            Tracked::No => "not tracked",
        };
        let (control, version) = match self.control {
            VersionControl::Git => ("git", "commit"),
            VersionControl::Subversion => ("Subversion", "revision"),
        };
        write!(f, "{said} in the {control} checkout {}", text::escape_path(&self.path))?;
        if let Some(commit) = &self.commit {
            write!(f, ", at {version} {}", commit.get(..12).unwrap_or(commit))?;
        }
        if let Some(branch) = &self.branch {
            write!(f, " of {branch}")?;
        }
        if self.loose && self.state == Tracked::Unmodified {
            f.write_str("; its object is in no pack, so it was added lately, or the repository is young")?;
        }
        Ok(())
    }
}

/// The innermost checkout that `file` lies in, if it lies in one.
pub(super) fn of(root: &Root, file: &Path) -> Observed<Checkout> {
    for folder in file.ancestors().skip(1) {
        // Nothing inside of git's or Subversion's own folder is a checkout's file.
        if let Some(store) = git::store(root, folder).filter(|store| !file.starts_with(store)) {
            return git::look(root, folder, &store, file);
        }
        if let Some(store) = svn::store(root, folder).filter(|store| !file.starts_with(store)) {
            return svn::look(root, folder, &store, file);
        }
    }
    Observed::NotFound
}
