//! What was looked up because a check or a fact points to it, above the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use crate::evidence::reference::{LineKind, ReferredLine};
use crate::text;
use crate::theme::{Role, Theme};
use crate::tui::state::drawn::Drawn;
use crate::tui::state::reference::ReferenceView;
use crate::tui::widget::{paint, pane};

/// Lines that the selected line takes below, where it is longer than the layer is wide.
const WHOLE: u16 = 3;

/// Draws the layer.
pub(super) fn draw(buffer: &mut Buffer, screen: Rect, theme: &Theme, view: &ReferenceView, drawn: &mut Drawn) {
    let depth = view.depth();
    let Some(here) = view.here() else { return };
    let size = (screen.width.saturating_sub(4), screen.height.saturating_sub(2));
    let back = if depth > 1 { "Esc goes back, q closes" } else { "Esc closes" };
    let title = format!("{}, read-only", here.reference);
    let room = usize::from(size.0).saturating_sub(text::width(back) + 10);
    let title = format!("{} ({back})", text::truncate_middle(&title, room));
    let inner = pane::popup(buffer, screen, theme, &title, size);
    let Some(page) = &here.page else {
        let line = paint::Pieces::new(theme).add(Role::Dim, " Looking it up …").line();
        return paint::line(buffer, inner, &line);
    };
    let [list, whole] = Layout::vertical([Constraint::Fill(1), Constraint::Length(WHOLE)]).areas(inner);
    let height = usize::from(list.height);
    let top = paint::scroll(here.top, here.selected, height, page.lines.len());
    (drawn.overlay, drawn.page) = (Some(top), Some(height.max(1)));
    for (index, line) in page.lines.iter().skip(top).take(height).enumerate() {
        let row = paint::row(list, index);
        let sign = if line.to.is_some() { "›" } else { " " };
        let said = text::truncate_end(&line.text, usize::from(list.width).saturating_sub(3)).into_owned();
        let pieces =
            paint::Pieces::new(theme).add(Role::HintKey, sign).add(role(line), format!("{}{said}", mark(line)));
        paint::line(buffer, row, &pieces.line());
        if top + index == here.selected {
            paint::fill(buffer, row, theme.style(Role::Selected));
        }
    }
    pane::scroll_bar(buffer, Rect { width: list.width + 1, ..list }, theme, top, page.lines.len());
    let Some(selected) = page.lines.get(here.selected) else { return };
    let mut said = Vec::new();
    if text::width(&selected.text) + 3 > usize::from(list.width) {
        said = text::wrap(&selected.text, usize::from(whole.width).saturating_sub(2));
        said.truncate(usize::from(WHOLE));
    } else if let Some(to) = &selected.to {
        said.push(format!("Enter looks up {to}"));
    }
    for (index, said) in said.into_iter().enumerate() {
        let line = paint::Pieces::new(theme).add(Role::Dim, format!(" {said}")).line();
        paint::line(buffer, paint::row(whole, index), &line);
    }
}

/// What tells the line that was pointed to without colours.
fn mark(line: &ReferredLine) -> &'static str {
    if line.kind == LineKind::Here { "►" } else { " " }
}

fn role(line: &ReferredLine) -> Role {
    match line.kind {
        LineKind::Heading => Role::Heading,
        LineKind::Fact => Role::FieldValue,
        LineKind::Text => Role::Text,
        LineKind::Here => Role::Strong,
        LineKind::Gap => Role::Warning,
    }
}
