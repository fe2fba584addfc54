//! The findings screen: hunts with their counts, the findings of the chosen hunt, and on a wide terminal what is known
//! of the selected one.

use std::fmt::Write as _;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::glance;
use crate::text;
use crate::theme::Role;
use crate::triage::Verdict;
use crate::tui::state::App;
use crate::tui::state::findings::{Counts, Row};
use crate::tui::state::scan::Phase;
use crate::tui::widget::{paint, pane};

/// Draws the screen and remembers how many rows fit, so that a page is a page.
pub fn draw(buffer: &mut Buffer, area: Rect, app: &mut App) {
    app.areas.panes = area;
    let widths = app.panes.widths(area.width);
    let pane = |before: u16, width| Rect { x: area.x + before, width, ..area };
    draw_hunts(buffer, pane(0, widths.hunts), app);
    draw_list(buffer, pane(widths.hunts, widths.list), app);
    app.shows_preview = widths.preview > 0;
    if app.shows_preview {
        let preview = pane(area.width - widths.preview, widths.preview);
        let inner = pane::pane(buffer, preview, &app.theme, "Selected", false);
        glance::draw(buffer, inner, app);
    }
}

fn draw_hunts(buffer: &mut Buffer, area: Rect, app: &mut App) {
    let inner = pane::pane(buffer, area, &app.theme, "Hunts", false);
    let width = usize::from(inner.width);
    let chosen = app.list.hunt().map_or(0, |hunt| hunt + 1);
    let top = paint::scroll(app.hunts_top, chosen, usize::from(inner.height));
    app.hunts_top = top;
    app.areas.hunts = inner;
    let names = std::iter::once("all hunts".to_owned()).chain(app.hunts.iter().map(|hunt| hunt.name.clone()));
    for (place, name) in names.enumerate().skip(top).take(usize::from(inner.height)) {
        let counts = app.list.counts(place.checked_sub(1));
        let numbers = counts_text(counts);
        let room = width.saturating_sub(text::width(&numbers) + 1);
        let line = paint::Pieces::new(&app.theme)
            .add(if counts.all() > 0 { Role::Strong } else { Role::Dim }, text::fit(&name, room))
            .add(Role::Text, " ")
            .add(hunt_role(counts), numbers)
            .line();
        let row = paint::row(inner, place - top);
        paint::line(buffer, row, &line);
        if place == chosen {
            paint::fill(buffer, row, app.theme.style(Role::SelectedUnfocused));
        }
    }
}

/// Open findings of all, so that both what is left to do and what there is shows: `3/12`.
fn counts_text(counts: Counts) -> String {
    match (counts.open, counts.all()) {
        (_, 0) => "-".to_owned(),
        (open, all) => format!("{open}/{all}"),
    }
}

fn hunt_role(counts: Counts) -> Role {
    match counts {
        Counts { malicious: 1.., .. } => Role::Malicious,
        Counts { open: 1.., .. } => Role::Open,
        Counts { suspicious: 1.., .. } => Role::Suspicious,
        Counts { candidates: 1.., .. } => Role::Candidate,
        Counts { benign: 1.., .. } => Role::Excluded,
        _ => Role::Dim,
    }
}

fn draw_list(buffer: &mut Buffer, area: Rect, app: &mut App) {
    let title = title(app);
    let inner = pane::pane(buffer, area, &app.theme, &title, true);
    app.areas.list = inner;
    let height = usize::from(inner.height);
    app.page = height.max(1);
    app.list_top = paint::scroll(app.list_top, app.list.place(), height);
    if app.list.is_empty() {
        empty(buffer, inner, app);
        return;
    }
    let shown = app.list.len().saturating_sub(app.list_top).min(height);
    for line in 0..shown {
        let place = app.list_top + line;
        let Some(row) = app.list.at(place) else { break };
        let target = paint::row(inner, line);
        paint::line(buffer, target, &row_line(row, app, usize::from(inner.width)));
        if place == app.list.place() {
            paint::fill(buffer, target, app.theme.style(Role::Selected));
        }
    }
    let bar = Rect { width: area.width, x: area.x, ..inner };
    pane::scroll_bar(buffer, bar, &app.theme, app.list_top, app.list.len());
}

fn title(app: &App) -> String {
    let hunt = app.list.hunt().and_then(|hunt| app.hunts.get(hunt)).map_or("all hunts", |hunt| &hunt.name);
    let mut title = format!("Findings: {hunt}, by {}", app.list.sort().name());
    if !app.list.filter().is_empty() {
        let _ = write!(title, ", with '{}'", text::escape_str(app.list.filter()));
    }
    if app.list.marks() > 0 {
        let _ = write!(title, ", {} marked", app.list.marks());
    }
    title
}

/// Sign, state, file, and whatever else there is room for.
fn row_line(row: &Row, app: &App, width: usize) -> Line<'static> {
    let (sign, state, role) = state_of(row);
    let hunt = match app.list.hunt() {
        None if width >= 60 => app.hunts.get(row.hunt).map(|hunt| format!("  {}", text::truncate_end(&hunt.name, 22))),
        _ => None,
    };
    let detail = match &row.returned {
        Some(why) => format!("  {why}"),
        None if news(row, app).is_some() => format!("  {}", news(row, app).unwrap_or_default()),
        None if width >= 90 => format!("  {:>9}  {:>3} matches", text::bytes(row.size), row.matches),
        None => String::new(),
    };
    let hunt = hunt.unwrap_or_default();
    let mark = if app.list.is_marked(row.id) { '*' } else { ' ' };
    let head = format!("{mark}{sign} {state:<10} ");
    let room = width.saturating_sub(text::width(&head) + text::width(&hunt) + text::width(&detail));
    let path = text::escape_path(&row.path);
    let path = text::fit(&text::truncate_middle(&path, room), room);
    let mut pieces = paint::Pieces::new(&app.theme).add(role, head);
    match path.rfind('/') {
        Some(slash) => {
            pieces.push(Role::Folder, &path[..=slash]);
            pieces.push(Role::FileName, &path[slash + 1..]);
        }
        None => pieces.push(Role::FileName, path),
    }
    pieces.add(Role::Dim, hunt).add(if row.returned.is_some() { Role::Changed } else { Role::Dim }, detail).line()
}

/// Whether the scan before saw the finding otherwise, or not at all.
fn news(row: &Row, app: &App) -> Option<&'static str> {
    let since = app.since.as_ref()?;
    match () {
        () if since.new.binary_search(&row.id).is_ok() => Some("new"),
        () if since.changed.contains(&row.id) => Some("changed"),
        () => None,
    }
}

/// The sign, the word and the style of what a finding has come to. The sign alone tells them apart.
pub fn state_of(row: &Row) -> (char, &'static str, Role) {
    match row.verdict {
        Verdict::Open if row.returned.is_some() => ('↺', "returned", Role::Changed),
        Verdict::Open if row.candidate => ('?', "candidate", Role::Candidate),
        Verdict::Open => ('●', "open", Role::Open),
        Verdict::Benign => ('○', "excluded", Role::Excluded),
        Verdict::Suspicious => ('▲', "suspicious", Role::Suspicious),
        Verdict::Malicious => ('✖', "malicious", Role::Malicious),
    }
}

fn empty(buffer: &mut Buffer, area: Rect, app: &App) {
    let said = match &app.scan.phase {
        _ if !app.list.filter().is_empty() => "No path holds the filter's text. Esc shows all findings.",
        Phase::Preparing => "Reading the rules …",
        Phase::Running | Phase::Paused => "Nothing found so far.",
        Phase::Done => "No rule matched anything that was scanned. See coverage (C) for what was not.",
        Phase::Cancelled => "Nothing was found before the scan was cancelled.",
        Phase::Failed(_) => "The scan failed; the message is at the bottom.",
    };
    for (index, line) in text::wrap(said, usize::from(area.width)).into_iter().enumerate() {
        paint::line(buffer, paint::row(area, index), &Line::styled(line, app.theme.style(Role::Dim)));
    }
}
