//! The list of themes: each with a sample of itself, the selected one worn by the whole screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::text;
use crate::theme::{Role, Theme};
use crate::tui::state::themes::{ThemeChoice, ThemeList};
use crate::tui::widget::{paint, pane};

/// Columns of the list, and of a name with its mark in it.
const WIDTH: u16 = 76;
const NAME: usize = 22;
/// Lines below the list: what is to be said of the selected theme, and the keys.
const BELOW: u16 = 5;
/// Signs of a sample, each in its style: states of findings, answers, matched bytes, a selected row, a frame.
const SAMPLE: [(Role, &str); 15] = [
    (Role::Open, " ●"),
    (Role::Changed, " ↺"),
    (Role::Excluded, " ○"),
    (Role::Suspicious, " ▲"),
    (Role::Malicious, " ✖"),
    (Role::Candidate, " ?"),
    (Role::CheckMet, "  ✔"),
    (Role::CheckNotMet, " ✘"),
    (Role::Text, "  "),
    (Role::Match1, "7f"),
    (Role::Match2, "45"),
    (Role::Match3, "4c"),
    (Role::ByteZero, " 00 "),
    (Role::Selected, " selected "),
    (Role::Progress, " 42% "),
];

/// Draws the list on a screen that wears `worn`.
pub(super) fn draw(buffer: &mut Buffer, screen: Rect, worn: &Theme, list: &ThemeList) {
    let rows = u16::try_from(list.choices.len().max(1)).unwrap_or(u16::MAX);
    let size = (WIDTH.min(screen.width), rows.saturating_add(BELOW + 2).min(screen.height.saturating_sub(2)));
    let inner = pane::popup(buffer, screen, worn, "Themes", size);
    let height = usize::from(inner.height.saturating_sub(BELOW));
    let top = paint::scroll(0, list.place, height, list.choices.len());
    for (place, choice) in list.choices.iter().enumerate().skip(top).take(height) {
        draw_choice(buffer, paint::row(inner, place - top), worn, choice, place == list.place);
    }
    let rows = Rect { height: height as u16, ..inner };
    pane::scroll_bar(buffer, rows, worn, top, list.choices.len());
    let below = Rect { y: inner.y + height as u16, height: inner.height - height as u16, ..inner };
    draw_below(buffer, below, worn, list);
}

fn draw_choice(buffer: &mut Buffer, area: Rect, worn: &Theme, choice: &ThemeChoice, selected: bool) {
    let mark = if selected { '>' } else { ' ' };
    let origin = if choice.built_in { "" } else { " (own)" };
    let name = text::truncate_end(&choice.name, NAME - 3 - origin.len());
    let role = if choice.loaded.is_err() { Role::Error } else { Role::Popup };
    let name = text::fit(&format!("{mark} {name}{origin}"), NAME);
    paint::line(buffer, area, &paint::Pieces::new(worn).add(role, name).line());
    if selected {
        paint::fill(buffer, Rect { width: (NAME as u16).min(area.width), ..area }, worn.style(Role::Selected));
    }
    let used = (NAME as u16 + 1).min(area.width);
    let rest = Rect { x: area.x + used, width: area.width - used, ..area };
    match &choice.loaded {
        Ok(theme) => {
            let mut sample = paint::Pieces::new(theme);
            for (role, signs) in SAMPLE {
                sample.push(role, signs);
            }
            let width = (sample.width() as u16 + 1).min(rest.width);
            let ground = Rect { width, ..rest };
            paint::fill(buffer, ground, theme.style(Role::Text));
            paint::line(buffer, ground, &sample.line());
        }
        Err(_) => paint::line(buffer, rest, &paint::Pieces::new(worn).add(Role::Error, " ✖ can't be used").line()),
    }
}

/// What the author says of the selected theme, or what is wrong with it; then the keys.
fn draw_below(buffer: &mut Buffer, area: Rect, worn: &Theme, list: &ThemeList) {
    let width = usize::from(area.width).saturating_sub(2);
    let (role, said) = match list.selected().map(|choice| &choice.loaded) {
        Some(Ok(theme)) => (Role::Dim, text::escape_str(theme.about()).into_owned()),
        Some(Err(why)) => (Role::Error, why.clone()),
        None => (Role::Dim, "reading the themes …".to_owned()),
    };
    let room = usize::from(area.height).saturating_sub(2);
    for (index, line) in text::wrap(&said, width).into_iter().take(room).enumerate() {
        let line = paint::Pieces::new(worn).add(role, format!(" {line}")).line();
        paint::line(buffer, paint::row(area, index + 1), &line);
    }
    let before = text::escape_str(list.before.name()).into_owned();
    let mut keys = paint::Pieces::new(worn);
    if list.selected().is_some_and(|choice| choice.loaded.is_ok()) {
        keys = keys.add(Role::HintKey, " Enter").add(Role::HintText, " keeps it ");
    }
    let keys = keys.add(Role::HintKey, " Esc").add(Role::HintText, format!(" goes back to {before}"));
    paint::line(buffer, paint::row(area, usize::from(area.height).saturating_sub(1)), &keys.line());
}
