//! Actions on the open finding.

use super::actions::ask;
use super::{hex, overlays};
use crate::hex::layout::Motion;
use crate::hex::search::Direction;
use crate::text;
use crate::triage::Answer;
use crate::triage::assess::ScenarioAssessment;
use crate::tui::keymap::Action;
use crate::tui::message::{Effect, Gather, Request};
use crate::tui::state::detail::{Detail, Tab};
use crate::tui::state::elf_page;
use crate::tui::state::form::Form as ExclusionForm;
use crate::tui::state::overlay::{Await, Many, Overlay, Purpose};
use crate::tui::state::{App, NoticeKind, Screen};
use crate::tui::widget::input::Input;

/// Does an action that concerns the open finding.
pub(super) fn perform(app: &mut App, action: Action) -> Vec<Effect> {
    use Action as A;
    if app.screen != Screen::Finding {
        app.say(NoticeKind::Info, "open a finding first");
        return Vec::new();
    }
    let page = app.page as isize;
    match action {
        A::HexGoto => {
            let about = "An offset: 123, 0x7b, +16 or -0x10 from here, 50%, start, end.";
            ask(app, Purpose::Goto, "Go to", about, Input::default());
            return Vec::new();
        }
        A::HexSearch => {
            let about = "Text; i:any case; u:UTF-16; x:de ad ?? ef; r:regular expression.";
            ask(app, Purpose::Search, "Search", about, Input::default());
            return Vec::new();
        }
        A::HexMark => app.overlay = Some(Overlay::Await(Await::Mark)),
        A::HexJumpMark => app.overlay = Some(Overlay::Await(Await::JumpMark)),
        A::HexCopy => app.overlay = Some(Overlay::Await(Await::Copy)),
        A::HexSearchNext => return hex::search_on(app, Direction::Forward),
        A::HexSearchBack => return hex::search_on(app, Direction::Backward),
        A::HexStructures => hex::toggle_structures(app),
        A::HexNextStructure | A::HexPreviousStructure => hex::to_structure(app, action),
        A::HexToField => hex::to_field(app),
        A::NextFinding => return neighbour(app, 1),
        A::PreviousFinding => return neighbour(app, -1),
        A::RuledOut => return answer(app, Answer::RuledOut),
        A::Unsure => return answer(app, Answer::Unsure),
        A::Applies => return applies(app),
        A::Note => note(app),
        A::Batch => {
            let is_marked = app.detail.as_ref().is_some_and(|detail| app.list.is_marked(detail.id()));
            overlays::batch(app, if is_marked { Many::Marked } else { Many::Content });
        }
        A::Undo => return app.detail.as_ref().map(|d| Effect::Record(Request::Undo(d.id()))).into_iter().collect(),
        A::Malicious => malicious(app),
        A::ReadEnter => hex::to_bytes(app),
        A::Refresh => {
            app.say(NoticeKind::Info, "asking the box again");
            if let Some(detail) = &mut app.detail {
                detail.ask(Gather::Again);
            }
        }
        A::NameInSet => name_in_set(app),
        _ => {}
    }
    let Some(detail) = &mut app.detail else { return Vec::new() };
    match action {
        A::NextTab => detail.show(detail.tab.turned(1)),
        A::PreviousTab => detail.show(detail.tab.turned(-1)),
        A::TabHex => detail.show(Tab::Hex),
        A::TabElf => detail.show(Tab::Elf),
        A::TabRule => detail.show(Tab::Rule),
        A::TabFacts => detail.show(Tab::Facts),
        A::TabScenarios => detail.show(Tab::Scenarios),
        A::TabHistory => detail.show(Tab::History),
        A::HexNextMatch | A::HexPreviousMatch | A::HexNextPattern => return hex::jump(app, action),
        A::HexInspector => detail.hex.inspect_on(),
        A::HexSelect => {
            let cursor = detail.hex.viewport.cursor;
            detail.hex.anchor = if detail.hex.anchor.is_some() { None } else { Some(cursor) };
        }
        A::HexLeft => detail.hex.go(Motion::Left),
        A::HexRight => detail.hex.go(Motion::Right),
        A::HexUp => detail.hex.go(Motion::Up),
        A::HexDown => detail.hex.go(Motion::Down),
        A::HexPageUp => detail.hex.go(Motion::PageUp),
        A::HexPageDown => detail.hex.go(Motion::PageDown),
        A::HexHalfUp => detail.hex.go(Motion::HalfUp),
        A::HexHalfDown => detail.hex.go(Motion::HalfDown),
        A::HexLineStart => detail.hex.go(Motion::LineStart),
        A::HexLineEnd => detail.hex.go(Motion::LineEnd),
        A::HexFirst => detail.hex.go(Motion::Start),
        A::HexLast => detail.hex.go(Motion::End),
        A::ReadUp | A::ScenarioUp => read(detail, -1),
        A::ReadDown | A::ScenarioDown => read(detail, 1),
        A::ReadPageUp => read(detail, -page),
        A::ReadPageDown => read(detail, page),
        A::ReadFirst => read(detail, isize::MIN),
        A::ReadLast => read(detail, isize::MAX),
        A::NextScenario => detail.move_scenario(1),
        A::PreviousScenario => detail.move_scenario(-1),
        _ => {}
    }
    Vec::new()
}

/// Scrolls, or on the ELF tab moves the selected line.
fn read(detail: &mut Detail, by: isize) {
    if detail.tab == Tab::Elf {
        return if by.unsigned_abs() == 1 { elf_page::select(detail, by) } else { elf_page::turn(detail, by) };
    }
    let last = detail.lines.saturating_sub(1);
    let place = detail.scroll_mut();
    *place = place.saturating_add_signed(by).min(last);
}

fn neighbour(app: &mut App, by: isize) -> Vec<Effect> {
    let here = app.detail.as_ref().map(|detail| detail.id());
    match here.and_then(|id| app.list.neighbour(id, by)) {
        Some(id) => super::open(app, id),
        None => {
            app.say(NoticeKind::Info, if by > 0 { "this is the last finding" } else { "this is the first finding" });
            Vec::new()
        }
    }
}

fn answer(app: &mut App, answer: Answer) -> Vec<Effect> {
    let Some(detail) = &mut app.detail else { return Vec::new() };
    let Some(scenario) = detail.current().map(|scenario| scenario.id.clone()) else { return Vec::new() };
    let findings = vec![detail.id()];
    // Not waiting for the disk: the next key is for the next scenario.
    detail.in_flight.push(scenario.clone());
    detail.go_to_unanswered();
    vec![Effect::Record(Request::Answer { findings, scenario, answer, note: None })]
}

/// Proposes the exclusion that this scenario would justify.
fn applies(app: &mut App) -> Vec<Effect> {
    let Some(detail) = &app.detail else { return Vec::new() };
    if detail.opened.exclusion.is_some() {
        app.say(NoticeKind::Info, "an exclusion covers this finding already; R shows the register");
        return Vec::new();
    }
    let scenario = detail.current().map(|scenario| (scenario.id.clone(), scenario.title.clone()));
    let seen = scenario.as_ref().and_then(|(id, _)| detail.assessment(id)).map(ScenarioAssessment::seen_checks);
    let form = ExclusionForm::new(&detail.opened, scenario, seen.unwrap_or_default());
    app.overlay = Some(Overlay::Form(Box::new(form)));
    overlays::preview(app)
}

fn note(app: &mut App) {
    let Some(detail) = &app.detail else { return };
    let Some(scenario) = detail.current() else { return };
    let about = format!("A note on: {}", crate::text::escape_str(&scenario.title));
    let said = detail.answer(&scenario.id).and_then(|given| given.note.clone()).unwrap_or_default();
    let purpose = Purpose::Note { finding: detail.id(), scenario: scenario.id.clone() };
    ask(app, purpose, "Note", &about, Input::with(&said));
}

/// Asks for something to count to the set of the site that leaves this scenario unknown.
fn name_in_set(app: &mut App) {
    let Some(detail) = &app.detail else { return };
    let assessed = detail.current().and_then(|scenario| detail.assessment(&scenario.id));
    let checks = assessed.iter().flat_map(|assessed| &assessed.lines).flat_map(|line| &line.checks);
    let Some(set) = { checks }.find_map(|check| check.empty_set.clone()) else {
        return app.say(NoticeKind::Info, "no check of this scenario waits for a set of the site");
    };
    let about =
        format!("${} is empty. Name one that belongs to it; site.toml keeps it for good.", text::escape_str(&set));
    ask(app, Purpose::NameInSet(set), "Site fact", &about, Input::default());
}

fn malicious(app: &mut App) {
    let Some(detail) = &app.detail else { return };
    let findings = vec![detail.id()];
    ask(app, Purpose::Malicious(findings), "Malicious", "Why is this finding malicious?", Input::default());
}
