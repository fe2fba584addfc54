//! `huntbook case` and `huntbook report`: a case that is only read.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::OPEN;
use super::output::Output;
use crate::case::{Case, CaseError, Head, NotScanned, ScanOutcome};
use crate::report::{Reported, Summary, Tally, csv, json, markdown, ndjson, sarif};
use crate::scan::Reading;
use crate::session::{Archive, Archived};
use crate::text;

/// What to do with a case.
#[derive(Debug, Subcommand)]
pub enum CaseCommand {
    /// Say whether a case is whole: file, journal, hash chain, and what the scans saw. Exit code 1 if it is not.
    Verify {
        /// The case.
        file: PathBuf,
        /// A journal head that was kept, as reports print it (NUMBER:HASH): the journal must still hold it.
        #[arg(long, value_name = "HEAD")]
        head: Option<Head>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

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

pub(super) fn run(command: CaseCommand) -> anyhow::Result<ExitCode> {
    let CaseCommand::Verify { file, head, json } = command;
    let case = Case::open_read_only(&file)?;
    let verified = case.verify()?;
    let held = head.map(|head| case.has_head(&head)).transpose()?;
    let whole = verified.is_whole() && held != Some(false);
    let mut out = io::stdout().lock();
    if json {
        let problems: Vec<_> = verified.problems.iter().map(ToString::to_string).collect();
        let document = json!({
            "whole": whole, "entries": verified.entries, "head": verified.head.to_string(),
            "holds_head": held, "problems": problems, "more": verified.more,
        });
        writeln!(out, "{}", json::pretty(&document))?;
    } else {
        for problem in &verified.problems {
            writeln!(out, "{}", text::escape_str(&problem.to_string()))?;
        }
        if verified.more > 0 {
            writeln!(out, "and {} more problems", verified.more)?;
        }
        if held == Some(false) {
            writeln!(out, "the journal does not hold the head that was kept: it was changed, or this is another case")?;
        }
        let word = if whole { "whole" } else { "NOT whole" };
        writeln!(out, "{word}: {} entries, journal head {}", verified.entries, verified.head)?;
    }
    Ok(ExitCode::from(if whole { 0 } else { OPEN }))
}

pub(super) fn report(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let archive = Archive::open(&args.case)?;
    let written = match args.format {
        ReportFormat::Markdown => as_markdown(&archive)?,
        ReportFormat::Ndjson => as_ndjson(&archive, &args.case)?,
        ReportFormat::Sarif => {
            let mut log = sarif::Log::new();
            each(&archive, |reported, _| log.finding(reported))?;
            json::pretty(&log.finish()) + "\n"
        }
        ReportFormat::Csv => {
            let mut out = csv::findings_head();
            each(&archive, |reported, _| out.push_str(&csv::finding(reported)))?;
            out
        }
    };
    args.output.write(written.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Every finding, and how many there were of each kind.
fn each(archive: &Archive, mut take: impl FnMut(Reported<'_>, &Archived)) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    archive.each(|archived: Archived| {
        tally.add(&archived.judged);
        if let Some(rule) = archive.rules.get(archived.rule) {
            let (finding, judged) = (&archived.finding, &archived.judged);
            take(Reported { rule, finding, judged, exclusion: archived.exclusion.as_ref() }, &archived);
        }
        Ok::<(), CaseError>(())
    })?;
    Ok(tally)
}

fn missed(archive: &Archive) -> anyhow::Result<Vec<NotScanned>> {
    let rows = archive.case.coverage(archive.scan.id, 0, usize::MAX)?;
    Ok(rows.into_iter().map(|(_, missed)| missed).collect())
}

fn host(archive: &Archive) -> anyhow::Result<String> {
    let facts = archive.case.host()?;
    Ok(facts.into_iter().find(|(name, _)| name == "host.name").map(|(_, value)| value).unwrap_or_default())
}

fn as_markdown(archive: &Archive) -> anyhow::Result<String> {
    let mut out = markdown::head(&host(archive)?, &archive.scan, &archive.case.head()?.to_string());
    let tally = each(archive, |reported, archived| out.push_str(&markdown::finding(reported, &archived.answers)))?;
    out.push_str(&markdown::foot(&tally, &missed(archive)?, &archive.rules));
    Ok(out)
}

fn as_ndjson(archive: &Archive, path: &Path) -> anyhow::Result<String> {
    let frame = ndjson::Frame { host: host(archive)?, at: archive.scan.started };
    let mut out = String::new();
    let tally = each(archive, |reported, _| _ = writeln!(out, "{}", json::line(&frame.finding(reported))))?;
    for missed in missed(archive)? {
        writeln!(out, "{}", json::line(&frame.missed(&missed)))?;
    }
    let end = archive.scan.ended.as_ref().map(|(_, end)| *end);
    let elapsed = archive.scan.ended.as_ref().map(|(at, _)| at.duration_since(archive.scan.started).unsigned_abs());
    let reading = Reading {
        files: end.map_or(0, |end| end.files),
        bytes: end.map_or(0, |end| end.bytes),
        gaps: archive.scan.not_scanned,
        elapsed: elapsed.unwrap_or_default(),
        ..Reading::default()
    };
    let head = archive.case.head()?;
    let summary = Summary {
        tally,
        reading,
        complete: end.is_some_and(|end| end.outcome == ScanOutcome::Finished),
        head: Some((head.seq.0, head.hash.to_string())),
        case: text::escape_path(path).into_owned(),
    };
    writeln!(out, "{}", json::line(&frame.summary(&summary)))?;
    Ok(out)
}
