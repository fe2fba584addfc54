//! From state to screen. Views only read the state. What they had room for, which only they know, they tell in [`Drawn`].

mod bars;
pub(crate) mod chooser;
mod compare;
mod coverage;
mod elf;
mod evidence;
mod facts;
mod finding;
mod findings;
mod form;
mod hex;
mod history;
mod layers;
mod overlay;
mod parts;
mod preview;
mod reading;
mod reference;
mod register;
mod rule;
mod scenarios;
mod signs;
mod strings;
mod structure;
mod summary;
mod text;
mod themes;
mod times;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::state::drawn::Drawn;
use super::state::{App, Screen};
use super::widget::paint;
use crate::theme::{Role, Theme};

/// The smallest terminal, in columns and lines, on which the screens make sense.
pub(crate) const SMALLEST: (u16, u16) = (60, 16);

/// Draws everything, and tells what there was room for.
pub(crate) fn draw(frame: &mut Frame<'_>, app: &App) -> Drawn {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    let mut drawn = app.drawn_before();
    drawn.areas.none = !has_room(buffer, area, &app.theme);
    if drawn.areas.none {
        return drawn;
    }
    let whole = app.whole && app.screen == Screen::Finding;
    let bar = Constraint::Length(u16::from(!whole));
    let [top, body, progress, bottom] =
        Layout::vertical([bar, Constraint::Fill(1), bar, Constraint::Length(1)]).areas(area);
    bars::header(buffer, top, app);
    match app.screen {
        Screen::Findings => findings::draw(buffer, body, app, &mut drawn),
        Screen::Finding => finding::draw(buffer, body, app, &mut drawn),
        Screen::Register => register::draw(buffer, body, app, &mut drawn),
        Screen::Coverage => coverage::draw(buffer, body, app, &mut drawn),
    }
    bars::progress(buffer, progress, app);
    bars::hints(buffer, bottom, app);
    if let Some(cursor) = overlay::draw(buffer, area, app, &mut drawn) {
        frame.set_cursor_position(cursor);
    }
    drawn
}

/// Clears the screen, and says so when it is too small for anything else.
fn has_room(buffer: &mut Buffer, area: Rect, theme: &Theme) -> bool {
    paint::fill(buffer, area, theme.style(Role::Text));
    if area.width >= SMALLEST.0 && area.height >= SMALLEST.1 {
        return true;
    }
    let said = format!("{}×{} is too small: {}×{} at least", area.width, area.height, SMALLEST.0, SMALLEST.1);
    for (index, line) in crate::text::wrap(&said, usize::from(area.width.max(1))).into_iter().enumerate() {
        let line = paint::Pieces::new(theme).add(Role::Warning, line).line();
        paint::line(buffer, paint::row(area, index), &line);
    }
    false
}
