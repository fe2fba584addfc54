use proptest::prelude::*;

use super::*;

const IDS: [&str; 5] = ["backup", "maintenance", "monitoring", "build", "admin"];

fn walk() -> Walkthrough {
    Walkthrough::new(IDS)
}

#[test]
fn answers_lead_through_all_and_end_in_suspicious() {
    let mut walk = walk();
    assert_eq!(walk.progress().to_string(), "1 of 5");
    for (index, id) in IDS.into_iter().enumerate() {
        assert_eq!(walk.current(), Some(id));
        assert_eq!(walk.outcome(), Verdict::Open);
        walk.answer(Answer::RuledOut, Some("no such job here")).unwrap();
        assert_eq!(walk.progress().answered, index + 1);
    }
    assert_eq!(walk.current(), None);
    assert_eq!(walk.outcome(), Verdict::Suspicious);
    assert!(walk.scenarios().all(|(_, given)| given.unwrap().note == "no such job here"));
}

#[test]
fn skipping_decides_nothing_and_what_was_skipped_comes_again() {
    let mut walk = walk();
    walk.skip();
    assert_eq!(walk.current(), Some("maintenance"));
    for _ in 1..5 {
        walk.answer(Answer::RuledOut, None).unwrap();
    }
    assert_eq!(walk.current(), Some("backup"));
    assert_eq!(walk.outcome(), Verdict::Open);
    assert_eq!(walk.changes().len(), 4);
}

#[test]
fn unsure_keeps_it_open_and_moving_past_the_ends_stays() {
    let mut walk = walk();
    walk.back();
    assert_eq!(walk.current(), Some("backup"));
    for _ in 0..5 {
        walk.answer(Answer::Unsure, None).unwrap();
    }
    assert_eq!(walk.outcome(), Verdict::Open);
    walk.skip();
    assert_eq!((walk.current(), walk.progress().to_string()), (None, "5 of 5".to_owned()));
    assert_eq!(walk.answer(Answer::RuledOut, None), None);
    walk.back();
    assert_eq!(walk.current(), Some("admin"));
    assert!(!walk.go_to("nonsense"));
    assert!(walk.go_to("build"));
    assert_eq!(walk.progress().to_string(), "4 of 5");
}

#[test]
fn applies_is_benign_only_once_its_exclusion_is_recorded() {
    let mut walk = walk();
    walk.answer(Answer::Applies, Some("cron job of ops")).unwrap();
    assert_eq!(walk.outcome(), Verdict::Open);
    let id = Uuid::from_u128(7);
    assert_eq!(walk.excluded("maintenance", id), None, "no answer there");
    walk.excluded("backup", id).unwrap();
    assert_eq!(walk.outcome(), Verdict::Benign);
}

#[test]
fn changing_an_answer_says_which_exclusion_is_left_behind() {
    let mut walk = walk();
    let id = Uuid::from_u128(7);
    walk.answer(Answer::Applies, Some("note")).unwrap();
    walk.excluded("backup", id).unwrap();
    walk.back();
    assert_eq!(walk.note("backup", "better note").unwrap().left_behind(), None);
    walk.go_to("backup");
    let change = walk.answer(Answer::RuledOut, None).unwrap();
    assert_eq!(change.left_behind(), Some(id));
    assert_eq!(walk.given("backup").unwrap().note, "better note");
    assert_eq!(walk.outcome(), Verdict::Open);
    assert_eq!(walk.undo().unwrap().left_behind(), None);
    assert_eq!(walk.outcome(), Verdict::Benign);
    walk.undo().unwrap();
    assert_eq!(walk.undo().unwrap().left_behind(), Some(id));
}

#[test]
fn the_same_answer_again_is_no_change() {
    let mut walk = walk();
    walk.answer(Answer::Unsure, None).unwrap();
    walk.back();
    assert_eq!(walk.answer(Answer::Unsure, None), None);
    assert_eq!(walk.current(), Some("maintenance"));
    assert_eq!(walk.changes().len(), 1);
}

#[test]
fn malicious_takes_a_reason_and_can_be_undone() {
    let mut walk = walk();
    assert_eq!(walk.mark_malicious(Some("  ")), None);
    walk.mark_malicious(Some("beacons out")).unwrap();
    assert_eq!((walk.outcome(), walk.malicious()), (Verdict::Malicious, Some("beacons out")));
    walk.undo().unwrap();
    assert_eq!(walk.outcome(), Verdict::Open);
    assert_eq!(walk.mark_malicious(None), None, "was not marked");
}

#[test]
fn a_rule_without_scenarios_never_becomes_suspicious_by_itself() {
    let mut walk = Walkthrough::new(Vec::<String>::new());
    assert_eq!((walk.outcome(), walk.current()), (Verdict::Open, None));
    assert_eq!(walk.answer(Answer::RuledOut, None), None);
}

#[test]
fn resuming_without_a_place_shows_the_first_without_an_answer() {
    let mut walk = walk();
    walk.answer(Answer::RuledOut, None);
    let again = Walkthrough::resume(["new", "backup"], walk.changes().to_vec(), None);
    assert_eq!(again.current(), Some("new"));
    assert_eq!(again.given("backup").unwrap().answer, Answer::RuledOut);
    let gone = Walkthrough::resume(["new"], walk.changes().to_vec(), Some("backup"));
    assert!(gone.changes().is_empty());
}

#[derive(Debug, Clone)]
enum Act {
    Answer(Answer, Option<String>),
    Note(usize, String),
    Exclude(usize),
    Withdraw(usize),
    Mark(Option<String>),
    Skip,
    Back,
    Undo,
}

fn act() -> impl Strategy<Value = Act> {
    let answer = prop_oneof![Just(Answer::Applies), Just(Answer::RuledOut), Just(Answer::Unsure)];
    prop_oneof![
        4 => (answer, proptest::option::of("[a-c ]{0,3}")).prop_map(|(answer, note)| Act::Answer(answer, note)),
        1 => (0..5usize, "[a-c]{0,2}").prop_map(|(index, note)| Act::Note(index, note)),
        1 => (0..5usize).prop_map(Act::Exclude),
        1 => (0..5usize).prop_map(Act::Withdraw),
        1 => proptest::option::of("[a-c ]{0,3}").prop_map(Act::Mark),
        1 => Just(Act::Skip),
        1 => Just(Act::Back),
        1 => Just(Act::Undo),
    ]
}

fn perform(walk: &mut Walkthrough, act: &Act) -> Option<Change> {
    match act {
        Act::Answer(answer, note) => walk.answer(*answer, note.as_deref()),
        Act::Note(index, note) => walk.note(IDS[*index], note),
        Act::Exclude(index) => walk.excluded(IDS[*index], Uuid::from_u128(*index as u128)),
        Act::Withdraw(index) => walk.withdraw(IDS[*index]),
        Act::Mark(reason) => walk.mark_malicious(reason.as_deref()),
        Act::Undo => walk.undo(),
        Act::Skip | Act::Back => {
            if matches!(act, Act::Skip) {
                walk.skip();
            } else {
                walk.back();
            }
            None
        }
    }
}

type Answers = (Vec<(String, Option<Given>)>, Option<String>);

fn answers(walk: &Walkthrough) -> Answers {
    let given = walk.scenarios().map(|(id, given)| (id.to_owned(), given.cloned())).collect();
    (given, walk.malicious().map(str::to_owned))
}

proptest! {
    #[test]
    fn undo_goes_back_through_every_state_to_the_beginning(acts in proptest::collection::vec(act(), 0..40)) {
        let mut walk = walk();
        let mut states = vec![answers(&walk)];
        for act in &acts {
            let changed = perform(&mut walk, act).is_some();
            match act {
                Act::Undo if changed => { states.pop(); }
                _ if changed => states.push(answers(&walk)),
                _ => prop_assert_eq!(&answers(&walk), states.last().unwrap()),
            }
            prop_assert_eq!(walk.changes().len() + 1, states.len());
        }
        while let Some(state) = states.pop() {
            prop_assert_eq!(answers(&walk), state);
            prop_assert_eq!(walk.undo().is_some(), !states.is_empty());
        }
    }

    #[test]
    fn a_resumed_walk_goes_on_as_if_never_left(
        before in proptest::collection::vec(act(), 0..30),
        after in proptest::collection::vec(act(), 0..30),
    ) {
        let mut walk = walk();
        for act in &before {
            perform(&mut walk, act);
        }
        // The end of a walk has no scenario to name; it is left for one that has.
        walk.back();
        let mut again = Walkthrough::resume(IDS, walk.changes().to_vec(), walk.current());
        for act in &after {
            prop_assert_eq!(perform(&mut again, act), perform(&mut walk, act));
            prop_assert_eq!(answers(&again), answers(&walk));
            prop_assert_eq!((again.current(), again.outcome()), (walk.current(), walk.outcome()));
        }
    }
}
