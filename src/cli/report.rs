//! `huntbook report`: what a case holds, for people and for other tools. The case is only read.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use super::exit::{INCOMPLETE, warn};
use super::output::Output;
use crate::case::{Case, LOG_MISSING, LogState};
use crate::report::{ReportFormat, ReportSource, many};
use crate::session::CaseReader;
use crate::session::many::{ManyCases, case_files};
use crate::text;

/// A case as a report.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The case. Several, or a folder of cases, are one report over all of their boxes.
    #[arg(value_name = "CASE", required = true)]
    pub cases: Vec<PathBuf>,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = ReportFormat::Markdown)]
    pub format: ReportFormat,
    /// Where it goes.
    #[command(flatten)]
    pub output: Output,
}

impl ValueEnum for ReportFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).help(self.about()))
    }
}

pub(super) fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let files = case_files(&args.cases)?;
    if let ([named], [file]) = (args.cases.as_slice(), files.as_slice())
        && named == file
    {
        let whole = read(file)?;
        args.output.write_with(|out| Ok(whole.write(args.format, out)?))?;
        return Ok(ExitCode::SUCCESS);
    }
    many::check(args.format)?;
    if !args.format.is_page() {
        let (mut written, mut unread) = (0, 0);
        args.output.write_with(|out| {
            for file in &files {
                match read(file) {
                    Ok(whole) => {
                        many::write_next(&whole, args.format, written == 0, out)?;
                        written += 1;
                    }
                    // One that cannot be read hides no other.
                    Err(why) if files.len() > unread + 1 => {
                        unread += 1;
                        warn(&format!("{why:#}"));
                    }
                    Err(why) => return Err(why),
                }
            }
            Ok(())
        })?;
        return Ok(ExitCode::from(if unread == 0 { 0 } else { INCOMPLETE }));
    }
    let cases = ManyCases::open(&files)?;
    for (file, why) in &cases.unread {
        warn(&format!("{}: {why}", text::escape_path(file)));
    }
    args.output.write_with(|out| Ok(many::write(&cases, args.format, out)?))?;
    Ok(ExitCode::from(if cases.unread.is_empty() { 0 } else { INCOMPLETE }))
}

fn read(file: &Path) -> anyhow::Result<ReportSource> {
    let archive = CaseReader::open(file)?;
    if archive.case.log_state() == LogState::Missing {
        warn(&format!("{}: {LOG_MISSING}", text::escape_path(file)));
    }
    warn_of_others(file);
    Ok(ReportSource::of(archive)?)
}

/// Says who else could have written a case that is read.
pub(super) fn warn_of_others(case: &Path) {
    if let Some(distrust) = Case::distrust(case) {
        warn(&format!("note: {distrust}"));
    }
}
