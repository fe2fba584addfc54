//! The real program in a pseudo-terminal, and the terminal it leaves behind.

use std::io::{Read as _, Write as _};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use huntbook::internals::tui::glyphs::Glyphs;
use huntbook::internals::tui::terminal::TerminalGuard;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

use crate::cli::TestBox;

const WAIT_TIMEOUT: Duration = Duration::from_secs(30);
/// Tells the test below that it runs as a child.
const CHILD: &str = "HUNTBOOK_TEST_CHILD";

/// Bytes that came from the program.
#[derive(Clone, Default)]
pub struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

/// The program in a terminal of 80 by 24.
pub struct Term {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn std::io::Write + Send>,
    parser: Arc<Mutex<vt100::Parser>>,
    /// Everything that the program has written so far.
    pub written: Written,
    before: String,
}

impl Term {
    pub fn spawn(command: CommandBuilder) -> Self {
        let pair =
            native_pty_system().openpty(PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 }).unwrap();
        let size = |number| NonZero::new(number).unwrap();
        let parser = Arc::new(Mutex::new(vt100::Parser::new(size(24), size(80), 0)));
        let before = modes(&*pair.master);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let keys = pair.master.take_writer().unwrap();
        let sink = Arc::clone(&parser);
        let written = Written::default();
        let copy = written.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                copy.0.lock().unwrap().extend(&buffer[..count]);
                sink.lock().unwrap().process(&buffer[..count]);
            }
        });
        let child = pair.slave.spawn_command(command).unwrap();
        Self { child, master: pair.master, keys, parser, written, before }
    }

    pub fn huntbook(ground: &TestBox, args: &[&str]) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_huntbook"));
        command.env_clear();
        command.env("HOME", ground.home());
        command.env("TERM", "xterm-256color");
        command.args(args);
        command.cwd(ground.tree());
        Self::spawn(command)
    }

    pub fn on_tree(ground: &TestBox) -> Self {
        Self::huntbook(ground, &[ground.tree().to_str().unwrap()])
    }

    pub fn screen(&self) -> String {
        self.parser.lock().unwrap().screen().contents()
    }

    /// What `look` makes of the screen's cells.
    pub fn with_screen<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.parser.lock().unwrap().screen())
    }

    pub fn wait(&self, text: &str) {
        self.until(&format!("{text:?}"), || self.screen().contains(text));
    }

    /// The screen, once it has been the same for a while.
    pub fn settled(&self) -> String {
        let mut screen = self.screen();
        let mut since = Instant::now();
        while since.elapsed() < Duration::from_millis(300) {
            std::thread::sleep(Duration::from_millis(20));
            let now = self.screen();
            if now != screen {
                (screen, since) = (now, Instant::now());
            }
        }
        screen
    }

    pub fn until(&self, what: &str, shows: impl Fn() -> bool) {
        let start = Instant::now();
        while !shows() {
            assert!(start.elapsed() < WAIT_TIMEOUT, "waited for {what}:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn send(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Another size, in columns and lines.
    pub fn resize(&self, cols: u16, rows: u16) {
        let size = |number| NonZero::new(number).unwrap();
        self.parser.lock().unwrap().screen_mut().set_size(size(rows), size(cols));
        self.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.process_id().unwrap() as i32).unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    fn is_ours(&self) -> bool {
        self.parser.lock().unwrap().screen().alternate_screen()
    }

    /// Waits for the end, and holds the terminal against what it was.
    pub fn left(mut self) -> u32 {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(start.elapsed() < WAIT_TIMEOUT, "it does not leave:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        };
        self.until("the terminal to be given back", || !self.is_ours());
        self.until("the terminal's modes", || modes(&*self.master) == self.before);
        let parser = self.parser.lock().unwrap();
        let screen = parser.screen();
        assert!(!screen.hide_cursor() && !screen.bracketed_paste());
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        status.exit_code()
    }
}

fn modes(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios())
}

#[test]
fn from_start_to_a_recorded_exclusion_and_a_second_run_that_shows_it() {
    let ground = TestBox::planted();
    let mut term = Term::on_tree(&ground);
    term.wait("scan done: 8 open");
    term.send("/callback.txt\r");
    term.wait("with 'callback.txt'");
    term.send("\r");
    term.wait("30.40.50.60:9342");
    term.send("5");
    term.wait("Scenario 1 of 5");
    term.send("a");
    term.wait("this finding only");
    term.send("our own test file\r\r");
    term.wait("excluded: in the register");
    let register = ground.home().join(".local/share/huntbook/exclusions.toml");
    assert!(std::fs::read_to_string(&register).unwrap().contains("our own test file"));
    term.send("q");
    assert_eq!(term.left(), 1, "other findings are open");

    let mut term = Term::on_tree(&ground);
    term.wait("○ 1 excluded");
    term.wait("7 open");
    term.send("q");
    term.left();
}

#[test]
fn ruling_out_everything_leaves_a_suspicious_finding() {
    let ground = TestBox::planted();
    let mut term = Term::on_tree(&ground);
    term.wait("scan done");
    term.send("o5");
    term.wait("Scenario 1 of 5");
    for answered in 1..=5 {
        term.send("x");
        term.wait(&format!("{answered} of 5 answered").replace("5 of 5 answered", "suspicious"));
    }
    term.wait("▲ 1 suspicious");
    term.send("q");
    term.left();
}

#[test]
fn every_way_out_gives_the_terminal_back() {
    let ground = TestBox::planted();
    for way in ["q", "\u{3}"] {
        let mut term = Term::on_tree(&ground);
        term.wait("scan done");
        assert!(term.is_ours());
        term.send(way);
        let written = term.written.clone();
        term.left();
        let last = written.text();
        assert!(
            last.contains("8 open, 0 suspicious, 0 malicious in ") && last.contains("report: huntbook report "),
            "{last}"
        );
    }
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let term = Term::on_tree(&ground);
        term.wait("scan done");
        term.signal(signal);
        term.left();
    }
}

#[test]
fn ctrl_z_stops_and_fg_goes_on() {
    let ground = TestBox::planted();
    let mut term = Term::on_tree(&ground);
    term.wait("scan done");
    term.send("\u{1a}");
    term.until("the terminal to be given back", || !term.is_ours());
    let stopped = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", term.pid().as_raw_nonzero())).unwrap();
        stat.rsplit_once(')').unwrap().1.trim_start().starts_with('T')
    };
    term.until("the process to stop", stopped);
    term.signal(Signal::CONT);
    term.wait("EQGRP_callbacks");
    term.until("the screen to be back", || term.is_ours());
    term.send("?");
    term.wait("Keys");
    term.send("\u{1b}");
    std::thread::sleep(Duration::from_millis(200));
    term.send("q");
    term.left();
}

#[test]
fn what_cannot_begin_says_why_and_ends_with_2() {
    let ground = TestBox::planted();
    let register = ground.home().join("register.toml");
    std::fs::write(&register, "version = 1\n[[exclusion\n").unwrap();
    let tree = ground.tree();
    for (args, said) in [
        (vec!["/nonexistent"], "/nonexistent"),
        (vec![tree.to_str().unwrap(), "--exclusions", register.to_str().unwrap()], "register.toml:2"),
        (vec![tree.to_str().unwrap(), "--theme", "nosuch"], "nosuch"),
        (vec![tree.to_str().unwrap(), "--rules", "/nonexistent.yar"], "/nonexistent.yar"),
    ] {
        let term = Term::huntbook(&ground, &args);
        term.wait(said);
        assert_eq!(term.left(), 2, "{args:?}");
    }
    assert_eq!(std::fs::read_to_string(&register).unwrap(), "version = 1\n[[exclusion\n");
}

#[test]
fn kill_9_loses_nothing_that_was_shown_as_recorded() {
    let ground = TestBox::planted();
    let mut term = Term::on_tree(&ground);
    term.wait("scan done");
    term.send("o5x");
    term.wait("on record");
    term.signal(Signal::KILL);
    term.child.wait().unwrap();
    let mut term = Term::on_tree(&ground);
    term.wait("scan done");
    term.send("o");
    term.wait("Scenarios 1/5");
    term.send("q");
    term.left();
    assert!(Path::new(&ground.home().join(".local/state/huntbook/cases")).exists());
}

#[test]
fn a_resize_storm_leaves_a_whole_screen() {
    let ground = TestBox::planted();
    let mut term = Term::on_tree(&ground);
    term.wait("scan done");
    for size in [(1, 1), (200, 60), (10, 3), (160, 50), (2, 100), (80, 24)] {
        let (cols, rows) = size;
        term.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        std::thread::sleep(Duration::from_millis(30));
    }
    term.send("\u{c}");
    term.wait("EQGRP_tinyexec");
    term.send("q");
    term.left();
}

#[test]
fn a_case_opens_again_when_the_tree_is_gone() {
    let ground = TestBox::planted();
    let case = ground.home().join("hunt.case");
    let case = case.to_str().unwrap();
    let mut term = Term::huntbook(&ground, &[ground.tree().to_str().unwrap(), "--case", case]);
    term.wait("scan done");
    term.send("/callback.txt\r");
    term.wait("with 'callback.txt'");
    term.send("\r5x");
    term.wait("on record");
    term.send("q");
    term.left();
    std::fs::remove_dir_all(ground.tree()).unwrap();
    std::fs::create_dir(ground.tree()).unwrap();
    let mut term = Term::huntbook(&ground, &[case]);
    term.wait("8 open");
    term.send("/callback.txt\r");
    term.wait("with 'callback.txt'");
    term.send("\r");
    term.wait("Scenarios 1/5");
    term.wait("deleted or moved since the scan");
    term.wait("30.40.50.60:9342");
    term.send("5x");
    term.wait("2 of 5 answered");
    term.send("q");
    term.left();
}

#[test]
fn a_persons_own_keys_count_and_a_mistake_in_them_is_named() {
    let ground = TestBox::planted();
    ground.configure("theme = 'mono'\n[keys]\nCoverage = 'K'\n");
    let mut term = Term::on_tree(&ground);
    term.wait("scan done");
    term.send("K");
    term.wait("Coverage: ");
    term.send("q");
    term.left();
    ground.configure("[keys]\nCoverag = 'K'\n");
    let term = Term::on_tree(&ground);
    term.wait("config.toml:2:1: unknown action `Coverag` (did you mean `Coverage`?)");
    assert_eq!(term.left(), 2);
}

#[test]
fn without_a_tree_one_is_chosen_and_scanned_as_if_it_had_been_named() {
    let ground = TestBox::planted();
    let above = ground.tree().parent().unwrap().to_owned();
    let start = |cwd: &Path| {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_huntbook"));
        command.env_clear();
        command.env("HOME", ground.home());
        command.env("TERM", "xterm-256color");
        command.args(["--exclude", "callback.txt"]);
        command.cwd(cwd);
        Term::spawn(command)
    };
    for way in ["q", "\u{1b}", "\u{3}"] {
        let mut term = start(&above);
        term.wait("Nothing was scanned yet");
        term.wait("tree/");
        term.send(way);
        assert_eq!(term.left(), 0, "{way:?}");
    }
    assert_eq!(std::fs::read_dir(ground.home()).unwrap().count(), 0, "nothing is written");

    let mut term = start(&above);
    term.wait("tree/");
    term.send("tre");
    term.wait("jump: tre");
    term.send("\r");
    term.wait("ssh/");
    term.send("\u{7f}");
    term.wait("tree/");
    term.wait("S scans it");
    term.send("S");
    term.wait("scan done: 7 open");
    term.send("q");
    assert_eq!(term.left(), 1);

    let mut term = start(&ground.home());
    term.wait("7 open of 7");
    term.send("/nonexistent\r");
    term.wait("no such file or folder");
    term.send("\u{1b}[200~\n\u{1b}[201~\u{15}");
    term.send(&format!("\u{1b}[200~{}/tr\n\u{1b}[201~\t", above.display()));
    term.wait("/tree/");
    term.send("\r");
    term.wait("scan done: 7 open");
    term.send("q");
    assert_eq!(term.left(), 1);
}

#[test]
fn a_tree_that_looks_like_the_root_of_a_system_is_asked_about_before_it_is_scanned() {
    let ground = TestBox::planted();
    for folder in ["etc", "usr", "var"] {
        std::fs::create_dir(ground.tree().join(folder)).unwrap();
    }
    let mut term = Term::on_tree(&ground);
    term.wait("looks like the root of a system");
    term.send("\u{1b}");
    while term.screen().contains("looks like the root of a system") {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    term.send("q");
    assert_eq!(term.left(), 0);
    assert_eq!(std::fs::read_dir(ground.home()).unwrap().count(), 0, "nothing was scanned");
    let mut term = Term::on_tree(&ground);
    term.wait("looks like the root of a system");
    term.send("i");
    term.wait("scan done: 8 open");
    term.send("q");
    term.left();
    let mut cases = vec![ground.home()];
    let case = loop {
        let path = cases.pop().expect("a case");
        match std::fs::read_dir(&path) {
            Ok(listed) => cases.extend(listed.map(|entry| entry.unwrap().path())),
            Err(_) if path.extension().is_some_and(|extension| extension == "case") => break path,
            Err(_) => {}
        }
    };
    let case = huntbook::internals::case::Case::open_read_only(&case).unwrap();
    let root = case.scans().unwrap().pop().unwrap().options["root"].clone();
    assert_eq!(root.as_str(), ground.tree().to_str());
}

#[test]
fn what_the_session_would_refuse_is_said_where_it_was_chosen() {
    let ground = TestBox::planted();
    let tree = ground.tree();
    let mut term = Term::huntbook(&ground, &["--root", tree.to_str().unwrap()]);
    term.wait("ssh/");
    term.send(&format!("{}\r", ground.home().display()));
    term.wait("does not lie in --root");
    term.send("\u{15}/proc\r");
    term.wait("/proc: lies on proc");
    term.wait("--include-pseudo");
    term.send(&format!("\u{15}{}\r", tree.display()));
    term.wait("scan done");
    term.send("q");
    term.left();
}

/// The other half of the test below: runs in a pseudo-terminal of its own.
#[test]
fn a_child_that_panics() {
    if std::env::var_os(CHILD).is_some() {
        let _guard = TerminalGuard::take(true, Glyphs::Unicode).unwrap();
        panic!("on purpose");
    }
}

#[test]
fn a_panic_gives_the_terminal_back_before_its_message() {
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.env(CHILD, "1");
    command.args(["--exact", "pty::a_child_that_panics", "--nocapture"]);
    let term = Term::spawn(command);
    term.wait("on purpose");
    assert_ne!(term.left(), 0);
}
