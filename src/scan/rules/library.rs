//! The rules one by one, each with what it needs to be compiled apart from the others.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use yara_x_parser::ast::{Item, Rule as Syntax, RuleFlags, WithSpan as _};

use super::{RuleSource, windowed};
use crate::hunt::EXTERNAL_VARIABLES;
use crate::scan::prefilter::RuleIndex;

/// All rules in order of declaration, as the prefilter numbers them.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Library {
    #[serde(skip)]
    sources: Vec<RuleSource>,
    namespaces: Vec<Namespace>,
    rules: Vec<Entry>,
}

/// Sources in a row with the same namespace. One that is left and entered again is another with the same name.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Namespace {
    #[serde(with = "shared")]
    name: Arc<str>,
    modules: Vec<String>,
    /// The last rule of each name; a rule refers only to those before it.
    #[serde(skip)]
    names: HashMap<String, RuleIndex>,
    globals: Vec<RuleIndex>,
}

/// One rule.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    #[serde(with = "shared")]
    pub name: Arc<str>,
    namespace: usize,
    source: usize,
    /// Where it stands in the source, in bytes.
    range: Range<usize>,
    /// The rules that it refers to.
    refers: Vec<RuleIndex>,
    /// Modules that it uses, by place in the namespace's list.
    modules: Vec<usize>,
    pub needs: Needs,
}

/// What the condition of a rule asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Needs {
    /// External variables.
    pub externals: bool,
    /// The MD5 of the file.
    pub md5: bool,
    /// How many matches a pattern has, or where they are.
    pub counts: bool,
    /// What can only be told of a file as a whole.
    pub whole: bool,
}

impl Needs {
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            externals: self.externals || other.externals,
            md5: self.md5 || other.md5,
            counts: self.counts || other.counts,
            whole: self.whole || other.whole,
        }
    }
}

impl Library {
    /// A library without a rule; [`Library::item`] gets those of `sources`.
    pub(super) fn of(sources: Vec<RuleSource>) -> Self {
        Self { sources, ..Self::default() }
    }

    /// The same library, read from where it was kept, of the same sources.
    pub(super) fn with_sources(self, sources: Vec<RuleSource>) -> Self {
        Self { sources, ..self }
    }

    /// Takes the next item, with the number of its source and its place there.
    pub(super) fn item(&mut self, source: usize, range: Range<usize>, item: &Item) {
        let Some((name, text)) = self.sources.get(source).map(|of| (&of.namespace, Arc::clone(&of.text))) else {
            return;
        };
        if self.namespaces.last().is_none_or(|namespace| *namespace.name != **name) {
            self.namespaces.push(Namespace { name: name.as_str().into(), ..Namespace::default() });
        }
        match item {
            Item::Rule(rule) => self.add(rule, source, &text, range),
            Item::Import(import) => {
                if let Some(namespace) = self.namespaces.last_mut() {
                    namespace.modules.push(import.module_name.to_owned());
                }
            }
            Item::Include(_) => {}
        }
    }

    fn add(&mut self, rule: &Syntax, source: usize, text: &str, range: Range<usize>) {
        let index = self.rules.len();
        let number = self.namespaces.len().saturating_sub(1);
        let Some(namespace) = self.namespaces.last_mut() else { return };
        let condition = condition_of(rule, text, &range);
        let mut refers: Vec<RuleIndex> =
            words(condition).filter_map(|(word, _)| namespace.names.get(word)).copied().collect();
        refers.sort_unstable();
        refers.dedup();
        let uses = |module: &String| words(condition).any(|(word, after)| word == module && after.starts_with('.'));
        let modules: Vec<usize> =
            namespace.modules.iter().enumerate().filter(|(_, module)| uses(module)).map(|(place, _)| place).collect();
        let needs = Needs {
            externals: words(condition).any(|(word, _)| EXTERNAL_VARIABLES.contains(&word)),
            md5: windowed::asks_md5(rule),
            counts: windowed::counts_matches(rule),
            whole: !modules.is_empty() || !windowed::can_be(rule),
        };
        let name = rule.identifier.name;
        namespace.names.insert(name.to_owned(), index);
        namespace.globals.extend(rule.flags.contains(RuleFlags::Global).then_some(index));
        self.rules.push(Entry { name: name.into(), namespace: number, source, range, refers, modules, needs });
    }

    /// How many rules there are.
    pub(super) fn len(&self) -> usize {
        self.rules.len()
    }

    pub(super) fn rule(&self, rule: RuleIndex) -> Option<&Entry> {
        self.rules.get(rule)
    }

    /// The name of the rule's namespace.
    pub(super) fn namespace(&self, rule: &Entry) -> Arc<str> {
        self.namespaces.get(rule.namespace).map(|namespace| Arc::clone(&namespace.name)).unwrap_or_default()
    }

    /// The file that the rule was read from.
    pub(super) fn origin(&self, rule: &Entry) -> &str {
        self.sources.get(rule.source).map_or("", |source| &source.origin)
    }

    /// What a rule has in compiled rules: the number of its namespace and its name, which together are its own.
    pub(super) fn key(&self, rule: RuleIndex) -> Option<(String, String)> {
        self.rule(rule).map(|entry| (entry.namespace.to_string(), entry.name.to_string()))
    }

    /// The rules with all that their truth rests on, in order of declaration.
    pub(super) fn with_bases(&self, rules: &[RuleIndex]) -> Vec<RuleIndex> {
        let mut is_in = std::collections::BTreeSet::new();
        let mut open: Vec<RuleIndex> = rules.to_vec();
        while let Some(rule) = open.pop() {
            if !is_in.insert(rule) {
                continue;
            }
            let Some(entry) = self.rule(rule) else { continue };
            open.extend(&entry.refers);
            open.extend(self.namespaces.get(entry.namespace).into_iter().flat_map(|namespace| &namespace.globals));
        }
        is_in.into_iter().collect()
    }

    /// What a rule asks for, with all that it rests on.
    pub(super) fn needs(&self, rules: &[RuleIndex]) -> Needs {
        let entries = self.with_bases(rules).into_iter().filter_map(|rule| self.rule(rule));
        entries.fold(Needs::default(), |all, entry| all.and(entry.needs))
    }

    /// Sources that hold just these rules and what they rest on. Each namespace is named by its number.
    pub(super) fn extract(&self, rules: &[RuleIndex]) -> Vec<RuleSource> {
        let mut sources: Vec<RuleSource> = Vec::new();
        let all = self.with_bases(rules);
        let entries: Vec<&Entry> = all.into_iter().filter_map(|rule| self.rule(rule)).collect();
        for together in entries.chunk_by(|a, b| a.namespace == b.namespace) {
            let Some(first) = together.first() else { continue };
            let mut modules: Vec<usize> = together.iter().flat_map(|entry| entry.modules.iter().copied()).collect();
            modules.sort_unstable();
            modules.dedup();
            let mut text = String::new();
            let known = self.namespaces.get(first.namespace).map_or(&[][..], |namespace| &namespace.modules);
            for module in modules.into_iter().filter_map(|place| known.get(place)) {
                let _ = writeln!(text, "import \"{module}\"");
            }
            for entry in together {
                let source = self.sources.get(entry.source).map_or("", |source| &source.text);
                text.push_str(source.get(entry.range.clone()).unwrap_or_default());
                text.push('\n');
            }
            let origin = self.sources.get(first.source).map(|source| source.origin.clone()).unwrap_or_default();
            sources.push(RuleSource {
                namespace: first.namespace.to_string(),
                origin,
                text: text.into(),
                warnings: None,
            });
        }
        sources
    }
}

/// A shared text, kept as a text.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text)
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(deserializer: D) -> Result<Arc<str>, D::Error> {
        String::deserialize(deserializer).map(Arc::from)
    }
}

/// The text of the condition, with what stands around it. The span of a call leaves out what it is called of.
fn condition_of<'t>(rule: &Syntax, text: &'t str, range: &Range<usize>) -> &'t str {
    let first = rule.condition.span().range().start;
    let keyword = text.get(range.start..first).and_then(|before| before.rfind("condition"));
    text.get(range.start + keyword.unwrap_or(0)..range.end).unwrap_or_default()
}

/// The words of a condition, each with what comes after it; those of strings and comments too.
fn words(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = text;
    std::iter::from_fn(move || {
        let begin = rest.find(is_word)?;
        let from = rest.get(begin..)?;
        let length = from.find(|c| !is_word(c)).unwrap_or(from.len());
        let (word, after) = from.split_at(length);
        rest = after;
        Some((word, after.trim_start()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(texts: &[(&str, &str)]) -> Library {
        let source = |(namespace, text): &(&str, &str)| RuleSource {
            namespace: (*namespace).to_owned(),
            origin: "my.yar".into(),
            text: (*text).into(),
            warnings: None,
        };
        let sources: Vec<RuleSource> = texts.iter().map(source).collect();
        let mut library = Library::of(sources.clone());
        for (number, source) in sources.iter().enumerate() {
            for (range, tree) in crate::hunt::placed_trees(&source.text) {
                tree.items().for_each(|item| library.item(number, range.clone(), item));
            }
        }
        library
    }

    #[test]
    fn a_rule_comes_with_what_it_rests_on_and_nothing_else() {
        let library = library(&[
            (
                "one",
                "import \"pe\" import \"math\" // first\nrule a { condition: true } private rule b { condition: not a }
                global rule g { condition: filesize > 0 } rule c { condition: b and math . abs(1) == 1 } rule d { condition: true }",
            ),
            ("two", "rule a { condition: filename == \"pe.x\" and uint8(3) == 1 }"),
            ("one", "rule e { condition: true }"),
        ]);
        assert_eq!(library.len(), 7);
        let texts: Vec<String> = library.extract(&[3]).iter().map(|source| source.text.to_string()).collect();
        let [text] = texts.as_slice() else { panic!("{texts:?}") };
        assert!(text.contains("import \"math\"") && !text.contains("import \"pe\""), "{text}");
        let at = |name: &str| text.find(&format!("rule {name} "));
        assert!(at("a") < at("b") && at("b") < at("g") && at("g") < at("c") && at("d").is_none(), "{text}");
        let both = library.extract(&[5, 6]);
        assert_eq!(both.iter().map(|source| source.namespace.as_str()).collect::<Vec<_>>(), ["1", "2"]);
        assert!(!both[1].text.contains("global"), "a namespace that is entered again has no rule of the first");
        let needs = |rule| library.rule(rule).unwrap().needs;
        assert_eq!(needs(5), Needs { externals: true, ..Needs::default() });
        assert!(needs(3).whole && library.needs(&[4]) == Needs::default());
    }
}
