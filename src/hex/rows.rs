//! Bytes as lines of text in an area of one width: where the rows are, what stands in them, and the way from row to row.
//! Pure, and no more is looked at than lies around an offset, so that a file of any size with lines of any length has rows.
//!
//! A line is broken where the width ends. Where a row begins must be the same from whichever side it is come to, without a
//! look at all of its line: so the rows of a line are counted from its beginning as far as [`LONG`], and from then on anew
//! from each multiple of [`BLOCK`].

use super::encoding::{Encoding, Unit};
use crate::text;

/// Bytes of a line of which the rows are counted from its beginning, to the next multiple of [`BLOCK`].
const LONG: u64 = 8192;
/// Multiples of it begin a row within a longer line.
const BLOCK: u64 = 4096;
/// Bytes before an offset that may have to be known to tell its row.
pub(crate) const LOOK_BACK: u64 = LONG + 2 * BLOCK;
/// Columns from one tab stop to the next.
const TAB: usize = 8;

/// Known bytes around a place in a file, read in one encoding, in rows of so many columns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<'b> {
    /// The bytes; `None` where they are unknown.
    pub bytes: &'b [Option<u8>],
    /// Offset of the first of them.
    pub base: u64,
    /// Bytes in the file.
    pub size: u64,
    /// How they are read.
    pub encoding: Encoding,
    /// Columns of a row, at least 1.
    pub columns: usize,
}

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TextRow {
    /// Offset of its first byte.
    pub start: u64,
    /// Offset of the first byte of the next one.
    pub end: u64,
    /// Whether a line begins with it.
    pub begins_line: bool,
}

/// Where a line begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineStart {
    /// At this offset.
    At(u64),
    /// Farther back than is looked.
    Far,
}

/// Where a row ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowEnd {
    /// Before this offset.
    At(u64),
    /// Too little is known to tell.
    Untold,
}

/// What kind of thing stands in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CellKind {
    /// A character that shows as itself.
    Plain,
    /// A blank or tab.
    Space,
    /// A control character, or one that could fool the eye, escaped.
    Control,
    /// A byte that is no character in the encoding.
    Broken,
    /// A byte that is not known.
    Unknown,
    /// The end of the line.
    Newline,
}

/// What stands in a row at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextCell {
    /// Offset of its first byte.
    pub offset: u64,
    /// Its bytes, counted.
    pub length: u64,
    /// Its first column.
    pub column: usize,
    /// What is shown; safe text.
    pub shown: String,
    /// What it is.
    pub kind: CellKind,
}

impl Rows<'_> {
    /// The row that the byte at `offset` stands in; `None` when too little around it is known.
    pub(crate) fn at(&self, offset: u64) -> Option<TextRow> {
        let offset = offset.min(self.size.saturating_sub(1));
        let mut start = self.sync(offset)?;
        let mut begins_line = start == 0 || self.ends_line(start - 1)?;
        loop {
            let end = self.end_of(start)?;
            if offset < end || end >= self.size {
                return Some(TextRow { start, end, begins_line });
            }
            begins_line = self.ends_line(end - 1)?;
            start = end;
        }
    }

    /// The row after `row`; `None` at the end of the file, and when too little is known.
    pub(crate) fn after(&self, row: TextRow) -> Option<TextRow> {
        if row.end >= self.size {
            return None;
        }
        let begins_line = self.ends_line(row.end - 1)?;
        Some(TextRow { start: row.end, end: self.end_of(row.end)?, begins_line })
    }

    /// The row before `row`; `None` at the beginning of the file, and when too little is known.
    pub(crate) fn before(&self, row: TextRow) -> Option<TextRow> {
        self.at(row.start.checked_sub(1)?)
    }

    /// The row so many rows before `row`, and how many of them are missing: at the beginning of the file, and where too
    /// little is known. The bytes in between are gone through once, however many rows they are.
    pub(crate) fn back(&self, row: TextRow, steps: usize) -> (TextRow, usize) {
        let (mut here, mut left) = (row, steps);
        while left > 0 {
            let Some(above) = self.above(here).filter(|above| !above.is_empty()) else { break };
            let taken = left.min(above.len());
            if let Some(row) = above.get(above.len() - taken) {
                here = *row;
            }
            left -= taken;
        }
        (here, left)
    }

    /// The rows before `row`, from the last offset on that begins one whatever stands in between.
    fn above(&self, row: TextRow) -> Option<Vec<TextRow>> {
        let last = row.start.checked_sub(1)?;
        let mut start = self.sync(last)?;
        let mut begins_line = start == 0 || self.ends_line(start - 1)?;
        let mut rows = Vec::new();
        loop {
            let end = self.end_of(start)?;
            rows.push(TextRow { start, end, begins_line });
            if last < end || end >= self.size {
                return Some(rows);
            }
            begins_line = self.ends_line(end - 1)?;
            start = end;
        }
    }

    /// What stands in a row.
    pub(crate) fn cells(&self, row: TextRow) -> Vec<TextCell> {
        let mut cells = Vec::new();
        self.walk(row.start, |step| {
            let goes_on = step.offset < row.end;
            if goes_on {
                let (kind, shown) = shown(step.unit, step.column);
                cells.push(TextCell { offset: step.offset, length: step.length, column: step.column, shown, kind });
            }
            goes_on
        });
        cells
    }

    fn slice(&self, offset: u64) -> Option<&[Option<u8>]> {
        self.bytes.get(usize::try_from(offset.checked_sub(self.base)?).ok()?..)
    }

    /// Whether a line ends with the byte at `offset`.
    fn ends_line(&self, offset: u64) -> Option<bool> {
        let at = usize::try_from(offset.checked_sub(self.base)?).ok()?;
        if at >= self.bytes.len() {
            return None;
        }
        let step = self.encoding.step() as u64;
        // What is told of pairs of bytes is told of those that begin at even offsets.
        let skip = usize::from(step == 2 && self.base % 2 == 1);
        let bytes = self.bytes.get(skip..)?;
        Some(at.checked_sub(skip).is_some_and(|at| self.encoding.is_line_end(bytes, at)))
    }

    /// Where the line of `offset` begins; `None` when too little is known to tell.
    fn line(&self, offset: u64) -> Option<LineStart> {
        if self.encoding.step() > 1 {
            for back in 1..=LONG + BLOCK {
                let Some(before) = offset.checked_sub(back) else { return Some(LineStart::At(0)) };
                if self.ends_line(before)? {
                    return Some(LineStart::At(before + 1));
                }
            }
            return Some(LineStart::Far);
        }
        // The same in one look: this is asked for every row of a long line.
        let lowest = offset.saturating_sub(LONG + BLOCK);
        let first = lowest.max(self.base);
        let range = usize::try_from(first - self.base).ok()?..usize::try_from(offset.checked_sub(self.base)?).ok()?;
        let before = self.bytes.get(range)?;
        match before.iter().rposition(|byte| *byte == Some(b'\n')) {
            Some(place) => Some(LineStart::At(first + place as u64 + 1)),
            None if first > lowest => None,
            None if offset < LONG + BLOCK => Some(LineStart::At(0)),
            None => Some(LineStart::Far),
        }
    }

    /// Whether rows begin anew at the multiple `block` of [`BLOCK`], in a line that begins at `line`.
    fn is_forced(&self, line: LineStart, block: u64) -> bool {
        match line {
            LineStart::Far => true,
            LineStart::At(line) => block >= self.aligned((line + LONG).next_multiple_of(BLOCK)),
        }
    }

    /// The last offset at or before `offset` that begins a row whatever stands in between.
    fn sync(&self, offset: u64) -> Option<u64> {
        let line = self.line(offset)?;
        let floor = offset - offset % BLOCK;
        let block = Some(self.aligned(floor)).filter(|block| *block <= offset);
        let block = block.or_else(|| Some(self.aligned(floor.checked_sub(BLOCK)?)));
        match (block, line) {
            (Some(block), line) if self.is_forced(line, block) => Some(block),
            (_, LineStart::At(line)) => Some(line),
            // A line that begins so far away has had a multiple meanwhile.
            (block, LineStart::Far) => block,
        }
    }

    /// The beginning of the first character at or after a multiple of [`BLOCK`]: one that is cut by it belongs to what is
    /// before.
    fn aligned(&self, block: u64) -> u64 {
        if self.encoding != Encoding::Utf8 || block == 0 {
            return block;
        }
        let follows =
            |at: u64| self.slice(at).and_then(|bytes| *bytes.first()?).is_some_and(|byte| byte & 0xc0 == 0x80);
        let skipped = (0..4).take_while(|skip| follows(block + skip)).count() as u64;
        // Four in a row are no character's rest, but noise.
        if skipped < 4 { block + skipped } else { block }
    }

    /// Where the row that begins at `start` ends.
    fn end_of(&self, start: u64) -> Option<u64> {
        let block = self.aligned((start + 1).next_multiple_of(BLOCK));
        let (mut end, mut last, mut line) = (None, start, None);
        self.walk(start, |step| {
            let next = step.offset + step.length;
            if step.column + step.width > self.columns && step.offset > start {
                end = Some(RowEnd::At(step.offset));
            } else if step.unit == Unit::Char('\n') {
                end = Some(RowEnd::At(next));
            } else if next >= block && last < block {
                let line = *line.get_or_insert_with(|| self.line(start));
                match line {
                    None => end = Some(RowEnd::Untold),
                    Some(line) if self.is_forced(line, block) => end = Some(RowEnd::At(block)),
                    Some(_) => {}
                }
            }
            last = next;
            end.is_none()
        });
        match end {
            Some(RowEnd::At(end)) => Some(end),
            Some(RowEnd::Untold) => None,
            None => (last >= self.size).then_some(self.size),
        }
    }

    /// Hands what stands from `start` on to `each` until that returns false, the line ends or no more is at hand.
    fn walk(&self, start: u64, mut each: impl FnMut(Step) -> bool) {
        let Some(mut bytes) = self.slice(start) else { return };
        let (mut offset, mut column) = (start, 0);
        while let Some((unit, length)) = self.encoding.unit(bytes) {
            let width = columns(unit, column);
            let goes_on = each(Step { offset, length: length as u64, column, width, unit });
            if !goes_on || unit == Unit::Char('\n') {
                return;
            }
            column += width;
            offset += length as u64;
            bytes = bytes.get(length..).unwrap_or_default();
        }
    }
}

/// One unit on the way along a row: most are only counted, so what is shown of it is not made yet.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// Offset of its first byte.
    offset: u64,
    /// Its bytes, counted.
    length: u64,
    /// Its first column.
    column: usize,
    /// Columns that it takes.
    width: usize,
    /// What it is.
    unit: Unit,
}

/// Columns that a unit takes at a column.
fn columns(unit: Unit, column: usize) -> usize {
    match unit {
        Unit::Unknown | Unit::Char(' '..='~') => 1,
        Unit::Char('\n') => 0,
        Unit::Char('\t') => TAB - column % TAB,
        unit => text::width(&shown(unit, column).1),
    }
}

/// What stands for a unit at a column, and of what kind it is.
fn shown(unit: Unit, column: usize) -> (CellKind, String) {
    match unit {
        Unit::Unknown => (CellKind::Unknown, "?".to_owned()),
        Unit::Byte(byte) => (CellKind::Broken, format!("\\x{byte:02x}")),
        Unit::Half(code) => (CellKind::Broken, format!("\\u{{{code:x}}}")),
        Unit::Char('\n') => (CellKind::Newline, String::new()),
        Unit::Char('\t') => (CellKind::Space, format!("{:<1$}", "→", TAB - column % TAB)),
        Unit::Char(' ') => (CellKind::Space, " ".to_owned()),
        // In caret notation, as `cat -v` has them.
        Unit::Char(c @ '\0'..' ') => (CellKind::Control, format!("^{}", char::from(c as u8 | 0x40))),
        Unit::Char('\u{7f}') => (CellKind::Control, "^?".to_owned()),
        Unit::Char(c) if text::is_plain_char(c) => (CellKind::Plain, c.to_string()),
        Unit::Char(c) => (CellKind::Control, text::escape_str(c.encode_utf8(&mut [0; 4])).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(bytes: &[u8]) -> Vec<Option<u8>> {
        bytes.iter().map(|byte| Some(*byte)).collect()
    }

    fn rows(bytes: &[Option<u8>], encoding: Encoding, columns: usize) -> Rows<'_> {
        Rows { bytes, base: 0, size: bytes.len() as u64, encoding, columns }
    }

    /// All rows from the first to the last.
    fn all(rows: Rows<'_>) -> Vec<TextRow> {
        if rows.size == 0 {
            return Vec::new();
        }
        std::iter::successors(rows.at(0), |row| rows.after(*row)).collect()
    }

    fn shown(rows: Rows<'_>) -> Vec<String> {
        all(rows).into_iter().map(|row| rows.cells(row).into_iter().map(|cell| cell.shown).collect()).collect()
    }

    #[test]
    fn lines_break_where_they_end_and_where_the_width_does() {
        let bytes = known(b"import os\n\n\tab\x1b[2J\xff\nlast");
        let of = rows(&bytes, Encoding::Utf8, 10);
        assert_eq!(shown(of), ["import os", "", "→       ab", "^[[2J\\xff", "last"]);
        let begins: Vec<_> = all(of).iter().map(|row| row.begins_line).collect();
        assert_eq!(begins, [true, true, true, false, true]);
        let cells = of.cells(all(of)[3]);
        let places: Vec<_> = cells.iter().map(|cell| (cell.offset, cell.column, cell.kind)).collect();
        assert_eq!(places[0], (14, 0, CellKind::Control));
        assert_eq!(places[4], (18, 5, CellKind::Broken));
        assert_eq!(cells[5].kind, CellKind::Newline);
    }

    #[test]
    fn wide_strings_and_hostile_letters_are_shown() {
        let wide: Vec<u8> = "os\nx\u{202e}y".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let bytes = known(&wide);
        assert_eq!(shown(rows(&bytes, Encoding::Utf16Le, 40)), ["os", "x\\u{202e}y"]);
        let none = [Some(b'a'), None, Some(b'b')];
        assert_eq!(shown(rows(&none, Encoding::Utf8, 40)), ["a?b"]);
    }

    #[test]
    fn a_line_of_any_length_has_the_same_rows_from_wherever_it_is_seen() {
        let long: Vec<u8> = "aé日𝄞".bytes().cycle().take(100_000).collect();
        let bytes = known(&long);
        let whole = rows(&bytes, Encoding::Utf8, 77);
        let expected = all(whole);
        assert_eq!(expected.last().unwrap().end, 100_000);
        for at in [0_usize, 5_000, 12_288, 40_001, 99_999] {
            let from = at.saturating_sub(LOOK_BACK as usize + 3);
            let part = Rows { bytes: &bytes[from..(at + 400).min(100_000)], base: from as u64, ..whole };
            let row = part.at(at as u64).unwrap();
            assert!(expected.contains(&row), "{at}: {row:?}");
            assert!(row.start <= at as u64 && (at as u64) < row.end);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn rows_follow_one_another_without_a_gap_and_lead_back(
            pieces in prop::collection::vec(prop_oneof![
                4 => "[ -~\t]{0,90}\n",
                1 => "\\PC{0,30}",
                1 => (0_usize..12_000).prop_map(|length| "x".repeat(length)),
                1 => (0_usize..6_000).prop_map(|length| "é".repeat(length)),
            ], 0..6),
            noise in prop::collection::vec(any::<u8>(), 0..20),
            columns in 1_usize..120,
            encoding in prop::sample::select(Encoding::ALL.to_vec()),
            at in any::<prop::sample::Index>(),
        ) {
            let mut raw = pieces.concat().into_bytes();
            raw.extend(noise);
            let bytes = known(&raw);
            let of = rows(&bytes, encoding, columns);
            let all = all(of);
            prop_assert_eq!(all.last().map_or(0, |row| row.end), raw.len() as u64);
            for pair in all.windows(2) {
                prop_assert_eq!(pair[0].end, pair[1].start);
                prop_assert!(pair[0].start < pair[0].end);
            }
            for row in &all {
                let cells = of.cells(*row);
                // What is counted on the way is what is shown in the end.
                let mut width = 0;
                for cell in &cells {
                    prop_assert_eq!(cell.column, width);
                    width += text::width(&cell.shown);
                }
                prop_assert!(width <= columns || cells.len() <= 2, "{} {}", width, columns);
            }
            if !raw.is_empty() {
                let offset = at.index(raw.len());
                let row = of.at(offset as u64).unwrap();
                prop_assert!(all.contains(&row), "{} {:?}", offset, row);
                prop_assert!(row.start <= offset as u64 && (offset as u64) < row.end);
                let place = all.iter().position(|known| *known == row).unwrap_or_default();
                for steps in [0, 1, 2, 7, 300] {
                    let (back, left) = of.back(row, steps);
                    prop_assert_eq!((back, left), (all[place.saturating_sub(steps)], steps.saturating_sub(place)));
                }
                let before = of.before(row);
                prop_assert!(before.is_none_or(|before| before.end == row.start && all.contains(&before)));
                // What is farther away than is looked back changes nothing.
                let from = offset.saturating_sub(LOOK_BACK as usize) & !1;
                let to = (offset + 4 * columns + 8).min(raw.len());
                let part = Rows { bytes: &bytes[from..to], base: from as u64, ..of };
                prop_assert_eq!(part.at(offset as u64), Some(row));
            }
        }
    }
}
