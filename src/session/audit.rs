//! What the log is told of records, beside what they do.

use tracing::field::display;

use crate::case::FindingId;
use crate::finding::{FileFacts, FoundBy};
use crate::scan::Unscanned;

/// Findings that are on record now.
pub(super) fn findings(found: &[(FindingId, &FoundBy, &FileFacts)]) {
    for (id, found_by, file) in found {
        let [sha256, data_digest] = [file.digest.sha256(), file.digest.data_digest()].map(|value| value.map(display));
        tracing::debug!(id = id.0, rule = &*found_by.name(), sha256, data_digest, path = ?file.path, "finding");
    }
}

/// What was not scanned: a gap is a warning, the rest is left out on purpose.
pub(super) fn missed(missed: &[Unscanned]) {
    for Unscanned { path, reason } in missed {
        let why = reason.to_string();
        if reason.is_gap() {
            tracing::warn!(reason = why, ?path, "not scanned");
        } else {
            tracing::info!(reason = why, ?path, "not scanned");
        }
    }
}
