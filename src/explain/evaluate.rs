//! What an expression comes to for one file, as yara-x evaluates it.

use std::collections::BTreeMap;

use yara_x_parser::ast::{self, BinaryExpr, Expr, MatchAnchor};

use super::facts::ExplainedFile;
use super::known::{self, ExprValue, Integer, calculate, compare};
use crate::hunt::language::{BinaryOperator, Comparison, ReadField};
use crate::scan::PatternLocations;

/// Deeper than this, an expression is not looked into: evaluation recurses.
const MAX_DEPTH: u32 = 150;
/// Steps that one condition is worth; loops multiply their bodies.
const MAX_STEPS: u32 = 300_000;

/// What one text is to another.
type Holds = fn(&[u8], &[u8]) -> bool;

/// Evaluates the expressions of one condition.
pub(super) struct Evaluator<'f, 'r> {
    pub facts: ExplainedFile<'f>,
    /// The rule's patterns in order of declaration, by identifier (`$a`; `$` for all that have no name).
    pub patterns: &'r [String],
    /// Their places in it by name, without the `$`.
    by_name: BTreeMap<&'r str, usize>,
    /// Variables of the loops and `with` blocks around, innermost last.
    pub(super) locals: Vec<(String, ExprValue)>,
    /// What `$`, `#`, `@` and `!` stand for inside `for … of`.
    pub(super) current: Option<usize>,
    depth: u32,
    steps: u32,
}

impl<'f, 'r> Evaluator<'f, 'r> {
    pub(super) fn new(facts: ExplainedFile<'f>, patterns: &'r [String]) -> Self {
        let names = patterns.iter().enumerate().filter_map(|(index, pattern)| Some((pattern.get(1..)?, index)));
        Self { facts, patterns, by_name: names.collect(), locals: Vec::new(), current: None, depth: 0, steps: 0 }
    }

    /// The value of an expression.
    pub(super) fn value(&mut self, expr: &Expr) -> ExprValue {
        self.charge(1);
        if self.depth >= MAX_DEPTH || self.steps >= MAX_STEPS {
            return ExprValue::unknown("has more parts and rounds than are followed");
        }
        self.depth += 1;
        let value = self.look(expr);
        self.depth -= 1;
        value
    }

    /// The value of an expression where a boolean is wanted.
    pub(super) fn boolean(&mut self, expr: &Expr) -> ExprValue {
        self.value(expr).boolean()
    }

    /// Counts work that grows with the rule.
    pub(super) fn charge(&mut self, steps: usize) {
        self.steps = self.steps.saturating_add(u32::try_from(steps).unwrap_or(u32::MAX));
    }

    /// Whether no more steps are followed.
    pub(super) fn is_spent(&self) -> bool {
        self.steps >= MAX_STEPS
    }

    fn look(&mut self, expr: &Expr) -> ExprValue {
        match expr {
            Expr::True { .. } => ExprValue::Truth(true),
            Expr::False { .. } => ExprValue::Truth(false),
            Expr::Filesize { .. } => {
                i64::try_from(self.facts.bytes.size()).map_or(ExprValue::Undefined, ExprValue::signed)
            }
            Expr::LiteralInteger(literal) => integer(literal),
            Expr::LiteralString(literal) => {
                self.charge(literal.value.len() / 64);
                ExprValue::Text(literal.value.to_vec())
            }
            Expr::Ident(ident) => self.name(ident.name),
            Expr::FuncCall(call) => self.call(call),
            Expr::Not(unary) => self.boolean(&unary.operand).negated(),
            Expr::Defined(unary) => self.boolean(&unary.operand).defined(),
            Expr::And(nary) => known::joined(&self.booleans(&nary.operands), true),
            Expr::Or(nary) => known::joined(&self.booleans(&nary.operands), false),
            Expr::Minus(unary) => known::minus(self.value(&unary.operand)),
            Expr::BitwiseNot(unary) => known::bitwise_not(self.value(&unary.operand)),
            Expr::PatternMatch(found) => self.found(found),
            Expr::PatternCount(count) => self.count(count),
            Expr::PatternOffset(of) => self.of_match(of, |(offset, _)| offset),
            Expr::PatternLength(of) => self.of_match(of, |(_, length)| length),
            Expr::Of(of) => self.of(of),
            Expr::ForOf(for_of) => self.for_of(for_of).0,
            Expr::ForIn(for_in) => self.for_in(for_in).0,
            Expr::With(with) => self.with(with),
            Expr::Entrypoint { .. } => ExprValue::unknown("the entry point is yara-x's to find"),
            Expr::LiteralFloat(_) => ExprValue::unknown("calculates with fractions"),
            Expr::FieldAccess(_) | Expr::Lookup(_) => ExprValue::unknown("asks a module of yara-x"),
            Expr::Regexp(_) => ExprValue::unknown("holds a text against a regular expression"),
            other => self.binary(other),
        }
    }

    fn binary(&mut self, expr: &Expr) -> ExprValue {
        if let Some((comparison, binary)) = Comparison::of(expr) {
            let (left, right) = self.operands(binary);
            return compare(comparison, left, right);
        }
        if let Some((operator, operands)) = BinaryOperator::chain(expr) {
            return self.fold(operator, operands);
        }
        match BinaryOperator::pair(expr) {
            Some((operator, binary)) => {
                let (left, right) = self.operands(binary);
                calculate(operator, left, right)
            }
            None => self.texts(expr),
        }
    }

    fn operands(&mut self, binary: &BinaryExpr) -> (ExprValue, ExprValue) {
        (self.value(&binary.lhs), self.value(&binary.rhs))
    }

    fn texts(&mut self, expr: &Expr) -> ExprValue {
        let (operator, any_case, binary): (Holds, bool, _) = match expr {
            Expr::Contains(binary) => (contains, false, binary),
            Expr::IContains(binary) => (contains, true, binary),
            Expr::StartsWith(binary) => (<[u8]>::starts_with, false, binary),
            Expr::IStartsWith(binary) => (<[u8]>::starts_with, true, binary),
            Expr::EndsWith(binary) => (<[u8]>::ends_with, false, binary),
            Expr::IEndsWith(binary) => (<[u8]>::ends_with, true, binary),
            Expr::IEquals(binary) => (|left, right| left == right, true, binary),
            Expr::Matches(_) => return ExprValue::unknown("holds a text against a regular expression"),
            _ => return ExprValue::unknown("is a form that is not explained"),
        };
        match self.operands(binary) {
            (ExprValue::Undefined, _) | (_, ExprValue::Undefined) => ExprValue::Undefined,
            (ExprValue::Unknown(why), _) | (_, ExprValue::Unknown(why)) => ExprValue::Unknown(why),
            (ExprValue::Text(left), ExprValue::Text(right)) if !any_case => ExprValue::Truth(operator(&left, &right)),
            (ExprValue::Text(left), ExprValue::Text(right)) if left.is_ascii() && right.is_ascii() => {
                ExprValue::Truth(operator(&left.to_ascii_lowercase(), &right.to_ascii_lowercase()))
            }
            _ => ExprValue::unknown("compares letters beyond ASCII whatever their case"),
        }
    }

    pub(super) fn booleans(&mut self, operands: &[Expr]) -> Vec<ExprValue> {
        operands.iter().map(|operand| self.boolean(operand)).collect()
    }

    fn fold(&mut self, operator: BinaryOperator, operands: &[Expr]) -> ExprValue {
        let values: Vec<ExprValue> = operands.iter().map(|operand| self.value(operand)).collect();
        values.into_iter().reduce(|left, right| calculate(operator, left, right)).unwrap_or(ExprValue::Undefined)
    }

    fn name(&self, name: &str) -> ExprValue {
        if let Some((_, value)) = self.locals.iter().rev().find(|(local, _)| local == name) {
            return value.clone();
        }
        if let Some(value) = self.facts.external(name) {
            return value;
        }
        ExprValue::Unknown(format!("depends on {name}, another rule or a module"))
    }

    fn call(&mut self, call: &ast::FuncCall) -> ExprValue {
        match (&call.object, ReadField::of_function(call.identifier.name), call.args.as_slice()) {
            (None, Some(field), [offset]) => match self.value(offset) {
                ExprValue::Integer(offset) => self.facts.read(field, offset),
                ExprValue::Truth(_) | ExprValue::Text(_) => ExprValue::unknown("is a form that is not explained"),
                other => other,
            },
            (None, ..) => ExprValue::unknown("calls a function that is not explained"),
            (Some(_), ..) => ExprValue::unknown("asks a module of yara-x"),
        }
    }

    /// The pattern that `$a`, `#a`, `@a` or `!a`, or one of these signs alone, stands for.
    pub(super) fn pattern(&self, identifier: &str) -> Option<usize> {
        match identifier.get(1..)? {
            "" => self.current,
            name => self.by_name.get(name).copied(),
        }
    }

    /// Where the pattern is, as far as it is known.
    pub(super) fn places(&self, pattern: Option<usize>) -> Option<&'f PatternLocations> {
        self.facts.places.get(pattern?)?.as_ref()
    }

    fn found(&mut self, found: &ast::PatternMatch) -> ExprValue {
        self.found_at(self.pattern(found.identifier.name), found.anchor.as_ref())
    }

    /// Whether the pattern is where the anchor wants it.
    pub(super) fn found_at(&mut self, pattern: Option<usize>, anchor: Option<&MatchAnchor>) -> ExprValue {
        let Some(places) = self.places(pattern) else { return not_searched() };
        let range = match anchor {
            None => return ExprValue::Truth(!places.matches.is_empty()),
            Some(MatchAnchor::At(at)) => self.value(&at.expr).and_then(|at| Ok((at, at))),
            Some(MatchAnchor::In(within)) => self.range(&within.range),
        };
        match range {
            Err(short) => short,
            Ok((lower, upper)) => match count_in(places, lower, upper) {
                0 if places.capped => too_many(places),
                count => ExprValue::Truth(count > 0),
            },
        }
    }

    fn count(&mut self, count: &ast::IdentWithRange) -> ExprValue {
        let Some(places) = self.places(self.pattern(count.identifier.name)) else { return not_searched() };
        let number = match &count.range {
            None => places.matches.len(),
            Some(range) => match self.range(range) {
                Ok((lower, upper)) => count_in(places, lower, upper),
                Err(short) => return short,
            },
        };
        if places.capped { too_many(places) } else { ExprValue::count(number) }
    }

    fn of_match(&mut self, of: &ast::IdentWithIndex, part: impl Fn((u64, u64)) -> u64) -> ExprValue {
        let Some(places) = self.places(self.pattern(of.identifier.name)) else { return not_searched() };
        // Counted from 1.
        let index = match of.index.as_ref().map(|index| self.value(index)) {
            None => 1,
            Some(ExprValue::Integer(index)) => index.value,
            Some(other) => return other,
        };
        let found = usize::try_from(index - 1).ok().and_then(|index| places.matches.get(index));
        match found {
            Some(found) => i64::try_from(part(*found)).map_or(ExprValue::Undefined, ExprValue::signed),
            None if places.capped && index > 0 => too_many(places),
            None => ExprValue::Undefined,
        }
    }

    /// Both ends of a range, or what the expression around comes to for want of one.
    pub(super) fn range(&mut self, range: &ast::Range) -> Result<(Integer, Integer), ExprValue> {
        let lower = self.value(&range.lower_bound).integer();
        let upper = self.value(&range.upper_bound).integer();
        match (lower, upper) {
            (Err(ExprValue::Undefined), _) | (_, Err(ExprValue::Undefined)) => Err(ExprValue::Undefined),
            (lower, upper) => Ok((lower?, upper?)),
        }
    }
}

impl ExprValue {
    fn integer(self) -> Result<Integer, Self> {
        match self {
            // An end beyond 63 bits is taken for a negative number by yara-x.
            Self::Integer(integer) if integer.value > i128::from(i64::MAX) => {
                Err(Self::unknown("counts beyond 63 bits"))
            }
            Self::Integer(integer) => Ok(integer),
            Self::Truth(_) | Self::Text(_) => Err(Self::unknown("is a form that is not explained")),
            other => Err(other),
        }
    }

    fn and_then<T>(self, then: impl Fn(Integer) -> Result<T, Self>) -> Result<T, Self> {
        self.integer().and_then(then)
    }
}

fn count_in(places: &PatternLocations, lower: Integer, upper: Integer) -> usize {
    let offset = |found: &(u64, u64)| i128::from(found.0);
    let start = places.matches.partition_point(|found| offset(found) < lower.value);
    let end = places.matches.partition_point(|found| offset(found) <= upper.value);
    end.saturating_sub(start)
}

fn integer(literal: &ast::LiteralInteger) -> ExprValue {
    let unsigned = literal.is_unsigned;
    let value = if unsigned { literal.value.cast_unsigned().into() } else { literal.value.into() };
    ExprValue::Integer(Integer { value, unsigned })
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}

fn not_searched() -> ExprValue {
    ExprValue::unknown("the pattern's places are not known")
}

fn too_many(places: &PatternLocations) -> ExprValue {
    ExprValue::Unknown(format!("there are more matches than the {} that are noted", places.matches.len()))
}
