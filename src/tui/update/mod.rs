//! From a message to a new state and effects. No I/O here, so that every journey can be played in a test.

mod actions;
mod arrivals;
mod ask;
mod batch;
pub(crate) mod chooser;
mod compare;
mod counts;
mod coverage;
mod dispatch;
mod filter;
mod finding;
mod form;
mod hex;
mod jumps;
mod list;
mod mouse;
mod overlays;
mod palette;
mod panes;
mod prompt;
mod reference;
mod register;
mod scan;
mod strings;
mod summary;
mod themes;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};

use super::keymap::{Action, Context, Press, key_of};
use super::message::{Effect, Look, Message, Request};
use super::state::overlay::Overlay;
use super::state::register::RegisterView;
use super::state::scan::{Phase, ScanView};
use super::state::{App, HuntView, NoticeKind, Screen};
use crate::case::FindingId;
use crate::session::signs_of;
use crate::text;
use crate::triage::assess::BoxSaid;

/// Keys kept for a finding that has not arrived; more are dropped.
const TYPED_AHEAD: usize = 64;

/// Takes one message in. The effects are to be carried out in order.
pub fn update(app: &mut App, message: Message) -> Vec<Effect> {
    match message {
        Message::Key(key) => return press(app, key),
        Message::Mouse(event) => return mouse::update(app, event),
        Message::Paste(pasted) => overlays::paste(app, &pasted),
        Message::Clock(now) => app.now = now,
        Message::Resize => {}
        Message::Continued => return vec![Effect::Redraw],
        Message::Stop => return vec![Effect::Suspend],
        Message::Terminate => return vec![Effect::Quit],
        Message::Fatal(why) => {
            app.fatal = Some(why);
            return vec![Effect::Quit];
        }
        Message::Tick(reading, current) => {
            app.scan.reading = reading;
            app.scan.current = text::escape_path(&current.path).into_owned();
            app.scan.silent = current.silent.map(|time| time.as_secs());
        }
        Message::Ready { hunts, tree, case, register } => {
            app.hunts = HuntView::of(hunts);
            let names = app.hunts.iter().map(|hunt| hunt.name.clone()).collect();
            let host = app.boxes.is_empty().then(|| vec![text::escape_str(&app.host).into_owned()]);
            app.list.set_names(Some(names), host);
            app.list.set_tree(&tree);
            app.case = case;
            app.register.path = text::escape_path(&register).into_owned();
            app.register.tree = tree;
        }
        Message::Boxes(names, results) => {
            app.scan.boxes = Some(results);
            app.list.set_names(None, Some(names.clone()));
            app.boxes = names;
            app.list.set_rare_first();
            app.list.set_grouping(crate::tui::state::findings::Grouping::Content);
            app.list.fold_from_the_start();
        }
        Message::Across(id, across) => {
            if let Some(detail) = app.detail.as_mut().filter(|detail| detail.id() == id) {
                detail.across = across;
            }
        }
        Message::ScanStarted => {
            app.list.clear();
            app.alarm.scan_started();
            app.coverage.clear();
            app.since = None;
            app.scan = ScanView { phase: Phase::Running, boxes: app.scan.boxes, ..ScanView::default() };
        }
        Message::Rows(rows) => {
            let rings = app.scan.is_active() && app.alarm.found(&rows);
            app.list.upsert(rows);
            return rings.then_some(Effect::Ring).into_iter().collect();
        }
        Message::Signs(signs) => app.list.set_signs(&signs),
        Message::NotScanned(more) => {
            let tree = app.list.tree();
            app.coverage.extend(more.into_iter().map(|missed| missed.seen_from(tree)).collect());
        }
        Message::Since(since) => scan::compared(app, since),
        Message::ScanUnended(reading) => {
            app.scan.reading = reading;
            app.scan.phase = Phase::Unended;
        }
        Message::ScanEnded { reading, cancelled } => {
            scan::ended(app, reading, cancelled);
            if !app.boxes.is_empty() && app.detail.is_none() {
                // All of it is listed by now: reading begins at the top.
                app.list.select_place(0);
            }
            return app.alarm.ended(cancelled).then_some(Effect::Ring).into_iter().collect();
        }
        Message::Opened(opened) => return arrivals::opened(app, opened),
        Message::Decoded(id, decoded) => {
            if let Some(detail) = app.detail.as_mut().filter(|detail| detail.id() == id) {
                let mut decoded = *decoded;
                detail.hex.map = decoded.map.take();
                detail.decoded = Some(decoded);
            }
        }
        Message::Explained(id, explanation) => {
            if let Some(detail) = app.detail.as_mut().filter(|detail| detail.id() == id) {
                detail.explanation = Some(*explanation);
            }
        }
        Message::Gathered(id, gathered) => {
            // Of what is still asked a list says what it said before.
            if gathered.is_whole {
                let said: Vec<_> = gathered.scenarios.iter().map(BoxSaid::from).collect();
                app.list.set_signs(&[(id, signs_of(&gathered.evidence, &said))]);
            }
            if let Some(detail) = app.detail.as_mut().filter(|detail| detail.id() == id) {
                detail.gathered = Some(*gathered);
                detail.outdated = false;
            }
        }
        Message::Said(said) => app.say(NoticeKind::Done, said),
        Message::Warned(said) => app.say(NoticeKind::Warning, said),
        Message::Covers(covered) => {
            if let Some(Overlay::Form(form)) = &mut app.overlay {
                form.covers = Some(covered);
            }
        }
        Message::Recorded(said) => {
            if matches!(app.overlay, Some(Overlay::Form(_))) {
                app.overlay = None;
            }
            app.say(NoticeKind::Done, said);
        }
        Message::NotRecorded(why) => {
            app.typed_ahead.clear();
            if let Some(detail) = &mut app.detail {
                detail.in_flight.clear();
            }
            not_recorded(app, &why);
        }
        Message::Unsaved(why) => unsaved(app, why),
        Message::ScanFailed(why) => {
            let why = app.keymap.spell(&why);
            tracing::error!("scan failed: {why}");
            app.scan.phase = Phase::Failed(why);
            return app.alarm.ended(false).then_some(Effect::Ring).into_iter().collect();
        }
        Message::Register(entries, hits) => {
            let RegisterView { place, .. } = app.register;
            app.register.entries = entries;
            app.register.hits = hits.into_iter().collect();
            app.register.select(place);
        }
        Message::Bytes(id, window) => return arrivals::bytes(app, id, *window),
        Message::Searching(number, done, total) => {
            if let Some(sought) = hex::running(app, number) {
                sought.progress = Some((done, total));
            }
        }
        Message::Themes(offer) => themes::arrived(app, offer),
        Message::Searched(number, outcome) => hex::searched(app, number, outcome),
        Message::Beside(other) => return compare::beside(app, &other),
        Message::Compared(id, compared) => compare::compared(app, id, compared),
        Message::LookedUp(to, page) => reference::arrived(app, &to, &page),
        Message::LineFound(number, outcome) => hex::line_found(app, number, outcome),
        Message::Strings(number, more, progress, cut) => strings::arrived(app, number, more, (progress, cut)),
        Message::Counted(number, offsets, counted) => hex::counted(app, number, offsets, counted),
    }
    Vec::new()
}

/// What the screen still needs to show all that there is room for: bytes in view, the selected finding's preview.
pub fn wanted(app: &mut App) -> Vec<Effect> {
    if app.screen == Screen::Findings && app.shows_preview {
        let selected = app.list.selected().map(|row| row.id);
        if let Some(id) = selected.filter(|id| app.wanted != Some(*id)) {
            app.wanted = Some(id);
            return vec![Effect::Record(Request::Open(id))];
        }
    }
    let shown = app.screen == Screen::Finding || app.shows_preview;
    let detail = app.detail.as_mut().filter(|detail| shown && !detail.stale);
    detail
        .and_then(|detail| Some((detail.hex.wanted()?, detail.hex.counts_lines())))
        .map(|((offset, length), lines)| Effect::Look(Look::Window { offset, length, lines }))
        .into_iter()
        .collect()
}

fn press(app: &mut App, key: KeyEvent) -> Vec<Effect> {
    if key.kind == KeyEventKind::Release {
        return Vec::new();
    }
    app.notice = None;
    app.greets = false;
    let press = Press::from(key);
    let leaves = matches!(app.keymap.action(press, &[Context::Global]), Some(Action::Quit | Action::Back));
    // What cannot be seen is not decided on; Esc decides nothing.
    let is_harmless = press.is_emergency() || key.code == KeyCode::Esc || leaves && !overlays::is_open(app);
    if app.areas.none && !is_harmless {
        return Vec::new();
    }
    // Ctrl-C leaves whatever lies on top, Ctrl-Z and Ctrl-L work everywhere.
    if overlays::is_open(app) && !press.is_emergency() {
        return overlays::key(app, key);
    }
    if app.is_opening() && !leaves && !press.is_emergency() {
        // It must reach the finding that was asked for, not the one that was shown before.
        if app.typed_ahead.len() < TYPED_AHEAD {
            app.typed_ahead.push(key);
        }
        return Vec::new();
    }
    let action = app.keymap.action(press, &app.contexts());
    if action.is_none() && counts::takes(app, key) {
        return Vec::new();
    }
    let count = std::mem::take(&mut app.count);
    if action.is_some_and(|action| count > 1 && counts::repeat(app, action, count)) {
        return Vec::new();
    }
    app.leaving &= action == Some(Action::Quit);
    match action {
        Some(action) => dispatch::perform(app, action),
        None => {
            let help = key_of(Action::Help);
            app.say(NoticeKind::Info, format!("{press} does nothing here; {help} shows all keys"));
            Vec::new()
        }
    }
}

fn not_recorded(app: &mut App, why: &str) {
    match &mut app.overlay {
        Some(Overlay::Form(form)) => {
            tracing::error!("not recorded: {why}");
            form.error = Some(format!("not recorded: {why}"));
        }
        _ => app.say(NoticeKind::Error, format!("not recorded: {why}")),
    }
}

fn unsaved(app: &mut App, why: Option<String>) {
    match &why {
        Some(why) => {
            let (save, copy) = (app.keymap.first_key(Action::Save), app.keymap.first_key(Action::SaveCopy));
            let said = format!("kept in memory only ({save} tries again, {copy} saves a copy elsewhere): {why}");
            app.say(NoticeKind::Error, said);
        }
        None => app.say(NoticeKind::Done, "everything is on disk again"),
    }
    app.unsaved = why;
}

/// For actions of the screen before this one: `chooser` does them while there is no tree.
fn chooser_only(_: &mut App) -> Vec<Effect> {
    Vec::new()
}

/// Asks for a finding, and shows it once it is there; the place that is left can be gone back to.
fn open(app: &mut App, id: FindingId) -> Vec<Effect> {
    jumps::leave(app);
    app.arriving = None;
    ask_for(app, id)
}

/// Asks for a finding, and shows it once it is there.
fn ask_for(app: &mut App, id: FindingId) -> Vec<Effect> {
    app.list.select(id);
    app.screen = Screen::Finding;
    app.wanted = Some(id);
    if let Some(detail) = &mut app.detail {
        // What is shown until the answer comes must not be another finding's evidence.
        detail.stale |= detail.id() != id;
        detail.reopened = detail.id() == id;
    }
    vec![Effect::Record(Request::Open(id))]
}
