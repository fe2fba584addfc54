//! Processes that run the found file, map it, hold it open, or name it on their command line.
//!
//! `/proc` is read once into an index by device and inode; a look-up then costs the same with a hundred thousand
//! processes as with a hundred. A path alone is trusted only where the file can no longer be looked at.

mod cgroup;
mod index;
mod interpreters;
mod loads;
mod names;
mod own;
mod read;

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::account::BoxAccounts;
use super::observed::Observed;
use super::package::PackageOwner;
use super::show;
use crate::text;
pub(super) use index::{FileQuery, ProcessIndex};
pub(super) use names::program_name;
pub(crate) use own::LeftOut;

/// How a process has to do with the found file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// It is its executable, deleted or not.
    Executable,
    /// The process is an interpreter, and runs it: named as its script, or on its standard input.
    Script,
    /// The process is an interpreter, and runs it as a module by name (`python -m`).
    Module,
    /// The script that the process runs loads it from beside itself: a module, a sourced file.
    Loaded,
    /// Its code is mapped into the process's memory, as a library's is.
    MappedCode,
    /// It is mapped into its memory as data.
    Mapped,
    /// The process holds it open under this descriptor number.
    Open(u32),
    /// Its command line names it, relative to its working folder and root.
    Named,
    /// Its command line names the path, where this process can see no such file (any more).
    NamedByPathOnly,
}

impl Relation {
    /// Whether the process executes the file, so that it is not merely open or named: who looks at a file does that too.
    pub fn runs(self) -> bool {
        match self {
            Self::Executable | Self::Script | Self::Module | Self::Loaded | Self::MappedCode => true,
            Self::Mapped | Self::Open(_) | Self::Named | Self::NamedByPathOnly => false,
        }
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Executable => f.write_str("runs it"),
            Self::Script => f.write_str("runs it as its script"),
            Self::Module => f.write_str("runs it as a module"),
            Self::Loaded => f.write_str("runs a script that loads it"),
            Self::MappedCode => f.write_str("has it loaded as code"),
            Self::Mapped => f.write_str("has it mapped as data"),
            Self::Open(number) => write!(f, "has it open as descriptor {number}"),
            Self::Named => f.write_str("names it on its command line"),
            Self::NamedByPathOnly => f.write_str("names its path on its command line, but sees no such file"),
        }
    }
}

/// A process above another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ancestor {
    /// Process id.
    pub pid: u32,
    /// Name (`comm`, at most 15 bytes), safe to show. A process can set it to anything.
    pub name: String,
    /// Every name it goes by, safe to show: `comm` made whole, its executable, the script it runs.
    pub names: Vec<String>,
    /// Name of the effective user.
    pub user: String,
    /// The path of its executable, as the kernel names it, if that could be read.
    #[serde(with = "show::kept_maybe_path")]
    pub executable: Option<PathBuf>,
    /// Those of its names that its package vouches for: the executable is the package's, its content as shipped.
    pub vouched: Vec<String>,
}

impl fmt::Display for Ancestor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {} {}, user {}", self.pid, self.name, self.user)
    }
}

/// A process that belongs to the finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Name (`comm`, at most 15 bytes), safe to show. A process can set it to anything.
    pub name: String,
    /// Every name it goes by, safe to show: `comm` made whole, its executable, the script it runs.
    pub names: Vec<String>,
    /// What it has to do with the file; the strongest first.
    pub relations: Vec<Relation>,
    /// The words of its command line, joined by blanks, safe to show.
    pub command_line: String,
    /// The path of its executable, as the kernel names it.
    #[serde(with = "show::kept_maybe_path")]
    pub executable: Option<PathBuf>,
    /// Whether the executable has been deleted since it was started.
    pub deleted: bool,
    /// Effective user id, whose rights it has.
    pub uid: u32,
    /// Name of the effective user.
    pub user: String,
    /// Name of the real user, where that is someone else.
    pub real_user: Option<String>,
    /// When it was started, to the hundredth of a second.
    pub started: Option<Timestamp>,
    /// The file that it runs as an interpreter, by every path that its command line may mean.
    #[serde(skip)]
    pub scripts: Vec<PathBuf>,
    /// The interpreter that its executable is a copy of, byte by byte, under another name; safe to show.
    #[serde(default)]
    pub copy_of: Option<String>,
    /// Its parents up to init, the nearest first.
    pub parents: Vec<Ancestor>,
    /// Those of its names that its package vouches for: the executable is the package's, its content as shipped.
    pub vouched: Vec<String>,
    /// What the package of its executable says, where packages were asked.
    pub package: Observed<PackageOwner>,
    /// The systemd unit that its control group belongs to, safe to show.
    pub unit: Option<String>,
    /// The id of the container that its control group belongs to.
    pub container: Option<String>,
    /// Libraries that its environment has the loader put before all others (`LD_PRELOAD`, ld.so(8)), safe to show.
    pub preload: Option<String>,
    /// Whether it belongs to the responder's own login session.
    pub in_own_session: bool,
}

impl Process {
    /// Whether it executes the file.
    pub fn runs_it(&self) -> bool {
        self.relations.iter().any(|relation| relation.runs())
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let command = if self.command_line.is_empty() { &self.name } else { &self.command_line };
        write!(f, "pid {} {}, user {}", self.pid, text::truncate_end(command, 200), self.user)?;
        if let Some(real) = &self.real_user {
            write!(f, " (started by {real})")?;
        }
        if let Some(started) = self.started {
            write!(f, ", started {started:.0}")?;
        }
        if let Some(executable) = &self.executable {
            // The kernel adds `(deleted)` itself.
            write!(f, ", executable {}", text::escape_path(executable))?;
        }
        if let Some(copy_of) = &self.copy_of {
            write!(f, ", a copy of {copy_of} under another name")?;
        }
        for relation in &self.relations {
            write!(f, ", {relation}")?;
        }
        if let Some(unit) = &self.unit {
            write!(f, ", of {unit}")?;
        }
        if let Some(container) = &self.container {
            write!(f, ", in container {}", container.get(..12).unwrap_or(container))?;
        }
        if let Some(preload) = &self.preload {
            write!(f, ", LD_PRELOAD {}", text::truncate_end(preload, 100))?;
        }
        if self.in_own_session {
            f.write_str(", in your own login session")?;
        }
        Ok(())
    }
}

/// Names the users of a process.
fn users(accounts: &BoxAccounts, real: u32, effective: u32) -> (String, Option<String>) {
    (accounts.user(effective), (real != effective).then(|| accounts.user(real)))
}

#[cfg(test)]
mod tests;
