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
