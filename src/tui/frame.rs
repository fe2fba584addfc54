//! One frame: the views draw the state, which they only read, and tell what they had room for. Where that changes what is
//! shown, as after the terminal got another size, they draw again before anybody sees it.

use ratatui::Frame;

use super::state::App;
use super::state::chooser::Chooser;
use super::view;

/// How often a frame is drawn at most: the panes find their places, then what is in them.
const PASSES: usize = 4;

/// Draws everything, and has the state take in what there was room for.
pub fn draw(frame: &mut Frame<'_>, app: &mut App) {
    for pass in 0..PASSES {
        if pass > 0 {
            // Nothing of what was drawn for another layout shines through.
            frame.buffer_mut().reset();
        }
        let drawn = view::draw(frame, app);
        if !app.take_drawn(drawn) {
            break;
        }
    }
}

/// Draws the chooser, and has it take in what there was room for.
pub fn draw_chooser(frame: &mut Frame<'_>, chooser: &mut Chooser) {
    let drawn = view::chooser::draw(frame, chooser);
    chooser.take_drawn(drawn);
}
