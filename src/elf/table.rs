//! A table of headers in the file: where it lies, how many entries it claims, how many there can be.

use serde::Serialize;

use super::layout::ElfLayout;
use super::record::{LARGEST, RecordBytes, Shape};
use super::source::Bytes;

/// Bytes of a table that are read at once.
const PIECE: u64 = 64 * 1024;

/// Where a header table lies and how much of it there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct HeaderTable {
    /// Offset of the first entry in the file.
    pub offset: u64,
    /// Bytes from one entry to the next, as decoded: what the header says, but never less than an entry takes.
    pub entry_size: u64,
    /// Entries the file claims.
    pub count: u64,
    /// Entries that lie wholly inside the file.
    pub inside: u64,
    /// Entries that were decoded, the last of which the end of the file may cut.
    pub decoded: u64,
    /// Entries that lie inside the file, at least in part, but were not at hand.
    pub not_read: u64,
}

/// What the file says about a table, and what is made of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    /// Offset of the first entry.
    pub(super) offset: u64,
    /// Bytes from entry to entry, as the file says.
    pub(super) stride: u64,
    /// Bytes an entry takes by the specification.
    pub(super) needed: u64,
    /// Entries.
    pub(super) count: u64,
    /// Entries to decode at most.
    pub(super) most: u64,
}

impl HeaderTable {
    pub(super) fn place(source: &dyn Bytes, claim: Claim) -> Self {
        let Claim { offset, stride, needed, count, most } = claim;
        let entry_size = stride.max(needed).max(1);
        let entries = |end: u64, least: u64| {
            let room = offset.checked_add(least).and_then(|first| end.checked_sub(first));
            room.map_or(0, |room| (room / entry_size + 1).min(count))
        };
        let begun = entries(source.size(), 1);
        let at_hand = if source.readable() < source.size() { entries(source.readable(), needed) } else { begun };
        Self {
            offset,
            entry_size,
            count,
            inside: entries(source.size(), needed),
            decoded: at_hand.min(most),
            not_read: begun - at_hand.min(begun),
        }
    }

    /// Whether every entry the file claims was decoded.
    pub fn complete(&self) -> bool {
        self.decoded == self.count
    }

    /// Offset one past the last entry that is claimed.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.entry_size.saturating_mul(self.count))
    }

    /// Hands the entries that are to be decoded to `take`, in their order. Those that lie close together are read many
    /// at a time.
    pub(super) fn each(self, source: &dyn Bytes, layout: ElfLayout, shape: Shape, mut take: impl FnMut(RecordBytes)) {
        let step = (PIECE / self.entry_size).max(1);
        let mut first = 0;
        while first < self.decoded {
            let offset = self.offset.saturating_add(self.entry_size.saturating_mul(first));
            let count = step.min(self.decoded - first);
            let bytes = source.read(offset, if count == 1 { LARGEST } else { (self.entry_size * count) as usize });
            for index in 0..count {
                let at = self.entry_size.saturating_mul(index);
                let there = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
                take(RecordBytes::of(there, layout, (offset.saturating_add(at), source.size()), shape));
            }
            first += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::Prefix;
    use super::*;

    fn place(readable: usize, size: u64, offset: u64, count: u64) -> HeaderTable {
        let bytes = vec![0; readable];
        HeaderTable::place(&Prefix::new(&bytes, size), Claim { offset, stride: 32, needed: 32, count, most: 1000 })
    }

    #[test]
    fn entries_are_counted_inside_cut_and_past_the_end() {
        let whole = place(128, 128, 64, 2);
        assert_eq!((whole.inside, whole.decoded, whole.not_read), (2, 2, 0));
        let cut = place(127, 127, 64, 2);
        assert_eq!((cut.inside, cut.decoded, cut.not_read), (1, 2, 0));
        let past = place(64, 64, 64, 2);
        assert_eq!((past.inside, past.decoded, past.not_read), (0, 0, 0));
        let far = place(64, 64, u64::MAX, u64::MAX);
        assert_eq!((far.inside, far.decoded, far.end()), (0, 0, u64::MAX));
    }

    #[test]
    fn what_lies_behind_the_prefix_is_not_read_rather_than_missing() {
        let half = place(100, 1000, 64, 4);
        assert_eq!((half.inside, half.decoded, half.not_read), (4, 1, 3));
        let all = place(10, 1000, 64, 4);
        assert_eq!((all.inside, all.decoded, all.not_read), (4, 0, 4));
    }

    #[test]
    fn absurd_counts_cost_nothing() {
        let table = place(4096, 4096, 0, u64::MAX);
        assert_eq!((table.inside, table.decoded), (128, 128));
        let claim = Claim { offset: 0, stride: 0, needed: 32, count: u64::MAX, most: 1000 };
        let dense = HeaderTable::place(&Prefix::new(&[0; 64], u64::MAX), claim);
        assert_eq!((dense.entry_size, dense.decoded), (32, 2));
    }
}
