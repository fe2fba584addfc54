//! The questions about one file, as the threads of the probes ask them.

use std::path::{Path, PathBuf};

use super::account::Account;
use super::file::{self, FileEvidence, FolderEvidence};
use super::indexes::Indexes;
use super::observed::Observed;
use super::package::PackageOwner;
use super::process::{FileQuery, LeftOut, Process};
use super::referrer::Referrer;
use super::schedule::Starters;
use super::socket::{self, Peer, Socket};
use super::surroundings::SameContent;
use super::vouch::Vouching;
use super::{clock, container, event, host, surroundings};
use crate::finding::FileFacts;
use crate::root::Root;
use crate::text;

/// Why something is not known that a probe has yet to answer.
pub(crate) const STILL_ASKED: &str = "the box is still being asked";

/// What is asked about.
#[derive(Debug, Clone)]
pub struct AskedFile {
    /// The file, as scanned.
    pub facts: FileFacts,
    /// The addresses that the rule's patterns name.
    pub(crate) peers: Vec<Peer>,
    /// Paths of other files of the scan with the same content.
    pub copies: Vec<PathBuf>,
}

impl AskedFile {
    /// A file of which nothing else is known.
    pub fn file(facts: &FileFacts) -> Self {
        Self { facts: facts.clone(), peers: Vec::new(), copies: Vec::new() }
    }
}

/// A question about one file, shared by the threads of all probes.
pub(super) struct SharedQuestion {
    pub(super) root: Root,
    pub(super) proc: Option<PathBuf>,
    pub(super) without: Option<u32>,
    pub(super) facts: FileFacts,
    pub(super) indexes: Indexes,
}

impl SharedQuestion {
    /// The file's path on the box with the links above it resolved.
    pub(super) fn path(&self) -> Observed<PathBuf> {
        let Some(path) = self.root.on_box(self.facts.file()) else {
            let (path, root) = (text::escape_path(self.facts.file()), text::escape_path(self.root.dir()));
            return Observed::Unknown(format!("{path} does not lie below the root {root}"));
        };
        match self.root.locate(&path, false) {
            Ok(located) => Observed::Found(located.path),
            Err(_) => Observed::Found(path),
        }
    }

    pub(super) fn file(&self) -> Observed<FileEvidence> {
        self.path().and_then(|path| file::file(&self.root, &path, &self.facts, &self.indexes.accounts()))
    }

    /// The folders above the file; whose the nearest is, is not asked yet.
    pub(super) fn folders(&self) -> Observed<Vec<FolderEvidence>> {
        let package = || Observed::Unknown(STILL_ASKED.to_owned());
        self.folders_with(package)
    }

    /// The same with the package of the nearest.
    pub(super) fn folders_and_package(&self) -> Observed<Vec<FolderEvidence>> {
        self.path().and_then(|path| {
            let nearest = path.parent().unwrap_or(&path);
            self.folders_with(|| self.indexes.packages().owner(nearest, None))
        })
    }

    fn folders_with(&self, package: impl FnOnce() -> Observed<PackageOwner>) -> Observed<Vec<FolderEvidence>> {
        self.path().and_then(|path| {
            let folders = file::folders(&self.root, &path, &self.indexes.accounts());
            folders.map(|mut folders| {
                if let Some(nearest) = folders.first_mut() {
                    nearest.package = package();
                }
                folders
            })
        })
    }

    pub(super) fn around(&self) -> Around {
        let path = self.path();
        let asked = path.found().map_or(self.facts.path.as_path(), PathBuf::as_path);
        Around {
            neighbours: surroundings::neighbours(&self.root, asked, &self.facts),
            first_line: surroundings::first_line(&self.root, asked),
            layer: container::layer(&self.root, asked),
            original: surroundings::original(&self.root, asked, self.facts.digest),
        }
    }

    pub(super) fn events(&self) -> Observed<Vec<event::BoxEvent>> {
        self.path().and_then(|path| {
            let zone = clock::BoxZone::of(&self.root).found().cloned().unwrap_or_else(clock::BoxZone::utc);
            self.indexes.events(&zone).around(&path, &self.facts)
        })
    }

    pub(super) fn package(&self) -> Observed<PackageOwner> {
        // What a package says is of the file, not of what is in it.
        let digest = (!self.facts.is_inside()).then_some(self.facts.digest);
        self.path().and_then(|path| self.indexes.packages().owner(&path, digest))
    }

    /// What schedulers run of the file, and what other places start of it.
    pub(super) fn schedules(&self) -> Observed<Starters> {
        self.path().map(|path| {
            let (accounts, schedules) = (self.indexes.accounts(), self.indexes.schedules());
            schedules.divided(schedules.naming(&path, &self.facts, &self.indexes.packages(), &accounts))
        })
    }

    pub(super) fn processes(&self, peers: &[Peer]) -> Observed<RunningNow> {
        let Some(proc) = &self.proc else {
            return Observed::Unknown("an image has no processes".to_owned());
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
            RunningNow { unread: index.unread(&accounts), processes, sockets, left_out: alive.left_out, live }
        })
    }

    /// Whether a path is there, and who could have made it.
    pub(super) fn host_path(&self, path: &Path) -> Observed<Referrer> {
        self.host_path_with(path, || self.indexes.packages().owner(path, None))
    }

    /// The same without its package, while the packages are still being read.
    pub(super) fn host_path_by_now(&self, path: &Path) -> Observed<Referrer> {
        self.host_path_with(path, || match self.indexes.packages_by_now() {
            Some(packages) => packages.owner(path, None),
            None => Observed::Unknown(STILL_ASKED.to_owned()),
        })
    }

    fn host_path_with(&self, path: &Path, package: impl FnOnce() -> Observed<PackageOwner>) -> Observed<Referrer> {
        host::attributes(&self.root, path)
            .map(|is| Referrer::of(path, &is, &self.facts, package(), &self.indexes.accounts()))
    }

    pub(super) fn accounts(&self, roles: Vec<(u32, String)>) -> Observed<Vec<Account>> {
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

/// What runs and has to do with the file.
pub(super) struct RunningNow {
    pub(super) processes: Observed<Vec<Process>>,
    pub(super) unread: Observed<Vec<Process>>,
    pub(super) sockets: Observed<Vec<Socket>>,
    pub(super) left_out: Vec<LeftOut>,
    pub(super) live: Vec<Socket>,
}

impl RunningNow {
    /// The same answer for all.
    pub(super) fn of(processes: Observed<Vec<Process>>, sockets: &Observed<Vec<Socket>>) -> Self {
        let unread = processes.clone();
        Self { processes, unread, sockets: sockets.clone(), left_out: Vec::new(), live: Vec::new() }
    }
}

/// What lies around the file.
#[derive(Clone)]
pub(super) struct Around {
    pub(super) neighbours: Observed<Vec<surroundings::Neighbour>>,
    pub(super) first_line: Observed<String>,
    pub(super) layer: Option<container::Layer>,
    pub(super) original: Option<SameContent>,
}
