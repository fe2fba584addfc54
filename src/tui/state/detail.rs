//! One finding, opened: its tabs, where each is scrolled to, and the bytes in view.

use std::ops::Range;
use std::sync::Arc;

use super::bytes::HexView;
use super::elf_spot::ElfPage;
use super::told::{AcrossBoxes, Decoded, Explanation, Gathered};
use crate::case::{FindingId, GivenAnswer};
use crate::elf::Elf;
use crate::evidence::reference::Reference;
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
    /// What happened around the file.
    Times,
}

impl Tab {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Hex, Self::Elf, Self::Rule, Self::Facts, Self::Scenarios, Self::History, Self::Times];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hex => "Bytes",
            Self::Elf => "ELF",
            Self::Rule => "Rule",
            Self::Facts => "Facts",
            Self::Scenarios => "Scenarios",
            Self::History => "History",
            Self::Times => "Times",
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

/// What was drawn of a tab that is read.
#[derive(Debug, Clone, Default)]
pub struct DrawnLines {
    /// Lines of the whole tab.
    pub count: usize,
    /// Lines that there was room for.
    pub height: usize,
    /// The lines that lead to something else, and to what, in ascending order.
    pub references: Vec<(usize, Reference)>,
}

/// An opened finding.
#[derive(Debug)]
pub struct Detail {
    /// All that the records hold about it.
    pub opened: Box<FindingDetails>,
    /// Its hunt.
    pub hunt: Arc<Hunt>,
    /// The tab that is shown; where there is room for the bytes and another one, the one that takes the keys.
    pub tab: Tab,
    /// The tab that stands beside the bytes where there is room for both.
    pub beside: Tab,
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
    /// What was drawn last of each tab that is read.
    pub drawn: [DrawnLines; Tab::ALL.len()],
    /// Scenarios whose answers are on their way to the disk.
    pub in_flight: Vec<String>,
    /// Whether another finding was asked for and has not arrived.
    pub stale: bool,
    /// Which of the lines that lead to something is marked, of each tab.
    chosen: [usize; Tab::ALL.len()],
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
            beside: Tab::Scenarios,
            scenario: 0,
            decoded: None,
            explanation: None,
            gathered: None,
            across: Vec::new(),
            outdated: false,
            reopened: false,
            to_ask: Vec::new(),
            elf_page: ElfPage::default(),
            drawn: Default::default(),
            in_flight: Vec::new(),
            stale: false,
            chosen: [0; Tab::ALL.len()],
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
        if tab != Tab::Hex {
            self.beside = tab;
        }
        self.hex.look_again();
    }

    /// Gives the keys to the other pane, where the bytes stand beside another tab.
    pub fn turn_pane(&mut self) {
        self.show(if self.tab == Tab::Hex { self.beside } else { Tab::Hex });
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

    /// What the box says of a scenario, once it has answered all.
    pub fn assessment(&self, scenario: &str) -> Option<&ScenarioAssessment> {
        self.assessment_so_far(scenario).filter(|_| self.gathered.as_ref().is_some_and(|gathered| gathered.is_whole))
    }

    /// What the box says of a scenario by now: checks of what it has not answered are unknown.
    pub fn assessment_so_far(&self, scenario: &str) -> Option<&ScenarioAssessment> {
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

    /// The line of a tab that is marked because it leads to something, and to what; none that is out of sight.
    pub fn chosen(&self, tab: Tab) -> Option<&(usize, Reference)> {
        self.chosen_of(tab, self.scroll(tab), &self.drawn[tab as usize])
    }

    /// The same of a tab that is drawn so, from this line on.
    pub fn chosen_of<'l>(&self, tab: Tab, top: usize, drawn: &'l DrawnLines) -> Option<&'l (usize, Reference)> {
        let sight = top..top + drawn.height;
        let marked = drawn.references.get(self.chosen[tab as usize]).filter(|(line, _)| sight.contains(line));
        marked.or_else(|| drawn.references.iter().find(|(line, _)| sight.contains(line)))
    }

    /// Scrolls a tab that is read by so many lines. One line goes to the next line in sight that leads to something, as
    /// long as there is one.
    pub fn read(&mut self, tab: Tab, by: isize) {
        let drawn = &self.drawn[tab as usize];
        let sight = self.scroll(tab)..self.scroll(tab) + drawn.height;
        let marked = self.chosen(tab).map(|(line, _)| *line);
        let mut in_sight = drawn.references.iter().enumerate().filter(|(_, (line, _))| sight.contains(line));
        let next = match by {
            1 => in_sight.find(|(_, (line, _))| marked.is_some_and(|marked| *line > marked)),
            -1 => in_sight.rfind(|(_, (line, _))| marked.is_some_and(|marked| *line < marked)),
            _ => None,
        };
        if let Some((index, _)) = next {
            self.chosen[tab as usize] = index;
            return;
        }
        let last = drawn.count.saturating_sub(drawn.height);
        let place = &mut self.scrolls[tab as usize];
        *place = place.saturating_add_signed(by).min(last);
    }

    /// First line shown of a tab.
    pub fn scroll(&self, tab: Tab) -> usize {
        self.scrolls[tab as usize]
    }

    /// First line shown of a tab.
    pub fn scroll_mut(&mut self, tab: Tab) -> &mut usize {
        &mut self.scrolls[tab as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabs_go_round() {
        assert_eq!(Tab::Hex.turned(-1), Tab::Times);
        assert_eq!(Tab::Times.turned(1), Tab::Hex);
        assert_eq!(Tab::Hex.turned(2), Tab::Rule);
    }
}
