//! All guards on a file's first bytes at once.
//!
//! Nearly all of thousands of guards compare one of a few numbers of the file with a constant each: the number is read once, and
//! the constant looked up.

use std::collections::HashMap;

use super::guard::{Guard, GuardIndex, KnownFacts, Number};
use super::truth::PossibleTruth;
use crate::hunt::language::Comparison;

/// Guards by what decides them.
#[derive(Debug)]
pub(super) struct GuardTable {
    /// By guard: what it comes to where no other is told here.
    otherwise: Vec<PossibleTruth>,
    numbers: Vec<ComparedNumber>,
    /// Those that are decided one by one.
    others: Vec<GuardIndex>,
}

/// A number that guards compare for being equal to a constant.
#[derive(Debug)]
struct ComparedNumber {
    number: Number,
    by_constant: HashMap<i128, GuardIndex>,
}

impl GuardTable {
    pub(super) fn new(guards: &[Guard]) -> Self {
        let mut table = Self { otherwise: Vec::new(), numbers: Vec::new(), others: Vec::new() };
        let mut known: HashMap<&Number, usize> = HashMap::new();
        for (index, guard) in guards.iter().enumerate() {
            // Those that look at the size alone are decided for each file, and tell no kinds apart.
            if !guard.looks_at_bytes() {
                table.otherwise.push(PossibleTruth::ANY);
            } else if let Guard::Compare(Comparison::Equal, number, Number::Constant(value)) = guard {
                let place = *known.entry(number).or_insert_with(|| {
                    table.numbers.push(ComparedNumber { number: number.clone(), by_constant: HashMap::new() });
                    table.numbers.len() - 1
                });
                if let Some(number) = table.numbers.get_mut(place) {
                    number.by_constant.insert(*value, index);
                }
                table.otherwise.push(PossibleTruth::FAILS);
            } else {
                table.others.push(index);
                table.otherwise.push(PossibleTruth::ANY);
            }
        }
        table
    }

    /// What every guard comes to, in their order.
    pub(super) fn decide(&self, guards: &[Guard], facts: &KnownFacts, decided: &mut Vec<PossibleTruth>) {
        decided.clone_from(&self.otherwise);
        let mut set = |index: GuardIndex, truth: PossibleTruth| {
            if let Some(decided) = decided.get_mut(index) {
                *decided = truth;
            }
        };
        for ComparedNumber { number, by_constant } in &self.numbers {
            let bounds = number.bounds(facts);
            if let Some(value) = bounds.value() {
                by_constant.get(&value).into_iter().for_each(|guard| set(*guard, PossibleTruth::HOLDS));
            } else {
                let compared = by_constant.values().filter_map(|guard| Some((*guard, guards.get(*guard)?)));
                compared.for_each(|(index, guard)| set(index, guard.truth(facts)));
            }
        }
        for index in &self.others {
            guards.get(*index).into_iter().for_each(|guard| set(*index, guard.truth(facts)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hunt::language::ReadField;
    use proptest::prelude::*;

    fn guard() -> impl Strategy<Value = Guard> {
        let read = (prop::sample::select(vec!["uint8", "uint16be", "int32", "uint32"]), 0..9_i128)
            .prop_map(|(name, at)| Number::Read(ReadField::of_function(name).unwrap(), Box::new(Number::Constant(at))));
        let number = prop_oneof![4 => read.clone(), 1 => Just(Number::Filesize)];
        let comparison = prop::sample::select(vec![Comparison::Equal, Comparison::NotEqual, Comparison::Less]);
        prop_oneof![
            (comparison, number, 0..4_i128).prop_map(|(by, left, right)| Guard::Compare(
                by,
                left,
                Number::Constant(right)
            )),
            read.prop_map(Guard::NonZero),
        ]
    }

    proptest! {
        #[test]
        fn at_once_is_as_one_by_one(
            guards in prop::collection::hash_set(guard(), 0..40),
            header in prop::collection::vec(0..3_u8, 0..10),
            filesize in prop_oneof![Just(None), (0..12_u64).prop_map(Some)],
        ) {
            let guards: Vec<Guard> = guards.into_iter().collect();
            let facts = KnownFacts { filesize, header: &header, ..KnownFacts::NOTHING };
            let one_by_one = guards.iter().map(|guard| {
                if guard.looks_at_bytes() { guard.truth(&facts) } else { PossibleTruth::ANY }
            });
            let mut at_once = vec![PossibleTruth::HOLDS; 3];
            GuardTable::new(&guards).decide(&guards, &facts, &mut at_once);
            prop_assert_eq!(at_once, one_by_one.collect::<Vec<_>>());
        }
    }
}
