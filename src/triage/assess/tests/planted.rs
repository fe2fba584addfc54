//! Made-up boxes with a found file on them, and real processes that run it.

use std::any::Any;
use std::io::{BufRead as _, BufReader};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::evidence::testing::{facts, put};
use crate::evidence::{AskedOnce, Evidence, Gatherer, NamedFacts};
use crate::finding::Sha256;
use crate::hunt::known_good::KnownGood;
use crate::hunt::{Hunt, Site, builtin};
use crate::root::Root;
use crate::triage::assess::{Context, ScenarioAssessment, assess};

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
    /// This process holds it open, and a socket connected to this port.
    Calls(u16),
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

    /// As on a mounted image, where nothing runs.
    pub(super) fn image(self) -> Self {
        Self { live: false, ..self }
    }

    /// Makes the box and starts what runs on it.
    pub(super) fn plant(self) -> Case {
        let dir = tempfile::tempdir().unwrap();
        let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        put(dir.path(), "etc/passwd", format!("{}:x:{uid}:{gid}::/nowhere:/bin/sh\n", self.user).as_bytes());
        put(dir.path(), "etc/group", format!("{}:x:{gid}:\nsudo:x:4242:carol\n", self.group).as_bytes());
        for (path, content) in &self.files {
            put(dir.path(), path, content.as_bytes());
        }
        put(dir.path(), &self.path, self.content.as_bytes());
        let file = dir.path().join(self.path.trim_start_matches('/'));
        let held: Box<dyn Any> = match self.run {
            Run::Nothing => Box::new(()),
            Run::Shell => Box::new(Running::start(&file, &file)),
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
                Box::new((socket, std::fs::File::open(&file).unwrap()))
            }
        };
        let gatherer = Gatherer::new(Root::image(dir.path())).with_limit(Duration::from_mins(1));
        let gatherer = if self.live { gatherer.with_proc("/proc") } else { gatherer };
        let evidence = gatherer.gather(&facts(&file));
        Case { file, gatherer, evidence, _held: held, _dir: dir }
    }
}

/// A child that is ended when the test is; its own children end with its standard input.
struct Running(Child);

impl Running {
    fn start(script: &Path, file: &Path) -> Self {
        let mut command = Command::new("/bin/sh");
        command.arg(script).env("FILE", file).current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
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
        let weighed = assess(&hunt(rule), &self.evidence, &Context { site: &site, known_good, queries: &once });
        // Wherever a case with this evidence is opened, it comes to the same.
        let named = NamedFacts::of_parts(&once.answers().parts()).unwrap();
        let kept = Evidence::of_parts(self.evidence.facts.clone(), &self.evidence.parts()).unwrap();
        let elsewhere = assess(&hunt(rule), &kept, &Context { site: &site, known_good, queries: &named });
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
