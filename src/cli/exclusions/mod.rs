//! `huntbook exclusions`: the register, reviewed, revoked and exported without a screen.

mod check;
mod export;
mod list;
mod merge;
mod review;
mod revoke;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use self::export::ExportFormat;
use self::review::{RegisterArgs, Review, ReviewArgs};
use super::output::Output;

/// What to do with the register.
#[derive(Debug, Subcommand)]
pub enum ExclusionsCommand {
    /// List the exclusions in force, or all of them.
    List {
        /// Those that do not count too: expired, revoked, changed rule.
        #[arg(long)]
        all: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Which register, and what it is held against.
        #[command(flatten)]
        review: ReviewArgs,
    },
    /// Find exclusions that are expired, stale, redundant, shadowed or over-broad; exit code 1 if there is one.
    Check {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Which register, and what it is held against.
        #[command(flatten)]
        review: ReviewArgs,
    },
    /// Take an exclusion back; it stays in the register as revoked.
    Revoke {
        /// Its id, or the first four or more digits of it.
        id: String,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Which register.
        #[command(flatten)]
        register: RegisterArgs,
    },
    /// Bring together two registers that were changed apart, into OURS; exit code 1 if both changed the same entry. As a merge
    /// driver of git: `huntbook exclusions merge %O %A %B`.
    Merge {
        /// What both were made from; an empty file if there was none.
        base: PathBuf,
        /// Ours; what comes out goes here.
        ours: PathBuf,
        /// Theirs.
        theirs: PathBuf,
    },
    /// Write the exclusions for another tool; those for Loki and THOR to huntbook-falsepositive-hashes.txt unless named.
    Export {
        /// For which.
        #[arg(long, value_enum)]
        format: ExportFormat,
        /// Only the exclusions of this rule. May be repeated.
        #[arg(long, value_name = "NAME")]
        rule: Vec<String>,
        /// Where it goes.
        #[command(flatten)]
        output: Output,
        /// Which register, and what it is held against.
        #[command(flatten)]
        review: ReviewArgs,
    },
}

pub(super) fn run(command: ExclusionsCommand) -> anyhow::Result<ExitCode> {
    match command {
        ExclusionsCommand::List { all, json, review } => list::run(&Review::open(&review)?, all, json),
        ExclusionsCommand::Check { json, review } => check::run(&Review::open(&review)?, json),
        ExclusionsCommand::Revoke { id, reason, register } => revoke::run(register.load()?, &id, &reason),
        ExclusionsCommand::Merge { base, ours, theirs } => merge::run(&base, &ours, &theirs),
        ExclusionsCommand::Export { format, rule, output, review } => {
            export::run(&Review::open(&review)?, format, &rule, &output)
        }
    }
}
