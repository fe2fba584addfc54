//! Journeys through lists: filtered, sorted, grouped, folded, marked.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use huntbook::tui::message::Message;
use huntbook::tui::state::findings::{Column, Grouping, Sort};

use crate::stage::{Place, Stage};
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
        let place = Place::planted();
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
    let place = Place::planted();
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
    let place = Place::new();
    for copy in 0..3 {
        std::fs::write(place.tree().join(format!("copy{copy}")), crate::fixtures::callback()).unwrap();
    }
    std::fs::write(place.tree().join("other"), format!("{} ", crate::fixtures::callback())).unwrap();
    let mut stage = Stage::open(&place, SMALL);
    stage.press("b b b g");
    stage.wait("3 findings, 3 open");
    assert_eq!(stage.app.list.len(), 6, "two groups and four findings, most copies first");
    stage.press("enter");
    assert_eq!(stage.app.list.len(), 3);
    let (column, row) = find(&stage, "▸ SHA-256", "findings");
    click(&mut stage, column, row);
    assert_eq!(stage.app.list.len(), 6);
    stage.press("space M").type_text("all the same implant").press("enter");
    stage.wait("✖ 3 malicious");
    assert_eq!(stage.app.list.selected_group().unwrap().open, 0);
    stage.press("j enter");
    stage.wait("✖ malicious");
    stage.leave();
}

#[test]
fn coverage_and_palette_take_letters_in_order() {
    let place = Place::planted();
    for name in ["one", "two"] {
        std::os::unix::net::UnixListener::bind(place.tree().join(name)).unwrap();
    }
    let mut stage = Stage::open(&place, SMALL);
    stage.press("C");
    stage.wait("/one");
    let total = stage.app.coverage.total();
    stage.press("/").type_text("sck 'two").press("enter");
    assert_eq!((stage.app.coverage.len(), stage.app.coverage.total()), (1, total), "{}", stage.screen());
    let shown = stage.underlined();
    assert!(shown.contains("/two") && !shown.contains("/one") && shown.contains("^^^"), "{shown}");
    stage.press("esc");
    stage.wait("/one");
    stage.press("esc :").type_text("pvhunt");
    let shown = stage.underlined();
    assert!(shown.contains("PreviousHunt") && shown.contains("^  ^"), "{shown}");
    stage.leave();
}
