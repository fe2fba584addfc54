//! Two findings side by side, above the screen, and the choice of the other one.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;

use crate::hex::byte;
use crate::hex::compare::{MAX_BYTES, Row};
use crate::text;
use crate::theme::{Role, Theme};
use crate::tui::state::App;
use crate::tui::state::compare::{CompareChoice, ComparedSide, ContentComparison};
use crate::tui::widget::{paint, pane};

/// Columns of a tab stop.
const TAB: usize = 4;
/// Digits of an offset: as many as the last one needs, so that at 80 columns both sides have room for their characters.
fn digits(compared: &ContentComparison) -> usize {
    let longest = compared.sides.iter().map(|side| side.bytes.len()).max().unwrap_or(0);
    if longest > 1 << 16 { 5 } else { 4 }
}

/// Draws the choice.
pub(super) fn draw_choice(buffer: &mut Buffer, screen: Rect, app: &App, choice: &CompareChoice) {
    let size = (screen.width.saturating_sub(4).min(110), screen.height.saturating_sub(4));
    let inner = pane::popup(buffer, screen, &app.theme, "Side by side with (Enter takes it, Esc leaves it)", size);
    let height = usize::from(inner.height);
    let top = paint::scroll(0, choice.place, height, choice.offered.len());
    for (index, offered) in choice.offered.iter().enumerate().skip(top).take(height) {
        let Some(row) = app.list.get(offered.id) else { continue };
        let target = paint::row(inner, index - top);
        let why = format!(" {:<17}", offered.why);
        let path = app.file_of(row);
        let room = usize::from(inner.width).saturating_sub(why.len() + 1);
        let pieces = paint::Pieces::new(&app.theme).add(Role::Dim, why);
        paint::line(buffer, target, &pieces.add(Role::FileName, text::truncate_middle(&path, room)).line());
        if index == choice.place {
            paint::fill(buffer, target, app.theme.style(Role::Selected));
        }
    }
}

/// Draws the two, and gives back how many rows there is room for.
pub(super) fn draw(buffer: &mut Buffer, screen: Rect, theme: &Theme, compared: Option<&ContentComparison>) -> usize {
    // The last line of the screen is for what is said meanwhile.
    let screen = Rect { height: screen.height.saturating_sub(1), ..screen };
    let size = (screen.width, screen.height);
    let Some(compared) = compared else {
        let inner = pane::popup(buffer, screen, theme, "Side by side", size);
        paint::line(buffer, inner, &paint::Pieces::new(theme).add(Role::Dim, " Reading both …").line());
        return 1;
    };
    let differences = compared.differences();
    let what = if compared.is_text { "line" } else { "row" };
    let same = match (compared.nothing_known(), differences) {
        (true, _) => "nothing to compare".to_owned(),
        (false, 0) if compared.is_part() => "no difference as far as they are known".to_owned(),
        (false, 0) => "no difference".to_owned(),
        (false, differences) => differ(differences, what),
    };
    let inner = pane::popup(buffer, screen, theme, &format!("Side by side: {same}"), size);
    let keys = " n N differences  h l sideways  x hex/text  Esc closes ";
    pane::footer(buffer, screen, theme, (Role::PopupTitle, keys));
    let [names, notes, body] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Fill(1)]).areas(inner);
    let halves = |area: Rect| -> [Rect; 2] {
        let [left, _, right] =
            Layout::horizontal([Constraint::Fill(1), Constraint::Length(3), Constraint::Fill(1)]).areas(area);
        [left, right]
    };
    for (side, (name, note)) in compared.sides.iter().zip(halves(names).into_iter().zip(halves(notes))) {
        let path = text::truncate_middle(&side.path, usize::from(name.width)).into_owned();
        paint::line(buffer, name, &paint::Pieces::new(theme).add(Role::FileName, path).line());
        let said = text::truncate_end(&said_of(side), usize::from(note.width)).into_owned();
        paint::line(buffer, note, &paint::Pieces::new(theme).add(Role::Dim, said).line());
    }
    let mut numbers = [0_usize, 0];
    for row in compared.rows.iter().take(compared.top) {
        numbers = [numbers[0] + usize::from(row.left.is_some()), numbers[1] + usize::from(row.right.is_some())];
    }
    let height = usize::from(body.height);
    for (index, row) in compared.rows.iter().skip(compared.top).take(height).enumerate() {
        let line = paint::row(body, index);
        let differs = compared.differs(row);
        let sign = match row {
            Row { left: Some(_), right: None } => "<",
            Row { left: None, right: Some(_) } => ">",
            _ if differs => "≠",
            _ => " ",
        };
        let parts = compared.differing(row);
        let sides = [(&row.left, parts.0), (&row.right, parts.1)];
        for (number, ((range, part), (side, area))) in
            sides.into_iter().zip(compared.sides.iter().zip(halves(line))).enumerate()
        {
            let Some(range) = range else { continue };
            numbers[number] += 1;
            let bytes = side.bytes.get(range.clone()).unwrap_or_default();
            if compared.is_text {
                text_row(buffer, area, theme, (numbers[number], bytes), &part, (differs, compared.left));
            } else {
                let other = if number == 0 { &row.right } else { &row.left };
                let other_side = &compared.sides[1 - number];
                let against = other.clone().and_then(|range| other_side.bytes.get(range)).unwrap_or_default();
                digits_row(buffer, area, theme, (digits(compared), range.start, bytes), against);
            }
        }
        let role = if differs { Role::Changed } else { Role::Dim };
        let middle = Rect { x: line.x + (line.width.saturating_sub(3)) / 2 + 1, width: 1, ..line };
        paint::text(buffer, middle, sign, theme.style(role));
    }
    pane::scroll_bar(buffer, Rect { width: body.width + 1, ..body }, theme, compared.top, compared.rows.len());
    height.max(1)
}

fn differ(count: usize, what: &str) -> String {
    format!("{} {}", text::counted(count as u64, what), if count == 1 { "differs" } else { "differ" })
}

fn said_of(side: &ComparedSide) -> String {
    let size = text::counted(side.size, "byte");
    let part = if side.size > side.bytes.len() as u64 {
        let compared = text::bytes(side.bytes.len() as u64);
        if side.bytes.len() >= MAX_BYTES {
            format!("{size}, the first {compared} are compared")
        } else {
            format!("{size}, {compared} of them known")
        }
    } else {
        size
    };
    match &side.notice {
        Some(notice) => format!("{part}; {notice}"),
        None => part,
    }
}

/// A line of text without so many columns at its left, with what differs in it marked.
fn text_row(
    buffer: &mut Buffer,
    area: Rect,
    theme: &Theme,
    (number, bytes): (usize, &[u8]),
    part: &Range<usize>,
    (differs, left): (bool, usize),
) {
    paint::text(buffer, area, &format!("{number:>5} "), theme.style(Role::Offset));
    let first = 6;
    let mut column: usize = 0;
    let plain = theme.style(Role::Text);
    let marked = theme.style(Role::Changed).patch(theme.style(Role::Range));
    let text = String::from_utf8_lossy(bytes);
    let mut at = 0;
    for letter in text.chars() {
        let is_part = differs && part.contains(&at);
        at += if letter == char::REPLACEMENT_CHARACTER { 1 } else { letter.len_utf8() };
        let shown = if letter == '\t' {
            " ".repeat(TAB)
        } else {
            text::escape_str(letter.encode_utf8(&mut [0; 4])).into_owned()
        };
        // A letter that is cut by the left edge leaves its columns empty.
        let mut place = first + column.saturating_sub(left);
        if column >= left {
            put(buffer, area, &mut place, &shown, if is_part { marked } else { plain });
        }
        column += text::width(&shown);
        if first + column.saturating_sub(left) >= usize::from(area.width) {
            let last = Rect { x: area.right().saturating_sub(1), width: 1, ..area };
            return paint::text(buffer, last, "…", theme.style(Role::Dim));
        }
    }
}

/// A row of digits and characters, with every byte marked that is another on the other side.
fn digits_row(
    buffer: &mut Buffer,
    area: Rect,
    theme: &Theme,
    (digits, offset, bytes): (usize, usize, &[u8]),
    against: &[u8],
) {
    paint::text(buffer, area, &format!("{offset:0digits$x} "), theme.style(Role::Offset));
    let marked = theme.style(Role::Changed).patch(theme.style(Role::Range));
    let style =
        |index: usize, byte: u8| if against.get(index) == Some(&byte) { theme.style(Role::Text) } else { marked };
    let mut column = digits + 1;
    for (index, byte) in bytes.iter().enumerate() {
        put(buffer, area, &mut column, &byte::digits(Some(*byte)), style(index, *byte));
        column += 1;
    }
    column = digits + 1 + crate::hex::compare::PER_ROW * 3;
    for (index, byte) in bytes.iter().enumerate() {
        put(buffer, area, &mut column, &byte::glyph(Some(*byte)).to_string(), style(index, *byte));
    }
}

fn put(buffer: &mut Buffer, area: Rect, column: &mut usize, piece: &str, style: Style) {
    let at = u16::try_from(*column).unwrap_or(u16::MAX);
    if at < area.width {
        paint::text(buffer, Rect { x: area.x + at, width: area.width - at, ..area }, piece, style);
    }
    *column += text::width(piece);
}
