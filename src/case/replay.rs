//! What the journal comes to: which decisions are in force, and the verdict they lead to. Pure functions.

use std::collections::{BTreeMap, HashSet};

use super::{Cover, Decision, FindingId, JournalEntry, JournalEvent, JournalSubject, Seq};
use crate::finding::{Digest, Sha256};
use crate::triage::{Answer, Verdict};

/// The decisions in force about one finding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Decided {
    /// The last answer on each scenario.
    pub(super) answers: BTreeMap<String, Given>,
    /// The last word on the finding as a whole.
    pub(super) standing: Option<VerdictRecord>,
}

/// An answer in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) seq: Seq,
    pub(super) answer: Answer,
    /// The content it was given on.
    pub(super) digest: Digest,
}

/// A word on the finding as a whole, and what that was then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VerdictRecord {
    pub(super) seq: Seq,
    /// The exclusion that covers it; `None` when it was marked malicious.
    pub(super) exclusion: Option<String>,
    pub(super) digest: Digest,
    pub(super) rule_digest: Sha256,
}

impl Decided {
    /// Takes the next decision about this finding into account.
    fn apply(&mut self, seq: Seq, decision: &Decision, subject: &JournalSubject) {
        let standing =
            |exclusion| VerdictRecord { seq, exclusion, digest: subject.digest, rule_digest: subject.rule_digest };
        match decision {
            Decision::Answered { scenario, answer, .. } => {
                let given = Given { seq, answer: *answer, digest: subject.digest };
                self.answers.insert(scenario.clone(), given);
            }
            Decision::Note { .. } | Decision::Tagged { .. } => {}
            Decision::MarkedMalicious { .. } => self.standing = Some(standing(None)),
            Decision::ExclusionRecorded { exclusion, .. } => self.standing = Some(standing(Some(exclusion.clone()))),
            Decision::ExclusionRevoked { exclusion, .. } => {
                if self.standing.as_ref().is_some_and(|s| s.exclusion.as_ref() == Some(exclusion)) {
                    self.standing = None;
                }
            }
        }
    }
}

/// The decisions in force about each finding, from entries in the journal's order, those in `undone` groups left out.
pub(super) fn replay<'a>(
    decided: &mut BTreeMap<FindingId, Decided>,
    entries: impl IntoIterator<Item = &'a JournalEntry>,
    undone: &HashSet<Seq>,
) {
    for entry in entries {
        if let (JournalEvent::Decided(decision), Some((finding, subject))) = (&entry.event, &entry.finding)
            && !undone.contains(&entry.group)
        {
            decided.entry(*finding).or_default().apply(entry.seq, decision, subject);
        }
    }
}

/// The groups that are not in force, from every undoing in the journal's order as (its own group, the group undone).
///
/// An undoing can be undone: then what it undid is in force again.
pub(super) fn undone_groups(undoings: &[(Seq, Seq)]) -> HashSet<Seq> {
    let mut undone = HashSet::new();
    for (group, target) in undoings.iter().rev() {
        if !undone.contains(group) {
            undone.insert(*target);
        }
    }
    undone
}

/// A finding as it was last seen, as far as its verdict depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReplayedFinding {
    pub(super) digest: Digest,
    pub(super) rule_digest: Sha256,
    /// The scenarios of its rule.
    pub(super) scenarios: Vec<String>,
    /// Whether its content is a known sample of its rule.
    pub(super) known: bool,
}

/// What the finding has come to.
///
/// Doubt leaves it open: an exclusion holds here only for the content and the rule it was recorded on, unless the
/// register says that it covers more, and an answer counts only for the content it was given on. Being marked malicious
/// holds until that is undone or an exclusion is recorded for this very finding.
pub(super) fn verdict(now: &ReplayedFinding, decided: &Decided, cover: Option<&Cover>) -> Verdict {
    if let Some(standing) = &decided.standing {
        let Some(exclusion) = &standing.exclusion else { return Verdict::Malicious };
        let same = standing.digest == now.digest && standing.rule_digest == now.rule_digest;
        let lapsed = cover.is_some_and(|c| c.exclusion == *exclusion && c.lapsed.is_some());
        if same && !lapsed {
            return Verdict::Benign;
        }
    }
    if cover.is_some_and(|c| c.lapsed.is_none()) {
        return Verdict::Benign;
    }
    if now.known {
        return Verdict::Malicious;
    }
    let ruled_out = |scenario: &String| {
        decided.answers.get(scenario).is_some_and(|g| g.answer == Answer::RuledOut && g.digest == now.digest)
    };
    if !now.scenarios.is_empty() && now.scenarios.iter().all(ruled_out) { Verdict::Suspicious } else { Verdict::Open }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> ReplayedFinding {
        let scenarios = vec!["backup".into(), "signatures".into()];
        ReplayedFinding {
            digest: Sha256::of(b"file").into(),
            rule_digest: Sha256::of(b"rule"),
            scenarios,
            known: false,
        }
    }

    fn stands(exclusion: Option<&str>) -> Decided {
        let now = now();
        let exclusion = exclusion.map(str::to_owned);
        let standing = VerdictRecord { seq: Seq(1), exclusion, digest: now.digest, rule_digest: now.rule_digest };
        Decided { standing: Some(standing), ..Decided::default() }
    }

    fn answered(answers: &[(&str, Answer)]) -> Decided {
        let given = |answer| Given { seq: Seq(1), answer, digest: now().digest };
        let answers = answers.iter().map(|(scenario, answer)| ((*scenario).to_owned(), given(*answer))).collect();
        Decided { answers, standing: None }
    }

    #[test]
    fn every_scenario_ruled_out_is_suspicious_and_nothing_less_is() {
        let out = Answer::RuledOut;
        assert_eq!(verdict(&now(), &answered(&[]), None), Verdict::Open);
        assert_eq!(verdict(&now(), &answered(&[("backup", out)]), None), Verdict::Open);
        assert_eq!(verdict(&now(), &answered(&[("backup", out), ("signatures", Answer::Unsure)]), None), Verdict::Open);
        let all = answered(&[("backup", out), ("signatures", out)]);
        assert_eq!(verdict(&now(), &all, None), Verdict::Suspicious);
        assert_eq!(
            verdict(&ReplayedFinding { digest: Sha256::of(b"other").into(), ..now() }, &all, None),
            Verdict::Open
        );
        assert_eq!(verdict(&ReplayedFinding { scenarios: Vec::new(), ..now() }, &answered(&[]), None), Verdict::Open);
    }

    #[test]
    fn an_exclusion_holds_for_what_it_was_recorded_on() {
        let excluded = stands(Some("x"));
        let cover = |exclusion: &str, lapsed: Option<&str>| {
            Some(Cover { exclusion: exclusion.into(), lapsed: lapsed.map(str::to_owned) })
        };
        assert_eq!(verdict(&now(), &excluded, None), Verdict::Benign);
        let changed = ReplayedFinding { digest: Sha256::of(b"other").into(), ..now() };
        assert_eq!(verdict(&changed, &excluded, None), Verdict::Open);
        assert_eq!(verdict(&changed, &excluded, cover("x", None).as_ref()), Verdict::Benign);
        let new_rule = ReplayedFinding { rule_digest: Sha256::of(b"other"), ..now() };
        assert_eq!(verdict(&new_rule, &excluded, None), Verdict::Open);
        assert_eq!(verdict(&now(), &excluded, cover("x", Some("expired")).as_ref()), Verdict::Open);
        assert_eq!(verdict(&now(), &excluded, cover("y", Some("expired")).as_ref()), Verdict::Benign);
        assert_eq!(verdict(&now(), &Decided::default(), cover("y", None).as_ref()), Verdict::Benign);
    }

    #[test]
    fn malicious_outweighs_the_register_and_a_known_sample_can_be_excluded() {
        let marked = stands(None);
        let cover = Cover { exclusion: "x".into(), lapsed: None };
        assert_eq!(verdict(&now(), &marked, Some(&cover)), Verdict::Malicious);
        let known = ReplayedFinding { known: true, ..now() };
        assert_eq!(verdict(&known, &Decided::default(), None), Verdict::Malicious);
        let excluded = stands(Some("x"));
        assert_eq!(verdict(&known, &excluded, None), Verdict::Benign);
    }

    #[test]
    fn an_undone_undoing_puts_its_target_back_in_force() {
        let seqs = |undoings: &[(i64, i64)]| {
            let pairs: Vec<_> = undoings.iter().map(|(a, b)| (Seq(*a), Seq(*b))).collect();
            undone_groups(&pairs)
        };
        assert_eq!(seqs(&[(2, 1)]), HashSet::from([Seq(1)]));
        assert_eq!(seqs(&[(2, 1), (3, 2)]), HashSet::from([Seq(2)]));
        assert_eq!(seqs(&[(2, 1), (3, 2), (4, 3)]), HashSet::from([Seq(1), Seq(3)]));
    }
}
