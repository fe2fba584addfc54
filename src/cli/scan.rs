//! `huntbook scan`: the scan without a screen.

use std::collections::BTreeSet;
use std::io::{self, StdoutLock, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::args::ScanArgs;
use super::exit::{FAILED, INCOMPLETE, OPEN, is_closed_pipe, warn};
use super::{limits, signals};
use crate::case::{EvidenceEnd, FindingId, LOG_MISSING, ScanOutcome};
use crate::evidence::Gatherer;
use crate::finding::Finding;
use crate::print::{self, SafeWriter, StatusLine};
use crate::report::origin::Origin;
use crate::report::{self, ReportFormat, ReportSource, Reported, Summary, Tally, Totals};
use crate::scan::{Current, Progress, ProgressSnapshot, Scan, ScanConclusion, ScanEvent, Unscanned};
use crate::session::{
    self, ENDED_EARLY, Excluded, FindingStatus, HuntWords, Records, RuleCatalog, ScenarioStatus, TIME_WAS_UP,
};
use crate::text;

/// Findings recorded at once.
const BATCH: usize = 256;
/// How long a finding waits for others to be recorded with.
const WAIT: Duration = Duration::from_millis(100);

/// Scans `tree` and prints what is found as it is found.
pub(super) fn run(tree: &Path, format: ReportFormat, args: &ScanArgs) -> anyhow::Result<ExitCode> {
    limits::check()?;
    let (tree, plan) = args.plan(tree)?;
    if let Some(hint) = args.root_hint(tree.start()) {
        print::say(hint);
    }
    let (book, compiling) = RuleCatalog::load_to_scan(&args.rules.choice())?;
    let book = Arc::new(book);
    let mut records = Records::open(plan, Arc::clone(&book))?;
    let rules = Arc::new(compiling.finish(&book)?);
    if let Some(why) = records.unsaved() {
        warn(&format!("the case is kept in memory only: {why}"));
    }
    if let Some(why) = records.register_unsaved() {
        warn(&format!("exclusions are kept in memory only: {why}"));
    }
    if records.log_is_missing() {
        warn(&format!("{}: {LOG_MISSING}", text::escape_path(records.case_path())));
    }
    let _ = print::stderr().write_all(report::text::warnings(rules.warnings()).as_bytes());
    let asking = args.asking(records.unsaved().is_some());
    if asking.is_some() {
        records.ask_box(Gatherer::new(args.root.clone()).without_process(std::process::id()))?;
    }
    let options = args.options(records.own_files(), false);
    if let Some(said) = options.processes.said(tree.start(), args.root.is_live()) {
        print::say(said);
    }
    records.begin_scan(args.record(tree.start()))?;
    let scan = Scan::start(tree, rules, options)?;
    let interrupted = signals::cancel_on_signals(&scan)?;
    let mut printer = Printer {
        asking,
        begun_on_disk: records.unsaved().is_none(),
        interrupted,
        held: BTreeSet::new(),
        out: print::stdout(),
        format,
        origin: Origin::of(records.case(), records.scan()?)?,
        hunts: book.hunts.iter().map(|hunt| HuntWords::of(hunt)).collect(),
        book,
        records,
        tally: Tally::default(),
        meter: StatusLine::on_stderr(),
    };
    let outcome = printer.follow(&scan);
    // A reader that has gone, or a case that fails, ends the scan too.
    scan.control.cancel();
    match outcome {
        Ok((reading, end)) => {
            scan.join();
            printer.finish(&reading, &end)
        }
        Err(error) => Err(printer.break_off(&scan.progress.read(), error)),
    }
}

/// Takes what the scan reports, has it recorded, and prints it.
struct Printer {
    /// How long the box may be asked about findings after the scan, if it is.
    asking: Option<Duration>,
    /// Whether the case was on disk when the scan began.
    begun_on_disk: bool,
    /// Whether a signal came.
    interrupted: Arc<AtomicBool>,
    /// Findings that are printed when the box has answered.
    held: BTreeSet<FindingId>,
    out: SafeWriter<StdoutLock<'static>>,
    format: ReportFormat,
    origin: Origin,
    book: Arc<RuleCatalog>,
    /// What each hunt of the book says beside its rule.
    hunts: Vec<HuntWords>,
    records: Records,
    tally: Tally,
    meter: StatusLine,
}

impl Printer {
    /// Until the scan's last event. Returns its last progress and how it ended.
    fn follow(&mut self, scan: &Scan) -> anyhow::Result<(ProgressSnapshot, ScanConclusion)> {
        let mut findings = Vec::new();
        let mut missed = Vec::new();
        let mut flushed = Instant::now();
        loop {
            match scan.events.recv_timeout(WAIT) {
                Ok(ScanEvent::Finding(finding)) => findings.push(finding),
                Ok(ScanEvent::Unscanned(unscanned)) => missed.push(unscanned),
                Ok(ScanEvent::Finished { reading, end }) => {
                    self.flush(&mut findings, &mut missed)?;
                    self.meter.clear();
                    return Ok((reading, end));
                }
                Err(error) if error.is_timeout() => {}
                Err(_) => anyhow::bail!("the scan ended without a word; please report this"),
            }
            if findings.len() + missed.len() >= BATCH || flushed.elapsed() >= WAIT {
                self.flush(&mut findings, &mut missed)?;
                self.take_answers()?;
                self.meter.show(|| gauges(&scan.progress));
                flushed = Instant::now();
            }
        }
    }

    fn flush(&mut self, findings: &mut Vec<Finding>, missed: &mut Vec<Unscanned>) -> anyhow::Result<()> {
        if findings.is_empty() && missed.is_empty() {
            return Ok(());
        }
        self.meter.clear();
        let was_saved = self.records.unsaved().is_none();
        let judged = self.records.take(findings)?;
        self.records.missed(missed)?;
        if let Some(why) = self.records.unsaved().filter(|_| was_saved) {
            warn(&format!("the case is kept in memory only from here on: {why}"));
        }
        for (finding, judged) in findings.iter().zip(&judged) {
            self.tally.add(judged);
            if self.asking.is_some() && self.format.tells_scenarios() {
                self.held.insert(judged.id);
            } else {
                self.print(finding, judged, &[])?;
            }
        }
        for unscanned in missed.iter() {
            let missed = session::not_scanned(unscanned);
            self.out.write_all(self.format.missed(&self.origin, &missed).as_bytes())?;
        }
        self.out.flush()?;
        findings.clear();
        missed.clear();
        Ok(())
    }

    /// Records what the box has answered.
    fn take_answers(&mut self) -> anyhow::Result<()> {
        while !self.records.take_answers()?.is_empty() {}
        Ok(())
    }

    /// Prints findings that are on record, with what the case keeps of what the box said of each: a report of the case says the
    /// same. Which other files have a finding's content is only known when all was scanned, so none is printed before.
    fn print_held(&mut self, ids: &[FindingId]) -> anyhow::Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let why_not = self.records.why_not_asked()?;
        for ids in ids.chunks(BATCH) {
            for (finding, judged) in self.records.judge_again(ids)? {
                let known =
                    self.hunts.get(judged.subject.hunt).map(|hunt| hunt.scenarios.as_slice()).unwrap_or_default();
                let known = known.iter().map(|scenario| (scenario.id.as_str(), scenario.title.as_str()));
                let answers = self.records.case().answers(judged.id)?;
                let said = self.records.kept_scenarios(judged.id)?;
                let scenarios = session::scenario_statuses(known, said.as_deref(), &why_not, &answers);
                self.print(&finding, &judged, &scenarios)?;
            }
        }
        Ok(self.out.flush()?)
    }

    /// Waits for the box, for as long as it may be asked; nothing that was found waits for it any longer then.
    fn end_evidence(&mut self) -> anyhow::Result<Option<EvidenceEnd>> {
        let until = Instant::now() + self.asking.unwrap_or_default();
        while self.records.open_questions() > 0 {
            if self.interrupted.load(Ordering::Relaxed) {
                self.records.stop_asking(ENDED_EARLY);
                break;
            }
            let open = self.records.open_questions();
            self.meter.show(|| format!("asking the box about {}", text::counted(open, "more finding")));
            let told = self.records.wait_for_answers(until.min(Instant::now() + WAIT))?;
            if told.is_empty() && Instant::now() >= until {
                self.records.stop_asking(TIME_WAS_UP);
                break;
            }
        }
        self.meter.clear();
        let end = self.records.end_evidence()?;
        let rest: Vec<_> = std::mem::take(&mut self.held).into_iter().collect();
        self.print_held(&rest)?;
        Ok(end)
    }

    /// Tries once more to write a case that was on disk when the scan began, and is kept in memory since. Returns why it could
    /// not be written, if so.
    fn save(&mut self) -> Option<String> {
        let why = self.records.unsaved()?.to_owned();
        if !self.begun_on_disk {
            return Some(why);
        }
        match self.records.save() {
            Ok(()) => {
                warn("the case is on disk again");
                None
            }
            Err(error) => Some(error.to_string()),
        }
    }

    /// Has the case say that the scan was ended early. Returns why.
    fn break_off(&mut self, reading: &ProgressSnapshot, why: anyhow::Error) -> anyhow::Error {
        let outcome = if is_closed_pipe(&why) { ScanOutcome::Cancelled } else { ScanOutcome::Failed };
        // When it is the case that failed, this fails as well, and the first failure is what counts.
        let _ = self.records.end_scan(&session::scan_end(outcome, reading));
        self.records.stop_asking(ENDED_EARLY);
        let _ = self.records.end_evidence();
        why
    }

    fn print(&mut self, finding: &Finding, judged: &FindingStatus, scenarios: &[ScenarioStatus]) -> io::Result<()> {
        let subject = judged.subject.hunt;
        let Some((hunt, words)) = self.book.hunts.get(subject).zip(self.hunts.get(subject)) else { return Ok(()) };
        let exclusion = judged.exclusion.and_then(|id| self.records.exclusion(id)).map(Excluded::from);
        let exclusion = exclusion.as_ref();
        let reported = Reported { rule: &hunt.rule, hunt: words, finding, judged, exclusion, scenarios, history: &[] };
        self.out.write_all(self.format.finding(&self.origin, reported).as_bytes())
    }

    fn finish(mut self, reading: &ProgressSnapshot, end: &ScanConclusion) -> anyhow::Result<ExitCode> {
        let complete = *end == ScanConclusion::Complete;
        let outcome = session::scan_outcome(end);
        self.records.end_scan(&session::scan_end(outcome, reading))?;
        let evidence = self.end_evidence()?;
        let unsaved = self.save();
        let scan = self.records.scan()?;
        let (totals, head) = (Totals::of_case(self.records.case(), &scan)?, self.records.head()?);
        let Self { mut out, format, mut origin, records, mut tally, .. } = self;
        origin.scan = scan;
        if format.is_stream() {
            // The archive has the rules of earlier scans too.
            if let Some(archive) = records.into_archive_of_unmet()? {
                archive.each_unmet(|archived| {
                    tally.add(&archived.judged);
                    let Some(reported) = archive.reported(&archived) else { return Ok(()) };
                    out.write_all(format.finding(&origin, reported).as_bytes()).map_err(anyhow::Error::from)
                })?;
            }
            out.write_all(format.summary(&origin, &Summary { tally, totals, head, evidence, unsaved }).as_bytes())?;
        } else {
            ReportSource::of(records.into_archive()?)?.write(format, &mut out)?;
        }
        out.flush()?;
        if let ScanConclusion::Failed(why) = end {
            warn(&format!("the scan could not go on: {why}"));
        }
        Ok(ExitCode::from(match () {
            () if !complete => FAILED,
            () if tally.standing() > 0 => OPEN,
            () if totals.gaps > 0 => INCOMPLETE,
            () => 0,
        }))
    }
}

/// How far the scan is.
fn gauges(progress: &Progress) -> String {
    let reading = progress.read();
    let Current { path, silent } = progress.current();
    let silent = silent.map_or_else(String::new, |time| format!("no answer for {} s: ", time.as_secs()));
    format!(
        "{}, {}, {}  {silent}{}",
        reading.scanned(),
        text::bytes(reading.bytes),
        text::counted(reading.gaps, "gap"),
        text::escape_path(&path)
    )
}
