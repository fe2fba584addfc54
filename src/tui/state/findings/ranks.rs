//! Numbers for things that many rows share, and the order of those things.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// Each thing has a number that stays, and a rank by which two of them compare as they do themselves.
#[derive(Debug)]
pub(super) struct Ranks<K> {
    numbers: HashMap<K, u32>,
    things: Vec<K>,
    /// Ranks by number.
    by_number: Vec<u32>,
    /// Numbers by rank; those beyond its end are not ranked yet.
    sorted: Vec<u32>,
}

impl<K> Default for Ranks<K> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), things: Vec::new(), by_number: Vec::new(), sorted: Vec::new() }
    }
}

impl<K: Hash + Ord + Clone> Ranks<K> {
    /// The number of a thing. It has a rank after the next [`Self::settle`] only.
    pub fn number<Q>(&mut self, thing: &Q) -> u32
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        if let Some(number) = self.numbers.get(thing) {
            return *number;
        }
        let number = self.things.len() as u32;
        self.numbers.insert(thing.to_owned(), number);
        self.things.push(thing.to_owned());
        number
    }

    /// Ranks what has come since the last time.
    pub fn settle(&mut self) {
        let fresh: Vec<u32> = (self.sorted.len() as u32..self.things.len() as u32).collect();
        if fresh.is_empty() {
            return;
        }
        insert_all(&mut self.sorted, fresh, |number| &self.things[number as usize]);
        self.by_number.resize(self.things.len(), 0);
        for (rank, number) in self.sorted.iter().enumerate() {
            self.by_number[*number as usize] = rank as u32;
        }
    }

    /// The rank of what has this number.
    pub fn rank(&self, number: u32) -> u32 {
        self.by_number[number as usize]
    }
}

/// Puts `fresh`, in any order, where it belongs in `sorted`.
pub(super) fn insert_all<T: Ord>(sorted: &mut Vec<u32>, mut fresh: Vec<u32>, key: impl Fn(u32) -> T) {
    if fresh.is_empty() {
        return;
    }
    fresh.sort_by_key(|new| key(*new));
    let mut merged = Vec::with_capacity(sorted.len() + fresh.len());
    let mut done = 0;
    for new in fresh {
        let new_key = key(new);
        let place = done + sorted[done..].partition_point(|old| key(*old) <= new_key);
        merged.extend_from_slice(&sorted[done..place]);
        merged.push(new);
        done = place;
    }
    merged.extend_from_slice(&sorted[done..]);
    *sorted = merged;
}
