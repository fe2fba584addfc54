//! `huntbook exclusions export`.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clap::ValueEnum;

use super::Review;
use crate::cli::output::Output;
use crate::hunt::Rule;
use crate::report::outgoing::Outgoing;
use crate::report::{kql, loki, sarif, watchlist};
use crate::session::CANDIDATE_PREFIX;
use crate::text;
use crate::triage::exclusion::Exclusion;
use crate::triage::register::Entry;

/// For which tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Watchlist of Microsoft Sentinel.
    Csv,
    /// Kusto query with the exclusions in it.
    Kql,
    /// SARIF 2.1.0, every exclusion a suppression.
    Sarif,
    /// False-positive hashes for Loki, Loki-RS and THOR.
    Loki,
}

pub(super) fn run(review: &Review, format: ExportFormat, output: &Output) -> anyhow::Result<ExitCode> {
    let exclusions = review.register.entries().iter().filter_map(Entry::exclusion);
    let outgoing: Vec<_> = exclusions
        .map(|exclusion| Outgoing { exclusion, state: review.state(exclusion), rule: rule_of(review, exclusion) })
        .collect();
    output.write_with(|out| match format {
        ExportFormat::Csv => Ok(out.write_all(watchlist::watchlist(&outgoing)?.as_bytes())?),
        ExportFormat::Kql => Ok(out.write_all(kql::query(&outgoing, review.now).as_bytes())?),
        ExportFormat::Loki => Ok(out.write_all(loki::list(&outgoing, review.now).as_bytes())?),
        ExportFormat::Sarif => {
            let mut log = sarif::Log::of_register(out)?;
            for one in &outgoing {
                log.exclusion(one)?;
            }
            Ok(log.finish()?)
        }
    })?;
    let doubtful = review.register.entries().len() - outgoing.len();
    if doubtful > 0 {
        let left_out = text::counted(doubtful as u64, "doubtful exclusion");
        warn(&format!("left out: {left_out}; see: huntbook exclusions check"))?;
    }
    if let Some(path) = output.output.as_deref().filter(|path| format == ExportFormat::Loki && !is_read(path)) {
        let name = text::escape_path(path);
        warn(&format!("{name}: Loki reads it only when its name holds the words hash and falsepositive"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn warn(line: &str) -> io::Result<()> {
    writeln!(io::stderr(), "huntbook: {line}")
}

/// The rule that an exclusion names; a candidate's is the rule of its hunt.
fn rule_of<'r>(review: &'r Review, exclusion: &Exclusion) -> Option<&'r Rule> {
    let name = exclusion.rule.strip_prefix(CANDIDATE_PREFIX).unwrap_or(&exclusion.rule);
    review.book.hunts.iter().map(|hunt| &hunt.rule).find(|rule| *rule.id.name == *name)
}

/// Whether these scanners take a file of this name for a list of false positives.
fn is_read(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.find("hash").is_some_and(|at| name.get(at..).is_some_and(|rest| rest.contains("falsepositive")))
}
