//! What runs by itself on the box and names the found file: cron, anacron, at, systemd.
//!
//! All tables and units are read once. Every path their commands name is kept, as written and with its links resolved,
//! so that a look-up is a few hash lookups however many there are. Nothing is asked of cron or systemd themselves.

mod at;
mod cron;
mod systemd;
mod unit;
mod words;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::account::Accounts;
use super::observed::{Gaps, Observed};
use super::package::Packages;
use super::referrer::Referrer;
use super::show;
use crate::finding::{FileFacts, FileTime};
use crate::root::{Attributes, Root, Text};
use crate::text;
use words::Setting;

/// Bytes kept of one command.
const MAX_COMMAND: usize = 4096;
/// Lines kept in all.
const MAX_ENTRIES: usize = 1_000_000;

/// What runs the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheduler {
    /// A cron table, or a script in a folder that cron runs.
    Cron,
    /// `/etc/anacrontab`.
    Anacron,
    /// An at job.
    At,
    /// A systemd unit.
    Systemd,
}

/// How a schedule names the found file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Names {
    /// It names the file itself.
    File,
    /// It names a folder above the file, which is weaker: a job that backs `/opt` up runs nothing in it.
    Folder(#[serde(with = "show::kept_path")] PathBuf),
}

/// A scheduled command that names the found file or a folder above it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// What runs it.
    pub scheduler: Scheduler,
    /// How it names the file.
    pub names: Names,
    /// Line number in the referrer, from 1.
    pub line: usize,
    /// When it runs, as the table says it, safe to show: `*/5 * * * *`, `OnCalendar=daily`.
    pub when: String,
    /// The user it runs as.
    pub user: String,
    /// The command or line, safe to show.
    pub command: String,
    /// When it last ran, where a stamp file says so.
    #[serde(with = "show::kept_maybe_time")]
    pub last_run: Option<FileTime>,
    /// When it runs next, where that stands in the data (at jobs).
    #[serde(with = "show::kept_maybe_time")]
    pub next_run: Option<FileTime>,
    /// What makes it doubtful that it runs at all.
    pub note: Option<String>,
    /// The file that says so, and who could have written that.
    pub referrer: Referrer,
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}, {}, as {}", text::escape_path(&self.referrer.path), self.line, self.when, self.user)?;
        if let Names::Folder(folder) = &self.names {
            write!(f, ", names only the folder {}", text::escape_path(folder))?;
        }
        if let Some(note) = &self.note {
            write!(f, ", {note}")?;
        }
        if let Some(last) = self.last_run {
            write!(f, ", last run {}", show::time(last))?;
        }
        if let Some(next) = self.next_run {
            write!(f, ", next run {}", show::time(next))?;
        }
        write!(f, "; {}", self.referrer)
    }
}

/// One line of a table or unit that names some path.
#[derive(Debug, Clone)]
struct Entry {
    scheduler: Scheduler,
    path: PathBuf,
    attributes: Attributes,
    line: usize,
    when: String,
    user: Option<String>,
    command: String,
    last_run: Option<FileTime>,
    next_run: Option<FileTime>,
    note: Option<String>,
}

/// Every schedule of a box, by the paths that are named.
#[derive(Debug, Default)]
pub(super) struct Schedules {
    entries: Vec<Entry>,
    by_path: HashMap<PathBuf, Vec<u32>>,
    pub(super) gaps: Gaps,
}

impl Schedules {
    pub(super) fn read(root: &Root, accounts: &Accounts) -> Self {
        let mut reader = Reader::new(root, accounts);
        cron::read(&mut reader);
        at::read(&mut reader);
        systemd::read(&mut reader);
        reader.schedules
    }

    /// The schedules that name `path` (resolved, as on the box) or a folder above it; those that name the file first.
    pub(super) fn naming(
        &self,
        path: &Path,
        facts: &FileFacts,
        packages: &Packages,
        accounts: &Accounts,
    ) -> Observed<Vec<Schedule>> {
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        for (depth, named) in path.ancestors().enumerate() {
            if depth > 0 && is_trivial(named) {
                break;
            }
            let numbers = self.by_path.get(named).into_iter().flatten().filter(|number| seen.insert(**number));
            for entry in numbers.filter_map(|number| self.entries.get(*number as usize)) {
                let names = if depth == 0 { Names::File } else { Names::Folder(named.to_owned()) };
                found.push(schedule(entry, names, facts, packages, accounts));
            }
        }
        self.gaps.settle(found)
    }
}

fn schedule(entry: &Entry, names: Names, facts: &FileFacts, packages: &Packages, accounts: &Accounts) -> Schedule {
    let referrer = Referrer::of(&entry.path, &entry.attributes, facts, packages, accounts);
    Schedule {
        scheduler: entry.scheduler,
        names,
        line: entry.line,
        when: text::escape_str(&entry.when).into_owned(),
        user: entry.user.as_deref().map_or_else(|| "root".to_owned(), |user| text::escape_str(user).into_owned()),
        command: text::escape_str(&entry.command).into_owned(),
        last_run: entry.last_run,
        next_run: entry.next_run,
        note: entry.note.as_deref().map(|note| text::escape_str(note).into_owned()),
        referrer,
    }
}

/// Folders that so much lies in that to name them says nothing of one file in them.
fn is_trivial(folder: &Path) -> bool {
    const TRIVIAL: [&str; 22] = [
        "/etc/systemd/system",
        "/usr/bin",
        "/usr/lib",
        "/usr/lib32",
        "/usr/lib64",
        "/usr/libexec",
        "/usr/local",
        "/usr/local/bin",
        "/usr/local/lib",
        "/usr/local/sbin",
        "/usr/local/share",
        "/usr/sbin",
        "/usr/share",
        "/var/cache",
        "/var/lib",
        "/var/log",
        "/var/opt",
        "/var/spool",
        "/var/tmp",
        "/var/www",
        "/dev/shm",
        "/run/user",
    ];
    folder.components().count() <= 2 || TRIVIAL.iter().any(|trivial| Path::new(trivial) == folder)
}

/// Reads tables and units and files the paths they name.
struct Reader<'a> {
    root: &'a Root,
    accounts: &'a Accounts,
    schedules: Schedules,
    resolved: HashMap<PathBuf, Option<PathBuf>>,
    /// Files read already, by device and inode: two folders may be one.
    seen: HashSet<(u64, u64)>,
}

impl<'a> Reader<'a> {
    fn new(root: &'a Root, accounts: &'a Accounts) -> Self {
        Self { root, accounts, schedules: Schedules::default(), resolved: HashMap::new(), seen: HashSet::new() }
    }

    fn gap(&mut self, path: &Path, what: &str) {
        self.schedules.gaps.add(format!("{}: {what}", text::escape_path(path)));
    }

    /// The names in a folder; none when it is not there.
    fn names(&mut self, folder: &Path) -> Vec<PathBuf> {
        match self.root.folder(folder).and_then(|open| open.names()) {
            Ok((names, cut)) => {
                if cut {
                    self.gap(folder, "too many entries, not all were read");
                }
                names.into_iter().map(|name| folder.join(name)).collect()
            }
            Err(error) => {
                self.schedules.gaps.add_error(folder, &error);
                Vec::new()
            }
        }
    }

    /// A text file, once; `None` when it is not there, was read before, or cannot be read.
    fn text(&mut self, path: &Path) -> Option<Text> {
        match self.root.text(path) {
            Ok(found) => {
                if found.cut {
                    self.gap(path, "only its first 4 MiB were read");
                }
                self.seen.insert((found.attributes.dev, found.attributes.ino)).then_some(found)
            }
            Err(error) => {
                self.schedules.gaps.add_error(path, &error);
                None
            }
        }
    }

    /// A table as numbered lines of text. One that holds NUL bytes is told as a gap and read as far as it goes.
    fn table(&mut self, path: &Path) -> Option<(Attributes, Vec<(usize, String)>)> {
        let found = self.text(path)?;
        if found.bytes.contains(&0) {
            self.gap(path, "holds NUL bytes, so it is no text file; read as far as it goes");
        }
        Some((found.attributes, numbered(&found.bytes)))
    }

    fn home(&self, user: &str) -> Option<PathBuf> {
        self.accounts.named(user).map(|user| user.home.clone())
    }

    /// When `path`, a stamp file, was last written.
    fn stamp(&self, path: &str) -> Option<FileTime> {
        let located = self.root.locate(Path::new(path), true).ok()?;
        Some(Attributes::of(&located.metadata).modified)
    }

    /// Files an entry under every path that its command names. An entry that names none is dropped.
    fn file(&mut self, mut entry: Entry, setting: &mut Setting) {
        let paths = setting.paths(&entry.command);
        truncate(&mut entry.command);
        self.file_under(entry, paths);
    }

    fn file_under(&mut self, entry: Entry, paths: Vec<PathBuf>) {
        if self.schedules.entries.len() >= MAX_ENTRIES {
            return self.gap(&entry.path.clone(), "too many scheduled commands, not all were read");
        }
        let number = self.schedules.entries.len() as u32;
        let mut filed = false;
        for path in paths {
            let resolved = self.resolve(&path);
            for path in [Some(path), resolved].into_iter().flatten() {
                let numbers = self.schedules.by_path.entry(path).or_default();
                if numbers.last() != Some(&number) {
                    numbers.push(number);
                }
                filed = true;
            }
        }
        if filed {
            self.schedules.entries.push(entry);
        }
    }

    fn resolve(&mut self, path: &Path) -> Option<PathBuf> {
        if let Some(known) = self.resolved.get(path) {
            return known.clone();
        }
        let resolved = self.root.locate(path, true).ok().map(|located| located.path);
        self.resolved.insert(path.to_owned(), resolved.clone());
        resolved
    }
}

fn numbered(bytes: &[u8]) -> Vec<(usize, String)> {
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    lines.map(|(index, line)| (index + 1, String::from_utf8_lossy(line).trim().to_owned())).collect()
}

fn truncate(command: &mut String) {
    if command.len() > MAX_COMMAND {
        command.truncate(command.floor_char_boundary(MAX_COMMAND));
        command.push(text::ELLIPSIS);
    }
}

#[cfg(test)]
mod tests;
