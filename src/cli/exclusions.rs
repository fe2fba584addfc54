//! `huntbook exclusions`: the register, reviewed, revoked and exported without a screen.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::args::RuleArgs;
use super::output::Output;
use crate::report::{csv, json, kql, loki, sarif};
use crate::session::{Excluded, RuleBook};
use crate::text;
use crate::triage::Actor;
use crate::triage::exclusion::{Exclusion, Revocation};
use crate::triage::folders::OnDisk;
use crate::triage::register::{self, Entry, Register};

/// Which register.
#[derive(Debug, Clone, Args)]
pub struct RegisterArgs {
    /// The register [default: huntbook/exclusions.toml in the user's data folder].
    #[arg(long, value_name = "FILE")]
    pub exclusions: Option<PathBuf>,
}

impl RegisterArgs {
    fn load(&self) -> anyhow::Result<Register> {
        Ok(Register::load(self.exclusions.clone().unwrap_or_else(register::default_path))?)
    }
}

/// What to do with the register.
#[derive(Debug, Subcommand)]
pub enum ExclusionsCommand {
    /// List the exclusions in force, or all of them.
    List {
        /// Expired and revoked ones too.
        #[arg(long)]
        all: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Which register.
        #[command(flatten)]
        register: RegisterArgs,
    },
    /// Find exclusions that are expired, stale, redundant, shadowed or over-broad; exit code 1 if there is one.
    Check {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Root of the box when it is a mounted image.
        #[arg(long, value_name = "DIR", default_value = "/")]
        root: PathBuf,
        /// Which register.
        #[command(flatten)]
        register: RegisterArgs,
        /// Which rules the exclusions are held against.
        #[command(flatten)]
        rules: RuleArgs,
    },
    /// Take an exclusion back; it stays in the register as revoked.
    Revoke {
        /// Its id, or the beginning of it.
        id: String,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Which register.
        #[command(flatten)]
        register: RegisterArgs,
    },
    /// Write the exclusions for another tool.
    Export {
        /// For which.
        #[arg(long, value_enum)]
        format: ExportFormat,
        /// Where it goes.
        #[command(flatten)]
        output: Output,
        /// Which register.
        #[command(flatten)]
        register: RegisterArgs,
        /// Where the rules' author, reference and licence come from.
        #[command(flatten)]
        rules: RuleArgs,
    },
}

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

pub(super) fn run(command: ExclusionsCommand) -> anyhow::Result<ExitCode> {
    match command {
        ExclusionsCommand::List { all, json, register } => list(&register.load()?, all, json),
        ExclusionsCommand::Check { json, root, register, rules } => {
            let book = RuleBook::load(&rules.choice())?;
            check(&register.load()?, &book, &OnDisk::below(root), json)
        }
        ExclusionsCommand::Revoke { id, reason, register } => revoke(register.load()?, &id, &reason),
        ExclusionsCommand::Export { format, output, register, rules } => {
            let book = RuleBook::load(&rules.choice())?;
            export(&register.load()?, &book, format, &output)
        }
    }
}

fn list(register: &Register, all: bool, as_json: bool) -> anyhow::Result<ExitCode> {
    let now = Timestamp::now();
    let mut out = io::stdout().lock();
    let mut documents = Vec::new();
    for entry in register.entries() {
        let Ok(exclusion) = &entry.content else {
            if !as_json {
                writeln!(out, "line {}: doubtful, it excludes nothing; see huntbook exclusions check", entry.line)?;
            }
            continue;
        };
        let status = csv::status(exclusion, now);
        if !all && status != "in force" {
            continue;
        }
        if as_json {
            documents.push(document(exclusion, status)?);
        } else {
            writeln!(
                out,
                "{}  {status:<8}  {}  {}\n    {} by {}, until {:.0}: {}",
                short(exclusion.id),
                text::escape_str(&exclusion.rule),
                exclusion.scope,
                exclusion.judgement,
                text::escape_str(&exclusion.by.to_string()),
                exclusion.expires,
                text::escape_str(&exclusion.reason)
            )?;
        }
    }
    if as_json {
        writeln!(out, "{}", json::pretty(&Value::Array(documents)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn document(exclusion: &Exclusion, status: &str) -> anyhow::Result<Value> {
    let mut document = serde_json::to_value(Excluded::from(exclusion))?;
    let (sha256, path) = csv::parts(exclusion);
    document["rule"] = exclusion.rule.clone().into();
    document["status"] = status.into();
    document["sha256"] = (!sha256.is_empty()).then_some(sha256).into();
    document["path"] = (!path.is_empty()).then_some(path).into();
    document["host"] = exclusion.host.clone().into();
    document["revoked"] = exclusion.revoked.as_ref().map_or(
        Value::Null,
        |revocation| json!({"by": revocation.by.to_string(), "at": revocation.at.to_string(), "why": revocation.why}),
    );
    Ok(document)
}

/// The first eight digits, enough to name an exclusion.
fn short(id: Uuid) -> String {
    id.to_string().chars().take(8).collect()
}

fn check(register: &Register, book: &RuleBook, folders: &OnDisk, as_json: bool) -> anyhow::Result<ExitCode> {
    let found = register.check(Timestamp::now(), folders, &|rule| book.digest_of(rule));
    let faults: Vec<_> = found.iter().filter(|found| found.problem.is_fault()).collect();
    let mut out = io::stdout().lock();
    if as_json {
        let listed: Vec<_> = faults
            .iter()
            .map(|fault| json!({"line": fault.line, "id": fault.id.map(|id| id.to_string()), "problem": fault.problem.to_string()}))
            .collect();
        writeln!(out, "{}", json::pretty(&Value::Array(listed)))?;
    } else {
        let file = text::escape_path(register.path());
        for fault in &faults {
            let id = fault.id.map(|id| format!(" {}", short(id))).unwrap_or_default();
            writeln!(out, "{file}:{}:{id} {}", fault.line, text::escape_str(&fault.problem.to_string()))?;
        }
        writeln!(out, "{} exclusions, {} to look at", register.entries().len(), faults.len())?;
    }
    Ok(ExitCode::from(u8::from(!faults.is_empty())))
}

fn revoke(mut register: Register, id: &str, reason: &str) -> anyhow::Result<ExitCode> {
    let wanted = id.to_lowercase();
    let ids: Vec<Uuid> = register.entries().iter().filter_map(Entry::id).collect();
    let matching: Vec<_> = ids.into_iter().filter(|id| id.to_string().starts_with(&wanted)).collect();
    let id = match matching.as_slice() {
        [id] => *id,
        [] => anyhow::bail!(
            "no exclusion has the id {}; list them with: huntbook exclusions list --all",
            text::escape_str(id)
        ),
        several => {
            anyhow::bail!("{} exclusions begin with {}; give more of the id", several.len(), text::escape_str(id))
        }
    };
    register.revoke(id, &Revocation { by: Actor::current(), at: Timestamp::now(), why: reason.to_owned() })?;
    writeln!(io::stdout(), "revoked {id}; it stays in the register as revoked")?;
    Ok(ExitCode::SUCCESS)
}

fn export(register: &Register, book: &RuleBook, format: ExportFormat, output: &Output) -> anyhow::Result<ExitCode> {
    let now = Timestamp::now();
    let exclusions = || register.entries().iter().filter_map(Entry::exclusion);
    let written = match format {
        ExportFormat::Csv => csv::watchlist(exclusions(), now)?,
        ExportFormat::Kql => kql::query(exclusions(), now),
        ExportFormat::Loki => loki::list(exclusions(), now),
        ExportFormat::Sarif => {
            let mut log = sarif::Log::new();
            for exclusion in exclusions() {
                let hunt = book.hunts.iter().find(|hunt| *hunt.rule.id.name == *exclusion.rule);
                log.exclusion(exclusion, hunt.map(|hunt| &hunt.rule));
            }
            json::pretty(&log.finish()) + "\n"
        }
    };
    output.write(written.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
