//! Journeys through lists: filtered, sorted, grouped, folded, marked.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use huntbook::internals::tui::message::Message;
use huntbook::internals::tui::state::coverage::Missed;
use huntbook::internals::tui::state::findings::{Column, Grouping, Sort};

use crate::screen_harness::{Stage, TestTree};
use crate::tui::{SMALL, WIDE};

fn click(stage: &mut Stage<'_>, column: usize, row: usize) {
    let kind = MouseEventKind::Down(MouseButton::Left);
    let (column, row) = (column as u16, row as u16);
    stage.message(Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
}

/// Where `text` stands on the screen, on a line that holds `beside` too, in columns and lines.
fn find(stage: &Stage<'_>, text: &str, beside: &str) -> (usize, usize) {
    let screen = stage.screen();
    let mut lines = screen.lines().enumerate().filter(|(_, line)| line.contains(beside));
    let found = lines.find_map(|(y, line)| Some((line[..line.rfind(text)?].chars().count(), y)));
    found.unwrap_or_else(|| panic!("no {text}:\n{screen}"))
}

#[test]
fn filtered_sorted_grouped_and_folded_at_both_sizes() {
    for size in [SMALL, WIDE] {
        let place = TestTree::planted();
        let mut stage = Stage::open(&place, size);
        stage.press("/").type_text("ree cpy").press("enter esc");
        stage.press("/").type_text("sshpy").press("enter");
        stage.hold("list-filtered");
        stage.press("esc s s s S g");
        assert_eq!(stage.app.list.sort(), Sort { column: Column::Size, descending: false });
        stage.hold("list-sorted");
        stage.press("s s s b b g");
        assert_eq!(stage.app.list.grouping(), Grouping::Folder);
        stage.hold("list-grouped");
        stage.press("space G left");
        stage.hold("list-folded");
        stage.leave();
    }
}

#[test]
fn a_heading_sorts_when_it_is_clicked_and_turns_the_order_round_when_it_is_again() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, WIDE);
    for descending in [false, true, false] {
        let (column, row) = find(&stage, "hunt", " path  ");
        click(&mut stage, column + 1, row);
        assert_eq!(stage.app.list.sort(), Sort { column: Column::Hunt, descending });
        stage.wait(if descending { "hunt ▼" } else { "hunt ▲" });
    }
    stage.leave();
}

#[test]
fn a_group_folds_by_key_and_click_and_its_marks_are_acted_on() {
    let place = TestTree::new();
    for copy in 0..3 {
        std::fs::write(place.tree().join(format!("copy{copy}")), crate::fixtures::callback()).unwrap();
    }
    std::fs::write(place.tree().join("other"), format!("{} ", crate::fixtures::callback())).unwrap();
    let mut stage = Stage::open(&place, SMALL);
    stage.press("b b b g");
    stage.wait("3 findings, 3 open");
    assert_eq!(stage.app.list.len(), 5, "a group, its three findings, and one that has no copy and needs no heading");
    stage.press("enter");
    assert_eq!(stage.app.list.len(), 2);
    let (column, row) = find(&stage, "▸ SHA-256", "findings");
    click(&mut stage, column, row);
    assert_eq!(stage.app.list.len(), 5);
    stage.press("space M").type_text("all the same implant").press("enter");
    stage.wait("✖ 3 malicious");
    assert_eq!(stage.app.list.selected_group().unwrap().open, 0);
    stage.press("j enter");
    stage.wait("✖ malicious");
    stage.leave();
}

/// A tree with so many findings of one content.
fn copies(count: usize) -> TestTree {
    let place = TestTree::new();
    for copy in 0..count {
        std::fs::write(place.tree().join(format!("copy{copy}")), crate::fixtures::callback()).unwrap();
    }
    place
}

#[test]
fn what_is_said_of_marked_findings_names_them_and_those_that_are_hidden_first() {
    let place = copies(9);
    let mut stage = Stage::open(&place, SMALL);
    stage.press("g space /").type_text("copy8").press("enter M");
    stage.wait("What is malicious about 1 marked finding?");
    let screen = stage.screen();
    assert!(screen.contains("Findings (1 marked, 1 hidden): all hunts, 1 with 'c"), "{screen}");
    assert!(screen.contains("  copy0") && screen.contains("it is hidden by filter or hunt"));
    stage.press("esc G space M");
    let screen = stage.screen();
    let place_of = |name| screen.rfind(name).unwrap_or_else(|| panic!("{name}:\n{screen}"));
    assert!(place_of("copy0") < place_of("copy8"), "{screen}");
    assert!(screen.contains("1 of them is hidden by filter or hunt"), "{screen}");
    stage.press("esc esc b g U space M");
    stage.wait("What is malicious about 9 marked findings?");
    let screen = stage.screen();
    assert!(screen.contains("and 3 more") && !screen.contains("hidden"), "{screen}");
    stage.press("esc enter enter j /").type_text("copy8").press("enter G enter 5 b m");
    stage.wait("8 of them are hidden by filter or hunt");
    stage.leave();
}

#[test]
fn a_rescan_keeps_the_marks_of_what_it_meets_again_and_says_which_it_does_not() {
    let place = copies(3);
    let mut stage = Stage::open(&place, SMALL);
    stage.press("g space space");
    stage.wait("2 marked");
    stage.press("r y");
    stage.wait("2 marked");
    stage.wait("scan done: 3 open");
    assert!(!stage.screen().contains("no longer marked"), "{}", stage.screen());
    std::fs::remove_file(place.tree().join("copy1")).unwrap();
    stage.press("r y");
    stage.wait("0 changed, 1 gone");
    stage.wait("not met again, and no longer marked: 1 finding");
    stage.wait("(1 marked)");
    assert!(stage.screen().contains("*● open       copy0"), "{}", stage.screen());
    stage.press("U r y");
    stage.wait("scan done: 2 open");
    assert_eq!(stage.app.list.marks(), 0);
    stage.leave();
}

#[test]
fn candidates_are_counted_apart_in_groups_as_in_the_title() {
    let place = TestTree::planted();
    std::fs::write(place.tree().join("helper"), crate::fixtures::elf_header()).unwrap();
    let mut stage = Stage::open(&place, WIDE);
    stage.wait("? 1 candidate");
    stage.press("b b b b G");
    stage.wait("? candidate  1 finding, 1 candidate");
    stage.press("b b b");
    stage.wait(" open, 1 candidate");
    stage.leave();
}

#[test]
fn coverage_and_palette_take_letters_in_order() {
    let place = TestTree::planted();
    for name in ["one", "two"] {
        std::os::unix::net::UnixListener::bind(place.tree().join(name)).unwrap();
    }
    let mut stage = Stage::open(&place, SMALL);
    stage.press("C");
    stage.wait("opened  one");
    let total = stage.app.coverage.total();
    stage.press("/").type_text("sck 'two").press("enter");
    assert_eq!((stage.app.coverage.len(), stage.app.coverage.total()), (1, total), "{}", stage.screen());
    let shown = stage.underlined();
    assert!(shown.contains("/two") && !shown.contains("/one") && shown.contains("^^^"), "{shown}");
    stage.press("esc");
    stage.wait("opened  one");
    stage.press("esc :").type_text("pvhunt");
    let shown = stage.underlined();
    assert!(shown.contains("previous hunt") && shown.contains("^  ^"), "{shown}");
    stage.leave();
}

#[test]
fn coverage_gives_the_reason_the_room_there_is_and_tells_all_of_the_selected_one() {
    const WHY: &str = "the file changed while it was read: what was scanned of it is no longer what it holds now";
    for size in [SMALL, WIDE] {
        let place = TestTree::new();
        let mut stage = Stage::open(&place, size);
        stage.press("C");
        let missed = |path: String| Missed { path: path.into(), why: WHY.into(), gap: true, above: 0 };
        let long = format!("/srv/{}/the-end", "folder/".repeat(15));
        stage.message(Message::NotScanned(vec![missed("/a".to_owned()), missed(long)]));
        let rows = |stage: &Stage<'_>| {
            let screen = stage.screen().replace(['┃', '█', '│'], " ");
            screen.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>()
        };
        stage.press("G");
        let lines = rows(&stage);
        let rule = lines.iter().position(|line| line.starts_with("────")).unwrap();
        let listed = lines[..rule].iter().any(|line| line.contains(WHY));
        assert!(!listed, "both are long: neither has all the room");
        let told = lines[rule + 1..].iter().take_while(|line| !line.starts_with('┗'));
        let told: String =
            told.map(|line| if line.starts_with('/') { line.clone() } else { format!("{line} ") }).collect();
        let path = format!("/srv/{}/the-end", "folder/".repeat(15));
        assert!(told.contains(WHY) && told.replace(' ', "").contains(&path), "{told}");
        stage.press("/").type_text("!folder").press("enter");
        let lines = rows(&stage);
        assert_eq!(lines.iter().any(|line| line.contains(&format!("{WHY}  /a"))), size == WIDE, "{}", stage.screen());
        stage.leave();
    }
}

#[test]
fn a_filter_by_field_is_completed_told_where_it_is_wrong_and_followed_by_the_hunts() {
    for size in [SMALL, WIDE] {
        let place = TestTree::planted();
        let mut stage = Stage::open(&place, size);
        stage.settle();
        let all = stage.app.list.passing_counts(None).all();
        stage.press("/").type_text("stat:open");
        stage.wait("did you mean state:?");
        stage.press("enter");
        assert!(stage.app.overlay.is_some(), "what is wrong is not taken");
        stage.press("ctrl-u").type_text("sta");
        stage.wait("state:");
        stage.press("tab");
        stage.wait("returned candidate");
        stage.type_text("ex").press("tab enter");
        assert_eq!(stage.app.list.filter(), "state:excluded ");
        assert_eq!(stage.app.list.passing_counts(None).all(), 0);
        stage.wait("The filter lets nothing pass. Esc takes it away.");
        stage.press("/ ctrl-u").type_text("-rule:tiny").press("enter");
        let others = stage.app.list.passing_counts(None).all();
        assert!(0 < others && others < all, "{others} of {all}");
        let tiny = stage.app.hunts.iter().position(|hunt| hunt.name.contains("tiny")).unwrap();
        assert_eq!(stage.app.list.passing_counts(Some(tiny)).all(), 0, "the hunts' counts follow the filter");
        stage.app.list.set_hunt(Some(tiny));
        stage.press("g");
        stage.wait("of other hunts");
        stage.leave();
    }
}

#[test]
fn tags_and_notes_are_put_on_from_the_list_shown_there_sought_and_taken_back() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, WIDE);
    stage.settle();
    let id = stage.app.list.selected().unwrap().id;
    stage.press("#").type_text("ask-bob Later").press("enter");
    stage.wait("tagged: on record; z takes it back");
    stage.wait("#ask-bob");
    stage.press("A").type_text("seen on db7, #odd").press("enter");
    stage.wait("noted: on record");
    let note = stage.app.list.get(id).unwrap().written.clone().unwrap().note.unwrap();
    assert_eq!(&*note, "seen on db7, #odd");
    stage.press("/").type_text("tag:od").press("tab enter");
    assert_eq!((stage.app.list.filter(), stage.app.list.len()), ("tag:odd ", 1));
    stage.press("esc #").type_text("-later").press("enter");
    stage.wait("tag taken off");
    let tags = |stage: &Stage<'_>| stage.app.list.get(id).unwrap().tags().join(" ");
    assert_eq!(tags(&stage), "ask-bob odd");
    stage.press("z");
    stage.wait("taken back: tag taken off");
    assert_eq!(tags(&stage), "ask-bob later odd");
    stage.press("z");
    stage.wait("taken back: tagged");
    assert_eq!(tags(&stage), "ask-bob later", "a note goes with its tags");
    stage.press("#").type_text("no tag!").press("enter");
    stage.wait("'tag!' is no tag");
    stage.press("esc enter 6");
    stage.wait("tagged #ask-bob #later");
    stage.leave();

    let mut again = Stage::reopen(&place, WIDE);
    again.wait("#ask-bob");
    assert_eq!(tags(&again), "ask-bob later", "the case keeps them");
    again.leave();
}

#[test]
fn a_scan_begins_again_only_when_that_is_confirmed() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.settle();
    stage.press("enter r");
    stage.wait("scan the tree again?");
    stage.press("n");
    stage.wait("not scanned again");
    assert!(!stage.app.scan.is_active());
    stage.press("r esc");
    assert!(!stage.app.scan.is_active());
    stage.press("r y");
    stage.wait("done in");
    stage.leave();
}

#[test]
fn the_end_of_the_queue_says_what_was_decided_what_remains_and_what_to_do() {
    for size in [SMALL, WIDE] {
        let place = TestTree::planted();
        let mut stage = Stage::open(&place, size);
        stage.settle();
        stage.press("P");
        stage.wait("By hunt: decided of all, and what remains");
        stage.hold("summary");
        stage.press("esc");
        let open = stage.app.list.counts(None).open;
        let all: Vec<_> = (0..stage.app.list.len()).collect();
        assert!(open > 1);
        for _ in all {
            stage.press("space");
        }
        stage.press("M").type_text("all of it").press("enter");
        stage.wait("marked malicious");
        stage.press("o");
        stage.wait("Where the hunt stands");
        stage.wait("write the report");
        stage.press("E");
        stage.wait("Write the case to");
        stage.press("esc");
        stage.leave();
    }
}

#[test]
fn the_hints_stay_beside_a_message_and_the_greeting_goes_with_the_first_key() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.settle();
    stage.wait("opens a finding");
    stage.press("j");
    assert!(!stage.screen().contains("opens a finding"), "{}", stage.screen());
    stage.press("s");
    stage.wait("sorted by path");
    let last = stage.screen().lines().last().unwrap().to_owned();
    assert!(last.contains("Enter open"), "{last}");
    stage.leave();
}

#[test]
fn help_is_searched_as_text() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.press("? /").type_text("register");
    stage.wait("the register of exclusions");
    assert!(!stage.screen().contains("what was not scanned"), "{}", stage.screen());
    stage.press("ctrl-u").type_text("xyzzy");
    stage.wait("no key does that");
    stage.press("esc");
    stage.wait("Keys (Esc closes");
    stage.press("esc");
    assert!(stage.app.overlay.is_none());
    stage.leave();
}

#[test]
fn a_prompt_says_what_takes_it_and_the_summary_is_a_table() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, (80, 24));
    stage.press("A");
    assert!(stage.screen().contains("Enter takes it, Esc leaves it"), "{}", stage.screen());
    stage.press("esc P");
    let screen = stage.screen();
    let at = |name: &str| screen.lines().filter(|line| line.contains(name)).find_map(|line| line.find(" of "));
    assert_eq!(at("EQGRP_payload "), at("EQGRP_ssh_telnet_29 "), "{screen}");
    assert!(screen.contains("o  open the next of"), "{screen}");
    stage.leave();
}
