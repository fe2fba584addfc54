//! Which columns a line of the list has room for, and where they stand.

use super::sort::Column;

/// A column's place on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// The column.
    pub column: Column,
    /// Terminal columns before it.
    pub start: usize,
    /// Terminal columns that it takes.
    pub width: usize,
}

/// A mark, then sign and word of the state.
const STATE: usize = 12;
/// Terminal columns between two columns of the list.
const GAP: usize = 2;
/// What the path keeps at least, or gives up only to the column that the list is sorted by.
const PATH: usize = 34;
const PATH_AT_LEAST: usize = 16;

/// The columns of a line `width` terminal columns wide. The path takes what the others leave; `without` would say the
/// same on every line.
pub(crate) fn columns(width: usize, sorted: Column, without: &[Column]) -> Vec<Placed> {
    let optional =
        [(Column::Host, 16), (Column::Hunt, 20), (Column::Size, 9), (Column::Matches, 9), (Column::Modified, 10)];
    let start = 1 + STATE + 1;
    let mut room = width.saturating_sub(start);
    let mut taken = Vec::new();
    let (first, others): (Vec<_>, Vec<_>) = optional.into_iter().partition(|(column, _)| *column == sorted);
    for (column, wide) in first.into_iter().chain(others) {
        let least = if column == sorted { PATH_AT_LEAST } else { PATH };
        if !without.contains(&column) && room >= wide + GAP + least {
            room -= wide + GAP;
            taken.push((column, wide));
        }
    }
    let mut placed = vec![
        Placed { column: Column::State, start: 1, width: STATE },
        Placed { column: Column::Path, start, width: room },
    ];
    let mut next = start + room + GAP;
    for column in Column::ALL {
        if let Some((_, wide)) = taken.iter().find(|(taken, _)| *taken == column) {
            placed.push(Placed { column, start: next, width: *wide });
            next += wide + GAP;
        }
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fill_the_line_and_from_80_columns_on_the_sorted_one_is_among_them() {
        for width in 52..220 {
            for sorted in Column::ALL {
                let placed = columns(width, sorted, &[]);
                assert!(placed.iter().any(|placed| placed.column == sorted), "{width} {sorted:?}");
                let last = placed.last().unwrap();
                assert_eq!(last.start + last.width, width, "{width} {sorted:?}");
                assert!(placed.windows(2).all(|pair| pair[0].start + pair[0].width < pair[1].start));
            }
        }
        assert_eq!(columns(52, Column::State, &[]).len(), 2);
        assert_eq!(columns(200, Column::State, &[Column::Host]).len(), 6);
        assert_eq!(columns(200, Column::State, &[Column::Hunt, Column::Host]).len(), 5);
    }
}
