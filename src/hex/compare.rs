//! Two contents side by side: rows of bytes at the same offset, or lines of text brought together where they are the same.

use std::ops::Range;

/// Bytes compared of each; what lies beyond is not looked at.
pub(crate) const MAX_BYTES: usize = 1 << 20;
/// Bytes of a row of digits.
pub(crate) const PER_ROW: usize = 8;
/// Lines that may differ before lines are only brought together one by one: the search for the fewest changes takes the
/// square of it in memory.
const MAX_CHANGES: usize = 1000;
/// Bytes looked at for whether it is text.
const HEAD: usize = 4096;

/// One row: what stands left and right, and which part of that differs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row {
    /// The bytes of the left one; none where only the right one has this row.
    pub left: Option<Range<usize>>,
    /// The bytes of the right one.
    pub right: Option<Range<usize>>,
}

impl Row {
    /// Whether the two sides are not the same.
    pub fn differs(&self, left: &[u8], right: &[u8]) -> bool {
        part(left, self.left.as_ref()) != part(right, self.right.as_ref())
    }
}

fn part<'b>(bytes: &'b [u8], range: Option<&Range<usize>>) -> Option<&'b [u8]> {
    bytes.get(range?.clone())
}

/// Whether both are to be compared line by line: no NUL at their beginnings, which is how git tells.
pub(crate) fn are_text(left: &[u8], right: &[u8]) -> bool {
    [left, right].iter().all(|bytes| !bytes.iter().take(HEAD).any(|byte| *byte == 0))
}

/// The rows of two contents as digits: the same offsets beside each other.
pub(crate) fn by_offset(left: &[u8], right: &[u8]) -> Vec<Row> {
    let row = |start: usize, length: usize| (start < length).then(|| start..(start + PER_ROW).min(length));
    let all = (0..left.len().max(right.len())).step_by(PER_ROW);
    all.map(|start| Row { left: row(start, left.len()), right: row(start, right.len()) }).collect()
}

/// The rows of two texts: equal lines beside each other, with the fewest changes between (E. Myers, "An O(ND) Difference
/// Algorithm and Its Variations", 1986); where there are too many changes, line by line.
pub(crate) fn by_line(left: &[u8], right: &[u8]) -> Vec<Row> {
    let (old, new) = (lines(left), lines(right));
    let same = |(a, b): &(&Range<usize>, &Range<usize>)| left.get((*a).clone()) == right.get((*b).clone());
    let head = old.iter().zip(&new).take_while(same).count();
    let room = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(room).take_while(same).count();
    let both = |(a, b): (&Range<usize>, &Range<usize>)| Row { left: Some(a.clone()), right: Some(b.clone()) };
    let mut rows: Vec<Row> = old.iter().zip(&new).take(head).map(both).collect();
    let middle = |lines: &[Range<usize>]| lines.get(head..lines.len() - tail).unwrap_or_default().to_vec();
    let (a, b) = (middle(&old), middle(&new));
    let equal = |x: usize, y: usize| match (a.get(x), b.get(y)) {
        (Some(x), Some(y)) => left.get(x.clone()) == right.get(y.clone()),
        _ => false,
    };
    let kept = common(a.len(), b.len(), equal).unwrap_or_default();
    let (mut x, mut y) = (0, 0);
    for (next_x, next_y) in kept.into_iter().chain([(a.len(), b.len())]) {
        // Between two lines that are the same, changed ones stand beside each other as far as both sides have some.
        while x < next_x || y < next_y {
            rows.push(Row {
                left: (x < next_x).then(|| a.get(x).cloned()).flatten(),
                right: (y < next_y).then(|| b.get(y).cloned()).flatten(),
            });
            (x, y) = ((x + 1).min(next_x), (y + 1).min(next_y));
        }
        if let (Some(x), Some(y)) = (a.get(next_x), b.get(next_y)) {
            rows.push(both((x, y)));
        }
        (x, y) = (next_x + 1, next_y + 1);
    }
    let last = |lines: &[Range<usize>]| lines.get(lines.len() - tail..).unwrap_or_default().to_vec();
    rows.extend(last(&old).iter().zip(&last(&new)).map(both));
    rows
}

/// The lines of a text, without their ends.
fn lines(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut start = 0;
    let mut all = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let end = start + line.len();
        all.push(start..end - usize::from(line.ends_with(b"\n")));
        start = end;
    }
    all
}

/// The pairs of equal lines of a longest common subsequence, in order; `None` where too much differs.
fn common(old: usize, new: usize, equal: impl Fn(usize, usize) -> bool) -> Option<Vec<(usize, usize)>> {
    let most = (old + new).min(MAX_CHANGES) as isize;
    let at = |k: isize| (k + most + 1) as usize;
    // The furthest line of the old one on each diagonal, and what it was before each round.
    let mut furthest = vec![0_usize; 2 * most as usize + 3];
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    let get = |all: &[usize], k: isize| all.get(at(k)).copied().unwrap_or(0);
    'rounds: for d in 0..=most {
        rounds.push(furthest.clone());
        for k in (-d..=d).step_by(2) {
            let down = k == -d || k != d && get(&furthest, k - 1) < get(&furthest, k + 1);
            let mut x = if down { get(&furthest, k + 1) } else { get(&furthest, k - 1) + 1 };
            let mut y = x.checked_add_signed(-k)?;
            while x < old && y < new && equal(x, y) {
                (x, y) = (x + 1, y + 1);
            }
            *furthest.get_mut(at(k))? = x;
            if x >= old && y >= new {
                break 'rounds;
            }
        }
        if d == most {
            return None;
        }
    }
    let (mut x, mut y) = (old, new);
    let mut pairs = Vec::new();
    for (d, before) in rounds.iter().enumerate().rev() {
        let (d, k) = (d as isize, x as isize - y as isize);
        let down = k == -d || k != d && get(before, k - 1) < get(before, k + 1);
        let from = if down { k + 1 } else { k - 1 };
        let from_x = if d == 0 { 0 } else { get(before, from) };
        let from_y = if d == 0 { 0 } else { from_x.checked_add_signed(-from)? };
        while x > from_x && y > from_y && equal(x - 1, y - 1) && (x, y) != (from_x, from_y) {
            (x, y) = (x - 1, y - 1);
            pairs.push((x, y));
        }
        (x, y) = (from_x, from_y);
    }
    pairs.reverse();
    Some(pairs)
}

/// The part of each side that differs: what stands between the beginning and the end that both have in common.
pub(crate) fn differing(left: &[u8], right: &[u8]) -> (Range<usize>, Range<usize>) {
    let head = left.iter().zip(right).take_while(|(a, b)| a == b).count();
    let room = left.len().min(right.len()) - head;
    let tail = left.iter().rev().zip(right.iter().rev()).take(room).take_while(|(a, b)| a == b).count();
    (head..left.len() - tail, head..right.len() - tail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(left: &str, right: &str) -> Vec<String> {
        let side = |text: &str, range: &Option<Range<usize>>| {
            range.as_ref().map_or("-", |range| &text[range.clone()]).to_owned()
        };
        let rows = by_line(left.as_bytes(), right.as_bytes());
        rows.iter().map(|row| format!("{}|{}", side(left, &row.left), side(right, &row.right))).collect()
    }

    #[test]
    fn lines_that_are_the_same_stand_beside_each_other() {
        assert_eq!(shown("a\nb\nc\n", "a\nx\nb\nc\n"), ["a|a", "-|x", "b|b", "c|c"]);
        assert_eq!(shown("a\nb\nc\n", "a\nB\nc\n"), ["a|a", "b|B", "c|c"]);
        assert_eq!(shown("a\nb\nc\nd\n", "b\nd\ne\n"), ["a|-", "b|b", "c|-", "d|d", "-|e"]);
        assert_eq!(shown("", "a\n"), ["-|a"]);
        assert_eq!(shown("", ""), Vec::<String>::new());
    }

    #[test]
    fn what_differs_in_a_line_is_between_what_both_have() {
        assert_eq!(differing(b"host = 10.0.0.1;", b"host = 10.0.0.27;"), (14..15, 14..16));
        assert_eq!(differing(b"aa", b"aaa"), (2..2, 2..3));
        assert_eq!(differing(b"", b""), (0..0, 0..0));
    }

    #[test]
    fn digits_stand_beside_those_of_the_same_offset() {
        let rows = by_offset(&[0; 17], &[0; 8]);
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[2], Row { left: Some(16..17), right: None });
    }

    #[test]
    fn two_texts_without_a_line_in_common_take_bounded_time() {
        let left: String = (0..40_000).map(|n| format!("l{n}\n")).collect();
        let right: String = (0..40_000).map(|n| format!("r{n}\n")).collect();
        assert_eq!(by_line(left.as_bytes(), right.as_bytes()).len(), 40_000);
    }

    proptest! {
        /// Each line of both is in one row, in order, and a row whose sides are equal has both.
        #[test]
        fn nothing_is_lost(left in "[ab\n]{0,40}", right in "[ab\n]{0,40}") {
            let rows = by_line(left.as_bytes(), right.as_bytes());
            let old: Vec<_> = rows.iter().filter_map(|row| row.left.clone()).collect();
            let new: Vec<_> = rows.iter().filter_map(|row| row.right.clone()).collect();
            prop_assert_eq!(old, lines(left.as_bytes()));
            prop_assert_eq!(new, lines(right.as_bytes()));
        }
    }
}
