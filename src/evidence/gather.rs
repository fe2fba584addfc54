//! Asking all probes about one file, each in its own thread and within its time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Evidence;
use super::asked::{AskedFile, STILL_ASKED, SharedQuestion};
use super::asking::Asking;
use super::indexes::Indexes;
use super::observed::Observed;
use super::probe::{RunningProbe, outside, start};
use super::reference::{self, Reference, Referred};
use super::referrer::Referrer;
use crate::finding::FileFacts;
use crate::root::Root;

/// Time that a probe may take before its answer is "unknown".
const LIMIT: Duration = Duration::from_secs(10);
/// Answers of probes that come within this time are told together.
const TOGETHER: Duration = Duration::from_millis(20);
/// Paths looked up at the same time.
const AT_ONCE: usize = 32;

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
        self.look_at(paths, facts, SharedQuestion::host_path)
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
        self.gather_about(&AskedFile::file(facts))
    }

    /// Asks every probe about one file. Blocks, at most for about twice the limit, so call it off the UI thread.
    pub(crate) fn gather_about(&self, about: &AskedFile) -> Evidence {
        self.gather_telling(about, &mut |_| ())
    }

    /// The same, and tells what is known so far whenever probes have answered while others have not: that is unknown then,
    /// because of [`STILL_ASKED`].
    pub fn gather_telling(&self, about: &AskedFile, tell: &mut dyn FnMut(&Evidence)) -> Evidence {
        let (gathered_at, started) = (Timestamp::now(), Instant::now());
        let mut asking = Asking::new(self.ask(&about.facts), self.limit);
        asking.all(about);
        let indexes = asking.asked.indexes.clone();
        let mut evidence = Evidence::not_gathered(about.facts.clone(), &about.facts.path, STILL_ASKED);
        let so_far = |evidence: &mut Evidence| {
            (evidence.gathered_at, evidence.took) = (gathered_at, started.elapsed());
            (evidence.gaps, evidence.processes_at) = (indexes.gaps(), indexes.processes_at());
        };
        let mut untold: Option<Instant> = None;
        while asking.is_open() {
            if asking.take(&mut evidence, untold.map(|since| since + TOGETHER)) {
                untold.get_or_insert_with(Instant::now);
            }
            if untold.is_some_and(|since| since.elapsed() >= TOGETHER) && asking.is_open() {
                untold = None;
                so_far(&mut evidence);
                tell(&evidence);
            }
        }
        for path in &about.copies {
            evidence.add_copy(path);
        }
        so_far(&mut evidence);
        evidence
    }

    /// As [`Gatherer::host_paths`], as far as that can be told at once: which package ships a path is unknown while the
    /// packages are still being read.
    pub(crate) fn host_paths_by_now(&self, paths: &[PathBuf], facts: &FileFacts) -> Vec<Observed<Referrer>> {
        self.look_at(paths, facts, SharedQuestion::host_path_by_now)
    }

    fn look_at(
        &self,
        paths: &[PathBuf],
        facts: &FileFacts,
        look: fn(&SharedQuestion, &Path) -> Observed<Referrer>,
    ) -> Vec<Observed<Referrer>> {
        let mut answers = Vec::with_capacity(paths.len());
        for paths in paths.chunks(AT_ONCE) {
            let asked = self.ask(facts);
            let start_one = |path: &PathBuf| {
                let (asked, path) = (Arc::clone(&asked), path.clone());
                start("path", self.limit, move || look(&asked, &path))
            };
            let running: Vec<RunningProbe<Referrer>> = paths.iter().map(start_one).collect();
            answers.extend(running.into_iter().map(RunningProbe::finish));
        }
        answers
    }

    fn ask(&self, facts: &FileFacts) -> Arc<SharedQuestion> {
        Arc::new(SharedQuestion {
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

#[cfg(test)]
mod tests;
