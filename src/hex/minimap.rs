//! The strip beside the bytes: the whole file in as many rows as the area has, and where in it the matches are.

use std::ops::Range;

use super::highlight::Highlights;

/// One row of the strip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MinimapRow {
    /// The bytes it stands for; empty when the file has fewer bytes than the strip has rows.
    pub range: Range<u64>,
    /// The patterns that cover any of these bytes, as indexes in the legend.
    pub patterns: Vec<usize>,
    /// Whether any of these bytes is in sight.
    pub in_sight: bool,
}

/// The strip of `rows` rows for a file of `size` bytes of which `sight` is in sight.
pub(crate) fn strip(rows: usize, size: u64, sight: &Range<u64>, highlights: &Highlights) -> Vec<MinimapRow> {
    let row = |index| {
        let range = edge(index, rows, size)..edge(index + 1, rows, size);
        let in_sight = range.start < sight.end && sight.start < range.end;
        MinimapRow { patterns: highlights.patterns_in(range.clone()), in_sight, range }
    };
    (0..rows).map(row).collect()
}

/// Offset at which row `index` of `rows` begins.
fn edge(index: usize, rows: usize, size: u64) -> u64 {
    // At most `size`, because the index is at most the number of rows.
    (index as u128 * u128::from(size) / (rows as u128).max(1)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::PatternMatch;
    use proptest::prelude::*;

    fn marks(offsets: &[u64]) -> Highlights {
        let found = |offset: &u64| PatternMatch { pattern: "$a".into(), offset: *offset, length: 1, data: Vec::new() };
        Highlights::new([], &offsets.iter().map(found).collect::<Vec<_>>())
    }

    #[test]
    fn matches_and_the_view_are_in_their_rows() {
        let rows = strip(10, 1000, &(250..350), &marks(&[0, 999, 300]));
        let matched: Vec<_> = (0..10).filter(|row| !rows[*row].patterns.is_empty()).collect();
        let seen: Vec<_> = (0..10).filter(|row| rows[*row].in_sight).collect();
        assert_eq!((matched, seen), (vec![0, 3, 9], vec![2, 3]));
    }

    #[test]
    fn a_file_without_bytes_has_a_strip_without_marks() {
        assert!(strip(5, 0, &(0..0), &marks(&[3])).iter().all(|row| row.patterns.is_empty() && !row.in_sight));
        assert!(strip(0, 100, &(0..10), &marks(&[3])).is_empty());
    }

    proptest! {
        #[test]
        fn the_rows_cover_the_file_once(
            rows in 1usize..300,
            size in prop_oneof![1u64..500, 1u64..=u64::MAX],
            part in 0u64..=u64::MAX,
        ) {
            let strip = strip(rows, size, &(0..1), &Highlights::default());
            prop_assert_eq!(strip[0].range.start, 0);
            prop_assert_eq!(strip[rows - 1].range.end, size);
            prop_assert!(strip.windows(2).all(|pair| pair[0].range.end == pair[1].range.start));
            let offset = part % size;
            prop_assert_eq!(strip.iter().filter(|row| row.range.contains(&offset)).count(), 1);
        }
    }
}
