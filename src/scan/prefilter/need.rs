//! Which patterns, and how many, must be in a file before a rule can match it.

use std::collections::BTreeSet;

use super::condition::{Condition, Quantifier, RuleIndex};
use super::guard::{Number, PatternIndex};
use crate::hunt::language::{BinaryOperator, Comparison};

/// Deeper chains of rules that refer to each other are not followed.
const MAX_DEPTH: u32 = 16;

/// A lower bound for the number of different patterns that occur when all of `conditions` hold.
///
/// Only searched patterns count. `of_rule` is the condition of a rule referred to.
pub(super) fn least_patterns<'c>(
    conditions: &[&'c Condition],
    of_rule: &dyn Fn(RuleIndex) -> Option<&'c Condition>,
    searched: &[bool],
) -> usize {
    let walk = Walk { of_rule, searched };
    let parts = conditions.iter().map(|condition| walk.of(condition, 0)).collect();
    all_of(parts).least
}

/// Patterns of which at least one occurs when all of `conditions` hold: of all such sets the one that is met most seldom by
/// chance; `None` if there is none. `chances` tells for each searched pattern how often that is.
pub(super) fn key<'c>(
    conditions: &[&'c Condition],
    of_rule: &dyn Fn(RuleIndex) -> Option<&'c Condition>,
    searched: &[bool],
    chances: &[f64],
) -> Option<BTreeSet<PatternIndex>> {
    let walk = KeyWalk { of_rule, searched, chances };
    let keys = conditions.iter().filter_map(|condition| walk.of(condition, 0));
    keys.min_by(|a, b| a.chance.total_cmp(&b.chance)).map(|key| key.among)
}

struct KeyWalk<'w, 'c> {
    of_rule: &'w dyn Fn(RuleIndex) -> Option<&'c Condition>,
    searched: &'w [bool],
    chances: &'w [f64],
}

/// One of `among` occurs.
struct Key {
    among: BTreeSet<PatternIndex>,
    chance: f64,
}

impl<'c> KeyWalk<'_, 'c> {
    fn of(&self, condition: &'c Condition, depth: u32) -> Option<Key> {
        let best = |keys: &mut dyn Iterator<Item = Key>| keys.min_by(|a, b| a.chance.total_cmp(&b.chance));
        let all = |parts: &'c [Condition]| best(&mut parts.iter().filter_map(|part| self.of(part, depth)));
        let any = |parts: &'c [Condition]| {
            let keys = parts.iter().map(|part| self.of(part, depth)).collect::<Option<Vec<Key>>>()?;
            let chance = keys.iter().map(|key| key.chance).sum();
            Some(Key { among: keys.into_iter().flat_map(|key| key.among).collect(), chance })
        };
        match condition {
            Condition::Pattern(pattern) | Condition::At(pattern, _) => self.one(*pattern),
            Condition::Rule(rule) if depth < MAX_DEPTH => self.of((self.of_rule)(*rule)?, depth + 1),
            Condition::All(parts) | Condition::Of(Quantifier::All, parts) => all(parts),
            Condition::Any(parts) | Condition::Of(Quantifier::Any, parts) => any(parts),
            Condition::Of(Quantifier::Count(Number::Constant(count)), parts) if *count > 0 => {
                self.some(*count, parts, depth)
            }
            Condition::Compare(comparison, left, right) => {
                let defined = [left, right].into_iter().find_map(wanted_match).and_then(|pattern| self.one(pattern));
                let more = match comparison {
                    Comparison::Greater if right.is_never_negative() => self.counted(left),
                    Comparison::Less if left.is_never_negative() => self.counted(right),
                    _ => None,
                };
                best(&mut defined.into_iter().chain(more))
            }
            _ => None,
        }
    }

    /// Where `count` of the parts hold, one of any `n - count + 1` does: of those that are met most seldom. Without so many parts
    /// nothing holds, and any will do.
    fn some(&self, count: i128, parts: &'c [Condition], depth: u32) -> Option<Key> {
        let spare = usize::try_from(count - 1).unwrap_or(usize::MAX);
        let wanted = parts.len().saturating_sub(spare).max(1);
        let mut keys: Vec<Key> = parts.iter().filter_map(|part| self.of(part, depth)).collect();
        if keys.len() < wanted {
            return None;
        }
        keys.sort_by(|a, b| a.chance.total_cmp(&b.chance));
        keys.truncate(wanted);
        let chance = keys.iter().map(|key| key.chance).sum();
        Some(Key { among: keys.into_iter().flat_map(|key| key.among).collect(), chance })
    }

    fn one(&self, pattern: PatternIndex) -> Option<Key> {
        let chance = self.chances.get(pattern).copied().filter(|_| self.searched.get(pattern) == Some(&true))?;
        Some(Key { among: BTreeSet::from([pattern]), chance })
    }

    /// One of the patterns whose matches are summed up, where the sum is more than nothing.
    fn counted(&self, number: &Number) -> Option<Key> {
        match number {
            Number::Count(pattern) => self.one(*pattern),
            Number::Binary(BinaryOperator::Add, left, right) => {
                let (left, right) = (self.counted(left)?, self.counted(right)?);
                let among = left.among.into_iter().chain(right.among).collect();
                Some(Key { among, chance: left.chance + right.chance })
            }
            _ => None,
        }
    }
}

/// A pattern without whose matches the number is undefined.
fn wanted_match(number: &Number) -> Option<PatternIndex> {
    match number {
        Number::OfMatch(pattern) => Some(*pattern),
        Number::Binary(_, left, right) => wanted_match(left).or_else(|| wanted_match(right)),
        Number::Read(_, offset) => wanted_match(offset),
        Number::Unknown | Number::Constant(_) | Number::Filesize | Number::Count(_) => None,
    }
}

struct Walk<'w, 'c> {
    of_rule: &'w dyn Fn(RuleIndex) -> Option<&'c Condition>,
    searched: &'w [bool],
}

/// At least `least` of `among` occur when the condition holds.
#[derive(Default)]
struct Need {
    least: usize,
    among: BTreeSet<PatternIndex>,
}

impl<'c> Walk<'_, 'c> {
    fn of(&self, condition: &'c Condition, depth: u32) -> Need {
        let each = |parts: &'c [Condition]| parts.iter().map(|part| self.of(part, depth)).collect::<Vec<_>>();
        match condition {
            Condition::Pattern(pattern) | Condition::At(pattern, _) => {
                if self.searched.get(*pattern).copied().unwrap_or(false) {
                    Need { least: 1, among: BTreeSet::from([*pattern]) }
                } else {
                    Need::default()
                }
            }
            Condition::Rule(rule) if depth < MAX_DEPTH => {
                (self.of_rule)(*rule).map_or_else(Need::default, |condition| self.of(condition, depth + 1))
            }
            Condition::All(parts) | Condition::Of(Quantifier::All, parts) => all_of(each(parts)),
            Condition::Any(parts) | Condition::Of(Quantifier::Any, parts) => some_of(each(parts), 1),
            Condition::Of(Quantifier::Count(Number::Constant(count)), parts) if *count > 0 => {
                some_of(each(parts), usize::try_from(*count).unwrap_or(usize::MAX))
            }
            _ => Need::default(),
        }
    }
}

/// What all parts together need: where they share no pattern, the sum.
fn all_of(parts: Vec<Need>) -> Need {
    let mut all = Need::default();
    for part in parts.into_iter().filter(|part| part.least > 0) {
        all.least = if all.among.is_disjoint(&part.among) { all.least + part.least } else { all.least.max(part.least) };
        all.among.extend(part.among);
    }
    all
}

/// What `count` of the parts need, whichever they are.
fn some_of(mut parts: Vec<Need>, count: usize) -> Need {
    if count > parts.len() {
        return all_of(parts);
    }
    let sum: usize = parts.iter().map(|part| part.among.len()).sum();
    parts.sort_by_key(|part| part.least);
    let most = parts.get(count.saturating_sub(1)).map_or(0, |part| part.least);
    let total = parts.iter().take(count).map(|part| part.least).sum();
    let among: BTreeSet<PatternIndex> = parts.into_iter().flat_map(|part| part.among).collect();
    Need { least: if among.len() == sum { total } else { most }, among }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(index: PatternIndex) -> Condition {
        Condition::Pattern(index)
    }

    fn least(condition: &Condition) -> usize {
        least_patterns(&[condition], &|_| None, &[true, true, true, true, false])
    }

    #[test]
    fn the_key_is_the_set_that_is_met_most_seldom() {
        let chances = [0.5, 0.1, 0.2, 0.01, 0.0];
        let of = |condition: &Condition| {
            let key = key(&[condition], &|_| None, &[true, true, true, true, false], &chances);
            key.map(|key| key.into_iter().collect::<Vec<_>>())
        };
        let any = |patterns: &[PatternIndex]| Condition::Any(patterns.iter().copied().map(pattern).collect());
        assert_eq!(of(&Condition::All(vec![pattern(0), any(&[1, 3]), pattern(4)])), Some(vec![1, 3]));
        assert_eq!(of(&any(&[1, 4])), None, "the last is not searched for");
        assert_eq!(of(&Condition::Not(Box::new(pattern(3)))), None);
        let sum = Number::Binary(BinaryOperator::Add, Box::new(Number::Count(0)), Box::new(Number::Count(1)));
        let more = |number: Number| Condition::Compare(Comparison::Greater, sum.clone(), number);
        assert_eq!(of(&more(Number::Count(2))), Some(vec![0, 1]));
        assert_eq!(of(&more(Number::Constant(-1))), None);
        let read = Number::Binary(BinaryOperator::Add, Box::new(Number::OfMatch(3)), Box::new(Number::Constant(7)));
        assert_eq!(of(&Condition::Compare(Comparison::Equal, Number::Constant(0), read)), Some(vec![3]));
    }

    #[test]
    fn patterns_that_must_all_be_there_are_summed_up_once_each() {
        let all = |parts| Condition::All(parts);
        assert_eq!(least(&all(vec![pattern(0), pattern(1), pattern(4)])), 2, "the last is not searched for");
        assert_eq!(least(&all(vec![pattern(0), pattern(0)])), 1);
        let two = Condition::Of(Quantifier::Count(Number::Constant(2)), (0..4).map(pattern).collect());
        assert_eq!(least(&two), 2);
        assert_eq!(least(&all(vec![two, pattern(0)])), 2, "the one may be of the two");
        assert_eq!(least(&Condition::Any(vec![all(vec![pattern(0), pattern(1)]), pattern(2)])), 1);
        assert_eq!(least(&Condition::Not(Box::new(pattern(0)))), 0);
        let same = Condition::Of(Quantifier::Count(Number::Constant(2)), vec![pattern(0), pattern(0), pattern(1)]);
        assert_eq!(least(&same), 1);
    }
}
