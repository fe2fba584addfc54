//! The hex tab: offsets, bytes, text; matches by pattern; where in the file they are; the value under the cursor.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout as Split, Rect};
use ratatui::style::{Modifier, Style};

use super::layers::Layers;
use crate::hex::byte;
use crate::hex::highlight::HighlightRun;
use crate::hex::inspect::{self, ByteOrder, NEEDED, NoValue};
use crate::hex::layout::{Cell, HexLayout};
use crate::hex::minimap;
use crate::text;
use crate::theme::{Role, Theme};
use crate::tui::keymap::Action;
use crate::tui::state::App;
use crate::tui::state::bytes::HexView;
use crate::tui::state::detail::{Detail, Tab};
use crate::tui::state::drawn::Drawn;
use crate::tui::state::face::Face;
use crate::tui::view::structure::{self, Faces};
use crate::tui::widget::{paint, pane};

/// Columns that the strip beside the bytes takes.
const STRIP: u16 = 2;
/// Lines that the inspector takes.
const INSPECTOR: u16 = 8;
/// Columns that integers take in it: two of 64 bits side by side, or one.
const INTEGERS: u16 = 49;
const ONE_INTEGER: u16 = 29;
/// Columns from which on there is room for both byte orders.
const BOTH: u16 = INTEGERS + 9 + 66;
/// Columns that their names take, and those of the other readings.
const INTEGER_NAMES: usize = 4;
const NAMES: usize = 9;

/// Draws the tab.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, drawn: &mut Drawn) {
    if app.shows(Face::Strings) {
        return super::strings::draw(buffer, area, app, drawn);
    }
    let stops = app.keymap.first_key(Action::Back);
    let Some(detail) = &app.detail else { return };
    let title = title(detail);
    let focused = detail.tab == Tab::Hex;
    let inner = pane::pane(buffer, area, &app.theme, &title, focused);
    let notice = detail.hex.window.as_ref().and_then(|window| window.notice.clone());
    let said = notice.map(|notice| text::wrap(&notice, usize::from(inner.width))).unwrap_or_default();
    let structures = if detail.hex.face == Face::Hex { structure::lines_needed(&detail.hex, inner.height) } else { 0 };
    let inspector = detail.hex.inspector.map_or(0, |_| INSPECTOR.min(inner.height / 2));
    drawn.both_orders = Some(inner.width >= BOTH);
    let [above, bytes, legend, here, below] = Split::vertical([
        Constraint::Length((said.len() as u16).min(3)),
        Constraint::Fill(1),
        Constraint::Length(1),
        Constraint::Length(structures),
        Constraint::Length(inspector),
    ])
    .areas(inner);
    for (index, line) in said.into_iter().take(usize::from(above.height)).enumerate() {
        let pieces = paint::Pieces::new(&app.theme).add(Role::Warning, line);
        paint::line(buffer, paint::row(above, index), &pieces.line());
    }
    let [bytes, side] = Split::horizontal([Constraint::Fill(1), Constraint::Length(STRIP)]).areas(bytes);
    drawn.bytes = Some((usize::from(bytes.width), usize::from(bytes.height)));
    if focused {
        drawn.page = Some(usize::from(bytes.height).max(1));
    }
    (drawn.areas.bytes, drawn.areas.strip) = (bytes, side);
    draw_face(buffer, bytes, &app.theme, &detail.hex);
    draw_strip(buffer, side, &app.theme, &detail.hex);
    draw_legend(buffer, legend, (&app.theme, &stops), detail);
    let told = structure::at_cursor(&app.theme, detail, usize::from(here.width), usize::from(here.height));
    for (index, line) in told.iter().enumerate() {
        paint::line(buffer, paint::row(here, index), line);
    }
    if let Some(order) = detail.hex.inspector.filter(|_| inspector > 0) {
        draw_inspector(buffer, below, &app.theme, &detail.hex, order);
    }
}

fn title(detail: &Detail) -> String {
    let hex = &detail.hex;
    let cursor = hex.viewport.cursor;
    let size = hex.layout.size;
    let matches = hex.highlights.count();
    let capped = if detail.opened.finding.capped { "+" } else { "" };
    let which = match hex.current {
        Some(found) if matches > 0 => format!("match {} of {matches}{capped}", found.nth),
        _ => "no match".to_owned(),
    };
    let selected = hex.selection().map(|range| format!(", {} selected", range.end - range.start)).unwrap_or_default();
    let face = match hex.face {
        Face::Text => {
            let line = hex.line_at(cursor).map(|line| format!(", line {}", text::count(line))).unwrap_or_default();
            return format!("Text, {}: {which}{line}, at {cursor:#x} of {size:#x}{selected}", hex.text.encoding);
        }
        face => face.name(),
    };
    format!("{face}: {which}, at {cursor:#x} of {size:#x}{selected}")
}

/// The bytes in `area`, as digits or as text; also the preview of the findings screen.
pub(super) fn draw_face(buffer: &mut Buffer, area: Rect, theme: &Theme, hex: &HexView) {
    if hex.face == Face::Text {
        super::text::draw(buffer, area, theme, hex);
    } else {
        draw_bytes(buffer, area, theme, hex);
    }
}

/// The lines of digits in `area`.
fn draw_bytes(buffer: &mut Buffer, area: Rect, theme: &Theme, hex: &HexView) {
    let layout = hex.layout;
    let sight = hex.sight();
    let runs = hex.highlights.runs(sight.clone());
    let faces = Faces::new(hex);
    let layers = Layers { theme, hex, runs: &runs, faces: faces.as_ref() };
    for row in 0..usize::from(area.height) {
        let line = paint::row(area, row);
        let start = hex.viewport.top.saturating_add((row * layout.per_line) as u64);
        if start >= sight.end {
            break;
        }
        let offset = format!("{start:0width$x}", width = layout.digits);
        paint::text(buffer, line, &offset, theme.style(Role::Offset));
        for index in 0..layout.per_line {
            let at = start + index as u64;
            if at >= sight.end {
                break;
            }
            let Some(&byte) = hex.bytes_from(at).first() else { continue };
            let style = layers.style(at, byte);
            put(buffer, line, layout.digits_column(index), &byte::digits(byte), style);
            if let Some((sign, role)) = faces.as_ref().and_then(|faces| faces.sign(at)) {
                put(buffer, line, layout.digits_column(index).saturating_sub(1), sign, theme.style(role));
            }
            put(buffer, line, layout.text_column(index), &byte::glyph(byte).to_string(), style);
        }
    }
    join_highlights(buffer, area, hex, &runs, theme);
    if let Some(cell) = layout.cell(hex.viewport, hex.viewport.cursor) {
        draw_cursor(buffer, area, theme, layout, cell);
    }
}

fn put(buffer: &mut Buffer, line: Rect, column: usize, piece: &str, style: Style) {
    let column = u16::try_from(column).unwrap_or(u16::MAX);
    if column < line.width {
        paint::text(buffer, Rect { x: line.x + column, width: line.width - column, ..line }, piece, style);
    }
}

/// Colours the gaps between the digits of one match too, so that it reads as one.
fn join_highlights(buffer: &mut Buffer, area: Rect, hex: &HexView, runs: &[HighlightRun], theme: &Theme) {
    let layout = hex.layout;
    for run in runs.iter().filter(|run| run.patterns.len() == 1) {
        let Some(pattern) = run.patterns.first() else { continue };
        for at in run.range.start.max(hex.viewport.top)..run.range.end.saturating_sub(1) {
            let Some(cell) = layout.cell(hex.viewport, at) else { break };
            if cell.index + 1 == layout.per_line {
                continue;
            }
            let line = paint::row(area, cell.row);
            let from = layout.digits_column(cell.index) + 2;
            let to = layout.digits_column(cell.index + 1);
            if to <= usize::from(area.width) {
                let gap = Rect { x: line.x + from as u16, width: (to - from) as u16, ..line };
                paint::fill(buffer, gap, theme.style(Role::pattern(*pattern)));
            }
        }
    }
}

fn draw_cursor(buffer: &mut Buffer, area: Rect, theme: &Theme, layout: HexLayout, cell: Cell) {
    let line = paint::row(area, cell.row);
    for (column, width, role) in
        [(layout.digits_column(cell.index), 2, Role::Cursor), (layout.text_column(cell.index), 1, Role::CursorMirror)]
    {
        if column + width <= usize::from(line.width) {
            let place = Rect { x: line.x + column as u16, width: width as u16, ..line };
            let below = buffer[place.as_position()].modifier;
            let style = theme.style(role);
            // On what is reversed already a reversed cursor would not be seen.
            let lost = style.add_modifier & below & Modifier::REVERSED;
            paint::fill(buffer, place, style.remove_modifier(lost));
        }
    }
}

/// The whole file from top to bottom: where matches are, and what is in sight.
fn draw_strip(buffer: &mut Buffer, area: Rect, theme: &Theme, hex: &HexView) {
    let sight = hex.in_view();
    if sight.start == 0 && sight.end >= hex.layout.size {
        return;
    }
    let rows = minimap::strip(usize::from(area.height), hex.layout.size, &sight, &hex.highlights);
    for (index, row) in rows.iter().enumerate() {
        let line = paint::row(area, index);
        let (sign, role) = match row.patterns.first() {
            Some(pattern) => ("◆", Role::pattern(*pattern)),
            None if row.in_sight => ("█", Role::ScrollThumb),
            None => ("│", Role::ScrollTrack),
        };
        put(buffer, line, 1, sign, theme.style(role));
        if row.in_sight {
            put(buffer, line, 0, "▐", theme.style(Role::ScrollThumb));
        }
    }
}

/// Said of a file without matches.
const NO_RULE_MATCHED: &str = " no rule matched: a candidate";
const MATCHED_WITHOUT_PATTERNS: &str = " the rule matched without a pattern: by its condition alone";

fn draw_legend(buffer: &mut Buffer, area: Rect, (theme, stops): (&Theme, &str), detail: &Detail) {
    let hex = &detail.hex;
    let mut pieces = paint::Pieces::new(theme);
    if let Some((done, total)) = hex.sought.as_ref().and_then(|sought| sought.progress) {
        let part = done.checked_mul(100).and_then(|part| part.checked_div(total)).unwrap_or(0);
        pieces.push(Role::Progress, format!(" searching {part}%, {stops} stops "));
        pieces.push(Role::Text, " ");
    }
    if let Some((sought, hit)) = hex.sought.as_ref().and_then(|sought| Some((sought, sought.hit?))) {
        pieces.push(Role::Search, format!(" {} ", sought.hits.in_words(hit.offset)));
        pieces.push(Role::Text, " ");
    }
    for (index, legend) in hex.highlights.legend().iter().enumerate().filter(|(_, legend)| legend.count > 0) {
        pieces.push(Role::pattern(index), format!(" {} ", text::escape_str(&legend.pattern)));
        pieces.push(Role::Dim, format!("×{} ", text::count(legend.count as u64)));
    }
    if hex.highlights.count() == 0 {
        let candidate = detail.opened.judged.subject.candidate;
        pieces.push(Role::Dim, if candidate { NO_RULE_MATCHED } else { MATCHED_WITHOUT_PATTERNS });
    }
    if let Some(faces) = Faces::new(hex).filter(|_| hex.face == Face::Hex) {
        faces.explain(&mut pieces, usize::from(area.width));
    }
    paint::line(buffer, area, &pieces.line());
}

fn draw_inspector(buffer: &mut Buffer, area: Rect, theme: &Theme, hex: &HexView, order: ByteOrder) {
    let cursor = hex.viewport.cursor;
    let bytes = hex.bytes_from(cursor);
    let readings = inspect::inspect(bytes.get(..NEEDED).unwrap_or(bytes));
    let integers = if hex.both_orders { INTEGERS } else { ONE_INTEGER };
    let [integers, others] =
        Split::horizontal([Constraint::Length(integers.min(area.width)), Constraint::Fill(1)]).areas(area);
    let said = |value: &Result<String, NoValue>| match value {
        Ok(value) => text::escape_str(value).into_owned(),
        Err(why) => why.to_string(),
    };
    let height = usize::from(area.height).max(1);
    for (index, reading) in readings.iter().enumerate().take(2 * height) {
        let little = said(&reading.little);
        let value = match (&reading.big, order) {
            (Some(big), _) if hex.both_orders && *big != reading.little => format!("{little} BE {}", said(big)),
            (Some(big), ByteOrder::Big) if !hex.both_orders => format!("BE {}", said(big)),
            (Some(_), ByteOrder::Little) if !hex.both_orders => format!("LE {little}"),
            _ => little,
        };
        let (column, names) = if index < height { (integers, INTEGER_NAMES) } else { (others, NAMES) };
        let pieces = paint::Pieces::new(theme)
            .add(Role::FieldName, text::fit(reading.name, names))
            .add(Role::FieldValue, text::fit(&value, usize::from(column.width).saturating_sub(names)));
        paint::line(buffer, paint::row(column, index % height), &pieces.line());
    }
}
