//! The findings screen: hunts with their counts, the findings of the chosen hunt, and on a wide terminal what is known
//! of the selected one.

use std::fmt::Write as _;
use std::path::Path;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::preview;
use super::signs::state_of;
use crate::finding::Digest;
use crate::text;
use crate::theme::Role;
use crate::tui::keymap::Action;
use crate::tui::state::App;
use crate::tui::state::drawn::Drawn;
use crate::tui::state::findings::{Column, Counts, GroupHeading, Grouping, ListLine, ListedFinding, Placed};
use crate::tui::state::scan::Phase;
use crate::tui::widget::paint::{self, StyledLine};
use crate::tui::widget::pane;

/// Characters of a digest in the heading of a content over many boxes.
const SHORT_DIGEST: usize = 16;

/// Draws the screen.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, drawn: &mut Drawn) {
    drawn.areas.panes = area;
    let widths = app.panes.widths(area.width);
    let pane = |before: u16, width| Rect { x: area.x + before, width, ..area };
    draw_hunts(buffer, pane(0, widths.hunts), app, drawn);
    draw_list(buffer, pane(widths.hunts, widths.list), app, drawn);
    greeting(buffer, pane(0, widths.hunts + widths.list), app);
    drawn.shows_preview = Some(widths.preview > 0);
    if widths.preview > 0 {
        let preview = pane(area.width - widths.preview, widths.preview);
        let inner = pane::pane(buffer, preview, &app.theme, "Selected", false);
        preview::draw(buffer, inner, app, drawn);
    }
}

/// What somebody new is told, until the first key.
fn greeting(buffer: &mut Buffer, list: Rect, app: &App) {
    const LINES: u16 = 3;
    if !app.greets || list.height < LINES + 8 {
        return;
    }
    let key = |action| app.keymap.first_key(action);
    let said = [
        format!("{} opens a finding: its bytes, what the box says, what could explain it.", key(Action::Open)),
        format!(
            "In it {} says: a scenario explains it; {}: it does not. {} opens the next one.",
            key(Action::Applies),
            key(Action::RuledOut),
            key(Action::NextOpen)
        ),
        format!(
            "{} shows all keys, {} how far you are, {} leaves. Decisions are on disk at once.",
            key(Action::Help),
            key(Action::Summary),
            key(Action::Quit)
        ),
    ];
    let inside = Rect { x: list.x + 1, width: list.width.saturating_sub(2), ..list };
    for (index, said) in said.iter().enumerate() {
        let row = Rect { y: list.bottom().saturating_sub(1 + LINES) + index as u16, height: 1, ..inside };
        let said = text::fit(&text::truncate_end(&format!(" {said}"), usize::from(row.width)), usize::from(row.width));
        paint::line(buffer, row, &paint::Pieces::new(&app.theme).add(Role::Popup, said).line());
    }
}

fn draw_hunts(buffer: &mut Buffer, area: Rect, app: &App, drawn: &mut Drawn) {
    let inner = pane::pane(buffer, area, &app.theme, "Hunts: open/all", false);
    let width = usize::from(inner.width);
    let chosen = app.list.hunt().map_or(0, |hunt| hunt + 1);
    let top = paint::scroll(app.hunts_top, chosen, usize::from(inner.height), app.hunts.len() + 1);
    drawn.hunts_top = Some(top);
    drawn.areas.hunts = inner;
    let names = std::iter::once("all hunts".to_owned()).chain(app.hunts.iter().map(|hunt| hunt.name.clone()));
    for (place, name) in names.enumerate().skip(top).take(usize::from(inner.height)) {
        let counts = app.list.passing_counts(place.checked_sub(1));
        let numbers = counts_text(counts);
        let room = width.saturating_sub(text::width(&numbers) + 1);
        let line = paint::Pieces::new(&app.theme)
            .add(
                if counts.all() > 0 { Role::Strong } else { Role::Dim },
                text::fit(&text::truncate_middle(&name, room), room),
            )
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

fn draw_list(buffer: &mut Buffer, area: Rect, app: &App, drawn: &mut Drawn) {
    let title = title(app);
    let inner = pane::pane(buffer, area, &app.theme, &title, true);
    if app.list.is_empty() {
        (drawn.areas.list, drawn.areas.headings) = (inner, Rect::default());
        return empty(buffer, inner, app);
    }
    let [headings, rows] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(inner);
    (drawn.areas.list, drawn.areas.headings) = (rows, headings);
    let height = usize::from(rows.height);
    drawn.page = Some(height.max(1));
    let top = paint::scroll(app.list_top, app.list.place(), height, app.list.len());
    drawn.list_top = Some(top);
    let columns = app.columns();
    paint::line(buffer, headings, &heading_line(app, &columns));
    for line in 0..height {
        let place = top + line;
        let target = paint::row(rows, line);
        let mark = if app.list.is_line_marked(place) { "*" } else { " " };
        let pieces = paint::Pieces::new(&app.theme).add(Role::Mark, mark);
        let shown = match app.list.line(place) {
            Some(ListLine::Row(row)) => row_line(pieces, row, app, &columns),
            Some(ListLine::Group(group)) => group_line(pieces, &group, app, usize::from(rows.width)),
            None => break,
        };
        paint::line(buffer, target, &shown);
        if place == app.list.place() {
            paint::fill(buffer, target, app.theme.style(Role::Selected));
        }
    }
    if columns.iter().any(|placed| placed.column == Column::Signs) {
        pane::footer(buffer, area, &app.theme, (Role::Dim, LEGEND));
    }
    let bar = Rect { width: area.width, x: area.x, ..rows };
    pane::scroll_bar(buffer, bar, &app.theme, top, app.list.len());
}

/// What the letters of the signs stand for.
const LEGEND: &str = " L live  S scheduled  N listening ";

fn title(app: &App) -> String {
    let list = &app.list;
    let hunt = list.hunt().and_then(|hunt| app.hunts.get(hunt)).map_or("all hunts", |hunt| &hunt.name);
    // What an action would be for comes first: the end of a title is cut where there is no room.
    let marks = match (list.marks(), list.hidden_marks()) {
        (0, _) => String::new(),
        (marks, 0) => format!(" ({} marked)", text::count(marks as u64)),
        (marks, hidden) => format!(" ({} marked, {} hidden)", text::count(marks as u64), text::count(hidden as u64)),
    };
    let mut title = format!("Findings{marks}: {hunt}");
    if list.grouping() != Grouping::None {
        let _ = write!(title, ", by {}", list.grouping().name());
    }
    if !list.filter().is_empty() {
        let _ = write!(title, ", {} with {}", text::count(list.passing() as u64), text::quoted(list.filter()));
    }
    title
}

/// The columns' names, and at the one the list is sorted by, which way.
fn heading_line(app: &App, columns: &[Placed]) -> StyledLine {
    let sort = app.list.sort();
    let mut pieces = paint::Pieces::new(&app.theme);
    for placed in columns {
        let gap = placed.start.saturating_sub(pieces.width());
        pieces.push(Role::Heading, " ".repeat(gap));
        let (role, sign) = match placed.column == sort.column {
            true if sort.descending => (Role::HeadingSorted, " ▼"),
            true => (Role::HeadingSorted, " ▲"),
            false => (Role::Heading, ""),
        };
        let name = format!("{}{sign}", placed.column.name());
        let name = if is_number(placed.column) { format!("{name:>0$}", placed.width) } else { name };
        pieces.push(role, text::fit(&name, placed.width));
    }
    pieces.line()
}

fn is_number(column: Column) -> bool {
    matches!(column, Column::Size | Column::Matches)
}

/// What the findings of a group share, and how many they are.
fn group_line(mut pieces: paint::Pieces<'_>, group: &GroupHeading<'_>, app: &App, width: usize) -> StyledLine {
    let row = group.first;
    let (role, label) = match app.list.grouping() {
        Grouping::Folder => {
            let folder = app.list.below(row.path.parent().unwrap_or(&row.path));
            (Role::Folder, text::escape_path(folder).into_owned())
        }
        // Over many boxes most groups are folded: what is in one has to be told by its heading.
        Grouping::Content if !app.boxes.is_empty() => (Role::Strong, content_name(row, app)),
        Grouping::Content => match row.digest {
            Digest::Whole(sha256) => (Role::Strong, format!("SHA-256 {sha256}")),
            Digest::DataOnly(_) => (Role::Strong, format!("digest {}, no SHA-256", row.digest)),
        },
        Grouping::Verdict => {
            let (sign, state, role) = state_of(row);
            (role, format!("{sign} {state}"))
        }
        Grouping::Hunt | Grouping::None => {
            (Role::Strong, app.hunts.get(row.hunt).map_or_else(String::new, |hunt| hunt.name.clone()))
        }
    };
    let findings = match app.boxes.len() {
        0 => text::counted(group.count as u64, "finding"),
        all => {
            let findings = if group.count == group.boxes {
                String::new()
            } else {
                format!(", {}", text::counted(group.count as u64, "finding"))
            };
            format!("on {} of {}{findings}", text::count(group.boxes as u64), text::counted(all as u64, "box"))
        }
    };
    let open = format!("{} open", text::count(group.open as u64));
    let counts = match text::counted(group.candidates as u64, "candidate") {
        _ if group.candidates == 0 => format!("  {findings}, {open}"),
        candidates if group.open == 0 => format!("  {findings}, {candidates}"),
        candidates => format!("  {findings}, {open}, {candidates}"),
    };
    pieces.push(Role::Strong, if group.folded { "▸ " } else { "▾ " });
    let room = width.saturating_sub(pieces.width() + text::width(&counts));
    let cut = match app.list.grouping() {
        // The digest stands last, and is what can be missed.
        Grouping::Content if !app.boxes.is_empty() => text::truncate_end(&label, room),
        _ => text::truncate_middle(&label, room),
    };
    pieces.add(role, cut.into_owned()).add(Role::Dim, counts).line()
}

/// What tells a content to a person: the name of its first file, what found it, and the beginning of its digest.
fn content_name(row: &ListedFinding, app: &App) -> String {
    let name =
        row.path.file_name().map_or_else(|| text::escape_path(&row.path), |name| text::escape_path(Path::new(name)));
    let hunt = app.hunts.get(row.hunt).map_or("", |hunt| hunt.name.as_str());
    let digest: String = row.digest.to_string().chars().take(SHORT_DIGEST).collect();
    format!("{name}  {hunt}  {digest}…")
}

/// Sign, state, file, and whatever else there is room for.
fn row_line(mut pieces: paint::Pieces<'_>, row: &ListedFinding, app: &App, columns: &[Placed]) -> StyledLine {
    let (sign, state, role) = state_of(row);
    let note = note_of(row, app);
    for placed in columns {
        pieces.push(Role::Text, " ".repeat(placed.start.saturating_sub(pieces.width())));
        let cell = match placed.column {
            Column::State => {
                pieces.push(role, format!("{sign} {state:<10}"));
                continue;
            }
            Column::Path => {
                // What is said of a finding counts more than its hunt, where there is no room for both.
                let beside = columns.iter().find(|beside| beside.column == Column::Hunt && is_tight(placed, &note));
                let width = beside.map_or(placed.width, |hunt| hunt.start + hunt.width - placed.start);
                push_path(&mut pieces, row, app, &note, width);
                continue;
            }
            Column::Signs => {
                for (place, (letter, on)) in row.letters().into_iter().enumerate() {
                    let gap = if place > 0 { " " } else { "" };
                    let letter = if on {
                        letter
                    } else if row.signs.is_asked() {
                        '·'
                    } else {
                        ' '
                    };
                    pieces.push(if on { Role::Strong } else { Role::Dim }, format!("{gap}{letter}"));
                }
                continue;
            }
            Column::Host => app.boxes.get(row.at as usize).cloned().unwrap_or_default(),
            Column::Hunt if columns.iter().any(|path| path.column == Column::Path && is_tight(path, &note)) => continue,
            Column::Hunt => app.hunts.get(row.hunt).map_or_else(String::new, |hunt| hunt.name.clone()),
            Column::Size => text::bytes(row.size),
            Column::Modified => row.modified.to_string().chars().take(placed.width).collect(),
            Column::Matches => text::count(row.matches as u64),
        };
        let cell = if is_number(placed.column) { format!("{cell:>0$}", placed.width) } else { cell };
        // Names of one family differ at their ends.
        let cell = text::truncate_middle(&cell, placed.width);
        pieces.push(Role::Dim, text::fit(&cell, placed.width));
    }
    pieces.line()
}

/// Whether the column of paths has no room for a path and what is said behind it.
fn is_tight(path: &Placed, note: &str) -> bool {
    path.column == Column::Path && !note.is_empty() && path.width < 32
}

/// What is new about a finding, and what somebody wrote on it; safe text.
fn note_of(row: &ListedFinding, app: &App) -> String {
    let news = match &row.returned {
        // That it was excluded is what its state says.
        Some(why) => format!("  {}", why.strip_prefix("was excluded, ").unwrap_or(why)),
        None if row.against_the_box => "  against the box".to_owned(),
        None => news(row, app).map_or_else(String::new, |news| format!("  {news}")),
    };
    news + &written(row)
}

/// The path with the letters that the filter matched, and the note behind it.
fn push_path(pieces: &mut paint::Pieces<'_>, row: &ListedFinding, app: &App, note: &str, width: usize) {
    let note = text::truncate_end(note, width / 2);
    let room = width.saturating_sub(text::width(&note));
    let path = text::escape_path(app.list.below(&row.path));
    let places = app.list.pattern().find(&path).unwrap_or_default().places;
    let name = path.rfind('/').map_or(0, |slash| slash + 1);
    let end = pieces.width() + room;
    pieces.push_matched(&path, text::middle(&path, room), &places, |at| {
        if at < name { Role::Folder } else { Role::FileName }
    });
    pieces.push(Role::Text, " ".repeat(end.saturating_sub(pieces.width())));
    pieces.push(if row.returned.is_some() { Role::Changed } else { Role::Dim }, note);
}

/// The tags on a finding and its last note, safe text.
fn written(row: &ListedFinding) -> String {
    let Some(written) = &row.written else { return String::new() };
    let mut said: String = written.tags.iter().map(|tag| format!("  #{}", text::escape_str(tag))).collect();
    if let Some(note) = &written.note {
        let _ = write!(said, "  “{}”", text::escape_str(note));
    }
    said
}

/// Whether the scan before saw the finding otherwise, or not at all, or only the scan before did.
fn news(row: &ListedFinding, app: &App) -> Option<&'static str> {
    if let Some(gone) = &row.gone {
        return Some(gone.word());
    }
    let since = app.since.as_ref()?;
    match () {
        () if since.new.binary_search(&row.id).is_ok() => Some("new"),
        () if since.changed.contains(&row.id) => Some("changed"),
        () => None,
    }
}

fn empty(buffer: &mut Buffer, area: Rect, app: &App) {
    let key = |action| app.keymap.first_key(action);
    let elsewhere = app.list.passing_counts(None).all() as u64;
    let said = match &app.scan.phase {
        _ if !app.list.filter().is_empty() && app.list.hunt().is_some() && elsewhere > 0 => {
            let (next, back) = (key(Action::NextHunt), key(Action::Back));
            format!(
                "The filter lets nothing of this hunt pass, but {} of other hunts. {next} shows them, {back} takes the \
                 filter away.",
                text::counted(elsewhere, "finding")
            )
        }
        _ if !app.list.filter().is_empty() => {
            format!("The filter lets nothing pass. {} takes it away.", key(Action::Back))
        }
        Phase::Preparing => "Reading the rules …".to_owned(),
        Phase::Running | Phase::Paused => "Nothing found so far.".to_owned(),
        _ if app.list.hunt().is_some() && app.list.counts(None).all() > 0 => {
            format!("Nothing of this hunt; others have findings. {} shows them.", key(Action::NextHunt))
        }
        Phase::Done => {
            let coverage = key(Action::Coverage);
            format!("No rule matched anything that was scanned. {coverage} lists what was not scanned.")
        }
        Phase::Cancelled if app.scan.boxes.is_some() => {
            "Nothing was found on the boxes as far as they were seen.".to_owned()
        }
        Phase::Cancelled => "Nothing was found before the scan was cancelled.".to_owned(),
        Phase::Unended => "The scan did not end; nothing was found before.".to_owned(),
        Phase::Failed(_) => "The scan failed; the message is at the bottom.".to_owned(),
    };
    for (index, line) in text::wrap(&said, usize::from(area.width)).into_iter().enumerate() {
        paint::line(buffer, paint::row(area, index), &StyledLine::styled(line, app.theme.style(Role::Dim)));
    }
}
