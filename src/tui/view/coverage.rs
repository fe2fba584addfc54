//! The coverage screen: what was scanned, and above all what was not.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::text;
use crate::theme::Role;
use crate::tui::state::App;
use crate::tui::state::scan::Phase;
use crate::tui::widget::{paint, pane};

/// Draws the screen.
pub fn draw(buffer: &mut Buffer, area: Rect, app: &mut App) {
    let title = format!("Coverage: {} not scanned", text::count(app.coverage.items.len() as u64));
    let inner = pane::pane(buffer, area, &app.theme, &title, true);
    let width = usize::from(inner.width);
    let reading = &app.scan.reading;
    let end = match app.scan.phase {
        Phase::Done => "The whole tree was walked.",
        Phase::Cancelled => "The scan was cancelled: what came after is not covered.",
        Phase::Failed(_) => "The scan failed: the tree is not covered.",
        _ => "The scan is still under way.",
    };
    let scanned = format!(
        "Scanned {} files, {} in {} folders; {} links not followed. {} of what follows could hold what was not seen (!).",
        text::count(reading.files),
        text::bytes(reading.bytes),
        text::count(reading.folders),
        text::count(reading.links),
        text::count(reading.gaps),
    );
    let mut y = 0;
    for sentence in [end, &scanned] {
        for line in text::wrap(sentence, width) {
            paint::line(buffer, paint::row(inner, y), &paint::Pieces::new(&app.theme).add(Role::Text, line).line());
            y += 1;
        }
    }
    let gone = app.since.iter().flat_map(|since| since.gone.iter().map(|(rule, path)| (&since.at, rule, path)));
    for (at, rule, path) in gone.take(usize::from(inner.height) / 3) {
        let said = format!("gone since {at}: {} {}", text::escape_str(rule), text::escape_path(path));
        let line = paint::Pieces::new(&app.theme).add(Role::Changed, text::truncate_middle(&said, width)).line();
        paint::line(buffer, paint::row(inner, y), &line);
        y += 1;
    }
    let list = Rect {
        y: inner.y + (y as u16 + 1).min(inner.height),
        height: inner.height.saturating_sub(y as u16 + 1),
        ..inner
    };
    let height = usize::from(list.height);
    app.page = height.max(1);
    let coverage = &mut app.coverage;
    coverage.top = paint::scroll(coverage.top, coverage.place, height);
    for (line, item) in coverage.items.iter().skip(coverage.top).take(height).enumerate() {
        let gap = item.gap;
        let reason = text::fit(&item.why, (width / 2).min(44));
        let room = width.saturating_sub(text::width(&reason) + 4);
        let path = text::escape_path(&item.path);
        let row = paint::row(list, line);
        let pieces = paint::Pieces::new(&app.theme)
            .add(if gap { Role::Warning } else { Role::Dim }, if gap { "! " } else { "  " })
            .add(if gap { Role::Warning } else { Role::Dim }, reason)
            .add(Role::Text, "  ")
            .add(Role::Text, text::truncate_middle(&path, room));
        paint::line(buffer, row, &pieces.line());
        if coverage.top + line == coverage.place {
            paint::fill(buffer, row, app.theme.style(Role::Selected));
        }
    }
    pane::scroll_bar(buffer, list, &app.theme, coverage.top, coverage.items.len());
}
