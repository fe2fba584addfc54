//! Made-up boxes with a found file on them, and real processes that run it.

use std::any::Any;
use std::io::{BufRead as _, BufReader};
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use md5::{Digest as _, Md5};

use crate::evidence::testing::{facts, put};
use crate::evidence::{AskedFile, AskedOnce, Evidence, Gatherer, NamedFacts, Peer};
use crate::finding::Sha256;
use crate::hunt::known_good::KnownGood;
use crate::hunt::{Hunt, Site, builtin};
use crate::root::Root;
use crate::text;
use crate::triage::assess::{AssessmentContext, ScenarioAssessment, assess};

/// A script that says it is ready and waits until its standard input is closed.
const SCRIPT: &str = "echo ready\nread line\n";

/// What has to do with the found file.
#[derive(Clone)]
enum Run {
    Nothing,
    /// A shell runs it.
    Shell,
    /// A script of this name, run by a shell, starts a shell that runs it.
    Under(&'static str),
    /// A shell runs it, and holds a socket connected to this port.
    Calls(u16),
    /// The program at this path, a copy of the shell, runs a script of that name, which runs it by a shell.
    By(&'static str),
    /// The program at this path, a copy of the shell, runs it.
    As(&'static str),
    /// The file is a copy of the shell, and runs by itself.
    Itself,
    /// A program, a copy of the shell, runs it, and is deleted while it runs.
    Deleted(&'static str),
    /// A shell runs it, with this library put before all others.
    Preloaded(&'static str),
}

/// A found file, and what lies around it on its box.
#[derive(Clone)]
pub(super) struct Planted {
    path: String,
    content: String,
    files: Vec<(String, String)>,
    user: &'static str,
    group: &'static str,
    run: Run,
    live: bool,
    twin: Option<&'static str>,
    /// Paths whose content is this many days old.
    old: Vec<(String, u64)>,
    /// Paths with these permission bits.
    modes: Vec<(String, u32)>,
    /// Packages and the paths that they ship, with the content that is there.
    packages: Vec<(String, Vec<String>)>,
    /// Raw files.
    raw: Vec<(String, Vec<u8>)>,
    /// Other files of the scan with the same content.
    copies: Vec<PathBuf>,
    /// What the rule's match names.
    peers: Vec<Peer>,
    /// What the box says besides, that only its administrator could make so.
    besides: Option<fn(&mut Evidence)>,
}

/// A file at this path that nothing speaks for.
pub(super) fn at(path: &str) -> Planted {
    Planted {
        path: path.to_owned(),
        content: SCRIPT.to_owned(),
        // A package database that lists something else, or packages would be unknown.
        files: vec![("var/lib/dpkg/info/other.list".into(), "/etc/other\n".into())],
        user: "somebody",
        group: "staff",
        run: Run::Nothing,
        live: true,
        twin: None,
        old: Vec::new(),
        modes: Vec::new(),
        packages: Vec::new(),
        raw: Vec::new(),
        copies: Vec::new(),
        peers: Vec::new(),
        besides: None,
    }
}

impl Planted {
    pub(super) fn with(mut self, path: &str, content: &str) -> Self {
        self.files.push((path.to_owned(), content.to_owned()));
        self
    }

    /// The name of the account that owns the file and runs it.
    pub(super) fn user(self, user: &'static str) -> Self {
        Self { user, ..self }
    }

    pub(super) fn run(self) -> Self {
        Self { run: Run::Shell, ..self }
    }

    pub(super) fn under(self, parent: &'static str) -> Self {
        Self { run: Run::Under(parent), ..self }
    }

    pub(super) fn calls(self, port: u16) -> Self {
        Self { run: Run::Calls(port), ..self }
    }

    /// The name of the file's group.
    pub(super) fn group(self, group: &'static str) -> Self {
        Self { group, ..self }
    }

    /// Another account with the number of the file's owner.
    pub(super) fn twin(self, name: &'static str) -> Self {
        Self { twin: Some(name), ..self }
    }

    /// What the file holds.
    pub(super) fn content(self, content: &str) -> Self {
        Self { content: content.to_owned(), ..self }
    }

    /// A file of bytes.
    pub(super) fn raw(mut self, path: &str, content: Vec<u8>) -> Self {
        self.raw.push((path.to_owned(), content));
        self
    }

    /// The content of a path is this many days old.
    pub(super) fn old(mut self, path: &str, days: u64) -> Self {
        self.old.push((path.to_owned(), days));
        self
    }

    pub(super) fn mode(mut self, path: &str, mode: u32) -> Self {
        self.modes.push((path.to_owned(), mode));
        self
    }

    /// A package that ships these paths as they are.
    pub(super) fn package(mut self, name: &str, paths: &[&str]) -> Self {
        self.packages.push((name.to_owned(), paths.iter().map(|path| (*path).to_owned()).collect()));
        self
    }

    /// A process of this program, a package's copy of the shell, runs the file by way of a script and a shell.
    pub(super) fn run_by(self, program: &'static str) -> Self {
        let run = Run::By(program);
        Self { run, ..self }.package("scheduler", &[program])
    }

    /// A process of this program runs the file; no package has it.
    pub(super) fn run_as(self, program: &'static str) -> Self {
        Self { run: Run::As(program), ..self }
    }

    /// The file is a program that runs.
    pub(super) fn run_itself(self) -> Self {
        Self { run: Run::Itself, ..self }
    }

    pub(super) fn run_deleted(self, program: &'static str) -> Self {
        Self { run: Run::Deleted(program), ..self }
    }

    pub(super) fn preloaded(self, library: &'static str) -> Self {
        Self { run: Run::Preloaded(library), ..self }
    }

    /// The scan has met the same content at this path, too.
    pub(super) fn copied(mut self, path: &str) -> Self {
        self.copies.push(path.into());
        self
    }

    /// The rule's match names this port of this machine.
    pub(super) fn names_port(mut self, port: u16) -> Self {
        self.peers.push(Peer { address: "127.0.0.1".parse().unwrap(), port: Some(port) });
        self
    }

    /// The box says this, too.
    pub(super) fn besides(self, says: fn(&mut Evidence)) -> Self {
        Self { besides: Some(says), ..self }
    }

    /// As on a mounted image, where nothing runs.
    pub(super) fn image(self) -> Self {
        Self { live: false, ..self }
    }

    /// Makes the box and starts what runs on it.
    pub(super) fn plant(self) -> Case {
        let dir = tempfile::tempdir().unwrap();
        let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        let account = |name| format!("{name}:x:{uid}:{gid}::/nowhere:/bin/sh\n");
        // cron runs what its tables have for root, whoever owns the files of this box.
        // Where root runs the test, the owner has root's number already, and a second account would be a twin.
        let number = if uid == 0 { 4243 } else { 0 };
        let root = if self.user == "root" { String::new() } else { format!("root:x:{number}:0::/root:/bin/sh\n") };
        let twin = self.twin.map(account).unwrap_or_default();
        put(dir.path(), "etc/passwd", format!("{}{root}{twin}", account(self.user)).as_bytes());
        put(dir.path(), "etc/group", format!("{}:x:{gid}:\nsudo:x:4242:carol\n", self.group).as_bytes());
        for (path, content) in &self.files {
            put(dir.path(), path, content.as_bytes());
        }
        for (path, content) in &self.raw {
            put(dir.path(), path, content);
        }
        put(dir.path(), &self.path, self.content.as_bytes());
        let at = |path: &str| dir.path().join(path.trim_start_matches('/'));
        let file = at(&self.path);
        if let Run::By(program) | Run::As(program) | Run::Deleted(program) = self.run {
            std::fs::create_dir_all(at(program).parent().unwrap()).unwrap();
            // Copied by another process, so that none that is started here holds it open for writing.
            assert!(Command::new("cp").arg("/bin/sh").arg(at(program)).status().unwrap().success());
        }
        if let Run::Itself = self.run {
            assert!(Command::new("cp").arg("/bin/sh").arg(&file).status().unwrap().success());
            std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
            put(dir.path(), "tmp/job", SCRIPT.as_bytes());
        }
        self.ship(dir.path());
        for (path, mode) in &self.modes {
            std::fs::set_permissions(at(path), PermissionsExt::from_mode(*mode)).unwrap();
        }
        for (path, days) in &self.old {
            let then = SystemTime::now() - Duration::from_secs(days * 86_400);
            std::fs::File::open(at(path)).unwrap().set_modified(then).unwrap();
        }
        let held: Box<dyn Any> = match self.run {
            Run::Nothing => Box::new(()),
            Run::Shell => Box::new(Running::start(&file, &file)),
            Run::As(program) => Box::new(Running::of(Command::new(at(program)).arg(&file))),
            Run::Itself => Box::new(Running::of(Command::new(&file).arg(at("tmp/job")))),
            Run::Preloaded(library) => {
                Box::new(Running::of(Command::new("/bin/sh").arg(&file).env("LD_PRELOAD", library)))
            }
            Run::Deleted(program) => {
                let running = Running::of(Command::new(at(program)).arg(&file));
                std::fs::remove_file(at(program)).unwrap();
                Box::new(running)
            }
            Run::By(program) => {
                put(dir.path(), "tmp/between", b"/bin/sh -c '/bin/sh \"$FILE\"; :'\n:\n");
                let script = dir.path().join("tmp/between");
                Box::new(Running::of(Command::new(at(program)).arg(script).env("FILE", &file)))
            }
            Run::Under(parent) => {
                // Ansible starts a shell for what it runs.
                let between = "/bin/sh -c '/bin/sh \"$FILE\"; :'\n:\n";
                let script = if parent.starts_with("ansible") { between } else { "/bin/sh \"$FILE\"\n:\n" };
                put(dir.path(), parent, script.as_bytes());
                Box::new(Running::start(&dir.path().join(parent), &file))
            }
            Run::Calls(port) => {
                let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                // Nothing is sent, so nobody needs to listen.
                socket.connect(("127.0.0.1", port)).unwrap();
                let errors = Stdio::from(std::os::fd::OwnedFd::from(socket));
                Box::new(Running::of(Command::new("/bin/sh").arg(&file).stderr(errors)))
            }
        };
        let gatherer = Gatherer::new(Root::image(dir.path())).with_limit(Duration::from_mins(1));
        let gatherer = if self.live { gatherer.with_proc("/proc") } else { gatherer };
        let copies = self.copies.iter().map(|path| dir.path().join(path.strip_prefix("/").unwrap())).collect();
        let about = AskedFile { facts: facts(&file), peers: self.peers.clone(), copies };
        let mut evidence = gatherer.gather_about(&about);
        if let Some(says) = self.besides {
            says(&mut evidence);
        }
        Case { file, gatherer, evidence, _held: held, _dir: dir }
    }
}

impl Planted {
    /// Writes dpkg's database for the packages.
    fn ship(&self, dir: &Path) {
        let mut status = String::new();
        for (name, paths) in &self.packages {
            let mut sums = String::new();
            for path in paths {
                let Ok(content) = std::fs::read(dir.join(path.trim_start_matches('/'))) else { continue };
                let sum = text::hex(&Md5::digest(&content));
                sums.push_str(&format!("{sum}  {}\n", path.trim_start_matches('/')));
            }
            let list: String = paths.iter().map(|path| format!("/{}\n", path.trim_start_matches('/'))).collect();
            put(dir, &format!("var/lib/dpkg/info/{name}.list"), list.as_bytes());
            put(dir, &format!("var/lib/dpkg/info/{name}.md5sums"), sums.as_bytes());
            status.push_str(&format!("Package: {name}\nStatus: install ok installed\nVersion: 1\n\n"));
        }
        if !status.is_empty() {
            put(dir, "var/lib/dpkg/status", status.as_bytes());
        }
    }
}

/// A child that is ended when the test is; its own children end with its standard input.
struct Running(Child);

impl Running {
    fn start(script: &Path, file: &Path) -> Self {
        Self::of(Command::new("/bin/sh").arg(script).env("FILE", file))
    }

    fn of(command: &mut Command) -> Self {
        command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = Self(command.spawn().unwrap());
        let mut line = String::new();
        BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        child
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A box with evidence gathered about the file on it.
pub(super) struct Case {
    pub(super) file: PathBuf,
    pub(super) gatherer: Gatherer,
    pub(super) evidence: Evidence,
    /// What runs on the box, for as long as this lives.
    _held: Box<dyn Any>,
    _dir: tempfile::TempDir,
}

impl Case {
    /// The same box, gathered anew.
    pub(super) fn again(mut self) -> Self {
        self.gatherer.refresh();
        self.evidence = self.gatherer.gather(&self.evidence.facts);
        self
    }

    /// The scenarios of a built-in hunt, weighed with a site that names one good hash, of nothing here.
    pub(super) fn assess(&self, rule: &str) -> Vec<ScenarioAssessment> {
        let named = format!("known_good = [\"{}\"]", Sha256::of(b"good"));
        self.assess_with(rule, &named, &KnownGood::default())
    }

    /// The same with a `site.toml` and hash lists.
    pub(super) fn assess_with(&self, rule: &str, site: &str, known_good: &KnownGood) -> Vec<ScenarioAssessment> {
        let site = Site::parse(Path::new("site.toml"), site).unwrap();
        let once = AskedOnce::new(self.gatherer.clone());
        let weighed =
            assess(&hunt(rule), &self.evidence, &AssessmentContext { site: &site, known_good, queries: &once });
        // Wherever a case with this evidence is opened, it comes to the same.
        let named = NamedFacts::of_parts(&once.answers().parts()).unwrap();
        let kept = Evidence::of_parts(self.evidence.facts.clone(), &self.evidence.parts()).unwrap();
        let elsewhere = assess(&hunt(rule), &kept, &AssessmentContext { site: &site, known_good, queries: &named });
        assert_eq!(elsewhere, weighed, "{rule} away from the box");
        weighed
    }

    /// One scenario of a built-in hunt.
    pub(super) fn scenario(&self, rule: &str, id: &str) -> ScenarioAssessment {
        self.assess(rule).into_iter().find(|scenario| scenario.id == id).unwrap_or_else(|| panic!("{rule} has no {id}"))
    }
}

/// A built-in hunt.
pub(super) fn hunt(rule: &str) -> Hunt {
    let hunts = builtin::load(&Site::default()).unwrap().hunts;
    hunts.into_iter().find(|hunt| &*hunt.rule.id.name == rule).unwrap_or_else(|| panic!("no hunt {rule}"))
}
