//! `huntbook exclusions merge`.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use crate::cli::exit;
use crate::print;
use crate::text::{counted, escape_path};
use crate::triage::register::{MergeConflict, Register};

pub(super) fn run(base: &Path, ours: &Path, theirs: &Path) -> anyhow::Result<ExitCode> {
    let load = |path: &Path| {
        let register = Register::load(path)?;
        anyhow::ensure!(register.has_file(), "{}: there is no such register", escape_path(path));
        Ok(register)
    };
    let (base, theirs_register) = (load(base)?, load(theirs)?);
    let merged = load(ours)?.merge(&base, &theirs_register)?;
    let (added, changed) = (counted(merged.added as u64, "entry"), counted(merged.changed as u64, "entry"));
    writeln!(print::stdout(), "{}: {added} added, {changed} changed as theirs has it", escape_path(ours))?;
    for conflict in &merged.conflicts {
        exit::warn(&described(conflict, ours, theirs));
    }
    Ok(if merged.conflicts.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(exit::OPEN) })
}

fn described(conflict: &MergeConflict, ours: &Path, theirs: &Path) -> String {
    let MergeConflict { id, ours: mine, theirs: other } = conflict;
    let what = match (id, mine.or(*other)) {
        (Some(id), _) => format!("exclusion {id}"),
        (None, Some(1)) => "what stands above the first entry".to_owned(),
        (None, _) => "an entry without an id".to_owned(),
    };
    let place = |file: &Path, line: &Option<usize>| match line {
        Some(line) => format!("{}:{line}", escape_path(file)),
        None => format!("{}, where it was taken out", escape_path(file)),
    };
    let (mine, other) = (place(ours, mine), place(theirs, other));
    format!("{what} was changed on both sides; kept as ours has it ({mine}), compare {other}")
}
