use super::*;
use crate::finding::{MemberFacts, StatedFacts};

/// Edits a case as somebody with a database tool would, guards removed.
fn tamper(case: &Case, sql: &str) {
    case.db.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    for (name, _) in schema::GUARDS {
        case.db.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    case.db.execute_batch(sql).unwrap();
    for (_, definition) in schema::GUARDS {
        case.db.execute_batch(definition).unwrap();
    }
}

/// A case with an ended scan and decisions.
fn decided() -> Case {
    let (mut case, scan, ids) = with_findings(4);
    let missed = NotScanned { path: "/p".into(), reason: "permission".into(), detail: String::new() };
    case.record_coverage(scan, &[missed]).unwrap();
    let mut born = finding("r", "/srv/born", b"content");
    Arc::make_mut(&mut born.file).born = Some(FileTime { seconds: 3, nanos: 1 });
    let mut member = finding("r", "/srv/a.tar\0inside", b"content");
    let said = MemberFacts { format: "tar".into(), ..MemberFacts::default() };
    Arc::make_mut(&mut member.file).stated = Some(Arc::new(StatedFacts::Archive(said)));
    case.record_findings(scan, &[born, member]).unwrap();
    let end = finished(4, 28);
    case.end_scan(scan, &end, &stamp()).unwrap();
    let part = |kind: &str| (kind.to_owned(), format!("\"{kind}\""));
    case.record_evidence(scan, &[(ids[0], vec![part("package"), part("file")])]).unwrap();
    case.record_evidence(scan, &[(ids[0], vec![part("package")]), (ids[1], vec![part("package")])]).unwrap();
    let end = EvidenceEnd { asked: 4, gathered: 2, cut: Some("time was up".into()) };
    case.end_evidence(scan, &[part("groups")], &end, &stamp()).unwrap();
    case.decide(&ids[..2], &answered("a", Answer::RuledOut), &stamp()).unwrap();
    case.decide(&ids[2..3], &malicious(), &stamp()).unwrap();
    case.undo(Undo::Last, &stamp()).unwrap();
    case.decide(&ids[3..], &excluded("x"), &stamp()).unwrap();
    assert_whole(&case);
    case
}

/// What is found wrong with [`decided`] when `sql` is done to it.
fn problems_after(sql: &str) -> Vec<CaseProblem> {
    let case = decided();
    tamper(&case, sql);
    case.verify().unwrap().problems
}

/// What no report shows and nothing is worked out from: row numbers that only order rows, and the digests by which equal
/// bytes and facts are found again.
const SAYS_NOTHING: [(&str, &str); 5] =
    [("coverage", "id"), ("matches", "n"), ("excerpts", "n"), ("blobs", "sha256"), ("files", "content")];

#[test]
fn an_edit_of_any_column_of_any_table_is_noticed() {
    let mut case = decided();
    case.record_host(&[("host.name", "web01")], &stamp()).unwrap();
    case.record_opening(&stamp()).unwrap();
    let covers = [(FindingId(1), Some(Cover { exclusion: "y".into(), lapsed: Some("expired".into()) }))];
    case.apply_register(&covers, &stamp()).unwrap();
    assert_whole(&case);
    let texts = |sql: &str| -> Vec<String> {
        let mut statement = case.db.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let mut edits = 0;
    for table in texts("SELECT name FROM sqlite_schema WHERE type = 'table'") {
        for column in texts(&format!("SELECT name FROM pragma_table_info('{table}')")) {
            if SAYS_NOTHING.contains(&(&*table, &*column)) {
                continue;
            }
            let copy = case.copy_to_memory().unwrap();
            let edited = format!(
                "UPDATE {table} SET {column} = CASE typeof({column}) WHEN 'integer' THEN iif({column} IN (0, 1), 1 - {column}, {column} + 1000)
                    WHEN 'text' THEN {column} || 'x' WHEN 'blob' THEN CAST({column} || 'x' AS BLOB)
                    ELSE (SELECT CASE type WHEN 'INTEGER' THEN 1 WHEN 'TEXT' THEN 'x' ELSE x'00' END
                        FROM pragma_table_info('{table}') WHERE name = '{column}') END"
            );
            tamper(&copy, &edited);
            let whole = copy.verify().is_ok_and(|found| found.is_whole());
            assert!(!whole, "{table}.{column}: the edit is not noticed");
            edits += 1;
        }
    }
    assert!(edits > 80, "{edits}");
}

#[test]
fn the_journal_refuses_every_change() {
    let (mut case, _, ids) = with_findings(1);
    case.decide(&ids, &malicious(), &stamp()).unwrap();
    for sql in [
        "UPDATE journal SET actor = '{}' WHERE seq = 1",
        "DELETE FROM journal WHERE seq = 2",
        "INSERT OR REPLACE INTO journal SELECT * FROM journal WHERE seq = 1",
        "INSERT INTO journal SELECT 9, at, actor, host, kind, grp, finding, about, subject, payload, previous, hash
         FROM journal WHERE seq = 1",
    ] {
        let error = case.db.execute_batch(sql).unwrap_err();
        assert!(error.to_string().contains("append-only"), "{sql}: {error}");
    }
    assert_whole(&case);
}

#[test]
fn an_edited_entry_is_named() {
    assert_eq!(problems_after(""), []);
    assert_eq!(
        problems_after("UPDATE journal SET at = '2020-01-01T00:00:00.000000000Z' WHERE seq = 4"),
        [CaseProblem::Edited(Seq(4))]
    );
    assert_eq!(problems_after("UPDATE journal SET host = 'other' WHERE seq = 1"), [CaseProblem::Edited(Seq(1))]);
    assert_eq!(
        problems_after("DELETE FROM journal WHERE seq = 1"),
        [CaseProblem::Gap(Seq(2)), CaseProblem::ScanFacts(ScanId(1))]
    );
    let unreadable = problems_after("UPDATE journal SET payload = '{' WHERE seq = 3");
    assert!(
        matches!(unreadable[..2], [CaseProblem::Edited(Seq(3)), CaseProblem::Unreadable(Seq(3), _)]),
        "{unreadable:?}"
    );
}

#[test]
fn an_entry_replaced_with_a_fitting_hash_breaks_the_chain_after_it() {
    let (mut case, _, ids) = with_findings(1);
    for n in 0..3 {
        case.decide(&ids, &Decision::Note { note: n.to_string() }, &stamp()).unwrap();
    }
    let head = case.head().unwrap();
    tamper(&case, r#"UPDATE journal SET payload = '{"note":"forged"}' WHERE seq = 2"#);
    let mut forged = None;
    chain::each_entry(&case.db, |entry| {
        forged = forged.or((entry.seq == Seq(2)).then(|| entry.computed_hash()));
        Ok(())
    })
    .unwrap();
    tamper(&case, &format!("UPDATE journal SET hash = x'{}' WHERE seq = 2", forged.unwrap()));
    assert_eq!(case.verify().unwrap().problems, [CaseProblem::Chain(Seq(3))]);
    assert!(case.has_head(&head).unwrap());
    tamper(&case, "DELETE FROM journal WHERE seq > 2");
    assert_eq!(case.verify().unwrap().problems, []);
    assert!(!case.has_head(&head).unwrap());
    assert_eq!(head.to_string().parse(), Ok(head));
    assert!("1:xyz".parse::<Head>().is_err());
}

#[test]
fn tables_that_differ_from_the_journal_are_named() {
    let two = FindingId(2);
    assert_eq!(problems_after("DELETE FROM answers WHERE finding = 2"), [CaseProblem::Decisions(two)]);
    assert_eq!(
        problems_after("UPDATE answers SET answer = 'applies' WHERE finding = 2"),
        [CaseProblem::Decisions(two)]
    );
    assert_eq!(problems_after("UPDATE findings SET verdict = 'benign' WHERE id = 2"), [CaseProblem::Verdict(two)]);
    assert_eq!(problems_after("DELETE FROM undone"), [CaseProblem::Undone]);
}

#[test]
fn evidence_that_was_edited_is_named() {
    let one = FindingId(1);
    let evidence = |sql| problems_after(sql).contains(&CaseProblem::Evidence(one));
    assert!(evidence("UPDATE matches SET at = 5 WHERE hit = 1"));
    assert!(evidence("UPDATE files SET uid = 0 WHERE id = 1"));
    assert!(evidence("UPDATE blobs SET bytes = x'00'"));
    assert!(evidence("DELETE FROM excerpts WHERE hit = 1"));
    assert!(evidence("UPDATE findings SET last_hit = 2 WHERE id = 1"));
    assert!(evidence("UPDATE sightings SET hit = 2 WHERE finding = 1"));
    assert!(problems_after("UPDATE rules SET source = 'rule r { condition: false }'").contains(&CaseProblem::Rule(1)));
    let scan = CaseProblem::Scan(ScanId(1));
    assert!(problems_after("DELETE FROM sightings WHERE finding = 1").contains(&scan));
    assert!(problems_after("DELETE FROM coverage").contains(&scan));
    assert!(problems_after("DELETE FROM scan_rules").contains(&scan));
    let gone = problems_after("DELETE FROM findings WHERE id = 1");
    assert!(gone.contains(&CaseProblem::Misdirected(Seq(4))), "{gone:?}");
}

#[test]
fn missing_guards_are_named_and_a_flood_of_problems_is_counted() {
    let (case, _, _) = with_findings(300);
    case.db.execute_batch("DROP TRIGGER journal_is_never_changed").unwrap();
    assert_eq!(case.verify().unwrap().problems, [CaseProblem::Guard("journal_is_never_changed")]);
    case.db.execute_batch("UPDATE findings SET verdict = 'malicious'").unwrap();
    let found = case.verify().unwrap();
    assert_eq!((found.problems.len(), found.more), (100, 201));
    assert!(!found.is_whole());
}

#[test]
fn the_opening_is_on_record() {
    let mut case = Case::in_memory().unwrap();
    assert_eq!(case.head().unwrap(), Head::START);
    assert!(case.has_head(&Head::START).unwrap());
    let seq = case.record_opening(&stamp()).unwrap();
    let entry = case.journal(Seq(0), 10).unwrap().remove(0);
    assert_eq!((entry.seq, entry.group, &entry.actor, entry.at), (seq, seq, &stamp().actor, stamp().at));
    assert!(matches!(entry.event, JournalEvent::Happened(Record::CaseOpened { .. })), "{entry:?}");
    assert_whole(&case);
}
