//! Looking up what a check or a fact points to.

use crossterm::event::{KeyCode, KeyEvent};

use super::finding::opened;
use super::hex;
use crate::evidence::reference::{self, Reference, Referred};
use crate::tui::message::Effect;
use crate::tui::state::overlay::Overlay;
use crate::tui::state::reference::ReferenceView;
use crate::tui::state::{App, NoticeKind};

/// Looks up what the marked line of the tab points to.
pub(super) fn open(app: &mut App) -> Vec<Effect> {
    let Some(detail) = opened(app) else { return Vec::new() };
    let Some(to) = detail.chosen(detail.tab).map(|(_, to)| to.clone()) else {
        app.say(NoticeKind::Info, "no line in sight leads to something; those that do begin with ›");
        return Vec::new();
    };
    go(app, ReferenceView::default(), to)
}

/// Shows the bytes of the selected field, or looks up what the marked line points to.
pub(super) fn enter(app: &mut App) -> Vec<Effect> {
    if app.shows_elf() { hex::to_bytes(app) } else { open(app) }
}

/// Goes to something, and asks for it; where the box cannot be asked, the case is.
fn go(app: &mut App, mut view: ReferenceView, to: Reference) -> Vec<Effect> {
    view.go(to.clone());
    let elsewhere = app.other_box.is_some() || !app.boxes.is_empty();
    let evidence = app.detail.as_ref().and_then(|detail| detail.gathered.as_ref()).map(|gathered| &gathered.evidence);
    if let Some(evidence) = evidence.filter(|_| elsewhere) {
        view.arrived(&to, &reference::kept(evidence, &to));
    }
    app.overlay = Some(Overlay::Reference(Box::new(view)));
    if elsewhere { Vec::new() } else { vec![Effect::LookUp(to)] }
}

/// Takes what was looked up, if it is still looked at.
pub(super) fn arrived(app: &mut App, reference: &Reference, page: &Referred) {
    if let Some(Overlay::Reference(view)) = &mut app.overlay {
        view.arrived(reference, page);
    }
}

/// A key for what is looked at.
pub(super) fn key(app: &mut App, mut view: Box<ReferenceView>, key: KeyEvent) -> Vec<Effect> {
    let page = app.page.max(1) as isize;
    let by = match key.code {
        KeyCode::Char('j') | KeyCode::Down => 1,
        KeyCode::Char('k') | KeyCode::Up => -1,
        KeyCode::Char(' ') | KeyCode::PageDown => page,
        KeyCode::PageUp => -page,
        KeyCode::Char('g') | KeyCode::Home => isize::MIN,
        KeyCode::Char('G') | KeyCode::End => isize::MAX,
        _ => 0,
    };
    match key.code {
        KeyCode::Char('q') => return Vec::new(),
        KeyCode::Esc | KeyCode::Backspace | KeyCode::Left | KeyCode::Char('h') => {
            if !view.back() {
                return Vec::new();
            }
        }
        KeyCode::Enter | KeyCode::Right | KeyCode::Char('l') => match view.here().and_then(|here| here.leads_to()) {
            Some(to) => {
                let to = to.clone();
                return go(app, *view, to);
            }
            None => app.say(NoticeKind::Info, "this line leads to nothing; those that do begin with ›"),
        },
        _ => {
            if let Some(here) = view.here_mut() {
                here.step(by);
            }
        }
    }
    app.overlay = Some(Overlay::Reference(view));
    Vec::new()
}
