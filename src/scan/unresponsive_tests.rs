//! Scans of trees in which something does not answer. What is named `hung…` answers once a file `answer` lies beside it;
//! what is named `panics` takes the thread that asks with it; `endless` has 2^62 bytes, all of which can be read.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::thread::sleep;

use super::*;
use crate::root::{Folder, MountPolicy, OpenedFile};

/// Long enough that what does answer is not thought to hang on a busy machine.
const SHORT: Duration = Duration::from_secs(3);
const NEVER: Duration = Duration::from_hours(1);

fn wait(path: &Path) {
    let hangs = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("hung"));
    assert!(!path.ends_with("panics"), "as intended by the test");
    while hangs && !path.with_file_name("answer").exists() {
        sleep(Duration::from_millis(5));
    }
}

fn open(tree: &Tree, folder: Option<&Folder>, path: &Path) -> io::Result<OpenedFile> {
    wait(path);
    let mut opened = tree.open_file(folder, path)?;
    if path.ends_with("endless") {
        opened.file = std::fs::File::open("/dev/zero")?;
        opened.stat.st_size = 1 << 62;
    }
    Ok(opened)
}

fn open_folder(tree: &Tree, within: Option<&Folder>, path: &Path, mounts: MountPolicy) -> io::Result<Folder> {
    wait(path);
    tree.open_folder(within, path, mounts)
}

/// A folder with these files; each matches.
fn tree(files: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in files {
        let path = dir.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "needle").unwrap();
    }
    dir
}

fn start(dir: &Path, threads: usize, read_timeout: Duration) -> Scan {
    let rule = "rule found { strings: $a = \"needle\" condition: $a }";
    let source =
        RuleSource { namespace: "test".to_owned(), origin: "test.yar".to_owned(), text: rule.into(), warnings: None };
    let rules = Arc::new(Ruleset::compile(&[source], &[]).unwrap());
    let options = ScanOptions { threads, read_timeout, count_ahead: true, ..ScanOptions::default() };
    Scan::start_on(System { open, open_folder }, Tree::open(dir).unwrap(), rules, options).unwrap()
}

/// What a scan said of each file or folder, by its name, and its end.
fn end(scan: Scan) -> (BTreeMap<String, Vec<&'static str>>, ProgressSnapshot, ScanConclusion) {
    let mut said: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut of = |path: &Path, what| {
        said.entry(path.file_name().unwrap().to_string_lossy().into_owned()).or_default().push(what);
    };
    loop {
        match scan.events.recv_timeout(Duration::from_mins(1)).unwrap() {
            ScanEvent::Finding(finding) => of(&finding.file.path, "found"),
            ScanEvent::Unscanned(unscanned) => of(&unscanned.path, unscanned.reason.kind()),
            ScanEvent::Finished { reading, end } => {
                scan.join();
                return (said, reading, end);
            }
        }
    }
}

#[test]
fn all_that_answers_is_scanned_though_every_thread_hangs() {
    let files = ["a/1", "a/2", "a/hung-1", "b/3", "b/hung-2", "b/hung-3", "hung-folder/x", "c/4", "c/5", "c/6"];
    let dir = tree(&files);
    let (said, reading, how) = end(start(dir.path(), 2, SHORT));
    let answered = ["1", "2", "3", "4", "5", "6"].map(|name| (name.to_owned(), vec!["found"]));
    let silent = ["hung-1", "hung-2", "hung-3", "hung-folder"].map(|name| (name.to_owned(), vec!["no-answer"]));
    assert_eq!(said, answered.into_iter().chain(silent).collect());
    assert_eq!((reading.files, reading.gaps, reading.total_files, how), (9, 4, Some(9), ScanConclusion::Complete));
}

#[test]
fn a_thread_that_panics_costs_its_file_only() {
    let dir = tree(&["a/1", "a/panics", "b/panics/2", "c/3"]);
    let (said, reading, how) = end(start(dir.path(), 1, NEVER));
    let found = ["1", "3"].map(|name| (name.to_owned(), vec!["found"]));
    let lost = [("panics".to_owned(), vec!["engine-failed"; 2])];
    assert_eq!(said, found.into_iter().chain(lost).collect());
    assert_eq!((reading.files, reading.gaps, how), (3, 2, ScanConclusion::Complete));
}

#[test]
fn a_scan_that_waits_can_be_ended_and_says_what_it_waited_for() {
    let dir = tree(&["hung"]);
    let scan = start(dir.path(), 2, NEVER);
    // Before that, the folder is listed: nothing would be lost by the end of the scan then.
    while !scan.progress.current().path.ends_with("hung") {
        sleep(Duration::from_millis(5));
    }
    scan.control.cancel();
    let (said, _, how) = end(scan);
    assert_eq!(said, [("hung".to_owned(), vec!["no-answer"])].into());
    assert_eq!(how, ScanConclusion::Cancelled);
}

#[test]
fn what_does_not_answer_is_shown_and_can_be_skipped() {
    let dir = tree(&["a/1", "hung"]);
    let scan = start(dir.path(), 1, NEVER);
    let current = loop {
        let current = scan.progress.current();
        if current.path.ends_with("hung") && current.silent.is_some() {
            break current;
        }
        sleep(Duration::from_millis(20));
    };
    assert!(current.silent >= Some(Duration::from_secs(3)), "{current:?}");
    scan.control.skip_current();
    let (said, _, how) = end(scan);
    assert_eq!(said, [("1".to_owned(), vec!["found"]), ("hung".to_owned(), vec!["no-answer"])].into());
    assert_eq!(how, ScanConclusion::Complete);
}

#[test]
fn an_answer_that_comes_too_late_is_not_told() {
    let dir = tree(&["a/hung", "b/hung"]);
    let scan = start(dir.path(), 1, SHORT);
    let first = scan.events.recv_timeout(Duration::from_mins(1)).unwrap();
    let ScanEvent::Unscanned(first) = first else { panic!("{first:?}") };
    std::fs::write(first.path.with_file_name("answer"), "").unwrap();
    // The second still waits, so that there is a scan to tell it to.
    let (said, ..) = end(scan);
    assert_eq!(said, [("hung".to_owned(), vec!["no-answer"])].into(), "only the second");
}

#[test]
fn a_file_system_that_answers_nothing_is_soon_left_alone() {
    let names: Vec<_> = (0..40).map(|n| format!("hung-{n}")).collect();
    let dir = tree(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let scan = start(dir.path(), 4, SHORT);
    let (mut tried, mut left) = (0, 0);
    loop {
        match scan.events.recv_timeout(Duration::from_mins(1)).unwrap() {
            ScanEvent::Unscanned(Unscanned { reason: Reason::NoAnswer(_), .. }) => tried += 1,
            ScanEvent::Unscanned(Unscanned { reason: Reason::Silent(_), .. }) => left += 1,
            ScanEvent::Finished { reading, .. } => {
                assert_eq!(reading.gaps, 40);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(tried + left, 40);
    assert!((16..20).contains(&tried), "{tried}");
}

#[test]
fn a_file_without_end_ends_with_its_time() {
    let dir = tree(&["a/1", "endless", "z/2"]);
    let rule = "rule found { strings: $a = \"needle\" condition: $a }";
    let source =
        RuleSource { namespace: "test".to_owned(), origin: "test.yar".to_owned(), text: rule.into(), warnings: None };
    let rules = Arc::new(Ruleset::compile(&[source], &[]).unwrap());
    let options = ScanOptions { threads: 1, file_timeout: SHORT, ..ScanOptions::default() };
    let scan = Scan::start_on(System { open, open_folder }, Tree::open(dir.path()).unwrap(), rules, options).unwrap();
    let (said, reading, how) = end(scan);
    let found = ["1", "2"].map(|name| (name.to_owned(), vec!["found"]));
    assert_eq!(said, found.into_iter().chain([("endless".to_owned(), vec!["file-timed-out"])]).collect());
    assert_eq!((reading.files, reading.gaps, how), (3, 1, ScanConclusion::Complete));
}
