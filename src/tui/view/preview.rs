//! The third pane of a wide terminal: what is known of the selected finding without opening it.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::reading::Reading;
use super::signs::state_of;
use crate::text;
use crate::tui::state::App;
use crate::tui::state::drawn::Drawn;
use crate::tui::widget::paint;

/// Draws the pane.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, app: &App, drawn: &mut Drawn) {
    let Some(row) = app.list.selected() else { return };
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
    add("modified", &row.modified.to_string());
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
