//! What each action of the keymap does.

use super::{finding, themes};
use crate::text;
use crate::tui::keymap::Action;
use crate::tui::message::{Effect, Look, Request};
use crate::tui::state::detail::Tab;
use crate::tui::state::overlay::{Overlay, Palette, Prompt, Purpose};
use crate::tui::state::panes::{Divider, Panes, THREE};
use crate::tui::state::scan::Phase;
use crate::tui::state::{App, NoticeKind, Screen};
use crate::tui::widget::input::Input;

/// Columns that one key moves a divider.
const STEP: i16 = 4;

/// How filters take what is typed.
const FUZZY: &str =
    "Letters in order; words in any order; 'exact and !not; a capital asks for capitals. Empty shows all.";

/// Does it.
pub(super) fn perform(app: &mut App, action: Action) -> Vec<Effect> {
    use Action as A;
    match action {
        A::Quit if app.unsaved.is_some() && !app.leaving => {
            app.leaving = true;
            let key = |action| app.keymap.first_key(action);
            let (quit, save, copy) = (key(A::Quit), key(A::Save), key(A::SaveCopy));
            let said = format!(
                "in memory only: {save} tries the disk again, {copy} saves a copy elsewhere, {quit} again leaves without it"
            );
            app.say(NoticeKind::Warning, said);
        }
        A::Quit => return vec![Effect::Quit],
        A::Back => return back(app),
        A::Help => app.overlay = Some(Overlay::Help { scroll: 0 }),
        A::Palette => app.overlay = Some(Overlay::Palette(Palette::new(app.contexts()))),
        A::Suspend => return vec![Effect::Suspend],
        A::Redraw => return vec![Effect::Redraw],
        A::Register => {
            visit(app, Screen::Register);
            return vec![Effect::Record(Request::Register)];
        }
        A::Coverage => visit(app, Screen::Coverage),
        A::Theme => return themes::open(app),
        A::Export => export(app),
        A::Save => return vec![Effect::Record(Request::Save)],
        A::SaveCopy => {
            let about = "A new file for a copy of the case, with everything that was found and decided.";
            ask(app, Purpose::SaveCopy, "Save to", about, Input::default());
        }
        A::Pause => return pause(app),
        A::SkipFile if app.scan.is_active() => {
            app.say(
                NoticeKind::Info,
                "leaving the file that is being scanned; coverage lists it, unless it was just done",
            );
            return vec![Effect::SkipFile];
        }
        A::CancelScan if app.scan.is_active() => return vec![Effect::CancelScan],
        A::SkipFile | A::CancelScan => app.say(NoticeKind::Info, "no scan is running"),
        A::NextOpen => return next_open(app),
        A::Rescan if app.scan.is_active() => app.say(NoticeKind::Info, "the scan is still running; Ctrl-X ends it"),
        A::Rescan => return vec![Effect::Record(Request::Rescan)],
        A::Open => {
            if let Some(folded) = app.list.selected_group().map(|group| group.folded) {
                app.list.fold(!folded);
            }
            let selected = app.list.selected().map(|row| row.id);
            return selected.map(|id| super::open(app, id)).unwrap_or_default();
        }
        A::Up | A::Down | A::PageUp | A::PageDown | A::First | A::Last => move_list(app, action),
        A::NextHunt => turn_hunt(app, 1),
        A::PreviousHunt => turn_hunt(app, -1),
        A::Mark => {
            app.list.toggle_mark(app.list.place());
            if app.list.selected().is_some() {
                app.list.move_by(1);
            }
        }
        A::Unmark => app.list.clear_marks(),
        A::Filter => {
            let input = Input::with(app.list.filter());
            ask(app, Purpose::Filter, "Filter", FUZZY, input);
        }
        A::Sort => {
            app.list.set_sort(app.list.sort().next());
            let name = app.list.sort().column.name();
            app.say(NoticeKind::Info, format!("sorted by {name}; S turns the order round"));
        }
        A::ListNarrower => move_divider(app, Divider::Preview, -STEP),
        A::ListWider => move_divider(app, Divider::Preview, STEP),
        A::HuntsNarrower => move_divider(app, Divider::Hunts, -STEP),
        A::HuntsWider => move_divider(app, Divider::Hunts, STEP),
        A::PanesReset => app.panes = Panes::default(),
        A::Reverse => app.list.set_sort(app.list.sort().reversed()),
        A::Group => {
            app.list.set_grouping(app.list.grouping().next());
            let name = app.list.grouping().name();
            app.say(NoticeKind::Info, format!("grouped by {name}"));
        }
        A::Fold => {
            if !app.list.fold(true) {
                turn_hunt(app, -1);
            }
        }
        A::Unfold => {
            if !app.list.fold(false) {
                turn_hunt(app, 1);
            }
        }
        A::FoldAll => app.list.fold_all(),
        A::MarkedMalicious => marked_malicious(app),
        A::RegisterUp => app.register.select(app.register.place.saturating_sub(1)),
        A::RegisterDown => app.register.select(app.register.place + 1),
        A::RegisterFirst => app.register.select(0),
        A::RegisterLast => app.register.select(usize::MAX),
        A::RegisterFilter => {
            let input = Input::with(&app.register.filter);
            ask(app, Purpose::RegisterFilter, "Filter", FUZZY, input);
        }
        A::RegisterRevoke => revoke(app),
        A::CoverageFilter => {
            let input = Input::with(app.coverage.filter());
            ask(app, Purpose::CoverageFilter, "Filter", FUZZY, input);
        }
        A::CoverageUp => move_coverage(app, -1),
        A::CoverageDown => move_coverage(app, 1),
        A::CoveragePageUp => move_coverage(app, -(app.page as isize)),
        A::CoveragePageDown => move_coverage(app, app.page as isize),
        A::CoverageFirst => move_coverage(app, isize::MIN),
        A::CoverageLast => move_coverage(app, isize::MAX),
        other => return finding::perform(app, other),
    }
    Vec::new()
}

/// Asks for a line of text.
pub(super) fn ask(app: &mut App, purpose: Purpose, label: &'static str, about: &str, input: Input) {
    app.overlay = Some(Overlay::Prompt(Prompt { purpose, label, about: about.to_owned(), input, error: None }));
}

/// Asks for the file that the case is written to, with what came of the hunt so far and what remains.
fn export(app: &mut App) {
    let counts = app.list.counts(None);
    let open = match counts.open {
        0 => "Nothing is open.".to_owned(),
        some => {
            let key = app.keymap.first_key(Action::NextOpen);
            format!("{} still without a decision; {key} opens the next.", text::counted(some as u64, "finding"))
        }
    };
    let scan = if app.scan.is_active() { " The scan is still running." } else { "" };
    let about = format!(
        "{} malicious, {} suspicious, {} excluded. {open}{scan} The ending says what is written: html or md for the report, \
         ndjson, sarif, csv, txt, json for Sentinel, timesketch.csv for a timeline.",
        counts.malicious, counts.suspicious, counts.benign
    );
    ask(app, Purpose::Export, "Write the case to", &about, Input::with("huntbook-report.html"));
}

fn marked_malicious(app: &mut App) {
    let marked = app.list.marked();
    if !marked.is_empty() {
        let about = format!("What is malicious about {}?", text::counted(marked.len() as u64, "marked finding"));
        // Those that the list does not show come first: nobody has them before their eyes.
        let (shown, mut findings): (Vec<_>, Vec<_>) = marked.into_iter().partition(|id| app.list.is_shown(*id));
        findings.extend(shown);
        return ask(app, Purpose::Malicious(findings), "Malicious", &about, Input::default());
    }
    let Some(row) = app.list.selected() else {
        return app.say(NoticeKind::Info, "Space marks the findings of the group");
    };
    ask(app, Purpose::Malicious(vec![row.id]), "Malicious", "Why is this finding malicious?", Input::default());
}

fn visit(app: &mut App, screen: Screen) {
    if app.screen != screen {
        if matches!(app.screen, Screen::Findings | Screen::Finding) {
            app.before = app.screen;
        }
        app.screen = screen;
    }
}

/// Closes what is on top: a search, a selection, the screen, the filter.
fn back(app: &mut App) -> Vec<Effect> {
    match app.screen {
        Screen::Register if !app.register.filter.is_empty() => app.register.filter.clear(),
        Screen::Coverage if !app.coverage.filter().is_empty() => app.coverage.set_filter(""),
        Screen::Register | Screen::Coverage => app.screen = app.before,
        Screen::Finding => {
            if let Some(detail) = &mut app.detail {
                let (is_shown, hex) = (detail.tab == Tab::Hex, &mut detail.hex);
                let searching = hex.sought.as_mut().and_then(|sought| sought.progress.take());
                if searching.is_some() {
                    app.say(NoticeKind::Info, "the search was stopped");
                    return vec![Effect::Look(Look::StopSearch)];
                }
                let selected = [hex.anchor.take().is_some(), hex.copying.take().is_some()];
                if selected.contains(&true) || is_shown && hex.inspector.take().is_some() {
                    return Vec::new();
                }
            }
            app.typed_ahead.clear();
            app.screen = Screen::Findings;
        }
        Screen::Findings if !app.list.filter().is_empty() => app.list.set_filter(""),
        Screen::Findings => {}
    }
    Vec::new()
}

fn pause(app: &mut App) -> Vec<Effect> {
    match app.scan.phase {
        Phase::Running => {
            app.scan.phase = Phase::Paused;
            vec![Effect::Pause(true)]
        }
        Phase::Paused => {
            app.scan.phase = Phase::Running;
            vec![Effect::Pause(false)]
        }
        _ => {
            app.say(NoticeKind::Info, "no scan is running");
            Vec::new()
        }
    }
}

/// Opens the next finding that nothing is decided on.
pub(super) fn next_open(app: &mut App) -> Vec<Effect> {
    let here = match app.screen {
        Screen::Finding => app.detail.as_ref().map(|detail| detail.id()),
        _ => None,
    };
    match app.list.next_open(here) {
        Some(id) => super::open(app, id),
        None => {
            let counts = app.list.counts(None);
            let is_part = app.list.hunt().is_some() || !app.list.filter().is_empty();
            let more = if counts.open + counts.candidates > 0 && is_part {
                "nothing open here; other hunts or paths have open findings or candidates"
            } else {
                "nothing is open"
            };
            app.say(NoticeKind::Done, more);
            Vec::new()
        }
    }
}

fn move_list(app: &mut App, action: Action) {
    let page = app.page as isize;
    match action {
        Action::Up => app.list.move_by(-1),
        Action::Down => app.list.move_by(1),
        Action::PageUp => app.list.move_by(-page),
        Action::PageDown => app.list.move_by(page),
        Action::First => app.list.select_place(0),
        _ => app.list.select_place(usize::MAX),
    }
}

/// Shows the next hunt that has findings in the direction of `by`, with "all hunts" before the first.
fn turn_hunt(app: &mut App, by: isize) {
    let count = app.hunts.len() as isize + 1;
    let place = app.list.hunt().map_or(0, |hunt| hunt as isize + 1);
    let turned = (1..=count).map(|steps| usize::try_from((place + steps * by).rem_euclid(count) - 1).ok());
    let has_findings = |hunt: &Option<usize>| hunt.is_none() || app.list.counts(*hunt).all() > 0;
    let next = turned.into_iter().find(has_findings).flatten();
    app.list.set_hunt(next);
}

fn move_divider(app: &mut App, divider: Divider, by: i16) {
    if !app.panes.shift(divider, by, app.areas.panes.width) {
        let (narrower, wider) = (app.keymap.first_key(Action::HuntsNarrower), app.keymap.first_key(Action::HuntsWider));
        let other = format!("{narrower} and {wider} move the other divider");
        return app.say(NoticeKind::Info, format!("the third pane takes {THREE} columns; {other}"));
    }
    divider_moved(app);
}

/// Says how the panes stay so.
pub(super) fn divider_moved(app: &mut App) {
    let [hunts, summary] = app.panes.percents(app.areas.panes.width);
    app.say(NoticeKind::Info, format!("panes = [{hunts}, {summary}] in config.toml keeps them so"));
}

fn move_coverage(app: &mut App, by: isize) {
    app.coverage.select(app.coverage.place().saturating_add_signed(by));
}

fn revoke(app: &mut App) {
    let Some(entry) = app.register.selected() else {
        return app.say(NoticeKind::Info, "there is no exclusion to revoke");
    };
    let about = format!("Revoke: {}", crate::tui::state::register::summary(entry));
    match &entry.content {
        Ok(exclusion) if exclusion.revoked.is_some() => app.say(NoticeKind::Info, "it is revoked already"),
        Ok(exclusion) => ask(app, Purpose::Revoke(exclusion.id), "Why is it revoked?", &about, Input::default()),
        Err(doubt) => {
            let line = doubt.line;
            app.say(NoticeKind::Warning, format!("it excludes nothing; correct the register at line {line}"));
        }
    }
}
