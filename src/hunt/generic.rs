//! Scenarios that fit any rule, for rules that come without a hunt of their own.

use std::sync::{Arc, LazyLock};

use super::check::{Check, Operand};
use super::field::{CheckOperator, Field};
use super::matching::NamedValues;
use super::rule::Rule;
use super::{Hunt, Scenario, Threat};

/// A hunt for a rule that nobody wrote one for.
pub(crate) fn hunt(rule: Rule) -> Hunt {
    Hunt {
        hypothesis: hypothesis(&rule),
        rule,
        also_in: Vec::new(),
        candidate: None,
        threat: Threat::default(),
        scenarios: generic_scenarios(),
    }
}

/// What is known about a rule without a hypothesis: what its author says of it.
fn hypothesis(rule: &Rule) -> String {
    let mut known = vec![format!("No hypothesis comes with the rule {}; its meta is all that is known.", rule.id)];
    let said = [
        ("It describes itself as", rule.description()),
        ("Author", rule.author()),
        ("Reference", rule.reference()),
        ("Date", rule.date()),
    ];
    known.extend(
        said.into_iter().filter_map(|(what, text)| text.map(|text| format!("{what}: {}.", text.trim_end_matches('.')))),
    );
    let samples = rule.known_samples().len();
    if samples > 0 {
        known.push(format!("Known samples listed: {samples}."));
    }
    known.join(" ")
}

/// The four benign explanations that any rule can meet with; one copy serves thousands of rules.
pub(crate) fn generic_scenarios() -> Arc<[Scenario]> {
    static SCENARIOS: LazyLock<Arc<[Scenario]>> = LazyLock::new(|| scenarios().into());
    Arc::clone(&SCENARIOS)
}

fn scenarios() -> Vec<Scenario> {
    let under = |set| check(Field::FilePath, CheckOperator::Under, Operand::SiteSet(set));
    let named = |field, set| check(field, CheckOperator::In, Operand::SiteSet(set));
    vec![
        Scenario {
            id: "package-owned-file".into(),
            title: "File of an installed package".into(),
            story: "The file belongs to software that the system's package manager installed, and the rule's patterns \
                    also occur in that software."
                .into(),
            filter: "A package ships this path and the content is what the package shipped. A package that owns the \
                     path but not this content speaks against it; so does a package from no repository you know."
                .into(),
            applies_when: vec![vec![listed(Field::FilePackageState, CheckOperator::In, &["unchanged"])]],
            contradicted_when: Vec::new(),
        },
        Scenario {
            id: "backup-or-mirror".into(),
            title: "Backup or mirror of a good file".into(),
            story: "The file is a copy that a backup or a mirror made of a file known to be good.".into(),
            filter: "The content is on a list of known-good hashes, or the file lies in a backup folder or was put \
                     there by a backup tool. Find the original and compare: a backup of a bad file is a bad file."
                .into(),
            applies_when: vec![
                vec![named(Field::FileSha256, "known_good".into())],
                vec![under("backup_dirs".into())],
                vec![named(Field::ProcessName, "backup_tools".into())],
            ],
            contradicted_when: Vec::new(),
        },
        Scenario {
            id: "security-tool-signatures".into(),
            title: "Signatures of a security tool".into(),
            story:
                "The file is the rule itself, or a signature file of a scanner that looks for the same thing, so it \
                    must hold the same patterns."
                    .into(),
            filter: "It lies in a scanner's signature folder, or is named like a signature file and belongs to a \
                     package or is held by a security tool. Look at the bytes around the match: signatures read as \
                     lists of patterns; anything that could run does not belong here."
                .into(),
            applies_when: vec![
                vec![under("signature_dirs".into())],
                vec![signature_name(), check(Field::FilePackage, CheckOperator::Exists, Operand::Exists(true))],
                vec![signature_name(), named(Field::ProcessName, "security_tools".into())],
            ],
            contradicted_when: Vec::new(),
        },
        Scenario {
            id: "build-tree".into(),
            title: "Source or build tree".into(),
            story: "The file is source code, test data or a build product of software that is written or built on \
                    this box."
                .into(),
            filter: "It lies where software is developed or built here, and its owner is someone who does that. A \
                     build folder on a box where nobody builds, or a file no repository knows, contradicts it."
                .into(),
            applies_when: vec![vec![under("development_dirs".into())], vec![under("build_dirs".into())]],
            contradicted_when: Vec::new(),
        },
    ]
}

fn signature_name() -> Check {
    let names = ["*.yar", "*.yara", "*.yarc", "*.cvd", "*.cld", "*.ndb", "*.hdb", "*.ldb", "*.rules"];
    listed(Field::FileName, CheckOperator::Glob, &names)
}

fn listed(field: Field, operator: CheckOperator, values: &[&str]) -> Check {
    check(field, operator, Operand::Values(NamedValues::fitting(field.kind(), operator, values)))
}

fn check(field: Field, operator: CheckOperator, operand: Operand) -> Check {
    Check { field, operator, operand, strength: None }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::hunt::{Site, matching, rules_of};

    #[test]
    fn four_scenarios_with_checks_that_hold_up_to_validation() {
        let scenarios = generic_scenarios();
        assert_eq!(scenarios.len(), 4);
        let site = Site::default();
        for check in scenarios.iter().flat_map(|scenario| &scenario.applies_when).flatten() {
            assert!(check.field.operators().contains(&check.operator), "{check}");
            match &check.operand {
                Operand::SiteSet(name) => {
                    assert_eq!(site.set(name).and_then(|set| set.kind), Some(check.field.kind()), "{check}");
                }
                Operand::Values(values) => {
                    assert_eq!(
                        values.texts().len(),
                        if check.operator == CheckOperator::Glob { 9 } else { 1 },
                        "{check}"
                    );
                    for value in values.texts() {
                        assert_eq!(matching::normal(check.field.kind(), check.operator, value).as_ref(), Ok(value));
                    }
                }
                Operand::Exists(_) | Operand::Schedule => {}
            }
        }
    }

    #[test]
    fn the_hypothesis_says_what_the_meta_says() {
        let source =
            "rule a { meta: description = \"Finds x.\" author = \"Ann\" condition: true }\nrule b { condition: true }";
        let hypotheses: Vec<String> =
            rules_of("n", Path::new("x"), source).unwrap().into_iter().map(|rule| hunt(rule).hypothesis).collect();
        assert!(hypotheses[0].ends_with("It describes itself as: Finds x. Author: Ann."), "{}", hypotheses[0]);
        assert_eq!(hypotheses[1], "No hypothesis comes with the rule b; its meta is all that is known.");
    }
}
