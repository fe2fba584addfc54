//! A text that is read: its lines as they are built, with what some of them lead to, and how they are drawn in a pane.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::evidence::reference::Reference;
use crate::text;
use crate::theme::{Role, Theme};
use crate::tui::keymap::Action;
use crate::tui::state::App;
use crate::tui::state::detail::{DrawnLines, Tab};
use crate::tui::state::drawn::Drawn;
use crate::tui::widget::paint::{self, StyledLine};
use crate::tui::widget::pane;

/// Columns of the names of facts.
const NAMES: usize = 11;
/// Stands before a line that leads to something.
const LEADS_ON: &str = "›";

/// Lines under construction.
pub(super) struct Reading<'t> {
    theme: &'t Theme,
    /// Columns there are.
    pub(super) width: usize,
    lines: Vec<StyledLine>,
    references: Vec<(usize, Reference)>,
}

impl<'t> Reading<'t> {
    /// Nothing yet, for so many columns.
    pub(super) fn new(theme: &'t Theme, width: usize) -> Self {
        Self { theme, width, lines: Vec::new(), references: Vec::new() }
    }

    /// The lines alone.
    pub(super) fn into_lines(self) -> Vec<StyledLine> {
        self.lines
    }

    /// Adds an empty line.
    pub(super) fn blank(&mut self) {
        self.lines.push(StyledLine::default());
    }

    /// Adds a line as it is.
    pub(super) fn line(&mut self, line: StyledLine) {
        self.lines.push(line);
    }

    /// Adds a title.
    pub(super) fn heading(&mut self, title: impl Into<String>) {
        self.lines.push(StyledLine::styled(title.into(), self.theme.style(Role::Heading)));
    }

    /// Adds `said` in as many lines as it takes; what it holds is made safe.
    pub(super) fn wrapped(&mut self, role: Role, said: &str) {
        let safe = said.lines().map(text::escape_str).collect::<Vec<_>>().join("\n");
        let wrapped = text::wrap(&safe, self.width).into_iter();
        self.lines.extend(wrapped.map(|line| StyledLine::styled(line, self.theme.style(role))));
    }

    /// Adds what has a sign before it, a little to the right.
    pub(super) fn marked(&mut self, (role, sign): (Role, &str), said: &str) {
        let said = format!("{sign}{said}");
        for (row, piece) in text::wrap(&said, self.width.saturating_sub(4)).into_iter().enumerate() {
            let indent = if row == 0 { "  " } else { "    " };
            self.lines.push(paint::Pieces::new(self.theme).add(role, format!("{indent}{piece}")).line());
        }
    }

    /// Adds what belongs to a marked line.
    pub(super) fn indented(&mut self, role: Role, said: &str) {
        for piece in text::wrap(said, self.width.saturating_sub(6)) {
            self.lines.push(paint::Pieces::new(self.theme).add(role, format!("      {piece}")).line());
        }
    }

    /// Adds a line that leads to something.
    pub(super) fn reference(&mut self, to: Reference) {
        let said = text::truncate_middle(&to.to_string(), self.width.saturating_sub(6)).into_owned();
        self.references.push((self.lines.len(), to));
        let pieces = paint::Pieces::new(self.theme).add(Role::HintKey, format!("    {LEADS_ON} "));
        self.lines.push(pieces.add(Role::Link, said).line());
    }

    /// Adds `said`, which is safe, behind a head, below which it goes on further in; it may lead to something.
    pub(super) fn row(&mut self, head: &str, (role, said): (Role, &str), to: Option<Reference>) {
        let sign = if to.is_some() { LEADS_ON } else { " " };
        self.references.extend(to.map(|to| (self.lines.len(), to)));
        let indent = text::width(head);
        let room = self.width.saturating_sub(indent + 1).max(20);
        for (index, piece) in text::wrap(said, room).into_iter().enumerate() {
            let (sign, head) = if index == 0 { (sign, head.to_owned()) } else { (" ", " ".repeat(indent)) };
            let pieces = paint::Pieces::new(self.theme).add(Role::HintKey, sign).add(Role::Dim, head);
            self.lines.push(pieces.add(role, piece).line());
        }
    }

    /// Adds a name and its value, which is safe, in as many lines as it takes.
    pub(super) fn fact(&mut self, name: &str, value: &str) {
        self.fact_to(name, value, None);
    }

    /// The same, of a fact that may lead to something.
    pub(super) fn fact_to(&mut self, name: &str, value: &str, to: Option<Reference>) {
        let sign = if to.is_some() { LEADS_ON } else { " " };
        self.references.extend(to.map(|to| (self.lines.len(), to)));
        for (index, piece) in text::wrap(value, self.width.saturating_sub(NAMES + 1).max(8)).into_iter().enumerate() {
            let (sign, name) = if index == 0 { (sign, name) } else { (" ", "") };
            let pieces = paint::Pieces::new(self.theme)
                .add(Role::HintKey, sign)
                .add(Role::FieldName, text::fit(name, NAMES))
                .add(Role::FieldValue, piece);
            self.lines.push(pieces.line());
        }
    }
}

/// Draws a tab that is read: the lines that there is room for, the marked one of those that lead on, and where in the whole
/// they are.
pub(super) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    (app, drawn): (&App, &mut Drawn),
    (title, tab): (&str, Tab),
    build: impl FnOnce(&App, &mut Reading<'_>),
) {
    let Some(focused) = app.detail.as_ref().map(|detail| detail.tab == tab) else { return };
    let inner = pane::pane(buffer, area, &app.theme, title, focused);
    let mut reading = Reading::new(&app.theme, usize::from(inner.width).saturating_sub(1));
    build(app, &mut reading);
    let Reading { lines, references, .. } = reading;
    let height = usize::from(inner.height);
    if focused {
        drawn.page = Some(height.max(1));
    }
    let Some(detail) = &app.detail else { return };
    let top = detail.scroll(tab).min(lines.len().saturating_sub(height));
    let lines_drawn = DrawnLines { count: lines.len(), height, references };
    let chosen = detail.chosen_of(tab, top, &lines_drawn).map(|(line, _)| *line);
    drawn.read.push((tab, top, lines_drawn));
    for (index, line) in lines.iter().skip(top).take(height).enumerate() {
        let row = paint::row(inner, index);
        paint::line(buffer, row, line);
        if focused && chosen == Some(top + index) {
            paint::fill(buffer, row, app.theme.style(Role::Selected));
        }
    }
    let below = lines.len().saturating_sub(top + height);
    if focused && below > 0 {
        let scrolls = if tab == Tab::Scenarios { Action::ScenarioDown } else { Action::ReadDown };
        let said =
            format!(" {} scrolls, {} below ", app.keymap.first_key(scrolls), text::counted(below as u64, "line"));
        pane::footer(buffer, area, &app.theme, (Role::TitleFocused, &said));
    }
    pane::scroll_bar(buffer, Rect { width: inner.width + 1, ..inner }, &app.theme, top, lines.len());
}
