use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

const MANY: usize = 100_000;
const DECIDED: usize = 5_000;
/// Instructions of `SQLite`'s machine after which it is counted once.
const COUNTED: i32 = 100;

/// What `work` comes to, and how many instructions of `SQLite`'s machine it took: what a case costs, by no clock.
fn counted<T>(case: &mut Case, work: impl FnOnce(&mut Case) -> T) -> (T, u64) {
    let count = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&count);
    let handler = move || {
        counter.fetch_add(COUNTED as u64, Ordering::Relaxed);
        false
    };
    case.db.progress_handler(COUNTED, Some(handler)).unwrap();
    let outcome = work(case);
    case.db.progress_handler(0, None::<fn() -> bool>).unwrap();
    (outcome, count.load(Ordering::Relaxed))
}

#[test]
fn a_hundred_thousand_findings_are_listed_in_one_pass_and_the_next_open_one_is_found_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c");
    let mut case = Case::open(&path).unwrap();
    let scan = case.start_scan(&plan(&[rule("r", &["a", "b"])]), &stamp()).unwrap();
    let names: Vec<usize> = (0..MANY).collect();
    for batch in names.chunks(1000) {
        let found = batch.iter().map(|n| {
            let content = format!("#!/bin/sh\n# number {n}\n{}", "exec true\n".repeat(20));
            finding("r", format!("/srv/www/customers/{}/htdocs/{n}.sh", n / 100), content.as_bytes())
        });
        case.record_findings(scan, &found.collect::<Vec<_>>()).unwrap();
    }
    case.end_scan(scan, &finished(1, 1), &stamp()).unwrap();
    drop(case);
    let size = std::fs::metadata(&path).unwrap().len();

    let mut case = Case::open(&path).unwrap();
    let (rows, listing) = counted(&mut case, |case| case.findings(scan, FindingId(0), usize::MAX).unwrap());
    assert_eq!(rows.len(), MANY);
    assert!(listing < 400 * MANY as u64, "{} instructions a finding", listing / MANY as u64);

    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    case.decide(&ids[..DECIDED], &excluded("x"), &stamp()).unwrap();
    let (next, finding_next) = counted(&mut case, |case| case.next_open(scan, FindingId(0)).unwrap());
    assert_eq!(next, Some(ids[DECIDED]));
    assert!(finding_next < 1000, "{finding_next} instructions past {DECIDED} that are decided");
    assert!(size / (MANY as u64) < 2048, "{size} bytes");
}
