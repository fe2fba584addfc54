//! The screen of one finding on a wide terminal, and what its checks and facts lead to.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use huntbook::internals::tui::message::Message;

use crate::screen_harness::{Stage, TestTree, event};
use crate::tui::{SMALL, WIDE};

fn mouse(stage: &mut Stage<'_>, kind: MouseEventKind, column: u16, row: u16) {
    stage.message(Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
}

/// A tree whose root has a table that names the finding.
fn scheduled() -> TestTree {
    let place = TestTree::planted();
    let root = place.tree().parent().unwrap().to_owned();
    std::fs::create_dir_all(root.join("etc/cron.d")).unwrap();
    std::fs::write(root.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\n").unwrap();
    let table = "# what runs\n*/5 * * * * root /tree/opt/reports/payload.py\n";
    std::fs::write(root.join("etc/cron.d/reports"), table).unwrap();
    place
}

#[test]
fn from_130_columns_on_the_bytes_stand_beside_another_tab() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, (130, 40));
    stage.open_path("tinyexec-269");
    for size in [(130, 40), WIDE, (220, 60)] {
        stage.resize(size);
        stage.wait("Hex: match 1 of 2");
        stage.wait("What could explain it");
        stage.hold("workbench");
    }
    stage.press("3");
    stage.wait("Condition, part by part");
    assert!(stage.screen().contains("Hex: match 1 of 2"), "{}", stage.screen());
    stage.resize(SMALL);
    stage.wait("Condition, part by part");
    assert!(!stage.screen().contains("Hex: match"), "{}", stage.screen());
    stage.leave();
}

#[test]
fn tab_gives_the_keys_to_the_other_pane_and_the_divider_follows_mouse_and_keys() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, WIDE);
    stage.open_path("tinyexec-269");
    stage.wait("[1 Bytes]");
    stage.wait("(5 Scenarios");
    stage.press("n");
    stage.wait("match 2 of 2");
    stage.press("tab");
    stage.wait("[5 Scenarios");
    stage.press("4 tab");
    stage.wait("(4 Facts)");
    let before = stage.app.panes.bytes(160);
    stage.press(">");
    assert_eq!(stage.app.panes.bytes(160), before + 4);
    stage.wait("in config.toml keeps them so");
    mouse(&mut stage, MouseEventKind::Down(MouseButton::Left), before + 4, 20);
    mouse(&mut stage, MouseEventKind::Drag(MouseButton::Left), 100, 20);
    mouse(&mut stage, MouseEventKind::Up(MouseButton::Left), 100, 20);
    assert_eq!(stage.app.panes.bytes(160), 100);
    mouse(&mut stage, MouseEventKind::Down(MouseButton::Left), 120, 20);
    stage.wait("[4 Facts]");
    stage.press("]");
    stage.wait("1 Bytes");
    assert_eq!(stage.app.panes.bytes(160), 100, "kept across findings");
    stage.wait("[4 Facts]");
    stage.press("=");
    assert_eq!(stage.app.panes.bytes(160), before);
    stage.leave();
}

#[test]
fn enter_on_a_cron_line_shows_the_table_and_goes_on_and_back() {
    let place = scheduled();
    for size in [SMALL, WIDE] {
        let mut stage = Stage::open(&place, size);
        stage.open_path("opt/reports/payload.py").press("5");
        stage.wait("› /etc/cron.d/reports:2");
        for _ in 0..30 {
            let detail = stage.app.detail.as_ref().unwrap();
            let marked = detail.chosen(detail.tab);
            if marked.is_some_and(|(_, to)| to.to_string() == "/etc/cron.d/reports:2") {
                break;
            }
            stage.press("j");
        }
        stage.press("enter");
        stage.wait("# what runs");
        stage.wait("►    2  */5 * * * * root /tree/opt/reports/payload.py");
        stage.hold("looked-up");
        stage.press("enter");
        stage.wait("/tree/opt/reports/payload.py, read-only (Esc goes back");
        stage.wait("Its lines");
        stage.press("esc");
        stage.wait("# what runs");
        stage.press("esc");
        assert!(stage.app.overlay.is_none());
        stage.press("4");
        stage.wait("The file as it was scanned");
        stage.press("G enter");
        assert!(stage.app.overlay.is_some() || stage.screen().contains("begin with ›"), "{}", stage.screen());
        stage.press("esc");
        stage.leave();
    }
}

#[test]
fn a_tab_that_goes_on_below_says_how_to_scroll_it() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("tinyexec-269").press("4");
    stage.wait("j scrolls, ");
    let before = stage.screen();
    stage.press("j");
    assert_ne!(before, stage.screen());
    stage.press("G");
    assert!(!stage.screen().contains("j scrolls"), "{}", stage.screen());
    stage.leave();
}

/// The offset of the cursor in the bytes.
fn cursor(stage: &Stage<'_>) -> u64 {
    stage.app.detail.as_ref().unwrap().hex.viewport.cursor
}

#[test]
fn counts_marks_and_jumps_work_in_text_and_in_digits() {
    let place = TestTree::new();
    let filler = |first: usize| (first..first + 300).map(|line| format!("# line {line}\n")).collect::<String>();
    let script = format!("{}{}\n{}", filler(1), crate::fixtures::callback(), filler(1000));
    std::fs::write(place.tree().join("long.py"), &script).unwrap();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path_by_name("long.py");
    stage.wait("Text, UTF-8");
    let begins = |line: usize| script.split_inclusive('\n').take(line - 1).map(str::len).sum::<usize>() as u64;
    stage.press("g g");
    assert_eq!(cursor(&stage), 0);
    stage.press("g 1 2 0 G");
    assert_eq!(cursor(&stage), begins(120));
    stage.press("m a");
    stage.press("g 1 0 j");
    assert_eq!(cursor(&stage), begins(130));
    stage.press("g 5 k");
    stage.press("g l");
    assert!(cursor(&stage) > begins(125));
    stage.press("g h");
    assert_eq!(cursor(&stage), begins(125));
    stage.press("g e");
    assert_eq!(cursor(&stage), script.len() as u64 - 1);
    stage.press("' a");
    assert_eq!(cursor(&stage), begins(120));
    stage.press("g : 9 9 9 9 9 enter");
    stage.wait("has no line");
    stage.press("g 9 9 9 9 9 G");
    assert_eq!(cursor(&stage), script.len() as u64 - 1, "as in vi, the last line will do");
    stage.press("ctrl-o");
    assert_eq!(cursor(&stage), begins(120));
    stage.press("ctrl-o");
    assert_eq!(cursor(&stage), script.len() as u64 - 1);
    stage.press("ctrl-n");
    assert_eq!(cursor(&stage), begins(120));
    stage.press("x x x");
    stage.wait("Text, UTF-8");
    stage.press("x x");
    stage.wait("Hex: ");
    assert_eq!(cursor(&stage), begins(120), "the mark and the cursor are of the bytes, whatever the face");
    stage.press("g g ' a");
    assert_eq!(cursor(&stage), begins(120));
    let row = stage.app.detail.as_ref().unwrap().hex.layout.per_line as u64;
    stage.press("g 3 G");
    assert_eq!(cursor(&stage), 2 * row);
    stage.leave();
}

#[test]
fn a_jump_leads_back_into_another_finding_and_from_the_list() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("tinyexec-269").press("g 0 x 4 0 enter");
    assert_eq!(cursor(&stage), 0x40);
    let first = stage.app.detail.as_ref().unwrap().id();
    stage.press("5 [");
    stage.wait("1 Bytes");
    assert_ne!(stage.app.detail.as_ref().unwrap().id(), first);
    stage.press("ctrl-o");
    stage.wait("[5 Scenarios");
    assert_eq!(stage.app.detail.as_ref().unwrap().id(), first);
    stage.press("esc ctrl-o");
    stage.wait("[5 Scenarios");
    assert_eq!((stage.app.detail.as_ref().unwrap().id(), cursor(&stage)), (first, 0x40));
    stage.leave();
}

#[test]
fn two_findings_stand_side_by_side_with_what_differs_marked() {
    let place = TestTree::new();
    let script = crate::fixtures::callback();
    std::fs::write(place.tree().join("one.txt"), format!("first\n{script}\nlast = 1\n")).unwrap();
    std::fs::write(place.tree().join("two.txt"), format!("first\nadded \u{1b}[2J\n{script}\nlast = 2\n")).unwrap();
    for size in [SMALL, WIDE] {
        let mut stage = Stage::open(&place, size);
        stage.open_path("one.txt").press("D");
        stage.wait("Side by side with");
        stage.wait("two.txt");
        stage.press("enter");
        stage.wait("2 lines differ");
        stage.hold("side-by-side");
        assert!(stage.hostile_cell().is_none());
        stage.press("n");
        stage.press("n");
        stage.press("n");
        stage.wait("no difference below");
        stage.press("x");
        stage.wait("rows differ");
        stage.press("esc");
        assert!(stage.app.overlay.is_none());
        stage.leave();
    }
}

#[test]
fn one_pane_takes_the_whole_screen_and_gives_it_back() {
    let place = TestTree::planted();
    for size in [SMALL, WIDE] {
        let mut stage = Stage::open(&place, size);
        stage.open_path("opt/reports/payload.py").press("w");
        let screen = stage.screen();
        assert!(screen.lines().next().unwrap().contains("Hex: match"), "{screen}");
        assert!(!screen.contains("Scenarios") && !screen.contains("Huntbook"), "{screen}");
        stage.press("]");
        stage.wait("1 of");
        stage.press("esc");
        stage.wait("5 Scenarios");
        stage.press("esc");
        stage.wait("Findings: all hunts");
        stage.leave();
    }
}

#[test]
fn what_happened_around_the_file_stands_in_order_on_a_tab_of_its_own() {
    let place = scheduled();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("opt/reports/payload.py").press("7");
    stage.wait("the file: its inode was changed");
    stage.wait("schedule: /etc/cron.d/reports:2, which");
    let screen = stage.screen();
    assert!(screen.contains("±0") && screen.contains('●'), "{screen}");
    stage.leave();
}

#[test]
fn every_layer_of_a_finding_survives_any_size() {
    let place = scheduled();
    let mut stage = Stage::open(&place, WIDE);
    stage.open_path("opt/reports/payload.py");
    for keys in ["5", "7", "4", "w", "w 1", "D", "enter", "esc 5 enter", "esc g"] {
        stage.press(keys);
        for size in [(60, 16), (129, 20), (130, 16), (220, 60), (59, 15), (1, 1), (300, 90), WIDE] {
            stage.resize_only(size);
        }
    }
    stage.leave();
}

#[test]
fn what_differs_beyond_the_edge_is_reached_sideways_and_two_that_cannot_be_read_are_not_called_equal() {
    let place = TestTree::new();
    let line = |end: &str| format!("{} {} {end}\n", "x".repeat(60), crate::fixtures::callback());
    std::fs::write(place.tree().join("one.txt"), line("left end")).unwrap();
    std::fs::write(place.tree().join("two.txt"), line("right end")).unwrap();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("one.txt").press("D enter");
    stage.wait("1 line differs");
    assert!(!stage.screen().contains("right end"));
    stage.press("l l l l");
    assert!(stage.screen().contains("left end") && stage.screen().contains("right end"), "{}", stage.screen());
    stage.press("h h h h h l 0");
    assert!(stage.screen().contains("1 xxxx"), "{}", stage.screen());
    stage.press("esc D enter");
    stage.wait("1 line differs");
    stage.press("esc D");
    let id = stage.app.detail.as_ref().unwrap().id();
    stage.feed(Message::Key(event("enter")));
    stage.message(Message::Compared(id, Err("no thread is left".into())));
    let screen = stage.screen();
    assert!(screen.contains("cannot be held side by side: no thread is left"), "{screen}");
    assert!(!screen.contains("no difference") && stage.app.overlay.is_none(), "{screen}");
    stage.leave();
}
