//! From a finding and what it has come to, to a line of the list.

use crate::case::Annotations;
use crate::finding::{FileFacts, Finding, StatedFacts};
use crate::session::{FindingStatus, Records};
use crate::tui::state::findings::{ListedFinding, Written};

/// The line.
pub(super) fn row(records: &Records, finding: &Finding, judged: FindingStatus) -> ListedFinding {
    let (uid, owner) = owner(&finding.file);
    let hunt = records.book().hunts.get(judged.subject.hunt);
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
        plain: hunt.is_some_and(|hunt| hunt.scenarios.is_empty()),
        uid,
        owner: owner.map(Into::into),
        written: records.written(judged.id).and_then(written),
        signs: records.signs(judged.id),
        candidate: judged.subject.candidate,
        verdict: judged.verdict,
        returned: judged.returned,
        against_the_box: judged.against_the_box,
        gone: judged.gone,
    }
}

/// Whose it is: the file's owner, or the user that a process ran as.
fn owner(file: &FileFacts) -> (u32, Option<&str>) {
    match file.stated.as_deref() {
        Some(StatedFacts::Kernel(process)) => (process.uid, process.user.as_deref()),
        _ => (file.uid, file.owner.as_deref()),
    }
}

/// What is written on a finding, as far as a line has room for it.
pub(super) fn written(annotations: &Annotations) -> Option<Box<Written>> {
    let tags = annotations.tags.iter().map(|tag| tag.as_str().into()).collect();
    let note = annotations.notes.last().map(|note| note.as_str().into());
    (!annotations.is_empty()).then(|| Box::new(Written { tags, note }))
}
