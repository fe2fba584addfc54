//! The index of `/proc`.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::super::account::Accounts;
use super::super::observed::{Gaps, Observed};
use super::super::socket::Tables;
use super::read::{self, Descriptor};
use super::{Ancestor, Process, Relation, names, users};
use crate::root::{Root, normal};
use crate::text;

/// Words of a command line that are looked up as files.
const MAX_WORDS: usize = 64;
/// Parents followed, in case the numbers run in a circle.
const MAX_PARENTS: usize = 64;

/// Processes told that could not be looked into; of more it is only told how many there are.
const MAX_UNREAD: usize = 4096;

/// What is kept of one process.
#[derive(Debug)]
struct Known {
    pid: u32,
    parent: u32,
    name: String,
    /// Clock ticks after boot.
    started: u64,
    real_uid: u32,
    uid: u32,
    words: Vec<OsString>,
    executable: Option<PathBuf>,
    sockets: Vec<u64>,
}

impl Known {
    fn names(&self) -> Vec<String> {
        names::names(&self.name, &self.words, self.executable.as_deref())
    }
}

/// The users of one file.
#[derive(Debug)]
struct Uses {
    dev: u64,
    /// The path in `maps`, where the device number there may not be the one that stat gives (btrfs, overlayfs).
    mapped_as: Option<PathBuf>,
    by: Vec<(u32, Relation)>,
}

/// All processes, as they were when `/proc` was read.
#[derive(Debug)]
pub(in super::super) struct Processes {
    proc: PathBuf,
    known: Vec<Known>,
    by_pid: HashMap<u32, u32>,
    by_ino: HashMap<u64, Vec<Uses>>,
    by_path: HashMap<PathBuf, Vec<u32>>,
    /// Seconds since 1970 at boot.
    booted: Option<i64>,
    /// Processes that could not be looked into.
    refused: Vec<u32>,
    /// Why there may be processes that are not known at all.
    hidden: Option<String>,
    pub(in super::super) gaps: Gaps,
    pub(in super::super) tables: Tables,
    /// When `/proc` was read.
    pub(in super::super) at: Timestamp,
}

impl Processes {
    /// Reads every process below `proc`, which is `/proc` or made like it.
    pub(in super::super) fn read(proc: &Path) -> Self {
        let mut reader = Reader {
            resolved: HashMap::new(),
            processes: Self {
                proc: proc.to_owned(),
                known: Vec::new(),
                by_pid: HashMap::new(),
                by_ino: HashMap::new(),
                by_path: HashMap::new(),
                booted: booted(proc),
                refused: Vec::new(),
                hidden: None,
                gaps: Gaps::default(),
                tables: Tables::default(),
                at: Timestamp::now(),
            },
        };
        reader.all();
        let mut processes = reader.processes;
        processes.gaps.extend(processes.hidden.clone());
        let refused = processes.refusal();
        processes.gaps.extend(refused);
        processes
    }

    /// How many processes could not be looked into, and the first of them.
    fn refusal(&self) -> Option<String> {
        let named: Vec<_> = (self.refused.iter().take(3))
            .filter_map(|pid| self.get(*pid))
            .map(|known| format!("{} {}", known.pid, text::escape_str(&known.name)))
            .collect();
        let (count, all) = (self.refused.len(), self.known.len());
        let which = if count > named.len() { format!("{}, …", named.join(", ")) } else { named.join(", ") };
        (count > 0).then(|| format!("{count} of {all} processes could not be looked into, permission denied: {which}"))
    }

    /// The processes that could not be looked into: what they run, hold and map is not known, only who they are.
    pub(in super::super) fn unread(&self, accounts: &Accounts) -> Observed<Vec<Process>> {
        if let Some(reason) = &self.hidden {
            return Observed::Unknown(reason.clone());
        }
        if self.refused.len() > MAX_UNREAD {
            return Observed::Unknown(self.refusal().unwrap_or_default());
        }
        let refused = self.refused.iter().filter_map(|pid| self.get(*pid));
        let unread: Vec<Process> = refused.map(|known| self.describe(known, Vec::new(), accounts)).collect();
        if unread.is_empty() { Observed::NotFound } else { Observed::Found(unread) }
    }

    /// The processes that have to do with the file; those that run it first. `without` is a process to leave out.
    pub(in super::super) fn of(
        &self,
        file: &Sought<'_>,
        accounts: &Accounts,
        without: Option<u32>,
    ) -> Observed<Vec<Process>> {
        let mut relations: HashMap<u32, Vec<Relation>> = HashMap::new();
        for uses in self.by_ino.get(&file.ino).into_iter().flatten() {
            if uses.dev == file.dev || uses.mapped_as.as_deref() == Some(file.path) {
                for (number, relation) in &uses.by {
                    relations.entry(*number).or_default().push(*relation);
                }
            }
        }
        for number in self.by_path.get(file.path).into_iter().flatten() {
            relations.entry(*number).or_default().push(Relation::NamedByPathOnly);
        }
        let own = without.map(|pid| self.line_of(pid)).unwrap_or_default();
        let mut found: Vec<Process> = (relations.into_iter())
            .filter_map(|(number, relations)| Some((self.known.get(number as usize)?, relations)))
            .filter(|(known, relations)| !is_own(known.pid, relations, &own, without))
            .map(|(known, relations)| self.describe(known, relations, accounts))
            .collect();
        found.sort_by(|a, b| (&a.relations, a.pid).cmp(&(&b.relations, b.pid)));
        self.gaps.settle(found)
    }

    /// Inode numbers of the sockets that a process held open.
    pub(in super::super) fn sockets(&self, pid: u32) -> &[u64] {
        self.get(pid).map(|known| known.sockets.as_slice()).unwrap_or_default()
    }

    /// The folder of a process.
    pub(in super::super) fn folder(&self, pid: u32) -> PathBuf {
        self.proc.join(pid.to_string())
    }

    fn get(&self, pid: u32) -> Option<&Known> {
        self.known.get(*self.by_pid.get(&pid)? as usize)
    }

    /// The process and its parents.
    fn line_of(&self, pid: u32) -> Vec<u32> {
        let next = |known: &&Known| self.get(known.parent).filter(|parent| parent.pid != known.pid);
        std::iter::successors(self.get(pid), next).take(MAX_PARENTS).map(|known| known.pid).collect()
    }

    fn describe(&self, known: &Known, mut relations: Vec<Relation>, accounts: &Accounts) -> Process {
        relations.sort_unstable();
        relations.dedup();
        let (user, real_user) = users(accounts, known.real_uid, known.uid);
        let parents = self.line_of(known.pid).into_iter().skip(1).filter_map(|pid| self.get(pid));
        let words: Vec<_> = known.words.iter().map(|word| text::escape(word.as_encoded_bytes())).collect();
        let deleted =
            known.executable.as_ref().is_some_and(|path| path.as_os_str().as_encoded_bytes().ends_with(b" (deleted)"));
        Process {
            pid: known.pid,
            name: text::escape_str(&known.name).into_owned(),
            names: known.names(),
            relations,
            command_line: words.join(" "),
            executable: known.executable.clone(),
            deleted,
            uid: known.uid,
            user,
            real_user,
            started: self.started(known.started),
            parents: parents
                .map(|parent| Ancestor {
                    pid: parent.pid,
                    name: text::escape_str(&parent.name).into_owned(),
                    names: parent.names(),
                    user: accounts.user(parent.uid),
                })
                .collect(),
        }
    }

    fn started(&self, ticks: u64) -> Option<Timestamp> {
        let per_second = rustix::param::clock_ticks_per_second().max(1);
        let seconds = self.booted?.checked_add_unsigned(ticks / per_second)?;
        let nanos = (ticks % per_second) * 1_000_000_000 / per_second;
        Timestamp::new(seconds, nanos as i32).ok()
    }
}

/// A file that processes are looked up for.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Sought<'a> {
    /// Device number as stat gives it.
    pub(in super::super) dev: u64,
    pub(in super::super) ino: u64,
    /// Absolute path without links.
    pub(in super::super) path: &'a Path,
}

/// Whether a process is the one to leave out, or a parent of it (`sudo huntbook inspect FILE`) that only names the file.
fn is_own(pid: u32, relations: &[Relation], own: &[u32], without: Option<u32>) -> bool {
    let only_names = |relation: &Relation| matches!(relation, Relation::Named | Relation::NamedByPathOnly);
    without == Some(pid) || (own.contains(&pid) && relations.iter().all(only_names))
}

/// The second of boot in `/proc/stat`.
fn booted(proc: &Path) -> Option<i64> {
    let stat = read::bytes(&proc.join("stat")).ok()?;
    let line = stat.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"btime "))?;
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}

struct Reader {
    processes: Processes,
    /// Files named on command lines, by the name spaces they are seen in and the path.
    resolved: HashMap<(Spaces, PathBuf), Option<(u64, u64)>>,
}

/// The mount name space and root that a process sees files in.
type Spaces = (PathBuf, PathBuf);

impl Reader {
    fn all(&mut self) {
        let proc = self.processes.proc.clone();
        let entries = match fs::read_dir(&proc) {
            Ok(entries) => entries,
            Err(error) => {
                self.processes.hidden = Some(format!("{}: {error}", text::escape_path(&proc)));
                return;
            }
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let mut pids: Vec<u32> = names.collect();
        pids.sort_unstable();
        // Every process space has a process 1. With `hidepid` other users' processes are not even listed (proc(5)).
        if pids.first() != Some(&1) {
            let hidden = format!("{} does not list process 1, so others may be hidden", text::escape_path(&proc));
            self.processes.hidden = Some(hidden);
        }
        for pid in pids {
            // A process that has ended meanwhile is left out.
            if let Err(error) = self.process(pid)
                && error.kind() == io::ErrorKind::PermissionDenied
            {
                self.processes.refused.push(pid);
            }
        }
    }

    fn process(&mut self, pid: u32) -> io::Result<()> {
        let folder = self.processes.folder(pid);
        let damaged = || io::Error::from(io::ErrorKind::InvalidData);
        let stat = read::stat(&read::bytes(&folder.join("stat"))?).ok_or_else(damaged)?;
        let status = read::bytes(&folder.join("status")).unwrap_or_default();
        // The owner of the folder is the effective user, except for processes that protect themselves.
        let owner = fs::metadata(&folder)?.uid();
        let (real_uid, uid) = read::user_ids(&status).unwrap_or((owner, owner));
        let words = read::command_line(read::bytes(&folder.join("cmdline")).unwrap_or_default());
        let number = self.processes.known.len() as u32;
        self.processes.by_pid.insert(pid, number);
        self.processes.known.push(Known {
            pid,
            parent: stat.parent,
            name: stat.name,
            started: stat.started,
            real_uid,
            uid,
            words,
            executable: None,
            sockets: Vec::new(),
        });
        self.named(number, &folder);
        self.files(number, &folder)
    }

    /// Files a process under its executable, mappings and descriptors.
    fn files(&mut self, number: u32, folder: &Path) -> io::Result<()> {
        let executable = fs::read_link(folder.join("exe"));
        if let Some((dev, ino)) = read::identity(&folder.join("exe")) {
            self.uses(dev, ino, None, (number, Relation::Executable));
        }
        // A kernel thread has neither executable nor mappings.
        if executable.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Ok(());
        }
        for mapping in read::mappings(&read::bytes(&folder.join("maps"))?) {
            self.uses(mapping.dev, mapping.ino, Some(mapping.path), (number, Relation::Mapped));
        }
        let mut sockets = Vec::new();
        for descriptor in read::descriptors(&folder.join("fd"))? {
            match descriptor {
                Descriptor::File { number: fd, dev, ino } => self.uses(dev, ino, None, (number, Relation::Open(fd))),
                Descriptor::Socket { ino } => sockets.push(ino),
            }
        }
        if let Some(known) = self.processes.known.get_mut(number as usize) {
            known.executable = executable.ok();
            known.sockets = sockets;
        }
        Ok(())
    }

    fn uses(&mut self, dev: u64, ino: u64, mapped_as: Option<PathBuf>, by: (u32, Relation)) {
        let all = self.processes.by_ino.entry(ino).or_default();
        match all.iter_mut().find(|uses| uses.dev == dev && uses.mapped_as == mapped_as) {
            Some(uses) => uses.by.push(by),
            None => all.push(Uses { dev, mapped_as, by: vec![by] }),
        }
    }

    /// Files a process under what the words of its command line name, as seen from its working folder and root.
    fn named(&mut self, number: u32, folder: &Path) {
        let Some(known) = self.processes.known.get(number as usize) else { return };
        let words = known.words.clone();
        let cwd = fs::read_link(folder.join("cwd")).ok();
        let spaces = [folder.join("ns/mnt"), folder.join("root")].map(|link| fs::read_link(link).unwrap_or_default());
        let [mounts, top] = spaces;
        let root = if top.as_os_str().is_empty() { Root::live() } else { Root::image(folder.join("root")) };
        let paths: HashSet<PathBuf> =
            words.iter().take(MAX_WORDS).flat_map(|word| candidates(Path::new(word), cwd.as_deref())).collect();
        for path in paths {
            let key = ((mounts.clone(), top.clone()), path.clone());
            let identity = *self.resolved.entry(key).or_insert_with(|| {
                let located = root.locate(&path, true).ok()?;
                Some((located.metadata.dev(), located.metadata.ino())).filter(|_| located.metadata.is_file())
            });
            match identity {
                Some((dev, ino)) => self.uses(dev, ino, None, (number, Relation::Named)),
                None => self.processes.by_path.entry(path).or_default().push(number),
            }
        }
    }
}

/// The absolute paths that a word may mean: itself, joined to the working folder, or the value of `--option=value`.
fn candidates(word: &Path, cwd: Option<&Path>) -> Vec<PathBuf> {
    let text = word.to_string_lossy();
    if text.is_empty() || text.len() > 4096 {
        return Vec::new();
    }
    let value = text.split_once('=').map(|(_, value)| PathBuf::from(value)).filter(|value| value.is_absolute());
    let whole =
        if text.starts_with('-') { None } else { cwd.map(|cwd| cwd.join(word)).or_else(|| Some(word.to_owned())) };
    let all = [whole, value].into_iter().flatten();
    all.filter(|path| path.is_absolute()).map(|path| normal(&path)).collect()
}
