//! Marks: which findings the next action is for.

use super::FindingList;
use super::lines::At;
use crate::case::FindingId;

impl FindingList {
    /// Marks what is on this line, or takes the marks off: a finding, or all of a group, of which none is unmarked then.
    pub fn toggle_mark(&mut self, line: usize) {
        let rows = match self.lines.at(line) {
            Some(At::Row(index)) => vec![index],
            Some(At::Group(span)) => self.lines.rows(span).to_vec(),
            None => return,
        };
        let on = !rows.iter().all(|index| self.store.is_marked(*index));
        for index in rows {
            self.store.set_mark(index, on);
        }
    }

    /// Whether a finding is marked.
    pub fn is_marked(&self, id: FindingId) -> bool {
        self.store.index(id).is_some_and(|index| self.store.is_marked(index))
    }

    /// Whether everything that stands for this line is marked.
    pub fn is_line_marked(&self, line: usize) -> bool {
        match self.lines.at(line) {
            _ if self.store.marks() == 0 => false,
            Some(At::Row(index)) => self.store.is_marked(index),
            Some(At::Group(span)) => self.lines.rows(span).iter().all(|index| self.store.is_marked(*index)),
            None => false,
        }
    }

    /// How many are marked, shown or not.
    pub fn marks(&self) -> usize {
        self.store.marks()
    }

    /// The marked findings, in the order in which they came, together by number.
    pub fn marked(&self) -> Vec<FindingId> {
        let rows = self.store.rows().iter().zip(0..);
        rows.filter(|(_, index)| self.store.is_marked(*index)).map(|(row, _)| row.id).collect()
    }

    /// How many marked findings have not come back since all rows were forgotten.
    pub fn lost_marks(&self) -> usize {
        self.store.lost()
    }

    /// How many are marked that hunt or filter hides.
    pub fn hidden_marks(&self) -> usize {
        match self.store.marks() {
            0 => 0,
            _ if self.hunt.is_none() && self.filter.is_empty() => 0,
            _ => {
                let hidden = |index: &u32| self.store.is_marked(*index) && !self.store.shows(*index, self.hunt);
                (0..self.store.rows().len() as u32).filter(hidden).count()
            }
        }
    }

    /// Takes all marks off.
    pub fn clear_marks(&mut self) {
        self.store.clear_marks();
    }
}
