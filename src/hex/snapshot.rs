//! The bytes that were kept with a finding, as a source: what was not kept is unknown.

use std::sync::Arc;

use super::source::{Ahead, ByteSource, Piece};
use crate::finding::{Excerpt, KeptBytes};

/// The kept bytes of a file in their places.
#[derive(Debug, Clone)]
pub(crate) struct KeptSource {
    kept: Arc<KeptBytes>,
    size: u64,
}

impl KeptSource {
    /// What was kept of a file of `size` bytes.
    pub(crate) fn new(kept: Arc<KeptBytes>, size: u64) -> Self {
        Self { kept, size }
    }

    /// How many bytes were kept.
    pub(crate) fn count(&self) -> u64 {
        self.kept.excerpts.iter().map(|excerpt| excerpt.bytes.len() as u64).sum()
    }

    /// The kept bytes from `offset` on, or where the next kept bytes begin.
    fn at(&self, offset: u64) -> Result<&[u8], u64> {
        let next = self.kept.excerpts.partition_point(|excerpt| excerpt.offset <= offset);
        let before = next.checked_sub(1).and_then(|index| self.kept.excerpts.get(index));
        let bytes = before.and_then(|Excerpt { offset: start, bytes }| {
            bytes.get(usize::try_from(offset - start).ok()?..).filter(|rest| !rest.is_empty())
        });
        bytes.ok_or_else(|| self.kept.excerpts.get(next).map_or(self.size, |e| e.offset.min(self.size)))
    }
}

impl ByteSource for KeptSource {
    fn size(&self) -> u64 {
        self.size
    }

    fn piece(&mut self, offset: u64, buffer: &mut [u8]) -> Piece {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        if left == 0 {
            return Piece::End;
        }
        match self.at(offset) {
            Err(until) => Piece::Unknown { until },
            Ok(kept) => {
                let count = kept.len().min(left).min(buffer.len());
                buffer.iter_mut().zip(kept.iter().take(count)).for_each(|(to, from)| *to = *from);
                Piece::Bytes(count)
            }
        }
    }

    fn ahead(&mut self, offset: u64) -> Ahead {
        match self.at(offset) {
            Err(until) if until > offset => Ahead::Unknown { until },
            _ => Ahead::Data,
        }
    }

    fn known_first(&self) -> u64 {
        let on = |end: u64, excerpt: &Excerpt| {
            if excerpt.offset <= end { end.max(excerpt.offset + excerpt.bytes.len() as u64) } else { end }
        };
        self.kept.excerpts.iter().fold(0, on).min(self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::source::read;
    use proptest::prelude::*;

    fn excerpt(offset: u64, bytes: &[u8]) -> Excerpt {
        Excerpt { offset, bytes: bytes.to_vec() }
    }

    #[test]
    fn bytes_between_excerpts_and_after_them_are_unknown() {
        let kept = KeptBytes { excerpts: vec![excerpt(1, b"ab"), excerpt(5, b"c")] };
        let mut source = KeptSource::new(Arc::new(kept), 8);
        let shown: String = read(&mut source, 0, 100).iter().map(|b| b.map_or('?', char::from)).collect();
        assert_eq!((shown.as_str(), source.known_first()), ("?ab??c??", 0));
        let kept = KeptBytes { excerpts: vec![excerpt(0, b"ab"), excerpt(2, b"c"), excerpt(4, b"d")] };
        assert_eq!(KeptSource::new(Arc::new(kept), 8).known_first(), 3);
        assert_eq!(source.count(), 3);
        assert_eq!(source.ahead(3), Ahead::Unknown { until: 5 });
        assert_eq!(source.ahead(5), Ahead::Data);
    }

    proptest! {
        /// A case file is only as good as who wrote it: excerpts out of order, overlapping, past the end.
        #[test]
        fn any_excerpts_can_be_read(
            excerpts in prop::collection::vec((0u64..60, prop::collection::vec(any::<u8>(), 0..20)), 0..6),
            size in 0u64..50,
            offset in 0u64..60,
        ) {
            let kept = KeptBytes { excerpts: excerpts.iter().map(|(o, b)| excerpt(*o, b)).collect() };
            let bytes = read(&mut KeptSource::new(Arc::new(kept), size), offset, 100);
            prop_assert!(bytes.len() as u64 <= size.saturating_sub(offset));
        }
    }
}
