//! What the folders of processes in `/proc` lead to: other roots, deleted programs, files without a name.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{Run, can_build, huntbook, run};
use crate::fixtures;

/// A scratch folder with a home in it.
fn scratch() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    fs::create_dir(&home).unwrap();
    (dir, home)
}

fn scan(home: &Path, tree: &Path, more: &[&str]) -> Run {
    let mut command = huntbook(home, &[&"scan", &tree, &"--format", &"ndjson"]);
    command.args(more);
    run(command)
}

/// A child that is ended with the test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The paths of the findings, and the texts of what coverage says.
fn said(run: &Run) -> (Vec<String>, Vec<String>) {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let findings = run.documents("finding").iter().map(|finding| text(&finding["file"]["path"])).collect();
    let coverage = run.documents("coverage").iter().map(|missed| text(&missed["huntbook"]["detail"])).collect();
    (findings, coverage)
}

#[test]
fn a_file_without_a_name_is_scanned_where_a_process_holds_it() {
    let (dir, home) = scratch();
    let path = dir.path().join("payload");
    let mut file = File::options().create_new(true).read(true).write(true).open(&path).unwrap();
    file.write_all(fixtures::callback().as_bytes()).unwrap();
    fs::remove_file(&path).unwrap();
    let memfd = File::from(rustix::fs::memfd_create("payload", rustix::fs::MemfdFlags::CLOEXEC).unwrap());
    (&memfd).write_all(fixtures::callback().as_bytes()).unwrap();
    for (held, was) in [(&file, path.to_str().unwrap()), (&memfd, "/memfd:payload")] {
        let tree = PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), held.as_raw_fd()));
        let scanned = scan(&home, &tree, &[]);
        assert_eq!(scanned.code, Some(1), "{}{}", scanned.out, scanned.err);
        let (findings, coverage) = said(&scanned);
        assert_eq!(findings, [tree.to_str().unwrap()]);
        assert!(coverage.iter().any(|text| text.contains(&format!("it was {was} (deleted)"))), "{}", scanned.out);
        let inspected = run(huntbook(&home, &[&"inspect", &tree]));
        assert_eq!(inspected.code, Some(1), "{}{}", inspected.out, inspected.err);
    }
}

#[test]
fn a_deleted_program_is_scanned_as_it_runs() {
    let (dir, home) = scratch();
    let program = dir.path().join("program");
    // A shell with something at its end that a rule matches.
    let Ok(mut bytes) = fs::read("/proc/self/exe") else { return };
    bytes.clear();
    for shell in ["/bin/busybox", "/bin/sleep", "/usr/bin/sleep"] {
        if let Ok(found) = fs::read(shell) {
            bytes = found;
            break;
        }
    }
    if bytes.is_empty() {
        eprintln!("skipped: a deleted program (no program to copy is there)");
        return;
    }
    bytes.extend(fixtures::callback().into_bytes());
    fs::write(&program, bytes).unwrap();
    fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let args =
        if program.exists() && Path::new("/bin/busybox").exists() { vec!["sleep", "1000"] } else { vec!["1000"] };
    let child = Command::new(&program).args(args).stdout(Stdio::null()).spawn();
    let Ok(child) = child.map(Ends) else {
        eprintln!("skipped: a deleted program (programs cannot be run from the temporary folder)");
        return;
    };
    fs::remove_file(&program).unwrap();
    let tree = PathBuf::from(format!("/proc/{}/exe", child.0.id()));
    let scanned = scan(&home, &tree, &[]);
    let (findings, coverage) = said(&scanned);
    assert_eq!(findings, [tree.to_str().unwrap()], "{}{}", scanned.out, scanned.err);
    assert!(coverage.iter().any(|text| text.contains("(deleted)")), "{}", scanned.out);
}

#[test]
fn the_root_of_a_process_is_that_root_and_no_folder_of_the_same_name() {
    if !can_build("the root of a process in another mount name space", &["unshare", "chroot", "sleep", "mount"]) {
        return;
    }
    let (dir, home) = scratch();
    // The container's folders have names that this machine has, too, and its links lead to them.
    let top = dir.path().join("container");
    fs::create_dir_all(top.join("etc")).unwrap();
    fs::create_dir_all(top.join("opt/attack")).unwrap();
    fs::write(top.join("opt/attack/hit"), fixtures::callback()).unwrap();
    symlink("/opt/attack", top.join("link")).unwrap();
    fs::write(top.join("etc/passwd"), "inside:x:0:0::/:/bin/sh\n").unwrap();
    fs::write(top.join("etc/hostname"), "container\n").unwrap();
    // pivot_root wants tools inside; a chroot of a shell that waits is as good a root for /proc.
    let script = format!("mount --bind {0} {0} && cd {0} && exec 3<&0 && read line", top.display());
    let child =
        Command::new("unshare").args(["--mount", "--root", "/", "sh", "-c", &script]).stdin(Stdio::piped()).spawn();
    let Ok(child) = child.map(Ends) else {
        eprintln!("skipped: the root of a process (unshare does not run)");
        return;
    };
    let cwd = PathBuf::from(format!("/proc/{}/cwd", child.0.id()));
    let ready = (0..400).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(25));
        fs::read_dir(cwd.join("opt/attack")).is_ok()
    });
    assert!(ready, "the child did not come up");
    for tree in [cwd.clone(), cwd.join("opt")] {
        let scanned = scan(&home, &tree, &["--root", cwd.to_str().unwrap()]);
        let (findings, _) = said(&scanned);
        assert_eq!(findings, ["/opt/attack/hit"], "as that box names it: {}{}", scanned.out, scanned.err);
        let finding = &scanned.documents("finding")[0];
        assert_eq!((&finding["file"]["owner"], &finding["host"]["name"]), (&"inside".into(), &"container".into()));
    }
    let absolute = scan(&home, &cwd.join("link"), &[]);
    assert_eq!(absolute.code, Some(2), "a link that would lead back to this machine is not followed: {}", absolute.out);
}
