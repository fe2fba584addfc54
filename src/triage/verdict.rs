//! What a finding comes to, from the exclusions, the walk-through and the known samples together.

use super::Verdict;
use super::matching::Standing;

/// The verdict on a finding.
///
/// `walked` is what its walk-through came to. The responder's word "malicious" stands above everything, then an
/// exclusion in force, then the rule's list of known samples: an exclusion covers one of those only after the rule's
/// name was typed. A walk-through that found the file benign counts only while its exclusion is in force.
pub fn verdict(standing: &Standing<'_>, walked: Verdict, known_sample: bool) -> Verdict {
    match (standing, walked) {
        (_, Verdict::Malicious) => Verdict::Malicious,
        (Standing::Excluded(_), _) => Verdict::Benign,
        _ if known_sample => Verdict::Malicious,
        (_, Verdict::Suspicious) => Verdict::Suspicious,
        (_, Verdict::Open | Verdict::Benign) => Verdict::Open,
    }
}

/// Whether `typed` is the rule's name, letter for letter, so that a known sample may be excluded.
pub fn confirm_known_sample(rule_name: &str, typed: &str) -> bool {
    !rule_name.is_empty() && typed.trim() == rule_name
}

#[cfg(test)]
mod tests {
    use super::super::exclusion::tests::{as_is, exclusion};
    use super::*;

    #[test]
    fn known_samples_are_malicious_unless_excluded() {
        let exclusion = exclusion("/opt/r/x", "a", as_is);
        let excluded = Standing::Excluded(&exclusion);
        for walked in [Verdict::Open, Verdict::Benign, Verdict::Suspicious] {
            assert_eq!(verdict(&Standing::Open, walked, true), Verdict::Malicious);
            assert_eq!(verdict(&excluded, walked, true), Verdict::Benign);
            assert_eq!(verdict(&excluded, walked, false), Verdict::Benign);
        }
    }

    #[test]
    fn the_word_malicious_stands_above_an_exclusion() {
        let exclusion = exclusion("/opt/r/x", "a", as_is);
        assert_eq!(verdict(&Standing::Excluded(&exclusion), Verdict::Malicious, false), Verdict::Malicious);
    }

    #[test]
    fn benign_without_an_exclusion_in_force_is_open_again() {
        assert_eq!(verdict(&Standing::Open, Verdict::Benign, false), Verdict::Open);
        assert_eq!(verdict(&Standing::Returned(Vec::new()), Verdict::Benign, false), Verdict::Open);
        assert_eq!(verdict(&Standing::Open, Verdict::Suspicious, false), Verdict::Suspicious);
    }

    #[test]
    fn only_the_name_itself_confirms() {
        assert!(confirm_known_sample("EQGRP_tinyexec", "EQGRP_tinyexec\n"));
        for typed in ["", "y", "eqgrp_tinyexec", "EQGRP_tinyexec2"] {
            assert!(!confirm_known_sample("EQGRP_tinyexec", typed), "{typed}");
        }
        assert!(!confirm_known_sample("", ""));
    }
}
