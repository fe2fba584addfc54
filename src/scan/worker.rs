//! One worker: takes paths, reads the files, has them matched, and reports.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::Sender;
use jiff::Timestamp;
use rustix::fs::FileType;

use super::ScanEvent;
use super::control::{Control, Progress};
use super::coverage::{Leave, Reason, Unscanned};
use super::engine::{Engine, PartFacts, RuleMatches, Shelf};
use super::externals::Externals;
use super::facts;
use super::file_reader::{BufferRef, Checkpoint, FileReader};
use super::keeping::Keeping;
use super::memory::MemoryBudget;
use super::narrow::{Matching, Stop};
use super::only::Only;
use super::prefilter::{ExternalsOf, RuleIndex, Scratch};
use super::processes::Processes;
use super::read::{CHUNK, SizedFile};
use super::rules::{self, Pack, Ruleset};
use super::tree::{self, Tree};
use super::unresponsive::UnresponsiveDevices;
use super::walk::Held;
use super::windows::{PIECE, Windows};
use super::work_queue::Queue;
use super::worker_slot::{Batch, WorkerSlot};
use crate::accounts::Accounts;
use crate::archive::Limits;
use crate::finding::{Digest, FileFacts, Finding, FoundBy, KeptBytes, PatternMatch, RuleId, Sha256, StatedFacts};
use crate::root::{Folder, Mounts, OpenedFile, kind_name};
use crate::text::{self, subject::as_names};
use crate::timeout::blocking_call;

/// Files of more bytes than this are matched in parts where the rules allow it.
const HELD: u64 = 4 << 20;

/// What a scan asks of a file system before it has anything open. Any of it may hang.
#[derive(Debug, Clone, Copy)]
pub(super) struct System {
    /// Opens a file of the tree, from its folder if that is open.
    pub open: fn(&Tree, Option<&Folder>, &Path) -> io::Result<OpenedFile>,
    /// Opens a folder of the tree to be listed, from the one it lies in if that is open.
    pub open_folder: fn(&Tree, Option<&Folder>, &Path, Mounts) -> io::Result<Folder>,
}

impl System {
    /// The kernel's.
    pub(super) const REAL: Self = Self { open: Tree::open_file, open_folder: Tree::open_folder };
}

/// What all threads of a scan share.
pub(super) struct Shared {
    pub tree: Tree,
    pub system: System,
    pub rules: Arc<Ruleset>,
    pub accounts: Accounts,
    pub own: HashSet<(u64, u64)>,
    pub max_file_size: u64,
    /// Up to which size files are kept whole with their findings.
    pub keeping: Keeping,
    /// How much is taken out of archives; `None` to leave them closed.
    pub archives: Option<Limits>,
    pub processes: Processes,
    /// When the box was started, in seconds since 1970.
    pub boot: i64,
    /// Files that have not changed since are left out, and counted in `older`.
    pub newer: Option<Timestamp>,
    pub older: AtomicU64,
    /// The only paths of the tree that are scanned.
    pub only: Option<Arc<Only>>,
    pub match_timeout: Duration,
    pub file_timeout: Duration,
    pub memory: Arc<MemoryBudget>,
    /// How many workers there are at once.
    pub workers: usize,
    pub unresponsive: UnresponsiveDevices,
    /// Folders that their own folder lists as files: they are walked when all else is done.
    pub disguised: Mutex<Vec<PathBuf>>,
    pub control: Arc<Control>,
    pub progress: Arc<Progress>,
    pub events: Sender<ScanEvent>,
}

impl Shared {
    pub(super) fn unscanned(&self, unscanned: Unscanned) {
        if unscanned.reason.is_gap() {
            self.progress.gaps.fetch_add(1, Ordering::Relaxed);
        }
        self.send(ScanEvent::Unscanned(unscanned));
    }

    /// What is known to be left out once the whole tree was walked.
    pub(super) fn left_out(&self) {
        let start = self.tree.start();
        for missed in self.only.iter().flat_map(|only| only.missed(start)) {
            self.unscanned(missed);
        }
        let older = self.older.load(Ordering::Relaxed);
        if let Some(since) = self.newer.filter(|_| older > 0) {
            self.unscanned(Unscanned { path: start.to_owned(), reason: Reason::Older(older, since) });
        }
    }

    /// A watcher that is gone needs no scan.
    fn send(&self, event: ScanEvent) {
        if self.events.send(event).is_err() {
            self.control.cancel();
        }
    }
}

pub(super) struct Worker<'s> {
    pub shared: &'s Shared,
    slot: &'s WorkerSlot,
    engine: Engine<'s>,
    pub reader: FileReader<'s>,
    /// Room for the prefilter, used for one file after the other.
    scratch: Option<Scratch>,
    /// The same for its first pass, where there is one.
    first: Option<Scratch>,
    /// Whether rules may ask for a file's name.
    names: bool,
}

/// A file on its way through, or something inside of one.
pub(super) struct ScanSubject<'f> {
    pub path: &'f Path,
    /// The file itself.
    pub opened: &'f OpenedFile,
    pub content: SizedFile<'f>,
    /// What somebody else than the file system says of it.
    pub said: Option<Arc<StatedFacts>>,
    /// Whether it is memory of a process that runs the file: then the digest is the file's.
    pub is_memory: bool,
}

/// Works until there is nothing more to do, the scan is cancelled, or the worker is abandoned.
pub(super) fn run(slot: &WorkerSlot, shared: &Shared, queue: &Queue) {
    let mut next = queue.next();
    while next.is_some() {
        // With as many scanners as are kept, it begins anew.
        let shelf = Shelf::new();
        let mut worker = Worker::new(slot, shared, &shelf);
        while let Some(batch) = next.take() {
            if worker.batch(batch).is_err() {
                return;
            }
            next = queue.next();
            if worker.engine.is_full() {
                break;
            }
        }
    }
}

impl<'s> Worker<'s> {
    pub(super) fn new(slot: &'s WorkerSlot, shared: &'s Shared, shelf: &'s Shelf) -> Self {
        let engine = Engine::new(&shared.rules, shared.match_timeout, shelf);
        let names = shared.rules.asks_externals();
        let first = shared.rules.prefilter().first_scratch();
        Self { shared, slot, engine, reader: FileReader::new(slot, shared), scratch: None, first, names }
    }

    fn batch(&mut self, batch: Batch) -> Result<(), Leave> {
        let (device, folder) = (batch.device, batch.folder.clone());
        self.slot.with_rest(|rest| *rest = batch)?;
        while let Some(path) = self.slot.with_rest(|rest| rest.paths.pop())? {
            let outcome = self.file(&path, device, folder.as_deref().map(Held::folder));
            // An answer that came too late is not reported: coverage lists the file.
            self.slot.check()?;
            match outcome {
                Ok(()) => self.shared.unresponsive.record_success(device),
                Err(Leave::Unscanned(reason)) => {
                    if matches!(reason, Reason::NotAsListed { is, .. } if is == kind_name(FileType::Directory)) {
                        self.shared.disguised.lock().unwrap_or_else(PoisonError::into_inner).push(path.clone());
                    }
                    self.shared.unscanned(Unscanned { path, reason });
                }
                Err(Leave::Cancelled) => return Err(Leave::Cancelled),
            }
            self.shared.progress.files.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, device: u64, folder: Option<&Folder>) -> Result<(), Leave> {
        if let Some(others) = self.shared.unresponsive.blocked(device) {
            return Err(Leave::Unscanned(Reason::Silent(others)));
        }
        self.reader.begin_file(path, device)?;
        let opened = blocking_call(|| (self.shared.system.open)(&self.shared.tree, folder, path))?;
        self.reader.check()?;
        if self.shared.own.contains(&(opened.stat.st_dev, opened.stat.st_ino)) {
            return Err(Leave::Unscanned(Reason::Own));
        }
        if self.shared.newer.is_some_and(|since| !facts::is_newer(&opened, since)) {
            self.shared.older.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        let content = SizedFile::new(&opened.file, &opened.stat);
        let subject = ScanSubject { path, opened: &opened, content, said: None, is_memory: false };
        let read = self.content(&subject);
        // What is too large to be matched whole may still be taken apart.
        if matches!(read, Ok(_) | Err(Leave::Unscanned(Reason::TooLarge { .. })))
            && let Some(container) = self.reader.container.take()
        {
            self.members(&subject, container)?;
        }
        let read = read?;
        let after = blocking_call(|| rustix::fs::fstat(&opened.file)).map_err(io::Error::from)?;
        let is_made_up = || blocking_call(|| tree::pseudo_file_system_of(&opened.file)).is_some();
        let changed = facts::is_changed(&opened.stat, &after, read, is_made_up);
        match self.shared.tree.deleted() {
            _ if changed => Err(Leave::Unscanned(Reason::Changed)),
            Some(name) => Err(Leave::Unscanned(Reason::Deleted(name))),
            None => Ok(()),
        }
    }

    /// Has the content matched and reports; returns its bytes.
    pub(super) fn content(&mut self, subject: &ScanSubject) -> Result<u64, Leave> {
        let size = subject.content.size;
        let limit = self.shared.max_file_size;
        if size < CHUNK as u64 {
            return match self.reader.hold_small(&subject.content)? {
                Some(held) => self.whole(subject, held, None),
                None => self.large(subject, None),
            };
        }
        let rules = &self.shared.rules;
        // Where a first pass can tell whether the few rules that want every file want this one, the file need not be held.
        if rules.prefilter().always_full() && self.first.is_none() && size <= limit {
            return self.large(subject, None);
        }
        let shared = self.shared;
        let externals = |header: &[u8]| externals_of(shared, subject, header);
        let of_names: Option<&ExternalsOf> = if self.names { Some(&externals) } else { None };
        let mut first_left = None;
        if let Some(scratch) = self.first.take() {
            let mut pass = rules.prefilter().pass_in(scratch, size, of_names);
            let read = self.reader.stream(&subject.content, &mut pass);
            let (left, is_whole) = (pass.left().to_vec(), pass.is_whole());
            self.first = Some(pass.into_scratch());
            let read = read?;
            if left.is_empty() && is_whole {
                return Ok(read);
            }
            if size <= HELD && size <= limit {
                return self.large(subject, Some(left).filter(|_| is_whole));
            }
            first_left = Some(left).filter(|_| is_whole);
        }
        let mut pass = rules.prefilter().pass_in(self.take_scratch(), size, of_names);
        let read = self.reader.stream(&subject.content, &mut pass)?;
        let seconds = pass.left().to_vec();
        if let Some(first) = &first_left {
            rules.prefilter().learn(first, &seconds, size);
        }
        let told = |rule: &RuleIndex| size > HELD && rules.is_told_by_parts(*rule);
        let (near, whole): (Vec<RuleIndex>, Vec<RuleIndex>) = seconds.into_iter().partition(|rule| told(rule));
        let is_whole = pass.is_whole();
        self.scratch = Some(pass.into_scratch());
        if (!whole.is_empty() || !is_whole) && size <= limit {
            return self.large(subject, first_left);
        }
        if whole.len() == rules.prefilter().report().rules.len() && !whole.is_empty() {
            return Err(Leave::Unscanned(Reason::TooLarge { size, limit }));
        }
        self.parts(subject, &near)?;
        if !whole.is_empty() {
            self.note(subject, wants_whole(whole.len(), size, limit));
        }
        Ok(read)
    }

    fn take_scratch(&mut self) -> Scratch {
        self.scratch.take().unwrap_or_else(|| self.shared.rules.prefilter().scratch())
    }

    fn note(&self, subject: &ScanSubject, reason: Reason) {
        self.shared.unscanned(Unscanned { path: subject.path.to_owned(), reason });
    }

    /// Reads a file that does not fit in the chunk, and has it matched, as [`Worker::whole`] does.
    fn large(&mut self, subject: &ScanSubject, first_left: Option<Vec<RuleIndex>>) -> Result<u64, Leave> {
        // One that says it is empty and is not is as long as it likes.
        let wanted_bytes = if subject.content.size == 0 { u64::MAX } else { subject.content.size };
        let _share = self.reader.reserve(wanted_bytes)?;
        let read = self.reader.hold(&subject.content).and_then(|()| self.whole(subject, BufferRef::Held, first_left));
        self.reader.give_back();
        read
    }

    /// Matches content that is in memory, and reports. `first_left` is what a first pass left of the rules, if there was one.
    pub(super) fn whole(
        &mut self,
        subject: &ScanSubject,
        held: BufferRef,
        first_left: Option<Vec<RuleIndex>>,
    ) -> Result<u64, Leave> {
        let shared = self.shared;
        self.reader.check()?;
        let externals = |header: &[u8]| externals_of(shared, subject, header);
        let of_names: Option<&ExternalsOf> = if self.names { Some(&externals) } else { None };
        let bytes = self.reader.bytes(held);
        let size = bytes.len() as u64;
        let prefilter = shared.rules.prefilter();
        let mut first = first_left.map(|left| (left, false));
        if let (None, Some(scratch)) = (&first, self.first.take()) {
            let mut pass = prefilter.pass_in(scratch, size, of_names);
            pass.feed(bytes);
            first = Some((pass.left().to_vec(), pass.is_certain()));
            self.first = Some(pass.into_scratch());
        }
        let left = match first {
            Some((left, is_certain)) if is_certain || left.is_empty() => left,
            first => {
                let scratch = self.scratch.take().unwrap_or_else(|| prefilter.scratch());
                let mut pass = prefilter.pass_in(scratch, size, of_names);
                pass.feed(bytes);
                let mut left = pass.left().to_vec();
                self.scratch = Some(pass.into_scratch());
                if let Some((first, _)) = first {
                    left.retain(|rule| first.binary_search(rule).is_ok());
                    prefilter.learn(&first, &left, size);
                }
                left
            }
        };
        if left.is_empty() {
            return Ok(size);
        }
        let packs = shared.rules.packs_for_whole(&left, size);
        let mut externals = if self.names { externals_of(shared, subject, bytes) } else { Externals::default() };
        if packs.iter().any(|(_, pack)| pack.md5()) {
            externals = externals.with_md5(bytes);
        }
        let mut matching = Matching::new(&shared.rules, shared.match_timeout, &left);
        let Self { engine, reader, .. } = self;
        let outcome = matching.run(&packs, &mut |id, pack, limit| {
            reader.checkpoint()?;
            let bytes = reader.bytes(held);
            let Some(id) = id else { return Ok(engine.once(pack, bytes, &externals, limit)?) };
            let mut matched = engine.whole((id, pack), bytes, &externals)?;
            if !pack.searches() && !matched.is_empty() {
                let rules = matched.iter().map(|found| found.index).collect();
                if let Some((id, pack)) = shared.rules.searching_pack(rules) {
                    matched = engine.whole((id, &pack), bytes, &externals)?;
                }
            }
            Ok(matched)
        });
        if matches!(outcome, Err(Leave::Cancelled)) {
            return Err(Leave::Cancelled);
        }
        let found = matching.take_found();
        shared.rules.note_use(size, &left, found.iter().map(|found| found.index));
        if !found.is_empty() {
            let digest = if subject.is_memory {
                let executable = SizedFile::new(&subject.opened.file, &subject.opened.stat);
                reader.with_chunk(|reader, chunk| facts::digest(&executable, chunk, |_| reader.checkpoint()))?
            } else {
                Digest::Whole(Sha256::of(reader.bytes(held)))
            };
            let bytes = reader.bytes(held);
            report(&reader.checkpoints(), subject, (size, digest), found, |matches, whole| {
                KeptBytes::around(bytes, matches, whole)
            })?;
        }
        reader.check()?;
        matching.report_gaps(subject.path, shared);
        outcome.map(|()| size)
    }

    /// Matches rules around what their prefilters locate in a large file.
    fn parts(&mut self, subject: &ScanSubject, rules: &[RuleIndex]) -> Result<(), Leave> {
        if rules.is_empty() {
            return Ok(());
        }
        let shared = self.shared;
        let share = self.reader.reserve(PIECE)?;
        let mut matching = Matching::new(&shared.rules, shared.match_timeout, rules);
        let packs = shared.rules.packs(rules, subject.content.size);
        let mut doubts = BTreeSet::new();
        let outcome =
            matching.run(&packs, &mut |_, pack, limit| self.pack_in_parts(subject, (pack, limit), &mut doubts));
        drop(share);
        if matches!(outcome, Err(Leave::Cancelled)) {
            return Err(Leave::Cancelled);
        }
        let found = matching.take_found();
        shared.rules.note_use(subject.content.size, rules, found.iter().map(|found| found.index));
        self.report_parts(subject, found)?;
        self.reader.check()?;
        matching.report_gaps(subject.path, shared);
        for doubt in doubts {
            self.note(subject, Reason::Partly(doubt));
        }
        outcome
    }

    /// Matches one pack within a time; what is not sure goes to `doubts`.
    fn pack_in_parts(
        &mut self,
        subject: &ScanSubject,
        (pack, limit): (&Pack, Duration),
        doubts: &mut BTreeSet<String>,
    ) -> Result<Vec<RuleMatches>, Stop> {
        let Self { shared, engine, reader, names, .. } = self;
        let content = &subject.content;
        let impossible =
            || format!("{} could not be matched over parts of it", text::counted(pack.len() as u64, "rule"));
        let Some(told) = pack.parts() else {
            doubts.insert(impossible());
            return Ok(Vec::new());
        };
        reader.checkpoint()?;
        let windows = reader.with_chunk(|reader, chunk| {
            Windows::locate(content, &told.prefilter, told.windowed.reach(), chunk, |_| reader.checkpoint())
        })?;
        reader.hold_range(content, 0..rules::HEADER)?;
        let externals = if *names { externals_of(shared, subject, &reader.held) } else { Externals::default() };
        let facts = PartFacts { filesize: content.size, header: &reader.held, externals: &externals };
        let Some(mut parts) = engine.parts(pack, &facts, limit) else {
            doubts.insert(impossible());
            return Ok(Vec::new());
        };
        let mut pieces = windows.pieces(PIECE);
        while let Some(range) = pieces.next() {
            reader.checkpoint()?;
            reader.hold_range(content, range.clone())?;
            parts.scan(range.start, pieces.cut(&reader.held))?;
        }
        let found = parts.finish(|range| content.read(range).unwrap_or_default())?;
        reader.check()?;
        if !windows.complete {
            doubts.insert("it has more places to look at than are kept".to_owned());
        } else if !pieces.exact() {
            let what =
                "a long stretch full of places to look at had to be cut where a match may depend on what was cut off";
            doubts.insert(what.to_owned());
        }
        Ok(found)
    }

    /// Reports what was matched in parts of a file.
    fn report_parts(&mut self, subject: &ScanSubject, found: Vec<RuleMatches>) -> Result<(), Leave> {
        if found.is_empty() {
            return Ok(());
        }
        self.reader.checkpoint()?;
        let digest =
            self.reader.with_chunk(|reader, chunk| facts::digest(&subject.content, chunk, |_| reader.checkpoint()))?;
        let content = &subject.content;
        report(&self.reader.checkpoints(), subject, (content.size, digest), found, |matches, whole| {
            let most = whole.max(KeptBytes::MAX_BYTES);
            KeptBytes::gather(content.size, matches, whole, |range| {
                content.read(range.start..range.end.min(range.start + most)).ok()
            })
        })?;
        if digest.data_digest().is_some() {
            self.note(subject, Reason::DataDigest);
        }
        Ok(())
    }
}

/// What coverage says where so many rules were not matched.
pub(super) fn wants_whole(rules: usize, size: u64, limit: u64) -> Reason {
    let (size, limit) = (text::bytes(size), text::bytes(limit));
    let want = if rules == 1 { "wants" } else { "want" };
    let rules = text::counted(rules as u64, "rule");
    Reason::Partly(format!("{rules} {want} the file whole; it has {size}, the limit is {limit}"))
}

pub(super) fn externals_of(shared: &Shared, subject: &ScanSubject, header: &[u8]) -> Externals {
    let uid = subject.opened.stat.st_uid;
    let owner = shared.accounts.user_name(uid).map_or_else(|| uid.to_string(), str::to_owned);
    Externals::new(&as_names(subject.path), header, owner, shared.rules.options())
}

/// Reports what was found in a file of this size and digest. The file is asked for all that is told of it before
/// anything is told.
pub(super) fn report(
    checkpoint: &Checkpoint,
    subject: &ScanSubject,
    (size, digest): (u64, Digest),
    found: Vec<RuleMatches>,
    kept: impl Fn(&[PatternMatch], u64) -> KeptBytes,
) -> Result<(), Leave> {
    let shared = checkpoint.shared();
    let whole = shared.keeping.whole(size);
    // What is kept of a whole file is the same for all that found it.
    let shared_bytes = (size <= whole).then(|| Arc::new(kept(&[], whole)));
    let facts = facts::facts(subject.path, subject.opened, size, digest, &shared.accounts);
    let file = Arc::new(FileFacts { said: subject.said.clone(), ..facts });
    let matched: HashSet<RuleId> = found.iter().filter(|f| !f.candidate).map(|f| f.rule.clone()).collect();
    let told = found.into_iter().filter(|found| !(found.candidate && matched.contains(&found.rule)));
    let events = told.map(|RuleMatches { rule, candidate, matches, capped, .. }| {
        let file = Arc::clone(&file);
        let kept = shared_bytes.clone().unwrap_or_else(|| Arc::new(kept(&matches, whole)));
        let found_by = if candidate { FoundBy::Candidate(rule) } else { FoundBy::Rule(rule) };
        ScanEvent::Finding(Finding { found_by, file, matches, capped, kept })
    });
    let events: Vec<_> = events.collect();
    checkpoint.check()?;
    for event in events {
        shared.progress.findings.fetch_add(1, Ordering::Relaxed);
        shared.send(event);
    }
    Ok(())
}
