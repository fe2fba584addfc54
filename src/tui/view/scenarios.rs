//! The scenarios tab: one documented benign explanation at a time, what to look at, and the responder's answers.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::evidence::outdated;
use crate::hunt::{Strength, Truth};
use crate::text;
use crate::theme::{Role, Theme};
use crate::triage::assess::{CheckAssessment, LineAssessment, ScenarioState, suggestion};
use crate::triage::{Answer, Verdict};
use crate::tui::keymap::Action;
use crate::tui::state::App;
use crate::tui::state::detail::Detail;
use crate::tui::widget::paint::{self, StyledLine};
use crate::tui::widget::pane;

/// Draws the tab: the scenarios with their answers above, the scenario at hand below.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &mut App) {
    let Some(detail) = &app.detail else { return };
    let listed = detail.listed().count();
    let rows = u16::try_from(listed).unwrap_or(u16::MAX).saturating_add(1);
    let [list, story] =
        Layout::vertical([Constraint::Length(rows.min(area.height / 2)), Constraint::Fill(1)]).areas(area);
    draw_answers(buffer, list, app, detail);
    let title = if detail.scenario < detail.scenarios() {
        format!("Scenario {} of {}", detail.scenario + 1, detail.scenarios())
    } else {
        "An explanation that fits any rule".to_owned()
    };
    let inner = pane::pane(buffer, story, &app.theme, &title, true);
    let lines = story_lines(app, detail, usize::from(inner.width).saturating_sub(1));
    let height = usize::from(inner.height);
    app.page = height.max(1);
    let Some(detail) = &mut app.detail else { return };
    detail.lines = lines.len();
    let top = detail.scroll().min(lines.len().saturating_sub(height));
    *detail.scroll_mut() = top;
    for (index, line) in lines.iter().skip(top).take(height).enumerate() {
        paint::line(buffer, paint::row(inner, index), line);
    }
    pane::scroll_bar(buffer, Rect { width: inner.width + 1, ..inner }, &app.theme, top, lines.len());
}

/// What the signs behind `box` mean, in as many words as there is room for.
const LEGENDS: [&str; 2] =
    ["box: ✔ supports it  ! supports and contradicts it  ✘ does not  ? unknown", "box ✔ yes ! doubt ✘ no ? unknown"];

fn draw_answers(buffer: &mut Buffer, area: Rect, app: &App, detail: &Detail) {
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
}

fn story_lines(app: &App, detail: &Detail, width: usize) -> Vec<StyledLine> {
    let theme = &app.theme;
    let Some(scenario) = detail.current() else {
        return vec![StyledLine::styled("This rule has no scenarios.", theme.style(Role::Dim))];
    };
    let mut lines = Vec::new();
    if let Some(gathered) = &detail.gathered {
        for socket in &gathered.evidence.live {
            let said = format!("! LIVE: connected to what the match names: {socket}");
            push_wrapped(&mut lines, theme, Role::Error, &said, width);
        }
    }
    lines.push(StyledLine::styled(text::escape_str(&scenario.title).into_owned(), theme.style(Role::Strong)));
    if let Some(said) = outdated(app) {
        push_wrapped(&mut lines, theme, Role::Warning, &said, width);
    }
    if let Some(assessed) = detail.assessment(&scenario.id) {
        push_wrapped(&mut lines, theme, role_of(assessed.state), &format!("→ {}", suggestion(assessed)), width);
    }
    lines.push(StyledLine::styled("What the box shows", theme.style(Role::Heading)));
    push_checks(&mut lines, app, detail, width);
    if let Some(across) = detail.across.iter().find(|across| across.id == scenario.id) {
        lines.push(StyledLine::default());
        lines.push(StyledLine::styled("On all boxes with this content", theme.style(Role::Heading)));
        for (state, (count, hosts)) in &across.states {
            let more = if (hosts.len() as u64) < *count { ", …" } else { "" };
            let said = format!("{state} on {}: {}{more}", text::count(*count), hosts.join(", "));
            push_wrapped(&mut lines, theme, Role::Text, &said, width);
        }
    }
    lines.push(StyledLine::default());
    push_wrapped(&mut lines, theme, Role::Text, &scenario.story, width);
    lines.push(StyledLine::default());
    lines.push(StyledLine::styled("What to verify", theme.style(Role::Heading)));
    push_wrapped(&mut lines, theme, Role::Text, &scenario.filter, width);
    if let Some(given) = detail.answer(&scenario.id) {
        lines.push(StyledLine::default());
        let said = format!("Answered: {}, by {}, {:.0}", given.answer, given.by, given.at);
        push_wrapped(&mut lines, theme, Role::Dim, &said, width);
        if let Some(note) = &given.note {
            push_wrapped(&mut lines, theme, Role::Text, &format!("Note: {note}"), width);
        }
    }
    lines
}

/// The checks as the hunt has them, and once the box has answered, what it shows of each.
fn push_checks(lines: &mut Vec<StyledLine>, app: &App, detail: &Detail, width: usize) {
    let theme = &app.theme;
    let Some(scenario) = detail.current() else { return };
    if scenario.applies_when.is_empty() {
        push_wrapped(lines, theme, Role::Dim, "No check can express this; go by the words below.", width);
    }
    let Some(assessed) = detail.assessment(&scenario.id) else {
        for check in scenario.applies_when.iter().flatten() {
            push_marked(lines, theme, (Role::CheckUnknown, "… "), &check.to_string(), width);
        }
        return;
    };
    push_lines(lines, app, &assessed.lines, width);
    if assessed.against.is_empty() && assessed.contradicted_when.is_empty() {
        return;
    }
    lines.push(StyledLine::default());
    lines.push(StyledLine::styled("What speaks against it", theme.style(Role::Heading)));
    for said in &assessed.against {
        push_marked(lines, theme, (Role::Warning, "! "), &said.said, width);
    }
    push_lines(lines, app, &assessed.contradicted_when, width);
}

/// Lines of checks with what was seen of each.
fn push_lines(lines: &mut Vec<StyledLine>, app: &App, assessed: &[LineAssessment], width: usize) {
    let theme = &app.theme;
    for (index, line) in assessed.iter().enumerate() {
        if index > 0 {
            lines.push(StyledLine::styled("  or", theme.style(Role::Dim)));
        }
        for (place, check) in line.checks.iter().enumerate() {
            let and = if place > 0 { "and " } else { "" };
            push_marked(lines, theme, mark(check), &format!("{and}{}", check.check), width);
            let seen = [Some(&check.seen).filter(|seen| !seen.is_empty()), check.unknown.as_ref()];
            for said in seen.into_iter().flatten() {
                push_indented(lines, theme, Role::FieldValue, said, width);
            }
            for said in &check.provenance {
                push_indented(lines, theme, Role::Dim, said, width);
            }
            if let Some(warning) = &check.warning {
                push_indented(lines, theme, Role::Warning, &format!("! {warning}"), width);
            }
            if let Some(set) = &check.empty_set {
                let key = app.keymap.first_key(Action::NameInSet);
                let said = format!("{key} names one for ${} on the spot", text::escape_str(set));
                push_indented(lines, theme, Role::Dim, &said, width);
            }
        }
        if let Some(note) = &line.note {
            push_indented(lines, theme, Role::Warning, note, width);
        }
    }
}

/// The sign alone tells them apart.
fn mark(check: &CheckAssessment) -> (Role, &'static str) {
    match check.truth {
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

fn push_marked(lines: &mut Vec<StyledLine>, theme: &Theme, mark: (Role, &str), said: &str, width: usize) {
    let said = format!("{}{said}", mark.1);
    for (row, piece) in text::wrap(&said, width.saturating_sub(4)).into_iter().enumerate() {
        let indent = if row == 0 { "  " } else { "    " };
        lines.push(paint::Pieces::new(theme).add(mark.0, format!("{indent}{piece}")).line());
    }
}

fn push_indented(lines: &mut Vec<StyledLine>, theme: &Theme, role: Role, said: &str, width: usize) {
    for piece in text::wrap(said, width.saturating_sub(6)) {
        lines.push(paint::Pieces::new(theme).add(role, format!("      {piece}")).line());
    }
}

/// Adds `said` in as many lines as it takes.
pub(super) fn push_wrapped(lines: &mut Vec<StyledLine>, theme: &Theme, role: Role, said: &str, width: usize) {
    let safe = said.lines().map(text::escape_str).collect::<Vec<_>>().join("\n");
    lines.extend(text::wrap(&safe, width).into_iter().map(|line| StyledLine::styled(line, theme.style(role))));
}
