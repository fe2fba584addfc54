//! What the list is sorted and grouped by.

use std::cmp::Ordering;

use super::row::ListedFinding;
use crate::finding::FileTime;

/// A column of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Column {
    /// What the finding has come to; what needs a decision comes first, and of that what tells most.
    #[default]
    State,
    /// Path.
    Path,
    /// The box, where there are many.
    Host,
    /// The hunt, in the order in which hunts are listed.
    Hunt,
    /// Size of the file.
    Size,
    /// Last change of the file's content.
    Modified,
    /// Places where a pattern matched.
    Matches,
    /// What the box says of it at a glance: live, scheduled, listening.
    Signs,
}

impl Column {
    /// All of them, in the order in which they are shown and gone through.
    pub const ALL: [Self; 8] =
        [Self::State, Self::Path, Self::Signs, Self::Host, Self::Hunt, Self::Size, Self::Modified, Self::Matches];

    /// What to call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Path => "path",
            Self::Host => "host",
            Self::Hunt => "hunt",
            Self::Size => "size",
            Self::Modified => "time",
            Self::Matches => "matches",
            Self::Signs => "signs",
        }
    }

    /// Numbers begin with the largest, times with the newest.
    fn begins_descending(self) -> bool {
        matches!(self, Self::Size | Self::Modified | Self::Matches | Self::Signs)
    }
}

/// What the list is sorted by; the path decides between equals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sort {
    /// The column.
    pub column: Column,
    /// Whether the largest comes first.
    pub descending: bool,
}

impl Sort {
    /// By this column, in the direction that it begins with.
    pub fn by(column: Column) -> Self {
        Self { column, descending: column.begins_descending() }
    }

    /// By the next column, round and round.
    #[must_use]
    pub fn next(self) -> Self {
        let place = Column::ALL.iter().position(|column| *column == self.column).unwrap_or(0) + 1;
        Self::by(Column::ALL[place % Column::ALL.len()])
    }

    /// The other way round.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self { descending: !self.descending, ..self }
    }

    /// Which of two rows comes first; no two are equal. With each comes how common its rule's findings are.
    pub(super) fn compare(self, (a, a_common): (&ListedFinding, u8), (b, b_common): (&ListedFinding, u8)) -> Ordering {
        let by_path = || a.by_path(b);
        match self.column {
            Column::Path if self.descending => by_path().reverse(),
            _ => self.key(a, 0, a_common).cmp(&self.key(b, 0, b_common)).then_with(by_path),
        }
    }

    /// What decides before the path does: smaller comes first. `path` is the row's place among all by path, `common` how
    /// common findings of its rule are.
    pub(super) fn key(self, row: &ListedFinding, path: u32, common: u8) -> u64 {
        let key = match self.column {
            // Of those that have come to the same, what tells most comes first: a hunt's before a plain rule's, what weighs
            // more, what is rare.
            Column::State => {
                let parts = [row.rank(), u8::from(row.plain), !row.score, common];
                u64::from(u32::from_be_bytes(parts))
            }
            Column::Path => u64::from(path),
            Column::Host => row.at.into(),
            Column::Hunt => row.hunt as u64,
            Column::Size => row.size,
            Column::Modified => time_key(row.modified),
            Column::Matches => row.matches as u64,
            Column::Signs => row.letters().into_iter().filter(|(_, on)| *on).count() as u64,
        };
        if self.descending { !key } else { key }
    }
}

/// A time as a number in the same order, exact from 1833 to 2378. Times before and after, which are made up, are
/// equal among themselves.
fn time_key(time: FileTime) -> u64 {
    const EPOCH: i64 = 1 << 32;
    const NANOS: u32 = 30;
    let seconds = time.seconds.saturating_add(EPOCH);
    match u64::try_from(seconds) {
        Err(_) => 0,
        Ok(seconds) if seconds >> (64 - NANOS) > 0 => u64::MAX,
        Ok(seconds) => seconds << NANOS | u64::from(time.nanos.min((1 << NANOS) - 1)),
    }
}

/// What the list is grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Grouping {
    /// Nothing.
    #[default]
    None,
    /// The hunt.
    Hunt,
    /// The folder that the file lies in.
    Folder,
    /// The content's digest; most copies first.
    Content,
    /// What the finding has come to.
    Verdict,
}

impl Grouping {
    /// The next one, round and round.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::None => Self::Hunt,
            Self::Hunt => Self::Folder,
            Self::Folder => Self::Content,
            Self::Content => Self::Verdict,
            Self::Verdict => Self::None,
        }
    }

    /// What to call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "nothing",
            Self::Hunt => "hunt",
            Self::Folder => "folder",
            Self::Content => "content",
            Self::Verdict => "verdict",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_their_order_as_numbers() {
        let times = [(i64::MIN, 5), (-1, 0), (-1, 999_999_999), (0, 0), (0, 1), (1 << 33, 7), (i64::MAX, 0)];
        let keys = times.map(|(seconds, nanos)| time_key(FileTime { seconds, nanos }));
        assert!(keys.is_sorted_by(|a, b| a < b), "{keys:?}");
    }

    #[test]
    fn every_column_and_grouping_comes_round() {
        let mut sort = Sort::default();
        for column in Column::ALL {
            assert_eq!(sort, Sort::by(column));
            assert_eq!(sort.reversed().reversed(), sort);
            sort = sort.next();
        }
        assert_eq!(sort, Sort::default());
        let around = (0..5).fold(Grouping::None, |grouping, _| grouping.next());
        assert_eq!(around, Grouping::None);
    }
}
