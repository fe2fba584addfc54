//! The summary: how far the hunt is, and what to do next.

use crossterm::event::{KeyCode, KeyEvent};

use crate::tui::message::Effect;
use crate::tui::state::App;
use crate::tui::state::overlay::Overlay;

/// Shows it.
pub(super) fn open(app: &mut App) -> Vec<Effect> {
    app.overlay = Some(Overlay::Summary { scroll: 0 });
    Vec::new()
}

/// A key over the summary: it scrolls, closes it, or does what it does on the screen below.
pub(super) fn key(app: &mut App, scroll: usize, key: KeyEvent) -> Vec<Effect> {
    let page = app.page.max(10);
    let scroll = match key.code {
        KeyCode::Char('j') | KeyCode::Down => scroll.saturating_add(1),
        KeyCode::Char('k') | KeyCode::Up => scroll.saturating_sub(1),
        KeyCode::Char(' ') | KeyCode::PageDown => scroll.saturating_add(page),
        KeyCode::PageUp => scroll.saturating_sub(page),
        KeyCode::Char('g') | KeyCode::Home => 0,
        KeyCode::Char('G') | KeyCode::End => usize::MAX / 2,
        KeyCode::Enter | KeyCode::Char('q') => return Vec::new(),
        _ => return super::press(app, key),
    };
    app.overlay = Some(Overlay::Summary { scroll });
    Vec::new()
}
