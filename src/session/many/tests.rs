use std::sync::Arc;

use jiff::Timestamp;

use super::*;
use crate::case::{Decision, JournalEvent, Record, RuleRecord, ScanEnd, ScanPlan, Seq, Stamp};
use crate::finding::{FileFacts, Finding, KeptBytes, Sha256};
use crate::session::{RuleCatalog, RuleChoice};
use crate::triage::bound::BoundBox;
use crate::triage::exclusion::{Exclusion, ExclusionDraft, Judgement, Signature};
use crate::triage::matched_file::MatchedFile;
use crate::triage::scope::Scope;
use crate::triage::{Actor, Answer};

const RULE: &str = "EQGRP_payload";

fn actor() -> Actor {
    Actor { name: "root".into(), uid: 0, behind: Some("ann".into()) }
}

/// The case of a box that these contents were found on.
fn box_case(folder: &Path, host: &str, contents: &[&str], ended: bool) -> PathBuf {
    let book = RuleCatalog::load(&RuleChoice::default()).unwrap();
    let path = folder.join(format!("{host}.case"));
    let mut case = Case::open(&path).unwrap();
    let stamp = Stamp { actor: actor(), host: host.into(), at: Timestamp::UNIX_EPOCH };
    case.record_opening(&stamp).unwrap();
    let id = format!("id of {host}");
    case.record_host(&[("host.name", host), ("host.id", &id)], &stamp).unwrap();
    let rules: Vec<RuleRecord> = book.records().collect();
    let found_by = rules.iter().find(|rule| rule.id.name() == RULE).unwrap().id.clone();
    let plan = ScanPlan { tree: "/srv".into(), options: serde_json::json!({}), rules };
    let scan = case.start_scan(&plan, &stamp).unwrap();
    let findings: Vec<Finding> = contents
        .iter()
        .map(|content| Finding {
            found_by: found_by.clone(),
            file: Arc::new(FileFacts {
                path: format!("/srv/{content}.py").into(),
                digest: Sha256::of(content.as_bytes()).into(),
                size: content.len() as u64,
                ..FileFacts::default()
            }),
            matches: Vec::new(),
            capped: false,
            kept: Arc::new(KeptBytes::default()),
        })
        .collect();
    case.record_findings(scan, &findings).unwrap();
    if ended {
        let end = ScanEnd {
            outcome: ScanOutcome::Finished,
            files: 1,
            bytes: 1,
            folders: None,
            links: None,
            members: None,
            processes: None,
        };
        case.end_scan(scan, &end, &stamp).unwrap();
    }
    path
}

fn three() -> (tempfile::TempDir, ManyRecords) {
    let dir = tempfile::tempdir().unwrap();
    box_case(dir.path(), "web01", &["common", "rare"], true);
    box_case(dir.path(), "web02", &["common"], true);
    box_case(dir.path(), "db01", &["common"], false);
    std::fs::write(dir.path().join("broken.case"), "no case").unwrap();
    let many = ManyCases::open(&case_files(&[dir.path().to_owned()]).unwrap()).unwrap();
    let book = Arc::new(RuleCatalog::load(&RuleChoice::default()).unwrap());
    let register = dir.path().join("exclusions.toml");
    (dir, ManyRecords::new(many, book, Some(register), actor()))
}

fn verdicts(dir: &Path) -> BTreeMap<String, Vec<(String, Verdict)>> {
    let many = ManyCases::open(&case_files(&[dir.to_owned()]).unwrap()).unwrap();
    let mut all: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for finding in &many.findings {
        let host = many.case_of(finding).unwrap().host.clone();
        all.entry(host).or_default().push((finding.path.display().to_string(), finding.verdict));
    }
    all
}

#[test]
fn what_few_boxes_have_comes_first_and_unfinished_boxes_are_told() {
    let (_dir, records) = three();
    let many = &records.many;
    assert_eq!((many.cases.len(), many.boxes, many.unread.len()), (3, 3, 1));
    assert_eq!(many.cases[0].host, "db01", "the one that did not finish");
    assert_eq!(many.cases.iter().map(BoxCase::result).collect::<Vec<_>>(), ["not done", "done", "done"]);
    let contents = many.contents();
    assert_eq!(contents.iter().map(|group| (group.boxes, group.findings.len())).collect::<Vec<_>>(), [(1, 1), (3, 3)]);
    assert_eq!(contents[0].digest, Sha256::of(b"rare").into());
}

#[test]
fn one_answer_is_in_every_case_it_touches_and_is_taken_back_in_all() {
    let (dir, mut records) = three();
    let common = records.many.contents()[1].findings[0] as usize;
    let alike = records.alike(common);
    assert_eq!(alike.len(), 3);
    let malicious = Decision::MarkedMalicious { reason: "it calls home".into() };
    let acted = records.decide(&alike, std::slice::from_ref(&malicious)).unwrap();
    assert_eq!((acted.cases, acted.findings.len(), acted.failed.len()), (3, 3, 0));
    drop(records);
    let decided = verdicts(dir.path());
    assert!(decided.values().all(|all| all.contains(&("/srv/common.py".into(), Verdict::Malicious))), "{decided:?}");
    assert!(decided["web01"].contains(&("/srv/rare.py".into(), Verdict::Open)), "{decided:?}");
    // Another session takes it back.
    let many = ManyCases::open(&case_files(&[dir.path().to_owned()]).unwrap()).unwrap();
    let book = Arc::new(RuleCatalog::load(&RuleChoice::default()).unwrap());
    let mut records = ManyRecords::new(many, book, None, actor());
    let acted = records.undo().unwrap();
    assert_eq!((acted.cases, acted.findings.len()), (3, 3), "{acted:?}");
    drop(records);
    assert!(verdicts(dir.path()).values().flatten().all(|(_, verdict)| *verdict == Verdict::Open));
    for file in case_files(&[dir.path().to_owned()]).unwrap().iter().filter(|file| !file.ends_with("broken.case")) {
        assert!(Case::open_read_only(file).unwrap().verify().unwrap().is_whole());
    }
}

#[test]
fn what_was_taken_back_in_all_cases_is_decided_again_in_all() {
    let (dir, mut records) = three();
    assert!(records.redo().unwrap().is_none());
    let common = records.many.contents()[1].findings[0] as usize;
    let malicious = Decision::MarkedMalicious { reason: "it calls home".into() };
    records.decide(&records.alike(common), std::slice::from_ref(&malicious)).unwrap();
    let marked = |records: &ManyRecords| {
        records.many.findings.iter().filter(|finding| finding.verdict == Verdict::Malicious).count()
    };
    for _ in 0..2 {
        let acted = records.undo().unwrap();
        assert_eq!((acted.cases, acted.findings.len(), marked(&records)), (3, 3, 0));
        let acted = records.redo().unwrap().unwrap();
        assert_eq!((acted.cases, acted.findings.len(), marked(&records)), (3, 3, 3), "{acted:?}");
        assert!(records.redo().unwrap().is_none());
    }
    records.undo().unwrap();
    // What is decided anew cannot be followed by what was before.
    records.decide(&[common], &[Decision::Note { note: "seen".into() }]).unwrap();
    assert!(records.redo().unwrap().is_none());
    drop(records);
    for file in case_files(&[dir.path().to_owned()]).unwrap().iter().filter(|file| !file.ends_with("broken.case")) {
        let case = Case::open_read_only(file).unwrap();
        assert!(case.verify().unwrap().is_whole());
        let acts = case.entries(Seq(0)).map(Result::unwrap).filter_map(|entry| match entry.event {
            JournalEvent::Happened(Record::ActOverCases { act, cases: 3 }) => Some((act, entry.group, entry.finding)),
            _ => None,
        });
        assert!(matches!(acts.collect::<Vec<_>>().as_slice(), [(_, _, None)]), "{}", file.display());
    }
}

#[test]
fn a_case_is_not_written_to_before_something_is_decided_in_it() {
    let (dir, mut records) = three();
    let heads = || -> Vec<_> {
        let files = case_files(&[dir.path().to_owned()]).unwrap();
        let opened = files.iter().filter_map(|file| Case::open_read_only(file).ok());
        opened.map(|case| case.head().unwrap()).collect()
    };
    let (before, bytes) = (heads(), std::fs::read(dir.path().join("web01.case")).unwrap());
    let common = records.many.contents()[1].findings.clone();
    let opened: Vec<_> = common.iter().map(|one| records.open_finding(*one as usize).unwrap().unwrap()).collect();
    assert_eq!((opened.len(), heads()), (3, before.clone()));
    assert_eq!(std::fs::read(dir.path().join("web01.case")).unwrap(), bytes);
    assert!(records.undo().unwrap().cases == 0, "there is nothing to take back");
    records.decide(&[common[0] as usize], &[Decision::Note { note: "seen".into() }]).unwrap();
    let changed = heads().into_iter().zip(before).filter(|(now, then)| now != then).count();
    assert_eq!(changed, 1);
}

#[test]
fn a_finding_that_is_only_read_comes_to_what_the_register_says_now() {
    let (dir, mut records) = three();
    let common = records.many.contents()[1].findings[0] as usize;
    let exclusion = exclusion_of(&mut records, common);
    let register = dir.path().join("exclusions.toml");
    crate::triage::register::Register::load(&register).unwrap().add(&exclusion).unwrap();
    let many = ManyCases::open(&case_files(&[dir.path().to_owned()]).unwrap()).unwrap();
    let mut records = ManyRecords::new(many, Arc::clone(records.book()), Some(register), actor());
    let opened = records.open_finding(common).unwrap().unwrap();
    assert_eq!((opened.judged.verdict, opened.judged.exclusion), (Verdict::Benign, Some(exclusion.id)));
    let malicious = Decision::MarkedMalicious { reason: "it calls home".into() };
    records.decide(&[common], std::slice::from_ref(&malicious)).unwrap();
    assert_eq!(records.open_finding(common).unwrap().unwrap().judged.verdict, Verdict::Malicious);
}

/// An exclusion of what a finding found, as the form makes it: of its content.
fn exclusion_of(records: &mut ManyRecords, index: usize) -> Exclusion {
    let opened = records.open_finding(index).unwrap().unwrap();
    let book = Arc::clone(records.book());
    let rule = book.hunts.iter().find(|hunt| &*hunt.rule.id.name == RULE).unwrap();
    let hit = MatchedFile::new(RULE, &rule.rule.digest, &opened.finding.file);
    let made = ExclusionDraft {
        scope: opened.scopes[0].scope.clone(),
        scenario: None,
        reason: "our own tool".into(),
        judgement: Judgement::BenignExpected,
        expires: None,
        ticket: None,
        known_sample_confirmed: false,
    };
    Exclusion::new(&hit, made, Signature { by: actor(), host: "desk".into(), at: Timestamp::now() }).unwrap()
}

#[test]
fn one_exclusion_is_once_in_the_register_and_in_every_case_whose_findings_it_covers() {
    let (dir, mut records) = three();
    let common = records.many.contents()[1].findings[0] as usize;
    let opened = records.open_finding(common).unwrap().unwrap();
    assert_eq!(opened.scopes.len(), 1, "a path of one box says nothing of another");
    assert!(matches!(opened.scopes[0].scope, Scope::Content { .. }));
    let exclusion = exclusion_of(&mut records, common);
    assert_eq!(records.preview(&exclusion).len(), 3, "shown before it is recorded");
    let acted = records.exclude(common, &exclusion).unwrap();
    assert_eq!((acted.cases, acted.findings.len()), (3, 3));
    let register = crate::triage::register::Register::load(dir.path().join("exclusions.toml")).unwrap();
    assert_eq!(register.entries().len(), 1);
    let excluded = |records: &ManyRecords| {
        records.many.findings.iter().filter(|finding| finding.verdict == Verdict::Benign).count()
    };
    assert_eq!(excluded(&records), 3);
    let acted = records.undo().unwrap();
    assert_eq!((acted.cases, excluded(&records)), (3, 0), "{acted:?}");
    let register = crate::triage::register::Register::load(dir.path().join("exclusions.toml")).unwrap();
    assert!(register.entries()[0].exclusion().unwrap().revoked.is_some());
    // Decided again, and then revoked, which is one act too.
    let acted = records.redo().unwrap().unwrap();
    assert_eq!((acted.cases, excluded(&records)), (3, 3), "{acted:?}");
    let register = || crate::triage::register::Register::load(dir.path().join("exclusions.toml")).unwrap();
    let anew =
        register().entries().iter().filter_map(|entry| entry.exclusion()).find(|one| one.revoked.is_none()).unwrap().id;
    let acted = records.revoke(anew, "it is gone").unwrap();
    assert_eq!((acted.cases, excluded(&records)), (3, 0), "{acted:?}");
    let acted = records.undo().unwrap();
    assert_eq!((acted.cases, excluded(&records)), (3, 3), "{acted:?}");
    assert_eq!(register().entries().len(), 3, "it was put there once");
    // An answer is one act too.
    let answer = Decision::Answered { scenario: "any".into(), answer: Answer::Unsure, note: None };
    assert_eq!(records.decide(&records.alike(common), std::slice::from_ref(&answer)).unwrap().cases, 3);
}

#[test]
fn an_exclusion_may_be_bound_to_boxes_and_counts_on_no_other() {
    let (dir, mut records) = three();
    let common = records.many.contents()[1].findings.clone();
    let opened = records.open_finding(common[0] as usize).unwrap().unwrap();
    let names = |boxes: &[BoundBox]| boxes.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&opened.boxes), ["db01", "web01", "web02"], "its own first");
    let everywhere = exclusion_of(&mut records, common[0] as usize);
    let two = opened.boxes.iter().filter(|one| one.name != "web01").cloned().collect();
    let bound = Exclusion { boxes: two, ..everywhere };
    let covered = records.preview(&bound);
    let host =
        |records: &ManyRecords, place: usize| records.many.case_of(&records.many.findings[place]).unwrap().host.clone();
    assert_eq!(covered.iter().map(|place| host(&records, *place)).collect::<Vec<_>>(), ["db01", "web02"]);
    let acted = records.exclude(common[0] as usize, &bound).unwrap();
    assert_eq!((acted.cases, acted.findings.len()), (2, 2));
    let verdict =
        |records: &mut ManyRecords, place: u32| records.open_finding(place as usize).unwrap().unwrap().judged.verdict;
    for place in &common {
        let host = host(&records, *place as usize);
        let mut fresh = ManyRecords::new(
            ManyCases::open(&case_files(&[dir.path().to_owned()]).unwrap()).unwrap(),
            Arc::clone(records.book()),
            Some(dir.path().join("exclusions.toml")),
            actor(),
        );
        let expected = if host == "web01" { Verdict::Open } else { Verdict::Benign };
        assert_eq!(verdict(&mut fresh, *place), expected, "{host}");
    }
    let register = std::fs::read_to_string(dir.path().join("exclusions.toml")).unwrap();
    assert!(register.contains("scope = \"host\"") && register.contains("web02"), "{register}");
}

#[test]
fn a_folder_of_cases_is_told_from_a_tree() {
    let dir = tempfile::tempdir().unwrap();
    assert!(!is_folder_of_cases(dir.path()));
    box_case(dir.path(), "web01", &["x"], true);
    assert!(is_folder_of_cases(dir.path()));
    std::fs::create_dir(dir.path().join("web02")).unwrap();
    std::fs::write(dir.path().join("web02/scan.ndjson"), "{}").unwrap();
    assert!(is_folder_of_cases(dir.path()));
    std::fs::write(dir.path().join("web02/exit-status"), "1").unwrap();
    std::fs::write(dir.path().join("web02/hunt.case"), "").unwrap();
    assert!(is_folder_of_cases(dir.path()), "what Ansible leaves, and a case that a full disk has cut");
    std::fs::remove_file(dir.path().join("web02/hunt.case")).unwrap();
    std::fs::write(dir.path().join("web02/tool.py"), "x").unwrap();
    assert!(!is_folder_of_cases(dir.path()), "there is something to scan");
    std::fs::write(dir.path().join("x.case"), "no case").unwrap();
    assert!(case_files(&[dir.path().to_owned()]).unwrap().len() == 2);
    assert!(case_files(&[dir.path().join("web02")]).unwrap_err().to_string().contains("no case in this folder"));
    assert!(case_files(&[dir.path().join("gone")]).is_err());
}
