//! A YARA rule as its author wrote it: meta, patterns, condition, and a digest that formatting does not change.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use sha2::Digest as _;
use yara_x_parser::Span;
use yara_x_parser::ast::{self, AST, WithSpan as _};
use yara_x_parser::cst::{Event, SyntaxKind};

use super::items::Items;
use super::nesting;
use super::problem::{Problem, Problems, SourcePlace};
use crate::finding::{RuleId, Sha256};

/// One YARA rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Namespace and name.
    pub id: RuleId,
    /// The `meta` section in its order; a key may occur more than once.
    pub meta: Vec<(String, MetaValue)>,
    /// The tags after the name.
    pub tags: Vec<String>,
    /// The `strings` section in its order.
    pub patterns: Vec<Pattern>,
    /// The exact text of this rule, from `rule` (or `private`, `global`) to its closing brace.
    pub source: String,
    /// The exact text of the condition.
    pub condition: String,
    /// Digest over the rule's tokens, so that white space and comments do not count.
    ///
    /// Rules and modules that the condition refers to are not part of it.
    pub digest: Sha256,
    /// As `digest`, without `meta` and tags: rules with the same one match the same, if they refer to no others.
    pub matching_digest: Sha256,
    /// Whether the rule is `private`: it serves other rules and reports nothing itself.
    pub private: bool,
}

/// A value of a rule's `meta` section.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum MetaValue {
    /// Text; bytes that are not UTF-8 are replaced by U+FFFD.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// `true` or `false`.
    Boolean(bool),
}

/// One definition of a rule's `strings` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pattern {
    /// Identifier with its `$`; just `$` for an anonymous pattern.
    #[serde(rename = "pattern")]
    pub id: String,
    /// The definition as written: value and modifiers.
    pub text: String,
    /// Where the identifier stands in the rule's source, in bytes.
    #[serde(skip)]
    pub at: usize,
}

impl Rule {
    /// The first text in `meta` under `key`.
    pub fn meta_text(&self, key: &str) -> Option<&str> {
        self.meta.iter().find_map(|(name, value)| match value {
            MetaValue::Text(text) if name == key => Some(text.as_str()),
            _ => None,
        })
    }

    /// Who wrote the rule.
    pub fn author(&self) -> Option<&str> {
        self.meta_text("author")
    }

    /// Where the rule comes from or what it is based on.
    pub fn reference(&self) -> Option<&str> {
        self.meta_text("reference")
    }

    /// When the rule was written, as its author put it.
    pub fn date(&self) -> Option<&str> {
        self.meta_text("date")
    }

    /// The licence the rule is published under.
    pub fn license(&self) -> Option<&str> {
        self.meta_text("license")
    }

    /// What the rule is for.
    pub fn description(&self) -> Option<&str> {
        self.meta_text("description")
    }

    /// How much a match of the rule weighs, from 0 to 100, as Loki and THOR read it of the rule's `score`: from 40 on it is
    /// worth a look, from 60 on a warning, from 75 on an alert.
    pub fn score(&self) -> Option<u8> {
        let score = self.meta.iter().find_map(|(name, value)| match value {
            MetaValue::Integer(score) if name == "score" => Some(*score),
            MetaValue::Text(score) if name == "score" => score.trim().parse().ok(),
            _ => None,
        });
        score.map(|score| score.clamp(0, 100) as u8)
    }

    /// [`Rule::score`], or what Loki and THOR take a rule for that has none.
    pub fn score_or_default(&self) -> u8 {
        const DEFAULT: u8 = 75;
        self.score().unwrap_or(DEFAULT)
    }

    /// SHA-256 digests of known samples: the `meta` keys `hash`, `hash1`, `hash2`, … that hold one. MD5 and SHA-1 are passed over.
    pub fn known_samples(&self) -> Vec<Sha256> {
        let is_hash = |key: &str| key.strip_prefix("hash").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
        let texts = self.meta.iter().filter(|(key, _)| is_hash(key)).filter_map(|(_, value)| match value {
            MetaValue::Text(text) => text.parse().ok(),
            _ => None,
        });
        texts.collect()
    }
}

/// All rules of a YARA source, in its order.
///
/// # Errors
/// Everything in `source` that does not parse, with its place; `path` is only named, not read.
pub(crate) fn rules_of(namespace: &str, path: &Path, source: &str) -> Result<Vec<Rule>, Vec<Problem>> {
    nesting::check(path, source)?;
    let mut problems = Problems::new(path, source);
    let mut names = HashMap::new();
    let parts = parts_of(namespace, source);
    if !parts.broken.is_empty() {
        return Err(problems_of(path, source));
    }
    for DeclaredRule { rule, at, .. } in &parts.rules {
        if let Some(first) = names.insert(&*rule.id.name, at.start) {
            let line = SourcePlace::of(source, first).line;
            problems.note(at, format!("duplicate rule `{}`: line {line} has one", rule.id.name), None);
        }
    }
    let list = problems.finish();
    if list.is_empty() { Ok(parts.rules.into_iter().map(|declared| declared.rule).collect()) } else { Err(list) }
}

/// What a source is made of.
#[derive(Debug, Default)]
pub(super) struct SourceParts {
    /// The rules that parse, in the source's order.
    pub rules: Vec<DeclaredRule>,
    /// What does not parse.
    pub broken: Vec<BrokenPart>,
}

/// A rule, and where it is declared.
#[derive(Debug)]
pub(super) struct DeclaredRule {
    pub rule: Rule,
    /// Where its name stands in the source, in bytes.
    pub at: Range<usize>,
    /// From `rule` (or `private`, `global`) to the closing brace, in bytes.
    pub whole: Range<usize>,
    /// Whether it is `global`: no other rule of its namespace matches where it does not.
    pub global: bool,
}

/// A part of a source that does not parse: a rule, or text between rules.
#[derive(Debug, Default)]
pub(super) struct BrokenPart {
    /// Where it stands, in bytes.
    pub whole: Range<usize>,
    /// The name of the rule that it was to be, as far as that can be told.
    pub name: Option<String>,
    /// Whether it was to be a `global` rule.
    pub global: bool,
    /// Whether it begins as a rule does; else it is the rest of what stands before it, if that is broken.
    is_rule: bool,
}

/// Takes a source apart, whatever of it is broken. It must not nest too deep ([`nesting::check`]).
pub(super) fn parts_of(namespace: &str, source: &str) -> SourceParts {
    let mut parts = SourceParts::default();
    let namespace: Arc<str> = namespace.into();
    let mut items = Items::of(source);
    // Whether what came last is broken.
    let mut broken = false;
    while let Some(item) = items.next() {
        let mut shapes = Shapes::new(source);
        for event in &item {
            shapes.see(event);
        }
        let is_error =
            |event: &Event| matches!(event, Event::Begin { kind: SyntaxKind::ERROR, .. } | Event::Error { .. });
        let part = item.iter().any(is_error).then(|| BrokenPart::of(&item, source));
        let tree = items.tree(item);
        let part = part.or_else(|| {
            let whole = tree.errors().is_empty() && tree.rules().count() == shapes.list.len();
            (!whole).then(|| BrokenPart {
                whole: shapes.list.first().map_or(0..0, |s| s.whole.clone()),
                ..BrokenPart::default()
            })
        });
        let was_broken = std::mem::replace(&mut broken, part.is_some());
        if let Some(part) = part {
            match parts.broken.last_mut() {
                Some(last) if was_broken && !part.is_rule => last.whole.end = part.whole.end.max(last.whole.end),
                _ => parts.broken.push(part),
            }
            continue;
        }
        parts.rules.extend(tree.rules().zip(shapes.list).map(|(rule, shape)| DeclaredRule {
            at: rule.identifier.span().range(),
            whole: shape.whole.clone(),
            global: rule.flags.contains(ast::RuleFlags::Global),
            rule: shape.into_rule(rule, &namespace, source),
        }));
    }
    parts
}

impl BrokenPart {
    fn of(item: &[Event], source: &str) -> Self {
        let mut part = Self::default();
        let mut whole = None;
        let mut after_rule = false;
        for event in item {
            let Event::Token { kind, span } = event else { continue };
            let range = span.range();
            match kind {
                SyntaxKind::WHITESPACE | SyntaxKind::NEWLINE | SyntaxKind::COMMENT => continue,
                SyntaxKind::RULE_KW => part.is_rule = true,
                SyntaxKind::GLOBAL_KW => part.global = true,
                SyntaxKind::IDENT if after_rule && part.name.is_none() => {
                    part.name = source.get(range.clone()).map(str::to_owned);
                }
                _ => {}
            }
            after_rule = *kind == SyntaxKind::RULE_KW;
            extend(&mut whole, range);
        }
        part.whole = whole.unwrap_or_default();
        part
    }
}

/// What is wrong with a source that cannot be taken apart.
fn problems_of(path: &Path, source: &str) -> Vec<Problem> {
    let mut problems = Problems::new(path, source);
    let errors = syntax_errors(source);
    for (message, span) in &errors {
        problems.note(span, message.as_str(), None);
    }
    if errors.is_empty() {
        problems.note(&(0..0), "cannot be taken apart into rules", None);
    }
    problems.finish()
}

/// Every syntax error of a source, and where it is.
pub(super) fn syntax_errors(source: &str) -> Vec<(String, Range<usize>)> {
    let tree = AST::from(source);
    let errors = tree.errors().iter().map(message_of);
    errors.map(|(message, span)| (message, span.range())).collect()
}

fn message_of(error: &ast::Error) -> (String, &Span) {
    use ast::Error as E;
    match error {
        E::SyntaxError { message, span }
        | E::InvalidInteger { message, span }
        | E::InvalidFloat { message, span }
        | E::InvalidRegexpModifier { message, span }
        | E::InvalidEscapeSequence { message, span } => (message.clone(), span),
        E::InvalidUTF8(span) => ("is not UTF-8 text".into(), span),
        E::UnexpectedEscapeSequence(span) => ("an escape sequence is not allowed here".into(), span),
    }
}

/// Where the parts of one rule lie in the source, in bytes.
#[derive(Default)]
struct Shape {
    whole: Range<usize>,
    patterns: Vec<PatternShape>,
    condition: Option<Range<usize>>,
    tokens: sha2::Sha256,
    /// Those that say what matches.
    matching_tokens: sha2::Sha256,
}

#[derive(Default)]
struct PatternShape {
    id: Range<usize>,
    value: Option<Range<usize>>,
}

/// Which part of a rule a token belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Other,
    /// `meta` or tags, which say nothing of what matches.
    Remark,
    Pattern,
    Condition,
}

impl Shape {
    fn token(&mut self, part: Part, kind: SyntaxKind, range: Range<usize>) {
        match (part, kind) {
            (Part::Pattern, SyntaxKind::PATTERN_IDENT) => {
                self.patterns.push(PatternShape { id: range, value: None });
            }
            (Part::Pattern, kind) => {
                let Some(pattern) = self.patterns.last_mut() else { return };
                if kind != SyntaxKind::EQUAL || pattern.value.is_some() {
                    extend(&mut pattern.value, range);
                }
            }
            (Part::Condition, SyntaxKind::CONDITION_KW | SyntaxKind::COLON) if self.condition.is_none() => {}
            (Part::Condition, _) => extend(&mut self.condition, range),
            (Part::Other | Part::Remark, _) => {}
        }
    }

    /// The length goes first, so that no two sequences of tokens are the same bytes.
    fn digest_token(&mut self, part: Part, token: &str) {
        let all = [&mut self.tokens, &mut self.matching_tokens];
        for digest in all.into_iter().take(if part == Part::Remark { 1 } else { 2 }) {
            digest.update((token.len() as u64).to_le_bytes());
            digest.update(token);
        }
    }

    fn into_rule(self, rule: &ast::Rule<'_>, namespace: &Arc<str>, source: &str) -> Rule {
        let text = |range: Range<usize>| source.get(range).unwrap_or_default().to_owned();
        let meta = rule.meta.iter().flatten().map(|meta| (meta.identifier.name.to_owned(), value_of(&meta.value)));
        let patterns = self.patterns.into_iter();
        let start = self.whole.start;
        let patterns = patterns.map(|p| Pattern {
            at: p.id.start.saturating_sub(start),
            id: text(p.id),
            text: text(p.value.unwrap_or_default()),
        });
        Rule {
            id: RuleId { namespace: Arc::clone(namespace), name: rule.identifier.name.into() },
            meta: meta.collect(),
            tags: rule.tags.iter().flatten().map(|tag| tag.name.to_owned()).collect(),
            patterns: patterns.collect(),
            source: text(self.whole),
            condition: text(self.condition.unwrap_or_default()),
            digest: Sha256(self.tokens.finalize().into()),
            matching_digest: Sha256(self.matching_tokens.finalize().into()),
            private: rule.flags.contains(ast::RuleFlags::Private),
        }
    }
}

fn extend(range: &mut Option<Range<usize>>, token: Range<usize>) {
    *range = Some(range.as_ref().map_or(token.start, |range| range.start)..token.end);
}

fn value_of(value: &ast::MetaValue<'_>) -> MetaValue {
    match value {
        ast::MetaValue::Bool((value, _)) => MetaValue::Boolean(*value),
        ast::MetaValue::Integer((value, _)) => MetaValue::Integer(*value),
        ast::MetaValue::Float((value, _)) => MetaValue::Float(*value),
        ast::MetaValue::String((value, _)) => MetaValue::Text((*value).to_owned()),
        ast::MetaValue::Bytes((value, _)) => MetaValue::Text(String::from_utf8_lossy(value).into_owned()),
    }
}

/// Looks on while a source is parsed and notes where each rule's parts lie.
struct Shapes<'s> {
    source: &'s str,
    list: Vec<Shape>,
    inside: bool,
    part: Part,
}

impl<'s> Shapes<'s> {
    fn new(source: &'s str) -> Self {
        Self { source, list: Vec::new(), inside: false, part: Part::Other }
    }

    fn see(&mut self, event: &Event) {
        match event {
            Event::Begin { kind: SyntaxKind::RULE_DECL, span } => {
                self.inside = true;
                self.list.push(Shape { whole: span.range(), ..Shape::default() });
            }
            Event::End { kind: SyntaxKind::RULE_DECL, .. } => self.inside = false,
            Event::Begin { kind: SyntaxKind::PATTERN_DEF, .. } => self.part = Part::Pattern,
            Event::Begin { kind: SyntaxKind::CONDITION_BLK, .. } => self.part = Part::Condition,
            Event::Begin { kind: SyntaxKind::META_BLK | SyntaxKind::RULE_TAGS, .. } => self.part = Part::Remark,
            Event::End { kind, .. } if ends_part(*kind) => self.part = Part::Other,
            Event::Token { kind: SyntaxKind::WHITESPACE | SyntaxKind::NEWLINE | SyntaxKind::COMMENT, .. } => {}
            Event::Token { kind, span } if self.inside => {
                let Some(shape) = self.list.last_mut() else { return };
                shape.digest_token(self.part, self.source.get(span.range()).unwrap_or_default());
                shape.token(self.part, *kind, span.range());
            }
            _ => {}
        }
    }
}

fn ends_part(kind: SyntaxKind) -> bool {
    use SyntaxKind as K;
    matches!(kind, K::PATTERN_DEF | K::CONDITION_BLK | K::META_BLK | K::RULE_TAGS)
}

#[cfg(test)]
#[path = "rule_tests.rs"]
mod tests;
