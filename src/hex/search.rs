//! Searching a source of any size, forwards and back, without losing a match where two pieces of it meet.
//!
//! The offsets at which a match may begin are gone through in stretches; for each stretch as many bytes more are read as
//! the longest match needs. Memory is one such stretch. What is unknown is skipped and counted; what is a hole is
//! skipped if the query cannot match among zeros. Each known stretch counts as a file of its own: no match reaches
//! across unknown bytes.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use super::matcher::Matcher;
use super::query::Query;
use super::source::{self, Ahead, ByteSource};

/// Which way to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchDirection {
    /// To higher offsets.
    Forward,
    /// To lower offsets.
    Backward,
}

/// Where to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchOrder {
    /// Forwards the first offset at which a match may begin; backwards the first at which none may: for the next and
    /// the previous match from a cursor, `cursor + 1` and `cursor`.
    pub from: u64,
    /// Which way.
    pub direction: SearchDirection,
    /// Whether to go on from the other end.
    pub wrap: bool,
}

/// How far a search has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SearchProgress {
    /// Bytes searched or skipped.
    pub done: u64,
    /// Bytes to be searched, all in all.
    pub total: u64,
}

/// How a search is watched while it runs: a stretch, well under a second of work, passes between two looks.
pub(crate) struct Watch<'a> {
    /// Set by another thread to end the search.
    pub cancel: &'a AtomicBool,
    /// Told after every stretch.
    pub progress: &'a mut dyn FnMut(SearchProgress),
}

/// How a search has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SearchOutcome {
    /// A match.
    Found(Hit),
    /// No match where it was searched.
    NotFound {
        /// Bytes that could not be searched because they are not known.
        unknown: u64,
    },
    /// It was cancelled.
    Cancelled,
}

/// A match in a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Offset of its first byte.
    pub offset: u64,
    /// Its bytes, counted.
    pub length: u64,
    /// Whether it lies past the end, or before the beginning, from where the search began.
    pub wrapped: bool,
}

/// Searches `source` for the nearest match. Forwards that is the one with the lowest offset from `order.from` on,
/// backwards the one with the highest offset before it.
pub(crate) fn search(
    source: &mut dyn ByteSource,
    query: &Query,
    order: SearchOrder,
    watch: &mut Watch<'_>,
) -> SearchOutcome {
    search_by(source, query.matcher(), query.matcher().stretch(), order, watch)
}

/// [`search`] with stretches of as many offsets as told.
pub(super) fn search_by(
    source: &mut dyn ByteSource,
    matcher: &Matcher,
    stretch: usize,
    order: SearchOrder,
    watch: &mut Watch<'_>,
) -> SearchOutcome {
    let size = source.size();
    let from = order.from.min(size);
    let [near, far] = match order.direction {
        SearchDirection::Forward => [from..size, 0..from],
        SearchDirection::Backward => [0..from, from..size],
    };
    let far = if order.wrap { far } else { 0..0 };
    let total = near.end - near.start + far.end - far.start;
    let mut sweep = Sweep::new(source, matcher, stretch, total);
    for (starts, wrapped) in [(near, false), (far, true)] {
        let found = match order.direction {
            SearchDirection::Forward => sweep.forward(starts, watch),
            SearchDirection::Backward => sweep.backward(starts, watch),
        };
        match found {
            Ok(Some(found)) => {
                return SearchOutcome::Found(Hit { offset: found.start, length: found.end - found.start, wrapped });
            }
            Ok(None) => {}
            Err(Cancelled) => return SearchOutcome::Cancelled,
        }
    }
    SearchOutcome::NotFound { unknown: sweep.unknown }
}

/// Hands the offsets of the matches from the first byte on, at most `most` of them, to `take` as they are found. They are
/// those to which [`search`] comes from one to the next. Returns whether all were handed over; not when it was cancelled.
pub(crate) fn each(
    source: &mut dyn ByteSource,
    query: &Query,
    most: usize,
    watch: &mut Watch<'_>,
    take: &mut dyn FnMut(u64),
) -> bool {
    each_by(source, query.matcher(), query.matcher().stretch(), most, watch, take)
}

/// [`each`] with stretches of as many offsets as told.
pub(super) fn each_by(
    source: &mut dyn ByteSource,
    matcher: &Matcher,
    stretch: usize,
    most: usize,
    watch: &mut Watch<'_>,
    take: &mut dyn FnMut(u64),
) -> bool {
    let total = source.size();
    let mut sweep = Sweep::new(source, matcher, stretch, total);
    let mut left = most;
    let mut take = |offset| {
        if left > 0 {
            take(offset);
        }
        left = left.checked_sub(1)?;
        Some(())
    };
    matches!(sweep.each(0..total, watch, &mut take), Ok(Some(())))
}

struct Cancelled;

struct Sweep<'a> {
    source: &'a mut dyn ByteSource,
    matcher: &'a Matcher,
    stretch: u64,
    size: u64,
    skips_zeros: bool,
    total: u64,
    done: u64,
    unknown: u64,
    buffer: Vec<u8>,
}

impl<'a> Sweep<'a> {
    fn new(source: &'a mut dyn ByteSource, matcher: &'a Matcher, stretch: usize, total: u64) -> Self {
        let size = source.size();
        let skips_zeros = !matcher.matches_zeros();
        let stretch = stretch.max(1) as u64;
        Self { source, matcher, stretch, size, skips_zeros, total, done: 0, unknown: 0, buffer: Vec::new() }
    }

    /// All matches that begin in `starts`, until `take` says no.
    fn each(
        &mut self,
        starts: Range<u64>,
        watch: &mut Watch<'_>,
        take: &mut dyn FnMut(u64) -> Option<()>,
    ) -> Result<Option<()>, Cancelled> {
        let mut at = starts.start;
        while at < starts.end {
            let barren = self.barren(at);
            let mut end = barren.until.min(starts.end);
            if end <= at {
                end = at.saturating_add(self.stretch).min(starts.end);
                let piece = self.read(at..end);
                for (hay, mut starts, place) in piece.runs(&self.buffer) {
                    while let Some(found) = self.matcher.first(hay, starts.clone(), watch.cancel) {
                        if take(place + found.start as u64).is_none() {
                            return Ok(None);
                        }
                        starts.start = found.start + 1;
                    }
                }
            }
            self.advance(end - at, watch)?;
            at = end;
        }
        Ok(Some(()))
    }

    fn forward(&mut self, starts: Range<u64>, watch: &mut Watch<'_>) -> Result<Option<Range<u64>>, Cancelled> {
        let mut at = starts.start;
        while at < starts.end {
            let barren = self.barren(at);
            let skipped = barren.until.min(starts.end);
            let end = if skipped > at {
                self.skip(at..skipped, &barren);
                skipped
            } else {
                let end = at.saturating_add(self.stretch).min(starts.end);
                if let Some(found) = self.stretch(at..end, SearchDirection::Forward, watch)? {
                    return Ok(Some(found));
                }
                end
            };
            self.advance(end - at, watch)?;
            at = end;
        }
        Ok(None)
    }

    fn backward(&mut self, starts: Range<u64>, watch: &mut Watch<'_>) -> Result<Option<Range<u64>>, Cancelled> {
        let mut end = starts.end;
        while end > starts.start {
            let mut begin = end.saturating_sub(self.stretch).max(starts.start);
            let barren = self.barren(begin);
            if barren.until >= end {
                begin = self.barren_from(starts.start, begin);
                self.skip(begin..end, &barren);
            } else if let Some(found) = self.stretch(begin..end, SearchDirection::Backward, watch)? {
                return Ok(Some(found));
            }
            self.advance(end - begin, watch)?;
            end = begin;
        }
        Ok(None)
    }

    /// From `at` on, the offsets at which no match can begin, because all it may depend on is hole or unknown.
    fn barren(&mut self, at: u64) -> Barren {
        let nothing = Barren { until: at, unknown: false };
        let (longest, context) = (self.matcher.longest() as u64, self.matcher.context() as u64);
        let Some(left) = at.checked_sub(context) else { return nothing };
        let (right, unknown) = match self.source.ahead(left) {
            Ahead::Zeros { until } if self.skips_zeros => (until, false),
            Ahead::Unknown { until } => (until, true),
            _ => return nothing,
        };
        let until = right.saturating_add(1).saturating_sub(longest + context).max(at);
        Barren { until, unknown }
    }

    /// The lowest offset, from `lowest` on, from which all offsets up to `known` are barren in one piece, as `known` is.
    /// Found by halving, because the kernel finds data forwards only.
    fn barren_from(&mut self, lowest: u64, known: u64) -> u64 {
        let goal = self.barren(known).until;
        let (mut low, mut high) = (lowest, known);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.barren(middle).until >= goal {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        high
    }

    fn skip(&mut self, starts: Range<u64>, barren: &Barren) {
        if barren.unknown {
            self.unknown += starts.end - starts.start;
        }
    }

    fn advance(&mut self, bytes: u64, watch: &mut Watch<'_>) -> Result<(), Cancelled> {
        self.done += bytes;
        (watch.progress)(SearchProgress { done: self.done, total: self.total });
        if watch.cancel.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(()) }
    }

    /// Reads what decides on the matches that begin in `starts`.
    fn read(&mut self, starts: Range<u64>) -> Piece {
        let (longest, context) = (self.matcher.longest() as u64, self.matcher.context() as u64);
        let base = starts.start.saturating_sub(context + self.matcher.lead() as u64);
        let end = starts.end.saturating_add(longest + context).min(self.size);
        let length = usize::try_from(end - base).unwrap_or(usize::MAX);
        let known = source::fill(self.source, base, length, &mut self.buffer);
        let starts = (starts.start - base) as usize..(starts.end - base) as usize;
        let covered: usize = known.iter().map(|run| overlap(run, &starts).len()).sum();
        self.unknown += (starts.len() - covered) as u64;
        Piece { base, known, starts }
    }

    /// The match that begins in `starts`, first or last.
    fn stretch(
        &mut self,
        starts: Range<u64>,
        direction: SearchDirection,
        watch: &Watch<'_>,
    ) -> Result<Option<Range<u64>>, Cancelled> {
        let piece = self.read(starts);
        let mut found = piece.runs(&self.buffer).filter_map(|(hay, starts, place)| {
            let found = match direction {
                SearchDirection::Forward => self.matcher.first(hay, starts, watch.cancel),
                SearchDirection::Backward => self.matcher.last(hay, starts, watch.cancel),
            }?;
            Some(place + found.start as u64..place + found.end as u64)
        });
        let found = match direction {
            SearchDirection::Forward => found.next(),
            SearchDirection::Backward => found.next_back(),
        };
        if found.is_none() && watch.cancel.load(Ordering::Relaxed) { Err(Cancelled) } else { Ok(found) }
    }
}

/// Bytes that were read.
struct Piece {
    /// The file offset of the first.
    base: u64,
    /// Which of them are known.
    known: Vec<Range<usize>>,
    /// Where among them a match may begin.
    starts: Range<usize>,
}

impl Piece {
    /// Each known run: its bytes, where in them a match may begin, and its file offset.
    fn runs<'b>(&self, buffer: &'b [u8]) -> impl DoubleEndedIterator<Item = (&'b [u8], Range<usize>, u64)> {
        self.known.iter().filter_map(move |run| {
            let starts = overlap(run, &self.starts);
            let starts = starts.start - run.start..starts.end - run.start;
            Some((buffer.get(run.clone())?, starts, self.base + run.start as u64))
        })
    }
}

/// What of `starts` lies in `run`; empty, but within `run`, when nothing does.
fn overlap(run: &Range<usize>, starts: &Range<usize>) -> Range<usize> {
    let start = starts.start.clamp(run.start, run.end);
    start..starts.end.clamp(start, run.end)
}

struct Barren {
    /// Offset of the first that may be worth a look.
    until: u64,
    /// Whether the bytes are unknown, not zeros.
    unknown: bool,
}
