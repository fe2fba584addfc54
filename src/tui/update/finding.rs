//! Actions on the open finding.

use super::actions::ask;
use super::overlays;
use crate::text;
use crate::triage::Answer;
use crate::triage::assess::ScenarioAssessment;
use crate::tui::keymap::{Action, key_of};
use crate::tui::message::{Effect, Gather, Request};
use crate::tui::state::detail::{Detail, Tab};
use crate::tui::state::elf_page;
use crate::tui::state::form::Form as ExclusionForm;
use crate::tui::state::overlay::{Await, Many, Overlay, Purpose};
use crate::tui::state::{App, NoticeKind, Screen};
use crate::tui::widget::input::Input;

/// The open finding, where it is what the screen shows; else says that one must be opened.
pub(super) fn opened(app: &mut App) -> Option<&mut Detail> {
    if app.screen != Screen::Finding {
        app.say(NoticeKind::Info, "open a finding first");
        return None;
    }
    app.detail.as_deref_mut()
}

/// Shows a tab.
pub(super) fn show(app: &mut App, tab: Tab) -> Vec<Effect> {
    if let Some(detail) = opened(app) {
        detail.show(tab);
    }
    Vec::new()
}

/// Shows the tab so many places on.
pub(super) fn turn_tab(app: &mut App, by: isize) -> Vec<Effect> {
    if let Some(detail) = opened(app) {
        detail.show(detail.tab.turned(by));
    }
    Vec::new()
}

/// Awaits one more key.
pub(super) fn wait(app: &mut App, wait: Await) -> Vec<Effect> {
    if opened(app).is_some() {
        app.overlay = Some(Overlay::Await(wait));
    }
    Vec::new()
}

/// Asks the box again.
pub(super) fn refresh(app: &mut App) -> Vec<Effect> {
    let Some(detail) = opened(app) else { return Vec::new() };
    detail.ask(Gather::Again);
    app.say(NoticeKind::Info, "asking the box again");
    Vec::new()
}

/// Shows the scenario so many places on.
pub(super) fn turn_scenario(app: &mut App, by: isize) -> Vec<Effect> {
    if let Some(detail) = opened(app) {
        detail.move_scenario(by);
    }
    Vec::new()
}

/// Shows for which findings one answer would be.
pub(super) fn batch(app: &mut App) -> Vec<Effect> {
    let Some(id) = opened(app).map(|detail| detail.id()) else { return Vec::new() };
    overlays::batch(app, if app.list.is_marked(id) { Many::Marked } else { Many::Content });
    Vec::new()
}

/// Scrolls by so many lines, or on the ELF tab moves the selected line.
pub(super) fn read(app: &mut App, by: isize) -> Vec<Effect> {
    let Some(detail) = opened(app) else { return Vec::new() };
    if detail.tab == Tab::Elf {
        if by.unsigned_abs() == 1 { elf_page::select(detail, by) } else { elf_page::turn(detail, by) }
    } else {
        let last = detail.lines.saturating_sub(1);
        let place = detail.scroll_mut();
        *place = place.saturating_add_signed(by).min(last);
    }
    Vec::new()
}

/// Scrolls by so many screens.
pub(super) fn read_page(app: &mut App, by: isize) -> Vec<Effect> {
    read(app, by * app.page as isize)
}

/// Opens the finding so many places on.
pub(super) fn neighbour(app: &mut App, by: isize) -> Vec<Effect> {
    let here = opened(app).map(|detail| detail.id());
    if here.is_none() {
        return Vec::new();
    }
    match here.and_then(|id| app.list.neighbour(id, by)) {
        Some(id) => super::open(app, id),
        None => {
            app.say(NoticeKind::Info, if by > 0 { "this is the last finding" } else { "this is the first finding" });
            Vec::new()
        }
    }
}

/// Answers the scenario at hand.
pub(super) fn answer(app: &mut App, answer: Answer) -> Vec<Effect> {
    let Some(detail) = opened(app) else { return Vec::new() };
    let Some(scenario) = detail.current().map(|scenario| scenario.id.clone()) else { return Vec::new() };
    let findings = vec![detail.id()];
    // Not waiting for the disk: the next key is for the next scenario.
    detail.in_flight.push(scenario.clone());
    detail.go_to_unanswered();
    vec![Effect::Record(Request::Answer { findings, scenario, answer, note: None })]
}

/// Proposes the exclusion that this scenario would justify.
pub(super) fn applies(app: &mut App) -> Vec<Effect> {
    let Some(detail) = opened(app) else { return Vec::new() };
    if detail.opened.exclusion.is_some() {
        let register = key_of(Action::Register);
        app.say(NoticeKind::Info, format!("an exclusion covers this finding already; {register} shows the register"));
        return Vec::new();
    }
    let scenario = detail.current().map(|scenario| (scenario.id.clone(), scenario.title.clone()));
    let seen = scenario.as_ref().and_then(|(id, _)| detail.assessment(id)).map(ScenarioAssessment::seen_checks);
    let form = ExclusionForm::new(&detail.opened, scenario, seen.unwrap_or_default());
    app.overlay = Some(Overlay::Form(Box::new(form)));
    overlays::preview(app)
}

/// Asks for a note on the answer to the scenario at hand.
pub(super) fn note(app: &mut App) -> Vec<Effect> {
    let Some(detail) = opened(app) else { return Vec::new() };
    let Some(scenario) = detail.current() else { return Vec::new() };
    let about = format!("A note on: {}", crate::text::escape_str(&scenario.title));
    let said = detail.answer(&scenario.id).and_then(|given| given.note.clone()).unwrap_or_default();
    let purpose = Purpose::Note { finding: detail.id(), scenario: scenario.id.clone() };
    ask(app, purpose, "Note", &about, Input::with(&said));
    Vec::new()
}

/// Asks for something to count to the set of the site that leaves this scenario unknown.
pub(super) fn name_in_set(app: &mut App) -> Vec<Effect> {
    let Some(detail) = opened(app) else { return Vec::new() };
    let assessed = detail.current().and_then(|scenario| detail.assessment(&scenario.id));
    let checks = assessed.iter().flat_map(|assessed| &assessed.lines).flat_map(|line| &line.checks);
    let Some(set) = { checks }.find_map(|check| check.empty_set.clone()) else {
        app.say(NoticeKind::Info, "no check of this scenario waits for a set of the site");
        return Vec::new();
    };
    let about =
        format!("${} is empty. Name one that belongs to it; site.toml keeps it for good.", text::escape_str(&set));
    ask(app, Purpose::NameInSet(set), "Site fact", &about, Input::default());
    Vec::new()
}

/// Asks why the finding is malicious.
pub(super) fn malicious(app: &mut App) -> Vec<Effect> {
    let Some(detail) = opened(app) else { return Vec::new() };
    let findings = vec![detail.id()];
    ask(app, Purpose::Malicious(findings), "Malicious", "Why is this finding malicious?", Input::default());
    Vec::new()
}
