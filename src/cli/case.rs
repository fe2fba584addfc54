//! `huntbook case`: whether a case can be believed, and a copy of it. The case is only read.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use clap::Subcommand;
use serde_json::json;

use super::exit::{OPEN, warn};
use super::report::warn_of_others;
use crate::case::{Case, CaseError, Head, LOG_MISSING, LogState, Seq};
use crate::finding::Sha256;
use crate::print;
use crate::report::json;
use crate::session::many::case_files;
use crate::text;

/// What to do with a case.
#[derive(Debug, Subcommand)]
pub enum CaseCommand {
    /// Say whether cases are whole: file, journal, hash chain, and what the scans saw. Exit code 1 if one is not.
    Verify {
        /// The cases, or folders of cases.
        #[arg(value_name = "CASE", required = true)]
        files: Vec<PathBuf>,
        /// A journal head that was kept, as reports print it (NUMBER:HASH), or its hash alone: the journal must still
        /// hold it. For one case.
        #[arg(long, value_name = "HEAD")]
        head: Option<KeptHead>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write a case to a new file, to take it away: one file with all entries, also while the case is in use or after its
    /// Huntbook was killed.
    Copy {
        /// The case.
        file: PathBuf,
        /// The new file; one that is there is left alone.
        to: PathBuf,
    },
}

/// Writes what the case holds to a new file, which is closed and needs nothing beside it.
fn copy(file: &Path, to: &Path) -> anyhow::Result<ExitCode> {
    let case = Case::open_read_only(file)?;
    warn_of_others(file);
    if case.log_state() == LogState::Missing {
        warn(&format!("{}: {LOG_MISSING}", text::escape_path(file)));
    }
    case.save_copy(to)?;
    writeln!(print::stdout(), "{}: a copy of the case, journal head {}", text::escape_path(to), case.head()?)?;
    Ok(ExitCode::SUCCESS)
}

/// A journal head as someone kept it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptHead {
    /// With its place.
    Whole(Head),
    /// The hash alone.
    Hash(Sha256),
}

impl FromStr for KeptHead {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        let written = written.trim();
        written.parse().map(Self::Hash).or_else(|_| written.parse().map(Self::Whole))
    }
}

impl KeptHead {
    fn is_in(self, case: &Case) -> Result<bool, CaseError> {
        let hash = match self {
            Self::Whole(head) => return case.has_head(&head),
            Self::Hash(hash) => hash,
        };
        for entry in case.entries(Seq(0)) {
            if entry?.hash == hash {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

pub(super) fn run(command: CaseCommand) -> anyhow::Result<ExitCode> {
    match command {
        CaseCommand::Verify { files, head, json } => match case_files(&files)?.as_slice() {
            [file] => verify(file, head, json),
            _ if head.is_some() => anyhow::bail!("--head is the head of one case; name one"),
            many => verify_many(many, json),
        },
        CaseCommand::Copy { file, to } => copy(&file, &to),
    }
}

/// One line a case, and below it what is wrong with it.
fn verify_many(files: &[PathBuf], as_json: bool) -> anyhow::Result<ExitCode> {
    let mut out = print::stdout();
    let mut documents = Vec::new();
    let mut broken = 0;
    for file in files {
        let shown = text::escape_path(file);
        let verified = Case::open_read_only(file).and_then(|case| case.verify());
        let (whole, head, problems) = match &verified {
            Ok(found) => {
                let mut problems: Vec<_> = found.problems.iter().map(ToString::to_string).collect();
                if found.more > 0 {
                    problems.push(format!("and {}", text::counted(found.more, "more problem")));
                }
                (found.is_whole(), found.head.to_string(), problems)
            }
            Err(error) => (false, String::new(), vec![error.fault.to_string()]),
        };
        broken += u64::from(!whole);
        let unvouched: Vec<_> = verified.iter().flat_map(|found| &found.unvouched).map(ToString::to_string).collect();
        if as_json {
            documents.push(json!({
                "case": shown, "whole": whole, "head": head, "problems": problems, "not_vouched_for": unvouched,
            }));
            continue;
        }
        let word = if whole { "whole" } else { "NOT whole" };
        writeln!(out, "{word}: {shown}, journal head {}", if head.is_empty() { "unknown" } else { &head })?;
        for said in problems.iter().chain(&unvouched) {
            writeln!(out, "    {}", text::escape_str(said))?;
        }
    }
    if as_json {
        writeln!(out, "{}", json::pretty(&documents.into()))?;
    } else {
        let all = text::counted(files.len() as u64, "case");
        writeln!(out, "{all}, {} not whole", text::count(broken))?;
    }
    Ok(ExitCode::from(if broken == 0 { 0 } else { OPEN }))
}

fn verify(file: &Path, head: Option<KeptHead>, as_json: bool) -> anyhow::Result<ExitCode> {
    let case = Case::open_read_only(file)?;
    warn_of_others(file);
    let verified = case.verify()?;
    // A journal that cannot be read holds no head; what is wrong with it is among the problems then.
    let held = match head.map(|head| head.is_in(&case)).transpose() {
        Err(error) if verified.is_whole() => return Err(error.into()),
        held => held.unwrap_or(Some(false)),
    };
    let whole = verified.is_whole() && held != Some(false);
    let mut out = print::stdout();
    if as_json {
        let problems: Vec<_> = verified.problems.iter().map(ToString::to_string).collect();
        let unvouched: Vec<_> = verified.unvouched.iter().map(ToString::to_string).collect();
        let document = json!({
            "whole": whole, "entries": verified.entries, "head": verified.head.to_string(),
            "holds_head": held, "problems": problems, "more": verified.more, "not_vouched_for": unvouched,
        });
        writeln!(out, "{}", json::pretty(&document))?;
    } else {
        for problem in &verified.problems {
            writeln!(out, "{}", text::escape_str(&problem.to_string()))?;
        }
        if verified.more > 0 {
            writeln!(out, "and {}", text::counted(verified.more, "more problem"))?;
        }
        for unvouched in &verified.unvouched {
            writeln!(out, "{unvouched}")?;
        }
        if held == Some(false) {
            writeln!(out, "the journal does not hold the head that was kept: it was changed, or this is another case")?;
        }
        let word = if whole { "whole" } else { "NOT whole" };
        writeln!(out, "{word}: {}, journal head {}", text::counted(verified.entries, "entry"), verified.head)?;
    }
    Ok(ExitCode::from(if whole { 0 } else { OPEN }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_kept_with_its_place_or_without() {
        let hash = Sha256::of(b"x");
        assert_eq!(hash.to_string().parse(), Ok(KeptHead::Hash(hash)));
        assert_eq!(format!(" 7:{hash}\n").parse(), Ok(KeptHead::Whole(Head { seq: Seq(7), hash })));
        assert!("7".parse::<KeptHead>().unwrap_err().contains("NUMBER:SHA256"));
    }
}
