//! The bytes of a finding as text: which rows are in view, and how the cursor moves in them.

use std::fmt::Write as _;
use std::ops::Range;

use super::bytes::HexView;
use super::face::Face;
use crate::hex::layout::Motion;
use crate::hex::rows::{Rows, TextRow};
use crate::text;

/// Motions kept while the bytes that they lead to are being read; more are dropped.
const MAX_PENDING: usize = 64;
/// Columns between the numbers of lines and the text.
const GAP: usize = 1;
/// Digits that a line's number has room for at least.
const MIN_DIGITS: usize = 4;

impl HexView {
    /// Makes the text fit an area.
    pub fn fit_text(&mut self, columns: usize, height: usize) {
        if (self.text.columns, self.text.height) != (columns, height) {
            (self.text.columns, self.text.height) = (columns, height.max(1));
            self.settle_text();
        }
    }

    /// Digits of the numbers, or of the offsets, before the lines.
    pub fn gutter(&self) -> usize {
        let known = self.window.as_ref().and_then(|window| window.line);
        let page = 2 * self.text.page();
        known.map_or(self.layout.digits, |line| (line + page).max(1).ilog10() as usize + 1).max(MIN_DIGITS)
    }

    /// The bytes at hand in rows of the area's width.
    pub(crate) fn rows(&self) -> Option<Rows<'_>> {
        let window = self.window.as_ref()?;
        let columns = self.text.columns.saturating_sub(self.gutter() + GAP).max(1);
        let (bytes, base, size) = (window.bytes.as_slice(), window.offset, window.size);
        Some(Rows { bytes, base, size, encoding: self.text.encoding, columns })
    }

    /// The rows in view, each with the number of its line where that is known; no more than are at hand.
    pub(crate) fn rows_in_view(&self) -> Vec<(TextRow, Option<u64>)> {
        let Some(rows) = self.rows() else { return Vec::new() };
        let first = rows.at(self.text.top).filter(|_| rows.size > 0);
        let mut number = first.and_then(|row| self.line_at(row.start));
        let in_view = std::iter::successors(first, |row| rows.after(*row)).take(self.text.height).enumerate();
        let numbered = in_view.map(|(place, row)| {
            if place > 0 && row.begins_line {
                number = number.map(|number| number + 1);
            }
            (row, number)
        });
        numbered.collect()
    }

    /// The bytes in view, as digits or as text.
    pub fn in_view(&self) -> Range<u64> {
        if self.face != Face::Text {
            return self.sight();
        }
        let rows = self.rows_in_view();
        let end = rows.last().map_or(self.text.top, |(row, _)| row.end);
        self.text.top..end
    }

    /// The byte that is shown in a row of the area at a column, for a mouse; the last one of the row to its right.
    pub fn text_at(&self, row: usize, column: usize) -> Option<u64> {
        let (row, _) = *self.rows_in_view().get(row)?;
        let column = column.saturating_sub(self.gutter() + GAP);
        let cells = self.rows()?.cells(row);
        let cell = cells.iter().rfind(|cell| cell.column <= column)?;
        Some(cell.offset)
    }

    /// The number of the line that the byte at `offset`, which is at hand, stands in, from 1.
    pub fn line_at(&self, offset: u64) -> Option<u64> {
        let window = self.window.as_ref()?;
        let before = usize::try_from(offset.checked_sub(window.offset)?).ok()?;
        let bytes = window.bytes.get(..before.min(window.bytes.len()))?;
        let ends = (0..bytes.len()).filter(|at| self.text.encoding.is_line_end(bytes, *at)).count() as u64;
        window.line.map(|line| line + ends + 1)
    }

    /// The lines that a range of bytes, which is at hand, is part of, each with its number where that is known; safe text,
    /// and how many they are.
    pub fn numbered_lines(&self, range: &Range<u64>) -> (String, u64) {
        let bytes = self.bytes_from(range.start);
        let bytes = bytes.get(..(range.end - range.start) as usize).unwrap_or(bytes);
        let mut number = self.line_at(range.start);
        let (mut out, mut count, mut start) = (String::new(), 0, 0);
        for at in 0..bytes.len() {
            let ends = self.text.encoding.is_line_end(bytes, at);
            if !ends && at + 1 < bytes.len() {
                continue;
            }
            let line: Vec<u8> = bytes.get(start..=at).into_iter().flatten().filter_map(|byte| *byte).collect();
            let line = text::escape(line.strip_suffix(b"\n").unwrap_or(&line)).into_owned();
            let shown =
                number.map_or_else(|| format!("{:#x}", range.start + start as u64), |number| number.to_string());
            let _ = writeln!(out, "{shown}: {line}");
            number = number.map(|number| number + 1);
            (count, start) = (count + 1, at + 1);
        }
        (out, count)
    }

    /// Moves the cursor in the text, as soon as the bytes on the way are at hand.
    pub(super) fn go_in_text(&mut self, motion: Motion) {
        if self.moved_in_text(motion).is_none() && self.text.pending.len() < MAX_PENDING {
            self.text.pending.push(motion);
        }
        self.settle_text();
    }

    fn moved_in_text(&mut self, motion: Motion) -> Option<()> {
        let last = self.layout.last();
        let to = match motion {
            Motion::Start => Some(0),
            Motion::End => Some(last),
            Motion::To(offset) => Some(offset.min(last)),
            _ => None,
        };
        if let Some(cursor) = to {
            self.viewport.cursor = cursor;
            self.text.goal = None;
            return Some(());
        }
        let cursor = self.viewport.cursor;
        let rows = self.rows()?;
        let row = rows.at(cursor)?;
        let cells = rows.cells(row);
        let here = cells.iter().rposition(|cell| cell.offset <= cursor);
        let column = here.and_then(|here| cells.get(here)).map_or(0, |cell| cell.column);
        let height = self.text.height as isize;
        let steps = match motion {
            Motion::Up => -1,
            Motion::Down => 1,
            Motion::HalfUp => -(height / 2).max(1),
            Motion::HalfDown => (height / 2).max(1),
            Motion::PageUp => -height,
            Motion::PageDown => height,
            Motion::Scroll(lines) => lines as isize,
            Motion::Left => {
                let before = here.and_then(|here| cells.get(here.checked_sub(1)?)).map(|cell| cell.offset);
                let before = before.or_else(|| rows.cells(rows.before(row)?).last().map(|cell| cell.offset));
                self.viewport.cursor = before.or((row.start == 0).then_some(0))?;
                self.text.goal = None;
                return Some(());
            }
            Motion::Right => {
                let next = here.and_then(|here| cells.get(here)).map_or(row.end, |cell| cell.offset + cell.length);
                self.viewport.cursor = next.min(last);
                self.text.goal = None;
                return Some(());
            }
            Motion::LineStart | Motion::LineEnd => {
                let end = cells.last().map_or(row.start, |cell| cell.offset);
                self.viewport.cursor = if motion == Motion::LineStart { row.start } else { end };
                self.text.goal = None;
                return Some(());
            }
            Motion::Start | Motion::End | Motion::To(_) => 0,
        };
        let goal = self.text.goal.unwrap_or(column);
        let walked = |from: TextRow, steps: isize| -> Option<TextRow> {
            if steps < 0 {
                let (row, left) = rows.back(from, steps.unsigned_abs());
                return (left == 0 || row.start == 0).then_some(row);
            }
            let mut row = from;
            for _ in 0..steps {
                match rows.after(row) {
                    Some(next) => row = next,
                    None if row.end >= rows.size => break,
                    None => return None,
                }
            }
            Some(row)
        };
        let row = walked(row, steps)?;
        // A page moves what is in view as far as the cursor.
        let top = if steps.abs() > 1 { walked(rows.at(self.text.top)?, steps)?.start } else { self.text.top };
        let cells = rows.cells(row);
        let cell = cells.iter().rfind(|cell| cell.column <= goal);
        let cursor = cell.map_or(row.start, |cell| cell.offset);
        (self.viewport.cursor, self.text.top, self.text.goal) = (cursor, top, Some(goal));
        Some(())
    }

    /// Does what was asked for before its bytes were at hand, and brings the cursor into view.
    pub(super) fn settle_text(&mut self) {
        for motion in std::mem::take(&mut self.text.pending) {
            if !self.text.pending.is_empty() || self.moved_in_text(motion).is_none() {
                self.text.pending.push(motion);
            }
        }
        if let Some(top) = self.settled_top() {
            self.text.top = top;
        }
    }

    /// Offset of the first row so that the cursor is in view, moving as little as possible; a place far away is shown a
    /// third down the area.
    fn settled_top(&self) -> Option<u64> {
        let rows = self.rows().filter(|rows| rows.size > 0)?;
        let height = self.text.height.max(1);
        let here = rows.at(self.viewport.cursor)?;
        let up = |from: TextRow, steps: usize| rows.back(from, steps).0;
        let fills = |top: TextRow| {
            // No room is left empty below the end that rows above could fill.
            let below = std::iter::successors(Some(top), |row| rows.after(*row)).take(height).collect::<Vec<_>>();
            let at_end = below.last().is_some_and(|row| row.end >= rows.size);
            if at_end { up(top, height - below.len()) } else { top }
        };
        let Some(top) = rows.at(self.text.top) else { return Some(fills(up(here, height / 3)).start) };
        if here.start < top.start {
            let near = here.end == top.start;
            return Some(if near { here.start } else { fills(up(here, height / 3)).start });
        }
        let mut in_view = std::iter::successors(Some(top), |row| rows.after(*row)).take(height);
        if in_view.any(|row| row == here) {
            return Some(fills(top).start);
        }
        let lowest = up(here, height - 1);
        let is_next = rows.after(top).is_some_and(|second| second == lowest);
        Some(if is_next { lowest.start } else { fills(up(here, height / 3)).start })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::finding::{FileFacts, Finding, FoundBy, RuleId, Sha256};
    use crate::hex::lines::{LineIndex, MAX_COUNTED};
    use crate::hex::source::{self, ByteSource, Piece};
    use crate::hex::view::{ByteWindow, ViewedBytes};
    use crate::hunt::Rule;

    /// Bytes that one key may have read: a few windows for a screen of 160 by 50, and lines counted on to the next piece.
    const PER_KEY: u64 = 512 * 1024;

    /// A text of any size that nothing holds, which counts what is read of it.
    struct Made {
        size: u64,
        /// Bytes from one line's beginning to the next; `None` where all of it is one line.
        line: Option<u64>,
        given: u64,
    }

    impl ByteSource for Made {
        fn size(&self) -> u64 {
            self.size
        }

        fn piece(&mut self, offset: u64, buffer: &mut [u8]) -> Piece {
            let count = self.size.saturating_sub(offset).min(buffer.len() as u64);
            if count == 0 {
                return Piece::End;
            }
            for (at, byte) in (offset..offset + count).zip(buffer.iter_mut()) {
                *byte = if self.line.is_some_and(|line| at % line == line - 1) { b'\n' } else { b'x' };
            }
            self.given += count;
            Piece::Bytes(count as usize)
        }
    }

    fn view(size: u64) -> HexView {
        let id = RuleId { namespace: "test".into(), name: "large".into() };
        let digest = Sha256::of(b"");
        let rule = Rule {
            id: id.clone(),
            meta: Vec::new(),
            tags: Vec::new(),
            patterns: Vec::new(),
            source: String::new(),
            condition: String::new(),
            digest,
            matching_digest: digest,
            private: false,
        };
        let file = Arc::new(FileFacts { size, ..FileFacts::default() });
        let finding =
            Finding { found_by: FoundBy::Rule(id), file, matches: Vec::new(), capped: false, kept: Arc::default() };
        HexView::new(&rule, &finding)
    }

    /// Reads what the view asks for, as the thread that reads does, until it asks for nothing. Returns the bytes read.
    fn read(view: &mut HexView, source: &mut Made, index: &mut LineIndex) -> u64 {
        let before = source.given;
        for _ in 0..20 {
            view.fit(160, 50);
            let Some((offset, length)) = view.wanted() else { return source.given - before };
            let bytes = source::read(source, offset, length);
            let line = view.counts_lines().and_then(|encoding| index.before(source, offset, encoding));
            let size = source.size;
            view.arrived(ByteWindow { offset, bytes, size, shown: ViewedBytes::File, line, notice: None });
        }
        panic!("the view never stops asking");
    }

    #[test]
    fn of_a_log_of_a_gigabyte_and_of_one_line_of_ten_only_what_is_shown_is_read() {
        for (size, line) in [(1_000_000_000, Some(100)), (10 << 30, None)] {
            let mut source = Made { size, line, given: 0 };
            let (mut view, mut index) = (view(size), LineIndex::default());
            let opened = read(&mut view, &mut source, &mut index);
            assert!(opened > 0 && opened <= PER_KEY, "{opened} bytes to open it");
            assert_eq!(view.face, Face::Text);
            let motions = [
                Motion::Down,
                Motion::PageDown,
                Motion::LineEnd,
                Motion::Right,
                Motion::To(size / 2),
                Motion::Down,
                Motion::PageUp,
                Motion::Left,
                Motion::End,
                Motion::PageUp,
                Motion::Up,
                Motion::HalfUp,
                Motion::Start,
                Motion::HalfDown,
            ];
            for motion in motions {
                view.go(motion);
                let took = read(&mut view, &mut source, &mut index);
                assert!(took <= PER_KEY, "{motion:?}: {took} bytes");
                let cursor = view.viewport.cursor;
                let rows = view.rows_in_view();
                assert!(rows.iter().any(|(row, _)| (row.start..row.end).contains(&cursor)), "{motion:?}: out of view");
                assert!(view.text.pending.is_empty(), "{motion:?} was not made");
            }
            // A line's number near the beginning is told by counting, once.
            view.go(Motion::To(MAX_COUNTED / 2));
            let took = read(&mut view, &mut source, &mut index);
            assert!(took <= MAX_COUNTED / 2 + PER_KEY, "{took} bytes");
            assert_eq!(view.line_at(MAX_COUNTED / 2), Some(line.map_or(0, |line| MAX_COUNTED / 2 / line) + 1));
            view.go(Motion::PageDown);
            let took = read(&mut view, &mut source, &mut index);
            assert!(took <= PER_KEY, "{took} bytes for what was counted before");
        }
    }
}
