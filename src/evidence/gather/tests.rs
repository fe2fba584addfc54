use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};

use super::super::Direction::{Inbound, Listening, Outbound};
use super::super::testing::{facts, put, scratch};
use super::super::{Relation, Values};
use super::*;
use crate::hunt::Field;
use crate::hunt::field::ValueKind;

/// A child that is ended when the test is.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts `/bin/sh` with these words and waits until it says that it is ready.
fn shell(words: &[&str], folder: &Path) -> Running {
    let mut command = Command::new("/bin/sh");
    command.args(words).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    Running(child)
}

/// Copies a program in a process of its own. A copy made here would be open for writing in whatever another test
/// starts meanwhile, until that has become its own program, and Linux starts no file that is open for writing
/// (`ETXTBSY`, execve(2)).
fn copy_to_run(program: &Path, to: &Path) {
    assert!(Command::new("cp").args([program, to]).status().unwrap().success());
}

/// A script that says it is ready and waits until its standard input is closed.
const SCRIPT: &[u8] = b"echo ready\nread line\n";

fn texts(values: &Values) -> Vec<String> {
    values.seen.iter().map(|seen| seen.value.to_string()).collect()
}

#[test]
fn a_script_is_found_by_the_process_that_runs_it_absolute_and_relative() {
    let (dir, _) = scratch(&[]);
    put(dir.path(), "job.sh", SCRIPT);
    put(dir.path(), "other.sh", SCRIPT);
    let script = dir.path().join("job.sh");
    let absolute = shell(&[script.to_str().unwrap(), "--flag"], Path::new("/"));
    let relative = shell(&["./job.sh"], dir.path());
    let gatherer = Gatherer::new(Root::live()).with_limit(Duration::from_mins(1));
    let evidence = gatherer.gather(&facts(&script));
    let processes = evidence.processes.found().unwrap();
    for child in [&absolute, &relative] {
        let process = processes.iter().find(|process| process.pid == child.0.id()).unwrap();
        // The shell holds the script open as well as naming it.
        assert!(process.relations.contains(&Relation::Script), "{process:?}");
        assert_eq!(process.parents[0].pid, std::process::id());
        let age = Timestamp::now().duration_since(process.started.unwrap());
        assert!(age.as_secs().abs() < 3600, "{age:?}");
    }
    let lines = evidence.field(Field::ProcessCommandLine);
    assert!(texts(&lines).iter().any(|line| line.ends_with("job.sh --flag")));
    assert!(lines.seen[0].provenance.starts_with("pid "));
    let own = std::fs::read_to_string("/proc/self/comm").unwrap();
    assert!(texts(&evidence.field(Field::ProcessParentName)).contains(&own.trim().to_owned()));
    assert!(
        texts(&evidence.field(Field::ProcessAncestorName)).len()
            >= texts(&evidence.field(Field::ProcessParentName)).len()
    );
    assert!(!evidence.accounts.found().unwrap().is_empty());

    let children = [absolute.0.id(), relative.0.id()];
    let found_a_child = |path: &Path| {
        let found = gatherer.gather(&facts(path)).processes;
        found.found().into_iter().flatten().any(|process| children.contains(&process.pid))
    };
    assert!(!found_a_child(&dir.path().join("other.sh")));
    drop((absolute, relative));
    assert!(found_a_child(&script), "as it was when the processes were read");
    gatherer.refresh();
    assert!(!found_a_child(&script));
}

#[test]
fn a_deleted_executable_is_still_found_by_its_inode() {
    let (dir, _) = scratch(&[]);
    let program = dir.path().join("program");
    copy_to_run(Path::new("/bin/sh"), &program);
    let facts = facts(&program);
    let mut child = Command::new(&program);
    child.args(["-c", "echo ready; read line"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = Running(child.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    std::fs::remove_file(&program).unwrap();
    let evidence = Gatherer::new(Root::live()).with_limit(Duration::from_mins(1)).gather(&facts);
    let process = evidence.processes.found().unwrap().iter().find(|process| process.pid == child.0.id()).unwrap();
    assert!(process.relations.starts_with(&[Relation::Executable]) && process.deleted, "{process:?}");
    assert_eq!(evidence.file, Observed::NotFound);
}

#[test]
fn sockets_of_the_process_that_holds_the_file_are_listed() {
    let (dir, _) = scratch(&[("held", "x")]);
    let path = dir.path().join("held");
    let _held = std::fs::File::open(&path).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut caller = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (_called, _) = listener.accept().unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    caller.write_all(b"x").unwrap();
    let gatherer = Gatherer::new(Root::live()).with_limit(Duration::from_mins(1));
    let evidence = gatherer.gather(&facts(&path));
    let sockets = evidence.sockets.found().unwrap();
    let seen = |local: Option<u16>, remote: u16, how| {
        sockets
            .iter()
            .any(|s| local.is_none_or(|p| p == s.local.port()) && s.remote.port() == remote && s.direction == how)
    };
    let caller_port = caller.local_addr().unwrap().port();
    assert!(seen(Some(port), 0, Listening), "{sockets:#?}");
    assert!(seen(Some(caller_port), port, Outbound), "{sockets:#?}");
    assert!(seen(Some(port), caller_port, Inbound), "{sockets:#?}");
    assert!(seen(Some(udp.local_addr().unwrap().port()), 0, Listening), "{sockets:#?}");
    // Who only holds the file open is not who a scenario speaks of.
    assert!(!texts(&evidence.field(Field::DestinationPort)).contains(&port.to_string()));
    let about = About {
        peers: vec![Peer { address: "127.0.0.1".parse().unwrap(), port: Some(port) }],
        ..About::file(&facts(&path))
    };
    let live = gatherer.gather_about(&about).live;
    assert!(live.iter().any(|socket| socket.remote.port() == port && socket.pid == std::process::id()), "{live:?}");

    let own = gatherer.without_process(std::process::id());
    own.refresh();
    let others = own.gather(&facts(&path)).processes;
    assert!(others.found().into_iter().flatten().all(|process| process.pid != std::process::id()));
}

#[test]
fn on_an_image_processes_are_unknown_and_all_else_is_asked_below_its_root() {
    let (dir, root) = scratch(&[
        ("etc/passwd", "root:x:0:0::/root:/bin/sh\n"),
        ("etc/group", "root:x:0:\n"),
        ("etc/crontab", "@daily root /opt/r/x.py\n"),
        ("etc/ansible/hosts", ""),
        ("opt/r/x.py", "#!"),
        ("var/lib/dpkg/status", "Package: r\nStatus: install ok installed\nVersion: 2\n"),
        ("var/lib/dpkg/info/r.list", "/opt/r/x.py\n"),
    ]);
    let gatherer = Gatherer::new(root).with_limit(Duration::from_mins(1));
    gatherer.prepare();
    let mut facts = facts(&dir.path().join("opt/r/x.py"));
    facts.uid = 0;
    let evidence = gatherer.gather(&facts);
    assert_eq!(evidence.processes.reason(), Some("not a live system"));
    assert_eq!(evidence.sockets.reason(), Some("not a live system"));
    assert_eq!(texts(&evidence.field(Field::FilePath)), ["/opt/r/x.py"]);
    assert_eq!(texts(&evidence.field(Field::FilePackage)), ["r"]);
    assert!(evidence.field(Field::FilePackageState).unknown.unwrap().contains("no md5sums"));
    assert_eq!(texts(&evidence.field(Field::ScheduleCron)), ["/opt/r/x.py"]);
    assert_eq!(evidence.field(Field::ScheduleSystemd), Values::default());
    assert_eq!(texts(&evidence.field(Field::UserGroup)), ["root"]);
    assert_eq!(evidence.tools.found().unwrap().iter().map(|tool| &*tool.name).collect::<Vec<_>>(), ["Ansible"]);
    let paths = gatherer.host_paths(&["/etc/ansible".into(), "/etc/salt".into()], &facts);
    assert!(paths[0].found().unwrap().to_string().contains("shipped by no package"), "{paths:?}");
    assert_eq!(paths[1], Observed::NotFound);
    assert_eq!(gatherer.members("root"), Observed::Found(vec!["root".into()]));
    for field in Field::ALL {
        let values = evidence.field(field);
        let of_a_process =
            field.name().starts_with("process.") || matches!(field.kind(), ValueKind::Port | ValueKind::Address);
        match field {
            Field::HostPath => assert!(values.unknown.unwrap().contains("asked for by name")),
            _ if of_a_process || field == Field::NetworkDirection => {
                assert_eq!(values.unknown.as_deref(), Some("not a live system"), "{field}");
            }
            Field::ScheduleSystemd
            | Field::FileRepositoryState
            | Field::FileContentKind
            | Field::FileContainer
            | Field::FileCopy
            | Field::PersistenceKind
            | Field::EventBefore => assert_eq!(values, Values::default(), "{field}"),
            // Seen, or it is said why it can't be told.
            _ => assert_ne!(values, Values::default(), "{field}"),
        }
    }
    assert!(serde_json::to_string(&evidence).unwrap().contains("\"unknown\":\"not a live system\""));

    put(dir.path(), "etc/crontab", b"");
    assert_eq!(texts(&gatherer.gather(&facts).field(Field::ScheduleCron)).len(), 1, "read once");
    gatherer.refresh();
    assert_eq!(gatherer.gather(&facts).field(Field::ScheduleCron), Values::default());

    facts.path = "/elsewhere/x".into();
    assert!(gatherer.gather(&facts).package.reason().unwrap().contains("does not lie below the root"));
}

#[test]
fn a_slow_probe_is_unknown_and_a_broken_one_too() {
    let (hold, stuck) = std::sync::mpsc::channel::<()>();
    let slow = start("slow", Duration::from_millis(20), move || {
        let _ = stuck.recv();
        Observed::Found(1)
    });
    assert!(slow.finish().reason().unwrap().contains("did not finish in 0.02 s"));
    drop(hold);
    let broken = start::<u8>("broken", Duration::from_secs(5), || panic!("as intended by the test"));
    assert_eq!(broken.finish(), Observed::Unknown("the broken probe broke off".into()));
    assert_eq!(start("quick", Duration::from_secs(5), || Observed::Found(7)).finish(), Observed::Found(7));
}
