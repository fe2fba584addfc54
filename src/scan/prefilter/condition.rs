//! A rule's condition, reduced to what can be told about a file before yara-x has seen it.

use super::bytes::ByteSet;
use super::format::Format;
use super::required::Run;
use super::truth::{Bounds, Truth};
use crate::hunt::language::{Comparison, Operator, ReadField};
use crate::scan::externals::{Externals, TextTest};
use serde::{Deserialize, Serialize};

/// A pattern has never as many matches: yara-x counts a million of each (its `DEFAULT_MAX_MATCHES_PER_PATTERN`).
const MOST_MATCHES: i128 = 1 << 32;

/// Index of a pattern among those of all rules of a [`super::Prefilter`].
pub(super) type PatternIndex = usize;
/// Index of a rule in the order of declaration.
pub(in crate::scan) type RuleIndex = usize;
/// Index of a [`Guard`] among those of all rules.
pub(super) type GuardIndex = usize;

/// A boolean expression. What YARA's language has beyond these forms has become [`Condition::Unknown`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Condition {
    Constant(Truth),
    /// Anything: module calls, external variables, loop variables, strings, floats.
    Unknown,
    /// The pattern occurs, wherever an `at` or `in` wants it.
    Pattern(PatternIndex),
    /// The pattern at a constant offset; [`super::set::RuleSet`] makes a [`Guard`] of it.
    At(PatternIndex, u64),
    Guard(GuardIndex),
    /// Anything in a file of the format, and nothing that holds in another; [`super::set::RuleSet`] makes
    /// [`Condition::Within`] of it.
    OfFormat(Format),
    /// Anything where the guard holds; false or undefined elsewhere.
    Within(GuardIndex),
    /// What an external variable is compared with.
    Text(TextTest),
    /// An external variable matches an expression that takes one of these runs.
    TextHas(usize, Vec<Run>),
    Rule(RuleIndex),
    Not(Box<Condition>),
    Defined(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Of(Quantifier, Vec<Condition>),
    /// `for … in`: the body holds in as many rounds as the quantifier asks; how many rounds there are is not known.
    Loop(Quantifier, Box<Condition>),
    Compare(Comparison, Number, Number),
    /// A number where a boolean is wanted.
    NonZero(Number),
}

/// How many of a set must hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Quantifier {
    None,
    All,
    Any,
    Count(Number),
    Percent(Number),
}

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
    Binary(Operator, Box<Number>, Box<Number>),
}

/// What is known, or assumed, when a condition is evaluated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'f> {
    /// Size of the file in bytes; `None` for any size.
    pub filesize: Option<u64>,
    /// The first bytes of the file, as many as are known.
    pub header: &'f [u8],
    /// By [`PatternIndex`]: whether the pattern may occur.
    pub patterns: &'f [bool],
    /// All guards.
    pub guards: &'f [Guard],
    /// By [`GuardIndex`]: what those that look at the first bytes come to; empty if that is not known.
    pub decided: &'f [Truth],
    /// The external variables' values, if they are known.
    pub externals: Option<&'f Externals>,
    /// What becomes of a comparison that depends on size or header and is not decided by what is known of them.
    pub open_guard: Truth,
    /// What [`Condition::Unknown`] comes to.
    pub unknown: Truth,
}

impl Facts<'_> {
    /// Nothing is known.
    pub(super) const NOTHING: Self = Self {
        filesize: None,
        header: &[],
        patterns: &[],
        guards: &[],
        decided: &[],
        externals: None,
        open_guard: Truth::ANY,
        unknown: Truth::ANY,
    };

    fn may_occur(&self, pattern: PatternIndex) -> bool {
        self.patterns.get(pattern).copied().unwrap_or(true)
    }
}

impl Condition {
    /// Calls `each` with every rule that the condition refers to.
    pub(super) fn each_rule(&self, each: &mut dyn FnMut(RuleIndex)) {
        match self {
            Self::Rule(rule) => each(*rule),
            Self::Not(part) | Self::Defined(part) | Self::Loop(_, part) => part.each_rule(each),
            Self::All(parts) | Self::Any(parts) | Self::Of(_, parts) => {
                for part in parts {
                    part.each_rule(each);
                }
            }
            Self::Constant(_)
            | Self::Unknown
            | Self::Pattern(_)
            | Self::At(..)
            | Self::Guard(_)
            | Self::OfFormat(_)
            | Self::Within(_)
            | Self::Text(_)
            | Self::TextHas(..)
            | Self::Compare(..)
            | Self::NonZero(_) => {}
        }
    }

    /// Calls `each` with every guard of the condition.
    pub(super) fn each_guard(&self, each: &mut dyn FnMut(GuardIndex)) {
        match self {
            Self::Guard(guard) | Self::Within(guard) => each(*guard),
            Self::Not(part) | Self::Defined(part) | Self::Loop(_, part) => part.each_guard(each),
            Self::All(parts) | Self::Any(parts) | Self::Of(_, parts) => {
                for part in parts {
                    part.each_guard(each);
                }
            }
            Self::Constant(_)
            | Self::Unknown
            | Self::Pattern(_)
            | Self::At(..)
            | Self::OfFormat(_)
            | Self::Text(_)
            | Self::TextHas(..)
            | Self::Rule(_)
            | Self::Compare(..)
            | Self::NonZero(_) => {}
        }
    }

    /// What the condition can come to; `rules` holds the results of the rules declared before.
    pub(super) fn truth(&self, facts: &Facts, rules: &[Truth]) -> Truth {
        match self {
            Self::Constant(truth) => *truth,
            Self::Unknown | Self::OfFormat(_) => facts.unknown,
            Self::Within(guard) if facts.guard(*guard).holds => facts.unknown,
            Self::Within(_) => Truth { holds: false, ..Truth::ANY },
            // That the literal is there does not mean the pattern is: it may always be absent.
            Self::Pattern(pattern) | Self::At(pattern, _) => {
                Truth { undefined: true, ..Truth::at_most(facts.may_occur(*pattern)) }
            }
            Self::Guard(index) => facts.guard(*index),
            Self::Text(test) => facts
                .externals
                .and_then(|externals| test.holds(externals))
                .map_or(facts.unknown, |holds| if holds { Truth::HOLDS } else { Truth::FAILS }),
            Self::TextHas(variable, runs) => {
                let value = facts.externals.and_then(|externals| externals.value(*variable));
                let has = |run: &Run, value: &str| value.as_bytes().windows(run.len()).any(|there| stands(run, there));
                let lacks = value.is_some_and(|value| !runs.iter().any(|run| has(run, value)));
                if lacks { Truth { holds: false, ..Truth::ANY } } else { facts.unknown }
            }
            // A global rule that fails takes back the matches of its namespace, so a rule may always fail.
            Self::Rule(rule) => rules.get(*rule).map_or(Truth::ANY, |truth| Truth::at_most(truth.holds)),
            Self::Not(operand) => !operand.truth(facts, rules),
            Self::Defined(operand) => operand.truth(facts, rules).defined(),
            Self::All(operands) => Truth::all(operands.iter().map(|operand| operand.truth(facts, rules))),
            Self::Any(operands) => Truth::any(operands.iter().map(|operand| operand.truth(facts, rules))),
            Self::Of(quantifier, items) => {
                let results = items.iter().map(|item| item.truth(facts, rules).settled());
                let (mut most, mut least) = (0, 0);
                for result in results {
                    most += usize::from(result.holds);
                    least += usize::from(!result.fails);
                }
                let holds = quantifier.can_be_met(items.len(), least, most, facts);
                Truth { undefined: true, ..Truth::at_most(holds) }
            }
            Self::Loop(quantifier, body) => {
                let holds = quantifier.can_end_true(body.truth(facts, rules).holds, facts);
                Truth { undefined: true, ..Truth::at_most(holds) }
            }
            Self::Compare(comparison, left, right) => {
                facts.decided(left.bounds(facts).compare(*comparison, right.bounds(facts)), &[left, right])
            }
            Self::NonZero(number) => {
                facts.decided(number.bounds(facts).compare(Comparison::NotEqual, Bounds::exactly(0)), &[number])
            }
        }
    }
}

impl Facts<'_> {
    fn guard(&self, index: GuardIndex) -> Truth {
        let Some(guard) = self.guards.get(index) else { return Truth::ANY };
        match self.decided.get(index).filter(|_| guard.looks_at_bytes()) {
            Some(truth) => self.unless_open(*truth),
            None => self.unless_open(guard.truth(self)),
        }
    }

    fn unless_open(&self, truth: Truth) -> Truth {
        if truth.is_open() { min(truth, self.open_guard) } else { truth }
    }

    fn decided(&self, truth: Truth, operands: &[&Number]) -> Truth {
        if operands.iter().any(|number| number.is_guard()) { self.unless_open(truth) } else { truth }
    }
}

impl Guard {
    /// What the guard comes to, whatever is assumed of those that are open.
    pub(super) fn truth(&self, facts: &Facts) -> Truth {
        match self {
            Self::Compare(comparison, left, right) => left.bounds(facts).compare(*comparison, right.bounds(facts)),
            Self::NonZero(number) => number.bounds(facts).compare(Comparison::NotEqual, Bounds::exactly(0)),
            Self::At(runs, offset) => Truth::at_most(runs.iter().any(|run| may_stand(run, *offset, facts))),
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
fn may_stand(run: &[ByteSet], offset: u64, facts: &Facts) -> bool {
    let end = offset.saturating_add(run.len() as u64);
    if facts.filesize.is_some_and(|size| end > size) {
        return false;
    }
    stands(run, facts.header.get(usize::try_from(offset).unwrap_or(usize::MAX)..).unwrap_or_default())
}

/// Whether the run begins with these bytes, or they with it.
fn stands(run: &[ByteSet], there: &[u8]) -> bool {
    run.iter().zip(there).all(|(set, byte)| set.contains(*byte))
}

/// The results that both allow.
const fn min(a: Truth, b: Truth) -> Truth {
    Truth { holds: a.holds && b.holds, fails: a.fails && b.fails, undefined: a.undefined && b.undefined }
}

impl Quantifier {
    /// Whether between `least` and `most` of `total` items can be enough.
    fn can_be_met(&self, total: usize, least: usize, most: usize, facts: &Facts) -> bool {
        match self {
            Self::None => least == 0,
            Self::All => most == total,
            Self::Any => most > 0,
            Self::Count(number) => {
                let wanted = number.bounds(facts);
                // Zero means "none" in a loop and "any number, even none" over a pattern set.
                wanted.contains(0) || (wanted.high > 0 && wanted.low <= most as i128)
            }
            Self::Percent(number) => {
                let wanted = number.bounds(facts);
                let least_percent = wanted.low.clamp(0, 101) as f64;
                wanted.high >= 0 && (total as f64 * least_percent / 100.0).ceil() <= most as f64
            }
        }
    }

    /// Whether a loop can end true, given whether its body can hold in some round.
    ///
    /// A loop over an empty range or collection ends false whatever its quantifier.
    fn can_end_true(&self, body_can_hold: bool, facts: &Facts) -> bool {
        let zero_asked = match self {
            Self::None => true,
            Self::All | Self::Any => false,
            Self::Count(number) | Self::Percent(number) => number.bounds(facts).contains(0),
        };
        zero_asked || body_can_hold
    }
}

impl Number {
    fn bounds(&self, facts: &Facts) -> Bounds {
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
                let most = if facts.may_occur(*pattern) { MOST_MATCHES } else { 0 };
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
        self.bounds(&Facts::NOTHING).low >= 0
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

impl Operator {
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
fn field_bounds(field: ReadField, offset: Bounds, facts: &Facts) -> Bounds {
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
        let facts = Facts { filesize: Some(filesize), header: bytes, ..Facts::NOTHING };
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
        assert_eq!(Operator::Add.apply(Some(1), Some(2)), Some(3));
        assert_eq!(Operator::Subtract.apply(Some(1), Some(2)), None);
        assert_eq!(Operator::Add.apply(Some(i128::from(i64::MAX)), Some(1)), None);
        assert_eq!(Operator::Divide.apply(Some(1), Some(0)), None);
        assert_eq!(Operator::ShiftLeft.apply(Some(1), Some(63)), None);
        assert_eq!(Operator::And.apply(Some(0x1234), Some(0xff)), Some(0x34));
    }
}
