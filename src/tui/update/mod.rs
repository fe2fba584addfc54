//! From a message to a new state and effects. No I/O here, so that every journey can be played in a test.

mod actions;
pub(crate) mod chooser;
mod coverage;
mod dispatch;
mod finding;
mod hex;
mod list;
mod mouse;
mod overlays;
mod panes;
mod register;
mod scan;
mod strings;
mod themes;

use std::path::PathBuf;
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind};

use super::keymap::{Action, Context, Press, TABLE, key_of};
use super::message::{Effect, Explain, Gather, Look, Message, Request};
use super::state::detail::Detail;
use super::state::findings::FindingList;
use super::state::overlay::Overlay;
use super::state::register::RegisterView;
use super::state::scan::{Phase, ScanView};
use super::state::{App, HuntView, NoticeKind, Screen};
use crate::case::FindingId;
use crate::hex::ByteWindow;
use crate::scan::ProgressSnapshot;
use crate::session::{FindingDetails, Since};
use crate::text;

/// The most times that a motion is made at once.
const MAX_COUNT: usize = 100_000;

/// Keys kept for a finding that has not arrived; more are dropped.
const TYPED_AHEAD: usize = 64;

/// Takes one message in. The effects are to be carried out in order.
pub fn update(app: &mut App, message: Message) -> Vec<Effect> {
    match message {
        Message::Key(key) => return press(app, key),
        Message::Mouse(event) => return mouse::update(app, event),
        Message::Paste(pasted) => overlays::paste(app, &pasted),
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
            app.list.set_hunts(app.hunts.len());
            app.list.set_tree(&tree);
            app.case = case;
            app.register.path = text::escape_path(&register).into_owned();
        }
        Message::Boxes(names) => {
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
            app.scan = ScanView { phase: Phase::Running, ..ScanView::default() };
        }
        Message::Rows(rows) => {
            let rings = app.scan.is_active() && app.alarm.found(&rows);
            app.list.upsert(rows);
            return rings.then_some(Effect::Ring).into_iter().collect();
        }
        Message::NotScanned(more) => app.coverage.extend(more),
        Message::Since(since) => compared(app, since),
        Message::ScanUnended(reading) => {
            app.scan.reading = reading;
            app.scan.phase = Phase::Unended;
        }
        Message::ScanEnded { reading, cancelled } => {
            scan_ended(app, reading, cancelled);
            if !app.boxes.is_empty() && app.detail.is_none() {
                // All of it is listed by now: reading begins at the top.
                app.list.select_place(0);
            }
            return app.alarm.ended(cancelled).then_some(Effect::Ring).into_iter().collect();
        }
        Message::Opened(opened) => return self::opened(app, opened),
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
        Message::Bytes(id, window) => return bytes(app, id, *window),
        Message::Searching(number, done, total) => {
            if let Some(sought) = hex::running(app, number) {
                sought.progress = Some((done, total));
            }
        }
        Message::Themes(offer) => themes::arrived(app, offer),
        Message::Searched(number, outcome) => hex::searched(app, number, outcome),
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
    if action.is_none() && counts(app, key) {
        return Vec::new();
    }
    let count = std::mem::take(&mut app.count);
    if let Some(action) = action.filter(|_| count > 1)
        && let Some(row) = TABLE.iter().find(|row| row.action == action && row.is_motion())
    {
        // `120G` is the 120th line, `5j` five lines down.
        if row.name.ends_with("Last") {
            dispatch::perform(app, first_of(row.context));
        }
        let (motion, times) =
            if row.name.ends_with("Last") { (down_of(row.context), count - 1) } else { (action, count) };
        for _ in 0..times {
            dispatch::perform(app, motion);
        }
        return Vec::new();
    }
    app.leaving &= action == Some(Action::Quit);
    match action {
        Some(action) => dispatch::perform(app, action),
        None => {
            app.say(NoticeKind::Info, format!("{press} does nothing here; ? shows all keys"));
            Vec::new()
        }
    }
}

/// Whether a key is a digit of how many times the next motion in a list is made.
fn counts(app: &mut App, key: KeyEvent) -> bool {
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

/// Bytes of the open finding have arrived, and with them what is known of its file by now.
fn bytes(app: &mut App, id: FindingId, window: ByteWindow) -> Vec<Effect> {
    let Some(detail) = app.detail.as_mut().filter(|detail| detail.id() == id) else { return Vec::new() };
    let changed = detail.hex.arrived(window);
    detail.outdated |= changed;
    let asks: Vec<_> = detail.to_ask.drain(..).map(Effect::Gather).collect();
    let mut effects = hex::copy_what_is_there(app);
    effects.extend(changed.then_some(Effect::Look(Look::Decode)));
    effects.extend(asks);
    effects
}

fn scan_ended(app: &mut App, reading: ProgressSnapshot, cancelled: bool) {
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
fn compared(app: &mut App, since: Box<Since>) {
    let (new, changed, gone) = (since.new.len(), since.changed.len(), since.gone.len());
    if new + changed + gone > 0 {
        let lists = key_of(Action::Coverage);
        let said =
            format!("since the scan of {}: {new} new, {changed} changed, {gone} gone ({lists} lists those)", since.at);
        let lost = lost_marks(app);
        app.say(if lost.is_empty() { NoticeKind::Info } else { NoticeKind::Warning }, said + &lost);
    }
    app.since = Some(since);
}

/// How many marks are gone with their findings, as the end of a sentence; empty when none is.
fn lost_marks(app: &App) -> String {
    match app.list.lost_marks() {
        0 => String::new(),
        lost => format!("; not met again, and no longer marked: {}", text::counted(lost as u64, "finding")),
    }
}

/// A finding has arrived: it was asked for, or it changed while it is open.
fn opened(app: &mut App, opened: Box<FindingDetails>) -> Vec<Effect> {
    let id = opened.judged.id;
    if let Some(detail) = app.detail.as_mut().filter(|detail| detail.id() == id) {
        let same = detail.opened.finding.file.digest == opened.finding.file.digest;
        detail.renew(opened);
        let reopened = std::mem::take(&mut detail.reopened);
        if same {
            if reopened {
                // What was seen of its file may be long ago.
                detail.ask(about(detail, &app.list));
            }
            return Vec::new();
        }
    } else {
        if app.wanted != Some(id) {
            return Vec::new();
        }
        let Some(hunt) = app.hunts.get(opened.judged.subject.hunt) else { return Vec::new() };
        let mut detail = Detail::new(opened, Arc::clone(&hunt.hunt));
        if let Some(before) = &app.detail {
            detail.tab = before.tab;
            detail.hex = detail.hex.in_manner_of(&before.hex);
        }
        app.detail = Some(Box::new(detail));
    }
    let mut effects = Vec::new();
    if let Some(detail) = &app.detail {
        let finding = &detail.opened.finding;
        effects.push(Effect::Look(Look::Open(id, Arc::clone(finding))));
        effects.push(Effect::Explain(Explain {
            id,
            finding: Arc::clone(finding),
            hunt: Arc::clone(&detail.hunt),
            candidate: detail.opened.judged.subject.candidate,
        }));
        effects.push(Effect::Gather(about(detail, &app.list)));
    }
    for key in std::mem::take(&mut app.typed_ahead) {
        effects.extend(press(app, key));
    }
    effects
}

/// The question to the box about a finding; `list` knows the other files with its content.
fn about(detail: &Detail, list: &FindingList) -> Gather {
    let finding = Arc::clone(&detail.opened.finding);
    let own = &finding.file.path;
    let same = list.alike(detail.id(), |one, other| one.digest == other.digest);
    let copies = same.into_iter().filter_map(|id| list.get(id)).map(|row| row.path.to_path_buf());
    let mut copies: Vec<PathBuf> = copies.filter(|path| path != own).collect();
    copies.sort();
    copies.dedup();
    copies.truncate(MAX_COPIES);
    let (hunt, kept) = (Arc::clone(&detail.hunt), detail.opened.kept.clone());
    Gather::About { id: detail.id(), finding, hunt, kept, copies }
}

/// Other files with the same content that are told to whoever asks the box.
const MAX_COPIES: usize = 100;

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

/// Asks for a finding, and shows it once it is there.
fn open(app: &mut App, id: FindingId) -> Vec<Effect> {
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
