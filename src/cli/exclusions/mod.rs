//! `huntbook exclusions`: the register, reviewed, revoked and exported without a screen.

mod check;
mod export;
mod list;
mod revoke;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{PathBufValueParser, TypedValueParser as _};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use uuid::Uuid;

use self::export::ExportFormat;
use super::args::RuleArgs;
use super::output::Output;
use super::prepare::box_at;
use crate::finding::Sha256;
use crate::root::Root;
use crate::session::RuleCatalog;
use crate::storage::Base;
use crate::triage::exclusion::Exclusion;
use crate::triage::folders::OnDisk;
use crate::triage::register::{self, Register};
use crate::triage::state::{Against, State};

/// Which register.
#[derive(Debug, Clone, Args)]
pub struct RegisterArgs {
    /// The register [default: huntbook/exclusions.toml in the user's data folder].
    #[arg(long, value_name = "FILE")]
    pub exclusions: Option<PathBuf>,
}

impl RegisterArgs {
    fn load(&self) -> anyhow::Result<Register> {
        let place = self.exclusions.clone().or_else(register::default_path);
        let none = || anyhow::anyhow!("{} for the register; name one with --exclusions FILE", Base::Data.why_none());
        Ok(Register::load(place.ok_or_else(none)?)?)
    }
}

/// Which register, and what it is held against.
#[derive(Debug, Clone, Args)]
pub struct ReviewArgs {
    /// Which register.
    #[command(flatten)]
    pub register: RegisterArgs,
    /// Root of the box when it is a mounted image.
    #[arg(long, value_name = "DIR", default_value = "/", value_parser = PathBufValueParser::new().try_map(box_at))]
    pub root: Root,
    /// Which rules the exclusions are held against.
    #[command(flatten)]
    pub rules: RuleArgs,
}

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
        ExclusionsCommand::Export { format, rule, output, review } => {
            export::run(&Review::open(&review)?, format, &rule, &output)
        }
    }
}

/// A register with what it is held against.
struct Review {
    register: Register,
    book: RuleCatalog,
    folders: OnDisk,
    root: Root,
    now: Timestamp,
}

impl Review {
    fn open(args: &ReviewArgs) -> anyhow::Result<Self> {
        Ok(Self {
            register: args.register.load()?,
            book: RuleCatalog::load(&args.rules.choice())?,
            folders: OnDisk::of(&args.root),
            root: args.root.clone(),
            now: Timestamp::now(),
        })
    }

    fn digest_of(&self, rule: &str, made_for: &Sha256) -> Option<Sha256> {
        self.book.digest_of(rule, made_for)
    }

    fn state(&self, exclusion: &Exclusion) -> State {
        Against { now: self.now, folders: &self.folders, rules: &|rule, made_for| self.digest_of(rule, made_for) }
            .state(exclusion)
    }
}

/// The first eight digits, enough to name an exclusion.
fn short(id: Uuid) -> String {
    id.to_string().chars().take(8).collect()
}
