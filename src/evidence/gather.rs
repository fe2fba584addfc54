//! Asking all probes about one file, each in its own thread and within its time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::account::Account;
use super::file::{self, FileEvidence, FolderEvidence};
use super::indexes::Indexes;
use super::observed::Observed;
use super::package::PackageOwner;
use super::process::{FileQuery, LeftOut, Process};
use super::reference::{self, Reference, Referred};
use super::referrer::Referrer;
use super::schedule::{Schedule, Scheduler};
use super::socket::{self, Peer, Socket};
use super::surroundings::SameContent;
use super::vouch::Vouching;
use super::{Evidence, clock, container, event, host, repository, signature, surroundings};
use crate::finding::FileFacts;
use crate::root::Root;
use crate::sandbox;
use crate::text;
use crate::timeout::{self, NoResult, Pending};

/// Time that a probe may take before its answer is "unknown".
const LIMIT: Duration = Duration::from_secs(10);
/// Paths looked up at the same time.
const AT_ONCE: usize = 32;

/// A probe under way, on a thread of its own: a file system that does not answer, or a process that cannot be read, holds
/// up that thread and not the one who asked. After its time the answer is "unknown" and the thread goes on, so that an
/// index that it was building is there the next time.
struct Running<T> {
    what: &'static str,
    answer: Pending<Observed<T>>,
}

/// Starts a probe that may take `limit`.
fn start<T: Send + 'static>(
    what: &'static str,
    limit: Duration,
    probe: impl FnOnce() -> Observed<T> + Send + 'static,
) -> Running<T> {
    Running { what, answer: timeout::start(&format!("probe {what}"), limit, probe) }
}

/// `probe`, done where `/proc` says what it knows of other processes.
fn outside<T: Send + 'static>(
    probe: impl FnOnce() -> Observed<T> + Send + 'static,
) -> impl FnOnce() -> Observed<T> + Send + 'static {
    move || sandbox::outside(probe).unwrap_or_else(|| Observed::Unknown("the process probe broke off".to_owned()))
}

impl<T> Running<T> {
    /// Waits for the answer, until the limit counted from the start.
    fn finish(self) -> Observed<T> {
        let what = self.what;
        self.answer.finish().unwrap_or_else(|error| {
            Observed::Unknown(match error {
                NoResult::TimedOut(limit) => {
                    let seconds = limit.as_secs_f32();
                    format!("the {what} probe did not finish in {seconds} s; it goes on, ask again later")
                }
                NoResult::NoThread(error) => format!("the {what} probe did not start: {error}"),
                NoResult::Panicked => format!("the {what} probe broke off"),
            })
        })
    }
}

/// The probes of one box and their indexes. Cheap to clone; clones share the indexes.
#[derive(Clone)]
pub struct Gatherer {
    root: Root,
    proc: Option<PathBuf>,
    without: Option<u32>,
    limit: Duration,
    indexes: Arc<Mutex<Indexes>>,
}

impl Gatherer {
    /// Probes for the box at `root`. Nothing is read yet.
    pub fn new(root: Root) -> Self {
        let proc = root.is_live().then(|| PathBuf::from("/proc"));
        let indexes = Arc::new(Mutex::new(Indexes::new(root.clone())));
        Self { root, proc, without: None, limit: LIMIT, indexes }
    }

    /// Reads processes from another folder that is made like `/proc`.
    #[must_use]
    pub fn with_proc(self, proc: impl Into<PathBuf>) -> Self {
        Self { proc: Some(proc.into()), ..self }
    }

    /// Leaves out one process, Huntbook itself, and what its parents' command lines name: `sudo huntbook inspect FILE`
    /// names the file, which explains nothing.
    #[must_use]
    pub fn without_process(self, pid: u32) -> Self {
        Self { without: Some(pid), ..self }
    }

    /// Sets the time that each probe may take before its answer is "unknown"; 10 s unless set.
    #[must_use]
    pub fn with_limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// The box that is probed.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// Starts building the indexes in the background, so that the first finding opened need not wait for them.
    pub fn prepare(&self) {
        // The answers are not waited for; the indexes are there once they are built.
        let (packages, schedules, processes) = (self.indexes(), self.indexes(), self.indexes());
        drop(start("package", self.limit, move || Observed::Found(packages.packages())));
        drop(start("schedule", self.limit, move || Observed::Found(schedules.schedules())));
        if let Some(proc) = self.proc.clone() {
            drop(start("process", self.limit, outside(move || Observed::Found(processes.processes(&proc)))));
        }
    }

    /// Forgets all indexes, so that the next gathering reads the box anew.
    pub fn refresh(&self) {
        *self.indexes.lock().unwrap_or_else(PoisonError::into_inner) = Indexes::new(self.root.clone());
    }

    /// Which of these paths (absolute, as on the box) exist, and who could have made them, beside the found file's
    /// `facts`; in the order asked. Blocks, at most for the limit.
    pub fn host_paths(&self, paths: &[PathBuf], facts: &FileFacts) -> Vec<Observed<Referrer>> {
        let mut answers = Vec::with_capacity(paths.len());
        for paths in paths.chunks(AT_ONCE) {
            let asked = self.ask(facts);
            let look = |path: &PathBuf| {
                let path = path.clone();
                asked.start("path", self.limit, move |asked| asked.host_path(&path))
            };
            let running: Vec<Running<Referrer>> = paths.iter().map(look).collect();
            answers.extend(running.into_iter().map(Running::finish));
        }
        answers
    }

    /// The names of the accounts in a group of the box, safe to show. Blocks, at most for the limit.
    pub fn members(&self, group: &str) -> Observed<Vec<String>> {
        let (indexes, group) = (self.indexes(), group.to_owned());
        start("account", self.limit, move || indexes.accounts().members(&group)).finish()
    }

    /// All groups of the box with the names of their accounts, safe to show. Blocks, at most for the limit.
    pub(crate) fn groups(&self) -> Observed<Vec<(String, Observed<Vec<String>>)>> {
        let indexes = self.indexes();
        start("account", self.limit, move || Observed::Found(indexes.accounts().all_groups())).finish()
    }

    /// Looks up what evidence points to. Blocks, at most for the limit.
    pub(crate) fn look_up(&self, reference: &Reference) -> Referred {
        let (root, indexes, proc) = (self.root.clone(), self.indexes(), self.proc.clone());
        let of_processes = matches!(reference, Reference::Process(_));
        let reference = reference.clone();
        let look = move || Observed::Found(reference::look_up(&reference, &root, &indexes, proc.as_deref()));
        let running =
            if of_processes { start("process", self.limit, outside(look)) } else { start("look-up", self.limit, look) };
        match running.finish() {
            Observed::Found(page) => page,
            Observed::NotFound => Referred::default(),
            Observed::Unknown(why) => Referred::gap(why),
        }
    }

    /// As [`Gatherer::gather_about`], of a file alone.
    pub fn gather(&self, facts: &FileFacts) -> Evidence {
        self.gather_about(&About::file(facts))
    }

    /// Asks every probe about one file. Blocks, at most for about twice the limit, so call it off the UI thread.
    pub(crate) fn gather_about(&self, about: &About) -> Evidence {
        let facts = &about.facts;
        let (gathered_at, started) = (Timestamp::now(), Instant::now());
        let asked = self.ask(facts);
        let indexes = asked.indexes.clone();

        let path = asked.start("path", self.limit, Asked::path);
        let file = asked.start("file", self.limit, Asked::file);
        let folders = asked.start("folder", self.limit, Asked::folders);
        let package = asked.start("package", self.limit, Asked::package);
        let schedules = asked.start("schedule", self.limit, Asked::schedules);
        let (of_processes, peers) = (Arc::clone(&asked), about.peers.clone());
        let processes = start("process", self.limit, outside(move || of_processes.processes(&peers)));
        let checkout = asked
            .start("repository", self.limit, |asked| asked.path().and_then(|path| repository::of(&asked.root, &path)));
        let content = asked
            .start("content", self.limit, |asked| asked.path().and_then(|path| signature::kind(&asked.root, &path)));
        let around = asked.start("surroundings", self.limit, |asked| Observed::Found(asked.around()));
        let events = asked.start("event", self.limit, Asked::events);
        let baseline = asked.start("baseline", self.limit, |asked| Observed::Found(*asked.indexes.baseline()));
        let zone = asked.start("time zone", self.limit, |asked| clock::zone(&asked.root));
        let tools =
            asked.start("host", self.limit, |asked| asked.path().and_then(|path| host::tools(&asked.root, &path)));

        let now = match processes.finish() {
            Observed::Found(now) => now,
            Observed::NotFound => Now::of(Observed::NotFound, &Observed::NotFound),
            Observed::Unknown(why) => Now::of(Observed::Unknown(why.clone()), &Observed::Unknown(why)),
        };
        let Now { processes, unread, sockets, left_out, live } = now;
        let roles = roles(facts, &processes);
        let accounts = asked.start("account", self.limit, move |asked| asked.accounts(roles));
        let (schedules, persistence) = divided(schedules.finish());
        let around = around.finish();
        let unasked = |why: &str| around.reason().unwrap_or(why).to_owned();
        let (neighbours, first_line, layer, mut copies) = match around.found().cloned() {
            Some(Around { neighbours, first_line, layer, original }) => {
                (neighbours, first_line, layer, Vec::from_iter(original))
            }
            None => {
                let why = unasked("not looked at");
                (Observed::Unknown(why.clone()), Observed::Unknown(why), None, Vec::new())
            }
        };
        for path in &about.copies {
            if !copies.iter().any(|copy| copy.path == *path) {
                copies.push(SameContent { path: path.clone(), is_mirrored: false });
            }
        }
        Evidence {
            persistence,
            left_out,
            live,
            checkout: checkout.finish(),
            content: content.finish(),
            layer,
            copies,
            neighbours,
            first_line,
            events: events.finish(),
            baseline: baseline.finish(),
            facts: facts.clone(),
            path: path.finish().found().unwrap_or(&facts.path).clone(),
            file: file.finish(),
            folders: folders.finish(),
            package: package.finish(),
            schedules,
            processes,
            unread,
            sockets,
            accounts: accounts.finish(),
            tools: tools.finish(),
            zone: zone.finish(),
            gaps: indexes.gaps(),
            processes_at: indexes.processes_at(),
            gathered_at,
            took: started.elapsed(),
        }
    }

    fn ask(&self, facts: &FileFacts) -> Arc<Asked> {
        Arc::new(Asked {
            root: self.root.clone(),
            proc: self.proc.clone(),
            without: self.without,
            facts: facts.clone(),
            indexes: self.indexes(),
        })
    }

    fn indexes(&self) -> Indexes {
        let mut indexes = self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        indexes.renew();
        indexes.clone()
    }
}

/// Whose accounts matter for a file, and why.
fn roles(facts: &FileFacts, processes: &Observed<Vec<Process>>) -> Vec<(u32, String)> {
    let mut roles = vec![(facts.uid, "owner of the file".to_owned())];
    for process in processes.found().into_iter().flatten() {
        match roles.iter_mut().find(|(uid, _)| *uid == process.uid) {
            // One process is enough to say what kind of user this is.
            Some((_, role)) if role.contains("runs pid") => {}
            Some((_, role)) => role.extend([", runs pid ", &process.pid.to_string()]),
            None => roles.push((process.uid, format!("runs pid {}", process.pid))),
        }
    }
    roles
}

/// What is asked about.
#[derive(Debug, Clone)]
pub(crate) struct About {
    /// The file, as scanned.
    pub(crate) facts: FileFacts,
    /// The addresses that the rule's patterns name.
    pub(crate) peers: Vec<Peer>,
    /// Paths of other files of the scan with the same content.
    pub(crate) copies: Vec<PathBuf>,
}

impl About {
    /// A file of which nothing else is known.
    pub(crate) fn file(facts: &FileFacts) -> Self {
        Self { facts: facts.clone(), peers: Vec::new(), copies: Vec::new() }
    }
}

/// What runs and has to do with the file.
struct Now {
    processes: Observed<Vec<Process>>,
    unread: Observed<Vec<Process>>,
    sockets: Observed<Vec<Socket>>,
    left_out: Vec<LeftOut>,
    live: Vec<Socket>,
}

impl Now {
    /// The same answer for all.
    fn of(processes: Observed<Vec<Process>>, sockets: &Observed<Vec<Socket>>) -> Self {
        let unread = processes.clone();
        Self { processes, unread, sockets: sockets.clone(), left_out: Vec::new(), live: Vec::new() }
    }
}

/// What lies around the file.
#[derive(Clone)]
struct Around {
    neighbours: Observed<Vec<surroundings::Neighbour>>,
    first_line: Observed<String>,
    layer: Option<container::Layer>,
    original: Option<SameContent>,
}

/// What schedulers run, and what other places start.
fn divided(all: Observed<Vec<Schedule>>) -> (Observed<Vec<Schedule>>, Observed<Vec<Schedule>>) {
    match all {
        Observed::Found(all) => {
            let (places, schedules): (Vec<_>, Vec<_>) =
                all.into_iter().partition(|schedule| schedule.scheduler == Scheduler::Place);
            let found = |some: Vec<_>| if some.is_empty() { Observed::NotFound } else { Observed::Found(some) };
            (found(schedules), found(places))
        }
        other => (other.clone(), other),
    }
}

/// A question about one file, shared by the threads of all probes.
struct Asked {
    root: Root,
    proc: Option<PathBuf>,
    without: Option<u32>,
    facts: FileFacts,
    indexes: Indexes,
}

impl Asked {
    fn start<T: Send + 'static>(
        self: &Arc<Self>,
        what: &'static str,
        limit: Duration,
        probe: impl FnOnce(&Self) -> Observed<T> + Send + 'static,
    ) -> Running<T> {
        let asked = Arc::clone(self);
        start(what, limit, move || probe(&asked))
    }

    /// The file's path on the box with the links above it resolved.
    fn path(&self) -> Observed<PathBuf> {
        let Some(path) = self.root.on_box(self.facts.file()) else {
            let (path, root) = (text::escape_path(self.facts.file()), text::escape_path(self.root.dir()));
            return Observed::Unknown(format!("{path} does not lie below the root {root}"));
        };
        match self.root.locate(&path, false) {
            Ok(located) => Observed::Found(located.path),
            Err(_) => Observed::Found(path),
        }
    }

    fn file(&self) -> Observed<FileEvidence> {
        self.path().and_then(|path| file::file(&self.root, &path, &self.facts, &self.indexes.accounts()))
    }

    fn folders(&self) -> Observed<Vec<FolderEvidence>> {
        self.path().and_then(|path| {
            let folders = file::folders(&self.root, &path, &self.indexes.accounts());
            folders.map(|mut folders| {
                if let Some(nearest) = folders.first_mut() {
                    nearest.package = self.indexes.packages().owner(&nearest.path, None);
                }
                folders
            })
        })
    }

    fn around(&self) -> Around {
        let path = self.path();
        let asked = path.found().map_or(self.facts.path.as_path(), PathBuf::as_path);
        Around {
            neighbours: surroundings::neighbours(&self.root, asked, &self.facts),
            first_line: surroundings::first_line(&self.root, asked),
            layer: container::layer(&self.root, asked),
            original: surroundings::original(&self.root, asked, self.facts.digest),
        }
    }

    fn events(&self) -> Observed<Vec<event::BoxEvent>> {
        self.path().and_then(|path| {
            let zone = clock::BoxZone::of(&self.root).found().cloned().unwrap_or_else(clock::BoxZone::utc);
            self.indexes.events(&zone).around(&path, &self.facts)
        })
    }

    fn package(&self) -> Observed<PackageOwner> {
        // What a package says is of the file, not of what is in it.
        let digest = (!self.facts.is_inside()).then_some(self.facts.digest);
        self.path().and_then(|path| self.indexes.packages().owner(&path, digest))
    }

    fn schedules(&self) -> Observed<Vec<Schedule>> {
        self.path().and_then(|path| {
            let accounts = self.indexes.accounts();
            self.indexes.schedules().naming(&path, &self.facts, &self.indexes.packages(), &accounts)
        })
    }

    fn processes(&self, peers: &[Peer]) -> Observed<Now> {
        let Some(proc) = &self.proc else {
            return Observed::Unknown("not a live system".to_owned());
        };
        self.path().map(|path| {
            let (index, accounts) = (self.indexes.processes(proc), self.indexes.accounts());
            let sought = FileQuery { dev: self.facts.dev, ino: self.facts.ino, path: &path };
            let alive = index.of(&sought, &accounts, self.without);
            let processes = alive.found.map(|mut processes| {
                // Packages take longer to read than processes; where none runs the file they are not asked.
                if processes.iter().any(Process::runs_it) {
                    let packages = self.indexes.packages();
                    Vouching::new(&self.root, &packages, &index).all(&mut processes);
                }
                processes
            });
            let sockets = processes.as_ref().and_then(|processes| socket::of(&index, processes));
            let live = socket::connected_to(&index, peers, &accounts);
            Now { unread: index.unread(&accounts), processes, sockets, left_out: alive.left_out, live }
        })
    }

    fn host_path(&self, path: &Path) -> Observed<Referrer> {
        host::attributes(&self.root, path)
            .map(|is| Referrer::of(path, &is, &self.facts, &self.indexes.packages(), &self.indexes.accounts()))
    }

    fn accounts(&self, roles: Vec<(u32, String)>) -> Observed<Vec<Account>> {
        let accounts = self.indexes.accounts();
        if accounts.users().is_empty() {
            return match accounts.gaps.settle(Vec::new()) {
                Observed::Found(_) | Observed::NotFound => Observed::Unknown("/etc/passwd names nobody".to_owned()),
                unknown @ Observed::Unknown(_) => unknown,
            };
        }
        Observed::Found(roles.into_iter().map(|(uid, role)| accounts.account(uid, role)).collect())
    }
}

#[cfg(test)]
mod tests;
