//! Actions on the scan.

use crate::scan::ProgressSnapshot;
use crate::session::Since;
use crate::text;
use crate::triage::filter::Sign;
use crate::tui::keymap::{Action, key_of};
use crate::tui::message::{Effect, Request};
use crate::tui::state::overlay::{Await, Overlay};
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

/// Asks whether the tree is to be scanned again: a stray key is not to begin it.
pub(super) fn rescan(app: &mut App) -> Vec<Effect> {
    if app.scan.is_active() {
        let key = app.keymap.first_key(Action::CancelScan);
        app.say(NoticeKind::Info, format!("the scan is still running; {key} ends it"));
        return Vec::new();
    }
    if !app.boxes.is_empty() {
        app.say(NoticeKind::Info, "these are cases of many boxes: scan each there");
        return Vec::new();
    }
    app.overlay = Some(Overlay::Await(Await::Rescan));
    Vec::new()
}

/// Scans the tree again if the answer is yes.
pub(super) fn rescan_if(app: &mut App, letter: char) -> Vec<Effect> {
    if matches!(letter, 'y' | 'Y') {
        return vec![Effect::Record(Request::Rescan)];
    }
    app.say(NoticeKind::Info, "not scanned again");
    Vec::new()
}

fn no_scan(app: &mut App) -> Vec<Effect> {
    app.say(NoticeKind::Info, "no scan is running");
    Vec::new()
}

/// A scan is over.
pub(super) fn ended(app: &mut App, reading: ProgressSnapshot, cancelled: bool) {
    app.scan.reading = reading;
    app.scan.phase = if cancelled { Phase::Cancelled } else { Phase::Done };
    let counts = app.list.counts(None);
    let gaps = app.scan.reading.gaps;
    let missed = if gaps > 0 {
        format!(", {} ({})", text::counted(gaps, "gap"), key_of(Action::Coverage))
    } else {
        String::new()
    };
    let said = match (cancelled, counts.open) {
        (true, open) if app.scan.boxes.is_some() => {
            let (lists, next) = (key_of(Action::Coverage), key_of(Action::NextOpen));
            let boxes = app.scan.boxes.unwrap_or_default().words();
            format!("{boxes} ({lists}); {} open, {next} goes to the next one", text::count(open as u64))
        }
        (true, _) => "scan cancelled: what came after is not covered".to_owned(),
        (false, 0) => format!("scan done: nothing open{missed}"),
        (false, open) => {
            let next = key_of(Action::NextOpen);
            format!("scan done: {} open{missed}; {next} goes to the next one", text::count(open as u64))
        }
    };
    let lost = lost_marks(app);
    if app.notice.is_none() || !lost.is_empty() {
        let warns = cancelled || gaps > 0 || !lost.is_empty();
        app.say(if warns { NoticeKind::Warning } else { NoticeKind::Done }, said + &lost);
    }
}

/// What differs from the scan before is named once, and marked in the list from then on.
pub(super) fn compared(app: &mut App, since: Box<Since>) {
    let (new, changed, gone) = (since.new.len(), since.changed.len(), since.gone.len());
    if new + changed + gone > 0 {
        let lists = key_of(Action::Coverage);
        let said =
            format!("since the scan of {}: {new} new, {changed} changed, {gone} gone ({lists} lists those)", since.at);
        let lost = lost_marks(app);
        app.say(if lost.is_empty() { NoticeKind::Info } else { NoticeKind::Warning }, said + &lost);
    }
    let news = since.new.iter().map(|id| (*id, Sign::New));
    app.list.set_news(news.chain(since.changed.iter().map(|id| (*id, Sign::Changed))));
    app.since = Some(since);
}

/// How many marks are gone with their findings, as the end of a sentence; empty when none is.
fn lost_marks(app: &App) -> String {
    match app.list.lost_marks() {
        0 => String::new(),
        lost => format!("; not met again, and no longer marked: {}", text::counted(lost as u64, "finding")),
    }
}
