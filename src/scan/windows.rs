//! The parts of a large file that can hold matches.

use std::ops::{ControlFlow, Range};

use super::coverage::Leave;
use super::prefilter::Prefilter;
use super::read::{Content, Stretch};

/// More windows than this are not kept; what comes after is not looked at, and coverage says so.
const MOST_WINDOWS: usize = 65_536;
/// Bytes matched at once. A longer window is cut into pieces.
pub(super) const PIECE: u64 = 2 << 20;

/// Ranges of a file, in file order, that neither overlap nor touch.
#[derive(Debug)]
pub(super) struct Windows {
    ranges: Vec<Range<u64>>,
    reach: u64,
    size: u64,
    /// Whether there was room for all.
    pub complete: bool,
}

impl Windows {
    /// The windows around everything in the file that may belong to a match.
    ///
    /// # Errors
    /// What reading met, or what `tick`, called with the offset reached, decides.
    pub(super) fn locate(
        content: &Content,
        prefilter: &Prefilter,
        reach: u64,
        buffer: &mut [u8],
        mut tick: impl FnMut(u64) -> Result<(), Leave>,
    ) -> Result<Self, Leave> {
        let mut windows = Self { ranges: Vec::new(), reach, size: content.size, complete: true };
        let mut locator = prefilter.locate();
        content.stream(buffer, |end, stretch| {
            let spot = |offset, length| windows.add(offset, length);
            match stretch {
                Stretch::Bytes(chunk) => locator.feed(chunk, spot),
                Stretch::Hole(length) => locator.skip_zeros(length, spot),
            }
            tick(end)?;
            Ok::<_, Leave>(if windows.complete { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        Ok(windows)
    }

    fn add(&mut self, offset: u64, length: u64) {
        let end = offset.saturating_add(length).saturating_add(self.reach).min(self.size);
        let mut window = offset.saturating_sub(self.reach)..end;
        // Spots come nearly in order: a seam's may lie before the last of the chunk before it.
        while let Some(last) = self.ranges.pop_if(|last| last.end >= window.start) {
            if last.start > window.end {
                // Far behind all that is known; one window over both is as right as two.
                window.end = last.end;
            }
            window = last.start.min(window.start)..last.end.max(window.end);
        }
        self.complete = self.ranges.len() < MOST_WINDOWS;
        if self.complete {
            self.ranges.push(window);
        }
    }

    /// What is to be matched at once: the windows, and of one longer than [`PIECE`] pieces that overlap by as much as
    /// a match with what decides it can take. Whether any was cut comes with it.
    pub(super) fn pieces(&self) -> (impl Iterator<Item = Range<u64>> + '_, bool) {
        let cut = self.ranges.iter().any(|range| range.end - range.start > PIECE);
        let step = PIECE.saturating_sub(2 * self.reach).max(1);
        let pieces = move |range: &Range<u64>| {
            let range = range.clone();
            let starts = (0..).map(move |n| range.start + n * step);
            // The piece before reaches to the end when this one would hold nothing new.
            starts
                .take_while(move |start| *start == range.start || start + 2 * self.reach < range.end)
                .map(move |start| start..range.end.min(start + PIECE))
        };
        (self.ranges.iter().flat_map(pieces), cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(size: u64, spots: &[u64]) -> Windows {
        let mut windows = Windows { ranges: Vec::new(), reach: 100, size, complete: true };
        for offset in spots {
            windows.add(*offset, 4);
        }
        windows
    }

    #[test]
    fn spots_become_windows_that_do_not_touch() {
        assert_eq!(windows(1000, &[50, 60, 500]).ranges, [0..164, 400..604]);
        assert_eq!(windows(1000, &[500, 490, 980]).ranges, [390..604, 880..1000]);
        assert_eq!(windows(1000, &[300, 510, 500, 700]).ranges, [200..804]);
        assert_eq!(windows(10_000, &[5000, 1000, 6000]).ranges, [900..5104, 5900..6104]);
    }

    #[test]
    fn a_long_window_is_cut_into_pieces_that_overlap() {
        let spots: Vec<u64> = (0..60_000).map(|n| n * 100).collect();
        let windows = windows(u64::MAX, &spots);
        let (pieces, cut) = windows.pieces();
        let pieces: Vec<Range<u64>> = pieces.collect();
        assert!(cut && pieces.len() == 3, "{pieces:?}");
        assert_eq!((pieces[0].start, pieces[2].end), (0, 5_999_900 + 104));
        assert!(pieces.windows(2).all(|pair| pair[0].end - pair[1].start == 200));
        assert!(pieces.iter().all(|piece| piece.end - piece.start <= PIECE));
    }

    #[test]
    fn windows_without_end_are_not_kept() {
        let spots: Vec<u64> = (0..70_000).map(|n| n * 1000).collect();
        let windows = windows(u64::MAX, &spots);
        assert!(!windows.complete && windows.ranges.len() == MOST_WINDOWS);
    }
}
