//! A search for any number of runs at once.
//!
//! A run of some length is known by four windows of eight bytes, of which one stands at every fourth place wherever the run
//! does; a shorter one by two windows of four bytes, of which one stands at every second place. At these places the hash of the
//! bytes there, with the bit left out that tells the cases of a letter apart, is looked for in two bitmaps that fit into the
//! processor's nearest caches. Only where it is there the window is looked up in a table, and the run compared. The price does
//! not depend on the number of runs, as long as their windows are rare (see [`super::rarity`]); how full the bitmaps may get does.
//!
//! Wu-Manber and the FDR of Hyperscan are the ancestors; bitmaps of hashes at every second and fourth place take from both what
//! safe and portable code can have.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ops::Range;

use super::bitmap::{Bitmap, hash};
use super::guard::PatternIndex;
use super::literals::Edges;
use super::rarity::{self, SearchedWindows, WINDOW};
use super::required::Run;

/// Bit 5 of each byte: it tells upper from lower case.
const CASE: u64 = 0x2020_2020_2020_2020;
type NeedleIndex = u32;

/// Runs and their windows.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Hashed {
    needles: Vec<Needle>,
    /// Values, then masks, of every needle.
    bytes: Vec<u8>,
    short: Table<Entry>,
    long: Table<LongEntry>,
    longest: usize,
}

#[derive(Debug, Serialize, Deserialize)]
struct Needle {
    /// Where its values begin; after as many, its masks.
    at: usize,
    length: usize,
    /// Whether all masks are full.
    exact: bool,
    edges: Edges,
    patterns: Vec<PatternIndex>,
}

/// A run as values and masks: `byte & mask == value` holds for every byte that may stand at a place, and, if it is not
/// precise, for some more.
struct Masked {
    bytes: Vec<u8>,
    exact: bool,
    precise: bool,
}

impl Masked {
    fn of(run: &Run) -> Self {
        let (masks, mut bytes): (Vec<u8>, Vec<u8>) = run.iter().map(super::bytes::ByteSet::mask_and_value).unzip();
        let exact = masks.iter().all(|mask| *mask == u8::MAX);
        let precise = run.iter().zip(&masks).all(|(set, mask)| set.len() == 1 << mask.count_zeros());
        bytes.extend(masks);
        Self { bytes, exact, precise }
    }
}

/// The windows of needles, by the hash of their bytes.
#[derive(Debug, Serialize, Deserialize)]
struct Table<E> {
    /// By bucket: where its entries begin; one more at the end.
    #[serde(skip)]
    heads: Vec<u32>,
    entries: Vec<E>,
    /// Bits of a bucket's number.
    #[serde(skip)]
    bits: u32,
}

/// What stands in a [`Table`].
trait Windowed: Ord + Copy {
    /// The bytes of the window.
    fn window(&self) -> u64;
    fn needle(&self) -> NeedleIndex;
}

impl<E> Default for Table<E> {
    fn default() -> Self {
        Self { heads: Vec::new(), entries: Vec::new(), bits: 0 }
    }
}

impl<E: Windowed> Table<E> {
    /// Sorts the entries, so that those of a bucket stand together however many buckets there are.
    fn sort(&mut self) {
        self.entries.sort_unstable_by(|a, b| hash(a.window()).cmp(&hash(b.window())).then_with(|| a.cmp(b)));
        self.entries.dedup();
    }

    /// The table of those whose needle is wanted, about one for each bucket, and the bitmap of their windows. There they lie closer
    /// together than among all, which keeps them in the processor's caches.
    fn only(&self, wanted: &[bool]) -> (Bitmap, Self) {
        let is_wanted = |entry: &&E| wanted.get(entry.needle() as usize).copied().unwrap_or(false);
        let entries: Vec<E> = self.entries.iter().filter(is_wanted).copied().collect();
        let bits = (entries.len().max(1).ilog2() + 1).min(24);
        let mut heads = vec![0; (1 << bits) + 1];
        let mut bitmap = Bitmap::for_windows(entries.len());
        for hash in entries.iter().map(|entry| hash(entry.window())) {
            bitmap.insert(hash);
            if let Some(count) = heads.get_mut(bucket(hash, bits) + 1) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for head in &mut heads {
            sum += *head;
            *head = sum;
        }
        (bitmap, Self { heads, entries, bits })
    }

    /// The entries of this window, and perhaps others.
    fn near(&self, hash: u64) -> &[E] {
        let bucket = bucket(hash, self.bits);
        let (Some(first), Some(last)) = (self.heads.get(bucket), self.heads.get(bucket + 1)) else { return &[] };
        self.entries.get(*first as usize..*last as usize).unwrap_or_default()
    }
}

/// A window of eight bytes of a needle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct LongEntry {
    window: u64,
    needle: NeedleIndex,
    /// Places from the run's first to the window's.
    ahead: u8,
}

impl Windowed for LongEntry {
    fn window(&self) -> u64 {
        self.window
    }

    fn needle(&self) -> NeedleIndex {
        self.needle
    }
}

/// A window of four bytes of a needle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Entry {
    window: u32,
    needle: NeedleIndex,
    /// Places from the run's first to the window's, and one more.
    ahead: u8,
    /// Whether the window is the second half of [`Entry::value`], not the first.
    is_second: bool,
    /// The bits that are known of eight places, the window's and four beside it, and what these are, the first place lowest.
    mask: u64,
    value: u64,
}

impl Windowed for Entry {
    fn window(&self) -> u64 {
        self.window.into()
    }

    fn needle(&self) -> NeedleIndex {
        self.needle
    }
}

impl Entry {
    /// Whether the places around the window at `at` are as they must be; those that are not there may be.
    fn stands_around(&self, bytes: &[u8], at: usize) -> bool {
        let first = at.checked_sub(if self.is_second { WINDOW } else { 0 });
        let there = first.and_then(|first| bytes.get(first..)).and_then(|there| there.first_chunk());
        there.is_none_or(|there| u64::from_le_bytes(*there) & self.mask == self.value)
    }
}

/// What is known of the window at `begin` of a run and of four places beside it, as [`Entry`] has it.
fn around(masked: &[u8], length: usize, begin: isize) -> (bool, u64, u64) {
    let is_second = begin + 2 * WINDOW as isize > length as isize && begin >= WINDOW as isize;
    let first = if is_second { begin - WINDOW as isize } else { begin };
    let (values, masks) = masked.split_at(length.min(masked.len()));
    let place = |of: &[u8], index: usize| {
        let at = usize::try_from(first.saturating_add_unsigned(index)).ok();
        at.and_then(|at| of.get(at)).copied().unwrap_or(0)
    };
    let eight = |of: &[u8]| u64::from_le_bytes(std::array::from_fn(|index| place(of, index)));
    (is_second, eight(masks), eight(values))
}

/// The needles that are searched for.
#[derive(Debug)]
pub(super) struct NeedleFilter {
    short: (Bitmap, Table<Entry>),
    long: (Bitmap, Table<LongEntry>),
}

/// What a search of one file keeps.
#[derive(Debug, Default, Clone)]
pub(super) struct Met {
    /// By needle: places that were of no use so far, or [`DONE`].
    tries: Vec<u32>,
    /// Those that were met, so that it can be undone.
    list: Vec<NeedleIndex>,
    /// Entries of the tables that were looked at.
    pub work: u64,
    /// Whether a search stopped before its end because that was too much: what was not met may be there.
    pub is_stopped: bool,
}

/// No further place of a needle is of use.
const DONE: u32 = u32::MAX;

impl Met {
    pub(super) fn clear(&mut self) {
        for needle in self.list.drain(..) {
            if let Some(tries) = self.tries.get_mut(needle as usize) {
                *tries = 0;
            }
        }
        (self.work, self.is_stopped) = (0, false);
    }
}

/// The windows that may begin among the eight bytes `now`, the long ones and the short ones; `next` are the bytes after those.
#[inline]
fn windows_at(now: u64, next: u64) -> ([u64; 2], [u32; 4]) {
    let long = [now, now >> 32 | next << 32];
    (long, [now as u32, (now >> 16) as u32, (now >> 32) as u32, (now >> 48 | next << 16) as u32])
}

impl NeedleFilter {
    /// Calls `hit` with every needle of which a window stands in `bytes`, and where its run would begin. False if it stopped
    /// because `work` was more than `most`.
    fn probe(&self, bytes: &[u8], (work, most): (&mut u64, u64), mut hit: impl FnMut(NeedleIndex, usize)) -> bool {
        let (groups, _) = bytes.as_chunks::<8>();
        let mut groups = groups.iter().map(|group| u64::from_le_bytes(*group) | CASE);
        let mut at = 0;
        if let Some(mut now) = groups.next() {
            for next in groups {
                let (long, short) = windows_at(now, next);
                let (long, short) = (long.map(hash), short.map(|window| hash(window.into())));
                if long.iter().any(|hash| self.long.0.has(*hash)) || short.iter().any(|hash| self.short.0.has(*hash)) {
                    *work += self.look_up((now, next), bytes, at, &mut hit);
                    if *work > most {
                        return false;
                    }
                }
                at += 8;
                now = next;
            }
        }
        // The rest, at most 15 bytes; behind the end stands what any byte may stand for.
        let mut rest = [0; 24];
        let tail = bytes.get(at..).unwrap_or_default();
        rest.iter_mut().zip(tail).for_each(|(slot, byte)| *slot = *byte);
        let (groups, _) = rest.as_chunks::<8>();
        let [first, second, third] =
            [0, 1, 2].map(|index| groups.get(index).map_or(0, |group| u64::from_le_bytes(*group)) | CASE);
        *work += self.look_up((first, second), bytes, at, &mut hit);
        if tail.len() > 8 {
            *work += self.look_up((second, third), bytes, at + 8, &mut hit);
        }
        true
    }

    /// Looks closely at the eight bytes `now` and, for what begins there, at those after them. Returns how many entries that took.
    #[inline(never)]
    fn look_up(
        &self,
        (now, next): (u64, u64),
        bytes: &[u8],
        at: usize,
        hit: &mut impl FnMut(NeedleIndex, usize),
    ) -> u64 {
        let (long, short) = windows_at(now, next);
        let mut work = 0;
        for (at, window) in [at, at + 4].into_iter().zip(long) {
            let hash = hash(window);
            if self.long.0.has(hash) {
                let near = self.long.1.near(hash);
                work += near.len();
                for entry in near.iter().filter(|entry| entry.window == window) {
                    if let Some(start) = at.checked_sub(entry.ahead.into()) {
                        hit(entry.needle, start);
                    }
                }
            }
        }
        for (index, window) in short.into_iter().enumerate() {
            let (at, hash) = (at + 2 * index, hash(window.into()));
            if self.short.0.has(hash) {
                let near = self.short.1.near(hash);
                work += near.len();
                for entry in near.iter().filter(|entry| entry.window == window && entry.stands_around(bytes, at)) {
                    if let Some(start) = (at + 1).checked_sub(entry.ahead.into()) {
                        hit(entry.needle, start);
                    }
                }
            }
        }
        work as u64
    }
}

impl Hashed {
    /// The search for `runs`, each with its pattern, and the patterns that cannot be searched for like this.
    pub(super) fn new(runs: impl IntoIterator<Item = ((Run, Edges), PatternIndex)>) -> (Self, Vec<PatternIndex>) {
        let mut hashed = Self::default();
        let mut refused = Vec::new();
        // Many rules ask for the same text.
        let mut known: HashMap<(Vec<u8>, Edges), NeedleIndex> = HashMap::new();
        for ((run, edges), pattern) in runs {
            let masked = Masked::of(&run);
            let key = (masked.bytes, edges);
            if let Some(needle) = known.get(&key).filter(|_| masked.precise) {
                if let Some(needle) = hashed.needles.get_mut(*needle as usize) {
                    needle.patterns.push(pattern);
                }
                continue;
            }
            let needle = hashed.needles.len() as NeedleIndex;
            match rarity::windows(&run) {
                None => {
                    refused.push(pattern);
                    continue;
                }
                Some(SearchedWindows::Long(windows)) => {
                    for window in windows {
                        let ahead = u8::try_from(window.begin).unwrap_or(u8::MAX);
                        let entry = |window| LongEntry { window, needle, ahead };
                        hashed.long.entries.extend(window.spellings.into_iter().map(entry));
                    }
                }
                Some(SearchedWindows::Short(windows)) => {
                    for window in windows {
                        let ahead = u8::try_from(window.begin + 1).unwrap_or(u8::MAX);
                        let (is_second, mask, value) = around(&key.0, run.len(), window.begin);
                        let entry = |window| Entry { window: window as u32, needle, ahead, is_second, mask, value };
                        hashed.short.entries.extend(window.spellings.into_iter().map(entry));
                    }
                }
            }
            hashed.longest = hashed.longest.max(run.len());
            let at = hashed.bytes.len();
            hashed.needles.push(Needle { at, length: run.len(), exact: masked.exact, edges, patterns: vec![pattern] });
            hashed.bytes.extend(&key.0);
            if masked.precise {
                known.insert(key, needle);
            }
        }
        hashed.short.sort();
        hashed.long.sort();
        (hashed, refused)
    }

    /// How many windows are searched for.
    pub(super) fn windows(&self) -> usize {
        self.short.entries.len() + self.long.entries.len()
    }

    /// Length in bytes of the longest run.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// The filter for the patterns that are `open`.
    pub(super) fn filter(&self, open: impl Fn(PatternIndex) -> bool) -> NeedleFilter {
        let wanted: Vec<bool> =
            self.needles.iter().map(|needle| needle.patterns.iter().any(|pattern| open(*pattern))).collect();
        NeedleFilter { short: self.short.only(&wanted), long: self.long.only(&wanted) }
    }

    /// Room for one file's search.
    pub(super) fn met(&self) -> Met {
        Met { tries: vec![0; self.needles.len()], list: Vec::new(), work: 0, is_stopped: false }
    }

    /// Calls `each` with every pattern that is open and has a run in `bytes`, and where that is; with `true` where it is not
    /// to look for itself any more, because it has looked at `most` places of the run. It tells whether the pattern needs no
    /// further place, in all calls with the same `met`. Once more than `most_work` entries were looked at in them, it stops.
    pub(super) fn search(
        &self,
        filter: &NeedleFilter,
        bytes: &[u8],
        (met, most, most_work): (&mut Met, u32, u64),
        mut each: impl FnMut(PatternIndex, Range<usize>, bool) -> bool,
    ) {
        let Met { tries: all_tries, list, work, is_stopped } = met;
        if *is_stopped {
            return;
        }
        *is_stopped = !filter.probe(bytes, (work, most_work), |number, start| {
            let (Some(tries), Some(needle)) = (all_tries.get_mut(number as usize), self.needles.get(number as usize))
            else {
                return;
            };
            if *tries != DONE && self.stands(needle, bytes, start) {
                if *tries == 0 {
                    list.push(number);
                }
                *tries += 1;
                let is_last = *tries >= most;
                let place = start..start + needle.length;
                let mut done = true;
                for pattern in &needle.patterns {
                    done &= each(*pattern, place.clone(), is_last);
                }
                if done || is_last {
                    *tries = DONE;
                }
            }
        });
    }

    /// Calls `spot` with the start and the length of every run in `bytes`.
    pub(super) fn spots(&self, filter: &NeedleFilter, bytes: &[u8], mut spot: impl FnMut(usize, usize)) {
        filter.probe(bytes, (&mut 0, u64::MAX), |number, start| {
            if let Some(needle) = self.needles.get(number as usize).filter(|needle| self.stands(needle, bytes, start)) {
                spot(start, needle.length);
            }
        });
    }

    fn values(&self, needle: &Needle) -> &[u8] {
        self.bytes.get(needle.at..needle.at + needle.length).unwrap_or_default()
    }

    /// Whether the run stands in `bytes` at `start`, as a whole.
    fn stands(&self, needle: &Needle, bytes: &[u8], start: usize) -> bool {
        let Some(there) = bytes.get(start..start + needle.length) else { return false };
        let values = self.values(needle);
        let masks = || self.bytes.get(needle.at + needle.length..).unwrap_or_default();
        let masked = || there.iter().zip(values).zip(masks()).all(|((byte, value), mask)| byte & mask == *value);
        (if needle.exact { there == values } else { masked() }) && needle.edges.allow(bytes, start, needle.length)
    }
}

#[inline]
fn bucket(hash: u64, bits: u32) -> usize {
    (hash >> (64 - bits)) as usize
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::bytes::ByteSet;
    use super::*;

    /// A run over few bytes, some of them in any case, some classes.
    fn run() -> impl Strategy<Value = Run> {
        let place = (prop::sample::select(b"abXk7.\0\xe9 ".to_vec()), 0..8).prop_map(|(byte, kind)| match kind {
            0 => ByteSet::any_case(byte),
            1 => ByteSet::one(byte).union(&ByteSet::one(b'q')),
            _ => ByteSet::one(byte),
        });
        prop_oneof![2 => vec(place.clone(), 3..12), 1 => vec(place, 11..40)]
    }

    /// Bytes that are full of the runs, whole and with a flaw.
    fn data(runs: Vec<Run>) -> impl Strategy<Value = Vec<u8>> {
        let sample = (prop::sample::select(runs), any::<u8>(), 0..40_usize).prop_map(|(run, choice, flaw)| {
            let byte = |set: &ByteSet| set.iter().nth(usize::from(choice) % set.len()).unwrap();
            let mut bytes: Vec<u8> = run.iter().map(byte).collect();
            bytes.iter_mut().skip(flaw).take(1).for_each(|byte| *byte ^= 0x20);
            bytes
        });
        let noise = vec(prop::sample::select(b"abXk7.\0\xe9 Q".to_vec()), 0..9);
        vec(prop_oneof![2 => sample, 1 => noise], 0..12).prop_map(|parts| parts.concat())
    }

    fn stands(run: &Run, bytes: &[u8]) -> bool {
        bytes.windows(run.len()).any(|there| run.iter().zip(there).all(|(set, byte)| set.contains(*byte)))
    }

    #[test]
    fn every_window_lies_in_its_bucket() {
        // Of all bytes, far more windows than there are in the runs above.
        let word = |n: u64, length: usize| -> Run {
            let bytes = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
            bytes.iter().cycle().take(length).map(|byte| ByteSet::one(*byte)).collect()
        };
        let runs = (0..6000).map(|n| word(n, if n % 2 == 0 { 5 } else { 13 })).map(|run| (run, Edges::Any));
        let (hashed, _) = Hashed::new(runs.zip(0..));
        let filter = hashed.filter(|pattern| pattern % 3 != 0);
        let is_open = |needle: NeedleIndex| hashed.needles[needle as usize].patterns.iter().any(|one| one % 3 != 0);
        assert!(hashed.short.entries.len() > 3000 && hashed.long.entries.len() > 3000);
        for entry in hashed.short.entries.iter().filter(|entry| is_open(entry.needle)) {
            let hash = hash(entry.window.into());
            assert!(filter.short.0.has(hash) && filter.short.1.near(hash).contains(entry), "{entry:?}");
        }
        for entry in hashed.long.entries.iter().filter(|entry| is_open(entry.needle)) {
            let hash = hash(entry.window);
            assert!(filter.long.0.has(hash) && filter.long.1.near(hash).contains(entry), "{entry:?}");
        }
    }

    proptest! {
        #[test]
        fn every_run_is_found_wherever_it_stands(
            (runs, files) in vec(run(), 1..40).prop_flat_map(|runs| (Just(runs.clone()), vec(data(runs), 8)))
        ) {
            let (hashed, refused) = Hashed::new(runs.iter().map(|run| (run.clone(), Edges::Any)).zip(0..));
            let searched = |pattern: PatternIndex| pattern % 5 != 4 && !refused.contains(&pattern);
            let filter = hashed.filter(|pattern| pattern % 5 != 4);
            let mut met = hashed.met();
            for bytes in &files {
                let mut found = vec![false; runs.len()];
                hashed.search(&filter, bytes, (&mut met, 1, u64::MAX), |pattern, _, _| {
                    found[pattern] = true;
                    true
                });
                let mut places = Vec::new();
                hashed.spots(&filter, bytes, |start, length| places.push((start, length)));
                met.clear();
                for (pattern, run) in runs.iter().enumerate().filter(|(pattern, _)| searched(*pattern)) {
                    prop_assert!(found[pattern] || !stands(run, bytes), "{run:?} lost in {}", bytes.escape_ascii());
                    let here = |start: &usize| stands(run, &bytes[*start..*start + run.len()]);
                    for start in (0..(bytes.len() + 1).saturating_sub(run.len())).filter(here) {
                        prop_assert!(places.contains(&(start, run.len())), "{run:?} at {start} of {}", bytes.escape_ascii());
                    }
                }
            }
        }

        #[test]
        fn exact_runs_are_found_only_where_they_stand(
            (words, files) in vec(prop_oneof![vec(prop::sample::select(b"ab7".to_vec()), 4..8), vec(prop::sample::select(b"ab7".to_vec()), 11..14)], 1..30).prop_flat_map(|words| {
                let runs: Vec<Run> = words.iter().map(|word| word.iter().map(|byte| ByteSet::one(*byte)).collect()).collect();
                (Just(runs.clone()), vec(data(runs), 8))
            })
        ) {
            let (hashed, _) = Hashed::new(words.iter().map(|run| (run.clone(), Edges::Any)).zip(0..));
            let filter = hashed.filter(|_| true);
            for bytes in &files {
                let mut met = hashed.met();
                let mut found = vec![0; words.len()];
                hashed.search(&filter, bytes, (&mut met, 1, u64::MAX), |pattern, _, _| {
                    found[pattern] += 1;
                    true
                });
                for (count, word) in found.iter().zip(&words) {
                    prop_assert_eq!(*count, usize::from(stands(word, bytes)));
                }
            }
        }
    }
}
