//! Which rules the first pass leaves for files in vain.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::condition::RuleIndex;

/// Files that a rule is left for in vain before more is searched for.
const FILES: u32 = 3;
/// Bytes of such files.
const BYTES: u64 = 1 << 20;
/// Files that went by before what was learned is first used; each time twice as many as the time before, for all kinds of files
/// have to be looked at anew.
const FIRST: u64 = 16;
/// Times that it is used.
const MAX_TIMES: u32 = 12;

/// What was learned so far, shared by all threads.
#[derive(Debug, Default)]
pub(super) struct Learned(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    in_vain: HashMap<RuleIndex, (u32, u64)>,
    ready: Vec<RuleIndex>,
    files: u64,
    times: u32,
}

impl Learned {
    /// Takes note of a file of so many bytes for which the first pass left the rules `first`, and the second `second` of them;
    /// both in order. Returns rules that are to be searched for in full from now on.
    pub(super) fn note(&self, first: &[RuleIndex], second: &[RuleIndex], bytes: u64) -> Vec<RuleIndex> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.files += 1;
        for rule in first.iter().filter(|rule| second.binary_search(rule).is_err()) {
            let (files, size) = state.in_vain.entry(*rule).or_default();
            let was = *files >= FILES || *size >= BYTES;
            (*files, *size) = (files.saturating_add(1), size.saturating_add(bytes));
            if !was && (*files >= FILES || *size >= BYTES) {
                state.ready.push(*rule);
            }
        }
        if state.ready.is_empty() || state.times >= MAX_TIMES || state.files < FIRST << state.times {
            return Vec::new();
        }
        state.times += 1;
        std::mem::take(&mut state.ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_are_left_in_vain_are_told_now_and_then() {
        let learned = Learned::default();
        let told: Vec<Vec<RuleIndex>> =
            (0..FIRST << 1).map(|_| learned.note(&[3, 5, 7], &[5], 100)).filter(|rules| !rules.is_empty()).collect();
        assert_eq!(told, [[3, 7]]);
        assert_eq!(learned.note(&[9], &[], BYTES), [9], "a large file counts more");
        assert!(learned.note(&[1], &[], BYTES).is_empty(), "not so soon again");
    }
}
