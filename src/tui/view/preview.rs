//! The third pane of a wide terminal: what is known of the selected finding without opening it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::reading::Reading;
use super::signs::state_of;
use crate::text;
use crate::tui::state::App;
use crate::tui::state::drawn::Drawn;
use crate::tui::state::findings::Grouping;
use crate::tui::widget::paint;

/// Findings of a group whose boxes and paths are looked through for the pane.
const LOOKED: usize = 2000;
/// Paths of a group that are named.
const PATHS: usize = 4;

/// Draws the pane.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, drawn: &mut Drawn) {
    let Some(row) = app.list.selected() else {
        if app.list.grouping() == Grouping::Content && !app.boxes.is_empty() {
            draw_content(buffer, area, app);
        }
        return;
    };
    let hunt = app.hunts.get(row.hunt);
    let width = usize::from(area.width);
    let (sign, state, role) = state_of(row);
    let mut page = Reading::new(&app.theme, width);
    page.line(paint::Pieces::new(&app.theme).add(role, format!("{sign} {state}")).line());
    let mut add = |name: &str, value: &str| page.fact(name, value);
    add("path", &text::escape_path(&row.path));
    if let Some(hunt) = hunt {
        add("rule", &hunt.name);
        add("about", &text::escape_str(hunt.hunt.rule.description().unwrap_or_default()));
    }
    add("size", &text::counted(row.size, "byte"));
    add("modified", &row.modified.to_the_second());
    let (name, digest) = row.digest.labelled();
    add(name, &digest);
    add("matches", &text::count(row.matches as u64));
    if let Some(gone) = &row.gone {
        add(gone.word(), &gone.to_string());
    }
    if let Some(why) = &row.returned {
        add("returned", why);
    }
    let id = row.id;
    let lines = page.into_lines();
    let [facts, bytes] =
        Layout::vertical([Constraint::Length(lines.len() as u16 + 1), Constraint::Fill(1)]).areas(area);
    for (index, line) in lines.iter().take(usize::from(facts.height)).enumerate() {
        paint::line(buffer, paint::row(facts, index), line);
    }
    if let Some(detail) = app.detail.as_ref().filter(|detail| detail.id() == id && !detail.stale) {
        drawn.bytes = Some((usize::from(bytes.width), usize::from(bytes.height)));
        super::hex::draw_face(buffer, bytes, &app.theme, &detail.hex);
    }
}

/// A content on many boxes whose heading the cursor is on: what found it, where it lies, and on which boxes.
fn draw_content(buffer: &mut Buffer, area: Rect, app: &App) {
    let Some(group) = app.list.selected_group() else { return };
    let mut page = Reading::new(&app.theme, usize::from(area.width));
    let (mut rules, mut paths, mut boxes) = (BTreeSet::new(), BTreeMap::<String, u64>::new(), BTreeSet::new());
    for row in app.list.under_cursor().iter().take(LOOKED).filter_map(|id| app.list.get(*id)) {
        rules.extend(app.hunts.get(row.hunt).map(|hunt| hunt.name.as_str()));
        *paths.entry(text::escape_path(&row.path).into_owned()).or_default() += 1;
        boxes.extend(app.boxes.get(row.at as usize).map(String::as_str));
    }
    for rule in rules {
        page.fact("rule", rule);
    }
    let mut paths: Vec<_> = paths.into_iter().collect();
    paths.sort_by_key(|(_, count)| Reverse(*count));
    for (path, count) in paths.iter().take(PATHS) {
        page.fact("path", &format!("{path} ({})", text::count(*count)));
    }
    if paths.len() > PATHS {
        page.fact("path", &format!("{} more", text::count((paths.len() - PATHS) as u64)));
    }
    page.fact("size", &text::counted(group.first.size, "byte"));
    let (name, digest) = group.first.digest.labelled();
    page.fact(name, &digest);
    page.fact("boxes", &boxes.into_iter().collect::<Vec<_>>().join(", "));
    for (index, line) in page.into_lines().iter().take(usize::from(area.height)).enumerate() {
        paint::line(buffer, paint::row(area, index), line);
    }
}
