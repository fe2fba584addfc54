//! The summary: what was decided of all, what remains by hunt, and what to do next.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::text;
use crate::theme::Role;
use crate::tui::keymap::Action;
use crate::tui::state::App;
use crate::tui::state::findings::Counts;
use crate::tui::state::scan::Phase;
use crate::tui::widget::paint::{self, StyledLine};
use crate::tui::widget::pane;

/// Columns of the layer at most.
const WIDTH: u16 = 84;
/// Columns of a rule's name at most.
const NAMES: usize = 32;
/// Columns of the bar.
const BAR: usize = 30;

/// Draws it. Returns how far it is scrolled: no further than to its end.
pub(super) fn draw(buffer: &mut Buffer, screen: Rect, app: &App, scroll: usize) -> usize {
    let width = WIDTH.min(screen.width.saturating_sub(2));
    let lines = lines(app, usize::from(width).saturating_sub(4));
    let height = (lines.len() as u16 + 2).min(screen.height.saturating_sub(2));
    let inner = pane::popup(buffer, screen, &app.theme, "Where the hunt stands (Esc closes)", (width, height));
    let shown = usize::from(inner.height);
    let top = scroll.min(lines.len().saturating_sub(shown));
    for (index, line) in lines.iter().skip(top).take(shown).enumerate() {
        paint::line(buffer, paint::row(inner, index), line);
    }
    pane::scroll_bar(buffer, inner, &app.theme, top, lines.len());
    top
}

fn lines(app: &App, width: usize) -> Vec<StyledLine> {
    let mut lines = Vec::new();
    let mut add = |role, said: &str| {
        for line in text::wrap(said, width) {
            lines.push(paint::Pieces::new(&app.theme).add(role, format!(" {line}")).line());
        }
    };
    let counts = app.list.counts(None);
    add(Role::Popup, &scan(app));
    add(Role::Strong, &progress(counts));
    if let Some(hunt) = app.list.hunt()
        && let Some(view) = app.hunts.get(hunt)
    {
        let of_hunt = app.list.counts(Some(hunt));
        let said = if of_hunt.open + of_hunt.candidates == 0 { "nothing is open in it" } else { "shown now" };
        add(Role::Popup, &format!("{}: {said}", view.name));
    }
    add(Role::Popup, "");
    add(Role::Heading, "By hunt: decided of all, and what remains");
    let mut hunts: Vec<(&str, Counts)> =
        app.hunts.iter().enumerate().map(|(index, hunt)| (hunt.name.as_str(), app.list.counts(Some(index)))).collect();
    hunts.retain(|(_, counts)| counts.all() > 0);
    hunts.sort_by_key(|(_, counts)| (counts.open == 0, counts.candidates == 0));
    if hunts.is_empty() {
        add(Role::Dim, "nothing was found");
    }
    let names = hunts.iter().map(|(name, _)| text::width(name)).max().unwrap_or(0).min(NAMES);
    let digits = hunts.iter().map(|(_, counts)| counts.all()).max().unwrap_or(0).max(1).ilog10() as usize + 1;
    // A table: its columns stay where they are.
    let mut row = |role, said: &str| {
        let said = text::truncate_end(said, width).into_owned();
        lines.push(paint::Pieces::new(&app.theme).add(role, format!(" {said}")).line());
    };
    for (name, counts) in hunts {
        let name = text::fit(&text::truncate_middle(name, names), names);
        let (decided, all) = (decided(counts), counts.all());
        let role = if counts.open > 0 { Role::Open } else { Role::Popup };
        row(role, &format!("{name}  {decided:>digits$} of {all:>digits$}  {}", remains(counts)));
    }
    row(Role::Popup, "");
    row(Role::Heading, "What next");
    let steps = next(app, counts);
    let keys = steps.iter().map(|(key, _)| text::width(key)).max().unwrap_or(0);
    for (key, said) in steps {
        for (index, piece) in text::wrap(&said, width.saturating_sub(keys + 2)).into_iter().enumerate() {
            let key = text::fit(if index == 0 { &key } else { "" }, keys);
            row(Role::Popup, &format!("{key}  {piece}"));
        }
    }
    lines
}

fn decided(counts: Counts) -> usize {
    counts.benign + counts.suspicious + counts.malicious
}

/// How far the scan is: what it has not seen, nobody has decided on.
fn scan(app: &App) -> String {
    let reading = &app.scan.reading;
    let scanned = reading.scanned();
    if let (Some(boxes), false) = (app.scan.boxes, app.scan.is_active()) {
        return format!("{}: {scanned}.", boxes.words());
    }
    match &app.scan.phase {
        Phase::Preparing => "The rules are being read; nothing is scanned yet.".to_owned(),
        Phase::Running | Phase::Paused => format!("The scan goes on: {scanned} so far. More may be found."),
        Phase::Done => format!("The scan is done: {scanned}."),
        Phase::Cancelled | Phase::Unended | Phase::Failed(_) => {
            let unseen = app.scan.unseen().unwrap_or_default();
            format!("The scan did not go to its end: {scanned}; {unseen}.")
        }
    }
}

/// `[██████░░░░] 23 of 147 decided`.
fn progress(counts: Counts) -> String {
    let (done, all) = (decided(counts), counts.all());
    let full = (done * BAR).checked_div(all).unwrap_or(BAR);
    let bar = format!("{}{}", "█".repeat(full), "░".repeat(BAR - full));
    let (done, all) = (text::count(done as u64), text::count(all as u64));
    format!("{bar}  {done} of {all} decided")
}

fn remains(counts: Counts) -> String {
    let parts = [
        (counts.open, "open"),
        (counts.candidates, if counts.candidates == 1 { "candidate" } else { "candidates" }),
        (counts.malicious, "malicious"),
        (counts.suspicious, "suspicious"),
        (counts.benign, "excluded"),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    parts.map(|(count, word)| format!("{} {word}", text::count(count as u64))).collect::<Vec<_>>().join(", ")
}

/// What there is to do, the most pressing first, each with its key.
fn next(app: &App, counts: Counts) -> Vec<(String, String)> {
    let key = |action| app.keymap.first_key(action);
    let finding = |count: usize, word: &str| match count {
        1 => format!("1 {word} finding"),
        many => format!("{} {word} findings", text::count(many as u64)),
    };
    let mut next = Vec::new();
    let (open, filter) = (key(Action::NextOpen), key(Action::Filter));
    if app.unsaved.is_some() {
        next.push((key(Action::Save), "save: what was decided is in memory only".to_owned()));
    }
    if counts.open + counts.candidates > 0 {
        let here = app.list.next_open(None).is_some();
        let of = match (counts.open, counts.candidates) {
            (0, candidates) => text::counted(candidates as u64, "candidate"),
            (open, _) => finding(open, "open"),
        };
        next.push(if here {
            (open, format!("open the next of {of}"))
        } else {
            (key(Action::NextHunt), format!("show the other hunts, or take the filter away: {of} elsewhere"))
        });
    }
    if counts.malicious > 0 {
        next.push((
            format!("{filter} state:malicious"),
            format!("{}: contain, then look for what else they touched", finding(counts.malicious, "malicious")),
        ));
    }
    if counts.suspicious > 0 {
        next.push((
            format!("{filter} state:suspicious"),
            format!("{}: no scenario explains them", finding(counts.suspicious, "suspicious")),
        ));
    }
    let against = app.list.against_the_box();
    if against > 0 {
        next.push((
            format!("{filter} is:against-the-box"),
            format!("{} against the box: look once more", finding(against, "excluded")),
        ));
    }
    let gaps = app.scan.reading.gaps;
    if gaps > 0 || app.scan.unseen().is_some() {
        let gaps = if gaps > 0 { text::counted(gaps, "gap") } else { "what was not scanned".to_owned() };
        next.push((key(Action::Coverage), format!("{gaps}: what lies there was not looked at")));
    }
    next.push((key(Action::Export), "write the report, or the case in another format".to_owned()));
    if app.scan.unseen().is_some() && app.scan.boxes.is_none() {
        next.push((key(Action::Rescan), "scan the tree again".to_owned()));
    }
    next
}
