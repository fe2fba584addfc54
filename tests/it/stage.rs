//! The screen without a terminal: real backend, real tree, a buffer that can be looked at.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use huntbook::scan::{ScanOptions, Tree};
use huntbook::session::{RecordPlan, RuleChoice};
use huntbook::theme::{self, Depth};
use huntbook::triage::Actor;
use huntbook::tui::backend::Backend;
use huntbook::tui::keymap::Keymap;
use huntbook::tui::message::{Effect, Message};
use huntbook::tui::state::App;
use huntbook::tui::state::alarm::Bell;
use huntbook::tui::{Session, Start, Themes, update, view};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Cell;
use ratatui::style::Modifier;
use tempfile::TempDir;

/// How long something may take to show.
const PATIENCE: Duration = Duration::from_secs(20);

/// A tree in a folder whose path is always as long, so that snapshots are the same everywhere.
pub struct Place {
    dir: TempDir,
}

impl Place {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("hb").rand_bytes(6).tempdir_in("/tmp").unwrap();
        std::fs::create_dir(dir.path().join("tree")).unwrap();
        Self { dir }
    }

    pub fn planted() -> Self {
        let place = Self::new();
        crate::fixtures::plant(&place.tree());
        place
    }

    pub fn tree(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join("tree")
    }

    pub fn register(&self) -> PathBuf {
        self.dir.path().join("exclusions.toml")
    }

    /// The person's own themes.
    pub fn themes(&self) -> PathBuf {
        self.dir.path().join("themes")
    }

    pub fn case(&self) -> PathBuf {
        self.dir.path().join("hunt.case")
    }
}

/// The screen, played.
pub struct Stage<'p> {
    pub app: App,
    pub left: bool,
    pub copied: Option<String>,
    pub rings: usize,
    pub themes: Themes,
    backend: Backend,
    terminal: Terminal<TestBackend>,
    place: &'p Place,
}

impl<'p> Stage<'p> {
    pub fn open(place: &'p Place, size: (u16, u16)) -> Self {
        Self::open_with(place, size, RuleChoice::default())
    }

    pub fn open_with(place: &'p Place, size: (u16, u16), choice: RuleChoice) -> Self {
        Self::start(place, size, choice, false)
    }

    /// The place's case as it is, without a scan.
    pub fn reopen(place: &'p Place, size: (u16, u16)) -> Self {
        let mut stage = Self::start(place, size, RuleChoice::default(), true);
        stage.wait("done in");
        stage
    }

    /// As [`Stage::open_with`], or with the place's case as it is.
    pub fn start(place: &'p Place, size: (u16, u16), choice: RuleChoice, reopened: bool) -> Self {
        let tree = Tree::open(&place.tree()).unwrap();
        let actor = Actor { name: "root".into(), uid: 0, behind: Some("ann".into()) };
        let plan = RecordPlan {
            case: Some(place.case()),
            register: place.register(),
            tree: tree.start().to_owned(),
            root: place.dir.path().canonicalize().unwrap(),
            host: "web01".into(),
            actor: actor.clone(),
            reopened,
        };
        let start = Start {
            tree: tree.start().to_string_lossy().into_owned(),
            actor,
            host: "web01".into(),
            other_box: false,
            theme: theme::load(theme::DEFAULT, None, Depth::TrueColor).unwrap(),
            keymap: Keymap::default(),
            bell: Bell::Hits,
        };
        let tree = Some(tree).filter(|_| !reopened);
        let session = Session { tree, choice, plan, options: ScanOptions::default(), record: serde_json::json!({}) };
        let themes = Themes { folder: Some(place.themes()), depth: Depth::TrueColor };
        let terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
        let backend = Backend::start(session);
        let mut stage =
            Self { app: App::new(start), left: false, copied: None, rings: 0, themes, backend, terminal, place };
        if !reopened {
            stage.wait("done in");
        }
        stage
    }

    fn take(&mut self, message: Message) {
        for effect in update::update(&mut self.app, message) {
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Record(request) => self.backend.record(request),
            Effect::Look(look) => self.backend.look(look),
            Effect::Explain(ask) => self.backend.explain(ask),
            Effect::Gather(ask) => self.backend.gather(ask),
            Effect::Quit => self.left = true,
            Effect::Copy(copied) => self.copied = Some(copied),
            Effect::ListThemes => self.backend.sender.send(Message::Themes(self.themes.choices())).unwrap(),
            Effect::Ring => self.rings += 1,
            Effect::Pause(_) | Effect::SkipFile | Effect::CancelScan | Effect::Suspend | Effect::Redraw => {}
        }
    }

    /// Draws what there is, and asks for what is missing.
    pub fn draw(&mut self) {
        self.terminal.draw(|frame| view::draw(frame, &mut self.app)).unwrap();
        for effect in update::wanted(&mut self.app) {
            self.carry_out(effect);
        }
    }

    /// What stands on the screen, with the tree's place made the same everywhere.
    pub fn screen(&self) -> String {
        let buffer = self.terminal.backend().buffer();
        let mut out = String::new();
        for y in 0..buffer.area.height {
            let line: String = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
            out.push_str(line.trim_end());
            out.push('\n');
        }
        let name = self.place.dir.path().file_name().unwrap().to_str().unwrap();
        // A path may have been cut within the name.
        let out = (4..=name.len()).rev().fold(out, |out, length| out.replace(&name[..length], &"hb000000"[..length]));
        let out = out.replace(&format!("{}…", &name[..3]), "hb0…");
        (2..name.len()).fold(out, |out, cut| {
            out.replace(&format!("…{}/tree", &name[cut..]), &format!("…{}/tree", &"hb000000"[cut..]))
        })
    }

    /// The same, with what is underlined pointed at from the line below: letters that a filter matched.
    pub fn underlined(&self) -> String {
        let buffer = self.terminal.backend().buffer();
        let mut out = String::new();
        for (y, line) in (0..).zip(self.screen().lines()) {
            let is_underlined = |x| buffer[(x, y)].modifier.contains(Modifier::UNDERLINED);
            let below: String = (0..buffer.area.width).map(|x| if is_underlined(x) { '^' } else { ' ' }).collect();
            out.push_str(line);
            out.push('\n');
            if !below.trim().is_empty() {
                out.push_str(below.trim_end());
                out.push('\n');
            }
        }
        out
    }

    /// One place of the screen with its colours.
    pub fn cell(&self, x: u16, y: u16) -> &Cell {
        &self.terminal.backend().buffer()[(x, y)]
    }

    /// Until `text` stands on the screen.
    pub fn wait(&mut self, text: &str) {
        self.wait_for(&format!("{text:?}"), |screen| screen.contains(text));
    }

    fn wait_for(&mut self, what: &str, shows: impl Fn(&str) -> bool) {
        let start = Instant::now();
        loop {
            self.draw();
            if shows(&self.screen()) {
                return self.settle();
            }
            assert!(start.elapsed() < PATIENCE, "waited for {what}:\n{}", self.screen());
            if let Ok(message) = self.backend.messages.recv_timeout(Duration::from_millis(20)) {
                self.take(message);
            }
        }
    }

    /// Until nothing more comes.
    pub fn settle(&mut self) {
        while let Ok(message) = self.backend.messages.recv_timeout(Duration::from_millis(60)) {
            self.take(message);
            self.draw();
        }
        self.draw();
    }

    /// Presses keys, each written as in the keymap's table, separated by spaces.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        for key in keys.split(' ') {
            self.take(Message::Key(event(key)));
            self.draw();
        }
        self.settle();
        self
    }

    pub fn type_text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.take(Message::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
        }
        self.draw();
        self
    }

    pub fn message(&mut self, message: Message) {
        self.take(message);
        self.draw();
    }

    /// A message without waiting for what comes of it.
    pub fn feed(&mut self, message: Message) {
        self.take(message);
    }

    /// What has come in so far, drawn once.
    pub fn drain(&mut self) {
        while let Ok(message) = self.backend.messages.try_recv() {
            self.take(message);
        }
        self.draw();
    }

    /// Another size, drawn at once.
    pub fn resize_only(&mut self, size: (u16, u16)) {
        self.terminal.backend_mut().resize(size.0, size.1);
        self.take(Message::Resize);
        self.draw();
    }

    pub fn resize(&mut self, size: (u16, u16)) {
        self.terminal.backend_mut().resize(size.0, size.1);
        self.take(Message::Resize);
        self.draw();
        self.settle();
    }

    /// Selects the finding whose path ends so, and opens it.
    pub fn open_path(&mut self, end: &str) -> &mut Self {
        let tree = self.place.tree();
        let place = (0..self.app.list.len()).find(|place| self.app.list.at(*place).unwrap().path == tree.join(end));
        self.app.list.select_place(place.unwrap_or_else(|| panic!("no finding {end}:\n{}", self.screen())));
        self.press("enter");
        self.wait("1 Hex");
        self
    }

    /// Leaves as q does, so that case and register are closed.
    pub fn leave(self) {
        self.backend.finish();
    }
}

pub fn event(key: &str) -> KeyEvent {
    let (key, modifiers) = match key.strip_prefix("ctrl-") {
        Some(rest) => (rest, KeyModifiers::CONTROL),
        None => (key, KeyModifiers::NONE),
    };
    let code = match key {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "backspace" => KeyCode::Backspace,
        "backtab" => KeyCode::BackTab,
        "space" => KeyCode::Char(' '),
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "pgdn" => KeyCode::PageDown,
        "pgup" => KeyCode::PageUp,
        other => KeyCode::Char(other.chars().next().unwrap()),
    };
    KeyEvent::new(code, modifiers)
}
