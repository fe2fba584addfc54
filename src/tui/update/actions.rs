//! Actions that are there on every screen.

use super::ask::ask;
use super::finding;
use crate::text;
use crate::tui::keymap::{Action, Context};
use crate::tui::message::{Effect, Look, Request};
use crate::tui::state::detail::Tab;
use crate::tui::state::face::Face;
use crate::tui::state::overlay::{Help, Overlay, Palette, Purpose};
use crate::tui::state::{App, NoticeKind, Screen};
use crate::tui::widget::input::Input;

/// Leaves; what is in memory only is said before.
pub(super) fn quit(app: &mut App) -> Vec<Effect> {
    if app.unsaved.is_none() || app.leaving {
        return vec![Effect::Quit];
    }
    app.leaving = true;
    let key = |action| app.keymap.first_key(action);
    let (quit, save, copy) = (key(Action::Quit), key(Action::Save), key(Action::SaveCopy));
    app.say(
        NoticeKind::Warning,
        format!(
            "in memory only: {save} tries the disk again, {copy} saves a copy elsewhere, {quit} again leaves without it"
        ),
    );
    Vec::new()
}

/// All keys.
pub(super) fn help(app: &mut App) -> Vec<Effect> {
    app.overlay = Some(Overlay::Help(Help::default()));
    Vec::new()
}

/// Any action by name.
pub(super) fn palette(app: &mut App) -> Vec<Effect> {
    app.overlay = Some(Overlay::Palette(Palette::new(app.contexts(), app.elsewhere())));
    Vec::new()
}

/// Goes to where an action is in force.
pub(super) fn go_where(app: &mut App, context: Context) -> Vec<Effect> {
    match context {
        context if app.contexts().contains(&context) => {}
        Context::Findings => app.screen = Screen::Findings,
        Context::Register => return register(app),
        Context::Coverage => return coverage(app),
        Context::Hex | Context::Strings => return finding::show(app, Tab::Hex),
        Context::Reading => return finding::show(app, Tab::Elf),
        Context::Scenarios => return finding::show(app, Tab::Scenarios),
        Context::Global | Context::Chooser | Context::Finding => {}
    }
    Vec::new()
}

/// The register, read anew.
pub(super) fn register(app: &mut App) -> Vec<Effect> {
    visit(app, Screen::Register);
    vec![Effect::Record(Request::Register)]
}

/// What was not scanned.
pub(super) fn coverage(app: &mut App) -> Vec<Effect> {
    visit(app, Screen::Coverage);
    Vec::new()
}

/// Asks where a copy of the case goes.
pub(super) fn save_copy(app: &mut App) -> Vec<Effect> {
    let about = "A new file for a copy of the case, with everything that was found and decided.";
    ask(app, Purpose::SaveCopy, "Save to", about, Input::default());
    Vec::new()
}

/// Takes the last decision back, whichever finding it is about.
pub(super) fn undo(_: &mut App) -> Vec<Effect> {
    vec![Effect::Record(Request::Undo)]
}

/// Decides again what was taken back last.
pub(super) fn redo(_: &mut App) -> Vec<Effect> {
    vec![Effect::Record(Request::Redo)]
}

/// Asks for the file that the case is written to, with what came of the hunt so far and what remains.
pub(super) fn export(app: &mut App) -> Vec<Effect> {
    let counts = app.list.counts(None);
    let open = match counts.open {
        0 => "Nothing is open.".to_owned(),
        some => {
            let key = app.keymap.first_key(Action::NextOpen);
            format!("{} still without a decision; {key} opens the next.", text::counted(some as u64, "finding"))
        }
    };
    let scan = if app.scan.is_active() { " The scan is still running." } else { "" };
    let about = format!(
        "{} malicious, {} suspicious, {} excluded. {open}{scan} The ending says what is written: html or md for the report, \
         ndjson, sarif, csv, txt, json for Sentinel, timesketch.csv for a timeline, stix.json.",
        counts.malicious, counts.suspicious, counts.benign
    );
    ask(app, Purpose::Export, "Write the case to", &about, Input::with("huntbook-report.html"));
    Vec::new()
}

pub(super) fn visit(app: &mut App, screen: Screen) {
    if app.screen != screen {
        if matches!(app.screen, Screen::Findings | Screen::Finding) {
            app.before = app.screen;
        }
        app.screen = screen;
    }
}

/// Closes what is on top: a search, a selection, the screen, the filter.
pub(super) fn back(app: &mut App) -> Vec<Effect> {
    match app.screen {
        Screen::Register if !app.register.filter.is_empty() => app.register.filter.clear(),
        Screen::Coverage if !app.coverage.filter().is_empty() => app.coverage.set_filter(""),
        Screen::Register | Screen::Coverage => app.screen = app.before,
        Screen::Finding => {
            if let Some(detail) = &mut app.detail {
                let (is_shown, hex) = (detail.tab == Tab::Hex, &mut detail.hex);
                let searching = hex.sought.as_mut().and_then(|sought| sought.progress.take());
                if searching.is_some() {
                    app.say(NoticeKind::Info, "the search was stopped");
                    return vec![Effect::Look(Look::StopSearch)];
                }
                if is_shown && hex.face == Face::Strings && !hex.strings.texts.filter().is_empty() {
                    hex.strings.texts.set_filter("");
                    return Vec::new();
                }
                let selected = [hex.anchor.take().is_some(), hex.copying.take().is_some()];
                if selected.contains(&true) || is_shown && hex.inspector.take().is_some() {
                    return Vec::new();
                }
            }
            if std::mem::take(&mut app.whole) {
                return Vec::new();
            }
            super::jumps::leave(app);
            app.typed_ahead.clear();
            app.screen = Screen::Findings;
        }
        Screen::Findings if !app.list.filter().is_empty() => app.list.set_filter(""),
        Screen::Findings => {}
    }
    Vec::new()
}
