//! Where the cursor stands in the list, and the ways from there to other findings.

use super::lines::At;
use super::{FindingList, GroupHeading, Grouping, ListLine, ListedFinding};
use crate::case::FindingId;

/// Where the cursor stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cursor {
    /// The finding under it, or the first one of the group whose heading is.
    pub finding: Option<FindingId>,
    /// The group whose heading is under it.
    pub group: Option<u32>,
    /// The line, for when both leave the view.
    pub line: usize,
}

impl FindingList {
    /// The line that the cursor stands on.
    pub fn place(&self) -> usize {
        self.cursor.line.min(self.len().saturating_sub(1))
    }

    /// The group whose heading is under the cursor.
    pub fn selected_group(&self) -> Option<GroupHeading<'_>> {
        match self.line(self.place())? {
            ListLine::Group(group) => Some(group),
            ListLine::Row(_) => None,
        }
    }

    /// The finding under the cursor, or all of the group whose heading is.
    pub fn under_cursor(&self) -> Vec<FindingId> {
        match self.lines.at(self.place()) {
            Some(At::Row(index)) => vec![self.store.row(index).id],
            Some(At::Group(span)) => self.lines.rows(span).iter().map(|index| self.store.row(*index).id).collect(),
            None => Vec::new(),
        }
    }

    /// The finding under the cursor.
    pub fn selected(&self) -> Option<&ListedFinding> {
        self.at(self.place())
    }

    /// Puts the cursor on this line, or on the last one.
    pub fn select_place(&mut self, line: usize) {
        self.go(line);
        self.chosen = self.cursor.finding.or(self.chosen);
    }

    /// Moves the cursor by this many lines.
    pub fn move_by(&mut self, lines: isize) {
        self.select_place(self.place().saturating_add_signed(lines));
    }

    /// Puts the cursor on this finding, or on its group if that is folded; nothing if the finding is not shown.
    pub fn select(&mut self, id: FindingId) {
        let index = self.store.index(id).filter(|index| self.store.shows(*index, self.hunt));
        if let Some(line) = index.and_then(|index| self.lines.line_of(index)) {
            self.cursor = Cursor { finding: Some(id), group: None, line };
            self.chosen = Some(id);
        }
    }

    /// The next finding after `after` (in the order shown, round and round) that nothing is decided on.
    pub fn next_open(&self, after: Option<FindingId>) -> Option<FindingId> {
        let mut order = self.lines.rows_in_order();
        let here = after.and_then(|id| self.store.index(id));
        if let Some(place) = here.and_then(|here| order.iter().position(|index| *index == here)) {
            order.rotate_left(place + 1);
        }
        let next = order.into_iter().find(|index| self.store.is_open(*index) && Some(*index) != here);
        next.map(|index| self.store.row(index).id)
    }

    /// The findings of the same hunt as `id` for which `pick` holds, in the order in which they came, together
    /// by number; `id` is one of them.
    pub fn alike(&self, id: FindingId, pick: impl Fn(&ListedFinding, &ListedFinding) -> bool) -> Vec<FindingId> {
        let Some(this) = self.get(id) else { return Vec::new() };
        let same = |row: &&ListedFinding| row.hunt == this.hunt && row.candidate == this.candidate;
        let rows = self.store.rows().iter().filter(same);
        rows.filter(|row| row.id == id || pick(this, row)).map(|row| row.id).collect()
    }

    /// Whether hunt and filter let a finding pass; one that is not there is not shown.
    pub fn is_shown(&self, id: FindingId) -> bool {
        self.store.index(id).is_some_and(|index| self.store.shows(index, self.hunt))
    }

    /// The finding this many places after `id`, folded away or not.
    pub fn neighbour(&self, id: FindingId, by: isize) -> Option<FindingId> {
        let here = self.store.index(id)?;
        let order = self.lines.rows_in_order();
        let place = order.iter().position(|index| *index == here)?.checked_add_signed(by)?;
        order.get(place).map(|index| self.store.row(*index).id)
    }

    pub(super) fn group_at_cursor(&self) -> Option<u32> {
        if self.grouping == Grouping::None {
            return None;
        }
        match self.lines.at(self.place())? {
            At::Row(index) => Some(self.store.group(index, self.grouping)),
            At::Group(span) => Some(span.group),
        }
        .filter(|group| self.lines.line_of_group(*group).is_some())
    }

    pub(super) fn go(&mut self, line: usize) {
        let line = line.min(self.len().saturating_sub(1));
        let (index, group) = match self.lines.at(line) {
            Some(At::Row(index)) => (Some(index), None),
            Some(At::Group(span)) => (self.lines.rows(span).first().copied(), Some(span.group)),
            None => (None, None),
        };
        self.cursor = Cursor { finding: index.map(|index| self.store.row(index).id), group, line };
    }
}
