//! Benign explanations that fit any hunt, and that every analyst meets first: the file is about what the rule looks for, or
//! somebody else vouches for its content.
//!
//! They follow a hunt's own scenarios. A finding is suspicious once its hunt's own are ruled out; these need no answer.

use std::sync::LazyLock;

use super::Scenario;
use super::check::{Check, Operand};
use super::field::{CheckOperator, Field};
use super::matching::NamedValues;

static SCENARIOS: LazyLock<Vec<Scenario>> = LazyLock::new(all);

/// Every one, in the order in which they are told.
pub(crate) fn scenarios() -> &'static [Scenario] {
    &SCENARIOS
}

/// The one of this id.
pub(crate) fn scenario(id: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.id == id)
}

fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            id: "rules-or-indicators".into(),
            title: "The rule itself, or a list of indicators".into(),
            story: "The file holds the signature and not what the signature is for: YARA rules, a list of hashes and \
                    addresses, rules of Snort or Suricata, signatures of ClamAV."
                .into(),
            filter: "The whole file must be such rules or such a list; then it can do nothing by itself. Look at the \
                     text around the match. A script that carries a list within it, or a file that begins like a \
                     program, contradicts it."
                .into(),
            applies_when: vec![vec![listed(Field::FileContentKind, &["yara-rules", "ioc-list"])]],
            contradicted_when: Vec::new(),
        },
        Scenario {
            id: "packaged-file".into(),
            title: "As its package ships it".into(),
            story: "A package of this box ships the file, and its content is what the package shipped.".into(),
            filter:
                "The package database has the digest of the content. It lies on the box, so ask the distribution's \
                     own copy of the package as well. A mode, an owner or capabilities that the package does not have \
                     contradict it."
                    .into(),
            applies_when: vec![vec![
                listed(Field::FilePackageState, &["unchanged"]),
                listed(Field::FilePackageManager, &["dpkg", "rpm", "apk", "pacman"]),
            ]],
            contradicted_when: vec![vec![listed(Field::FilePackageState, &["changed"])]],
        },
        Scenario {
            id: "language-module".into(),
            title: "A module of pip, npm or gem".into(),
            story: "The file belongs to a module that a language's package manager installed.".into(),
            filter:
                "pip keeps a SHA-256 of every file in RECORD; compare that with the index the module came from. npm \
                     and gem only say that it belongs there. Whoever can write to the folder can write the list too, \
                     so a module that nobody asked for contradicts it."
                    .into(),
            applies_when: vec![
                vec![listed(Field::FilePackageManager, &["pip"]), listed(Field::FilePackageState, &["unchanged"])],
                vec![listed(Field::FilePackageManager, &["pip", "npm", "gem", "snap", "flatpak"])],
            ],
            contradicted_when: vec![vec![listed(Field::FilePackageState, &["changed"])]],
        },
        Scenario {
            id: "tracked-checkout".into(),
            title: "A developer's checkout".into(),
            story: "The file lies in a git or Subversion checkout, is tracked there, and has not been changed since."
                .into(),
            filter:
                "The index of the checkout holds the name of this very content. Look at the history: who added it, \
                     when, and whether the commit is in the repository that others use. A commit that is nowhere else, \
                     or one of the day of the incident, contradicts it."
                    .into(),
            applies_when: vec![vec![listed(Field::FileRepositoryState, &["tracked"])]],
            contradicted_when: vec![vec![listed(Field::FileRepositoryState, &["modified"])]],
        },
        Scenario {
            id: "ansible-managed-node".into(),
            title: "Ansible at work on this node".into(),
            story: "A control machine runs a module here: it logs in over SSH, leaves the module in .ansible/tmp, and \
                    has the shell start Python on it."
                .into(),
            filter:
                "The process stands under sshd and a shell, and the file lies in the folder that Ansible makes for \
                     one run. Ask for the run at the control machine, by its time and this node's name. A file that \
                     stays for longer than a run takes, or a login from elsewhere, contradicts it."
                    .into(),
            applies_when: vec![
                vec![check(Field::FilePath, CheckOperator::Glob, &ANSIBLE), sshd()],
                vec![check(Field::FilePath, CheckOperator::Glob, &ANSIBLE)],
            ],
            contradicted_when: Vec::new(),
        },
        Scenario {
            id: "backup-copy".into(),
            title: "A backup's or mirror's copy".into(),
            story: "The file is the copy that a backup or a mirror made of another one, under the path of that one."
                .into(),
            filter:
                "Somewhere on the box the same content lies at the path that this one repeats. A copy of a bad file \
                     is a bad file: judge the original first. A copy under another name, or in a folder that no backup \
                     uses, contradicts it."
                    .into(),
            applies_when: vec![
                vec![exists(Field::FileCopy)],
                vec![exists(Field::FileCopy), set(Field::FilePath, CheckOperator::Under, "backup_dirs")],
            ],
            contradicted_when: Vec::new(),
        },
        Scenario {
            id: "container-layer".into(),
            title: "A file of a container's image".into(),
            story: "The file lies in a layer of an image that containers run from; no container can write to it."
                .into(),
            filter:
                "The runtime's own lists say that the layer is an image's. Pull the image anew and compare, and ask \
                     where it came from. The layer that a running container writes to is no image's: a file there was \
                     made on this box."
                    .into(),
            applies_when: vec![vec![exists(Field::FileContainer)]],
            contradicted_when: Vec::new(),
        },
    ]
}

/// The folders that Ansible makes for one run (its `remote_tmp`), at any user's.
const ANSIBLE: [&str; 4] = [
    "/root/.ansible/tmp/ansible-*/**",
    "/home/*/.ansible/tmp/ansible-*/**",
    "/var/tmp/ansible-tmp-*/**",
    "/tmp/ansible-tmp-*/**",
];

fn sshd() -> Check {
    listed(Field::ProcessAncestorName, &["sshd", "sshd-session"])
}

fn listed(field: Field, values: &[&str]) -> Check {
    check(field, CheckOperator::In, values)
}

fn check(field: Field, operator: CheckOperator, values: &[&str]) -> Check {
    let operand = Operand::Values(NamedValues::fitting(field.kind(), operator, values));
    Check { field, operator, operand, strength: None }
}

fn exists(field: Field) -> Check {
    Check { field, operator: CheckOperator::Exists, operand: Operand::Exists(true), strength: None }
}

fn set(field: Field, operator: CheckOperator, name: &str) -> Check {
    Check { field, operator, operand: Operand::SiteSet(name.to_owned()), strength: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hunt::{Site, matching};

    #[test]
    fn their_checks_hold_up_to_validation_and_their_ids_are_theirs_alone() {
        let site = Site::default();
        for check in scenarios().iter().flat_map(Scenario::checks) {
            assert!(check.field.operators().contains(&check.operator), "{check}");
            match &check.operand {
                Operand::SiteSet(name) => assert!(site.set(name).is_some(), "{check}"),
                Operand::Values(values) => {
                    assert!(!values.texts().is_empty(), "{check}");
                    for value in values.texts() {
                        assert_eq!(matching::normal(check.field.kind(), check.operator, value).as_ref(), Ok(value));
                    }
                }
                Operand::Exists(_) | Operand::Schedule => {}
            }
        }
        for Scenario { id, .. } in scenarios() {
            assert_eq!(scenarios().iter().filter(|other| other.id == *id).count(), 1);
            assert!(scenario(id).is_some());
        }
    }
}
