//! A YARA source one item at a time.
//!
//! The syntax tree of a collection of ten thousand rules takes ten times the memory of their text. Those who look at one
//! rule after the other need only one rule's.

use std::iter::Peekable;
use std::ops::Range;

use yara_x_parser::Parser;
use yara_x_parser::ast::AST;
use yara_x_parser::cst::{Event, SyntaxKind};

/// What the parser tells of one item after the other: a rule, an import, an include, with what stands before it.
pub(super) struct Items<'s> {
    source: &'s str,
    events: Peekable<Parser<'s>>,
}

impl<'s> Items<'s> {
    pub(super) fn of(source: &'s str) -> Self {
        Self { source, events: Parser::new(source.as_bytes()).peekable() }
    }

    /// The tree of what [`Items::next`] returned.
    pub(super) fn tree(&self, item: Vec<Event>) -> AST<'s> {
        let span = yara_x_parser::Span(0..self.source.len() as u32);
        let kind = SyntaxKind::SOURCE_FILE;
        let begin = Event::Begin { kind, span: span.clone() };
        AST::new(self.source.as_bytes(), [begin].into_iter().chain(item).chain([Event::End { kind, span }]))
    }
}

impl Iterator for Items<'_> {
    type Item = Vec<Event>;

    fn next(&mut self) -> Option<Vec<Event>> {
        let mut item = Vec::new();
        let mut depth = 0_usize;
        while let Some(event) = self.events.next() {
            match event {
                Event::Begin { kind: SyntaxKind::SOURCE_FILE, .. }
                | Event::End { kind: SyntaxKind::SOURCE_FILE, .. } => {
                    continue;
                }
                Event::Begin { .. } => depth += 1,
                Event::End { .. } => depth = depth.saturating_sub(1),
                Event::Token { .. } | Event::Error { .. } => {}
            }
            let ends = depth == 0 && matches!(event, Event::End { .. });
            item.push(event);
            if ends {
                // What is wrong with an item is said right after it.
                while let Some(error) = self.events.next_if(|event| matches!(event, Event::Error { .. })) {
                    item.push(error);
                }
                return Some(item);
            }
        }
        (!item.is_empty()).then_some(item)
    }
}

/// The syntax trees of a source, each with one item of it. It must not nest too deep. If it has errors, then so has one of
/// the trees; which they are, the tree of the whole source knows best.
pub(crate) fn trees(source: &str) -> impl Iterator<Item = AST<'_>> {
    placed_trees(source).map(|(_, tree)| tree)
}

/// As [`trees`], each with the bytes of the source that it stands for, what stands before the item included.
pub(crate) fn placed_trees(source: &str) -> impl Iterator<Item = (Range<usize>, AST<'_>)> {
    let mut items = Items::of(source);
    std::iter::from_fn(move || {
        let item = items.next()?;
        let spans = item.iter().map(|event| match event {
            Event::Begin { span, .. }
            | Event::End { span, .. }
            | Event::Token { span, .. }
            | Event::Error { span, .. } => span.range(),
        });
        let range = spans.reduce(|all, next| all.start.min(next.start)..all.end.max(next.end)).unwrap_or_default();
        Some((range, items.tree(item)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hunt::nesting;
    use std::path::Path;
    use yara_x_parser::ast::Item;

    /// Rules are shown by the tree itself, the rest by its path.
    fn shown(tree: &AST) -> Vec<String> {
        let others = tree.items().filter_map(|item| match item {
            Item::Import(import) => Some(import.module_name.to_owned()),
            Item::Include(include) => Some(include.file_name.to_owned()),
            Item::Rule(_) => None,
        });
        let rules = format!("{tree:?}");
        others.chain(rules.lines().map(str::to_owned)).filter(|line| !line.is_empty()).collect()
    }

    /// Whether the trees hold what the one tree holds, or have errors as it has.
    fn agrees(source: &str) -> bool {
        let whole = AST::from(source);
        let broken = trees(source).any(|tree| !tree.errors().is_empty());
        if broken || !whole.errors().is_empty() {
            return broken && !whole.errors().is_empty();
        }
        let mut one_by_one: Vec<String> = trees(source).flat_map(|tree| shown(&tree)).collect();
        let mut whole = shown(&whole);
        one_by_one.sort();
        whole.sort();
        one_by_one == whole
    }

    #[test]
    fn each_item_is_a_tree_of_its_own() {
        let source = "import \"pe\" // a\nrule a { condition: true } include \"b\" private rule b : t { strings: $a = { 00 } condition: $a }";
        assert_eq!(trees(source).map(|tree| tree.items().count()).sum::<usize>(), 4);
        assert!(trees(source).all(|tree| tree.items().count() <= 1));
        assert!(agrees(source));
        for broken in
            ["", "rule", "rule a { condition: } rule b { condition: true }", "x rule a { condition: true } y", "}"]
        {
            assert!(agrees(broken), "{broken}");
        }
    }

    proptest::proptest! {
        #[test]
        fn one_by_one_is_as_the_whole(words in proptest::collection::vec(WORDS, 0..60)) {
            let source = words.join(" ");
            proptest::prop_assume!(nesting::check(Path::new(""), &source).is_ok());
            proptest::prop_assert!(agrees(&source), "{source}");
        }
    }

    const WORDS: &str = "rule a|rule b \\{ condition: true \\}|rule|\\{|\\}|strings:|condition:|\\$a = \"x\"|\"|/a/|\\{ 0|true|and|them|\\(|\\)|not|1|include \"a\"|import \"pe\"|private|é|//\n";
}
