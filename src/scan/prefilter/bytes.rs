//! Sets of bytes, and how common each byte is.

use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// The bytes that may stand at one place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct ByteSet([u64; 4]);

impl ByteSet {
    pub(super) const EMPTY: Self = Self([0; 4]);
    pub(super) const ALL: Self = Self([u64::MAX; 4]);

    pub(super) fn one(byte: u8) -> Self {
        let mut set = Self::EMPTY;
        set.insert(byte);
        set
    }

    /// The byte, and its other case if it is an ASCII letter.
    pub(super) fn any_case(byte: u8) -> Self {
        let mut set = Self::one(byte.to_ascii_lowercase());
        set.insert(byte.to_ascii_uppercase());
        set
    }

    pub(super) fn insert(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    pub(super) const fn contains(&self, byte: u8) -> bool {
        self.0[(byte >> 6) as usize] >> (byte & 63) & 1 != 0
    }

    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u8> {
        let words = [0, 64, 128, 192].into_iter().zip(self.0);
        words.flat_map(|(first, word)| ones(u128::from(word)).map(move |bit| first + bit))
    }

    /// Its bytes with bit 5 set, the 128 that there are in their order: see [`unsqueezed`].
    pub(super) fn folded(&self) -> u128 {
        let words = self.0.iter().rev();
        words.fold(0, |all, word| all << 32 | u128::from((word | word >> 32) as u32))
    }

    /// The bits in which all its bytes agree, and what these are: `byte & mask == value` for each of them, and perhaps
    /// for some more.
    pub(super) fn mask_and_value(&self) -> (u8, u8) {
        let all = self.iter().fold(u8::MAX, |all, byte| all & byte);
        let any = self.iter().fold(0, |any, byte| any | byte);
        (!(all ^ any), all)
    }

    pub(super) fn union(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] | other.0[word]))
    }

    /// How much it tells that one of these bytes stands somewhere, in bits: 0 for all bytes, about 10 for a rare one.
    pub(super) fn information(&self) -> f64 {
        if let (1, Some(byte)) = (self.len(), self.iter().next()) {
            return f64::from(TENTHS_OF_BITS[usize::from(byte)]) / 10.0;
        }
        let chance: f64 = self.iter().filter_map(|byte| CHANCES.get(usize::from(byte))).sum();
        -chance.min(1.0).log2()
    }
}

/// The places of the bits that are set, the lowest first.
pub(super) fn ones(mut bits: u128) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let bit = (bits != 0).then(|| bits.trailing_zeros() as u8)?;
        bits &= bits - 1;
        Some(bit)
    })
}

/// The byte that this place of a [`ByteSet::folded`] set stands for, with bit 5 set: two cases of a letter are one.
pub(super) const fn unsqueezed(squeezed: u8) -> u8 {
    squeezed & 0x1f | (squeezed & 0x60) << 1 | 0x20
}

impl std::fmt::Debug for ByteSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes: Vec<u8> = self.iter().collect();
        write!(f, "[{}]", bytes.escape_ascii())
    }
}

/// The share of each byte.
static CHANCES: LazyLock<[f64; 256]> =
    LazyLock::new(|| TENTHS_OF_BITS.map(|tenths| (-f64::from(tenths) / 10.0).exp2()));

/// How rare each byte is, in tenths of a bit (`-10 log2` of its share), as counted in a random gigabyte of the
/// executables, libraries, scripts, documents and data of a Debian `/usr` and `/etc`.
#[rustfmt::skip]
const TENTHS_OF_BITS: [u8; 256] = [
    27, 67, 76, 80, 80, 84, 86, 88, 78, 85, 64, 93, 90, 92, 85, 75,
    84, 94, 93, 97, 93, 96, 98, 98, 89, 98, 98, 98, 98, 100, 99, 91,
    35, 97, 72, 91, 78, 88, 99, 82, 81, 81, 94, 98, 77, 82, 72, 80,
    78, 78, 85, 89, 89, 90, 91, 93, 89, 89, 78, 94, 85, 84, 85, 101,
    91, 74, 87, 83, 79, 76, 88, 90, 67, 78, 99, 95, 78, 86, 83, 88,
    83, 101, 84, 79, 80, 89, 93, 97, 97, 99, 92, 92, 93, 92, 103, 70,
    92, 55, 77, 63, 62, 47, 69, 72, 70, 56, 87, 83, 61, 68, 56, 55,
    66, 93, 55, 55, 52, 65, 80, 84, 84, 77, 92, 94, 89, 91, 100, 104,
    87, 95, 96, 84, 87, 88, 100, 100, 95, 75, 104, 80, 99, 85, 104, 102,
    93, 104, 105, 103, 101, 102, 104, 101, 99, 104, 105, 105, 102, 104, 105, 104,
    97, 102, 105, 105, 97, 104, 100, 103, 99, 103, 103, 95, 101, 104, 104, 104,
    94, 103, 101, 103, 100, 99, 100, 102, 94, 102, 98, 101, 100, 99, 96, 99,
    88, 95, 99, 91, 97, 100, 100, 96, 101, 102, 105, 106, 98, 106, 101, 104,
    79, 87, 100, 101, 101, 105, 105, 98, 93, 103, 92, 103, 104, 105, 105, 101,
    86, 97, 100, 99, 102, 101, 102, 102, 84, 93, 104, 98, 99, 103, 103, 99,
    91, 102, 102, 97, 102, 105, 100, 102, 98, 103, 101, 102, 96, 99, 94, 63,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_inserted() {
        let set = ByteSet::any_case(b'k').union(&ByteSet::one(0xff));
        assert_eq!(set.iter().collect::<Vec<u8>>(), [b'K', b'k', 0xff]);
        assert_eq!(set.len(), 3);
        assert_eq!(ByteSet::any_case(b'7').len(), 1);
    }

    #[test]
    fn rare_bytes_tell_more_than_common_ones_and_sets_tell_less_than_their_members() {
        let information = |byte| ByteSet::one(byte).information();
        assert!(information(b'~') > information(b'e') && information(b'e') > information(0));
        assert!(ByteSet::any_case(b'z').information() < information(b'Z'));
        let mut all = ByteSet::EMPTY;
        (0..=255).for_each(|byte| all.insert(byte));
        assert!(all.information() < 0.1, "{}", all.information());
    }
}
