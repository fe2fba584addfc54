//! What was decided about a finding, in words.

use crate::case::{Decision, GivenAnswer, JournalEntry, JournalEvent};
use crate::finding::Digest;
use crate::text;

/// Answers in force, then remarks and decisions that were not undone; one line of safe text each.
///
/// `digest` is of the content that was found: an answer given on another content does not count, and says so.
pub(crate) fn lines(answers: &[GivenAnswer], history: &[JournalEntry], digest: &Digest) -> Vec<String> {
    let answers =
        answers.iter().map(|given| format!("{} {}", text::escape_str(&given.scenario), answer(given, digest)));
    answers.chain(decisions(history)).collect()
}

/// An answer: the word, by whom, when and why; safe text. See [`lines`].
pub(crate) fn answer(given: &GivenAnswer, digest: &Digest) -> String {
    let note = given.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
    let stale = match given.digest {
        then if then == *digest => "",
        then if then.is_comparable(digest) => " (on another content, does not count)",
        _ => " (on a content with another kind of digest, does not count)",
    };
    text::escape_str(&format!("{}{stale}, by {} at {:.0}{note}", given.answer, given.by, given.at)).into_owned()
}

/// Remarks and decisions that were not undone, apart from answers; one line of safe text each.
pub(crate) fn decisions(history: &[JournalEntry]) -> Vec<String> {
    let in_force = history.iter().filter(|entry| !entry.undone);
    in_force.filter_map(|entry| Some(format!("{} at {:.0}", decision(entry)?, entry.at))).collect()
}

/// What an entry decided or remarked, and who did so; `None` for an answer and for what is no decision. Safe text.
pub(crate) fn decision(entry: &JournalEntry) -> Option<String> {
    let said = match &entry.event {
        JournalEvent::Decided(Decision::Note { note }) => format!("note: {note}"),
        JournalEvent::Decided(Decision::Tagged { add, remove }) => tagged(add, remove),
        JournalEvent::Decided(Decision::MarkedMalicious { reason }) => format!("malicious: {reason}"),
        JournalEvent::Decided(Decision::ExclusionRecorded { exclusion, .. }) => {
            format!("exclusion {exclusion} recorded")
        }
        JournalEvent::Decided(Decision::ExclusionRevoked { exclusion, reason }) => {
            format!("exclusion {exclusion} revoked: {reason}")
        }
        JournalEvent::Decided(Decision::Answered { .. }) | JournalEvent::Happened(_) => return None,
    };
    Some(text::escape_str(&format!("{said}, by {}", entry.actor)).into_owned())
}

/// Tags that were put on or taken off: `tagged #later, no longer #ask-bob`; not yet safe.
pub(crate) fn tagged(add: &[String], remove: &[String]) -> String {
    let names = |tags: &[String]| tags.iter().map(|tag| format!("#{tag}")).collect::<Vec<_>>().join(" ");
    let parts = [("tagged", add), ("no longer", remove)].into_iter().filter(|(_, tags)| !tags.is_empty());
    parts.map(|(word, tags)| format!("{word} {}", names(tags))).collect::<Vec<_>>().join(", ")
}
