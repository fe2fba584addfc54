//! The thread that owns the records: what a scan finds goes into the case before it is shown, and what the responder
//! decides is on the disk before the screen says so.

mod requests;

pub(super) use requests::noted;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, never, select};

use super::rows::row;
use super::{ScanHandle, Session};
use crate::case::{FindingId, ScanOutcome};
use crate::evidence::Gatherer;
use crate::finding::Finding;
use crate::report;
use crate::scan::{ProgressSnapshot, Ruleset, Scan, ScanConclusion, ScanEvent, Unscanned};
use crate::session::{self, Compiling, ENDED_EARLY, Records, RuleCatalog, TIME_WAS_UP};
use crate::text;
use crate::tui::keymap::{self, Action};
use crate::tui::message::{Message, Request};
use crate::tui::state::coverage::Missed;

/// Findings recorded at once.
const BATCH: usize = 512;
/// How long a finding waits for others to be recorded with.
const WAIT: Duration = Duration::from_millis(50);

/// The thread's ends of its queues.
pub(super) struct Ends {
    /// What it is asked for.
    pub requests: Receiver<Request>,
    /// What it says.
    pub messages: Sender<Message>,
    /// To whoever asks the box: the hunts, once they are read.
    pub books: Sender<Arc<RuleCatalog>>,
    /// Where the levers of a scan go.
    pub gauges: ScanHandle,
}

/// Runs a session until the screen has gone.
pub(super) fn run(session: Session, gatherer: Gatherer, ends: &Ends) {
    let Ends { requests, messages, books, gauges } = ends;
    let fatal = |why: String| {
        let _ = messages.send(Message::Fatal(why));
    };
    let (book, compiling) = match load(&session) {
        Ok((book, compiling)) => (Arc::new(book), compiling),
        Err(why) => return fatal(why),
    };
    let records = match Records::open(session.plan.clone(), Arc::clone(&book)) {
        Ok(records) => records,
        Err(error) => return fatal(error.to_string()),
    };
    let ready = Message::Ready {
        hunts: book.hunts.clone(),
        tree: session.plan.tree.clone(),
        case: records.case_path().to_owned(),
        register: records.register().path().to_owned(),
    };
    let _ = messages.send(ready);
    let _ = books.send(Arc::clone(&book));
    let rules = match compiling.map(|compiling| compiling.finish(&book)).transpose() {
        Ok(rules) => rules.map(Arc::new),
        Err(error) => return fatal(error.to_string()),
    };
    let mut recorder = Recorder {
        session,
        rules,
        records,
        messages: messages.clone(),
        gauges: gauges.clone(),
        scan: None,
        findings: Vec::new(),
        missed: Vec::new(),
        saved: true,
        shown: None,
        gatherer,
        asked_until: None,
    };
    recorder.tell_warnings();
    recorder.tell_unsaved();
    let begun = if recorder.session.tree.is_some() { recorder.begin() } else { recorder.resume() };
    if let Err(why) = begun {
        return fatal(why);
    }
    recorder.serve(requests);
}

/// The hunts that were asked for, and those that a case opened again was scanned with.
///
/// With a tree to scan, the rules are being compiled.
fn load(session: &Session) -> Result<(RuleCatalog, Option<Compiling>), String> {
    if session.tree.is_some() {
        let (book, compiling) = RuleCatalog::load_to_scan(&session.choice).map_err(|error| error.to_string())?;
        return Ok((book, Some(compiling)));
    }
    let mut book = RuleCatalog::load(&session.choice).map_err(|error| error.to_string())?;
    if let Some(case) = &session.plan.case {
        book.add_from_case(case).map_err(|error| error.to_string())?;
    }
    Ok((book, None))
}

/// What a scan that failed leaves, and what to do.
fn unfinished() -> String {
    format!("what is listed stands, the rest is not covered; {} scans again", keymap::key_of(Action::Rescan))
}

struct Recorder {
    session: Session,
    /// `None` when a case was opened again.
    rules: Option<Arc<Ruleset>>,
    records: Records,
    messages: Sender<Message>,
    gauges: ScanHandle,
    scan: Option<Scan>,
    findings: Vec<Finding>,
    missed: Vec<Unscanned>,
    saved: bool,
    /// The finding that was opened last.
    shown: Option<FindingId>,
    /// The probes of the box, whose indexes the screen's own questions share.
    gatherer: Gatherer,
    /// Until when the box is asked about the findings of a scan that is over.
    asked_until: Option<Instant>,
}

impl Recorder {
    fn tell(&self, message: Message) {
        // When the screen has gone, the queue of requests ends too.
        let _ = self.messages.send(message);
    }

    /// Rules that could not be used, and the compiler's warnings of those that can; what is wrong with a pattern is wrong in every scan, so they are told once.
    fn tell_warnings(&self) {
        self.records.warnings().into_iter().for_each(|said| self.tell(Message::Warned(said)));
        let Some([first, more @ ..]) = self.rules.as_ref().map(|rules| rules.warnings()) else { return };
        let first = first.lines().take(2).map(str::trim).collect::<Vec<_>>().join(" ");
        let others = match more.len() {
            0 => String::new(),
            more => format!(" (and {}; --log FILE keeps them all)", text::counted(more as u64, "more warning")),
        };
        self.tell(Message::Warned(format!("{}{others}", text::escape_str(&first))));
    }

    /// Starts a scan of the tree.
    fn begin(&mut self) -> Result<(), String> {
        let (Some(tree), Some(rules)) = (&self.session.tree, &self.rules) else {
            return Err("a case that was opened again is read, not scanned".to_owned());
        };
        let (tree, rules) = (tree.reopen().map_err(|error| error.to_string())?, Arc::clone(rules));
        self.end_evidence(ENDED_EARLY);
        if self.session.asking.is_some() && self.records.unsaved().is_none() {
            self.records.ask_box(self.gatherer.clone()).map_err(|error| error.to_string())?;
        }
        self.records.begin_scan(self.session.record.clone()).map_err(|error| error.to_string())?;
        let mut options = self.session.options.clone();
        options.own_files.extend(self.records.own_files());
        let said = options.processes.said(tree.start(), options.root.is_live());
        let scan = Scan::start(tree, rules, options).map_err(|error| error.to_string())?;
        self.gauges.set(Some((Arc::clone(&scan.control), Arc::clone(&scan.progress))));
        self.scan = Some(scan);
        self.tell(Message::ScanStarted);
        if let Some(said) = said {
            self.tell(Message::Said(said));
        }
        Ok(())
    }

    /// Shows what the case's last scan has found, as it stands by now.
    fn resume(&mut self) -> Result<(), String> {
        let scan = self.records.resume().map_err(|error| error.to_string())?;
        self.tell(Message::ScanStarted);
        let mut after = FindingId(0);
        loop {
            let page = self.records.page(after).map_err(|error| error.to_string())?;
            let rows: Vec<_> = page.into_iter().map(|(finding, judged)| row(&self.records, &finding, judged)).collect();
            let Some(last) = rows.last() else { break };
            after = last.id;
            self.tell(Message::Rows(rows));
        }
        let missed = self.records.not_scanned().map_err(|error| error.to_string())?;
        let missed: Vec<_> = missed.iter().map(Missed::from).collect();
        let reading = session::reading(&scan, missed.iter().filter(|missed| missed.gap).count() as u64);
        self.tell(Message::NotScanned(missed));
        self.tell(match &scan.ended {
            None => Message::ScanUnended(reading),
            Some((_, end)) => Message::ScanEnded { reading, cancelled: end.outcome != ScanOutcome::Finished },
        });
        self.tell_unmet();
        self.tell_since();
        Ok(())
    }

    /// Lists the findings that somebody decided on and that the scan did not meet.
    fn tell_unmet(&mut self) {
        match self.records.unmet() {
            Ok(unmet) if unmet.is_empty() => {}
            Ok(unmet) => {
                let rows = unmet.into_iter().map(|(finding, judged)| row(&self.records, &finding, judged)).collect();
                self.tell(Message::Rows(rows));
            }
            Err(error) => self.tell(Message::NotRecorded(error.to_string())),
        }
    }

    /// Says what this scan saw differently from the one before.
    fn tell_since(&self) {
        match self.records.since_last() {
            Ok(Some(since)) => self.tell(Message::Since(Box::new(since))),
            Ok(None) => {}
            Err(error) => self.tell(Message::NotRecorded(error.to_string())),
        }
    }

    fn serve(&mut self, requests: &Receiver<Request>) {
        let mut flushed = Instant::now();
        loop {
            let events = self.scan.as_ref().map_or_else(never, |scan| scan.events.clone());
            let waiting = !self.findings.is_empty() || !self.missed.is_empty() || self.records.open_questions() > 0;
            let wait = if waiting { WAIT } else { Duration::from_hours(1) };
            select! {
                recv(requests) -> request => match request {
                    Ok(request) => self.answer(request),
                    Err(_) => return self.close(),
                },
                recv(events) -> event => match event {
                    Ok(event) => self.take(event),
                    Err(_) => self.lost(),
                },
                default(wait) => {}
            }
            let full = self.findings.len() + self.missed.len() >= BATCH;
            if full || flushed.elapsed() >= WAIT {
                self.flush();
                self.take_answers();
                flushed = Instant::now();
            }
        }
    }

    fn take(&mut self, event: ScanEvent) {
        match event {
            ScanEvent::Finding(finding) => self.findings.push(finding),
            ScanEvent::Unscanned(unscanned) => self.missed.push(unscanned),
            ScanEvent::Finished { reading, end } => {
                self.flush();
                self.end(reading, end);
            }
        }
    }

    /// Records what has gathered and shows it.
    fn flush(&mut self) {
        let findings = std::mem::take(&mut self.findings);
        let missed = std::mem::take(&mut self.missed);
        if !findings.is_empty() {
            match self.records.take(&findings) {
                Ok(judged) => {
                    let rows = findings
                        .iter()
                        .zip(judged)
                        .map(|(finding, judged)| row(&self.records, finding, judged))
                        .collect();
                    self.tell(Message::Rows(rows));
                }
                Err(error) => {
                    // Kept for the next try: a finding is never dropped.
                    self.findings = findings;
                    self.tell(Message::NotRecorded(error.to_string()));
                    std::thread::sleep(WAIT);
                }
            }
        }
        if !missed.is_empty() {
            match self.records.missed(&missed) {
                Ok(()) => self.tell(Message::NotScanned(missed.iter().map(Missed::from).collect())),
                Err(error) => {
                    self.missed = missed;
                    self.tell(Message::NotRecorded(error.to_string()));
                    std::thread::sleep(WAIT);
                }
            }
        }
        self.tell_unsaved();
    }

    /// Records what the box has answered about findings, and its end when all is answered or time is up.
    fn take_answers(&mut self) {
        match self.records.take_answers() {
            Ok(told) if told.is_empty() => {}
            Ok(told) => self.tell(Message::Signs(told.iter().map(|told| (told.id, told.signs)).collect())),
            Err(error) => self.tell(Message::NotRecorded(error.to_string())),
        }
        let Some(until) = self.asked_until else { return };
        if self.records.open_questions() == 0 || Instant::now() >= until {
            self.end_evidence(TIME_WAS_UP);
        }
    }

    /// Asks the box no more about findings; `why` is for those that it has not answered about.
    fn end_evidence(&mut self, why: &str) {
        self.asked_until = None;
        self.records.stop_asking(why);
        match self.records.end_evidence() {
            Ok(Some(end)) if end.cut.is_some() => self.tell(Message::Warned(report::asked(&end))),
            Ok(_) => {}
            Err(error) => self.tell(Message::NotRecorded(error.to_string())),
        }
    }

    fn end(&mut self, reading: ProgressSnapshot, end: ScanConclusion) {
        self.gauges.set(None);
        if let Some(scan) = self.scan.take() {
            scan.join();
        }
        if let Err(error) = self.records.end_scan(&session::scan_end(session::scan_outcome(&end), &reading)) {
            self.tell(Message::NotRecorded(error.to_string()));
        }
        self.asked_until = Some(Instant::now() + self.session.asking.unwrap_or_default());
        self.tell(match end {
            ScanConclusion::Complete => Message::ScanEnded { reading, cancelled: false },
            ScanConclusion::Cancelled => Message::ScanEnded { reading, cancelled: true },
            ScanConclusion::Failed(why) => Message::ScanFailed(format!("{why}; {}", unfinished())),
        });
        self.tell_unmet();
        self.tell_since();
        self.tell_unsaved();
    }

    /// The scan's threads have ended without a last word.
    fn lost(&mut self) {
        self.scan = None;
        self.gauges.set(None);
        self.flush();
        self.tell(Message::ScanFailed(format!("its threads ended early; {}", unfinished())));
    }

    /// The screen has gone: what was found up to now is still recorded.
    fn close(&mut self) {
        self.gauges.steer(crate::scan::Control::cancel);
        while let Some(scan) = &self.scan {
            match scan.events.recv_timeout(Duration::from_secs(5)) {
                Ok(event) => self.take(event),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        self.flush();
        self.take_answers();
        self.end_evidence(ENDED_EARLY);
    }

    /// Says when the disk refused the records, and when it takes them again.
    fn tell_unsaved(&mut self) {
        let why = self.records.unsaved().map(str::to_owned).or_else(|| self.records.register_unsaved());
        if self.saved == why.is_some() {
            self.saved = why.is_none();
            self.tell(Message::Unsaved(why));
        }
    }
}
