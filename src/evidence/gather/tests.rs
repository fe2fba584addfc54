use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};

use super::super::ConnectionDirection::{Inbound, Listening, Outbound};
use super::super::account::BoxAccounts;
use super::super::asked::STILL_ASKED;
use super::super::process::{FileQuery, Process, ProcessIndex};
use super::super::socket::{self, Peer};
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
    // The parent stands first, and is called the parent of the process that runs the file, not the other way round.
    let parents = evidence.field(Field::ProcessParentName);
    for child in [&absolute, &relative] {
        let of_child = format!(", the parent of pid {} ", child.0.id());
        let says = parents.seen.iter().find(|value| value.provenance.contains(&of_child)).unwrap();
        assert!(says.provenance.starts_with(&format!("pid {} ", std::process::id())), "{}", says.provenance);
    }
    let above = evidence.field(Field::ProcessAncestorName);
    let two_above = format!(", 2 steps above pid {} ", absolute.0.id());
    assert!(above.seen.iter().any(|value| value.provenance.contains(&two_above)), "{above:?}");
    assert!(
        texts(&evidence.field(Field::ProcessAncestorName)).len()
            >= texts(&evidence.field(Field::ProcessParentName)).len()
    );
    assert!(!evidence.accounts.found().unwrap().is_empty());
    // `/dev/stdin` and its like are no folders in which something could lie that starts programs.
    let odd = evidence.gaps.iter().find(|gap| gap.text.contains("link of a process"));
    assert_eq!(odd, None);

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
    let about = AskedFile {
        peers: vec![Peer { address: "127.0.0.1".parse().unwrap(), port: Some(port) }],
        ..AskedFile::file(&facts(&path))
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
    assert_eq!(evidence.processes.reason(), Some("an image has no processes"));
    assert_eq!(evidence.sockets.reason(), Some("an image has no processes"));
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
                assert_eq!(values.unknown.as_deref(), Some("an image has no processes"), "{field}");
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
    assert!(serde_json::to_string(&evidence).unwrap().contains("\"unknown\":\"an image has no processes\""));

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

#[test]
fn what_is_known_first_is_told_while_a_slow_probe_is_not_finished() {
    let (dir, root) = scratch(&[
        ("etc/passwd", "root:x:0:0::/root:/bin/sh\n"),
        ("etc/ansible/hosts", ""),
        ("opt/r/x.py", "#!/usr/bin/python3\n"),
        ("var/lib/dpkg/status", "Package: r\nStatus: install ok installed\nVersion: 2\n"),
        ("var/lib/dpkg/info/r.list", "/opt/r/x.py\n"),
    ]);
    let gatherer = Gatherer::new(root).with_limit(Duration::from_mins(1));
    let facts = facts(&dir.path().join("opt/r/x.py"));
    let ((held, is_held), (open, gate)) = (std::sync::mpsc::channel(), std::sync::mpsc::channel());
    let holding = gatherer.clone();
    let reading = std::thread::spawn(move || holding.indexes().hold_packages(&held, &gate));
    is_held.recv().unwrap();
    let (mut open, mut first) = (Some(open), None);
    let evidence = gatherer.gather_telling(&AskedFile::file(&facts), &mut |told| {
        let quick = [told.file.found().is_some(), told.folders.found().is_some(), told.zone.found().is_some()];
        if quick.contains(&false) || told.first_line.found().is_none() || open.is_none() {
            return;
        }
        let paths = gatherer.host_paths_by_now(&["/etc/ansible".into(), "/etc/salt".into()], &facts);
        first = Some((told.clone(), paths));
        // The packages are not read before this has been told.
        open = None;
    });
    reading.join().unwrap();
    let (told, paths) = first.unwrap();
    assert_eq!(told.package.reason(), Some(STILL_ASKED));
    assert_eq!(told.folders.found().unwrap()[0].package.reason(), Some(STILL_ASKED));
    assert_eq!(paths[0].found().unwrap().package.reason(), Some(STILL_ASKED));
    assert_eq!(paths[1], Observed::NotFound);
    assert_eq!(evidence.package.found().unwrap().package, "r");
    assert_eq!(evidence.folders.found().unwrap()[0].package, Observed::NotFound);
    let whole = |evidence: &Evidence| {
        let parts = evidence.parts().into_iter().filter(|(name, _)| name != "asked");
        parts.collect::<Vec<_>>()
    };
    assert!(!format!("{:?}", evidence.parts()).contains(STILL_ASKED), "{evidence:#?}");
    assert_eq!(whole(&evidence), whole(&gatherer.gather(&facts)), "in parts or at once, it comes to the same");
}

/// Starts a program with these words and waits until it says that it is ready; `None` where it is not there.
fn ready(command: &mut Command) -> Option<Running> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = Running(command.spawn().ok()?);
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (line == "ready\n").then_some(child)
}

/// What the process of this number has to do with the file.
fn relations(path: &Path, pid: u32) -> Option<Process> {
    related(&facts(path), pid)
}

/// The same by the facts of a file. Processes alone are asked.
fn related(facts: &FileFacts, pid: u32) -> Option<Process> {
    let sought = FileQuery { dev: facts.dev, ino: facts.ino, path: &facts.path };
    let found = ProcessIndex::read(Path::new("/proc")).of(&sought, &BoxAccounts::default(), None).found;
    found.found()?.iter().find(|process| process.pid == pid).cloned()
}

const PYTHON: &str = "/usr/bin/python3";
const WAIT: &str = "import sys\nprint('ready', flush=True)\nsys.stdin.read()\n";

#[test]
fn a_module_that_python_runs_by_its_name_and_what_it_imports_are_run() {
    let (dir, _) = scratch(&[("pkg/mod.py", &format!("import pkg.helper\n{WAIT}")), ("pkg/helper.py", "x = 1\n")]);
    put(dir.path(), "main.py", format!("import beside\n{WAIT}").as_bytes());
    put(dir.path(), "beside.py", b"x = 1\n");
    let start = |words: &[&str]| {
        let mut command = Command::new(PYTHON);
        ready(command.arg("-B").args(words).current_dir(dir.path()))
    };
    let (Some(module), Some(script)) = (start(&["-m", "pkg.mod"]), start(&["main.py"])) else {
        eprintln!("skipped: {PYTHON} is not here");
        return;
    };
    let of = |path: &str, child: &Running| relations(&dir.path().join(path), child.0.id());
    let found = of("pkg/mod.py", &module).unwrap();
    assert!(found.relations.contains(&Relation::Module) && found.runs_it(), "{found:?}");
    assert!(of("main.py", &script).unwrap().relations.contains(&Relation::Script));
    assert!(of("beside.py", &script).unwrap().relations.contains(&Relation::Loaded));
    assert_eq!(of("main.py", &module), None);
}

#[test]
fn an_interpreter_under_another_name_runs_its_script_and_is_called_what_it_is() {
    let (dir, _) = scratch(&[("job.sh", "echo ready\nread line\n"), ("data", "x")]);
    let (snort, tail) = (dir.path().join("snort"), dir.path().join("own-tail"));
    copy_to_run(Path::new("/bin/sh"), &snort);
    let child = ready(Command::new(&snort).arg(dir.path().join("job.sh"))).unwrap();
    let found = relations(&dir.path().join("job.sh"), child.0.id()).unwrap();
    assert!(found.runs_it() && found.relations.contains(&Relation::Script), "{found:?}");
    let copy_of = found.copy_of.clone().unwrap();
    assert!(found.to_string().contains(&format!("a copy of {copy_of} under another name")), "{found}");
    // Another program that names the file, whatever it is called, runs nothing.
    copy_to_run(Path::new("/usr/bin/tail"), &tail);
    let looking = Command::new(&tail).args(["-f", "job.sh"]).current_dir(dir.path()).stdout(Stdio::null()).spawn();
    let looking = Running(looking.unwrap());
    let exe = format!("/proc/{}/exe", looking.0.id());
    while std::fs::read_link(&exe).is_ok_and(|path| path != tail) {
        std::thread::yield_now();
    }
    let found = relations(&dir.path().join("job.sh"), looking.0.id());
    assert!(found.is_none_or(|found| !found.runs_it() && found.copy_of.is_none()));
}

#[test]
fn a_program_that_was_never_on_a_disk_is_found_by_its_inode() {
    use rustix::fs::{MemfdFlags, memfd_create};
    use std::os::fd::AsRawFd as _;
    let memory = std::fs::File::from(memfd_create("evil", MemfdFlags::empty()).unwrap());
    (&memory).write_all(&std::fs::read("/bin/sh").unwrap()).unwrap();
    let path = format!("/proc/{}/fd/{}", std::process::id(), memory.as_raw_fd());
    let child = ready(Command::new(&path).args(["-c", "echo ready; read line"])).unwrap();
    let is = std::fs::metadata(&path).unwrap();
    let (dir, _) = scratch(&[("evil", "x")]);
    let mut facts = facts(&dir.path().join("evil"));
    {
        use std::os::unix::fs::MetadataExt as _;
        (facts.dev, facts.ino) = (is.dev(), is.ino());
    }
    let found = related(&facts, child.0.id()).unwrap();
    assert!(found.relations.starts_with(&[Relation::Executable]) && found.deleted, "{found:?}");
    assert!(found.to_string().contains("executable /memfd:evil (deleted)"), "{found}");
}

#[test]
fn a_file_that_only_another_thread_holds_open_is_held() {
    let (dir, _) = scratch(&[("held", "x")]);
    let path = dir.path().join("held");
    // A thread with a table of descriptors of its own (unshare(2), CLONE_FILES).
    let program = format!(
        "import ctypes, threading, sys\ndef hold():\n    libc = ctypes.CDLL(None, use_errno=True)\n    \
         if libc.unshare(0x400) != 0:\n        print('no', flush=True)\n        return\n    \
         held = open({path:?})\n    print('ready', flush=True)\n    sys.stdin.read()\n\
         thread = threading.Thread(target=hold)\nthread.start()\nthread.join()\n",
        path = path.to_str().unwrap()
    );
    let Some(child) = ready(Command::new(PYTHON).args(["-c", &program])) else {
        eprintln!("skipped: {PYTHON} with ctypes is not here");
        return;
    };
    let found = relations(&path, child.0.id()).unwrap();
    assert!(matches!(found.relations[..], [Relation::Open(_), ..]), "{found:?}");
}

/// A mount that is taken away when the test is over.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_program_in_a_container_is_found_by_its_file_in_the_layer() {
    let (dir, _) = scratch(&[("layer/opt/x/data", "x"), ("upper/x", ""), ("work/x", ""), ("merged/x", "")]);
    let at = |path: &str| dir.path().join(path);
    std::fs::remove_file(at("work/x")).unwrap();
    copy_to_run(Path::new("/bin/sh"), &at("layer/opt/x/evil"));
    let needs = Command::new("ldd").arg("/bin/sh").output().map(|output| output.stdout).unwrap_or_default();
    for library in String::from_utf8_lossy(&needs).split_ascii_whitespace().filter(|word| word.starts_with('/')) {
        let to = at("layer").join(library.trim_start_matches('/'));
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        copy_to_run(&std::fs::canonicalize(library).unwrap(), &to);
    }
    let layers = format!(
        "lowerdir={},upperdir={},workdir={}",
        at("layer").display(),
        at("upper").display(),
        at("work").display()
    );
    let mut mount = Command::new("mount");
    mount.args(["-t", "overlay", "overlay", "-o", &layers]).arg(at("merged")).stderr(Stdio::null());
    let is_mounted = mount.status().is_ok_and(|status| status.success());
    let _mounted = is_mounted.then(|| Mounted(at("merged")));
    let mut chroot = Command::new("chroot");
    chroot.arg(at("merged")).args(["/opt/x/evil", "-c", "echo ready; read line", "/opt/x/data"]);
    let Some(child) = is_mounted.then(|| ready(&mut chroot)).flatten() else {
        eprintln!("skipped: no overlay can be mounted here, or no program started in it");
        return;
    };
    let found = relations(&at("layer/opt/x/evil"), child.0.id()).unwrap();
    assert!(found.runs_it(), "{found:?}");
    let named = relations(&at("layer/opt/x/data"), child.0.id()).unwrap();
    assert!(named.relations.contains(&Relation::Named), "the word is a path below the process's own root: {named:?}");
}

/// What a tool prints; none where it is not there or fails.
fn said(program: &str, words: &[&str]) -> Option<String> {
    let output = Command::new(program).args(words).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn sockets_and_who_holds_a_file_are_as_ss_and_lsof_say() {
    let (dir, _) = scratch(&[("held", "x")]);
    let path = dir.path().join("held");
    let _held = std::fs::File::open(&path).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let caller = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (_called, _) = listener.accept().unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.connect(("127.0.0.1", port)).unwrap();
    let (index, facts) = (ProcessIndex::read(Path::new("/proc")), facts(&path));
    let sought = FileQuery { dev: facts.dev, ino: facts.ino, path: &path };
    let holders = index.of(&sought, &BoxAccounts::default(), None).found.found().cloned().unwrap();
    let sockets = socket::of(&index, &holders);
    let (sockets, pid) = (sockets.found().unwrap(), std::process::id());
    let ports = [port, caller.local_addr().unwrap().port(), udp.local_addr().unwrap().port()];
    let own = sockets.iter().filter(|socket| socket.pid == pid && ports.contains(&socket.local.port()));
    let mut ours: Vec<String> = own.map(|socket| format!("{} {}", socket.local, socket.remote)).collect();
    ours.sort();
    assert_eq!(ours.len(), 4, "{ours:#?}");
    if let Some(table) = said("ss", &["-H", "-t", "-u", "-n", "-a", "-p"]) {
        let mine = table.lines().filter(|line| line.contains(&format!("pid={pid},")));
        let ends = mine.filter_map(|line| {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            let local: std::net::SocketAddr = words.get(4)?.parse().ok()?;
            // A side that is not there is `0.0.0.0:*` or `[::]:*`; without an address it is told as 0.0.0.0 here.
            let remote = words.get(5)?.replace(":*", ":0");
            Some((local, remote))
        });
        let ends = ends.filter(|(local, _)| ports.contains(&local.port()));
        let mut theirs: Vec<String> = ends.map(|(local, remote)| format!("{local} {remote}")).collect();
        theirs.sort();
        assert_eq!(ours, theirs, "{table}");
    } else {
        eprintln!("skipped: ss is not here");
    }
    let shown = path.display().to_string();
    if let Some(pids) = said("lsof", &["-t", "--", &shown]) {
        let theirs: Vec<u32> = pids.lines().filter_map(|line| line.parse().ok()).collect();
        let ours: Vec<u32> = holders.iter().map(|process| process.pid).collect();
        assert_eq!(ours, theirs);
    } else {
        eprintln!("skipped: lsof is not here");
    }
}
