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
/// A narrow terminal: the rule's name, and what the path keeps beside it.
const HUNT_AT_LEAST: usize = 14;
const PATH_BESIDE_HUNT: usize = 20;
/// The letters for live, scheduled and listening.
const SIGNS: usize = 5;

/// The columns of a line `width` terminal columns wide. The path takes what the others leave; `without` would say the
/// same on every line.
pub(crate) fn columns(width: usize, sorted: Column, without: &[Column]) -> Vec<Placed> {
    let optional = [
        (Column::Host, 16),
        (Column::Hunt, 20),
        (Column::Signs, SIGNS),
        (Column::Size, 9),
        (Column::Matches, 9),
        (Column::Modified, 10),
    ];
    let start = 1 + STATE + 1;
    let mut room = width.saturating_sub(start);
    let mut taken = Vec::new();
    let (first, others): (Vec<_>, Vec<_>) = optional.into_iter().partition(|(column, _)| *column == sorted);
    for (column, wide) in first.into_iter().chain(others) {
        // Which rule it was matters more than a long path: both keep their ends.
        let (wide, least) = match column {
            _ if column == sorted => (wide, PATH_AT_LEAST),
            Column::Hunt if room < wide + GAP + PATH => (HUNT_AT_LEAST, PATH_BESIDE_HUNT),
            Column::Signs => (wide, PATH_BESIDE_HUNT),
            _ => (wide, PATH),
        };
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
        let names = |width, without: &[Column]| -> Vec<_> {
            columns(width, Column::State, without).into_iter().map(|placed| placed.column).collect()
        };
        let alone = [Column::Host, Column::Signs];
        assert_eq!(names(52, &alone), [Column::State, Column::Path, Column::Hunt], "80 columns: which rule it was");
        assert_eq!(names(62, &[Column::Host]), [Column::State, Column::Path, Column::Signs, Column::Hunt]);
        assert_eq!(names(200, &alone).len(), 6);
        assert_eq!(names(200, &[Column::Hunt, Column::Host]).len(), 6);
    }
}
