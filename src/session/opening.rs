//! Where the records of a session are, and how its case is opened.

use std::path::{Path, PathBuf};

use crate::case::{self, Case, CaseError, CaseErrorKind};
use crate::root::Root;
use crate::storage::{self, Base};
use crate::text::escape_path;
use crate::triage::Actor;
use crate::triage::register::RegisterError;

/// Where records are kept, of what, and by whom.
#[derive(Debug, Clone)]
pub struct RecordPlan {
    /// The case file, when one was named; `None` for the default place.
    pub case: Option<PathBuf>,
    /// The register; `None` for one in memory.
    pub register: Option<PathBuf>,
    /// The tree, absolute.
    pub tree: PathBuf,
    /// The box.
    pub root: Root,
    /// Name of the box.
    pub host: String,
    /// Who decides.
    pub actor: Actor,
    /// Whether the case that was named is opened again rather than scanned into.
    pub reopened: bool,
}

/// Records that cannot be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordsError {
    /// The register cannot be used.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The case cannot be used.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// What would be recorded would be in memory only.
    #[error("{}: it cannot be written, so nothing was recorded: {why}", escape_path(case))]
    NotWritable {
        /// The case.
        case: PathBuf,
        /// Why; safe text.
        why: String,
    },
    /// The case that was named is another tree's.
    #[error(
        "{}: this case is of the tree {}, not of {}; name another file with --case, or leave --case out",
        escape_path(case),
        escape_path(its),
        escape_path(this)
    )]
    OtherTree {
        /// The case.
        case: PathBuf,
        /// The tree of its last scan.
        its: PathBuf,
        /// The tree that was to be scanned.
        this: PathBuf,
    },
}

/// One case, one tree: what was found in another would no longer be in its reports.
pub(super) fn must_be_of_this_tree(case: &Case, plan: &RecordPlan) -> Result<(), RecordsError> {
    match case.scans()?.pop() {
        Some(last) if !plan.reopened && last.tree != plan.tree => {
            Err(RecordsError::OtherTree { case: case.path().to_owned(), its: last.tree, this: plan.tree.clone() })
        }
        _ => Ok(()),
    }
}

/// Whether the failure is the disk's, so that another place may do.
pub(super) fn is_the_medium(fault: &CaseErrorKind) -> bool {
    matches!(
        fault,
        CaseErrorKind::Full
            | CaseErrorKind::ReadOnly
            | CaseErrorKind::NoLocks
            | CaseErrorKind::Gone
            | CaseErrorKind::Io { .. }
            | CaseErrorKind::Database(_)
    )
}

/// The case, or one in memory with the reason when the default place cannot be used.
pub(super) fn open_case(plan: &RecordPlan) -> Result<(Case, Option<(PathBuf, String)>), CaseError> {
    match &plan.case {
        Some(path) if plan.reopened => return reopen(path),
        Some(path) => return Ok((Case::open(path)?, None)),
        None => {}
    }
    let Some(path) = case::default_path(storage::env, &plan.host, &plan.tree) else {
        let why = format!("{} for the case; name one with --case FILE", Base::State.why_none());
        return Ok((Case::in_memory()?, Some((PathBuf::from("huntbook.case"), why))));
    };
    match Case::open(&path) {
        Ok(case) => Ok((case, None)),
        Err(error) if is_the_medium(&error.fault) => Ok((Case::in_memory()?, Some((path, error.to_string())))),
        Err(error) => Err(error),
    }
}

/// The case to go on with; from a medium that cannot be written, or of a case that is another's, a copy of it in memory.
fn reopen(path: &Path) -> Result<(Case, Option<(PathBuf, String)>), CaseError> {
    match Case::open(path) {
        Err(error) if is_the_medium(&error.fault) || matches!(error.fault, CaseErrorKind::Distrusted(_)) => {
            let copy = Case::open_read_only(path)?.copy_to_memory()?;
            Ok((copy, Some((path.to_owned(), error.to_string()))))
        }
        opened => Ok((opened?, None)),
    }
}
