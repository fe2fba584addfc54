//! The scanner over planted trees, with the built-in hunts.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use huntbook::hunt::{Site, builtin};
use huntbook::scan::{Event, RuleSource, Ruleset, Scan, ScanOptions, Tree};

use crate::fixtures;

fn rules() -> Arc<Ruleset> {
    let loaded = builtin::load(&Site::default()).unwrap();
    let sources: Vec<_> = loaded
        .texts
        .into_iter()
        .map(|text| RuleSource { namespace: text.namespace, origin: text.origin, text: text.text })
        .collect();
    Arc::new(Ruleset::compile(&sources, &[]).unwrap())
}

#[test]
fn every_planted_file_is_found_and_no_near_miss() {
    let dir = tempfile::tempdir().unwrap();
    fixtures::plant(dir.path());
    let tree = Tree::open(dir.path()).unwrap();
    let root = tree.start().to_owned();
    let scan = Scan::start(tree, rules(), ScanOptions::default()).unwrap();
    let mut found = BTreeSet::new();
    for event in &scan.events {
        match event {
            Event::Finding(finding) => {
                found.insert((finding.file.path.clone(), finding.rule.name.to_string()));
            }
            Event::Finished { cancelled, .. } => {
                assert!(!cancelled);
                break;
            }
            other => panic!("unexpected: {other:?}"),
        }
    }
    scan.join();
    let expected: BTreeSet<(PathBuf, String)> =
        fixtures::all().into_iter().filter_map(|file| Some((root.join(file.path), file.rule?.to_owned()))).collect();
    assert_eq!(found, expected);
}
