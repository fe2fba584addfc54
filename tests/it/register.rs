//! The register under the screen: deleted meanwhile, shared with another Huntbook, undone.

use std::fs;

use huntbook::internals::case::{Case, ScanPlan, Stamp};
use huntbook::internals::session::RuleChoice;
use huntbook::internals::triage::Actor;
use huntbook::internals::triage::register::Register;

use crate::screen_harness::{Stage, TestTree};

const SIZE: (u16, u16) = (120, 30);

fn exclude(stage: &mut Stage, file: &str) {
    stage.open_path(file).press("5 a").type_text("known").press("enter enter");
    stage.wait("excluded: in the register");
}

#[test]
fn a_deleted_register_loses_nothing_when_it_is_looked_at() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SIZE);
    exclude(&mut stage, "callback.txt");
    let before = fs::read_to_string(place.register()).unwrap();
    fs::remove_file(place.register()).unwrap();
    stage.press("R");
    stage.wait("the register was deleted meanwhile");
    assert!(stage.screen().contains("in force"), "{}", stage.screen());
    stage.press("W");
    stage.wait("everything is on disk");
    assert_eq!(fs::read_to_string(place.register()).unwrap(), before);
    stage.leave();
}

#[test]
fn two_screens_on_one_register_see_each_others_exclusions() {
    let place = TestTree::planted();
    let mut first = Stage::open(&place, SIZE);
    let mut second = Stage::open(&place, SIZE);
    exclude(&mut first, "callback.txt");
    second.open_path("callback.txt");
    second.wait("○ excluded");
    assert!(!second.screen().contains("no longer in the register"), "{}", second.screen());
    first.leave();
    second.leave();
}

#[test]
fn a_scan_that_was_killed_did_not_end() {
    let place = TestTree::planted();
    Stage::open(&place, SIZE).leave();
    let mut case = Case::open(&place.case()).unwrap();
    let scan = case.scans().unwrap().pop().unwrap();
    let plan = ScanPlan { tree: scan.tree, options: scan.options, rules: case.rules(scan.id).unwrap() };
    let actor = Actor { name: "root".into(), uid: 0, behind: None };
    case.start_scan(&plan, &Stamp { actor, host: "web01".into(), at: jiff::Timestamp::now() }).unwrap();
    drop(case);
    let mut stage = Stage::reopen(&place, SIZE);
    stage.wait("DID NOT END");
    stage.press("C");
    stage.wait("The scan did not end");
    assert!(!stage.screen().contains("Scanned 0 files"), "{}", stage.screen());
    stage.leave();
}

#[test]
fn two_rules_of_one_name_are_told_apart() {
    let place = TestTree::planted();
    let rules: Vec<_> = ["one.yar", "two.yar"].map(|name| place.register().with_file_name(name)).into();
    fs::write(&rules[0], "rule same { strings: $a = \"#!/usr/bin/env\" condition: $a }").unwrap();
    fs::write(&rules[1], "rule same { strings: $a = \"python\" condition: $a }").unwrap();
    let choice = RuleChoice { no_builtin: true, rules, ..RuleChoice::default() };
    let mut stage = Stage::open_with(&place, SIZE, choice);
    assert!(stage.app.hunts.iter().map(|hunt| hunt.name.as_str()).eq(["same (one.yar)", "same (two.yar)"]));
    exclude(&mut stage, "MixText.py");
    stage.press("esc esc");
    stage.wait("○ excluded");
    stage.press("r");
    stage.wait("done in");
    assert!(!stage.screen().contains("rule changed"), "{}", stage.screen());
    stage.leave();
}

#[test]
fn one_undo_takes_back_an_exclusion_with_its_answer() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SIZE);
    exclude(&mut stage, "callback.txt");
    stage.wait("Scenarios 1/5");
    stage.press("z");
    stage.wait("● open");
    stage.wait("Scenarios 0/5");
    let register = Register::load(place.register()).unwrap();
    assert!(register.entries()[0].exclusion().unwrap().revoked.is_some());
    stage.leave();
}
