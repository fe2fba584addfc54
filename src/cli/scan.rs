//! `huntbook scan`: the scan without a screen.

use std::io::{self, IsTerminal as _, StdoutLock, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::args::{Format, ScanArgs};
use super::report::{ReportFormat, write};
use super::{FAILED, INCOMPLETE, OPEN, is_closed_pipe};
use crate::case::ScanOutcome;
use crate::finding::Finding;
use crate::report::{self, Reported, Summary, Tally, Totals, json, ndjson};
use crate::scan::{Current, End, Event, Progress, Reading, Scan, Unscanned};
use crate::session::{self, Archived, Excluded, Judged, Records, RuleBook, candidate_finding};
use crate::text;
use crate::timeout;

/// Findings recorded at once.
const BATCH: usize = 256;
/// How long a finding waits for others to be recorded with.
const WAIT: Duration = Duration::from_millis(100);

/// Scans `tree` and prints what is found as it is found.
pub(super) fn run(tree: &Path, format: Format, args: &ScanArgs) -> anyhow::Result<ExitCode> {
    let (tree, plan) = args.plan(tree)?;
    let host = plan.host.clone();
    let (book, compiling) = RuleBook::load_to_scan(&args.rules.choice())?;
    let book = Arc::new(book);
    let mut records = Records::open(plan, Arc::clone(&book))?;
    let rules = Arc::new(compiling.finish(&book)?);
    if let Some(why) = records.unsaved() {
        warn(&format!("the case is kept in memory only: {why}"));
    }
    let _ = io::stderr().write_all(report::text::warnings(rules.warnings()).as_bytes());
    records.begin_scan(args.record())?;
    let scan = Scan::start(tree, rules, args.options(records.own_files(), false))?;
    cancel_on_signals(&scan)?;
    let mut printer = Printer {
        out: io::stdout().lock(),
        format,
        frame: ndjson::Frame { host, at: Timestamp::now() },
        book,
        records,
        tally: Tally::default(),
        missed: 0,
        meter: Meter::new(),
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

fn warn(line: &str) {
    tracing::warn!("{line}");
    let _ = writeln!(io::stderr(), "huntbook: {line}");
}

/// Ctrl-C and SIGTERM end the scan early, so that what was found is still summed up.
fn cancel_on_signals(scan: &Scan) -> anyhow::Result<()> {
    let control = Arc::clone(&scan.control);
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    timeout::spawn("signals", move || {
        for signal in signals.forever() {
            tracing::info!(signal, "a signal ends the scan");
            control.cancel();
        }
    })?;
    Ok(())
}

/// Takes what the scan reports, has it recorded, and prints it.
struct Printer<'o> {
    out: StdoutLock<'o>,
    format: Format,
    frame: ndjson::Frame,
    book: Arc<RuleBook>,
    records: Records,
    tally: Tally,
    /// What was not scanned, gap or not.
    missed: u64,
    meter: Meter,
}

impl Printer<'_> {
    /// Until the scan's last event. Returns its last progress and how it ended.
    fn follow(&mut self, scan: &Scan) -> anyhow::Result<(Reading, End)> {
        let mut findings = Vec::new();
        let mut missed = Vec::new();
        let mut flushed = Instant::now();
        loop {
            match scan.events.recv_timeout(WAIT) {
                Ok(Event::Finding(finding)) => findings.push(finding),
                Ok(Event::Candidate(candidate)) => findings.push(candidate_finding(candidate)),
                Ok(Event::Unscanned(unscanned)) => missed.push(unscanned),
                Ok(Event::Finished { reading, end }) => {
                    self.flush(&mut findings, &mut missed)?;
                    self.meter.clear();
                    return Ok((reading, end));
                }
                Err(error) if error.is_timeout() => {}
                Err(_) => anyhow::bail!("the scan ended without a word; please report this"),
            }
            if findings.len() + missed.len() >= BATCH || flushed.elapsed() >= WAIT {
                self.flush(&mut findings, &mut missed)?;
                self.meter.show(&scan.progress);
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
        self.missed += missed.len() as u64;
        if let Some(why) = self.records.unsaved().filter(|_| was_saved) {
            warn(&format!("the case is kept in memory only from here on: {why}"));
        }
        for (finding, judged) in findings.iter().zip(&judged) {
            self.tally.add(judged);
            self.print(finding, judged)?;
        }
        for unscanned in missed.iter() {
            let printed = match self.format {
                Format::Text => report::text::coverage(unscanned),
                Format::Ndjson => json::line(&self.frame.coverage(unscanned)) + "\n",
                Format::Sarif | Format::Csv => continue,
            };
            self.out.write_all(printed.as_bytes())?;
        }
        self.out.flush()?;
        findings.clear();
        missed.clear();
        Ok(())
    }

    /// Has the case say that the scan was ended early. Returns why.
    fn break_off(&mut self, reading: &Reading, why: anyhow::Error) -> anyhow::Error {
        let outcome = if is_closed_pipe(&why) { ScanOutcome::Cancelled } else { ScanOutcome::Failed };
        // When it is the case that failed, this fails as well, and the first failure is what counts.
        let _ = self.records.end_scan(&session::scan_end(outcome, reading));
        why
    }

    fn print(&mut self, finding: &Finding, judged: &Judged) -> io::Result<()> {
        let Some(hunt) = self.book.hunts.get(judged.subject.hunt) else { return Ok(()) };
        let exclusion = judged.exclusion.and_then(|id| self.records.exclusion(id)).map(Excluded::from);
        let reported = Reported { rule: &hunt.rule, finding, judged, exclusion: exclusion.as_ref() };
        self.out.write_all(printed(self.format, &self.frame, reported).as_bytes())
    }

    fn finish(mut self, reading: &Reading, end: &End) -> anyhow::Result<ExitCode> {
        let complete = *end == End::Complete;
        let outcome = session::scan_outcome(end);
        self.records.end_scan(&session::scan_end(outcome, reading))?;
        let head = self.records.head().ok();
        let case = text::escape_path(self.records.case_path()).into_owned();
        let Self { mut out, format, frame, records, mut tally, missed, .. } = self;
        let totals = Totals::of_reading(reading, missed);
        let whole = match format {
            Format::Text | Format::Ndjson => None,
            Format::Sarif => Some(ReportFormat::Sarif),
            Format::Csv => Some(ReportFormat::Csv),
        };
        if let Some(whole) = whole {
            write(records.into_archive()?, whole, &mut out)?;
        } else {
            // The archive has the rules of earlier scans too.
            if let Some(archive) = records.into_archive_of_unmet()? {
                archive.each_unmet(|archived| {
                    tally.add(&archived.judged);
                    let Some(rule) = archive.rules.get(archived.rule) else { return Ok(()) };
                    let Archived { finding, judged, exclusion, .. } = &archived;
                    let reported = Reported { rule, finding, judged, exclusion: exclusion.as_ref() };
                    out.write_all(printed(format, &frame, reported).as_bytes()).map_err(anyhow::Error::from)
                })?;
            }
            let summary = Summary { tally, totals, complete, head, case };
            out.write_all(
                match format {
                    Format::Ndjson => json::line(&frame.summary(&summary)) + "\n",
                    _ => report::text::summary(&summary),
                }
                .as_bytes(),
            )?;
        }
        out.flush()?;
        if let End::Failed(why) = end {
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

/// A finding as it is printed at once; nothing in the formats that are written as a whole.
fn printed(format: Format, frame: &ndjson::Frame, reported: Reported<'_>) -> String {
    match format {
        Format::Text => report::text::finding(reported),
        Format::Ndjson => json::line(&frame.finding(reported)) + "\n",
        Format::Sarif | Format::Csv => String::new(),
    }
}

/// A line on standard error that tells how far the scan is, when that is a terminal.
struct Meter {
    on: bool,
    shown: bool,
}

impl Meter {
    fn new() -> Self {
        Self { on: io::stderr().is_terminal(), shown: false }
    }

    fn show(&mut self, progress: &Progress) {
        if self.on {
            let reading = progress.read();
            let Current { path, silent } = progress.current();
            let silent = silent.map_or_else(String::new, |time| format!("no answer for {} s: ", time.as_secs()));
            let line = format!(
                "{}, {}, {}  {silent}{}",
                text::counted(reading.files, "file"),
                text::bytes(reading.bytes),
                text::counted(reading.gaps, "gap"),
                text::escape_path(&path)
            );
            let _ = write!(io::stderr(), "\r{}\x1b[K", text::truncate_middle(&line, 78));
            self.shown = true;
        }
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
