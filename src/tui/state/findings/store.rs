//! All rows, whatever of them is shown, with what their order is made of.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::ranks::{Ranks, insert_all, places};
use super::row::{Counts, ListedFinding};
use super::sort::{Grouping, Sort};
use crate::case::FindingId;
use crate::finding::Digest;

/// The nearness of what the filter does not let pass.
const FAR: u8 = u8::MAX;

/// What is looked at for every row whenever the list is arranged, kept apart so that it stays in the processor's cache.
#[derive(Debug, Clone, Copy, Default)]
struct Standing {
    hunt: u32,
    folder: u32,
    content: u32,
    state: u8,
    /// How near it comes to what the filter asks for; [`FAR`] does not pass.
    near: u8,
    marked: bool,
    candidate: bool,
}

/// The rows. Their indexes stay as they are until all are forgotten.
#[derive(Debug, Default)]
pub(super) struct Store {
    rows: Vec<ListedFinding>,
    standings: Vec<Standing>,
    /// Indexes in the order of the findings' numbers.
    by_id: Vec<u32>,
    by_path: Vec<u32>,
    folders: Ranks<Box<Path>>,
    contents: Ranks<Digest>,
    counts: Vec<Counts>,
    /// Those of `counts` that pass the filter.
    passing: Vec<Counts>,
    /// By hunt, how common its findings are, as the order goes by it.
    common: Vec<u8>,
    /// What owners are called; each name is kept once.
    owners: BTreeSet<Arc<str>>,
    marks: usize,
    /// Findings that were marked when all rows were forgotten and that have not come back.
    lost: BTreeSet<FindingId>,
}

/// Indexes of the rows that were put.
#[derive(Debug, Default)]
pub(super) struct Put {
    pub fresh: Vec<u32>,
    /// Ascending.
    pub replaced: Vec<u32>,
}

impl Put {
    /// All of them, in this order.
    pub(super) fn all(&self, compare: impl Fn(u32, u32) -> Ordering) -> Vec<u32> {
        let mut all: Vec<u32> = self.fresh.iter().chain(&self.replaced).copied().collect();
        all.sort_unstable_by(|a, b| compare(*a, *b));
        all
    }

    /// Takes out what may stand elsewhere now.
    pub(super) fn take_from(&self, order: &mut Vec<u32>) {
        if !self.replaced.is_empty() {
            order.retain(|index| self.replaced.binary_search(index).is_err());
        }
    }
}

impl Store {
    pub(super) fn set_hunts(&mut self, hunts: usize) {
        let hunts = hunts.max(self.counts.len());
        self.counts.resize(hunts, Counts::default());
        self.passing.resize(hunts, Counts::default());
        self.common.resize(hunts, 0);
    }

    /// Adds rows, or replaces those that are there under the same number. `near` is what the filter says of one.
    pub(super) fn put(&mut self, mut rows: Vec<ListedFinding>, near: impl Fn(&ListedFinding) -> Option<u8>) -> Put {
        let mut put = Put::default();
        if !rows.is_sorted_by_key(|row| row.id) {
            rows.sort_by_key(|row| row.id);
        }
        let folders: Vec<&Path> = rows.iter().map(|row| row.path.parent().unwrap_or(Path::new("/"))).collect();
        let folders = self.folders.numbers(&folders);
        let contents: Vec<&Digest> = rows.iter().map(|row| &row.digest).collect();
        let contents = self.contents.numbers(&contents);
        for (mut row, (folder, content)) in rows.into_iter().zip(folders.into_iter().zip(contents)) {
            self.set_hunts(row.hunt + 1);
            *self.counts[row.hunt].slot(&row) += 1;
            self.share_owner(&mut row);
            let near = near(&row).unwrap_or(FAR);
            *self.passing[row.hunt].slot(&row) += usize::from(near != FAR);
            let mut standing = Standing {
                hunt: row.hunt as u32,
                folder,
                content,
                state: row.rank(),
                near,
                marked: false,
                candidate: row.candidate,
            };
            let just_put = || put.fresh.last().copied().filter(|index| self.row(*index).id == row.id);
            if let Some(index) = self.index(row.id).or_else(just_put) {
                let place = index as usize;
                standing.marked = self.standings[place].marked;
                let passed = self.standings[place].near != FAR;
                self.standings[place] = standing;
                let old = std::mem::replace(&mut self.rows[place], row);
                *self.counts[old.hunt].slot(&old) -= 1;
                *self.passing[old.hunt].slot(&old) -= usize::from(passed);
                put.replaced.push(index);
            } else {
                let index = self.rows.len() as u32;
                standing.marked = self.lost.remove(&row.id);
                self.marks += usize::from(standing.marked);
                self.rows.push(row);
                self.standings.push(standing);
                put.fresh.push(index);
            }
        }
        put.replaced.sort_unstable();
        put.replaced.dedup();
        put.replaced.retain(|index| put.fresh.first().is_none_or(|first| index < first));
        insert_all(&mut self.by_id, put.fresh.iter().copied(), |a, b| {
            self.rows[a as usize].id.cmp(&self.rows[b as usize].id)
        });
        let by_path = |a: u32, b: u32| self.rows[a as usize].by_path(&self.rows[b as usize]);
        put.take_from(&mut self.by_path);
        insert_all(&mut self.by_path, put.all(by_path), by_path);
        put
    }

    /// Forgets all rows. What folders and contents are numbered stays, so that folds do; a finding that comes back has
    /// its mark again.
    pub(super) fn clear(&mut self) {
        let marked = self.rows.iter().zip(&self.standings).filter(|(_, standing)| standing.marked);
        self.lost = marked.map(|(row, _)| row.id).collect();
        self.rows.clear();
        self.standings.clear();
        self.by_id.clear();
        self.by_path.clear();
        self.counts.fill(Counts::default());
        self.passing.fill(Counts::default());
        self.common.fill(0);
        self.marks = 0;
    }

    pub(super) fn rows(&self) -> &[ListedFinding] {
        &self.rows
    }

    pub(super) fn row(&self, index: u32) -> &ListedFinding {
        &self.rows[index as usize]
    }

    pub(super) fn index(&self, id: FindingId) -> Option<u32> {
        let place = self.by_id.binary_search_by_key(&id, |index| self.row(*index).id).ok()?;
        self.by_id.get(place).copied()
    }

    /// Counts of one hunt, or of all.
    pub(super) fn counts(&self, hunt: Option<usize>) -> Counts {
        sum(&self.counts, hunt)
    }

    /// Counts of what passes the filter, of one hunt or of all.
    pub(super) fn passing(&self, hunt: Option<usize>) -> Counts {
        sum(&self.passing, hunt)
    }

    /// Works out anew how common the findings of each hunt are; whether that is another order.
    pub(super) fn weigh(&mut self) -> bool {
        let mut moved = false;
        for (common, counts) in self.common.iter_mut().zip(&self.counts) {
            // Powers of four: whether a rule has 40 or 50 findings tells nothing.
            let now = (usize::BITS - counts.all().leading_zeros()).div_ceil(2) as u8;
            moved |= *common != now;
            *common = now;
        }
        moved
    }

    fn common(&self, row: &ListedFinding) -> u8 {
        self.common.get(row.hunt).copied().unwrap_or(0)
    }

    /// A name that many findings share is kept once.
    fn share_owner(&mut self, row: &mut ListedFinding) {
        let Some(owner) = &row.owner else { return };
        match self.owners.get(owner) {
            Some(known) => row.owner = Some(Arc::clone(known)),
            None => _ = self.owners.insert(Arc::clone(owner)),
        }
    }

    /// The names of owners, in order.
    pub(super) fn owners(&self) -> impl Iterator<Item = &str> {
        self.owners.iter().map(|owner| &**owner)
    }

    /// Whether a row passes the filter and is one of this hunt, or of any.
    pub(super) fn shows(&self, index: u32, hunt: Option<usize>) -> bool {
        let standing = &self.standings[index as usize];
        standing.near != FAR && hunt.is_none_or(|hunt| hunt == standing.hunt as usize)
    }

    /// Asks anew how near each row comes to what the filter asks for; `near` is told whether it passed.
    pub(super) fn filter(&mut self, near: impl Fn(&ListedFinding, bool) -> Option<u8>) {
        self.passing.fill(Counts::default());
        for (standing, row) in self.standings.iter_mut().zip(&self.rows) {
            standing.near = near(row, standing.near != FAR).unwrap_or(FAR);
            if standing.near != FAR {
                *self.passing[row.hunt].slot(row) += 1;
            }
        }
    }

    /// How near a row comes to what the filter asks for.
    pub(super) fn near(&self, index: u32) -> u8 {
        self.standings[index as usize].near
    }

    pub(super) fn is_marked(&self, index: u32) -> bool {
        self.standings[index as usize].marked
    }

    pub(super) fn set_mark(&mut self, index: u32, on: bool) {
        let marked = &mut self.standings[index as usize].marked;
        self.marks = self.marks + usize::from(on) - usize::from(*marked);
        *marked = on;
    }

    pub(super) fn marks(&self) -> usize {
        self.marks
    }

    pub(super) fn clear_marks(&mut self) {
        self.standings.iter_mut().for_each(|standing| standing.marked = false);
        self.marks = 0;
        self.lost.clear();
    }

    /// How many marked findings have not come back.
    pub(super) fn lost(&self) -> usize {
        self.lost.len()
    }

    /// Whether nothing is decided on a row.
    pub(super) fn is_open(&self, index: u32) -> bool {
        ListedFinding::rank_is_open(self.standings[index as usize].state)
    }

    /// Whether a row is a candidate.
    pub(super) fn is_candidate(&self, index: u32) -> bool {
        self.standings[index as usize].candidate
    }

    /// The number of a row's group.
    pub(super) fn group(&self, index: u32, grouping: Grouping) -> u32 {
        let standing = &self.standings[index as usize];
        match grouping {
            Grouping::None => 0,
            Grouping::Hunt => standing.hunt,
            Grouping::Folder => standing.folder,
            Grouping::Content => standing.content,
            Grouping::Verdict => u32::from(standing.state),
        }
    }

    /// Which of two rows comes first: by group, then, where that counts, by how near it comes to what the filter asks
    /// for, then by what the list is sorted by, then by path.
    pub(super) fn compare(&self, a: u32, b: u32, (sort, grouping, ranked): (Sort, Grouping, bool)) -> Ordering {
        let groups = (self.group(a, grouping), self.group(b, grouping));
        let by_group = match grouping {
            Grouping::Folder => self.folders.compare(groups.0, groups.1),
            Grouping::Content => self.contents.compare(groups.0, groups.1),
            _ => groups.0.cmp(&groups.1),
        };
        let near = || if ranked { self.near(a).cmp(&self.near(b)) } else { Ordering::Equal };
        by_group.then_with(near).then_with(|| {
            let (a, b) = (self.row(a), self.row(b));
            sort.compare((a, self.common(a)), (b, self.common(b)))
        })
    }

    /// Indexes of all rows, in order.
    pub(super) fn sorted(&self, sort: Sort, grouping: Grouping) -> Vec<u32> {
        let ranks = match grouping {
            Grouping::Folder => Some(self.folders.ranks()),
            Grouping::Content => Some(self.contents.ranks()),
            _ => None,
        };
        let paths = places(&self.by_path);
        let key = |(index, &path): (u32, &u32)| {
            let group = self.group(index, grouping);
            let group = ranks.as_ref().map_or(group, |ranks| ranks[group as usize]);
            {
                let row = self.row(index);
                (group, sort.key(row, path, self.common(row)), path)
            }
        };
        let keys: Vec<_> = (0..).zip(&paths).map(key).collect();
        let sorted = sort_packed(&keys);
        sorted.into_iter().map(|path| self.by_path[path as usize]).collect()
    }
}

fn sum(counts: &[Counts], hunt: Option<usize>) -> Counts {
    let of = |index: &usize| hunt.is_none_or(|hunt| hunt == *index);
    let chosen = counts.iter().enumerate().filter(|(index, _)| of(index));
    chosen.fold(Counts::default(), |sum, (_, counts)| sum.plus(counts))
}

/// The last parts of the keys, in the keys' order. Numbers without structure sort several times as fast as tuples, the
/// more so the shorter they are.
fn sort_packed(keys: &[(u32, u64, u32)]) -> Vec<u32> {
    let least = keys.iter().map(|key| key.1).min().unwrap_or(0);
    let (groups, values, last) = keys
        .iter()
        .fold((0, 0, 0), |bits, (group, value, last)| (bits.0 | group, bits.1 | (value - least), bits.2 | last));
    let (low, middle) = (u32::BITS - last.leading_zeros(), u64::BITS - values.leading_zeros());
    if low + middle + (u32::BITS - groups.leading_zeros()) <= u64::BITS {
        let pack = |&(group, value, last): &(u32, u64, u32)| {
            u64::from(group).unbounded_shl(low + middle) | (value - least).unbounded_shl(low) | u64::from(last)
        };
        let mut packed: Vec<u64> = keys.iter().map(pack).collect();
        packed.sort_unstable();
        let mask = 1_u64.unbounded_shl(low).wrapping_sub(1);
        return packed.into_iter().map(|key| (key & mask) as u32).collect();
    }
    let pack =
        |&(group, value, last): &(u32, u64, u32)| u128::from(group) << 96 | u128::from(value) << 32 | u128::from(last);
    let mut packed: Vec<u128> = keys.iter().map(pack).collect();
    packed.sort_unstable();
    packed.into_iter().map(|key| key as u32).collect()
}
