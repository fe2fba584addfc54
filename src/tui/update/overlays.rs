//! Keys and pasted text for what lies above the screen.

use crossterm::event::{KeyCode, KeyEvent};

use super::{batch, compare, form, jumps, palette, prompt, reference};
use crate::hex::layout::Motion;
use crate::tui::message::Effect;
use crate::tui::state::overlay::{Await, Help, Overlay};
use crate::tui::state::{App, NoticeKind};
use crate::tui::widget::input::Input;

/// Whether something lies above the screen.
pub(super) fn is_open(app: &App) -> bool {
    app.overlay.is_some()
}

/// Text goes into what is being typed, and nowhere else.
pub(super) fn paste(app: &mut App, pasted: &str) {
    if let Some(Overlay::Prompt(prompt)) = app.overlay.take_if(|overlay| matches!(overlay, Overlay::Prompt(_))) {
        return prompt::paste(app, prompt, pasted);
    }
    match &mut app.overlay {
        Some(Overlay::Palette(palette)) => palette.input.insert(pasted),
        Some(Overlay::Help(help)) if help.typing => help.sought.insert(pasted),
        Some(Overlay::Form(form)) => {
            if let Some(input) = form.input() {
                input.insert(pasted);
            }
        }
        _ => app.say(NoticeKind::Info, "pasted text is only taken where something is typed"),
    }
}

/// A key for the top layer. Esc closes it and decides nothing.
pub(super) fn key(app: &mut App, key: KeyEvent) -> Vec<Effect> {
    if key.code == KeyCode::Esc && !matches!(app.overlay, Some(Overlay::Reference(_))) {
        match app.overlay.take() {
            Some(Overlay::Themes(list)) => super::themes::key(app, list, key),
            // What is sought goes first, the help after it.
            Some(Overlay::Help(mut help)) if help.typing || !help.sought.text().is_empty() => {
                (help.typing, help.sought) = (false, Input::default());
                app.overlay = Some(Overlay::Help(help));
            }
            _ => {}
        }
        return Vec::new();
    }
    match app.overlay.take() {
        Some(Overlay::Help(shown)) => {
            help(app, shown, key);
            Vec::new()
        }
        Some(Overlay::Summary { scroll }) => super::summary::key(app, scroll, key),
        Some(Overlay::Palette(shown)) => palette::key(app, shown, key),
        Some(Overlay::Prompt(shown)) => prompt::key(app, shown, key),
        Some(Overlay::Form(shown)) => form::key(app, shown, key),
        Some(Overlay::Await(wait)) => awaited(app, wait, key),
        Some(Overlay::CompareChoice(choice)) => compare::choice_key(app, choice, key),
        Some(Overlay::Compare(compared)) => compare::key(app, compared, key),
        Some(Overlay::Reference(view)) => reference::key(app, view, key),
        Some(Overlay::Batch(shown)) => batch::key(app, shown, key),
        Some(Overlay::Themes(list)) => {
            super::themes::key(app, list, key);
            Vec::new()
        }
        None => Vec::new(),
    }
}

fn help(app: &mut App, mut help: Help, key: KeyEvent) {
    let page = app.page.max(10);
    if help.typing {
        match key.code {
            KeyCode::Enter => help.typing = false,
            _ => _ = help.sought.key(key),
        }
        help.scroll = 0;
        app.overlay = Some(Overlay::Help(help));
        return;
    }
    match key.code {
        KeyCode::Char('j') | KeyCode::Down => help.scroll = help.scroll.saturating_add(1),
        KeyCode::Char('k') | KeyCode::Up => help.scroll = help.scroll.saturating_sub(1),
        KeyCode::Char(' ') | KeyCode::PageDown => help.scroll = help.scroll.saturating_add(page),
        KeyCode::PageUp => help.scroll = help.scroll.saturating_sub(page),
        KeyCode::Char('g') | KeyCode::Home => help.scroll = 0,
        KeyCode::Char('G') | KeyCode::End => help.scroll = usize::MAX / 2,
        KeyCode::Char('q' | '?') => return,
        KeyCode::Char('/') => (help.typing, help.sought) = (true, Input::default()),
        _ => {}
    }
    app.overlay = Some(Overlay::Help(help));
}

fn awaited(app: &mut App, wait: Await, key: KeyEvent) -> Vec<Effect> {
    let KeyCode::Char(letter) = key.code else { return Vec::new() };
    if wait == Await::Rescan {
        return super::scan::rescan_if(app, letter);
    }
    if wait == Await::CopyFinding {
        return super::finding::copy_as(app, letter);
    }
    match (wait, letter) {
        (Await::Goto, letter) => return super::hex::goto_by(app, letter),
        (Await::JumpMark, _) => jumps::leave(app),
        _ => {}
    }
    let Some(detail) = &mut app.detail else { return Vec::new() };
    match wait {
        Await::Mark => match detail.hex.marks.set(letter, detail.hex.viewport.cursor) {
            Ok(()) => app.say(NoticeKind::Info, format!("mark {letter} set; '{letter} comes back here")),
            Err(error) => app.say(NoticeKind::Warning, error.to_string()),
        },
        Await::JumpMark => match detail.hex.marks.get(letter) {
            Ok(Some(offset)) => detail.hex.go(Motion::To(offset)),
            Ok(None) => app.say(NoticeKind::Info, format!("there is no mark {letter}")),
            Err(error) => app.say(NoticeKind::Warning, error.to_string()),
        },
        Await::Copy => return super::hex::copy(app, letter),
        Await::CopyFinding | Await::Goto | Await::Rescan => {}
    }
    Vec::new()
}
