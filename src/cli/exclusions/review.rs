//! The register that a command is about, with what it is held against.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PathBufValueParser, TypedValueParser as _};
use jiff::Timestamp;
use uuid::Uuid;

use crate::cli::rule_args::{RuleArgs, box_at};
use crate::finding::Sha256;
use crate::root::Root;
use crate::session::RuleCatalog;
use crate::storage::Base;
use crate::triage::exclusion::Exclusion;
use crate::triage::folders::OnDisk;
use crate::triage::register::{self, Register};
use crate::triage::state::{Against, ExclusionState};

/// Which register.
#[derive(Debug, Clone, Args)]
pub struct RegisterArgs {
    /// The register [default: huntbook/exclusions.toml in the user's data folder].
    #[arg(long, value_name = "FILE")]
    pub exclusions: Option<PathBuf>,
}

impl RegisterArgs {
    pub(super) fn load(&self) -> anyhow::Result<Register> {
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

/// A register with what it is held against.
pub(super) struct Review {
    pub(super) register: Register,
    pub(super) book: RuleCatalog,
    pub(super) folders: OnDisk,
    pub(super) root: Root,
    pub(super) now: Timestamp,
}

impl Review {
    pub(super) fn open(args: &ReviewArgs) -> anyhow::Result<Self> {
        Ok(Self {
            register: args.register.load()?,
            book: RuleCatalog::load(&args.rules.choice())?,
            folders: OnDisk::of(&args.root),
            root: args.root.clone(),
            now: Timestamp::now(),
        })
    }

    pub(super) fn digest_of(&self, rule: &str, made_for: &Sha256) -> Option<Sha256> {
        self.book.digest_of(rule, made_for)
    }

    pub(super) fn state(&self, exclusion: &Exclusion) -> ExclusionState {
        Against { now: self.now, folders: &self.folders, rules: &|rule, made_for| self.digest_of(rule, made_for) }
            .state(exclusion)
    }
}

/// The first eight digits, enough to name an exclusion.
pub(super) fn short(id: Uuid) -> String {
    id.to_string().chars().take(8).collect()
}
