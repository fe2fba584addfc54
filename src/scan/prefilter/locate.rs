//! Where in a file the patterns can be.

use std::sync::Arc;

use super::Prefilter;
use super::seam::Seam;
use super::search::SearchedPatterns;

/// The stream of one file that is asked where, not whether, something may match. Feed its bytes in order.
///
/// Every match of every pattern holds at least one of the spots and reaches less than [`Prefilter::reach`] bytes
/// beyond it, before and after.
#[derive(Debug)]
pub struct Locator<'p> {
    prefilter: &'p Prefilter,
    everything: Arc<SearchedPatterns>,
    position: u64,
    seam: Seam,
}

impl<'p> Locator<'p> {
    pub(super) fn new(prefilter: &'p Prefilter) -> Self {
        Self { prefilter, everything: prefilter.everything(), position: 0, seam: Seam::default() }
    }

    /// Takes the next bytes of the file; `spot` gets the offset and length in bytes of every place that may belong to
    /// a match. A place near the edge of a chunk may be told twice.
    pub fn feed(&mut self, chunk: &[u8], mut spot: impl FnMut(u64, u64)) {
        let searcher = &self.prefilter.searcher;
        let position = self.position;
        self.seam.pass(chunk, searcher.longest(), |bytes, before| {
            let origin = position.saturating_sub(before as u64);
            searcher.spots(&self.everything, bytes, |start, length| spot(origin + start as u64, length as u64));
        });
        self.position = position.saturating_add(chunk.len() as u64);
    }

    /// Takes a hole of `length` bytes. Nothing is inside it: a prefilter that zeros could match has no reach.
    pub fn skip_zeros(&mut self, length: u64, mut spot: impl FnMut(u64, u64)) {
        let end = self.position.saturating_add(length);
        let edge = (self.prefilter.searcher.longest() as u64).min(length);
        self.feed(&vec![0; edge as usize], &mut spot);
        // The seam holds zeros now, as the end of the hole does, so a spot that begins there gets its true place.
        self.position = end;
    }
}
