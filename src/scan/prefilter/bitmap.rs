//! A bitmap of hashes: whether one was put into it, with few wrong answers, all of them yes.

/// An odd number whose multiples spread well: 2^64 divided by the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
/// Bits for each hash that is put in: three are set, all in one word.
const BITS_FOR_ONE: usize = 16;
/// Words at least and at most: 2 KiB and 512 KiB.
const WORDS: std::ops::RangeInclusive<usize> = 1 << 8..=1 << WORD_BITS;
/// Bits of a word's number at most.
const WORD_BITS: u32 = 16;
/// How many different sets of three bits there are.
const MASKS: usize = 1024;

/// Three bits of a word, by some bits of the hash.
static BITS: [u64; MASKS] = masks();

const fn masks() -> [u64; MASKS] {
    let mut masks = [0; MASKS];
    let mut state = SPREAD;
    let mut index = 0;
    while index < MASKS {
        while u64::count_ones(masks[index]) < 3 {
            // xorshift64, Marsaglia 2003.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            masks[index] |= 1 << (state >> 58);
        }
        index += 1;
    }
    masks
}

/// The hash of a window; its highest bits are the best.
#[inline]
pub(super) fn hash(window: u64) -> u64 {
    window.wrapping_mul(SPREAD)
}

/// Hashes that were put in.
#[derive(Debug)]
pub(super) struct Bitmap {
    /// A power of two of them. A bit is set where nothing was put in.
    words: Box<[u64]>,
}

impl Bitmap {
    /// An empty one with room for so many.
    pub(super) fn for_windows(count: usize) -> Self {
        let words = (count * BITS_FOR_ONE / 64).next_power_of_two().clamp(*WORDS.start(), *WORDS.end());
        Self { words: vec![u64::MAX; words].into() }
    }

    pub(super) fn insert(&mut self, hash: u64) {
        let (place, bits) = self.place(hash);
        if let Some(word) = self.words.get_mut(place) {
            *word &= !bits;
        }
    }

    /// Whether the hash was put in; now and then also of one that was not.
    #[inline]
    pub(super) fn has(&self, hash: u64) -> bool {
        let (place, bits) = self.place(hash);
        self.words.get(place).is_some_and(|word| word & bits == 0)
    }

    /// The word of a hash and its bits there, from parts of the hash that have nothing in common.
    #[inline]
    fn place(&self, hash: u64) -> (usize, u64) {
        let bits = BITS[(hash >> (64 - WORD_BITS - MASKS.ilog2())) as usize % MASKS];
        ((hash >> (64 - WORD_BITS)) as usize & (self.words.len() - 1), bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_is_there_and_little_else() {
        for count in [0, 1, 100, 20_000, 200_000] {
            let mut bitmap = Bitmap::for_windows(count);
            let windows = |from: u64| (from..from + count as u64).map(|n| hash(n.wrapping_mul(0x1_0001_0007)));
            windows(0).for_each(|hash| bitmap.insert(hash));
            assert!(windows(0).all(|hash| bitmap.has(hash)));
            let wrong = windows(1 << 40).filter(|hash| bitmap.has(*hash)).count();
            assert!(wrong * 50 <= count, "{wrong} of {count}");
        }
    }
}
