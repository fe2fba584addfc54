//! One answer for many findings.

use crossterm::event::{KeyCode, KeyEvent};

use crate::triage::Answer;
use crate::tui::message::{Effect, Request};
use crate::tui::state::App;
use crate::tui::state::overlay::{BatchAnswer, Many, Overlay};

/// Shows which findings one answer would be for.
pub(super) fn show(app: &mut App, many: Many) {
    let Some(id) = app.detail.as_ref().map(|detail| detail.id()) else { return };
    let list = &app.list;
    let findings = match many {
        Many::Content => list.alike(id, |this, other| this.digest == other.digest),
        Many::Folder => {
            list.alike(id, |this, other| this.path.parent().is_some_and(|folder| other.path.starts_with(folder)))
        }
        Many::Marked => list.alike(id, |_, other| list.is_marked(other.id)),
    };
    app.overlay = Some(Overlay::Batch(BatchAnswer { many, findings, scroll: 0 }));
}

/// A key while they are looked through.
pub(super) fn key(app: &mut App, mut shown: BatchAnswer, key: KeyEvent) -> Vec<Effect> {
    let answer = match key.code {
        KeyCode::Char('x') => Answer::RuledOut,
        KeyCode::Char('u') => Answer::Unsure,
        other => {
            match other {
                KeyCode::Char('c') => show(app, Many::Content),
                KeyCode::Char('f') => show(app, Many::Folder),
                KeyCode::Char('m') => show(app, Many::Marked),
                _ => {
                    let last = shown.findings.len().saturating_sub(1);
                    shown.scroll = match other {
                        KeyCode::Char('j') | KeyCode::Down => (shown.scroll + 1).min(last),
                        KeyCode::Char('k') | KeyCode::Up => shown.scroll.saturating_sub(1),
                        _ => shown.scroll,
                    };
                    app.overlay = Some(Overlay::Batch(shown));
                }
            }
            return Vec::new();
        }
    };
    let Some(detail) = &mut app.detail else { return Vec::new() };
    let Some(scenario) = detail.current().map(|scenario| scenario.id.clone()) else { return Vec::new() };
    detail.in_flight.push(scenario.clone());
    detail.go_to_unanswered();
    vec![Effect::Record(Request::Answer { findings: shown.findings, scenario, answer, note: None })]
}
