//! The place in the ELF tab: the selected line, the first line shown, and the way from line to line.
//!
//! A place is a part and a line in it. How many lines all parts have is never asked: to move costs what lies between, and
//! to draw costs what is shown, however many headers the file has.

use std::ops::Range;

use super::detail::Detail;
use super::elf_rows::{self, ElfRow};
use super::elf_spot::{ElfPage, ElfSpot};
use crate::elf::Structure;

/// Lines that a header is taken to have where only the length of a scroll bar depends on it.
const USUAL: usize = 12;

/// What is shown of the tab.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShownRows {
    /// The lines, with their places.
    pub rows: Vec<(ElfSpot, ElfRow)>,
    /// Lines before them, and all lines, for the scroll bar; headers out of sight are taken to have so many lines.
    pub above: usize,
    /// See `above`.
    pub total: usize,
}

/// The tab of one finding at one width.
struct Lines<'d> {
    detail: &'d Detail,
    width: usize,
    parts: usize,
}

impl<'d> Lines<'d> {
    fn new(detail: &'d Detail) -> Self {
        Self { detail, width: detail.elf_page.width, parts: elf_rows::count(detail) }
    }

    fn of(&self, part: usize) -> Vec<ElfRow> {
        elf_rows::rows(self.detail, part, self.width)
    }

    /// The spot, or the last line before it where there is no such line any more.
    fn sane(&self, spot: ElfSpot) -> ElfSpot {
        if spot.part >= self.parts {
            return self.end();
        }
        ElfSpot { line: spot.line.min(self.of(spot.part).len().saturating_sub(1)), ..spot }
    }

    /// The last line.
    fn end(&self) -> ElfSpot {
        self.back(ElfSpot { part: self.parts, line: 0 }, 1)
    }

    /// The spot `by` lines on, or the last or first on the way there; the least and the greatest number lead to the ends
    /// without the way.
    fn moved(&self, from: ElfSpot, by: isize) -> ElfSpot {
        match by {
            isize::MIN => ElfSpot::default(),
            isize::MAX => self.end(),
            _ if by < 0 => self.back(from, by.unsigned_abs()),
            _ => self.on(from, by.unsigned_abs()),
        }
    }

    fn on(&self, from: ElfSpot, by: usize) -> ElfSpot {
        let mut wanted = from.line.saturating_add(by);
        let mut last = from;
        for part in from.part..self.parts {
            let lines = self.of(part).len();
            if wanted < lines {
                return ElfSpot { part, line: wanted };
            }
            if let Some(line) = lines.checked_sub(1) {
                last = ElfSpot { part, line };
            }
            wanted -= lines;
        }
        last
    }

    fn back(&self, from: ElfSpot, by: usize) -> ElfSpot {
        if let Some(line) = from.line.checked_sub(by) {
            return ElfSpot { line, ..from };
        }
        let mut left = by - from.line;
        for part in (0..from.part).rev() {
            let lines = self.of(part).len();
            if let Some(line) = lines.checked_sub(left) {
                return ElfSpot { part, line };
            }
            left -= lines;
        }
        ElfSpot::default()
    }

    /// Up to `most` lines from a spot on.
    fn from(&self, spot: ElfSpot, most: usize) -> Vec<(ElfSpot, ElfRow)> {
        let mut out = Vec::with_capacity(most);
        let mut skip = spot.line;
        for part in spot.part..self.parts {
            let rows = self.of(part).into_iter().enumerate().skip(std::mem::take(&mut skip));
            out.extend(rows.map(|(line, row)| (ElfSpot { part, line }, row)).take(most - out.len()));
            if out.len() >= most {
                break;
            }
        }
        out
    }

    /// Lines before a spot, as good as all parts but the first and the last are [`USUAL`].
    fn above(&self, spot: ElfSpot) -> usize {
        let Some(before) = spot.part.checked_sub(1) else { return spot.line };
        self.of(0).len() + before * USUAL + spot.line.min(USUAL)
    }

    fn total(&self) -> usize {
        let Some(last) = self.parts.checked_sub(1).filter(|last| *last > 0) else { return self.of(0).len() };
        self.of(0).len() + (last - 1) * USUAL + self.of(last).len()
    }
}

/// Selects the line `by` lines on, as far as there is one.
pub(crate) fn select(detail: &mut Detail, by: isize) {
    let lines = Lines::new(detail);
    let selected = lines.moved(lines.sane(detail.elf_page.selected), by);
    detail.elf_page.selected = selected;
}

/// Turns the page: the lines shown move with the selected one.
pub(crate) fn turn(detail: &mut Detail, by: isize) {
    let lines = Lines::new(detail);
    let top = lines.moved(lines.sane(detail.elf_page.top), by);
    detail.elf_page.top = top;
    select(detail, by);
}

/// Selects the line of a field, which goes by its header and its place there.
pub(crate) fn select_field(detail: &mut Detail, field: (Structure, usize)) {
    if let Some(selected) = spot_of(&Lines::new(detail), field) {
        detail.elf_page.selected = selected;
        detail.elf_page.jumped = true;
    }
}

fn spot_of(lines: &Lines, field: (Structure, usize)) -> Option<ElfSpot> {
    let part = elf_rows::part_of(lines.detail, field.0);
    let line = lines.of(part).iter().position(|row| row.field == Some(field))?;
    Some(ElfSpot { part, line })
}

/// The bytes that the selected line stands for.
pub fn place(detail: &Detail) -> Option<Range<u64>> {
    let ElfSpot { part, line } = Lines::new(detail).sane(detail.elf_page.selected);
    elf_rows::rows(detail, part, detail.elf_page.width).into_iter().nth(line)?.place
}

/// Lays the tab out for an area: the selected line is in it, and a field that was selected at another width still is.
pub(crate) fn fit(detail: &Detail, width: usize, height: usize) -> (ElfPage, ShownRows) {
    let height = height.max(1);
    let mut page = detail.elf_page;
    let lines = Lines { width, ..Lines::new(detail) };
    if width != page.width {
        let ElfSpot { part, line } = page.selected;
        let rows = Lines::new(detail).of(part);
        let field = rows.iter().take(line.saturating_add(1)).rev().find_map(|row| row.field);
        page.width = width;
        page.selected = field.and_then(|field| spot_of(&lines, field)).unwrap_or(page.selected);
    }
    let selected = lines.sane(page.selected);
    let mut top = if page.jumped { lines.back(selected, height / 3) } else { lines.sane(page.top) };
    // The selected line is in sight, and no line below the last is.
    top = top.min(selected).max(lines.back(selected, height - 1)).min(lines.back(lines.end(), height - 1));
    let shown = ShownRows { rows: lines.from(top, height), above: lines.above(top), total: lines.total() };
    (ElfPage { selected, top, jumped: false, ..page }, shown)
}
