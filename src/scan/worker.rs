//! One worker: takes paths, reads the files, has them matched, and reports.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};

use super::control::{Control, Progress};
use super::coverage::{Leave, Reason, Unscanned};
use super::desk::{Desk, Held};
use super::engine::{Engine, PartFacts, RuleMatches};
use super::externals::Externals;
use super::facts;
use super::memory::Memory;
use super::read::{CHUNK, Content};
use super::rules::{self, Group, Ruleset};
use super::tree::{self, Opened, Tree};
use super::windows::{PIECE, Windows};
use super::{Candidate, Event};
use crate::accounts::Accounts;
use crate::finding::{Digest, Finding, KeptBytes, PatternMatch, RuleId, Sha256};
use crate::text;

/// Files of fewer bytes than this go to yara-x at once: measured, the prefilter pays from here on.
const SMALL: usize = 8 * 1024;
/// Files of more bytes than this are matched in parts where the rules allow it.
const HELD: u64 = 4 << 20;

/// What all workers of a scan share.
pub(super) struct Shared {
    pub tree: Tree,
    pub rules: Arc<Ruleset>,
    pub accounts: Accounts,
    pub own: HashSet<(u64, u64)>,
    pub max_file_size: u64,
    pub match_timeout: Duration,
    pub memory: Memory,
    pub control: Arc<Control>,
    pub progress: Arc<Progress>,
    pub events: Sender<Event>,
}

impl Shared {
    pub fn unscanned(&self, unscanned: Unscanned) {
        if unscanned.reason.is_gap() {
            self.progress.gaps.fetch_add(1, Ordering::Relaxed);
        }
        self.send(Event::Unscanned(unscanned));
    }

    /// A watcher that is gone needs no scan.
    fn send(&self, event: Event) {
        if self.events.send(event).is_err() {
            self.control.cancel();
        }
    }
}

pub(super) struct Worker<'s> {
    shared: &'s Shared,
    engine: Engine<'s>,
    desk: Desk<'s>,
}

/// A file on its way through.
struct Subject<'f> {
    path: &'f Path,
    opened: &'f Opened,
    content: Content<'f>,
}

impl<'s> Worker<'s> {
    pub fn new(id: usize, shared: &'s Shared) -> Self {
        Self { shared, engine: Engine::new(&shared.rules, shared.match_timeout), desk: Desk::new(id, shared) }
    }

    /// Works until the walk has no more paths or the scan is cancelled.
    pub fn run(mut self, paths: &Receiver<Vec<PathBuf>>) {
        for batch in paths {
            for path in batch {
                match self.file(&path) {
                    Ok(()) => {}
                    Err(Leave::Unscanned(reason)) => self.shared.unscanned(Unscanned { path, reason }),
                    Err(Leave::Cancelled) => return,
                }
                self.shared.progress.files.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn file(&mut self, path: &Path) -> Result<(), Leave> {
        self.desk.begin_file(path)?;
        let opened = self.shared.tree.open_file(path)?;
        if self.shared.own.contains(&(opened.stat.st_dev, opened.stat.st_ino)) {
            return Err(Leave::Unscanned(Reason::Own));
        }
        let subject = Subject { path, opened: &opened, content: Content::new(&opened.file, &opened.stat) };
        let read = self.content(&subject)?;
        let after = rustix::fs::fstat(&opened.file).map_err(io::Error::from)?;
        let is_made_up = || tree::pseudo_file_system_of(&opened.file).is_some();
        let changed = facts::is_changed(&opened.stat, &after, read, is_made_up);
        if changed { Err(Leave::Unscanned(Reason::Changed)) } else { Ok(()) }
    }

    /// Has the content matched and reports; returns its bytes.
    fn content(&mut self, subject: &Subject) -> Result<u64, Leave> {
        let size = subject.content.size;
        let groups = self.shared.rules.groups();
        if size < CHUNK as u64 {
            return match self.desk.hold_small(&subject.content)? {
                Some(held) => self.whole(subject, held, |_| true),
                None => self.large(subject, |_| true),
            };
        }
        let wants_all = groups.iter().any(|group| group.prefilter().is_none());
        if wants_all && size <= self.shared.max_file_size {
            return self.large(subject, |_| true);
        }
        let (open, read) = self.desk.stream(&subject.content, groups)?;
        let in_parts =
            |index: &usize| size > HELD && groups.get(*index).is_some_and(|group| group.windowed().is_some());
        let (parts, whole): (Vec<usize>, Vec<usize>) = open.iter().partition(|index| in_parts(index));
        if !whole.is_empty() && size <= self.shared.max_file_size {
            return self.large(subject, |index| open.contains(&index));
        }
        let found = self.parts(subject, &parts)?;
        self.report_parts(subject, found)?;
        let limit = self.shared.max_file_size;
        if !whole.is_empty() && whole.len() == groups.len() {
            return Err(Leave::Unscanned(Reason::TooLarge { size, limit }));
        }
        if !whole.is_empty() {
            let rules: usize = whole.iter().filter_map(|&index| groups.get(index)).map(Group::len).sum();
            let (size, limit) = (text::bytes(size), text::bytes(limit));
            let what = format!("{rules} rules want the file whole; it has {size}, the limit is {limit}");
            self.note(subject, Reason::Partly(what));
        }
        Ok(read)
    }

    fn note(&self, subject: &Subject, reason: Reason) {
        self.shared.unscanned(Unscanned { path: subject.path.to_owned(), reason });
    }

    /// Reads a file that does not fit in the chunk, and matches the groups that `wanted` names.
    fn large(&mut self, subject: &Subject, wanted: impl Fn(usize) -> bool) -> Result<u64, Leave> {
        // One that says it is empty and is not is as long as it likes.
        let wanted_bytes = if subject.content.size == 0 { u64::MAX } else { subject.content.size };
        let _share = self.desk.share_of(wanted_bytes)?;
        let read = self.desk.hold(&subject.content).and_then(|()| self.whole(subject, Held::Buffer, wanted));
        self.desk.give_back();
        read
    }

    /// Matches content that is in memory, and reports.
    fn whole(&mut self, subject: &Subject, held: Held, wanted: impl Fn(usize) -> bool) -> Result<u64, Leave> {
        let shared = self.shared;
        let bytes = self.desk.bytes(held);
        let mut found = Vec::new();
        let mut externals = None;
        for (index, group) in shared.rules.groups().iter().enumerate() {
            if !wanted(index) || (matches!(held, Held::Chunk(_)) && is_ruled_out(group, bytes)) {
                continue;
            }
            let externals = externals.get_or_insert_with(|| externals_of(shared, subject, bytes));
            found.extend(self.engine.whole(index, bytes, externals).map_err(Leave::Unscanned)?);
        }
        if !found.is_empty() {
            let digest = Digest::Whole(Sha256::of(bytes));
            let size = bytes.len() as u64;
            report(shared, subject, size, digest, found, |matches| KeptBytes::around(bytes, matches));
        }
        Ok(bytes.len() as u64)
    }

    /// Matches groups of rules around what their prefilters locate in a large file.
    fn parts(&mut self, subject: &Subject, groups: &[usize]) -> Result<Vec<RuleMatches>, Leave> {
        let Self { shared, engine, desk } = self;
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let content = &subject.content;
        let _share = desk.share_of(PIECE)?;
        let mut found = Vec::new();
        for &index in groups {
            let group = shared.rules.groups().get(index);
            let Some((prefilter, windowed)) = group.and_then(|group| group.prefilter().zip(group.windowed())) else {
                continue;
            };
            let windows = desk.with_chunk(|desk, chunk| {
                Windows::locate(content, prefilter, windowed.reach(), chunk, |_| desk.checkpoint())
            })?;
            desk.hold_range(content, 0..rules::HEADER)?;
            let externals = externals_of(shared, subject, &desk.held);
            let facts = PartFacts { filesize: content.size, header: &desk.held, externals: &externals };
            let Some(mut parts) = engine.parts(index, &facts) else { continue };
            let mut pieces = windows.pieces(PIECE);
            while let Some(range) = pieces.next() {
                desk.checkpoint()?;
                desk.hold_range(content, range.clone())?;
                parts.scan(range.start, pieces.cut(&desk.held)).map_err(Leave::Unscanned)?;
            }
            let read = |range| content.read(range).unwrap_or_default();
            found.extend(parts.finish(read).map_err(Leave::Unscanned)?);
            let doubt = match (windows.complete, pieces.exact()) {
                (false, _) => "it has more places to look at than are kept",
                (_, false) => {
                    "a long stretch full of places to look at had to be cut where a match may depend on what was cut off"
                }
                (true, true) => continue,
            };
            shared.unscanned(Unscanned { path: subject.path.to_owned(), reason: Reason::Partly(doubt.to_owned()) });
        }
        Ok(found)
    }

    /// Reports what was matched in parts of a file.
    fn report_parts(&mut self, subject: &Subject, found: Vec<RuleMatches>) -> Result<(), Leave> {
        if found.is_empty() {
            return Ok(());
        }
        let digest =
            self.desk.with_chunk(|desk, chunk| facts::digest(&subject.content, chunk, |_| desk.checkpoint()))?;
        let content = &subject.content;
        report(self.shared, subject, content.size, digest, found, |matches| {
            KeptBytes::gather(content.size, matches, |range| {
                content.read(range.start..range.end.min(range.start + KeptBytes::MOST as u64)).ok()
            })
        });
        if digest.data_digest().is_some() {
            self.note(subject, Reason::DataDigest);
        }
        Ok(())
    }
}

/// Whether the group's prefilter proves that nothing in it matches. Of a small file it is not asked.
fn is_ruled_out(group: &Group, bytes: &[u8]) -> bool {
    let Some(prefilter) = group.prefilter().filter(|_| bytes.len() >= SMALL) else { return false };
    let mut pass = prefilter.pass(bytes.len() as u64);
    pass.feed(bytes);
    !pass.finish()
}

fn externals_of(shared: &Shared, subject: &Subject, header: &[u8]) -> Externals {
    if !shared.rules.groups().iter().any(Group::externals) {
        return Externals::default();
    }
    let uid = subject.opened.stat.st_uid;
    let owner = shared.accounts.user(uid).map_or_else(|| uid.to_string(), str::to_owned);
    Externals::new(subject.path, header, owner)
}

fn report(
    shared: &Shared,
    subject: &Subject,
    size: u64,
    digest: Digest,
    found: Vec<RuleMatches>,
    kept: impl Fn(&[PatternMatch]) -> KeptBytes,
) {
    let file = Arc::new(facts::facts(subject.path, subject.opened, size, digest, &shared.accounts));
    let matched: HashSet<RuleId> = found.iter().filter(|f| !f.candidate).map(|f| f.rule.clone()).collect();
    for RuleMatches { rule, candidate, matches, capped } in found {
        if candidate && matched.contains(&rule) {
            continue;
        }
        let file = Arc::clone(&file);
        let kept = Arc::new(kept(&matches));
        shared.progress.findings.fetch_add(1, Ordering::Relaxed);
        shared.send(if candidate {
            Event::Candidate(Candidate { rule, file, kept })
        } else {
            Event::Finding(Finding { rule, file, matches, capped, kept })
        });
    }
}
