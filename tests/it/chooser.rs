//! Choosing a tree: keys, mouse and answers in, screens out. What the box would say is made up here.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use huntbook::internals::case::CaseSummary;
use huntbook::internals::places::{DiskUsage, ListedFolder, MountList, PathCompletion, Recent};
use huntbook::internals::session::{HostIdentity, StartedAs};
use huntbook::internals::theme::{self, ColorDepth};
use huntbook::internals::tui::backend::place_probe::{OpenTarget, PlaceAnswer, PlaceQuery, Tried};
use huntbook::internals::tui::keymap::Keymap;
use huntbook::internals::tui::message::Message;
use huntbook::internals::tui::state::chooser::{Chooser, ChooserRow, ChooserSection, Outset};
use huntbook::internals::tui::update::chooser::{self as update, ChooserEffect};
use huntbook::internals::tui::{Themes, frame};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::screen_harness::event;
use crate::screen_snapshot::{self, Pair};

const SMALL: (u16, u16) = (80, 24);
const WIDE: (u16, u16) = (160, 50);

const MOUNTINFO: &[u8] = b"22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
    23 22 0:20 / /proc rw shared:2 - proc proc rw\n\
    24 22 0:21 / /sys rw shared:3 - sysfs sysfs rw\n\
    25 22 8:17 / /srv rw shared:4 - xfs /dev/sdb1 rw\n\
    26 22 0:40 / /mnt/backup rw shared:5 - nfs4 nas:/export/backup rw\n\
    27 22 0:41 / /mnt/evil\\040\x1b[2J rw - fuse.sshfs x:/ rw\n";

/// What is known of the box of this name.
fn identity(host: &str) -> Vec<(String, String)> {
    [("host.name", host.to_owned()), ("host.id", format!("id of {host}"))]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
}

/// The screen, played.
pub struct Play {
    pub chooser: Chooser,
    pub terminal: Terminal<TestBackend>,
}

impl Play {
    fn empty(size: (u16, u16)) -> Self {
        let chooser = Chooser::new(Outset {
            folder: "/home/ann".into(),
            home: Some("/home/ann".into()),
            host: "web01".into(),
            identity: HostIdentity::of_case(&identity("web01")),
            theme: theme::load(theme::DEFAULT, None, ColorDepth::TrueColor).unwrap(),
            keymap: Keymap::default(),
        });
        Self { chooser, terminal: Terminal::new(TestBackend::new(size.0, size.1)).unwrap() }
    }

    /// With all answers in but those of the server that does not answer.
    pub fn open(size: (u16, u16)) -> Self {
        let mut play = Self::empty(size);
        for (host, tree, seconds, findings, open) in [
            ("web01", "/srv/www", 1_700_000_000, 1234, 12),
            ("web02", "/mnt/image/srv", 1_690_000_000, 3, 0),
            ("web01", "/opt", 1_710_000_000, 0, 0),
        ] {
            let started = jiff::Timestamp::from_second(seconds).unwrap();
            let (options, whole, box_facts) = (serde_json::json!({}), findings != 3, identity(host));
            let case = format!("/cases/{host}.case").into();
            let (host, tree) = (host.to_owned(), tree.into());
            let summary = CaseSummary { host, box_facts, tree, started, whole, findings, open, options };
            play.news(PlaceAnswer::Recent(Ok(Box::new(Recent { case, summary }))));
        }
        play.news(PlaceAnswer::RecentEnd);
        play.news(PlaceAnswer::Mounts(Ok(MountList::parse(MOUNTINFO))));
        play.news(PlaceAnswer::DiskUsage("/".into(), Ok(DiskUsage { size: 64 << 30, used: 16 << 30 })));
        play.news(PlaceAnswer::DiskUsage("/srv".into(), Ok(DiskUsage { size: 4 << 40, used: 3 << 40 })));
        play.news(PlaceAnswer::DiskUsage(
            OsStr::from_bytes(b"/mnt/evil \x1b[2J").into(),
            Err("permission denied".into()),
        ));
        play.folders("/home/ann", &[".ssh", "reports", "jobs", "srv-copy", "x\u{1b}[2J\u{202e}"]);
        play.news(PlaceAnswer::Links("/home/ann".into(), vec![link("latest", "/srv/www/2026")]));
        play
    }

    fn folders(&mut self, path: &str, names: &[&str]) {
        let folders = names.iter().map(|name| ListedFolder { name: name.into(), link: None }).collect();
        self.news(PlaceAnswer::Folders(path.into(), Ok((folders, false))));
    }

    pub fn news(&mut self, news: PlaceAnswer) -> Vec<ChooserEffect> {
        let effects = update::news(&mut self.chooser, news);
        self.draw();
        effects
    }

    pub fn draw(&mut self) {
        self.terminal.draw(|frame| frame::draw_chooser(frame, &mut self.chooser)).unwrap();
    }

    /// Presses keys, each written as in the keymap's table; returns what the last one asks for.
    fn press(&mut self, keys: &str) -> Vec<ChooserEffect> {
        let mut effects = Vec::new();
        for key in keys.split(' ') {
            effects = update::input(&mut self.chooser, Message::Key(event(key)));
            self.draw();
        }
        effects
    }

    fn mouse(&mut self, kind: MouseEventKind, column: u16, row: u16) -> Vec<ChooserEffect> {
        let event = MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE };
        let effects = update::input(&mut self.chooser, Message::Mouse(event));
        self.draw();
        effects
    }

    /// Holds the screen against its snapshots, in colour and without.
    fn hold(&mut self, name: &str) {
        let colour = self.terminal.backend().buffer().clone();
        let worn = std::mem::replace(&mut self.chooser.theme, screen_snapshot::mono());
        self.draw();
        let mono = self.terminal.backend().buffer().clone();
        self.chooser.theme = worn;
        Pair { colour, mono }.hold(name);
    }

    fn screen(&self) -> String {
        let buffer = self.terminal.backend().buffer();
        let line = |y| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..buffer.area.height).map(|y| line(y).trim_end().to_owned() + "\n").collect()
    }

    fn selected(&self) -> PathBuf {
        self.chooser.path_of(self.chooser.selected().unwrap())
    }

    #[track_caller]
    fn says(&self, text: &str) {
        assert!(self.screen().contains(text), "{text:?} is not on the screen:\n{}", self.screen());
    }
}

fn link(name: &str, target: &str) -> ListedFolder {
    ListedFolder { name: name.into(), link: Some(target.into()) }
}

fn opens(path: &str) -> Vec<ChooserEffect> {
    vec![ChooserEffect::PlaceQuery(PlaceQuery::Open(path.into()))]
}

fn looks(path: &str) -> Vec<ChooserEffect> {
    vec![ChooserEffect::PlaceQuery(PlaceQuery::Folder(path.into()))]
}

#[test]
fn the_screen_at_both_sizes() {
    for size in [SMALL, WIDE] {
        let mut play = Play::open(size);
        play.hold("choose");
        play.news(PlaceAnswer::RoomEnd);
        play.press("l");
        play.hold("choose-jump");
        play.press("esc /");
        let names = vec!["sbin".to_owned(), "srv".to_owned(), "s\u{202e}x".to_owned()];
        play.press("s");
        let completion = PathCompletion { typed: "/s".into(), names, count: 3, untypable: 1 };
        play.news(PlaceAnswer::Completed("/s".into(), Ok(completion)));
        play.hold("choose-path");
        play.press("esc ?");
        play.hold("choose-help");
    }
}

#[test]
fn letters_jump_and_the_few_that_are_keys_do_not() {
    let mut play = Play::open(SMALL);
    play.press("r e");
    assert_eq!(play.selected(), Path::new("/home/ann/reports"));
    play.says("jump: re");
    play.press("backspace backspace");
    assert!(play.chooser.jump.is_empty());
    play.press("J");
    assert_eq!(play.selected(), Path::new("/home/ann/jobs"), "a capital that is no key jumps too");
    play.press("esc . s");
    assert_eq!(play.selected(), Path::new("/home/ann/.ssh"));
    play.press("esc o p t");
    assert_eq!(play.selected(), Path::new("/opt"), "other sections are looked through too");
    assert_eq!(play.chooser.focus, ChooserSection::Recent);
    play.press("esc b a c k u p");
    assert_eq!(play.selected(), Path::new("/mnt/backup"), "k belongs to the name once a jump is under way");
    play.press("z");
    play.says("no name here begins with backupz");
    assert_eq!(play.selected(), Path::new("/mnt/backup"));
    play.press("esc k j");
    assert_eq!(play.selected(), Path::new("/mnt/backup"));
    assert_eq!(play.press("q"), [ChooserEffect::Leave(None)]);
}

#[test]
fn folders_are_looked_into_and_left_again() {
    let mut play = Play::open(SMALL);
    play.press("r e p");
    assert_eq!(play.press("enter"), looks("/home/ann/reports"));
    play.says("…");
    play.news(PlaceAnswer::Folders("/home/ann".into(), Ok((Vec::new(), false))));
    play.says("…");
    play.news(PlaceAnswer::Folders("/home/ann/reports".into(), Err("/home/ann/reports: permission denied".into())));
    play.says("permission denied");
    assert_eq!(play.press("left"), looks("/home/ann"));
    play.folders("/home/ann", &["a", "reports"]);
    assert_eq!(play.selected(), Path::new("/home/ann/reports"), "the folder that was left is selected");
    play.news(PlaceAnswer::Links("/home/ann".into(), vec![link("b", "a"), link("z", "a")]));
    assert_eq!(play.selected(), Path::new("/home/ann/reports"), "what comes later moves nothing");
    play.press("home");
    assert_eq!(play.press("enter"), opens("/home/ann"));
    play.press("esc down");
    assert_eq!(play.press("enter"), looks("/home"));
    assert_eq!(play.press("backspace"), looks("/"));
    assert_eq!(play.press("backspace"), []);
    assert!(
        !matches!(play.chooser.spot(ChooserSection::Folders, 1), Some(ChooserRow::Above)),
        "nothing is above the root"
    );
}

#[test]
fn what_cannot_be_read_hides_nothing_that_can() {
    for size in [SMALL, WIDE, (60, 16)] {
        let mut play = Play::empty(size);
        play.draw();
        play.says("…");
        play.news(PlaceAnswer::Recent(Err("/cases/bad.case: is not a case".into())));
        play.says("not all cases can be read: /cases/bad.case");
        let summary = CaseSummary {
            host: "web01".into(),
            box_facts: identity("web01"),
            tree: "/srv/www".into(),
            started: jiff::Timestamp::UNIX_EPOCH,
            whole: true,
            findings: 2,
            open: 0,
            options: serde_json::json!({}),
        };
        play.news(PlaceAnswer::Recent(Ok(Box::new(Recent { case: "/cases/a.case".into(), summary }))));
        play.says("/srv/www");
        play.news(PlaceAnswer::Mounts(Ok(MountList::parse(b"36 35 98:0 / /good rw - ext4 /dev/sda1 rw\nnonsense\n"))));
        play.says("/good");
        play.news(PlaceAnswer::Mounts(Err("permission denied".into())));
        play.says("/good");
    }
}

#[test]
fn the_selection_stays_where_it_was_put() {
    let mut play = Play::open(SMALL);
    play.press("tab down");
    assert_eq!(play.selected(), Path::new("/srv/www"));
    let newer = CaseSummary { started: jiff::Timestamp::MAX, ..play.chooser.recent[0].summary.clone() };
    play.news(PlaceAnswer::Recent(Ok(Box::new(Recent { case: "/cases/new.case".into(), summary: newer }))));
    assert_eq!(play.selected(), Path::new("/srv/www"));
    let asks =
        [PlaceQuery::Folder("/home/ann".into()), PlaceQuery::Mounts, PlaceQuery::Recent].map(ChooserEffect::PlaceQuery);
    assert_eq!(play.press("ctrl-r"), asks);
    play.press("tab");
    assert_eq!(play.selected(), Path::new("/"), "a section without rows is passed over");
}

#[test]
fn a_link_is_not_followed_unless_it_is_chosen() {
    let mut play = Play::open(SMALL);
    play.press("l a t");
    play.says("a link: S scans the folder it points to");
    for key in ["enter", "right"] {
        assert_eq!(play.press(key), []);
        play.says("a link to /srv/www/2026");
    }
    assert_eq!(play.press("S"), opens("/home/ann/latest"));
}

#[test]
fn what_is_chosen_is_opened_first_and_what_cannot_be_is_said() {
    let mut play = Play::open(SMALL);
    play.press("tab");
    assert_eq!(play.press("enter"), opens("/opt"));
    play.says("opening /opt…");
    assert_eq!(play.press("S"), [], "one thing at a time");
    play.press("esc");
    assert_eq!(play.news(PlaceAnswer::Opened("/opt".into(), Ok(Tried::Ready))), [], "it was given up");
    play.press("enter");
    play.news(PlaceAnswer::Opened("/opt".into(), Err("/opt: permission denied".into())));
    play.says("/opt: permission denied; O opens its case without a scan");
    play.press("enter");
    assert_eq!(
        play.news(PlaceAnswer::Opened("/opt".into(), Ok(Tried::Ready))),
        [ChooserEffect::Leave(Some("/opt".into()))]
    );

    let mut play = Play::open(SMALL);
    play.press("tab");
    assert_eq!(play.press("O"), opens("/cases/web01.case"));
    play.press("esc end");
    play.says("another box");
    assert_eq!(play.press("right"), []);
    assert_eq!(play.press("enter"), opens("/cases/web02.case"), "another box's tree is not on this one");
    play.press("esc tab");
    assert_eq!(play.press("S"), opens("/"));
    assert_eq!(play.press("esc enter"), looks("/"), "Enter looks into mounts as into folders");
}

#[test]
fn what_looks_like_the_root_of_another_system_is_asked_about_first() {
    let mut play = Play::open(SMALL);
    play.press("tab enter");
    let answer = || PlaceAnswer::Opened("/opt".into(), Ok(Tried::LooksLikeRoot));
    assert_eq!(play.news(answer()), []);
    play.says("/opt looks like the root of a system");
    assert_eq!(play.press("enter x q"), [], "only its own keys answer it");
    play.says("looks like the root");
    let image =
        OpenTarget { path: "/opt".into(), started: StartedAs { root: Some("/opt".into()), ..StartedAs::default() } };
    assert_eq!(play.press("i"), [ChooserEffect::PlaceQuery(PlaceQuery::Open(image.clone()))]);
    assert_eq!(play.news(PlaceAnswer::Opened(image.clone(), Ok(Tried::Ready))), [ChooserEffect::Leave(Some(image))]);

    let mut play = Play::open(SMALL);
    play.press("tab enter");
    play.news(answer());
    assert_eq!(play.press("esc"), []);
    play.press("enter");
    play.news(answer());
    assert_eq!(play.press("f"), [ChooserEffect::Leave(Some("/opt".into()))]);
}

#[test]
fn a_path_is_typed_pasted_and_completed() {
    let mut play = Play::open(SMALL);
    let paste = |play: &mut Play, text: &str| update::input(&mut play.chooser, Message::Paste(text.to_owned()));
    paste(&mut play, "/srv/www\n");
    assert_eq!(play.press("enter"), opens("/srv/www"));
    play.news(PlaceAnswer::Opened("/srv/www".into(), Err("/srv/www: no such file".into())));
    play.says("no such file");
    play.press("esc ~ d");
    let ask = PlaceQuery::Complete { typed: "~/d".into(), base: "/home/ann".into() };
    assert_eq!(play.press("tab"), [ChooserEffect::PlaceQuery(ask)]);
    let found =
        |typed: &str| Ok(PathCompletion { typed: typed.into(), names: vec!["data".into()], count: 1, untypable: 0 });
    play.news(PlaceAnswer::Completed("~/x".into(), found("~/xy")));
    play.says("~/d ");
    play.news(PlaceAnswer::Completed("~/d".into(), found("~/data/")));
    assert_eq!(play.press("enter"), opens("/home/ann/data/"));
    play.press("esc ctrl-u r e l");
    assert_eq!(play.press("enter"), opens("/home/ann/rel"));
    play.press("esc ctrl-u enter");
    assert!(play.chooser.path.is_none());
}

#[test]
fn a_theme_is_chosen_from_the_same_list_as_later() {
    let config = Some("/home/ann/config.toml".into());
    let themes = Themes { folder: None, config, depth: ColorDepth::TrueColor };
    let offer = || Message::Themes(themes.offer());
    let mut play = Play::open(SMALL);
    assert_eq!(play.press("T"), [ChooserEffect::ListThemes]);
    play.says("reading the themes");
    update::input(&mut play.chooser, offer());
    play.press("j");
    play.says("> light");
    assert_eq!(play.chooser.theme.name(), "light", "it is worn while it is selected");
    assert_eq!(play.mouse(MouseEventKind::Down(MouseButton::Left), 10, 10), []);
    update::input(&mut play.chooser, Message::Paste("/srv".into()));
    assert!(play.chooser.path.is_none(), "what lies below takes nothing");
    play.press("esc");
    assert_eq!(play.chooser.theme.name(), "dark");
    update::input(&mut play.chooser, offer());
    assert!(play.chooser.themes.is_none(), "what comes too late opens nothing");
    play.press("T");
    update::input(&mut play.chooser, offer());
    play.press("j j enter");
    assert_eq!(play.chooser.theme.name(), "high-contrast");
    play.says("theme = \"high-contrast\" in /home/ann/config.toml");
    assert_eq!(play.press("q"), [ChooserEffect::Leave(None)]);
}

#[test]
fn the_mouse_selects_chooses_and_turns() {
    let mut play = Play::open(SMALL);
    let area = play.chooser.areas[ChooserSection::Folders as usize];
    let click = MouseEventKind::Down(MouseButton::Left);
    assert_eq!(play.mouse(click, area.x + 2, area.y + 4), []);
    assert_eq!(play.selected(), Path::new("/home/ann/latest"));
    play.mouse(MouseEventKind::ScrollUp, area.x, area.y);
    assert_eq!(play.press("down enter"), looks("/home/ann/.ssh"));
    let area = play.chooser.areas[ChooserSection::Mounts as usize];
    play.mouse(click, area.x, area.y + 1);
    assert_eq!(play.mouse(click, area.x, area.y + 1), looks("/mnt/backup"));
    play.mouse(click, area.x, area.y + 1);
    play.mouse(MouseEventKind::ScrollDown, area.x, area.y);
    assert_eq!(play.selected(), Path::new("/proc"));
    play.says("the kernel makes its files up");
}

#[test]
fn every_size_and_every_key_is_borne() {
    for size in [(1, 1), (2, 100), (200, 2), (60, 16), (61, 17), (110, 16), (300, 100)] {
        for mut play in [Play::empty(size), Play::open(size)] {
            play.draw();
            for keys in
                ["tab", "down down down pgdn", "k k pgup", "x . /", "a tab", "esc ?", "j esc", "ctrl-r", "end right"]
            {
                play.press(keys);
            }
            play.mouse(MouseEventKind::Down(MouseButton::Left), 0, 0);
            assert!(!play.screen().contains('\u{1b}'));
        }
    }
    Play::open((59, 16)).says("59×16 is too small");
}

#[test]
fn a_recent_image_is_scanned_again_as_it_was_started() {
    let mut play = Play::open(WIDE);
    let summary = CaseSummary {
        host: "web07".into(),
        box_facts: identity("web07"),
        tree: "/mnt/web07/srv".into(),
        started: jiff::Timestamp::from_second(1_799_000_000).unwrap(),
        whole: true,
        findings: 2,
        open: 1,
        options: serde_json::json!({"root": "/mnt/web07", "rules": ["extra.yar"]}),
    };
    play.news(PlaceAnswer::Recent(Ok(Box::new(Recent { case: "/cases/web07.case".into(), summary }))));
    play.chooser.select(ChooserSection::Recent, 0);
    play.draw();
    play.says("with --root /mnt/web07 --rules extra.yar");
    let effects = play.press("enter");
    let [ChooserEffect::PlaceQuery(PlaceQuery::Open(place))] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(place.path, Path::new("/mnt/web07/srv"));
    assert_eq!(place.started.root.as_deref(), Some(Path::new("/mnt/web07")));
    assert_eq!(place.started.rules, [Path::new("extra.yar")]);
}
