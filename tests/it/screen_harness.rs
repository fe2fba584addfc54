//! The screen without a terminal: real backend, real tree, a buffer that can be looked at.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use huntbook::internals::scan::{Control, ScanOptions, Tree};
use huntbook::internals::session::{RecordPlan, RuleChoice};
use huntbook::internals::theme::{self, ColorDepth};
use huntbook::internals::triage::Actor;
use huntbook::internals::tui::backend::Backend;
use huntbook::internals::tui::keymap::Keymap;
use huntbook::internals::tui::message::{Effect, Message};
use huntbook::internals::tui::state::App;
use huntbook::internals::tui::state::bell::Bell;
use huntbook::internals::tui::state::face::Face;
use huntbook::internals::tui::state::panes::Panes;
use huntbook::internals::tui::state::themes::Offer;
use huntbook::internals::tui::{Session, Start, Themes, frame, update};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::Modifier;
use tempfile::TempDir;

use crate::screen_snapshot::{self, Pair};

/// How long something may take to show.
const WAIT_TIMEOUT: Duration = Duration::from_secs(20);

/// A tree in a folder whose path is always as long, so that snapshots are the same everywhere.
pub struct TestTree {
    dir: TempDir,
}

impl TestTree {
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
    listed: Vec<(ColorDepth, Offer)>,
    backend: Backend,
    terminal: Terminal<TestBackend>,
    place: &'p TestTree,
}

impl<'p> Stage<'p> {
    pub fn open(place: &'p TestTree, size: (u16, u16)) -> Self {
        Self::open_with(place, size, RuleChoice::default())
    }

    pub fn open_with(place: &'p TestTree, size: (u16, u16), choice: RuleChoice) -> Self {
        let mut stage = Self::begin(place, size, choice);
        stage.wait("done in");
        stage
    }

    /// The scan is under way, or not even that.
    pub fn begin(place: &'p TestTree, size: (u16, u16), choice: RuleChoice) -> Self {
        let tree = Tree::open(&place.tree()).unwrap();
        Self::start(place, size, choice, Some(tree))
    }

    /// The case that was made before, without a scan.
    pub fn reopen(place: &'p TestTree, size: (u16, u16)) -> Self {
        Self::start(place, size, RuleChoice::default(), None)
    }

    fn start(place: &'p TestTree, size: (u16, u16), choice: RuleChoice, tree: Option<Tree>) -> Self {
        let actor = Actor { name: "root".into(), uid: 0, behind: Some("ann".into()) };
        let plan = RecordPlan {
            case: Some(place.case()),
            register: Some(place.register()),
            tree: place.tree(),
            root: huntbook::internals::root::Root::image(place.dir.path()),
            host: "web01".into(),
            actor: actor.clone(),
            reopened: tree.is_none(),
        };
        let start = Start {
            tree: place.tree().to_string_lossy().into_owned(),
            actor,
            host: "web01".into(),
            other_box: None,
            theme: theme::load(theme::DEFAULT, None, ColorDepth::TrueColor).unwrap(),
            keymap: Keymap::default(),
            now: jiff::Timestamp::now(),
            bell: Bell::Hits,
            panes: Panes::default(),
        };
        let session = Session {
            tree,
            choice,
            plan,
            options: ScanOptions::default(),
            record: serde_json::json!({}),
            asking: None,
            other_box: None,
            many: None,
        };
        let themes = Themes {
            folder: Some(place.themes()),
            config: Some("/home/ann/config.toml".into()),
            depth: ColorDepth::TrueColor,
        };
        let terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
        let backend = Backend::start(session).unwrap();
        Self {
            app: App::new(start),
            left: false,
            copied: None,
            rings: 0,
            themes,
            listed: Vec::new(),
            backend,
            terminal,
            place,
        }
    }

    fn take(&mut self, message: Message) {
        update::update(&mut self.app, Message::Clock(jiff::Timestamp::now()));
        for effect in update::update(&mut self.app, message) {
            self.carry_out(effect);
        }
    }

    /// The themes, read once for each depth: random journeys ask for them hundreds of times.
    fn offer(&mut self) -> Offer {
        let depth = self.themes.depth;
        if let Some((_, known)) = self.listed.iter().find(|(of, _)| *of == depth) {
            return known.clone();
        }
        let offer = self.themes.offer();
        self.listed.push((depth, offer.clone()));
        offer
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Record(request) => self.backend.record(request),
            Effect::Look(look) => self.backend.look(look),
            Effect::Explain(ask) => self.backend.explain(ask),
            Effect::Gather(ask) => self.backend.gather(ask),
            Effect::Quit => self.left = true,
            Effect::Copy(copied) => self.copied = Some(copied),
            Effect::ListThemes => {
                let offer = self.offer();
                self.backend.sender.send(Message::Themes(offer)).unwrap();
            }
            Effect::LookUp(reference) => self.backend.look_up(reference),
            Effect::Ring => self.rings += 1,
            Effect::Pause(true) => self.backend.gauges.steer(Control::pause),
            Effect::Pause(false) => self.backend.gauges.steer(Control::resume),
            Effect::SkipFile => self.backend.gauges.steer(Control::skip_current),
            Effect::CancelScan => self.backend.gauges.steer(Control::cancel),
            Effect::Suspend | Effect::Redraw => {}
        }
    }

    /// Draws what there is, and asks for what is missing.
    pub fn draw(&mut self) {
        self.terminal.draw(|frame| frame::draw(frame, &mut self.app)).unwrap();
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
        self.anywhere(out)
    }

    /// Columns and lines.
    pub fn size(&self) -> (u16, u16) {
        let area = self.terminal.backend().buffer().area;
        (area.width, area.height)
    }

    /// Holds the screen against its snapshots, in colour and without.
    pub fn hold(&mut self, name: &str) {
        let colour = self.buffer();
        let worn = std::mem::replace(&mut self.app.theme, screen_snapshot::mono());
        self.draw();
        let pair = Pair { colour, mono: self.buffer() };
        self.app.theme = worn;
        self.draw();
        pair.hold(name);
    }

    /// The same with the list of themes above, after `keys`. It shows themes as the terminal has them.
    pub fn hold_themes(&mut self, name: &str, keys: &str) {
        let list = |stage: &mut Self, depth| {
            stage.themes.depth = depth;
            stage.press("esc T");
            stage.wait("> dark");
            stage.press(keys);
            let buffer = stage.buffer();
            stage.press("esc");
            buffer
        };
        let colour = list(self, ColorDepth::TrueColor);
        let worn = std::mem::replace(&mut self.app.theme, screen_snapshot::mono());
        let pair = Pair { colour, mono: list(self, ColorDepth::Mono) };
        (self.app.theme, self.themes.depth) = (worn, ColorDepth::TrueColor);
        pair.hold(name);
    }

    /// The cells of the screen, with the tree's place made the same everywhere.
    pub fn buffer(&self) -> Buffer {
        let mut buffer = self.terminal.backend().buffer().clone();
        for row in buffer.content.chunks_mut(usize::from(buffer.area.width)) {
            let line = self.anywhere(row.iter().map(Cell::symbol).collect());
            for (cell, c) in row.iter_mut().zip(line.chars()) {
                cell.set_char(c);
            }
            // The second cell of a wide letter is never sent to a terminal; it holds what was there before.
            for at in 1..row.len() {
                if huntbook::internals::text::width(row[at - 1].symbol()) > 1 {
                    row[at] = Cell::EMPTY;
                    row[at].set_style(row[at - 1].style());
                }
            }
        }
        buffer
    }

    /// `out` with another name for the tree's place, of as many letters.
    fn anywhere(&self, out: String) -> String {
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

    /// A cell that holds what could fool a terminal.
    pub fn hostile_cell(&self) -> Option<&Cell> {
        let cells = &self.terminal.backend().buffer().content;
        cells.iter().find(|cell| cell.symbol().contains(|c| !huntbook::internals::text::is_plain_char(c)))
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
            assert!(start.elapsed() < WAIT_TIMEOUT, "waited for {what}:\n{}", self.screen());
            if let Ok(message) = self.backend.messages.recv_timeout(Duration::from_millis(20)) {
                self.take(message);
            }
        }
    }

    /// Until nothing more comes. What the box says comes in parts, of which the last is waited for.
    pub fn settle(&mut self) {
        loop {
            let gathered = self.app.detail.as_ref().and_then(|detail| detail.gathered.as_ref());
            let is_open = gathered.is_some_and(|gathered| !gathered.is_whole);
            let wait = if is_open { WAIT_TIMEOUT } else { Duration::from_millis(60) };
            let Ok(message) = self.backend.messages.recv_timeout(wait) else { break };
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

    /// What has come in so far and how far the scan is, drawn once.
    pub fn drain(&mut self) {
        if let Some((reading, current)) = self.backend.gauges.read() {
            self.take(Message::Tick(reading, Box::new(current)));
        }
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
        let place =
            (0..self.app.list.len()).find(|place| self.app.list.at(*place).unwrap().path.as_ref() == tree.join(end));
        self.app.list.select_place(place.unwrap_or_else(|| panic!("no finding {end}:\n{}", self.screen())));
        self.press("enter");
        self.wait("1 Bytes");
        // Text is shown as text at first; what is tried are the digits, unless a test is about text.
        let hex = &mut self.app.detail.as_mut().unwrap().hex;
        if hex.face == Face::Text {
            hex.show(Face::Hex);
            self.settle();
        }
        self
    }

    /// Opens the finding of this name by the filter.
    pub fn open_path_by_name(&mut self, name: &str) -> &mut Self {
        self.press("/").type_text(name).press("enter enter");
        self.wait("1 Bytes");
        self
    }

    /// The same from wherever one is.
    pub fn open_path_of(&mut self, end: &str) -> &mut Self {
        self.press("esc esc");
        self.open_path(end)
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
