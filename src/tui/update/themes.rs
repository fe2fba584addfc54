//! Choosing a theme: moving the selection shows it at once, Enter keeps it, Esc goes back.

use crossterm::event::{KeyCode, KeyEvent};

use crate::theme::Theme;
use crate::tui::message::Effect;
use crate::tui::state::overlay::Overlay;
use crate::tui::state::themes::{Offer, ThemeList};
use crate::tui::state::{App, Notice, NoticeKind};

/// Rows that a page of the list is.
const PAGE: isize = 10;

/// Opens the list, and has the themes read.
pub(super) fn open(app: &mut App) -> Vec<Effect> {
    app.overlay = Some(Overlay::Themes(Box::new(ThemeList::new(app.theme.clone()))));
    vec![Effect::ListThemes]
}

/// The themes are read; whoever has closed the list meanwhile does not need them.
pub(super) fn arrived(app: &mut App, offer: Offer) {
    if let Some(Overlay::Themes(list)) = &mut app.overlay {
        list.arrived(offer);
    }
}

/// A key for the list above the screen.
pub(super) fn key(app: &mut App, mut list: Box<ThemeList>, key: KeyEvent) {
    let (stays, notice) = turn(&mut list, &mut app.theme, key);
    app.notice = notice;
    app.overlay = stays.then_some(Overlay::Themes(list));
}

/// Takes a key for the list, and dresses the screen in `worn`. Returns whether the list stays, and what is to be said.
pub(super) fn turn(list: &mut ThemeList, worn: &mut Theme, key: KeyEvent) -> (bool, Option<Notice>) {
    let mut notice = None;
    match key.code {
        KeyCode::Esc => {
            worn.clone_from(&list.before);
            return (false, None);
        }
        KeyCode::Enter => match list.selected().map(|choice| (&choice.name, &choice.loaded)) {
            Some((name, Ok(_))) => {
                let text = format!("theme {name} for now; theme = \"{name}\" in {} keeps it", list.config);
                return (false, Some(Notice { kind: NoticeKind::Done, text }));
            }
            Some((name, Err(_))) => {
                let text = format!("{name} can't be used; choose another, or Esc");
                notice = Some(Notice { kind: NoticeKind::Warning, text });
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
    worn.clone_from(list.worn());
    (true, notice)
}
