//! What the screen shows, all of it. Changed by `update` only, drawn by `view` only.

pub mod detail;
pub mod findings;
pub mod form;
pub mod overlay;
pub mod register;
pub mod scan;

use std::sync::Arc;

use crate::hunt::Hunt;
use crate::scan::Unscanned;
use crate::theme::Theme;
use crate::tui::keymap::{Context, Keymap};
use crate::triage::Actor;
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

/// What was not scanned, as listed.
#[derive(Debug, Default)]
pub struct CoverageView {
    /// All of it.
    pub items: Vec<Unscanned>,
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
    /// Lines that fit on the screen now, so that a page is a page.
    pub page: usize,
    /// The scan.
    pub scan: ScanView,
    /// What was not scanned.
    pub coverage: CoverageView,
    /// The register.
    pub register: RegisterView,
    /// The screen below the layers.
    pub screen: Screen,
    /// Where Esc on the register and coverage screens goes back to.
    pub before: Screen,
    /// The open finding.
    pub detail: Option<Box<Detail>>,
    /// The top layer.
    pub overlay: Option<Overlay>,
    /// The line at the bottom.
    pub notice: Option<Notice>,
    /// Whether decisions are in memory only because the disk refused them.
    pub unsaved: bool,
    /// Who decides.
    pub actor: Actor,
    /// Host that decisions are recorded for.
    pub host: String,
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
    /// The hunts.
    pub hunts: Vec<Arc<Hunt>>,
    /// Who decides.
    pub actor: Actor,
    /// Host that decisions are recorded for.
    pub host: String,
    /// Colours.
    pub theme: Theme,
}

impl App {
    /// The screen before anything has happened.
    pub fn new(start: Start) -> Self {
        let named = |hunt: Arc<Hunt>| HuntView {
            name: crate::text::escape_str(&hunt.rule.id.name).into_owned(),
            hunt,
        };
        let hunts: Vec<_> = start.hunts.into_iter().map(named).collect();
        Self {
            tree: start.tree,
            list: FindingList::new(hunts.len()),
            hunts,
            list_top: 0,
            page: 1,
            scan: ScanView::default(),
            coverage: CoverageView::default(),
            register: RegisterView::default(),
            screen: Screen::default(),
            before: Screen::default(),
            detail: None,
            overlay: None,
            notice: None,
            unsaved: false,
            actor: start.actor,
            host: start.host,
            theme: start.theme,
            keymap: Keymap::default(),
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

    /// Whether the ELF tab is what is shown.
    pub fn shows_elf(&self) -> bool {
        self.screen == Screen::Finding && self.detail.as_ref().is_some_and(|detail| detail.tab == Tab::Elf)
    }

    /// Shows a line at the bottom.
    pub fn say(&mut self, kind: NoticeKind, text: impl Into<String>) {
        self.notice = Some(Notice { kind, text: text.into() });
    }
}
