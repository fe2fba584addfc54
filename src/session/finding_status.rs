//! What is known of one finding.

use std::sync::Arc;

use uuid::Uuid;

use super::kept_evidence::KeptEvidence;
use super::rule_catalog::RuleRef;
use crate::case::{FindingId, GivenAnswer, Gone, JournalEntry};
use crate::finding::Finding;
use crate::triage::Verdict;
use crate::triage::bound::BoundBox;
use crate::triage::exclusion::Exclusion;
use crate::triage::folders::Proposal;

/// What a finding has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingStatus {
    /// Its number in the case.
    pub id: FindingId,
    /// Its hunt, and whether it is a candidate.
    pub subject: RuleRef,
    /// What it has come to.
    pub verdict: Verdict,
    /// Why it is not excluded though an exclusion was made for it; safe text.
    pub returned: Option<String>,
    /// The exclusion that covers it.
    pub exclusion: Option<Uuid>,
    /// Whether that was recorded for a scenario that nothing on the box supports.
    pub against_the_box: bool,
    /// Since when it was not met, and why; only findings that somebody decided on are kept so.
    pub gone: Option<Gone>,
}

/// All that the records hold about one finding.
#[derive(Debug, Clone)]
pub struct FindingDetails {
    /// What it has come to.
    pub judged: FindingStatus,
    /// Facts, matches and kept bytes.
    pub finding: Arc<Finding>,
    /// The answers in force.
    pub answers: Vec<GivenAnswer>,
    /// Everything that was decided about it, oldest first.
    pub history: Vec<JournalEntry>,
    /// The exclusion that covers it.
    pub exclusion: Option<Exclusion>,
    /// The scopes that an exclusion of it could have, narrowest first, and whether each may be recorded.
    pub scopes: Vec<Proposal>,
    /// The boxes that an exclusion of it could be bound to: its own, then others that have the same content; none where they
    /// cannot be told from others.
    pub boxes: Vec<BoundBox>,
    /// Whether its content is a known sample of the rule.
    pub known_sample: bool,
    /// What the case keeps of what its box said, where that counts and not this box.
    pub kept: Option<Box<KeptEvidence>>,
}
