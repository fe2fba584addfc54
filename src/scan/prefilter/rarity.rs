//! How rare four bytes in a row are, and which four of a run are searched for.

use super::bytes::{ByteSet, ones};

/// Bytes of a window that the search hashes.
pub(super) const WINDOW: usize = 4;
/// A window with more spellings than this is not searched for where there is a better one.
const MAX_SPELLINGS: u32 = 16;
/// As many as one place has that may hold any byte, with the case bit left out, and as two that may hold a hexadecimal digit.
const ANY_SPELLINGS: u32 = 256;
/// A window that is met more often, as a chance per place, would slow the search for all others.
const TOO_OFTEN: f64 = 1.0 / 4096.0;
/// What each spelling costs by itself, as a chance: the filter fills with it.
const COST_OF_SPELLING: f64 = 1.0 / (1 << 24) as f64;
/// Rows of [`PAIRS`], one for each byte without its case bit, and one for the bytes alone.
const ROWS: usize = 128;

/// How rare a byte is after another, both without bit 5: `-8 log2` of its share among all that come after it; in the last
/// row, of its share among all bytes.
///
/// Counted by `cargo bench --bench prefilter -- pairs TREE` over a Debian `/usr`.
static PAIRS: &[u8; (ROWS + 1) * ROWS] = include_bytes!("pairs.bin");

/// Four places of a run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Window {
    /// Where it begins, counted from the run's first place; -1 is one place before.
    pub begin: isize,
    /// All that may stand there, each byte with bit 5 set, the first byte lowest.
    pub spellings: Vec<u32>,
    /// How often it is met, as a chance per place.
    pub chance: f64,
}

/// For a run that begins at an even place of a file, and for one that begins at an odd one: the rarest window that begins
/// at an even place of the file. `None` if there is none that is worth a search.
///
/// A window may reach one place over either end of the run; that place stands for any byte.
pub(super) fn windows(run: &[ByteSet]) -> Option<[Window; 2]> {
    let places: Vec<u128> = run.iter().map(ByteSet::folded).collect();
    let even = rarest(&places, 0)?;
    let odd = rarest(&places, 1)?;
    Some([even, odd])
}

/// The rarest window whose beginning, counted from the run's, is even (`parity` 0) or odd.
fn rarest(places: &[u128], parity: usize) -> Option<Window> {
    let inside = (parity..places.len().saturating_sub(WINDOW - 1)).step_by(2);
    let whole = inside.filter_map(|begin| window(places, begin as isize, MAX_SPELLINGS));
    let best = |a: &Window, b: &Window| a.chance.total_cmp(&b.chance);
    whole.min_by(best).or_else(|| {
        let last = places.len().checked_sub(WINDOW - 1)? as isize;
        let all = (-1..=last).filter(|begin| begin.rem_euclid(2) as usize == parity);
        all.filter_map(|begin| window(places, begin, ANY_SPELLINGS)).min_by(best).filter(|best| best.chance < TOO_OFTEN)
    })
}

fn window(places: &[u128], begin: isize, most: u32) -> Option<Window> {
    let place = |offset: isize| usize::try_from(begin + offset).ok().and_then(|at| places.get(at)).copied();
    let sets: Vec<u128> = (0..WINDOW as isize).map(|offset| place(offset).unwrap_or(u128::MAX)).collect();
    let count = sets.iter().try_fold(1_u32, |count, set| count.checked_mul(set.count_ones()));
    if count.is_none_or(|count| count == 0 || count > most) {
        return None;
    }
    let mut spelled: Vec<(u32, u8, f64)> = Vec::new();
    for (index, set) in sets.iter().enumerate() {
        let longer = |(bytes, last, chance): &(u32, u8, f64)| {
            let (bytes, last, chance) = (*bytes, *last, *chance);
            ones(*set).map(move |byte| {
                let wide = u32::from(super::bytes::unsqueezed(byte)) << (8 * index);
                (bytes | wide, byte, chance * share(last, byte))
            })
        };
        spelled = if index == 0 {
            ones(*set).map(|byte| (super::bytes::unsqueezed(byte).into(), byte, share_alone(byte))).collect()
        } else {
            spelled.iter().flat_map(longer).collect()
        };
    }
    let chance = spelled.iter().map(|(_, _, chance)| chance + COST_OF_SPELLING).sum();
    Some(Window { begin, spellings: spelled.into_iter().map(|(bytes, ..)| bytes).collect(), chance })
}

fn share(before: u8, byte: u8) -> f64 {
    entry(usize::from(before), byte)
}

fn share_alone(byte: u8) -> f64 {
    entry(ROWS, byte)
}

fn entry(row: usize, byte: u8) -> f64 {
    let eighths = PAIRS.get(row * ROWS + usize::from(byte)).copied().unwrap_or(0);
    (-f64::from(eighths) / 8.0).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &[u8]) -> Vec<ByteSet> {
        text.iter().map(|byte| ByteSet::one(*byte)).collect()
    }

    #[test]
    fn the_rarest_window_of_each_parity_is_taken() {
        let [even, odd] = windows(&run(b"the zqxj the")).unwrap();
        assert!((2..8).contains(&even.begin) && even.begin % 2 == 0, "{even:?}");
        assert!((2..8).contains(&odd.begin) && odd.begin % 2 == 1, "{odd:?}");
        assert_eq!(even.spellings.len(), 1);
    }

    #[test]
    fn short_runs_are_searched_for_with_any_byte_beside_them() {
        let [even, odd] = windows(&run(b"abc")).unwrap();
        assert_eq!((even.begin, even.spellings.len(), odd.begin, odd.spellings.len()), (0, 128, -1, 128));
        let [even, odd] = windows(&run(b"abcd")).unwrap();
        assert_eq!((even.begin, even.spellings.len(), odd.spellings.len()), (0, 1, 128));
        assert!(odd.begin == -1 || odd.begin == 1);
        assert!(windows(&run(b"ab")).is_none());
    }

    #[test]
    fn case_costs_no_spelling() {
        let run: Vec<ByteSet> = b"CaseLess".iter().map(|byte| ByteSet::any_case(*byte)).collect();
        let [even, _] = windows(&run).unwrap();
        let begin = even.begin as usize;
        assert_eq!(even.spellings, [u32::from_le_bytes(b"caseless"[begin..begin + 4].try_into().unwrap())]);
    }
}
