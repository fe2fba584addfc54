//! The hex view's place: viewport, cursor, matches, marks, selection, and the bytes that have arrived.

use std::ops::Range;

use super::face::{Face, TextFace};
use super::strings::StringList;
use crate::elf::Map;
use crate::finding::Finding;
use crate::hex::ByteWindow;
use crate::hex::copy::{self, CopyFormat};
use crate::hex::encoding::Encoding;
use crate::hex::highlight::{Highlights, NthMatch};
use crate::hex::inspect::{ByteOrder, NEEDED};
use crate::hex::layout::{HexLayout, Motion, Viewport};
use crate::hex::marks::Marks;
use crate::hex::query::Query;
use crate::hex::search::{Hit, SearchDirection};
use crate::hunt::Rule;
use crate::text;

/// Bytes asked for beyond what is shown, so that a page up or down is there already.
const AROUND: u64 = 4096;
/// Bytes shown before the first match when a finding is opened.
const LEAD: u64 = 64;

/// Hits of a search that are counted at most.
pub(crate) const MAX_HITS: usize = 10_000;

/// How far the hits of a search are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// It goes on.
    SoFar,
    /// There are no others.
    All,
    /// There are more, or it was stopped.
    NotAll,
}

/// The hits of a search, counted from the first byte on.
#[derive(Debug)]
pub struct Hits {
    /// The number of the search they are counted for; what is told with another is of an older one.
    pub number: u64,
    /// Where they begin, in ascending order.
    pub offsets: Vec<u64>,
    /// Whether these are all.
    pub counted: Counted,
}

impl Hits {
    /// None yet.
    pub fn new(number: u64) -> Self {
        Self { number, offsets: Vec::new(), counted: Counted::SoFar }
    }

    /// Which of how many the hit at `offset` is, as far as that is known.
    pub fn in_words(&self, offset: u64) -> String {
        let many = text::count(self.offsets.len() as u64);
        let nth = self.offsets.binary_search(&offset).ok().map(|index| text::count(index as u64 + 1));
        match (nth, self.counted) {
            (Some(nth), Counted::SoFar) => format!("hit {nth} of {many}…"),
            (Some(nth), Counted::All) => format!("hit {nth} of {many}"),
            (Some(nth), Counted::NotAll) => format!("hit {nth} of {many}+"),
            (None, Counted::SoFar) => format!("hit; {many} counted…"),
            (None, Counted::All) => format!("hit, none of the {many} counted: the file has changed"),
            (None, Counted::NotAll) => format!("hit after the first {many}"),
        }
    }
}

/// A search and what it found last.
#[derive(Debug)]
pub struct ActiveSearch {
    /// Its number; an answer with another is to an older search.
    pub number: u64,
    /// All that it finds.
    pub hits: Hits,
    /// What is sought.
    pub query: Query,
    /// Which way it went last.
    pub direction: SearchDirection,
    /// Where it was found last.
    pub hit: Option<Hit>,
    /// Bytes searched of all, while it runs.
    pub progress: Option<(u64, u64)>,
}

/// The hex view of one finding.
#[derive(Debug)]
pub struct HexView {
    /// How the bytes are laid out; set by whoever draws.
    pub layout: HexLayout,
    /// What is in view, and the cursor.
    pub viewport: Viewport,
    /// The matches.
    pub highlights: Highlights,
    /// The match that next and previous went to.
    pub current: Option<NthMatch>,
    /// How the bytes are shown; by what they are until the responder chooses.
    pub face: Face,
    /// Whether it was chosen, by the responder or by what the first bytes are.
    face_is_chosen: bool,
    /// The place in the text.
    pub text: TextFace,
    /// The printable texts.
    pub strings: StringList,
    /// The number under which a line was asked for.
    pub line_asked: Option<u64>,
    /// Whether the last line will do where there is no such line.
    pub line_or_last: bool,
    /// The bytes that have arrived last.
    pub window: Option<ByteWindow>,
    /// Offsets with a letter.
    pub marks: Marks,
    /// Where the selection began.
    pub anchor: Option<u64>,
    /// Whether the value under the cursor is shown, and, where there is no room for both, in which order.
    pub inspector: Option<ByteOrder>,
    /// Whether there was room for both orders; set by whoever draws.
    pub both_orders: bool,
    /// The search.
    pub sought: Option<ActiveSearch>,
    /// Whether the next match is what the search finds next.
    pub follows_search: bool,
    /// A range shown because another tab pointed to it.
    pub pointed: Option<Range<u64>>,
    /// Where in the file which ELF structure lies; `None` for another kind of file, and until it is decoded.
    pub map: Option<Map>,
    /// Whether structures are shown over the bytes.
    pub overlay: bool,
    /// What is copied as soon as its bytes have arrived.
    pub copying: Option<(CopyFormat, Range<u64>)>,
    asked: Option<Range<u64>>,
    /// Whether bytes are asked for though they are at hand, lest the file changed meanwhile.
    again: bool,
}

impl HexView {
    /// A view at the first match.
    pub fn new(rule: &Rule, finding: &Finding) -> Self {
        let patterns = rule.patterns.iter().map(|pattern| pattern.id.as_str());
        let highlights = Highlights::new(patterns, &finding.matches);
        let first = finding.matches.iter().map(|found| found.offset).min();
        let layout = HexLayout::new(80, 1, finding.file.size);
        let cursor = first.unwrap_or(0);
        let viewport = Viewport { top: layout.line(cursor.saturating_sub(LEAD)), cursor };
        let current = highlights.from(0);
        Self {
            layout,
            viewport,
            highlights,
            current,
            face: Face::default(),
            face_is_chosen: false,
            text: TextFace::default(),
            strings: StringList::default(),
            line_asked: None,
            line_or_last: false,
            window: None,
            marks: Marks::default(),
            anchor: None,
            inspector: None,
            both_orders: true,
            sought: None,
            follows_search: false,
            pointed: None,
            map: None,
            overlay: true,
            copying: None,
            asked: None,
            again: false,
        }
    }

    /// What the responder has switched on or off in another finding holds here too.
    #[must_use]
    pub fn in_manner_of(self, other: &Self) -> Self {
        Self { inspector: other.inspector, overlay: other.overlay, ..self }
    }

    /// Shows the value under the cursor; then, if there is no room for both, in the other order; then no more.
    pub fn inspect_on(&mut self) {
        self.inspector = match self.inspector {
            None => Some(ByteOrder::Little),
            Some(ByteOrder::Little) if !self.both_orders => Some(ByteOrder::Big),
            Some(_) => None,
        };
    }

    /// The structures to show over the bytes.
    pub fn structures(&self) -> Option<&Map> {
        self.map.as_ref().filter(|_| self.overlay)
    }

    /// Makes the view fit an area. Returns whether anything is shown elsewhere now.
    pub fn fit(&mut self, columns: usize, rows: usize) -> bool {
        let before = (self.layout, self.viewport, self.text.columns, self.text.height, self.text.top);
        let size = self.window.as_ref().map_or(self.layout.size, |window| window.size);
        self.layout = HexLayout::new(columns, rows, size);
        if self.face == Face::Text {
            self.fit_text(columns, rows);
        } else {
            self.viewport = self.layout.fit(self.viewport);
        }
        before != (self.layout, self.viewport, self.text.columns, self.text.height, self.text.top)
    }

    /// Shows the bytes so from now on.
    pub fn show(&mut self, face: Face) {
        (self.face, self.face_is_chosen) = (face, true);
        self.viewport = self.layout.moved(self.viewport, Motion::To(self.viewport.cursor));
        self.settle_text();
    }

    /// Reads the bytes in the next encoding.
    pub fn turn_encoding(&mut self) {
        self.text.encoding = self.text.encoding.next();
        self.look_again();
        self.settle_text();
    }

    /// Moves the cursor.
    pub fn go(&mut self, motion: Motion) {
        if self.face == Face::Text {
            self.go_in_text(motion);
        } else {
            self.viewport = self.layout.moved(self.viewport, motion);
        }
        self.pointed = None;
        self.look_again();
    }

    /// Has the bytes read again though they are at hand, so that a file that is another by now, or gone, shows.
    pub fn look_again(&mut self) {
        self.again = true;
    }

    /// Goes to a match, with some lines of context above it.
    pub fn go_to(&mut self, found: NthMatch) {
        self.go(Motion::To(found.offset));
        self.current = Some(found);
    }

    /// Goes to an offset and shows the bytes from there on as pointed to.
    pub fn point_to(&mut self, range: Range<u64>) {
        self.go(Motion::To(range.start));
        self.pointed = Some(range);
    }

    /// The selected bytes, both ends included.
    pub fn selection(&self) -> Option<Range<u64>> {
        let anchor = self.anchor?;
        let cursor = self.viewport.cursor;
        Some(anchor.min(cursor)..anchor.max(cursor) + 1)
    }

    /// What copying means: the selection, or what the search found or the rule matched under the cursor, or the byte there.
    pub fn chosen(&self) -> Range<u64> {
        let cursor = self.viewport.cursor;
        let hit = self.sought.as_ref().filter(|_| self.follows_search).and_then(|sought| sought.hit);
        let hit = hit.map(|hit| hit.offset..hit.offset + hit.length).filter(|range| range.contains(&cursor));
        self.selection()
            .or(hit)
            .or_else(|| {
                self.current.map(|found| found.offset..found.offset + found.length).filter(|r| r.contains(&cursor))
            })
            .unwrap_or(cursor..cursor + 1)
    }

    /// The bytes in view.
    pub fn sight(&self) -> Range<u64> {
        let end = self.viewport.top.saturating_add(self.layout.window() as u64).min(self.layout.size);
        self.viewport.top..end.max(self.viewport.top)
    }

    /// The bytes from `offset` on that have arrived; `None` in it for one that is unknown.
    pub fn bytes_from(&self, offset: u64) -> &[Option<u8>] {
        let window = self.window.as_ref();
        let from = window.and_then(|window| {
            let index = usize::try_from(offset.checked_sub(window.offset)?).ok()?;
            window.bytes.get(index..)
        });
        from.unwrap_or_default()
    }

    /// The byte at `offset`, when it has arrived and is known.
    pub fn byte(&self, offset: u64) -> Option<u8> {
        self.bytes_from(offset).first().copied().flatten()
    }

    /// The bytes that must be at hand: those in view, and what would be copied unless that is too much.
    fn needed(&self) -> Range<u64> {
        let sight = match self.face {
            Face::Text => {
                let (cursor, page) = (self.viewport.cursor, self.text.page());
                let end = cursor.saturating_add(2 * page).min(self.layout.size);
                cursor.saturating_sub(self.text.look_back())..end.max(cursor)
            }
            Face::Hex | Face::Strings => self.sight(),
        };
        let chosen = self.copying.as_ref().map_or_else(|| self.chosen(), |(_, range)| range.clone());
        if chosen.end - chosen.start > copy::MAX_COPY_BYTES as u64 {
            return sight;
        }
        sight.start.min(chosen.start)..sight.end.max(chosen.end.min(self.layout.size))
    }

    /// What must be read, as offset and length, unless it is at hand or was asked for.
    pub fn wanted(&mut self) -> Option<(u64, usize)> {
        let needed = self.needed();
        let covers = |range: &Range<u64>| range.start <= needed.start && needed.end <= range.end;
        let arrived = self.window.as_ref().map(|window| window.offset..window.offset + window.bytes.len() as u64);
        let at_hand = arrived.as_ref().is_some_and(covers) && !self.again;
        if at_hand || self.asked.as_ref().is_some_and(covers) {
            return None;
        }
        self.again = false;
        // Pairs of UTF-16 begin at even offsets.
        let start = needed.start.saturating_sub(AROUND) & !1;
        let length = (needed.end - start + AROUND) as usize + NEEDED;
        self.asked = Some(start..start + length as u64);
        Some((start, length))
    }

    /// Text is shown as text, all else as digits.
    fn choose_face(&mut self) {
        let Some(window) = &self.window else { return };
        let (encoding, is_text) = Encoding::guess(&window.bytes, window.offset == 0);
        self.text.encoding = encoding;
        self.face_is_chosen = true;
        if is_text {
            self.face = Face::Text;
            // The lines before are counted for text only.
            self.look_again();
        }
    }

    /// The encoding in which lines are to be counted, if they are shown.
    pub fn counts_lines(&self) -> Option<Encoding> {
        (self.face == Face::Text).then_some(self.text.encoding)
    }

    /// Takes bytes that have arrived, unless others were asked for since. Returns whether what is known of the file is
    /// no longer what it was, so that what was decoded from it may be out of date.
    pub fn arrived(&mut self, window: ByteWindow) -> bool {
        if self.asked.as_ref().is_none_or(|asked| asked.start != window.offset) {
            return false;
        }
        self.asked = None;
        self.layout.size = window.size;
        let before = self.window.replace(window);
        if before.is_none() && !self.face_is_chosen {
            self.choose_face();
        }
        // What is in view as text is not in view as digits.
        if self.face != Face::Text {
            self.viewport = self.layout.fit(self.viewport);
        }
        self.viewport.cursor = self.viewport.cursor.min(self.layout.last());
        self.settle_text();
        let state = |window: &ByteWindow| (window.shown, window.size, window.notice.clone());
        before.as_ref().map(state) != self.window.as_ref().map(state) && before.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_hit_it_is_is_said_as_far_as_it_is_known() {
        let said = |counted, offset| Hits { number: 1, offsets: vec![3, 5, 9], counted }.in_words(offset);
        assert_eq!(said(Counted::All, 5), "hit 2 of 3");
        assert_eq!(said(Counted::SoFar, 9), "hit 3 of 3…");
        assert_eq!(said(Counted::SoFar, 12), "hit; 3 counted…");
        assert_eq!(said(Counted::NotAll, 3), "hit 1 of 3+");
        assert_eq!(said(Counted::NotAll, 12), "hit after the first 3");
        assert!(said(Counted::All, 4).ends_with("the file has changed"));
    }
}
