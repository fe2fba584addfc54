//! Cases from elsewhere: interrupted, copied in part, or made by somebody to do harm.

use std::fs;

use rusqlite::Connection;

use super::*;

/// A closed case with an ended scan and so many decisions.
fn closed(path: &Path, decisions: usize) {
    let (mut case, scan, ids) = fill(Case::open(path).unwrap(), 3);
    case.record_opening(&stamp()).unwrap();
    let end = finished(4, 28);
    case.end_scan(scan, &end, &stamp()).unwrap();
    for n in 0..decisions {
        case.decide(&ids, &Decision::Note { note: n.to_string() }, &stamp()).unwrap();
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[test]
fn an_empty_case_is_not_whole() {
    let dir = tempfile::tempdir().unwrap();
    drop(Case::open(&dir.path().join("c")).unwrap());
    let found = Case::open_read_only(&dir.path().join("c")).unwrap().verify().unwrap();
    assert_eq!((found.problems, found.entries), (vec![CaseProblem::Empty], 0));
}

#[test]
fn a_case_without_its_log_is_not_whole_and_stays_so() {
    let dir = tempfile::tempdir().unwrap();
    let (path, copy) = (dir.path().join("c"), dir.path().join("copy"));
    closed(&path, 1);
    assert!(!with_suffix(&path, "-wal").exists());
    assert_eq!(Case::open_read_only(&path).unwrap().log_state(), LogState::Whole);
    // Copied alone while it is open, as it would be found after a kill.
    let mut open = Case::open(&path).unwrap();
    open.decide(&[FindingId(1)], &malicious(), &stamp()).unwrap();
    fs::copy(&path, &copy).unwrap();
    assert_eq!(Case::open_read_only(&path).unwrap().log_state(), LogState::Whole, "its log is beside it");
    let found = Case::open_read_only(&copy).unwrap().verify().unwrap();
    assert_eq!(found.problems, [CaseProblem::LogMissing]);
    // Whoever opens it and goes without a word does not hide it.
    drop(Case::open(&copy).unwrap());
    let mut gone_on = Case::open(&copy).unwrap();
    assert_eq!(gone_on.log_state(), LogState::Missing);
    let seq = gone_on.record_opening(&stamp()).unwrap();
    drop(gone_on);
    let found = Case::open_read_only(&copy).unwrap().verify().unwrap();
    assert_eq!(found.problems, [CaseProblem::LogWasMissing(seq)]);
    drop(open);
    assert_whole(&Case::open_read_only(&path).unwrap());
}

#[test]
fn a_case_of_an_older_format_says_what_nothing_vouches_for_until_it_is_opened_for_writing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c");
    let (mut case, scan, _) = fill(Case::open(&path).unwrap(), 0);
    let ids = case.record_findings(scan, &[finding("r", "/srv/1", b"content")]).unwrap();
    let end = finished(4, 28);
    case.end_scan(scan, &end, &stamp()).unwrap();
    // What an older Huntbook left out of the journal.
    case.db.execute("INSERT INTO host VALUES ('host.name', 'web01')", []).unwrap();
    case.db.execute("INSERT INTO covers VALUES (?1, 'x', 'expired')", [ids[0]]).unwrap();
    make_older(&case, 2);
    drop(case);
    let found = Case::open_read_only(&path).unwrap().verify().unwrap();
    assert_eq!(found.problems, []);
    assert_eq!(found.unvouched.len(), 2, "{:?}", found.unvouched);
    let mut case = Case::open(&path).unwrap();
    case.record_opening(&stamp()).unwrap();
    let found = case.verify().unwrap();
    assert_eq!((found.problems, found.unvouched), (vec![], vec![]));
    let entries = case.head().unwrap().seq;
    case.record_opening(&stamp()).unwrap();
    assert_eq!(case.head().unwrap().seq.0, entries.0 + 1, "it is brought up to date once");
}

#[test]
fn a_case_of_format_4_is_read_as_it_is_and_keeps_what_the_box_says_from_the_next_scan_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c");
    let (mut case, scan, _) = fill(Case::open(&path).unwrap(), 0);
    let ids = case.record_findings(scan, &[finding("r", "/srv/1", b"content")]).unwrap();
    case.record_opening(&stamp()).unwrap();
    let end = finished(4, 28);
    case.end_scan(scan, &end, &stamp()).unwrap();
    make_older(&case, 4);
    drop(case);
    let read = Case::open_read_only(&path).unwrap();
    assert_whole(&read);
    assert_eq!(read.evidence(scan, ids[0]).unwrap(), []);
    drop(read);
    let mut case = Case::open(&path).unwrap();
    assert_eq!(case.box_evidence(scan).unwrap(), []);
    case.record_opening(&stamp()).unwrap();
    let said = [(ids[0], vec![("package".to_owned(), "7".to_owned())])];
    case.record_evidence(scan, &said).unwrap();
    let unvouched = case.verify().unwrap().unvouched;
    assert!(unvouched.iter().any(|what| what.to_string().contains("asking the box did not come to its end")));
    let end = EvidenceEnd { asked: 1, gathered: 1, cut: None };
    case.end_evidence(scan, &[], &end, &stamp()).unwrap();
    assert_eq!(case.evidence(scan, ids[0]).unwrap(), said[0].1);
    assert_eq!(case.evidence_ends().unwrap()[&scan], end);
    assert!(matches!(case.record_evidence(scan, &said).unwrap_err().fault, CaseErrorKind::ScanOver(_)));
    assert_whole(&case);
}

#[test]
fn a_case_of_format_5_is_read_as_it_is_and_its_act_over_several_cases_is_still_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c");
    let (mut case, scan, ids) = fill(Case::open(&path).unwrap(), 2);
    case.record_opening(&stamp()).unwrap();
    case.record_evidence(scan, &[(ids[0], vec![("package".to_owned(), "7".to_owned())])]).unwrap();
    let note = "one act over 3 cases, 019ab";
    let together = [malicious(), Decision::Note { note: note.into() }];
    let group = case.decide_together(&ids, &together, None, &stamp()).unwrap();
    make_older(&case, 5);
    drop(case);
    let read = Case::open_read_only(&path).unwrap();
    assert_eq!(read.last_decided().unwrap().unwrap().act.as_deref(), Some(note));
    assert_eq!(read.group_of_act(note).unwrap(), Some(group));
    assert_whole(&read);
    drop(read);
    let mut case = Case::open(&path).unwrap();
    case.record_opening(&stamp()).unwrap();
    assert_eq!(case.evidence(scan, ids[0]).unwrap().len(), 1, "what it held is still there");
    case.undo(Undo::Entry(group), &stamp()).unwrap();
    assert_eq!((case.group_of_act(note).unwrap(), case.last_decided().unwrap()), (None, None));
    let act = Act { id: "019ac".into(), cases: 2 };
    case.decide_together(&ids[..1], &[Decision::Note { note: "n".into() }], Some(&act), &stamp()).unwrap();
    assert_eq!(case.last_decided().unwrap().unwrap().act.as_deref(), Some("019ac"));
    assert!(case.group_of_act("019ac").unwrap().is_some() && case.group_of_act("019").unwrap().is_none());
    assert_whole(&case);
    assert_eq!(schema::format_of(&case.db).unwrap(), schema::FORMAT);
}

#[test]
fn a_case_of_format_5_is_read_as_it_is_and_takes_tags_once_it_is_opened_for_writing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c");
    let (mut case, _, ids) = fill(Case::open(&path).unwrap(), 1);
    case.decide(&ids, &Decision::Note { note: "#old".into() }, &stamp()).unwrap();
    make_older(&case, 5);
    drop(case);
    let read = Case::open_read_only(&path).unwrap();
    assert_whole(&read);
    assert_eq!(read.annotations().unwrap()[&ids[0]].tags.len(), 1);
    drop(read);
    let mut case = Case::open(&path).unwrap();
    case.record_opening(&stamp()).unwrap();
    case.decide(&ids, &Decision::Tagged { add: vec!["new".into()], remove: vec![] }, &stamp()).unwrap();
    assert_eq!(case.annotations().unwrap()[&ids[0]].tags.len(), 2);
    assert_whole(&case);
    drop(case);
    assert_eq!(Case::open(&path).unwrap().annotations().unwrap().len(), 1);
}

#[test]
fn what_no_huntbook_makes_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c");
    for (sql, object) in [
        ("CREATE TRIGGER quiet BEFORE INSERT ON findings BEGIN SELECT RAISE(IGNORE); END", "it has the trigger quiet"),
        (
            "DROP TABLE coverage; CREATE VIEW coverage AS WITH RECURSIVE r(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM r)
             SELECT id, 1 AS scan, x'00' AS path, '' AS reason, '' AS detail FROM r",
            "it has the view coverage",
        ),
        ("CREATE INDEX more ON findings (verdict)", "it has the index more"),
        ("CREATE TABLE more (a)", "it has the table more"),
        ("DROP TABLE undone", "it lacks the table undone"),
        ("ALTER TABLE undone ADD COLUMN x INTEGER", "it has another definition of the table undone"),
    ] {
        let _ = fs::remove_file(&path);
        closed(&path, 0);
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        for error in [Case::open(&path).unwrap_err(), Case::open_read_only(&path).unwrap_err()] {
            assert!(matches!(error.fault, CaseErrorKind::ForeignSchema { .. }), "{error}");
            assert!(error.to_string().contains(object), "{error}");
        }
    }
    let _ = fs::remove_file(&path);
    closed(&path, 0);
    Connection::open(&path).unwrap().execute_batch("DROP TRIGGER journal_is_never_changed").unwrap();
    assert!(matches!(Case::open(&path).unwrap_err().fault, CaseErrorKind::ForeignSchema { .. }));
    let found = Case::open_read_only(&path).unwrap().verify().unwrap();
    assert_eq!(found.problems, [CaseProblem::Guard("journal_is_never_changed")]);
}

/// An interior page of a table whose `cells` children are all the page `child`
/// (<https://www.sqlite.org/fileformat.html>, 1.6).
fn all_lead_to(child: u32, cells: u16) -> Vec<u8> {
    let mut page = vec![0; 4096];
    let start = 4096 - usize::from(cells) * 5;
    page[0] = 5;
    page[3..5].copy_from_slice(&cells.to_be_bytes());
    page[5..7].copy_from_slice(&(start as u16).to_be_bytes());
    page[8..12].copy_from_slice(&child.to_be_bytes());
    for cell in 0..usize::from(cells) {
        let at = start + cell * 5;
        page[12 + cell * 2..][..2].copy_from_slice(&(at as u16).to_be_bytes());
        page[at..at + 4].copy_from_slice(&child.to_be_bytes());
        page[at + 4] = 1;
    }
    page
}

#[test]
fn a_table_that_can_be_read_without_end_is_broken_off() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c");
    closed(&path, 300);
    let root = {
        let db = Connection::open(&path).unwrap();
        db.query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'journal'", [], |row| row.get::<_, u32>(0))
            .unwrap()
    };
    let mut bytes = fs::read(&path).unwrap();
    let at = |page: u32| (page as usize - 1) * 4096;
    assert_eq!(bytes[at(root)], 5, "the journal has more than one page");
    let mut pages: Vec<u32> = Vec::new();
    let cells = u16::from_be_bytes([bytes[at(root) + 3], bytes[at(root) + 4]]);
    for cell in 0..usize::from(cells) {
        let pointer = at(root) + 12 + cell * 2;
        let cell = at(root) + usize::from(u16::from_be_bytes([bytes[pointer], bytes[pointer + 1]]));
        pages.push(u32::from_be_bytes(bytes[cell..cell + 4].try_into().unwrap()));
    }
    assert!(pages.len() > 10, "{pages:?}");
    let chain: Vec<u32> = std::iter::once(root).chain(pages.into_iter().take(10)).collect();
    for two in chain.windows(2) {
        bytes[at(two[0])..at(two[0]) + 4096].copy_from_slice(&all_lead_to(two[1], 400));
    }
    fs::write(&path, bytes).unwrap();
    let mut case = Case::open_read_only(&path).unwrap();
    case.deadline.allowed = std::time::Duration::from_millis(300);
    let unending = case.verify().unwrap_err();
    assert!(matches!(unending.fault, CaseErrorKind::Unending), "{unending}");
    let paged = case.journal(Seq(0), usize::MAX).unwrap_err();
    assert!(matches!(paged.fault, CaseErrorKind::Damaged(_)), "{paged}");
}

/// A closed case in `folder` in the middle of a write without a write-ahead log, as a power cut leaves it.
fn interrupted(folder: &Path) -> PathBuf {
    let path = folder.join("before.case");
    closed(&path, 200);
    let db = Connection::open(&path).unwrap();
    db.execute_batch(
        "PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN IMMEDIATE; UPDATE findings SET verdict = 'benign';
         DELETE FROM matches; DELETE FROM sightings; UPDATE files SET uid = 0, sha256 = randomblob(4000);
         UPDATE hits SET content = randomblob(4000)",
    )
    .unwrap();
    let copy = folder.join("cut.case");
    for suffix in ["", "-journal"] {
        fs::copy(with_suffix(&path, suffix), with_suffix(&copy, suffix)).unwrap();
    }
    drop(db);
    copy
}

#[test]
fn an_interrupted_write_is_rolled_back_by_whoever_reads_next() {
    let dir = tempfile::tempdir().unwrap();
    let path = interrupted(dir.path());
    let alone = dir.path().join("alone.case");
    fs::copy(&path, &alone).unwrap();
    let torn = Case::open_read_only(&alone).and_then(|case| case.verify());
    assert!(!torn.is_ok_and(|found| found.is_whole()), "the write has reached the file");
    let case = Case::open_read_only(&path).unwrap();
    assert_whole(&case);
    assert_eq!(case.verdict(FindingId(1)).unwrap(), Verdict::Open);
}

#[test]
fn a_journal_that_names_another_file_is_refused_and_the_file_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = interrupted(dir.path());
    let victim = dir.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    let name = victim.to_str().unwrap().as_bytes();
    let mut journal = fs::read(with_suffix(&path, "-journal")).unwrap();
    let sum: u32 = name.iter().map(|byte| u32::from(*byte)).sum();
    for part in
        [&((1_u32 << 30) / 4096 + 1).to_be_bytes()[..], name, &(name.len() as u32).to_be_bytes(), &sum.to_be_bytes()]
    {
        journal.extend(part);
    }
    journal.extend([0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]);
    fs::write(with_suffix(&path, "-journal"), journal).unwrap();
    for error in [Case::open_read_only(&path).unwrap_err(), Case::open(&path).unwrap_err()] {
        assert!(matches!(error.fault, CaseErrorKind::ForeignJournal), "{error}");
    }
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
}
