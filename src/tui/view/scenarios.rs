//! The scenarios tab: one documented benign explanation at a time, what to look at, and the responder's answers.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::evidence::outdated;
use super::reading::{self, Reading};
use crate::evidence::{STILL_ASKED, reference};
use crate::hunt::{Check, Scenario, Strength, Truth};
use crate::text;
use crate::theme::Role;
use crate::triage::assess::{
    CheckAssessment, LineAssessment, ScenarioAssessment, ScenarioState, set_in_words, suggestion,
};
use crate::triage::{Answer, Verdict};
use crate::tui::keymap::Action;
use crate::tui::state::App;
use crate::tui::state::detail::{Detail, Tab};
use crate::tui::state::drawn::Drawn;
use crate::tui::widget::paint;

/// Draws the tab: the scenarios with their answers above, the scenario at hand below.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, drawn: &mut Drawn) {
    let Some(detail) = &app.detail else { return };
    let listed = detail.listed().count();
    let rows = u16::try_from(listed).unwrap_or(u16::MAX).saturating_add(1);
    let [list, story] =
        Layout::vertical([Constraint::Length(rows.min(area.height / 2)), Constraint::Fill(1)]).areas(area);
    drawn.areas.scenarios = draw_answers(buffer, list, app, detail);
    let title = if detail.scenario < detail.scenarios() {
        format!("Scenario {} of {}", detail.scenario + 1, detail.scenarios())
    } else {
        "An explanation that fits any rule".to_owned()
    };
    reading::draw(buffer, story, (app, drawn), (&title, Tab::Scenarios), story_of);
}

/// What the signs behind `box` mean, in as many words as there is room for.
const LEGENDS: [&str; 2] =
    ["box: ✔ supports it  ! supports and contradicts it  ✘ does not  ? unknown", "box ✔ yes ! doubt ✘ no ? unknown"];

/// Draws the scenarios with their answers. Returns where they stand.
fn draw_answers(buffer: &mut Buffer, area: Rect, app: &App, detail: &Detail) -> Rect {
    let title = match detail.opened.judged.verdict {
        Verdict::Suspicious => "Every scenario is ruled out: suspicious".to_owned(),
        _ => format!("What could explain it: {} of {} answered", detail.answered(), detail.scenarios()),
    };
    let mut heading = paint::Pieces::new(&app.theme).add(Role::Title, format!(" {title}"));
    // What the signs mean, where there is room for it.
    let room = usize::from(area.width).saturating_sub(heading.width() + 1);
    if let Some(legend) = LEGENDS.iter().find(|legend| text::width(legend) <= room) {
        heading.push(Role::Dim, format!("{legend:>room$}"));
    }
    paint::line(buffer, area, &heading.line());
    let inner = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let top = paint::scroll(0, detail.scenario, usize::from(inner.height), detail.listed().count());
    for (index, scenario) in detail.listed().enumerate().skip(top) {
        let (sign, word, role) = match detail.answer(&scenario.id).map(|given| given.answer) {
            Some(Answer::Applies) => ("✔", "applies", Role::AnswerApplies),
            Some(Answer::RuledOut) => ("✘", "ruled out", Role::AnswerRuledOut),
            Some(Answer::Unsure) => ("~", "unsure", Role::AnswerUnsure),
            None => ("·", "", Role::Dim),
        };
        let row = paint::row(inner, index - top);
        let state = detail.assessment(&scenario.id).map(|assessed| assessed.state);
        let (shown, box_role) = state.map_or(("…", Role::Dim), |state| (state.sign(), role_of(state)));
        let line = paint::Pieces::new(&app.theme)
            .add(role, format!(" {sign} {word:<10}"))
            .add(Role::Dim, "box ")
            .add(box_role, format!("{shown}  "))
            .add(Role::Text, format!("{}  {}", index + 1, text::escape_str(&scenario.title)));
        paint::line(buffer, row, &line.line());
        if index == detail.scenario {
            paint::fill(buffer, row, app.theme.style(Role::Selected));
        }
    }
    inner
}

/// The scenario at hand: what the box says of it first, then the prose.
fn story_of(app: &App, page: &mut Reading<'_>) {
    let Some(detail) = &app.detail else { return };
    let Some(scenario) = detail.current() else {
        return page.wrapped(Role::Dim, "This rule has no scenarios.");
    };
    if let Some(gathered) = &detail.gathered {
        for socket in &gathered.evidence.live {
            page.wrapped(Role::Error, &format!("! LIVE: connected to what the match names: {socket}"));
        }
    }
    page.wrapped(Role::Strong, &scenario.title);
    if let Some(said) = outdated(app) {
        page.wrapped(Role::Warning, &said);
    }
    let assessed = detail.assessment(&scenario.id);
    if let Some(assessed) = assessed {
        page.wrapped(role_of(assessed.state), &format!("→ {}", suggestion(assessed)));
        // What contradicts it is seen without scrolling; what was only looked for stands below.
        if speaks_against(assessed) {
            push_against(page, app, assessed, scenario);
        }
    }
    page.heading("What the box shows");
    if scenario.applies_when.is_empty() {
        page.wrapped(Role::Dim, "No check can express this; go by the words below.");
    }
    match detail.assessment_so_far(&scenario.id) {
        Some(assessed) => push_lines(page, app, (&assessed.lines, &scenario.applies_when), false),
        None => {
            for check in scenario.applies_when.iter().flatten() {
                page.marked((Role::CheckUnknown, "… "), &check.to_string());
            }
        }
    }
    if let Some(assessed) = assessed.filter(|assessed| !speaks_against(assessed)) {
        push_against(page, app, assessed, scenario);
    }
    if let Some(across) = detail.across.iter().find(|across| across.id == scenario.id) {
        page.blank();
        page.heading("On all boxes with this content");
        for (state, (count, hosts)) in &across.states {
            let more = if (hosts.len() as u64) < *count { ", …" } else { "" };
            page.wrapped(Role::Text, &format!("{state} on {}: {}{more}", text::count(*count), hosts.join(", ")));
        }
    }
    page.blank();
    page.wrapped(Role::Text, &scenario.story);
    page.blank();
    page.heading("What to verify");
    page.wrapped(Role::Text, &scenario.filter);
    if let Some(given) = detail.answer(&scenario.id) {
        page.blank();
        page.wrapped(Role::Dim, &format!("Answered: {}, by {}, {:.0}", given.answer, given.by, given.at));
        if let Some(note) = &given.note {
            page.wrapped(Role::Text, &format!("Note: {note}"));
        }
    }
}

/// Whether something was found that speaks against it.
fn speaks_against(assessed: &ScenarioAssessment) -> bool {
    !assessed.against.is_empty() || assessed.contradicted_when.iter().any(|line| line.truth == Truth::Met)
}

/// What speaks against it, and what was looked for that would.
fn push_against(page: &mut Reading<'_>, app: &App, assessed: &ScenarioAssessment, scenario: &Scenario) {
    if assessed.against.is_empty() && assessed.contradicted_when.is_empty() {
        return;
    }
    page.heading("What speaks against it");
    for said in &assessed.against {
        page.marked((Role::Warning, "! "), &said.message);
    }
    push_lines(page, app, (&assessed.contradicted_when, &scenario.contradicted_when), true);
}

/// Lines of checks with what was seen of each, and what of the box that is; `checks` are the same as the hunt has them.
///
/// What speaks against a scenario has not the colour of what supports one.
fn push_lines(
    page: &mut Reading<'_>,
    app: &App,
    (assessed, checks): (&[LineAssessment], &[Vec<Check>]),
    against: bool,
) {
    let evidence = app.detail.as_ref().and_then(|detail| detail.gathered.as_ref()).map(|gathered| &gathered.evidence);
    let (mut told, mut sets) = (Vec::new(), Vec::new());
    for (index, line) in assessed.iter().enumerate() {
        if index > 0 {
            page.marked((Role::Dim, ""), "or");
        }
        for (place, check) in line.checks.iter().enumerate() {
            let (role, sign) = mark(check);
            let and = if place > 0 { "and " } else { "" };
            page.marked((told_in(role, against), &format!("{and}{sign}")), &check.check);
            let unknown = check.unknown.as_ref().filter(|why| *why != STILL_ASKED);
            let seen = [Some(&check.seen).filter(|seen| !seen.is_empty()), unknown];
            for said in seen.into_iter().flatten() {
                page.indented(Role::FieldValue, said);
            }
            for said in &check.provenance {
                page.indented(Role::Dim, said);
            }
            if let Some(warning) = &check.warning {
                page.indented(Role::Warning, &format!("! {warning}"));
            }
            // Once, where it is first named.
            if let Some(set) = check.set.as_ref().filter(|set| !sets.contains(set)) {
                page.indented(Role::Dim, set);
                sets.push(set);
            }
            if let Some(set) = &check.empty_set {
                let key = app.keymap.first_key(Action::NameInSet);
                page.indented(Role::Dim, &format!("{key} names one of the {} on the spot", set_in_words(set)));
            }
            let asked = checks.get(index).and_then(|line| line.get(place));
            let leads = asked.zip(evidence).map(|(asked, evidence)| reference::of_check(asked, evidence));
            for to in leads.into_iter().flatten() {
                // Several checks ask about one process; once is enough.
                if !told.contains(&to) {
                    told.push(to.clone());
                    page.reference(to);
                }
            }
        }
        if let Some(note) = &line.note {
            page.indented(Role::Warning, note);
        }
    }
}

/// The colour of a check among those that speak for a scenario, or against it.
fn told_in(role: Role, against: bool) -> Role {
    match role {
        Role::CheckMet if against => Role::Warning,
        Role::CheckNotMet if against => Role::Dim,
        role => role,
    }
}

/// The sign alone tells them apart.
fn mark(check: &CheckAssessment) -> (Role, &'static str) {
    match check.truth {
        Truth::Unknown if check.unknown.as_deref() == Some(STILL_ASKED) => (Role::CheckUnknown, "… "),
        Truth::Met if check.strength == Some(Strength::Weak) => (Role::CheckMet, "~ met, a weak sign: "),
        Truth::Met => (Role::CheckMet, "✔ met: "),
        Truth::NotMet => (Role::CheckNotMet, "✘ not met: "),
        Truth::Unknown => (Role::CheckUnknown, "? unknown: "),
    }
}

fn role_of(state: ScenarioState) -> Role {
    match state {
        ScenarioState::Supported => Role::CheckMet,
        ScenarioState::Contradicted => Role::Warning,
        ScenarioState::NotSupported => Role::CheckNotMet,
        ScenarioState::Unknown => Role::CheckUnknown,
    }
}
