//! `huntbook report`: what a case holds, for people and for other tools. The case is only read.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use super::exit::warn;
use super::output::Output;
use crate::case::{Case, LOG_MISSING, LogState};
use crate::report::{Format, Whole};
use crate::session::CaseReader;
use crate::text;

/// A case as a report.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The case.
    pub case: PathBuf,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Format::Markdown)]
    pub format: Format,
    /// Where it goes.
    #[command(flatten)]
    pub output: Output,
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).help(self.about()))
    }
}

pub(super) fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let archive = CaseReader::open(&args.case)?;
    if archive.case.log_state() == LogState::Missing {
        warn(&format!("{}: {LOG_MISSING}", text::escape_path(&args.case)));
    }
    warn_of_others(&args.case);
    let whole = Whole::of(archive)?;
    args.output.write_with(|out| Ok(whole.write(args.format, out)?))?;
    Ok(ExitCode::SUCCESS)
}

/// Says who else could have written a case that is read.
pub(super) fn warn_of_others(case: &Path) {
    if let Some(distrust) = Case::distrust(case) {
        warn(&format!("note: {distrust}"));
    }
}
