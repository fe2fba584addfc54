//! What the process gives up: a child of the test enters the sandbox and tries what it must not be able to do.

use std::fs;
use std::io::ErrorKind::PermissionDenied;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use huntbook::internals::sandbox;

use super::{huntbook, run};

const FOLDER: &str = "HUNTBOOK_TEST_SANDBOX";

fn refused<T>(what: &str, outcome: std::io::Result<T>) {
    let error = outcome.map(|_| ()).expect_err(what);
    assert_eq!(error.kind(), PermissionDenied, "{what}: {error}");
}

/// What the child does.
fn try_everything(folder: &Path) {
    let (own, other) = (folder.join("own"), folder.join("other"));
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let _unix = UnixListener::bind(folder.join("socket")).unwrap();
    let parent = PathBuf::from(format!("/proc/{}/exe", std::os::unix::process::parent_id()));
    assert!(parent.read_link().is_ok());

    sandbox::forbid_execution(None);
    sandbox::forbid_writing_outside(std::slice::from_ref(&own));
    let in_force = sandbox::in_force().to_string();
    println!("in force: {in_force}");

    if in_force.contains("seccomp: ") {
        refused("execute", Command::new("/bin/true").status());
        refused("TCP", TcpStream::connect(tcp.local_addr().unwrap()));
        refused("socket", UnixStream::connect(folder.join("socket")));
    }
    fs::write(own.join("file"), "x").unwrap();
    fs::rename(own.join("file"), own.join("renamed")).unwrap();
    fs::remove_file(own.join("renamed")).unwrap();
    assert_eq!(fs::read_to_string(other.join("file")).unwrap(), "as it was", "reading is not restricted");
    if in_force.contains("Landlock ABI") {
        refused("write", fs::write(other.join("file"), "x"));
        refused("make", fs::write(other.join("new"), "x"));
        refused("folder", fs::create_dir(other.join("folder")));
        refused("link", std::os::unix::fs::symlink("/", other.join("link")));
        refused("rename", fs::rename(other.join("file"), other.join("renamed")));
        refused("remove", fs::remove_file(other.join("file")));
        refused(
            "move",
            fs::rename(other.join("file"), own.join("moved")).map_err(|error| match error.kind() {
                // Between folders of different rights the kernel says so (landlock(7), LANDLOCK_ACCESS_FS_REFER).
                std::io::ErrorKind::CrossesDevices => PermissionDenied.into(),
                _ => error,
            }),
        );
        refused("another process", parent.read_link());
    }
    assert!(sandbox::outside(move || parent.read_link().is_ok()).unwrap(), "the probe of processes sees it");
    let inherited = std::thread::spawn(move || fs::write(other.join("file"), "x").is_err());
    assert!(inherited.join().unwrap() || !in_force.contains("Landlock ABI"));
    println!("all was tried");
}

#[test]
fn the_sandbox_refuses_to_write_elsewhere_to_execute_and_to_connect() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return try_everything(Path::new(&folder));
    }
    let dir = tempfile::tempdir().unwrap();
    for name in ["own", "other"] {
        fs::create_dir(dir.path().join(name)).unwrap();
    }
    fs::write(dir.path().join("other/file"), "as it was").unwrap();
    let test = "attacks::sandbox::the_sandbox_refuses_to_write_elsewhere_to_execute_and_to_connect";
    let mut child = Command::new(std::env::current_exe().unwrap());
    let output = child.env(FOLDER, dir.path()).args(["--exact", test, "--nocapture"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("all was tried"), "{said}");
    let in_force = said.lines().find(|line| line.contains("in force: ")).unwrap();
    if !in_force.contains("seccomp: ") || !in_force.contains("Landlock ABI") {
        println!("skipped in part: {in_force}");
    }
    assert_eq!(fs::read_to_string(dir.path().join("other/file")).unwrap(), "as it was");
}

#[test]
fn what_is_in_force_is_said() {
    let home = tempfile::tempdir().unwrap();
    let said = run(huntbook(home.path(), &[&"version"]));
    assert_eq!(said.code, Some(0));
    assert!(said.out.starts_with(&format!("huntbook {}\n", env!("CARGO_PKG_VERSION"))), "{}", said.out);
    assert!(said.out.contains("\nsandbox: "), "{}", said.out);
    assert!(said.out.contains("seccomp") && said.out.contains("Landlock"), "{}", said.out);
}
