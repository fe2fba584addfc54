//! Kinds of files: what their first bytes leave of the rules.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use super::condition::RuleIndex;
use super::guard::KnownFacts;
use super::guard_table::GuardTable;
use super::search::{SearchedPatterns, Searcher};
use super::set::RuleSet;
use super::truth::PossibleTruth;

/// More kinds than this are not told apart.
const MAX_KINDS: usize = 512;
/// Choices of patterns that are kept; each has its bitmaps.
const MAX_CHOICES: usize = 16;
/// Choices that are made at most; each takes a look at every window.
const MAX_MADE: usize = 128;

/// Rules that are searched for apart from the others at most, and sets of them that are kept.
const MAX_FEW: usize = 64;
const MAX_FEW_KEPT: usize = 128;

/// Files for which all guards on the first bytes come to the same.
#[derive(Debug)]
pub(super) struct Kind {
    /// By rule: whether it may match such a file, of whatever size, if all its patterns are there.
    open: Vec<bool>,
    /// How many those are.
    pub rules: usize,
    /// Those that may match without a pattern.
    pub free: Vec<RuleIndex>,
    /// The choice that has the patterns of the open rules, once they are asked for.
    all: OnceLock<ChoiceIndex>,
    keys: Arc<Keys>,
    /// The one that has those of them that are keys.
    chosen_keys: OnceLock<ChoiceIndex>,
}

/// Which patterns are searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sought {
    /// For each rule some of which one must be there before it can match: see [`RuleSet::keys`].
    Keys,
    /// All.
    All,
}

impl Kind {
    pub(super) fn is_open(&self, rule: RuleIndex) -> bool {
        self.open.get(rule).copied().unwrap_or(false)
    }

    pub(super) fn open_rules(&self) -> impl Iterator<Item = RuleIndex> + '_ {
        self.open.iter().enumerate().filter(|(_, open)| **open).map(|(rule, _)| rule)
    }
}

/// All kinds that were met. A kind is worked out when its first file comes.
#[derive(Debug)]
pub(super) struct Kinds {
    known: RwLock<Known>,
    /// Of files about which nothing is known.
    any: Arc<Kind>,
    /// By guard: the rules that it may decide.
    by_guard: Vec<Vec<RuleIndex>>,
    guards: GuardTable,
    all: RwLock<Choices>,
    /// By rules, in order: the patterns that decide them.
    few: Mutex<HashMap<Box<[RuleIndex]>, Arc<SearchedPatterns>>>,
}

#[derive(Debug)]
struct Known {
    kinds: HashMap<Box<[u8]>, Arc<Kind>>,
    /// What files are taken for when there are too many kinds.
    other: Arc<Kind>,
    keys: Arc<Keys>,
}

/// What the first pass searches for. What is added once stays.
#[derive(Debug)]
pub(super) struct Keys {
    /// By pattern: whether it is searched for.
    pub patterns: Vec<bool>,
    /// By rule: whether all that decides it is searched for in the first pass already, because its keys stand in too many files.
    pub is_full: Vec<bool>,
    choices: RwLock<Choices>,
}

impl Kinds {
    pub(super) fn new(rules: &RuleSet) -> Self {
        let (patterns, is_full) = (rules.keys(), vec![false; rules.len()]);
        let keys = Arc::new(Keys { patterns, is_full, choices: RwLock::default() });
        let mut any = Kind::without_rules(rules.len(), &keys);
        let reported: Vec<RuleIndex> = rules.reported().collect();
        any.work_out(rules, &[], &reported);
        let any = Arc::new(any);
        Self {
            known: RwLock::new(Known { kinds: HashMap::new(), other: Arc::clone(&any), keys }),
            any,
            by_guard: rules.by_guard(),
            guards: GuardTable::new(rules.guards()),
            all: RwLock::default(),
            few: Mutex::default(),
        }
    }

    /// The kind that stands for all.
    pub(super) fn any(&self) -> &Arc<Kind> {
        &self.any
    }

    /// What the first pass searches for at present. The kinds that are asked for later search for no less.
    pub(super) fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner).keys)
    }

    /// From now on the first pass searches for all that decides these rules.
    pub(super) fn search_in_full(&self, rules: &RuleSet, full: &[RuleIndex]) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let (mut patterns, mut is_full) = (known.keys.patterns.clone(), known.keys.is_full.clone());
        for rule in full {
            if let Some(is_full) = is_full.get_mut(*rule) {
                *is_full = true;
            }
        }
        for (pattern, is_key) in patterns.iter_mut().enumerate() {
            *is_key |= rules.decided_by(pattern).iter().any(|rule| is_full.get(*rule).copied().unwrap_or(false));
        }
        known.keys = Arc::new(Keys { patterns, is_full, choices: RwLock::default() });
        let Known { kinds, other, keys } = &mut *known;
        for kind in kinds.values_mut().chain([other]) {
            *kind = Arc::new(kind.with_keys(keys));
        }
    }

    /// What the guards on the first bytes come to.
    pub(super) fn guards(&self) -> &GuardTable {
        &self.guards
    }

    /// The kind of a file whose guards come to `decided`; `packed` is room.
    pub(super) fn of(&self, decided: &[PossibleTruth], packed: &mut Vec<u8>, rules: &RuleSet) -> Arc<Kind> {
        packed.clear();
        packed.extend(decided.iter().map(|truth| truth.packed()));
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(kind) = known.kinds.get(packed.as_slice()) {
            return Arc::clone(kind);
        }
        drop(known);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.kinds.len() >= MAX_KINDS {
            return Arc::clone(&known.other);
        }
        // Only rules that hang on what differs from a kind that is known are looked at.
        let differing = |other: &[u8]| -> Vec<usize> {
            other.iter().zip(packed.iter()).enumerate().filter(|(_, (a, b))| a != b).map(|(guard, _)| guard).collect()
        };
        let all = known.kinds.iter().map(|(guards, kind)| (differing(guards), kind));
        let kind = match all.min_by_key(|(differing, _)| differing.len()) {
            Some((differing, nearest)) => {
                let affected = differing.iter().filter_map(|guard| self.by_guard.get(*guard)).flatten();
                nearest.like(rules, decided, &affected.copied().collect::<Vec<_>>())
            }
            None => known.other.like(rules, decided, &rules.reported().collect::<Vec<_>>()),
        };
        let kind = Arc::new(kind);
        known.kinds.insert(packed.as_slice().into(), Arc::clone(&kind));
        kind
    }

    /// What is searched for in files of the kind.
    pub(super) fn chosen(
        &self,
        kind: &Kind,
        sought: Sought,
        rules: &RuleSet,
        searcher: &Searcher,
    ) -> Arc<SearchedPatterns> {
        let is_key = |pattern: usize| sought == Sought::All || kind.keys.patterns.get(pattern).copied().unwrap_or(true);
        let (slot, choices) = match sought {
            Sought::All => (&kind.all, &self.all),
            Sought::Keys => (&kind.chosen_keys, &kind.keys.choices),
        };
        let index = slot.get_or_init(|| {
            let mut wanted = rules.patterns_of(|rule| kind.is_open(rule));
            wanted.iter_mut().enumerate().for_each(|(pattern, wanted)| *wanted &= is_key(pattern));
            choices.write().unwrap_or_else(PoisonError::into_inner).choose(wanted, searcher)
        });
        let choices = choices.read().unwrap_or_else(PoisonError::into_inner);
        let chosen = choices.list.get(*index).map(|choice| Arc::clone(&choice.chosen));
        chosen.unwrap_or_else(|| Arc::new(searcher.choose(vec![true; rules.patterns()])))
    }
}

impl Kinds {
    /// What is searched for where only these rules, in order, may match; `None` if they are too many to be searched for apart.
    pub(super) fn chosen_for(
        &self,
        few: &[RuleIndex],
        rules: &RuleSet,
        searcher: &Searcher,
    ) -> Option<Arc<SearchedPatterns>> {
        if few.len() > MAX_FEW {
            return None;
        }
        let mut kept = self.few.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get(few) {
            return Some(Arc::clone(known));
        }
        if kept.len() >= MAX_FEW_KEPT {
            kept.clear();
        }
        let chosen = Arc::new(searcher.choose(rules.patterns_of(|rule| few.binary_search(&rule).is_ok())));
        kept.insert(few.into(), Arc::clone(&chosen));
        Some(chosen)
    }
}

impl Kind {
    fn without_rules(rules: usize, keys: &Arc<Keys>) -> Self {
        Self {
            open: vec![false; rules],
            rules: 0,
            free: Vec::new(),
            all: OnceLock::new(),
            keys: Arc::clone(keys),
            chosen_keys: OnceLock::new(),
        }
    }

    /// The same kind with other keys.
    fn with_keys(&self, keys: &Arc<Keys>) -> Self {
        let (open, free, all) = (self.open.clone(), self.free.clone(), self.all.clone());
        Self { open, rules: self.rules, free, all, keys: Arc::clone(keys), chosen_keys: OnceLock::new() }
    }

    /// A kind that differs from this in no more than the rules that are `affected`.
    fn like(&self, rules: &RuleSet, decided: &[PossibleTruth], affected: &[RuleIndex]) -> Self {
        let mut kind = Self { all: OnceLock::new(), ..self.with_keys(&self.keys) };
        kind.work_out(rules, decided, affected);
        kind
    }

    /// Finds out what `decided` leaves of the `affected` rules.
    fn work_out(&mut self, rules: &RuleSet, decided: &[PossibleTruth], affected: &[RuleIndex]) {
        let every = vec![true; rules.patterns()];
        let unsearchable = rules.unsearchable();
        let mut truths = vec![PossibleTruth::ANY; rules.len()];
        let facts = KnownFacts { guards: rules.guards(), decided, ..KnownFacts::NOTHING };
        let mut free = vec![false; rules.len()];
        self.free.iter().filter_map(|rule| free.get_mut(*rule).map(|free| *free = true)).for_each(drop);
        for rule in affected {
            let (Some(open), Some(free)) = (self.open.get_mut(*rule), free.get_mut(*rule)) else { continue };
            *open = rules.may_report(*rule, &KnownFacts { patterns: &every, ..facts }, &mut truths);
            *free = *open && rules.may_report(*rule, &KnownFacts { patterns: &unsearchable, ..facts }, &mut truths);
        }
        self.rules = self.open.iter().filter(|open| **open).count();
        self.free = free.iter().enumerate().filter(|(_, free)| **free).map(|(rule, _)| rule).collect();
    }
}

/// The place of a choice among all; another that holds no less may stand there later.
type ChoiceIndex = usize;

/// What was chosen so far. A kind may be searched for more than it asks for, but not for much more.
#[derive(Debug, Default)]
struct Choices {
    list: Vec<Choice>,
    made: usize,
}

#[derive(Debug)]
struct Choice {
    patterns: Bits,
    chosen: Arc<SearchedPatterns>,
}

impl Choices {
    /// The place of a choice that has all that is wanted.
    fn choose(&mut self, wanted: Vec<bool>, searcher: &Searcher) -> ChoiceIndex {
        let is_near = |more: usize, count: usize| more <= count + count / 8 + 64;
        let bits = Bits::of(&wanted);
        let count = bits.count();
        let mut near: Option<ChoiceIndex> = None;
        let mut enough: Option<(usize, ChoiceIndex)> = None;
        for (place, Choice { patterns, .. }) in self.list.iter().enumerate() {
            let (known, more) = (patterns.count(), patterns.with(&bits).count());
            if more == known && enough.is_none_or(|(least, _)| more < least) {
                enough = Some((more, place));
            } else if is_near(more, count) && is_near(more, known) {
                near = Some(place);
            }
        }
        let no_more = self.made >= MAX_MADE || (near.is_none() && self.list.len() >= MAX_CHOICES);
        if let Some((_, place)) = enough.filter(|(more, _)| no_more || is_near(*more, count)) {
            return place;
        }
        self.made += 1;
        // One that replaces a choice serves its kinds too; where there are too many, one serves all.
        let near = near.filter(|_| !no_more);
        let open = match near.and_then(|place| self.list.get(place)) {
            Some(choice) => choice.patterns.with(&bits).each(wanted.len()),
            None if no_more => vec![true; wanted.len()],
            None => wanted,
        };
        let choice = Choice { patterns: Bits::of(&open), chosen: Arc::new(searcher.choose(open)) };
        let place = near.unwrap_or(self.list.len());
        match self.list.get_mut(place) {
            Some(slot) => *slot = choice,
            None => self.list.push(choice),
        }
        place
    }
}

/// Sets of patterns, sixty-four in a word.
#[derive(Debug)]
struct Bits(Vec<u64>);

impl Bits {
    fn of(each: &[bool]) -> Self {
        let word = |bits: &[bool]| bits.iter().rev().fold(0, |word, bit| word << 1 | u64::from(*bit));
        Self(each.chunks(64).map(word).collect())
    }

    fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    fn with(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a | b).collect())
    }

    fn each(&self, length: usize) -> Vec<bool> {
        self.0.iter().flat_map(|word| (0..64).map(move |bit| word >> bit & 1 == 1)).take(length).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Prefilter, YaraSource};
    use super::*;

    #[test]
    fn bits_are_what_they_were_made_of() {
        let some: Vec<bool> = (0..150).map(|n| n % 7 == 3).collect();
        let others: Vec<bool> = (0..150).map(|n| n % 5 == 1).collect();
        let both: Vec<bool> = some.iter().zip(&others).map(|(a, b)| a | b).collect();
        assert_eq!(Bits::of(&some).with(&Bits::of(&others)).each(150), both);
        assert_eq!(Bits::of(&some).count(), some.iter().filter(|bit| **bit).count());
    }

    #[test]
    fn whatever_the_kind_all_its_patterns_are_searched_for() {
        let rule = |n: usize| {
            format!(
                "rule r{n} {{ strings: $a = \"pattern-{n}-{n}\" condition: uint8({}) == {} and $a }}\n",
                n % 8,
                n / 8
            )
        };
        let text: String = (0..400).map(rule).collect();
        let prefilter = Prefilter::new(&[YaraSource { namespace: "n", text: &text }], &[]);
        let mut packed = Vec::new();
        for file in 0..600_usize {
            // Every file opens other rules.
            let decided = |guard: usize| {
                if (guard * 31 + file * 17) % 23 < 7 { PossibleTruth::HOLDS } else { PossibleTruth::FAILS }
            };
            let decided: Vec<PossibleTruth> = (0..prefilter.rules.guards().len()).map(decided).collect();
            let kind = prefilter.kinds.of(&decided, &mut packed, &prefilter.rules);
            let exact = prefilter.kinds.any().like(&prefilter.rules, &decided, &(0..400).collect::<Vec<_>>());
            for sought in [Sought::All, Sought::Keys] {
                let chosen = prefilter.kinds.chosen(&kind, sought, &prefilter.rules, &prefilter.searcher);
                for rule in 0..400 {
                    assert!(!exact.is_open(rule) || (kind.is_open(rule) && chosen.is_open(rule)), "{rule} {file}");
                    assert!(file >= MAX_KINDS || kind.is_open(rule) == exact.is_open(rule), "{rule} {file}");
                }
            }
        }
        assert!(prefilter.kinds.all.read().unwrap().list.len() <= MAX_CHOICES + 1);
    }
}
