//! The ways a scan can end, as an orchestrator is told them: by the exit status and the last line of NDJSON.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::cli::TestBox;
use crate::fixtures;

/// What an orchestrator makes of it, by the table of `huntbook help fleet`.
#[derive(Debug, PartialEq, Eq)]
enum Box {
    Done,
    InPart,
    BrokenOff,
    NotDone,
}

/// The exit status (`None` for one that a signal killed) and all that was printed.
type Ended = (Option<i32>, String);

/// The table, read as it stands there.
fn judged((code, out): &Ended) -> Box {
    let last = out.lines().last().and_then(|line| serde_json::from_str::<Value>(line).ok()).unwrap_or_default();
    let own = &last["huntbook"];
    let is_whole = out.is_empty() || out.ends_with('\n');
    match (own["kind"].as_str(), own["result"].as_str(), own["complete"].as_bool()) {
        (Some("summary"), Some("done"), Some(true)) if is_whole => {
            assert!(matches!(code, Some(0 | 1)), "{code:?}: {last}");
            Box::Done
        }
        (Some("summary"), Some("partial"), Some(true)) if is_whole => {
            assert!(matches!(code, Some(1 | 3)) && own["gaps"].as_u64() > Some(0), "{code:?}: {last}");
            Box::InPart
        }
        (Some("summary"), Some("partial"), Some(false)) if is_whole => {
            assert!(matches!(code, Some(2 | 124)), "{code:?}: {last}");
            Box::BrokenOff
        }
        _ => {
            assert!(!matches!(code, Some(0 | 1 | 3)), "{code:?} says that it was done: {out}");
            Box::NotDone
        }
    }
}

fn scan(ground: &TestBox, more: &[&str]) -> Ended {
    let tree = ground.tree();
    let output = ground.huntbook(&["scan", tree.to_str().unwrap(), "--format", "ndjson"]).args(more).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

/// So many findings that their lines fill a pipe and all queues before it: the scan stands still until somebody reads.
fn much() -> TestBox {
    let ground = TestBox::new();
    for number in 0..6000 {
        fs::write(ground.tree().join(format!("hit-{number}")), fixtures::callback()).unwrap();
    }
    ground
}

/// A scan that gets this signal while it goes on; then it is read to its end.
fn signalled(ground: &TestBox, signal: Signal) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_huntbook"));
    command.env_clear().env("HOME", ground.home()).arg("scan").arg(ground.tree()).args(["--format", "ndjson"]);
    let mut child = command
        .args(["--no-evidence", "--case"])
        .arg(ground.home().join(format!("{}.case", signal.as_raw())))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut begun = vec![0; 10];
    out.read_exact(&mut begun).unwrap();
    kill_process(Pid::from_child(&child), signal).unwrap();
    out.read_to_end(&mut begun).unwrap();
    (child.wait().unwrap().code(), String::from_utf8(begun).unwrap())
}

/// Where no file may become larger than so many blocks of 512 bytes, as on a full disk (`setrlimit(2)`, `RLIMIT_FSIZE`).
fn with_blocks(ground: &TestBox, blocks: u32, case: &Path) -> Ended {
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let output = Command::new("/bin/sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_huntbook"), "scan"])
        .arg(ground.tree())
        .args(["--format", "ndjson", "--case"])
        .arg(case)
        .env_clear()
        .env("HOME", ground.home())
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn every_way_a_scan_can_end_is_told_by_its_exit_status_and_its_last_line() {
    let clean = TestBox::new();
    fs::write(clean.tree().join("file"), "nothing").unwrap();
    assert_eq!(judged(&scan(&clean, &[])), Box::Done, "nothing open");
    let planted = TestBox::planted();
    assert_eq!(judged(&scan(&planted, &[])), Box::Done, "something open");
    let cut = scan(&planted, &["--evidence-time", "0"]);
    assert_eq!(judged(&cut), Box::Done, "the tree was seen, whatever the box was asked");
    fs::write(clean.tree().join("cut.tar"), b"\x1f\x8b\x08\0\0\0\0\0\0\x03cut").unwrap();
    assert_eq!(judged(&scan(&clean, &[])), Box::InPart, "an archive that ends too soon");

    let much = much();
    for signal in [Signal::TERM, Signal::INT] {
        assert_eq!(judged(&signalled(&much, signal)), Box::BrokenOff, "{signal:?}");
    }
    // One that is not asked to end in order, or cannot.
    for signal in [Signal::HUP, Signal::KILL] {
        assert_eq!(judged(&signalled(&much, signal)), Box::NotDone, "{signal:?}");
    }

    assert_eq!(judged(&scan(&planted, &["--rules", "/nowhere"])), Box::NotDone, "rules that are not there");
    let gone = TestBox::planted();
    fs::remove_dir_all(gone.tree()).unwrap();
    assert_eq!(judged(&scan(&gone, &[])), Box::NotDone, "a tree that is not there");
    assert_eq!(judged(&with_blocks(&much, 0, &much.home().join("a.case"))), Box::NotDone, "no case can be made");
}
