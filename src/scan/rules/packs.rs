//! The packs of a scan: which rules are compiled together, shared by all workers.
//!
//! A rule gets into a pack with the others that are left for the first file it is left for: they are likely to be left
//! together again. A pack with rules that cannot match a file gives no wrong answer, it only takes longer.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::library::Library;
use super::pack::Pack;
use crate::hunt::RuleOptions;
use crate::scan::prefilter::RuleIndex;

/// Rules of one pack at most, but for those that every file is matched against and for files that many are left for.
const MAX_IN_PACK: usize = 8;
/// Once so many packs were made, a new one takes further rules with it: about as many as there are packs. Most of what a pack
/// takes to be compiled does not depend on its rules, so that with hundreds of packs it would be paid hundreds of times.
const FILLED_AFTER: u64 = 32;
/// Rules that a pack is filled up to at most.
const MAX_FILLED: usize = 256;
/// Rules in all packs that are kept; a compiled one takes tens of kilobytes.
const MAX_KEPT: usize = 2048;
/// So many bytes of a file are matched in the time that compiling one rule takes.
const BYTES_FOR_RULE: u64 = 4 << 20;

/// A file that so many rules are left for is matched against all rules at once: their packs would push each other out.
const MANY: usize = MAX_KEPT;
/// Once so many times as many rules as there are were compiled in packs, files for which more would be compiled are matched against
/// all rules at once: what plain yara-x does for every file.
const MAX_COMPILED: usize = 2;

/// The number of a pack; none is used twice.
pub(in crate::scan) type PackId = u64;

#[derive(Debug, Default)]
pub(super) struct Packs(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    packs: HashMap<PackId, Kept>,
    of_rule: HashMap<RuleIndex, PackId>,
    /// Packs made of all rules of several others.
    unions: HashMap<Vec<PackId>, PackId>,
    /// Packs made of rules that a pack without a search had matched.
    searching: HashMap<Vec<RuleIndex>, PackId>,
    /// Rules that are packed with no other.
    apart: HashSet<RuleIndex>,
    /// The pack of all rules, but for those that are apart.
    all: Option<(PackId, Arc<Pack>)>,
    /// Rules in all packs that were made, but for that of all.
    compiled: usize,
    kept: usize,
    next: PackId,
    clock: u64,
}

#[derive(Debug)]
struct Kept {
    pack: Arc<Pack>,
    rules: Vec<RuleIndex>,
    used: u64,
}

impl Packs {
    /// Packs that together have these rules, for a file of so many bytes. `whole` says of a rule that every file is matched
    /// against it, and whether for its patterns' sake; `apart` that it must not be with those that can be matched over parts
    /// of a file.
    ///
    /// Rules that every file is matched against, and whose conditions are mostly decided before a pattern is asked for,
    /// are in a pack that does not search where it need not: see [`Packs::searching`].
    pub(super) fn holding(
        &self,
        of: (&Library, &RuleOptions),
        rules: &[RuleIndex],
        bytes: u64,
        whole: impl Fn(RuleIndex) -> Option<bool>,
        apart: impl Fn(RuleIndex) -> bool,
    ) -> Vec<(PackId, Arc<Pack>)> {
        let mut state = self.lock();
        let new: Vec<RuleIndex> = rules.iter().copied().filter(|rule| !state.of_rule.contains_key(rule)).collect();
        let (apart_ones, new): (Vec<RuleIndex>, Vec<RuleIndex>) =
            new.into_iter().partition(|rule| state.apart.contains(rule));
        let (always, others): (Vec<RuleIndex>, Vec<RuleIndex>) =
            new.into_iter().partition(|rule| whole(*rule).is_some());
        let (alone, near): (Vec<RuleIndex>, Vec<RuleIndex>) = others.into_iter().partition(|rule| apart(*rule));
        let (patterns, values): (Vec<RuleIndex>, Vec<RuleIndex>) =
            always.into_iter().partition(|rule| whole(*rule) == Some(true));
        for (together, searches) in
            [(patterns, true), (values, false)].into_iter().filter(|(rules, _)| !rules.is_empty())
        {
            state.add(of, together, (true, searches));
        }
        for (rules, is_alone) in [(near, false), (alone, true)] {
            let may_join = |rule: RuleIndex| whole(rule).is_none() && apart(rule) == is_alone;
            for together in rules.chunks(MAX_IN_PACK) {
                let filled = state.filled(together, rules.as_slice(), of.0.len(), may_join);
                state.add(of, filled, (true, true));
            }
        }
        for rule in apart_ones {
            state.add(of, vec![rule], (true, true));
        }
        let wanted: BTreeSet<PackId> = rules.iter().filter_map(|rule| state.of_rule.get(rule)).copied().collect();
        let (last, mut wanted): (Vec<PackId>, Vec<PackId>) = wanted.into_iter().partition(|id| state.is_apart(*id));
        let more = wanted.len().saturating_sub(1) as u64;
        if more > 0 && bytes.saturating_mul(more) > BYTES_FOR_RULE * rules.len() as u64 {
            wanted = vec![state.union(of, wanted)];
        }
        let packs = wanted.into_iter().chain(last).filter_map(|id| Some((id, state.touch(id)?))).collect();
        state.make_room();
        packs
    }

    /// As [`Packs::holding`], for a file that is matched as a whole. Where that would take compiling too many rules, there is one
    /// pack of all: other files need it too, and it is made once.
    pub(super) fn holding_whole(
        &self,
        (library, options): (&Library, &RuleOptions),
        rules: &[RuleIndex],
        bytes: u64,
        whole: impl Fn(RuleIndex) -> Option<bool>,
        apart: impl Fn(RuleIndex) -> bool,
    ) -> Vec<(PackId, Arc<Pack>)> {
        let mut state = self.lock();
        let is_new = |rule: &RuleIndex| !state.of_rule.contains_key(rule);
        let is_spent = state.compiled >= MAX_COMPILED * library.len() && rules.iter().any(is_new);
        if !is_spent && rules.len() < MANY {
            drop(state);
            return self.holding((library, options), rules, bytes, whole, apart);
        }
        if state.all.is_none() {
            let all: Vec<RuleIndex> = (0..library.len()).filter(|rule| !state.apart.contains(rule)).collect();
            let id = state.next;
            state.next += 1;
            state.all = Some((id, Arc::new(Pack::new(library, options, &all, true))));
        }
        let mut packs: Vec<_> = state.all.iter().cloned().collect();
        let alone: Vec<RuleIndex> = rules.iter().copied().filter(|rule| state.apart.contains(rule)).collect();
        drop(state);
        if !alone.is_empty() {
            packs.extend(self.holding((library, options), &alone, bytes, whole, apart));
        }
        packs
    }

    /// A pack of these rules that lists all their matches.
    pub(super) fn searching(&self, of: (&Library, &RuleOptions), rules: Vec<RuleIndex>) -> Option<(PackId, Arc<Pack>)> {
        let mut state = self.lock();
        let known = state.searching.get(&rules).copied().filter(|known| state.packs.contains_key(known));
        let id = known.unwrap_or_else(|| state.add(of, rules.clone(), (false, true)));
        state.searching.insert(rules, id);
        let pack = state.touch(id)?;
        state.make_room();
        Some((id, pack))
    }

    /// Packs no other with this rule from now on.
    pub(super) fn set_apart(&self, rule: RuleIndex) {
        let mut state = self.lock();
        state.apart.insert(rule);
        state.all = None;
        let Some(id) = state.of_rule.get(&rule).copied() else { return };
        if state.packs.get(&id).is_some_and(|kept| kept.rules.len() > 1) {
            state.forget(id);
        }
    }

    /// How many packs were made.
    pub(super) fn made(&self) -> u64 {
        self.lock().next
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(
        &mut self,
        (library, options): (&Library, &RuleOptions),
        rules: Vec<RuleIndex>,
        (first, searches): (bool, bool),
    ) -> PackId {
        let id = self.next;
        self.next += 1;
        if first {
            self.of_rule.extend(rules.iter().map(|rule| (*rule, id)));
        }
        self.kept += rules.len();
        self.compiled += rules.len();
        self.packs.insert(
            id,
            Kept { pack: Arc::new(Pack::new(library, options, &rules, searches)), rules, used: self.clock },
        );
        id
    }

    /// The rules `together`, which are to be packed, with others that stand near them among all, and are in no pack yet nor among
    /// those that are packed `now`.
    fn filled(
        &self,
        together: &[RuleIndex],
        now: &[RuleIndex],
        all: usize,
        may_join: impl Fn(RuleIndex) -> bool,
    ) -> Vec<RuleIndex> {
        let mut rules = together.to_vec();
        if self.next < FILLED_AFTER {
            return rules;
        }
        let most = usize::try_from(self.next).unwrap_or(usize::MAX).min(MAX_FILLED);
        let first = together.first().copied().unwrap_or(0);
        let is_free = |rule: &RuleIndex| {
            !self.of_rule.contains_key(rule) && !self.apart.contains(rule) && !now.contains(rule) && may_join(*rule)
        };
        rules.extend((first..all).filter(is_free).take(most.saturating_sub(together.len())));
        rules.sort_unstable();
        rules
    }

    /// One pack instead of several: reading a large file many times takes longer than compiling.
    fn union(&mut self, of: (&Library, &RuleOptions), ids: Vec<PackId>) -> PackId {
        if let Some(known) = self.unions.get(&ids).filter(|known| self.packs.contains_key(known)) {
            return *known;
        }
        let mut rules: Vec<RuleIndex> =
            ids.iter().filter_map(|id| self.packs.get(id)).flat_map(|kept| kept.rules.iter().copied()).collect();
        rules.sort_unstable();
        let id = self.add(of, rules, (false, true));
        self.unions.insert(ids, id);
        id
    }

    fn touch(&mut self, id: PackId) -> Option<Arc<Pack>> {
        self.clock += 1;
        let clock = self.clock;
        let kept = self.packs.get_mut(&id)?;
        kept.used = clock;
        Some(Arc::clone(&kept.pack))
    }

    fn is_apart(&self, id: PackId) -> bool {
        self.packs.get(&id).is_some_and(|kept| kept.rules.iter().any(|rule| self.apart.contains(rule)))
    }

    /// Forgets a pack, and those made of it. Who is matching with one keeps it until then.
    fn forget(&mut self, id: PackId) {
        let made_of_it = self.unions.iter().filter(|(of, _)| of.contains(&id)).map(|(_, union)| *union);
        for id in made_of_it.chain([id]).collect::<Vec<_>>() {
            let Some(gone) = self.packs.remove(&id) else { continue };
            self.kept = self.kept.saturating_sub(gone.rules.len());
            self.of_rule.retain(|_, pack| *pack != id);
            self.unions.retain(|_, pack| *pack != id);
            self.searching.retain(|_, pack| *pack != id);
        }
    }

    /// Forgets the packs that were used least lately.
    fn make_room(&mut self) {
        while self.kept > MAX_KEPT && self.packs.len() > 1 {
            let oldest = self.packs.iter().min_by_key(|(_, kept)| kept.used).map(|(id, _)| *id);
            let Some(oldest) = oldest else { return };
            self.forget(oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::rules::RuleSource;

    fn library(rules: usize) -> Library {
        let text: String = (0..rules).map(|n| format!("rule r{n} {{ condition: true }}\n")).collect();
        let source = RuleSource { namespace: "n".into(), origin: String::new(), text: text.into(), warnings: None };
        let mut library = Library::of(vec![source.clone()]);
        for (range, tree) in crate::hunt::placed_trees(&source.text) {
            tree.items().for_each(|item| library.item(0, range.clone(), item));
        }
        library
    }

    fn ids(packs: &Packs, library: &Library, rules: &[RuleIndex], bytes: u64) -> Vec<PackId> {
        packs
            .holding((library, &RuleOptions::default()), rules, bytes, |_| None, |rule| rule == 5)
            .into_iter()
            .map(|(id, _)| id)
            .collect()
    }

    #[test]
    fn rules_left_together_are_packed_together_and_stay_so() {
        let (packs, library) = (Packs::default(), library(40));
        assert_eq!(ids(&packs, &library, &[1, 2], 9), [0]);
        assert_eq!(ids(&packs, &library, &[2, 3], 9), [0, 1]);
        assert_eq!(ids(&packs, &library, &[4, 5], 9), [2, 3], "one must be apart");
        assert_eq!(ids(&packs, &library, &(10..30).collect::<Vec<_>>(), 9).len(), 3);
        let large = ids(&packs, &library, &[1, 3], 1 << 30);
        assert_eq!(large.len(), 1);
        assert_eq!(ids(&packs, &library, &[1, 3], 1 << 30), large);
        let [(_, pack)] = packs
            .holding((&library, &RuleOptions::default()), &[1, 3], 1 << 30, |_| None, |_| false)
            .try_into()
            .unwrap();
        assert!((1..=3).all(|rule| pack.member("0", &format!("r{rule}")) == Some(rule)));
        assert_eq!(pack.member("0", "r4"), None);
    }

    #[test]
    fn whatever_rules_are_asked_for_they_are_in_the_packs() {
        let library = library(400);
        let packs = Packs::default();
        // Few, as many as fill a pack, one more, and so many that packs are filled and forgotten.
        for count in (1..=40).chain([64, 65, 200, 399]) {
            let asked: Vec<RuleIndex> = (0..count).map(|n| (n * 7 + count) % library.len()).collect();
            let found = packs.holding((&library, &RuleOptions::default()), &asked, 9, |_| None, |rule| rule % 5 == 0);
            let held: HashSet<RuleIndex> =
                found.iter().flat_map(|(_, pack)| pack.rules().collect::<Vec<_>>()).collect();
            assert!(asked.iter().all(|rule| held.contains(rule)), "{count}");
        }
    }

    #[test]
    fn no_more_is_compiled_than_twice_all_rules() {
        let library = library(300);
        let packs = Packs::default();
        let ask = |rules: &[RuleIndex]| {
            packs.holding_whole((&library, &RuleOptions::default()), rules, 9, |_| None, |rule| rule == 5)
        };
        // Files that leave ever other rules, all of which are forgotten in between.
        let mut all = None;
        for file in 0..4 * library.len() {
            let found = ask(&[file % library.len()]);
            let [(id, pack)] = found.as_slice() else { panic!("{} packs", found.len()) };
            assert!(pack.rules().any(|rule| rule == file % library.len()));
            if pack.len() == library.len() {
                assert!(*all.get_or_insert(*id) == *id, "it is made once");
            } else {
                packs.lock().forget(*id);
            }
        }
        assert!(all.is_some() && packs.lock().compiled <= MAX_COMPILED * library.len() + MAX_FILLED);
    }

    #[test]
    fn a_file_that_many_rules_are_left_for_is_matched_against_all() {
        let library = library(MANY + 200);
        let packs = Packs::default();
        let ask = |rules: &[RuleIndex]| {
            let found = packs.holding_whole((&library, &RuleOptions::default()), rules, 9, |_| None, |_| false);
            found.iter().map(|(_, pack)| pack.len()).collect::<Vec<_>>()
        };
        let many: Vec<RuleIndex> = (0..MANY).collect();
        assert_eq!(ask(&many), [library.len()]);
        packs.set_apart(7);
        assert_eq!(ask(&many), [library.len() - 1, 1]);
        assert_eq!(ask(&[3]), [1]);
    }

    #[test]
    fn after_many_packs_each_takes_its_neighbours_with_it() {
        let (packs, library) = (Packs::default(), library(900));
        let is_whole = |rule: RuleIndex| (rule % 50 == 7).then_some(true);
        let ask = |rule: RuleIndex| {
            let found = packs.holding((&library, &RuleOptions::default()), &[rule], 9, is_whole, |rule| rule % 3 == 0);
            let [(id, pack)] = found.as_slice() else { panic!("{} packs", found.len()) };
            let mut rules: Vec<RuleIndex> = pack.rules().collect();
            rules.sort_unstable();
            (*id, rules)
        };
        let mut of_rule: HashMap<RuleIndex, PackId> = HashMap::new();
        for rule in (0..library.len()).filter(|rule| is_whole(*rule).is_none()) {
            let (id, rules) = ask(rule);
            assert!(rules.contains(&rule));
            assert!(rules.iter().all(|other| is_whole(*other).is_none() && (other % 3 == 0) == (rule % 3 == 0)));
            assert!(rules.len() <= MAX_FILLED && (id >= FILLED_AFTER || rules.len() == 1));
            for rule in rules {
                assert_eq!(*of_rule.entry(rule).or_insert(id), id, "rule {rule} is in one pack");
            }
        }
        assert!(packs.made() < 2 * FILLED_AFTER, "{} packs", packs.made());
    }

    #[test]
    fn packs_are_forgotten_and_made_again() {
        let (packs, library) = (Packs::default(), library(MAX_KEPT + 100));
        assert_eq!(ids(&packs, &library, &[0], 9), [0]);
        for rule in 1..MAX_KEPT + 50 {
            assert_eq!(packs.holding((&library, &RuleOptions::default()), &[rule], 9, |_| None, |_| false).len(), 1);
        }
        assert!(packs.0.lock().unwrap().kept <= MAX_KEPT);
        assert_ne!(ids(&packs, &library, &[0], 9), [0]);
    }
}
