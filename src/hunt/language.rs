//! Pieces of YARA's condition language that are read alike wherever conditions are taken apart.

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

use yara_x_parser::ast::{BinaryExpr, Expr};

/// A binary operator on integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum BinaryOperator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `\`
    Divide,
    /// `%`
    Modulo,
    /// `&`
    And,
    /// `|`
    Or,
    /// `^`
    Xor,
    /// `<<`
    ShiftLeft,
    /// `>>`
    ShiftRight,
}

impl BinaryOperator {
    /// The operator of an expression that chains operands by it, and these.
    pub(crate) fn chain<'a, 's>(expr: &'a Expr<'s>) -> Option<(Self, &'a [Expr<'s>])> {
        Some(match expr {
            Expr::Add(nary) => (Self::Add, &nary.operands),
            Expr::Sub(nary) => (Self::Subtract, &nary.operands),
            Expr::Mul(nary) => (Self::Multiply, &nary.operands),
            Expr::Div(nary) => (Self::Divide, &nary.operands),
            Expr::Mod(nary) => (Self::Modulo, &nary.operands),
            _ => return None,
        })
    }

    /// The operator of an expression that has just two operands, and these.
    pub(crate) fn pair<'a, 's>(expr: &'a Expr<'s>) -> Option<(Self, &'a BinaryExpr<'s>)> {
        Some(match expr {
            Expr::BitwiseAnd(pair) => (Self::And, pair),
            Expr::BitwiseOr(pair) => (Self::Or, pair),
            Expr::BitwiseXor(pair) => (Self::Xor, pair),
            Expr::Shl(pair) => (Self::ShiftLeft, pair),
            Expr::Shr(pair) => (Self::ShiftRight, pair),
            _ => return None,
        })
    }
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// The comparison that an expression is, and what it compares.
    pub(crate) fn of<'a, 's>(expr: &'a Expr<'s>) -> Option<(Self, &'a BinaryExpr<'s>)> {
        Some(match expr {
            Expr::Eq(pair) => (Self::Equal, pair),
            Expr::Ne(pair) => (Self::NotEqual, pair),
            Expr::Lt(pair) => (Self::Less, pair),
            Expr::Le(pair) => (Self::LessOrEqual, pair),
            Expr::Gt(pair) => (Self::Greater, pair),
            Expr::Ge(pair) => (Self::GreaterOrEqual, pair),
            _ => return None,
        })
    }

    /// Whether it holds for two values in this order.
    pub(crate) fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// What `uint16be` and its kin read of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct ReadField {
    /// Bytes: 1, 2, 4 or 8.
    pub width: u8,
    /// Whether the first byte counts most.
    pub big_endian: bool,
    /// Whether the highest bit is the sign.
    pub signed: bool,
}

impl ReadField {
    /// The field that a function reads, by the function's name.
    pub(crate) fn of_function(name: &str) -> Option<Self> {
        let (name, big_endian) = name.strip_suffix("be").map_or((name, false), |name| (name, true));
        let (signed, bits) = match name.strip_prefix("uint") {
            Some(bits) => (false, bits),
            None => (true, name.strip_prefix("int")?),
        };
        let width = match bits {
            "8" => 1,
            "16" => 2,
            "32" => 4,
            "64" => 8,
            _ => return None,
        };
        Some(Self { width, big_endian, signed })
    }

    /// The value of the bytes, as many as the field is wide.
    pub(crate) fn value(self, bytes: &[u8]) -> i128 {
        let shift_in = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        let value = if self.big_endian { bytes.iter().fold(0, shift_in) } else { bytes.iter().rev().fold(0, shift_in) };
        if !self.signed {
            return i128::from(value);
        }
        let unused = 64 - u32::from(self.width) * 8;
        i128::from((value << unused).cast_signed() >> unused)
    }
}
