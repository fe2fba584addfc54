//! Trees made to break a scanner.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use huntbook::internals::scan::ScanOptions;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};

use crate::fixtures;
use crate::scanning::{self, Outcome, builtin_rules};

fn scan(path: &Path) -> Outcome {
    scanning::scan(path, &builtin_rules(), ScanOptions::default())
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    (dir, root)
}

/// Scans again and again while `disturb` works on the tree, and hands each outcome to `check`, until that has seen enough.
fn while_disturbed(root: &Path, disturb: impl Fn(u32) + Sync, mut check: impl FnMut(&Outcome) -> bool) {
    let done = AtomicBool::new(false);
    let rules = builtin_rules();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut round = 0;
            while !done.load(Ordering::Relaxed) {
                disturb(round);
                round += 1;
            }
        });
        let begin = Instant::now();
        let mut rounds = 0;
        loop {
            let outcome = scanning::scan(root, &rules, ScanOptions::default());
            assert!(!outcome.cancelled);
            let enough = check(&outcome);
            rounds += 1;
            if (enough && rounds >= 40) || begin.elapsed() > Duration::from_mins(1) {
                break;
            }
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn files_that_change_while_they_are_read_do_no_harm_and_are_listed() {
    let (_dir, root) = folder();
    let path = root.join("log");
    let line = format!(" {} \n", fixtures::callback()).into_bytes();
    let large = vec![b'.'; 3 << 20];
    fs::write(&path, &large).unwrap();
    fs::write(root.join("calm"), &line).unwrap();
    let mut kinds = std::collections::BTreeSet::new();
    let disturb = |round: u32| {
        let _ = match round % 5 {
            0 => File::options().write(true).open(&path).and_then(|file| file.set_len(100)),
            1 => File::options().append(true).open(&path).and_then(|mut file| file.write_all(&large)),
            2 => fs::write(root.join("new"), &line).and_then(|()| fs::rename(root.join("new"), &path)),
            3 => fs::remove_file(&path).and_then(|()| fs::write(&path, &large)),
            _ => fs::set_permissions(&path, fs::Permissions::from_mode(0o600 + (round % 7))),
        };
    };
    while_disturbed(&root, disturb, |outcome| {
        let calm = outcome.findings.iter().filter(|finding| finding.file.path.ends_with("calm")).count();
        assert_eq!(calm, 1, "what is left alone is found every time");
        kinds.extend(outcome.coverage.iter().map(|unscanned| unscanned.reason.kind()));
        kinds.contains("changed")
    });
    let known = ["changed", "vanished", "permission"];
    assert!(kinds.iter().all(|kind| known.contains(kind)), "{kinds:?}");
    assert!(kinds.contains("changed"), "{kinds:?}");
}

#[test]
fn a_folder_that_becomes_a_link_leads_nowhere() {
    let (_dir, root) = folder();
    let (_outside, elsewhere) = folder();
    fs::write(elsewhere.join("bait"), fixtures::callback()).unwrap();
    let door = root.join("door");
    fs::create_dir(&door).unwrap();
    fs::write(door.join("bait"), "harmless").unwrap();
    let disturb = |round: u32| {
        if round.is_multiple_of(2) {
            let _ = fs::rename(&door, root.join("aside")).and_then(|()| symlink(&elsewhere, &door));
        } else {
            let _ = fs::remove_file(&door).and_then(|()| fs::rename(root.join("aside"), &door));
        }
    };
    while_disturbed(&root, disturb, |outcome| {
        assert!(outcome.findings.is_empty(), "{outcome:?}");
        true
    });
}

#[test]
fn special_files_are_named_and_never_opened() {
    let (_dir, root) = folder();
    rustix::fs::mkfifoat(CWD, root.join("fifo"), Mode::RUSR | Mode::WUSR).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    let mut wanted = vec![(root.join("fifo"), "FIFO, not opened"), (root.join("socket"), "socket, not opened")];
    // Only root may make a device; 1, 3 is /dev/null.
    let null = rustix::fs::makedev(1, 3);
    if rustix::fs::mknodat(CWD, root.join("device"), FileType::CharacterDevice, Mode::RUSR, null).is_ok() {
        wanted.push((root.join("device"), "character device, not opened"));
    }
    let outcome = scan(&root);
    for (path, reason) in &wanted {
        let found = outcome.coverage.iter().find(|unscanned| unscanned.path == *path).unwrap();
        assert_eq!(found.reason.to_string(), *reason);
    }
    assert_eq!((outcome.coverage.len(), outcome.reading.gaps), (wanted.len(), 0));
}

#[test]
fn links_are_counted_and_loops_end() {
    let (_dir, root) = folder();
    fs::create_dir_all(root.join("a/b")).unwrap();
    symlink(&root, root.join("a/b/up")).unwrap();
    symlink("itself", root.join("itself")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    fs::write(root.join("a/b/file"), fixtures::callback()).unwrap();
    let outcome = scan(&root);
    assert_eq!(outcome.hits(), [("EQGRP_callbacks".to_owned(), root.join("a/b/file"))]);
    assert_eq!((outcome.reading.links, outcome.reading.files), (3, 1));
    assert!(outcome.coverage.is_empty());
}

/// Makes folders below `root`, one in the other, and a file that matches in the last; returns its path. Each is made
/// below the one before, so the path as a whole may be longer than the system takes.
fn nested(root: &Path, name: &str, levels: usize) -> PathBuf {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at = rustix::fs::open(root, flags, Mode::empty()).unwrap();
    let mut path = root.to_owned();
    for _ in 0..levels {
        rustix::fs::mkdirat(&at, name, Mode::RWXU).unwrap();
        at = rustix::fs::openat(&at, name, flags, Mode::empty()).unwrap();
        path.push(name);
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&at, "file", flags, Mode::RUSR | Mode::WUSR).unwrap();
    File::from(file).write_all(fixtures::callback().as_bytes()).unwrap();
    path.push("file");
    path
}

/// Removes what [`nested`] made; nothing that goes by paths can.
fn remove_nested(root: &Path, name: &str, levels: usize) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut folders = vec![rustix::fs::open(root, flags, Mode::empty()).unwrap()];
    for _ in 0..levels {
        let next = rustix::fs::openat(folders.last().unwrap(), name, flags, Mode::empty()).unwrap();
        folders.push(next);
    }
    rustix::fs::unlinkat(folders.last().unwrap(), "file", AtFlags::empty()).unwrap();
    folders.pop();
    while let Some(folder) = folders.pop() {
        rustix::fs::unlinkat(&folder, name, AtFlags::REMOVEDIR).unwrap();
    }
}

#[test]
fn three_hundred_levels_of_folders_are_walked() {
    let (_dir, root) = folder();
    let path = nested(&root, "d", 300);
    let outcome = scan(&root);
    assert_eq!(outcome.hits(), [("EQGRP_callbacks".to_owned(), path)]);
    assert_eq!(outcome.reading.folders, 301);
}

#[test]
fn a_path_longer_than_the_system_takes_is_walked() {
    let (_dir, root) = folder();
    fs::write(root.join("short"), fixtures::callback()).unwrap();
    let name = "n".repeat(250);
    let path = nested(&root, &name, 20);
    assert!(path.as_os_str().len() > 4096);
    let outcome = scan(&root);
    remove_nested(&root, &name, 20);
    let rule = || "EQGRP_callbacks".to_owned();
    assert_eq!(outcome.hits(), [(rule(), path), (rule(), root.join("short"))]);
    assert!(outcome.coverage.is_empty(), "{:?}", outcome.coverage);
}

#[test]
fn names_that_are_no_text_or_that_clear_the_screen_are_kept_as_bytes() {
    let (_dir, root) = folder();
    let names: [&[u8]; 4] = [b"\x1b[2J\x1b[H", b"caf\xe9\xff", b"new\nline", "\u{202e}gnp.exe".as_bytes()];
    let mut wanted = Vec::new();
    for name in names {
        let path = root.join(OsStr::from_bytes(name));
        // Some file systems take only text.
        if fs::write(&path, fixtures::callback()).is_ok() {
            wanted.push(("EQGRP_callbacks".to_owned(), path));
        }
    }
    wanted.sort();
    assert_eq!(scan(&root).hits(), wanted);
}

#[test]
fn what_may_not_be_read_is_listed() {
    let (_dir, root) = folder();
    fs::create_dir(root.join("closed")).unwrap();
    fs::write(root.join("closed/inside"), fixtures::callback()).unwrap();
    fs::write(root.join("secret"), fixtures::callback()).unwrap();
    for (name, mode) in [("closed", 0o000), ("secret", 0o000)] {
        fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    // Root reads whatever the mode.
    let may_read = File::open(root.join("secret")).is_ok();
    let outcome = scan(&root);
    fs::set_permissions(root.join("closed"), fs::Permissions::from_mode(0o700)).unwrap();
    if may_read {
        assert_eq!(outcome.hits().len(), 2);
        assert!(outcome.coverage.is_empty());
    } else {
        assert_eq!(outcome.reasons(&root.join("closed")), ["permission"]);
        assert_eq!(outcome.reasons(&root.join("secret")), ["permission"]);
        assert_eq!(outcome.reading.gaps, 2);
    }
}

#[test]
fn a_kernel_file_system_is_left_out_and_listed() {
    let proc = Path::new("/proc/self/fd");
    if !proc.exists() {
        return;
    }
    let outcome = scan(proc);
    assert_eq!((outcome.reading.files, outcome.coverage[0].reason.kind()), (0, "pseudo-file-system"));
}
