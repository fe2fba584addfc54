//! The scenarios tab: one documented benign explanation at a time, what to look at, and the responder's answers.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use crate::text;
use crate::theme::{Role, Theme};
use crate::triage::{Answer, Verdict};
use crate::tui::state::App;
use crate::tui::state::detail::Detail;
use crate::tui::widget::{paint, pane};

/// Draws the tab: the scenarios with their answers above, the scenario at hand below.
pub fn draw(buffer: &mut Buffer, area: Rect, app: &mut App) {
    let Some(detail) = &app.detail else { return };
    let rows = detail.scenarios() as u16 + 2;
    let [list, story] =
        Layout::vertical([Constraint::Length(rows.min(area.height / 2)), Constraint::Fill(1)]).areas(area);
    draw_answers(buffer, list, app, detail);
    let title = format!("Scenario {} of {}", detail.scenario + 1, detail.scenarios());
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

fn draw_answers(buffer: &mut Buffer, area: Rect, app: &App, detail: &Detail) {
    let title = match detail.opened.judged.verdict {
        Verdict::Suspicious => "Every scenario is ruled out: suspicious".to_owned(),
        _ => format!("What could explain it: {} of {} answered", detail.answered(), detail.scenarios()),
    };
    let inner = pane::pane(buffer, area, &app.theme, &title, false);
    let top = paint::scroll(0, detail.scenario, usize::from(inner.height));
    for (index, scenario) in detail.hunt.scenarios.iter().enumerate().skip(top) {
        let (sign, word, role) = match detail.answer(&scenario.id).map(|given| given.answer) {
            Some(Answer::Applies) => ("✔", "applies", Role::AnswerApplies),
            Some(Answer::RuledOut) => ("✘", "ruled out", Role::AnswerRuledOut),
            Some(Answer::Unsure) => ("~", "unsure", Role::AnswerUnsure),
            None => ("·", "", Role::Dim),
        };
        let row = paint::row(inner, index - top);
        let line = paint::Pieces::new(&app.theme)
            .add(role, format!(" {sign} {word:<10}"))
            .add(Role::Text, format!("{}  {}", index + 1, text::escape_str(&scenario.title)));
        paint::line(buffer, row, &line.line());
        if index == detail.scenario {
            paint::fill(buffer, row, app.theme.style(Role::Selected));
        }
    }
}

fn story_lines(app: &App, detail: &Detail, width: usize) -> Vec<Line<'static>> {
    let theme = &app.theme;
    let Some(scenario) = detail.hunt.scenarios.get(detail.scenario) else {
        return vec![Line::styled("This rule has no scenarios.", theme.style(Role::Dim))];
    };
    let mut lines = vec![Line::styled(text::escape_str(&scenario.title).into_owned(), theme.style(Role::Strong))];
    push_wrapped(&mut lines, theme, Role::Text, &scenario.story, width);
    lines.push(Line::default());
    lines.push(Line::styled("What to verify", theme.style(Role::Heading)));
    push_wrapped(&mut lines, theme, Role::Text, &scenario.filter, width);
    lines.push(Line::default());
    lines.push(Line::styled("Applies when", theme.style(Role::Heading)));
    push_checks(&mut lines, theme, detail, width);
    if let Some(given) = detail.answer(&scenario.id) {
        lines.push(Line::default());
        let said = format!("Answered: {}, by {}, {}", given.answer, given.by, given.at);
        push_wrapped(&mut lines, theme, Role::Dim, &said, width);
        if let Some(note) = &given.note {
            push_wrapped(&mut lines, theme, Role::Text, &format!("Note: {note}"), width);
        }
    }
    lines
}

fn push_checks(lines: &mut Vec<Line<'static>>, theme: &Theme, detail: &Detail, width: usize) {
    let Some(scenario) = detail.hunt.scenarios.get(detail.scenario) else { return };
    for (index, line) in scenario.applies_when.iter().enumerate() {
        if index > 0 {
            lines.push(Line::styled("  or", theme.style(Role::Dim)));
        }
        for (place, check) in line.iter().enumerate() {
            let and = if place > 0 { "and " } else { "" };
            for (row, piece) in text::wrap(&format!("{and}{check}"), width.saturating_sub(6)).into_iter().enumerate() {
                let head = if row == 0 { "  ▸ " } else { "    " };
                lines.push(paint::Pieces::new(theme).add(Role::CheckUnknown, head).add(Role::Text, piece).line());
            }
        }
    }
}

/// Adds `said` in as many lines as it takes.
pub fn push_wrapped(lines: &mut Vec<Line<'static>>, theme: &Theme, role: Role, said: &str, width: usize) {
    let safe = said.lines().map(text::escape_str).collect::<Vec<_>>().join("\n");
    lines.extend(text::wrap(&safe, width).into_iter().map(|line| Line::styled(line, theme.style(role))));
}
