//! The probes about one file under way: each on a thread of its own, and its answer put into the evidence when it comes.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::asked::{Around, AskedFile, RunningNow, STILL_ASKED, SharedQuestion};
use super::observed::Observed;
use super::probe::{RunningProbe, outside, start};
use super::process::Process;
use super::schedule::Starters;
use super::surroundings::SameContent;
use super::{Evidence, clock, host, repository, signature};
use crate::finding::FileFacts;

/// A probe that has not answered.
struct Open {
    /// When its time is up.
    until: Instant,
    /// Puts its answer, or why there is none, into the evidence.
    put: Box<dyn FnOnce(&mut Evidence)>,
    /// Whether it is the one that the accounts depend on.
    is_of_processes: bool,
}

/// All probes about one file.
pub(super) struct Asking {
    pub(super) asked: Arc<SharedQuestion>,
    limit: Duration,
    open: Vec<Option<Open>>,
    tell: Sender<usize>,
    arrived: Receiver<usize>,
}

/// Says, when its probe ends however it ends, that this has ended.
struct Ended {
    number: usize,
    tell: Sender<usize>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.tell.send(self.number);
    }
}

impl Asking {
    pub(super) fn new(asked: Arc<SharedQuestion>, limit: Duration) -> Self {
        let (tell, arrived) = unbounded();
        Self { asked, limit, open: Vec::new(), tell, arrived }
    }

    /// Whether some probe has not answered.
    pub(super) fn is_open(&self) -> bool {
        self.open.iter().any(Option::is_some)
    }

    /// Starts every probe but that of the accounts, which depends on the processes.
    pub(super) fn all(&mut self, about: &AskedFile) {
        self.ask(
            "path",
            |asked| asked.path(),
            |evidence, path| {
                if let Observed::Found(path) = path {
                    evidence.path = path;
                }
            },
        );
        self.ask("file", |asked| asked.file(), |evidence, file| evidence.file = file);
        self.ask(
            "folder",
            |asked| asked.folders(),
            |evidence, folders| {
                if evidence.folders.reason() == Some(STILL_ASKED) {
                    evidence.folders = folders;
                }
            },
        );
        self.ask(
            "folder",
            |asked| asked.folders_and_package(),
            |evidence, with_package| {
                match (&mut evidence.folders, with_package) {
                    // What is known of the folders stands, though their package is not known.
                    (Observed::Found(folders), Observed::Unknown(why)) => {
                        if let Some(nearest) = folders.first_mut() {
                            nearest.package = Observed::Unknown(why);
                        }
                    }
                    (folders, with_package) => *folders = with_package,
                }
            },
        );
        self.ask(
            "content",
            |asked| asked.path().and_then(|path| signature::kind(&asked.root, &path)),
            |evidence, kind| {
                evidence.content = kind;
            },
        );
        self.ask("surroundings", |asked| Observed::Found(asked.around()), put_around);
        self.ask("time zone", |asked| clock::zone(&asked.root), |evidence, zone| evidence.zone = zone);
        self.ask(
            "host",
            |asked| asked.path().and_then(|path| host::tools(&asked.root, &path)),
            |evidence, tools| {
                evidence.tools = tools;
            },
        );
        self.ask(
            "repository",
            |asked| asked.path().and_then(|path| repository::of(&asked.root, &path)),
            |evidence, of| {
                evidence.checkout = of;
            },
        );
        self.ask("package", |asked| asked.package(), |evidence, package| evidence.package = package);
        self.ask(
            "baseline",
            |asked| Observed::Found(*asked.indexes.baseline()),
            |evidence, baseline| {
                evidence.baseline = baseline;
            },
        );
        self.ask(
            "schedule",
            |asked| asked.schedules(),
            |evidence, schedules| {
                (evidence.schedules, evidence.persistence) = match schedules {
                    Observed::Found(Starters { schedules, places }) => (schedules, places),
                    Observed::NotFound => (Observed::NotFound, Observed::NotFound),
                    Observed::Unknown(why) => (Observed::Unknown(why.clone()), Observed::Unknown(why)),
                };
            },
        );
        self.ask("event", |asked| asked.events(), |evidence, events| evidence.events = events);
        let peers = about.peers.clone();
        let processes = move |asked: &Arc<SharedQuestion>| {
            let asked = Arc::clone(asked);
            outside(move || asked.processes(&peers))()
        };
        self.ask("process", processes, put_processes);
        if let Some(Some(last)) = self.open.last_mut() {
            last.is_of_processes = true;
        }
    }

    fn ask<T: Send + 'static>(
        &mut self,
        what: &'static str,
        probe: impl FnOnce(&Arc<SharedQuestion>) -> Observed<T> + Send + 'static,
        put: impl FnOnce(&mut Evidence, Observed<T>) + 'static,
    ) {
        let (asked, ended) = (Arc::clone(&self.asked), Ended { number: self.open.len(), tell: self.tell.clone() });
        let until = Instant::now() + self.limit;
        let running: RunningProbe<T> = start(what, self.limit, move || {
            let _ended = ended;
            probe(&asked)
        });
        let put = Box::new(move |evidence: &mut Evidence| put(evidence, running.finish()));
        self.open.push(Some(Open { until, put, is_of_processes: false }));
    }

    /// Waits for the next answer, until `until` at most, and puts it and all that have come with it into the evidence.
    /// Returns whether there was any.
    pub(super) fn take(&mut self, evidence: &mut Evidence, until: Option<Instant>) -> bool {
        let last = self.open.iter().flatten().map(|open| open.until).min();
        let Some(wake) = [until, last].into_iter().flatten().min() else { return false };
        let mut ended: Vec<usize> =
            self.arrived.recv_deadline(wake).into_iter().chain(self.arrived.try_iter()).collect();
        let now = Instant::now();
        let is_late = |open: &Option<Open>| open.as_ref().is_some_and(|open| open.until <= now);
        ended.extend(self.open.iter().enumerate().filter(|(_, open)| is_late(open)).map(|(number, _)| number));
        let mut is_any = false;
        for number in ended {
            let Some(open) = self.open.get_mut(number).and_then(Option::take) else { continue };
            (open.put)(evidence);
            is_any = true;
            if open.is_of_processes {
                let roles = roles(&evidence.facts, &evidence.processes);
                self.ask(
                    "account",
                    move |asked| asked.accounts(roles),
                    |evidence, accounts| evidence.accounts = accounts,
                );
            }
        }
        is_any
    }
}

fn put_processes(evidence: &mut Evidence, now: Observed<RunningNow>) {
    let RunningNow { processes, unread, sockets, left_out, live } = match now {
        Observed::Found(now) => now,
        Observed::NotFound => RunningNow::of(Observed::NotFound, &Observed::NotFound),
        Observed::Unknown(why) => RunningNow::of(Observed::Unknown(why.clone()), &Observed::Unknown(why)),
    };
    (evidence.processes, evidence.unread, evidence.sockets) = (processes, unread, sockets);
    (evidence.left_out, evidence.live) = (left_out, live);
}

fn put_around(evidence: &mut Evidence, around: Observed<Around>) {
    match around {
        Observed::Found(Around { neighbours, first_line, layer, original }) => {
            (evidence.neighbours, evidence.first_line, evidence.layer) = (neighbours, first_line, layer);
            evidence.copies.extend(original);
        }
        other => {
            let why = other.reason().unwrap_or("not looked at").to_owned();
            evidence.neighbours = Observed::Unknown(why.clone());
            evidence.first_line = Observed::Unknown(why);
        }
    }
}

impl Evidence {
    /// Adds a path with the same content.
    pub(crate) fn add_copy(&mut self, path: &Path) {
        if !self.copies.iter().any(|copy| copy.path == path) {
            self.copies.push(SameContent { path: path.to_owned(), is_mirrored: false });
        }
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
