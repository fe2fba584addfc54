//! Two findings side by side.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent};

use super::finding::opened;
use crate::case::FindingId;
use crate::finding::Finding;
use crate::tui::message::{Effect, Look, Request};
use crate::tui::state::compare::{CompareChoice, ContentComparison};
use crate::tui::state::overlay::Overlay;
use crate::tui::state::{App, NoticeKind};

/// Columns that a key moves text sideways.
const SIDEWAYS: isize = 16;

/// Asks which finding the open one is to be held against.
pub(super) fn choose(app: &mut App) -> Vec<Effect> {
    let Some(id) = opened(app).map(|detail| detail.id()) else { return Vec::new() };
    let choice = CompareChoice::of(&app.list, id);
    if choice.offered.is_empty() {
        app.say(NoticeKind::Info, "there is no other finding of this rule; mark one of any rule in the list for that");
        return Vec::new();
    }
    app.overlay = Some(Overlay::CompareChoice(Box::new(choice)));
    Vec::new()
}

/// A key while one is chosen.
pub(super) fn choice_key(app: &mut App, mut choice: Box<CompareChoice>, key: KeyEvent) -> Vec<Effect> {
    let last = choice.offered.len().saturating_sub(1);
    match key.code {
        KeyCode::Char('j') | KeyCode::Down | KeyCode::Tab => choice.place = (choice.place + 1).min(last),
        KeyCode::Char('k') | KeyCode::Up => choice.place = choice.place.saturating_sub(1),
        KeyCode::Char('g') | KeyCode::Home => choice.place = 0,
        KeyCode::Char('G') | KeyCode::End => choice.place = last,
        KeyCode::Char('q') => return Vec::new(),
        KeyCode::Enter => {
            let other = choice.offered.get(choice.place).map(|offered| offered.id);
            app.overlay = Some(Overlay::Compare(None));
            return other.map(|id| Effect::Record(Request::Beside(id))).into_iter().collect();
        }
        _ => {}
    }
    app.overlay = Some(Overlay::CompareChoice(choice));
    Vec::new()
}

/// The other finding is here: the bytes of both are read.
pub(super) fn beside(app: &App, other: &Arc<Finding>) -> Vec<Effect> {
    let waits = matches!(app.overlay, Some(Overlay::Compare(None)));
    let detail = app.detail.as_ref().filter(|_| waits);
    detail
        .map(|detail| {
            let pair = [Arc::clone(&detail.opened.finding), Arc::clone(other)];
            Effect::Look(Look::Compare(detail.id(), pair))
        })
        .into_iter()
        .collect()
}

/// What the two come to is here.
pub(super) fn compared(app: &mut App, id: FindingId, compared: Result<Box<ContentComparison>, String>) {
    let waits = matches!(app.overlay, Some(Overlay::Compare(None)));
    if !waits || app.detail.as_ref().is_none_or(|detail| detail.id() != id) {
        return;
    }
    match compared {
        Ok(compared) => app.overlay = Some(Overlay::Compare(Some(compared))),
        // Two empty sides would look like two files that do not differ.
        Err(why) => {
            app.overlay = None;
            app.say(NoticeKind::Error, format!("the two cannot be held side by side: {why}"));
        }
    }
}

/// A key while two are side by side.
pub(super) fn key(app: &mut App, compared: Option<Box<ContentComparison>>, key: KeyEvent) -> Vec<Effect> {
    if key.code == KeyCode::Char('q') {
        return Vec::new();
    }
    let Some(mut compared) = compared else {
        app.overlay = Some(Overlay::Compare(None));
        return Vec::new();
    };
    let page = app.page.max(1) as isize;
    match key.code {
        KeyCode::Char('h') | KeyCode::Left => compared.move_sideways(-SIDEWAYS),
        KeyCode::Char('l') | KeyCode::Right => compared.move_sideways(SIDEWAYS),
        KeyCode::Char('0') => compared.move_sideways(isize::MIN),
        KeyCode::Char('j') | KeyCode::Down => compared.scroll(1),
        KeyCode::Char('k') | KeyCode::Up => compared.scroll(-1),
        KeyCode::Char(' ') | KeyCode::PageDown => compared.scroll(page),
        KeyCode::PageUp => compared.scroll(-page),
        KeyCode::Char('g') | KeyCode::Home => compared.scroll(isize::MIN),
        KeyCode::Char('G') | KeyCode::End => compared.scroll(isize::MAX),
        KeyCode::Char('x') => {
            let was_text = compared.is_text;
            compared.turn_face();
            if compared.is_text == was_text {
                app.say(NoticeKind::Info, "one of the two is no text, so their bytes are compared");
            }
        }
        KeyCode::Char(n @ ('n' | 'N')) if !compared.step(n == 'n') => {
            app.say(NoticeKind::Info, if n == 'n' { "no difference below" } else { "no difference above" });
        }
        _ => {}
    }
    app.overlay = Some(Overlay::Compare(Some(compared)));
    Vec::new()
}
