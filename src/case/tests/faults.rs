use std::time::Duration;

use super::*;

/// Lets the file grow by no more than `pages`, as a full disk would.
fn limit(case: &Case, pages: i64) {
    let now: i64 = case.db.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    case.db.pragma_update_and_check(None, "max_page_count", now + pages, |row| row.get::<_, i64>(0)).unwrap();
}

#[test]
fn a_full_disk_leaves_nothing_half_written_and_a_retry_works() {
    let dir = tempfile::tempdir().unwrap();
    let (mut case, scan, ids) = fill(Case::open(&dir.path().join("c")).unwrap(), 3);
    let head = case.head().unwrap();
    limit(&case, 2);
    let long = Decision::Note { note: "x".repeat(100_000) };
    let error = case.decide(&ids, &long, &stamp()).unwrap_err();
    assert!(matches!(error.fault, CaseErrorKind::Full), "{error}");
    assert!(error.to_string().contains("the disk is full, nothing was saved"), "{error}");
    let more: Vec<_> =
        (0..500).map(|n| finding("r", format!("/more/{n}"), format!("content {n}").as_bytes())).collect();
    assert!(matches!(case.record_findings(scan, &more).unwrap_err().fault, CaseErrorKind::Full));
    assert_eq!(case.head().unwrap(), head);
    assert_eq!(case.findings(scan, FindingId(0), 1000).unwrap().len(), 3);
    assert_whole(&case);

    limit(&case, 100_000);
    case.decide(&ids, &long, &stamp()).unwrap();
    assert_eq!(case.record_findings(scan, &more).unwrap().len(), 500);
    assert_whole(&case);
}

#[test]
fn a_locked_case_says_so_and_a_retry_works() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c");
    let (mut case, _, ids) = fill(Case::open(&path).unwrap(), 1);
    let other = Case::open(&path).unwrap();
    case.db.busy_timeout(Duration::from_millis(20)).unwrap();
    other.db.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = case.decide(&ids, &malicious(), &stamp()).unwrap_err();
    assert!(matches!(error.fault, CaseErrorKind::Busy), "{error}");
    assert_eq!(case.verdict(ids[0]).unwrap(), Verdict::Open);
    other.db.execute_batch("COMMIT").unwrap();
    case.decide(&ids, &malicious(), &stamp()).unwrap();
    assert_eq!(other.verdict(ids[0]).unwrap(), Verdict::Malicious);
}

#[test]
fn a_case_deleted_meanwhile_is_noticed_and_can_be_saved() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c");
    let (mut case, _, ids) = fill(Case::open(&path).unwrap(), 1);
    std::fs::rename(&path, dir.path().join("moved")).unwrap();
    let gone = |case: &mut Case| case.decide(&ids, &malicious(), &stamp()).unwrap_err().fault;
    assert!(matches!(gone(&mut case), CaseErrorKind::Gone));
    std::fs::write(&path, "").unwrap();
    assert!(matches!(gone(&mut case), CaseErrorKind::Gone));
    let copy = dir.path().join("copy");
    case.save_copy(&copy).unwrap();
    let mut case = Case::open(&copy).unwrap();
    case.decide(&ids, &malicious(), &stamp()).unwrap();
    assert_whole(&case);
}

#[test]
fn a_damaged_file_is_an_error_or_a_problem_and_never_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c");
    let (mut case, scan, ids) = fill(Case::open(&path).unwrap(), 300);
    case.decide(&ids, &malicious(), &stamp()).unwrap();
    drop(case);
    let whole = std::fs::read(&path).unwrap();
    let mut noticed = 0;
    for page in 1..whole.len() / 4096 {
        let mut damaged = whole.clone();
        damaged[page * 4096..page * 4096 + 300].fill(0xa5);
        std::fs::write(&path, &damaged).unwrap();
        let Ok(case) = Case::open_read_only(&path) else {
            noticed += 1;
            continue;
        };
        let _ = case.findings(scan, FindingId(0), usize::MAX);
        let _ = case.load_finding(ids[0], Sighting::Last);
        let _ = case.journal(Seq(0), usize::MAX);
        noticed += usize::from(!case.verify().is_ok_and(|found| found.is_whole()));
    }
    assert_eq!(noticed, whole.len() / 4096 - 1);
}
