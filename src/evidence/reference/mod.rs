//! What a check or a fact points to, looked up to be read: a file at a line, a process among those around it, a package with
//! all its files, a unit.
//!
//! Everything is read through the box's root, bounded in bytes, lines and time. [`mod@kept`] answers from what a case keeps, where
//! the box cannot be asked.

mod file;
mod kept;
mod of;
mod package;
mod process;

use std::fmt;
use std::path::PathBuf;

pub(crate) use kept::kept;
pub(crate) use of::of_check;

use super::indexes::Indexes;
use crate::root::Root;
use crate::text;

/// Lines of one page.
const MAX_LINES: usize = 5000;

/// Something that can be looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A file or folder, by its path on the box, and the line in it, from 1.
    File(PathBuf, Option<usize>),
    /// A process, by its number.
    Process(u32),
    /// A package: its manager and its name, both as evidence has them.
    Package(String, String),
    /// A systemd unit, by its name.
    Unit(String),
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, None) => f.write_str(&text::escape_path(path)),
            Self::File(path, Some(line)) => write!(f, "{}:{line}", text::escape_path(path)),
            Self::Process(pid) => write!(f, "process {pid}"),
            Self::Package(manager, package) => {
                write!(f, "package {} ({})", text::escape_str(package), text::escape_str(manager))
            }
            Self::Unit(unit) => write!(f, "unit {}", text::escape_str(unit)),
        }
    }
}

/// What kind of line it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// A title of what follows.
    Heading,
    /// A fact about the thing.
    Fact,
    /// A line of a file, an entry of a list.
    Text,
    /// The line that was pointed to.
    Here,
    /// Why something is not shown.
    Gap,
}

/// One line, safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferredLine {
    /// What kind of line it is.
    pub kind: LineKind,
    /// What stands there.
    pub text: String,
    /// What it leads to.
    pub to: Option<Reference>,
}

/// What was looked up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Referred {
    /// Its lines.
    pub lines: Vec<ReferredLine>,
}

impl Referred {
    /// A page that only says why there is nothing else on it.
    pub(super) fn gap(why: impl AsRef<str>) -> Self {
        let mut page = Self::default();
        page.push(LineKind::Gap, why.as_ref(), None);
        page
    }

    /// Adds a line; beyond the most, none. What `said` holds is made safe.
    fn push(&mut self, kind: LineKind, said: &str, to: Option<Reference>) {
        if self.lines.len() < MAX_LINES {
            self.lines.push(ReferredLine { kind, text: text::escape_str(said).into_owned(), to });
        }
    }

    /// Adds a named fact.
    fn fact(&mut self, name: &str, said: &str, to: Option<Reference>) {
        self.push(LineKind::Fact, &format!("{name:<11} {said}"), to);
    }

    /// The line that was pointed to, or the first one.
    pub fn here(&self) -> usize {
        self.lines.iter().position(|line| line.kind == LineKind::Here).unwrap_or(0)
    }
}

/// Looks something up on the box.
pub(super) fn look_up(
    reference: &Reference,
    root: &Root,
    indexes: &Indexes,
    proc: Option<&std::path::Path>,
) -> Referred {
    match reference {
        Reference::File(path, line) => file::page(root, indexes, path, *line),
        Reference::Unit(unit) => file::unit(root, indexes, unit),
        Reference::Package(manager, name) => package::page(root, indexes, manager, name),
        Reference::Process(pid) => match proc {
            Some(proc) => process::page(indexes, proc, *pid),
            None => Referred::gap("an image has no processes to look at"),
        },
    }
}

#[cfg(test)]
mod tests;
