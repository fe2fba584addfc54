//! What runs by itself on the box and names the found file: cron, anacron, at, incron, systemd, and every other place that
//! starts programs.
//!
//! All tables and units are read once. Every path their commands name is kept, as written and with its links resolved,
//! so that a look-up is a few hash lookups however many there are. Nothing is asked of cron or systemd themselves.

mod at;
mod cron;
mod filing;
mod incron;
mod place;
pub(crate) mod places;
mod reader;
mod run_parts;
mod script;
mod specifier;
mod systemd;
mod there;
mod unit;
mod words;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::account::BoxAccounts;
use super::clock::BoxZone;
use super::observed::{Gaps, Observed};
use super::package::{PackageOwner, Packages};
use super::referrer::Referrer;
use super::show;
use crate::finding::{FileFacts, FileTime};
use crate::root::{Attributes, Root};
use crate::text;
use places::{KnownPlace, PersistencePlace};
use reader::Reader;

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

/// What starts the found file.
#[derive(Debug)]
pub(super) struct Starters {
    /// What schedulers run.
    pub(super) schedules: Observed<Vec<Schedule>>,
    /// What other places start.
    pub(super) places: Observed<Vec<Schedule>>,
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
    /// What owns the tables and scripts that were told of so far: many findings are started by the same ones.
    owners: Mutex<HashMap<PathBuf, Observed<PackageOwner>>>,
    pub(super) gaps: Gaps,
}

impl Schedules {
    pub(super) fn read(root: &Root, accounts: &BoxAccounts) -> Self {
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
        accounts: &BoxAccounts,
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
                    let package = self.owner(&script.path, packages);
                    Some(Referrer::of(&script.path, &script.attributes, facts, package, accounts))
                };
                let wrappers = way.scripts.iter().filter_map(wrapper).collect();
                found.push(Schedule { via, wrappers, ..self.schedule(&entry, names(), facts, packages, accounts) });
            }
        }
        self.gaps.settle(found)
    }

    /// The package that owns a table or script, asked for once. Nobody waits here for another's answer.
    fn owner(&self, path: &Path, packages: &Packages) -> Observed<PackageOwner> {
        let known = || self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(owner) = known().get(path) {
            return owner.clone();
        }
        let owner = packages.owner(path, None);
        known().insert(path.to_owned(), owner.clone());
        owner
    }

    /// What schedulers run, and what other places start. Where there is nothing of one of them and not everything could be
    /// read, it is not known, whatever there is of the other.
    pub(super) fn divided(&self, all: Observed<Vec<Schedule>>) -> Starters {
        match all {
            Observed::Found(all) => {
                let is_place = |schedule: &Schedule| schedule.scheduler == Scheduler::Place;
                let (places, schedules): (Vec<_>, Vec<_>) = all.into_iter().partition(is_place);
                Starters { schedules: self.gaps.settle(schedules), places: self.gaps.settle(places) }
            }
            other => Starters { schedules: other.clone(), places: other },
        }
    }

    fn schedule(
        &self,
        entry: &ScheduleEntry,
        names: NameMatch,
        facts: &FileFacts,
        packages: &Packages,
        accounts: &BoxAccounts,
    ) -> Schedule {
        let rules = entry.zone.as_ref().and_then(|zone| self.zones.get(zone));
        let package = self.owner(&entry.path, packages);
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

#[cfg(test)]
mod forms_tests;
#[cfg(test)]
mod tests;
