//! How many patterns must be in a file before a rule can match it.

use std::collections::BTreeSet;

use super::condition::{Condition, Number, PatternIndex, Quantifier, RuleIndex};

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
