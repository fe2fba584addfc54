//! How rare four bytes in a row are, and which four of a run are searched for.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::bytes::{ByteSet, ones};

/// Bytes of a window that the search hashes.
pub(super) const WINDOW: usize = 4;
/// Bytes of a window of longer runs.
pub(super) const LONG_WINDOW: usize = 8;
/// Long windows are looked for at every such place.
pub(super) const STRIDE: usize = 4;
/// Most spellings of a long window.
const MAX_LONG_SPELLINGS: u32 = 8;
/// Long windows among which the rarest is taken.
const MAX_CHOICE: usize = 8;
/// Long windows that are met more seldom, as a chance per place, are better than any short ones.
const RARE: f64 = 1.0 / (1 << 18) as f64;
/// A window with more spellings than this is not searched for where there is a better one.
const MAX_SPELLINGS: u32 = 16;
/// As many as one place has that may hold any byte, with the case bit left out, and as two that may hold a hexadecimal digit.
const ANY_SPELLINGS: u32 = 256;
/// A window that is met more often, as a chance per place, would slow the search for all others.
const TOO_OFTEN: f64 = 1.0 / 4096.0;
/// A window that is met more often is taken only where none with more spellings is rarer.
const OFTEN: f64 = 1.0 / 1024.0;
/// A window that is met more often is met nearly everywhere: zeros, spaces. Looking at each of its places takes longer than the
/// rules of its pattern are worth.
const EVERYWHERE: f64 = 1.0 / 32.0;
/// What each spelling costs by itself, as a chance: the filter fills with it.
const COST_OF_SPELLING: f64 = 1.0 / (1 << 24) as f64;
/// Rows of [`PAIRS`], one for each byte without its case bit, and one for the bytes alone.
const ROWS: usize = 128;

/// How rare a byte is after another, both without bit 5: `-8 log2` of its share among all that come after it; in the last
/// row, of its share among all bytes.
///
/// Counted by `cargo bench --bench prefilter -- pairs TREE` over a Debian `/usr`.
static PAIRS: &[u8; (ROWS + 1) * ROWS] = include_bytes!("pairs.bin");

/// The four bytes in a row that are met most often, both cases of a letter taken for one: the bytes with bit 5 set, and
/// `-8 log2` of their share among all places of text files or of other files, whichever is more.
///
/// Pairs of bytes alone take words and rulers for rarer than they are. Counted by
/// `cargo bench --bench prefilter -- grams TREE` over every third file of a Debian `/usr`.
static GRAMS: &[u8] = include_bytes!("grams.bin");

/// The shares of [`GRAMS`].
static COMMON: LazyLock<HashMap<u32, f64>> = LazyLock::new(|| {
    let (grams, _) = GRAMS.as_chunks::<5>();
    let share =
        |[a, b, c, d, eighths]: &[u8; 5]| (u32::from_le_bytes([*a, *b, *c, *d]), (-f64::from(*eighths) / 8.0).exp2());
    grams.iter().map(share).collect()
});

/// How often places in a row are met at least, as was counted: as often as the rarest four of them. 0 if that is too seldom to be
/// counted, or not known.
fn counted(places: &[u128]) -> f64 {
    let share = |four: &[u128]| {
        let byte = |set: u128| u32::from(super::bytes::unsqueezed(set.trailing_zeros() as u8));
        let gram = four.iter().rev().fold(0, |gram, set| gram << 8 | byte(*set));
        if four.iter().all(|set| set.is_power_of_two()) { COMMON.get(&gram).copied().unwrap_or(0.0) } else { 1.0 }
    };
    let least = places.windows(WINDOW).map(share).fold(1.0, f64::min);
    if least < 1.0 { least } else { 0.0 }
}

/// The most common four bytes, one after the other.
#[cfg(test)]
pub(super) fn common_bytes() -> Vec<u8> {
    let (grams, _) = GRAMS.as_chunks::<5>();
    grams.iter().flat_map(|gram| gram[..4].to_vec()).collect()
}

/// How often a run is met at least, as a chance per place.
pub(super) fn least_chance(run: &[ByteSet]) -> f64 {
    counted(&run.iter().map(ByteSet::folded).collect::<Vec<u128>>())
}

/// Some places of a run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Window {
    /// Where it begins, counted from the run's first place; -1 is one place before.
    pub begin: isize,
    /// All that may stand there, each byte with bit 5 set, the first byte lowest.
    pub spellings: Vec<u64>,
    /// How often it is met, as a chance per place.
    pub chance: f64,
}

/// What a run is searched for by.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum SearchedWindows {
    /// Windows of [`WINDOW`] bytes for a run that begins at an even place of a file, and for one that begins at an odd one: the
    /// rarest that begins at an even place of the file. One may reach a place over either end of the run; that place stands for
    /// any byte.
    Short([Window; 2]),
    /// Windows of [`LONG_WINDOW`] bytes, of which one begins at every fourth place, wherever the run begins.
    Long([Window; STRIDE]),
}

/// The windows of a run; `None` if there are none that are worth a search.
pub(super) fn windows(run: &[ByteSet]) -> Option<SearchedWindows> {
    let places: Vec<u128> = run.iter().map(ByteSet::folded).collect();
    let long = long_windows(&places);
    let is_rare = |windows: &[Window; STRIDE]| windows.iter().all(|window| window.chance < RARE);
    if let Some(long) = long.clone().filter(is_rare) {
        return Some(SearchedWindows::Long(long));
    }
    let short = rarest(&places, 0).zip(rarest(&places, 1)).map(|(even, odd)| SearchedWindows::Short([even, odd]));
    short.or(long.map(SearchedWindows::Long))
}

fn long_windows(places: &[u128]) -> Option<[Window; STRIDE]> {
    let best = |first: usize| {
        let begins = (first..(places.len() + 1).checked_sub(LONG_WINDOW)?).step_by(STRIDE).take(MAX_CHOICE);
        let windows = begins.filter_map(|begin| window(places, begin as isize, LONG_WINDOW, MAX_LONG_SPELLINGS));
        windows.min_by(|a, b| a.chance.total_cmp(&b.chance)).filter(|best| best.chance < TOO_OFTEN)
    };
    Some([best(0)?, best(1)?, best(2)?, best(3)?])
}

/// The rarest short window whose beginning, counted from the run's, is even (`parity` 0) or odd: one with few spellings, where
/// that is rare enough.
fn rarest(places: &[u128], parity: usize) -> Option<Window> {
    let inside = (parity..places.len().saturating_sub(WINDOW - 1)).step_by(2);
    let whole = inside.filter_map(|begin| window(places, begin as isize, WINDOW, MAX_SPELLINGS));
    let best = |a: &Window, b: &Window| a.chance.total_cmp(&b.chance);
    let whole = whole.min_by(best).filter(|whole| whole.chance < EVERYWHERE);
    if whole.as_ref().is_some_and(|whole| whole.chance < OFTEN) {
        return whole;
    }
    let last = places.len().checked_sub(WINDOW - 1)? as isize;
    let all = (-1..=last).filter(|begin| begin.rem_euclid(2) as usize == parity);
    let windows = all.filter_map(|begin| window(places, begin, WINDOW, ANY_SPELLINGS));
    windows.min_by(best).filter(|best| best.chance < TOO_OFTEN).or(whole)
}

fn window(places: &[u128], begin: isize, length: usize, most: u32) -> Option<Window> {
    let place = |offset: usize| {
        let at = usize::try_from(begin.saturating_add_unsigned(offset)).ok();
        at.and_then(|at| places.get(at)).copied().unwrap_or(u128::MAX)
    };
    let count = (0..length).try_fold(1_u32, |count, offset| count.checked_mul(place(offset).count_ones()));
    if count.is_none_or(|count| count == 0 || count > most) {
        return None;
    }
    let mut spelled: Vec<(u64, u8, f64)> = Vec::new();
    for offset in 0..length {
        let set = place(offset);
        if offset == 0 {
            spelled.extend(ones(set).map(|byte| (super::bytes::unsqueezed(byte).into(), byte, share_alone(byte))));
        } else if set.is_power_of_two() {
            let byte = set.trailing_zeros() as u8;
            for (bytes, last, chance) in &mut spelled {
                *bytes |= u64::from(super::bytes::unsqueezed(byte)) << (8 * offset);
                *chance *= share(*last, byte);
                *last = byte;
            }
        } else {
            let longer = |(bytes, last, chance): &(u64, u8, f64)| {
                let (bytes, last, chance) = (*bytes, *last, *chance);
                ones(set).map(move |byte| {
                    let wide = u64::from(super::bytes::unsqueezed(byte)) << (8 * offset);
                    (bytes | wide, byte, chance * share(last, byte))
                })
            };
            spelled = spelled.iter().flat_map(longer).collect();
        }
    }
    let chance: f64 = spelled.iter().map(|(_, _, chance)| chance + COST_OF_SPELLING).sum();
    let known = usize::try_from(begin).ok().and_then(|begin| places.get(begin..begin + length));
    let chance = chance.max(known.map_or(0.0, counted));
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

    fn short(text: &[u8]) -> [Window; 2] {
        let Some(SearchedWindows::Short(windows)) = windows(&run(text)) else { panic!("{}", text.escape_ascii()) };
        windows
    }

    #[test]
    fn the_rarest_window_of_each_parity_is_taken() {
        let [even, odd] = short(b"the zqxj t");
        assert!((2..8).contains(&even.begin) && even.begin % 2 == 0, "{even:?}");
        assert!((2..8).contains(&odd.begin) && odd.begin % 2 == 1, "{odd:?}");
        assert_eq!(even.spellings.len(), 1);
    }

    #[test]
    fn a_longer_run_has_a_window_for_every_remainder_of_four() {
        let Some(SearchedWindows::Long(windows)) = windows(&run(b"the zqxj the other one")) else {
            panic!("a long run")
        };
        for (remainder, window) in windows.iter().enumerate() {
            assert_eq!(window.begin as usize % STRIDE, remainder);
            assert!(
                (0..=7).contains(&window.begin) && window.spellings.len() == 1,
                "the rare word is in it: {window:?}"
            );
        }
        assert_eq!(windows[0].spellings[0] & 0xff, u64::from(b"the zqxj the"[windows[0].begin as usize]));
    }

    #[test]
    fn words_that_stand_everywhere_are_no_windows_where_there_are_others() {
        let Some(SearchedWindows::Long(windows)) = windows(&run(b"https://www.qzx-jvk.example/")) else {
            panic!("a long run")
        };
        assert!(windows.iter().all(|window| window.begin >= 6), "{windows:?}");
        assert!(least_chance(&run(b"function")) > least_chance(&run(b"funktion")));
        assert!(COMMON.len() > 4000 && COMMON.values().all(|share| *share < 0.9));
    }

    #[test]
    fn a_longer_run_of_what_stands_everywhere_has_no_long_windows() {
        let zeros = [&[0; 14][..], b"\x99\xe2\x98"].concat();
        assert!(matches!(windows(&run(&zeros)), Some(SearchedWindows::Short(_)) | None));
    }

    #[test]
    fn short_runs_are_searched_for_with_any_byte_beside_them() {
        let [even, odd] = short(b"abc");
        assert_eq!((even.begin, even.spellings.len(), odd.begin, odd.spellings.len()), (0, 128, -1, 128));
        let [even, odd] = short(b"abcd");
        assert_eq!((even.begin, even.spellings.len(), odd.spellings.len()), (0, 1, 128));
        assert!(odd.begin == -1 || odd.begin == 1);
        assert!(windows(&run(b"ab")).is_none());
    }

    #[test]
    fn zeros_and_spaces_are_no_window() {
        // As two bytes in any order, a length, and zeros: what differs is rarer than the zeros though it has many spellings.
        let text = [run(b"\xc7D$"), vec![ByteSet::ALL], run(&[0; 4])].concat();
        let Some(SearchedWindows::Short(windows)) = windows(&text) else { panic!("a short run") };
        for window in windows {
            assert!(window.chance < OFTEN && !window.spellings.contains(&0x2020_2020), "{window:?}");
        }
        let spaces = b" \0".repeat(15);
        assert!(super::windows(&run(&spaces)).is_none());
        assert!(super::windows(&run(&[0; 40])).is_none());
    }

    #[test]
    fn case_costs_no_spelling() {
        let run: Vec<ByteSet> = b"CaseLess".iter().map(|byte| ByteSet::any_case(*byte)).collect();
        let Some(SearchedWindows::Short([even, _])) = windows(&run) else { panic!("a short run") };
        let begin = even.begin as usize;
        let text = b"caseless"[begin..begin + 4].try_into().unwrap();
        assert_eq!(even.spellings, [u64::from(u32::from_le_bytes(text))]);
    }
}
