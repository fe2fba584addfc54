//! What a case keeps of what the box said of its findings.

use std::path::Path;

use crate::case::{Case, CaseError, EvidenceEnd, FindingId, GivenAnswer, ScanId, ScanRow};
use crate::evidence::{Evidence, NamedFacts};
use crate::finding::FileFacts;
use crate::text;
use crate::triage::assess::BoxSaid;

/// Name of the part that holds what the scenarios came to.
pub(super) const SCENARIOS: &str = "scenarios";

/// What a case keeps of what the box said of one finding.
#[derive(Debug, Clone)]
pub struct KeptEvidence {
    /// What it said of the file, or why it said nothing.
    pub evidence: Evidence,
    /// What it said of paths and groups.
    pub named: NamedFacts,
}

/// One scenario of a finding: what the box said, and what the responder answered.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioStatus {
    /// Its line; empty where the case does not hold it.
    pub title: String,
    /// What the box said.
    pub box_said: BoxSaid,
    /// The answer in force.
    pub answer: Option<GivenAnswer>,
}

/// What `case` keeps of what the box said of a finding of `scan`.
///
/// # Errors
/// When the case cannot be read.
pub(super) fn kept_evidence(
    case: &Case,
    scan: &ScanRow,
    id: FindingId,
    file: &FileFacts,
) -> Result<KeptEvidence, CaseError> {
    let parts = case.evidence(scan.id, id)?;
    let named = NamedFacts::of_parts(&case.box_evidence(scan.id)?).unwrap_or_default();
    let evidence = if parts.is_empty() {
        unasked(scan, file, &why_not(case, scan)?)
    } else {
        let unread = |why| unasked(scan, file, &format!("what the case keeps of it cannot be read: {why}"));
        Evidence::of_parts(file.clone(), &parts).unwrap_or_else(unread)
    };
    Ok(KeptEvidence { evidence, named })
}

/// The evidence about a file of which the box said nothing; its path is as on the box.
fn unasked(scan: &ScanRow, file: &FileFacts, why: &str) -> Evidence {
    let root = scan.options.get("root").and_then(serde_json::Value::as_str).filter(|root| *root != "/");
    let inside = root.and_then(|root| file.path.strip_prefix(root).ok()).map(|inside| Path::new("/").join(inside));
    Evidence::not_gathered(file.clone(), inside.as_deref().unwrap_or(&file.path), why)
}

/// Why the case holds nothing of what the box said of a finding of this scan; safe text.
pub(super) fn why_not(case: &Case, scan: &ScanRow) -> Result<String, CaseError> {
    let end = case.evidence_ends()?.remove(&scan.id);
    Ok(match end {
        Some(EvidenceEnd { cut: Some(why), .. }) => text::escape_str(&why).into_owned(),
        Some(_) => "the box was not asked about this finding".to_owned(),
        None => match scan.options.get("evidence").and_then(serde_json::Value::as_bool) {
            Some(true) => "asking the box did not come to its end".to_owned(),
            Some(false) => "the scan did not ask the box (--no-evidence)".to_owned(),
            None => "the case holds nothing of what the box said: an older Huntbook wrote it".to_owned(),
        },
    })
}

/// What a case keeps of what the box said of the scenarios of a finding, safe to show; `None` where it said nothing.
///
/// # Errors
/// When the case cannot be read.
pub(super) fn kept_scenarios(case: &Case, scan: ScanId, id: FindingId) -> Result<Option<Vec<BoxSaid>>, CaseError> {
    let part = case.evidence_part(scan, id, SCENARIOS)?;
    Ok(part.and_then(|said| BoxSaid::all_of(&said)))
}

/// The scenarios of a finding as its case alone tells them, without the words of its hunt.
///
/// # Errors
/// When the case cannot be read.
pub(crate) fn kept_statuses(case: &Case, scan: &ScanRow, id: FindingId) -> Result<Vec<ScenarioStatus>, CaseError> {
    let said = kept_scenarios(case, scan.id, id)?.unwrap_or_default();
    let known = said.iter().map(|one| (one.id.as_str(), ""));
    Ok(scenario_statuses(known, Some(&said), "", &case.answers(id)?))
}

/// The scenarios of a finding in the order of its hunt: `known` with id and title, what the box `said`, or `why_not`, and the
/// `answers` in force.
pub(crate) fn scenario_statuses<'k>(
    known: impl IntoIterator<Item = (&'k str, &'k str)>,
    said: Option<&[BoxSaid]>,
    why_not: &str,
    answers: &[GivenAnswer],
) -> Vec<ScenarioStatus> {
    let of = |id: &str| said.and_then(|all| all.iter().find(|one| one.id == id)).cloned();
    let status = |(id, title): (&str, &str)| ScenarioStatus {
        title: title.to_owned(),
        box_said: of(id).unwrap_or_else(|| BoxSaid::unknown(id, why_not)),
        answer: answers.iter().find(|given| given.scenario == id).cloned(),
    };
    let mut all: Vec<ScenarioStatus> = known.into_iter().map(status).collect();
    // A case may hold answers to scenarios that its hunt has no more.
    for given in answers {
        if all.iter().all(|one| one.box_said.id != given.scenario) {
            all.push(status((&given.scenario, "")));
        }
    }
    all
}
