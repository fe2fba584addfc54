//! From a finding and what it has come to, to a line of the list.

use crate::finding::Finding;
use crate::session::{FindingStatus, Records};
use crate::triage::exclusion::Exclusion;
use crate::tui::state::findings::ListedFinding;

/// The line.
pub(super) fn row(records: &Records, finding: &Finding, judged: FindingStatus) -> ListedFinding {
    let exclusion = judged.exclusion.and_then(|id| records.exclusion(id));
    ListedFinding {
        id: judged.id,
        at: 0,
        hunt: judged.subject.hunt,
        path: finding.file.path.as_path().into(),
        size: finding.file.size,
        modified: finding.file.modified,
        digest: finding.file.digest,
        matches: finding.matches.len(),
        score: judged.subject.score,
        candidate: judged.subject.candidate,
        verdict: judged.verdict,
        returned: judged.returned,
        against_the_box: exclusion.is_some_and(Exclusion::is_against_the_box),
        gone: judged.gone,
    }
}
