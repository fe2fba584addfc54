//! Actions on the list of findings.

use super::ask::ask;
use super::open as open_finding;
use super::{filter, summary};
use crate::case::FindingId;
use crate::text;
use crate::tui::keymap::Action;
use crate::tui::message::Effect;
use crate::tui::state::findings::{Column, ListedFinding};
use crate::tui::state::overlay::{Overlay, Purpose};
use crate::tui::state::{App, NoticeKind, Screen};
use crate::tui::widget::input::Input;

/// Opens the selected finding; folds the group, or unfolds it.
pub(super) fn open(app: &mut App) -> Vec<Effect> {
    if let Some(folded) = app.list.selected_group().map(|group| group.folded) {
        app.list.fold(!folded);
    }
    let selected = app.list.selected().map(|row| row.id);
    selected.map(|id| open_finding(app, id)).unwrap_or_default()
}

/// Moves the selection by so many lines.
pub(super) fn step(app: &mut App, by: isize) -> Vec<Effect> {
    app.list.move_by(by);
    Vec::new()
}

/// Moves the selection by so many screens.
pub(super) fn page(app: &mut App, by: isize) -> Vec<Effect> {
    step(app, by * app.page as isize)
}

/// Selects a line, the last at most.
pub(super) fn go(app: &mut App, line: usize) -> Vec<Effect> {
    app.list.select_place(line);
    Vec::new()
}

/// Unfolds the group; ungrouped, shows the next hunt.
pub(super) fn unfold(app: &mut App) -> Vec<Effect> {
    if app.list.fold(false) { Vec::new() } else { turn_hunt(app, 1) }
}

/// Folds the group; ungrouped, shows the previous hunt.
pub(super) fn fold(app: &mut App) -> Vec<Effect> {
    if app.list.fold(true) { Vec::new() } else { turn_hunt(app, -1) }
}

/// Folds all groups, or unfolds them.
pub(super) fn fold_all(app: &mut App) -> Vec<Effect> {
    app.list.fold_all();
    Vec::new()
}

/// Marks the finding or the group, and goes on to the next one.
pub(super) fn mark(app: &mut App) -> Vec<Effect> {
    app.list.toggle_mark(app.list.place());
    if app.list.selected().is_some() {
        app.list.move_by(1);
    }
    Vec::new()
}

/// Takes all marks off.
pub(super) fn unmark(app: &mut App) -> Vec<Effect> {
    app.list.clear_marks();
    Vec::new()
}

/// How the findings' filter takes what is typed.
const FILTER: &str = "Letters of the path in order, \"exact words\", -without; fields: rule:tiny state:open owner:root size>1M \
                      tag:later is:live -path:opt. Tab completes; empty shows all.";

/// Asks for the filter.
pub(super) fn filter(app: &mut App) -> Vec<Effect> {
    let input = Input::with(app.list.filter());
    ask(app, Purpose::Filter, "Filter", FILTER, input);
    if let Some(Overlay::Prompt(mut prompt)) = app.overlay.take() {
        filter::typed(app, &mut prompt);
        app.overlay = Some(Overlay::Prompt(prompt));
    }
    Vec::new()
}

/// Sorts by the next column.
pub(super) fn sort(app: &mut App) -> Vec<Effect> {
    let mut sort = app.list.sort().next();
    while sort.column == Column::Host && app.boxes.is_empty() || sort.column == Column::Signs && !app.list.knows_signs()
    {
        sort = sort.next();
    }
    app.list.set_sort(sort);
    let name = app.list.sort().column.name();
    let key = app.keymap.first_key(Action::Reverse);
    app.say(NoticeKind::Info, format!("sorted by {name}; {key} turns the order round"));
    Vec::new()
}

/// Sorts the other way round.
pub(super) fn reverse(app: &mut App) -> Vec<Effect> {
    app.list.set_sort(app.list.sort().reversed());
    Vec::new()
}

/// Groups by the next thing that findings share.
pub(super) fn group(app: &mut App) -> Vec<Effect> {
    app.list.set_grouping(app.list.grouping().next());
    let name = app.list.grouping().name();
    app.say(NoticeKind::Info, format!("grouped by {name}"));
    Vec::new()
}

/// The findings that an act is for: the one that is open; in the list the marked ones, or else the selected one or all of
/// the selected group. Those that the list does not show come first: nobody has them before their eyes.
pub(super) fn targets(app: &App) -> Vec<FindingId> {
    if app.screen == Screen::Finding {
        return app.detail.iter().filter(|detail| !detail.stale).map(|detail| detail.id()).collect();
    }
    let marked = app.list.marked();
    if marked.is_empty() {
        return app.list.under_cursor();
    }
    let (shown, mut findings): (Vec<_>, Vec<_>) = marked.into_iter().partition(|id| app.list.is_shown(*id));
    findings.extend(shown);
    findings
}

/// Asks for a note on the findings at hand.
pub(super) fn note(app: &mut App) -> Vec<Effect> {
    let findings = targets(app);
    if findings.is_empty() {
        return nothing_selected(app);
    }
    let about = format!("A note on {}; #words in it are tags. Kept in the journal.", these(&findings));
    ask(app, Purpose::FindingNote(findings), "Note", &about, Input::default());
    Vec::new()
}

/// Asks for tags of the findings at hand.
pub(super) fn tags(app: &mut App) -> Vec<Effect> {
    let findings = targets(app);
    if findings.is_empty() {
        return nothing_selected(app);
    }
    let rows = findings.iter().filter_map(|id| app.list.get(*id));
    let mut has: Vec<String> = rows.flat_map(ListedFinding::tags).map(|tag| format!("#{tag}")).collect();
    has.sort();
    has.dedup();
    let has = if has.is_empty() { "none so far".to_owned() } else { has.join(" ") };
    let about = format!("Tags of {}: {has}. Words put tags on, -words take them off.", these(&findings));
    ask(app, Purpose::Tags(findings), "Tags", &about, Input::default());
    Vec::new()
}

fn these(findings: &[FindingId]) -> String {
    match findings.len() {
        1 => "this finding".to_owned(),
        many => text::counted(many as u64, "finding"),
    }
}

fn nothing_selected(app: &mut App) -> Vec<Effect> {
    app.say(NoticeKind::Info, "select a finding first");
    Vec::new()
}

/// Asks what is malicious about the marked findings, or else the selected one.
pub(super) fn marked_malicious(app: &mut App) -> Vec<Effect> {
    let marked = app.list.marked();
    if !marked.is_empty() {
        let about = format!("What is malicious about {}?", text::counted(marked.len() as u64, "marked finding"));
        // Those that the list does not show come first: nobody has them before their eyes.
        let (shown, mut findings): (Vec<_>, Vec<_>) = marked.into_iter().partition(|id| app.list.is_shown(*id));
        findings.extend(shown);
        ask(app, Purpose::Malicious(findings), "Malicious", &about, Input::default());
        return Vec::new();
    }
    let Some(row) = app.list.selected() else {
        let key = app.keymap.first_key(Action::Mark);
        app.say(NoticeKind::Info, format!("{key} marks the findings of the group"));
        return Vec::new();
    };
    ask(app, Purpose::Malicious(vec![row.id]), "Malicious", "Why is this finding malicious?", Input::default());
    Vec::new()
}

/// Opens the next finding that nothing is decided on.
pub(super) fn next_open(app: &mut App) -> Vec<Effect> {
    let here = match app.screen {
        Screen::Finding => app.detail.as_ref().map(|detail| detail.id()),
        _ => None,
    };
    match app.list.next_open(here) {
        Some(id) => open_finding(app, id),
        None => {
            let counts = app.list.counts(None);
            let is_part = app.list.hunt().is_some() || !app.list.filter().is_empty();
            let more = if counts.open + counts.candidates > 0 && is_part {
                "nothing open here; other hunts or paths have open findings or candidates"
            } else {
                "nothing is open"
            };
            app.say(NoticeKind::Done, more);
            summary::open(app)
        }
    }
}

/// Shows the next hunt that has findings in the direction of `by`, with "all hunts" before the first.
pub(super) fn turn_hunt(app: &mut App, by: isize) -> Vec<Effect> {
    let count = app.hunts.len() as isize + 1;
    let place = app.list.hunt().map_or(0, |hunt| hunt as isize + 1);
    let turned = (1..=count).map(|steps| usize::try_from((place + steps * by).rem_euclid(count) - 1).ok());
    let has_findings = |hunt: &Option<usize>| hunt.is_none() || app.list.passing_counts(*hunt).all() > 0;
    let next = turned.into_iter().find(has_findings).flatten();
    app.list.set_hunt(next);
    Vec::new()
}
