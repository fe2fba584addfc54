//! What the register says of a finding, as the case stores it.

use uuid::Uuid;

use super::book::RuleBook;
use crate::case::Cover;
use crate::finding::{FileFacts, RuleId};
use crate::triage::hit::Hit;
use crate::triage::matching::Standing;

/// Said of a finding that the case knows as excluded when the register no longer holds the exclusion.
pub(super) const REMOVED: &str = "was excluded, exclusion no longer in the register";

/// What exclusions are held against; `None` for a rule that is not of this session.
pub(super) fn hit<'a>(
    book: &'a RuleBook,
    rule: &'a RuleId,
    digest: &'a crate::finding::Sha256,
    file: &'a FileFacts,
) -> Hit<'a> {
    Hit { known_sample: book.is_known_sample(rule, &file.digest), ..Hit::new(&rule.name, digest, file) }
}

/// What the register says, in the words of the case; `None` when no exclusion is about the finding.
pub(super) fn cover(standing: &Standing<'_>) -> Option<Cover> {
    match standing {
        Standing::Excluded(exclusion) => Some(Cover { exclusion: exclusion.id.to_string(), lapsed: None }),
        Standing::Returned(comebacks) => comebacks.first().map(|comeback| Cover {
            exclusion: comeback.entry.id().unwrap_or(Uuid::nil()).to_string(),
            lapsed: Some(comeback.why.to_string()),
        }),
        Standing::Open => None,
    }
}
