//! What the register says of a finding, as the case stores it.

use uuid::Uuid;

use crate::case::Cover;
use crate::triage::matching::HitStatus;

/// Said of a finding that the case knows as excluded when the register no longer holds the exclusion.
pub(super) const REMOVED: &str = "was excluded, exclusion no longer in the register";

/// What the register says, in the words of the case; `None` when no exclusion is about the finding.
pub(super) fn cover(standing: &HitStatus<'_>) -> Option<Cover> {
    match standing {
        HitStatus::Excluded(exclusion) => Some(Cover { exclusion: exclusion.id.to_string(), lapsed: None }),
        HitStatus::Returned(comebacks) => comebacks.first().map(|comeback| Cover {
            exclusion: comeback.entry.id().unwrap_or(Uuid::nil()).to_string(),
            lapsed: Some(comeback.why.to_string()),
        }),
        HitStatus::Open => None,
    }
}
