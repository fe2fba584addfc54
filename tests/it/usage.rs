//! What slips on the command line come to: each is named before anything begins, and none looks like a clean tree.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use huntbook::internals::case::{Case, ScanOutcome};

use crate::cli::TestBox;
use crate::fixtures;

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// `huntbook ARGS` must be refused with exit code 2 and these words.
fn refused(ground: &TestBox, args: &[&str], words: &[&str]) {
    let output = ground.huntbook(args).output().unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
    assert!(output.stdout.is_empty(), "{args:?}");
    for word in words {
        assert!(said.contains(word), "{args:?} lacks {word:?}: {said}");
    }
}

fn str(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// `huntbook ARGS` with a standard output that nobody reads.
fn unread(ground: &TestBox, args: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_huntbook"))
        .args(args)
        .env_clear()
        .env("HOME", ground.home())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    child.wait_with_output().unwrap()
}

#[test]
fn a_reader_that_goes_ends_the_scan_and_is_no_success() {
    let ground = TestBox::planted();
    let case = ground.home().join("c.case");
    let output = unread(&ground, &["scan", str(&ground.tree()), "--case", str(&case)]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("went before its end"), "{}", said(&output));
    let scans = Case::open_read_only(&case).unwrap().scans().unwrap();
    assert_eq!(scans[0].ended.unwrap().1.outcome, ScanOutcome::Cancelled);
    let file = ground.tree().join("callback.txt");
    assert_eq!(unread(&ground, &["inspect", str(&file)]).status.code(), Some(2));
    assert_eq!(unread(&ground, &["hunts", "list"]).status.code(), Some(0), "a list answers nothing");
}

#[test]
fn a_folder_that_the_kernel_makes_up_is_no_tree_unless_asked_for() {
    if !Path::new("/proc/self/status").exists() {
        return;
    }
    let ground = TestBox::new();
    refused(&ground, &["scan", "/proc/self/"], &["/proc/self/: lies on proc", "--include-pseudo"]);
    let one = ground.huntbook(&["scan", "/proc/self/status"]).output().unwrap();
    assert_eq!(one.status.code(), Some(0), "a file that is named is scanned: {}", said(&one));
}

#[test]
fn rules_take_one_path_each_and_leave_the_tree_alone() {
    let ground = TestBox::new();
    let mut args = vec!["scan".to_owned(), "--no-builtin".to_owned()];
    for name in ["one", "two"] {
        let path = ground.home().join(format!("{name}.yar"));
        std::fs::write(&path, format!("rule {name} {{ condition: filesize == 3 }}")).unwrap();
        args.extend(["--rules".to_owned(), str(&path).to_owned()]);
    }
    std::fs::write(ground.tree().join("three"), "abc").unwrap();
    args.push(str(&ground.tree()).to_owned());
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let output = ground.huntbook(&args).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(String::from_utf8(output.stdout).unwrap().contains("2 open"));
}

#[test]
fn the_root_of_a_box_is_a_folder_that_holds_the_tree() {
    let ground = TestBox::new();
    let tree = ground.tree();
    let file = ground.home().join("file");
    std::fs::write(&file, "x").unwrap();
    let home = ground.home();
    for command in [&["scan", str(&tree)][..], &["inspect", str(&file)]] {
        let with = |root| [command, &["--root", root]].concat();
        refused(&ground, &with("/nonexistent"), &["/nonexistent", "No such file"]);
        refused(&ground, &with(str(&file)), &["file", "is no folder"]);
    }
    refused(&ground, &["scan", str(&tree), "--root", str(&home)], &["does not lie in --root", "home"]);
    refused(&ground, &["inspect", str(&file), "--root", str(&tree)], &["does not lie in --root"]);
    let relative = ground.huntbook(&["scan", "tree", "--root", "."]).current_dir(tree.parent().unwrap()).output();
    assert_eq!(relative.unwrap().status.code(), Some(0));
}

#[test]
fn a_glob_that_leaves_out_nothing_is_refused_before_the_case_is_made() {
    let ground = TestBox::planted();
    let case = ground.home().join("c.case");
    refused(&ground, &["scan", str(&ground.tree()), "--exclude", "", "--case", str(&case)], &["covers nothing"]);
    assert!(!case.exists());
    std::fs::write(ground.tree().join("plain"), fixtures::callback()).unwrap();
    let whole = ground.tree().join("*");
    let output = ground.huntbook(&["scan", str(&ground.tree()), "--exclude", str(&whole)]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[test]
fn a_path_that_is_not_there_is_named_also_without_a_terminal() {
    refused(&TestBox::new(), &["/nonexistent/tree"], &["/nonexistent/tree: no such file or folder"]);
}

#[test]
fn the_folder_of_a_case_that_was_named_is_not_made() {
    let ground = TestBox::planted();
    let case = ground.home().join("no/such/c.case");
    refused(&ground, &["scan", str(&ground.tree()), "--case", str(&case)], &["c.case: there is no folder", "no/such"]);
    assert!(!ground.home().join("no").exists());
}

#[test]
fn a_dash_as_output_is_standard_output() {
    let ground = TestBox::planted();
    let case = ground.home().join("c.case");
    ground.huntbook(&["scan", str(&ground.tree()), "--case", str(&case)]).assert().code(1);
    for args in [&["report", str(&case), "-o", "-"][..], &["exclusions", "export", "--format", "csv", "-o", "-"]] {
        let output = ground.huntbook(args).current_dir(ground.home()).output().unwrap();
        assert!(output.status.success() && !output.stdout.is_empty(), "{args:?}: {}", said(&output));
    }
    assert!(!ground.home().join("-").exists());
}

/// `huntbook ARGS` where not a byte can be written to any file, as on a full disk (`setrlimit(2)`, `RLIMIT_FSIZE`).
fn with_a_full_disk(ground: &TestBox, args: &[&str]) -> Output {
    Command::new("/bin/sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_huntbook")])
        .args(args)
        .env_clear()
        .env("HOME", ground.home())
        .output()
        .unwrap()
}

#[test]
fn a_start_that_fails_on_a_full_disk_leaves_no_empty_files() {
    let ground = TestBox::planted();
    let tree = ground.tree();
    let (case, log) = (ground.home().join("c.case"), ground.home().join("hunt.log"));
    for args in [["scan", str(&tree), "--case", str(&case)], ["scan", str(&tree), "--log", str(&log)]] {
        let output = with_a_full_disk(&ground, &args);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    }
    assert!(!case.exists() && !log.exists());
}

#[test]
fn a_case_without_a_place_is_said_to_be_in_memory_only() {
    let ground = TestBox::planted();
    let output = ground
        .huntbook(&["scan", str(&ground.tree()), "--exclusions", str(&ground.register())])
        .env_remove("HOME")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(text.contains("\ncase in memory only\n"), "{text}{}", said(&output));
}

#[test]
fn a_hunt_or_folder_of_hunts_that_is_none_is_named() {
    let ground = TestBox::new();
    let empty = ground.home().join("empty");
    std::fs::create_dir(&empty).unwrap();
    std::fs::write(empty.join("notes.txt"), "no hunt").unwrap();
    refused(&ground, &["hunts", "list", "--hunts", str(&empty)], &["empty: holds no hunt (a hunt is NAME.yar"]);
    refused(&ground, &["hunts", "show", "nosuch"], &["there is no hunt nosuch; huntbook hunts list lists them\n"]);
    refused(&ground, &["hunts", "show", "EQGRP_tinyexe"], &["EQGRP_tinyexe (did you mean `EQGRP_tinyexec`?); "]);
}
