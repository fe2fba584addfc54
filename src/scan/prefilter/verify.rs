//! Whether a pattern may match around a place where what it cannot do without was found.

use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};
use serde::{Deserialize, Serialize};
use yara_x_parser::ast::{HexToken, Pattern};

use super::guard::PatternIndex;
use super::literals;

/// Patterns with longer matches, in bytes, are taken for matching where their run is.
const MAX_REACH: u64 = 4096;
/// Bytes that assertions at the ends of a match look at, and some more.
const ASIDE: usize = 4;
/// Most bytes of a compiled expression.
const MAX_SIZE: usize = 1 << 20;
/// Most bytes that the search of one keeps for each thread.
const MAX_KEPT: usize = 1 << 17;
/// Expressions that are compiled at most; patterns with others are taken for matching where their run is.
const MAX_COMPILED: usize = 384;
/// A run of so many bytes at most is compared as a whole.
const MAX_COMPARED: usize = 60;

/// What matches of a pattern look like, at most: whatever yara-x finds matches the expression too.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Expression {
    text: String,
    /// Length in bytes of the longest match.
    reach: usize,
    #[serde(skip)]
    compiled: OnceLock<Option<Regex>>,
}

/// The expressions of patterns. They are compiled when a file first has a run of theirs.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Expressions {
    /// By pattern.
    list: Vec<Option<Expression>>,
    #[serde(skip)]
    compiled: AtomicUsize,
}

impl From<Vec<Option<Expression>>> for Expressions {
    fn from(list: Vec<Option<Expression>>) -> Self {
        Self { list, compiled: AtomicUsize::new(0) }
    }
}

impl Expressions {
    /// Whether a match of the pattern may hold the bytes at `place`. Yes, where that is not known.
    pub(super) fn may_match(&self, pattern: PatternIndex, part: FilePart, place: &Range<usize>) -> bool {
        let Some(expression) = self.list.get(pattern).and_then(Option::as_ref) else { return true };
        if expression.compiled.get().is_none() {
            if self.compiled.load(Ordering::Relaxed) >= MAX_COMPILED {
                return true;
            }
            self.compiled.fetch_add(1, Ordering::Relaxed);
        }
        expression.may_match(part, place)
    }
}

/// Bytes of a file, and whether nothing comes before or after them.
#[derive(Debug, Clone, Copy)]
pub(super) struct FilePart<'b> {
    pub bytes: &'b [u8],
    /// Offset in the file of where it ends, or a little more.
    pub end: u64,
    pub is_first: bool,
    pub is_last: bool,
}

impl<'b> FilePart<'b> {
    /// Bytes with others before and after them.
    pub(super) const fn inner(bytes: &'b [u8], end: u64) -> Self {
        Self { bytes, end, is_first: false, is_last: false }
    }
}

impl Expression {
    /// The expression of a pattern whose runs tell less than all of it.
    pub(super) fn of(pattern: &Pattern) -> Option<Self> {
        let reach = literals::reach(pattern).filter(|reach| reach.bytes <= MAX_REACH)?;
        let plain = match pattern {
            Pattern::Text(_) => return None,
            Pattern::Hex(hex) => {
                let is_compared = hex.sub_patterns.iter().all(|token| matches!(token, HexToken::Byte(_)));
                if is_compared && hex.sub_patterns.iter().count() <= MAX_COMPARED {
                    return None;
                }
                literals::hex_expression(&hex.sub_patterns, 0)?
            }
            Pattern::Regexp(regexp) => literals::expression(&regexp.regexp, pattern.modifiers().nocase().is_some())?,
        };
        let looks = plain.properties().look_set();
        let known = [Look::WordAscii, Look::WordAsciiNegate];
        if looks.iter().any(|look| !known.contains(&look)) {
            return None;
        }
        let modifiers = pattern.modifiers();
        let is_plain = modifiers.wide().is_none() || modifiers.ascii().is_some();
        let wide = modifiers.wide().map(|_| widened(&plain));
        let text = match (is_plain, wide) {
            (_, Some(None)) => return None,
            (false, Some(Some(wide))) => wide.to_string(),
            (true, Some(Some(wide))) => Hir::alternation(vec![plain, wide]).to_string(),
            (_, None) => plain.to_string(),
        };
        Some(Self { text, reach: reach.bytes as usize, compiled: OnceLock::new() })
    }

    /// Whether a match may hold the bytes at `place`. Yes, where that takes bytes that are not in the part.
    pub(super) fn may_match(&self, part: FilePart, place: &Range<usize>) -> bool {
        let beside = self.reach + ASIDE;
        let (first, last) = (place.end.checked_sub(beside), place.start + beside);
        if (first.is_none() && !part.is_first) || (last > part.bytes.len() && !part.is_last) {
            return true;
        }
        let compile = || {
            let mut builder = RegexBuilder::new(&self.text);
            builder.unicode(false).size_limit(MAX_SIZE).dfa_size_limit(MAX_KEPT).build().ok()
        };
        let Some(regex) = self.compiled.get_or_init(compile) else { return true };
        let near = part.bytes.get(first.unwrap_or(0)..last.min(part.bytes.len()));
        near.is_none_or(|near| regex.is_match(near))
    }
}

/// The expression with a zero after each byte, without its assertions: what they ask of such text is another matter. `None`
/// if it has characters of several bytes.
fn widened(hir: &Hir) -> Option<Hir> {
    let all = |parts: &[Hir]| parts.iter().map(widened).collect::<Option<Vec<Hir>>>();
    Some(match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Hir::empty(),
        HirKind::Literal(literal) => Hir::literal(literal.0.iter().flat_map(|byte| [*byte, 0]).collect::<Vec<u8>>()),
        HirKind::Class(Class::Bytes(_)) => Hir::concat(vec![hir.clone(), Hir::literal([0])]),
        HirKind::Class(Class::Unicode(_)) => return None,
        HirKind::Repetition(repetition) => {
            let sub = Box::new(widened(&repetition.sub)?);
            Hir::repetition(Repetition { sub, ..repetition.clone() })
        }
        HirKind::Capture(capture) => widened(&capture.sub)?,
        HirKind::Concat(parts) => Hir::concat(all(parts)?),
        HirKind::Alternation(parts) => Hir::alternation(all(parts)?),
    })
}

#[cfg(test)]
mod tests {
    use yara_x_parser::ast::AST;

    use super::*;

    fn expression(pattern: &str) -> Option<Expression> {
        let text = format!("rule r {{ strings: $a = {pattern} condition: $a }}");
        let tree = AST::from(text.as_str());
        let rule = tree.rules().next().unwrap();
        Expression::of(&rule.patterns.as_ref().unwrap()[0])
    }

    #[test]
    fn the_places_of_runs_are_looked_at_as_far_as_they_are_there() {
        let expression = expression("{ 41 42 [0-2] 43 }").unwrap();
        let may = |bytes: &[u8], is_first, is_last| {
            expression.may_match(FilePart { bytes, end: 0, is_first, is_last }, &(10..12))
        };
        assert!(may(b"0123456789AB--C345678", false, false));
        assert!(!may(b"0123456789AB---C45678", false, false));
        assert!(may(b"0123456789AB---", false, false) && !may(b"0123456789AB---", false, true));
    }

    #[test]
    fn wide_text_has_an_expression_of_its_own() {
        let wide = expression("/ab{1,2}c/ wide").unwrap();
        let may = |bytes: &[u8]| wide.may_match(FilePart { bytes, end: 0, is_first: true, is_last: true }, &(0..1));
        assert!(may(b"a\0b\0b\0c\0") && !may(b"abbc") && !may(b"a\0b\0b\0b\0c\0"));
        let both = expression("/ab{1,2}c/ wide ascii nocase").unwrap();
        let may = |bytes: &[u8]| both.may_match(FilePart { bytes, end: 0, is_first: true, is_last: true }, &(0..1));
        assert!(may(b"aBbC") && may(b"A\0b\0c\0") && !may(b"a-c"));
        for none in ["/^abc/", "/ab+c/", "\"abc\"", "{ 41 42 43 }"] {
            assert!(expression(none).is_none(), "{none}");
        }
        assert!(expression("/\\babc/").is_some() && expression("/\\babc/ wide").is_some());
    }
}
