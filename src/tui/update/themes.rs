//! Choosing a theme: moving the selection shows it at once, Enter keeps it, Esc goes back.

use crossterm::event::{KeyCode, KeyEvent};

use crate::tui::message::Effect;
use crate::tui::state::overlay::Overlay;
use crate::tui::state::themes::{ThemeChoice, ThemeList};
use crate::tui::state::{App, NoticeKind};

/// Rows that a page of the list is.
const PAGE: isize = 10;

/// Opens the list, and has the themes read.
pub fn open(app: &mut App) -> Vec<Effect> {
    app.overlay = Some(Overlay::Themes(Box::new(ThemeList::new(app.theme.clone()))));
    vec![Effect::ListThemes]
}

/// The themes are read; whoever has closed the list meanwhile does not need them.
pub fn arrived(app: &mut App, choices: Vec<ThemeChoice>) {
    if let Some(Overlay::Themes(list)) = &mut app.overlay {
        list.arrived(choices);
    }
}

/// A key for the list; Esc has been taken already.
pub fn key(app: &mut App, mut list: Box<ThemeList>, key: KeyEvent) {
    match key.code {
        KeyCode::Enter => match list.selected().map(|choice| (&choice.name, &choice.loaded)) {
            Some((name, Ok(_))) => {
                let said = format!("theme {name} for now; theme = \"{name}\" in config.toml keeps it");
                return app.say(NoticeKind::Done, said);
            }
            Some((name, Err(_))) => {
                app.say(NoticeKind::Warning, format!("{name} can't be used; choose another, or Esc"));
            }
            None => {}
        },
        KeyCode::Char('j') | KeyCode::Down | KeyCode::Tab => list.step(1),
        KeyCode::Char('k') | KeyCode::Up | KeyCode::BackTab => list.step(-1),
        KeyCode::PageDown | KeyCode::Char(' ') => list.step(PAGE),
        KeyCode::PageUp => list.step(-PAGE),
        KeyCode::Char('g') | KeyCode::Home => list.step(isize::MIN),
        KeyCode::Char('G') | KeyCode::End => list.step(isize::MAX),
        _ => {}
    }
    app.theme = list.worn().clone();
    app.overlay = Some(Overlay::Themes(list));
}
