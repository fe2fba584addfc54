//! The rules of a prefilter, and the question it asks of them.

use std::collections::HashMap;

use yara_x_parser::ast::{Item, Rule as Syntax, RuleFlags};

use super::Source;
use super::condition::{Condition, Facts, PatternIndex, RuleIndex};
use super::literals::{self, Needle, Reach};
use super::lower::{self, Scope};
use super::report::{Class, Refusal, RuleReport, WholeReason};
use super::search::MAX_WINDOWS;
use super::truth::Truth;
use crate::hunt;

/// So many patterns have more literals than are searched for; which they are need not be found out.
const MAX_PATTERNS: usize = 8 * MAX_WINDOWS;
/// Includes nested deeper than this are refused; a file that includes itself would never end.
const MAX_INCLUDES: u32 = 16;

/// Rules in order of declaration.
#[derive(Debug, Default)]
pub(super) struct RuleSet {
    rules: Vec<Rule>,
    /// By pattern: what to search for; `None` if it can't be searched for.
    needles: Vec<Option<Vec<Needle>>>,
    /// By pattern; `None` if it has no longest match, or cannot be searched for.
    reaches: Vec<Option<Reach>>,
    namespaces: Vec<Namespace>,
}

#[derive(Debug)]
struct Rule {
    name: String,
    namespace: usize,
    private: bool,
    global: bool,
    condition: Condition,
    patterns: Vec<(String, PatternIndex)>,
}

#[derive(Debug, Default)]
struct Namespace {
    name: String,
    rules: HashMap<String, Option<RuleIndex>>,
}

impl RuleSet {
    pub(super) fn parse(sources: &[Source], included: &[(&str, &str)]) -> Result<Self, Refusal> {
        let mut set = Self::default();
        for source in sources {
            // As in yara-x, a namespace that is left and entered again is another one with the same name.
            if set.namespaces.last().is_none_or(|namespace| namespace.name != source.namespace) {
                set.namespaces.push(Namespace { name: source.namespace.to_owned(), rules: HashMap::new() });
            }
            set.add(source, included, 0)?;
        }
        Ok(set)
    }

    fn add(&mut self, source: &Source, included: &[(&str, &str)], depth: u32) -> Result<(), Refusal> {
        for tree in hunt::trees(source.text) {
            if !tree.errors().is_empty() {
                return Err(Refusal::Syntax { namespace: source.namespace.to_owned() });
            }
            for item in tree.items() {
                match item {
                    Item::Import(_) => {}
                    Item::Include(include) => {
                        let known = included.iter().find(|(path, _)| *path == include.file_name);
                        let text = known.filter(|_| depth < MAX_INCLUDES).map(|(_, text)| *text);
                        let text = text.ok_or_else(|| Refusal::Include { path: include.file_name.to_owned() })?;
                        self.add(&Source { namespace: source.namespace, text }, included, depth + 1)?;
                    }
                    Item::Rule(rule) => self.add_rule(rule),
                }
            }
            if self.needles.len() > MAX_PATTERNS {
                return Err(Refusal::TooManyLiterals { count: self.needles.len(), limit: MAX_WINDOWS });
            }
        }
        Ok(())
    }

    fn add_rule(&mut self, rule: &Syntax) {
        let first = self.needles.len();
        let syntax = rule.patterns.as_deref().unwrap_or_default();
        self.needles.extend(syntax.iter().map(literals::needles));
        let searched = syntax.iter().zip(self.needles.iter().skip(first));
        self.reaches.extend(searched.map(|(pattern, needles)| needles.as_ref().and_then(|_| literals::reach(pattern))));
        let names = syntax.iter().map(|pattern| pattern.identifier().name.to_owned());
        let patterns: Vec<(String, PatternIndex)> = names.zip(first..).collect();
        let namespace = self.namespaces.len().saturating_sub(1);
        let Some(Namespace { rules, .. }) = self.namespaces.last_mut() else { return };
        let condition = lower::lower(&rule.condition, &Scope { patterns: &patterns, rules });
        let name = rule.identifier.name.to_owned();
        let index = self.rules.len();
        rules.entry(name.clone()).and_modify(|known| *known = None).or_insert(Some(index));
        self.rules.push(Rule {
            name,
            namespace,
            private: rule.flags.contains(RuleFlags::Private),
            global: rule.flags.contains(RuleFlags::Global),
            condition,
            patterns,
        });
    }

    /// What to search for, each with its pattern.
    pub(super) fn needles(&self) -> Vec<(Needle, PatternIndex)> {
        let of_pattern = |(index, needles): (usize, &Option<Vec<Needle>>)| {
            needles.iter().flatten().cloned().map(|needle| (needle, index)).collect::<Vec<_>>()
        };
        self.needles.iter().enumerate().flat_map(of_pattern).collect()
    }

    /// How far matches of any pattern go; `None` if some pattern has no longest or cannot be searched for.
    pub(super) fn reach(&self) -> Option<Reach> {
        let over = |all: Reach, next: Reach| Reach {
            bytes: all.bytes.max(next.bytes),
            cut_matters: all.cut_matters || next.cut_matters,
        };
        self.reaches.iter().copied().try_fold(Reach::default(), |all, next| Some(over(all, next?)))
    }

    /// The patterns that may occur in a file of which not a byte was searched: those that can't be searched for.
    pub(super) fn unsearchable(&self) -> Vec<bool> {
        self.needles.iter().map(Option::is_none).collect()
    }

    /// Whether yara-x may report any rule, given `facts`. Private rules are not reported by themselves.
    pub(super) fn may_report(&self, facts: &Facts) -> bool {
        self.reportable(&self.truths(facts)).any(|may| may)
    }

    fn truths(&self, facts: &Facts) -> Vec<Truth> {
        let mut truths = Vec::with_capacity(self.rules.len());
        for rule in &self.rules {
            let truth = rule.condition.truth(facts, &truths).settled();
            truths.push(truth);
        }
        truths
    }

    /// By rule, whether it may be reported.
    fn reportable<'s>(&'s self, truths: &'s [Truth]) -> impl Iterator<Item = bool> + 's {
        let mut open = vec![true; self.namespaces.len()];
        for (rule, truth) in self.rules.iter().zip(truths) {
            if let Some(open) = open.get_mut(rule.namespace).filter(|_| rule.global) {
                *open &= truth.holds;
            }
        }
        let may = move |(rule, truth): (&Rule, &Truth)| {
            !rule.private && truth.holds && open.get(rule.namespace).copied().unwrap_or(true)
        };
        self.rules.iter().zip(truths).map(may)
    }

    /// How each rule can be ruled out.
    pub(super) fn classify(&self) -> Vec<RuleReport> {
        let unsearchable = self.unsearchable();
        let nothing = vec![false; self.needles.len()];
        let facts =
            |patterns, open_guard, unknown| Facts { filesize: None, header: &[], patterns, open_guard, unknown };
        let may = |facts: Facts| -> Vec<bool> { self.reportable(&self.truths(&facts)).collect() };
        // Each column leaves out one more reason that a rule may hold.
        let columns = [
            may(facts(&unsearchable, Truth::ANY, Truth::ANY)),
            may(facts(&unsearchable, Truth::NONE, Truth::ANY)),
            may(facts(&nothing, Truth::NONE, Truth::ANY)),
            may(facts(&nothing, Truth::NONE, Truth::NONE)),
        ];
        let class = |index: usize, rule: &Rule| {
            let still = |column: usize| columns.get(column).and_then(|c| c.get(index)).copied().unwrap_or(true);
            let unsearchable = || {
                let named = rule.patterns.iter().filter(|(_, p)| unsearchable.get(*p).copied().unwrap_or(false));
                named.map(|(name, _)| name.clone()).collect()
            };
            match (0..columns.len()).find(|&column| !still(column)) {
                Some(0) => Class::ByLiterals,
                Some(1) => Class::ByGuards,
                Some(2) => Class::Whole(WholeReason::Patterns(unsearchable())),
                Some(_) => Class::Whole(WholeReason::Values),
                None => Class::Whole(WholeReason::Condition),
            }
        };
        let report = |(index, rule): (usize, &Rule)| RuleReport {
            namespace: self.namespaces.get(rule.namespace).map(|n| n.name.clone()).unwrap_or_default(),
            name: rule.name.clone(),
            class: class(index, rule),
        };
        self.rules.iter().enumerate().map(report).collect()
    }
}
