//! Asking the box about every finding while the scan is on it, so that a case opened elsewhere can tell what it said.
//!
//! The questions are asked on threads of their own and wait in a queue: the scan is never held up by them. What has not been
//! answered when time is up is unknown, and the case says why.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::kept_evidence::SCENARIOS;
use super::rule_catalog::RuleCatalog;
use super::signs::{self, SIGNS, signs_of};
use crate::case::{EvidenceEnd, FindingId};
use crate::evidence::{AskedFile, AskedOnce, Evidence, Gatherer, NamedFacts, Peer, RecordedPart};
use crate::finding::{Digest, FileFacts};
use crate::hunt::Hunt;
use crate::hunt::threat::endpoints;
use crate::text;
use crate::timeout::{self, NoThread};
use crate::triage::assess::{AssessmentContext, BoxSaid, assess};
use crate::triage::filter::Signs;

/// Findings that the box is asked about in one scan at most.
pub(crate) const MAX_ASKED: u64 = 50_000;
/// Threads that ask.
const THREADS: usize = 2;
/// Answers that wait to be recorded.
const WAITING: usize = 256;

/// Other files with the same content that are told of one.
pub(crate) const MAX_COPIES: usize = 100;
/// Findings of a scan that other files with the same content are told of.
const MAX_WITH_COPIES: usize = 10_000;

/// How long the box may be asked about findings after the scan has ended, unless it is set.
pub(crate) const GATHERING_TIME: Duration = Duration::from_mins(1);

/// A question about one finding.
struct Ask {
    id: FindingId,
    file: Arc<FileFacts>,
    hunt: Arc<Hunt>,
}

/// What the box said of one finding.
#[derive(Debug)]
pub(crate) struct Told {
    /// The finding.
    pub id: FindingId,
    /// What each probe said, and what the scenarios came to, as a case keeps it.
    pub parts: Vec<RecordedPart>,
    /// What a list shows of it at a glance.
    pub signs: Signs,
}

/// The box being asked.
#[derive(Debug)]
pub(crate) struct Gathering {
    asks: Option<Sender<Ask>>,
    told: Receiver<Told>,
    once: Arc<AskedOnce>,
    stop: Arc<AtomicBool>,
    asked: u64,
    answered: u64,
    cut: Option<String>,
    /// What was asked about, by content.
    by_content: HashMap<Digest, Vec<OneOf>>,
}

/// A finding among those with the same content.
#[derive(Debug)]
struct OneOf {
    id: FindingId,
    path: PathBuf,
    hunt: Arc<Hunt>,
}

/// A finding of a file whose content lies elsewhere, too.
pub(super) struct Copied {
    pub(super) id: FindingId,
    pub(super) hunt: Arc<Hunt>,
    /// The other files, in order.
    pub(super) copies: Vec<PathBuf>,
}

/// What asking the box came to.
pub(super) struct GatheredAnswer {
    /// How far it was asked.
    pub(super) end: EvidenceEnd,
    /// What it said of paths and groups.
    pub(super) named: NamedFacts,
    /// The findings whose content the scan has met elsewhere, too: that is known only at its end.
    pub(super) copied: Vec<Copied>,
}

impl std::fmt::Debug for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ask").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Gathering {
    /// Starts the threads; `gatherer` is of the box, `book` has the hunts whose scenarios are held against what it says.
    ///
    /// # Errors
    /// When the system starts no thread.
    pub(crate) fn start(gatherer: Gatherer, book: &Arc<RuleCatalog>) -> Result<Self, NoThread> {
        let once = Arc::new(AskedOnce::new(gatherer));
        let stop = Arc::new(AtomicBool::new(false));
        let (asks, asked) = unbounded::<Ask>();
        let (tell, told) = bounded(WAITING);
        for _ in 0..THREADS {
            let (once, stop, book) = (Arc::clone(&once), Arc::clone(&stop), Arc::clone(book));
            let (asked, tell) = (asked.clone(), tell.clone());
            timeout::spawn("evidence", move || answer(&once, &stop, &book, &asked, &tell))?;
        }
        Ok(Self { asks: Some(asks), told, once, stop, asked: 0, answered: 0, cut: None, by_content: HashMap::new() })
    }

    /// Has the box asked about a finding.
    pub(crate) fn ask(&mut self, id: FindingId, file: &Arc<FileFacts>, hunt: &Arc<Hunt>) {
        self.asked += 1;
        if self.asked > MAX_ASKED {
            self.cut = Some(format!("the box is asked about {} findings of a scan at most", text::count(MAX_ASKED)));
            return;
        }
        let one = OneOf { id, path: file.path.clone(), hunt: Arc::clone(hunt) };
        self.by_content.entry(file.digest).or_default().push(one);
        if let Some(asks) = &self.asks {
            // The threads live for as long as there is somebody to ask them.
            let _ = asks.send(Ask { id, file: Arc::clone(file), hunt: Arc::clone(hunt) });
        }
    }

    /// What has been answered by now, at most a batch of it.
    pub(crate) fn answers(&mut self) -> Vec<Told> {
        let told: Vec<_> = self.told.try_iter().take(WAITING).collect();
        self.answered += told.len() as u64;
        told
    }

    /// The next answers, for which it waits until `until` at most; nothing when there are none any more.
    pub(crate) fn answers_until(&mut self, until: Instant) -> Vec<Told> {
        if self.open() == 0 {
            return Vec::new();
        }
        let Ok(first) = self.told.recv_deadline(until) else { return Vec::new() };
        self.answered += 1;
        let mut told = vec![first];
        told.extend(self.answers());
        told
    }

    /// Questions without an answer so far.
    pub(crate) fn open(&self) -> u64 {
        self.asked.min(MAX_ASKED).saturating_sub(self.answered)
    }

    /// Asks no more; what is not answered is not gathered, for the reason `why`.
    pub(crate) fn stop(&mut self, why: &str) {
        self.stop.store(true, Ordering::Relaxed);
        if self.open() > 0 {
            self.cut = Some(why.to_owned());
        }
    }

    /// What asking the box came to.
    pub(super) fn finish(mut self) -> GatheredAnswer {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.asks.take());
        let copied = self.copied();
        let end = EvidenceEnd { asked: self.asked, gathered: self.answered, cut: self.cut.take() };
        GatheredAnswer { end, named: self.once.answers(), copied }
    }

    fn copied(&mut self) -> Vec<Copied> {
        let mut copied = Vec::new();
        for same in std::mem::take(&mut self.by_content).into_values() {
            let mut paths: Vec<&PathBuf> = same.iter().map(|one| &one.path).collect();
            paths.sort_unstable();
            paths.dedup();
            for one in same.iter().filter(|_| paths.len() > 1) {
                let others = paths.iter().filter(|path| **path != &one.path).take(MAX_COPIES);
                let copies = others.map(|path| (*path).clone()).collect();
                copied.push(Copied { id: one.id, hunt: Arc::clone(&one.hunt), copies });
            }
        }
        copied.sort_unstable_by_key(|one| one.id);
        if copied.len() > MAX_WITH_COPIES {
            copied.truncate(MAX_WITH_COPIES);
            let most = text::count(MAX_WITH_COPIES as u64);
            self.cut
                .get_or_insert(format!("files with the same content are told of {most} findings of a scan at most"));
        }
        copied
    }
}

/// The addresses that the patterns of a hunt's rule name: a connection to one is told first.
pub(crate) fn peers(hunt: &Hunt) -> Vec<Peer> {
    let named = endpoints(&hunt.rule).into_iter();
    named.map(|endpoint| Peer { address: endpoint.address.into(), port: endpoint.port }).collect()
}

/// Answers until nobody asks any more.
fn answer(once: &AskedOnce, stop: &AtomicBool, book: &RuleCatalog, asked: &Receiver<Ask>, tell: &Sender<Told>) {
    // Several rules match one file; it is asked about once.
    let mut last: Option<(Vec<Peer>, Evidence)> = None;
    let mut groups_asked = false;
    for Ask { id, file, hunt } in asked {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        if !groups_asked {
            once.ask_groups();
            groups_asked = true;
        }
        let peers = peers(&hunt);
        let evidence = match last.take() {
            Some((asked, evidence)) if asked == peers && evidence.facts == *file => evidence,
            _ => {
                let copies = Vec::new();
                once.gatherer().gather_about(&AskedFile { facts: (*file).clone(), peers: peers.clone(), copies })
            }
        };
        let context = AssessmentContext { site: &book.site, known_good: &book.known_good, queries: once };
        let (parts, signs) = as_kept(&hunt, &evidence, &context);
        if tell.send(Told { id, parts, signs }).is_err() {
            return;
        }
        last = Some((peers, evidence));
    }
}

/// What a case keeps of the evidence and of what the scenarios come to by it.
pub(super) fn as_kept(hunt: &Hunt, evidence: &Evidence, context: &AssessmentContext<'_>) -> (Vec<RecordedPart>, Signs) {
    let scenarios: Vec<BoxSaid> = assess(hunt, evidence, context).iter().map(BoxSaid::from).collect();
    let mut parts = evidence.parts();
    parts.extend(serde_json::to_string(&scenarios).ok().map(|said| (SCENARIOS.to_owned(), said)));
    let signs = signs_of(evidence, &scenarios);
    parts.extend(signs::part(signs).map(|part| (SIGNS.to_owned(), part)));
    (parts, signs)
}
