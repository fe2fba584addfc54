//! The history tab: everything that was decided about the finding, by whom, when.

use super::reading::Reading;
use crate::case::{Decision, JournalEntry, JournalEvent, Record};
use crate::report::decided;
use crate::theme::Role;
use crate::triage::exclusion::Judgement;
use crate::tui::state::App;
use crate::tui::state::detail::Detail;

/// The tab's lines.
pub(super) fn build(app: &App, page: &mut Reading<'_>) {
    let Some(detail) = &app.detail else { return };
    if let Some(why) = &detail.opened.judged.returned {
        page.wrapped(Role::Changed, &format!("↺ {why}"));
        page.blank();
    }
    if detail.opened.history.is_empty() {
        page.wrapped(Role::Dim, "Nothing has been decided about this finding yet.");
    }
    for entry in &detail.opened.history {
        let undone = if entry.undone { "  (undone since)" } else { "" };
        page.wrapped(Role::FieldName, &format!("{}  {:.0}  {}{undone}", entry.seq, entry.at, entry.actor));
        page.wrapped(if entry.undone { Role::Dim } else { Role::Text }, &said(detail, entry));
        page.blank();
    }
}

fn said(detail: &Detail, entry: &JournalEntry) -> String {
    let title = |id: &str| {
        let own = detail.hunt.scenarios.iter().find(|scenario| scenario.id == id);
        let scenario = own.or_else(|| crate::hunt::standard::scenario(id));
        scenario.map_or_else(|| id.to_owned(), |scenario| scenario.title.clone())
    };
    match &entry.event {
        JournalEvent::Decided(Decision::Answered { scenario, answer, note }) => {
            let note = note.as_ref().map(|note| format!(" — {note}")).unwrap_or_default();
            format!("{answer}: {}{note}", title(scenario))
        }
        JournalEvent::Decided(Decision::Note { note }) => format!("note: {note}"),
        JournalEvent::Decided(Decision::Tagged { add, remove }) => decided::tagged(add, remove),
        JournalEvent::Decided(Decision::MarkedMalicious { reason }) => format!("malicious: {reason}"),
        JournalEvent::Decided(Decision::ExclusionRecorded { exclusion, summary }) => {
            let of = |key: &str| summary.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
            let verdict = of("verdict");
            let verdict = Judgement::from_word(&verdict).map_or(verdict, |judgement| judgement.to_string());
            format!("excluded ({verdict}), {}: {} [{exclusion}]", of("scope"), of("reason"))
        }
        JournalEvent::Decided(Decision::ExclusionRevoked { exclusion, reason }) => {
            format!("exclusion {exclusion} revoked: {reason}")
        }
        JournalEvent::Happened(Record::Undone { group }) => format!("took back entry {group}"),
        JournalEvent::Happened(Record::ActOverCases { cases, .. }) => format!("one act over {cases} cases"),
        JournalEvent::Happened(_) => "recorded".to_owned(),
    }
}
