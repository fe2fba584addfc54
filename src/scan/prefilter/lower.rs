//! From yara-x's syntax tree to [`Condition`].

use std::collections::HashMap;

use yara_x_parser::ast::{self, Expr};

use super::condition::{Condition, Quantifier, RuleIndex};
use super::format::{self, Format};
use super::guard::{Number, PatternIndex};
use super::truth::PossibleTruth;
use super::{literals, required};
use crate::hunt::EXTERNAL_VARIABLES;
use crate::hunt::language::{BinaryOperator, Comparison, ReadField};
use crate::scan::externals::{TextRelation, TextTest};

/// Deeper nested than this, a condition is not looked into: evaluation recurses.
const MAX_DEPTH: u32 = 100;
/// With more parts than this, the rest of a condition is not looked into: `for … of` multiplies its body.
const MAX_PARTS: u32 = 20_000;

/// Longer sums and products are not looked into: each operand nests the number one deeper.
const MAX_OPERANDS: usize = 16;

/// What the names in a condition stand for.
#[derive(Debug)]
pub(super) struct NameScope<'s> {
    /// The rule's patterns in order of declaration, by identifier (`$a`; `$` for all that have no name).
    pub patterns: &'s [(String, PatternIndex)],
    /// The rules declared before in the same namespace; `None` for a name that stands for more than one.
    pub rules: &'s HashMap<String, Option<RuleIndex>>,
}

/// Reduces a rule's condition.
pub(super) fn lower(expr: &Expr, scope: &NameScope) -> Condition {
    Lowering { scope, locals: Vec::new(), current: None, depth: 0, parts: 0 }.condition(expr)
}

struct Lowering<'s> {
    scope: &'s NameScope<'s>,
    /// Variables of the loops and `with` blocks around, which hide rules.
    locals: Vec<String>,
    /// What `$`, `#`, `@` and `!` stand for inside `for … of`.
    current: Option<PatternIndex>,
    depth: u32,
    parts: u32,
}

impl Lowering<'_> {
    /// Whether there is room for one more part at this depth.
    fn enter(&mut self) -> bool {
        self.parts += 1;
        self.depth < MAX_DEPTH && self.parts < MAX_PARTS
    }

    fn condition(&mut self, expr: &Expr) -> Condition {
        if !self.enter() {
            return Condition::Unknown;
        }
        self.depth += 1;
        let condition = self.boolean(expr);
        self.depth -= 1;
        condition
    }

    fn boolean(&mut self, expr: &Expr) -> Condition {
        match expr {
            Expr::True { .. } => Condition::Constant(PossibleTruth::HOLDS),
            Expr::False { .. } => Condition::Constant(PossibleTruth::FAILS),
            Expr::Not(unary) => Condition::Not(Box::new(self.condition(&unary.operand))),
            Expr::Defined(unary) => Condition::Defined(Box::new(self.condition(&unary.operand))),
            Expr::And(nary) => Condition::All(self.conditions(&nary.operands)),
            Expr::Or(nary) => Condition::Any(self.conditions(&nary.operands)),
            Expr::PatternMatch(found) => self.pattern_match(found),
            Expr::Ident(ident) => self.rule(ident.name),
            Expr::Of(of) => self.of(of),
            Expr::ForOf(for_of) => self.for_of(for_of),
            Expr::ForIn(for_in) => self.for_in(for_in),
            Expr::With(with) => {
                let names = with.declarations.iter().map(|declaration| declaration.identifier.name);
                self.with_locals(names, |lowering| lowering.condition(&with.body))
            }
            other => match (Comparison::of(other), self.text(other), self.format(other, format::wanted_to_hold)) {
                (_, Some(test), _) => Condition::Text(test),
                (_, None, Some(format)) => Condition::OfFormat(format),
                (Some((comparison, pair)), None, None) => self.comparison(comparison, pair),
                (None, None, None) => match self.number(other) {
                    Number::Unknown => self.text_match(other).unwrap_or(Condition::Unknown),
                    number => Condition::NonZero(number),
                },
            },
        }
    }

    fn pattern_match(&mut self, found: &ast::PatternMatch) -> Condition {
        let Some(pattern) = self.pattern(found.identifier.name) else { return Condition::Unknown };
        let at = match &found.anchor {
            Some(ast::MatchAnchor::At(at)) => self.number(&at.expr),
            _ => Number::Unknown,
        };
        match at {
            Number::Constant(offset) if offset >= 0 => {
                u64::try_from(offset).map_or(Condition::Pattern(pattern), |offset| Condition::At(pattern, offset))
            }
            _ => Condition::Pattern(pattern),
        }
    }

    /// The match of an external variable with an expression that cannot do without one of some runs.
    fn text_match(&self, expr: &Expr) -> Option<Condition> {
        let Expr::Matches(pair) = expr else { return None };
        let (Expr::Ident(variable), Expr::Regexp(regexp)) = (&pair.lhs, &pair.rhs) else { return None };
        let variable = self.external(variable.name)?;
        let expression = literals::expression(regexp, false)?;
        Some(Condition::TextHas(variable, required::most_telling(required::covers(&expression))?))
    }

    /// The place of an external variable among all.
    fn external(&self, name: &str) -> Option<usize> {
        let hidden = self.locals.iter().any(|local| local == name) || self.scope.rules.contains_key(name);
        EXTERNAL_VARIABLES.iter().position(|external| *external == name).filter(|_| !hidden)
    }

    /// The comparison of an external variable with a text.
    fn text(&self, expr: &Expr) -> Option<TextTest> {
        let (pair, relation) = match expr {
            Expr::Eq(pair) => (pair, TextRelation::Is),
            Expr::Ne(pair) => (pair, TextRelation::IsNot),
            Expr::IEquals(pair) => (pair, TextRelation::IsInAnyCase),
            Expr::Contains(pair) => (pair, TextRelation::Contains),
            Expr::IContains(pair) => (pair, TextRelation::ContainsInAnyCase),
            Expr::StartsWith(pair) => (pair, TextRelation::Begins),
            Expr::IStartsWith(pair) => (pair, TextRelation::BeginsInAnyCase),
            Expr::EndsWith(pair) => (pair, TextRelation::Ends),
            Expr::IEndsWith(pair) => (pair, TextRelation::EndsInAnyCase),
            _ => return None,
        };
        let (Expr::Ident(variable), Expr::LiteralString(text)) = (&pair.lhs, &pair.rhs) else { return None };
        let variable = self.external(variable.name)?;
        Some(TextTest { variable, relation, text: text.value.to_vec() })
    }

    /// The format that a file must have for the expression to do what `wanted` says.
    fn format(&self, expr: &Expr, wanted: format::FormatTest) -> Option<Format> {
        wanted(expr, &|name| self.locals.iter().any(|local| local == name) || self.scope.rules.contains_key(name))
    }

    fn conditions(&mut self, operands: &[Expr]) -> Vec<Condition> {
        operands.iter().map(|operand| self.condition(operand)).collect()
    }

    fn comparison(&mut self, comparison: Comparison, binary: &ast::BinaryExpr) -> Condition {
        match (self.number(&binary.lhs), self.number(&binary.rhs)) {
            (Number::Unknown, _) | (_, Number::Unknown) => Condition::Unknown,
            (left, right) => Condition::Compare(comparison, left, right),
        }
    }

    /// The pattern that `$a`, `#a`, `@a` or `!a`, or one of these signs alone, stands for.
    fn pattern(&self, identifier: &str) -> Option<PatternIndex> {
        let name = identifier.get(1..)?;
        if name.is_empty() {
            return self.current;
        }
        let mut named = self.scope.patterns.iter().filter(|(identifier, _)| identifier.get(1..) == Some(name));
        named.next().map(|(_, pattern)| *pattern)
    }

    fn rule(&self, name: &str) -> Condition {
        if self.locals.iter().any(|local| local == name) {
            return Condition::Unknown;
        }
        self.scope.rules.get(name).copied().flatten().map_or(Condition::Unknown, Condition::Rule)
    }

    fn of(&mut self, of: &ast::Of) -> Condition {
        let quantifier = self.quantifier(&of.quantifier);
        let items = match &of.items {
            ast::OfItems::PatternSet(set) => self.pattern_set(set).into_iter().map(Condition::Pattern).collect(),
            ast::OfItems::BoolExprTuple(items) => self.conditions(items),
        };
        Condition::Of(quantifier, items)
    }

    fn for_of(&mut self, for_of: &ast::ForOf) -> Condition {
        let quantifier = self.quantifier(&for_of.quantifier);
        let outer = self.current;
        let mut items = Vec::new();
        for pattern in self.pattern_set(&for_of.pattern_set) {
            self.current = Some(pattern);
            items.push(self.condition(&for_of.body));
        }
        self.current = outer;
        Condition::Of(quantifier, items)
    }

    fn for_in(&mut self, for_in: &ast::ForIn) -> Condition {
        let over = match &for_in.iterable {
            ast::Iterable::Range(range) => vec![&range.lower_bound, &range.upper_bound],
            ast::Iterable::Expr(expr) => vec![expr],
            ast::Iterable::ExprTuple(_) => Vec::new(),
        };
        if let Some(format) = over.into_iter().find_map(|expr| self.format(expr, format::wanted_to_be_defined)) {
            return Condition::OfFormat(format);
        }
        let quantifier = self.quantifier(&for_in.quantifier);
        let names = for_in.variables.iter().map(|variable| variable.name);
        let body = self.with_locals(names, |lowering| lowering.condition(&for_in.body));
        Condition::Loop(quantifier, Box::new(body))
    }

    fn with_locals<'n, T>(
        &mut self,
        names: impl Iterator<Item = &'n str>,
        lower_body: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let outer = self.locals.len();
        self.locals.extend(names.map(str::to_owned));
        let lowered = lower_body(self);
        self.locals.truncate(outer);
        lowered
    }

    fn quantifier(&mut self, quantifier: &ast::Quantifier) -> Quantifier {
        match quantifier {
            ast::Quantifier::None { .. } => Quantifier::None,
            ast::Quantifier::All { .. } => Quantifier::All,
            ast::Quantifier::Any { .. } => Quantifier::Any,
            ast::Quantifier::Percentage(number) => Quantifier::Percent(self.number(number)),
            ast::Quantifier::Expr(number) => Quantifier::Count(self.number(number)),
        }
    }

    fn pattern_set(&self, set: &ast::PatternSet) -> Vec<PatternIndex> {
        let chosen = |identifier: &str| match set {
            ast::PatternSet::Them { .. } => true,
            ast::PatternSet::Set(items) => items.iter().any(|item| {
                if item.wildcard { identifier.starts_with(item.identifier) } else { identifier == item.identifier }
            }),
        };
        self.scope.patterns.iter().filter(|(name, _)| chosen(name)).map(|(_, pattern)| *pattern).collect()
    }

    fn number(&mut self, expr: &Expr) -> Number {
        if !self.enter() {
            return Number::Unknown;
        }
        self.depth += 1;
        let number = self.integer(expr);
        self.depth -= 1;
        number
    }

    fn integer(&mut self, expr: &Expr) -> Number {
        match expr {
            Expr::LiteralInteger(literal) if literal.is_unsigned => {
                Number::Constant(i128::from(literal.value.cast_unsigned()))
            }
            Expr::LiteralInteger(literal) => Number::Constant(i128::from(literal.value)),
            Expr::Filesize { .. } => Number::Filesize,
            Expr::PatternCount(count) => self.pattern(count.identifier.name).map_or(Number::Unknown, Number::Count),
            Expr::PatternOffset(of) | Expr::PatternLength(of) => {
                self.pattern(of.identifier.name).map_or(Number::Unknown, Number::OfMatch)
            }
            Expr::FuncCall(call) => self.read(call),
            other => match (BinaryOperator::chain(other), BinaryOperator::pair(other)) {
                (Some((operator, operands)), _) => self.fold(operator, operands),
                (None, Some((operator, pair))) => self.binary(operator, pair),
                (None, None) => Number::Unknown,
            },
        }
    }

    fn read(&mut self, call: &ast::FuncCall) -> Number {
        let (None, Some(field), [offset]) =
            (&call.object, ReadField::of_function(call.identifier.name), call.args.as_slice())
        else {
            return Number::Unknown;
        };
        match self.number(offset) {
            Number::Unknown => Number::Unknown,
            offset => Number::Read(field, Box::new(offset)),
        }
    }

    fn binary(&mut self, operator: BinaryOperator, pair: &ast::BinaryExpr) -> Number {
        let (left, right) = (self.number(&pair.lhs), self.number(&pair.rhs));
        combine(operator, left, right)
    }

    /// `a + b + c` is `(a + b) + c`.
    fn fold(&mut self, operator: BinaryOperator, operands: &[Expr]) -> Number {
        let Some((first, rest)) = operands.split_first() else { return Number::Unknown };
        if operands.len() > MAX_OPERANDS {
            return Number::Unknown;
        }
        let first = self.number(first);
        rest.iter().fold(first, |left, right| combine(operator, left, self.number(right)))
    }
}

fn combine(operator: BinaryOperator, left: Number, right: Number) -> Number {
    match (left, right) {
        (Number::Unknown, _) | (_, Number::Unknown) => Number::Unknown,
        (left, right) => Number::Binary(operator, Box::new(left), Box::new(right)),
    }
}
