//! The coverage screen: what was scanned, and above all what was not.

use std::fmt::Write as _;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use crate::report::missed;
use crate::text;
use crate::theme::Role;
use crate::tui::state::App;
use crate::tui::state::coverage::{CoverageView, Missed};
use crate::tui::state::drawn::Drawn;
use crate::tui::state::scan::Phase;
use crate::tui::widget::paint::{self, StyledLine};
use crate::tui::widget::pane;

/// Draws the screen.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, drawn: &mut Drawn) {
    let unseen = app.scan.unseen().map_or_else(String::new, |unseen| format!("{unseen}, "));
    let mut title = format!("Coverage: {unseen}{}", missed(app.coverage.total() as u64, app.scan.reading.gaps));
    if !app.coverage.filter().is_empty() {
        let _ =
            write!(title, ", {} with {}", text::count(app.coverage.len() as u64), text::quoted(app.coverage.filter()));
    }
    let inner = pane::pane(buffer, area, &app.theme, &title, true);
    let width = usize::from(inner.width);
    let reading = &app.scan.reading;
    let boxes = app.scan.boxes.map(|boxes| match boxes.cut {
        0 => format!("{}.", boxes.words()),
        _ => format!("{}: those stand first, and what their scans had not come to is not covered.", boxes.words()),
    });
    let end = match app.scan.phase {
        _ if boxes.is_some() => boxes.as_deref().unwrap_or_default(),
        Phase::Done => "The whole tree was walked.",
        Phase::Cancelled => "The scan was cancelled: what it had not come to is not covered.",
        Phase::Unended => {
            "The scan did not end: it was killed. What came after is not covered, and what was is not counted."
        }
        Phase::Failed(_) => "The scan failed: the tree is not covered.",
        _ => "The scan is still under way.",
    };
    let unseen = match reading.gaps {
        _ if app.coverage.total() == 0 => String::new(),
        0 => "Nothing of what follows could hold what was not seen.".to_owned(),
        gaps => format!("{} of what follows could hold what was not seen (!).", text::count(gaps)),
    };
    // An older Huntbook did not count folders and links.
    let walked = match (reading.folders, reading.links) {
        (0, 0) => String::new(),
        (folders, links) => {
            format!(" in {}; {} not followed", text::counted(folders, "folder"), text::counted(links, "link"))
        }
    };
    let scanned = match app.scan.phase {
        Phase::Unended => unseen,
        _ => {
            format!("Scanned {}, {}{walked}. {unseen}", reading.scanned(), text::bytes(reading.bytes))
        }
    };
    let mut y = 0;
    for sentence in [end, &scanned] {
        for line in text::wrap(sentence, width) {
            paint::line(buffer, paint::row(inner, y), &paint::Pieces::new(&app.theme).add(Role::Text, line).line());
            y += 1;
        }
    }
    // Many boxes have a case each.
    if app.scan.boxes.is_none() {
        let case = format!("Recorded in {}", text::escape_path(&app.case));
        let case = paint::Pieces::new(&app.theme).add(Role::Dim, text::truncate_middle(&case, width)).line();
        paint::line(buffer, paint::row(inner, y), &case);
        y += 1;
    }
    let gone = app.since.iter().flat_map(|since| since.gone.iter().map(|(rule, path)| (&since.at, rule, path)));
    for (at, rule, path) in gone.take(usize::from(inner.height) / 3) {
        let said = format!("gone, last met at {at}: {} {}", text::escape_str(rule), text::escape_path(path));
        let line = paint::Pieces::new(&app.theme).add(Role::Changed, text::truncate_middle(&said, width)).line();
        paint::line(buffer, paint::row(inner, y), &line);
        y += 1;
    }
    let below = usize::from(inner.height).saturating_sub(y + 1);
    let rest = Rect { y: inner.bottom().saturating_sub(below as u16), height: below as u16, ..inner };
    let whole = whole(&app.coverage, width, below / 2);
    let [list, gap, whole_area] = Layout::vertical([
        Constraint::Fill(1),
        Constraint::Length(u16::from(!whole.is_empty())),
        Constraint::Length(whole.len() as u16),
    ])
    .areas(rest);
    paint::line(buffer, gap, &StyledLine::styled("─".repeat(width), app.theme.style(Role::Border)));
    for (index, (role, line)) in whole.into_iter().enumerate() {
        paint::line(buffer, paint::row(whole_area, index), &StyledLine::styled(line, app.theme.style(role)));
    }
    draw_list(buffer, list, app, drawn);
}

/// Why the selected one was not scanned, and its path: whole, unless that takes more than so many lines.
fn whole(coverage: &CoverageView, width: usize, most: usize) -> Vec<(Role, String)> {
    let Some(item) = coverage.from(coverage.place()).next() else { return Vec::new() };
    let why = text::wrap(&item.why, width);
    let path = text::escape_path(&item.path);
    let path = text::truncate_middle(&path, width * most.saturating_sub(why.len()));
    let path = text::wrap(&path, width).into_iter().map(|line| (Role::FileName, line));
    why.into_iter().map(|line| (Role::Text, line)).chain(path).take(most).collect()
}

/// The list: why, then the path. Each has the room that it needs, and half of it where that is not enough for both.
fn draw_list(buffer: &mut Buffer, list: Rect, app: &App, drawn: &mut Drawn) {
    let (width, height) = (usize::from(list.width), usize::from(list.height));
    drawn.areas.entries = list;
    drawn.page = Some(height.max(1));
    let coverage = &app.coverage;
    let top = paint::scroll(coverage.top, coverage.place(), height, coverage.len());
    drawn.coverage_top = Some(top);
    let longest = |of: fn(&Missed) -> usize| coverage.from(top).take(height).map(of).max().unwrap_or(0);
    let why_width = longest(|item| text::width(&item.why));
    let path_width = longest(|item| text::width(&text::escape_path(item.listed())));
    // Two columns before the reason, two after it.
    let room = width.saturating_sub(4);
    let reason_width = why_width.min((room / 2).max(room.saturating_sub(path_width)));
    for (line, item) in coverage.from(top).take(height).enumerate() {
        let gap = item.gap;
        let role = if gap { Role::Warning } else { Role::Dim };
        let (said, path) = item.line();
        let places = coverage.pattern().find(&said).unwrap_or_default().places;
        let (reason, path) = said.split_at(path);
        let in_path: Vec<_> = places.iter().filter_map(|place| place.checked_sub(reason.len())).collect();
        let row = paint::row(list, line);
        let mut pieces = paint::Pieces::new(&app.theme).add(role, if gap { "! " } else { "  " });
        let reason = reason.trim_end();
        pieces.push_matched(reason, text::middle(reason, reason_width), &places, |_| role);
        pieces.push(Role::Text, " ".repeat((reason_width + 4).saturating_sub(pieces.width())));
        pieces.push_matched(path, text::middle(path, width.saturating_sub(pieces.width())), &in_path, |_| Role::Text);
        paint::line(buffer, row, &pieces.line());
        if top + line == coverage.place() {
            paint::fill(buffer, row, app.theme.style(Role::Selected));
        }
    }
    pane::scroll_bar(buffer, list, &app.theme, top, coverage.len());
}
