//! A scan as a case keeps it.

use crate::case::{NotScanned, ScanEnd, ScanOutcome, ScanRow};
use crate::scan::{ProgressSnapshot, ScanConclusion, Unscanned};

/// What was not scanned, as a case keeps it.
pub(crate) fn not_scanned(unscanned: &Unscanned) -> NotScanned {
    let Unscanned { path, reason } = unscanned;
    NotScanned { path: path.clone(), reason: reason.kind().to_owned(), detail: reason.to_string() }
}

/// The gauges of a scan that is over, `gaps` of what it did not scan being gaps; zero where the case does not know.
pub(crate) fn reading(scan: &ScanRow, gaps: u64) -> ProgressSnapshot {
    let Some((at, end)) = &scan.ended else { return ProgressSnapshot { gaps, ..ProgressSnapshot::default() } };
    ProgressSnapshot {
        files: end.files,
        bytes: end.bytes,
        folders: end.folders.unwrap_or(0),
        links: end.links.unwrap_or(0),
        members: end.members.unwrap_or(0),
        processes: end.processes.unwrap_or(0),
        gaps,
        elapsed: at.duration_since(scan.started).unsigned_abs(),
        ..ProgressSnapshot::default()
    }
}

/// The end of a scan, as a case keeps it.
pub(crate) fn scan_outcome(end: &ScanConclusion) -> ScanOutcome {
    match end {
        ScanConclusion::Complete => ScanOutcome::Finished,
        ScanConclusion::Cancelled => ScanOutcome::Cancelled,
        ScanConclusion::Failed(_) => ScanOutcome::Failed,
    }
}

/// The end of a scan as the case keeps it.
pub(crate) fn scan_end(outcome: ScanOutcome, reading: &ProgressSnapshot) -> ScanEnd {
    let &ProgressSnapshot { files, bytes, folders, links, members, processes, .. } = reading;
    ScanEnd {
        outcome,
        files,
        bytes,
        folders: Some(folders),
        links: Some(links),
        members: Some(members),
        processes: Some(processes),
    }
}
