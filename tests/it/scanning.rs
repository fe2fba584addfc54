//! What tests of the scanner share.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use huntbook::internals::finding::Finding;
use huntbook::internals::hunt::{Site, builtin};
use huntbook::internals::scan::{
    ProgressSnapshot, RuleSource, Ruleset, Scan, ScanConclusion, ScanEvent, ScanOptions, Tree, Unscanned,
};

/// Everything that a scan said.
#[derive(Debug, Default)]
pub struct Outcome {
    pub findings: Vec<Finding>,
    pub candidates: Vec<Finding>,
    pub coverage: Vec<Unscanned>,
    pub reading: ProgressSnapshot,
    pub cancelled: bool,
}

impl Outcome {
    /// Rule and path of each finding, sorted.
    pub fn hits(&self) -> Vec<(String, PathBuf)> {
        let hit = |finding: &Finding| (finding.found_by.name().into_owned(), finding.file.path.clone());
        let mut hits: Vec<_> = self.findings.iter().map(hit).collect();
        hits.sort();
        hits
    }

    /// The kinds of reason given for `path`, sorted.
    pub fn reasons(&self, path: &Path) -> Vec<&'static str> {
        let mut kinds: Vec<_> = self.coverage.iter().filter(|u| u.path == path).map(|u| u.reason.kind()).collect();
        kinds.sort_unstable();
        kinds
    }
}

/// The built-in hunts.
pub fn builtin_rules() -> Arc<Ruleset> {
    let loaded = builtin::load(&Site::default()).unwrap();
    let source = |text: huntbook::internals::hunt::RuleText| RuleSource {
        namespace: text.namespace,
        origin: text.origin,
        text: text.text,
        warnings: None,
    };
    Arc::new(Ruleset::compile(&loaded.texts.into_iter().map(source).collect::<Vec<_>>(), &[]).unwrap())
}

/// Rules of a person's own.
pub fn own_rules(text: &str) -> Arc<Ruleset> {
    let source = RuleSource { namespace: "own".into(), origin: "own.yar".into(), text: text.into(), warnings: None };
    Arc::new(Ruleset::compile(&[source], &[]).unwrap())
}

/// Takes events until the scan has ended.
pub fn watch(scan: Scan) -> Outcome {
    let mut outcome = Outcome::default();
    for event in &scan.events {
        match event {
            ScanEvent::Finding(finding) if finding.found_by.is_candidate() => outcome.candidates.push(finding),
            ScanEvent::Finding(finding) => outcome.findings.push(finding),
            ScanEvent::Unscanned(unscanned) => outcome.coverage.push(unscanned),
            ScanEvent::Finished { reading, end } => {
                assert!(!matches!(end, ScanConclusion::Failed(_)), "{end:?}");
                (outcome.reading, outcome.cancelled) = (reading, end == ScanConclusion::Cancelled);
                break;
            }
        }
    }
    scan.join();
    outcome
}

/// Scans `path` to the end.
pub fn scan(path: &Path, rules: &Arc<Ruleset>, options: ScanOptions) -> Outcome {
    watch(Scan::start(Tree::open(path).unwrap(), Arc::clone(rules), options).unwrap())
}
