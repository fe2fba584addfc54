//! Looking for a query in one piece of memory.
//!
//! What counts as a match must not depend on how a file was cut into pieces. So a match is defined by its first byte
//! and the bytes near it alone: [`Matcher::context`] bytes before it, [`Matcher::longest`] bytes from it on, and as many
//! more as the context. Whoever hands in a piece makes sure that these are there, unless the file ends before.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use memchr::memmem;
use regex::bytes::Regex;
use regex_syntax::hir::Properties;

/// Bytes that one match of a regular expression may have. Longer ones are no matches.
pub(crate) const LONGEST_REGEX_MATCH: usize = 4096;
/// Bytes beside a match that its look-around (`^`, `$`, `\b`) may depend on: a UTF-8 character where Unicode is on.
const REGEX_CONTEXT: usize = 4;
/// Offsets that are tried at once when the last match in a piece is wanted.
const STRIDE: usize = 4096;

/// One byte of a hex query: some of its bits are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mask {
    value: u8,
    care: u8,
}

impl Mask {
    /// Reads two characters, each a hex digit or `?`; `None` if they are anything else.
    pub fn parse(pair: &[u8]) -> Option<Self> {
        let nibble = |digit: u8| match digit {
            b'?' => Some((0, 0)),
            digit => char::from(digit).to_digit(16).map(|value| (value as u8, 0xf)),
        };
        let &[high, low] = pair else { return None };
        let ((high, care_high), (low, care_low)) = (nibble(high)?, nibble(low)?);
        Some(Self { value: high << 4 | low, care: care_high << 4 | care_low })
    }

    /// Whether every byte will do.
    pub fn is_any(self) -> bool {
        self.care == 0
    }

    fn is_exact(self) -> bool {
        self.care == 0xff
    }

    fn matches(self, byte: u8) -> bool {
        byte & self.care == self.value
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for shift in [4, 0] {
            match self.care >> shift & 0xf {
                0 => f.write_str("?")?,
                _ => write!(f, "{:X}", self.value >> shift & 0xf)?,
            }
        }
        Ok(())
    }
}

/// A query, ready to look for.
#[derive(Debug, Clone)]
pub struct Matcher(Way);

#[derive(Debug, Clone)]
enum Way {
    Literal(Needle),
    Masked { masks: Vec<Mask>, anchor: Option<Anchor> },
    Regex { regex: Regex, longest: usize, bounded: bool, context: usize },
}

/// The longest run of given bytes in a masked query: what can be looked for fast.
#[derive(Debug, Clone)]
struct Anchor {
    /// Index in the query.
    at: usize,
    needle: Needle,
}

#[derive(Debug, Clone)]
struct Needle {
    forward: memmem::Finder<'static>,
    backward: memmem::FinderRev<'static>,
}

impl Needle {
    fn new(bytes: &[u8]) -> Self {
        Self { forward: memmem::Finder::new(bytes).into_owned(), backward: memmem::FinderRev::new(bytes).into_owned() }
    }

    fn bytes(&self) -> &[u8] {
        self.forward.needle()
    }

    fn len(&self) -> usize {
        self.bytes().len()
    }

    fn first(&self, hay: &[u8], starts: &Range<usize>) -> Option<usize> {
        let part = hay.get(starts.start..last_end(hay, starts, self.len()))?;
        Some(starts.start + self.forward.find(part)?)
    }

    fn last(&self, hay: &[u8], starts: &Range<usize>) -> Option<usize> {
        let part = hay.get(starts.start..last_end(hay, starts, self.len()))?;
        Some(starts.start + self.backward.rfind(part)?)
    }
}

/// Where a match of `length` bytes that begins in `starts` ends at the latest.
fn last_end(hay: &[u8], starts: &Range<usize>, length: usize) -> usize {
    starts.end.saturating_add(length).saturating_sub(1).min(hay.len())
}

impl Matcher {
    /// Looks for these bytes, at least one.
    pub fn literal(bytes: &[u8]) -> Self {
        Self(Way::Literal(Needle::new(bytes)))
    }

    /// Looks for bytes that fit these masks, at least one.
    pub fn masked(masks: Vec<Mask>) -> Self {
        if masks.iter().all(|mask| mask.is_exact()) {
            return Self::literal(&masks.iter().map(|mask| mask.value).collect::<Vec<_>>());
        }
        let anchor = anchor(&masks);
        Self(Way::Masked { masks, anchor })
    }

    /// Looks for what `regex` matches, up to [`LONGEST_REGEX_MATCH`] bytes. It must not match the empty string.
    /// `properties` are those of the same regular expression.
    pub fn regex(regex: Regex, properties: &Properties) -> Self {
        let bounded = properties.maximum_len().filter(|length| *length <= LONGEST_REGEX_MATCH);
        let longest = bounded.unwrap_or(LONGEST_REGEX_MATCH);
        let context = if properties.look_set().is_empty() { 0 } else { REGEX_CONTEXT };
        Self(Way::Regex { regex, longest, bounded: bounded.is_some(), context })
    }

    /// Bytes of the longest match.
    pub fn longest(&self) -> usize {
        match &self.0 {
            Way::Literal(needle) => needle.len(),
            Way::Masked { masks, .. } => masks.len(),
            Way::Regex { longest, .. } => *longest,
        }
    }

    /// Bytes before and after a match that it may depend on.
    pub fn context(&self) -> usize {
        match &self.0 {
            Way::Regex { context, .. } => *context,
            _ => 0,
        }
    }

    /// How many offsets to look at in one piece: fewer for regular expressions, where one offset may cost a piece.
    pub fn stretch(&self) -> usize {
        match &self.0 {
            Way::Regex { .. } => 64 * 1024,
            _ => 512 * 1024,
        }
    }

    /// Bytes before an offset that are gone through too, so that where one match ends and the next begins does not depend
    /// on where the search does. Matches that follow each other without a gap for longer than that may be told apart
    /// at other places from elsewhere.
    pub fn lead(&self) -> usize {
        match &self.0 {
            Way::Regex { .. } => LONGEST_REGEX_MATCH,
            _ => 0,
        }
    }

    /// Whether it matches somewhere among zeros only, so that holes are worth a look.
    pub fn matches_zeros(&self) -> bool {
        let zeros = vec![0; self.longest() + 2 * self.context()];
        let at = self.context();
        match &self.0 {
            Way::Regex { regex, .. } => self.near(regex, &zeros, at).is_some(),
            _ => self.first(&zeros, at..at + 1, &AtomicBool::new(false)).is_some(),
        }
    }

    /// The first match in `hay` that begins in `starts`, or `None` when `cancel` is set.
    pub fn first(&self, hay: &[u8], starts: Range<usize>, cancel: &AtomicBool) -> Option<Range<usize>> {
        let starts = starts.start..starts.end.min(hay.len());
        match &self.0 {
            Way::Literal(needle) => needle.first(hay, &starts).map(|at| at..at + needle.len()),
            Way::Masked { masks, anchor: Some(anchor) } => {
                let mut left = starts;
                while let Some(at) = anchor.first(hay, &left).filter(|_| !cancel.load(Ordering::Relaxed)) {
                    if fits(masks, hay, at) {
                        return Some(at..at + masks.len());
                    }
                    left.start = at + 1;
                }
                None
            }
            Way::Masked { masks, anchor: None } => {
                starts.into_iter().find(|at| fits(masks, hay, *at)).map(|at| at..at + masks.len())
            }
            Way::Regex { .. } => {
                let mut first = None;
                self.whole(hay, starts, cancel, |found| {
                    first = Some(found);
                    false
                });
                first
            }
        }
    }

    /// The last match in `hay` that begins in `starts`, or `None` when `cancel` is set.
    pub fn last(&self, hay: &[u8], starts: Range<usize>, cancel: &AtomicBool) -> Option<Range<usize>> {
        let starts = starts.start..starts.end.min(hay.len());
        match &self.0 {
            Way::Literal(needle) => needle.last(hay, &starts).map(|at| at..at + needle.len()),
            Way::Masked { masks, anchor: Some(anchor) } => {
                let mut left = starts;
                while let Some(at) = anchor.last(hay, &left).filter(|_| !cancel.load(Ordering::Relaxed)) {
                    if fits(masks, hay, at) {
                        return Some(at..at + masks.len());
                    }
                    left.end = at;
                }
                None
            }
            Way::Masked { masks, anchor: None } => {
                starts.into_iter().rev().find(|at| fits(masks, hay, *at)).map(|at| at..at + masks.len())
            }
            Way::Regex { .. } => self.last_by_strides(hay, &starts, cancel),
        }
    }

    /// Hands the matches of a regular expression that begin in `starts` to `take`, until that says no: whole ones that do
    /// not overlap, as they come when all is gone through from its beginning, since none reaches further than the lead.
    fn whole(&self, hay: &[u8], starts: Range<usize>, cancel: &AtomicBool, mut take: impl FnMut(Range<usize>) -> bool) {
        let Way::Regex { regex, longest, bounded, context } = &self.0 else { return };
        // No more than a match may depend on, or a greedy one runs through all of a piece for each offset.
        let hay = hay.get(..starts.end.saturating_add(longest + context)).unwrap_or(hay);
        let mut at = starts.start.saturating_sub(self.lead());
        while at < starts.end && !cancel.load(Ordering::Relaxed) {
            let Some(found) = regex.find_at(hay, at).filter(|found| found.start() < starts.end) else { return };
            let exact = if *bounded { Some(found.range()) } else { self.near(regex, hay, found.start()) };
            at = match exact {
                Some(found) => {
                    let end = found.end.max(found.start + 1);
                    if found.start >= starts.start && !take(found) {
                        return;
                    }
                    end
                }
                None => found.start() + 1,
            };
        }
    }

    /// Regular expressions only run forwards: the last match is the last of all in the last stride that has any.
    fn last_by_strides(&self, hay: &[u8], starts: &Range<usize>, cancel: &AtomicBool) -> Option<Range<usize>> {
        let mut end = starts.end;
        while end > starts.start {
            let begin = end.saturating_sub(STRIDE).max(starts.start);
            let mut last = None;
            self.whole(hay, begin..end, cancel, |found| {
                last = Some(found);
                true
            });
            if cancel.load(Ordering::Relaxed) {
                return None;
            }
            if last.is_some() {
                return last;
            }
            end = begin;
        }
        None
    }

    /// The match of `regex` that begins at `at`, seen with no more of `hay` than it may depend on. Without look-around
    /// that is the longest match itself, so that a greedy one ends there.
    fn near(&self, regex: &Regex, hay: &[u8], at: usize) -> Option<Range<usize>> {
        let (longest, context) = (self.longest(), self.context());
        let begin = at.saturating_sub(context);
        let end = at.saturating_add(longest + context).min(hay.len());
        let found = regex.find_at(hay.get(begin..end)?, at - begin)?;
        (found.start() == at - begin && found.len() <= longest).then(|| at..at + found.len())
    }
}

fn fits(masks: &[Mask], hay: &[u8], at: usize) -> bool {
    hay.get(at..at + masks.len()).is_some_and(|bytes| masks.iter().zip(bytes).all(|(mask, byte)| mask.matches(*byte)))
}

impl Anchor {
    /// The first offset in `starts` at which the query may match.
    fn first(&self, hay: &[u8], starts: &Range<usize>) -> Option<usize> {
        Some(self.needle.first(hay, &self.moved(starts))? - self.at)
    }

    /// The last offset in `starts` at which the query may match.
    fn last(&self, hay: &[u8], starts: &Range<usize>) -> Option<usize> {
        Some(self.needle.last(hay, &self.moved(starts))? - self.at)
    }

    fn moved(&self, starts: &Range<usize>) -> Range<usize> {
        starts.start + self.at..starts.end + self.at
    }
}

fn anchor(masks: &[Mask]) -> Option<Anchor> {
    let runs = masks.chunk_by(|a, b| a.is_exact() == b.is_exact()).scan(0, |at, run| {
        *at += run.len();
        Some((*at - run.len(), run))
    });
    let (at, run) = runs.filter(|(_, run)| run.iter().all(|mask| mask.is_exact())).max_by_key(|(_, run)| run.len())?;
    let bytes: Vec<u8> = run.iter().map(|mask| mask.value).collect();
    Some(Anchor { at, needle: Needle::new(&bytes) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masks(text: &str) -> Vec<Mask> {
        text.split(' ').map(|pair| Mask::parse(pair.as_bytes()).unwrap()).collect()
    }

    fn regex(source: &str) -> Matcher {
        let hir = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(source).unwrap();
        let regex = regex::bytes::RegexBuilder::new(source).unicode(false).build().unwrap();
        Matcher::regex(regex, hir.properties())
    }

    #[test]
    fn masks_read_what_they_print_and_nothing_else() {
        for text in ["DE", "?0", "F?", "??"] {
            assert_eq!(Mask::parse(text.as_bytes()).unwrap().to_string(), text);
        }
        for wrong in ["", "a", "abc", "g0", "-1", "é"] {
            assert_eq!(Mask::parse(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn the_longest_given_run_is_the_anchor() {
        let found = anchor(&masks("de ?? ad be ?f")).unwrap();
        assert_eq!((found.at, found.needle.bytes()), (2, &[0xad, 0xbe][..]));
        assert!(anchor(&masks("?e ?? a?")).is_none());
    }

    #[test]
    fn first_and_last_keep_to_where_a_match_may_begin() {
        let never = AtomicBool::new(false);
        let hay = b"abXabXabX";
        for matcher in [
            Matcher::literal(b"ab"),
            Matcher::masked(masks("61 6?")),
            Matcher::masked(masks("?1 6?")),
            regex("ab"),
            regex("ab[^aX]*"),
        ] {
            assert_eq!(matcher.first(hay, 1..9, &never), Some(3..5), "{matcher:?}");
            assert_eq!(matcher.first(hay, 1..3, &never), None, "{matcher:?}");
            assert_eq!(matcher.first(hay, 3..4, &never), Some(3..5), "{matcher:?}");
            assert_eq!(matcher.last(hay, 0..9, &never), Some(6..8), "{matcher:?}");
            assert_eq!(matcher.last(hay, 0..6, &never), Some(3..5), "{matcher:?}");
            assert_eq!(matcher.last(hay, 7..99, &never), None, "{matcher:?}");
        }
    }

    #[test]
    fn a_match_that_is_too_long_is_none_and_a_shorter_one_is_found() {
        let never = AtomicBool::new(false);
        let matcher = regex("(?s)a.*b");
        let mut hay = vec![b'.'; 20_000];
        hay[0] = b'a';
        hay[10_000] = b'b';
        assert_eq!(matcher.first(&hay, 0..20_000, &never), None);
        hay[100] = b'b';
        assert_eq!(matcher.first(&hay, 0..20_000, &never), Some(0..101));
        assert_eq!(regex("(?s)a.*").first(&hay, 0..20_000, &never), Some(0..LONGEST_REGEX_MATCH));
        assert_eq!(
            regex(r"(?s)a.*\z").first(&hay, 0..20_000, &never),
            None,
            "the end of what is seen is not the file's"
        );
    }

    #[test]
    fn zeros_are_told_from_what_cannot_be_zeros() {
        let regex = |text: &str| regex(text).matches_zeros();
        assert!(Matcher::literal(&[0, 0]).matches_zeros());
        assert!(!Matcher::literal(&[0, 1]).matches_zeros());
        assert!(Matcher::masked(masks("0? ?0")).matches_zeros());
        assert!(!Matcher::masked(masks("?1 00")).matches_zeros());
        assert!(regex(r"\x00+"));
        assert!(!regex(r"[^\x00]\x00+"));
        assert!(!regex(r"^\x00"), "only at the beginning of a file, which is never skipped");
    }

    #[test]
    fn cancelling_stops_a_slow_search() {
        let cancelled = AtomicBool::new(true);
        let matcher = regex("ab.*");
        assert_eq!(matcher.first(b"ab", 0..2, &cancelled), None);
        assert_eq!(matcher.last(b"ab", 0..2, &cancelled), None);
    }
}
