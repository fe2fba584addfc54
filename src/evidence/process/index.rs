//! The index of `/proc`.

mod reader;

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::super::account::BoxAccounts;
use super::super::observed::{Gaps, Observed};
use super::super::proc_file;
use super::super::socket_table::Tables;
use super::own::{LeftOut, Own};
use super::read;
use super::{Ancestor, Process, Relation, cgroup, names, users};
use crate::text;
use reader::ProcReader;

/// Parents followed, in case the numbers run in a circle.
const MAX_PARENTS: usize = 64;

/// Processes told that could not be looked into; of more it is only told how many there are.
const MAX_UNREAD: usize = 4096;

/// What is kept of one process.
#[derive(Debug)]
struct IndexedProcess {
    pid: u32,
    parent: u32,
    session: u32,
    is_kernel: bool,
    name: String,
    /// Clock ticks after boot.
    started: u64,
    real_uid: u32,
    uid: u32,
    words: Vec<OsString>,
    executable: Option<PathBuf>,
    scripts: Vec<PathBuf>,
    /// The interpreter that its executable is a copy of, under another name.
    copy_of: Option<String>,
    sockets: Vec<u64>,
}

impl IndexedProcess {
    fn names(&self) -> Vec<String> {
        names::names(&self.name, &self.words, self.executable.as_deref())
    }

    /// Whether it may have to do with a file although it could not be looked into. A thread of the kernel runs no file,
    /// and process 1 runs what its command line names, which anybody may read.
    fn may_matter(&self) -> bool {
        !self.is_kernel && self.pid != 1
    }
}

/// The users of one file.
#[derive(Debug)]
struct Uses {
    dev: u64,
    /// The path as the process sees it: the device number in `maps` may not be the one that stat gives (btrfs), and in
    /// a container the same inode is seen through an overlay, on another device and below another root.
    seen_as: Option<PathBuf>,
    by: Vec<(u32, Relation)>,
}

/// All processes, as they were when `/proc` was read.
#[derive(Debug)]
pub(in super::super) struct ProcessIndex {
    proc: PathBuf,
    known: Vec<IndexedProcess>,
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

impl ProcessIndex {
    /// Reads every process below `proc`, which is `/proc` or made like it.
    pub(in super::super) fn read(proc: &Path) -> Self {
        let mut reader = ProcReader::new(Self {
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
        });
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
    pub(in super::super) fn unread(&self, accounts: &BoxAccounts) -> Observed<Vec<Process>> {
        if let Some(reason) = &self.hidden {
            return Observed::Unknown(reason.clone());
        }
        if self.refused.len() > MAX_UNREAD {
            return Observed::Unknown(self.refusal().unwrap_or_default());
        }
        let refused = self.refused.iter().filter_map(|pid| self.get(*pid)).filter(|known| known.may_matter());
        let unread: Vec<Process> = refused.map(|known| self.describe(known, Vec::new(), accounts)).collect();
        if unread.is_empty() { Observed::NotFound } else { Observed::Found(unread) }
    }

    /// The processes that have to do with the file; those that run it first. `without` is Huntbook's own process: it is
    /// left out, with what the responder does to look at the file.
    pub(in super::super) fn of(&self, file: &FileQuery<'_>, accounts: &BoxAccounts, without: Option<u32>) -> Alive {
        let mut relations: HashMap<u32, Vec<Relation>> = HashMap::new();
        for uses in self.by_ino.get(&file.ino).into_iter().flatten() {
            if uses.dev == file.dev || uses.seen_as.as_deref().is_some_and(|seen| is_seen_as(file.path, seen)) {
                for (number, relation) in &uses.by {
                    relations.entry(*number).or_default().push(*relation);
                }
            }
        }
        for number in self.by_path.get(file.path).into_iter().flatten() {
            relations.entry(*number).or_default().push(Relation::NamedByPathOnly);
        }
        let own = without.map(|pid| self.own(pid));
        let (mut found, mut left_out) = (Vec::new(), Vec::new());
        for (number, relations) in relations {
            let Some(known) = self.known.get(number as usize) else { continue };
            let folder = self.folder(known.pid);
            match own.as_ref().and_then(|own| own.why_left_out(known.pid, known.session, &folder, &relations)) {
                Some(why) => {
                    let name = text::escape_str(&known.name).into_owned();
                    left_out.push(LeftOut { pid: known.pid, name, why: why.into() });
                }
                None => {
                    let mut process = self.describe(known, relations, accounts);
                    self.look_closer(&mut process, known, own.as_ref());
                    found.push(process);
                }
            }
        }
        found.sort_by(|a, b| (&a.relations, a.pid).cmp(&(&b.relations, b.pid)));
        left_out.sort_by_key(|out: &LeftOut| out.pid);
        // What could not be read counts only where it may have to do with a file.
        let found = if found.is_empty() && !self.may_miss() { Observed::NotFound } else { self.gaps.settle(found) };
        Alive { found, left_out }
    }

    /// Who asks: this process, those above it, and its login session.
    fn own(&self, pid: u32) -> Own {
        let session = self.get(pid).map(|known| known.session);
        Own::of(pid, self.line_of(pid), session, &self.folder(pid))
    }

    /// What is read only of the few processes that have to do with a file, if they are still the same.
    fn look_closer(&self, process: &mut Process, known: &IndexedProcess, own: Option<&Own>) {
        let folder = self.folder(known.pid);
        let still = proc_file::bytes(&folder.join("stat")).ok().and_then(|bytes| read::stat(&bytes));
        if still.is_none_or(|stat| stat.started != known.started) {
            return;
        }
        let group = cgroup::parse(&proc_file::bytes(&folder.join("cgroup")).unwrap_or_default());
        let safe = |name: String| text::escape_str(&name).into_owned();
        process.unit = group.unit.map(safe);
        process.container = group.container;
        process.preload = read::variable(&folder, "LD_PRELOAD").map(safe);
        process.in_own_session = own.is_some_and(|own| own.is_same_session(known.session, &folder));
    }

    /// Whether the executable of a process is, by device and inode, this file of the box.
    pub(in super::super) fn executable_is(&self, pid: u32, dev: u64, ino: u64) -> bool {
        read::identity(&self.folder(pid).join("exe")) == Some((dev, ino))
    }

    /// Every process that holds sockets, with their inode numbers.
    pub(in super::super) fn with_sockets(&self) -> impl Iterator<Item = (u32, &[u64])> {
        let holding = self.known.iter().filter(|known| !known.sockets.is_empty());
        holding.map(|known| (known.pid, known.sockets.as_slice()))
    }

    /// The process of this number, as it was when the processes were read.
    pub(in super::super) fn process(&self, pid: u32, accounts: &BoxAccounts) -> Option<Process> {
        self.get(pid).map(|known| self.describe(known, Vec::new(), accounts))
    }

    /// The same, with what is read only of the processes that somebody asks about.
    pub(in super::super) fn in_full(&self, pid: u32, accounts: &BoxAccounts) -> Option<Process> {
        let known = self.get(pid)?;
        let mut process = self.describe(known, Vec::new(), accounts);
        self.look_closer(&mut process, known, None);
        Some(process)
    }

    /// Every process with the one that started it, by number.
    pub(in super::super) fn parents(&self) -> impl Iterator<Item = (u32, u32)> {
        self.known.iter().map(|known| (known.pid, known.parent))
    }

    /// Whether some process that could not be looked into may have to do with a file.
    pub(in super::super) fn may_miss(&self) -> bool {
        self.hidden.is_some() || self.refused.iter().filter_map(|pid| self.get(*pid)).any(IndexedProcess::may_matter)
    }

    /// Inode numbers of the sockets that a process held open.
    pub(in super::super) fn sockets(&self, pid: u32) -> &[u64] {
        self.get(pid).map(|known| known.sockets.as_slice()).unwrap_or_default()
    }

    /// The folder of a process.
    pub(in super::super) fn folder(&self, pid: u32) -> PathBuf {
        self.proc.join(pid.to_string())
    }

    fn get(&self, pid: u32) -> Option<&IndexedProcess> {
        self.known.get(*self.by_pid.get(&pid)? as usize)
    }

    /// The process and its parents.
    fn line_of(&self, pid: u32) -> Vec<u32> {
        let next = |known: &&IndexedProcess| self.get(known.parent).filter(|parent| parent.pid != known.pid);
        std::iter::successors(self.get(pid), next).take(MAX_PARENTS).map(|known| known.pid).collect()
    }

    fn describe(&self, known: &IndexedProcess, mut relations: Vec<Relation>, accounts: &BoxAccounts) -> Process {
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
            scripts: known.scripts.clone(),
            copy_of: known.copy_of.as_deref().map(|name| text::escape_str(name).into_owned()),
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
                    executable: parent.executable.clone(),
                    vouched: Vec::new(),
                })
                .collect(),
            vouched: Vec::new(),
            package: Observed::NotFound,
            unit: None,
            container: None,
            preload: None,
            in_own_session: false,
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
pub(in super::super) struct FileQuery<'a> {
    /// Device number as stat gives it.
    pub(in super::super) dev: u64,
    pub(in super::super) ino: u64,
    /// Absolute path without links.
    pub(in super::super) path: &'a Path,
}

/// What runs and has to do with a file.
pub(in super::super) struct Alive {
    /// The processes, those that run it first.
    pub(in super::super) found: Observed<Vec<Process>>,
    /// Those of the responder that only look at it.
    pub(in super::super) left_out: Vec<LeftOut>,
}

/// Whether the file at `path` may be the one of the same inode that a process sees as `seen`: the same path, or that path
/// below a folder that is the root of a container's layer.
fn is_seen_as(path: &Path, seen: &Path) -> bool {
    path == seen || seen.strip_prefix("/").is_ok_and(|below| below.components().count() > 1 && path.ends_with(below))
}

/// The second of boot in `/proc/stat`.
fn booted(proc: &Path) -> Option<i64> {
    let stat = proc_file::bytes(&proc.join("stat")).ok()?;
    let line = stat.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"btime "))?;
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}
