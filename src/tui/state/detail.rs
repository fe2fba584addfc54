//! One finding, opened: its tabs, where each is scrolled to, and the bytes in view.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::bytes::HexView;
use super::elf_page::{self, ElfPage};
use crate::case::{FindingId, GivenAnswer};
use crate::content::FileDescription;
use crate::elf::{Elf, ElfText, Instruction, Map};
use crate::evidence::Evidence;
use crate::evidence::execution::Execution;
use crate::explain::Explained;
use crate::hunt::{Hunt, Scenario, standard};
use crate::session::FindingDetails;
use crate::text;
use crate::triage::assess::{ScenarioAssessment, ScenarioState};
use crate::tui::message::Gather;

/// The tabs, in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tab {
    /// The bytes.
    #[default]
    Hex,
    /// The ELF headers.
    Elf,
    /// The rule.
    Rule,
    /// The file's facts and what the box says.
    Facts,
    /// The scenarios.
    Scenarios,
    /// What was decided.
    History,
}

impl Tab {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Hex, Self::Elf, Self::Rule, Self::Facts, Self::Scenarios, Self::History];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hex => "Bytes",
            Self::Elf => "ELF",
            Self::Rule => "Rule",
            Self::Facts => "Facts",
            Self::Scenarios => "Scenarios",
            Self::History => "History",
        }
    }

    /// The tab `by` places on, round and round.
    #[must_use]
    pub fn turned(self, by: isize) -> Self {
        let count = Self::ALL.len() as isize;
        let place = (self as isize + by).rem_euclid(count);
        Self::ALL[place as usize]
    }
}

/// What was made of the file's bytes.
#[derive(Debug, Clone, Default)]
pub struct Decoded {
    /// Whether the first bytes, which tell an ELF file, are at hand.
    pub begins: bool,
    /// What kind of file it is; `None` where that cannot be told.
    pub content: Option<FileDescription>,
    /// What the box adds to whether it runs.
    pub execution: Execution,
    /// The ELF headers; `None` for another kind of file.
    pub elf: Option<Box<Elf>>,
    /// Where in the file which of its structures lies.
    pub map: Option<Map>,
    /// The code at the entry point, or why there is none; safe text.
    pub code: Option<Result<Vec<Instruction>, String>>,
    /// Bits a byte, of a small file.
    pub entropy: Option<f64>,
    /// Printable texts of a small file.
    pub strings: Vec<ElfText>,
}

/// What the conditions of the hunt come to.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The rule's, and the candidate test's.
    pub explained: Explained,
    /// What a responder must know about the bytes that it rests on; safe text.
    pub notice: Option<String>,
}

/// What the box says, and what the scenarios come to by that.
#[derive(Debug)]
pub struct Gathered {
    /// What the box says.
    pub evidence: Evidence,
    /// One for each scenario, in their order.
    pub scenarios: Vec<ScenarioAssessment>,
}

/// What many boxes said of one scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcrossBoxes {
    /// The scenario's id.
    pub id: String,
    /// By state: on how many findings, and on which boxes, the first of them; safe text.
    pub states: BTreeMap<String, (u64, Vec<String>)>,
}

/// An opened finding.
#[derive(Debug)]
pub struct Detail {
    /// All that the records hold about it.
    pub opened: Box<FindingDetails>,
    /// Its hunt.
    pub hunt: Arc<Hunt>,
    /// The tab that is shown.
    pub tab: Tab,
    /// Index of the scenario at hand.
    pub scenario: usize,
    /// Its bytes.
    pub hex: HexView,
    /// What was made of its bytes; `None` until that is done.
    pub decoded: Option<Decoded>,
    /// What the conditions come to; `None` until that is known.
    pub explanation: Option<Explanation>,
    /// What the box says; `None` until it has answered.
    pub gathered: Option<Gathered>,
    /// What all boxes with the same content said of its scenarios; empty for one case.
    pub across: Vec<AcrossBoxes>,
    /// Whether the file was seen to be another, or gone, since the box was asked.
    pub outdated: bool,
    /// Whether it was opened once more and the records have not answered yet.
    pub reopened: bool,
    /// What the box is asked as soon as the file was looked at again: what is seen of it then is no news to the answer.
    pub to_ask: Vec<Gather>,
    /// The place in the ELF tab.
    pub elf_page: ElfPage,
    /// Lines of the tab that was drawn last.
    pub lines: usize,
    /// Scenarios whose answers are on their way to the disk.
    pub in_flight: Vec<String>,
    /// Whether another finding was asked for and has not arrived.
    pub stale: bool,
    scrolls: [usize; Tab::ALL.len()],
}

impl Detail {
    /// Opens it on its bytes, at the first scenario that has no answer.
    pub fn new(opened: Box<FindingDetails>, hunt: Arc<Hunt>) -> Self {
        let mut detail = Self {
            hex: HexView::new(&hunt.rule, &opened.finding),
            opened,
            hunt,
            tab: Tab::default(),
            scenario: 0,
            decoded: None,
            explanation: None,
            gathered: None,
            across: Vec::new(),
            outdated: false,
            reopened: false,
            to_ask: Vec::new(),
            elf_page: ElfPage::default(),
            lines: 0,
            in_flight: Vec::new(),
            stale: false,
            scrolls: [0; Tab::ALL.len()],
        };
        detail.go_to_unanswered();
        detail
    }

    /// The finding's number.
    pub fn id(&self) -> FindingId {
        self.opened.judged.id
    }

    /// Takes over what the records say now; tab, place and scroll stay.
    pub fn renew(&mut self, opened: Box<FindingDetails>) {
        if self.opened.finding.file.digest != opened.finding.file.digest {
            self.hex = HexView::new(&self.hunt.rule, &opened.finding).in_manner_of(&self.hex);
            self.decoded = None;
            self.explanation = None;
        }
        self.opened = opened;
        self.stale = false;
        let answered: Vec<_> = self.opened.answers.iter().map(|given| given.scenario.clone()).collect();
        self.in_flight.retain(|scenario| !answered.contains(scenario));
    }

    /// Has the file looked at again, and then the box asked.
    pub fn ask(&mut self, what: Gather) {
        self.hex.look_again();
        self.to_ask.push(what);
    }

    /// Shows a tab. What it tells may be told of a file that is another by now, so that is looked at too.
    pub fn show(&mut self, tab: Tab) {
        self.tab = tab;
        self.hex.look_again();
    }

    /// What the tab about the kind of file is called: by the kind, once that is known.
    pub fn kind_name(&self) -> &'static str {
        let content = self.decoded.as_ref().and_then(|decoded| decoded.content.as_ref());
        content.map_or(Tab::Elf.name(), |content| content.kind.name())
    }

    /// The decoded headers, when the file is an ELF.
    pub fn elf(&self) -> Option<&Elf> {
        self.decoded.as_ref()?.elf.as_deref()
    }

    /// The bytes that the selected line of the ELF tab stands for.
    pub fn elf_place(&self) -> Option<Range<u64>> {
        elf_page::place(self)
    }

    /// What each tab is called on the line of tabs, and its columns there.
    pub fn tab_places(&self) -> Vec<(Tab, Range<usize>)> {
        let mut column = 0;
        let place = |tab| {
            let width = text::width(&self.tab_label(tab)) + 3;
            column += width;
            (tab, column - width..column)
        };
        Tab::ALL.into_iter().map(place).collect()
    }

    /// What a tab is called on the line of tabs.
    pub fn tab_label(&self, tab: Tab) -> String {
        let number = tab as usize + 1;
        match tab {
            Tab::Scenarios => format!("{number} {} {}/{}", tab.name(), self.answered(), self.scenarios()),
            Tab::Elf => format!("{number} {}", self.kind_name()),
            _ => format!("{number} {}", tab.name()),
        }
    }

    /// The scenario at hand.
    pub fn current(&self) -> Option<&Scenario> {
        self.listed().nth(self.scenario)
    }

    /// The scenarios that are gone through: the hunt's own, and of those that fit any hunt what the box speaks for, or
    /// what was answered.
    pub fn listed(&self) -> impl Iterator<Item = &Scenario> {
        let says = |scenario: &&Scenario| {
            let state = self.assessment(&scenario.id).map(|assessed| assessed.state);
            let spoken_for = matches!(state, Some(ScenarioState::Supported | ScenarioState::Contradicted));
            spoken_for || self.answer(&scenario.id).is_some()
        };
        self.hunt.scenarios.iter().chain(standard::scenarios().iter().filter(says))
    }

    /// What the box says of a scenario.
    pub fn assessment(&self, scenario: &str) -> Option<&ScenarioAssessment> {
        self.gathered.as_ref()?.scenarios.iter().find(|assessed| assessed.id == scenario)
    }

    /// How many scenarios the hunt has of its own.
    pub fn scenarios(&self) -> usize {
        self.hunt.scenarios.len()
    }

    /// How many have an answer that counts for this content.
    pub fn answered(&self) -> usize {
        self.hunt.scenarios.iter().filter(|scenario| self.answer(&scenario.id).is_some()).count()
    }

    /// The answer to a scenario; one that was given on another content does not count.
    pub fn answer(&self, scenario: &str) -> Option<&GivenAnswer> {
        let digest = self.opened.finding.file.digest;
        self.opened.answers.iter().find(|given| given.scenario == scenario && given.digest == digest)
    }

    /// Shows the scenario `by` places on, as far as there is one.
    pub fn move_scenario(&mut self, by: isize) {
        let last = self.listed().count().saturating_sub(1);
        self.scenario = self.scenario.saturating_add_signed(by).min(last);
        self.scrolls[Tab::Scenarios as usize] = 0;
    }

    /// Shows the next scenario without an answer, from the one at hand on, round and round; stays when all have one.
    pub fn go_to_unanswered(&mut self) {
        let count = self.scenarios();
        let order = (self.scenario..count).chain(0..self.scenario.min(count));
        let open = |index: &usize| self.hunt.scenarios.get(*index).is_some_and(|scenario| self.awaits(&scenario.id));
        if let Some(next) = { order }.find(open) {
            self.scenario = next;
            self.scrolls[Tab::Scenarios as usize] = 0;
        }
    }

    /// Whether a scenario has no answer, nor one on its way.
    fn awaits(&self, scenario: &str) -> bool {
        self.answer(scenario).is_none() && !self.in_flight.iter().any(|id| id == scenario)
    }

    /// First line shown of the tab.
    pub fn scroll(&self) -> usize {
        self.scrolls[self.tab as usize]
    }

    /// First line shown of the tab.
    pub fn scroll_mut(&mut self) -> &mut usize {
        &mut self.scrolls[self.tab as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabs_go_round() {
        assert_eq!(Tab::Hex.turned(-1), Tab::History);
        assert_eq!(Tab::History.turned(1), Tab::Hex);
        assert_eq!(Tab::Hex.turned(2), Tab::Rule);
    }
}
