use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[test]
fn answers_lead_to_a_verdict_and_can_be_changed() {
    let (mut case, scan, ids) = with_findings(2);
    let id = ids[0];
    case.decide(&[id], &answered("a", Answer::RuledOut), &stamp_at(1)).unwrap();
    assert_eq!(case.verdict(id).unwrap(), Verdict::Open);
    case.decide(&[id], &answered("b", Answer::RuledOut), &stamp_at(2)).unwrap();
    assert_eq!(case.verdict(id).unwrap(), Verdict::Suspicious);
    assert_eq!(case.next_open(scan, FindingId(0)).unwrap(), Some(ids[1]));
    assert_eq!(case.next_open(scan, ids[1]).unwrap(), Some(ids[1]));
    let seq = case.decide(&[id], &answered("a", Answer::Unsure), &stamp_at(3)).unwrap();
    assert_eq!(case.verdict(id).unwrap(), Verdict::Open);
    assert_eq!(case.next_open(scan, ids[1]).unwrap(), Some(id));

    let answers = case.answers(id).unwrap();
    assert_eq!(
        answers.iter().map(|a| (a.scenario.as_str(), a.answer)).collect::<Vec<_>>(),
        [("a", Answer::Unsure), ("b", Answer::RuledOut)]
    );
    let Stamp { actor, at, .. } = stamp_at(3);
    let given = &answers[0];
    assert_eq!((given.seq, &given.by, given.at, given.note.as_deref()), (seq, &actor, at, Some("why a")));
    assert_eq!(case.history(id).unwrap().len(), 3);
    assert_eq!(case.history(ids[1]).unwrap(), []);
    assert_whole(&case);
}

#[test]
fn undo_goes_back_to_the_start_and_is_itself_undone() {
    let (mut case, _, ids) = with_findings(1);
    let id = ids[0];
    for decision in [answered("a", Answer::RuledOut), answered("b", Answer::RuledOut), malicious()] {
        case.decide(&[id], &decision, &stamp()).unwrap();
    }
    let mut undoings = Vec::new();
    let mut verdicts = Vec::new();
    for _ in 0..3 {
        undoings.push(case.undo(Undo::LastOf(id), &stamp()).unwrap());
        verdicts.push(case.verdict(id).unwrap());
    }
    assert_eq!(verdicts, [Verdict::Suspicious, Verdict::Open, Verdict::Open]);
    assert_eq!(case.answers(id).unwrap(), []);
    assert!(matches!(case.undo(Undo::LastOf(id), &stamp()).unwrap_err().fault, CaseErrorKind::NothingToUndo));

    case.undo(Undo::Entry(undoings[0]), &stamp()).unwrap();
    assert_eq!(case.verdict(id).unwrap(), Verdict::Malicious);
    let error = case.undo(Undo::Entry(undoings[0]), &stamp()).unwrap_err();
    assert!(matches!(error.fault, CaseErrorKind::AlreadyUndone(_)), "{error}");
    assert!(matches!(case.undo(Undo::Entry(Seq(1)), &stamp()).unwrap_err().fault, CaseErrorKind::NotADecision(_)));
    assert!(matches!(case.undo(Undo::Entry(Seq(99)), &stamp()).unwrap_err().fault, CaseErrorKind::NoSuchEntry(_)));
    let undone: Vec<_> = case.history(id).unwrap().iter().map(|entry| entry.undone).collect();
    assert_eq!(undone, [true, true, false, true, false, false, false]);
    assert_whole(&case);
}

#[test]
fn many_are_decided_and_taken_back_together() {
    let (mut case, scan, ids) = with_findings(50);
    case.decide(&ids[..1], &answered("a", Answer::RuledOut), &stamp()).unwrap();
    let group = case.decide(&ids, &excluded("x"), &stamp()).unwrap();
    assert_eq!(case.next_open(scan, FindingId(0)).unwrap(), None);
    assert!(case.history(ids[49]).unwrap().iter().all(|entry| entry.group == group));
    case.undo(Undo::LastOf(ids[49]), &stamp()).unwrap();
    assert!(ids.iter().all(|id| case.verdict(*id).unwrap() == Verdict::Open));
    assert_eq!(case.answers(ids[0]).unwrap().len(), 1);
    case.undo(Undo::Last, &stamp()).unwrap();
    assert_eq!(case.answers(ids[0]).unwrap(), []);
    assert_whole(&case);
}

#[test]
fn a_batch_with_a_wrong_finding_records_nothing() {
    let (mut case, _, ids) = with_findings(1);
    let head = case.head().unwrap();
    let error = case.decide(&[ids[0], FindingId(99)], &malicious(), &stamp()).unwrap_err();
    assert!(matches!(error.fault, CaseErrorKind::NoSuchFinding(FindingId(99))));
    assert!(matches!(case.decide(&[], &malicious(), &stamp()).unwrap_err().fault, CaseErrorKind::NothingChosen));
    let blank = Decision::MarkedMalicious { reason: " ".into() };
    assert!(matches!(case.decide(&ids, &blank, &stamp()).unwrap_err().fault, CaseErrorKind::NoReason));
    assert_eq!((case.head().unwrap(), case.verdict(ids[0]).unwrap()), (head, Verdict::Open));
}

#[test]
fn a_revoked_exclusion_covers_nothing_whatever_is_undone_later() {
    let (mut case, _, ids) = with_findings(2);
    case.decide(&ids, &excluded("x"), &stamp()).unwrap();
    let mark = case.decide(&ids[..1], &malicious(), &stamp()).unwrap();
    let revocation = case.decide(&[], &revoked("x"), &stamp()).unwrap();
    assert_eq!(case.verdict(ids[1]).unwrap(), Verdict::Open);
    case.undo(Undo::Entry(mark), &stamp()).unwrap();
    assert_eq!(case.verdict(ids[0]).unwrap(), Verdict::Open);
    case.undo(Undo::Entry(revocation), &stamp()).unwrap();
    assert!(ids.iter().all(|id| case.verdict(*id).unwrap() == Verdict::Benign));
    case.decide(&[], &revoked("unheard of"), &stamp()).unwrap();
    assert_eq!(case.journal(Seq(0), 100).unwrap().last().unwrap().finding, None);
    assert_whole(&case);
}

#[test]
fn changed_content_opens_the_question_again() {
    let (mut case, _, ids) = with_findings(3);
    case.decide(&ids[..1], &excluded("x"), &stamp()).unwrap();
    for scenario in ["a", "b"] {
        case.decide(&ids[1..2], &answered(scenario, Answer::RuledOut), &stamp()).unwrap();
    }
    case.decide(&ids[2..], &malicious(), &stamp()).unwrap();
    let scan = case.start_scan(&plan(&[rule("r", &["a", "b"])]), &stamp()).unwrap();
    let changed: Vec<_> = (0..3).map(|n| finding("r", format!("/srv/{n}"), b"other")).collect();
    assert_eq!(case.record_findings(scan, &changed).unwrap(), ids);
    let verdicts: Vec<_> = ids.iter().map(|id| case.verdict(*id).unwrap()).collect();
    assert_eq!(verdicts, [Verdict::Open, Verdict::Open, Verdict::Malicious]);
    assert_eq!(case.answers(ids[1]).unwrap()[0].digest, Sha256::of(b"content").into());
    assert_whole(&case);
}

#[test]
fn the_register_moves_verdicts_and_the_journal_says_so() {
    let (mut case, scan, ids) = with_findings(3);
    let head = case.head().unwrap();
    let cover = |lapsed: Option<&str>| Some(Cover { exclusion: "x".into(), lapsed: lapsed.map(str::to_owned) });
    case.apply_register(&[(ids[0], cover(None)), (ids[1], cover(Some("expired")))], &stamp()).unwrap();
    assert_eq!(case.verdict(ids[0]).unwrap(), Verdict::Benign);
    assert_eq!(case.verdict(ids[1]).unwrap(), Verdict::Open);
    assert_eq!(case.cover(ids[1]).unwrap(), cover(Some("expired")));
    assert_eq!(case.findings(scan, ids[0], 1).unwrap()[0].lapsed.as_deref(), Some("expired"));
    assert_eq!(case.exclusion_hits(scan).unwrap(), [("x".to_owned(), 1)]);
    case.apply_register(&[(ids[0], None)], &stamp()).unwrap();
    assert_eq!(case.verdict(ids[0]).unwrap(), Verdict::Open);
    assert_eq!(case.head().unwrap().seq.0, head.seq.0 + 2);
    case.apply_register(&[(ids[0], None), (ids[1], cover(Some("expired")))], &stamp()).unwrap();
    assert_eq!(case.head().unwrap().seq.0, head.seq.0 + 2, "nothing new is no entry");
    let error = case.apply_register(&[(FindingId(99), cover(None))], &stamp()).unwrap_err();
    assert!(matches!(error.fault, CaseErrorKind::NoSuchFinding(_)), "{error}");
    assert_whole(&case);
}

#[test]
fn two_huntbooks_on_one_case_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c");
    let (case, _, ids) = fill(Case::open(&path).unwrap(), 2);
    std::thread::scope(|scope| {
        for id in &ids {
            let mut other = Case::open(&path).unwrap();
            scope.spawn(move || {
                for n in 0..100 {
                    other.decide(&[*id], &Decision::Note { note: n.to_string() }, &stamp()).unwrap();
                }
            });
        }
        for _ in 0..50 {
            assert!(case.verify().unwrap().is_whole());
        }
    });
    assert!(ids.iter().all(|id| case.history(*id).unwrap().len() == 100));
    assert_whole(&case);
}

#[test]
fn two_huntbooks_create_one_case() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..20 {
        let path = dir.path().join(round.to_string());
        let ids: Vec<_> = std::thread::scope(|scope| {
            let open = || scope.spawn(|| Case::open(&path).unwrap().host().unwrap());
            let both = [open(), open()];
            both.map(|thread| thread.join().unwrap()).into()
        });
        assert_eq!(ids[0], ids[1]);
    }
}

/// One step of a responder, with numbers to be taken modulo what there is.
#[derive(Debug, Clone)]
enum Step {
    Answer(usize, usize, Answer),
    Malicious(usize),
    Exclude(usize, usize, usize),
    Revoke(usize),
    UndoLastOf(usize),
    UndoEntry(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let any = 0..64_usize;
    let answer = prop_oneof![Just(Answer::Applies), Just(Answer::RuledOut), Just(Answer::Unsure)];
    prop_oneof![
        4 => (any.clone(), 0..2_usize, answer).prop_map(|(f, s, a)| Step::Answer(f, s, a)),
        1 => any.clone().prop_map(Step::Malicious),
        2 => (any.clone(), any.clone(), 0..2_usize).prop_map(|(from, to, x)| Step::Exclude(from, to, x)),
        1 => (0..2_usize).prop_map(Step::Revoke),
        2 => any.clone().prop_map(Step::UndoLastOf),
        3 => any.prop_map(Step::UndoEntry),
    ]
}

/// What the verdicts should be, worked out the slow way: from the list of steps that are in force.
#[derive(Default)]
struct Model {
    groups: BTreeMap<i64, Step>,
    /// Each undoing with the group it undoes.
    undoings: BTreeMap<i64, i64>,
}

impl Model {
    /// A group is in force unless an undoing of it is.
    fn in_force(&self, group: i64) -> bool {
        !self.undoings.iter().any(|(undoing, target)| *target == group && self.in_force(*undoing))
    }

    fn verdict(&self, finding: usize, count: usize) -> Verdict {
        let mut answers = [None; 2];
        let mut standing = None;
        for (_, step) in self.groups.iter().filter(|(group, _)| self.in_force(**group)) {
            match step {
                Step::Answer(f, s, a) if f % count == finding => answers[*s] = Some(*a),
                Step::Malicious(f) if f % count == finding => standing = Some(Err(())),
                Step::Exclude(from, to, x) if range(*from, *to, count).contains(&finding) => standing = Some(Ok(*x)),
                Step::Revoke(x) if standing == Some(Ok(*x)) => standing = None,
                _ => {}
            }
        }
        match standing {
            Some(Err(())) => Verdict::Malicious,
            Some(Ok(_)) => Verdict::Benign,
            None if answers == [Some(Answer::RuledOut); 2] => Verdict::Suspicious,
            None => Verdict::Open,
        }
    }
}

fn range(a: usize, b: usize, count: usize) -> std::ops::RangeInclusive<usize> {
    (a % count).min(b % count)..=(a % count).max(b % count)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_decided_and_undone_the_tables_are_the_journal(steps in prop::collection::vec(step(), 1..40)) {
        let (mut case, _, ids) = with_findings(4);
        let mut model = Model::default();
        for step in steps {
            let decided = match &step {
                Step::Answer(f, s, a) => case.decide(&[ids[f % 4]], &answered(["a", "b"][*s], *a), &stamp()),
                Step::Malicious(f) => case.decide(&[ids[f % 4]], &malicious(), &stamp()),
                Step::Exclude(from, to, x) => case.decide(&ids[range(*from, *to, 4)], &excluded(["x", "y"][*x]), &stamp()),
                Step::Revoke(x) => case.decide(&[], &revoked(["x", "y"][*x]), &stamp()),
                Step::UndoLastOf(f) => {
                    let id = ids[f % 4];
                    let last = case.history(id).unwrap().into_iter()
                        .rfind(|entry| !entry.undone && matches!(entry.event, JournalEvent::Decided(_)));
                    match (case.undo(Undo::LastOf(id), &stamp()), last) {
                        (Ok(undoing), Some(last)) => {
                            model.undoings.insert(undoing.0, last.group.0);
                        }
                        (undone, last) => prop_assert!(undone.is_err() && last.is_none()),
                    }
                    continue;
                }
                Step::UndoEntry(n) => {
                    let entries = case.journal(Seq(1), usize::MAX).unwrap();
                    let Some(entry) = entries.get(n % entries.len().max(1)) else { continue };
                    match case.undo(Undo::Entry(entry.seq), &stamp()) {
                        Ok(undoing) => {
                            model.undoings.insert(undoing.0, entry.group.0);
                        }
                        Err(error) => prop_assert!(entry.undone, "{error}"),
                    }
                    continue;
                }
            };
            model.groups.insert(decided.unwrap().0, step);
        }
        let verification = case.verify().unwrap();
        prop_assert!(verification.is_whole(), "{verification:?}");
        for (n, id) in ids.iter().enumerate() {
            prop_assert_eq!(case.verdict(*id).unwrap(), model.verdict(n, 4));
        }
    }
}

#[test]
fn notes_and_tags_in_force_are_those_that_were_not_taken_back_or_off() {
    let (mut case, _, ids) = with_findings(2);
    let id = ids[0];
    let note = |note: &str| Decision::Note { note: note.into() };
    let tagged = |add: &[&str], remove: &[&str]| {
        let owned = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect();
        Decision::Tagged { add: owned(add), remove: owned(remove) }
    };
    case.decide(&[id], &note("as #old cases had it"), &stamp()).unwrap();
    case.decide(&ids, &tagged(&["later", "bob"], &[]), &stamp()).unwrap();
    case.decide(&[id], &tagged(&[], &["old", "none"]), &stamp()).unwrap();
    case.decide(&[id], &note("one act over 2 cases, 1"), &stamp()).unwrap();
    let of = |case: &Case, id| {
        let Annotations { tags, notes } = case.annotations_of(id).unwrap();
        (tags.into_iter().collect::<Vec<_>>().join(" "), notes)
    };
    assert_eq!(of(&case, id), ("bob later".into(), vec!["as #old cases had it".to_owned()]));
    assert_eq!(of(&case, ids[1]), ("bob later".into(), Vec::new()));
    assert_eq!(case.annotations().unwrap().len(), 2);
    case.undo(Undo::LastOf(ids[1]), &stamp()).unwrap();
    assert_eq!((of(&case, ids[1]), of(&case, id).0), ((String::new(), Vec::new()), String::new()));
    assert_eq!(case.annotations().unwrap().len(), 1);
    assert_eq!(case.verdict(id).unwrap(), Verdict::Open, "nothing is decided by it");
    assert_whole(&case);
}
