//! Where a part of a condition stands in the source.

use std::ops::Range;

use yara_x_parser::Parser;
use yara_x_parser::ast::{Expr, WithSpan as _};
use yara_x_parser::cst::{CSTStream, Event, SyntaxKind};

/// The source with its pairs of parentheses, which the syntax tree does not keep.
pub(super) struct SourceSpans<'s> {
    text: &'s str,
    pairs: Vec<Range<usize>>,
}

impl<'s> SourceSpans<'s> {
    pub(super) fn new(text: &'s str) -> Self {
        let (mut open, mut pairs) = (Vec::new(), Vec::new());
        for event in CSTStream::from(Parser::new(text.as_bytes())) {
            match event {
                Event::Token { kind: SyntaxKind::L_PAREN, span } => open.push(span.range().start),
                Event::Token { kind: SyntaxKind::R_PAREN, span } => {
                    pairs.extend(open.pop().map(|start| start..span.range().end));
                }
                _ => {}
            }
        }
        Self { text, pairs }
    }

    /// The text of an expression, with the parentheses that open or close within it.
    pub(super) fn text(&self, expr: &Expr) -> &'s str {
        self.between(start(expr), expr.span().range().end)
    }

    fn between(&self, mut start: usize, mut end: usize) -> &'s str {
        // Pairs come innermost first, so that one that is taken in can only lead to a later one.
        for pair in &self.pairs {
            let last = pair.end.saturating_sub(1);
            if (start..end).contains(&pair.start) || (start..end).contains(&last) {
                start = start.min(pair.start);
                end = end.max(pair.end);
            }
        }
        self.text.get(start..end).unwrap_or_default().trim()
    }
}

/// Where an expression begins. The parser's span of a method call leaves out what it is called on. A loop, for
/// operators without parentheses nest as deep as they are many.
fn start(expr: &Expr) -> usize {
    let (mut start, mut next) = (usize::MAX, Some(expr));
    while let Some(expr) = next {
        start = start.min(expr.span().range().start);
        next = match expr {
            Expr::FuncCall(call) if call.object.is_none() => None,
            Expr::ForOf(_) | Expr::ForIn(_) | Expr::With(_) => None,
            _ => expr.children().next(),
        };
    }
    start
}
