//! What was decided stays in the case and its reports when the file, or its rule, is gone.

use std::fs;

use huntbook::internals::case::{Case, Decision, FindingId, Stamp};
use huntbook::internals::triage::Actor;

use crate::cli::TestBox;
use crate::screen_harness::{Stage, TestTree};
use crate::tui::SMALL;

fn stamp() -> Stamp {
    let actor = Actor { name: "root".into(), uid: 0, behind: None };
    Stamp { actor, host: "web01".into(), at: jiff::Timestamp::now() }
}

/// A scanned tree whose `callback.txt` was marked malicious.
fn decided() -> (TestBox, String) {
    let ground = TestBox::planted();
    let case = ground.home().join("hunt.case").to_str().unwrap().to_owned();
    ground.scan(&["--case", &case]);
    let mut records = Case::open(case.as_ref()).unwrap();
    let scan = records.scans().unwrap()[0].id;
    let found = records.findings(scan, FindingId(0), 100).unwrap();
    let id = found.iter().find(|row| row.path.ends_with("callback.txt")).unwrap().id;
    records.decide(&[id], &Decision::MarkedMalicious { reason: "beacons out".into() }, &stamp()).unwrap();
    (ground, case)
}

/// The report in every format, each with the finding, its verdict, the reason, and `why` it was not met.
fn assert_reported(ground: &TestBox, case: &str, why: &str) {
    for format in ["markdown", "ndjson", "csv", "sarif"] {
        let output = ground.huntbook(&["report", case, "--format", format]).output().unwrap();
        let report = String::from_utf8(output.stdout).unwrap();
        for word in ["callback.txt", "malicious", why] {
            assert!(report.contains(word), "{format} lacks {word}:\n{report}");
        }
        assert!(format == "ndjson" || report.contains("beacons out"), "{format} lacks the reason");
    }
}

#[test]
fn a_decided_finding_outlives_its_file() {
    let (ground, case) = decided();
    fs::remove_file(ground.tree().join("callback.txt")).unwrap();
    let (documents, _) = ground.scan(&["--case", &case]);
    let gone = documents.iter().find(|document| document["huntbook"]["not_met"].is_object()).unwrap();
    assert_eq!(gone["huntbook"]["verdict"], "malicious");
    let summary = &documents.last().unwrap()["huntbook"];
    assert_eq!((&summary["gone"], &summary["malicious"]), (&1.into(), &0.into()));
    assert_reported(&ground, &case, "the file is not there");
}

#[test]
fn a_decided_finding_outlives_its_rule() {
    let (ground, case) = decided();
    let rules = ground.home().join("x.yar");
    fs::write(&rules, "rule other { condition: true }").unwrap();
    let (documents, _) = ground.scan(&["--case", &case, "--no-builtin", "--rules", rules.to_str().unwrap()]);
    assert_eq!(documents.last().unwrap()["huntbook"]["gone"], 1, "the scan says what the report says");
    assert_reported(&ground, &case, "its rule was not in the last scan");
}

#[test]
fn a_case_takes_no_other_tree() {
    let (ground, case) = decided();
    let other = ground.home().join("other");
    fs::create_dir(&other).unwrap();
    let before = Case::open_read_only(case.as_ref()).unwrap().head().unwrap();
    let output = ground.huntbook(&["scan", other.to_str().unwrap(), "--case", &case]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains(ground.tree().to_str().unwrap()) && said.contains("/home/other"), "{said}");
    assert_eq!(Case::open_read_only(case.as_ref()).unwrap().head().unwrap(), before);
}

#[test]
fn the_screen_lists_what_was_decided_and_is_gone() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, (160, 30));
    stage.open_path("callback.txt").press("5 M").type_text("beacons out").press("enter");
    stage.wait("marked malicious");
    stage.leave();
    fs::remove_file(place.tree().join("callback.txt")).unwrap();
    for mut stage in [Stage::open(&place, (160, 30)), Stage::reopen(&place, (160, 30))] {
        stage.wait("callback.txt");
        let screen = stage.screen();
        let line = screen.lines().find(|line| line.contains("callback.txt")).unwrap();
        assert!(line.contains('✖') && line.contains("gone"), "{screen}");
        stage.leave();
    }
}

/// A tree with one small file, all of whose bytes are at hand as soon as it is opened.
fn small() -> TestTree {
    let place = TestTree::new();
    std::fs::write(place.tree().join("small"), format!(" {}", crate::fixtures::callback())).unwrap();
    place
}

#[test]
fn a_small_file_that_is_deleted_is_told_with_the_next_motion_and_what_the_box_said_is_old() {
    let place = small();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("small").press("4");
    stage.wait("since the scan: nothing");
    stage.press("1");
    fs::remove_file(place.tree().join("small")).unwrap();
    stage.press("l");
    stage.wait("was deleted or moved since it was opened here");
    stage.press("5");
    stage.wait("! What the box said is old; Ctrl-R asks it again.");
    stage.press("4");
    stage.wait("! What the box said is old; Ctrl-R asks it again.");
    stage.press("ctrl-r");
    stage.wait("it is gone");
    assert!(!stage.screen().contains("is old"), "{}", stage.screen());
    stage.leave();
}

#[test]
fn another_tab_looks_at_the_file_again() {
    let place = small();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("small");
    fs::remove_file(place.tree().join("small")).unwrap();
    stage.press("4");
    stage.wait("! What the box said is old");
    stage.leave();
}

#[test]
fn a_finding_that_is_opened_once_more_is_asked_about_once_more() {
    let place = small();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("small").press("4");
    stage.wait("since the scan: nothing");
    stage.press("esc");
    fs::write(place.tree().join("small"), "another").unwrap();
    stage.press("enter");
    stage.wait("its length has changed");
    stage.press("esc");
    fs::remove_file(place.tree().join("small")).unwrap();
    stage.press("enter");
    stage.wait("it is gone");
    stage.leave();
}
