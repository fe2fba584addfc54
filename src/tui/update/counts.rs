//! How many times a motion in a list is made: digits before it.

use crossterm::event::{KeyCode, KeyEvent};

use super::dispatch;
use crate::tui::keymap::{Action, Context, TABLE};
use crate::tui::state::{App, Screen};

/// The most times that a motion is made at once.
const MAX_COUNT: usize = 100_000;

/// Makes a motion so many times: `120G` is the 120th line, `5j` five lines down. Returns whether `action` is one.
pub(super) fn repeat(app: &mut App, action: Action, count: usize) -> bool {
    let Some(row) = TABLE.iter().find(|row| row.action == action && row.is_motion()) else { return false };
    let to_line = row.name.ends_with("Last");
    if to_line {
        dispatch::perform(app, first_of(row.context));
    }
    let (motion, times) = if to_line { (down_of(row.context), count - 1) } else { (action, count) };
    for _ in 0..times {
        dispatch::perform(app, motion);
    }
    true
}

/// Whether a key is a digit of how many times the next motion in a list is made.
pub(super) fn takes(app: &mut App, key: KeyEvent) -> bool {
    let digit = match key.code {
        KeyCode::Char(c) if app.screen != Screen::Finding => c.to_digit(10),
        _ => None,
    };
    let Some(digit) = digit.filter(|digit| *digit > 0 || app.count > 0) else { return false };
    app.count = (app.count * 10 + digit as usize).min(MAX_COUNT);
    true
}

/// The motion to the first line of a list.
fn first_of(context: Context) -> Action {
    match context {
        Context::Register => Action::RegisterFirst,
        Context::Coverage => Action::CoverageFirst,
        _ => Action::First,
    }
}

/// The motion one line down in a list.
fn down_of(context: Context) -> Action {
    match context {
        Context::Register => Action::RegisterDown,
        Context::Coverage => Action::CoverageDown,
        _ => Action::Down,
    }
}
