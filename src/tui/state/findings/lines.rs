//! From rows in order to lines: the groups among them, what is folded, and which line shows what.

use std::cmp::Reverse;
use std::ops::Range;

use super::sort::Grouping;
use super::store::Store;

/// Neighbours in the order that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// The group's number.
    pub group: u32,
    /// Where in the order it begins.
    start: u32,
    /// Rows.
    pub count: u32,
    /// Rows that nothing is decided on; candidates not counted.
    pub open: u32,
    /// Candidates that nothing is decided on.
    pub candidates: u32,
    pub folded: bool,
    /// Whether it has no heading: a content that was found once is no group.
    pub alone: bool,
    /// The line of its heading, or of its row.
    line: u32,
}

impl Span {
    /// Places in the order.
    fn places(&self) -> Range<usize> {
        self.start as usize..(self.start + self.count) as usize
    }
}

/// What a line shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    Row(u32),
    Group(Span),
}

/// The lines.
#[derive(Debug, Default)]
pub(super) struct ListLines {
    /// Indexes of the rows that are shown or folded away, in order.
    pub order: Vec<u32>,
    /// Empty unless grouped; in the order in which they are shown.
    spans: Vec<Span>,
    grouped: bool,
    count: usize,
    /// Whether what has few copies comes first where contents are grouped.
    pub rare_first: bool,
}

impl ListLines {
    /// Finds the groups in the order.
    pub(super) fn arrange(&mut self, store: &Store, grouping: Grouping, is_folded: impl Fn(u32) -> bool) {
        self.grouped = grouping != Grouping::None;
        self.spans.clear();
        self.count = self.order.len();
        if !self.grouped {
            return;
        }
        for (start, &index) in (0..).zip(&self.order) {
            let group = store.group(index, grouping);
            let (is_open, is_candidate) = (store.is_open(index), store.is_candidate(index));
            let (open, candidates) = (u32::from(is_open && !is_candidate), u32::from(is_open && is_candidate));
            match self.spans.last_mut().filter(|span| span.group == group) {
                Some(span) => {
                    span.count += 1;
                    span.open += open;
                    span.candidates += candidates;
                }
                None => {
                    let folded = is_folded(group);
                    self.spans.push(Span { group, start, count: 1, open, candidates, folded, alone: false, line: 0 });
                }
            }
        }
        if grouping == Grouping::Content {
            // Most contents have no copy, and need not be sorted.
            let (mut copies, single): (Vec<_>, Vec<_>) = self.spans.drain(..).partition(|span| span.count > 1);
            if self.rare_first {
                copies.sort_by_key(|span| span.count);
                self.spans.extend(single.into_iter().chain(copies));
            } else {
                copies.sort_by_key(|span| Reverse(span.count));
                let single = single.into_iter().map(|span| Span { alone: true, folded: false, ..span });
                self.spans.extend(copies.into_iter().chain(single));
            }
        }
        let mut line = 0;
        for span in &mut self.spans {
            span.line = line;
            line += u32::from(!span.alone) + if span.folded { 0 } else { span.count };
        }
        self.count = line as usize;
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn at(&self, line: usize) -> Option<At> {
        if !self.grouped {
            return self.order.get(line).copied().map(At::Row);
        }
        let after = self.spans.partition_point(|span| span.line as usize <= line);
        let span = *self.spans.get(after.checked_sub(1)?)?;
        match line - span.line as usize {
            below if span.alone => self.rows(span).get(below).copied().map(At::Row),
            0 => Some(At::Group(span)),
            _ if span.folded => None,
            below => self.rows(span).get(below - 1).copied().map(At::Row),
        }
    }

    pub(super) fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The rows of a group.
    pub(super) fn rows(&self, span: Span) -> &[u32] {
        &self.order[span.places()]
    }

    /// The line of a row; that of its group when it is folded away.
    pub(super) fn line_of(&self, index: u32) -> Option<usize> {
        let place = self.order.iter().position(|other| *other == index)?;
        if !self.grouped {
            return Some(place);
        }
        let span = self.spans.iter().find(|span| span.places().contains(&place))?;
        Some(span.line as usize + if span.folded || span.alone { 0 } else { 1 + place - span.start as usize })
    }

    /// The line of a group's heading.
    pub(super) fn line_of_group(&self, group: u32) -> Option<usize> {
        self.spans.iter().find(|span| span.group == group && !span.alone).map(|span| span.line as usize)
    }

    /// Rows in the order in which they are shown, folded or not.
    pub(super) fn rows_in_order(&self) -> Vec<u32> {
        if !self.grouped {
            return self.order.clone();
        }
        self.spans.iter().flat_map(|span| self.rows(*span)).copied().collect()
    }
}
