//! The mouse: the wheel moves, a click selects, a second click on the selected row opens it, and a divider between panes
//! can be dragged.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::{dispatch, panes};
use crate::hex::layout::{Cell, Motion};
use crate::hex::minimap;
use crate::tui::keymap::Action;
use crate::tui::message::Effect;
use crate::tui::state::detail::Tab;
use crate::tui::state::face::Face;
use crate::tui::state::findings::{Placed, Sort};
use crate::tui::state::panes::Divider;
use crate::tui::state::{App, Screen};

/// Lines that one turn of the wheel moves.
const WHEEL: usize = 3;

/// Takes in what the mouse did; layers above the screen are for keys only.
pub(super) fn update(app: &mut App, event: MouseEvent) -> Vec<Effect> {
    if app.overlay.is_some() {
        return Vec::new();
    }
    match event.kind {
        MouseEventKind::Drag(MouseButton::Left) => {
            drag(app, event.column);
            Vec::new()
        }
        MouseEventKind::Up(MouseButton::Left) => {
            if app.panes.held.take().is_some() {
                panes::moved(app);
            }
            Vec::new()
        }
        MouseEventKind::ScrollUp | MouseEventKind::ScrollDown => {
            let at = Position { x: event.column, y: event.row };
            if app.screen == Screen::Finding && app.is_side_by_side() && app.areas.panes.contains(at) {
                focus(app, at);
            }
            wheel(app, event.kind == MouseEventKind::ScrollUp)
        }
        MouseEventKind::Down(MouseButton::Left) => click(app, Position { x: event.column, y: event.row }),
        _ => Vec::new(),
    }
}

fn wheel(app: &mut App, up: bool) -> Vec<Effect> {
    use Action as A;
    let tab = app.detail.as_ref().map(|detail| detail.tab);
    let (back, on) = match (app.screen, tab) {
        (Screen::Findings, _) => (A::Up, A::Down),
        (Screen::Register, _) => (A::RegisterUp, A::RegisterDown),
        (Screen::Coverage, _) => (A::CoverageUp, A::CoverageDown),
        (Screen::Finding, Some(Tab::Hex)) if app.shows(Face::Strings) => (A::StringsUp, A::StringsDown),
        (Screen::Finding, Some(Tab::Hex)) => (A::HexUp, A::HexDown),
        (Screen::Finding, _) => (A::ReadUp, A::ReadDown),
    };
    for _ in 0..WHEEL {
        dispatch::perform(app, if up { back } else { on });
    }
    Vec::new()
}

fn drag(app: &mut App, column: u16) {
    let panes = app.areas.panes;
    let moves = matches!((app.screen, app.panes.held), (Screen::Findings, _) | (Screen::Finding, Some(Divider::Bytes)));
    if let Some(divider) = app.panes.held.filter(|_| moves) {
        app.panes.place(divider, column.saturating_sub(panes.x), panes.width);
    }
}

/// Sorts by the column whose heading stands there, or turns its order round.
fn sort_by(app: &mut App, at: usize) {
    let columns = app.columns();
    let under = |placed: &&Placed| (placed.start..placed.start + placed.width).contains(&at);
    let Some(Placed { column, .. }) = columns.iter().find(under).copied() else { return };
    let sort = app.list.sort();
    app.list.set_sort(if sort.column == column { sort.reversed() } else { Sort::by(column) });
}

fn click(app: &mut App, at: Position) -> Vec<Effect> {
    let areas = app.areas;
    app.panes.held = None;
    if app.screen == Screen::Findings && areas.panes.contains(at) {
        app.panes.held = app.panes.at(at.x - areas.panes.x, areas.panes.width);
    }
    if app.screen == Screen::Finding && areas.panes.contains(at) && app.is_side_by_side() {
        let on_divider = app.panes.bytes_end_at(at.x - areas.panes.x, areas.panes.width);
        app.panes.held = on_divider.then_some(Divider::Bytes);
        focus(app, at);
    }
    if app.screen == Screen::Findings && areas.list.contains(at) {
        let place = app.list_top + usize::from(at.y - areas.list.y);
        if place == app.list.place() && app.list.line(place).is_some() {
            return dispatch::perform(app, Action::Open);
        }
        app.list.select_place(place);
    } else if app.screen == Screen::Findings && areas.headings.contains(at) {
        sort_by(app, usize::from(at.x - areas.headings.x));
    } else if app.screen == Screen::Findings && areas.hunts.contains(at) {
        let place = app.hunts_top + usize::from(at.y - areas.hunts.y);
        if place <= app.hunts.len() {
            app.list.set_hunt(place.checked_sub(1));
        }
    } else if app.screen == Screen::Finding && (areas.bytes.contains(at) || areas.strip.contains(at)) {
        click_bytes(app, at);
    } else if app.screen == Screen::Finding && areas.tabs.contains(at) {
        let column = usize::from(at.x - areas.tabs.x);
        if let Some(detail) = &mut app.detail {
            let places = detail.tab_places();
            if let Some((tab, _)) = places.into_iter().find(|(_, place)| place.contains(&column)) {
                detail.show(tab);
            }
        }
    }
    Vec::new()
}

/// The pane under the mouse takes the keys, where there are two.
fn focus(app: &mut App, at: Position) {
    let is_beside = app.areas.beside.contains(at);
    if let Some(detail) = app.detail.as_mut().filter(|detail| is_beside == (detail.tab == Tab::Hex)) {
        detail.turn_pane();
    }
}

/// The cursor goes to the byte; beside the bytes to the part of the file, or to the first match there.
fn click_bytes(app: &mut App, at: Position) {
    let areas = app.areas;
    let Some(detail) = app.detail.as_mut().filter(|detail| detail.tab == Tab::Hex) else { return };
    let hex = &mut detail.hex;
    if areas.bytes.contains(at) && hex.face == Face::Text {
        let (row, column) = (usize::from(at.y - areas.bytes.y), usize::from(at.x - areas.bytes.x));
        return hex.text_at(row, column).into_iter().for_each(|offset| hex.go(Motion::To(offset)));
    }
    if areas.bytes.contains(at) {
        let row = usize::from(at.y - areas.bytes.y);
        let byte = hex.layout.at_column(usize::from(at.x - areas.bytes.x));
        let offset = byte.and_then(|(index, _)| hex.layout.offset(hex.viewport, Cell { row, index }));
        return offset.into_iter().for_each(|offset| hex.go(Motion::To(offset)));
    }
    let rows = minimap::strip(usize::from(areas.strip.height), hex.layout.size, &hex.in_view(), &hex.highlights);
    let Some(row) = rows.get(usize::from(at.y - areas.strip.y)) else { return };
    super::jumps::leave(app);
    let Some(hex) = app.detail.as_mut().map(|detail| &mut detail.hex) else { return };
    match hex.highlights.from(row.range.start).filter(|found| found.offset < row.range.end) {
        Some(found) => hex.go_to(found),
        None => hex.go(Motion::To(row.range.start)),
    }
}
