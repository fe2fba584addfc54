//! The list of findings: what is in it, what of it is shown, and what is selected.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::os::unix::ffi::OsStrExt as _;

use super::row::by_path;
pub use super::row::{Counts, Row, Sort};
use crate::case::FindingId;
use crate::text;

/// Rows that change their place one by one; more of them at once are sorted anew.
const MOVES: usize = 64;

/// The findings, and the view of them.
#[derive(Debug, Default)]
pub struct FindingList {
    rows: Vec<Row>,
    by_id: HashMap<FindingId, usize>,
    counts: Vec<Counts>,
    /// Indexes of all rows, by path.
    by_path: Vec<usize>,
    /// Indexes into `rows` of what is shown, in order.
    shown: Vec<usize>,
    hunt: Option<usize>,
    filter: String,
    sort: Sort,
    selected: Option<FindingId>,
    marked: HashSet<FindingId>,
    /// Where in `shown` the selection was last, for when the selected row leaves the view.
    place: usize,
}

impl FindingList {
    /// An empty list for this many hunts.
    pub fn new(hunts: usize) -> Self {
        Self { counts: vec![Counts::default(); hunts], ..Self::default() }
    }

    /// Takes over how many hunts there are.
    pub fn set_hunts(&mut self, hunts: usize) {
        self.counts.resize(hunts.max(self.counts.len()), Counts::default());
    }

    /// Adds rows, or replaces those that are there under the same number. The selection stays on its finding.
    pub fn upsert(&mut self, rows: Vec<Row>) {
        let mut fresh = Vec::new();
        let mut moved = Vec::new();
        for row in rows {
            self.set_hunts(row.hunt + 1);
            *self.counts[row.hunt].slot(&row) += 1;
            if let Some(&index) = self.by_id.get(&row.id) {
                let stays = self.sort.compare(&self.rows[index], &row).is_eq();
                if !stays && moved.len() <= MOVES {
                    self.hide(index);
                }
                let old = std::mem::replace(&mut self.rows[index], row);
                *self.counts[old.hunt].slot(&old) -= 1;
                moved.extend((!stays).then_some(index));
            } else {
                self.by_id.insert(row.id, self.rows.len());
                fresh.push(self.rows.len());
                self.rows.push(row);
            }
        }
        insert_all(&mut self.by_path, fresh.clone(), |&a, &b| by_path(&self.rows[a], &self.rows[b]));
        if moved.len() > MOVES {
            self.rebuild();
        } else {
            let shown = fresh.into_iter().chain(moved).filter(|&index| self.shows(&self.rows[index])).collect();
            insert_all(&mut self.shown, shown, |&a, &b| self.sort.compare(&self.rows[a], &self.rows[b]));
            self.find_selection();
        }
    }

    /// Forgets all rows, for a scan from the start; hunt, filter and sort stay.
    pub fn clear(&mut self) {
        let hunts = self.counts.len();
        self.rows.clear();
        self.by_id.clear();
        self.marked.clear();
        self.shown.clear();
        self.by_path.clear();
        self.counts = vec![Counts::default(); hunts];
    }

    /// The row of this finding.
    pub fn get(&self, id: FindingId) -> Option<&Row> {
        self.by_id.get(&id).map(|&index| &self.rows[index])
    }

    /// How many rows are shown.
    pub fn len(&self) -> usize {
        self.shown.len()
    }

    /// Whether no row is shown.
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// The row shown at this place.
    pub fn at(&self, place: usize) -> Option<&Row> {
        self.shown.get(place).map(|&index| &self.rows[index])
    }

    /// Counts of one hunt, or of all.
    pub fn counts(&self, hunt: Option<usize>) -> Counts {
        let mut sum = Counts::default();
        for (index, counts) in self.counts.iter().enumerate() {
            if hunt.is_none_or(|hunt| hunt == index) {
                sum.open += counts.open;
                sum.benign += counts.benign;
                sum.suspicious += counts.suspicious;
                sum.malicious += counts.malicious;
                sum.candidates += counts.candidates;
            }
        }
        sum
    }

    /// The hunt whose findings are shown; `None` for all.
    pub fn hunt(&self) -> Option<usize> {
        self.hunt
    }

    /// Shows one hunt's findings, or all.
    pub fn set_hunt(&mut self, hunt: Option<usize>) {
        self.hunt = hunt;
        self.place = 0;
        self.rebuild();
    }

    /// What paths must hold to be shown.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Shows only paths that hold `filter`, letter case aside.
    pub fn set_filter(&mut self, filter: &str) {
        self.filter = filter.to_lowercase();
        self.rebuild();
    }

    /// What the list is sorted by.
    pub fn sort(&self) -> Sort {
        self.sort
    }

    /// Sorts the list.
    pub fn set_sort(&mut self, sort: Sort) {
        self.sort = sort;
        self.rebuild();
    }

    /// Place of the selection among the rows shown.
    pub fn place(&self) -> usize {
        self.place.min(self.shown.len().saturating_sub(1))
    }

    /// The selected row.
    pub fn selected(&self) -> Option<&Row> {
        self.at(self.place())
    }

    /// Selects the row at this place, or the last one.
    pub fn select_place(&mut self, place: usize) {
        self.place = place.min(self.shown.len().saturating_sub(1));
        self.selected = self.at(self.place).map(|row| row.id);
    }

    /// Moves the selection by this many rows.
    pub fn move_by(&mut self, rows: isize) {
        self.select_place(self.place().saturating_add_signed(rows));
    }

    /// Selects this finding if it is shown.
    pub fn select(&mut self, id: FindingId) {
        if let Some(place) = self.place_of(id) {
            self.select_place(place);
        }
    }

    /// The next finding after `after` (in the order shown, round and round) that nothing is decided on.
    pub fn next_open(&self, after: Option<FindingId>) -> Option<FindingId> {
        let start = after.and_then(|id| self.place_of(id)).map_or(0, |place| place + 1);
        let order = (start..self.shown.len()).chain(0..start.min(self.shown.len()));
        order.filter_map(|place| self.at(place)).find(|row| row.is_open() && Some(row.id) != after).map(|row| row.id)
    }

    /// The findings of the same hunt as `id` for which `pick` holds, in the order in which they came; `id` is one of them.
    pub fn alike(&self, id: FindingId, pick: impl Fn(&Row, &Row) -> bool) -> Vec<FindingId> {
        let Some(this) = self.get(id) else { return Vec::new() };
        let same = |row: &&Row| row.hunt == this.hunt && row.candidate == this.candidate;
        self.rows.iter().filter(same).filter(|row| row.id == id || pick(this, row)).map(|row| row.id).collect()
    }

    /// Marks a finding, or takes the mark off.
    pub fn toggle_mark(&mut self, id: FindingId) {
        if !self.marked.remove(&id) {
            self.marked.insert(id);
        }
    }

    /// Whether a finding is marked.
    pub fn is_marked(&self, id: FindingId) -> bool {
        self.marked.contains(&id)
    }

    /// How many are marked.
    pub fn marks(&self) -> usize {
        self.marked.len()
    }

    /// Takes all marks off.
    pub fn clear_marks(&mut self) {
        self.marked.clear();
    }

    /// The finding shown this many places after `id`.
    pub fn neighbour(&self, id: FindingId, by: isize) -> Option<FindingId> {
        let place = self.place_of(id)?.checked_add_signed(by)?;
        self.at(place).map(|row| row.id)
    }

    fn place_of(&self, id: FindingId) -> Option<usize> {
        let &index = self.by_id.get(&id)?;
        let row = &self.rows[index];
        let place = self.shown.binary_search_by(|&other| self.sort.compare(&self.rows[other], row)).ok()?;
        (self.shown[place] == index).then_some(place).or_else(|| self.shown.iter().position(|&other| other == index))
    }

    fn shows(&self, row: &Row) -> bool {
        self.hunt.is_none_or(|hunt| hunt == row.hunt) && self.passes(row)
    }

    /// Whether a row's path holds the filter, letter case aside.
    fn passes(&self, row: &Row) -> bool {
        let (path, wanted) = (row.path.as_os_str().as_bytes(), self.filter.as_bytes());
        if wanted.is_empty() {
            return true;
        }
        if path.is_ascii() && self.filter.is_ascii() && !path.iter().any(u8::is_ascii_control) {
            return path.windows(wanted.len()).any(|part| part.eq_ignore_ascii_case(wanted));
        }
        text::escape_path(&row.path).to_lowercase().contains(&self.filter)
    }

    /// Takes a row out of what is shown, found by the order that it still has.
    fn hide(&mut self, index: usize) {
        if let Some(place) = self.place_of(self.rows[index].id) {
            self.shown.remove(place);
        }
    }

    /// Works out anew what is shown: the rows are by path already, and the sort keeps that order between equals.
    fn rebuild(&mut self) {
        let mut shown: Vec<usize> =
            self.by_path.iter().copied().filter(|&index| self.shows(&self.rows[index])).collect();
        if self.sort != Sort::Path {
            shown.sort_by_cached_key(|&index| self.sort.key(&self.rows[index]));
        }
        self.shown = shown;
        self.find_selection();
    }

    fn find_selection(&mut self) {
        match self.selected.and_then(|id| self.place_of(id)) {
            Some(place) => self.place = place,
            None => self.select_place(self.place()),
        }
    }
}

/// Puts `fresh`, in any order, where it belongs in `sorted`.
fn insert_all(sorted: &mut Vec<usize>, mut fresh: Vec<usize>, order: impl Fn(&usize, &usize) -> Ordering) {
    if fresh.is_empty() {
        return;
    }
    fresh.sort_by(&order);
    let mut merged = Vec::with_capacity(sorted.len() + fresh.len());
    let mut done = 0;
    for new in fresh {
        let place = done + sorted[done..].partition_point(|old| order(old, &new).is_le());
        merged.extend_from_slice(&sorted[done..place]);
        merged.push(new);
        done = place;
    }
    merged.extend_from_slice(&sorted[done..]);
    *sorted = merged;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{FileTime, Sha256};
    use crate::triage::Verdict;

    fn row(id: i64, hunt: usize, path: &str, verdict: Verdict) -> Row {
        Row {
            id: FindingId(id),
            hunt,
            path: path.into(),
            size: id as u64,
            modified: FileTime { seconds: id, nanos: 0 },
            sha256: Sha256([0; 32]),
            matches: 1,
            candidate: false,
            verdict,
            returned: None,
        }
    }

    fn paths(list: &FindingList) -> Vec<&str> {
        (0..list.len()).filter_map(|place| list.at(place)?.path.to_str()).collect()
    }

    #[test]
    fn the_selection_stays_on_its_finding_while_the_list_grows() {
        let mut list = FindingList::new(2);
        list.upsert(vec![row(1, 0, "/m", Verdict::Open)]);
        list.select_place(0);
        list.upsert(vec![row(2, 0, "/a", Verdict::Open), row(3, 1, "/z", Verdict::Open)]);
        assert_eq!(list.selected().unwrap().id, FindingId(1));
        assert_eq!(paths(&list), ["/a", "/m", "/z"]);
        list.set_sort(Sort::Size);
        assert_eq!(paths(&list), ["/z", "/a", "/m"]);
        assert_eq!(list.selected().unwrap().id, FindingId(1));
    }

    #[test]
    fn a_row_that_changes_moves_and_is_counted_once() {
        let mut list = FindingList::new(1);
        list.upsert(vec![row(1, 0, "/a", Verdict::Open), row(2, 0, "/b", Verdict::Open)]);
        list.select(FindingId(1));
        list.upsert(vec![row(1, 0, "/a", Verdict::Benign)]);
        assert_eq!(paths(&list), ["/b", "/a"]);
        assert_eq!(list.counts(None), Counts { open: 1, benign: 1, ..Counts::default() });
        assert_eq!(list.selected().unwrap().id, FindingId(1));
        assert_eq!(list.next_open(Some(FindingId(1))), Some(FindingId(2)));
        assert_eq!(list.next_open(Some(FindingId(2))), None);
    }

    #[test]
    fn what_came_back_stands_first() {
        let mut list = FindingList::new(1);
        let back = Row { returned: Some("content changed".into()), ..row(2, 0, "/z", Verdict::Open) };
        list.upsert(vec![row(1, 0, "/a", Verdict::Open), back, row(3, 0, "/m", Verdict::Malicious)]);
        assert_eq!(paths(&list), ["/z", "/m", "/a"]);
    }

    #[test]
    fn hunt_and_filter_narrow_the_view() {
        let mut list = FindingList::new(2);
        list.upsert(vec![row(1, 0, "/opt/A", Verdict::Open), row(2, 1, "/opt/b", Verdict::Open)]);
        list.set_hunt(Some(1));
        assert_eq!(paths(&list), ["/opt/b"]);
        list.set_hunt(None);
        list.set_filter("T/a");
        assert_eq!(paths(&list), ["/opt/A"]);
        list.set_filter("nothing");
        assert!(list.selected().is_none());
        list.set_filter("");
        assert_eq!(list.len(), 2);
    }
}
