//! One worker: takes paths, reads the files, has them matched, and reports.

use std::cell::Cell;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_channel::{Receiver, Sender};
use rustix::fs::{Stat, StatxFlags};

use super::control::{Control, Order, Progress};
use super::coverage::{Reason, Unscanned};
use super::rules::{Meaning, Ruleset};
use super::tree::{NotRegular, Opened, Tree};
use super::{Candidate, Event, MATCHES_PER_PATTERN, TIMEOUT};
use crate::accounts::Accounts;
use crate::finding::{FileFacts, FileTime, Finding, KeptBytes, PatternMatch, RuleId, Sha256};

/// Bytes read between two looks at the levers.
const CHUNK: usize = 256 * 1024;
/// A buffer that grew beyond this many bytes for one file is given back after it.
const KEEP_BUFFER: usize = 4 * 1024 * 1024;

thread_local! {
    static ENGINE_RUNS: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is inside the matching engine, whose panics are caught, reported in coverage, and not printed.
pub fn engine_runs() -> bool {
    ENGINE_RUNS.get()
}

/// What all workers of a scan share.
pub(super) struct Shared {
    pub tree: Tree,
    pub rules: Arc<Ruleset>,
    pub accounts: Accounts,
    pub own: HashSet<(u64, u64)>,
    pub max_file_size: u64,
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
    id: usize,
    shared: &'s Shared,
    scanner: yara_x::Scanner<'s>,
    buffer: Vec<u8>,
}

/// Why a file is left before it was matched.
enum Leave {
    Unscanned(Reason),
    Cancelled,
}

impl From<io::Error> for Leave {
    fn from(error: io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<NotRegular>());
        Self::Unscanned(inner.map_or_else(|| Reason::of(&error), |NotRegular(kind)| Reason::Special(kind)))
    }
}

impl<'s> Worker<'s> {
    pub fn new(id: usize, shared: &'s Shared) -> Self {
        Self { id, shared, scanner: new_scanner(&shared.rules), buffer: Vec::new() }
    }

    /// Works until the walk has no more paths or the scan is cancelled.
    pub fn run(mut self, paths: &Receiver<Vec<PathBuf>>) {
        for batch in paths {
            for path in batch {
                self.shared.control.begin_file(self.id);
                self.shared.progress.enter(self.id, &path);
                match self.file(&path) {
                    Ok(()) => {}
                    Err(Leave::Unscanned(reason)) => self.shared.unscanned(Unscanned { path, reason }),
                    Err(Leave::Cancelled) => return,
                }
                self.shared.progress.files.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn checkpoint(&self) -> Result<(), Leave> {
        match self.shared.control.checkpoint(self.id) {
            Order::Continue => Ok(()),
            Order::SkipFile => Err(Leave::Unscanned(Reason::Skipped)),
            Order::Cancel => Err(Leave::Cancelled),
        }
    }

    fn file(&mut self, path: &Path) -> Result<(), Leave> {
        self.checkpoint()?;
        let mut opened = self.shared.tree.open_file(path)?;
        let stat = opened.stat;
        if self.shared.own.contains(&(stat.st_dev, stat.st_ino)) {
            return Err(Leave::Unscanned(Reason::Own));
        }
        self.read_whole(&mut opened)?;
        let found = self.matches()?;
        let after = rustix::fs::fstat(&opened.file).map_err(io::Error::from)?;
        let changed = is_changed(&stat, &after, self.buffer.len() as u64);
        if !found.is_empty() {
            self.report(path, &opened, &stat, found);
        }
        if self.buffer.capacity() > KEEP_BUFFER {
            self.buffer = Vec::new();
        }
        if changed { Err(Leave::Unscanned(Reason::Changed)) } else { Ok(()) }
    }

    /// Fills the buffer with the file's content to its end, wherever `stat` thinks that is.
    fn read_whole(&mut self, opened: &mut Opened) -> Result<(), Leave> {
        let limit = self.shared.max_file_size;
        let size = opened.stat.st_size as u64;
        if size > limit {
            return Err(Leave::Unscanned(Reason::TooLarge { size, limit }));
        }
        self.buffer.clear();
        self.buffer.reserve_exact(size as usize + 1);
        loop {
            let read = read_chunk(&mut opened.file, &mut self.buffer)?;
            self.shared.progress.bytes.fetch_add(read as u64, Ordering::Relaxed);
            if read == 0 {
                return Ok(());
            }
            let size = self.buffer.len() as u64;
            if size > limit {
                return Err(Leave::Unscanned(Reason::TooLarge { size, limit }));
            }
            self.checkpoint()?;
        }
    }

    /// Has the engine match the buffer. What it panics over costs this file only.
    fn matches(&mut self) -> Result<Vec<RuleMatches>, Leave> {
        ENGINE_RUNS.set(true);
        let outcome = catch_unwind(AssertUnwindSafe(|| match self.scanner.scan(&self.buffer) {
            Ok(results) => Ok(collect(&results, &self.shared.rules)),
            Err(yara_x::errors::ScanError::Timeout) => Err(Reason::TimedOut(TIMEOUT.as_secs())),
            Err(error) => Err(Reason::Engine(error.to_string())),
        }));
        ENGINE_RUNS.set(false);
        outcome
            .unwrap_or_else(|panic| {
                self.scanner = new_scanner(&self.shared.rules);
                Err(Reason::Engine(panic_message(panic.as_ref())))
            })
            .map_err(Leave::Unscanned)
    }

    fn report(&self, path: &Path, opened: &Opened, stat: &Stat, found: Vec<RuleMatches>) {
        let facts = Arc::new(self.facts(path, opened, stat));
        let matched: HashSet<RuleId> = found.iter().filter(|f| !f.candidate).map(|f| f.rule.clone()).collect();
        for RuleMatches { rule, candidate, matches, capped } in found {
            let file = Arc::clone(&facts);
            let kept = Arc::new(KeptBytes::around(&self.buffer, &matches));
            if !candidate {
                self.shared.progress.findings.fetch_add(1, Ordering::Relaxed);
                self.shared.send(Event::Finding(Finding { rule, file, matches, capped, kept }));
            } else if !matched.contains(&rule) {
                self.shared.progress.findings.fetch_add(1, Ordering::Relaxed);
                self.shared.send(Event::Candidate(Candidate { rule, file, kept }));
            }
        }
    }

    fn facts(&self, path: &Path, opened: &Opened, stat: &Stat) -> FileFacts {
        let time = |seconds: i64, nanos: u64| FileTime { seconds, nanos: nanos as u32 };
        FileFacts {
            path: path.to_owned(),
            dev: stat.st_dev,
            ino: stat.st_ino,
            mode: stat.st_mode,
            links: stat.st_nlink,
            uid: stat.st_uid,
            gid: stat.st_gid,
            owner: self.shared.accounts.user(stat.st_uid).map(str::to_owned),
            group: self.shared.accounts.group(stat.st_gid).map(str::to_owned),
            size: self.buffer.len() as u64,
            accessed: time(stat.st_atime, stat.st_atime_nsec),
            modified: time(stat.st_mtime, stat.st_mtime_nsec),
            changed: time(stat.st_ctime, stat.st_ctime_nsec),
            born: born(&opened.file),
            sha256: Sha256::of(&self.buffer),
            noatime: opened.noatime,
        }
    }
}

/// What one rule matched in the buffer.
struct RuleMatches {
    rule: RuleId,
    candidate: bool,
    matches: Vec<PatternMatch>,
    capped: bool,
}

fn new_scanner(rules: &Ruleset) -> yara_x::Scanner<'_> {
    let mut scanner = yara_x::Scanner::new(rules.compiled());
    scanner.max_matches_per_pattern(MATCHES_PER_PATTERN).set_timeout(TIMEOUT);
    scanner
}

fn collect(results: &yara_x::ScanResults<'_, '_>, rules: &Ruleset) -> Vec<RuleMatches> {
    let mut found = Vec::new();
    for rule in results.matching_rules() {
        let (rule_id, candidate) = match rules.meaning(rule.namespace(), rule.identifier()) {
            Meaning::Finding(id) => (id, false),
            Meaning::Candidate(id) => (id, true),
            Meaning::Nothing => continue,
        };
        let mut matches = Vec::new();
        let mut capped = false;
        for pattern in rule.patterns() {
            let name: Arc<str> = Arc::from(pattern.identifier());
            let before = matches.len();
            matches.extend(pattern.matches().map(|found| PatternMatch {
                pattern: Arc::clone(&name),
                offset: found.range().start as u64,
                length: found.range().len() as u64,
                data: found.data()[..found.range().len().min(PatternMatch::KEPT)].to_vec(),
            }));
            capped |= matches.len() - before >= MATCHES_PER_PATTERN;
        }
        matches.sort_by_key(|found| (found.offset, found.length));
        found.push(RuleMatches { rule: rule_id, candidate, matches, capped });
    }
    found
}

/// Appends up to [`CHUNK`] bytes to `buffer`; 0 at the end of the file.
fn read_chunk(file: &mut File, buffer: &mut Vec<u8>) -> io::Result<usize> {
    loop {
        match file.take(CHUNK as u64).read_to_end(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// A size of 0 says nothing: the kernel gives it for files that it makes up while they are read.
fn is_changed(before: &Stat, after: &Stat, read: u64) -> bool {
    let seen = |s: &Stat| (s.st_size, s.st_mtime, s.st_mtime_nsec, s.st_ctime, s.st_ctime_nsec);
    seen(before) != seen(after) || (before.st_size != 0 && before.st_size as u64 != read)
}

/// The file's birth, if its file system keeps it; zero is how some say that they do not.
fn born(file: &File) -> Option<FileTime> {
    let stat = rustix::fs::statx(file, "", rustix::fs::AtFlags::EMPTY_PATH, StatxFlags::BTIME).ok()?;
    let known = StatxFlags::from_bits_retain(stat.stx_mask).contains(StatxFlags::BTIME);
    let time = FileTime { seconds: stat.stx_btime.tv_sec, nanos: stat.stx_btime.tv_nsec };
    (known && time.seconds != 0).then_some(time)
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".to_owned())
}
