//! What to look for in a file to know that a pattern may be there.

use serde::{Deserialize, Serialize};
use std::ops::Range;

use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, Dot, Hir, HirKind, Look, Repetition};
use yara_x_parser::ast::{self, HexToken, Pattern};

use super::bytes::ByteSet;
use super::encoded;
use super::pairs::Pair;
use super::required::{self, Run, RunCover};

/// Most bytes of a window; the search engine takes its fingerprint from the first [`FINGERPRINT`].
const MAX_WINDOW: usize = 8;
/// Fewer bytes than this are no window: they would slow the search for all the others.
const MIN_WINDOW: usize = 3;
const FINGERPRINT: usize = 4;
/// Most spellings of one window (letters in either case, few-valued hex wildcards).
const MAX_SPELLINGS: usize = 16;
/// Bits that a window must tell; one of 12 bits is hit by chance about 64 times in 256 KiB.
const MIN_WINDOW_BITS: f64 = 12.0;
/// Bits that two bytes must tell where nothing else can be searched for.
pub(super) const MIN_PAIR_BITS: f64 = 13.0;
/// Bits that a whole run must tell, or it is found in most files anyway.
const MIN_RUN_BITS: f64 = 18.0;
/// Bytes of a run kept on either side of the window for checking a hit.
const MARGIN: usize = 60;
/// Most places of a run that are kept where there are very many runs.
const MAX_PLACES: usize = 64;
/// Most bytes of a pattern's beginning that are compared at a fixed offset.
const MAX_BEGINNING: usize = 64;

/// Places that occur in a row in the file if the pattern does, and the part of them that is searched for first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Needle {
    pub run: Run,
    /// Indices into `run`.
    pub window: Range<usize>,
    /// What must stand on either side of the run.
    pub edges: Edges,
}

/// What must stand beside a run that is the whole of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub(super) enum Edges {
    /// Anything.
    #[default]
    Any,
    /// No letter or digit: the run is a `fullword` text.
    Word,
    /// The same in two bytes for each character, the last zero of which is not part of the run.
    WideWord,
}

impl Edges {
    /// Whether `bytes` allows a run of `length` bytes at `start`. Bytes that are not there may be anything.
    pub(super) fn allow(self, bytes: &[u8], start: usize, length: usize) -> bool {
        let letter = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphanumeric);
        let zero = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(|byte| *byte == 0);
        let (before, after) =
            (|places: usize| start.checked_sub(places), |places: usize| Some(start + length + places));
        match self {
            Self::Any => true,
            Self::Word => !letter(before(1)) && !letter(after(0)),
            Self::WideWord => !(zero(before(1)) && letter(before(2)) || letter(after(1)) && zero(after(2))),
        }
    }
}

impl Needle {
    /// Whether the run is in a stretch of nothing but zeros.
    pub(super) fn is_in_zeros(&self) -> bool {
        self.run.iter().all(|set| set.contains(0))
    }

    /// The run, or [`MAX_PLACES`] of it with the window in their middle.
    pub(super) fn shortened(mut self) -> (Run, Edges) {
        if self.run.len() > MAX_PLACES {
            self.edges = Edges::Any;
            let room = MAX_PLACES.saturating_sub(self.window.len()) / 2;
            let first = self.window.start.saturating_sub(room).min(self.run.len() - MAX_PLACES);
            self.run.drain(..first);
            self.run.truncate(MAX_PLACES);
        }
        (self.run, self.edges)
    }

    /// How often it is met by chance, per place.
    pub(super) fn chance(&self) -> f64 {
        let told = (-self.run.iter().map(ByteSet::information).sum::<f64>()).exp2();
        told.max(super::rarity::least_chance(&self.run))
    }

    /// Whether a few byte strings stand for its window.
    pub(super) fn has_window(&self) -> bool {
        !self.window.is_empty()
    }

    /// All byte strings that the window stands for.
    pub(super) fn spellings(&self) -> Vec<Vec<u8>> {
        let window = self.run.get(self.window.clone()).unwrap_or_default();
        window.iter().fold(vec![Vec::new()], |spellings, set| {
            let longer = |spelling: &Vec<u8>| {
                let spelling = spelling.clone();
                set.iter().map(move |byte| [spelling.as_slice(), &[byte]].concat()).collect::<Vec<_>>()
            };
            spellings.iter().flat_map(longer).collect()
        })
    }
}

/// Needles of which at least one is in every file that has the pattern; `None` if nothing usable is known.
pub(super) fn needles(pattern: &Pattern) -> Option<Vec<Needle>> {
    let modifiers = pattern.modifiers();
    if let Pattern::Text(text) = pattern
        && encoded::is_encoded(text)
    {
        return encoded::runs(text)?.iter().map(|run| needle(run).map(|(needle, _)| needle)).collect();
    }
    let covers = match pattern {
        Pattern::Text(text) => {
            let set = if modifiers.nocase().is_some() { ByteSet::any_case } else { ByteSet::one };
            vec![vec![text.text.value.iter().map(|&byte| set(byte)).collect()]]
        }
        Pattern::Hex(hex) => required::covers(&hex_expression(&hex.sub_patterns, 0)?),
        Pattern::Regexp(regexp) => required::covers(&expression(&regexp.regexp, modifiers.nocase().is_some())?),
    };
    let wide = modifiers.wide().is_some();
    let is_word = matches!(pattern, Pattern::Text(_)) && modifiers.fullword().is_some();
    let mut found = Vec::new();
    if !wide || modifiers.ascii().is_some() {
        found.extend(with_edges(best(&covers)?, &covers, if is_word { Edges::Word } else { Edges::Any }));
    }
    if wide {
        let covers: Vec<RunCover> = covers.iter().map(|cover| cover.iter().map(widened).collect()).collect();
        found.extend(with_edges(best(&covers)?, &covers, if is_word { Edges::WideWord } else { Edges::Any }));
    }
    Some(found)
}

/// The needles of a text, those with all of it with its edges.
fn with_edges(mut needles: Vec<Needle>, covers: &[RunCover], edges: Edges) -> Vec<Needle> {
    for needle in &mut needles {
        if covers.iter().flatten().any(|run| run.len() == needle.run.len()) {
            needle.edges = edges;
        }
    }
    needles
}

/// The rarest two bytes that stand in a row in every match of the pattern; `None` if none are known.
pub(super) fn pair(pattern: &Pattern) -> Option<Pair> {
    let modifiers = pattern.modifiers();
    let covers = match pattern {
        Pattern::Text(text) if modifiers.wide().is_none() && !encoded::is_encoded(text) => {
            let set = if modifiers.nocase().is_some() { ByteSet::any_case } else { ByteSet::one };
            vec![vec![text.text.value.iter().map(|&byte| set(byte)).collect()]]
        }
        Pattern::Hex(hex) => required::covers(&hex_expression(&hex.sub_patterns, 0)?),
        Pattern::Regexp(regexp) if modifiers.wide().is_none() => {
            required::covers(&expression(&regexp.regexp, modifiers.nocase().is_some())?)
        }
        Pattern::Text(_) | Pattern::Regexp(_) => return None,
    };
    let runs = covers.iter().filter_map(|cover| if let [run] = cover.as_slice() { Some(run) } else { None });
    let pairs = runs.flat_map(|run| run.windows(2)).filter_map(|two| {
        let one = |set: &ByteSet| set.iter().next().filter(|_| set.len() == 1);
        let bits: f64 = two.iter().map(ByteSet::information).sum();
        Some(([one(&two[0])?, one(&two[1])?], bits)).filter(|(_, bits)| *bits >= MIN_PAIR_BITS)
    });
    pairs.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(pair, _)| pair)
}

/// What a match of the pattern begins with, as far as that is fixed: one of these runs. `None` if that is not known.
pub(super) fn beginnings(pattern: &Pattern) -> Option<Vec<Run>> {
    let modifiers = pattern.modifiers();
    if modifiers.xor().is_some() || modifiers.base64().is_some() || modifiers.base64wide().is_some() {
        return None;
    }
    match pattern {
        Pattern::Text(text) => {
            let set = if modifiers.nocase().is_some() { ByteSet::any_case } else { ByteSet::one };
            let run: Run = text.text.value.iter().take(MAX_BEGINNING).map(|&byte| set(byte)).collect();
            let wide = modifiers.wide().is_some().then(|| widened(&run));
            let plain = (wide.is_none() || modifiers.ascii().is_some()).then_some(run);
            Some(plain.into_iter().chain(wide).collect())
        }
        Pattern::Hex(hex) => {
            let fixed = hex.sub_patterns.iter().map_while(|token| match token {
                HexToken::Byte(byte) => Some(agreeing(byte, true)),
                HexToken::NotByte(byte) => Some(agreeing(byte, false)),
                HexToken::Alternative(_) | HexToken::Jump(_) => None,
            });
            Some(vec![fixed.take(MAX_BEGINNING).collect()])
        }
        Pattern::Regexp(_) => None,
    }
}

/// How far matches go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reach {
    /// Of the longest.
    pub bytes: u64,
    /// Whether a part of the file may be told something else of it than the whole: the file's beginning or end is asked
    /// for, or the end of a part leaves the shorter of two alternatives.
    pub cut_matters: bool,
}

/// How far the matches of a pattern go that has [`needles`]; `None` if there is no longest.
pub(super) fn reach(pattern: &Pattern) -> Option<Reach> {
    let modifiers = pattern.modifiers();
    let of_expression = |expression: &Hir| {
        let looks = expression.properties().look_set();
        let anchored = looks.contains(Look::Start) || looks.contains(Look::End);
        Some((expression.properties().maximum_len()?, anchored || is_uneven(expression)))
    };
    if modifiers.base64().is_some() || modifiers.base64wide().is_some() {
        return None;
    }
    let (longest, cut_matters) = match pattern {
        Pattern::Text(text) => (text.text.value.len(), false),
        Pattern::Hex(hex) => of_expression(&hex_expression(&hex.sub_patterns, 0)?)?,
        Pattern::Regexp(regexp) => of_expression(&expression(&regexp.regexp, modifiers.nocase().is_some())?)?,
    };
    Some(Reach { bytes: longest as u64 * if modifiers.wide().is_some() { 2 } else { 1 }, cut_matters })
}

/// Whether there are alternatives of different lengths.
fn is_uneven(expression: &Hir) -> bool {
    match expression.kind() {
        HirKind::Alternation(branches) => {
            let mut lengths = branches.iter().flat_map(|branch| {
                let properties = branch.properties();
                [properties.minimum_len(), properties.maximum_len()]
            });
            let first = lengths.next();
            !lengths.all(|length| Some(length) == first)
        }
        HirKind::Concat(parts) => parts.iter().any(is_uneven),
        HirKind::Repetition(repetition) => is_uneven(&repetition.sub),
        HirKind::Capture(capture) => is_uneven(&capture.sub),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => false,
    }
}

/// Each byte followed by a zero; the last zero tells too little to insist on it.
fn widened(run: &Run) -> Run {
    let zero = ByteSet::one(0);
    let mut wide: Run = run.iter().flat_map(|&set| [set, zero]).collect();
    wide.pop();
    wide
}

/// The cover whose worst needle is the best.
fn best(covers: &[RunCover]) -> Option<Vec<Needle>> {
    let scored = covers.iter().filter_map(|cover| {
        let needles: Vec<(Needle, f64)> = cover.iter().map(needle).collect::<Option<_>>()?;
        let worst = needles.iter().map(|(_, score)| *score).fold(f64::INFINITY, f64::min);
        Some((needles, worst))
    });
    let (needles, _) = scored.max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(needles.into_iter().map(|(needle, _)| needle).collect())
}

/// The run with its most telling window, and how good that is.
fn needle(run: &Run) -> Option<(Needle, f64)> {
    let bits: Vec<f64> = run.iter().map(ByteSet::information).collect();
    if bits.iter().sum::<f64>() < MIN_RUN_BITS {
        return None;
    }
    let windows = (0..run.len()).filter_map(|start| {
        let end = window_end(run, start);
        let bits = bits.get(start..end).filter(|bits| bits.len() >= MIN_WINDOW)?;
        if bits.iter().sum::<f64>() < MIN_WINDOW_BITS {
            return None;
        }
        let (fingerprint, rest) = bits.split_at(bits.len().min(FINGERPRINT));
        // The rest is compared only when the fingerprint is there.
        let score = fingerprint.iter().sum::<f64>() + rest.iter().sum::<f64>() / 8.0;
        let spellings: f64 = run.get(start..end)?.iter().map(|set| (set.len() as f64).log2()).sum();
        Some((start..end, score - spellings))
    });
    let best = windows.max_by(|a, b| a.1.total_cmp(&b.1));
    // Without a window it can be searched for only where windows with many spellings are.
    let (window, score) = best.or_else(|| {
        let places = FINGERPRINT.min(run.len());
        let bits = (0..=run.len() - places).map(|start| (start, bits[start..start + places].iter().sum::<f64>()));
        let (start, bits) = bits.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|_| places >= MIN_WINDOW)?;
        (bits >= MIN_WINDOW_BITS).then_some((start..start, bits / 2.0))
    })?;
    let first = window.start.saturating_sub(MARGIN);
    let last = run.len().min(window.end + MARGIN);
    let kept = run.get(first..last)?.to_vec();
    let window = window.start - first..window.end - first;
    Some((Needle { run: kept, window, edges: Edges::Any }, score))
}

/// The end of the longest window that begins at `start`.
fn window_end(run: &Run, start: usize) -> usize {
    let mut spellings = 1;
    let longer = |set: &&ByteSet| {
        spellings *= set.len();
        spellings <= MAX_SPELLINGS
    };
    start + run.iter().skip(start).take(MAX_WINDOW).take_while(longer).count()
}

/// A hex pattern as an expression; `None` if it is nested too deep.
pub(super) fn hex_expression(pattern: &ast::HexSubPattern, depth: u32) -> Option<Hir> {
    if depth > 50 {
        return None;
    }
    let parts = pattern.iter().map(|token| {
        Some(match token {
            HexToken::Byte(byte) => one_of(byte, true),
            HexToken::NotByte(byte) => one_of(byte, false),
            HexToken::Jump(jump) => Hir::repetition(Repetition {
                min: jump.start.unwrap_or(0),
                max: jump.end,
                greedy: false,
                sub: Box::new(Hir::dot(Dot::AnyByte)),
            }),
            HexToken::Alternative(alternative) => {
                let branches = alternative.alternatives.iter().map(|branch| hex_expression(branch, depth + 1));
                Hir::alternation(branches.collect::<Option<_>>()?)
            }
        })
    });
    Some(Hir::concat(parts.collect::<Option<_>>()?))
}

/// The bytes that agree with the fixed bits (or, for `~`, do not).
fn agreeing(byte: &ast::HexByte, agree: bool) -> ByteSet {
    let mut set = ByteSet::EMPTY;
    (0..=u8::MAX).filter(|candidate| (candidate & byte.mask == byte.value) == agree).for_each(|byte| set.insert(byte));
    set
}

/// The same as an expression.
fn one_of(byte: &ast::HexByte, agree: bool) -> Hir {
    if agree && byte.mask == u8::MAX {
        return Hir::literal([byte.value]);
    }
    let bytes = agreeing(byte, agree);
    Hir::class(Class::Bytes(ClassBytes::new(bytes.iter().map(|byte| ClassBytesRange::new(byte, byte)))))
}

/// A regular expression as yara-x takes it: over bytes, ASCII classes, and `\<` and `\>` as plain characters.
///
/// The parser here reads these two as word boundaries, so an expression that has them is left alone. So is one that
/// it does not read at all; yara-x's relaxed syntax repairs some of those.
pub(super) fn expression(regexp: &ast::Regexp, nocase: bool) -> Option<Hir> {
    if regexp.src.contains(r"\<") || regexp.src.contains(r"\>") {
        return None;
    }
    let syntax = regex_syntax::ast::parse::ParserBuilder::new().empty_min_range(true).build().parse(regexp.src).ok()?;
    regex_syntax::hir::translate::TranslatorBuilder::new()
        .case_insensitive(regexp.case_insensitive || nocase)
        .dot_matches_new_line(regexp.dot_matches_new_line)
        .unicode(false)
        .utf8(false)
        .build()
        .translate(regexp.src, &syntax)
        .ok()
}
