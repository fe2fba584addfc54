//! The screen of one finding: what it is, and its tabs.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::findings::state_of;
use crate::text;
use crate::theme::Role;
use crate::tui::state::App;
use crate::tui::state::detail::Tab;
use crate::tui::widget::paint::{self, StyledLine};
use crate::tui::widget::pane;

/// Draws the screen.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &mut App) {
    let Some(detail) = app.detail.as_ref().filter(|detail| !detail.stale) else {
        let line = paint::Pieces::new(&app.theme).add(Role::Dim, " Opening the finding …").line();
        return paint::line(buffer, area, &line);
    };
    let tab = detail.tab;
    let [head, tabs, body] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    app.areas.tabs = tabs;
    draw_head(buffer, head, app);
    draw_tabs(buffer, tabs, app);
    match tab {
        Tab::Hex => super::hex::draw(buffer, body, app),
        Tab::Elf => super::elf::draw(buffer, body, app),
        Tab::Scenarios => super::scenarios::draw(buffer, body, app),
        Tab::Rule => draw_reading(buffer, body, app, super::rule::lines),
        Tab::Facts => draw_reading(buffer, body, app, super::facts::lines),
        Tab::History => draw_reading(buffer, body, app, super::history::lines),
    }
}

fn draw_head(buffer: &mut Buffer, area: Rect, app: &App) {
    let Some(detail) = &app.detail else { return };
    let Some(row) = app.list.get(detail.id()) else { return };
    let (sign, state, role) = state_of(row);
    let rule = app.hunts.get(row.hunt).map_or("", |hunt| hunt.name.as_str());
    let why = row.returned.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    let head = format!(" {sign} {state}{why}  ");
    let room = usize::from(area.width).saturating_sub(text::width(&head) + text::width(rule) + 2);
    let path = text::escape_path(&row.path);
    let line = paint::Pieces::new(&app.theme)
        .add(role, head)
        .add(Role::Strong, format!("{rule}  "))
        .add(Role::FileName, text::truncate_middle(&path, room));
    paint::line(buffer, area, &line.line());
}

fn draw_tabs(buffer: &mut Buffer, area: Rect, app: &App) {
    let Some(detail) = &app.detail else { return };
    let mut pieces = paint::Pieces::new(&app.theme);
    for tab in Tab::ALL {
        let active = tab == detail.tab;
        let (open, close) = if active { ("[", "]") } else { (" ", " ") };
        let role = if active { Role::TabActive } else { Role::Tab };
        pieces.push(role, format!(" {open}{}{close}", detail.tab_label(tab)));
    }
    paint::line(buffer, area, &pieces.line());
}

/// A tab that is a text to be read.
fn draw_reading(buffer: &mut Buffer, area: Rect, app: &mut App, lines: fn(&App, usize) -> Vec<StyledLine>) {
    let Some(tab) = app.detail.as_ref().map(|detail| detail.tab) else { return };
    let inner = pane::pane(buffer, area, &app.theme, tab.name(), true);
    let lines = lines(app, usize::from(inner.width).saturating_sub(1));
    let height = usize::from(inner.height);
    app.page = height.max(1);
    let Some(detail) = &mut app.detail else { return };
    detail.lines = lines.len();
    let top = detail.scroll().min(lines.len().saturating_sub(height));
    *detail.scroll_mut() = top;
    for (index, line) in lines.iter().skip(top).take(height).enumerate() {
        paint::line(buffer, paint::row(inner, index), line);
    }
    let bar = Rect { width: inner.width + 1, ..inner };
    pane::scroll_bar(buffer, bar, &app.theme, top, lines.len());
}
