//! Any action by name.

use crossterm::event::{KeyCode, KeyEvent};

use super::{actions, dispatch};
use crate::tui::message::Effect;
use crate::tui::state::App;
use crate::tui::state::overlay::{Overlay, Palette};

/// A key while an action is chosen.
pub(super) fn key(app: &mut App, mut palette: Palette, key: KeyEvent) -> Vec<Effect> {
    let last = palette.found().len().saturating_sub(1);
    match key.code {
        KeyCode::Enter => {
            return {
                let found = palette.found();
                let Some(row) = found.get(palette.place).map(|found| found.row) else { return Vec::new() };
                let mut effects = actions::go_where(app, row.context);
                effects.extend(dispatch::perform(app, row.action));
                effects
            };
        }
        KeyCode::Up => palette.place = palette.place.saturating_sub(1),
        KeyCode::Down | KeyCode::Tab => palette.place = (palette.place + 1).min(last),
        _ => {
            palette.input.key(key);
            palette.place = 0;
        }
    }
    app.overlay = Some(Overlay::Palette(palette));
    Vec::new()
}
