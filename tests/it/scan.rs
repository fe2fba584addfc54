//! The scanner over planted trees, with the built-in hunts.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use huntbook::internals::scan::{Reason, Scan, ScanOptions, Tree, WalkOptions};

use crate::fixtures;
use crate::scanning::{self, builtin_rules, own_rules, watch};

fn scan(path: &Path) -> scanning::Outcome {
    scanning::scan(path, &builtin_rules(), ScanOptions::default())
}

/// A tempdir by the name under which the scan sees it.
fn real(dir: &tempfile::TempDir) -> PathBuf {
    dir.path().canonicalize().unwrap()
}

#[test]
fn every_planted_file_is_found_and_no_near_miss() {
    let dir = tempfile::tempdir().unwrap();
    fixtures::plant(dir.path());
    let outcome = scan(dir.path());
    let found: BTreeSet<(String, PathBuf)> = outcome.hits().into_iter().collect();
    let root = real(&dir);
    let expected: BTreeSet<(String, PathBuf)> =
        fixtures::all().into_iter().filter_map(|file| Some((file.rule?.to_owned(), root.join(file.path)))).collect();
    assert_eq!(found, expected);
    assert!(outcome.coverage.is_empty() && !outcome.cancelled, "{:?}", outcome.coverage);
    assert_eq!(outcome.reading.files, fixtures::all().len() as u64);
    assert_eq!(outcome.reading.bytes, fixtures::all().iter().map(|file| file.bytes.len() as u64).sum::<u64>());
}

/// Most memory this process has had resident, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_hit_far_inside_a_huge_sparse_file_is_found_without_holding_it() {
    const AT: u64 = 40 << 30;
    let dir = tempfile::tempdir().unwrap();
    let path = real(&dir).join("disk.img");
    let file = File::create(&path).unwrap();
    let text = format!(" {} ", fixtures::mix_text());
    // A file system that cannot hold such a file cannot show it either.
    if file.set_len(50 << 30).is_err() || file.write_all_at(text.as_bytes(), AT).is_err() {
        return;
    }
    let rules = builtin_rules();
    let before = peak();
    let outcome = scanning::scan(&path, &rules, ScanOptions::default());
    let grown = peak() - before;
    let [finding] = outcome.findings.as_slice() else { panic!("{outcome:?}") };
    assert_eq!((finding.matches[0].offset, finding.file.size), (AT + 1, 50 << 30));
    assert_eq!(finding.matches[0].data, fixtures::mix_text().as_bytes());
    assert_eq!(finding.kept.byte(AT + 1), Some(b'B'));
    assert!(finding.file.digest.data_digest().is_some());
    assert_eq!(outcome.reasons(&path), ["digest-of-data"]);
    assert_eq!(outcome.reading.bytes, 50 << 30);
    // Other tests run beside this one, so this is no measure, but a file that was held would show.
    assert!(grown < 1 << 20, "{grown} KiB more");
}

#[test]
fn a_file_whose_matching_takes_too_long_is_listed_and_the_scan_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let root = real(&dir);
    std::fs::write(root.join("long"), vec![1; 1 << 20]).unwrap();
    std::fs::write(root.join("short"), [1; 8]).unwrap();
    let rules = scanning::own_rules(
        "rule slow { condition: for all i in (1..filesize) : (for all j in (1..filesize) : (i + j > 0)) }
         rule quick { condition: filesize == 8 }",
    );
    let options = ScanOptions { match_timeout: Duration::from_secs(1), threads: 1, ..ScanOptions::default() };
    let outcome = scanning::scan(&root, &rules, options);
    assert_eq!(outcome.reasons(&root.join("long")), ["timed-out"]);
    assert!(outcome.hits().contains(&("quick".to_owned(), root.join("short"))), "{outcome:?}");
}

#[test]
fn a_large_file_is_matched_as_a_small_one_is() {
    let dir = tempfile::tempdir().unwrap();
    let ssh = fixtures::ssh_telnet();
    let path = real(&dir).join("large");
    let mut bytes = vec![b'.'; 9 << 20];
    for (offset, text) in [(256 * 1024 - 5, &ssh[0]), (5 << 20, &ssh[1]), ((9 << 20) - 200, &ssh[4])] {
        bytes[offset..offset + text.len()].copy_from_slice(text.as_bytes());
    }
    std::fs::write(&path, &bytes).unwrap();
    let outcome = scan(&path);
    let [finding] = outcome.findings.as_slice() else { panic!("{outcome:?}") };
    let offsets: Vec<u64> = finding.matches.iter().map(|found| found.offset).collect();
    assert_eq!(offsets, [256 * 1024 - 5, 5 << 20, (9 << 20) - 200]);
    assert_eq!(finding.file.digest, huntbook::internals::finding::Sha256::of(&bytes).into());
    assert_eq!(finding.kept.byte(5 << 20), Some(b'f'));
    assert!(outcome.coverage.is_empty());
}

#[test]
fn rules_that_want_more_than_may_be_held_are_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let path = real(&dir).join("file");
    std::fs::write(&path, vec![b'x'; 5 << 20]).unwrap();
    let options = || ScanOptions { max_file_size: 1 << 20, ..ScanOptions::default() };
    let whole = own_rules("import \"math\" rule r { condition: math.entropy(0, filesize) < 8.0 }");
    let outcome = scanning::scan(&path, &whole, options());
    assert_eq!(outcome.reasons(&path), ["too-large"]);
    assert!(matches!(outcome.coverage[0].reason, Reason::TooLarge { size: 5_242_880, limit: 1_048_576 }));
    assert_eq!(scanning::scan(&path, &whole, ScanOptions::default()).findings.len(), 1);
    // One that allows parts is matched beside one that does not.
    let two = [
        ("one", "rule near { strings: $a = \"needle-in-hay\" condition: $a }"),
        ("two", "import \"math\" rule whole { condition: math.entropy(0, filesize) < 8.0 }"),
    ];
    let source = |(namespace, text): (&str, &str)| huntbook::internals::scan::RuleSource {
        namespace: namespace.into(),
        origin: "own.yar".into(),
        text: text.into(),
        warnings: None,
    };
    let two = std::sync::Arc::new(huntbook::internals::scan::Ruleset::compile(&two.map(source), &[]).unwrap());
    std::fs::write(&path, [vec![b'x'; 5 << 20], b" needle-in-hay".to_vec()].concat()).unwrap();
    let outcome = scanning::scan(&path, &two, options());
    assert_eq!(outcome.hits(), [("near".to_owned(), path.clone())]);
    assert_eq!(outcome.reasons(&path), ["scanned-in-part"]);
    assert!(outcome.coverage[0].reason.to_string().contains("1 rule wants the file whole"));
}

#[test]
fn rules_may_ask_for_the_files_name_folder_extension_type_and_owner() {
    let dir = tempfile::tempdir().unwrap();
    let path = real(&dir).join("Run.EXE");
    std::fs::write(&path, "MZ and more").unwrap();
    std::fs::write(real(&dir).join("other"), "text").unwrap();
    let folder = real(&dir).to_str().unwrap().to_owned();
    let rules = own_rules(&format!(
        "rule named {{ condition: filename == \"Run.EXE\" and extension == \".exe\" and filetype == \"EXE\" and \
         filepath == \"{folder}\" and owner != \"\" }}"
    ));
    let outcome = scanning::scan(dir.path(), &rules, ScanOptions::default());
    assert_eq!(outcome.hits(), [("named".to_owned(), path)]);
}

#[test]
fn the_program_itself_is_no_hit() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_huntbook"), dir.path().join("huntbook")).unwrap();
    let outcome = scan(dir.path());
    assert_eq!((outcome.hits(), outcome.reading.files), (Vec::new(), 1));
    let bytes = std::fs::read(dir.path().join("huntbook")).unwrap();
    let holds = |text: &str| memchr::memmem::find(&bytes, text.as_bytes()).is_some();
    assert!(!holds(&fixtures::mix_text()) && !holds(&fixtures::callback()) && holds("huntbook"));
}

#[test]
fn own_and_excluded_files_are_listed_and_are_no_gap() {
    let dir = tempfile::tempdir().unwrap();
    fixtures::plant(dir.path());
    let root = real(&dir);
    // Another name of the same inode is as much Huntbook's own.
    std::fs::hard_link(root.join("callback.txt"), root.join("register")).unwrap();
    let options = ScanOptions {
        own_files: vec![root.join("register")],
        walk: WalkOptions { exclude: vec!["/ssh".into()], ..WalkOptions::default() },
        ..ScanOptions::default()
    };
    let outcome = scanning::scan(&root, &builtin_rules(), options);
    assert_eq!(outcome.reasons(&root.join("callback.txt")), ["own-file"]);
    assert_eq!(outcome.reasons(&root.join("register")), ["own-file"]);
    assert_eq!(outcome.reasons(&root.join("ssh")), ["excluded"]);
    assert_eq!(outcome.reading.gaps, 0);
    assert!(outcome.hits().iter().all(|(_, path)| !path.starts_with(root.join("ssh"))));
}

/// A file that takes far longer to read than any of the waits below.
fn endless(dir: &tempfile::TempDir) -> PathBuf {
    let path = real(dir).join("endless");
    let file = File::create(&path).unwrap();
    // Data in every other stretch, so that holes don't make it short.
    for step in 0..4000 {
        file.write_all_at(b"data", step << 20).unwrap();
    }
    path
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::yield_now();
    }
}

/// A scan that was paused inside the file.
fn paused(path: &Path) -> Scan {
    let options = ScanOptions { threads: 1, ..ScanOptions::default() };
    let scan = Scan::start(Tree::open(path).unwrap(), builtin_rules(), options).unwrap();
    wait_until("the scan begins", || scan.progress.read().bytes > 0);
    scan.control.pause();
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(scan.progress.read().files, 0);
    scan
}

#[test]
fn pausing_and_resuming_take_hold_inside_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = endless(&dir);
    let scan = paused(&path);
    let bytes = scan.progress.read().bytes;
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(scan.progress.read().bytes, bytes, "nothing moves while it is paused");
    scan.control.resume();
    wait_until("the scan goes on", || scan.progress.read().bytes > bytes || scan.progress.read().files > 0);
    let outcome = watch(scan);
    assert_eq!(outcome.reading.bytes, std::fs::metadata(&path).unwrap().len());
}

/// What may still be read after a lever was moved: what was under way, of a file of 4 GiB.
const UNDER_WAY: u64 = 1 << 20;

#[test]
fn cancelling_and_skipping_take_hold_inside_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = endless(&dir);
    let scan = paused(&path);
    let bytes = scan.progress.read().bytes;
    scan.control.cancel();
    let outcome = watch(scan);
    assert!(outcome.cancelled && outcome.reading.bytes <= bytes + UNDER_WAY, "{bytes} {:?}", outcome.reading);

    let scan = paused(&path);
    let bytes = scan.progress.read().bytes;
    scan.control.skip_current();
    scan.control.resume();
    let outcome = watch(scan);
    assert!(outcome.reading.bytes <= bytes + UNDER_WAY, "{bytes} {:?}", outcome.reading);
    assert_eq!(outcome.reasons(&path), ["skipped"]);
    assert_eq!((outcome.reading.files, outcome.reading.gaps), (1, 1));
}

#[test]
fn the_total_is_counted_ahead() {
    let dir = tempfile::tempdir().unwrap();
    fixtures::plant(dir.path());
    let options = ScanOptions { count_ahead: true, ..ScanOptions::default() };
    let outcome = scanning::scan(dir.path(), &builtin_rules(), options);
    assert_eq!(outcome.reading.total_files, Some(fixtures::all().len() as u64));
}
