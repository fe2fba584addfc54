//! Which rules were left for how many files: for whose sake files went to yara-x.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::scan::prefilter::RuleIndex;

/// Rules that the log names at most, those that most bytes were matched for first.
const LISTED: usize = 64;
/// Upper ends of the classes that files are counted in, by the number of rules that were left for them.
const CLASSES: [usize; 4] = [1, 4, 16, 64];

/// What a scan has asked of yara-x, shared by all workers.
#[derive(Debug, Default)]
pub(super) struct Usage(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    files: u64,
    bytes: u64,
    /// Files by the number of rules that were left for them; the last for more than [`CLASSES`] name.
    classes: [u64; CLASSES.len() + 1],
    rules: HashMap<RuleIndex, RuleUse>,
}

/// What one rule has cost.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct RuleUse {
    /// Files that it was left for.
    pub files: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Files that it matched.
    pub matched: u64,
}

impl Usage {
    /// Counts a file of so many bytes that was matched against the rules `left`, of which `matched` matched.
    pub(super) fn note(&self, bytes: u64, left: &[RuleIndex], matched: impl IntoIterator<Item = RuleIndex>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.files += 1;
        state.bytes += bytes;
        let class = CLASSES.iter().position(|most| left.len() <= *most).unwrap_or(CLASSES.len());
        if let Some(count) = state.classes.get_mut(class) {
            *count += 1;
        }
        for rule in left {
            let rule = state.rules.entry(*rule).or_default();
            rule.files += 1;
            rule.bytes += bytes;
        }
        for rule in matched {
            state.rules.entry(rule).or_default().matched += 1;
        }
    }

    /// Says in the log what was counted; `described` names a rule.
    pub(super) fn log(&self, packs: u64, described: impl Fn(RuleIndex) -> String) {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let asked: u64 = state.rules.values().map(|rule| rule.files).sum();
        let (files, bytes, rules) = (state.files, state.bytes, state.rules.len());
        tracing::info!(files, bytes, rules, asked, packs, "files that went to yara-x, and the rules left for them");
        let [one, few, some, many, more] = state.classes;
        tracing::debug!(one, to_4 = few, to_16 = some, to_64 = many, more, "files by the rules left for them");
        let mut rules: Vec<(&RuleIndex, &RuleUse)> = state.rules.iter().collect();
        rules.sort_by_key(|(rule, used)| (std::cmp::Reverse(used.bytes), **rule));
        for (rule, RuleUse { files, bytes, matched }) in rules.into_iter().take(LISTED) {
            tracing::debug!(files, bytes, matched, "left: {}", described(*rule));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_counted_for_each_rule_that_was_left() {
        let usage = Usage::default();
        usage.note(10, &[3, 7], [7]);
        usage.note(5, &[7], []);
        usage.note(1, &(0..100).collect::<Vec<_>>(), []);
        let state = usage.0.lock().unwrap();
        assert_eq!((state.files, state.bytes, state.classes), (3, 16, [1, 1, 0, 0, 1]));
        assert_eq!(state.rules[&7], RuleUse { files: 3, bytes: 16, matched: 1 });
        assert_eq!(state.rules[&3], RuleUse { files: 2, bytes: 11, matched: 0 });
    }
}
