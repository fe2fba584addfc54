//! What a scan may lack or wait for, and must say: memory, threads, executable memory, a reader of its output.

use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use super::{LIMIT, Run, huntbook, run};
use crate::fixtures;

/// A tree with one finding, and a home beside it.
fn tree() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (tree, home) = (dir.path().join("tree"), dir.path().join("home"));
    fs::create_dir(&tree).unwrap();
    fs::create_dir(&home).unwrap();
    fs::write(tree.join("hit"), fixtures::callback()).unwrap();
    (dir, tree, home)
}

/// A system call, the number of an argument with bits that it is refused for (for any without), and the error it gets.
type Refused = (i64, Option<(u8, u64)>, i32);

/// Runs the binary where these system calls are refused.
fn run_where(refused: &[Refused], home: &Path, args: &[&dyn AsRef<OsStr>]) -> Run {
    let programs: Vec<BpfProgram> = refused
        .iter()
        .map(|(call, argument, errno)| {
            let rules = argument.map(|(number, mask)| {
                let has = SeccompCmpOp::MaskedEq(mask);
                let condition = SeccompCondition::new(number, SeccompCmpArgLen::Qword, has, mask).unwrap();
                SeccompRule::new(vec![condition]).unwrap()
            });
            let rules = [(*call, rules.into_iter().collect())].into();
            let refuse = SeccompAction::Errno(*errno as u32);
            let arch = std::env::consts::ARCH.try_into().unwrap();
            SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch).unwrap().try_into().unwrap()
        })
        .collect();
    let command = huntbook(home, args);
    // A filter is of the thread that applies it, and of what that starts.
    std::thread::scope(|scope| {
        let confined = scope.spawn(move || {
            for program in &programs {
                seccompiler::apply_filter(program).unwrap();
            }
            let program = command.get_program().to_owned();
            let mut plain = Command::new(program);
            plain.args(command.get_args()).env_clear();
            plain.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
            let output = plain.output().unwrap();
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
            Run { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
        });
        confined.join().unwrap()
    })
}

#[test]
fn too_little_address_space_is_said_before_a_scan_and_not_by_an_abort() {
    let (_dir, tree, home) = tree();
    // Less than this and the dynamic loader itself may fail.
    for kilobytes in [150_000, 200_000, 400_000] {
        let mut command = assert_cmd::Command::new("/bin/sh");
        let script = format!("ulimit -v {kilobytes} && exec \"$0\" \"$@\"");
        command.env_clear().env("HOME", &home).env("RUST_BACKTRACE", "1").timeout(LIMIT);
        command.args(["-c", &script, env!("CARGO_BIN_EXE_huntbook"), "scan"]).arg(&tree);
        let said = run(command);
        assert_eq!(said.code, Some(2), "{kilobytes}: {}", said.err);
        assert!(said.err.contains("address space (ulimit -v)") && said.err.lines().count() == 1, "{}", said.err);
    }
}

#[test]
fn no_thread_to_be_had_is_said_as_that() {
    let (_dir, tree, home) = tree();
    let no_threads =
        [(libc::SYS_clone3, None, libc::ENOSYS), (libc::SYS_clone, Some((0, libc::CLONE_THREAD as u64)), libc::EAGAIN)];
    for command in ["scan", "inspect"] {
        let target = if command == "scan" { tree.clone() } else { tree.join("hit") };
        let said = run_where(&no_threads, &home, &[&command, &target]);
        assert_eq!(said.code, Some(2), "{}{}", said.out, said.err);
        assert!(said.err.contains("starts no more threads") && !said.err.contains("no answer"), "{}", said.err);
        assert!(!said.err.contains("panicked"), "{}", said.err);
    }
}

#[test]
fn memory_that_may_not_be_made_executable_is_said() {
    let (_dir, tree, home) = tree();
    let no_code = [(libc::SYS_mprotect, Some((2, libc::PROT_EXEC as u64)), libc::EACCES)];
    for command in ["scan", "inspect"] {
        let target = if command == "scan" { tree.clone() } else { tree.join("hit") };
        let said = run_where(&no_code, &home, &[&command, &target]);
        assert_eq!(said.code, Some(2), "{}{}", said.out, said.err);
        assert!(said.err.contains("can be made executable") && !said.err.contains("RUST_BACKTRACE"), "{}", said.err);
    }
}

#[test]
fn sigterm_ends_a_scan_whose_output_nobody_reads() {
    let (_dir, tree, home) = tree();
    // More than a pipe holds.
    for number in 0..600 {
        fs::write(tree.join(format!("hit-{number}")), fixtures::callback()).unwrap();
    }
    let mut child = Command::new(env!("CARGO_BIN_EXE_huntbook"));
    child.env_clear().env("HOME", &home).arg("scan").arg(&tree).args(["--format", "ndjson"]);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // Its first bytes show that it is under way.
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut [0; 10]).unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > LIMIT {
            child.kill().unwrap();
            panic!("it did not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(2));
}
