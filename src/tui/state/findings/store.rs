//! All rows, whatever of them is shown, with what their order is made of.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::ranks::{Ranks, insert_all};
use super::row::{Counts, Row};
use super::sort::{Grouping, Sort};
use crate::case::FindingId;
use crate::finding::Sha256;

/// What is looked at for every row whenever the list is arranged, kept apart so that it stays in the processor's cache.
#[derive(Debug, Clone, Copy, Default)]
struct Standing {
    /// Place among all rows by path.
    path: u32,
    hunt: u32,
    folder: u32,
    content: u32,
    state: u8,
    /// Whether the filter lets it pass.
    passes: bool,
    marked: bool,
}

/// The rows. Their indexes stay as they are until all are forgotten.
#[derive(Debug, Default)]
pub(super) struct Store {
    rows: Vec<Row>,
    standings: Vec<Standing>,
    by_id: HashMap<FindingId, u32>,
    by_path: Vec<u32>,
    folders: Ranks<PathBuf>,
    contents: Ranks<Sha256>,
    counts: Vec<Counts>,
    marks: usize,
}

/// Indexes of the rows that were put.
#[derive(Debug, Default)]
pub(super) struct Put {
    pub fresh: Vec<u32>,
    /// Ascending.
    pub replaced: Vec<u32>,
}

impl Store {
    pub fn set_hunts(&mut self, hunts: usize) {
        self.counts.resize(hunts.max(self.counts.len()), Counts::default());
    }

    /// Adds rows, or replaces those that are there under the same number. `passes` is what the filter says of one.
    pub fn put(&mut self, rows: Vec<Row>, passes: impl Fn(&Row) -> bool) -> Put {
        let mut put = Put::default();
        for row in rows {
            self.set_hunts(row.hunt + 1);
            *self.counts[row.hunt].slot(&row) += 1;
            let mut standing = Standing {
                hunt: row.hunt as u32,
                folder: self.folders.number(row.path.parent().unwrap_or(Path::new("/"))),
                content: self.contents.number(&row.sha256),
                state: row.rank(),
                passes: passes(&row),
                ..Standing::default()
            };
            if let Some(&index) = self.by_id.get(&row.id) {
                let place = index as usize;
                standing.marked = self.standings[place].marked;
                self.standings[place] = standing;
                let old = std::mem::replace(&mut self.rows[place], row);
                *self.counts[old.hunt].slot(&old) -= 1;
                put.replaced.push(index);
            } else {
                let index = self.rows.len() as u32;
                self.by_id.insert(row.id, index);
                self.rows.push(row);
                self.standings.push(standing);
                put.fresh.push(index);
            }
        }
        put.replaced.sort_unstable();
        put.replaced.dedup();
        put.replaced.retain(|index| put.fresh.first().is_none_or(|first| index < first));
        self.folders.settle();
        self.contents.settle();
        if !put.replaced.is_empty() {
            self.by_path.retain(|index| put.replaced.binary_search(index).is_err());
        }
        let moved = put.fresh.iter().chain(&put.replaced).copied().collect();
        insert_all(&mut self.by_path, moved, |index| self.rows[index as usize].by_path());
        for (place, index) in self.by_path.iter().enumerate() {
            self.standings[*index as usize].path = place as u32;
        }
        put
    }

    /// Forgets all rows. What folders and contents are numbered stays, so that folds do.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.standings.clear();
        self.by_id.clear();
        self.by_path.clear();
        self.counts.fill(Counts::default());
        self.marks = 0;
    }

    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub fn row(&self, index: u32) -> &Row {
        &self.rows[index as usize]
    }

    pub fn index(&self, id: FindingId) -> Option<u32> {
        self.by_id.get(&id).copied()
    }

    /// Counts of one hunt, or of all.
    pub fn counts(&self, hunt: Option<usize>) -> Counts {
        let of = |index: &usize| hunt.is_none_or(|hunt| hunt == *index);
        let chosen = self.counts.iter().enumerate().filter(|(index, _)| of(index));
        chosen.fold(Counts::default(), |sum, (_, counts)| sum.plus(counts))
    }

    /// Whether a row passes the filter and is one of this hunt, or of any.
    pub fn shows(&self, index: u32, hunt: Option<usize>) -> bool {
        let standing = &self.standings[index as usize];
        standing.passes && hunt.is_none_or(|hunt| hunt == standing.hunt as usize)
    }

    /// Asks anew whether each row passes the filter; `test` is told whether it did.
    pub fn filter(&mut self, test: impl Fn(&Row, bool) -> bool) {
        for (standing, row) in self.standings.iter_mut().zip(&self.rows) {
            standing.passes = test(row, standing.passes);
        }
    }

    pub fn is_marked(&self, index: u32) -> bool {
        self.standings[index as usize].marked
    }

    pub fn set_mark(&mut self, index: u32, on: bool) {
        let marked = &mut self.standings[index as usize].marked;
        self.marks = self.marks + usize::from(on) - usize::from(*marked);
        *marked = on;
    }

    pub fn marks(&self) -> usize {
        self.marks
    }

    pub fn clear_marks(&mut self) {
        self.standings.iter_mut().for_each(|standing| standing.marked = false);
        self.marks = 0;
    }

    /// Whether nothing is decided on a row.
    pub fn is_open(&self, index: u32) -> bool {
        Row::rank_is_open(self.standings[index as usize].state)
    }

    /// The number of a row's group.
    pub fn group(&self, index: u32, grouping: Grouping) -> u32 {
        let standing = &self.standings[index as usize];
        match grouping {
            Grouping::None => 0,
            Grouping::Hunt => standing.hunt,
            Grouping::Folder => standing.folder,
            Grouping::Content => standing.content,
            Grouping::Verdict => u32::from(standing.state),
        }
    }

    /// The place of a row as a number: group, then what the list is sorted by, then path.
    pub fn key(&self, index: u32, sort: Sort, grouping: Grouping) -> u128 {
        let path = self.standings[index as usize].path;
        let group = self.group(index, grouping);
        let group = match grouping {
            Grouping::Folder => self.folders.rank(group),
            Grouping::Content => self.contents.rank(group),
            _ => group,
        };
        u128::from(group) << 96 | u128::from(sort.key(self.row(index), path)) << 32 | u128::from(path)
    }

    /// Indexes of all rows, in order.
    pub fn sorted(&self, sort: Sort, grouping: Grouping) -> Vec<u32> {
        let mut keys: Vec<u128> = (0..self.rows.len() as u32).map(|index| self.key(index, sort, grouping)).collect();
        keys.sort_unstable();
        // The low half of a key ends in the place by path.
        keys.into_iter().map(|key| self.by_path[key as u32 as usize]).collect()
    }
}
