use std::time::Instant;

use super::*;

const MANY: usize = 100_000;
const DECIDED: usize = 5_000;

/// The project's limit for opening a case of 100,000 findings and listing all of them, in milliseconds.
const LIMIT: u128 = 1000;

#[test]
fn a_hundred_thousand_findings_open_within_a_second() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c");
    let mut case = Case::open(&path).unwrap();
    let scan = case.start_scan(&plan(&[rule("r", &["a", "b"])]), &stamp()).unwrap();
    let begun = Instant::now();
    let names: Vec<usize> = (0..MANY).collect();
    for batch in names.chunks(1000) {
        let found = batch.iter().map(|n| {
            let content = format!("#!/bin/sh\n# number {n}\n{}", "exec true\n".repeat(20));
            finding("r", format!("/srv/www/customers/{}/htdocs/{n}.sh", n / 100), content.as_bytes())
        });
        case.record_findings(scan, &found.collect::<Vec<_>>()).unwrap();
    }
    let recorded = begun.elapsed();
    let begun = Instant::now();
    case.end_scan(scan, &finished(1, 1), &stamp()).unwrap();
    let ended = begun.elapsed();
    drop(case);
    let size = std::fs::metadata(&path).unwrap().len();

    let begun = Instant::now();
    let mut case = Case::open(&path).unwrap();
    let rows = case.findings(scan, FindingId(0), usize::MAX).unwrap();
    let listed = begun.elapsed();
    assert_eq!(rows.len(), MANY);

    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    case.decide(&ids[..DECIDED], &excluded("x"), &stamp()).unwrap();
    let begun = Instant::now();
    assert_eq!(case.next_open(scan, FindingId(0)).unwrap(), Some(ids[DECIDED]));
    let next = begun.elapsed();
    println!(
        "recorded {recorded:?}, ended {ended:?}, opened and listed {listed:?}, next open {next:?}, {} bytes a finding",
        size / MANY as u64
    );
    assert!(listed.as_millis() < LIMIT, "{listed:?}");
    assert!(next.as_millis() < 16, "{next:?}");
    assert!(size / (MANY as u64) < 2048, "{size} bytes");
}
