//! The exclusion that would be recorded: what it covers, what is dangerous about it, and what is still missing.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::text;
use crate::theme::Role;
use crate::triage::bound;
use crate::tui::state::App;
use crate::tui::state::form::{Form, FormField, HostBinding, INSIST};
use crate::tui::widget::{paint, pane};

/// Columns before a field.
const LABEL: usize = 11;

/// Draws the form. Returns where the terminal's cursor belongs.
pub(super) fn draw(buffer: &mut Buffer, screen: Rect, app: &App, form: &Form) -> Option<Position> {
    let width = screen.width.saturating_sub(2).min(96);
    let inner = pane::popup(buffer, screen, &app.theme, "Record an exclusion", (width, 22.min(screen.height)));
    let mut page = FormPage { buffer, app, form, area: inner, row: 0, cursor: None };
    page.file();
    if let Some((_, title)) = &form.scenario {
        page.text("scenario", title);
    }
    page.input(FormField::Reason, "reason", &form.reason, "why this finding is benign; required");
    page.scopes();
    page.boxes();
    page.choice(FormField::Judgement, "verdict", &form.judgement.to_string());
    page.input(FormField::Days, "days", &form.days, "until it expires");
    page.input(FormField::Ticket, "ticket", &form.ticket, "if there is one");
    if form.known_sample {
        page.wrapped(
            Role::Malicious,
            "This content is a known sample of the rule. Type the rule's name to exclude it all the same.",
        );
        page.input(FormField::Confirm, "rule name", &form.confirm, "");
    }
    if let Some(against) = &form.against {
        page.wrapped(Role::Malicious, &format!("{against} Type {INSIST} to record it all the same."));
        page.input(FormField::Against, "against", &form.insist, "");
    }
    page.covers();
    let button = paint::row(inner, usize::from(inner.height).saturating_sub(2));
    let (open, close) = if form.field == FormField::Record { ("▶ [", "] ◀") } else { ("  [", "]  ") };
    let role = if form.field == FormField::Record { Role::Selected } else { Role::Popup };
    let line = paint::Pieces::new(&app.theme).add(Role::Popup, " ").add(role, format!("{open} Record it {close}"));
    paint::line(page.buffer, button, &line.line());
    let last = paint::row(inner, usize::from(inner.height).saturating_sub(1));
    if let Some(error) = &form.error {
        super::bars::say(page.buffer, last, &app.theme, (Role::Error, " ✖ "), error);
    } else {
        let hint = " Enter goes to [Record it], Enter there records. Tab: next field. Esc leaves";
        paint::line(page.buffer, last, &paint::Pieces::new(&app.theme).add(Role::Dim, hint).line());
    }
    page.cursor
}

struct FormPage<'a> {
    buffer: &'a mut Buffer,
    app: &'a App,
    form: &'a Form,
    area: Rect,
    row: usize,
    cursor: Option<Position>,
}

impl FormPage<'_> {
    /// The next line, unless the button and the message need it.
    fn next(&mut self) -> Rect {
        let room = usize::from(self.area.height).saturating_sub(2);
        let row = if self.row < room { paint::row(self.area, self.row) } else { Rect { height: 0, ..self.area } };
        self.row += 1;
        row
    }

    fn label(&self, name: &str, focused: bool) -> paint::Pieces<'_> {
        let sign = if focused { "▶" } else { " " };
        paint::Pieces::new(&self.app.theme).add(Role::PromptLabel, format!("{sign}{}", text::fit(name, LABEL - 1)))
    }

    /// Which file it is for: its name alone, so that it is not taken for another, then where it lies.
    fn file(&mut self) {
        let Some(found) = self.app.list.get(self.form.finding) else { return };
        let name = found.path.file_name().map_or(&*found.path, std::path::Path::new);
        let room = usize::from(self.area.width).saturating_sub(LABEL);
        let name = text::truncate_middle(&text::escape_path(name), room).into_owned();
        let folder = found.path.parent().map(text::escape_path).unwrap_or_default();
        let folder = text::truncate_middle(&folder, room.saturating_sub(3)).into_owned();
        let row = self.next();
        let line = self.label("file", false).add(Role::Strong, name).line();
        paint::line(self.buffer, row, &line);
        let row = self.next();
        let line = self.label("", false).add(Role::Dim, format!("in {folder}")).line();
        paint::line(self.buffer, row, &line);
    }

    fn text(&mut self, name: &str, value: &str) {
        let row = self.next();
        let room = usize::from(self.area.width).saturating_sub(LABEL);
        let value = text::escape_str(value);
        let line = self.label(name, false).add(Role::Popup, text::truncate_end(&value, room).into_owned()).line();
        paint::line(self.buffer, row, &line);
    }

    fn wrapped(&mut self, role: Role, said: &str) {
        for piece in text::wrap(said, usize::from(self.area.width).saturating_sub(LABEL)) {
            let row = self.next();
            let line = self.label("", false).add(role, piece).line();
            paint::line(self.buffer, row, &line);
        }
    }

    fn input(&mut self, field: FormField, name: &str, input: &crate::tui::widget::input::Input, ghost: &str) {
        let focused = self.form.field == field;
        let row = self.next();
        let room = usize::from(self.area.width).saturating_sub(LABEL + 1);
        let (shown, column) = input.window(room);
        let pieces = self.label(name, focused);
        let line = if input.text().is_empty() {
            pieces.add(Role::PromptGhost, text::fit(ghost, room)).line()
        } else {
            pieces.add(Role::PromptText, shown).line()
        };
        paint::line(self.buffer, row, &line);
        if focused && row.height > 0 {
            self.cursor = Some(Position { x: row.x + (LABEL + column) as u16, y: row.y });
        }
    }

    fn choice(&mut self, field: FormField, name: &str, value: &str) {
        let focused = self.form.field == field;
        let row = self.next();
        let role = if focused { Role::Selected } else { Role::PromptText };
        let line = self.label(name, focused).add(role, format!("‹ {value} ›")).line();
        paint::line(self.buffer, row, &line);
    }

    fn scopes(&mut self) {
        let Some(proposal) = self.form.scopes.get(self.form.scope) else { return };
        let place =
            format!("{} ({} of {})", proposal.scope.kind().title(), self.form.scope + 1, self.form.scopes.len());
        self.choice(FormField::Scope, "scope", &place);
        self.wrapped(Role::Popup, &proposal.scope.to_string());
        match &proposal.allowed {
            Ok(()) => self.wrapped(Role::Warning, &format!("Danger: {}", proposal.scope.danger())),
            Err(refusal) => self.wrapped(Role::Error, &format!("Refused: {refusal}")),
        }
    }

    /// On which boxes it counts, where there is a choice.
    fn boxes(&mut self) {
        if self.form.boxes.is_empty() {
            return;
        }
        let bound = self.form.bound_to();
        let said = match (self.form.bound, bound) {
            (HostBinding::Any, _) => "any box".to_owned(),
            (HostBinding::Own, _) => format!("{} only", bound::named(bound)),
            (HostBinding::All, _) => format!("the {} that have it: {}", bound.len(), bound::named(bound)),
        };
        let room = usize::from(self.area.width).saturating_sub(LABEL + 4);
        self.choice(FormField::Boxes, "boxes", &text::truncate_end(&said, room));
    }

    /// Which of today's findings it would cover, by name as far as there is room.
    fn covers(&mut self) {
        let Some(covered) = &self.form.covers else {
            return self.text("covers", "…");
        };
        let others = covered.iter().filter(|id| **id != self.form.finding).count();
        let said = match (covered.is_empty(), others) {
            (true, _) => "nothing of today's scan".to_owned(),
            (false, 0) => "this finding only".to_owned(),
            (false, others) => format!("this finding and {} more of today's:", text::count(others as u64)),
        };
        self.text("covers", &said);
        let room = usize::from(self.area.width).saturating_sub(LABEL);
        // The last line that there is room for says how many are not named.
        let lines = usize::from(self.area.height).saturating_sub(2 + self.row);
        let named = if others <= lines { others } else { lines.saturating_sub(1) };
        for id in covered.iter().filter(|id| **id != self.form.finding).take(named) {
            let path = self.app.list.get(*id).map(|found| self.app.file_of(found));
            let path = path.unwrap_or_else(|| "a finding that was not met again".to_owned());
            self.wrapped(Role::Dim, &text::truncate_middle(&path, room));
        }
        if named < others {
            self.wrapped(Role::Dim, &format!("and {} more", text::count((others - named) as u64)));
        }
    }
}
