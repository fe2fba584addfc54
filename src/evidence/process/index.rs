//! The index of `/proc`.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::super::account::Accounts;
use super::super::observed::{Gaps, Observed};
use super::super::proc_file;
use super::super::socket_table::Tables;
use super::interpreters::Interpreters;
use super::names::Runs;
use super::own::{LeftOut, Own};
use super::read::{self, Descriptor};
use super::{Ancestor, Process, Relation, cgroup, loads, names, users};
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
pub(in super::super) struct Processes {
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

impl Processes {
    /// Reads every process below `proc`, which is `/proc` or made like it.
    pub(in super::super) fn read(proc: &Path) -> Self {
        let mut reader = Reader {
            resolved: HashMap::new(),
            loaded: HashMap::new(),
            interpreters: Interpreters::default(),
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
        let refused = self.refused.iter().filter_map(|pid| self.get(*pid)).filter(|known| known.may_matter());
        let unread: Vec<Process> = refused.map(|known| self.describe(known, Vec::new(), accounts)).collect();
        if unread.is_empty() { Observed::NotFound } else { Observed::Found(unread) }
    }

    /// The processes that have to do with the file; those that run it first. `without` is Huntbook's own process: it is
    /// left out, with what the responder does to look at the file.
    pub(in super::super) fn of(&self, file: &FileQuery<'_>, accounts: &Accounts, without: Option<u32>) -> Alive {
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
    pub(in super::super) fn process(&self, pid: u32, accounts: &Accounts) -> Option<Process> {
        self.get(pid).map(|known| self.describe(known, Vec::new(), accounts))
    }

    /// The same, with what is read only of the processes that somebody asks about.
    pub(in super::super) fn in_full(&self, pid: u32, accounts: &Accounts) -> Option<Process> {
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

    fn describe(&self, known: &IndexedProcess, mut relations: Vec<Relation>, accounts: &Accounts) -> Process {
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

struct Reader {
    processes: Processes,
    /// Files named on command lines, by the name spaces they are seen in and the path.
    resolved: HashMap<(Spaces, PathBuf), Option<(u64, u64)>>,
    /// What scripts load, by the same.
    loaded: HashMap<(Spaces, PathBuf), Vec<PathBuf>>,
    interpreters: Interpreters,
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
        let stat = read::stat(&proc_file::bytes(&folder.join("stat"))?).ok_or_else(damaged)?;
        let status = proc_file::bytes(&folder.join("status")).unwrap_or_default();
        // The owner of the folder is the effective user, except for processes that protect themselves.
        let owner = fs::metadata(&folder)?.uid();
        let (real_uid, uid) = read::user_ids(&status).unwrap_or((owner, owner));
        let words = read::command_line(proc_file::bytes(&folder.join("cmdline")).unwrap_or_default());
        let number = self.processes.known.len() as u32;
        self.processes.by_pid.insert(pid, number);
        self.processes.known.push(IndexedProcess {
            pid,
            parent: stat.parent,
            session: stat.session,
            is_kernel: stat.is_kernel,
            name: stat.name,
            started: stat.started,
            real_uid,
            uid,
            words,
            executable: None,
            scripts: Vec::new(),
            copy_of: None,
            sockets: Vec::new(),
        });
        let executable = fs::read_link(folder.join("exe"));
        let input = self.named(number, &folder, executable.as_deref().ok());
        self.files(number, &folder, executable, input)
    }

    /// Files a process under its executable, mappings and descriptors.
    fn files(
        &mut self,
        number: u32,
        folder: &Path,
        executable: io::Result<PathBuf>,
        runs_its_input: bool,
    ) -> io::Result<()> {
        // The kernel names paths as this process sees them; a container's layer knows them as its own root has them.
        let top = fs::read_link(folder.join("root")).unwrap_or_default();
        if let Some((dev, ino)) = read::identity(&folder.join("exe")) {
            let seen = executable.as_ref().ok().map(|path| below(&top, path));
            self.uses(dev, ino, seen, (number, Relation::Executable));
        }
        // A kernel thread has neither executable nor mappings.
        if executable.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Ok(());
        }
        for mapping in read::mappings(&proc_file::bytes(&folder.join("maps"))?) {
            let relation = if mapping.is_code { Relation::MappedCode } else { Relation::Mapped };
            self.uses(mapping.dev, mapping.ino, Some(below(&top, &mapping.path)), (number, relation));
        }
        let mut sockets = Vec::new();
        for descriptor in read::descriptors_of_all_threads(folder)? {
            match descriptor {
                Descriptor::File { number: 0, dev, ino } if runs_its_input => {
                    self.uses(dev, ino, None, (number, Relation::Script));
                }
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

    fn uses(&mut self, dev: u64, ino: u64, seen_as: Option<PathBuf>, by: (u32, Relation)) {
        let all = self.processes.by_ino.entry(ino).or_default();
        match all.iter_mut().find(|uses| uses.dev == dev && uses.seen_as == seen_as) {
            Some(uses) => uses.by.push(by),
            None => all.push(Uses { dev, seen_as, by: vec![by] }),
        }
    }

    /// Files a process under what the words of its command line name, as seen from its working folder and root; what an
    /// interpreter runs as what it runs. Returns whether it is an interpreter that runs what it reads from its input.
    fn named(&mut self, number: u32, folder: &Path, executable: Option<&Path>) -> bool {
        let Some(known) = self.processes.known.get(number as usize) else { return false };
        let words = known.words.clone();
        let texts: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let mut runs = names::runs(&texts, executable);
        // Under another name it is an interpreter all the same. Whoever is given no words runs no script.
        let copy_of = if runs.is_none() && words.len() > 1 { self.interpreters.same_as(folder) } else { None };
        if let Some(name) = &copy_of {
            runs = names::runs(&texts, Some(Path::new(name)));
            if let Some(known) = self.processes.known.get_mut(number as usize) {
                known.copy_of = Some(name.clone());
            }
        }
        let cwd = fs::read_link(folder.join("cwd")).ok();
        let spaces = [folder.join("ns/mnt"), folder.join("root")].map(|link| fs::read_link(link).unwrap_or_default());
        let [mounts, top] = spaces;
        let root = if top.as_os_str().is_empty() { Root::live() } else { Root::image(folder.join("root")) };
        let all = words.iter().take(MAX_WORDS).flat_map(|word| candidates(Path::new(word), cwd.as_deref()));
        let mut paths: BTreeMap<PathBuf, Relation> = all.map(|path| (path, Relation::Named)).collect();
        match &runs {
            Some(Runs::File(word)) => {
                let scripts = candidates(Path::new(word), cwd.as_deref());
                let loaded = |script: &PathBuf| self.loaded(&(mounts.clone(), top.clone()), &root, script);
                let loaded: Vec<PathBuf> = scripts.iter().flat_map(loaded).collect();
                paths.extend(loaded.into_iter().map(|path| (path, Relation::Loaded)));
                paths.extend(scripts.iter().map(|path| (path.clone(), Relation::Script)));
                if let Some(known) = self.processes.known.get_mut(number as usize) {
                    known.scripts = scripts;
                }
            }
            Some(Runs::Module(name)) => {
                let modules = cwd.iter().flat_map(|cwd| loads::module(cwd, name));
                paths.extend(modules.map(|path| (path, Relation::Module)));
            }
            Some(Runs::Input | Runs::Inline) | None => {}
        }
        for (path, relation) in paths {
            let key = ((mounts.clone(), top.clone()), path.clone());
            let identity = *self.resolved.entry(key).or_insert_with(|| {
                let located = root.locate(&path, true).ok()?;
                Some((located.metadata.dev(), located.metadata.ino())).filter(|_| located.metadata.is_file())
            });
            match identity {
                Some((dev, ino)) => {
                    let seen = (top != Path::new("/")).then_some(path);
                    self.uses(dev, ino, seen, (number, relation));
                }
                // A script or module that is not there is none.
                None if matches!(relation, Relation::Loaded | Relation::Module) => {}
                None => self.processes.by_path.entry(path).or_default().push(number),
            }
        }
        runs == Some(Runs::Input)
    }

    /// What a script loads, looked up once for all who run it.
    fn loaded(&mut self, spaces: &Spaces, root: &Root, script: &Path) -> Vec<PathBuf> {
        let key = (spaces.clone(), script.to_owned());
        self.loaded.entry(key).or_insert_with(|| loads::by_script(root, script)).clone()
    }
}

/// `path` as a process sees it whose root is `top`.
fn below(top: &Path, path: &Path) -> PathBuf {
    match path.strip_prefix(top) {
        Ok(below) if top.parent().is_some() => Path::new("/").join(below),
        _ => path.to_owned(),
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
