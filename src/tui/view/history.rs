//! The history tab: everything that was decided about the finding, by whom, when.

use super::scenarios::push_wrapped;
use crate::case::{Decision, JournalEntry, JournalEvent, Record};
use crate::theme::Role;
use crate::triage::exclusion::Judgement;
use crate::tui::state::App;
use crate::tui::state::detail::Detail;
use crate::tui::widget::paint::StyledLine;

/// The tab's lines.
pub(super) fn lines(app: &App, width: usize) -> Vec<StyledLine> {
    let Some(detail) = &app.detail else { return Vec::new() };
    let mut lines = Vec::new();
    if let Some(why) = &detail.opened.judged.returned {
        push_wrapped(&mut lines, &app.theme, Role::Changed, &format!("↺ {why}"), width);
        lines.push(StyledLine::default());
    }
    if detail.opened.history.is_empty() {
        lines.push(StyledLine::styled("Nothing has been decided about this finding yet.", app.theme.style(Role::Dim)));
    }
    for entry in &detail.opened.history {
        let undone = if entry.undone { "  (undone since)" } else { "" };
        let head = format!("{}  {:.0}  {}{undone}", entry.seq, entry.at, entry.actor);
        push_wrapped(&mut lines, &app.theme, Role::FieldName, &head, width);
        let role = if entry.undone { Role::Dim } else { Role::Text };
        push_wrapped(&mut lines, &app.theme, role, &said(detail, entry), width);
        lines.push(StyledLine::default());
    }
    lines
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
        JournalEvent::Happened(_) => "recorded".to_owned(),
    }
}
