//! `huntbook exclusions export`.

use std::path::Path;
use std::process::ExitCode;

use clap::ValueEnum;

use super::review::Review;
use crate::cli::output::Output;
use crate::finding::FoundBy;
use crate::hunt::Rule;
use crate::print;
use crate::report::outgoing::Outgoing;
use crate::report::{kql, loki, sarif, watchlist};
use crate::text;
use crate::triage::exclusion::Exclusion;
use crate::triage::register::RegisterEntry;

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

/// Writes the exclusions, or those of the `rules` that are named. The list for Loki goes to a file of its own name unless
/// another was named.
pub(super) fn run(
    review: &Review,
    format: ExportFormat,
    rules: &[String],
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let exclusions: Vec<_> = review.register.entries().iter().filter_map(RegisterEntry::exclusion).collect();
    for name in rules {
        anyhow::ensure!(
            exclusions.iter().any(|exclusion| exclusion.rule == *name),
            "--rule {}: no exclusion is of a rule of this name; huntbook exclusions list --all lists them",
            text::escape_str(name)
        );
    }
    let outgoing: Vec<_> = exclusions
        .iter()
        .copied()
        .filter(|exclusion| rules.is_empty() || rules.contains(&exclusion.rule))
        .map(|exclusion| Outgoing { exclusion, state: review.state(exclusion), rule: rule_of(review, exclusion) })
        .collect();
    let named = Output { output: Some(loki::FILE_NAME.into()), force: output.force };
    let output = if format == ExportFormat::Loki && output.output.is_none() { &named } else { output };
    output.write_with(|out| match format {
        ExportFormat::Csv => Ok(out.write_all(watchlist::watchlist(&outgoing)?.as_bytes())?),
        ExportFormat::Kql => Ok(out.write_all(kql::query(&outgoing, review.now)?.as_bytes())?),
        ExportFormat::Loki => Ok(out.write_all(loki::list(&outgoing, review.now).as_bytes())?),
        ExportFormat::Sarif => {
            let mut log = sarif::SarifLog::of_register(out)?;
            for one in &outgoing {
                log.exclusion(one)?;
            }
            Ok(log.finish()?)
        }
    })?;
    if std::ptr::eq(output, &raw const named) {
        print::say(format_args!("written to {}", loki::FILE_NAME));
    }
    let doubtful = review.register.entries().len() - exclusions.len();
    if doubtful > 0 {
        let left_out = text::counted(doubtful as u64, "doubtful exclusion");
        print::say(format_args!("left out: {left_out}; see: huntbook exclusions check"));
    }
    let misread = |path: &Path| path != Path::new("-") && !loki::is_read_as_good(&file_name(path));
    if let Some(path) = output.output.as_deref().filter(|path| format == ExportFormat::Loki && misread(path)) {
        let said = if file_name(path).contains("hash") {
            "THOR takes a file of this name for a list of malicious hashes"
        } else {
            "no scanner reads a file of this name as a list of good hashes"
        };
        print::say(format_args!("{}: {said}; name it {}", text::escape_path(path), loki::FILE_NAME));
    }
    Ok(ExitCode::SUCCESS)
}

/// The rule that an exclusion names; a candidate's is the rule of its hunt.
fn rule_of<'r>(review: &'r Review, exclusion: &Exclusion) -> Option<&'r Rule> {
    let name = exclusion.rule.strip_prefix(FoundBy::CANDIDATE_PREFIX).unwrap_or(&exclusion.rule);
    review.book.hunts.iter().map(|hunt| &hunt.rule).find(|rule| *rule.id.name == *name)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
