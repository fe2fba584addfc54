//! What the program tells the terminal besides its screen: progress, bell.

use rustix::process::Signal;

use crate::cli::TestBox;
use crate::pty::Term;

/// How the sequence of progress begins, and the one that takes it away.
const PROGRESS: &str = "\u{1b}]9;4;";
const CLEAR: &str = "\u{1b}]9;4;0;0\u{1b}\\";

/// A scan that tells its progress and goes on for some seconds: a rule without a pattern counts far for every file.
fn slow(ground: &TestBox) -> Term {
    ground.configure("progress = 'always'\n");
    for number in 0..60 {
        std::fs::write(ground.tree().join(format!("file{number}")), "x").unwrap();
    }
    let rules = ground.home().join("slow.yar");
    std::fs::write(&rules, "rule slow { condition: for any i in (10..20000000) : (filesize == i) }").unwrap();
    let (tree, rules) = (ground.tree(), rules.to_str().unwrap().to_owned());
    let args = [tree.to_str().unwrap(), "--no-builtin", "--threads", "1", "--rules", &rules];
    let term = Term::huntbook(ground, &args);
    wait_for_state(&term, '1');
    term
}

/// The states of progress that were told, without repetitions.
fn states(term: &Term) -> Vec<char> {
    let written = term.written.text();
    let mut states: Vec<_> = written.split(PROGRESS).skip(1).filter_map(|rest| rest.chars().next()).collect();
    states.dedup();
    states
}

fn wait_for_state(term: &Term, state: char) {
    term.until(&format!("state {state} of progress"), || states(term).last() == Some(&state));
}

#[test]
fn progress_is_told_and_taken_away_on_sigterm() {
    let ground = TestBox::new();
    let mut term = slow(&ground);
    term.send("\u{13}");
    wait_for_state(&term, '4');
    term.send("\u{13}");
    wait_for_state(&term, '1');
    term.signal(Signal::TERM);
    let written = term.written.clone();
    term.left();
    let written = written.text();
    let last = written.rfind(PROGRESS).unwrap();
    assert!(written[last..].starts_with(CLEAR), "{:?}", &written[last..]);
}

#[test]
fn progress_is_taken_away_at_the_end_of_a_scan_and_while_stopped() {
    let ground = TestBox::new();
    let mut term = slow(&ground);
    term.send("\u{1a}");
    wait_for_state(&term, '0');
    term.signal(Signal::CONT);
    wait_for_state(&term, '1');
    term.send("\u{18}");
    term.wait("CANCELLED");
    wait_for_state(&term, '0');
    term.send("q");
    term.left();
}

#[test]
fn a_terminal_that_is_not_known_or_not_wanted_is_told_nothing() {
    let ground = TestBox::planted();
    for config in ["", "progress = 'never'\n"] {
        ground.configure(config);
        let mut term = Term::on_tree(&ground);
        term.wait("scan done");
        term.send("q");
        let written = term.written.clone();
        term.left();
        assert!(!written.text().contains(PROGRESS));
    }
}

#[test]
fn the_bell_is_silent_unless_it_is_asked_for() {
    let ground = TestBox::planted();
    for (config, rings) in [("", 0), ("bell = 'done'\n", 1), ("bell = 'hits'\n", 6)] {
        ground.configure(config);
        let mut term = Term::on_tree(&ground);
        term.wait("scan done");
        term.send("q");
        // The title ends in the same byte.
        let written = term.written.clone();
        term.left();
        let written = written.text().replace("\u{1b}]0;", "\u{1}");
        let titles = written.matches('\u{1}').count();
        let rung = written.matches('\u{7}').count() - titles;
        assert!(rung >= rings.min(2) && rung <= rings, "{config}: {rung} of {rings}");
    }
}
