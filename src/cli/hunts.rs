//! `huntbook hunts`: the hunts, as a list, one by one, or checked.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::FAILED;
use super::args::HuntsCommand;
use crate::hunt::{self, Problem, Site, describe, load_dir};
use crate::report::json;
use crate::session::RuleBook;
use crate::text;

/// Columns of a list that goes nowhere in particular.
const COLUMNS: usize = 100;

pub(super) fn run(command: HuntsCommand) -> anyhow::Result<ExitCode> {
    match command {
        HuntsCommand::List { json, rules } => list(&RuleBook::load(&rules.choice())?, json),
        HuntsCommand::Show { name, json, rules } => show(&RuleBook::load(&rules.choice())?, &name, json),
        HuntsCommand::Check { paths, json, site } => check(&paths, site.as_deref(), json),
    }
}

fn list(book: &RuleBook, as_json: bool) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    if as_json {
        let hunts: Vec<_> = book.hunts.iter().map(|hunt| &**hunt).collect();
        writeln!(out, "{}", json::pretty(&serde_json::to_value(hunts)?))?;
    } else {
        for hunt in &book.hunts {
            writeln!(out, "{}", describe::line(hunt, COLUMNS))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show(book: &RuleBook, name: &str, as_json: bool) -> anyhow::Result<ExitCode> {
    let Some(hunt) = book.hunts.iter().find(|hunt| &*hunt.rule.id.name == name) else {
        let names: Vec<_> = book.hunts.iter().map(|hunt| &*hunt.rule.id.name).collect();
        let near = hunt::problem::did_you_mean(name, names).map(|near| format!(" ({near})")).unwrap_or_default();
        anyhow::bail!("there is no hunt {}{near}; huntbook hunts list lists them", text::escape_str(name));
    };
    let mut out = io::stdout().lock();
    if as_json {
        writeln!(out, "{}", json::pretty(&serde_json::to_value(&**hunt)?))?;
    } else {
        write!(out, "{}", describe::describe(hunt, &book.site, COLUMNS))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints every problem of every path; exit code 2 if there is one.
fn check(paths: &[PathBuf], site: Option<&Path>, as_json: bool) -> anyhow::Result<ExitCode> {
    let mut problems = Vec::new();
    let mut hunts = 0;
    let site = site.map_or_else(|| Ok(Site::default()), Site::load).unwrap_or_else(|list| {
        problems.extend(list);
        Site::default()
    });
    for path in paths {
        match check_one(path, &site) {
            Ok(found) => hunts += found,
            Err(more) => problems.extend(more),
        }
    }
    let mut out = io::stdout().lock();
    if as_json {
        let listed: Vec<_> = problems.iter().map(problem_document).collect();
        writeln!(out, "{}", json::pretty(&json!({"hunts": hunts, "problems": listed})))?;
    } else {
        for problem in &problems {
            writeln!(out, "{problem}")?;
        }
        writeln!(
            out,
            "{} in order, {}",
            text::counted(hunts as u64, "hunt"),
            text::counted(problems.len() as u64, "problem")
        )?;
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

/// How many hunts there are in a folder of hunts, or in the folder of a single file of one.
fn check_one(path: &Path, site: &Site) -> Result<usize, Vec<Problem>> {
    if path.is_dir() {
        return load_dir(path, site).map(|loaded| loaded.hunts.len());
    }
    hunt::load_file(path, site).map(|loaded| loaded.hunts.len())
}

fn problem_document(problem: &Problem) -> Value {
    json!({
        "path": problem.path.to_string_lossy(),
        "line": problem.place.map(|place| place.line),
        "column": problem.place.map(|place| place.column),
        "message": problem.message,
        "hint": problem.hint,
    })
}
