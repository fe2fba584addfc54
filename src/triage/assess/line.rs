//! One line of a scenario: all its checks, and by one process where several ask about a process.

use std::collections::BTreeSet;

use super::LineAssessment;
use super::check::{self, Weighed};
use super::context::EvidenceContext;
use super::partition::ByProcess;
use crate::hunt::{Check, Strength, Truth};

/// Weighs the checks of one line together.
pub(super) fn evaluate(checks: &[Check], known: &EvidenceContext<'_>) -> LineAssessment {
    let weighed: Vec<Weighed> = checks.iter().map(|check| check::evaluate(check, known)).collect();
    let by: Vec<&ByProcess> = weighed.iter().filter_map(|weighed| weighed.by.as_ref()).collect();
    let each = Truth::all(weighed.iter().map(|weighed| weighed.said.truth));
    // One check about a process needs nobody to agree with.
    let truth = if by.len() < 2 { each } else { each.and(one_process(&by)) };
    let note = (truth < each).then(|| note(truth));
    let strength = weighed.iter().filter_map(|weighed| weighed.said.strength).max();
    let strength: Option<Strength> = strength.filter(|_| truth == Truth::Met);
    LineAssessment { truth, strength, checks: weighed.into_iter().map(|weighed| weighed.said).collect(), note }
}

/// Whether one process meets all.
fn one_process(all: &[&ByProcess]) -> Truth {
    let pids: BTreeSet<u32> = all.iter().flat_map(|by| by.met.iter().chain(&by.maybe)).copied().collect();
    let meets = |by: &ByProcess, pid: u32| match pid {
        pid if by.met.contains(&pid) => Truth::Met,
        pid if by.anyone || by.maybe.contains(&pid) => Truth::Unknown,
        _ => Truth::NotMet,
    };
    let known = Truth::any(pids.into_iter().map(|pid| Truth::all(all.iter().map(|by| meets(by, pid)))));
    let unknown = if all.iter().all(|by| by.anyone) { Truth::Unknown } else { Truth::NotMet };
    known.or(unknown)
}

fn note(truth: Truth) -> String {
    match truth {
        Truth::Unknown => "each check is met, but it can't be told whether by the same process",
        Truth::Met | Truth::NotMet => "each check may be met, but by no one process",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(met: &[u32], maybe: &[u32], anyone: bool) -> ByProcess {
        ByProcess { met: met.iter().copied().collect(), maybe: maybe.iter().copied().collect(), anyone }
    }

    #[test]
    fn two_checks_about_processes_must_agree_on_one() {
        let cases = [
            (by(&[1, 2], &[], false), by(&[2, 3], &[], false), Truth::Met),
            (by(&[1], &[], false), by(&[2], &[], false), Truth::NotMet),
            (by(&[1], &[], false), by(&[2], &[1], false), Truth::Unknown),
            (by(&[1], &[], false), by(&[2], &[], true), Truth::Unknown),
            (by(&[], &[], true), by(&[], &[], true), Truth::Unknown),
            (by(&[], &[], false), by(&[], &[], true), Truth::NotMet),
        ];
        for (one, other, expected) in cases {
            assert_eq!(one_process(&[&one, &other]), expected, "{one:?} {other:?}");
            assert_eq!(one_process(&[&other, &one]), expected, "{other:?} {one:?}");
        }
    }
}
