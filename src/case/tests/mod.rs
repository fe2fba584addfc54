mod decisions;
mod faults;
mod foreign;
mod kill;
mod opening;
mod scale;
mod scans;
mod sparse;
mod verification;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::finding::{Digest, FileFacts, FileTime, Finding, FoundBy, KeptBytes, PatternMatch, Sha256};
use crate::triage::{Actor, Answer, Verdict};

fn stamp() -> Stamp {
    stamp_at(1_700_000_000)
}

fn stamp_at(seconds: i64) -> Stamp {
    Stamp {
        actor: Actor { name: "root".into(), uid: 0, behind: Some("ann".into()) },
        host: "web01".into(),
        at: jiff::Timestamp::new(seconds, 5).unwrap(),
    }
}

/// The end of a scan that went through the whole tree.
fn finished(files: u64, bytes: u64) -> ScanEnd {
    let outcome = ScanOutcome::Finished;
    ScanEnd { outcome, files, bytes, folders: None, links: None, members: None, processes: None }
}

fn found_by(name: &str) -> FoundBy {
    FoundBy::named("builtin".into(), name)
}

fn rule(name: &str, scenarios: &[&str]) -> RuleRecord {
    RuleRecord {
        id: found_by(name),
        digest: Sha256::of(name.as_bytes()),
        source: format!("rule {name} {{ condition: true }}"),
        meta: json!({ "author": "somebody" }),
        scenarios: scenarios.iter().map(|&s| s.to_owned()).collect(),
        known: vec![Sha256::of(b"known sample")],
    }
}

fn plan(rules: &[RuleRecord]) -> ScanPlan {
    ScanPlan { tree: "/srv".into(), options: json!({ "threads": 2 }), rules: rules.to_vec() }
}

fn finding(rule: &str, path: impl Into<PathBuf>, content: &[u8]) -> Finding {
    let time = |seconds| FileTime { seconds, nanos: 999_999_999 };
    let found = PatternMatch { pattern: "$a".into(), offset: 0, length: 2, data: content[..2].to_vec() };
    let matches = vec![found];
    Finding {
        found_by: found_by(rule),
        file: Arc::new(FileFacts {
            path: path.into(),
            dev: u64::MAX,
            ino: 7,
            mode: 0o100_644,
            links: 1,
            uid: 1000,
            gid: u32::MAX,
            owner: Some("ann".into()),
            group: None,
            size: content.len() as u64,
            accessed: time(-1),
            modified: time(1),
            changed: time(2),
            born: None,
            digest: Sha256::of(content).into(),
            noatime: true,
            stated: None,
        }),
        kept: Arc::new(KeptBytes::around(content, &matches, KeptBytes::WHOLE)),
        matches,
        capped: false,
    }
}

/// A case in memory with one running scan of rule `r` (scenarios `a` and `b`) and findings in `/srv/0`, `/srv/1`, ….
fn with_findings(count: usize) -> (Case, ScanId, Vec<FindingId>) {
    fill(Case::in_memory().unwrap(), count)
}

fn fill(mut case: Case, count: usize) -> (Case, ScanId, Vec<FindingId>) {
    let scan = case.start_scan(&plan(&[rule("r", &["a", "b"])]), &stamp()).unwrap();
    let findings: Vec<_> = (0..count).map(|n| finding("r", format!("/srv/{n}"), b"content")).collect();
    let ids = case.record_findings(scan, &findings).unwrap();
    (case, scan, ids)
}

/// Makes of `case` what a Huntbook of that format would have written.
fn make_older(case: &Case, format: i64) {
    if format < 6 {
        case.db.execute_batch("DROP INDEX journal_annotations").unwrap();
    }
    if format < 5 {
        let tables = "DROP TABLE box_evidence; DROP TABLE evidence; DROP TABLE evidence_parts; DROP TABLE said";
        case.db.execute_batch(tables).unwrap();
    }
    case.db.pragma_update(None, "user_version", format).unwrap();
}

fn answered(scenario: &str, answer: Answer) -> Decision {
    Decision::Answered { scenario: scenario.into(), answer, note: Some(format!("why {scenario}")) }
}

fn malicious() -> Decision {
    Decision::MarkedMalicious { reason: "beacons to a known address".into() }
}

fn excluded(exclusion: &str) -> Decision {
    Decision::ExclusionRecorded { exclusion: exclusion.into(), summary: json!({ "scope": "file" }) }
}

fn revoked(exclusion: &str) -> Decision {
    Decision::ExclusionRevoked { exclusion: exclusion.into(), reason: "the job is gone".into() }
}

fn assert_whole(case: &Case) {
    let verification = case.verify().unwrap();
    assert_eq!(verification.problems, [], "{verification:?}");
}
