//! `huntbook report`: what a case holds, for people and for other tools. The case is only read.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use super::output::Output;
use crate::report::{Format, Whole};
use crate::session::Archive;

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
    let whole = Whole::of(Archive::open(&args.case)?)?;
    args.output.write_with(|out| Ok(whole.write(args.format, out)?))?;
    Ok(ExitCode::SUCCESS)
}
