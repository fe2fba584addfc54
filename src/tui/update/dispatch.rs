//! From an action to the function that does it: the last column of the table of actions.

use super::{
    actions, chooser_only, compare, coverage, finding, hex, jumps, list, panes, reference, register, scan, strings,
    summary, themes,
};
use crate::hex::layout::Motion;
use crate::hex::search::SearchDirection;
use crate::triage::Answer;
use crate::tui::keymap::{Action, action_table};
use crate::tui::message::{Effect, Request};
use crate::tui::state::App;
use crate::tui::state::detail::Tab;
use crate::tui::state::overlay::Await;
use crate::tui::state::panes::Divider;

macro_rules! handlers {
    ($($action:ident, $context:ident, $keys:literal, $short:literal, $long:literal, $handler:expr;)*) => {
        fn handler(action: Action) -> fn(&mut App) -> Vec<Effect> {
            match action {
                $(Action::$action => $handler,)*
            }
        }
    };
}

action_table!(handlers);

/// Does it.
pub(super) fn perform(app: &mut App, action: Action) -> Vec<Effect> {
    handler(action)(app)
}
