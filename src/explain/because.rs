//! Why a part comes to what it does, in words: what was seen in the file.

use yara_x_parser::ast::{self, Expr, MatchAnchor};

use super::evaluate::Evaluator;
use super::known::ExprValue;
use super::quantify::RoundTally;
use super::spans::SourceSpans;
use crate::scan::PatternLocations;
use crate::text;

/// Places, patterns or values that are named at most.
const NAMED: usize = 4;
/// Bytes of a text that are shown at most.
const TEXT: usize = 120;

/// What was seen of `expr`, a part of the rule in `source`, which came to `known`.
pub(super) fn because(source: &SourceSpans, evaluator: &mut Evaluator, expr: &Expr, known: &ExprValue) -> String {
    let mut seen = Observations { source, evaluator };
    let said = match expr {
        Expr::PatternMatch(found) => seen.found(found),
        Expr::Of(of) => seen.of(of),
        Expr::ForOf(for_of) => rounds(seen.evaluator.for_of(for_of).1, "pattern"),
        Expr::ForIn(for_in) => rounds(seen.evaluator.for_in(for_in).1, "round"),
        Expr::True { .. } | Expr::False { .. } => String::new(),
        _ => seen.values(expr),
    };
    if *known == ExprValue::Undefined && said.is_empty() { "it is undefined".to_owned() } else { said }
}

fn rounds(tally: RoundTally, of: &str) -> String {
    let plural = if tally.rounds == 1 { "" } else { "s" };
    match tally.rounds {
        0 => format!("there is no {of}"),
        rounds => format!("true in {} of {} {of}{plural} looked at", count(tally.held), count(rounds)),
    }
}

/// Puts what was seen in the file into words.
struct Observations<'e, 's, 'f, 'r> {
    source: &'e SourceSpans<'s>,
    evaluator: &'e mut Evaluator<'f, 'r>,
}

impl Observations<'_, '_, '_, '_> {
    fn found(&mut self, found: &ast::PatternMatch) -> String {
        let name = found.identifier.name;
        let pattern = self.evaluator.pattern(name);
        let wanted = found.anchor.as_ref().map(|anchor| self.anchor(anchor)).unwrap_or_default();
        let said = self.evaluator.places(pattern).map(places).unwrap_or_default();
        match self.evaluator.found_at(pattern, found.anchor.as_ref()) {
            ExprValue::Truth(false) if found.anchor.is_some() => format!("{name} {said}; not {wanted}"),
            ExprValue::Undefined => format!("{name} {said}; where it is wanted is undefined"),
            _ => format!("{name} {said}"),
        }
    }

    /// Where an anchor wants a pattern.
    fn anchor(&mut self, anchor: &MatchAnchor) -> String {
        match anchor {
            MatchAnchor::At(at) => match self.evaluator.value(&at.expr) {
                ExprValue::Integer(at) => format!("at {:#x}", at.value),
                _ => String::new(),
            },
            MatchAnchor::In(within) => match self.evaluator.range(&within.range) {
                Ok((lower, upper)) => format!("from {} to {}", hex(lower.value), hex(upper.value)),
                Err(_) => String::new(),
            },
        }
    }

    fn of(&mut self, of: &ast::Of) -> String {
        let ast::OfItems::PatternSet(set) = &of.items else { return String::new() };
        let patterns = self.evaluator.set(set);
        let names = self.evaluator.patterns;
        let anchor = of.anchor.as_ref();
        let found: Vec<&str> = patterns
            .iter()
            .filter(|pattern| self.evaluator.found_at(Some(**pattern), anchor) == ExprValue::Truth(true))
            .filter_map(|pattern| names.get(*pattern).map(String::as_str))
            .collect();
        let named = match found.len() {
            0 => String::new(),
            1..=8 => format!(": {}", found.join(", ")),
            more => format!(": {} and {} more", found.iter().take(8).copied().collect::<Vec<_>>().join(", "), more - 8),
        };
        let there = anchor.map(|anchor| format!(" {}", self.anchor(anchor))).unwrap_or_default();
        format!("{} of {} found{there}{named}", count(found.len()), count(patterns.len()))
    }

    /// The values in an expression that its text does not show, each once.
    fn values(&mut self, expr: &Expr) -> String {
        let mut seen: Vec<String> = Vec::new();
        let mut waiting = vec![expr];
        while let Some(expr) = waiting.pop() {
            if let Some(said) = self.measured(expr).filter(|said| !seen.contains(said)) {
                seen.push(said);
            }
            if seen.len() > NAMED {
                seen.truncate(NAMED);
                seen.push("…".to_owned());
                break;
            }
            let within: Vec<&Expr> = expr.children().collect();
            waiting.extend(within.into_iter().rev());
        }
        seen.join(", ")
    }

    /// What a number or text of the file is.
    fn measured(&mut self, expr: &Expr) -> Option<String> {
        let unit = match expr {
            Expr::Filesize { .. } => " bytes",
            Expr::PatternCount(_) | Expr::PatternLength(_) | Expr::Ident(_) => "",
            Expr::PatternOffset(_) | Expr::FuncCall(_) | Expr::PatternMatch(_) => "0x",
            Expr::LiteralInteger(_) if is_size(self.source.text(expr)) => "",
            _ => return None,
        };
        let shown = self.source.text(expr);
        Some(match self.evaluator.value(expr) {
            ExprValue::Integer(integer) if unit == "0x" => format!("{shown} is {}", hex(integer.value)),
            ExprValue::Integer(integer) => match u64::try_from(integer.value) {
                Ok(value) => format!("{shown} is {}{unit}", text::count(value)),
                Err(_) => format!("{shown} is {}", integer.value),
            },
            ExprValue::Text(bytes) => {
                let value = String::from_utf8_lossy(bytes.get(..TEXT).unwrap_or(&bytes)).into_owned();
                format!("{shown} is \"{value}\"")
            }
            ExprValue::Truth(truth) => format!("{shown} is {truth}"),
            ExprValue::Undefined => format!("{shown} is undefined"),
            ExprValue::Unknown(_) => return None,
        })
    }
}

/// Where a pattern is. Safe text.
pub(super) fn places(places: &PatternLocations) -> String {
    let total = places.matches.len();
    let more = if places.capped { " or more" } else { "" };
    match places.matches.as_slice() {
        [] => "is not found".to_owned(),
        [(at, _)] => format!("is at {at:#x}{more}"),
        [(first, _), ..] if total > NAMED => {
            format!("is at {} places{more}, first at {first:#x}", text::count(total as u64))
        }
        [most @ .., (last, _)] => {
            let most: Vec<String> = most.iter().map(|(at, _)| format!("{at:#x}")).collect();
            format!("is at {} and {last:#x}{more}", most.join(", "))
        }
    }
}

/// Whether a number is written as `10KB`.
fn is_size(literal: &str) -> bool {
    literal.ends_with('B') && !literal.starts_with("0x")
}

fn hex(value: i128) -> String {
    if value < 0 { format!("-{:#x}", -value) } else { format!("{value:#x}") }
}

fn count(number: usize) -> String {
    text::count(number as u64)
}
