//! The rules of a prefilter, and the questions it asks of them.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ops::Range;

use yara_x_parser::ast::{Item, Rule as Syntax, RuleFlags};

use super::YaraSource;
use super::condition::{Condition, RuleIndex};
use super::guard::{Guard, GuardIndex, KnownFacts, Number, PatternIndex};
use super::literals::{self, Needle, Reach};
use super::lower::{self, NameScope};
use super::need;
use super::pairs::Pair;
use super::report::{PrefilterRefusal, RuleClass, RuleReport, WholeReason};
use super::required::Run;
use super::truth::PossibleTruth;
use super::verify::Expression;
use crate::hunt;

/// Includes nested deeper than this are refused; a file that includes itself would never end.
const MAX_INCLUDES: u32 = 16;

/// Rules in order of declaration.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct RuleSet {
    rules: Vec<Rule>,
    guards: Vec<Guard>,
    /// By pattern: the rule it belongs to.
    owners: Vec<RuleIndex>,
    /// By pattern: whether it can be searched for.
    searched: Vec<bool>,
    /// By pattern; `None` if it has no longest match, or cannot be searched for.
    reaches: Vec<Option<Reach>>,
    namespaces: Vec<Namespace>,
    /// By rule: the reported rules that a pattern of it may decide.
    dependents: Vec<Vec<RuleIndex>>,
    /// By rule: what its truth rests on, in order of declaration, itself included.
    bases: Vec<Vec<RuleIndex>>,
    /// By rule: patterns that must be there before it can hold; at least one.
    needs: Vec<u16>,
    /// By pattern: how often it is met by chance.
    chances: Vec<f64>,
    /// By pattern: rules that cannot hold before one of their keys is there, of which it is one.
    key_of: Vec<Vec<RuleIndex>>,
    /// By rule: whether it has a key.
    has_key: Vec<bool>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Rule {
    name: String,
    namespace: usize,
    private: bool,
    condition: Condition,
    patterns: Vec<(String, PatternIndex)>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Namespace {
    name: String,
    /// Wanted while the rules are read.
    #[serde(skip)]
    rules: HashMap<String, Option<RuleIndex>>,
    globals: Vec<RuleIndex>,
}

/// What is collected while the rules are read.
#[derive(Default)]
struct Reading {
    set: RuleSet,
    needles: Vec<(Needle, PatternIndex)>,
    expressions: Vec<Option<Expression>>,
    pairs: Vec<Option<Pair>>,
    guards: HashMap<Guard, GuardIndex>,
}

/// Rules, and what to search for.
#[derive(Debug, Default)]
pub(super) struct ParsedRules {
    pub set: RuleSet,
    /// Each with its pattern.
    pub needles: Vec<(Needle, PatternIndex)>,
    /// By pattern.
    pub expressions: Vec<Option<Expression>>,
    /// By pattern.
    pub pairs: Vec<Option<Pair>>,
}

impl RuleSet {
    /// The rules, and what to search for.
    pub(super) fn parse(
        sources: &[YaraSource],
        included: &[(&str, &str)],
        each: &mut dyn FnMut(usize, Range<usize>, &Item),
    ) -> Result<ParsedRules, PrefilterRefusal> {
        let mut reading = Reading::default();
        for (number, source) in sources.iter().enumerate() {
            // As in yara-x, a namespace that is left and entered again is another one with the same name.
            let namespaces = &mut reading.set.namespaces;
            if namespaces.last().is_none_or(|namespace| namespace.name != source.namespace) {
                namespaces.push(Namespace { name: source.namespace.to_owned(), ..Namespace::default() });
            }
            reading.add(source, included, 0, &mut |range, item| each(number, range, item))?;
        }
        let Reading { mut set, needles, expressions, pairs, .. } = reading;
        set.connect();
        Ok(ParsedRules { set, needles, expressions, pairs })
    }

    /// Finds out which rules rest on which.
    fn connect(&mut self) {
        for (index, rule) in self.rules.iter().enumerate() {
            let mut base = vec![index];
            rule.condition.each_rule(&mut |other| {
                base.extend(self.bases.get(other).into_iter().flatten());
            });
            base.sort_unstable();
            base.dedup();
            self.bases.push(base);
        }
        let globals: Vec<Vec<RuleIndex>> = self.namespaces.iter().map(|namespace| namespace.globals.clone()).collect();
        for (rule, base) in self.rules.iter().zip(&mut self.bases) {
            // The bases of a global rule that is declared later are known by now.
            base.extend(globals.get(rule.namespace).into_iter().flatten());
            base.sort_unstable();
            base.dedup();
        }
        let with_globals: Vec<Vec<RuleIndex>> = self.bases.iter().map(|base| self.closure(base)).collect();
        self.bases = with_globals;
        self.dependents = vec![Vec::new(); self.rules.len()];
        for (index, (rule, base)) in self.rules.iter().zip(&self.bases).enumerate() {
            for other in base.iter().filter(|_| !rule.private) {
                if let Some(dependents) = self.dependents.get_mut(*other) {
                    dependents.push(index);
                }
            }
        }
        self.count_needs();
    }

    fn count_needs(&mut self) {
        let needs = |index: RuleIndex| {
            let globals = self.globals_of(index);
            let conditions = globals.iter().chain([&index]).filter_map(|rule| self.rules.get(*rule));
            let parts: Vec<&Condition> = conditions.map(|rule| &rule.condition).collect();
            let condition = |rule: RuleIndex| self.rules.get(rule).map(|rule| &rule.condition);
            let most = need::least_patterns(&parts, &condition, &self.searched);
            u16::try_from(most.max(1)).unwrap_or(u16::MAX)
        };
        self.needs = (0..self.rules.len()).map(needs).collect();
        self.find_keys();
    }

    fn find_keys(&mut self) {
        let mut key_of = vec![Vec::new(); self.owners.len()];
        let mut has_key = vec![false; self.rules.len()];
        for (rule, has_key) in has_key.iter_mut().enumerate() {
            let conditions = self.globals_of(rule).iter().chain([&rule]).filter_map(|rule| self.rules.get(*rule));
            let parts: Vec<&Condition> = conditions.map(|rule| &rule.condition).collect();
            let condition = |rule: RuleIndex| self.rules.get(rule).map(|rule| &rule.condition);
            let Some(key) = need::key(&parts, &condition, &self.searched, &self.chances) else { continue };
            *has_key = true;
            for pattern in key {
                if let Some(rules) = key_of.get_mut(pattern) {
                    rules.push(rule);
                }
            }
        }
        (self.key_of, self.has_key) = (key_of, has_key);
    }

    /// The rules that may hold once the pattern is there, as far as their keys tell.
    pub(super) fn opened_by(&self, pattern: PatternIndex) -> &[RuleIndex] {
        self.key_of.get(pattern).map_or(&[], Vec::as_slice)
    }

    /// By pattern: whether it is a key of some rule, or one of a rule that has no key.
    pub(super) fn keys(&self) -> Vec<bool> {
        let keyless = |rule: &RuleIndex| !self.has_key(*rule);
        let is_key =
            |pattern: PatternIndex| !self.opened_by(pattern).is_empty() || self.decided_by(pattern).iter().any(keyless);
        (0..self.owners.len()).map(is_key).collect()
    }

    /// By pattern: whether it decides a rule that is open.
    pub(super) fn patterns_of(&self, is_open: impl Fn(RuleIndex) -> bool) -> Vec<bool> {
        let decides: Vec<bool> =
            self.dependents.iter().map(|dependents| dependents.iter().any(|rule| is_open(*rule))).collect();
        self.owners.iter().map(|owner| decides.get(*owner).copied().unwrap_or(true)).collect()
    }

    /// By guard: the reported rules whose truth may depend on it.
    pub(super) fn by_guard(&self) -> Vec<Vec<RuleIndex>> {
        let mut by_guard = vec![Vec::new(); self.guards.len()];
        for rule in self.reported() {
            let mut guards = Vec::new();
            for base in self.bases.get(rule).into_iter().flatten().filter_map(|base| self.rules.get(*base)) {
                base.condition.each_guard(&mut |guard| guards.push(guard));
            }
            guards.sort_unstable();
            guards.dedup();
            for guard in guards {
                if let Some(rules) = by_guard.get_mut(guard) {
                    rules.push(rule);
                }
            }
        }
        by_guard
    }

    /// Whether the rule cannot hold before a pattern is there that [`RuleSet::opened_by`] names it for.
    pub(super) fn has_key(&self, rule: RuleIndex) -> bool {
        self.has_key.get(rule).copied().unwrap_or(false)
    }

    /// The rules together with all that those rest on.
    fn closure(&self, rules: &[RuleIndex]) -> Vec<RuleIndex> {
        let mut all: Vec<RuleIndex> = rules.to_vec();
        let mut at = 0;
        while let Some(rule) = all.get(at).copied() {
            let more: Vec<RuleIndex> =
                self.bases.get(rule).into_iter().flatten().filter(|base| !all.contains(base)).copied().collect();
            all.extend(more);
            at += 1;
        }
        all.sort_unstable();
        all
    }

    fn globals_of(&self, rule: RuleIndex) -> &[RuleIndex] {
        let namespace = self.rules.get(rule).and_then(|rule| self.namespaces.get(rule.namespace));
        namespace.map_or(&[], |namespace| &namespace.globals)
    }

    /// How many rules there are, private ones included.
    pub(super) fn len(&self) -> usize {
        self.rules.len()
    }

    /// How many patterns they have.
    pub(super) fn patterns(&self) -> usize {
        self.owners.len()
    }

    pub(super) fn guards(&self) -> &[Guard] {
        &self.guards
    }

    /// The rules that a pattern may decide.
    pub(super) fn decided_by(&self, pattern: PatternIndex) -> &[RuleIndex] {
        let owner = self.owners.get(pattern);
        owner.and_then(|owner| self.dependents.get(*owner)).map_or(&[], Vec::as_slice)
    }

    /// By rule: patterns of those that decide it that must be there before it can hold.
    pub(super) fn needs(&self) -> &[u16] {
        &self.needs
    }

    /// The rules that yara-x reports.
    pub(super) fn reported(&self) -> impl Iterator<Item = RuleIndex> + '_ {
        self.rules.iter().enumerate().filter(|(_, rule)| !rule.private).map(|(index, _)| index)
    }

    /// How far matches of any pattern go; `None` if some pattern has no longest, or cannot be located.
    pub(super) fn reach(&self) -> Option<Reach> {
        longest(self.reaches.iter())
    }

    /// The same, of the patterns of one rule and of those it rests on.
    pub(super) fn reach_of(&self, rule: RuleIndex) -> Option<Reach> {
        let bases = self.bases.get(rule)?.iter().filter_map(|base| self.rules.get(*base));
        longest(bases.flat_map(|rule| &rule.patterns).filter_map(|(_, pattern)| self.reaches.get(*pattern)))
    }

    /// The patterns that may occur in a file of which not a byte was searched: those that can't be searched for.
    pub(super) fn unsearchable(&self) -> Vec<bool> {
        self.searched.iter().map(|searched| !searched).collect()
    }

    /// These patterns cannot be searched for after all.
    pub(super) fn give_up(&mut self, patterns: &[PatternIndex]) {
        for pattern in patterns {
            if let (Some(searched), Some(reach)) = (self.searched.get_mut(*pattern), self.reaches.get_mut(*pattern)) {
                (*searched, *reach) = (false, None);
            }
        }
        if !patterns.is_empty() {
            self.count_needs();
        }
    }

    /// Patterns that cannot be searched for, without which a rule could be ruled out that any file of some kind may match, each
    /// with its two bytes.
    pub(super) fn wanted_pairs(&self, pairs: &[Option<Pair>]) -> Vec<(Pair, PatternIndex)> {
        let mut unsearchable = self.unsearchable();
        let mut truths = vec![PossibleTruth::ANY; self.rules.len()];
        let mut wanted = Vec::new();
        for rule in self.reported().collect::<Vec<_>>() {
            let mut is_free = |patterns: &[bool]| {
                let facts = KnownFacts { patterns, guards: &self.guards, ..KnownFacts::NOTHING };
                self.may_report(rule, &facts, &mut truths)
            };
            if !is_free(&unsearchable) {
                continue;
            }
            let bases = self.bases.get(rule).into_iter().flatten().filter_map(|base| self.rules.get(*base));
            for (_, pattern) in bases.flat_map(|rule| &rule.patterns) {
                let Some(pair) = pairs.get(*pattern).copied().flatten() else { continue };
                let Some(slot) = unsearchable.get_mut(*pattern).filter(|slot| **slot) else { continue };
                *slot = false;
                if !is_free(&unsearchable) {
                    wanted.push((pair, *pattern));
                }
                if let Some(slot) = unsearchable.get_mut(*pattern) {
                    *slot = true;
                }
            }
        }
        wanted
    }

    /// These patterns are searched for by their two bytes.
    pub(super) fn take_pairs(&mut self, patterns: &[PatternIndex]) {
        for pattern in patterns {
            if let Some(searched) = self.searched.get_mut(*pattern) {
                *searched = true;
            }
            if let Some(chance) = self.chances.get_mut(*pattern) {
                *chance = (-literals::MIN_PAIR_BITS).exp2();
            }
        }
        if !patterns.is_empty() {
            self.count_needs();
        }
    }

    /// Whether yara-x may report the rule, given `facts`. `truths` is room for what it rests on, one for each rule.
    pub(super) fn may_report(&self, rule: RuleIndex, facts: &KnownFacts, truths: &mut [PossibleTruth]) -> bool {
        for base in self.bases.get(rule).into_iter().flatten() {
            let Some(condition) = self.rules.get(*base).map(|rule| &rule.condition) else { continue };
            let truth = condition.truth(facts, truths).settled();
            if let Some(slot) = truths.get_mut(*base) {
                *slot = truth;
            }
        }
        let holds = |rule: &RuleIndex| truths.get(*rule).is_none_or(|truth| truth.holds);
        self.rules.get(rule).is_some_and(|rule| !rule.private)
            && holds(&rule)
            && self.globals_of(rule).iter().all(holds)
    }

    /// How each rule can be ruled out.
    pub(super) fn classify(&self) -> Vec<RuleReport> {
        let unsearchable = self.unsearchable();
        let nothing = vec![false; self.owners.len()];
        let mut truths = vec![PossibleTruth::ANY; self.rules.len()];
        let facts = |patterns, open_guard, unknown| KnownFacts {
            patterns,
            open_guard,
            unknown,
            guards: &self.guards,
            ..KnownFacts::NOTHING
        };
        // Each leaves out one more reason that a rule may hold.
        let reasons = [
            facts(&unsearchable, PossibleTruth::ANY, PossibleTruth::ANY),
            facts(&unsearchable, PossibleTruth::NONE, PossibleTruth::ANY),
            facts(&nothing, PossibleTruth::NONE, PossibleTruth::ANY),
            facts(&nothing, PossibleTruth::NONE, PossibleTruth::NONE),
        ];
        let mut class = |index: usize, rule: &Rule| {
            let unsearchable = || {
                let named = rule.patterns.iter().filter(|(_, p)| unsearchable.get(*p).copied().unwrap_or(false));
                named.map(|(name, _)| name.clone()).collect()
            };
            match reasons.iter().position(|facts| !self.may_report(index, facts, &mut truths)) {
                Some(0) => RuleClass::ByLiterals,
                Some(1) => RuleClass::ByGuards,
                Some(2) => RuleClass::Whole(WholeReason::Patterns(unsearchable())),
                Some(_) => RuleClass::Whole(WholeReason::Values),
                None => RuleClass::Whole(WholeReason::Condition),
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

impl Reading {
    fn add(
        &mut self,
        source: &YaraSource,
        included: &[(&str, &str)],
        depth: u32,
        each: &mut dyn FnMut(Range<usize>, &Item),
    ) -> Result<(), PrefilterRefusal> {
        for (range, tree) in hunt::placed_trees(source.text) {
            if !tree.errors().is_empty() {
                return Err(PrefilterRefusal::Syntax { namespace: source.namespace.to_owned() });
            }
            for item in tree.items() {
                each(range.clone(), item);
                match item {
                    Item::Import(_) => {}
                    Item::Include(include) => {
                        let known = included.iter().find(|(path, _)| *path == include.file_name);
                        let text = known.filter(|_| depth < MAX_INCLUDES).map(|(_, text)| *text);
                        let text =
                            text.ok_or_else(|| PrefilterRefusal::Include { path: include.file_name.to_owned() })?;
                        self.add(
                            &YaraSource { namespace: source.namespace, text },
                            included,
                            depth + 1,
                            &mut |_, _| {},
                        )?;
                    }
                    Item::Rule(rule) => self.add_rule(rule),
                }
            }
        }
        Ok(())
    }

    fn add_rule(&mut self, rule: &Syntax) {
        let set = &mut self.set;
        let (first, index) = (set.owners.len(), set.rules.len());
        let syntax = rule.patterns.as_deref().unwrap_or_default();
        for pattern in syntax {
            let needles = literals::needles(pattern);
            let number = set.owners.len();
            set.owners.push(index);
            set.searched.push(needles.is_some());
            // Holes are passed over where the places of patterns are looked for.
            let located = needles.as_ref().filter(|needles| !needles.iter().any(Needle::is_in_zeros));
            set.reaches.push(located.and_then(|_| literals::reach(pattern)));
            set.chances.push(needles.iter().flatten().map(Needle::chance).sum());
            self.pairs.push(if needles.is_none() { literals::pair(pattern) } else { None });
            self.expressions.push(Expression::of(pattern));
            self.needles.extend(needles.into_iter().flatten().map(|needle| (needle, number)));
        }
        let names = syntax.iter().map(|pattern| pattern.identifier().name.to_owned());
        let patterns: Vec<(String, PatternIndex)> = names.zip(first..).collect();
        let namespace = set.namespaces.len().saturating_sub(1);
        let Some(Namespace { rules, globals, .. }) = set.namespaces.last_mut() else { return };
        let condition = lower::lower(&rule.condition, &NameScope { patterns: &patterns, rules });
        let name = rule.identifier.name.to_owned();
        rules.entry(name.clone()).and_modify(|known| *known = None).or_insert(Some(index));
        let global = rule.flags.contains(RuleFlags::Global);
        globals.extend(global.then_some(index));
        let beginnings = |pattern: PatternIndex| {
            let syntax = pattern.checked_sub(first).and_then(|place| syntax.get(place));
            syntax.and_then(literals::beginnings).filter(|runs| runs.iter().all(|run| !run.is_empty()))
        };
        let condition = self.share_guards(condition, &beginnings);
        self.set.rules.push(Rule {
            name,
            namespace,
            private: rule.flags.contains(RuleFlags::Private),
            condition,
            patterns,
        });
    }

    /// The condition with its guards in the common table.
    fn share_guards(
        &mut self,
        condition: Condition,
        beginnings: &dyn Fn(PatternIndex) -> Option<Vec<Run>>,
    ) -> Condition {
        let mut each = |parts: Vec<Condition>| -> Vec<Condition> {
            parts.into_iter().map(|part| self.share_guards(part, beginnings)).collect()
        };
        match condition {
            Condition::All(parts) => Condition::All(each(parts)),
            Condition::Any(parts) => Condition::Any(each(parts)),
            Condition::Of(quantifier, parts) => Condition::Of(quantifier, each(parts)),
            Condition::Not(part) => Condition::Not(Box::new(self.share_guards(*part, beginnings))),
            Condition::Defined(part) => Condition::Defined(Box::new(self.share_guards(*part, beginnings))),
            Condition::Loop(quantifier, body) => {
                Condition::Loop(quantifier, Box::new(self.share_guards(*body, beginnings)))
            }
            Condition::Compare(comparison, left, right) if is_guard(&[&left, &right]) => {
                Condition::Guard(self.guard(Guard::Compare(comparison, left, right)))
            }
            Condition::NonZero(number) if is_guard(&[&number]) => Condition::Guard(self.guard(Guard::NonZero(number))),
            Condition::OfFormat(format) => Condition::Within(self.guard(format.guard())),
            Condition::At(pattern, offset) => match beginnings(pattern) {
                Some(runs) => {
                    let guard = Condition::Guard(self.guard(Guard::At(runs, offset)));
                    Condition::All(vec![guard, Condition::Pattern(pattern)])
                }
                None => Condition::Pattern(pattern),
            },
            other => other,
        }
    }

    fn guard(&mut self, guard: Guard) -> GuardIndex {
        if let Some(known) = self.guards.get(&guard) {
            return *known;
        }
        let index = self.set.guards.len();
        self.set.guards.push(guard.clone());
        self.guards.insert(guard, index);
        index
    }
}

fn longest<'r>(mut reaches: impl Iterator<Item = &'r Option<Reach>>) -> Option<Reach> {
    reaches.try_fold(Reach::default(), |all, next| {
        let next = (*next)?;
        Some(Reach { bytes: all.bytes.max(next.bytes), cut_matters: all.cut_matters || next.cut_matters })
    })
}

fn is_guard(numbers: &[&Number]) -> bool {
    numbers.iter().all(|number| number.is_closed()) && numbers.iter().any(|number| number.is_guard())
}
