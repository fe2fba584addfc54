//! What runs without a file: real children whose executable is deleted, or that hold a pattern in their heap only.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::cli::TestBox;

/// A child that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn box_with(rule: &str) -> TestBox {
    let ground = TestBox::new();
    std::fs::write(ground.home().join("r.yar"), rule).unwrap();
    ground
}

fn scan(ground: &TestBox, more: &[&str]) -> (Vec<Value>, i32) {
    let rule = ground.home().join("r.yar");
    ground.scan(&[&["--no-builtin", "--rules", rule.to_str().unwrap()], more].concat())
}

fn finding(documents: &[Value]) -> Option<&Value> {
    documents.iter().find(|document| document["huntbook"]["kind"] == "finding")
}

/// Waits until the child runs what it was started for.
fn runs(pid: u32, what: &Path) -> bool {
    (0..500).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == what)
    })
}

#[test]
fn a_program_that_was_deleted_is_found_where_it_runs() {
    let sleep = Path::new("/usr/bin/sleep");
    if !sleep.exists() {
        eprintln!("there is no {}: not tried", sleep.display());
        return;
    }
    let ground =
        box_with("rule gone { strings: $a = \"huntbook runs without a file\" condition: $a and filesize > 1000 }");
    // Bytes behind the sections do not keep it from running.
    let program = ground.home().canonicalize().unwrap().join("program");
    let mut bytes = std::fs::read(sleep).unwrap();
    bytes.extend(b"huntbook runs without a file");
    std::fs::write(&program, &bytes).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let child = Running(Command::new(&program).arg("1000").stdout(Stdio::null()).spawn().unwrap());
    assert!(runs(child.0.id(), &program));
    std::fs::remove_file(&program).unwrap();
    let pid = child.0.id().to_string();
    assert_eq!(scan(&ground, &[]).1, 0, "only a scan of / looks at processes by itself");
    let (documents, code) = scan(&ground, &["--processes", "--pid", &pid]);
    let found = finding(&documents).unwrap();
    assert_eq!(code, 1);
    let summary = documents.iter().find(|document| document["huntbook"]["kind"] == "summary").unwrap();
    assert_eq!(summary["huntbook"]["process_parts"], 1);
    assert_eq!(found["file"]["path"], program.to_str().unwrap());
    assert_eq!(
        found["huntbook"]["subject"],
        format!("process {pid} (program): deleted {}", program.to_str().unwrap()).as_str()
    );
    let process = &found["huntbook"]["process"];
    assert_eq!((&process["pid"], &process["args"][1]), (&child.0.id().into(), &"1000".into()));
    assert_eq!(process["parents"][0]["pid"], std::process::id());
    let sha256 = huntbook::internals::finding::Sha256::of(&bytes).to_string();
    assert_eq!(found["file"]["hash"]["sha256"], sha256.as_str());
    // The next run of it is the same finding.
    assert_eq!(scan(&ground, &["--no-processes", "--pid", &pid]).1, 0);
}

const GONE: &str = "rule gone { strings: $a = \"huntbook runs without a file\" condition: $a and filesize > 1000 }";

/// A program that waits, with bytes behind its sections that the rule is after.
fn marked_program() -> Option<Vec<u8>> {
    let sleep = std::fs::read("/usr/bin/sleep").inspect_err(|error| eprintln!("/usr/bin/sleep: {error}: not tried"));
    Some([sleep.ok()?, b"huntbook runs without a file".to_vec()].concat())
}

/// Starts it; another test's child may hold it open for writing for a moment, which the kernel refuses to run.
fn start(program: &Path) -> Running {
    for _ in 0..200 {
        match Command::new(program).arg("1000").stdout(Stdio::null()).spawn() {
            Ok(child) => return Running(child),
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            Err(error) => panic!("{}: {error}", program.display()),
        }
    }
    panic!("{} stays busy", program.display())
}

#[test]
fn a_program_that_was_replaced_is_found_where_it_runs() {
    let Some(bytes) = marked_program() else { return };
    let ground = box_with(GONE);
    let program = ground.home().canonicalize().unwrap().join("program");
    std::fs::write(&program, &bytes).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let child = start(&program);
    assert!(runs(child.0.id(), &program));
    // As an update does it.
    std::fs::write(ground.home().join("new"), "something else").unwrap();
    std::fs::rename(ground.home().join("new"), &program).unwrap();
    let pid = child.0.id().to_string();
    let (documents, code) = scan(&ground, &["--processes", "--pid", &pid]);
    let found = finding(&documents).unwrap();
    assert_eq!(code, 1);
    let subject = format!("process {pid} (program): replaced {}", program.to_str().unwrap());
    assert_eq!(found["huntbook"]["subject"], subject.as_str());
    let sha256 = huntbook::internals::finding::Sha256::of(&bytes).to_string();
    assert_eq!(found["file"]["hash"]["sha256"], sha256.as_str());
}

#[test]
fn a_program_that_was_never_on_a_disk_is_found_where_it_runs() {
    use std::io::Write as _;
    use std::os::fd::AsRawFd as _;
    let Some(bytes) = marked_program() else { return };
    let memory = rustix::fs::memfd_create("kworker", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    let mut memory = std::fs::File::from(memory);
    memory.write_all(&bytes).unwrap();
    // What is open for writing does not run.
    let own = format!("/proc/{}/fd", std::process::id());
    let readable = std::fs::File::open(format!("{own}/{}", memory.as_raw_fd())).unwrap();
    drop(memory);
    let child = start(Path::new(&format!("{own}/{}", readable.as_raw_fd())));
    assert!(runs(child.0.id(), Path::new("/memfd:kworker (deleted)")));
    drop(readable);
    let ground = box_with(GONE);
    let pid = child.0.id().to_string();
    let (documents, code) = scan(&ground, &["--processes", "--pid", &pid]);
    let found = finding(&documents).unwrap();
    assert_eq!(code, 1);
    let subject = found["huntbook"]["subject"].as_str().unwrap();
    assert!(
        subject.starts_with(&format!("process {pid} (")) && subject.ends_with("): memfd /memfd:kworker"),
        "{subject}"
    );
    assert_eq!(found["file"]["size"], bytes.len());
}

#[test]
fn a_library_that_was_deleted_is_found_where_it_is_mapped() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("only root may open what other processes map: not tried");
        return;
    }
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let Some(library) =
        maps.lines().filter_map(|line| line.split_whitespace().nth(5)).find(|path| path.contains("/libm"))
    else {
        eprintln!("no shared library is mapped here: not tried");
        return;
    };
    let ground = box_with(GONE);
    let copy = ground.home().canonicalize().unwrap().join("libhidden.so");
    std::fs::write(&copy, [std::fs::read(library).unwrap(), b"huntbook runs without a file".to_vec()].concat())
        .unwrap();
    let mut sleep = Command::new("sleep");
    let child = Running(sleep.arg("1000").env("LD_PRELOAD", &copy).stdout(Stdio::null()).spawn().unwrap());
    let pid = child.0.id().to_string();
    let is_mapped = || std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap().contains("libhidden.so");
    assert!((0..500).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        is_mapped()
    }));
    std::fs::remove_file(&copy).unwrap();
    let (documents, code) = scan(&ground, &["--processes", "--pid", &pid]);
    let found = finding(&documents).unwrap_or_else(|| panic!("{documents:?}"));
    assert_eq!(code, 1);
    let subject = format!("process {pid} (sleep): deleted {}", copy.to_str().unwrap());
    assert_eq!(found["huntbook"]["subject"], subject.as_str());
}

#[test]
fn a_scan_says_that_it_looks_at_what_runs() {
    let ground = box_with(GONE);
    let rule = ground.home().join("r.yar");
    let said = |arguments: &[&str]| {
        let tree = ground.tree();
        let all = ["scan", tree.to_str().unwrap(), "--no-builtin", "--rules", rule.to_str().unwrap()];
        String::from_utf8(ground.huntbook(&[&all[..], arguments].concat()).output().unwrap().stderr).unwrap()
    };
    let pid = ["--pid", "4194303"];
    assert!(!said(&pid).contains("the scan also looks at"));
    let both = said(&[&["--processes", "--memory"][..], &pid].concat());
    let wanted =
        "the scan also looks at 1 process: programs that run and are deleted, replaced or memfd, and private memory";
    assert!(both.contains(wanted) && both.contains("--no-processes"), "{both}");
}

#[test]
fn a_pattern_that_is_nowhere_but_in_a_heap_is_found_with_its_region() {
    // The pieces are put together by the shell: neither its file nor its command line holds the whole.
    let script = "a=huntbook_in; b=_a_heap; c=$a$b; while :; do sleep 1; done";
    let ground = box_with("rule heap { strings: $a = \"huntbook_in_a_heap\" condition: $a }");
    let child = Running(Command::new("/bin/sh").args(["-c", script]).stdout(Stdio::null()).spawn().unwrap());
    let pid = child.0.id().to_string();
    let sees = std::fs::File::open(format!("/proc/{pid}/mem")).is_ok();
    if !sees {
        eprintln!("the kernel lets nobody look into another process's memory here: not tried");
        return;
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    let (documents, code) = scan(&ground, &["--memory", "--pid", &pid]);
    let Some(found) = finding(&documents) else { panic!("{documents:?}") };
    assert_eq!(code, 1);
    let region = found["huntbook"]["process"]["region"].as_str().unwrap();
    assert!(region.contains(" rw-p"), "{region}");
    assert!(found["huntbook"]["subject"].as_str().unwrap().starts_with(&format!("process {pid} (sh): ")));
    assert_eq!(found["huntbook"]["matches"][0]["length"], 18);
    // A region that is larger than what may be held goes by in parts.
    let (in_parts, code) = scan(&ground, &["--memory", "--pid", &pid, "--max-file-size", "4096"]);
    let same = finding(&in_parts).unwrap_or_else(|| panic!("{in_parts:?}"));
    assert_eq!((code, &same["huntbook"]["process"]["region"]), (1, &region.into()));
    assert_eq!(same["huntbook"]["matches"][0]["length"], 18);
    // Not stopped: it goes on, and it is a child that was not waited for.
    assert!(std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap().contains(") S "));
    assert_eq!(scan(&ground, &["--pid", &pid]).1, 0, "memory is looked into only when it is asked for");
}

#[test]
fn a_process_that_has_gone_is_no_error() {
    let ground = box_with("rule heap { strings: $a = \"huntbook_in_a_heap\" condition: $a }");
    let (documents, code) = scan(&ground, &["--memory", "--processes", "--pid", "4194303"]);
    assert_eq!(code, 0, "{documents:?}");
}
