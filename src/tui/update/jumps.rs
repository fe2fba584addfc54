//! Going back to where a jump began, and forward again.

use crate::hex::layout::Motion;
use crate::tui::message::Effect;
use crate::tui::state::jumps::JumpPlace;
use crate::tui::state::{App, NoticeKind, Screen};

/// Where one is, as long as a finding is open.
fn here(app: &App) -> Option<JumpPlace> {
    let detail = app.detail.as_ref().filter(|detail| app.screen == Screen::Finding && !detail.stale)?;
    Some(JumpPlace { finding: detail.id(), tab: detail.tab, offset: detail.hex.viewport.cursor })
}

/// Keeps where one is, for a jump is about to leave it.
pub(super) fn leave(app: &mut App) {
    if let Some(place) = here(app) {
        app.jumps.leave(place);
    }
}

/// Goes to where the last jump began.
pub(super) fn back(app: &mut App) -> Vec<Effect> {
    let here = here(app);
    match app.jumps.back(here) {
        Some(place) => go(app, place),
        None => nowhere(app, "there is no earlier place to go back to"),
    }
}

/// Goes to where one was before going back.
pub(super) fn forward(app: &mut App) -> Vec<Effect> {
    match app.jumps.forward() {
        Some(place) => go(app, place),
        None => nowhere(app, "there is no later place to go forward to"),
    }
}

fn nowhere(app: &mut App, why: &str) -> Vec<Effect> {
    app.say(NoticeKind::Info, why);
    Vec::new()
}

fn go(app: &mut App, place: JumpPlace) -> Vec<Effect> {
    let is_open = app.detail.as_ref().is_some_and(|detail| detail.id() == place.finding && !detail.stale);
    app.arriving = Some(place);
    if is_open && app.screen == Screen::Finding {
        arrive(app);
        return Vec::new();
    }
    if app.list.get(place.finding).is_none() {
        app.arriving = None;
        return nowhere(app, "that finding is not in the list any more");
    }
    super::ask_for(app, place.finding)
}

/// Takes the place in the finding that has arrived, if it was jumped to.
pub(super) fn arrive(app: &mut App) {
    let Some(place) = app.arriving.take() else { return };
    if let Some(detail) = app.detail.as_mut().filter(|detail| detail.id() == place.finding) {
        detail.show(place.tab);
        detail.hex.go(Motion::To(place.offset));
    }
}
