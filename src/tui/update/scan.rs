//! Actions on the scan.

use crate::tui::keymap::Action;
use crate::tui::message::{Effect, Request};
use crate::tui::state::scan::Phase;
use crate::tui::state::{App, NoticeKind};

/// Pauses the scan, or lets it go on.
pub(super) fn pause(app: &mut App) -> Vec<Effect> {
    match app.scan.phase {
        Phase::Running => {
            app.scan.phase = Phase::Paused;
            vec![Effect::Pause(true)]
        }
        Phase::Paused => {
            app.scan.phase = Phase::Running;
            vec![Effect::Pause(false)]
        }
        _ => no_scan(app),
    }
}

/// Leaves the file that is being scanned.
pub(super) fn skip_file(app: &mut App) -> Vec<Effect> {
    if !app.scan.is_active() {
        return no_scan(app);
    }
    app.say(NoticeKind::Info, "leaving the file that is being scanned; coverage lists it, unless it was just done");
    vec![Effect::SkipFile]
}

/// Ends the scan.
pub(super) fn cancel(app: &mut App) -> Vec<Effect> {
    if app.scan.is_active() { vec![Effect::CancelScan] } else { no_scan(app) }
}

/// Scans the tree again.
pub(super) fn rescan(app: &mut App) -> Vec<Effect> {
    if app.scan.is_active() {
        let key = app.keymap.first_key(Action::CancelScan);
        app.say(NoticeKind::Info, format!("the scan is still running; {key} ends it"));
        return Vec::new();
    }
    vec![Effect::Record(Request::Rescan)]
}

fn no_scan(app: &mut App) -> Vec<Effect> {
    app.say(NoticeKind::Info, "no scan is running");
    Vec::new()
}
