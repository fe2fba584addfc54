//! The command line: what may be given, and what it means.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::builder::{PathBufValueParser, TypedValueParser as _};
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use jiff::Timestamp;

use super::archives::{ArchiveArgs, ProcessArgs};
use super::case::CaseCommand;
use super::deploy::DeployCommand;
use super::exclusions::ExclusionsCommand;
use super::help::HelpArgs;
use super::hunts::HuntsCommand;
use super::inspect::InspectArgs;
use super::limits;
use super::logging::LogArgs;
use super::report::ReportArgs;
use super::rule_args::{RuleArgs, box_at};
use super::when::parse_time;
use crate::finding::KeptBytes;
use crate::report::ReportFormat;
use crate::root::Root;
use crate::scan::{self, Only, ScanOptions, WalkOptions};
use crate::session::GATHERING_TIME;
use crate::text::{self, size::parse_size};

const EXIT_CODES: &str = "\
Exit codes:
  0  nothing is open
  1  findings that no exclusion covers
  2  wrong usage, or what ended huntbook scan early: a failure, a signal, a reader that went (| head)
  3  no such finding, but part of the tree could not be scanned, or the scan was stopped on the screen

Nothing on the scanned tree is executed, written or followed through a link.";

/// From a YARA hit to a defensible verdict: scan a tree, look at the bytes, walk the documented scenarios, record the
/// decision.
#[derive(Debug, Parser)]
#[command(
    name = "huntbook",
    bin_name = "huntbook",
    version,
    about,
    after_help = EXIT_CODES,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// What to do; without a command, the screen opens on TREE, on a case or several, or lets you choose.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Folder or single file to scan, or a case to open again; several cases, or a folder of nothing but cases, are one list over
    /// all of their boxes. Without it, the screen shows recent trees, mounts and folders to choose from.
    #[arg(value_name = "TREE|CASE")]
    pub trees: Vec<PathBuf>,
    /// What is scanned, and how.
    #[command(flatten)]
    pub scan: ScanArgs,
    /// What the screen looks like.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

/// What to do.
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one, for as long as the program runs")]
pub enum Command {
    /// Scan without a screen and print what was found.
    #[command(after_help = EXIT_CODES)]
    Scan {
        /// Folders or files to scan. Several are one scan, into one case.
        #[arg(value_name = "TREE", required_unless_present = "files_from")]
        trees: Vec<PathBuf>,
        /// Scan the files and folders that this list names, one a line; - reads standard input.
        #[arg(long, value_name = "FILE")]
        files_from: Option<PathBuf>,
        /// The names in the list end with NUL, as find -print0 writes them.
        #[arg(long, requires = "files_from")]
        null: bool,
        /// How the result is printed.
        #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
        format: ReportFormat,
        /// What is scanned, and how.
        #[command(flatten)]
        scan: ScanArgs,
    },
    /// Look at one file: facts, rule matches, ELF headers.
    Inspect(InspectArgs),
    /// Look at the hunts: rules, hypotheses and scenarios.
    #[command(subcommand)]
    Hunts(HuntsCommand),
    /// Look through the register of exclusions, revoke one, or export them.
    #[command(subcommand)]
    Exclusions(ExclusionsCommand),
    /// Check that a case is whole, or copy it.
    #[command(subcommand)]
    Case(CaseCommand),
    /// Write what a case holds: findings, decisions, coverage, journal head.
    Report(ReportArgs),
    /// Write what Ansible or Velociraptor need to carry the program to many boxes. Nothing is sent.
    #[command(subcommand)]
    Deploy(DeployCommand),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Explain a topic or a command: keys, formats, hunts, exit codes …
    Help(HelpArgs),
    /// Print the manual page.
    Man,
    /// Print version, commit, build, engine, the digests of built-in hunts and of this very program, and what this system lets it
    /// give up before it reads anything (sandbox). The same as --version --verbose.
    Version,
}

impl Command {
    /// Whether the exit code is an answer, which must not be "all is well" when the output was not read to its end.
    pub fn answers(&self) -> bool {
        matches!(
            self,
            Self::Scan { .. }
                | Self::Inspect(_)
                | Self::Case(_)
                | Self::Hunts(HuntsCommand::Check { .. })
                | Self::Exclusions(ExclusionsCommand::Check { .. })
        )
    }
}

/// What is scanned, and how.
#[derive(Debug, Clone, Args)]
pub struct ScanArgs {
    /// Which rules there are.
    #[command(flatten)]
    pub rules: RuleArgs,
    /// The register of exclusions [default: huntbook/exclusions.toml in the user's data folder].
    #[arg(long, value_name = "FILE")]
    pub exclusions: Option<PathBuf>,
    /// The case file [default: one per host and tree, in the user's state folder].
    #[arg(long, value_name = "FILE")]
    pub case: Option<PathBuf>,
    /// Root of the box when it is a mounted image; its accounts, packages and schedules are then looked up there.
    #[arg(long, value_name = "DIR", default_value = "/", value_parser = PathBufValueParser::new().try_map(box_at))]
    pub root: Root,
    /// Threads that match [default: one per core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub threads: Option<u16>,
    /// Files that a rule needs whole are not matched against it when larger than this (64MiB, 2GiB); coverage lists them.
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = parse_size)]
    pub max_file_size: u64,
    /// Keep files up to this size whole in the case with their findings, at most 16MiB; of larger ones the bytes around the
    /// matches are kept. Of files over 64KiB, 512MiB are kept in all.
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = parse_kept)]
    pub keep: u64,
    /// Seconds that matching one file may take; what takes longer is listed in coverage.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub match_timeout: u64,
    /// Seconds that one file may take in all; what takes longer, such as a file without end, is listed in coverage.
    #[arg(long, value_name = "SECONDS", default_value_t = 1800, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub file_timeout: u64,
    /// Seconds that a file or folder may leave its reader without an answer; what takes longer is listed in coverage.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub read_timeout: u64,
    /// Stay on the file system of TREE.
    #[arg(long)]
    pub one_file_system: bool,
    /// Enter proc, sysfs and other file systems made up by the kernel, too.
    #[arg(long)]
    pub include_pseudo: bool,
    /// Stay out of network file systems, and of those that a program serves (FUSE); coverage lists them.
    #[arg(long)]
    pub local_only: bool,
    /// Scan only files changed or born since then (2026-11-26, RFC 3339, or 3d for how long ago); coverage counts the others.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub newer: Option<Timestamp>,
    /// The only paths that are scanned, when several were named.
    #[arg(skip)]
    pub only: Option<Arc<Only>>,
    /// Leave out what this glob covers, written as in a .gitignore in TREE; coverage lists it. May be repeated.
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// Ask the box about every finding while the scan is on it (packages, schedules, processes, …), so that the case can be
    /// decided on elsewhere; this is what happens unless the case is kept in memory only.
    #[arg(long, overrides_with = "no_evidence")]
    pub evidence: bool,
    /// Ask the box nothing: on another machine the case can tell only what the scan saw.
    #[arg(long)]
    pub no_evidence: bool,
    /// Seconds that the box may be asked about findings after the scan has ended.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub evidence_time: u64,
    /// How far archives are opened.
    #[command(flatten)]
    pub archives: ArchiveArgs,
    /// What is looked at of processes.
    #[command(flatten)]
    pub processes: ProcessArgs,
    /// What is logged, and where.
    #[command(flatten, next_help_heading = "Options")]
    pub log: LogArgs,
}

impl Cli {
    /// The log that was asked for, where one can be.
    pub fn log(&self) -> Option<&LogArgs> {
        match &self.command {
            None => Some(&self.scan.log),
            Some(Command::Scan { scan, .. }) => Some(&scan.log),
            Some(_) => None,
        }
    }
}

impl ScanArgs {
    /// Whether the box is asked about findings, and for how long after the scan; `unsaved` says that the case is in memory only.
    pub fn asking(&self, unsaved: bool) -> Option<Duration> {
        let asks = if unsaved { self.evidence } else { !self.no_evidence };
        asks.then(|| Duration::from_secs(self.evidence_time))
    }

    /// What the walk leaves out.
    pub fn walk(&self) -> WalkOptions {
        WalkOptions {
            one_file_system: self.one_file_system,
            include_pseudo: self.include_pseudo,
            exclude: self.exclude.clone(),
            local_only: self.local_only,
            only: self.only.clone(),
        }
    }

    /// The scanner's options; `own_files` are Huntbook's own.
    pub fn options(&self, mut own_files: Vec<PathBuf>, count_ahead: bool) -> ScanOptions {
        own_files.extend(self.log.file.clone());
        let default = ScanOptions::default();
        ScanOptions {
            walk: self.walk(),
            threads: limits::workers(self.threads.map_or(default.threads, usize::from)),
            max_file_size: self.max_file_size,
            keep: self.keep,
            archives: self.archives.limits(self.max_file_size),
            processes: self.processes.options(),
            newer: self.newer,
            match_timeout: Duration::from_secs(self.match_timeout),
            file_timeout: Duration::from_secs(self.file_timeout),
            read_timeout: Duration::from_secs(self.read_timeout),
            count_ahead,
            own_files,
            root: self.root.clone(),
        }
    }
}

/// What the screen looks like.
#[derive(Debug, Clone, Args)]
pub struct ScreenArgs {
    /// Colours: a theme's name, or a theme file [default: dark].
    #[arg(long, value_name = "NAME|FILE")]
    pub theme: Option<String>,
    /// Leave the mouse to the terminal.
    #[arg(long)]
    pub no_mouse: bool,
}

const _: () = assert!(scan::MAX_FILE_SIZE == 1 << 30, "--max-file-size says its default");
const _: () = assert!(scan::MAX_KEPT == 16 << 20 && scan::ALL_KEPT == 512 << 20, "--keep says its bounds");
const _: () = assert!(KeptBytes::WHOLE == 64 << 10, "--keep says its default");
const _: () = assert!(scan::MATCH_TIMEOUT.as_secs() == 60, "--match-timeout says its default");
const _: () = assert!(scan::FILE_TIMEOUT.as_secs() == 1800, "--file-timeout says its default");
const _: () = assert!(GATHERING_TIME.as_secs() == 60, "--evidence-time says its default");
const _: () = assert!(scan::READ_TIMEOUT.as_secs() == 30, "--read-timeout says its default");

/// As [`parse_size`], for how much of a file is kept.
///
/// # Errors
/// As there, and when it is more than can be.
fn parse_kept(text: &str) -> Result<u64, String> {
    let size = parse_size(text)?;
    if size <= scan::MAX_KEPT {
        Ok(size)
    } else {
        Err(format!("at most {} of a file are kept", text::bytes(scan::MAX_KEPT)))
    }
}

#[cfg(test)]
mod tests {
    use super::parse_kept;

    #[test]
    fn no_more_is_kept_than_can_be() {
        assert_eq!(parse_kept("1MiB"), Ok(1 << 20));
        assert_eq!(parse_kept("16MiB"), Ok(16 << 20));
        assert!(parse_kept("17MiB").unwrap_err().contains("16"));
    }
}
