//! Numbers for things that many rows share, the order of those things, and how numbers in an order are kept.

use std::borrow::Borrow;
use std::cmp::Ordering;

/// Each thing has a number that stays, and compares with others as it does itself. A thing is kept once: what finds
/// its number is the order.
#[derive(Debug)]
pub(super) struct Ranks<K> {
    things: Vec<K>,
    /// Numbers, in the order of their things.
    sorted: Vec<u32>,
}

impl<K> Default for Ranks<K> {
    fn default() -> Self {
        Self { things: Vec::new(), sorted: Vec::new() }
    }
}

impl<K: Ord> Ranks<K> {
    /// The number of each of these things, new or not.
    pub(super) fn numbers<Q>(&mut self, wanted: &[&Q]) -> Vec<u32>
    where
        K: Borrow<Q> + From<Q::Owned>,
        Q: Ord + ToOwned + ?Sized,
    {
        let mut places: Vec<usize> = (0..wanted.len()).collect();
        places.sort_unstable_by_key(|place| wanted[*place]);
        let mut numbers = vec![0; wanted.len()];
        let mut fresh: Vec<(usize, u32)> = Vec::new();
        let mut done = 0;
        for same in places.chunk_by(|a, b| wanted[*a] == wanted[*b]) {
            let thing = wanted[same[0]];
            let after = done + self.sorted[done..].partition_point(|number| self.thing(*number) < thing);
            done = after;
            let known = self.sorted.get(after).copied().filter(|number| self.thing(*number) == thing);
            let number = known.unwrap_or_else(|| {
                let number = self.things.len() as u32;
                self.things.push(thing.to_owned().into());
                fresh.push((after, number));
                number
            });
            for place in same {
                numbers[*place] = number;
            }
        }
        merge(&mut self.sorted, &fresh);
        numbers
    }

    fn thing<Q: ?Sized>(&self, number: u32) -> &Q
    where
        K: Borrow<Q>,
    {
        self.things[number as usize].borrow()
    }

    /// How the things with these numbers compare.
    pub(super) fn compare(&self, a: u32, b: u32) -> Ordering {
        if a == b { Ordering::Equal } else { self.things[a as usize].cmp(&self.things[b as usize]) }
    }

    /// Ranks by number.
    pub(super) fn ranks(&self) -> Vec<u32> {
        places(&self.sorted)
    }
}

/// Where in `order` each of its numbers stands; these are all from 0 on.
pub(super) fn places(order: &[u32]) -> Vec<u32> {
    let mut places = vec![0; order.len()];
    for (number, place) in order.iter().zip(0..) {
        places[*number as usize] = place;
    }
    places
}

/// Puts `fresh`, which is in order, where it belongs in `sorted`.
pub(super) fn insert_all(
    sorted: &mut Vec<u32>,
    fresh: impl IntoIterator<Item = u32>,
    compare: impl Fn(u32, u32) -> Ordering,
) {
    let mut done = 0;
    let place = |new: u32| {
        done += sorted[done..].partition_point(|old| compare(*old, new).is_lt());
        (done, new)
    };
    let fresh: Vec<_> = fresh.into_iter().map(place).collect();
    merge(sorted, &fresh);
}

/// Puts each of `fresh` before what stands at its place; places ascend. Nothing is moved twice.
fn merge(sorted: &mut Vec<u32>, fresh: &[(usize, u32)]) {
    let mut end = sorted.len();
    sorted.resize(end + fresh.len(), 0);
    for (before, (place, number)) in fresh.iter().enumerate().rev() {
        sorted.copy_within(*place..end, place + before + 1);
        sorted[place + before] = *number;
        end = *place;
    }
}
