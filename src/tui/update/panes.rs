//! Actions on the panes of a screen.

use crate::tui::keymap::Action;
use crate::tui::message::Effect;
use crate::tui::state::panes::{Divider, Panes, THREE};
use crate::tui::state::{App, NoticeKind};

/// Columns that one key moves a divider.
const STEP: i16 = 4;

/// Moves a divider by so many steps.
pub(super) fn shift(app: &mut App, divider: Divider, steps: i16) -> Vec<Effect> {
    if app.panes.shift(divider, steps * STEP, app.areas.panes.width) {
        moved(app);
    } else if divider == Divider::Bytes {
        app.say(NoticeKind::Info, format!("bytes and another tab side by side take {THREE} columns"));
    } else {
        let (narrower, wider) = (app.keymap.first_key(Action::HuntsNarrower), app.keymap.first_key(Action::HuntsWider));
        let other = format!("{narrower} and {wider} move the other divider");
        app.say(NoticeKind::Info, format!("the third pane takes {THREE} columns; {other}"));
    }
    Vec::new()
}

/// All panes as wide as usual.
pub(super) fn reset(app: &mut App) -> Vec<Effect> {
    app.panes = Panes::default();
    Vec::new()
}

/// Says how the panes stay so.
pub(super) fn moved(app: &mut App) {
    let percents: Vec<_> = app.panes.percents(app.areas.panes.width).iter().map(ToString::to_string).collect();
    app.say(NoticeKind::Info, format!("panes = [{}] in config.toml keeps them so", percents.join(", ")));
}
