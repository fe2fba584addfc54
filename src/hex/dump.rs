//! Lines of a hexdump, for output without a screen: matched bytes are marked by a line of signs beneath.
//!
//! ```text
//! 00001f40  2f 62 69 6e 2f 73 68 00  00 00 00 00 00 00 00 00  /bin/sh.........
//!           ^^ ^^ ^^ ^^ ## ~~ ~~                              ^^^^#~~           ^ $path  # $path $shell  ~ $shell
//! ```

use std::fmt::Write as _;
use std::ops::Range;

use super::byte;
use super::highlight::{HighlightRun, Highlights};
use super::layout::HexLayout;
use super::source::{self, ByteSource};
use crate::text;

/// Signs for the first patterns of a legend; those after them take turns.
const SIGNS: [char; 5] = ['^', '~', '=', '-', '+'];
/// Sign for bytes that several patterns cover.
const SEVERAL: char = '#';
/// The line that stands for bytes that are left out.
pub(crate) const SKIPPED: &str = "...";
/// Columns between the text of a line of signs and the names of its patterns.
const GAP: usize = 2;
/// Bytes that are read at once.
const PIECE: usize = 4096;

/// How much of a file [`matches()`] shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DumpExtent {
    /// Lines before and after each match.
    pub around: usize,
    /// Lines with bytes, all in all.
    pub most: usize,
}

/// The lines for `bytes`, the first of which is at `offset`, `None` where they are unknown. Beneath a line with matches
/// stands a line that marks them and names their patterns. Safe text, as long as the layout says, but for the names.
pub(crate) fn dump(layout: &HexLayout, offset: u64, bytes: &[Option<u8>], highlights: &Highlights) -> Vec<String> {
    let mut lines = Vec::new();
    let mut start = offset;
    let mut left = bytes;
    while !left.is_empty() {
        let index = (start - layout.line(start)) as usize;
        let (here, rest) = left.split_at(left.len().min(layout.per_line.saturating_sub(index).max(1)));
        lines.push(byte_line(layout, start, here));
        let Some(end) = start.checked_add(here.len() as u64) else { break };
        lines.extend(sign_line(layout, start..end, highlights));
        (start, left) = (end, rest);
    }
    lines
}

/// The lines around the matches in `source`, in file order, with [`SKIPPED`] where bytes are left out, and a last line
/// with how many matches are not shown, if any. Of a match of more than `extent.most` lines its beginning is shown.
pub(crate) fn matches(
    source: &mut dyn ByteSource,
    layout: &HexLayout,
    highlights: &Highlights,
    extent: DumpExtent,
) -> Vec<String> {
    let step = layout.per_line.max(1) as u64;
    let around = (extent.around as u64).saturating_mul(step);
    let size = source.size();
    let mut lines = Vec::new();
    let mut room = extent.most as u64;
    let mut shown = 0;
    let mut next = highlights.from(0);
    while let Some(found) = next.filter(|found| room > 0 || found.end() <= shown) {
        let begin = layout.line(found.offset.saturating_sub(around)).max(shown);
        let last = layout.line(found.end().saturating_sub(1)).saturating_add(step).saturating_add(around);
        let end = last.min(begin.saturating_add(room.saturating_mul(step))).min(size);
        if begin < end {
            if begin > shown && shown > 0 {
                lines.push(SKIPPED.to_owned());
            }
            dump_range(source, layout, highlights, begin..end, &mut lines);
            room -= (end - begin).div_ceil(step).min(room);
            shown = end;
        }
        next = highlights.after(found).filter(|next| !next.wrapped);
    }
    if let Some(found) = next {
        let left = highlights.count() + 1 - found.nth;
        lines.push(format!("({})", text::counted(left as u64, "more match")));
    }
    lines
}

/// Adds the lines of `range`, as far as there are such bytes.
fn dump_range(
    source: &mut dyn ByteSource,
    layout: &HexLayout,
    highlights: &Highlights,
    range: Range<u64>,
    lines: &mut Vec<String>,
) {
    let mut at = range.start;
    while at < range.end {
        let wanted = usize::try_from(range.end - at).unwrap_or(PIECE).min(PIECE);
        let bytes = source::read(source, at, wanted);
        lines.extend(dump(layout, at, &bytes, highlights));
        if bytes.len() < wanted {
            break;
        }
        at += bytes.len() as u64;
    }
}

/// Cells of one line: spaces until something is put there.
struct Cells(Vec<char>);

impl Cells {
    fn new(layout: &HexLayout) -> Self {
        Self(vec![' '; layout.columns()])
    }

    fn put(&mut self, column: usize, what: &str) {
        for (cell, character) in self.0.iter_mut().skip(column).zip(what.chars()) {
            *cell = character;
        }
    }

    fn into_line(self) -> String {
        let line: String = self.0.into_iter().collect();
        line.trim_end().to_owned()
    }
}

fn byte_line(layout: &HexLayout, start: u64, bytes: &[Option<u8>]) -> String {
    let line = layout.line(start);
    let mut cells = Cells::new(layout);
    cells.put(0, &format!("{line:0width$x}", width = layout.digits));
    for (byte, index) in bytes.iter().zip((start - line) as usize..) {
        cells.put(layout.digits_column(index), &byte::digits(*byte));
        cells.put(layout.text_column(index), byte::glyph(*byte).encode_utf8(&mut [0; 4]));
    }
    cells.into_line()
}

/// The line that marks what is matched in `range`, a part of one line of bytes; `None` if nothing is.
fn sign_line(layout: &HexLayout, range: Range<u64>, highlights: &Highlights) -> Option<String> {
    let line = layout.line(range.start);
    let runs = highlights.runs(range);
    let mut cells = Cells::new(layout);
    let mut named: Vec<&HighlightRun> = Vec::new();
    for run in &runs {
        let sign = sign(&run.patterns).to_string();
        for index in (run.range.start - line) as usize..(run.range.end - line) as usize {
            cells.put(layout.digits_column(index), &sign.repeat(2));
            cells.put(layout.text_column(index), &sign);
        }
        if named.iter().all(|other| other.patterns != run.patterns) {
            named.push(run);
        }
    }
    if named.is_empty() {
        return None;
    }
    let mut out: String = cells.0.into_iter().collect();
    for run in named {
        let _ = write!(out, "{:GAP$}{}", "", sign(&run.patterns));
        for name in run.patterns.iter().filter_map(|pattern| highlights.legend().get(*pattern)) {
            let _ = write!(out, " {}", text::escape_str(&name.pattern));
        }
    }
    Some(out)
}

fn sign(patterns: &[usize]) -> char {
    match patterns {
        [pattern] => SIGNS.get(pattern % SIGNS.len()).copied().unwrap_or(SEVERAL),
        _ => SEVERAL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::PatternMatch;
    use crate::hex::fixtures::Patchy;
    use proptest::prelude::*;

    fn found(pattern: &str, offset: u64, length: u64) -> PatternMatch {
        PatternMatch { pattern: pattern.into(), offset, length, data: Vec::new() }
    }

    fn marks(matches: &[PatternMatch]) -> Highlights {
        Highlights::new([], matches)
    }

    #[test]
    fn matched_bytes_are_marked_beneath() {
        let mut bytes: Vec<_> = b"/bin/sh\0\x1b[2J".iter().copied().map(Some).collect();
        bytes.extend([None, Some(0xff), Some(b' '), Some(b'z'), Some(b'!')]);
        let marks = marks(&[found("$path", 0x1f40, 5), found("$shell", 0x1f44, 3), found("$path", 0x1f4f, 2)]);
        let lines = dump(&HexLayout::new(76, 1, 0x2000), 0x1f40, &bytes, &marks);
        assert_eq!(
            lines,
            [
                "00001f40  2f 62 69 6e 2f 73 68 00  1b 5b 32 4a ?? ff 20 7a  /bin/sh..[2J?. z",
                "          ^^ ^^ ^^ ^^ ## ~~ ~~                          ^^  ^^^^#~~        ^  \
                 ^ $path  # $path $shell  ~ $shell",
                "00001f50  21                                                !",
                "          ^^                                                ^                 ^ $path",
            ]
        );
    }

    #[test]
    fn a_line_that_begins_in_its_middle_keeps_its_columns() {
        let lines =
            dump(&HexLayout::new(40, 1, 100), 5, &[Some(b'a'), Some(b'b'), Some(b'c'), Some(b'd')], &marks(&[]));
        assert_eq!(lines, ["00000000                 61 62 63       abc", "00000008  64                       d"]);
    }

    #[test]
    fn hostile_names_stay_in_their_line() {
        let lines = dump(&HexLayout::new(40, 1, 8), 0, &[Some(0)], &marks(&[found("$a\n\x1b[2J", 0, 1)]));
        assert!(lines[1].ends_with(r"^ $a\n\x1b[2J"), "{lines:?}");
    }

    #[test]
    fn only_what_is_around_the_matches_is_shown() {
        let mut source = Patchy::new(&[b'x'; 1000]);
        let layout = HexLayout::new(76, 1, 1000);
        let marks = marks(&[found("$a", 100, 4), found("$a", 110, 4), found("$b", 140, 4), found("$a", 990, 4)]);
        let lines = matches(&mut source, &layout, &marks, DumpExtent { around: 1, most: 100 });
        let offsets: Vec<_> =
            lines.iter().map(|line| line.split(' ').next().unwrap()).filter(|o| !o.is_empty()).collect();
        let expected =
            ["00000050", "00000060", "00000070", "00000080", "00000090", "...", "000003c0", "000003d0", "000003e0"];
        assert_eq!(offsets, expected);
        let lines = matches(&mut source, &layout, &marks, DumpExtent { around: 1, most: 3 });
        assert_eq!(lines.last().unwrap(), "(2 more matches)");
        assert_eq!(matches(&mut source, &layout, &marks, DumpExtent { around: 0, most: 0 }), ["(4 more matches)"]);
        let lines = matches(&mut source, &layout, &marks, DumpExtent { around: 1, most: 5 });
        assert_eq!(lines.last().unwrap(), "(1 more match)");
    }

    #[test]
    fn a_hundred_thousand_matches_and_a_huge_one_are_bounded() {
        let mut source = Patchy::new(&vec![0; 1 << 20]);
        let layout = HexLayout::new(76, 1, 1 << 20);
        let many: Vec<_> = (0..100_000).map(|n| found("$a", n * 10, 4)).collect();
        let lines = matches(&mut source, &layout, &marks(&many), DumpExtent { around: 2, most: 10 });
        assert_eq!(lines.len(), 21);
        let huge = [found("$a", 7, u64::MAX)];
        assert_eq!(matches(&mut source, &layout, &marks(&huge), DumpExtent { around: 2, most: 10 }).len(), 20);
        let past = [found("$a", u64::MAX - 1, 9)];
        assert!(matches(&mut source, &layout, &marks(&past), DumpExtent { around: 1, most: 10 }).is_empty());
    }

    proptest! {
        #[test]
        fn anything_can_be_dumped_within_bounds(
            raw in prop::collection::vec((0usize..3, prop_oneof![0u64..400, any::<u64>()], 0u64..40), 0..12),
            (columns, around, most) in (0usize..160, 0usize..4, 0usize..12),
        ) {
            let found: Vec<_> = raw.iter().map(|(p, o, l)| found(&format!("${p}"), *o, *l)).collect();
            let layout = HexLayout::new(columns, 1, 300);
            let mut source = Patchy::new(&[b'a'; 300]).without(50..60);
            let lines = matches(&mut source, &layout, &marks(&found), DumpExtent { around, most });
            let with_bytes = lines.iter().filter(|line| line.starts_with('0')).count();
            prop_assert!(with_bytes <= most);
            let mut sorted: Vec<_> = lines.iter().filter(|line| line.starts_with('0')).collect();
            sorted.dedup();
            prop_assert!(sorted.is_sorted());
            prop_assert_eq!(sorted.len(), with_bytes, "no line is shown twice");
        }
    }
}
