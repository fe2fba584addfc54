//! The parts of a large file that can hold matches.

use std::ops::{ControlFlow, Range};

use super::coverage::Leave;
use super::prefilter::{Prefilter, Reach};
use super::read::{DataExtent, SizedFile};

/// More windows than this are not kept; what comes after is not looked at, and coverage says so.
const MAX_WINDOWS: usize = 65_536;
/// Bytes matched at once; a longer window is cut.
pub(super) const PIECE: u64 = 2 << 20;

/// Ranges of a file, in file order, that neither overlap nor touch.
#[derive(Debug)]
pub(super) struct Windows {
    ranges: Vec<Range<u64>>,
    reach: Reach,
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
        content: &SizedFile,
        prefilter: &Prefilter,
        reach: Reach,
        buffer: &mut [u8],
        mut tick: impl FnMut(u64) -> Result<(), Leave>,
    ) -> Result<Self, Leave> {
        let mut windows = Self { ranges: Vec::new(), reach, size: content.size, complete: true };
        let mut locator = prefilter.locate();
        content.stream(buffer, |end, stretch| {
            let spot = |offset, length| windows.add(offset, length);
            match stretch {
                DataExtent::Bytes(chunk) => locator.feed(chunk, spot),
                DataExtent::Hole(length) => locator.skip_zeros(length, spot),
            }
            tick(end)?;
            Ok::<_, Leave>(if windows.complete { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        Ok(windows)
    }

    fn add(&mut self, offset: u64, length: u64) {
        let end = offset.saturating_add(length).saturating_add(self.reach.bytes).min(self.size);
        let mut window = offset.saturating_sub(self.reach.bytes)..end;
        // Spots come nearly in order: a seam's may lie before the last of the chunk before it.
        while let Some(last) = self.ranges.pop_if(|last| last.end >= window.start) {
            if last.start > window.end {
                // Far behind all that is known; one window over both is as right as two.
                window.end = last.end;
            }
            window = last.start.min(window.start)..last.end.max(window.end);
        }
        self.complete = self.ranges.len() < MAX_WINDOWS;
        if self.complete {
            self.ranges.push(window);
        }
    }

    /// What is to be matched at once: the windows, in file order, and of one longer than `most` bytes piece by piece.
    pub(super) fn pieces(&self, most: u64) -> WindowPieces<'_> {
        WindowPieces { windows: self.ranges.iter(), rest: 0..0, most, reach: self.reach, exact: true }
    }
}

/// Goes through the windows piece by piece. Pieces of one window overlap by as much as a match, with what decides it,
/// can take.
pub(super) struct WindowPieces<'w> {
    windows: std::slice::Iter<'w, Range<u64>>,
    /// What is left of a window.
    rest: Range<u64>,
    most: u64,
    reach: Reach,
    exact: bool,
}

impl WindowPieces<'static> {
    /// All of a content whose end is not known, piece by piece.
    pub(super) fn of_all(reach: Reach, most: u64) -> Self {
        Self { windows: [].iter(), rest: 0..u64::MAX, most, reach, exact: true }
    }

    /// Where the next piece begins.
    pub(super) fn position(&self) -> u64 {
        self.rest.start
    }

    /// Has the next piece begin there.
    pub(super) fn jump(&mut self, to: u64) {
        self.rest.start = to;
    }

    /// Says whether all cuts up to now are where nothing could match.
    pub(super) fn set_exact(&mut self, exact: bool) {
        self.exact = exact;
    }
}

impl WindowPieces<'_> {
    /// The range to read next.
    pub(super) fn next(&mut self) -> Option<Range<u64>> {
        if self.rest.is_empty() {
            self.rest = self.windows.find(|window| !window.is_empty())?.clone();
        }
        Some(self.rest.start..self.rest.end.min(self.rest.start + self.most))
    }

    /// How much of that range, whose content is `bytes`, is to be matched: all of it, or, where the window goes on, up
    /// to a place where words end. A match with `fullword`, or with `\b`, is then the same with and without the rest.
    pub(super) fn cut<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let length = bytes.len();
        // The file's own end came sooner than it did when the windows were located, or this is the last piece.
        if (length as u64) < self.most || self.rest.start + self.most >= self.rest.end {
            self.rest.start = self.rest.end;
            return bytes;
        }
        let end = (length / 2..length).rev().find(|&at| ends_no_word(bytes, at));
        let piece = bytes.get(..end.unwrap_or(length)).unwrap_or(bytes);
        let latest = piece.len().saturating_sub(self.reach.bytes as usize).max(length / 4 + 1);
        let next = (length / 4..=latest).rev().find(|&at| begins_no_word(bytes, at));
        self.exact &= !self.reach.cut_matters && end.is_some() && next.is_some();
        self.rest.start += next.unwrap_or(latest) as u64;
        piece
    }

    /// Whether nothing could match at a cut that does not match in the whole.
    pub(super) fn exact(&self) -> bool {
        self.exact
    }
}

/// Whether what ends at `at` ends there as it would at the end of a file: no letter, digit or underscore comes after,
/// in one byte or in two (UTF-16, little-endian).
fn ends_no_word(bytes: &[u8], at: usize) -> bool {
    let [.., before] = bytes.get(..at).unwrap_or_default() else { return false };
    bytes.get(at).is_some_and(|after| !(is_word(*after) || *after == 0 && is_word(*before)))
}

/// Whether what begins at `at` begins there as it would at the start of a file; see [`ends_no_word`].
fn begins_no_word(bytes: &[u8], at: usize) -> bool {
    let [.., earlier, before] = bytes.get(..at).unwrap_or_default() else { return false };
    !(is_word(*before) || *before == 0 && is_word(*earlier))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(size: u64, spots: &[u64]) -> Windows {
        let reach = Reach { bytes: 100, cut_matters: false };
        let mut windows = Windows { ranges: Vec::new(), reach, size, complete: true };
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

    /// The pieces of a file, and whether all cuts are between words.
    fn pieces(windows: &Windows, most: u64, file: &[u8]) -> (Vec<Range<u64>>, bool) {
        let mut pieces = windows.pieces(most);
        let mut found = Vec::new();
        while let Some(range) = pieces.next() {
            let bytes = &file[range.start as usize..range.end as usize];
            found.push(range.start..range.start + pieces.cut(bytes).len() as u64);
        }
        (found, pieces.exact())
    }

    #[test]
    fn a_long_window_is_cut_into_pieces_that_overlap() {
        let spots: Vec<u64> = (0..60).map(|n| n * 100).collect();
        let mut windows = windows(6000, &spots);
        let text = b"abcdefg ".repeat(750);
        let (found, exact) = pieces(&windows, 2000, &text);
        assert!(exact && found.len() == 4, "{found:?}");
        assert_eq!((found[0].start, found[3].end), (0, 6000));
        assert!(found.windows(2).all(|pair| pair[0].end - pair[1].start >= 100), "{found:?}");
        assert!(found.iter().all(|piece| piece.end - piece.start <= 2000), "{found:?}");
        for piece in &found {
            assert!(piece.end == 6000 || text[piece.end as usize] == b' ', "{piece:?}");
            assert!(piece.start == 0 || text[piece.start as usize - 1] == b' ', "{piece:?}");
        }
        assert!(!pieces(&windows, 2000, &[b'a'; 6000]).1);
        assert!(!pieces(&windows, 2000, &b"a\0".repeat(3000)).1);
        assert_eq!(pieces(&windows, 6000, &[b'a'; 6000]), (vec![0..6000], true));
        windows.reach.cut_matters = true;
        assert_eq!(pieces(&windows, 2000, &text), (found, false));
    }

    #[test]
    fn words_of_one_and_of_two_bytes_are_seen_at_a_cut() {
        let ends = |text: &[u8], at| ends_no_word(text, at);
        assert!(ends(b"a b", 1) && ends(b"..", 1) && ends(b"a\0 \0", 2));
        assert!(!ends(b"a b", 2) && !ends(b"a\0 \0", 1) && !ends(b"__", 1) && !ends(b"a", 1) && !ends(b"..", 0));
        let begins = |text: &[u8], at| begins_no_word(text, at);
        assert!(begins(b"a b", 2) && begins(b" \0a\0", 2) && begins(b"...", 3));
        assert!(!begins(b"a b", 1) && !begins(b"a\0 \0", 2) && !begins(b"._ ", 2) && !begins(b" a", 1));
    }

    #[test]
    fn windows_without_end_are_not_kept() {
        let spots: Vec<u64> = (0..70_000).map(|n| n * 1000).collect();
        let windows = windows(u64::MAX, &spots);
        assert!(!windows.complete && windows.ranges.len() == MAX_WINDOWS);
    }
}
