//! Numbers of lines: how many end before an offset, and where a line begins.

use std::sync::atomic::Ordering;

use super::encoding::Encoding;
use super::search::{SearchProgress, Watch};
use super::source::{self, ByteSource};

/// Bytes that are read at most to tell the number of a line; of a place farther from all that is known it stays untold.
pub(crate) const MAX_COUNTED: u64 = 16 << 20;
/// Bytes that are read at once; a multiple of two, so that pairs of UTF-16 stay together.
const PIECE: u64 = 256 * 1024;

/// How many lines end before some offsets.
#[derive(Debug, Default)]
pub(crate) struct LineIndex {
    encoding: Encoding,
    /// Offsets, ascending, and the lines that end before each.
    known: Vec<(u64, u64)>,
}

impl LineIndex {
    /// How many lines end before `offset`, as far as no more than [`MAX_COUNTED`] bytes must be read to tell.
    pub(crate) fn before(&mut self, source: &mut dyn ByteSource, offset: u64, encoding: Encoding) -> Option<u64> {
        if self.encoding != encoding {
            *self = Self { encoding, known: Vec::new() };
        }
        let after = self.known.partition_point(|(known, _)| *known <= offset);
        let (mut at, mut lines) =
            after.checked_sub(1).and_then(|place| self.known.get(place)).copied().unwrap_or((0, 0));
        if offset - at > MAX_COUNTED {
            return None;
        }
        let mut buffer = Vec::new();
        while at < offset {
            let wanted = PIECE.min(offset - at) as usize;
            source::fill(source, at, wanted, &mut buffer);
            if buffer.is_empty() {
                return None;
            }
            lines += ends(&buffer, encoding, wanted);
            at += buffer.len() as u64;
            if at.is_multiple_of(PIECE) || at == offset {
                self.keep(at, lines);
            }
        }
        Some(lines)
    }

    fn keep(&mut self, offset: u64, lines: u64) {
        // Only where pairs begin can counting go on.
        if offset.is_multiple_of(2)
            && let Err(place) = self.known.binary_search_by_key(&offset, |(known, _)| *known)
        {
            self.known.insert(place, (offset, lines));
        }
    }
}

/// Line feeds among the first `count` of `bytes`, which begin where a pair does.
fn ends(bytes: &[u8], encoding: Encoding, count: usize) -> u64 {
    let bytes = bytes.get(..count).unwrap_or(bytes);
    let pair = match encoding {
        Encoding::Utf8 | Encoding::Latin1 => return memchr::memchr_iter(b'\n', bytes).count() as u64,
        Encoding::Utf16Le => b"\n\0",
        Encoding::Utf16Be => b"\0\n",
    };
    bytes.chunks_exact(2).filter(|two| *two == pair).count() as u64
}

/// Where line `number`, counted from 1, begins; `None` when there are fewer, or it was cancelled. Reads as much as lies
/// before it.
pub(crate) fn find(source: &mut dyn ByteSource, number: u64, encoding: Encoding, watch: &mut Watch<'_>) -> Option<u64> {
    let (mut left, mut at, size) = (number.checked_sub(1)?, 0, source.size());
    if left == 0 {
        return Some(0);
    }
    let mut buffer = Vec::new();
    let step = encoding.step();
    while at < size && !watch.cancel.load(Ordering::Acquire) {
        source::fill(source, at, PIECE as usize, &mut buffer);
        if buffer.is_empty() {
            return None;
        }
        let here = ends(&buffer, encoding, buffer.len());
        if here < left {
            left -= here;
            at += buffer.len() as u64;
            (watch.progress)(SearchProgress { done: at, total: size });
            continue;
        }
        for (index, unit) in buffer.chunks_exact(step).enumerate() {
            left -= ends(unit, encoding, step);
            if left == 0 {
                let start = at + ((index + 1) * step) as u64;
                return (start < size).then_some(start);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use proptest::prelude::*;

    use super::*;
    use crate::hex::fixtures::Patchy;

    #[test]
    fn a_place_too_far_from_all_that_is_known_stays_untold_and_costs_nothing() {
        struct Endless;
        impl ByteSource for Endless {
            fn size(&self) -> u64 {
                u64::MAX
            }
            fn piece(&mut self, offset: u64, buffer: &mut [u8]) -> source::Piece {
                assert!(offset <= MAX_COUNTED, "read at {offset}");
                buffer.fill(b'\n');
                source::Piece::Bytes(buffer.len())
            }
        }
        let mut index = LineIndex::default();
        assert_eq!(index.before(&mut Endless, 1 << 40, Encoding::Utf8), None);
        assert_eq!(index.before(&mut Endless, MAX_COUNTED, Encoding::Utf8), Some(MAX_COUNTED));
    }

    proptest! {
        #[test]
        fn lines_are_counted_and_found(
            text in "[a\n]{0,40}",
            offsets in prop::collection::vec(0_u64..90, 1..5),
            wide in any::<bool>(),
        ) {
            let bytes: Vec<u8> = if wide {
                text.encode_utf16().flat_map(u16::to_le_bytes).collect()
            } else {
                text.clone().into_bytes()
            };
            let encoding = if wide { Encoding::Utf16Le } else { Encoding::Utf8 };
            let step = encoding.step() as u64;
            let mut source = Patchy::new(&bytes);
            let mut index = LineIndex::default();
            for offset in offsets {
                let offset = (offset / step * step).min(bytes.len() as u64);
                let naive = text.bytes().take((offset / step) as usize).filter(|byte| *byte == b'\n').count() as u64;
                prop_assert_eq!(index.before(&mut source, offset, encoding), Some(naive));
            }
            let cancel = AtomicBool::new(false);
            let mut watch = Watch { cancel: &cancel, progress: &mut |_| {} };
            let starts: Vec<_> = std::iter::once(0)
                .chain(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| (at as u64 + 1) * step))
                .filter(|start| *start == 0 || *start < bytes.len() as u64)
                .collect();
            for number in 1..=starts.len() as u64 + 1 {
                let found = find(&mut source, number, encoding, &mut watch);
                prop_assert_eq!(found, starts.get(number as usize - 1).copied());
            }
        }
    }
}
