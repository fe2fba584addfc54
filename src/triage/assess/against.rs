//! What speaks against an explanation that something speaks for.
//!
//! Some of it the hunt says itself (`contradicted_when`). The rest is the same whatever the explanation is, and depends on
//! what the explanation rests on: a cron entry that is as young as the file explains nothing by itself, whoever the hunt's
//! author had in mind. What rests on content that somebody else vouches for (a package's digest, a tracked file) does not
//! depend on ages and places.

mod file;
mod process;
mod referrer;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::LineAssessment;
use super::context::EvidenceContext;
use crate::hunt::{Check, Field, Strength, Truth};

/// One thing that speaks against a scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contradiction {
    /// What it is, in a few fixed words joined by `-`.
    pub kind: Cow<'static, str>,
    /// What was seen, in words that are safe to show.
    #[serde(rename = "said")]
    pub message: String,
}

impl Contradiction {
    fn new(kind: &'static str, said: impl Into<String>) -> Self {
        Self { kind: kind.into(), message: said.into() }
    }
}

/// What an explanation rests on, by the fields of its checks that speak for it.
#[derive(Debug, Clone, Copy, Default)]
struct Basis {
    /// The content, which somebody else vouches for.
    content: bool,
    /// That a repository tracks it.
    checkout: bool,
    /// A schedule, a unit or another place that names the file.
    referrer: bool,
    /// A path of the box that exists.
    host_path: bool,
    /// Where the file lies or what it is called.
    place: bool,
    /// What runs it.
    process: bool,
    /// What a process is called.
    process_name: bool,
}

impl Basis {
    fn of(applies_when: &[Vec<Check>], lines: &[LineAssessment]) -> Self {
        let mut basis = Self::default();
        let counts = |line: &LineAssessment| line.truth != Truth::NotMet;
        for (checks, line) in applies_when.iter().zip(lines).filter(|(_, line)| counts(line)) {
            for (check, assessed) in checks.iter().zip(&line.checks) {
                let strong = assessed.strength == Some(Strength::Strong);
                basis.checkout |= check.field == Field::FileRepositoryState;
                match check.field {
                    Field::FileSha256
                    | Field::FilePackageState
                    | Field::FileRepositoryState
                    | Field::FileContentKind
                    | Field::FileContainer
                    | Field::FileCopy => basis.content |= strong,
                    Field::ScheduleCron | Field::ScheduleSystemd | Field::PersistenceKind | Field::ProcessUnit => {
                        basis.referrer = true;
                    }
                    Field::ProcessStart => (basis.referrer, basis.process) = (true, true),
                    Field::HostPath => basis.host_path = true,
                    Field::FilePath | Field::FileName | Field::FileOwner | Field::FileGroup => basis.place = true,
                    Field::ProcessName | Field::ProcessCommandLine => {
                        (basis.process, basis.process_name) = (true, true);
                    }
                    Field::ProcessUser
                    | Field::ProcessParentName
                    | Field::ProcessAncestorName
                    | Field::DestinationPort
                    | Field::DestinationIp
                    | Field::NetworkDirection
                    | Field::SourceIp => basis.process = true,
                    Field::FileMode
                    | Field::FileMtime
                    | Field::FilePackage
                    | Field::FilePackageManager
                    | Field::UserGroup
                    | Field::EventBefore => {}
                }
            }
        }
        basis
    }
}

/// All that speaks against a scenario: its own lines that are met, and what speaks against any explanation that rests on
/// what this one rests on.
pub(super) fn all(
    applies_when: &[Vec<Check>],
    lines: &[LineAssessment],
    contradicted_when: &[LineAssessment],
    known: &EvidenceContext<'_>,
) -> Vec<Contradiction> {
    let basis = Basis::of(applies_when, lines);
    let mut found: Vec<Contradiction> =
        contradicted_when.iter().filter(|line| line.truth == Truth::Met).map(by_line).collect();
    let evidence = known.evidence;
    if !basis.content {
        if basis.referrer {
            found.extend(referrer::schedules(evidence));
        }
        if basis.host_path {
            found.extend(referrer::host_paths(applies_when, lines, known));
        }
        if basis.place || basis.referrer {
            found.extend(file::writable_folder(evidence));
        }
        found.extend(file::stray(evidence));
        found.extend(file::set_back(evidence));
        found.extend(file::copies(evidence));
    }
    if basis.checkout {
        found.extend(file::anybodys_checkout(evidence));
    }
    if basis.process_name {
        found.extend(process::unvouched(applies_when, lines, known));
    }
    found.extend(process::deleted(evidence));
    found.extend(process::preloaded(evidence));
    found.extend(process::renamed(evidence));
    found.extend(file::special(evidence));
    found.extend(file::preload(evidence));
    found.extend(process::twins(evidence));
    found.extend(process::live(evidence));
    found
}

/// A met line of `contradicted_when`.
fn by_line(line: &LineAssessment) -> Contradiction {
    let said = line.checks.iter().map(|check| match check.seen.as_str() {
        "" => check.check.clone(),
        seen => format!("{} ({seen})", check.check),
    });
    Contradiction::new("contradicted-when", said.collect::<Vec<_>>().join(" and "))
}
