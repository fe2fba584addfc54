//! Two findings side by side: which others may be worth it, and what the two come to.

use std::ops::Range;

use super::findings::FindingList;
use crate::case::FindingId;
use crate::hex::compare::{self, Row};

/// Findings offered at most.
const MAX_OFFERED: usize = 200;

/// A finding that the open one can be held against, and why it is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offered {
    /// The finding.
    pub id: FindingId,
    /// Why: `marked`, `the same content`, `the same name`, `as large`, `of this rule`.
    pub why: &'static str,
}

/// The findings to choose from.
#[derive(Debug, Default)]
pub struct CompareChoice {
    /// The finding that is open.
    pub with: Option<FindingId>,
    /// Those offered, the likeliest first.
    pub offered: Vec<Offered>,
    /// The selected one.
    pub place: usize,
}

impl CompareChoice {
    /// What can be held against `id`: marked findings first, then of its rule those of the same name, of like size, and
    /// copies of its content, which differ in nothing but their place.
    pub fn of(list: &FindingList, id: FindingId) -> Self {
        let Some(own) = list.get(id) else { return Self::default() };
        let mut offered: Vec<(u8, u64, Offered)> = Vec::new();
        let others = list.all().filter(|row| row.id != id);
        for row in others {
            let of_rule = row.hunt == own.hunt;
            let apart = row.size.abs_diff(own.size);
            let (rank, why) = match () {
                () if list.is_marked(row.id) => (0, "marked"),
                () if row.digest == own.digest && row.path != own.path => (3, "the same content"),
                () if of_rule && row.path.file_name() == own.path.file_name() => (1, "the same name"),
                () if of_rule && apart <= own.size / 10 => (2, "of like size"),
                () if of_rule => (4, "of this rule"),
                () => continue,
            };
            offered.push((rank, apart, Offered { id: row.id, why }));
        }
        offered.sort_by_key(|(rank, apart, offered)| (*rank, *apart, offered.id));
        let offered = offered.into_iter().map(|(.., offered)| offered).take(MAX_OFFERED).collect();
        Self { with: Some(id), offered, place: 0 }
    }
}

/// One side.
#[derive(Debug, Default, Clone)]
pub struct ComparedSide {
    /// The path, safe text.
    pub path: String,
    /// What is compared of it, from its first byte on.
    pub bytes: Vec<u8>,
    /// Bytes of the whole.
    pub size: u64,
    /// What must be known about these bytes; safe text.
    pub notice: Option<String>,
}

/// Two contents and what they come to.
#[derive(Debug, Default)]
pub struct ContentComparison {
    /// Left the open finding, right the other.
    pub sides: [ComparedSide; 2],
    /// Whether lines are compared, or else bytes at the same offset.
    pub is_text: bool,
    /// The rows.
    pub rows: Vec<Row>,
    /// The first row shown.
    pub top: usize,
    /// Columns of text that are out of sight to the left.
    pub left: usize,
    /// The row at which the last step to a difference ended.
    pub here: Option<usize>,
}

impl ContentComparison {
    /// Brings two contents together; as text only where both are.
    pub fn new(sides: [ComparedSide; 2], as_text: bool) -> Self {
        let [left, right] = &sides;
        let is_text = as_text && compare::are_text(&left.bytes, &right.bytes);
        let rows = if is_text {
            compare::by_line(&left.bytes, &right.bytes)
        } else {
            compare::by_offset(&left.bytes, &right.bytes)
        };
        Self { sides, is_text, rows, top: 0, left: 0, here: None }
    }

    /// The same as digits, or as text again.
    pub fn turn_face(&mut self) {
        let sides = std::mem::take(&mut self.sides);
        *self = Self::new(sides, !self.is_text);
    }

    /// Whether a row's sides are not the same.
    pub fn differs(&self, row: &Row) -> bool {
        let [left, right] = &self.sides;
        row.differs(&left.bytes, &right.bytes)
    }

    /// Which part of each side of a row differs, counted from its first byte.
    pub fn differing(&self, row: &Row) -> (Range<usize>, Range<usize>) {
        let [left, right] = &self.sides;
        let of = |bytes: &'_ [u8], range: &Option<Range<usize>>| {
            range.clone().and_then(|range| bytes.get(range)).unwrap_or_default().to_vec()
        };
        compare::differing(&of(&left.bytes, &row.left), &of(&right.bytes, &row.right))
    }

    /// Whether of one side no byte is known though it has some: such two cannot be compared.
    pub fn nothing_known(&self) -> bool {
        self.sides.iter().any(|side| side.size > 0 && side.bytes.is_empty())
    }

    /// Whether bytes of a side are not compared.
    pub fn is_part(&self) -> bool {
        self.sides.iter().any(|side| side.size > side.bytes.len() as u64)
    }

    /// Rows whose sides are not the same.
    pub fn differences(&self) -> usize {
        self.rows.iter().filter(|row| self.differs(row)).count()
    }

    /// Goes to where the next stretch of differing rows begins, or the one before. Returns whether there is one.
    pub fn step(&mut self, forward: bool) -> bool {
        let from = self.here;
        let begins = |at: usize| {
            let differs = |at: usize| self.rows.get(at).is_some_and(|row| self.differs(row));
            differs(at) && !at.checked_sub(1).is_some_and(differs)
        };
        let next = if forward {
            (from.map_or(0, |from| from + 1)..self.rows.len()).find(|at| begins(*at))
        } else {
            (0..from.unwrap_or(self.rows.len())).rev().find(|at| begins(*at))
        };
        if let Some(next) = next {
            self.here = Some(next);
            self.top = next.saturating_sub(2);
        }
        next.is_some()
    }

    /// Moves the text sideways by so many columns; digits always have room.
    pub fn move_sideways(&mut self, by: isize) {
        if self.is_text {
            self.left = self.left.saturating_add_signed(by).min(compare::MAX_BYTES);
        }
    }

    /// Scrolls by so many rows.
    pub fn scroll(&mut self, by: isize) {
        self.top = self.top.saturating_add_signed(by).min(self.rows.len().saturating_sub(1));
        self.here = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(bytes: &[u8]) -> ComparedSide {
        ComparedSide { bytes: bytes.to_vec(), size: bytes.len() as u64, ..ComparedSide::default() }
    }

    #[test]
    fn differences_are_stepped_through_both_ways_and_faces_turned() {
        let mut compared = ContentComparison::new([side(b"a\nb\nc\nd\n"), side(b"a\nB\nc\nD\n")], true);
        assert!(compared.is_text);
        assert_eq!(compared.differences(), 2);
        assert!(compared.step(true) && compared.here == Some(1));
        assert!(compared.step(true) && compared.here == Some(3));
        assert!(!compared.step(true));
        assert!(compared.step(false) && compared.here == Some(1));
        compared.turn_face();
        assert!(!compared.is_text && compared.rows.len() == 1 && compared.differences() == 1);
        compared.turn_face();
        assert!(compared.is_text);
        assert!(!ContentComparison::new([side(b"\0"), side(b"a")], true).is_text);
    }
}
