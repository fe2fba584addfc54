//! What the screen shows, all of it. Changed by `update` only, drawn by `view` only.

pub(crate) mod bell;
pub(crate) mod bytes;
pub(crate) mod chooser;
pub(crate) mod compare;
pub(crate) mod coverage;
pub(crate) mod detail;
pub(crate) mod drawn;
pub(crate) mod elf_page;
pub(crate) mod elf_rows;
pub(crate) mod elf_spot;
pub(crate) mod face;
pub(crate) mod filtered;
pub(crate) mod findings;
pub(crate) mod form;
pub(crate) mod jumps;
pub(crate) mod overlay;
pub(crate) mod panes;
pub(crate) mod reference;
pub(crate) mod register;
pub(crate) mod scan;
pub(crate) mod strings;
pub(crate) mod text_face;
pub(crate) mod themes;
pub(crate) mod told;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use crossterm::event::KeyEvent;
use jiff::Timestamp;
use ratatui::layout::Rect;

use crate::case::FindingId;
use crate::hunt::{Hunt, standard};
use crate::session::Since;
use crate::text;
use crate::theme::Theme;
use crate::triage::Actor;
use crate::tui::keymap::{Action, Context, Keymap};
use bell::{Alarm, Bell};
use coverage::CoverageView;
use detail::{Detail, Tab};
use face::Face;
use findings::{Column, FindingList, Grouping, ListedFinding, Placed, columns};
use jumps::{JumpPlace, Jumps};
use overlay::Overlay;
use panes::Panes;
use register::RegisterView;
use scan::ScanView;

/// The screen below the layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Screen {
    /// Hunts and findings.
    #[default]
    Findings,
    /// One finding.
    Finding,
    /// The exclusions.
    Register,
    /// What was not scanned.
    Coverage,
}

/// A hunt as the screen names it.
#[derive(Debug, Clone)]
pub struct HuntView {
    /// Name of its rule, safe text.
    pub name: String,
    /// The hunt.
    pub hunt: Arc<Hunt>,
}

impl HuntView {
    /// The hunt with its name made safe.
    pub fn new(hunt: Arc<Hunt>) -> Self {
        Self { name: text::escape_str(&hunt.rule.id.name).into_owned(), hunt }
    }

    /// Hunts with their names; those of one name with as much of the end of their namespaces as tells them apart.
    pub fn of(hunts: Vec<Arc<Hunt>>) -> Vec<Self> {
        let mut spaces: HashMap<_, Vec<_>> = HashMap::new();
        for hunt in &hunts {
            let id = &hunt.rule.id;
            spaces.entry(Arc::clone(&id.name)).or_default().push(Arc::clone(&id.namespace));
        }
        let named = hunts.into_iter().map(|hunt| {
            let id = hunt.rule.id.clone();
            let mut view = Self::new(hunt);
            if let Some(others) = spaces.get(&id.name).filter(|others| others.len() > 1) {
                view.name = format!("{} ({})", view.name, text::escape_str(short(&id.namespace, others)));
            }
            view
        });
        named.collect()
    }
}

/// The last parts of a path of rules, as few as no other one ends in.
fn short<'n>(namespace: &'n str, all: &[Arc<str>]) -> &'n str {
    let ends = namespace.rmatch_indices('/').map(|(slash, _)| &namespace[slash + 1..]);
    let alone = |end: &&str| all.iter().filter(|other| other.ends_with(end)).count() == 1;
    ends.into_iter().find(alone).unwrap_or(namespace)
}

/// Where on the terminal things were drawn last, for the mouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Areas {
    /// Whether the screen had no room for anything.
    pub none: bool,
    /// The hunts, one a line.
    pub hunts: Rect,
    /// The findings, one a line.
    pub list: Rect,
    /// The headings of the list's columns.
    pub headings: Rect,
    /// The tabs of a finding.
    pub tabs: Rect,
    /// All panes of the screen.
    pub panes: Rect,
    /// The lines of bytes on the hex tab.
    pub bytes: Rect,
    /// The strip beside them.
    pub strip: Rect,
    /// The tab beside the bytes; empty where there is one tab at a time.
    pub beside: Rect,
    /// The entries of the register or of coverage, or the printable texts of a file, one a line.
    pub entries: Rect,
    /// The scenarios of a finding, one a line.
    pub scenarios: Rect,
}

/// What kind of thing a notice says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// Done and on record.
    Done,
    /// Worth knowing.
    Info,
    /// A danger.
    Warning,
    /// Failed.
    Error,
}

/// A line at the bottom, until the next key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What kind of thing it says.
    pub kind: NoticeKind,
    /// The line, safe text.
    pub text: String,
}

/// Everything.
#[derive(Debug)]
pub struct App {
    /// The tree, safe text.
    pub tree: String,
    /// The case's file, raw; empty until it is open.
    pub case: PathBuf,
    /// The hunts, in the order of their indexes.
    pub hunts: Vec<HuntView>,
    /// The findings.
    pub list: FindingList,
    /// First finding shown.
    pub list_top: usize,
    /// First hunt shown.
    pub hunts_top: usize,
    /// Where things were drawn.
    pub areas: Areas,
    /// How wide the panes of the findings screen are.
    pub panes: Panes,
    /// Whether the findings screen had room for a preview of the selected finding.
    pub shows_preview: bool,
    /// Lines that fit on the screen now, so that a page is a page.
    pub page: usize,
    /// The scan.
    pub scan: ScanView,
    /// What was not scanned.
    pub coverage: CoverageView,
    /// What the scan saw differently from the one before, once it is over.
    pub since: Option<Box<Since>>,
    /// The register.
    pub register: RegisterView,
    /// The screen below the layers.
    pub screen: Screen,
    /// Where Esc on the register and coverage screens goes back to.
    pub before: Screen,
    /// The finding that was asked for last.
    pub wanted: Option<FindingId>,
    /// Keys that were pressed for a finding that has not arrived yet; taken in once it has.
    pub typed_ahead: Vec<KeyEvent>,
    /// The open finding.
    pub detail: Option<Box<Detail>>,
    /// Where one has been.
    pub jumps: Jumps,
    /// The place to take in the finding that was asked for.
    pub arriving: Option<JumpPlace>,
    /// Whether one pane of a finding takes the whole screen.
    pub whole: bool,
    /// How many times the next motion in a list is made; 0 where nothing was typed.
    pub count: usize,
    /// The answer that was given last, and the id of its scenario.
    pub last_answer: Option<(String, crate::triage::Answer)>,
    /// Searches begun so far: the number of the last one.
    pub searches: u64,
    /// The top layer.
    pub overlay: Option<Overlay>,
    /// The line at the bottom.
    pub notice: Option<Notice>,
    /// Whether no key was pressed yet: somebody new is told what to do.
    pub greets: bool,
    /// The terminal's bell.
    pub alarm: Alarm,
    /// Why decisions are in memory only, if they are; safe text.
    pub unsaved: Option<String>,
    /// Whether the last key asked to leave without it.
    pub leaving: bool,
    /// Why the session could not begin; safe text.
    pub fatal: Option<String>,
    /// Who decides.
    pub actor: Actor,
    /// Host that decisions are recorded for.
    pub host: String,
    /// Whether the case was made on another box, which cannot be asked.
    pub other_box: Option<String>,
    /// Names of the boxes when the findings are of many cases, by index; empty for one. Safe text.
    pub boxes: Vec<String>,
    /// The time by the clock, as it was told last.
    pub now: Timestamp,
    /// Whether tmux stands between this program and the terminal.
    pub in_tmux: bool,
    /// Colours.
    pub theme: Theme,
    /// Keys.
    pub keymap: Keymap,
}

/// What the screen starts from.
#[derive(Debug)]
pub struct Start {
    /// The tree, safe text.
    pub tree: String,
    /// Who decides.
    pub actor: Actor,
    /// Host that decisions are recorded for.
    pub host: String,
    /// Whether the case was made on another box.
    pub other_box: Option<String>,
    /// Colours.
    pub theme: Theme,
    /// Keys.
    pub keymap: Keymap,
    /// The time by the clock.
    pub now: Timestamp,
    /// When the bell rings.
    pub bell: Bell,
    /// How wide the panes of the findings screen are.
    pub panes: Panes,
}

impl App {
    /// The screen before anything has happened.
    pub fn new(start: Start) -> Self {
        Self {
            tree: start.tree,
            case: PathBuf::new(),
            list: FindingList::new(0),
            hunts: Vec::new(),
            list_top: 0,
            hunts_top: 0,
            areas: Areas::default(),
            panes: start.panes,
            shows_preview: false,
            page: 1,
            scan: ScanView::default(),
            coverage: CoverageView::default(),
            since: None,
            register: RegisterView::default(),
            screen: Screen::default(),
            before: Screen::default(),
            wanted: None,
            typed_ahead: Vec::new(),
            detail: None,
            jumps: Jumps::default(),
            arriving: None,
            whole: false,
            count: 0,
            last_answer: None,
            searches: 0,
            overlay: None,
            notice: None,
            greets: true,
            alarm: Alarm::new(start.bell),
            unsaved: None,
            leaving: false,
            fatal: None,
            actor: start.actor,
            host: start.host,
            other_box: start.other_box,
            boxes: Vec::new(),
            now: start.now,
            in_tmux: false,
            theme: start.theme,
            keymap: start.keymap,
        }
    }

    /// Where keys are taken now, from the innermost to the outermost.
    pub fn contexts(&self) -> Vec<Context> {
        match self.screen {
            Screen::Findings => vec![Context::Findings, Context::Global],
            Screen::Register => vec![Context::Register, Context::Global],
            Screen::Coverage => vec![Context::Coverage, Context::Global],
            Screen::Finding => {
                let tab = match self.detail.as_ref().map(|detail| detail.tab) {
                    Some(Tab::Hex) if self.shows(Face::Strings) => Context::Strings,
                    Some(Tab::Hex) => Context::Hex,
                    Some(Tab::Scenarios) => Context::Scenarios,
                    _ => Context::Reading,
                };
                vec![tab, Context::Finding, Context::Global]
            }
        }
    }

    /// Where else one can go from here with one key.
    pub fn elsewhere(&self) -> Vec<Context> {
        let here = self.contexts();
        let of_finding = [Context::Hex, Context::Reading, Context::Scenarios];
        let screens = [Context::Findings, Context::Register, Context::Coverage];
        let tabs = of_finding.into_iter().filter(|_| self.screen == Screen::Finding && self.detail.is_some());
        tabs.chain(screens).filter(|context| !here.contains(context)).collect()
    }

    /// Whether a finding was asked for and has not arrived.
    pub fn is_opening(&self) -> bool {
        self.screen == Screen::Finding && self.detail.as_ref().is_none_or(|detail| detail.stale)
    }

    /// Says what was copied. Whether it arrives is not known where tmux stands between this program and the terminal.
    pub fn say_copied(&mut self, what: &str) {
        if !self.in_tmux {
            return self.say(NoticeKind::Done, format!("copied {what}"));
        }
        let key = self.keymap.first_key(Action::Copy);
        let said = format!(
            "sent {what} to tmux, which takes it only with set-clipboard or allow-passthrough on; {key} w writes the \
             finding to a file instead"
        );
        self.say(NoticeKind::Info, said);
    }

    /// Whether the bytes of the open finding are shown so.
    pub fn shows(&self, face: Face) -> bool {
        self.detail.as_ref().is_some_and(|detail| detail.hex.face == face)
    }

    /// Whether there is room for the bytes of a finding beside another tab.
    pub fn is_side_by_side(&self) -> bool {
        self.areas.panes.width >= panes::THREE && !self.whole
    }

    /// Whether the ELF tab is what takes the keys.
    pub fn shows_elf(&self) -> bool {
        self.screen == Screen::Finding && self.detail.as_ref().is_some_and(|detail| detail.tab == Tab::Elf)
    }

    /// Whether a line in sight leads to something that can be looked up.
    pub fn leads_on(&self) -> bool {
        self.detail.as_ref().is_some_and(|detail| detail.chosen(detail.tab).is_some())
    }

    /// The title of a scenario of a rule, by its id; the id where no hunt of this session has it.
    pub fn scenario_title<'s>(&'s self, rule: &str, id: &'s str) -> &'s str {
        let of_rule = self.hunts.iter().filter(|hunt| &*hunt.hunt.rule.id.name == rule);
        let mut scenarios = of_rule.flat_map(|hunt| hunt.hunt.scenarios.iter()).chain(standard::scenarios());
        scenarios.find(|scenario| scenario.id == id).map_or(id, |scenario| scenario.title.as_str())
    }

    /// The file of a finding as a line that stands by itself names it: as seen from the tree, or on which box. Safe text.
    pub fn file_of(&self, row: &ListedFinding) -> String {
        match self.boxes.get(row.at as usize) {
            Some(host) => format!("{host}: {}", text::escape_path(&row.path)),
            None => text::escape_path(self.list.below(&row.path)).into_owned(),
        }
    }

    /// The columns of the list of findings as it was drawn last.
    pub fn columns(&self) -> Vec<Placed> {
        let one_hunt = self.list.hunt().is_some() || self.list.grouping() == Grouping::Hunt;
        let one_box = self.boxes.is_empty();
        let without: Vec<_> = [
            one_hunt.then_some(Column::Hunt),
            one_box.then_some(Column::Host),
            (!self.list.knows_signs()).then_some(Column::Signs),
        ]
        .into_iter()
        .flatten()
        .collect();
        columns(usize::from(self.areas.headings.width), self.list.sort().column, &without)
    }

    /// Shows a line at the bottom, with the keys that [`key_of`](crate::tui::keymap::key_of) stands for.
    pub fn say(&mut self, kind: NoticeKind, text: impl Into<String>) {
        let text = self.keymap.spell(&text.into());
        match kind {
            NoticeKind::Error => tracing::error!("{text}"),
            NoticeKind::Warning => tracing::warn!("{text}"),
            NoticeKind::Done | NoticeKind::Info => {}
        }
        self.notice = Some(Notice { kind, text });
    }
}
