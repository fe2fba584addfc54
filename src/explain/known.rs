//! What an expression comes to, as far as it is known, and the arithmetic of yara-x on it.

use crate::hunt::Truth;
use crate::hunt::language::{BinaryOperator, Comparison};

/// What an expression comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ExprValue {
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

impl ExprValue {
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
pub(super) fn joined(operands: &[ExprValue], all: bool) -> ExprValue {
    let truths = operands.iter().map(ExprValue::truth);
    match if all { Truth::all(truths) } else { Truth::any(truths) } {
        Truth::Met => ExprValue::Truth(true),
        Truth::NotMet => ExprValue::Truth(false),
        Truth::Unknown => {
            let why = operands.iter().find_map(|operand| match operand {
                ExprValue::Unknown(why) => Some(why.clone()),
                _ => None,
            });
            ExprValue::Unknown(why.unwrap_or_default())
        }
    }
}

/// Both operands, or what the expression comes to for want of one. Undefined wins: yara-x gives up there.
fn both(left: ExprValue, right: ExprValue) -> Result<(ExprValue, ExprValue), ExprValue> {
    match (left, right) {
        (ExprValue::Undefined, _) | (_, ExprValue::Undefined) => Err(ExprValue::Undefined),
        (ExprValue::Unknown(why), _) | (_, ExprValue::Unknown(why)) => Err(ExprValue::Unknown(why)),
        both => Ok(both),
    }
}

/// The comparison of two values of one kind.
pub(super) fn compare(comparison: Comparison, left: ExprValue, right: ExprValue) -> ExprValue {
    match both(left, right) {
        Err(short) => short,
        Ok((ExprValue::Text(left), ExprValue::Text(right))) => ExprValue::Truth(comparison.holds(left.cmp(&right))),
        Ok((left, right)) => match (number(&left), number(&right)) {
            (Some(left), Some(right)) => ExprValue::Truth(comparison.holds(left.value.cmp(&right.value))),
            _ => ExprValue::unknown("compares things of two kinds"),
        },
    }
}

/// In a comparison a boolean counts as 0 or 1.
fn number(known: &ExprValue) -> Option<Integer> {
    match known {
        ExprValue::Integer(integer) => Some(*integer),
        ExprValue::Truth(truth) => Some(Integer { value: (*truth).into(), unsigned: false }),
        _ => None,
    }
}

/// The operator on two values; unknown where 64 bits do not hold the result, for then signs begin to matter.
pub(super) fn calculate(operator: BinaryOperator, left: ExprValue, right: ExprValue) -> ExprValue {
    match both(left, right) {
        Err(short) => short,
        Ok((ExprValue::Integer(left), ExprValue::Integer(right))) => integers(operator, left, right),
        Ok(_) => ExprValue::unknown("calculates with what is no integer"),
    }
}

fn integers(operator: BinaryOperator, left: Integer, right: Integer) -> ExprValue {
    let unsigned = left.unsigned || right.unsigned;
    let (a, b) = (left.value, right.value);
    let divides = matches!(operator, BinaryOperator::Divide | BinaryOperator::Modulo);
    if divides && b == 0 {
        return ExprValue::Undefined;
    }
    if matches!((operator, a, b), (BinaryOperator::Divide, a, -1) if a == i128::from(i64::MIN)) && !unsigned {
        return ExprValue::Undefined;
    }
    let bits = !matches!(operator, BinaryOperator::Add | BinaryOperator::Subtract | BinaryOperator::Multiply);
    if unsigned && bits && (a < 0 || b < 0) {
        return ExprValue::unknown("mixes a negative number with an unsigned one");
    }
    let value = match operator {
        BinaryOperator::Add => a.checked_add(b),
        BinaryOperator::Subtract => a.checked_sub(b),
        BinaryOperator::Multiply => a.checked_mul(b),
        BinaryOperator::Divide => a.checked_div(b),
        BinaryOperator::Modulo => a.checked_rem(b),
        BinaryOperator::And => Some(a & b),
        BinaryOperator::Or => Some(a | b),
        BinaryOperator::Xor => Some(a ^ b),
        BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight if b < 0 => None,
        // In yara-x a shift by all 64 bits leaves nothing, not even the sign.
        BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight if b >= 64 => Some(0),
        BinaryOperator::ShiftLeft => a.checked_mul(1 << b),
        BinaryOperator::ShiftRight => Some(a >> b),
    };
    value.map_or_else(overflow, |value| in_range(value, unsigned))
}

/// `-` before a value.
pub(super) fn minus(operand: ExprValue) -> ExprValue {
    match operand {
        ExprValue::Integer(Integer { value, unsigned: false }) => in_range(-value, false),
        ExprValue::Integer(_) => ExprValue::unknown("negates an unsigned number"),
        other => other,
    }
}

/// `~` before a value.
pub(super) fn bitwise_not(operand: ExprValue) -> ExprValue {
    match operand {
        ExprValue::Integer(Integer { value, unsigned: false }) => in_range(!value, false),
        ExprValue::Integer(Integer { value, unsigned: true }) => in_range(i128::from(u64::MAX) - value, true),
        other => other,
    }
}

fn in_range(value: i128, unsigned: bool) -> ExprValue {
    let fits = if unsigned { u64::try_from(value).is_ok() } else { i64::try_from(value).is_ok() };
    if fits { ExprValue::Integer(Integer { value, unsigned }) } else { overflow() }
}

fn overflow() -> ExprValue {
    ExprValue::unknown("calculates beyond 64 bits")
}
