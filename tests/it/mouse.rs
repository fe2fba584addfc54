//! What the mouse does on every screen and in the layers above it.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use huntbook::internals::tui::message::Message;
use huntbook::internals::tui::state::face::Face;

use crate::screen_harness::{Stage, TestTree};
use crate::tui::SMALL;

const CLICK: MouseEventKind = MouseEventKind::Down(MouseButton::Left);

fn mouse(stage: &mut Stage<'_>, kind: MouseEventKind, column: u16, row: u16) {
    stage.message(Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
}

/// Clicks the line that holds `text`.
fn click(stage: &mut Stage<'_>, text: &str) {
    let screen = stage.screen();
    let row = screen.lines().position(|line| line.contains(text)).unwrap_or_else(|| panic!("no {text}:\n{screen}"));
    mouse(stage, CLICK, 5, row as u16);
}

#[test]
fn a_click_selects_in_every_list() {
    let place = TestTree::planted();
    std::os::unix::net::UnixListener::bind(place.tree().join("a.sock")).unwrap();
    std::os::unix::net::UnixListener::bind(place.tree().join("b.sock")).unwrap();
    let mut stage = Stage::open(&place, SMALL);
    for path in ["MixText.py", "callback.txt"] {
        stage.open_path(path).press("5 a").type_text("made by the tools team").press("enter enter");
        stage.wait("excluded: in the register");
        stage.press("esc");
    }
    stage.press("R");
    stage.wait("Register: 2 exclusions");
    for (path, place) in [("callback.txt", 1), ("MixText.py", 0)] {
        click(&mut stage, &format!("  {path} with content"));
        assert_eq!(stage.app.register.place, place, "{path}:\n{}", stage.screen());
    }
    stage.press("pgdn");
    assert_eq!(stage.app.register.place, 1);
    stage.press("pgup");
    assert_eq!(stage.app.register.place, 0);
    stage.press("esc C");
    stage.wait("Coverage: 2 not scanned");
    for name in ["b.sock", "a.sock"] {
        click(&mut stage, &format!("socket, not opened  {name}"));
        assert!(stage.app.coverage.selected().unwrap().path.ends_with(name), "{name}:\n{}", stage.screen());
    }
    stage.press("esc").open_path("callback-wide.bin").press("5");
    stage.wait("box ?");
    click(&mut stage, " 3  ");
    stage.wait("Scenario 3 of 5");
    stage.press("1");
    for _ in 0..3 {
        if !stage.app.shows(Face::Strings) {
            stage.press("x");
        }
    }
    stage.wait("utf-16le");
    click(&mut stage, "utf-16le");
    stage.wait("Hex: ");
    assert!(stage.app.shows(Face::Hex), "a second click shows the bytes:\n{}", stage.screen());
    stage.leave();
}

#[test]
fn the_wheel_moves_what_lies_above_the_screen_and_nothing_that_is_typed() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.press("esc ?");
    let top = stage.screen();
    mouse(&mut stage, MouseEventKind::ScrollDown, 40, 10);
    assert_ne!(top, stage.screen());
    mouse(&mut stage, MouseEventKind::ScrollUp, 40, 10);
    assert_eq!(top, stage.screen());
    mouse(&mut stage, CLICK, 40, 10);
    assert_eq!(top, stage.screen(), "a click on a layer reaches nothing below it");
    stage.press("esc").open_path("MixText.py").press("5 a");
    stage.wait("this finding only");
    let form = stage.screen();
    mouse(&mut stage, MouseEventKind::ScrollDown, 40, 10);
    assert_eq!(form, stage.screen());
    stage.leave();
}
