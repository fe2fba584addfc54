//! The thread that owns many cases: what their last scans found is one list, and what is decided is recorded in every case that it
//! is about. Findings have numbers of this list; which case each is of, the list knows.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};

use super::export;
use super::recorder::noted;
use super::rows::written;
use crate::case::{Case, CaseError, Decision, FindingId};
use crate::scan::{ProgressSnapshot, is_gap_kind};
use crate::session::many::{Acted, BoxCase, ManyCases, ManyFinding, ManyRecords, answered, told};
use crate::session::{FindingDetails, RuleCatalog};
use crate::text;
use crate::triage::register::RegisterEntry;
use crate::tui::backend::Session;
use crate::tui::keymap::{self, Action};
use crate::tui::message::{Message, Request};
use crate::tui::state::coverage::Missed;
use crate::tui::state::findings::ListedFinding;
use crate::tui::state::scan::BoxResults;
use crate::tui::state::told::AcrossBoxes;

/// Rows told at once.
const PAGE: usize = 8192;
/// What one box did not scan for one reason that is listed.
const MISSED: usize = 200;
/// What all of them did not scan that is listed.
const ALL_MISSED: usize = 100_000;
/// Findings of one content whose boxes are looked at side by side.
const ASKED: usize = 500;
/// Boxes that are named for one state of a scenario.
const NAMED: usize = 4;

/// Runs a session over many cases until the screen has gone.
pub(super) fn run(
    mut session: Session,
    requests: &Receiver<Request>,
    messages: &Sender<Message>,
    books: &Sender<Arc<RuleCatalog>>,
) {
    let many = std::mem::take(&mut session.many).unwrap_or_default();
    let book = match load(&session, &many) {
        Ok(book) => Arc::new(book),
        Err(why) => {
            let _ = messages.send(Message::Fatal(why));
            return;
        }
    };
    let register = session.plan.register.clone();
    let _ = messages.send(Message::Ready {
        hunts: book.hunts.clone(),
        tree: session.plan.tree.clone(),
        case: PathBuf::new(),
        register: register.clone().unwrap_or_default(),
    });
    let _ = books.send(Arc::clone(&book));
    let records = ManyRecords::new(many, book, register, session.plan.actor.clone());
    let mut recorder = ManyRecorder { records, messages: messages.clone(), shown: None };
    recorder.begin();
    for request in requests {
        recorder.answer(request);
    }
}

/// The hunts that were asked for, and the rules that the cases were scanned with; those of cases with the same rules are read
/// once.
fn load(session: &Session, many: &ManyCases) -> Result<RuleCatalog, String> {
    let mut book = RuleCatalog::load(&session.choice).map_err(|error| error.to_string())?;
    let mut seen = std::collections::HashSet::new();
    for one in &many.cases {
        if seen.insert(one.scan.rules_digest) {
            book.add_from_case(&one.path).map_err(|error| error.to_string())?;
        }
    }
    Ok(book)
}

/// The number of a finding in the list.
fn number(index: usize) -> FindingId {
    FindingId(index as i64 + 1)
}

fn index(id: FindingId) -> usize {
    usize::try_from(id.0 - 1).unwrap_or(usize::MAX)
}

struct ManyRecorder {
    records: ManyRecords,
    messages: Sender<Message>,
    /// The finding that was opened last.
    shown: Option<usize>,
}

impl ManyRecorder {
    fn tell(&self, message: Message) {
        // When the screen has gone, the queue of requests ends too.
        let _ = self.messages.send(message);
    }

    fn begin(&mut self) {
        let many = &self.records.many;
        let mut boxes = vec![String::new(); many.boxes as usize];
        for one in &many.cases {
            if let Some(name) = boxes.get_mut(one.number as usize) {
                name.clone_from(&one.host);
            }
        }
        let unfinished = self.unfinished();
        let cut = unfinished.len() as u64;
        let with_gaps = many.cases.iter().filter(|one| one.gaps > 0 && one.scan.is_complete()).count() as u64;
        let done = (many.cases.len() + many.unread.len()) as u64 - cut - with_gaps;
        self.tell(Message::Boxes(boxes, BoxResults { done, with_gaps, cut }));
        self.tell(Message::ScanStarted);
        self.tell(Message::NotScanned(unfinished));
        let all: Vec<usize> = (0..many.findings.len()).collect();
        for page in all.chunks(PAGE) {
            self.tell(Message::Rows(self.rows(page)));
        }
        let mut reading = ProgressSnapshot::default();
        for one in &many.cases {
            reading.gaps += one.gaps;
            if let Some((at, end)) = &one.scan.ended {
                reading.files += end.files;
                reading.bytes += end.bytes;
                reading.folders += end.folders.unwrap_or(0);
                reading.links += end.links.unwrap_or(0);
                reading.members += end.members.unwrap_or(0);
                reading.processes += end.processes.unwrap_or(0);
                reading.elapsed = reading.elapsed.max(at.duration_since(one.scan.started).unsigned_abs());
            }
        }
        self.tell(Message::ScanEnded { reading, cancelled: cut > 0 });
        self.tell_missed();
    }

    /// Boxes that did not finish, and cases that could not be read: they come first.
    fn unfinished(&self) -> Vec<Missed> {
        let many = &self.records.many;
        let unread =
            many.unread.iter().map(|(file, why)| Missed { path: file.clone(), why: why.clone(), gap: true, above: 0 });
        let cut = many.cases.iter().filter(|one| !one.scan.is_complete());
        let cut = cut.map(|one| Missed {
            path: one.path.clone(),
            why: format!("{}: the scan of this box did not go to its end", one.host),
            gap: true,
            above: 0,
        });
        unread.chain(cut).collect()
    }

    /// What each box did not scan, as far as that is listed: the gaps of all boxes first.
    fn tell_missed(&self) {
        let (mut listed, mut others) = (0, Vec::new());
        for one in self.records.many.cases.iter().filter(|one| one.scan.not_scanned > 0) {
            let missed = missed_of(one, ALL_MISSED.saturating_sub(listed)).unwrap_or_else(|error| {
                let why = format!("{}: what was not scanned cannot be read: {}", one.host, error.fault);
                vec![Missed { path: one.path.clone(), why: text::escape_str(&why).into_owned(), gap: true, above: 0 }]
            });
            listed += missed.len();
            let (gaps, rest): (Vec<_>, Vec<_>) = missed.into_iter().partition(|missed| missed.gap);
            others.extend(rest);
            self.tell(Message::NotScanned(gaps));
        }
        self.tell(Message::NotScanned(others));
    }

    fn rows(&self, indexes: &[usize]) -> Vec<ListedFinding> {
        let row = |index: &usize| self.row(*index, self.records.many.findings.get(*index)?);
        indexes.iter().filter_map(row).collect()
    }

    fn row(&self, index: usize, finding: &ManyFinding) -> Option<ListedFinding> {
        let found_by = self.records.many.rule_of(finding)?;
        let subject = self.records.book().subject(found_by)?;
        Some(ListedFinding {
            id: number(index),
            at: self.records.many.case_of(finding)?.number,
            hunt: subject.hunt,
            path: finding.path.clone(),
            size: finding.size,
            modified: finding.modified,
            digest: finding.digest,
            matches: finding.matches as usize,
            score: subject.score,
            plain: self.records.book().hunts.get(subject.hunt).is_some_and(|hunt| hunt.scenarios.is_empty()),
            uid: finding.uid,
            owner: finding.owner.as_deref().map(Into::into),
            written: finding.written.as_deref().and_then(written),
            signs: finding.signs,
            candidate: subject.candidate,
            verdict: finding.verdict,
            returned: finding.returned.clone(),
            against_the_box: finding.against_the_box,
            gone: None,
        })
    }

    fn answer(&mut self, request: Request) {
        let indexes = |findings: &[FindingId]| findings.iter().map(|id| index(*id)).collect::<Vec<_>>();
        let done = match request {
            Request::Open(id) => self.open(index(id)),
            Request::Beside(id) => self.beside(index(id)),
            Request::Answer { findings, scenario, answer, note } => {
                let decision = Decision::Answered { scenario, answer, note };
                self.decide(&indexes(&findings), &decision, answered(answer))
            }
            Request::Note(findings, note) => self.act(&indexes(&findings), &noted(note), "noted"),
            Request::Tag { findings, add, remove } => {
                self.decide(&indexes(&findings), &Decision::Tagged { add, remove }, "tagged")
            }
            Request::Malicious { findings, reason } => {
                self.decide(&indexes(&findings), &Decision::MarkedMalicious { reason }, "marked malicious")
            }
            Request::Undo => {
                let acted = self.records.undo().map_err(|error| error.to_string());
                acted.and_then(|acted| self.show(&acted, "taken back", Action::Redo))
            }
            Request::Redo => match self.records.redo().map_err(|error| error.to_string()) {
                Ok(Some(acted)) => self.show(&acted, "decided again", Action::Undo),
                Ok(None) => {
                    self.tell(Message::Said("nothing was taken back since the last decision".to_owned()));
                    Ok(())
                }
                Err(why) => Err(why),
            },
            Request::Preview(exclusion) => {
                let covered = self.records.preview(&exclusion).into_iter().map(number).collect();
                self.tell(Message::Covers(covered));
                Ok(())
            }
            Request::Exclude { finding, exclusion } => {
                let acted = self.records.exclude(index(finding), &exclusion).map_err(|error| error.to_string());
                acted.and_then(|acted| self.show(&acted, "excluded, in the register once,", Action::Undo))
            }
            Request::Revoke { id, why } => {
                let acted = self.records.revoke(id, &why).map_err(|error| error.to_string());
                acted.and_then(|acted| self.show(&acted, "revoked", Action::Undo)).and_then(|()| self.register())
            }
            Request::Register => self.register(),
            Request::Export(path) => {
                export::write_many(&self.records.many, &path).map(|said| self.tell(Message::Recorded(said)))
            }
            Request::WriteText(path, text) => {
                export::write_text(&path, &text).map(|said| self.tell(Message::Recorded(said)))
            }
            Request::Save | Request::SaveCopy(_) | Request::Rescan => {
                Err("this is for one case; open it alone, or use huntbook case copy and huntbook scan".to_owned())
            }
        };
        if let Err(why) = done {
            self.tell(Message::NotRecorded(why));
        }
    }

    fn open(&mut self, index: usize) -> Result<(), String> {
        self.shown = Some(index);
        let opened = self.records.open_finding(index).map_err(|error| error.to_string())?;
        let mut opened: FindingDetails = opened.ok_or_else(|| "there is no such finding".to_owned())?;
        opened.judged.id = number(index);
        self.tell(Message::Rows(self.rows(&[index])));
        self.tell(Message::Opened(Box::new(opened)));
        let mut alike = self.records.alike(index);
        alike.truncate(ASKED);
        if alike.len() > 1 {
            let across = self.across(&alike);
            self.tell(Message::Across(number(index), across));
        }
        Ok(())
    }

    fn beside(&mut self, index: usize) -> Result<(), String> {
        let opened = self.records.open_finding(index).map_err(|error| error.to_string())?;
        let opened = opened.ok_or_else(|| "there is no such finding".to_owned())?;
        self.tell(Message::Beside(opened.finding));
        Ok(())
    }

    /// What all boxes with the same content said of each scenario, side by side.
    fn across(&mut self, indexes: &[usize]) -> Vec<AcrossBoxes> {
        let mut scenarios: Vec<AcrossBoxes> = Vec::new();
        for (host, all) in self.records.said(indexes) {
            for said in all {
                let place = scenarios.iter().position(|one| one.id == said.id).unwrap_or_else(|| {
                    scenarios.push(AcrossBoxes { id: said.id.clone(), states: BTreeMap::new() });
                    scenarios.len() - 1
                });
                let state = scenarios[place].states.entry(said.state).or_default();
                state.0 += 1;
                if state.1.len() < NAMED {
                    let why = said.unknown.first().or(said.against.first());
                    let why = why.map(|why| format!(" ({})", text::truncate_end(why, 80))).unwrap_or_default();
                    state.1.push(format!("{host}{why}"));
                }
            }
        }
        scenarios
    }

    fn decide(&mut self, indexes: &[usize], decision: &Decision, word: &str) -> Result<(), String> {
        self.act(indexes, std::slice::from_ref(decision), word)
    }

    fn act(&mut self, indexes: &[usize], decisions: &[Decision], word: &str) -> Result<(), String> {
        let acted = self.records.decide(indexes, decisions).map_err(|error| error.to_string())?;
        self.show(&acted, word, Action::Undo)
    }

    /// Shows what findings have come to now, and the one on the screen in full.
    fn show(&mut self, acted: &Acted, word: &str, back: Action) -> Result<(), String> {
        self.tell(Message::Rows(self.rows(&acted.findings)));
        if let Some(shown) = self.shown.filter(|shown| acted.findings.contains(shown)) {
            self.open(shown)?;
        }
        let said = told(word, acted);
        if acted.failed.is_empty() {
            let key = keymap::key_of(back);
            let back = if back == Action::Undo { "takes it back" } else { "decides it again" };
            self.tell(Message::Recorded(format!("{said}; {key} {back}")));
        } else {
            self.tell(Message::Warned(said));
        }
        Ok(())
    }

    fn register(&mut self) -> Result<(), String> {
        let entries = self.records.register().map_err(|error| error.to_string())?;
        let hits = self.records.hits(entries.iter().filter_map(RegisterEntry::exclusion));
        self.tell(Message::Register(entries, hits));
        Ok(())
    }
}

/// What one box did not scan, by reason: so many of each at most, and how many more there are.
fn missed_of(one: &BoxCase, most: usize) -> Result<Vec<Missed>, CaseError> {
    let case = Case::open_read_only(&one.path)?;
    let mut all = Vec::new();
    for (reason, count) in case.coverage_counts(one.scan.id)? {
        let listed = case.coverage_for(one.scan.id, &reason, MISSED.min(most.saturating_sub(all.len())))?;
        let more = count.saturating_sub(listed.len() as u64);
        all.extend(listed.iter().map(|missed| {
            let missed = Missed::from(missed);
            Missed { why: format!("{}: {}", one.host, missed.why), ..missed }
        }));
        if more > 0 {
            let reason_shown = text::escape_str(&reason);
            let why = format!("{}: {} more ({reason_shown}); huntbook report lists them", one.host, text::count(more));
            all.push(Missed { path: one.path.clone(), why, gap: is_gap_kind(&reason), above: 0 });
        }
    }
    Ok(all)
}
