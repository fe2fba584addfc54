//! The screen of one finding: what it is, and its tabs.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::reading;
use super::signs::state_of;
use crate::text;
use crate::theme::Role;
use crate::tui::state::App;
use crate::tui::state::detail::Tab;
use crate::tui::state::drawn::Drawn;
use crate::tui::widget::paint;

/// Draws the screen.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, drawn: &mut Drawn) {
    let Some(detail) = app.detail.as_ref().filter(|detail| !detail.stale) else {
        let line = paint::Pieces::new(&app.theme).add(Role::Dim, " Opening the finding …").line();
        return paint::line(buffer, area, &line);
    };
    let tab = detail.tab;
    let beside = detail.beside;
    let bar = Constraint::Length(u16::from(!app.whole));
    let [head, tabs, body] = Layout::vertical([bar, bar, Constraint::Fill(1)]).areas(area);
    drawn.areas.tabs = tabs;
    draw_head(buffer, head, app);
    draw_tabs(buffer, tabs, app);
    drawn.areas.panes = body;
    drawn.areas.beside = Rect::default();
    if !app.is_side_by_side() {
        return draw_tab(buffer, body, app, tab, drawn);
    }
    let [bytes, other] =
        Layout::horizontal([Constraint::Length(app.panes.bytes(body.width)), Constraint::Fill(1)]).areas(body);
    drawn.areas.beside = other;
    // The pane that takes the keys is drawn last: a page is a page of it.
    let both = [(bytes, Tab::Hex), (other, beside)];
    for (area, shown) in both.into_iter().filter(|(_, shown)| *shown != tab) {
        draw_tab(buffer, area, app, shown, drawn);
    }
    for (area, shown) in both.into_iter().filter(|(_, shown)| *shown == tab) {
        draw_tab(buffer, area, app, shown, drawn);
    }
}

fn draw_tab(buffer: &mut Buffer, area: Rect, app: &App, tab: Tab, drawn: &mut Drawn) {
    match tab {
        Tab::Hex => super::hex::draw(buffer, area, app, drawn),
        Tab::Elf => super::elf::draw(buffer, area, app, drawn),
        Tab::Scenarios => super::scenarios::draw(buffer, area, app, drawn),
        Tab::Rule => reading::draw(buffer, area, (app, drawn), (tab.name(), tab), super::rule::build),
        Tab::Facts => reading::draw(buffer, area, (app, drawn), (tab.name(), tab), super::facts::build),
        Tab::Times => reading::draw(buffer, area, (app, drawn), (tab.name(), tab), super::times::build),
        Tab::History => reading::draw(buffer, area, (app, drawn), (tab.name(), tab), super::history::build),
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
    let path = if app.boxes.is_empty() { text::escape_path(&row.path).into_owned() } else { app.file_of(row) };
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
        let is_beside = app.is_side_by_side() && (tab == Tab::Hex || tab == detail.beside);
        let (open, close) = match (active, is_beside) {
            (true, _) => ("[", "]"),
            (false, true) => ("(", ")"),
            (false, false) => (" ", " "),
        };
        let role = if active { Role::TabActive } else { Role::Tab };
        pieces.push(role, format!(" {open}{}{close}", detail.tab_label(tab)));
    }
    paint::line(buffer, area, &pieces.line());
}
