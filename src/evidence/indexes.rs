//! The indexes of one box: each is built once, by the first who asks.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::EvidenceGap;
use super::account::BoxAccounts;
use super::baseline::Baseline;
use super::event::Events;
use super::lazy::LazyIndex;
use super::observed::Gaps;
use super::package::Packages;
use super::process::ProcessIndex;
use super::schedule::Schedules;
use crate::root::Root;

/// Age from which `/proc` is read anew for the next finding, if that is quick.
const PROCESS_AGE: Duration = Duration::from_secs(15);

/// Clones share what has been built.
#[derive(Clone)]
pub(super) struct Indexes {
    root: Root,
    accounts: Arc<LazyIndex<BoxAccounts>>,
    packages: Arc<LazyIndex<Packages>>,
    schedules: Arc<LazyIndex<Schedules>>,
    processes: Arc<LazyIndex<ProcessIndex>>,
    events: Arc<LazyIndex<Events>>,
    baseline: Arc<LazyIndex<Baseline>>,
}

impl Indexes {
    /// Nothing is read yet.
    pub(super) fn new(root: Root) -> Self {
        Self {
            root,
            accounts: Arc::default(),
            packages: Arc::default(),
            schedules: Arc::default(),
            processes: Arc::default(),
            events: Arc::default(),
            baseline: Arc::default(),
        }
    }

    /// What the logs tell, in the box's time zone.
    pub(super) fn events(&self, zone: &TimeZone) -> Arc<Events> {
        self.events.get(|| Events::read(&self.root, &self.accounts(), zone))
    }

    /// How old the box is.
    pub(super) fn baseline(&self) -> Arc<Baseline> {
        self.baseline.get(|| Baseline::of(&self.root))
    }

    pub(super) fn accounts(&self) -> Arc<BoxAccounts> {
        self.accounts.get(|| BoxAccounts::read(&self.root))
    }

    pub(super) fn packages(&self) -> Arc<Packages> {
        self.packages.get(|| Packages::read(&self.root))
    }

    /// Has whoever asks for packages wait until the other end of `gate` is dropped; says when that is so.
    #[cfg(test)]
    pub(super) fn hold_packages(&self, held: &std::sync::mpsc::Sender<()>, gate: &std::sync::mpsc::Receiver<()>) {
        self.packages.get(|| {
            let _ = held.send(());
            let _ = gate.recv();
            Packages::read(&self.root)
        });
    }

    /// The packages, if they have been read by now.
    pub(super) fn packages_by_now(&self) -> Option<Arc<Packages>> {
        self.packages.built()
    }

    pub(super) fn schedules(&self) -> Arc<Schedules> {
        self.schedules.get(|| Schedules::read(&self.root, &self.accounts()))
    }

    /// The processes below `proc`.
    pub(super) fn processes(&self, proc: &Path) -> Arc<ProcessIndex> {
        self.processes.get(|| ProcessIndex::read(proc))
    }

    /// When the processes were read, if they were.
    pub(super) fn processes_at(&self) -> Option<Timestamp> {
        self.processes.built().map(|processes| processes.at)
    }

    /// Forgets the processes when they are old.
    pub(super) fn renew(&mut self) {
        if self.processes.is_worth_renewing(PROCESS_AGE) {
            self.processes = Arc::default();
        }
    }

    /// What could not be read for the indexes built so far.
    pub(super) fn gaps(&self) -> Vec<EvidenceGap> {
        let accounts = self.accounts.built();
        let packages = self.packages.built();
        let schedules = self.schedules.built();
        let processes = self.processes.built();
        let events = self.events.built();
        let gaps = [
            ("event", events.as_ref().map(|index| &index.gaps)),
            ("account", accounts.as_ref().map(|index| &index.gaps)),
            ("package", packages.as_ref().map(|index| &index.gaps)),
            ("process", processes.as_ref().map(|index| &index.gaps)),
            ("schedule", schedules.as_ref().map(|index| &index.gaps)),
        ];
        let lines = |(probe, gaps): (_, Option<&Gaps>)| {
            gaps.into_iter()
                .flat_map(Gaps::lines)
                .map(move |text| EvidenceGap { probe: Cow::Borrowed(probe), text })
                .collect::<Vec<_>>()
        };
        gaps.into_iter().flat_map(lines).collect()
    }
}
