//! What a tired responder runs into: keys pressed blind, lists that have shrunk, a disk that takes nothing.

use std::fmt::Write as _;

use huntbook::internals::tui::message::Message;

use crate::fixtures;
use crate::screen_harness::{Stage, TestTree};

const SMALL: (u16, u16) = (80, 24);

#[test]
fn what_is_too_small_to_be_seen_is_not_decided_on() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("callback.txt").press("5");
    stage.wait("Scenario 1 of 5");
    stage.resize((40, 10));
    stage.press("x x M").type_text("no").press("enter");
    stage.resize(SMALL);
    assert!(stage.screen().contains("Scenarios 0/5"), "{}", stage.screen());
    stage.press("a");
    stage.wait("this finding only");
    stage.resize((40, 10));
    stage.type_text("unseen").press("enter enter");
    stage.resize(SMALL);
    assert!(stage.screen().contains("Record an exclusion"), "{}", stage.screen());
    assert!(!stage.screen().contains("unseen") && !place.register().exists());
    stage.press("esc");
    stage.resize((40, 10));
    stage.press("q");
    assert!(stage.left, "leaving takes no room");
    stage.leave();
}

#[test]
fn a_list_that_a_filter_has_shortened_shows_all_that_is_left() {
    let place = TestTree::new();
    for n in 0..90 {
        let folder = place.tree().join(format!("d{}", n % 9));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("hit{n:02}")), fixtures::callback()).unwrap();
    }
    let mut stage = Stage::open(&place, SMALL);
    stage.press("G /").type_text("'d5/").press("enter");
    stage.wait("with \"'d5/\"");
    let shown = stage.screen().lines().filter(|line| line.contains("d5/hit")).count();
    assert_eq!(shown, 10, "{}", stage.screen());
    stage.press("esc G b b F");
    let folders = (0..9).fold(String::new(), |mut all, n| {
        let _ = write!(all, "{}", u8::from(stage.screen().contains(&format!("d{n}  10 findings"))));
        all
    });
    assert_eq!(folders, "111111111", "{}", stage.screen());
    stage.leave();
}

#[test]
fn leaving_without_a_disk_is_asked_twice() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.message(Message::Unsaved(Some("no space left".into())));
    stage.press("q");
    assert!(!stage.left);
    stage.wait("in memory only: W tries the disk again");
    stage.press("j q");
    assert!(!stage.left, "another key takes it back");
    stage.press("q");
    assert!(stage.left);
    stage.leave();
}

#[test]
fn tab_goes_to_hunts_that_have_findings() {
    let place = TestTree::new();
    std::fs::write(place.tree().join("note"), fixtures::callback()).unwrap();
    let mut stage = Stage::open(&place, SMALL);
    stage.press("tab");
    stage.wait("Findings: EQGRP_callbacks");
    stage.press("tab");
    stage.wait("Findings: all hunts");
    stage.press("backtab");
    stage.wait("Findings: EQGRP_callbacks");
    stage.leave();
}

#[test]
fn esc_closes_the_inspector_and_a_look_at_a_broad_scope_leaves_the_days_as_they_were() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("callback.txt").press("5 a");
    stage.wait("this finding only");
    stage.press("tab right right right");
    stage.wait("days      30");
    stage.press("right");
    stage.wait("days      90");
    stage.press("esc");
    stage.press("1 i");
    stage.wait("u16");
    stage.press("esc");
    assert!(stage.screen().contains("Hex:") && !stage.screen().contains("u16"), "{}", stage.screen());
    stage.leave();
}

/// A program of 100 KB whose interpreter's path lies far behind its headers, with a match in between.
fn program() -> Vec<u8> {
    let mut bytes = fixtures::elf_header();
    for (offset, word) in [(52, 3_u32), (56, 80_000), (68, 19), (72, 19)] {
        bytes[offset..offset + 4].copy_from_slice(&word.to_le_bytes());
    }
    bytes.resize(100_000, 0);
    let callback = fixtures::callback();
    bytes[40_000..40_000 + callback.len()].copy_from_slice(callback.as_bytes());
    bytes[80_000..80_019].copy_from_slice(b"/lib/ld-linux.so.2\0");
    bytes
}

#[test]
fn nothing_is_claimed_of_bytes_that_are_gone() {
    let place = TestTree::new();
    std::fs::write(place.tree().join("program"), program()).unwrap();
    std::fs::write(place.tree().join("other"), fixtures::callback()).unwrap();
    let mut stage = Stage::open(&place, (100, 40));
    stage.open_path("program").press("2");
    stage.wait("Anomalies");
    assert!(stage.screen().contains("/lib/ld-linux.so.2"), "{}", stage.screen());
    stage.press("esc");
    std::fs::remove_file(place.tree().join("program")).unwrap();
    stage.open_path("other").press("esc").open_path("program").press("2");
    stage.wait("the interpreter's path was not read");
    let screen = stage.screen();
    assert!(screen.contains("the others are unknown") && !screen.contains("end in a NUL"), "{screen}");
    stage.leave();
}
