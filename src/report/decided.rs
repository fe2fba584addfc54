//! What was decided about a finding, in words.

use crate::case::{Decision, Event, GivenAnswer, JournalEntry};
use crate::finding::Digest;
use crate::text;

/// Answers in force, then remarks and decisions that were not undone; one line of safe text each.
///
/// `digest` is of the content that was found: an answer given on another content does not count, and says so.
pub fn lines(answers: &[GivenAnswer], history: &[JournalEntry], digest: &Digest) -> Vec<String> {
    let answers = answers.iter().map(|given| {
        let note = given.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
        let stale = match given.digest {
            then if then == *digest => "",
            then if then.is_comparable(digest) => " (on another content, does not count)",
            _ => " (on a content with another kind of digest, does not count)",
        };
        format!("{} {}{stale}, by {} at {:.0}{note}", given.scenario, given.answer, given.by, given.at)
    });
    let decisions = history.iter().filter(|entry| !entry.undone).filter_map(|entry| {
        let said = match &entry.event {
            Event::Decided(Decision::Note { note }) => format!("note: {note}"),
            Event::Decided(Decision::MarkedMalicious { reason }) => format!("malicious: {reason}"),
            Event::Decided(Decision::ExclusionRecorded { exclusion, .. }) => format!("exclusion {exclusion} recorded"),
            Event::Decided(Decision::ExclusionRevoked { exclusion, reason }) => {
                format!("exclusion {exclusion} revoked: {reason}")
            }
            Event::Decided(Decision::Answered { .. }) | Event::Happened(_) => return None,
        };
        Some(format!("{said}, by {} at {:.0}", entry.actor, entry.at))
    });
    answers.chain(decisions).map(|line| text::escape_str(&line).into_owned()).collect()
}
