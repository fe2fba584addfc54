//! What an expression can come to when only a part of the file is known.

use serde::{Deserialize, Serialize};
use std::ops::Not;

use crate::hunt::language::Comparison;

/// The results a boolean expression can have. At least the real one is among them; more may be.
///
/// YARA has three: an undefined operand (a read past the end of the file, `@a[9]` of a pattern with two matches) makes
/// a comparison undefined, which `not` keeps, and which `and`, `or`, loops and the rule itself take for false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct PossibleTruth {
    pub holds: bool,
    pub fails: bool,
    pub undefined: bool,
}

impl PossibleTruth {
    /// The same in one byte.
    pub(super) fn packed(self) -> u8 {
        u8::from(self.holds) | u8::from(self.fails) << 1 | u8::from(self.undefined) << 2
    }

    pub(super) const HOLDS: Self = Self { holds: true, fails: false, undefined: false };
    pub(super) const FAILS: Self = Self { holds: false, fails: true, undefined: false };
    pub(super) const ANY: Self = Self { holds: true, fails: true, undefined: true };
    /// No result at all: what a question about the rule set, not about a file, assumes of the parts it leaves out.
    pub(super) const NONE: Self = Self { holds: false, fails: false, undefined: false };

    /// May hold if `holds`, and may always fail.
    pub(super) const fn at_most(holds: bool) -> Self {
        Self { holds, fails: true, undefined: false }
    }

    /// With undefined taken for false, as `and`, `or` and rules do.
    pub(super) const fn settled(self) -> Self {
        Self { holds: self.holds, fails: self.fails || self.undefined, undefined: false }
    }

    /// Whether it can be more than one result.
    pub(super) fn is_open(self) -> bool {
        u8::from(self.holds) + u8::from(self.fails) + u8::from(self.undefined) > 1
    }

    pub(super) const fn defined(self) -> Self {
        Self { holds: self.holds || self.fails, fails: self.undefined, undefined: false }
    }

    pub(super) fn all(operands: impl Iterator<Item = Self>) -> Self {
        operands.map(Self::settled).fold(Self::HOLDS, |all, next| Self {
            holds: all.holds && next.holds,
            fails: all.fails || next.fails,
            undefined: false,
        })
    }

    pub(super) fn any(operands: impl Iterator<Item = Self>) -> Self {
        operands.map(Self::settled).fold(Self::FAILS, |any, next| Self {
            holds: any.holds || next.holds,
            fails: any.fails && next.fails,
            undefined: false,
        })
    }
}

impl Not for PossibleTruth {
    type Output = Self;

    fn not(self) -> Self {
        Self { holds: self.fails, fails: self.holds, undefined: self.undefined }
    }
}

/// The values an integer expression can have: all from `low` to `high` (none if `low > high`), and perhaps undefined.
///
/// 128 bits hold signed and unsigned 64-bit values alike, so comparisons are the mathematical ones that YARA makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub low: i128,
    pub high: i128,
    pub undefined: bool,
}

impl Bounds {
    pub(super) const ANY: Self = Self { low: i64::MIN as i128, high: u64::MAX as i128, undefined: true };
    pub(super) const UNDEFINED: Self = Self { low: 1, high: 0, undefined: true };

    pub(super) const fn exactly(value: i128) -> Self {
        Self { low: value, high: value, undefined: false }
    }

    pub(super) const fn between(low: i128, high: i128) -> Self {
        Self { low, high, undefined: false }
    }

    pub(super) const fn or_undefined(self) -> Self {
        Self { undefined: true, ..self }
    }

    /// Whether there is no value at all.
    pub(super) const fn is_empty(self) -> bool {
        self.low > self.high
    }

    /// The value, if it can only be that one.
    pub(super) const fn value(self) -> Option<i128> {
        if self.low == self.high && !self.undefined { Some(self.low) } else { None }
    }

    pub(super) const fn contains(self, value: i128) -> bool {
        self.low <= value && value <= self.high
    }

    pub(super) fn compare(self, comparison: Comparison, other: Self) -> PossibleTruth {
        let undefined = self.undefined || other.undefined;
        if self.is_empty() || other.is_empty() {
            return PossibleTruth { undefined, ..PossibleTruth::NONE };
        }
        let overlap = self.low <= other.high && other.low <= self.high;
        let same = overlap && self.low == self.high && other.low == other.high;
        let (holds, fails) = match comparison {
            Comparison::Equal => (overlap, !same),
            Comparison::NotEqual => (!same, overlap),
            Comparison::Less => (self.low < other.high, self.high >= other.low),
            Comparison::LessOrEqual => (self.low <= other.high, self.high > other.low),
            Comparison::Greater => (self.high > other.low, self.low <= other.high),
            Comparison::GreaterOrEqual => (self.high >= other.low, self.low < other.high),
        };
        PossibleTruth { holds, fails, undefined }
    }
}

#[cfg(test)]
mod tests {
    use super::Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    use super::*;

    #[test]
    fn undefined_stays_undefined_under_not_and_fails_in_and_or() {
        let undefined = PossibleTruth { undefined: true, ..PossibleTruth::NONE };
        assert_eq!(!undefined, undefined);
        assert_eq!(PossibleTruth::all([PossibleTruth::HOLDS, undefined].into_iter()), PossibleTruth::FAILS);
        assert_eq!(PossibleTruth::any([undefined, PossibleTruth::HOLDS].into_iter()), PossibleTruth::HOLDS);
        assert_eq!(undefined.defined(), PossibleTruth::FAILS);
    }

    #[test]
    fn comparisons_cover_every_pair_of_values_in_their_bounds() {
        let all = [-2, -1, 0, 1, 2];
        let bounds =
            || all.iter().flat_map(|&low| all.iter().filter(move |&&high| high >= low).map(move |&h| (low, h)));
        let real = |comparison, a: i128, b: i128| match comparison {
            Equal => a == b,
            NotEqual => a != b,
            Less => a < b,
            LessOrEqual => a <= b,
            Greater => a > b,
            GreaterOrEqual => a >= b,
        };
        for comparison in [Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual] {
            for (a, b) in bounds().flat_map(|a| bounds().map(move |b| (a, b))) {
                let got = Bounds::between(a.0, a.1).compare(comparison, Bounds::between(b.0, b.1));
                let results = (a.0..=a.1).flat_map(|x| (b.0..=b.1).map(move |y| (x, y)));
                let results: Vec<bool> = results.map(|(x, y)| real(comparison, x, y)).collect();
                let wanted =
                    PossibleTruth { holds: results.contains(&true), fails: results.contains(&false), undefined: false };
                assert_eq!(got, wanted, "{a:?} {comparison:?} {b:?}");
            }
        }
    }

    #[test]
    fn a_comparison_with_nothing_defined_is_undefined() {
        let got = Bounds::UNDEFINED.compare(Comparison::Equal, Bounds::ANY);
        assert_eq!(got, PossibleTruth { undefined: true, ..PossibleTruth::NONE });
    }
}
