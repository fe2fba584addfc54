//! One worker: takes paths, reads the files, has them matched, and reports.

mod parts;

use std::io;
use std::path::Path;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use rustix::fs::FileType;

use super::coverage::{Leave, Reason, Unscanned};
use super::engine::{Engine, ScannerRules};
use super::externals::Externals;
use super::facts;
use super::file_reader::{BufferRef, FileReader};
use super::narrow::Matching;
use super::open_folder::OpenFolder;
use super::prefilter::{ExternalsOf, RuleIndex, Scratch};
use super::read::{CHUNK, SizedFile};
use super::shared::Shared;
use super::subject::{ScanSubject, externals_of, report, wants_whole};
use super::tree;
use super::work_queue::Queue;
use super::worker_slot::{Batch, WorkerSlot};
use crate::finding::{Digest, KeptBytes, Sha256};
use crate::root::{Folder, kind_name};
use crate::timeout::blocking_call;

/// Files of more bytes than this are matched in parts where the rules allow it.
const HELD: u64 = 4 << 20;

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

/// Works until there is nothing more to do, the scan is cancelled, or the worker is abandoned.
pub(super) fn run(slot: &WorkerSlot, shared: &Shared, queue: &Queue) {
    let mut next = queue.next();
    while next.is_some() {
        // With as many scanners as are kept, it begins anew.
        let shelf = ScannerRules::new();
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
    pub(super) fn new(slot: &'s WorkerSlot, shared: &'s Shared, shelf: &'s ScannerRules) -> Self {
        let engine = Engine::new(&shared.rules, shared.match_timeout, shelf);
        let names = shared.rules.asks_externals();
        let first = shared.rules.prefilter().first_scratch();
        Self { shared, slot, engine, reader: FileReader::new(slot, shared), scratch: None, first, names }
    }

    fn batch(&mut self, batch: Batch) -> Result<(), Leave> {
        let (device, folder) = (batch.device, batch.folder.clone());
        self.slot.with_rest(|rest| *rest = batch)?;
        while let Some(path) = self.slot.with_rest(|rest| rest.paths.pop())? {
            let outcome = self.file(&path, device, folder.as_deref().map(OpenFolder::folder));
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
        let subject = ScanSubject { path, opened: &opened, content, stated: None, is_memory: false };
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
        if let Some(first) = &first_left {
            pass = pass.only(first);
        }
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
                let first = first.map(|(first, _)| first);
                let mut pass = prefilter.pass_in(scratch, size, of_names);
                if let Some(first) = &first {
                    pass = pass.only(first);
                }
                pass.feed(bytes);
                let left = pass.left().to_vec();
                self.scratch = Some(pass.into_scratch());
                if let Some(first) = first {
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
}
