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
use super::problem::{Place, Problem, Problems};
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
pub fn rules_of(namespace: &str, path: &Path, source: &str) -> Result<Vec<Rule>, Vec<Problem>> {
    nesting::check(path, source)?;
    let mut rules = Vec::new();
    let mut problems = Problems::new(path, source);
    let mut names = HashMap::new();
    let namespace: Arc<str> = namespace.into();
    let mut items = Items::of(source);
    while let Some(item) = items.next() {
        let mut shapes = Shapes::new(source);
        for event in &item {
            shapes.see(event);
        }
        let tree = items.tree(item);
        if !tree.errors().is_empty() || tree.rules().count() != shapes.list.len() {
            return Err(problems_of(path, source));
        }
        for rule in tree.rules() {
            let range = rule.identifier.span().range();
            if let Some(first) = names.insert(rule.identifier.name, range.start) {
                let line = Place::of(source, first).line;
                problems.note(&range, format!("duplicate rule `{}`: line {line} has one", rule.identifier.name), None);
            }
        }
        let taken = tree.rules().zip(shapes.list).map(|(rule, shape)| shape.into_rule(rule, &namespace, source));
        rules.extend(taken);
    }
    let list = problems.finish();
    if list.is_empty() { Ok(rules) } else { Err(list) }
}

/// What is wrong with a source that cannot be taken apart.
fn problems_of(path: &Path, source: &str) -> Vec<Problem> {
    let mut problems = Problems::new(path, source);
    let tree = AST::from(source);
    for error in tree.errors() {
        let (message, span) = message_of(error);
        problems.note(&span.range(), message, None);
    }
    if tree.errors().is_empty() {
        problems.note(&(0..0), "cannot be taken apart into rules", None);
    }
    problems.finish()
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
            (Part::Other, _) => {}
        }
    }

    /// The length goes first, so that no two sequences of tokens are the same bytes.
    fn digest_token(&mut self, token: &str) {
        self.tokens.update((token.len() as u64).to_le_bytes());
        self.tokens.update(token);
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
            Event::End { kind: SyntaxKind::PATTERN_DEF | SyntaxKind::CONDITION_BLK, .. } => self.part = Part::Other,
            Event::Token { kind: SyntaxKind::WHITESPACE | SyntaxKind::NEWLINE | SyntaxKind::COMMENT, .. } => {}
            Event::Token { kind, span } if self.inside => {
                let Some(shape) = self.list.last_mut() else { return };
                shape.digest_token(self.source.get(span.range()).unwrap_or_default());
                shape.token(self.part, *kind, span.range());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r#"import "pe"
private global rule a : x y { // a comment
  meta: b = 1 author = "Q\x41 \"me\"" c = true hash = "d41d8cd98f00b204e9800998ecf8427e"
    hash2 = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD" hashes = "no"
  strings:
    $s1 /*x*/ = "30=" fullword /* why */ ascii /* DoD */
    $h = { 01 [2-3] 0A } // z
    $ = /a.c/i
  condition: // first
    ( 2 of them ) and
    #s1 == 1 ? /* last */ }
rule b { condition: true }"#;

    fn rules(source: &str) -> Vec<Rule> {
        rules_of("n", Path::new("x.yar"), source).unwrap()
    }

    #[test]
    fn a_rule_is_taken_apart_exactly() {
        let rules = rules(&SOURCE.replace(" ?", ""));
        let [a, b] = rules.as_slice() else { panic!("{rules:?}") };
        assert_eq!((&*a.id.namespace, &*a.id.name, a.private, b.private), ("n", "a", true, false));
        assert_eq!(a.tags, ["x", "y"]);
        assert_eq!(a.author(), Some("QA \"me\""));
        assert_eq!(a.meta[0], ("b".to_owned(), MetaValue::Integer(1)));
        assert_eq!(a.meta[2], ("c".to_owned(), MetaValue::Boolean(true)));
        assert_eq!(a.known_samples(), [Sha256::of(b"abc")]);
        let patterns: Vec<(&str, &str)> = a.patterns.iter().map(|p| (p.id.as_str(), p.text.as_str())).collect();
        assert_eq!(patterns, [("$s1", "\"30=\" fullword /* why */ ascii"), ("$h", "{ 01 [2-3] 0A }"), ("$", "/a.c/i")]);
        assert!(a.patterns.iter().all(|p| a.source[p.at..].starts_with(&p.id)), "{:?}", a.patterns);
        assert_eq!(a.condition, "( 2 of them ) and\n    #s1 == 1");
        assert!(a.source.starts_with("private global rule a") && a.source.ends_with('}'));
        assert_eq!(b.source, "rule b { condition: true }");
        assert_eq!(b.condition, "true");
    }

    #[test]
    fn the_digest_outlives_formatting_and_nothing_else() {
        let digest = |source: &str| rules(source)[0].digest;
        let one = digest("rule a { strings: $a = \"x y\" $h = { 0A 0B } condition: any of them }");
        assert_eq!(
            one,
            digest("/* new */ rule a\n{\n strings: // why\n\t$a=\"x y\"\n$h={0A0B}\ncondition:any of them}")
        );
        assert_ne!(one, digest("rule a { strings: $a = \"x  y\" $h = { 0A 0B } condition: any of them }"));
        assert_ne!(one, digest("rule a { strings: $a = \"x y\" nocase $h = { 0A 0B } condition: any of them }"));
        assert_ne!(one, digest("rule a { strings: $a = \"x y\" $h = { 0A 0B } condition: all of them }"));
        assert_ne!(one, digest("rule b { strings: $a = \"x y\" $h = { 0A 0B } condition: any of them }"));
        assert_ne!(one, digest("rule a { strings: $a = \"x y\" $h = { 0A 0C } condition: any of them }"));
    }

    #[test]
    fn what_does_not_parse_is_reported_with_its_place() {
        let wrong = rules_of("n", Path::new("x.yar"), SOURCE).unwrap_err();
        assert!(wrong[0].to_string().starts_with("x.yar:11:14: "), "{}", wrong[0]);
        let two = "rule a { condition: }\nrule b { strings: $a = condition: true }";
        assert_eq!(rules_of("n", Path::new("x.yar"), two).unwrap_err().len(), 2);
        let twice = rules_of("n", Path::new("x.yar"), "rule a { condition: true }\n\nrule a { condition: false }");
        assert_eq!(twice.unwrap_err()[0].to_string(), "x.yar:3:6: duplicate rule `a`: line 1 has one");
        let deep = format!("rule a {{ condition: {}true }}", "not ".repeat(100_000));
        let wrong = rules_of("n", Path::new("x.yar"), &deep).unwrap_err();
        assert!(wrong[0].to_string().contains("nests deeper than 200"), "{}", wrong[0]);
        assert_eq!(rules(""), []);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken_apart_or_refused(source in ".*", words in proptest::collection::vec(WORDS, 0..60)) {
            let _ = rules_of("n", Path::new("x"), &source);
            let soup = format!("rule a {{ strings: $a = \"x\" condition: {} }}", words.join(" "));
            let _ = rules_of("n", Path::new("x"), &soup);
            let _ = rules_of("n", Path::new("x"), &words.join(" "));
        }
    }

    const WORDS: &str = "rule|\\{|\\}|strings:|meta:|condition:|\\$a|\\$|=|\"x|\"|/|/a/i|\\{ 0|true|all of|them|\\(|\\)|not|-|1|99999999999999999999|0x|1.5.2|for|in|:|\\[|\\\\|é|//|/\\*|\\*/|import|private";
}
