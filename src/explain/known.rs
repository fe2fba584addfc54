//! What an expression comes to, as far as it is known, and the arithmetic of yara-x on it.

use crate::hunt::Truth;
use crate::hunt::language::{Comparison, Operator};

/// What an expression comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    Truth(bool),
    Integer(Integer),
    Text(Vec<u8>),
    /// YARA's undefined: a read past the end, the place of a match that is not there.
    Undefined,
    /// It cannot be told here, and why.
    Unknown(String),
}

/// An integer of yara-x: 64 bits wide, signed unless a `uint64` has a part in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Integer {
    pub value: i128,
    pub unsigned: bool,
}

impl Known {
    pub(super) fn signed(value: i64) -> Self {
        Self::Integer(Integer { value: value.into(), unsigned: false })
    }

    pub(super) fn count(value: usize) -> Self {
        Self::signed(i64::try_from(value).unwrap_or(i64::MAX))
    }

    pub(super) fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown(why.into())
    }

    /// As yara-x takes it where it wants a boolean: a number is true unless it is 0, a text unless it is empty.
    pub(super) fn boolean(self) -> Self {
        match self {
            Self::Integer(integer) => Self::Truth(integer.value != 0),
            Self::Text(text) => Self::Truth(!text.is_empty()),
            other => other,
        }
    }

    /// Its truth where undefined is as good as false: in `and`, `or`, loops, and as a whole condition.
    pub(super) fn truth(&self) -> Truth {
        match self.clone().boolean() {
            Self::Truth(truth) => truth.into(),
            Self::Undefined => Truth::NotMet,
            _ => Truth::Unknown,
        }
    }

    /// `not` hands undefined on.
    pub(super) fn negated(self) -> Self {
        match self.boolean() {
            Self::Truth(truth) => Self::Truth(!truth),
            other => other,
        }
    }

    /// `defined`.
    pub(super) fn defined(self) -> Self {
        match self {
            Self::Undefined => Self::Truth(false),
            Self::Unknown(why) => Self::Unknown(why),
            _ => Self::Truth(true),
        }
    }
}

/// What all, or any, of these come to; the reason of the first unknown one if that decides.
pub(super) fn joined(operands: &[Known], all: bool) -> Known {
    let truths = operands.iter().map(Known::truth);
    match if all { Truth::all(truths) } else { Truth::any(truths) } {
        Truth::Met => Known::Truth(true),
        Truth::NotMet => Known::Truth(false),
        Truth::Unknown => {
            let why = operands.iter().find_map(|operand| match operand {
                Known::Unknown(why) => Some(why.clone()),
                _ => None,
            });
            Known::Unknown(why.unwrap_or_default())
        }
    }
}

/// Both operands, or what the expression comes to for want of one. Undefined wins: yara-x gives up there.
fn both(left: Known, right: Known) -> Result<(Known, Known), Known> {
    match (left, right) {
        (Known::Undefined, _) | (_, Known::Undefined) => Err(Known::Undefined),
        (Known::Unknown(why), _) | (_, Known::Unknown(why)) => Err(Known::Unknown(why)),
        both => Ok(both),
    }
}

/// The comparison of two values of one kind.
pub(super) fn compare(comparison: Comparison, left: Known, right: Known) -> Known {
    match both(left, right) {
        Err(short) => short,
        Ok((Known::Text(left), Known::Text(right))) => Known::Truth(comparison.holds(left.cmp(&right))),
        Ok((left, right)) => match (number(&left), number(&right)) {
            (Some(left), Some(right)) => Known::Truth(comparison.holds(left.value.cmp(&right.value))),
            _ => Known::unknown("compares things of two kinds"),
        },
    }
}

/// In a comparison a boolean counts as 0 or 1.
fn number(known: &Known) -> Option<Integer> {
    match known {
        Known::Integer(integer) => Some(*integer),
        Known::Truth(truth) => Some(Integer { value: (*truth).into(), unsigned: false }),
        _ => None,
    }
}

/// The operator on two values; unknown where 64 bits do not hold the result, for then signs begin to matter.
pub(super) fn calculate(operator: Operator, left: Known, right: Known) -> Known {
    match both(left, right) {
        Err(short) => short,
        Ok((Known::Integer(left), Known::Integer(right))) => integers(operator, left, right),
        Ok(_) => Known::unknown("calculates with what is no integer"),
    }
}

fn integers(operator: Operator, left: Integer, right: Integer) -> Known {
    let unsigned = left.unsigned || right.unsigned;
    let (a, b) = (left.value, right.value);
    let divides = matches!(operator, Operator::Divide | Operator::Modulo);
    if divides && b == 0 {
        return Known::Undefined;
    }
    if matches!((operator, a, b), (Operator::Divide, a, -1) if a == i128::from(i64::MIN)) && !unsigned {
        return Known::Undefined;
    }
    let bits = !matches!(operator, Operator::Add | Operator::Subtract | Operator::Multiply);
    if unsigned && bits && (a < 0 || b < 0) {
        return Known::unknown("mixes a negative number with an unsigned one");
    }
    let value = match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide => a.checked_div(b),
        Operator::Modulo => a.checked_rem(b),
        Operator::And => Some(a & b),
        Operator::Or => Some(a | b),
        Operator::Xor => Some(a ^ b),
        Operator::ShiftLeft | Operator::ShiftRight if b < 0 => None,
        // In yara-x a shift by all 64 bits leaves nothing, not even the sign.
        Operator::ShiftLeft | Operator::ShiftRight if b >= 64 => Some(0),
        Operator::ShiftLeft => a.checked_mul(1 << b),
        Operator::ShiftRight => Some(a >> b),
    };
    value.map_or_else(overflow, |value| in_range(value, unsigned))
}

/// `-` before a value.
pub(super) fn minus(operand: Known) -> Known {
    match operand {
        Known::Integer(Integer { value, unsigned: false }) => in_range(-value, false),
        Known::Integer(_) => Known::unknown("negates an unsigned number"),
        other => other,
    }
}

/// `~` before a value.
pub(super) fn bitwise_not(operand: Known) -> Known {
    match operand {
        Known::Integer(Integer { value, unsigned: false }) => in_range(!value, false),
        Known::Integer(Integer { value, unsigned: true }) => in_range(i128::from(u64::MAX) - value, true),
        other => other,
    }
}

fn in_range(value: i128, unsigned: bool) -> Known {
    let fits = if unsigned { u64::try_from(value).is_ok() } else { i64::try_from(value).is_ok() };
    if fits { Known::Integer(Integer { value, unsigned }) } else { overflow() }
}

fn overflow() -> Known {
    Known::unknown("calculates beyond 64 bits")
}
