//! `--log`: what it holds, who may read it, and that it can't be forged or hurt anything.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use huntbook::internals::cli::logging::{Level, LogArgs};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;

use crate::cli::TestBox;
use crate::pty::Term;

/// Tells a test that it runs as a child, and which log to write.
const CHILD: &str = "HUNTBOOK_TEST_LOG";

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// Every line but the first is an event: time, level, what happened.
fn assert_whole(log: &str) {
    let event = regex::Regex::new(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (ERROR| WARN| INFO|DEBUG) [a-z]").unwrap();
    let mut lines = log.lines();
    assert_eq!(lines.next(), Some("# Huntbook log"));
    for line in lines {
        assert!(event.is_match(line), "{line}");
    }
}

#[test]
fn a_scan_is_logged_from_start_to_end_and_the_next_run_adds_to_it() {
    let ground = TestBox::planted();
    // Within the tree on purpose.
    let log = ground.tree().join("hunt.log");
    let (documents, _) = ground.scan(&["--log", log.to_str().unwrap()]);
    let own = documents.iter().find(|document| document["file"]["path"].as_str() == log.to_str()).unwrap();
    assert_eq!(own["huntbook"]["reason"], "own-file");
    let once = read(&log);
    assert_whole(&once);
    let mut rest = once.as_str();
    for said in [
        "huntbook started version=",
        "--log",
        "rules loaded rules=5",
        "records opened case=",
        "scan started tree=",
        "not scanned reason=\"Huntbook's own file\" path=",
        "scan ended outcome=Finished files=",
        "huntbook ended",
    ] {
        let at = rest.find(said).unwrap_or_else(|| panic!("no {said:?} in order in:\n{once}"));
        rest = &rest[at..];
    }
    assert!(!once.contains(" DEBUG "));
    assert_eq!(std::fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);

    ground.scan(&["--log", log.to_str().unwrap(), "--log-level", "debug"]);
    let twice = read(&log);
    assert_whole(&twice);
    assert!(twice.starts_with(&once));
    assert_eq!(twice.matches("huntbook started").count(), 2);
    assert_eq!(twice.matches("finding id=").count(), 8, "{twice}");
}

#[test]
fn a_hostile_name_forges_no_line() {
    let ground = TestBox::new();
    let name = "x\n2026-01-01T00:00:00.000Z  INFO all is well\u{1b}[2J\u{202e}";
    mknodat(CWD, ground.tree().join(name), FileType::Fifo, Mode::RUSR, 0).unwrap();
    let log = ground.home().join("hunt.log");
    ground.scan(&["--log", log.to_str().unwrap()]);
    let text = read(&log);
    assert_whole(&text);
    assert!(text.contains(r#"x\n2026-01-01T00:00:00.000Z  INFO all is well\u{1b}[2J\u{202e}""#), "{text}");
    assert!(text.lines().all(|line| line.chars().all(huntbook::internals::text::is_plain_char)), "{text}");
}

#[test]
fn a_log_that_cannot_be_written_is_said_before_anything_is_done() {
    let ground = TestBox::planted();
    let tree = ground.tree();
    let evidence = ground.tree().join("callback.txt");
    let before = std::fs::read(&evidence).unwrap();
    for (log, said) in [
        ("/nonexistent/hunt.log", "name another file with --log"),
        ("/dev/null", "not a regular file"),
        (evidence.to_str().unwrap(), "is no Huntbook log"),
    ] {
        let output = ground.huntbook(&["scan", tree.to_str().unwrap(), "--log", log]).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(log) && error.contains(said), "{error}");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    }
    assert_eq!(std::fs::read(&evidence).unwrap(), before);
    assert!(!ground.home().join(".local").exists(), "no case was begun");
    let output = ground.huntbook(&["scan", tree.to_str().unwrap(), "--log-level", "debug"]).output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("--log <FILE>"));
}

#[test]
fn the_screens_decisions_errors_and_signals_are_logged() {
    let ground = TestBox::planted();
    let log = ground.home().join("hunt.log");
    let mut term = Term::huntbook(&ground, &[ground.tree().to_str().unwrap(), "--log", log.to_str().unwrap()]);
    term.wait("scan done");
    term.send("o5x");
    term.wait("on record");
    term.send("1yt");
    term.signal(Signal::TERM);
    term.left();
    let text = read(&log);
    assert_whole(&text);
    for said in ["scan ended outcome=Finished", "decision recorded findings=", "RuledOut", "signal signal=15"] {
        assert!(text.contains(said), "no {said:?} in:\n{text}");
    }
    assert!(text.trim_end().lines().last().unwrap().contains("huntbook ended"), "{text}");
}

/// The other half of the test below: runs in a process of its own.
#[test]
fn a_child_with_a_log_that_panics() {
    if let Some(file) = std::env::var_os(CHILD) {
        let _log = LogArgs { file: Some(file.into()), level: Level::Error }.start().unwrap();
        panic!("on purpose\nand forged");
    }
}

#[test]
fn a_panic_is_logged() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("hunt.log");
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "log::a_child_with_a_log_that_panics"])
        .env(CHILD, &log)
        .output()
        .unwrap();
    assert!(!status.status.success());
    let text = read(&log);
    assert_whole(&text);
    assert!(text.contains("ERROR panic: ") && text.contains(r"on purpose\nand forged"), "{text}");
    assert_eq!(text.lines().count(), 2);
}
