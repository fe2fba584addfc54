//! The program where there is next to nothing: in an empty root, without `/dev`, `/proc`, `/etc`, HOME and TERM, and on
//! kernels that lack the newer system calls. What it finds is the same everywhere.
//!
//! Both are made by a child of this test binary that gives up what is to be missing, and then becomes the program.
//! `HUNTBOOK_STATIC` names a static build (`cargo static`) that is tried in the place of the one that tests have built.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use serde_json::Value;

use crate::cli::TestBox;
use crate::fixtures;

/// Tells the child what to become: lines, of which the first is the root, the second the error that refused calls give,
/// the third their numbers, the others the program and its arguments.
const BECOME: &str = "HUNTBOOK_TEST_BECOME";

/// System calls that came after Linux 3.10, the kernel of the oldest systems that are still met, as far as a program or its
/// C library may make them.
const NEWER: [i64; 24] = [
    libc::SYS_renameat2,
    libc::SYS_seccomp,
    libc::SYS_getrandom,
    libc::SYS_memfd_create,
    libc::SYS_execveat,
    libc::SYS_membarrier,
    libc::SYS_copy_file_range,
    libc::SYS_preadv2,
    libc::SYS_pwritev2,
    libc::SYS_statx,
    libc::SYS_rseq,
    libc::SYS_pidfd_send_signal,
    libc::SYS_pidfd_open,
    libc::SYS_io_uring_setup,
    libc::SYS_clone3,
    libc::SYS_close_range,
    libc::SYS_openat2,
    libc::SYS_pidfd_getfd,
    libc::SYS_faccessat2,
    libc::SYS_epoll_pwait2,
    libc::SYS_landlock_create_ruleset,
    libc::SYS_landlock_add_rule,
    libc::SYS_landlock_restrict_self,
    libc::SYS_futex_waitv,
];

fn program() -> PathBuf {
    std::env::var_os("HUNTBOOK_STATIC").map_or_else(|| env!("CARGO_BIN_EXE_huntbook").into(), PathBuf::from)
}

/// The program in its new circumstances: no environment at all.
fn huntbook(root: &str, error: i32, refused: &[i64], program: &str, args: &[&str]) -> Output {
    let refused: Vec<_> = refused.iter().map(ToString::to_string).collect();
    let mut lines = vec![root.to_owned(), error.to_string(), refused.join(" "), program.to_owned()];
    lines.extend(args.iter().map(|argument| (*argument).to_owned()));
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "anywhere::a_child_becomes_the_program", "--nocapture"])
        .env_clear()
        .env(BECOME, lines.join("\n"))
        .output()
        .unwrap()
}

#[test]
fn a_child_becomes_the_program() {
    let Ok(lines) = std::env::var(BECOME) else { return };
    let lines: Vec<&str> = lines.split('\n').collect();
    let [root, error, refused, program, args @ ..] = lines.as_slice() else { panic!("{lines:?}") };
    if !root.is_empty() {
        std::os::unix::fs::chroot(root).unwrap();
        std::env::set_current_dir("/").unwrap();
    }
    let rules: BTreeMap<i64, _> = refused.split(' ').filter_map(|call| Some((call.parse().ok()?, vec![]))).collect();
    if !rules.is_empty() {
        let refuse = SeccompAction::Errno(error.parse::<u32>().unwrap());
        let arch = std::env::consts::ARCH.try_into().unwrap();
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch).unwrap();
        let filter: BpfProgram = filter.try_into().unwrap();
        seccompiler::apply_filter(&filter).unwrap();
    }
    panic!("{}", Command::new(program).args(args).env_clear().exec());
}

/// The documents among what is printed: the test binary says a word of its own first.
fn documents(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What must be the same: all but identifiers, the scan's own times, facts that only a newer call tells, and the box.
fn result(output: &Output) -> Vec<String> {
    let mut lines: Vec<String> = documents(output)
        .into_iter()
        .map(|mut document| {
            let fields = document.as_object_mut().unwrap();
            for name in ["@timestamp", "event", "agent", "host", "user", "message"] {
                fields.remove(name);
            }
            if let Some(file) = fields.get_mut("file").and_then(Value::as_object_mut) {
                for name in ["created", "accessed", "ctime", "inode", "owner", "group"] {
                    file.remove(name);
                }
            }
            let own = fields["huntbook"].as_object_mut().unwrap();
            for name in ["case", "case_id", "journal_head", "seconds", "host", "program", "fingerprint"] {
                own.remove(name);
            }
            document.to_string()
        })
        .collect();
    lines.sort();
    lines
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_kernel_without_the_newer_system_calls_gives_the_same_results() {
    let ground = TestBox::planted();
    let (tree, program) = (ground.tree(), program());
    let (tree, program) = (tree.to_str().unwrap(), program.to_str().unwrap());
    let scan = |error, refused: &[i64]| {
        let output = huntbook("", error, refused, program, &["scan", tree, "--format", "ndjson"]);
        assert_eq!(output.status.code(), Some(1), "{error} {refused:?}: {}", said(&output));
        output
    };
    let newest = result(&scan(0, &[]));
    assert!(newest.len() > 6 && newest.iter().any(|line| line.contains("\"kind\":\"summary\"")), "{newest:#?}");
    assert_eq!(result(&scan(libc::ENOSYS, &NEWER)), newest, "a kernel that lacks all of them");
    // A sandbox that refuses what it does not know. glibc does without clone3 and rseq only where they are not known.
    for call in [libc::SYS_getrandom, libc::SYS_statx, libc::SYS_openat2, libc::SYS_faccessat2] {
        assert_eq!(result(&scan(libc::ENOSYS, &[call])), newest, "a kernel that lacks {call}");
        assert_eq!(result(&scan(libc::EPERM, &[call])), newest, "a sandbox that refuses {call}");
    }
}

#[test]
fn a_case_is_made_and_reported_without_the_newer_system_calls() {
    let ground = TestBox::planted();
    let (case, page) = (ground.home().join("c.case"), ground.home().join("report.md"));
    let (tree, program) = (ground.tree(), program());
    let [tree, case, page, program] = [&tree, &case, &page, &program].map(|path| path.to_str().unwrap());
    for (error, code) in [(libc::ENOSYS, Some(1)), (libc::EPERM, Some(1))] {
        let refused: Vec<_> = NEWER
            .into_iter()
            .filter(|call| error == libc::ENOSYS || ![libc::SYS_clone3, libc::SYS_rseq].contains(call))
            .collect();
        let run = |args: &[&str]| huntbook("", error, &refused, program, args);
        let scanned = run(&["scan", tree, "--case", case]);
        assert_eq!(scanned.status.code(), code, "{}", said(&scanned));
        let written = run(&["report", case, "--output", page]);
        assert_eq!(written.status.code(), Some(0), "{}", said(&written));
        assert!(std::fs::read_to_string(page).unwrap().contains("EQGRP_callbacks"));
        let again = run(&["report", case, "--output", page]);
        assert!(again.status.code() == Some(2) && said(&again).contains("--force"), "{}", said(&again));
        assert_eq!(run(&["case", "verify", case]).status.code(), Some(0));
        let one = format!("{tree}/callback.txt");
        for args in [["inspect", &one], ["scan", &one]] {
            let output = run(&args);
            assert_eq!(output.status.code(), Some(1), "{args:?}: {}", said(&output));
        }
        std::fs::remove_file(page).unwrap();
        std::fs::remove_file(case).unwrap();
    }
}

/// The files that a program is loaded from, itself first: what its own interpreter lists (`ldd`, ld.so(8)).
fn parts(program: &Path) -> Option<Vec<PathBuf>> {
    let output = Command::new("ldd").arg(program).output().ok()?;
    let listed = String::from_utf8(output.stdout).ok()?;
    let libraries = listed.lines().filter_map(|line| {
        let path = line.split("=>").last()?.split_whitespace().next()?;
        path.starts_with('/').then(|| PathBuf::from(path))
    });
    Some(std::iter::once(program.to_owned()).chain(libraries).collect())
}

#[test]
fn an_empty_root_is_room_enough() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: only root may change its root");
    }
    let program = program();
    let Some(parts) = parts(&program) else {
        return eprintln!("skipped: no ldd names what the program is loaded from");
    };
    let root = tempfile::tempdir().unwrap();
    for part in &parts {
        let to = if *part == program {
            root.path().join("huntbook")
        } else {
            root.path().join(part.strip_prefix("/").unwrap())
        };
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(part, to).unwrap();
    }
    fixtures::plant(&root.path().join("tree"));
    let at = root.path().to_str().unwrap();
    let scan = ["scan", "/tree", "--format", "ndjson", "--case", "/hunt.case"];
    // Rust's own tables want random bytes too, and have them from the kernel or from `/dev/urandom`.
    let older: Vec<_> = NEWER.into_iter().filter(|call| *call != libc::SYS_getrandom).collect();
    for refused in [&[][..], &older] {
        let output = huntbook(at, libc::ENOSYS, refused, "/huntbook", &scan);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        let whole = documents(&output);
        let summary = &whole.last().unwrap()["huntbook"];
        assert_eq!((&summary["kind"], &summary["result"]), (&"summary".into(), &"done".into()), "{summary:#}");
        let matched = fixtures::all().iter().filter(|planted| planted.rule.is_some()).count();
        assert_eq!(summary["open"], matched, "{summary:#}");
        for (args, code) in [
            (&["case", "verify", "/hunt.case"][..], 0),
            (&["report", "/hunt.case"], 0),
            (&["inspect", "/tree/callback.txt"], 1),
            (&["version"], 0),
            (&["help", "fleet"], 0),
            (&["scan", "/tree/tinyexec-270"], 0),
        ] {
            let output = huntbook(at, libc::ENOSYS, refused, "/huntbook", args);
            assert_eq!(output.status.code(), Some(code), "{args:?}: {}", said(&output));
            assert!(!said(&output).contains("panicked"), "{args:?}: {}", said(&output));
        }
        std::fs::remove_file(root.path().join("hunt.case")).unwrap();
    }
}
