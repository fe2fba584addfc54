//! Journeys nobody would plan: random keys, clicks, drags, pastes and sizes, while the box is scanned and files with
//! hostile names are found. Nothing may panic, and Esc and q lead out from everywhere.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use huntbook::internals::places::{DiskUsage, ListedFolder, MountList, PathCompletion};
use huntbook::internals::session::RuleChoice;
use huntbook::internals::tui::backend::place_probe::{PlaceAnswer, PlaceQuery, Tried};
use huntbook::internals::tui::message::Message;
use huntbook::internals::tui::state::Screen;
use huntbook::internals::tui::update::chooser::{self as choosing, ChooserEffect};

use crate::chooser::Play;
use crate::screen_harness::{Stage, TestTree, event};
use crate::tui::{SMALL, WIDE};

const STEPS: usize = 20_000;
/// Steps from one look at the screen to the next, and from one try to get out to the next.
const LOOK_INTERVAL: usize = 10;
const WAY_OUT: usize = 500;
/// More layers than there are.
const LAYERS: usize = 8;

const KEYS: [KeyCode; 15] = [
    KeyCode::Enter,
    KeyCode::Esc,
    KeyCode::Tab,
    KeyCode::BackTab,
    KeyCode::Up,
    KeyCode::Down,
    KeyCode::Left,
    KeyCode::Right,
    KeyCode::PageUp,
    KeyCode::PageDown,
    KeyCode::Home,
    KeyCode::End,
    KeyCode::Backspace,
    KeyCode::Delete,
    KeyCode::F(5),
];

const PASTES: [&str; 8] =
    ["\u{1b}[2J", "nightly", "0x10", "x:00 ??", "r:(", "", "\u{202e}日本\u{200b}\n\t", "-99999999%"];

/// Ways from the list into what random keys find too seldom.
const WAYS: [&str; 16] = [
    "T j j",
    "T G",
    "b b g left space",
    "b b b b z end right",
    "s s s S",
    "enter 1 s } } {",
    "enter 1 v l l j y h",
    "enter 1 m a end ' a",
    "enter 1 / 0 . enter f F",
    "enter 1 g 5 0 % enter i",
    "enter 2 G k enter",
    "enter 3 space end enter",
    "enter 5 b f j j",
    "enter 5 a x tab l tab tab enter",
    "R / e enter d x enter",
    "C / s enter G",
];

/// Random numbers that are the same for the same seed. The seed is told when a test fails.
struct Luck {
    seed: u64,
    state: u64,
}

impl Luck {
    fn new(seed: u64) -> Self {
        Self { seed, state: seed | 1 }
    }

    /// A seed that no run had before.
    fn of_now() -> Self {
        Self::new(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state % bound as u64) as usize
    }

    fn one_of<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Any size down to one cell; as often as not one that is worked with.
    fn size(&mut self) -> (u16, u16) {
        match self.below(4) {
            0 => SMALL,
            1 => WIDE,
            2 => (self.below(70) as u16 + 1, self.below(20) as u16 + 1),
            _ => (self.below(200) as u16 + 1, self.below(60) as u16 + 1),
        }
    }

    fn key(&mut self) -> Message {
        let modifiers = match self.below(12) {
            0 => KeyModifiers::CONTROL,
            1 => KeyModifiers::ALT,
            _ => KeyModifiers::NONE,
        };
        let code = match self.below(10) {
            0 => KeyCode::Esc,
            1..=3 => self.one_of(&KEYS),
            // Not the keys that write a file where the tests run.
            _ => match char::from(self.below(95) as u8 + 32) {
                'E' | 'w' | 'W' => KeyCode::Char('e'),
                letter => KeyCode::Char(letter),
            },
        };
        Message::Key(KeyEvent::new(code, modifiers))
    }

    /// A click, a turn of the wheel, or a drag as a whole: pressed, moved and let go, though perhaps not in that order.
    fn mouse(&mut self, columns: &[u16]) -> Vec<Message> {
        let left = MouseButton::Left;
        let kinds: &[MouseEventKind] = match self.below(4) {
            0 => &[MouseEventKind::Down(left), MouseEventKind::Down(left)],
            1 => &[MouseEventKind::ScrollDown, MouseEventKind::ScrollUp, MouseEventKind::ScrollDown],
            2 => &[MouseEventKind::Drag(left), MouseEventKind::Up(MouseButton::Right)],
            _ => &[
                MouseEventKind::Down(left),
                MouseEventKind::Drag(left),
                MouseEventKind::Drag(left),
                MouseEventKind::Up(left),
            ],
        };
        let mut at = (self.below(220) as u16, self.below(64) as u16);
        if !columns.is_empty() && self.below(2) == 0 {
            at.0 = self.one_of(columns);
        }
        let mut out = Vec::new();
        for kind in kinds {
            let (column, row) = at;
            out.push(Message::Mouse(MouseEvent { kind: *kind, column, row, modifiers: KeyModifiers::NONE }));
            if matches!(kind, MouseEventKind::Drag(_)) || self.below(4) == 0 {
                at = (self.below(220) as u16, self.below(64) as u16);
            }
        }
        out
    }

    /// What comes from the terminal next; `columns` are worth a press of the mouse.
    fn input(&mut self, columns: &[u16]) -> Vec<Message> {
        match self.below(24) {
            0 => vec![Message::Paste(self.one_of(&PASTES).into())],
            1..=3 => self.mouse(columns),
            4..=5 => {
                ["esc", "esc"].into_iter().chain(self.one_of(&WAYS).split(' ')).map(event).map(Message::Key).collect()
            }
            _ => vec![self.key()],
        }
    }
}

impl Drop for Luck {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed was {:#x}", self.seed);
        }
    }
}

/// Every hunt's files, many copies of one, and names that could fool a terminal.
fn hostile() -> TestTree {
    let place = TestTree::planted();
    let tree = place.tree();
    let deep = tree.join("deep/".repeat(40));
    std::fs::create_dir_all(&deep).unwrap();
    let long = "n".repeat(255);
    let names: [&[u8]; 7] = [
        b"\x1b[2J\x1b]0;x\x07",
        b"a\nb\tc\rd",
        b"\xff\xfe\x80",
        "\u{202e}txt.exe\u{2066}".as_bytes(),
        "e\u{301}\u{301}\u{301}\u{301}\u{301}".as_bytes(),
        "日本\u{200b}語".as_bytes(),
        long.as_bytes(),
    ];
    for name in names {
        let name = OsString::from_vec(name.to_vec());
        std::fs::write(tree.join(&name), crate::fixtures::callback()).unwrap();
        std::fs::write(deep.join(&name), crate::fixtures::tinyexec(200)).unwrap();
    }
    for copy in 0..200 {
        std::fs::write(tree.join(format!("copy{copy}")), crate::fixtures::callback()).unwrap();
    }
    place
}

fn play(stage: &mut Stage<'_>, luck: &mut Luck, steps: usize) {
    for step in 0..steps {
        if luck.below(15) == 0 {
            stage.resize_only(luck.size());
        }
        let width = stage.size().0;
        let widths = stage.app.panes.widths(width);
        let edges = [widths.hunts, widths.hunts.saturating_sub(1), width.saturating_sub(widths.preview)];
        for message in luck.input(&edges) {
            stage.feed(message);
        }
        if step % LOOK_INTERVAL == 0 {
            stage.drain();
            assert_eq!(stage.hostile_cell(), None, "step {step}:\n{}", stage.screen());
        }
        if step % WAY_OUT == 0 {
            leave(stage, step);
        }
    }
    stage.settle();
    leave(stage, steps);
    stage.resize_only(SMALL);
    stage.wait("Hunts");
}

/// Esc leads to the list of findings, however many layers there are, and q leaves.
fn leave(stage: &mut Stage<'_>, step: usize) {
    for _ in 0..LAYERS {
        stage.feed(Message::Key(event("esc")));
    }
    assert!(stage.app.overlay.is_none(), "step {step}: {:?}", stage.app.overlay);
    assert_eq!((stage.app.screen, stage.app.list.filter()), (Screen::Findings, ""), "step {step}");
    stage.left = false;
    stage.feed(Message::Key(event("q")));
    assert!(stage.left, "step {step}: q leaves");
}

fn a_scan_and_its_case(mut luck: Luck, steps: usize) {
    let place = hostile();
    let mut stage = Stage::begin(&place, SMALL, RuleChoice::default());
    play(&mut stage, &mut luck, steps);
    stage.leave();
    let mut stage = Stage::reopen(&place, SMALL);
    play(&mut stage, &mut luck, steps / 4);
    stage.leave();
}

#[test]
fn twenty_thousand_random_steps_neither_break_nor_trap_the_screen() {
    a_scan_and_its_case(Luck::new(0x9e37_79b9_7f4a_7c15), STEPS);
}

#[test]
fn nor_do_steps_that_nobody_took_before() {
    a_scan_and_its_case(Luck::of_now(), STEPS / 2);
}

/// What the box might say to what is asked, true or not, and what nobody asked for.
fn news(luck: &mut Luck, asked: Option<PlaceQuery>) -> PlaceAnswer {
    let folder = |luck: &mut Luck| {
        let name = luck.one_of(&[
            "a",
            ".ssh",
            "x\u{1b}[2J\u{202e}",
            "日本",
            "a name that is so long that it is cut everywhere",
        ]);
        ListedFolder { name: name.into(), link: (luck.below(3) == 0).then(|| PathBuf::from("../elsewhere\u{7}")) }
    };
    let folders = |luck: &mut Luck| (0..luck.below(40)).map(|_| folder(luck)).collect::<Vec<_>>();
    let refused = || "permission denied".to_owned();
    let is_refused = luck.below(3) == 0;
    match asked {
        Some(PlaceQuery::Folder(path)) if is_refused => PlaceAnswer::Folders(path, Err(refused())),
        Some(PlaceQuery::Folder(path)) => PlaceAnswer::Folders(path, Ok((folders(luck), luck.below(2) == 0))),
        Some(PlaceQuery::Open(path)) => {
            PlaceAnswer::Opened(path, if is_refused { Err(refused()) } else { Ok(Tried::Ready) })
        }
        Some(PlaceQuery::Complete { typed, .. }) if is_refused => PlaceAnswer::Completed(typed, Err(refused())),
        Some(PlaceQuery::Complete { typed, .. }) => {
            let names = vec!["srv".to_owned(), "s\u{202e}x".to_owned()];
            PlaceAnswer::Completed(
                typed,
                Ok(PathCompletion { typed: "/s".into(), names, count: luck.below(4), untypable: 1 }),
            )
        }
        Some(PlaceQuery::Mounts) if is_refused => PlaceAnswer::Mounts(Err(refused())),
        Some(PlaceQuery::Mounts) => {
            PlaceAnswer::Mounts(Ok(MountList::parse(b"22 1 8:1 / / rw - ext4 /dev/sda1 rw\nnonsense\n")))
        }
        Some(PlaceQuery::Recent) => PlaceAnswer::RecentEnd,
        None => match luck.below(4) {
            0 => PlaceAnswer::DiskUsage(
                "/".into(),
                Ok(DiskUsage { size: luck.below(9) as u64, used: luck.below(20) as u64 }),
            ),
            1 => PlaceAnswer::RoomEnd,
            2 => PlaceAnswer::Links("/home/ann".into(), folders(luck)),
            _ => PlaceAnswer::Recent(Err(refused())),
        },
    }
}

fn choose(mut luck: Luck) {
    let mut play = Play::open(SMALL);
    for step in 0..STEPS {
        if luck.below(20) == 0 {
            let (width, height) = luck.size();
            play.terminal.backend_mut().resize(width, height);
        }
        let mut asked: Vec<_> = if luck.below(20) == 0 { vec![None] } else { Vec::new() };
        for message in luck.input(&[]) {
            for effect in choosing::input(&mut play.chooser, message) {
                if let ChooserEffect::PlaceQuery(ask) = effect {
                    asked.push(Some(ask));
                }
            }
        }
        // Some answers never come.
        for asked in asked {
            if luck.below(4) > 0 {
                play.news(news(&mut luck, asked));
            }
        }
        if step % LOOK_INTERVAL == 0 {
            play.draw();
        }
        if step % WAY_OUT == 0 {
            let esc = |play: &mut Play| choosing::input(&mut play.chooser, Message::Key(event("esc")));
            let left = (0..LAYERS).any(|_| esc(&mut play) == [ChooserEffect::Leave(None)]);
            assert!(left, "step {step}: Esc leads out");
            assert_eq!(
                choosing::input(&mut play.chooser, Message::Key(event("q"))),
                [ChooserEffect::Leave(None)],
                "{step}"
            );
        }
    }
}

#[test]
fn twenty_thousand_random_steps_neither_break_nor_trap_the_choice_of_a_tree() {
    choose(Luck::new(0x2545_f491_4f6c_dd1d));
    choose(Luck::of_now());
}
