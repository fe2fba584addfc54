//! `of`, `for … of`, `for … in`, `with`: how many of a set must hold, as yara-x counts.

use yara_x_parser::ast::{self, Iterable, OfItems, PatternSet, Quantifier};

use super::evaluate::Evaluator;
use super::known::ExprValue;
use crate::hunt::Truth;

/// So many never hold.
const NEVER: i128 = i128::MAX;

/// How many must hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Quantity {
    None,
    All,
    Any,
    /// So many; none at all if it is 0.
    Count(i128),
}

/// What the rounds so far have come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RoundTally {
    /// Rounds that held.
    pub held: usize,
    /// Rounds that are unknown.
    pub unknown: usize,
    /// All rounds; those after the outcome was decided are not counted.
    pub rounds: usize,
}

impl RoundTally {
    /// Counts a round. Says what the whole comes to once later rounds cannot change it.
    fn add(&mut self, wanted: Quantity, round: Truth) -> Option<bool> {
        self.rounds += 1;
        self.held += usize::from(round == Truth::Met);
        self.unknown += usize::from(round == Truth::Unknown);
        match wanted {
            Quantity::None | Quantity::Count(0) => (self.held > 0).then_some(false),
            Quantity::All => (round == Truth::NotMet).then_some(false),
            Quantity::Any => (self.held > 0).then_some(true),
            Quantity::Count(count) => (self.held as i128 >= count && count > 0).then_some(true),
        }
    }

    /// What the whole comes to when no round decided it.
    fn end(self, wanted: Quantity) -> Truth {
        match wanted {
            Quantity::Count(count) if count != 0 && ((self.held + self.unknown) as i128) < count => Truth::NotMet,
            _ if self.unknown > 0 => Truth::Unknown,
            Quantity::None | Quantity::All | Quantity::Count(0) => Truth::Met,
            Quantity::Any | Quantity::Count(_) => Truth::NotMet,
        }
    }
}

impl Evaluator<'_, '_> {
    /// How many of `total` must hold, or what the whole comes to for want of that.
    pub(super) fn wanted(&mut self, quantifier: &Quantifier, total: usize) -> Result<Quantity, ExprValue> {
        let number = match quantifier {
            Quantifier::None { .. } => return Ok(Quantity::None),
            Quantifier::All { .. } => return Ok(Quantity::All),
            Quantifier::Any { .. } => return Ok(Quantity::Any),
            Quantifier::Percentage(expr) | Quantifier::Expr(expr) => self.value(expr),
        };
        let number = match number {
            ExprValue::Integer(integer) => integer.value,
            ExprValue::Truth(_) | ExprValue::Text(_) => {
                return Err(ExprValue::unknown("is a form that is not explained"));
            }
            other => return Err(other),
        };
        Ok(Quantity::Count(match quantifier {
            _ if number < 0 => NEVER,
            Quantifier::Percentage(_) => number.checked_mul(total as i128).map_or(NEVER, |all| (all + 99) / 100),
            _ => number,
        }))
    }

    /// The patterns of a set.
    pub(super) fn set(&self, set: &PatternSet) -> Vec<usize> {
        let named = |pattern: &str| match set {
            PatternSet::Them { .. } => true,
            PatternSet::Set(items) => items.iter().any(|item| {
                if item.wildcard { pattern.starts_with(item.identifier) } else { pattern == item.identifier }
            }),
        };
        self.patterns.iter().enumerate().filter(|(_, pattern)| named(pattern)).map(|(index, _)| index).collect()
    }

    pub(super) fn of(&mut self, of: &ast::Of) -> ExprValue {
        match &of.items {
            OfItems::BoolExprTuple(items) => {
                let items = self.booleans(items);
                self.of_tuple(&of.quantifier, &items)
            }
            OfItems::PatternSet(set) => {
                let patterns = self.set(set);
                self.charge(self.patterns.len());
                let wanted = match self.wanted(&of.quantifier, patterns.len()) {
                    Ok(wanted) => wanted,
                    Err(short) => return short,
                };
                let rounds: Vec<Truth> =
                    patterns.iter().map(|pattern| self.found_at(Some(*pattern), of.anchor.as_ref()).truth()).collect();
                // `0 of` patterns is `none of` them or always true, by the way in which yara-x has numbered them.
                if wanted == Quantity::Count(0)
                    && matches!(of.quantifier, Quantifier::Expr(_))
                    && of.anchor.is_none()
                    && rounds.contains(&Truth::Met)
                {
                    return ExprValue::unknown("wants none of the patterns, which yara-x takes in two ways");
                }
                tallied(wanted, rounds).0
            }
        }
    }

    /// `of` a list of conditions. An undefined one makes the whole undefined, unless it was decided before.
    pub(super) fn of_tuple(&mut self, quantifier: &Quantifier, items: &[ExprValue]) -> ExprValue {
        let wanted = match self.wanted(quantifier, items.len()) {
            Ok(wanted) => wanted,
            Err(short) => return short,
        };
        let mut tally = RoundTally::default();
        for item in items {
            if let ExprValue::Undefined | ExprValue::Unknown(_) = item {
                return item.clone();
            }
            if let Some(decided) = tally.add(wanted, item.truth()) {
                return ExprValue::Truth(decided);
            }
        }
        settled(tally.end(wanted))
    }

    pub(super) fn for_of(&mut self, for_of: &ast::ForOf) -> (ExprValue, RoundTally) {
        let patterns = self.set(&for_of.pattern_set);
        self.charge(self.patterns.len());
        let wanted = match self.wanted(&for_of.quantifier, patterns.len()) {
            Ok(wanted) => wanted,
            Err(short) => return (short, RoundTally::default()),
        };
        let outer = self.current;
        let rounds = patterns.into_iter().map(|pattern| {
            self.current = Some(pattern);
            self.boolean(&for_of.body).truth()
        });
        let outcome = tallied(wanted, rounds);
        self.current = outer;
        outcome
    }

    pub(super) fn for_in(&mut self, for_in: &ast::ForIn) -> (ExprValue, RoundTally) {
        let none = |known| (known, RoundTally::default());
        let ([variable], Iterable::Range(_) | Iterable::ExprTuple(_)) = (for_in.variables.as_slice(), &for_in.iterable)
        else {
            return none(ExprValue::unknown("goes through what a module of yara-x lists"));
        };
        match &for_in.iterable {
            Iterable::Range(range) => match self.range(range) {
                // Without an end, as without a round, it does not hold, whatever is wanted.
                Err(ExprValue::Undefined) => none(ExprValue::Truth(false)),
                Err(short) => none(short),
                Ok((lower, upper)) if upper.value < lower.value => none(ExprValue::Truth(false)),
                Ok((lower, upper)) => {
                    let total = usize::try_from(upper.value - lower.value + 1).unwrap_or(usize::MAX);
                    let values = (lower.value..=upper.value).map(|value| {
                        i64::try_from(value)
                            .map_or_else(|_| ExprValue::unknown("counts beyond 63 bits"), ExprValue::signed)
                    });
                    self.rounds(for_in, variable.name, total, values)
                }
            },
            Iterable::ExprTuple(items) => {
                let values: Vec<ExprValue> = items.iter().map(|item| self.value(item)).collect();
                self.rounds(for_in, variable.name, values.len(), values.into_iter())
            }
            Iterable::Expr(_) => none(ExprValue::unknown("goes through what a module of yara-x lists")),
        }
    }

    fn rounds(
        &mut self,
        for_in: &ast::ForIn,
        variable: &str,
        total: usize,
        values: impl Iterator<Item = ExprValue>,
    ) -> (ExprValue, RoundTally) {
        let wanted = match self.wanted(&for_in.quantifier, total) {
            Ok(wanted) => wanted,
            Err(short) => return (short, RoundTally::default()),
        };
        let mut tally = RoundTally::default();
        for value in values {
            if self.is_spent() {
                return (ExprValue::unknown("has more rounds than are followed"), tally);
            }
            let round = self.with_local(variable, value, |evaluator| evaluator.boolean(&for_in.body));
            if let Some(decided) = tally.add(wanted, round.truth()) {
                return (ExprValue::Truth(decided), tally);
            }
        }
        (settled(tally.end(wanted)), tally)
    }

    fn with_local<T>(&mut self, name: &str, value: ExprValue, work: impl FnOnce(&mut Self) -> T) -> T {
        self.locals.push((name.to_owned(), value));
        let outcome = work(self);
        self.locals.pop();
        outcome
    }

    pub(super) fn with(&mut self, with: &ast::With) -> ExprValue {
        let outer = self.locals.len();
        for declaration in &with.declarations {
            let value = self.value(&declaration.expression);
            self.locals.push((declaration.identifier.name.to_owned(), value));
        }
        let value = self.boolean(&with.body);
        self.locals.truncate(outer);
        value
    }
}

fn tallied(wanted: Quantity, rounds: impl IntoIterator<Item = Truth>) -> (ExprValue, RoundTally) {
    let mut tally = RoundTally::default();
    for round in rounds {
        if let Some(decided) = tally.add(wanted, round) {
            return (ExprValue::Truth(decided), tally);
        }
    }
    (settled(tally.end(wanted)), tally)
}

fn settled(truth: Truth) -> ExprValue {
    match truth {
        Truth::Met => ExprValue::Truth(true),
        Truth::NotMet => ExprValue::Truth(false),
        Truth::Unknown => ExprValue::unknown("a part of it cannot be told here"),
    }
}
