//! Journeys through the screen: keys in, screens out.

use huntbook::internals::session::RuleChoice;
use huntbook::internals::triage::register::Register;
use huntbook::internals::tui::message::Message;

use crate::screen_harness::{Stage, TestTree};

pub const SMALL: (u16, u16) = (80, 24);
pub const WIDE: (u16, u16) = (160, 50);

#[test]
fn ruling_out_all_scenarios_makes_a_finding_suspicious_and_undo_takes_it_back() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("callback.txt").press("5");
    for left in (0..5).rev() {
        stage.press("x");
        stage.wait(&format!("{}/5", 5 - left));
    }
    stage.wait("▲ suspicious");
    stage.press("z");
    stage.wait("● open");
    stage.press("6");
    stage.wait("undone since");
    stage.leave();
    // The answers are there on the next start.
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("callback.txt");
    assert!(stage.screen().contains("Scenarios 4/5"), "{}", stage.screen());
    stage.press("5");
    assert!(stage.screen().contains("Scenario 5 of 5"), "resumes where it was left:\n{}", stage.screen());
    stage.leave();
}

#[test]
fn an_exclusion_is_on_disk_when_the_screen_says_so_and_a_changed_byte_brings_the_finding_back() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("MixText.py").press("5 a");
    stage.press("enter enter");
    stage.wait("a reason is required");
    stage.press("esc");
    assert!(!place.register().exists(), "Esc decides nothing");
    stage.press("a").type_text("built by the tools team").press("enter enter");
    stage.wait("excluded: in the register");
    let register = Register::load(place.register()).unwrap();
    let exclusion = register.entries()[0].exclusion().unwrap();
    assert_eq!(exclusion.rule, "EQGRP_MixText");
    assert_eq!(exclusion.reason, "built by the tools team");
    assert_eq!(exclusion.by.to_string(), "ann (as root)");
    assert!(exclusion.scenario.is_some());
    stage.leave();

    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("MixText.py");
    assert!(stage.screen().contains("○ excluded"), "{}", stage.screen());
    stage.leave();

    let path = place.tree().join("MixText.py");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.push(b'\n');
    std::fs::write(&path, bytes).unwrap();
    let mut stage = Stage::open(&place, SMALL);
    stage.wait("↺ returned");
    assert!(stage.app.list.at(0).unwrap().path.ends_with("MixText.py"), "what came back stands first");
    stage.open_path("MixText.py");
    assert!(stage.screen().contains("content changed"), "{}", stage.screen());
    stage.leave();
}

#[test]
fn a_broader_scope_shows_its_danger_and_what_it_covers_before_anything_is_recorded() {
    let place = TestTree::new();
    for copy in 0..5 {
        std::fs::write(place.tree().join(format!("copy{copy}")), crate::fixtures::callback()).unwrap();
    }
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("copy0").press("5 a").type_text("the same everywhere").press("tab l");
    stage.wait("this finding and 4 more");
    assert!(stage.screen().contains("wherever it lies"), "{}", stage.screen());
    stage.press("enter enter");
    stage.wait("with 4 more findings");
    assert_eq!(stage.app.list.counts(None).benign, 5);
    stage.press("z");
    stage.wait("taken back");
    stage.press("R");
    stage.wait("revoked");
    stage.leave();
}

#[test]
fn a_revoked_exclusion_stays_in_the_register_and_its_finding_is_open_again() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("callback.txt").press("5 a").type_text("known").press("enter enter");
    stage.wait("excluded: in the register");
    stage.press("R");
    stage.wait("in force");
    stage.press("d").type_text("was a mistake").press("enter");
    stage.wait("✘ revoked");
    assert!(stage.screen().contains("was a mistake"), "{}", stage.screen());
    stage.press("esc");
    stage.wait("● open");
    let text = std::fs::read_to_string(place.register()).unwrap();
    assert!(text.contains("was a mistake") && text.contains("known"));
    stage.leave();
}

/// What is taken back is the last decision, whichever finding it is about and wherever one is; `Z` decides it again.
#[test]
fn undo_and_redo_work_on_every_screen_and_are_one_stack() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("callback.txt").press("M").type_text("no lab").press("enter");
    stage.wait("z takes it back");
    stage.open_path_of("tinyexec-269").press("5 x");
    stage.wait("Scenarios 1/");
    stage.press("esc z");
    stage.wait("taken back: ruled out, tinyexec-269");
    stage.press("R z");
    stage.wait("taken back: marked malicious, callback.txt");
    assert_eq!(stage.app.list.counts(None).malicious, 0);
    stage.press("C z");
    stage.wait("nothing is left to take back");
    stage.press("Z");
    stage.wait("decided again: marked malicious, callback.txt");
    stage.press("esc Z");
    stage.wait("decided again: ruled out");
    stage.press("Z");
    stage.wait("nothing was taken back since the last decision");
    assert_eq!(stage.app.list.counts(None).malicious, 1);
    stage.press("z o");
    stage.wait("1 Bytes");
    stage.press("u z");
    stage.leave();
}

/// An exclusion that was taken back and decided again is in force again, as a new one: a revocation stays.
#[test]
fn an_exclusion_and_its_revocation_can_be_taken_back_and_decided_again() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("callback.txt").press("5 a").type_text("known").press("enter enter");
    stage.wait("excluded: in the register");
    stage.press("z");
    stage.wait("taken back: excluded, callback.txt");
    assert_eq!(stage.app.list.counts(None).benign, 0);
    stage.press("Z");
    stage.wait("decided again: excluded");
    assert_eq!(stage.app.list.counts(None).benign, 1);
    stage.press("R /").type_text("force").press("esc esc");
    stage.press("R G d").type_text("was a mistake").press("enter");
    stage.wait("revoked; it stays");
    assert_eq!(stage.app.list.counts(None).benign, 0);
    stage.press("z");
    stage.wait("taken back: revoked");
    assert_eq!(stage.app.list.counts(None).benign, 1);
    let register = Register::load(place.register()).unwrap();
    let in_force = register.entries().iter().filter(|entry| entry.exclusion().unwrap().revoked.is_none()).count();
    assert_eq!((register.entries().len(), in_force), (3, 1));
    stage.leave();
}

/// What a scenario explained is open again, and unanswered, once its exclusion is revoked.
#[test]
fn a_revoked_exclusion_leaves_no_answer() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("callback.txt").press("5 a").type_text("known").press("enter enter");
    stage.wait("Scenarios 1/5");
    stage.press("R");
    stage.wait("in force");
    stage.press("d").type_text("was a mistake").press("enter");
    stage.wait("revoked; it stays");
    stage.press("esc");
    stage.wait("Scenarios 0/5");
    assert!(!stage.screen().contains("✔ applies"), "{}", stage.screen());
    stage.leave();
}

#[test]
fn the_form_says_in_large_which_file_it_is_for_and_how_many_it_covers_beside_those_it_names() {
    let place = TestTree::new();
    for copy in 0..30 {
        std::fs::write(place.tree().join(format!("copy{copy:02}")), crate::fixtures::callback()).unwrap();
    }
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("copy07").press("5 a tab l");
    stage.wait("this finding and 29 more");
    let screen = stage.screen();
    let named = screen.lines().filter(|line| line.contains("          copy")).count();
    assert!(screen.contains(&format!("and {} more ", 29 - named)) || named == 29, "{screen}");
    assert!(screen.contains("file      copy07") && screen.contains("in /tmp/hb000000/tree"), "{screen}");
    stage.leave();
}

/// A filter puts the cursor on what is named so, not on what has the letters somewhere.
#[test]
fn enter_after_a_filter_opens_what_comes_nearest() {
    let place = TestTree::new();
    for name in ["ssh/three_big2.py", "zz/ssh.py"] {
        std::fs::create_dir_all(place.tree().join(name).parent().unwrap()).unwrap();
        std::fs::write(place.tree().join(name), crate::fixtures::callback()).unwrap();
    }
    let mut stage = Stage::open(&place, SMALL);
    stage.press("j j /").type_text("ssh.py").press("enter enter");
    stage.wait("tree/zz/ssh.py");
    stage.press("esc esc");
    assert!(stage.app.list.selected().unwrap().path.ends_with("ssh/three_big2.py") || stage.app.list.len() == 2);
    stage.leave();
}

#[test]
fn any_size_and_back() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("tinyexec-269");
    for tab in ["1", "2", "3", "4", "5", "6"] {
        stage.press(tab);
        for size in [(1, 1), (2, 50), (300, 2), (60, 16), (59, 16), (200, 60)] {
            stage.resize(size);
        }
    }
    stage.press("esc");
    stage.resize((10, 3));
    assert!(stage.screen().contains("too small"), "{}", stage.screen());
    stage.resize(SMALL);
    assert!(stage.screen().contains("EQGRP_tinyexec"));
    stage.leave();
}

#[test]
fn hostile_names_are_harmless_on_every_screen() {
    let place = TestTree::new();
    for name in ["\u{1b}[2J\u{202e}x", "a\nb\tc", "e\u{301}\u{301}\u{301}\u{301}\u{301}", "日本\u{200b}"] {
        std::fs::write(place.tree().join(name), crate::fixtures::callback()).unwrap();
    }
    for size in [SMALL, WIDE] {
        let mut stage = Stage::open(&place, size);
        for index in 0..4 {
            stage.press("esc").app.list.select_place(index);
            stage.press("enter");
            for tab in ["1", "2", "3", "4", "5", "6", "a", "esc", "R", "esc", "C", "esc"] {
                stage.press(tab);
                let screen = stage.screen();
                let hostile = |c: char| c != '\n' && !huntbook::internals::text::is_plain_char(c);
                assert!(!screen.contains(hostile), "{screen}");
            }
        }
        stage.leave();
    }
}

#[test]
fn wrong_keys_and_pastes_do_nothing_but_say_so() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.press("Q");
    assert!(stage.screen().contains("does nothing here"), "{}", stage.screen());
    stage.message(Message::Paste("q\nq\u{3}".into()));
    assert!(!stage.left);
    assert!(stage.screen().contains("only taken where something is typed"));
    stage.open_path("callback.txt").press("esc esc esc");
    assert!(!stage.left, "Esc closes layers and never leaves");
    stage.press("q");
    assert!(stage.left);
    stage.leave();
}

#[test]
fn one_answer_for_many_shows_them_first_and_one_undo_takes_all_back() {
    let place = TestTree::new();
    for copy in 0..4 {
        std::fs::write(place.tree().join(format!("copy{copy}")), crate::fixtures::callback()).unwrap();
    }
    std::fs::write(place.tree().join("other"), format!("{} ", crate::fixtures::callback())).unwrap();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("copy0").press("5 b");
    stage.wait("For 4 findings of this rule: the same content");
    assert!(stage.screen().contains("  copy3") && !stage.screen().contains("║   other"), "{}", stage.screen());
    stage.press("f");
    stage.wait("For 5 findings");
    stage.press("c x");
    stage.wait("for 4 findings: on record");
    stage.press("esc").open_path("copy3");
    stage.wait("Scenarios 1/5");
    stage.press("z");
    stage.wait("and 3 more findings");
    stage.wait("Scenarios 0/5");
    // Marks reach what content and folder do not tell apart.
    stage.press("esc g space space").open_path("copy0").press("5 b m");
    stage.wait("For 2 findings of this rule: the marked findings");
    stage.leave();
}

#[test]
fn help_that_was_scrolled_to_its_end_scrolls_back_at_once() {
    let place = TestTree::new();
    let mut stage = Stage::open(&place, SMALL);
    stage.press("? G");
    let end = stage.screen();
    stage.press("k");
    assert_ne!(stage.screen(), end);
    stage.press("j j j");
    assert_eq!(stage.screen(), end);
    stage.leave();
}

#[test]
fn a_rescan_says_what_is_new_changed_and_gone() {
    let place = TestTree::new();
    for name in ["stays", "changes", "goes"] {
        std::fs::write(place.tree().join(name), crate::fixtures::callback()).unwrap();
    }
    let mut stage = Stage::open(&place, SMALL);
    std::fs::write(place.tree().join("comes"), crate::fixtures::callback()).unwrap();
    std::fs::write(place.tree().join("changes"), format!("{} ", crate::fixtures::callback())).unwrap();
    std::fs::remove_file(place.tree().join("goes")).unwrap();
    stage.press("r y");
    stage.wait("1 new, 1 changed, 1 gone");
    assert_eq!(stage.app.list.len(), 3);
    stage.press("C");
    stage.wait("/goes");
    stage.leave();
}

#[test]
fn keys_pressed_for_a_finding_reach_that_finding_or_none() {
    let place = TestTree::new();
    for name in ["first", "second"] {
        std::fs::write(place.tree().join(name), crate::fixtures::callback()).unwrap();
    }
    let mut stage = Stage::open(&place, SMALL);
    // All of it before the records have answered: the two answers are for the second finding.
    stage.press("g j enter 5 x x");
    stage.wait("Scenarios 2/5");
    assert!(stage.screen().contains("/second"), "{}", stage.screen());
    stage.press("[ esc u u");
    stage.settle();
    stage.press("g enter");
    stage.wait("Scenarios 0/5");
    stage.leave();
}

#[test]
fn excluding_a_known_sample_takes_the_rules_name() {
    let place = TestTree::new();
    std::fs::write(place.tree().join("sample"), "the known sample").unwrap();
    let digest = huntbook::internals::finding::Sha256::of(b"the known sample");
    let rules = place.register().with_file_name("mine.yar");
    let source = format!("rule mine {{ meta: hash1 = \"{digest}\" strings: $a = \"known sample\" condition: $a }}");
    std::fs::write(&rules, source).unwrap();
    let choice = RuleChoice { rules: vec![rules], ..RuleChoice::default() };
    let mut stage = Stage::open_with(&place, SMALL, choice);
    stage.wait("✖ malicious");
    stage.open_path("sample").press("5 a").type_text("our own copy").press("enter enter");
    stage.wait("type the rule's name");
    assert!(!place.register().exists());
    stage.press("up").type_text("mine").press("enter enter");
    stage.wait("excluded: in the register");
    stage.wait("○ excluded");
    stage.leave();
}

#[test]
fn a_register_that_was_deleted_meanwhile_is_said_and_can_be_written_again() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("callback.txt").press("5 a").type_text("first").press("enter enter");
    stage.wait("excluded: in the register");
    std::fs::remove_file(place.register()).unwrap();
    stage.press("esc").open_path("MixText.py").press("5 a").type_text("second").press("enter enter");
    stage.wait("the register was deleted");
    stage.wait("(W on the");
    stage.press("esc W");
    stage.wait("everything is on disk");
    stage.press("a").type_text("second").press("enter enter");
    stage.wait("excluded: in the register");
    let text = std::fs::read_to_string(place.register()).unwrap();
    assert!(text.contains("first") && text.contains("second"));
    stage.leave();
}

#[test]
fn a_case_that_is_lost_meanwhile_goes_on_in_memory_and_can_be_saved_again() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("callback.txt").press("5 x");
    stage.wait("1 of 5 answered");
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", place.case().display()));
    }
    stage.press("x");
    stage.wait("2 of 5 answered");
    stage.wait("! not saved");
    assert!(!place.case().exists());
    stage.press("W");
    stage.wait("2 of 5 answered");
    assert!(!stage.screen().contains("not saved"), "{}", stage.screen());
    stage.leave();
    let case = huntbook::internals::case::Case::open_read_only(&place.case()).unwrap();
    assert!(case.verify().unwrap().is_whole());
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("callback.txt");
    assert!(stage.screen().contains("Scenarios 2/5"), "{}", stage.screen());
    stage.leave();
}

#[test]
fn malicious_takes_a_reason_and_a_note_stays_with_its_answer() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("callback.txt").press("5 M enter");
    stage.wait("a reason is required");
    stage.type_text("talks to a known address").press("enter");
    stage.wait("✖ malicious");
    stage.press("u");
    stage.wait("1 of 5 answered");
    stage.press("p t").type_text("ask the night shift").press("enter");
    stage.press("6");
    stage.wait("malicious: talks to a known address");
    stage.wait("ask the night shift");
    stage.leave();
}

/// What the box does not support takes a typed word, and is marked wherever it is shown.
#[test]
fn an_exclusion_against_the_box_asks_for_a_word_and_is_marked() {
    let place = TestTree::planted();
    std::fs::create_dir_all(place.tree().parent().unwrap().join("etc/cron.d")).unwrap();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("opt/reports/payload.py").press("5");
    stage.wait("box ✘");
    let screen = stage.screen();
    let place_of = |line: &str| screen.lines().filter(|line| line.contains("box ")).position(|row| row.contains(line));
    let unsupported = place_of("box ✘").unwrap();
    for _ in 0..unsupported.saturating_sub(1) {
        stage.press("l");
    }
    while !stage.screen().contains("Type against") {
        stage.press("a");
        if stage.screen().contains("Type against") {
            break;
        }
        stage.press("esc l");
    }
    stage.type_text("they say so").press("enter enter");
    stage.wait("the box does not support this");
    assert!(!place.register().exists(), "nothing is recorded yet");
    stage.type_text("against").press("enter enter");
    stage.wait("excluded: in the register");
    stage.press("esc");
    stage.wait("against the box");
    stage.press("R");
    stage.wait("against the box  EQGRP_payload");
    stage.leave();
}

/// A set of the site is called what a sentence calls it wherever one is asked to name something for it.
#[test]
fn an_empty_set_is_asked_for_in_words() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, WIDE);
    stage.open_path("MixText.py").press("5");
    stage.wait("names one of the known-good hashes on the spot");
    stage.press("S");
    stage.wait("No known-good hashes are named. Name one; site.toml keeps it for good.");
    stage.press("enter");
    stage.wait("name one");
    stage.press("esc");
    assert!(!stage.screen().contains("$known_good is"), "{}", stage.screen());
    stage.leave();
}

#[test]
fn where_no_jump_leads_is_said() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.press("ctrl-o");
    stage.wait("there is no earlier place to go back to");
    stage.press("ctrl-n");
    stage.wait("there is no later place to go forward to");
    stage.leave();
}

/// A path, a digest, a rule or all of it is copied from the list and from an open finding; a number repeats a motion.
#[test]
fn a_finding_is_copied_from_anywhere_and_counts_repeat_motions() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.press("3 j");
    assert_eq!(stage.app.list.place(), 3);
    stage.press("2 k 6 G");
    assert_eq!(stage.app.list.place(), 5);
    stage.press("ctrl-y p");
    stage.wait("copied the path");
    assert!(stage.copied.take().is_some());
    stage.open_path("callback.txt").press("4 ctrl-y s");
    stage.wait("copied sha256");
    assert!(stage.copied.is_some());
    stage.press("A").type_text("seen on web02 too #lateral").press("enter");
    stage.wait("noted: on record");
    stage.press("6");
    stage.wait("#lateral");
    stage.press("5 x");
    stage.wait("Scenarios 1/5");
    stage.open_path_of("callback-wide.bin").press(".");
    stage.wait("Scenarios 1/5");
    stage.press("? /").type_text("repeat");
    stage.wait("give the last answer here too");
    stage.leave();
}
