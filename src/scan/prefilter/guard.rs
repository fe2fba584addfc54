//! What is decided of a condition by the file's size and first bytes, and the numbers that it is made of.

use super::bytes::ByteSet;
use super::required::Run;
use super::truth::{Bounds, PossibleTruth};
use crate::hunt::language::{BinaryOperator, Comparison, ReadField};
use crate::scan::externals::Externals;
use serde::{Deserialize, Serialize};

/// A pattern has never as many matches: yara-x counts a million of each (its `DEFAULT_MAX_MATCHES_PER_PATTERN`).
const MAX_MATCHES: i128 = 1 << 32;

/// Index of a pattern among those of all rules of a [`super::Prefilter`].
pub(super) type PatternIndex = usize;
/// Index of a [`Guard`] among those of all rules.
pub(super) type GuardIndex = usize;

/// A part of a condition that the file's size and first bytes decide. Rules share many, so each is kept once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum Guard {
    Compare(Comparison, Number, Number),
    NonZero(Number),
    /// One of these runs stands at the offset.
    At(Vec<Run>, u64),
}

/// An integer expression.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum Number {
    Unknown,
    Constant(i128),
    Filesize,
    /// `uint32(offset)` and the like.
    Read(ReadField, Box<Number>),
    /// `#a`, with or without a range.
    Count(PatternIndex),
    /// `@a[i]` and `!a[i]`: a value or undefined, and certainly undefined without a match.
    OfMatch(PatternIndex),
    Binary(BinaryOperator, Box<Number>, Box<Number>),
}

/// What is known, or assumed, when a condition is evaluated.
#[derive(Debug, Clone, Copy)]
pub(super) struct KnownFacts<'f> {
    /// Size of the file in bytes; `None` for any size.
    pub filesize: Option<u64>,
    /// The first bytes of the file, as many as are known.
    pub header: &'f [u8],
    /// By [`PatternIndex`]: whether the pattern may occur.
    pub patterns: &'f [bool],
    /// All guards.
    pub guards: &'f [Guard],
    /// By [`GuardIndex`]: what those that look at the first bytes come to; empty if that is not known.
    pub decided: &'f [PossibleTruth],
    /// The external variables' values, if they are known.
    pub externals: Option<&'f Externals>,
    /// What becomes of a comparison that depends on size or header and is not decided by what is known of them.
    pub open_guard: PossibleTruth,
    /// What [`Condition::Unknown`](super::condition::Condition::Unknown) comes to.
    pub unknown: PossibleTruth,
}

impl KnownFacts<'_> {
    /// Nothing is known.
    pub(super) const NOTHING: Self = Self {
        filesize: None,
        header: &[],
        patterns: &[],
        guards: &[],
        decided: &[],
        externals: None,
        open_guard: PossibleTruth::ANY,
        unknown: PossibleTruth::ANY,
    };

    pub(super) fn may_occur(&self, pattern: PatternIndex) -> bool {
        self.patterns.get(pattern).copied().unwrap_or(true)
    }
}

impl KnownFacts<'_> {
    pub(super) fn guard(&self, index: GuardIndex) -> PossibleTruth {
        let Some(guard) = self.guards.get(index) else { return PossibleTruth::ANY };
        match self.decided.get(index).filter(|_| guard.looks_at_bytes()) {
            Some(truth) => self.unless_open(*truth),
            None => self.unless_open(guard.truth(self)),
        }
    }

    fn unless_open(&self, truth: PossibleTruth) -> PossibleTruth {
        if truth.is_open() { min(truth, self.open_guard) } else { truth }
    }

    pub(super) fn decided(&self, truth: PossibleTruth, operands: &[&Number]) -> PossibleTruth {
        if operands.iter().any(|number| number.is_guard()) { self.unless_open(truth) } else { truth }
    }
}

impl Guard {
    /// What the guard comes to, whatever is assumed of those that are open.
    pub(super) fn truth(&self, facts: &KnownFacts) -> PossibleTruth {
        match self {
            Self::Compare(comparison, left, right) => left.bounds(facts).compare(*comparison, right.bounds(facts)),
            Self::NonZero(number) => number.bounds(facts).compare(Comparison::NotEqual, Bounds::exactly(0)),
            Self::At(runs, offset) => PossibleTruth::at_most(runs.iter().any(|run| may_stand(run, *offset, facts))),
        }
    }

    /// Whether more than the file's size is asked.
    pub(super) fn looks_at_bytes(&self) -> bool {
        match self {
            Self::Compare(_, left, right) => left.reads() || right.reads(),
            Self::NonZero(number) => number.reads(),
            Self::At(..) => true,
        }
    }
}

/// Whether the run can be at this offset of the file.
fn may_stand(run: &[ByteSet], offset: u64, facts: &KnownFacts) -> bool {
    let end = offset.saturating_add(run.len() as u64);
    if facts.filesize.is_some_and(|size| end > size) {
        return false;
    }
    stands(run, facts.header.get(usize::try_from(offset).unwrap_or(usize::MAX)..).unwrap_or_default())
}

/// Whether the run begins with these bytes, or they with it.
pub(super) fn stands(run: &[ByteSet], there: &[u8]) -> bool {
    run.iter().zip(there).all(|(set, byte)| set.contains(*byte))
}

/// The results that both allow.
const fn min(a: PossibleTruth, b: PossibleTruth) -> PossibleTruth {
    PossibleTruth { holds: a.holds && b.holds, fails: a.fails && b.fails, undefined: a.undefined && b.undefined }
}

impl Number {
    /// What it can be.
    pub(super) fn bounds(&self, facts: &KnownFacts) -> Bounds {
        match self {
            Self::Unknown => Bounds::ANY,
            Self::Constant(value) => Bounds::exactly(*value),
            Self::Filesize => match facts.filesize {
                Some(size) => Bounds::exactly(i128::from(size)),
                None => Bounds::between(0, i128::from(i64::MAX)),
            },
            Self::Read(field, offset) => field_bounds(*field, offset.bounds(facts), facts),
            // A range that is undefined makes the count undefined.
            Self::Count(pattern) => {
                let most = if facts.may_occur(*pattern) { MAX_MATCHES } else { 0 };
                Bounds::between(0, most).or_undefined()
            }
            Self::OfMatch(pattern) if facts.may_occur(*pattern) => {
                Bounds::between(0, i128::from(i64::MAX)).or_undefined()
            }
            Self::OfMatch(_) => Bounds::UNDEFINED,
            Self::Binary(operator, left, right) => operator.bounds(left.bounds(facts), right.bounds(facts)),
        }
    }

    /// Whether the value depends on nothing but the file's size and its bytes at known offsets.
    pub(super) fn is_closed(&self) -> bool {
        match self {
            Self::Filesize | Self::Constant(_) => true,
            Self::Read(_, offset) => offset.is_closed(),
            Self::Binary(_, left, right) => left.is_closed() && right.is_closed(),
            Self::Unknown | Self::Count(_) | Self::OfMatch(_) => false,
        }
    }

    /// Whether no value of it is below zero, whatever the file.
    pub(super) fn is_never_negative(&self) -> bool {
        self.bounds(&KnownFacts::NOTHING).low >= 0
    }

    fn reads(&self) -> bool {
        match self {
            Self::Read(..) => true,
            Self::Binary(_, left, right) => left.reads() || right.reads(),
            Self::Filesize | Self::Constant(_) | Self::Unknown | Self::Count(_) | Self::OfMatch(_) => false,
        }
    }

    /// Whether the value depends on the file's size or its first bytes.
    pub(super) fn is_guard(&self) -> bool {
        match self {
            Self::Filesize | Self::Read(..) => true,
            Self::Binary(_, left, right) => left.is_guard() || right.is_guard(),
            Self::Unknown | Self::Constant(_) | Self::Count(_) | Self::OfMatch(_) => false,
        }
    }
}

impl BinaryOperator {
    /// What the result can be. It is undefined if an operand is.
    fn bounds(self, left: Bounds, right: Bounds) -> Bounds {
        if left.is_empty() || right.is_empty() {
            return Bounds::UNDEFINED;
        }
        if let Some(value) = self.apply(left.value(), right.value()) {
            return Bounds::exactly(value);
        }
        let (low, high) = (left.low + right.low, left.high + right.high);
        let is_small = left.low >= 0 && right.low >= 0 && high <= i128::from(i64::MAX);
        match self {
            Self::Add if is_small => Bounds { low, high, undefined: left.undefined || right.undefined },
            _ => Bounds::ANY,
        }
    }

    /// The result where signed, unsigned and wrapping arithmetic all agree: operands and result in `0..2^63`.
    fn apply(self, left: Option<i128>, right: Option<i128>) -> Option<i128> {
        let (left, right) = (i64::try_from(left?).ok()?, i64::try_from(right?).ok()?);
        if left < 0 || right < 0 {
            return None;
        }
        let shift = u32::try_from(right).ok().filter(|&bits| bits < 63);
        let result = match self {
            Self::Add => left.checked_add(right)?,
            Self::Subtract => left.checked_sub(right)?,
            Self::Multiply => left.checked_mul(right)?,
            Self::Divide => left.checked_div(right)?,
            Self::Modulo => left.checked_rem(right)?,
            Self::And => left & right,
            Self::Or => left | right,
            Self::Xor => left ^ right,
            Self::ShiftLeft => i64::try_from(i128::from(left) << shift?).ok()?,
            Self::ShiftRight => left >> shift?,
        };
        (result >= 0).then_some(i128::from(result))
    }
}

/// What a field at `offset` can hold.
fn field_bounds(field: ReadField, offset: Bounds, facts: &KnownFacts) -> Bounds {
    let bits = u32::from(field.width) * 8;
    let unknown = if field.signed {
        Bounds::between(-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1).or_undefined()
    } else {
        Bounds::between(0, (1i128 << bits) - 1).or_undefined()
    };
    if offset.is_empty() {
        return Bounds::UNDEFINED;
    }
    let Some(offset) = offset.value() else { return unknown };
    let end = offset + i128::from(field.width);
    if offset < 0 || facts.filesize.is_some_and(|size| end > i128::from(size)) {
        return Bounds::UNDEFINED;
    }
    let range = usize::try_from(offset).ok().zip(usize::try_from(end).ok());
    match range.and_then(|(start, end)| facts.header.get(start..end)) {
        Some(bytes) => Bounds::exactly(field.value(bytes)),
        None => unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, bytes: &[u8], filesize: u64, offset: i128) -> Bounds {
        let facts = KnownFacts { filesize: Some(filesize), header: bytes, ..KnownFacts::NOTHING };
        field_bounds(ReadField::of_function(name).unwrap(), Bounds::exactly(offset), &facts)
    }

    #[test]
    fn fields_are_read_by_width_order_and_sign() {
        let bytes = [0x7f, b'E', b'L', b'F', 0xff, 0xfe];
        assert_eq!(field("uint32", &bytes, 6, 0), Bounds::exactly(0x464c_457f));
        assert_eq!(field("uint32be", &bytes, 6, 0), Bounds::exactly(0x7f45_4c46));
        assert_eq!(field("int16", &bytes, 6, 4), Bounds::exactly(-257));
        assert_eq!(field("int16be", &bytes, 6, 4), Bounds::exactly(-2));
        assert_eq!(field("uint8", &bytes, 6, 5), Bounds::exactly(0xfe));
        assert!(ReadField::of_function("uint24").is_none() && ReadField::of_function("hexdump").is_none());
    }

    #[test]
    fn a_read_beyond_the_file_is_undefined_and_one_beyond_the_header_is_unknown() {
        assert_eq!(field("uint32", &[0; 4], 4, 1), Bounds::UNDEFINED);
        assert_eq!(field("uint8", &[0; 4], 4, -1), Bounds::UNDEFINED);
        assert_eq!(field("uint8", &[0; 4], 100, 50), Bounds::between(0, 255).or_undefined());
    }

    #[test]
    fn arithmetic_that_signedness_could_change_is_unknown() {
        assert_eq!(BinaryOperator::Add.apply(Some(1), Some(2)), Some(3));
        assert_eq!(BinaryOperator::Subtract.apply(Some(1), Some(2)), None);
        assert_eq!(BinaryOperator::Add.apply(Some(i128::from(i64::MAX)), Some(1)), None);
        assert_eq!(BinaryOperator::Divide.apply(Some(1), Some(0)), None);
        assert_eq!(BinaryOperator::ShiftLeft.apply(Some(1), Some(63)), None);
        assert_eq!(BinaryOperator::And.apply(Some(0x1234), Some(0xff)), Some(0x34));
    }
}
