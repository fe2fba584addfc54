//! What runs by itself on the box and names the found file: cron, anacron, at, incron, systemd, and every other place that
//! starts programs.
//!
//! All tables and units are read once. Every path their commands name is kept, as written and with its links resolved,
//! so that a look-up is a few hash lookups however many there are. Nothing is asked of cron or systemd themselves.

mod at;
mod cron;
mod incron;
mod place;
pub(crate) mod places;
mod run_parts;
mod script;
mod specifier;
mod systemd;
mod there;
mod unit;
mod words;

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::account::Accounts;
use super::clock::{self, BoxZone};
use super::observed::{Gaps, Observed};
use super::package::Packages;
use super::referrer::Referrer;
use super::show;
use crate::finding::{FileFacts, FileTime};
use crate::root::{Attributes, Root, TextFile};
use crate::text;
use places::{KnownPlace, PersistencePlace};
use there::Lookup;
use words::Setting;

/// Bytes kept of one command.
const MAX_COMMAND: usize = 4096;
/// Lines kept in all.
const MAX_ENTRIES: usize = 1_000_000;
/// Bytes read of one file of a place.
const MAX_PLACE: u64 = 1 << 20;
/// Time zones whose rules are looked up; there are about 600.
const MAX_ZONES: usize = 1000;
/// Files that one pattern in a command may mean.
const MAX_MATCHING: usize = 1000;

/// What runs the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheduler {
    #[default]
    /// A cron table, or a script in a folder that cron runs.
    Cron,
    /// `/etc/anacrontab`.
    Anacron,
    /// An at job.
    At,
    /// A table of incron, which runs commands when files change (incrontab(5)).
    Incron,
    /// A systemd unit.
    Systemd,
    /// Another place that starts programs: see [`Schedule::place`].
    Place,
}

/// How a schedule names the found file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NameMatch {
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
    pub names: NameMatch,
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
    /// Why it never runs, if it does not: it is no support for anything.
    pub never: Option<String>,
    /// Why it does not run by itself, though somebody may start it: a unit that nothing wants.
    pub idle: Option<String>,
    /// The scripts between what the referrer names and the file, with their lines, safe to show.
    pub via: Option<String>,
    /// The unit that it belongs to, safe to show.
    pub unit: Option<String>,
    /// Which place it is in, where it is none of the schedulers.
    #[serde(default)]
    pub place: Option<KnownPlace>,
    /// Seconds after its time within which it may start: a delay by chance, the accuracy of a timer.
    pub late: u64,
    /// The time zone that its times are in, where that is not the box's.
    pub zone: Option<String>,
    /// The rules of that zone, by the box's own zone files; not found where it has none.
    #[serde(default)]
    pub zone_rules: Observed<BoxZone>,
    /// The scripts between the referrer and the file, and who could have written those.
    #[serde(default)]
    pub wrappers: Vec<Referrer>,
    /// The file that says so, and who could have written that.
    pub referrer: Referrer,
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}, {}, as {}", text::escape_path(&self.referrer.path), self.line, self.when, self.user)?;
        if let NameMatch::Folder(folder) = &self.names {
            write!(f, ", names only the folder {}", text::escape_path(folder))?;
        }
        if let Some(via) = &self.via {
            write!(f, ", by way of {via}")?;
        }
        if let Some(never) = &self.never {
            write!(f, ", NEVER RUNS: {never}")?;
        }
        if let Some(idle) = &self.idle {
            write!(f, ", {idle}")?;
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
        write!(f, "; {}", self.referrer)?;
        for wrapper in &self.wrappers {
            write!(f, "; {}: {wrapper}", text::escape_path(&wrapper.path))?;
        }
        Ok(())
    }
}

/// One line of a table or unit that names some path.
#[derive(Debug, Clone, Default)]
struct ScheduleEntry {
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
    never: Option<String>,
    idle: Option<String>,
    unit: Option<String>,
    place: Option<&'static PersistencePlace>,
    late: u64,
    zone: Option<String>,
    /// Home of the user it runs as.
    home: Option<PathBuf>,
}

/// Every schedule of a box, by the paths that are named.
#[derive(Debug, Default)]
pub(super) struct Schedules {
    entries: Vec<ScheduleEntry>,
    by_path: HashMap<PathBuf, Vec<u32>>,
    /// Entries that load a kernel module, by its name with `_` for `-`.
    by_module: HashMap<String, Vec<u32>>,
    /// What they start by way of scripts.
    scripts: script::Scripts,
    /// The rules of the time zones that entries name.
    zones: HashMap<String, Observed<BoxZone>>,
    pub(super) gaps: Gaps,
}

impl Schedules {
    pub(super) fn read(root: &Root, accounts: &Accounts) -> Self {
        let mut reader = Reader::new(root, accounts);
        cron::read(&mut reader);
        at::read(&mut reader);
        incron::read(&mut reader);
        systemd::read(&mut reader);
        place::read(&mut reader);
        script::follow(&mut reader);
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
        let (mut seen, mut seen_ways) = (HashSet::new(), HashSet::new());
        let mut found = Vec::new();
        for (depth, named) in path.ancestors().enumerate() {
            if depth > 0 && is_trivial(named) {
                break;
            }
            let names = || if depth == 0 { NameMatch::File } else { NameMatch::Folder(named.to_owned()) };
            let modules =
                || (depth == 0).then(|| module_name(named)).flatten().and_then(|name| self.by_module.get(&name));
            let numbers = self.by_path.get(named).into_iter().chain(modules()).flatten();
            let numbers = numbers.filter(|number| seen.insert(**number));
            for entry in numbers.filter_map(|number| self.entries.get(*number as usize)) {
                found.push(self.schedule(entry, names(), facts, packages, accounts));
            }
            let ways = self.scripts.ways(named).into_iter();
            for way in ways.filter(|way| seen_ways.insert((way.entry, way.scripts.clone()))) {
                let Some(entry) = self.entries.get(way.entry as usize) else { continue };
                let (never, note) = (entry.never.clone().or(way.never), way.note.or_else(|| entry.note.clone()));
                let entry = ScheduleEntry { command: way.command, never, note, ..entry.clone() };
                let via = Some(text::escape_str(&way.via).into_owned());
                let wrapper = |number: &u32| {
                    let script = self.scripts.script(*number)?;
                    let package = packages.owner(&script.path, None);
                    Some(Referrer::of(&script.path, &script.attributes, facts, package, accounts))
                };
                let wrappers = way.scripts.iter().filter_map(wrapper).collect();
                found.push(Schedule { via, wrappers, ..self.schedule(&entry, names(), facts, packages, accounts) });
            }
        }
        self.gaps.settle(found)
    }

    fn schedule(
        &self,
        entry: &ScheduleEntry,
        names: NameMatch,
        facts: &FileFacts,
        packages: &Packages,
        accounts: &Accounts,
    ) -> Schedule {
        let rules = entry.zone.as_ref().and_then(|zone| self.zones.get(zone));
        let package = packages.owner(&entry.path, None);
        let referrer = Referrer::of(&entry.path, &entry.attributes, facts, package, accounts);
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
            never: entry.never.as_deref().map(|never| text::escape_str(never).into_owned()),
            idle: entry.idle.as_deref().map(|idle| text::escape_str(idle).into_owned()),
            via: None,
            unit: entry.unit.as_deref().map(|unit| text::escape_str(unit).into_owned()),
            place: entry.place.map(KnownPlace),
            late: entry.late,
            zone: entry.zone.clone(),
            wrappers: Vec::new(),
            zone_rules: rules.cloned().unwrap_or(Observed::NotFound),
            referrer,
        }
    }
}

/// The name of the kernel module in a file such as `evil-mod.ko.xz`, with `_` for `-` as modprobe(8) has it.
fn module_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let (stem, _) = name.split_once(".ko")?;
    Some(stem.replace('-', "_"))
}

/// cron's own search path where a table sets none, and the usual one of `/etc/crontab`.
const SEARCH_PATH: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/sbin", "/bin", "/usr/sbin", "/usr/bin"];

fn search_path() -> Vec<PathBuf> {
    SEARCH_PATH.iter().map(PathBuf::from).collect()
}

/// Folders that so much lies in that to name them says nothing of one file in them. `folder` is an absolute path without
/// `.` and `..`.
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
    // Compared as texts, because this is asked of every path that is named, and paths are compared slowly.
    let is_below_one = folder.as_os_str().as_encoded_bytes().iter().skip(1).any(|byte| *byte == b'/');
    !is_below_one || folder.to_str().is_some_and(|folder| TRIVIAL.contains(&folder))
}

/// Reads tables and units and files the paths they name.
struct Reader<'a> {
    root: &'a Root,
    accounts: &'a Accounts,
    schedules: Schedules,
    /// What lies where words of commands may mean something.
    there: Lookup<'a>,
    /// What a pattern fits, worked out once.
    matched: HashMap<PathBuf, Vec<PathBuf>>,
    /// Files read already, by device and inode: two folders may be one.
    seen: HashSet<(u64, u64)>,
    /// Files that entries name, and that may be scripts which name others.
    pending: Vec<script::Started>,
    /// How cron and run-parts of this box choose names.
    names_rule: run_parts::Rule,
}

impl<'a> Reader<'a> {
    fn new(root: &'a Root, accounts: &'a Accounts) -> Self {
        Self {
            root,
            accounts,
            schedules: Schedules::default(),
            there: Lookup::new(root),
            matched: HashMap::new(),
            seen: HashSet::new(),
            pending: Vec::new(),
            names_rule: run_parts::Rule::of(root),
        }
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
    fn text(&mut self, path: &Path) -> Option<TextFile> {
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

    /// A text file of a place, which may be a table as well; `None` when it is not there or cannot be read.
    fn text_of_place(&mut self, path: &Path) -> Option<TextFile> {
        match self.root.text_up_to(path, MAX_PLACE) {
            Ok(found) => {
                if found.cut {
                    self.gap(path, "only its first 1 MiB was read");
                }
                Some(found)
            }
            Err(error) => {
                self.schedules.gaps.add_error(path, &error);
                None
            }
        }
    }

    /// The text of a script, and what it is; `None` where it is none: a program, a document, or what nobody may execute and
    /// neither its first line nor an interpreter's ending tells.
    fn script_text(&mut self, path: &Path, most: u64) -> Option<(Attributes, Vec<u8>)> {
        let located = self.root.locate(path, true).ok()?;
        if !located.metadata.is_file() {
            return None;
        }
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let is_named_so = matches!(ending, "sh" | "bash" | "py" | "pl" | "rb" | "php" | "js" | "lua" | "awk" | "tcl");
        let mut file = located.open().ok()?;
        let mut head = [0; 4];
        file.read_exact(&mut head).ok()?;
        let may_be_run = Attributes::of(&located.metadata).mode & 0o111 != 0 || is_named_so || head.starts_with(b"#!");
        if !may_be_run || head == *b"\x7fELF" || head.contains(&0) {
            return None;
        }
        let mut bytes = head.to_vec();
        file.take(most).read_to_end(&mut bytes).ok()?;
        if bytes.contains(&0) {
            return None;
        }
        if located.metadata.len() > bytes.len() as u64 {
            self.gap(path, "only the first part of this script was read");
        }
        Some((Attributes::of(&located.metadata), bytes))
    }

    /// A table as numbered lines of text.
    fn table(&mut self, path: &Path) -> Option<(Attributes, Vec<(usize, String)>)> {
        let found = self.text(path)?;
        Some((found.attributes, self.lines_of(path, &found)))
    }

    /// The numbered lines of a table. One that holds NUL bytes is told as a gap and read as far as it goes.
    fn lines_of(&mut self, path: &Path, found: &TextFile) -> Vec<(usize, String)> {
        if found.bytes.contains(&0) {
            self.gap(path, "holds NUL bytes, so it is no text file; read as far as it goes");
        }
        numbered(&found.bytes)
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
    fn file(&mut self, mut entry: ScheduleEntry, setting: &mut Setting) {
        let paths = setting.paths(&entry.command);
        entry.home = entry.home.or_else(|| setting.home.clone());
        self.file_command(entry, paths);
    }

    /// Files an entry under the paths of its command, and what patterns and run-parts make of them.
    fn file_command(&mut self, mut entry: ScheduleEntry, paths: Vec<PathBuf>) {
        let (paths, parts) = self.meant(&entry.command, paths);
        truncate(&mut entry.command, MAX_COMMAND);
        for (path, never) in parts {
            self.file_under(ScheduleEntry { never, ..entry.clone() }, vec![path]);
        }
        self.file_under(entry, paths);
    }

    /// What a command means with these paths: those that patterns fit beside them; and what run-parts runs of the folders
    /// among them, with why it skips it, if it does.
    fn meant(&mut self, command: &str, mut paths: Vec<PathBuf>) -> (Vec<PathBuf>, Vec<(PathBuf, Option<String>)>) {
        let more: Vec<PathBuf> =
            paths.iter().filter(|path| has_pattern(path)).flat_map(|path| self.matching(path)).collect();
        paths.extend(more);
        let folders: &[PathBuf] = if names_run_parts(command) { &paths } else { &[] };
        let parts = folders.iter().flat_map(|folder| self.parts(folder)).collect();
        (paths, parts)
    }

    /// The scripts of a folder that is given to run-parts, and why each is skipped, if it is.
    fn parts(&mut self, folder: &Path) -> Vec<(PathBuf, Option<String>)> {
        if is_trivial(folder) || !self.root.locate(folder, true).is_ok_and(|found| found.metadata.is_dir()) {
            return Vec::new();
        }
        let mut parts = Vec::new();
        for path in self.names(folder) {
            let Ok(located) = self.root.locate(&path, true) else { continue };
            let never = self.names_rule.why_skipped(&path, &Attributes::of(&located.metadata));
            parts.push((path, never));
        }
        parts
    }

    /// The files that a path with a pattern in its last part means (glob(7)).
    fn matching(&mut self, path: &Path) -> Vec<PathBuf> {
        if let Some(known) = self.matched.get(path) {
            return known.clone();
        }
        let found = self.look_for(path);
        self.matched.insert(path.to_owned(), found.clone());
        found
    }

    fn look_for(&mut self, path: &Path) -> Vec<PathBuf> {
        let (Some(folder), Some(pattern)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
            return Vec::new();
        };
        let Ok(glob) = globset::Glob::new(pattern) else { return Vec::new() };
        let matcher = glob.compile_matcher();
        if has_pattern(folder) {
            return Vec::new();
        }
        let fits = |name: &OsStr| matcher.is_match(name);
        let names = match self.there.names(folder, fits) {
            Some(names) => names,
            // Too many to be kept, or not to be read: as many as can be listed, and why not all.
            None => {
                let names = self.names(folder).into_iter();
                names.filter_map(|path| path.file_name().filter(|name| fits(name)).map(OsStr::to_owned)).collect()
            }
        };
        names.into_iter().take(MAX_MATCHING).map(|name| folder.join(name)).collect()
    }

    /// Files an entry that has the kernel load a module.
    fn file_module(&mut self, entry: ScheduleEntry, module: String) {
        let number = self.schedules.entries.len() as u32;
        self.schedules.by_module.entry(module).or_default().push(number);
        self.schedules.entries.push(entry);
    }

    fn file_under(&mut self, entry: ScheduleEntry, paths: Vec<PathBuf>) {
        if self.schedules.entries.len() >= MAX_ENTRIES {
            return self.gap(&entry.path.clone(), "too many scheduled commands, not all were read");
        }
        if let Some(zone) = entry.zone.as_ref().filter(|zone| !self.schedules.zones.contains_key(*zone))
            && self.schedules.zones.len() < MAX_ZONES
        {
            let rules = clock::named(self.root, zone);
            self.schedules.zones.insert(zone.clone(), rules);
        }
        let number = self.schedules.entries.len() as u32;
        let mut filed = false;
        for path in paths {
            // Of the many things that a word may mean most are not there, and need not be resolved one by one.
            let is_there = self.there.is_there(&path);
            if is_there && !is_trivial(&path) {
                self.pending.push(script::Started { path: path.clone(), home: entry.home.clone(), entry: number });
            }
            let resolved = if is_there { self.there.resolve(&path) } else { None };
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
}

fn numbered(bytes: &[u8]) -> Vec<(usize, String)> {
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    lines.map(|(index, line)| (index + 1, String::from_utf8_lossy(line).trim().to_owned())).collect()
}

/// Whether a command has run-parts run what is in a folder.
fn names_run_parts(command: &str) -> bool {
    command.split(|c: char| c.is_whitespace() || "\"';&|()/".contains(c)).any(|word| word == "run-parts")
}

fn has_pattern(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().iter().any(|byte| matches!(byte, b'*' | b'?'))
}

fn truncate(command: &mut String, most: usize) {
    if command.len() > most {
        command.truncate(command.floor_char_boundary(most));
        command.push(text::ELLIPSIS);
    }
}

#[cfg(test)]
mod forms_tests;
#[cfg(test)]
mod tests;
