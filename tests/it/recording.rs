//! The hunt that README shows: the real program in a pseudo-terminal, on a box made for it.
//!
//! `UPDATE_README=1 cargo test the_hunt_in_it` plays it again and writes it down.

use std::fmt::Write as _;

use portable_pty::CommandBuilder;

use crate::fixtures;
use crate::pty::Term;
use crate::stage::Place;

const README: &str = include_str!("../../README.md");
/// As long as the path it stands for, so that every line stays as it was.
const SHOWN: &str = "/mnt/evidence/tree";

/// A moment of the hunt.
struct Moment {
    /// What is pressed.
    keys: &'static str,
    /// What stands on the screen then.
    shows: &'static str,
    /// What a reader should know of it.
    words: &'static str,
}

const fn moment(keys: &'static str, shows: &'static str, words: &'static str) -> Moment {
    Moment { keys, shows, words }
}

const MOMENTS: [Moment; 5] = [
    moment("", "3 open", "The scan is done; everything it found is listed."),
    moment("/'mix\r\r", "match 1 of 1", "`/` finds the one to begin with, `Enter` opens it on the bytes that matched."),
    moment("5l", "Scenario 2 of 5", "`5`: what could explain it, and what the box says to each explanation."),
    moment(
        "ajob of the log team, CHG-1042",
        "CHG-1042",
        "`a`: this one applies. The narrowest exclusion is proposed, and the reason asked for.",
    ),
    moment("\r\r", "excluded: in the register", "`Enter`, twice: on record. The next scan knows."),
];
/// The moment that stands at the top of README.
const PICTURE: usize = 2;

fn plant(place: &Place) {
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

/// Plays it, and returns its screens.
fn play() -> Vec<String> {
    let place = Place::new();
    plant(&place);
    let tree = place.tree();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_huntbook"));
    command.env_clear();
    command.env("HOME", tree.parent().unwrap());
    command.env("TERM", "xterm-256color");
    command.arg(&tree);
    command.arg("--root");
    command.arg(&tree);
    let mut term = Term::spawn(command);
    term.wait("scan done");
    let played = MOMENTS.iter().map(|moment| {
        term.send(moment.keys);
        term.wait(moment.shows);
        steady(&term.settled(), tree.to_str().unwrap())
    });
    let played = played.collect();
    term.send("q");
    term.left();
    played
}

/// The screen without what differs from run to run: the tree's place, cut or whole, and how long the scan took.
fn steady(screen: &str, tree: &str) -> String {
    let lines: Vec<_> = screen.lines().map(str::trim_end).collect();
    let screen = (6..=tree.len()).rev().fold(lines.join("\n"), |out, end| out.replace(&tree[..end], &SHOWN[..end]));
    let time = regex::Regex::new(r"done in [0-9.]+ m?s").unwrap();
    let rate = regex::Regex::new(r"[0-9.]+ [KM]?i?B/s").unwrap();
    let screen = time.replace_all(&screen, "done in 0.0 s").into_owned();
    rate.replace_all(&screen, "0 B/s").trim_end().to_owned()
}

/// README with what stands between two marks replaced.
fn put(readme: &str, mark: &str, new: &str) -> String {
    let begin = format!("<!-- {mark} -->\n");
    let start = readme.find(&begin).unwrap() + begin.len();
    let end = readme.find(&format!("<!-- /{mark} -->")).unwrap();
    format!("{}{new}{}", &readme[..start], &readme[end..])
}

#[test]
fn the_hunt_in_it_is_what_the_program_shows() {
    let played = play();
    let mut hunt = String::new();
    for (moment, screen) in MOMENTS.iter().zip(&played) {
        let _ = write!(hunt, "{}\n\n```text\n{screen}\n```\n\n", moment.words);
    }
    let shown = put(README, "picture", &format!("```text\n{}\n```\n", played[PICTURE]));
    let shown = put(&shown, "hunt", &hunt);
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"), shown).unwrap();
        return;
    }
    let differs = README.lines().zip(shown.lines()).find(|(is, should)| is != should);
    assert!(README == shown, "{differs:#?}; run: UPDATE_README=1 cargo test the_hunt_in_it");
}
