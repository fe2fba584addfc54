//! Files of which only the data were hashed, in this format and in the one before.

use super::*;

const SIZE: u64 = 3 << 30;

fn sparse(path: &str, digest: Digest) -> Finding {
    let mut found = finding("r", path, b"content");
    let facts = Arc::make_mut(&mut found.file);
    (facts.size, facts.digest) = (SIZE, digest);
    found
}

fn of_data(content: &[u8]) -> Digest {
    Digest::DataOnly(Sha256::of(content))
}

fn digests(case: &Case, scan: ScanId, id: FindingId) -> [Digest; 2] {
    let rows = case.findings(scan, FindingId(0), 10).unwrap();
    let row = rows.iter().find(|row| row.id == id).unwrap();
    [row.digest, case.load_finding(id, Sighting::In(scan)).unwrap().file.digest]
}

#[test]
fn a_data_digest_is_kept_as_one_and_never_equals_a_sha256() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c");
    let (mut case, scan, _) = fill(Case::open(&path).unwrap(), 0);
    let value = Sha256::of(b"known sample");
    let found = [sparse("/srv/data", Digest::DataOnly(value)), sparse("/srv/whole", Digest::Whole(value))];
    let ids = case.record_findings(scan, &found).unwrap();
    case.decide(&ids, &answered("a", Answer::RuledOut), &stamp()).unwrap();
    case.decide(&ids, &answered("b", Answer::RuledOut), &stamp()).unwrap();
    drop(case);
    for case in [Case::open_read_only(&path).unwrap(), Case::open(&path).unwrap()] {
        for (id, found) in ids.iter().zip(&found) {
            assert_eq!(digests(&case, scan, *id), [found.file.digest; 2]);
            assert_eq!(case.answers(*id).unwrap()[0].digest, found.file.digest);
        }
        // Samples are known by their SHA-256.
        assert_eq!(case.verdict(ids[0]).unwrap(), Verdict::Suspicious);
        assert_eq!(case.verdict(ids[1]).unwrap(), Verdict::Malicious);
        let subject = case.history(ids[0]).unwrap().remove(0).finding.unwrap().1;
        let written = serde_json::to_value(&subject).unwrap();
        assert_eq!((&written["data_digest"], &written["sha256"]), (&json!(value), &json!(null)));
        assert_eq!(serde_json::from_value::<JournalSubject>(written).unwrap(), subject);
        assert_whole(&case);
    }
    let case = Case::open(&path).unwrap();
    case.db
        .execute("UPDATE files SET sha256 = ?1 WHERE size = ?2", (Digest::Whole(value), SIZE.cast_signed()))
        .unwrap();
    assert!(!case.verify().unwrap().problems.is_empty(), "an edit of the kind shows");
}

#[test]
fn another_kind_of_digest_alone_is_no_change() {
    let (mut case, first, _) = with_findings(0);
    let before = ["/srv/same", "/srv/other", "/srv/touched"].map(|path| sparse(path, Sha256::of(b"x").into()));
    let ids = case.record_findings(first, &before).unwrap();
    let second = case.start_scan(&plan(&[rule("r", &["a", "b"])]), &stamp()).unwrap();
    let mut after = before.map(|found| sparse(found.file.path.to_str().unwrap(), of_data(b"x")));
    Arc::make_mut(&mut after[1].file).size += 1;
    Arc::make_mut(&mut after[2].file).changed.nanos -= 1;
    case.record_findings(second, &after).unwrap();
    assert_eq!(case.compare(first, second).unwrap().changed, ids[1..]);
    let third = case.start_scan(&plan(&[rule("r", &["a", "b"])]), &stamp()).unwrap();
    after[0] = sparse("/srv/same", of_data(b"y"));
    case.record_findings(third, &after).unwrap();
    assert_eq!(case.compare(second, third).unwrap().changed, ids[..1]);
}

#[test]
fn a_case_of_the_format_before_opens_and_its_coverage_tells_data_digests() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c");
    let (mut case, scan, _) = fill(Case::open(&path).unwrap(), 0);
    let value = Sha256::of(b"x");
    let found = ["/srv/data", "/srv/whole"].map(|path| sparse(path, value.into()));
    let ids = case.record_findings(scan, &found).unwrap();
    let missed = NotScanned { path: "/srv/data".into(), reason: "digest-of-data".into(), detail: String::new() };
    case.record_coverage(scan, &[missed]).unwrap();
    for scenario in ["a", "b"] {
        case.decide(&ids, &answered(scenario, Answer::RuledOut), &stamp()).unwrap();
    }
    make_older(&case, 1);
    drop(case);
    let format = |case: &Case| -> i64 { case.db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap() };
    let check = |case: &Case| {
        for (id, digest) in ids.iter().zip([Digest::DataOnly(value), Digest::Whole(value)]) {
            assert_eq!(digests(case, scan, *id), [digest; 2]);
            assert_eq!(case.load_finding(*id, Sighting::Last).unwrap().file.digest, digest);
            let answers = case.answers(*id).unwrap();
            assert!(answers.len() == 2 && answers.iter().all(|given| given.digest == digest), "{answers:?}");
            assert_eq!(case.verdict(*id).unwrap(), Verdict::Suspicious);
        }
        assert_whole(case);
    };
    let read = Case::open_read_only(&path).unwrap();
    assert_eq!(format(&read), 1);
    check(&read);
    drop(read);
    let mut written = Case::open(&path).unwrap();
    written.record_opening(&stamp()).unwrap();
    assert_eq!(format(&written), super::super::schema::FORMAT, "an older Huntbook is to refuse it from here on");
    check(&written);
    written.decide(&ids, &answered("a", Answer::Unsure), &stamp()).unwrap();
    assert_eq!(written.answers(ids[0]).unwrap()[0].digest, Digest::DataOnly(value));
    assert_whole(&written);
}
