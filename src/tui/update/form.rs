//! The form of an exclusion.

use crossterm::event::{KeyCode, KeyEvent};

use crate::triage::exclusion::Signature;
use crate::tui::message::{Effect, Request};
use crate::tui::state::App;
use crate::tui::state::form::{Form, FormField, INSIST};
use crate::tui::state::overlay::Overlay;

/// A key while it is filled in.
pub(super) fn key(app: &mut App, mut form: Box<Form>, key: KeyEvent) -> Vec<Effect> {
    form.error = None;
    let mut effects = Vec::new();
    let mut ask_again = false;
    match key.code {
        KeyCode::Tab | KeyCode::Down => form.turn(1),
        KeyCode::BackTab | KeyCode::Up => form.turn(-1),
        KeyCode::Enter if form.field == FormField::Record => return record(app, form),
        // What is preselected is the narrowest, so a reason is all that is asked for before the last look.
        KeyCode::Enter => form.field = FormField::Record,
        KeyCode::Left | KeyCode::Char('h') if form.input().is_none() => ask_again = form.choose(-1),
        KeyCode::Right | KeyCode::Char('l' | ' ') if form.input().is_none() => ask_again = form.choose(1),
        _ => {
            if let Some(input) = form.input() {
                input.key(key);
                ask_again = form.field == FormField::Confirm;
            }
        }
    }
    app.overlay = Some(Overlay::Form(form));
    if ask_again {
        effects = preview(app);
    }
    effects
}

/// Asks what the exclusion of the form would cover.
pub(super) fn preview(app: &mut App) -> Vec<Effect> {
    let (Some(Overlay::Form(form)), Some(detail)) = (&app.overlay, &app.detail) else { return Vec::new() };
    let draft = form.draft(&detail.opened, signature(app), "preview");
    draft.ok().map(|exclusion| Effect::Record(Request::Preview(Box::new(exclusion)))).into_iter().collect()
}

fn record(app: &mut App, mut form: Box<Form>) -> Vec<Effect> {
    let Some(detail) = &app.detail else { return Vec::new() };
    let effects = match form.exclusion(&detail.opened, signature(app)) {
        Ok(exclusion) => {
            vec![Effect::Record(Request::Exclude { finding: form.finding, exclusion: Box::new(exclusion) })]
        }
        Err(error) => {
            if form.reason.text().trim().is_empty() {
                form.field = FormField::Reason;
            } else if form.against.is_some() && form.insist.text().trim() != INSIST {
                form.field = FormField::Against;
            }
            form.error = Some(error);
            Vec::new()
        }
    };
    app.overlay = Some(Overlay::Form(form));
    effects
}

fn signature(app: &App) -> Signature {
    Signature { by: app.actor.clone(), host: app.host.clone(), at: app.now }
}
