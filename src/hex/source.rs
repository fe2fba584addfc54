//! What bytes can be had from. A source may not know all of its bytes, and says so instead of making them up.

use std::ops::Range;

/// Bytes that are read at once at most, whatever was asked for.
pub(crate) const MAX_READ_BYTES: usize = 1024 * 1024;

/// What a source gives for an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// So many bytes, at least one, are now at the front of the buffer.
    Bytes(usize),
    /// Nothing is known of the bytes before this offset.
    Unknown {
        /// Offset of the next byte that may be known; beyond the offset asked for.
        until: u64,
    },
    /// The offset is at or past the end.
    End,
}

/// What lies ahead of an offset, as far as it can be told without reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ahead {
    /// Bytes that must be read to be known.
    Data,
    /// A hole: only zeros before this offset.
    Zeros {
        /// Offset one past the hole.
        until: u64,
    },
    /// Nothing is known of the bytes before this offset.
    Unknown {
        /// Offset of the next byte that may be known.
        until: u64,
    },
}

/// Something with bytes at offsets.
pub(crate) trait ByteSource {
    /// Bytes from the first to the end, known or not.
    fn size(&self) -> u64;

    /// Reads what is at `offset` into the front of `buffer`; as much or as little as comes at once.
    fn piece(&mut self, offset: u64, buffer: &mut [u8]) -> Piece;

    /// What lies at `offset`; [`Ahead::Data`] whenever that is not cheap to tell.
    fn ahead(&mut self, _offset: u64) -> Ahead {
        Ahead::Data
    }

    /// How many bytes from the first on are known, up to the first one that is not.
    fn known_first(&self) -> u64 {
        self.size()
    }
}

/// Makes `buffer` the bytes of `source` from `offset` on: `len` of them, at most [`MAX_READ_BYTES`], fewer where the source ends.
///
/// Returns the stretches of the buffer that are known, in order and with a gap between any two. All else is zero.
pub(crate) fn fill(source: &mut dyn ByteSource, offset: u64, len: usize, buffer: &mut Vec<u8>) -> Vec<Range<usize>> {
    let len = len.min(MAX_READ_BYTES);
    let mut known: Vec<Range<usize>> = Vec::new();
    buffer.clear();
    buffer.resize(len, 0);
    let mut at = 0;
    while let Some(room) = buffer.get_mut(at..).filter(|room| !room.is_empty()) {
        let Some(place) = offset.checked_add(at as u64) else { break };
        match source.piece(place, room) {
            Piece::Bytes(count) if count > 0 => {
                let end = at + count.min(room.len());
                match known.last_mut() {
                    Some(last) if last.end == at => last.end = end,
                    _ => known.push(at..end),
                }
                at = end;
            }
            Piece::Unknown { until } if until > place => {
                at = usize::try_from(until - offset).unwrap_or(len).min(len);
            }
            _ => break,
        }
    }
    buffer.truncate(at);
    known
}

/// The bytes of `source` from `offset` on, `None` where they are unknown; as many as [`fill`] gives.
pub(crate) fn read(source: &mut dyn ByteSource, offset: u64, len: usize) -> Vec<Option<u8>> {
    let mut buffer = Vec::new();
    let known = fill(source, offset, len, &mut buffer);
    let mut bytes = vec![None; buffer.len()];
    for range in known {
        if let (Some(to), Some(from)) = (bytes.get_mut(range.clone()), buffer.get(range)) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = Some(*from));
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::fixtures::Patchy;

    #[test]
    fn unknown_bytes_are_none_and_the_end_is_the_end() {
        let mut source = Patchy::new(b"abcdefgh").without(2..4).without(7..8);
        let text: Vec<_> = read(&mut source, 1, 100).into_iter().map(|b| b.map_or('?', char::from)).collect();
        assert_eq!(text, ['b', '?', '?', 'e', 'f', 'g', '?']);
        assert!(read(&mut source, 8, 4).is_empty());
        assert!(read(&mut source, u64::MAX, 4).is_empty());
    }

    #[test]
    fn a_read_is_bounded_whatever_is_asked_for() {
        let mut source = Patchy::new(&vec![1; MAX_READ_BYTES + 10]);
        assert_eq!(read(&mut source, 0, usize::MAX).len(), MAX_READ_BYTES);
    }

    #[test]
    fn a_source_that_gives_nothing_ends_the_read() {
        struct Stuck;
        impl ByteSource for Stuck {
            fn size(&self) -> u64 {
                u64::MAX
            }
            fn piece(&mut self, offset: u64, _: &mut [u8]) -> Piece {
                if offset == 0 { Piece::Bytes(0) } else { Piece::Unknown { until: offset } }
            }
        }
        assert!(read(&mut Stuck, 0, 10).is_empty());
        assert!(read(&mut Stuck, 5, 10).is_empty());
    }
}
