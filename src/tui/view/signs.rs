//! What a finding has come to, as a sign, a word and a style.

use crate::theme::Role;
use crate::triage::Verdict;
use crate::tui::state::findings::ListedFinding;

/// The sign, the word and the style of what a finding has come to. The sign alone tells them apart.
pub(super) fn state_of(row: &ListedFinding) -> (char, &'static str, Role) {
    match row.verdict {
        Verdict::Open if row.returned.is_some() => ('↺', "returned", Role::Changed),
        Verdict::Open if row.candidate => ('?', "candidate", Role::Candidate),
        Verdict::Open => ('●', "open", Role::Open),
        Verdict::Benign => ('○', "excluded", Role::Excluded),
        Verdict::Suspicious => ('▲', "suspicious", Role::Suspicious),
        Verdict::Malicious => ('✖', "malicious", Role::Malicious),
    }
}
