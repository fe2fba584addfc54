//! Layers above the screen: help, palette, prompts.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::case::FindingId;
use crate::text;
use crate::theme::{Role, Theme};
use crate::tui::keymap::{Binding, Context, Keymap, TABLE};
use crate::tui::state::drawn::Drawn;
use crate::tui::state::overlay::{Await, BatchAnswer, Overlay, Palette, PaletteMatch, Prompt, Purpose};
use crate::tui::state::{App, Screen};
use crate::tui::widget::{paint, pane};

/// Lines that a prompt is explained in at most.
const ABOUT: usize = 8;
/// Lines of what could be typed next at most.
const OFFERED: usize = 2;
/// Lines that say what is wrong at most.
const ERRORS: usize = 3;
/// Findings that a prompt names at most.
const NAMED: usize = 6;

/// Draws the top layer, if any. Returns where the terminal's cursor belongs.
pub(super) fn draw(buffer: &mut Buffer, screen: Rect, app: &App, drawn: &mut Drawn) -> Option<Position> {
    match app.overlay.as_ref()? {
        Overlay::Help(shown) => {
            let here = app.contexts();
            let others = Context::ALL.into_iter().filter(|context| !here.contains(context));
            let others = others.filter(|context| *context != Context::Chooser);
            let of = |context| TABLE.iter().filter(move |row| row.context == context);
            let rows = here.iter().copied().chain(others).flat_map(of);
            let keys = (&app.theme, &app.keymap);
            drawn.overlay = Some(help(buffer, screen, keys, rows, shown.scroll, shown.sought.text()));
            let (text, column) = shown.sought.window(40);
            shown.typing.then(|| sought_line(buffer, screen, &app.theme, &text, column))
        }
        Overlay::Summary { scroll } => {
            drawn.overlay = Some(super::summary::draw(buffer, screen, app, *scroll));
            None
        }
        Overlay::Palette(palette) => Some(draw_palette(buffer, screen, app, palette)),
        Overlay::Prompt(prompt) => Some(draw_prompt(buffer, screen, app, prompt)),
        Overlay::Form(form) => super::form::draw(buffer, screen, app, form),
        Overlay::Batch(batch) => {
            draw_batch(buffer, screen, app, batch);
            None
        }
        Overlay::Themes(list) => {
            super::themes::draw(buffer, screen, &app.theme, list);
            None
        }
        Overlay::CompareChoice(choice) => {
            super::compare::draw_choice(buffer, screen, app, choice);
            None
        }
        Overlay::Compare(compared) => {
            drawn.page = Some(super::compare::draw(buffer, screen, &app.theme, compared.as_deref()));
            None
        }
        Overlay::Reference(view) => {
            super::reference::draw(buffer, screen, &app.theme, view, drawn);
            None
        }
        Overlay::Await(wait) => {
            let said = question(app, *wait);
            let inner = pane::popup(buffer, screen, &app.theme, "Next key", (text::width(&said) as u16 + 4, 3));
            paint::line(buffer, inner, &paint::Pieces::new(&app.theme).add(Role::Popup, format!(" {said}")).line());
            None
        }
    }
}

/// What is asked for; of marks also where each is.
fn question(app: &App, wait: Await) -> String {
    let marks = app
        .detail
        .iter()
        .filter(|_| matches!(wait, Await::Mark | Await::JumpMark))
        .flat_map(|detail| detail.hex.marks.iter());
    let marks: Vec<_> = marks.map(|(name, offset)| format!("{name} {offset:#x}")).collect();
    if marks.is_empty() {
        return wait.question().to_owned();
    }
    format!("{}: {}", wait.question(), marks.join("  "))
}

/// What is sought in the help, at the bottom of the screen. Returns where the cursor belongs.
fn sought_line(buffer: &mut Buffer, screen: Rect, theme: &Theme, text: &str, column: usize) -> Position {
    let row = Rect { y: screen.bottom().saturating_sub(1), height: 1, ..screen };
    let line = paint::Pieces::new(theme).add(Role::PromptLabel, " search: ").add(Role::PromptText, text::fit(text, 40));
    paint::line(buffer, row, &line.line());
    Position { x: row.x + 9 + column as u16, y: row.y }
}

/// The keys of `rows` that hold what is sought, context by context. Returns how far they are scrolled: no further than to their end.
pub(super) fn help(
    buffer: &mut Buffer,
    screen: Rect,
    (theme, keymap): (&Theme, &Keymap),
    rows: impl Iterator<Item = &'static Binding>,
    scroll: usize,
    sought: &str,
) -> usize {
    let size = (84, screen.height.saturating_sub(2));
    let title = match sought {
        "" => "Keys (Esc closes, / searches)".to_owned(),
        sought => format!("Keys with {} (Esc shows all)", text::quoted(sought)),
    };
    let inner = pane::popup(buffer, screen, theme, &title, size);
    let mut lines = Vec::new();
    let mut context = None;
    // A word stands in a line as it is typed: letters in order would be in every line of so many.
    let words: Vec<String> = sought.split_whitespace().map(str::to_lowercase).collect();
    let holds = |row: &&Binding| {
        let said = format!("{} {} {} {}", keymap.keys(row.action), row.words(), row.long, row.context.title());
        let said = said.to_lowercase();
        words.iter().all(|word| said.contains(word))
    };
    for row in rows.filter(holds) {
        if context != Some(row.context) {
            if context.is_some() {
                lines.push(paint::Pieces::new(theme).line());
            }
            context = Some(row.context);
            lines.push(paint::Pieces::new(theme).add(Role::Heading, row.context.title()).line());
        }
        let keys = keymap.keys(row.action);
        for (place, said) in text::wrap(row.long, usize::from(inner.width).saturating_sub(23)).into_iter().enumerate() {
            let keys = text::fit(if place == 0 { &keys } else { "" }, 18);
            lines
                .push(paint::Pieces::new(theme).add(Role::HintKey, format!("  {keys} ")).add(Role::Popup, said).line());
        }
    }
    if lines.is_empty() {
        lines.push(paint::Pieces::new(theme).add(Role::Dim, " no key does that").line());
    }
    lines.push(paint::Pieces::new(theme).line());
    let height = usize::from(inner.height);
    let top = scroll.min(lines.len().saturating_sub(height));
    for (index, line) in lines.iter().skip(top).take(height).enumerate() {
        paint::line(buffer, paint::row(inner, index), line);
    }
    pane::scroll_bar(buffer, inner, theme, top, lines.len());
    top
}

fn draw_palette(buffer: &mut Buffer, screen: Rect, app: &App, palette: &Palette) -> Position {
    let size = (screen.width.saturating_sub(4).min(100), 16.min(screen.height));
    let inner = pane::popup(buffer, screen, &app.theme, "What to do", size);
    let (shown, column) = palette.input.window(usize::from(inner.width).saturating_sub(2));
    let line = paint::Pieces::new(&app.theme).add(Role::PromptLabel, "> ").add(Role::PromptText, shown);
    paint::line(buffer, inner, &line.line());
    let height = usize::from(inner.height).saturating_sub(1);
    let found = palette.found();
    if found.is_empty() {
        let said = " no action goes by that name";
        paint::line(buffer, paint::row(inner, 1), &paint::Pieces::new(&app.theme).add(Role::Dim, said).line());
    }
    let top = paint::scroll(0, palette.place, height, found.len());
    for (index, PaletteMatch { row, text: said, name, places }) in found.iter().skip(top).take(height).enumerate() {
        let target = paint::row(inner, index + 1);
        let keys = text::fit(&app.keymap.keys(row.action), 14);
        let mut pieces = paint::Pieces::new(&app.theme).add(Role::HintKey, format!("{keys} "));
        let cut = text::end(said, usize::from(inner.width).saturating_sub(pieces.width()));
        pieces.push_matched(said, cut, places, |at| if at < *name { Role::Strong } else { Role::Popup });
        paint::line(buffer, target, &pieces.line());
        if top + index == palette.place {
            paint::fill(buffer, target, app.theme.style(Role::Selected));
        }
    }
    Position { x: inner.x + 2 + column as u16, y: inner.y }
}

/// The findings that one answer would be for, and the keys that give it.
fn draw_batch(buffer: &mut Buffer, screen: Rect, app: &App, batch: &BatchAnswer) {
    let size = (screen.width.saturating_sub(4).min(100), screen.height.saturating_sub(4));
    let inner = pane::popup(buffer, screen, &app.theme, "One answer for many", size);
    let width = usize::from(inner.width);
    let scenario = app.detail.as_ref().and_then(|detail| detail.current()).map_or("", |scenario| &scenario.title);
    let said = [
        format!(" Scenario: {}", text::escape_str(scenario)),
        format!(" For {} of this rule: {}", text::counted(batch.findings.len() as u64, "finding"), batch.many.name()),
        " c content  f folder  m marked   x ruled out  u unsure   Esc leaves it".to_owned(),
        hidden(app, &batch.findings).map_or_else(String::new, |hidden| format!(" {hidden}")),
    ];
    for (index, line) in said.iter().enumerate() {
        let role = if index == 2 { Role::HintKey } else { Role::Popup };
        let line = paint::Pieces::new(&app.theme).add(role, text::truncate_end(line, width).into_owned()).line();
        paint::line(buffer, paint::row(inner, index), &line);
    }
    let height = usize::from(inner.height).saturating_sub(4);
    for (index, id) in batch.findings.iter().skip(batch.scroll).take(height).enumerate() {
        let Some(row) = app.list.get(*id) else { continue };
        let path = app.file_of(row);
        let line =
            paint::Pieces::new(&app.theme).add(Role::Dim, format!("   {}", text::truncate_middle(&path, width - 4)));
        paint::line(buffer, paint::row(inner, index + 4), &line.line());
    }
}

fn draw_prompt(buffer: &mut Buffer, screen: Rect, app: &App, prompt: &Prompt) -> Position {
    let width = screen.width.saturating_sub(4).clamp(20, 76);
    let inner_width = usize::from(width).saturating_sub(4);
    let mut above = text::wrap(&prompt.about, inner_width);
    above.truncate(ABOUT);
    if let Purpose::Malicious(findings) | Purpose::FindingNote(findings) | Purpose::Tags(findings) = &prompt.purpose {
        above.extend(named(app, findings, inner_width));
    }
    let mut offered = match prompt.offered.as_slice() {
        [] => Vec::new(),
        offered => text::wrap(&offered.join("  "), inner_width),
    };
    offered.truncate(OFFERED);
    let more = if prompt.purpose == Purpose::Filter { OFFERED } else { 0 };
    let mut errors = prompt.error.as_ref().map(|error| text::wrap(error, inner_width)).unwrap_or_default();
    errors.truncate(ERRORS);
    let height = above.len() as u16 + 3 + more.max(errors.len()).max(1) as u16;
    let inner = pane::popup(buffer, screen, &app.theme, prompt.label, (width, height));
    for (index, line) in above.iter().enumerate() {
        let pieces = paint::Pieces::new(&app.theme).add(Role::Dim, format!(" {line}"));
        paint::line(buffer, paint::row(inner, index), &pieces.line());
    }
    let field = paint::row(inner, above.len());
    let (shown, column) = prompt.input.window(inner_width);
    let pieces = paint::Pieces::new(&app.theme).add(Role::PromptLabel, " ").add(Role::PromptText, shown);
    paint::line(buffer, field, &pieces.line());
    if let Some(wrong) = &prompt.wrong {
        let columns = prompt.input.columns(wrong.clone(), inner_width);
        let area = Rect { x: field.x + 1 + columns.start as u16, width: columns.len() as u16, ..field };
        paint::fill(buffer, area, app.theme.style(Role::Error));
    }
    let (role, lines) = match (errors.is_empty(), offered.is_empty()) {
        (false, _) => (Role::Error, errors),
        (true, false) => (Role::HintText, offered),
        (true, true) => (Role::Dim, vec!["Enter takes it, Esc leaves it".to_owned()]),
    };
    for (index, line) in lines.iter().enumerate() {
        let line = paint::Pieces::new(&app.theme).add(role, format!(" {line}")).line();
        paint::line(buffer, paint::row(inner, above.len() + 1 + index), &line);
    }
    Position { x: field.x + 1 + column as u16, y: field.y }
}

/// The findings by path, both ends kept, as many as there is room for; and how many of all the list does not show.
fn named(app: &App, findings: &[FindingId], width: usize) -> Vec<String> {
    let path = |id: &FindingId| match app.list.get(*id) {
        Some(row) => Some(app.file_of(row)),
        // A scan from the start has not met the open finding again yet.
        None => {
            let detail = app.detail.as_ref().filter(|detail| detail.id() == *id);
            detail.map(|detail| text::escape_path(app.list.below(&detail.opened.finding.file.path)).into_owned())
        }
    };
    let paths = findings.iter().filter_map(path).take(NAMED);
    let cut = |path: &str| text::truncate_middle(path, width.saturating_sub(2)).into_owned();
    let mut lines: Vec<_> = paths.map(|path| format!("  {}", cut(&path))).collect();
    let more = findings.len().saturating_sub(lines.len());
    if more > 0 {
        lines.push(format!("  and {} more", text::count(more as u64)));
    }
    lines.extend(hidden(app, findings).filter(|_| app.screen == Screen::Findings));
    lines
}

/// How many of the findings the list behind does not show, if it is so.
fn hidden(app: &App, findings: &[FindingId]) -> Option<String> {
    let hidden = findings.iter().filter(|id| !app.list.is_shown(**id)).count();
    let of = match (hidden, findings.len()) {
        (0, _) => return None,
        (1, 1) => "it is".to_owned(),
        (hidden, all) if hidden == all => "all of them are".to_owned(),
        (1, _) => "1 of them is".to_owned(),
        (hidden, _) => format!("{} of them are", text::count(hidden as u64)),
    };
    Some(format!("{of} hidden by filter or hunt"))
}
