//! What each command gives up before it reads what others have made; see [`crate::sandbox`].

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::args::{Cli, Command, ScanArgs};
use super::exclusions::ExclusionsCommand;
use super::hunts::HuntsCommand;
use super::rule_args::RuleArgs;
use crate::case;
use crate::sandbox;
use crate::session::RecordPlan;
use crate::session::many::ManyCases;
use crate::storage::{self, Base};

/// Gives up what no command needs. To be called before any other thread is started.
pub(super) fn begin(cli: &Cli) {
    sandbox::forbid_execution(without_landlock(cli));
}

/// Gives up writing elsewhere than in these folders.
pub(super) fn writing(folders: &[PathBuf]) {
    sandbox::forbid_writing_outside(folders);
}

/// Why this command cannot do its work in a Landlock domain, if that is so: a domain may not look into other processes.
fn without_landlock(cli: &Cli) -> Option<&'static str> {
    let below_proc = |path: &Path| std::path::absolute(path).is_ok_and(|path| path.starts_with("/proc"));
    let scan = |tree: Option<&Path>, scan: &ScanArgs| {
        if scan.include_pseudo {
            Some("--include-pseudo reads of other processes, which a domain may not")
        } else if tree.is_some_and(below_proc) || below_proc(scan.root.dir()) {
            Some("what lies below /proc is of other processes, which a domain may not read")
        } else {
            None
        }
    };
    match &cli.command {
        None => cli.trees.iter().find_map(|tree| scan(Some(tree), &cli.scan)).or_else(|| scan(None, &cli.scan)),
        Some(Command::Scan { trees, scan: args, .. }) => {
            trees.iter().find_map(|tree| scan(Some(tree), args)).or_else(|| scan(None, args))
        }
        Some(Command::Inspect(args)) if below_proc(&args.file) || below_proc(args.root.dir()) => {
            Some("what lies below /proc is of other processes, which a domain may not read")
        }
        Some(_) => None,
    }
}

/// The folders that a command writes in. Those that are Huntbook's own are made if they are not there.
pub(super) fn folders(command: &Command) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    match command {
        Command::Scan { scan, .. } => {
            folders.extend(cases(scan.case.as_deref()));
            folders.extend(cache(&scan.rules));
        }
        Command::Inspect(args) => folders.extend(cache(&args.rules)),
        Command::Exclusions(command) => {
            let (register, output) = match command {
                ExclusionsCommand::Export { review, output, .. } => {
                    (review.register.exclusions.as_deref(), Some(output))
                }
                ExclusionsCommand::List { review, .. } | ExclusionsCommand::Check { review, .. } => {
                    (review.register.exclusions.as_deref(), None)
                }
                ExclusionsCommand::Revoke { register, .. } => (register.exclusions.as_deref(), None),
                ExclusionsCommand::Merge { ours, .. } => (Some(ours.as_path()), None),
            };
            folders.extend(of_register(register));
            // The list for Loki has a name of its own, in the current folder.
            let output = output.map(|output| output.output.as_deref().unwrap_or(Path::new("huntbook")));
            folders.extend(output.into_iter().flat_map(beside));
        }
        // SQLite reads a case that is in use by way of a file beside it.
        Command::Case(super::case::CaseCommand::Verify { files, .. }) => {
            folders.extend(files.iter().flat_map(|file| within(file)));
        }
        Command::Case(super::case::CaseCommand::Copy { file, to }) => {
            folders.extend(beside(file));
            folders.extend(beside(to));
        }
        Command::Report(args) => {
            folders.extend(args.cases.iter().flat_map(|case| within(case)));
            folders.extend(args.output.output.as_deref().into_iter().flat_map(beside));
        }
        Command::Hunts(HuntsCommand::Export { output, .. }) => {
            folders.extend(output.output.as_deref().into_iter().flat_map(beside));
        }
        Command::Deploy(command) => folders.extend(beside(command.target())),
        Command::Hunts(_) | Command::Completions { .. } | Command::Help(_) | Command::Man | Command::Version => {}
    }
    folders
}

/// The folders that a session on the screen writes in; the current one among them, for what is exported from there.
pub(super) fn of_session(scan: &ScanArgs, plan: &RecordPlan) -> Vec<PathBuf> {
    let mut folders = cases(plan.case.as_deref());
    folders.extend(of_register(scan.exclusions.as_deref()));
    folders.extend(cache(&scan.rules));
    folders.extend(beside(Path::new("huntbook")));
    folders
}

/// The folders that a session over many cases writes in.
pub(super) fn of_many(scan: &ScanArgs, plan: &RecordPlan, many: &ManyCases) -> Vec<PathBuf> {
    let mut folders: Vec<_> = many.cases.iter().flat_map(|one| beside(&one.path)).collect();
    folders.sort();
    folders.dedup();
    folders.extend(of_register(scan.exclusions.as_deref().or(plan.register.as_deref())));
    folders.extend(cache(&scan.rules));
    folders.extend(beside(Path::new("huntbook")));
    folders
}

fn cases(named: Option<&Path>) -> Vec<PathBuf> {
    match named {
        Some(case) => beside(case),
        None => case::default_folder(storage::env).into_iter().map(made).collect(),
    }
}

fn of_register(named: Option<&Path>) -> Vec<PathBuf> {
    match named {
        Some(register) => beside(register),
        None => Base::Data.folder(storage::env).map(made).into_iter().collect(),
    }
}

/// The built-in rules are compiled sooner than they are read from a cache.
fn cache(rules: &RuleArgs) -> Option<PathBuf> {
    let own = !rules.rules.is_empty() || !rules.hunts.is_empty();
    own.then(|| Base::Cache.folder(storage::env)).flatten().map(|folder| made(folder.join("rules")))
}

/// The folder of a file, and that of the file a link leads to; the nearest that is there.
fn beside(file: &Path) -> Vec<PathBuf> {
    let folder = |file: &Path| {
        let file = std::path::absolute(file).ok()?;
        file.ancestors().skip(1).find(|folder| folder.is_dir()).map(Path::to_owned)
    };
    let target = file.canonicalize().ok();
    [folder(file), target.as_deref().and_then(folder)].into_iter().flatten().collect()
}

/// The folder of a case, or a folder of cases.
fn within(named: &Path) -> Vec<PathBuf> {
    if named.is_dir() { std::path::absolute(named).into_iter().collect() } else { beside(named) }
}

/// Makes a folder of Huntbook's own, closed to everyone else. Where that fails, whoever writes there says why.
fn made(folder: PathBuf) -> PathBuf {
    let _ = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    folder
}
