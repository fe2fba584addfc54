use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use super::*;

#[test]
fn a_finding_comes_back_as_it_was_stored() {
    let mut case = Case::in_memory().unwrap();
    let scan = case.start_scan(&plan(&[rule("r", &[])]), &stamp()).unwrap();
    let hostile = Path::new(OsStr::from_bytes(b"/srv/\xff\x1b[2J\n'; DROP TABLE journal"));
    let mut large = vec![7; 300_000];
    large[200_000] = 9;
    let mut odd = finding("r", hostile, &large);
    odd.capped = true;
    odd.matches = vec![
        PatternMatch { pattern: "$b".into(), offset: 200_000, length: 4, data: vec![9, 7, 7, 7] },
        PatternMatch { pattern: "$c".into(), offset: u64::MAX - 1, length: u64::MAX, data: Vec::new() },
    ];
    odd.kept = Arc::new(KeptBytes::around(&large, &odd.matches[..1], KeptBytes::WHOLE));
    let facts = Arc::make_mut(&mut odd.file);
    facts.born = Some(FileTime { seconds: i64::MIN, nanos: 0 });
    facts.noatime = false;
    let plain = finding("r", "/srv/plain", b"plain");
    let ids = case.record_findings(scan, &[odd.clone(), plain.clone()]).unwrap();
    assert_eq!(case.load_finding(ids[0], Sighting::Last).unwrap(), odd);
    assert_eq!(case.load_finding(ids[1], Sighting::In(scan)).unwrap(), plain);
    assert_eq!(case.find(&found_by("r"), hostile).unwrap(), Some(ids[0]));
    assert_eq!(case.find(&found_by("other"), hostile).unwrap(), None);
    case.decide(&ids, &malicious(), &stamp()).unwrap();
    let entry = case.history(ids[0]).unwrap().remove(0);
    let path = entry.finding.unwrap().1.path;
    assert!(!path.path.contains('\u{1b}'));
    assert!(path.path_hex.unwrap().starts_with("2f7372762fff1b"));
    assert_whole(&case);
}

#[test]
fn the_same_bytes_are_stored_once() {
    let (mut case, first, ids) = with_findings(5);
    let rows = |case: &Case, table: &str| -> i64 {
        case.db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    assert_eq!(rows(&case, "blobs"), 1);
    let before: Vec<_> = ["hits", "files", "matches", "rules"].iter().map(|table| rows(&case, table)).collect();
    let second = case.start_scan(&plan(&[rule("r", &["a", "b"])]), &stamp()).unwrap();
    let again: Vec<_> = (0..5).map(|n| finding("r", format!("/srv/{n}"), b"content")).collect();
    assert_eq!(case.record_findings(second, &again).unwrap(), ids);
    let after: Vec<_> = ["hits", "files", "matches", "rules"].iter().map(|table| rows(&case, table)).collect();
    assert_eq!(after, before);
    assert_eq!(case.compare(first, second).unwrap(), ScanComparison::default());
}

#[test]
fn scans_rules_host_and_coverage_come_back() {
    let mut case = Case::in_memory().unwrap();
    case.record_host(&[("host.name", "web01"), ("host.id", "1"), ("case.id", "forged")], &stamp()).unwrap();
    case.record_host(&[("host.id", "2")], &stamp()).unwrap();
    let host = case.host().unwrap();
    let value = |key| host.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str());
    assert_eq!((value("host.name"), value("host.id")), (Some("web01"), Some("2")));
    assert_ne!(value("case.id"), Some("forged"));

    let rules = [rule("a", &["x"]), rule("b", &[])];
    let scan = case.start_scan(&plan(&rules), &stamp()).unwrap();
    let missed: Vec<_> = ["/proc", "/a", "/b"]
        .map(|path| NotScanned {
            path: path.into(),
            reason: if path == "/proc" { "pseudo" } else { "permission" }.into(),
            detail: format!("about {path}"),
        })
        .into();
    case.record_coverage(scan, &missed).unwrap();
    let page = case.coverage(scan, 0, 2).unwrap();
    let rest = case.coverage(scan, page[1].0, 2).unwrap();
    assert_eq!(page.into_iter().chain(rest).map(|(_, row)| row).collect::<Vec<_>>(), missed);
    assert_eq!(case.coverage_counts(scan).unwrap(), [("permission".into(), 2), ("pseudo".into(), 1)]);
    assert_eq!(case.rules(scan).unwrap(), rules);

    assert_eq!(case.scans().unwrap()[0].ended, None);
    let end = ScanEnd {
        outcome: ScanOutcome::Cancelled,
        files: 10,
        bytes: u64::MAX,
        folders: Some(3),
        links: Some(u64::MAX),
        members: Some(u64::MAX),
        processes: Some(2),
    };
    case.end_scan(scan, &end, &stamp_at(1_700_000_009)).unwrap();
    let row = case.scans().unwrap().remove(0);
    assert_eq!((row.id, row.tree.as_path(), row.not_scanned), (scan, Path::new("/srv"), 3));
    assert_eq!((row.started, row.ended), (stamp().at, Some((stamp_at(1_700_000_009).at, end))));
    assert_eq!(row.options, json!({ "threads": 2 }));
    assert_whole(&case);
}

#[test]
fn an_ended_scan_takes_nothing_more() {
    let (mut case, scan, _) = with_findings(1);
    let end = finished(1, 1);
    case.end_scan(scan, &end, &stamp()).unwrap();
    let over =
        |result: Result<(), CaseError>| matches!(result.unwrap_err().fault, CaseErrorKind::ScanOver(s) if s == scan);
    assert!(over(case.record_findings(scan, &[finding("r", "/x", b"late")]).map(drop)));
    assert!(over(case.record_coverage(scan, &[])));
    assert!(over(case.end_scan(scan, &end, &stamp())));
    let none = ScanId(99);
    assert!(matches!(case.record_findings(none, &[]).unwrap_err().fault, CaseErrorKind::NoSuchScan(_)));
}

#[test]
fn an_unknown_rule_takes_the_whole_batch_back() {
    let (mut case, scan, _) = with_findings(1);
    let batch = [finding("r", "/x", b"good"), finding("unheard", "/y", b"bad")];
    let error = case.record_findings(scan, &batch).unwrap_err();
    assert!(error.to_string().contains("not started with the rule unheard"), "{error}");
    assert_eq!(case.find(&found_by("r"), Path::new("/x")).unwrap(), None);
    assert_eq!(case.record_findings(scan, &batch[..1]).unwrap().len(), 1);
}

#[test]
fn a_rescan_shows_what_is_new_gone_and_changed() {
    let (mut case, first, ids) = with_findings(4);
    let mut newer = rule("r", &["a", "b"]);
    newer.digest = Sha256::of(b"r, edited");
    let second = case.start_scan(&plan(&[newer]), &stamp()).unwrap();
    let batch =
        [finding("r", "/srv/1", b"other"), finding("r", "/srv/2", b"content"), finding("r", "/new", b"content")];
    let seen = case.record_findings(second, &batch).unwrap();
    let comparison = case.compare(first, second).unwrap();
    assert_eq!(comparison.new, [seen[2]]);
    assert_eq!(comparison.gone, [ids[0], ids[3]]);
    assert_eq!(comparison.changed, [ids[1]]);
    assert_eq!(comparison.rule_changed, [ids[2]]);
    assert_eq!(case.load_finding(ids[1], Sighting::In(first)).unwrap().file.digest, Sha256::of(b"content").into());
    assert_eq!(case.load_finding(ids[1], Sighting::Last).unwrap().file.digest, Sha256::of(b"other").into());
    let error = case.load_finding(ids[0], Sighting::In(second)).unwrap_err();
    assert!(matches!(error.fault, CaseErrorKind::NoSuchScan(_)));
}

#[test]
fn findings_are_listed_page_by_page() {
    let (mut case, scan, ids) = with_findings(7);
    case.decide(&ids[2..3], &malicious(), &stamp()).unwrap();
    let mut pages = Vec::new();
    let mut after = FindingId(0);
    loop {
        let page = case.findings(scan, after, 3).unwrap();
        let Some(last) = page.last() else { break };
        after = last.id;
        pages.push(page);
    }
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
    let all: Vec<_> = pages.concat();
    assert_eq!(all.iter().map(|row| row.id).collect::<Vec<_>>(), ids);
    let row = &all[2];
    assert_eq!((row.path.as_path(), row.matches, row.verdict), (Path::new("/srv/2"), 1, Verdict::Malicious));
    assert_eq!((row.size, row.owner.as_deref(), &row.found_by), (7, Some("ann"), &found_by("r")));
    assert_eq!(case.findings(scan, FindingId(0), usize::MAX).unwrap(), all);
}

#[test]
fn a_known_sample_is_malicious_at_once() {
    let (mut case, scan, _) = with_findings(0);
    let ids = case.record_findings(scan, &[finding("r", "/x", b"known sample")]).unwrap();
    assert_eq!(case.verdict(ids[0]).unwrap(), Verdict::Malicious);
}

#[test]
fn a_glance_tells_the_last_scan_and_what_is_open() {
    assert_eq!(Case::in_memory().unwrap().summary().unwrap(), None);
    let (mut case, _, ids) = with_findings(5);
    case.record_host(&[("host.name", "web01")], &stamp()).unwrap();
    case.decide(&ids[..2], &malicious(), &stamp()).unwrap();
    let summary = case.summary().unwrap().unwrap();
    let expected = CaseSummary {
        box_facts: case.host().unwrap().into_iter().filter(|(name, _)| name != "case.id").collect(),
        host: "web01".into(),
        tree: "/srv".into(),
        started: stamp().at,
        whole: false,
        findings: 5,
        open: 3,
        options: summary.options.clone(),
    };
    assert_eq!(summary, expected);
    let plan = ScanPlan { rules: vec![rule("r", &[]), rule("candidate:r", &[])], ..plan(&[]) };
    let second = case.start_scan(&plan, &stamp()).unwrap();
    let found = [finding("r", "/srv/a", b"content"), finding("candidate:r", "/srv/b", b"content")];
    let ids = case.record_findings(second, &found).unwrap();
    assert_eq!(case.summary().unwrap().unwrap().findings, 1, "a candidate is none");
    assert!(case.load_finding(ids[1], Sighting::Last).unwrap().found_by.is_candidate());
    case.end_scan(second, &finished(1, 1), &stamp()).unwrap();
    assert!(case.summary().unwrap().unwrap().whole);
}

#[test]
fn what_was_decided_on_is_known_as_unmet_and_why() {
    let mut case = Case::in_memory().unwrap();
    let rules = [rule("a", &["x"]), rule("b", &[])];
    let end =
        |outcome| ScanEnd { outcome, files: 1, bytes: 1, folders: None, links: None, members: None, processes: None };
    let first = case.start_scan(&plan(&rules), &stamp()).unwrap();
    let paths = ["/srv/gone", "/srv/left/out", "/srv/skipped/file", "/srv/undone", "/srv/undecided", "/srv/kept"];
    let rule_of = |path: &str| if path == "/srv/left/out" { "b" } else { "a" };
    let found: Vec<_> = paths.iter().map(|path| finding(rule_of(path), *path, b"content")).collect();
    let ids = case.record_findings(first, &found).unwrap();
    case.end_scan(first, &end(ScanOutcome::Finished), &stamp()).unwrap();
    case.decide(&[ids[0], ids[2], ids[5]], &malicious(), &stamp()).unwrap();
    case.decide(&ids[1..2], &Decision::Note { note: "seen".into() }, &stamp()).unwrap();
    case.decide(&ids[3..4], &malicious(), &stamp()).unwrap();
    case.undo(Undo::LastOf(ids[3]), &stamp()).unwrap();

    let unmet = |case: &Case| -> Vec<_> {
        let last = case.scans().unwrap().pop().unwrap();
        case.unmet(&last).unwrap().into_iter().map(|unmet| (unmet.id, unmet.gone.last, unmet.gone.why)).collect()
    };
    assert_eq!(unmet(&case), []);

    let second = case.start_scan(&plan(&rules[..1]), &stamp()).unwrap();
    case.record_findings(second, &found[5..]).unwrap();
    let skipped = NotScanned { path: "/srv/skipped".into(), reason: "permission".into(), detail: "denied".into() };
    case.record_coverage(second, &[skipped]).unwrap();
    let cut = unmet(&case);
    assert_eq!(cut[0], (ids[0], first, Absence::CutShort));
    case.end_scan(second, &end(ScanOutcome::Finished), &stamp()).unwrap();
    let expected =
        [(ids[0], first, Absence::Gone), (ids[1], first, Absence::RuleLeftOut), (ids[2], first, Absence::NotScanned)];
    assert_eq!(unmet(&case), expected);
    let compared = case.compare(first, second).unwrap();
    assert_eq!(compared.left_out, ids[1..2], "a rule that was not in the scan loses nothing");
    assert_eq!(compared.gone, [ids[0], ids[2], ids[3], ids[4]]);

    let elsewhere = ScanPlan { tree: "/opt".into(), ..plan(&rules) };
    case.start_scan(&elsewhere, &stamp()).unwrap();
    assert!(unmet(&case).iter().all(|(_, _, why)| *why == Absence::OutsideTree));
    let said = case.unmet(&case.scans().unwrap()[1]).unwrap()[0].gone.to_string();
    assert!(said.starts_with("gone, last met by scan 1 (2023-11-14T22:13:20Z): the file is not there"), "{said}");
}
