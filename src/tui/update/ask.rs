//! Asking for a line of text.

use crate::tui::state::App;
use crate::tui::state::overlay::{Overlay, Prompt, Purpose};
use crate::tui::widget::input::Input;

/// How filters take what is typed.
pub(super) const FUZZY: &str =
    "Letters in order; words in any order; 'exact and !not; a capital asks for capitals. Empty shows all.";

/// Asks for a line of text.
pub(super) fn ask(app: &mut App, purpose: Purpose, label: &'static str, about: &str, input: Input) {
    app.overlay = Some(Overlay::Prompt(Prompt {
        purpose,
        label,
        about: about.to_owned(),
        input,
        error: None,
        wrong: None,
        offered: Vec::new(),
    }));
}
