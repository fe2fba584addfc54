//! Matches packs of rules against one file so that a rule which takes too long, or that the engine fails over, costs the
//! file no finding of another: halves of its pack are matched, and halves of those, until it is alone, and coverage names it.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::coverage::{Leave, Reason, Unscanned};
use super::engine::{Failure, RuleMatches};
use super::prefilter::RuleIndex;
use super::rules::{Pack, PackId, Ruleset};
use super::shared::Shared;
use crate::text;

/// Once rules failed together, so many times the limit of a match is taken to tell them apart, for each file.
const ROUNDS: u32 = 4;
/// But at least so long: compiling halves takes its time.
const MIN_ROUNDS: Duration = Duration::from_secs(20);
/// Halves have this part of the limit: those without the slow rule mostly take no time at all.
const PART: u32 = 8;
/// yara-x counts whole ticks of a clock of its own, so that a match may have up to a tick less than it was given.
const TICK: Duration = Duration::from_secs(1);

/// Why a pack was not matched.
pub(super) enum MatchStop {
    /// The engine took too long or failed; it may not with fewer rules.
    Engine(Failure),
    /// The file is left.
    Leave(Leave),
}

impl From<Failure> for MatchStop {
    fn from(failure: Failure) -> Self {
        Self::Engine(failure)
    }
}

impl From<Leave> for MatchStop {
    fn from(leave: Leave) -> Self {
        Self::Leave(leave)
    }
}

/// Matches a pack within a time. Without a number it is one of a few rules that are tried once.
type Attempt<'a> = &'a mut dyn FnMut(Option<PackId>, &Pack, Duration) -> Result<Vec<RuleMatches>, MatchStop>;

/// One file being matched against the rules that are left for it.
pub(super) struct Matching<'r> {
    rules: &'r Ruleset,
    /// How long one pack may be matched.
    limit: Duration,
    left: &'r [RuleIndex],
    /// When rules are told apart no more; set when the first fail together.
    deadline: Option<Instant>,
    found: Vec<RuleMatches>,
    /// Rules that fail by themselves.
    failed: Vec<(RuleIndex, Failure)>,
    /// Rules that there was no time left for.
    untried: Vec<RuleIndex>,
}

impl<'r> Matching<'r> {
    /// Nothing is matched yet; `left` are the rules that may match the file.
    pub(super) fn new(rules: &'r Ruleset, limit: Duration, left: &'r [RuleIndex]) -> Self {
        Self { rules, limit, left, deadline: None, found: Vec::new(), failed: Vec::new(), untried: Vec::new() }
    }

    /// Matches all packs.
    ///
    /// # Errors
    /// The file is left before its end. What was matched until then stays.
    pub(super) fn run(&mut self, packs: &[(PackId, Arc<Pack>)], attempt: Attempt) -> Result<(), Leave> {
        for (id, pack) in packs {
            match attempt(Some(*id), pack, self.limit) {
                Ok(found) => self.found.extend(found),
                Err(MatchStop::Leave(leave)) => return Err(leave),
                Err(MatchStop::Engine(failure)) => self.narrow(pack, failure, attempt)?,
            }
        }
        Ok(())
    }

    /// Tells the rules of a pack apart that failed.
    fn narrow(&mut self, pack: &Pack, failure: Failure, attempt: Attempt) -> Result<(), Leave> {
        let rules: Vec<RuleIndex> = pack.rules().filter(|rule| self.left.binary_search(rule).is_ok()).collect();
        if let ([rule], 1) = (rules.as_slice(), pack.len()) {
            self.failed.push((*rule, failure));
            return Ok(());
        }
        let time = (self.limit * ROUNDS).max(MIN_ROUNDS);
        let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + time);
        let mut open: VecDeque<Vec<RuleIndex>> = halves(rules).into();
        let mut alone = Vec::new();
        while let Some(rules) = open.pop_front() {
            if Instant::now() >= deadline {
                self.untried.extend(rules);
                continue;
            }
            match attempt(None, &self.rules.pack_of(&rules), (self.limit / PART).max(TICK)) {
                Ok(found) => self.found.extend(found),
                Err(MatchStop::Leave(leave)) => return Err(leave),
                Err(MatchStop::Engine(failure)) => match rules.as_slice() {
                    [rule] => alone.push((*rule, failure)),
                    _ => open.extend(halves(rules)),
                },
            }
        }
        for (rule, failure) in alone {
            // It had less than the limit until now.
            let again = matches!(failure, Failure::TimedOut(_)) && Instant::now() < deadline;
            let outcome = if again {
                attempt(None, &self.rules.pack_of(&[rule]), self.limit + TICK)
            } else {
                Err(MatchStop::Engine(failure))
            };
            match outcome {
                Ok(found) => self.found.extend(found),
                Err(MatchStop::Leave(leave)) => return Err(leave),
                Err(MatchStop::Engine(failure)) => {
                    // The others of its pack are matched without it from now on.
                    self.rules.set_apart(rule);
                    self.failed.push((rule, failure));
                }
            }
        }
        Ok(())
    }

    /// What was found, in order of the rules.
    pub(super) fn take_found(&mut self) -> Vec<RuleMatches> {
        let mut found = std::mem::take(&mut self.found);
        found.sort_by_key(|found| found.index);
        found
    }

    /// Lists in coverage what was not matched.
    pub(super) fn report_gaps(self, path: &Path, shared: &Shared) {
        let note = |reason| shared.unscanned(Unscanned { path: path.to_owned(), reason });
        for (rule, failure) in self.failed {
            let rule = self.rules.described(rule);
            note(failure.over(rule));
        }
        if !self.untried.is_empty() {
            let names: Vec<String> = self.untried.iter().map(|rule| self.rules.described(*rule)).collect();
            let count = text::counted(names.len() as u64, "rule");
            note(Reason::Partly(format!(
                "a slow rule left no time for {count}, which --match-timeout gives more: {}",
                names.join(", ")
            )));
        }
    }
}

/// The two halves of rules that are more than one.
fn halves(mut rules: Vec<RuleIndex>) -> Vec<Vec<RuleIndex>> {
    let second = rules.split_off(rules.len().div_ceil(2));
    [rules, second].into_iter().filter(|half| !half.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::rules::RuleSource;

    fn ruleset(rules: usize) -> Ruleset {
        let text: String = (0..rules).map(|n| format!("rule r{n} {{ condition: filesize > 0 }}\n")).collect();
        Ruleset::compile(
            &[RuleSource { namespace: "n".into(), origin: "my.yar".into(), text: text.into(), warnings: None }],
            &[],
        )
        .unwrap()
    }

    fn found(rule: RuleIndex, rules: &Ruleset) -> RuleMatches {
        let super::super::rules::Meaning::Finding(id) = rules.meaning(rule) else { panic!("{rule} finds nothing") };
        RuleMatches { index: rule, rule: id, candidate: false, matches: Vec::new(), capped: false }
    }

    /// Matches `count` rules with an engine that fails when one of `bad` is among them; rules found and rules failed.
    fn outcome(count: usize, bad: &[RuleIndex], limit: Duration) -> (Vec<RuleIndex>, Vec<RuleIndex>, Vec<RuleIndex>) {
        let rules = ruleset(count);
        let left: Vec<RuleIndex> = (0..count).collect();
        let mut matching = Matching::new(&rules, limit, &left);
        let packs = rules.packs(&left, 1 << 40);
        let mut attempt = |_: Option<PackId>, pack: &Pack, limit: Duration| {
            if pack.rules().any(|rule| bad.contains(&rule)) {
                return Err(MatchStop::Engine(Failure::TimedOut(limit)));
            }
            Ok(pack.rules().map(|rule| found(rule, &rules)).collect())
        };
        matching.run(&packs, &mut attempt).unwrap();
        let found = matching.take_found().iter().map(|found| found.index).collect();
        let mut failed: Vec<RuleIndex> = matching.failed.iter().map(|(rule, _)| *rule).collect();
        failed.sort_unstable();
        let full = |failure: &Failure| matches!(failure, Failure::TimedOut(time) if *time >= limit);
        assert!(matching.failed.iter().all(|(_, failure)| full(failure)), "each had all of the time by itself");
        (found, failed, matching.untried)
    }

    #[test]
    fn all_but_the_failing_rules_are_matched_whichever_they_are() {
        for (count, bad) in
            [(1, vec![0]), (2, vec![1]), (7, vec![3]), (64, vec![0, 31, 32, 63]), (5, vec![0, 1, 2, 3, 4])]
        {
            let good: Vec<RuleIndex> = (0..count).filter(|rule| !bad.contains(rule)).collect();
            assert_eq!(outcome(count, &bad, Duration::from_mins(1)), (good, bad, Vec::new()));
        }
    }

    #[test]
    fn rules_that_there_is_no_time_left_for_are_listed() {
        let rules = ruleset(8);
        let left: Vec<RuleIndex> = (0..8).collect();
        let mut matching = Matching { deadline: Some(Instant::now()), ..Matching::new(&rules, TICK, &left) };
        let packs = [(0, Arc::new(rules.pack_of(&[0, 1, 2]))), (1, Arc::new(rules.pack_of(&[5])))];
        let mut attempt = |_: Option<PackId>, pack: &Pack, limit: Duration| match pack.len() {
            1 => Ok(vec![found(5, &rules)]),
            _ => Err(MatchStop::Engine(Failure::TimedOut(limit))),
        };
        matching.run(&packs, &mut attempt).unwrap();
        matching.untried.sort_unstable();
        assert_eq!(matching.untried, [0, 1, 2]);
        assert_eq!(matching.take_found().len(), 1, "the other packs are matched all the same");
    }

    #[test]
    fn a_file_that_is_left_keeps_what_was_found_before() {
        let rules = ruleset(2);
        let left = [0, 1];
        let mut matching = Matching::new(&rules, TICK, &left);
        let packs = [(0, Arc::new(rules.pack_of(&[0]))), (1, Arc::new(rules.pack_of(&[1])))];
        let mut attempt = |id: Option<PackId>, _: &Pack, _: Duration| match id {
            Some(0) => Ok(vec![found(0, &rules)]),
            _ => Err(MatchStop::Leave(Leave::Unscanned(Reason::Skipped))),
        };
        assert!(matches!(matching.run(&packs, &mut attempt), Err(Leave::Unscanned(Reason::Skipped))));
        assert_eq!(matching.take_found().len(), 1);
    }

    #[test]
    fn a_rule_that_failed_is_matched_apart_from_then_on() {
        let rules = ruleset(6);
        let left: Vec<RuleIndex> = (0..6).collect();
        let together = rules.packs(&left, 1 << 40);
        assert!(together.iter().any(|(_, pack)| pack.len() > 1 && pack.rules().any(|rule| rule == 2)));
        rules.set_apart(2);
        let packs = rules.packs(&left, 1 << 40);
        assert!(packs.iter().all(|(_, pack)| pack.len() == 1 || pack.rules().all(|rule| rule != 2)));
        let mut all: Vec<RuleIndex> = packs.iter().flat_map(|(_, pack)| pack.rules().collect::<Vec<_>>()).collect();
        all.sort_unstable();
        assert_eq!(all, left);
    }
}
