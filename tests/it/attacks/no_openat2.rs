//! Sandboxes that answer new system calls with errors of their own.

use std::fs;
use std::path::Path;

use super::{Run, huntbook, run};
use crate::fixtures;

/// Runs `work` on a thread in which `openat2` is answered with this error.
fn without_openat2<T: Send>(errno: u32, work: impl FnOnce() -> T + Send) -> Option<T> {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
    // openat2 has this number on every architecture (asm-generic/unistd.h).
    let rules = [(437, Vec::new())].into();
    let arch = std::env::consts::ARCH.try_into().ok()?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(errno), arch).ok()?;
    let program: BpfProgram = filter.try_into().ok()?;
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || seccompiler::apply_filter(&program).ok().map(|()| work()));
        thread.join().unwrap()
    })
}

fn scan(home: &Path, tree: &Path, rules: &Path) -> Run {
    run(huntbook(home, &[&"scan", &tree, &"--format", &"ndjson", &"--rules", &rules]))
}

#[test]
fn a_sandbox_that_refuses_openat2_is_scanned_in_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let (tree, home, rules) = (dir.path().join("tree"), dir.path().join("home"), dir.path().join("rules"));
    for folder in [&tree.join("a/b"), &home, &rules] {
        fs::create_dir_all(folder).unwrap();
    }
    fs::write(tree.join("a/b/hit"), fixtures::callback()).unwrap();
    fs::write(dir.path().join("secret"), fixtures::callback()).unwrap();
    std::os::unix::fs::symlink(dir.path(), tree.join("a/link")).unwrap();
    fs::write(rules.join("main.yar"), "include \"more.yar\"\n").unwrap();
    fs::write(rules.join("more.yar"), "rule never { condition: filesize == 123456789 }\n").unwrap();
    // ENOSYS, EPERM, EACCES, EINVAL, E2BIG
    for errno in [38, 1, 13, 22, 7] {
        let Some(scanned) = without_openat2(errno, || scan(&home, &tree, &rules)) else {
            eprintln!("skipped: a sandbox that refuses openat2 (no filter can be set here)");
            return;
        };
        assert_eq!(scanned.code, Some(1), "{errno}: {}{}", scanned.out, scanned.err);
        assert_eq!(scanned.documents("finding").len(), 1, "{errno}: {}", scanned.out);
        assert!(scanned.documents("coverage").is_empty(), "{errno}: {}", scanned.out);
    }
}
