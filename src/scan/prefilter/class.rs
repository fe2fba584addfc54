//! Kinds of files: what their first bytes leave of the rules.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::condition::{Facts, RuleIndex};
use super::search::{Chosen, Searcher};
use super::set::RuleSet;
use super::truth::Truth;

/// More kinds than this are not told apart.
const MOST_KINDS: usize = 512;
/// More choices of patterns than this are not kept; each has a bitmap.
const MOST_CHOICES: usize = 16;

/// Files for which all guards on the first bytes come to the same.
#[derive(Debug)]
pub(super) struct Kind {
    /// By rule: whether it may match such a file, of whatever size, if all its patterns are there.
    open: Vec<bool>,
    /// How many those are.
    pub rules: usize,
    /// Those that may match without a pattern.
    pub free: Vec<RuleIndex>,
    /// The patterns of the open rules.
    pub chosen: Arc<Chosen>,
}

impl Kind {
    pub(super) fn is_open(&self, rule: RuleIndex) -> bool {
        self.open.get(rule).copied().unwrap_or(false)
    }

    pub(super) fn open_rules(&self) -> impl Iterator<Item = RuleIndex> + '_ {
        self.open.iter().enumerate().filter(|(_, open)| **open).map(|(rule, _)| rule)
    }
}

/// All kinds that were met. A kind is worked out when its first file comes: that takes a look at every rule.
#[derive(Debug)]
pub(super) struct Kinds {
    known: RwLock<Known>,
    /// Of files about which nothing is known.
    any: Arc<Kind>,
}

#[derive(Debug, Default)]
struct Known {
    by_guards: HashMap<Box<[Truth]>, Arc<Kind>>,
    choices: HashMap<Vec<bool>, Arc<Chosen>>,
}

impl Kinds {
    pub(super) fn new(rules: &RuleSet, searcher: &Searcher) -> Self {
        let any = work_out(rules, &[], |open| Arc::new(searcher.choose(open)));
        Self { known: RwLock::default(), any: Arc::new(any) }
    }

    /// The kind that stands for all.
    pub(super) fn any(&self) -> &Arc<Kind> {
        &self.any
    }

    /// The kind of a file whose guards come to `decided`.
    pub(super) fn of(&self, decided: &[Truth], rules: &RuleSet, searcher: &Searcher) -> Arc<Kind> {
        if decided.is_empty() {
            return Arc::clone(&self.any);
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(kind) = known.by_guards.get(decided) {
            return Arc::clone(kind);
        }
        drop(known);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.by_guards.len() >= MOST_KINDS {
            return Arc::clone(&self.any);
        }
        let choices = &mut known.choices;
        let kind = work_out(rules, decided, |open| {
            if let Some(chosen) = choices.get(&open) {
                return Arc::clone(chosen);
            }
            if choices.len() >= MOST_CHOICES {
                return Arc::clone(&self.any.chosen);
            }
            let chosen = Arc::new(searcher.choose(open.clone()));
            choices.insert(open, Arc::clone(&chosen));
            chosen
        });
        let kind = Arc::new(kind);
        known.by_guards.insert(decided.into(), Arc::clone(&kind));
        kind
    }
}

/// The rules that `decided` leaves, and what `choose` makes of their patterns.
fn work_out(rules: &RuleSet, decided: &[Truth], choose: impl FnOnce(Vec<bool>) -> Arc<Chosen>) -> Kind {
    let every = vec![true; rules.patterns()];
    let unsearchable = rules.unsearchable();
    let mut truths = vec![Truth::ANY; rules.len()];
    let mut open = vec![false; rules.len()];
    let mut free = Vec::new();
    let facts = Facts { guards: rules.guards(), decided, ..Facts::NOTHING };
    for rule in rules.reported() {
        if !rules.may_report(rule, &Facts { patterns: &every, ..facts }, &mut truths) {
            continue;
        }
        if let Some(open) = open.get_mut(rule) {
            *open = true;
        }
        if rules.may_report(rule, &Facts { patterns: &unsearchable, ..facts }, &mut truths) {
            free.push(rule);
        }
    }
    let patterns = (0..rules.patterns()).map(|pattern| rules.decided_by(pattern).iter().any(|rule| open[*rule]));
    let chosen = choose(patterns.collect());
    Kind { rules: open.iter().filter(|open| **open).count(), open, free, chosen }
}
