//! From the syntax tree to the tree of parts.

use yara_x_parser::ast::{self, Expr, OfItems};

use super::because;
use super::evaluate::Evaluator;
use super::facts::ExplainedFile;
use super::known::{self, ExprValue};
use super::spans::SourceSpans;
use super::{ConditionPart, PartValue};

/// Parts of one condition that are listed at most; the rest is evaluated all the same.
const MAX_PARTS: usize = 2_000;
/// Deeper than this, a part is not taken apart.
const MAX_DEPTH: usize = 100;
/// Bytes of a part's text that are kept at most.
const TEXT: usize = 4_096;

/// Explains the condition of a parsed rule whose text is `source`.
pub(super) fn explain(source: &str, rule: &ast::Rule, facts: ExplainedFile) -> ConditionPart {
    let patterns = rule.patterns.iter().flatten().map(|pattern| pattern.identifier().name.to_owned());
    let patterns: Vec<String> = patterns.collect();
    let mut explainer = Explainer {
        source: SourceSpans::new(source),
        evaluator: Evaluator::new(facts, &patterns),
        listed: 0,
        depth: 0,
    };
    explainer.part(&rule.condition).0
}

struct Explainer<'s, 'f, 'r> {
    source: SourceSpans<'s>,
    evaluator: Evaluator<'f, 'r>,
    listed: usize,
    depth: usize,
}

impl Explainer<'_, '_, '_> {
    /// The part that an expression is, and what it comes to.
    fn part(&mut self, expr: &Expr) -> (ConditionPart, ExprValue) {
        self.listed += 1;
        self.depth += 1;
        let (known, because, parts) = match expr {
            _ if self.depth > MAX_DEPTH => self.leaf(expr),
            Expr::And(nary) => self.joined(&nary.operands, true),
            Expr::Or(nary) => self.joined(&nary.operands, false),
            Expr::Not(unary) => {
                let (part, known) = self.part(&unary.operand);
                let undefined =
                    if known == ExprValue::Undefined { "the opposite of undefined is undefined" } else { "" };
                (known.negated(), undefined.to_owned(), vec![part])
            }
            Expr::Of(of) => match &of.items {
                OfItems::BoolExprTuple(items) => {
                    let (parts, known) = self.within(items);
                    (self.evaluator.of_tuple(&of.quantifier, &known), counted(&known, &parts), parts)
                }
                OfItems::PatternSet(_) => self.leaf(expr),
            },
            _ => self.leaf(expr),
        };
        self.depth -= 1;
        let value = match &known {
            ExprValue::Truth(true) => PartValue::True,
            ExprValue::Truth(false) => PartValue::False,
            ExprValue::Undefined => PartValue::Undefined,
            _ => PartValue::Unknown,
        };
        let because = match &known {
            ExprValue::Unknown(why) if parts.is_empty() => why.clone(),
            _ => because,
        };
        (ConditionPart { text: cut(self.source.text(expr)), value, because, parts }, known)
    }

    fn joined(&mut self, operands: &[Expr], all: bool) -> (ExprValue, String, Vec<ConditionPart>) {
        let (parts, known) = self.within(operands);
        (known::joined(&known, all), counted(&known, &parts), parts)
    }

    /// What all of them come to, and as parts those that there is still room for.
    fn within(&mut self, exprs: &[Expr]) -> (Vec<ConditionPart>, Vec<ExprValue>) {
        let mut parts = Vec::new();
        let known = exprs.iter().map(|expr| {
            if self.listed >= MAX_PARTS {
                return self.evaluator.boolean(expr);
            }
            let (part, known) = self.part(expr);
            parts.push(part);
            known
        });
        let known = known.collect();
        (parts, known)
    }

    fn leaf(&mut self, expr: &Expr) -> (ExprValue, String, Vec<ConditionPart>) {
        let known = self.evaluator.boolean(expr);
        let because = because::because(&self.source, &mut self.evaluator, expr, &known);
        (known, because, Vec::new())
    }
}

/// Parts within parts repeat the text; a rule of megabytes is not to be multiplied.
fn cut(text: &str) -> String {
    let end = text.floor_char_boundary(TEXT);
    let more = if end < text.len() { "…" } else { "" };
    format!("{}{more}", &text[..end])
}

fn counted(known: &[ExprValue], parts: &[ConditionPart]) -> String {
    let count = |wanted: &dyn Fn(&ExprValue) -> bool| known.iter().filter(|known| wanted(known)).count();
    let held = count(&|known| known == &ExprValue::Truth(true));
    let unknown = match count(&|known| matches!(known, ExprValue::Unknown(_))) {
        0 => String::new(),
        unknown => format!(", {unknown} not explained"),
    };
    let listed = if parts.len() < known.len() { ", not all listed" } else { "" };
    format!("{held} of {} true{unknown}{listed}", known.len())
}
