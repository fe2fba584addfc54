//! `huntbook report`: what a case holds, for people and for other tools. The case is only read.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::output::Output;
use crate::case::{CaseError, Head, NotScanned, ScanOutcome};
use crate::report::{Reported, Summary, Tally, Totals, csv, decided, json, markdown, ndjson, sarif};
use crate::session::{Archive, Archived};
use crate::text;

/// What was not scanned, read at once.
const PAGE: usize = 4096;

/// A case as a report.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The case.
    pub case: PathBuf,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = ReportFormat::Markdown)]
    pub format: ReportFormat,
    /// Where it goes.
    #[command(flatten)]
    pub output: Output,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people.
    Markdown,
    /// One ECS document a line.
    Ndjson,
    /// SARIF 2.1.0.
    Sarif,
    /// One line a finding.
    Csv,
}

pub(super) fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let archive = Archive::open(&args.case)?;
    args.output.write_with(|out| write(archive, args.format, out))?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the last scan of a case.
pub(super) fn write(archive: Archive, format: ReportFormat, out: &mut dyn Write) -> anyhow::Result<()> {
    let report = Report::of(archive)?;
    match format {
        ReportFormat::Markdown => report.markdown(out),
        ReportFormat::Ndjson => report.ndjson(out),
        ReportFormat::Sarif => report.sarif(out),
        ReportFormat::Csv => report.csv(out),
    }
}

/// The last scan of a case, with what every report says of it.
struct Report {
    archive: Archive,
    host: String,
    head: Head,
    totals: Totals,
}

impl Report {
    fn of(archive: Archive) -> Result<Self, CaseError> {
        let facts = archive.case.host()?;
        let host = facts.into_iter().find(|(name, _)| name == "host.name").map(|(_, value)| value);
        let head = archive.case.head()?;
        let totals = Totals::of_case(&archive.case, &archive.scan)?;
        Ok(Self { archive, totals, host: host.unwrap_or_default(), head })
    }

    fn markdown(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        let scan = &self.archive.scan;
        out.write_all(markdown::head(&self.host, scan, self.head).as_bytes())?;
        let tally =
            self.each(|reported, decided| Ok(out.write_all(markdown::finding(reported, &decided).as_bytes())?))?;
        out.write_all(markdown::tally(&tally, &self.totals).as_bytes())?;
        self.each_missed(|missed| Ok(out.write_all(markdown::missed(missed).as_bytes())?))?;
        Ok(out.write_all(markdown::foot(&self.archive.rules).as_bytes())?)
    }

    fn csv(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        out.write_all(csv::head().as_bytes())?;
        let tally = self.each(|reported, decided| Ok(out.write_all(csv::finding(reported, &decided).as_bytes())?))?;
        self.each_missed(|missed| Ok(out.write_all(csv::missed(missed).as_bytes())?))?;
        Ok(out.write_all(csv::summary(&self.archive.scan, &tally, &self.totals, self.head).as_bytes())?)
    }

    fn sarif(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        let mut log = sarif::Log::of_scan(out, &self.archive.scan, &self.host, self.head)?;
        self.each(|reported, decided| Ok(log.finding(reported, &decided)?))?;
        let mut log = log.not_scanned()?;
        self.each_missed(|missed| Ok(log.add(missed)?))?;
        Ok(log.finish()?)
    }

    fn ndjson(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        let scan = &self.archive.scan;
        let frame = ndjson::Frame { host: self.host.clone(), at: scan.started };
        let tally = self.each(|reported, _| Ok(writeln!(out, "{}", json::line(&frame.finding(reported)))?))?;
        self.each_missed(|missed| Ok(writeln!(out, "{}", json::line(&frame.missed(missed)))?))?;
        let finished = scan.ended.as_ref().is_some_and(|(_, end)| end.outcome == ScanOutcome::Finished);
        let summary = Summary {
            tally,
            totals: self.totals,
            complete: finished,
            head: Some(self.head),
            case: text::escape_path(self.archive.case.path()).into_owned(),
        };
        Ok(writeln!(out, "{}", json::line(&frame.summary(&summary)))?)
    }

    /// Hands every finding to `take`, those last that the scan did not meet, with what was decided about it, and counts them.
    fn each(&self, mut take: impl FnMut(Reported<'_>, Vec<String>) -> anyhow::Result<()>) -> anyhow::Result<Tally> {
        let mut tally = Tally::default();
        let mut add = |archived: Archived| {
            tally.add(&archived.judged);
            let Some(rule) = self.archive.rules.get(archived.rule) else { return Ok(()) };
            let Archived { finding, judged, answers, history, exclusion, .. } = &archived;
            let decided = decided::lines(answers, history, &finding.file.digest);
            take(Reported { rule, finding, judged, exclusion: exclusion.as_ref() }, decided)
        };
        self.archive.each(&mut add)?;
        self.archive.each_unmet(&mut add)?;
        Ok(tally)
    }

    /// Hands everything that was not scanned to `take`.
    fn each_missed(&self, mut take: impl FnMut(&NotScanned) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let mut after = 0;
        loop {
            let page = self.archive.case.coverage(self.archive.scan.id, after, PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = *last;
            page.iter().try_for_each(|(_, missed)| take(missed))?;
        }
    }
}
