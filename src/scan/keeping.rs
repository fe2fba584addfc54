//! How much of a file is kept with its findings: a small one whole, of a larger one what is around its matches.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::finding::KeptBytes;

/// Most that `--keep` may ask for, in bytes: a finding with its bytes stands in memory more than once.
pub(crate) const MAX_KEPT: u64 = 16 << 20;
/// Bytes that files larger than [`KeptBytes::WHOLE`] may have together that are kept whole in one scan. It bounds the memory of
/// what waits to be recorded, and the size of the case.
pub(crate) const ALL_KEPT: u64 = 512 << 20;

/// What may still be kept whole.
#[derive(Debug)]
pub(super) struct Keeping {
    /// The largest file that is kept whole, in bytes.
    most: u64,
    /// Bytes of larger files than usual that may yet be.
    left: AtomicU64,
}

impl Keeping {
    /// Files of up to `most` bytes, as long as [`ALL_KEPT`] lasts.
    pub(super) fn new(most: u64) -> Self {
        Self { most: most.min(MAX_KEPT), left: AtomicU64::new(ALL_KEPT) }
    }

    /// Up to which size files are kept whole, asked for one of `size` bytes.
    pub(super) fn whole(&self, size: u64) -> u64 {
        if size <= KeptBytes::WHOLE || size > self.most {
            return self.most.min(KeptBytes::WHOLE);
        }
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(size));
        if taken.is_ok() { size } else { KeptBytes::WHOLE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_files_are_kept_whole_as_long_as_there_is_room() {
        let usual = Keeping::new(KeptBytes::WHOLE);
        assert_eq!([1, KeptBytes::WHOLE, KeptBytes::WHOLE + 1].map(|size| usual.whole(size)), [KeptBytes::WHOLE; 3]);
        let more = Keeping::new(u64::MAX);
        assert_eq!(more.whole(1 << 20), 1 << 20);
        assert_eq!(more.whole(MAX_KEPT + 1), KeptBytes::WHOLE);
        let whole = (0..64).filter(|_| more.whole(MAX_KEPT) == MAX_KEPT).count();
        assert_eq!(whole as u64, (ALL_KEPT - (1 << 20)) / MAX_KEPT);
        assert_eq!(more.whole(100), KeptBytes::WHOLE, "a small one takes nothing");
        assert_eq!(Keeping::new(0).whole(100), 0);
    }
}
