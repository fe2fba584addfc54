//! Conditions taken apart: on the screen, also when the file is no longer there, and for rules of one's own.

use huntbook::internals::session::RuleChoice;

use crate::cli::TestBox;
use crate::fixtures;
use crate::screen_harness::{Stage, TestTree};

const SMALL: (u16, u16) = (80, 24);

#[test]
fn the_rule_tab_says_what_each_part_came_to() {
    let place = TestTree::planted();
    let mut stage = Stage::open(&place, SMALL);
    stage.open_path("tinyexec-269").press("3");
    stage.wait("✔ true: filesize < 270 → filesize is 269 bytes");
    stage.wait("✔ true: all of them → 2 of 2 found: $s1, $s2");
    assert!(!stage.screen().contains("since the scan"), "{}", stage.screen());
}

#[test]
fn a_file_that_is_gone_or_another_is_explained_as_it_was_scanned() {
    for content in [None, Some("another one")] {
        let place = TestTree::new();
        let path = place.tree().join("tinyexec-269");
        std::fs::write(&path, fixtures::tinyexec(269)).unwrap();
        std::fs::write(place.tree().join("tinyexec-200"), fixtures::tinyexec(200)).unwrap();
        let mut stage = Stage::open(&place, SMALL);
        stage.open_path("tinyexec-200").press("esc");
        std::fs::remove_file(&path).unwrap();
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        stage.open_path("tinyexec-269").press("3");
        stage.wait("✔ true: filesize < 270 → filesize is 269 bytes");
        stage.wait("since the scan: what was kept");
    }
}

#[test]
fn parts_of_a_large_file_that_is_gone_are_not_guessed() {
    let place = TestTree::new();
    let mut content = vec![0; 100_000];
    content[50_000..50_005].copy_from_slice(b"wante");
    std::fs::write(place.tree().join("large"), &content).unwrap();
    std::fs::write(place.tree().join("other"), "wante, too").unwrap();
    let rules = place.tree().parent().unwrap().join("mine.yar");
    std::fs::write(
        &rules,
        "rule mine { strings: $a = \"wante\" condition: $a and (uint8(90000) == 0 or filesize < 1KB) }",
    )
    .unwrap();
    let choice = RuleChoice { rules: vec![rules], ..RuleChoice::default() };
    let mut stage = Stage::open_with(&place, SMALL, choice);
    stage.open_path("other").press("esc");
    std::fs::remove_file(place.tree().join("large")).unwrap();
    stage.open_path("large").press("3");
    stage.wait("→ says yara-x; a part is not explained");
    stage.wait("? not explained: uint8(90000) == 0");
    stage.wait("✘ false: filesize < 1KB → filesize is 100,000 bytes, 1KB is 1,024");
    stage.wait("✔ true: $a → $a is at 0xc350");
}

#[test]
fn inspect_explains_rules_of_ones_own_and_escapes_what_they_show() {
    let ground = TestBox::new();
    let rules = ground.tree().parent().unwrap().join("mine.yar");
    let source = "rule mine { strings: $a = \"x\" condition: filename contains \"evil\" and #a in (0..3) == 2 and not pe.is_pe }";
    std::fs::write(&rules, format!("import \"pe\"\n{source}")).unwrap();
    let file = ground.tree().join("evil\u{1b}[31m");
    std::fs::write(&file, "xx").unwrap();
    let args = ["inspect", file.to_str().unwrap(), "--rules", rules.to_str().unwrap()];
    let output = ground.huntbook(&args).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains('\u{1b}'), "{text}");
    for said in [
        "✔ true: filename contains \"evil\" → filename is \"evil\\x1b[31m\"",
        "✔ true: #a in (0..3) == 2 → #a in (0..3) is 2",
        "? not explained: pe.is_pe → asks a module of yara-x",
        "→ says yara-x; a part is not explained",
    ] {
        assert!(text.contains(said), "{said}:\n{text}");
    }
}
