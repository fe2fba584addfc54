//! The mouse: the wheel moves, a click selects, a second click on the selected row opens it, and a divider between panes
//! can be dragged. In a layer above the screen the wheel moves.

use crossterm::event::{KeyCode, KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::{dispatch, overlays, panes, strings};
use crate::hex::layout::{Cell, Motion};
use crate::hex::minimap;
use crate::tui::keymap::Action;
use crate::tui::message::Effect;
use crate::tui::state::detail::Tab;
use crate::tui::state::face::Face;
use crate::tui::state::findings::{Placed, Sort};
use crate::tui::state::panes::Divider;
use crate::tui::state::{App, Screen};
use crate::tui::widget::paint;

/// Lines that one turn of the wheel moves.
const WHEEL: usize = 3;

/// Takes in what the mouse did; of a layer above the screen it moves the lines, and does nothing where something is typed.
pub(super) fn update(app: &mut App, event: MouseEvent) -> Vec<Effect> {
    if let Some(overlay) = &app.overlay {
        let key = match event.kind {
            MouseEventKind::ScrollUp => KeyCode::Up,
            MouseEventKind::ScrollDown => KeyCode::Down,
            _ => return Vec::new(),
        };
        if !overlay.has_lines() {
            return Vec::new();
        }
        return (0..WHEEL).flat_map(|_| overlays::key(app, KeyEvent::from(key))).collect();
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
    } else if areas.entries.contains(at) {
        return click_entry(app, usize::from(at.y - areas.entries.y));
    } else if app.screen == Screen::Finding && areas.scenarios.contains(at) {
        let (line, height) = (usize::from(at.y - areas.scenarios.y), usize::from(areas.scenarios.height));
        if let Some(detail) = &mut app.detail {
            let top = paint::scroll(0, detail.scenario, height, detail.listed().count());
            detail.move_scenario((top + line) as isize - detail.scenario as isize);
        }
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

/// Selects what stands in that line of the register, of coverage or of the printable texts; a second click shows the bytes
/// of a text.
fn click_entry(app: &mut App, line: usize) -> Vec<Effect> {
    match app.screen {
        Screen::Register => app.register.select(app.register.top + line),
        Screen::Coverage => app.coverage.select(app.coverage.top + line),
        Screen::Finding => {
            let Some(texts) = app.detail.as_ref().map(|detail| &detail.hex.strings.texts) else { return Vec::new() };
            let by = (texts.top + line) as isize - texts.place() as isize;
            return if by == 0 { strings::open(app) } else { strings::step(app, by) };
        }
        Screen::Findings => {}
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
