//! Bytes to rows and columns, and moving a cursor over them. Pure: a size, a place, a motion, a new place.

/// Bytes between two wider gaps in a line.
const GROUP: usize = 8;
/// Columns between offset, digits and text.
const GAP: usize = 2;

/// How a file of one size is laid out in an area of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HexLayout {
    /// Bytes in a line: 8, 16 or 32.
    pub per_line: usize,
    /// Hex digits of an offset: at least 8, as many as the last offset needs.
    pub digits: usize,
    /// Lines in the area, at least 1.
    pub rows: usize,
    /// Bytes in the file.
    pub size: u64,
}

/// Where a hex view stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Viewport {
    /// Offset of the first byte shown; the beginning of a line.
    pub top: u64,
    /// Offset of the byte under the cursor.
    pub cursor: u64,
}

/// A byte's cell in the area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Line, 0 at the top.
    pub row: usize,
    /// Byte in the line, 0 at the left.
    pub index: usize,
}

/// The two places in which a byte is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteColumn {
    /// Its two hex digits.
    Digits,
    /// Its character.
    Text,
}

/// A way to move the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Motion {
    /// One byte back.
    Left,
    /// One byte on.
    Right,
    /// One line up.
    Up,
    /// One line down.
    Down,
    /// Half an area up.
    HalfUp,
    /// Half an area down.
    HalfDown,
    /// A whole area up.
    PageUp,
    /// A whole area down.
    PageDown,
    /// First byte of the line.
    LineStart,
    /// Last byte of the line.
    LineEnd,
    /// First byte of the file.
    Start,
    /// Last byte of the file.
    End,
    /// To an offset; past the end it is the last byte.
    To(u64),
    /// The area by so many lines, down if positive; the cursor only as far as it must to stay in sight.
    Scroll(i64),
}

impl HexLayout {
    /// The layout with the longest lines that fit into `columns`; 8 bytes a line if none does.
    pub fn new(columns: usize, rows: usize, size: u64) -> Self {
        let digits = offset_digits(size);
        let layout = |per_line| Self { per_line, digits, rows: rows.max(1), size };
        [32, 16].into_iter().map(layout).find(|layout| layout.columns() <= columns).unwrap_or_else(|| layout(8))
    }

    /// Columns that a line takes.
    pub fn columns(&self) -> usize {
        self.text_column(self.per_line)
    }

    /// Column of the first hex digit of byte `index` of a line.
    pub fn digits_column(&self, index: usize) -> usize {
        self.digits + GAP + index * 3 + index / GROUP
    }

    /// Column of the character of byte `index` of a line.
    pub fn text_column(&self, index: usize) -> usize {
        let last = self.per_line.saturating_sub(1);
        self.digits_column(last) + 2 + GAP + index
    }

    /// Which byte of a line is shown at `column`, and how: for a mouse.
    pub fn at_column(&self, column: usize) -> Option<(usize, ByteColumn)> {
        let text = self.text_column(0);
        if let Some(index) = column.checked_sub(text) {
            return (index < self.per_line).then_some((index, ByteColumn::Text));
        }
        let within = |index: &usize| (0..2).contains(&column.wrapping_sub(self.digits_column(*index)));
        (0..self.per_line).find(within).map(|index| (index, ByteColumn::Digits))
    }

    /// Offset of the first byte of the line that `offset` is in.
    pub fn line(&self, offset: u64) -> u64 {
        offset - offset % self.step()
    }

    /// Offset of the last byte; 0 in an empty file.
    pub fn last(&self) -> u64 {
        self.size.saturating_sub(1)
    }

    /// The cell of `offset`, `None` if it is not in sight.
    pub fn cell(&self, view: Viewport, offset: u64) -> Option<Cell> {
        let ahead = offset.checked_sub(view.top)?;
        let row = usize::try_from(ahead / self.step()).ok().filter(|row| *row < self.rows)?;
        (offset < self.size).then_some(Cell { row, index: (ahead % self.step()) as usize })
    }

    /// The offset shown in `cell`, `None` if the file ends before it.
    pub fn offset(&self, view: Viewport, cell: Cell) -> Option<u64> {
        let ahead = (cell.row as u64).checked_mul(self.step())?.checked_add(cell.index as u64)?;
        view.top.checked_add(ahead).filter(|offset| *offset < self.size && cell.index < self.per_line)
    }

    /// Bytes that fit into the area: what to ask a source for.
    pub fn window(&self) -> usize {
        self.rows.saturating_mul(self.per_line)
    }

    /// `view` made to fit: cursor in the file and in sight, top at the beginning of a line, no room wasted at the end.
    /// For after a resize, or when the file has another size.
    #[must_use]
    pub fn fit(&self, view: Viewport) -> Viewport {
        let cursor = view.cursor.min(self.last());
        let line = self.line(cursor);
        let lowest = line.saturating_sub(self.lines(self.rows - 1));
        let top = self.line(view.top).min(self.lowest_top()).clamp(lowest, line);
        Viewport { top, cursor }
    }

    /// `view` after `motion`.
    #[must_use]
    pub fn moved(&self, view: Viewport, motion: Motion) -> Viewport {
        let Viewport { top, cursor } = self.fit(view);
        let start = self.line(cursor);
        let to = |cursor| self.fit(Viewport { top, cursor });
        match motion {
            Motion::Left => to(cursor.saturating_sub(1)),
            Motion::Right => to(cursor.saturating_add(1)),
            Motion::Up => to(self.up(cursor, 1)),
            Motion::Down => to(self.down(cursor, 1)),
            Motion::HalfUp => self.jump_up(top, cursor, (self.rows / 2).max(1)),
            Motion::HalfDown => self.jump_down(top, cursor, (self.rows / 2).max(1)),
            Motion::PageUp => self.jump_up(top, cursor, self.rows),
            Motion::PageDown => self.jump_down(top, cursor, self.rows),
            Motion::LineStart => to(start),
            Motion::LineEnd => to(start.saturating_add(self.step() - 1)),
            Motion::Start => to(0),
            Motion::End => to(self.last()),
            Motion::To(offset) => self.reveal(top, offset),
            Motion::Scroll(lines) => self.scroll(top, cursor, lines),
        }
    }

    /// A place that is out of sight is shown a third down the area, with what leads up to it.
    fn reveal(&self, top: u64, offset: u64) -> Viewport {
        let cursor = offset.min(self.last());
        let view = Viewport { top, cursor };
        if self.cell(view, cursor).is_some() {
            return self.fit(view);
        }
        self.fit(Viewport { top: self.line(cursor).saturating_sub(self.lines(self.rows / 3)), cursor })
    }

    fn scroll(&self, top: u64, cursor: u64, lines: i64) -> Viewport {
        let by = lines.unsigned_abs().saturating_mul(self.step());
        let top = if lines < 0 { top.saturating_sub(by) } else { top.saturating_add(by).min(self.lowest_top()) };
        let column = cursor % self.step();
        let bottom = top.saturating_add(self.lines(self.rows - 1));
        let line = self.line(cursor).clamp(top, bottom);
        self.fit(Viewport { top, cursor: line.saturating_add(column) })
    }

    fn jump_up(&self, top: u64, cursor: u64, lines: usize) -> Viewport {
        self.fit(Viewport { top: top.saturating_sub(self.lines(lines)), cursor: self.up(cursor, lines) })
    }

    fn jump_down(&self, top: u64, cursor: u64, lines: usize) -> Viewport {
        self.fit(Viewport { top: top.saturating_add(self.lines(lines)), cursor: self.down(cursor, lines) })
    }

    /// So many lines up in the same column, the first line at most.
    fn up(&self, cursor: u64, lines: usize) -> u64 {
        let line = self.line(cursor).saturating_sub(self.lines(lines));
        line + cursor % self.step()
    }

    /// So many lines down in the same column, the last line at most, the last byte at most.
    fn down(&self, cursor: u64, lines: usize) -> u64 {
        let line = self.line(cursor).saturating_add(self.lines(lines)).min(self.line(self.last()));
        line.saturating_add(cursor % self.step()).min(self.last())
    }

    fn lowest_top(&self) -> u64 {
        self.line(self.last()).saturating_sub(self.lines(self.rows - 1))
    }

    fn step(&self) -> u64 {
        self.per_line.max(1) as u64
    }

    fn lines(&self, count: usize) -> u64 {
        (count as u64).saturating_mul(self.step())
    }
}

/// Hex digits of an offset in a file of `size` bytes: at least 8, so that offsets of most files look alike.
pub(crate) fn offset_digits(size: u64) -> usize {
    let bits = u64::BITS - size.saturating_sub(1).leading_zeros();
    (bits.div_ceil(4) as usize).max(8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_as_long_as_the_width_allows() {
        let per_line = |columns| HexLayout::new(columns, 20, 1000).per_line;
        assert_eq!([20, 75, 76, 80, 141, 142, 143, 200].map(per_line), [8, 8, 16, 16, 16, 32, 32, 32].map(|n| n));
        assert_eq!(HexLayout::new(80, 20, 1000).columns(), 76);
        assert_eq!(HexLayout::new(80, 20, 1 << 32).digits, 8);
        assert_eq!(HexLayout::new(80, 20, (1 << 32) + 1).digits, 9);
        assert_eq!(HexLayout::new(80, 20, u64::MAX).digits, 16);
        assert_eq!(HexLayout::new(0, 0, 0).rows, 1);
    }

    #[test]
    fn columns_lead_back_to_their_byte() {
        for columns in [40, 80, 160] {
            let layout = HexLayout::new(columns, 10, 1000);
            for index in 0..layout.per_line {
                let digits = layout.digits_column(index);
                assert_eq!(layout.at_column(digits), Some((index, ByteColumn::Digits)));
                assert_eq!(layout.at_column(digits + 1), Some((index, ByteColumn::Digits)));
                assert_eq!(layout.at_column(digits + 2), None);
                assert_eq!(layout.at_column(layout.text_column(index)), Some((index, ByteColumn::Text)));
            }
            assert_eq!(layout.at_column(0), None);
            assert_eq!(layout.at_column(layout.columns()), None);
        }
    }

    #[test]
    fn motions_end_where_one_expects() {
        let layout = HexLayout::new(80, 4, 100);
        let at = |top, cursor| Viewport { top, cursor };
        let moved = |view, motion| layout.moved(view, motion);
        assert_eq!(moved(at(0, 0), Motion::Down), at(0, 16));
        assert_eq!(moved(at(0, 60), Motion::Down), at(16, 76));
        assert_eq!(moved(at(16, 85), Motion::Down), at(48, 99), "the last line is short");
        assert_eq!(moved(at(48, 99), Motion::Down), at(48, 99));
        assert_eq!(moved(at(0, 5), Motion::Up), at(0, 5));
        assert_eq!(moved(at(16, 20), Motion::PageDown), at(48, 84));
        assert_eq!(moved(at(48, 84), Motion::PageUp), at(0, 20));
        assert_eq!(moved(at(0, 20), Motion::HalfDown), at(32, 52));
        assert_eq!(moved(at(0, 20), Motion::LineStart), at(0, 16));
        assert_eq!(moved(at(0, 20), Motion::LineEnd), at(0, 31));
        assert_eq!(moved(at(48, 98), Motion::LineEnd), at(48, 99));
        assert_eq!(moved(at(0, 0), Motion::End), at(48, 99));
        assert_eq!(moved(at(0, 3), Motion::Scroll(1)), at(16, 19));
        assert_eq!(moved(at(16, 70), Motion::Scroll(-1)), at(0, 54));
        assert_eq!(moved(at(0, 3), Motion::To(90)), at(48, 90));
        assert_eq!(moved(at(0, 3), Motion::To(40)), at(0, 40), "what is in sight needs no scrolling");
    }

    #[test]
    fn an_empty_file_has_one_place() {
        let layout = HexLayout::new(80, 4, 0);
        for motion in [Motion::Left, Motion::Right, Motion::Down, Motion::PageDown, Motion::End, Motion::To(9)] {
            assert_eq!(layout.moved(Viewport::default(), motion), Viewport::default());
        }
        assert_eq!(layout.cell(Viewport::default(), 0), None);
    }

    fn motion() -> impl Strategy<Value = Motion> {
        use Motion::{
            Down, End, HalfDown, HalfUp, Left, LineEnd, LineStart, PageDown, PageUp, Right, Scroll, Start, To, Up,
        };
        let named = [Left, Right, Up, Down, HalfUp, HalfDown, PageUp, PageDown, LineStart, LineEnd, Start, End];
        prop_oneof![prop::sample::select(named.to_vec()), any::<u64>().prop_map(To), any::<i64>().prop_map(Scroll)]
    }

    proptest! {
        #[test]
        fn the_cursor_is_always_in_the_file_and_in_sight(
            (columns, rows) in (0usize..200, 0usize..60),
            size in prop_oneof![0u64..2000, any::<u64>()],
            (top, cursor) in any::<(u64, u64)>(),
            motions in prop::collection::vec(motion(), 1..20),
        ) {
            let layout = HexLayout::new(columns, rows, size);
            let mut view = layout.fit(Viewport { top, cursor });
            for motion in motions {
                view = layout.moved(view, motion);
                prop_assert!(view.cursor < size.max(1));
                prop_assert_eq!(view.top % layout.per_line as u64, 0);
                if size > 0 {
                    let cell = layout.cell(view, view.cursor);
                    prop_assert!(cell.is_some(), "{:?} {:?}", view, layout);
                    prop_assert_eq!(cell.and_then(|cell| layout.offset(view, cell)), Some(view.cursor));
                }
            }
        }
    }
}
