//! What the screen shows, all of it. Changed by `update` only, drawn by `view` only.

pub mod bytes;
pub mod detail;
pub mod findings;
pub mod form;
pub mod overlay;
pub mod register;
mod row;
pub mod scan;

use std::path::PathBuf;
use std::sync::Arc;

use crossterm::event::KeyEvent;
use ratatui::layout::Rect;

use crate::case::FindingId;
use crate::case::NotScanned;
use crate::hunt::Hunt;
use crate::scan::Unscanned;
use crate::session::Since;
use crate::text;
use crate::theme::Theme;
use crate::triage::Actor;
use crate::tui::keymap::{Context, Keymap};
use detail::{Detail, Tab};
use findings::FindingList;
use overlay::Overlay;
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
}

/// Where on the terminal things were drawn last, for the mouse.
#[derive(Debug, Clone, Copy, Default)]
pub struct Areas {
    /// The hunts, one a line.
    pub hunts: Rect,
    /// The findings, one a line.
    pub list: Rect,
    /// The tabs of a finding.
    pub tabs: Rect,
    /// The lines of bytes on the hex tab.
    pub bytes: Rect,
    /// The strip beside them.
    pub strip: Rect,
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

/// One thing that was not scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// Its path, raw.
    pub path: PathBuf,
    /// Why; safe text.
    pub why: String,
    /// Whether content that could hold a finding went unseen.
    pub gap: bool,
}

impl From<&Unscanned> for Missed {
    fn from(unscanned: &Unscanned) -> Self {
        let Unscanned { path, reason } = unscanned;
        Self { path: path.clone(), why: reason.to_string(), gap: reason.is_gap() }
    }
}

impl From<&NotScanned> for Missed {
    /// A case does not say what is a gap; in doubt it is one.
    fn from(missed: &NotScanned) -> Self {
        Self { path: missed.path.clone(), why: text::escape_str(&missed.detail).into_owned(), gap: true }
    }
}

/// What was not scanned, as listed.
#[derive(Debug, Default)]
pub struct CoverageView {
    /// All of it.
    pub items: Vec<Missed>,
    /// The selected one.
    pub place: usize,
    /// The first one shown.
    pub top: usize,
}

/// Everything.
#[derive(Debug)]
pub struct App {
    /// The tree, safe text.
    pub tree: String,
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
    /// Whether the findings screen has room for a preview of the selected finding; set by whoever draws.
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
    /// Searches begun so far: the number of the last one.
    pub searches: u64,
    /// The top layer.
    pub overlay: Option<Overlay>,
    /// The line at the bottom.
    pub notice: Option<Notice>,
    /// Why decisions are in memory only, if they are; safe text.
    pub unsaved: Option<String>,
    /// Why the session could not begin; safe text.
    pub fatal: Option<String>,
    /// Who decides.
    pub actor: Actor,
    /// Host that decisions are recorded for.
    pub host: String,
    /// Whether the case was made on another box, which cannot be asked.
    pub other_box: bool,
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
    pub other_box: bool,
    /// Colours.
    pub theme: Theme,
    /// Keys.
    pub keymap: Keymap,
}

impl App {
    /// The screen before anything has happened.
    pub fn new(start: Start) -> Self {
        Self {
            tree: start.tree,
            list: FindingList::new(0),
            hunts: Vec::new(),
            list_top: 0,
            hunts_top: 0,
            areas: Areas::default(),
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
            searches: 0,
            overlay: None,
            notice: None,
            unsaved: None,
            fatal: None,
            actor: start.actor,
            host: start.host,
            other_box: start.other_box,
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
                    Some(Tab::Hex) => Context::Hex,
                    Some(Tab::Scenarios) => Context::Scenarios,
                    _ => Context::Reading,
                };
                vec![tab, Context::Finding, Context::Global]
            }
        }
    }

    /// Whether a finding was asked for and has not arrived.
    pub fn is_opening(&self) -> bool {
        self.screen == Screen::Finding && self.detail.as_ref().is_none_or(|detail| detail.stale)
    }

    /// Whether the ELF tab is what is shown.
    pub fn shows_elf(&self) -> bool {
        self.screen == Screen::Finding && self.detail.as_ref().is_some_and(|detail| detail.tab == Tab::Elf)
    }

    /// Shows a line at the bottom.
    pub fn say(&mut self, kind: NoticeKind, text: impl Into<String>) {
        self.notice = Some(Notice { kind, text: text.into() });
    }
}
