//! Actions on the register screen.

use super::ask::{FUZZY, ask};
use super::finding::copy_text;
use crate::tui::message::Effect;
use crate::tui::state::overlay::Purpose;
use crate::tui::state::{App, NoticeKind};
use crate::tui::widget::input::Input;

/// Moves the selection by so many entries.
pub(super) fn step(app: &mut App, by: isize) -> Vec<Effect> {
    go(app, app.register.place.saturating_add_signed(by))
}

/// Moves the selection by so many screens.
pub(super) fn page(app: &mut App, by: isize) -> Vec<Effect> {
    step(app, by * app.page as isize)
}

/// Selects an entry, the last at most.
pub(super) fn go(app: &mut App, place: usize) -> Vec<Effect> {
    app.register.select(place);
    Vec::new()
}

/// Asks for the filter.
pub(super) fn filter(app: &mut App) -> Vec<Effect> {
    let input = Input::with(&app.register.filter);
    ask(app, Purpose::RegisterFilter, "Filter", FUZZY, input);
    Vec::new()
}

/// Asks why the selected exclusion is revoked.
pub(super) fn revoke(app: &mut App) -> Vec<Effect> {
    let Some(entry) = app.register.selected() else {
        app.say(NoticeKind::Info, "there is no exclusion to revoke");
        return Vec::new();
    };
    let about = format!("Revoke: {}", crate::tui::state::register::summary(entry));
    match &entry.content {
        Ok(exclusion) if exclusion.revoked.is_some() => app.say(NoticeKind::Info, "it is revoked already"),
        Ok(exclusion) => ask(app, Purpose::Revoke(exclusion.id), "Why is it revoked?", &about, Input::default()),
        Err(doubt) => {
            let line = doubt.line;
            app.say(NoticeKind::Warning, format!("it excludes nothing; correct the register at line {line}"));
        }
    }
    Vec::new()
}

/// Copies what the selected exclusion is about.
pub(super) fn copy(app: &mut App) -> Vec<Effect> {
    let Some(entry) = app.register.selected() else {
        app.say(NoticeKind::Info, "there is no exclusion to copy");
        return Vec::new();
    };
    let id = entry.id().map(|id| format!("{id}  ")).unwrap_or_default();
    let copied = format!("{id}{}\n", crate::tui::state::register::summary(entry));
    copy_text(app, "the exclusion", &copied)
}
