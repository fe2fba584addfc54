//! From rows in order to lines: the groups among them, what is folded, and which line shows what.

use super::sort::Grouping;
use super::store::Store;

/// Neighbours in the order that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// The group's number.
    pub group: u32,
    /// Where in the order it begins.
    pub start: usize,
    /// Rows.
    pub count: usize,
    /// Rows that nothing is decided on.
    pub open: usize,
    pub folded: bool,
    /// The line of its heading.
    line: usize,
}

/// What a line shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    Row(u32),
    Group(Span),
}

/// The lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Indexes of the rows that are shown or folded away, in order.
    pub order: Vec<u32>,
    /// Empty unless grouped; in the order in which they are shown.
    spans: Vec<Span>,
    grouped: bool,
    count: usize,
}

impl Lines {
    /// Finds the groups in the order.
    pub fn arrange(&mut self, store: &Store, grouping: Grouping, is_folded: impl Fn(u32) -> bool) {
        self.grouped = grouping != Grouping::None;
        self.spans.clear();
        self.count = self.order.len();
        if !self.grouped {
            return;
        }
        for (start, &index) in self.order.iter().enumerate() {
            let group = store.group(index, grouping);
            let open = usize::from(store.is_open(index));
            match self.spans.last_mut().filter(|span| span.group == group) {
                Some(span) => {
                    span.count += 1;
                    span.open += open;
                }
                None => {
                    self.spans.push(Span { group, start, count: 1, open, folded: is_folded(group), line: 0 });
                }
            }
        }
        if grouping == Grouping::Content {
            self.spans.sort_by_key(|span| std::cmp::Reverse(span.count));
        }
        self.count = 0;
        for span in &mut self.spans {
            span.line = self.count;
            self.count += 1 + if span.folded { 0 } else { span.count };
        }
    }

    pub fn count(&self) -> usize {
        self.count
    }

    pub fn at(&self, line: usize) -> Option<At> {
        if !self.grouped {
            return self.order.get(line).copied().map(At::Row);
        }
        let after = self.spans.partition_point(|span| span.line <= line);
        let span = *self.spans.get(after.checked_sub(1)?)?;
        match line - span.line {
            0 => Some(At::Group(span)),
            below if span.folded || below > span.count => None,
            below => self.order.get(span.start + below - 1).copied().map(At::Row),
        }
    }

    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The rows of a group.
    pub fn rows(&self, span: Span) -> &[u32] {
        &self.order[span.start..span.start + span.count]
    }

    /// The line of a row; that of its group when it is folded away.
    pub fn line_of(&self, index: u32) -> Option<usize> {
        let place = self.order.iter().position(|other| *other == index)?;
        if !self.grouped {
            return Some(place);
        }
        let span = self.spans.iter().find(|span| (span.start..span.start + span.count).contains(&place))?;
        Some(if span.folded { span.line } else { span.line + 1 + place - span.start })
    }

    /// The line of a group's heading.
    pub fn line_of_group(&self, group: u32) -> Option<usize> {
        self.spans.iter().find(|span| span.group == group).map(|span| span.line)
    }

    /// Rows in the order in which they are shown, folded or not.
    pub fn rows_in_order(&self) -> Vec<u32> {
        if !self.grouped {
            return self.order.clone();
        }
        self.spans.iter().flat_map(|span| self.rows(*span)).copied().collect()
    }
}
