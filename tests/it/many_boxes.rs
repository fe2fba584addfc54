//! Many cases as one: the report over them, their verification, and the screen.

use std::fs;
use std::path::PathBuf;

use huntbook::internals::case::{Case, ScanPlan, Stamp};
use huntbook::internals::triage::Actor;
use serde_json::Value;

use crate::cli::TestBox;
use crate::fixtures;
use crate::hostile_names::assert_safe;
use crate::pty::Term;

/// The cases of three boxes in one folder: a content that all have, and one that only the last has.
struct Boxes {
    ground: TestBox,
    folder: PathBuf,
}

impl Boxes {
    fn new() -> Self {
        let ground = TestBox::new();
        let folder = ground.home().join("results");
        for (number, host) in ["web01", "web02", "d\u{1b}[2Jb|<b>`"].iter().enumerate() {
            let root = ground.tree().join(format!("box{number}"));
            let put = |path: &str, content: &str| {
                let file = root.join(path);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, content).unwrap();
            };
            put("etc/hostname", &format!("{host}\n"));
            put("etc/machine-id", &format!("{number:032x}\n"));
            put("etc/passwd", "root:x:0:0::/:\n");
            put("opt/common.py", &fixtures::payload().join("\n"));
            if number == 2 {
                put("srv/rare|<i>.txt", &fixtures::callback());
                put("etc/crontab", "@daily root /opt/common.py\n");
            }
            fs::create_dir_all(folder.join(number.to_string())).unwrap();
            let case = folder.join(format!("{number}/hunt.case"));
            let args =
                ["scan", root.to_str().unwrap(), "--root", root.to_str().unwrap(), "--case", case.to_str().unwrap()];
            let output = ground.huntbook(&args).output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{output:?}");
        }
        Self { ground, folder }
    }

    fn run(&self, args: &[&str]) -> (String, i32) {
        let output = self.ground.huntbook(args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (String::from_utf8(output.stdout).unwrap() + &said, output.status.code().unwrap())
    }

    fn folder(&self) -> &str {
        self.folder.to_str().unwrap()
    }
}

#[test]
fn one_report_tells_boxes_and_contents_the_rare_first() {
    let boxes = Boxes::new();
    let (page, code) = boxes.run(&["report", boxes.folder()]);
    assert_eq!(code, 0, "{page}");
    assert_safe(&page);
    let (rare, common) = (page.find("on 1 of 3 boxes").unwrap(), page.find("on 3 of 3 boxes").unwrap());
    assert!(rare < common, "{page}");
    assert!(page.contains("| web01 | done | 1 |"), "{page}");
    let scenario = page.lines().find(|line| line.starts_with("- scenario")).unwrap();
    assert!(scenario.contains(" on ") && scenario.contains("Scheduled maintenance job"), "a title, no id: {scenario}");
    let (html, code) = boxes.run(&["report", boxes.folder(), "--format", "html"]);
    assert_eq!(code, 0);
    assert!(html.contains("on 3 of 3 boxes") && html.trim_end().ends_with("</html>"), "{html}");
    assert!(!html.contains("<b>`") && !html.contains("<i>.txt") && !html.contains('\u{1b}'), "{html}");
    let (lines, _) = boxes.run(&["report", boxes.folder(), "--format", "ndjson"]);
    let hosts: std::collections::BTreeSet<_> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["host"]["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(hosts.len(), 3, "{hosts:?}");
    let (rows, _) = boxes.run(&["report", boxes.folder(), "--format", "csv"]);
    assert_eq!(rows.lines().filter(|line| line.starts_with("Kind,")).count(), 1, "one heading for all: {rows}");
    for format in ["sarif", "stix"] {
        let (said, code) = boxes.run(&["report", boxes.folder(), "--format", format]);
        assert_eq!(code, 2);
        assert!(said.contains("of one case") && said.contains(format), "{said}");
    }
}

#[test]
fn a_case_that_cannot_be_read_is_told_and_hides_no_other() {
    let boxes = Boxes::new();
    fs::write(boxes.folder.join("broken.case"), "no case").unwrap();
    let (page, code) = boxes.run(&["report", boxes.folder()]);
    assert_eq!(code, 3, "{page}");
    assert!(page.contains("could not be read") && page.contains("on 3 of 3 boxes"), "{page}");
    let (lines, code) = boxes.run(&["report", boxes.folder(), "--format", "ndjson"]);
    assert!(
        code == 3 && lines.contains("broken.case") && lines.matches("\"kind\":\"summary\"").count() == 3,
        "{lines}"
    );
    let (said, code) = boxes.run(&["case", "verify", boxes.folder()]);
    assert_eq!(code, 1);
    assert!(said.contains("4 cases, 1 not whole") && said.matches("\nwhole: ").count() >= 2, "{said}");
    fs::remove_file(boxes.folder.join("broken.case")).unwrap();
    let (said, code) = boxes.run(&["case", "verify", boxes.folder(), "--json"]);
    let documents: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, documents.as_array().unwrap().len()), (0, 3), "{said}");
    let (said, code) = boxes.run(&["case", "verify", boxes.folder(), "--head", &"0".repeat(64)]);
    assert_eq!(code, 2);
    assert!(said.contains("one case"), "{said}");
    assert_eq!(boxes.run(&["report", boxes.ground.home().to_str().unwrap()]).1, 0, "cases below are found");
    let empty = boxes.ground.home().join("empty");
    fs::create_dir(&empty).unwrap();
    let (said, code) = boxes.run(&["report", empty.to_str().unwrap()]);
    assert_eq!(code, 2);
    assert!(said.contains("no case in this folder"), "{said}");
}

/// A box whose scan was killed: its case has a beginning and no end.
fn killed(folder: &std::path::Path) {
    let actor = Actor { name: "root".into(), uid: 0, behind: None };
    let stamp = Stamp { actor, host: "app01".into(), at: jiff::Timestamp::UNIX_EPOCH };
    let mut case = Case::open(&folder.join("app01.case")).unwrap();
    case.record_opening(&stamp).unwrap();
    case.record_host(&[("host.name", "app01"), ("host.id", "of app01")], &stamp).unwrap();
    let plan = ScanPlan { tree: "/srv".into(), options: serde_json::json!({}), rules: Vec::new() };
    case.start_scan(&plan, &stamp).unwrap();
    // And one that was ended before that.
    let mut case = Case::open(&folder.join("app02.case")).unwrap();
    case.record_opening(&stamp).unwrap();
    case.record_host(&[("host.name", "app02"), ("host.id", "of app02")], &stamp).unwrap();
}

#[test]
fn the_report_tells_first_which_boxes_did_not_finish() {
    let boxes = Boxes::new();
    fs::write(boxes.folder.join("broken.case"), "no case").unwrap();
    killed(&boxes.folder);
    for (format, first, result) in
        [("markdown", "| web01 | done |", "| app01 | not done |"), ("html", "web01", "app01")]
    {
        let (page, _) = boxes.run(&["report", boxes.folder(), "--format", format]);
        let table = page.find(if format == "html" { "id=\"boxes\"" } else { "## Boxes" }).unwrap();
        let place = |text: &str| page[table..].find(text).unwrap_or_else(|| panic!("no {text} in {page}"));
        assert!(place("broken.case") < place(first) && place(result) < place(first), "{page}");
        assert!(!page.contains("packaged-file") && page.contains("As its package ships it"), "titles, no ids: {page}");
    }
}

#[test]
fn the_screen_tells_what_each_box_said_side_by_side_and_first_which_did_not_finish() {
    let boxes = Boxes::new();
    fs::write(boxes.folder.join("broken.case"), "no case").unwrap();
    killed(&boxes.folder);
    // What the last box could not see, and what the first was told to leave out.
    let again = |number: usize, name: &str, content: &[u8]| {
        let root = boxes.ground.tree().join(format!("box{number}"));
        fs::write(root.join(name), content).unwrap();
        let (root, case) = (root.to_str().unwrap().to_owned(), boxes.folder.join(format!("{number}/hunt.case")));
        let args = ["scan", &root, "--root", &root, "--exclude", "*.out", "--case", case.to_str().unwrap()];
        assert_eq!(boxes.run(&args).1, 1);
    };
    again(0, "left.out", b"x");
    again(1, "cut.tar", b"\x1f\x8b\x08\0\0\0\0\0\0\x03cut");
    let mut term = Term::huntbook(&boxes.ground, &[boxes.folder()]);
    term.resize(160, 50);
    term.wait("on 3 of 4 boxes");
    term.send("C");
    term.wait("Coverage");
    let screen = term.settled();
    let place = |what: &str| screen.find(what).unwrap_or_else(|| panic!("{what}: {screen}"));
    let (broken, unended) = (place("this case could not be read"), place("app01: the scan of this box did not go"));
    let not_begun = place("app02: Huntbook was ended on this box before its scan began");
    assert!(not_begun < broken && broken < unended, "{screen}");
    assert!(unended < place("cut.tar") && place("cut.tar") < place("left.out"), "gaps of all boxes first: {screen}");
    assert!(screen.contains("2 of 6 boxes done, 1 with gaps, 3 did not finish"), "{screen}");
    assert!(!screen.contains("Recorded in") && !screen.contains("CANCELLED"), "{screen}");
    let others = screen.lines().filter(|line| line.contains("web0") && line.contains(": "));
    assert!(others.clone().all(|line| screen.find(line).unwrap() > unended), "{screen}");
    term.send("\x1b");
    term.wait("on 3 of 4 boxes");
    term.send("/common\r");
    term.wait("with 'common'");
    term.send("o5");
    term.wait("On all boxes with this content");
    // One box has a cron table that names the file; for the others its scenario is not supported.
    let mut told = Vec::new();
    for _ in 0..12 {
        // Lines are wrapped beside another pane.
        let screen = term.settled();
        let (_, below) = screen.split_once("On all boxes with this content").unwrap_or_else(|| panic!("{screen}"));
        told.push(below.replace(['│', '┃'], " ").split_whitespace().collect::<Vec<_>>().join(" "));
        term.send("l");
    }
    let apart = |count: &str, host: &str| told.iter().any(|line| line.contains(count) && line.contains(host));
    assert!(apart("contradicted on 1: ", "d\\x1b[2Jb") && apart("on 2: ", "on 2: web01, web02"), "{told:#?}");
    term.send("q");
    term.left();
}

#[test]
fn the_screen_lists_all_boxes_and_one_verdict_is_in_every_case() {
    let boxes = Boxes::new();
    let mut term = Term::huntbook(&boxes.ground, &[boxes.folder()]);
    term.wait("on 3 of 3 boxes");
    let screen = term.settled();
    assert!(screen.find("on 1 of 3 boxes").unwrap() < screen.find("on 3 of 3 boxes").unwrap(), "{screen}");
    assert!(screen.contains("▸ common.py") && screen.contains("3 of 3 boxes done"), "a name, not a digest: {screen}");
    term.resize(160, 40);
    term.send("G");
    // What the folded content under the cursor is.
    term.wait("│ boxes");
    let screen = term.settled();
    assert!(screen.contains("│ rule       EQGRP_payload") && screen.contains("web01, web02"), "{screen}");
    term.resize(80, 24);
    term.send("/common\r");
    term.wait("with 'common'");
    term.send("o5");
    term.wait("Scenario 1 of");
    term.send("b");
    term.wait("For 3 findings");
    let screen = term.settled();
    assert!(screen.contains("web01: /") && screen.contains("web02: /"), "each with its box: {screen}");
    term.send("x");
    term.wait("ruled out for 3 findings in 3 cases");
    let answered = |boxes: &Boxes| {
        let (lines, _) = boxes.run(&["report", boxes.folder(), "--format", "ndjson"]);
        lines.matches("\"answer\":\"ruled-out\"").count()
    };
    assert_eq!(answered(&boxes), 3);
    term.send("z");
    term.wait("taken back for 3 findings in 3 cases");
    assert_eq!(answered(&boxes), 0);
    term.send("Z");
    term.wait("decided again for 3 findings in 3 cases");
    assert_eq!(answered(&boxes), 3);
    term.send("z");
    term.wait("taken back for 3 findings in 3 cases");
    // One exclusion for all of them; the register tells how much it covers here, and of one for a box which that is.
    term.send("a");
    term.wait("Record an exclusion");
    term.send("known\r\r");
    let screen = term.settled();
    if screen.contains("does not support this") {
        term.send("against\r\r");
    }
    term.wait("excluded, in the register once");
    term.send("R");
    term.wait("3 hits");
    term.send("q");
    term.left();
    let (said, code) = boxes.run(&["case", "verify", boxes.folder()]);
    assert_eq!(code, 0, "{said}");
}
