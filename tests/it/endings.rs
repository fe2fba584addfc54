//! The ways a scan can end, as an orchestrator is told them: by the exit status and the last line of NDJSON.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use signal_hook::flag::register_conditional_default;

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

/// A scan that is told `signal` while it goes on; then it is read to its end. `before` is what a shell does before it becomes
/// the scan.
fn signalled(ground: &TestBox, signal: Signal, before: &str) -> Ended {
    // A program starts with what its parent ignores ignored, and this one may be a job in the background; what the parent has a
    // handler for is as by default (execve(2)).
    if signal != Signal::KILL {
        register_conditional_default(signal.as_raw(), Arc::new(AtomicBool::new(true))).unwrap();
    }
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &format!("{before} exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_huntbook"), "scan"]);
    let mut child = command
        .arg(ground.tree())
        .env_clear()
        .env("HOME", ground.home())
        .args(["--format", "ndjson", "--no-evidence", "--case"])
        .arg(ground.home().join(format!("{}{}.case", signal.as_raw(), before.len())))
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

/// Where no file may become larger than so many blocks of 512 bytes, as on a full disk (`setrlimit(2)`, `RLIMIT_FSIZE`). Where
/// `lines` names a file, the lines go there and not into a pipe.
fn with_blocks(ground: &TestBox, blocks: u32, case: &Path, lines: Option<&Path>) -> Ended {
    let to = lines.map_or(String::new(), |lines| format!(" >'{}'", lines.display()));
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"{to}");
    let output = Command::new("/bin/sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_huntbook"), "scan"])
        .arg(ground.tree())
        .args(["--format", "ndjson", "--no-evidence", "--case"])
        .arg(case)
        .env_clear()
        .env("HOME", ground.home())
        .output()
        .unwrap();
    let printed = lines.map_or(output.stdout, |lines| fs::read(lines).unwrap());
    (output.status.code(), String::from_utf8_lossy(&printed).into_owned())
}

/// A scan whose tree is removed while it goes on.
fn removed() -> Ended {
    let ground = much();
    let mut command = Command::new(env!("CARGO_BIN_EXE_huntbook"));
    command.env_clear().env("HOME", ground.home()).arg("scan").arg(ground.tree()).args(["--format", "ndjson"]);
    let mut child = command.arg("--no-evidence").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut begun = vec![0; 10];
    out.read_exact(&mut begun).unwrap();
    fs::remove_dir_all(ground.tree()).unwrap();
    out.read_to_end(&mut begun).unwrap();
    (child.wait().unwrap().code(), String::from_utf8(begun).unwrap())
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
    // From an orchestrator, a person, a session that ends, a limit of processor time (ulimit -t).
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::XCPU] {
        assert_eq!(judged(&signalled(&much, signal, "")), Box::BrokenOff, "{signal:?}");
    }
    // As under nohup(1).
    for (signal, name) in [(Signal::HUP, "HUP"), (Signal::INT, "INT")] {
        assert_eq!(judged(&signalled(&much, signal, &format!("trap '' {name};"))), Box::Done, "{signal:?} is ignored");
    }
    assert_eq!(judged(&signalled(&much, Signal::KILL, "")), Box::NotDone, "there is no end in order");

    assert_eq!(judged(&scan(&planted, &["--rules", "/nowhere"])), Box::NotDone, "rules that are not there");
    let gone = TestBox::planted();
    fs::remove_dir_all(gone.tree()).unwrap();
    assert_eq!(judged(&scan(&gone, &[])), Box::NotDone, "a tree that is not there");
    assert_eq!(judged(&removed()), Box::InPart, "a tree that goes in the middle");
    let place = |name: &str| much.home().join(name);
    assert_eq!(judged(&with_blocks(&much, 0, &place("a.case"), None)), Box::NotDone, "no case can be made");
    let cut = with_blocks(&much, 2000, &place("b.case"), Some(&place("lines")));
    assert_eq!(judged(&cut), Box::NotDone, "the lines are cut");
}

#[test]
fn a_case_that_a_full_disk_cut_loses_no_line_and_the_last_one_says_so() {
    let much = much();
    let case = much.home().join("cut.case");
    let ended = with_blocks(&much, 2000, &case, None);
    assert_eq!(judged(&ended), Box::Done, "all of the tree was seen");
    let lines: Vec<Value> = ended.1.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, findings) = lines.split_last().unwrap();
    assert_eq!(findings.len(), 6000);
    assert!(last["huntbook"]["case_unsaved"].as_str().is_some_and(|why| why.contains("cut.case")), "{last}");
    // What is on disk is whole as far as it goes, and says that there was no end.
    let opened = huntbook::internals::case::Case::open_read_only(&case).unwrap();
    assert!(opened.verify().unwrap().is_whole() && opened.scans().unwrap()[0].ended.is_none());
    let whole = with_blocks(&much, 200_000, &much.home().join("whole.case"), None);
    assert!(judged(&whole) == Box::Done && !whole.1.contains("case_unsaved"));
}
