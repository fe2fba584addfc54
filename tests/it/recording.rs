//! The hunt that README shows: the real program in a pseudo-terminal, on a box made for it.
//!
//! `UPDATE_README=1 cargo test the_pictures_of_readme` plays it again and draws its pictures.

use std::path::Path;

use portable_pty::CommandBuilder;

use crate::fixtures;
use crate::pty::Term;
use crate::screen_harness::TestTree;
use crate::svg;

/// As long as the path it stands for, so that every line stays as it was.
const SHOWN: &str = "/mnt/evidence/tree";

/// A moment of the hunt.
struct Moment {
    /// What is pressed.
    keys: &'static str,
    /// What stands on the screen then.
    shows: &'static str,
    /// The picture's name and title; moments without one are not drawn.
    picture: Option<(&'static str, &'static str)>,
}

const MOMENTS: [Moment; 5] = [
    Moment {
        keys: "",
        shows: "3 open",
        picture: Some(("findings", "The findings of a scan: hunts on the left, files that they hit on the right")),
    },
    Moment {
        keys: "/'mix\r\r",
        shows: "match 1 of 1",
        picture: Some(("bytes", "A finding's bytes, with the match that was gone to")),
    },
    Moment {
        keys: "5l",
        shows: "Scenario 2 of 5",
        picture: Some(("scenarios", "What could explain a finding, and what the box says to each explanation")),
    },
    Moment {
        keys: "ajob of the log team, CHG-1042",
        shows: "CHG-1042",
        picture: Some(("exclusion", "An exclusion about to be recorded, with its scope, danger and reason")),
    },
    Moment { keys: "\r\r", shows: "excluded: in the register", picture: None },
];

fn plant(place: &TestTree) {
    let files = [
        (
            "opt/log-processing/MixText.py",
            format!("#!/usr/bin/env python\nprint('{}')\n", fixtures::mix_text()).into_bytes(),
        ),
        ("usr/local/sbin/tinyexec", fixtures::tinyexec(269)),
        ("home/ann/notes.txt", format!("seen: {}\n", fixtures::callback()).into_bytes()),
    ];
    for (path, bytes) in files {
        let path = place.tree().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// Plays it, and returns its pictures by name.
fn play() -> Vec<(&'static str, String)> {
    let place = TestTree::new();
    plant(&place);
    let tree = place.tree();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_huntbook"));
    command.env_clear();
    command.env("HOME", tree.parent().unwrap());
    command.env("TERM", "xterm-256color");
    command.env("COLORTERM", "truecolor");
    command.arg(&tree);
    command.arg("--root");
    command.arg(&tree);
    let mut term = Term::spawn(command);
    term.wait("scan done");
    let mut drawn = Vec::new();
    for moment in MOMENTS {
        term.send(moment.keys);
        term.wait(moment.shows);
        term.settled();
        if let Some((name, title)) = moment.picture {
            let picture =
                term.with_screen(|screen| svg::picture(screen, title, |line| steady(line, tree.to_str().unwrap())));
            drawn.push((name, picture));
        }
    }
    term.send("q");
    term.left();
    drawn
}

/// A line without what differs from run to run: the tree's place, cut or whole, how long the scan took, and times.
fn steady(line: &str, tree: &str) -> String {
    let line = (6..=tree.len()).rev().fold(line.to_owned(), |out, end| out.replace(&tree[..end], &SHOWN[..end]));
    let time = regex::Regex::new(r"done in [0-9.]+ m?s  (.*?)  [0-9.]+ [KM]?i?B/s").unwrap();
    let line = time.replace_all(&line, "done in 0.0 s  $1").into_owned();
    let changed = regex::Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ").unwrap();
    changed.replace_all(&line, "2026-01-02T03:04:05Z").into_owned()
}

#[test]
fn the_pictures_of_readme_are_what_the_program_shows() {
    for (name, picture) in play() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures").join(format!("{name}.svg"));
        if std::env::var_os("UPDATE_README").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, picture).unwrap();
            continue;
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        let differs = kept.lines().zip(picture.lines()).find(|(is, should)| is != should);
        assert!(kept == picture, "{name}: {differs:#?}; run: UPDATE_README=1 cargo test the_pictures_of_readme");
    }
}
