//! What a worker has before it, a file or something inside of one, and how what was found in it is reported.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::ScanEvent;
use super::coverage::{Leave, Reason};
use super::engine::RuleMatches;
use super::externals::Externals;
use super::facts;
use super::file_reader::Checkpoint;
use super::read::SizedFile;
use super::shared::Shared;
use crate::finding::{Digest, FileFacts, Finding, FoundBy, KeptBytes, PatternMatch, RuleId, StatedFacts};
use crate::root::OpenedFile;
use crate::text::{self, subject::as_names};

/// A file on its way through, or something inside of one.
pub(super) struct ScanSubject<'f> {
    pub path: &'f Path,
    /// The file itself.
    pub opened: &'f OpenedFile,
    pub content: SizedFile<'f>,
    /// What somebody else than the file system says of it.
    pub stated: Option<Arc<StatedFacts>>,
    /// Whether it is memory of a process that runs the file: then the digest is the file's.
    pub is_memory: bool,
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
    let file = Arc::new(FileFacts { stated: subject.stated.clone(), ..facts });
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
