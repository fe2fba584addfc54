//! Every screen and every layer above one, at both sizes, in colour and without.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use huntbook::internals::scan::{Current, ProgressSnapshot};
use huntbook::internals::theme::{self, ColorDepth, Role};
use huntbook::internals::tui::message::Message;
use ratatui::style::Modifier;

use crate::screen_harness::{Stage, TestTree};
use crate::screen_snapshot;
use crate::tui::{SMALL, WIDE};

/// A tree on which everything was decided that can be: a finding returned, open, suspicious, malicious and excluded, and
/// a candidate; something was not scanned too.
fn decided() -> TestTree {
    let place = TestTree::planted();
    let tree = place.tree();
    std::fs::create_dir(tree.join("bin")).unwrap();
    std::fs::write(tree.join("bin/helper"), crate::fixtures::elf_header()).unwrap();
    set_modes(tree.parent().unwrap());
    std::os::unix::net::UnixListener::bind(tree.join("control.sock")).unwrap();
    std::os::unix::fs::symlink("callback.txt", tree.join("link")).unwrap();
    let mut stage = Stage::open(&place, SMALL);
    for (path, reason) in [("MixText.py", "made by the tools team"), ("callback.txt", "address of the lab's printer")] {
        stage.open_path(path).press("5 a").type_text(reason).press("enter enter");
        stage.wait("excluded: in the register");
        stage.press("esc");
    }
    stage.open_path("callback-wide.bin").press("5 x x x x x");
    stage.wait("▲ suspicious");
    stage
        .press("esc")
        .open_path("opt/reports/payload.py")
        .press("5 M")
        .type_text("drops a second stage")
        .press("enter");
    stage.wait("✖ malicious");
    stage.leave();
    let path = tree.join("MixText.py");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.push(b'\n');
    std::fs::write(&path, bytes).unwrap();
    place
}

/// Modes that are not the umask's.
fn set_modes(folder: &Path) {
    std::fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            set_modes(&path);
        } else {
            std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        }
    }
}

#[test]
fn every_screen_at_80x24_in_colour_and_without() {
    every_screen(SMALL);
}

#[test]
fn every_screen_at_160x50_in_colour_and_without() {
    every_screen(WIDE);
}

fn every_screen(size: (u16, u16)) {
    let place = decided();
    let mut stage = Stage::open(&place, size);
    stage.wait("? candidate");
    stage.press("esc");
    stage.hold("findings");
    layers(&mut stage);
    lists(&mut stage);
    a_finding(&mut stage);
    decisions(&mut stage);
    scanning(&mut stage);
    stage.leave();
}

/// Help, palette, themes, and where a filter is typed.
fn layers(stage: &mut Stage<'_>) {
    stage.press("?");
    stage.hold("help");
    stage.press("esc :").type_text("cover");
    stage.hold("palette");
    stage.press("esc /").type_text("sshpy");
    stage.hold("findings-filter");
    stage.press("esc");
    stage.hold_themes("themes", "g");
}

/// Groups and marks, coverage, the register.
fn lists(stage: &mut Stage<'_>) {
    stage.press("b b g left G space");
    stage.press("esc");
    stage.wait("1 marked");
    stage.hold("findings-grouped");
    stage.press("U b b b C");
    stage.wait("control.sock");
    stage.hold("coverage");
    stage.press("esc R");
    stage.wait("Register: 2 exclusions");
    stage.hold("register");
    stage.press("d").type_text("the printer was replaced");
    stage.hold("register-revoke");
    stage.press("esc esc");
}

/// The tabs of a finding.
fn a_finding(stage: &mut Stage<'_>) {
    stage.open_path("tinyexec-269");
    stage.wait("segment 0 LOAD");
    stage.hold("hex");
    stage.press("i");
    stage.hold("hex-inspector");
    stage.press("esc m b v j l l '");
    stage.hold("hex-selection");
    stage.press("esc esc /").type_text("x:cd 80").press("enter");
    stage.wait("at 0x62");
    stage.wait("hit 1 of 1 ");
    stage.hold("hex-searched");
    stage.press("2");
    stage.wait("Anomalies");
    stage.wait("2 of 2 true");
    stage.hold("elf");
    stage.press("3");
    stage.wait("Condition, part by part");
    stage.hold("rule");
    stage.press("4");
    stage.wait("The file now");
    stage.hold("facts");
    stage.press("5");
    stage.wait("box ?");
    stage.press("x u");
    stage.wait("Scenario 3 of 5");
    stage.press("p");
    stage.hold("scenarios");
    stage.press("z z");
    stage.wait("0 of 5 answered");
    stage.press("esc");
}

/// What is asked before something goes on record, and what is on record.
fn decisions(stage: &mut Stage<'_>) {
    stage.open_path("tinyexec-269").press("5 a");
    stage.wait("this finding only");
    stage.hold("form");
    stage.type_text("tool of the firewall team").press("tab l");
    stage.hold("form-scope");
    stage.press("esc M enter");
    stage.hold("malicious");
    stage.press("esc esc").open_path("ssh/two-in-small.py").press("5 b f");
    stage.wait("For 3 findings");
    stage.hold("batch");
    stage.press("esc esc").open_path("MixText.py").press("6");
    stage.wait("content changed");
    stage.hold("history");
    stage.press("1 esc");
}

/// A scan under way, and a screen that is too small for it.
fn scanning(stage: &mut Stage<'_>) {
    let size = stage.size();
    let reading = ProgressSnapshot {
        files: 4096,
        bytes: 3 << 30,
        folders: 271,
        total_files: Some(9000),
        gaps: 3,
        elapsed: Duration::from_secs(2),
        ..ProgressSnapshot::default()
    };
    stage.feed(Message::ScanStarted);
    let current = |silent| Current { path: "/srv/www/data/uploads/2026/report.pdf".into(), silent };
    stage.message(Message::Tick(reading.clone(), current(Some(Duration::from_secs(72))).into()));
    let silent = stage.screen().lines().rev().nth(1).unwrap_or_default().to_owned();
    assert!(silent.contains("NO ANSWER for 1 min 12 s (Ctrl-K skips):  /srv/") && silent.contains(".pdf"), "{silent}");
    stage.message(Message::Tick(reading, current(None).into()));
    stage.hold("scanning");
    stage.press("ctrl-s");
    stage.hold("paused");
    stage.resize((59, 15));
    if size == SMALL {
        stage.hold("too-small");
    }
    stage.resize(size);
}

/// Cells of `text` on the line that holds `beside`, as they are drawn without colours.
fn modifiers(stage: &Stage<'_>, text: &str, beside: &str) -> Vec<Modifier> {
    let screen = stage.screen();
    let mut lines = screen.lines().enumerate().filter(|(_, line)| line.contains(beside));
    let found = lines.find_map(|(y, line)| Some((line[..line.find(text)?].chars().count(), y)));
    let (x, y) = found.unwrap_or_else(|| panic!("no {text} beside {beside}:\n{screen}"));
    (0..text.chars().count()).map(|at| stage.cell((x + at) as u16, y as u16).modifier).collect()
}

#[test]
fn without_colours_signs_and_modifiers_tell_what_colours_told() {
    let place = decided();
    let mut stage = Stage::open(&place, SMALL);
    stage.app.theme = screen_snapshot::mono();
    stage.wait("? candidate");
    for state in ["↺ returned", "● open", "▲ suspicious", "✖ malicious", "○ excluded", "? candidate"] {
        assert_eq!(stage.screen().matches(&format!(" {state}")).count().min(1), 1, "{state}:\n{}", stage.screen());
    }
    stage.press("g");
    assert!(modifiers(&stage, "MixText.py", "returned").iter().all(|m| m.contains(Modifier::REVERSED)));
    assert!(modifiers(&stage, "helper", "candidate").iter().all(|m| !m.contains(Modifier::REVERSED)));

    stage.open_path("tinyexec-269");
    stage.wait("segment 0 LOAD");
    // The cursor on the match that is gone to, the rest of that match, the other pattern, bytes of none.
    let line = "31 c0 5a 58  55";
    let [cursor, current] = ["5a", "58"].map(|byte| modifiers(&stage, byte, line)[0]);
    let other = modifiers(&stage, "73 68", "73 74 72 74 61")[0];
    let none = modifiers(&stage, "b0", "b0 0b cd 80")[0];
    let all = [cursor, current, other, none];
    assert!((1..4).all(|at| !all[..at].contains(&all[at])), "{all:?}");
    let named = |name| modifiers(&stage, name, "×1")[1];
    assert_eq!(named("$s1"), other, "the legend shows each pattern as its bytes are shown");
    assert_ne!(named("$s1"), named("$s2"));

    stage.press("3");
    stage.wait("✔ true:");
    stage.press("5");
    stage.wait("box ?");
    stage.press("x");
    stage.wait("✘ ruled out");
    stage.press("p u");
    stage.wait("~ unsure");
    stage.leave();
}

#[test]
fn a_rules_eight_patterns_look_different_without_colours_too() {
    let theme = screen_snapshot::mono();
    let looks: Vec<_> = (0..8).map(|pattern| theme.style(Role::pattern(pattern)).add_modifier).collect();
    for (at, look) in looks.iter().enumerate() {
        assert!(!look.is_empty() && !looks[..at].contains(look), "pattern {at}: {look:?}");
    }
    // What is asked for by name is what a terminal without colours is given.
    let by_name = theme::load("mono", None, ColorDepth::Mono).unwrap();
    let differs = Role::ALL.iter().find(|role| theme.style(**role) != by_name.style(**role));
    assert_eq!(differs, None);
}
