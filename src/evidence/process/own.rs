//! What the responder does to look at a file is no evidence about it: Huntbook itself, another Huntbook, and what his own
//! login session opens or names.

use std::borrow::Cow;
use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Relation, read};

/// A process that only looks at the file, and why it was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Process id.
    pub pid: u32,
    /// Its name, safe to show.
    pub name: String,
    /// Why.
    pub why: Cow<'static, str>,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {} {}: {}", self.pid, self.name, self.why)
    }
}

/// Who asks.
#[derive(Debug)]
pub(super) struct Own {
    pid: u32,
    /// The process and those above it.
    line: Vec<u32>,
    session: Option<u32>,
    /// The login session and user that the kernel's audit keeps through `sudo` and `su` (`pam_loginuid(8)`).
    login: Option<(u32, u32)>,
    /// Its executable.
    program: Option<(u64, u64)>,
}

/// Device and inode of the executable in a process's folder.
fn program(folder: &Path) -> Option<(u64, u64)> {
    let is = fs::metadata(folder.join("exe")).ok()?;
    Some((is.dev(), is.ino()))
}

/// The audit's session and user of a process, where it was logged in for.
fn login(folder: &Path) -> Option<(u32, u32)> {
    Some((read::number(&folder.join("sessionid"))?, read::number(&folder.join("loginuid"))?))
}

impl Own {
    pub(super) fn of(pid: u32, line: Vec<u32>, session: Option<u32>, folder: &Path) -> Self {
        Self { pid, line, session: session.filter(|id| *id != 0), login: login(folder), program: program(folder) }
    }

    /// Whether a process belongs to the responder's login session.
    pub(super) fn is_same_session(&self, session: u32, folder: &Path) -> bool {
        self.session == Some(session) || (self.login.is_some() && login(folder) == self.login)
    }

    /// Why a process is left out; never one that executes the file.
    pub(super) fn why_left_out(
        &self,
        pid: u32,
        session: u32,
        folder: &Path,
        relations: &[Relation],
    ) -> Option<&'static str> {
        if pid == self.pid {
            return Some("this Huntbook");
        }
        if relations.iter().any(|relation| relation.runs()) {
            return None;
        }
        if self.line.contains(&pid) {
            return Some("started this Huntbook");
        }
        if self.program.is_some() && program(folder) == self.program {
            return Some("another Huntbook");
        }
        self.is_same_session(session, folder).then_some("of your own login session, and does not run the file")
    }
}
