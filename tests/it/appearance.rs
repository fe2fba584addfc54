//! What a person sets to their liking while it runs: the theme, the widths of the panes.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use huntbook::internals::theme::{self, ColorDepth, Role};
use huntbook::internals::tui::message::Message;
use huntbook::internals::tui::state::panes::Widths;

use crate::screen_harness::{Stage, TestTree};

const SMALL: (u16, u16) = (80, 24);
const WIDE: (u16, u16) = (160, 50);

/// A place with themes of a person's own: one that is fine and one that is not.
fn with_themes() -> TestTree {
    let place = TestTree::planted();
    std::fs::create_dir(place.themes()).unwrap();
    let own = "about = \"Amber, as on an old terminal\"\ninherits = \"dark\"\ntext = \"#ffb000\"\n";
    std::fs::write(place.themes().join("amber.toml"), own).unwrap();
    std::fs::write(place.themes().join("broken.toml"), "inherits = \"dark\"\nbordr = \"red\"\n").unwrap();
    place
}

/// The screen with the list of themes open.
fn at_themes(place: &TestTree) -> Stage<'_> {
    let mut stage = Stage::open(place, SMALL);
    stage.press("esc T");
    stage.wait("> dark");
    stage
}

#[test]
fn a_theme_is_worn_while_it_is_selected() {
    let place = with_themes();
    let mut stage = at_themes(&place);
    stage.press("j");
    assert_eq!(stage.app.theme.name(), "light");
    let light = theme::load("light", None, ColorDepth::TrueColor).unwrap();
    assert_eq!(stage.cell(0, 5).fg, light.style(Role::Border).fg.unwrap(), "the whole screen wears it");
    stage.press("esc");
    assert_eq!(stage.app.theme.name(), "dark");
    stage.press("T");
    stage.wait("> dark");
    stage.press("j j enter");
    assert_eq!(stage.app.theme.name(), "high-contrast");
    assert!(stage.screen().contains("theme = \"high-contrast\" in /home/ann/config.toml"), "{}", stage.screen());
    stage.leave();
}

#[test]
fn every_row_is_painted_in_its_own_theme() {
    let place = with_themes();
    let stage = at_themes(&place);
    let screen = stage.screen();
    for name in ["dark", "light", "high-contrast", "deuteranopia"] {
        let theme = theme::load(name, None, ColorDepth::TrueColor).unwrap();
        let sign = if name == "dark" { '>' } else { ' ' };
        let row = format!("{sign} {name} ");
        let (y, line) = screen.lines().enumerate().find(|(_, line)| line.contains(&row)).unwrap();
        let x = line.chars().position(|c| c == '▲').unwrap();
        let style = theme.style(Role::Suspicious);
        assert_eq!(Some(stage.cell(x as u16, y as u16).fg), style.fg, "{name}");
    }
    stage.leave();
}

#[test]
fn a_broken_theme_is_listed_with_what_is_wrong_and_is_never_worn() {
    let place = with_themes();
    let mut stage = Stage::open(&place, SMALL);
    stage.hold_themes("themes-broken", "G");
    stage.press("T");
    stage.wait("> dark");
    stage.press("G");
    stage.wait("broken.toml:2:1: a theme has no key `bordr` (did");
    assert_eq!(stage.app.theme.name(), "dark");
    stage.press("enter");
    stage.wait("broken can't be used");
    stage.press("k enter");
    assert_eq!(stage.app.theme.name(), "amber");
    stage.leave();
}

fn mouse(stage: &mut Stage<'_>, kind: MouseEventKind, column: u16) {
    stage.message(Message::Mouse(MouseEvent { kind, column, row: 10, modifiers: KeyModifiers::NONE }));
}

#[test]
fn a_divider_is_dragged_and_let_go() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, WIDE);
    let before = stage.app.panes.widths(160);
    let edge = 160 - before.preview;
    mouse(&mut stage, MouseEventKind::Down(MouseButton::Left), edge);
    for column in [edge - 5, edge - 11] {
        mouse(&mut stage, MouseEventKind::Drag(MouseButton::Left), column);
    }
    let wider = Widths { list: before.list - 11, preview: before.preview + 11, ..before };
    assert_eq!(stage.app.panes.widths(160), wider);
    let line = stage.screen().lines().nth(10).unwrap().to_owned();
    assert_eq!(line.chars().nth(usize::from(edge - 11)), Some('│'), "{line}");
    mouse(&mut stage, MouseEventKind::Up(MouseButton::Left), edge - 11);
    mouse(&mut stage, MouseEventKind::Drag(MouseButton::Left), 20);
    assert_eq!(stage.app.panes.widths(160), wider, "nothing is held any more");
    // Far beyond the edge it stops at the least widths.
    mouse(&mut stage, MouseEventKind::Down(MouseButton::Left), before.hunts);
    mouse(&mut stage, MouseEventKind::Drag(MouseButton::Left), 159);
    let widths = stage.app.panes.widths(160);
    assert!(widths.list >= 30 && widths.preview == wider.preview, "{widths:?}");
    stage.leave();
}

#[test]
fn keys_move_the_dividers_and_a_resize_keeps_the_shares() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, WIDE);
    let before = stage.app.panes.widths(160);
    stage.press("< < }");
    let after = Widths { hunts: before.hunts + 4, list: before.list - 12, preview: before.preview + 8 };
    assert_eq!(stage.app.panes.widths(160), after);
    let percents = stage.app.panes.percents(160);
    let said = format!("panes = {percents:?} in config.toml keeps them so");
    assert!(stage.screen().contains(&said), "{}", stage.screen());
    stage.resize(SMALL);
    stage.press("<");
    assert!(stage.screen().contains("the third pane takes 130 columns"), "{}", stage.screen());
    stage.resize(WIDE);
    assert_eq!(stage.app.panes.widths(160), after);
    stage.press("=");
    assert_eq!(stage.app.panes.widths(160), before);
    stage.leave();
}

#[test]
fn the_bell_rings_for_first_findings_and_the_end_of_every_scan() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    let first = stage.rings;
    assert!((2..=6).contains(&first), "{first}");
    stage.press("r y");
    stage.wait("done in");
    stage.settle();
    assert!((2..=6).contains(&(stage.rings - first)), "{}", stage.rings);
    stage.leave();
}

#[test]
fn a_frame_is_whole_at_once_whatever_size_the_terminal_gets() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    let sizes = [(160, 50), SMALL, (220, 60), (130, 40), (60, 16), (100, 30), (40, 10), (129, 24)];
    let hold = |stage: &mut Stage<'_>, what: &str| {
        for size in sizes {
            stage.resize_only(size);
            let first = stage.buffer();
            stage.draw();
            let again = stage.buffer();
            let differs = first.diff(&again).first().map(|(x, y, cell)| (*x, *y, (*cell).clone()));
            assert_eq!(differs, None, "{what} at {size:?}, drawn once more:\n{}", stage.screen());
        }
        stage.resize(SMALL);
    };
    hold(&mut stage, "findings");
    for keys in ["b", "?", ":", "/", "P", "M"] {
        stage.press(keys);
        hold(&mut stage, keys);
        stage.press("esc");
    }
    // Once round: no groups again.
    stage.press("b b b b");
    stage.open_path("tinyexec-269");
    for keys in ["1", "i", "i", "2", "3", "4", "5", "6", "7", "w"] {
        stage.press(keys);
        hold(&mut stage, keys);
    }
    stage.press("w 5 a");
    stage.wait("this finding only");
    hold(&mut stage, "form");
    stage.press("esc esc").open_path("MixText.py").press("1 x");
    for face in ["x", "x", "x"] {
        stage.press(face);
        hold(&mut stage, "face");
    }
    stage.press("esc C");
    hold(&mut stage, "coverage");
    stage.press("esc R");
    hold(&mut stage, "register");
    stage.leave();
}
