//! The walk through one finding's scenarios: a state machine without I/O that never decides by itself.
//!
//! Moving about (skip, back, go to) changes no answer. Whatever does change something returns a [`Change`] for the
//! journal, and the same changes in order bring a walk back exactly as it was, undo included.

use std::fmt;

use uuid::Uuid;

use super::{Answer, Verdict};

/// The responder's word on one scenario, with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The answer.
    pub answer: Answer,
    /// The responder's note; empty when there is none.
    pub note: String,
    /// The exclusion that was recorded because the scenario applies.
    pub exclusion: Option<Uuid>,
}

/// Something that was decided, or undone: what was, and what is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The answer to a scenario.
    Scenario {
        /// Id of the scenario.
        id: String,
        /// What was given before.
        before: Option<Given>,
        /// What is given now.
        after: Option<Given>,
    },
    /// The mark "malicious", with its reason.
    Malicious {
        /// Reason before, `None` when it was not marked.
        before: Option<String>,
        /// Reason now, `None` when it is not marked.
        after: Option<String>,
    },
}

impl Change {
    /// The exclusion that lost its answer by this change: it still stands in the register until it is revoked there.
    pub fn left_behind(&self) -> Option<Uuid> {
        let Self::Scenario { before, after, .. } = self else { return None };
        let had = before.as_ref()?.exclusion?;
        (after.as_ref().and_then(|given| given.exclusion) != Some(had)).then_some(had)
    }

    /// The change that takes this one back.
    fn reversed(self) -> Self {
        match self {
            Self::Scenario { id, before, after } => Self::Scenario { id, before: after, after: before },
            Self::Malicious { before, after } => Self::Malicious { before: after, after: before },
        }
    }
}

/// How far a walk is. Shown as `2 of 5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Number of the scenario shown, from 1; the number of scenarios at the end of the walk.
    pub at: usize,
    /// Scenarios there are.
    pub of: usize,
    /// Scenarios that have an answer.
    pub answered: usize,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.at, self.of)
    }
}

/// One scenario's place in the walk.
#[derive(Debug, Clone)]
struct Step {
    id: String,
    given: Option<Given>,
}

/// The walk through the scenarios of one finding.
#[derive(Debug, Clone, Default)]
pub struct Walkthrough {
    steps: Vec<Step>,
    /// Index of the scenario shown; one past the last when all have been walked.
    position: usize,
    malicious: Option<String>,
    past: Vec<Change>,
}

impl Walkthrough {
    /// A walk that has not begun, through scenarios with these ids, in this order.
    pub fn new(scenarios: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let steps = scenarios.into_iter().map(|id| Step { id: id.into(), given: None }).collect();
        Self { steps, ..Self::default() }
    }

    /// Brings a walk back to where it was left: the changes that were not undone, in order, and the scenario shown.
    ///
    /// Changes to scenarios that the hunt no longer has are left out. `at` of `None`, or unknown, is the end of the walk
    /// when everything has an answer, otherwise the first scenario without one.
    pub fn resume(
        scenarios: impl IntoIterator<Item = impl Into<String>>,
        changes: impl IntoIterator<Item = Change>,
        at: Option<&str>,
    ) -> Self {
        let mut walk = Self::new(scenarios);
        for change in changes {
            if walk.apply(&change) {
                walk.past.push(change);
            }
        }
        walk.position = at.and_then(|id| walk.index_of(id)).unwrap_or_else(|| walk.next_open(0));
        walk
    }

    /// The ids in order, each with what was given.
    pub fn scenarios(&self) -> impl ExactSizeIterator<Item = (&str, Option<&Given>)> {
        self.steps.iter().map(|step| (step.id.as_str(), step.given.as_ref()))
    }

    /// Id of the scenario shown, `None` at the end of the walk.
    pub fn current(&self) -> Option<&str> {
        self.steps.get(self.position).map(|step| step.id.as_str())
    }

    /// What was given to a scenario, `None` when nothing was or there is no such scenario.
    pub fn given(&self, scenario: &str) -> Option<&Given> {
        self.index_of(scenario).and_then(|index| self.steps.get(index)?.given.as_ref())
    }

    /// The reason why the finding is marked malicious, if it is.
    pub fn malicious(&self) -> Option<&str> {
        self.malicious.as_deref()
    }

    /// How far the walk is.
    pub fn progress(&self) -> Progress {
        let of = self.steps.len();
        let answered = self.steps.iter().filter(|step| step.given.is_some()).count();
        Progress { at: (self.position + 1).min(of), of, answered }
    }

    /// Everything that was changed and not undone, oldest first.
    pub fn changes(&self) -> &[Change] {
        &self.past
    }

    /// Gives or changes the answer to the scenario shown and moves on to the next one without an answer.
    ///
    /// A note of `None` keeps the note there is. Returns `None` when nothing changed: at the end of the walk, or when
    /// the same was given before.
    pub fn answer(&mut self, answer: Answer, note: Option<&str>) -> Option<Change> {
        let step = self.steps.get(self.position)?;
        let (id, before) = (step.id.clone(), step.given.clone());
        let kept = before.as_ref();
        let after = Given {
            answer,
            note: note.or(kept.map(|given| given.note.as_str())).unwrap_or_default().to_owned(),
            exclusion: kept.and_then(|given| given.exclusion).filter(|_| answer == Answer::Applies),
        };
        let change = self.record(Change::Scenario { id, before, after: Some(after) });
        self.position = self.next_open(self.position + 1);
        change
    }

    /// Sets the note on a scenario that has an answer; otherwise, or when it is the same, nothing changes.
    pub fn note(&mut self, scenario: &str, note: &str) -> Option<Change> {
        self.change_given(scenario, |given| note.clone_into(&mut given.note))
    }

    /// Ties a recorded exclusion to a scenario that applies; to any other, nothing changes.
    pub fn excluded(&mut self, scenario: &str, exclusion: Uuid) -> Option<Change> {
        self.change_given(scenario, |given| {
            if given.answer == Answer::Applies {
                given.exclusion = Some(exclusion);
            }
        })
    }

    /// Takes the answer to a scenario back, so that it has none.
    pub fn withdraw(&mut self, scenario: &str) -> Option<Change> {
        let before = self.given(scenario)?.clone();
        self.record(Change::Scenario { id: scenario.to_owned(), before: Some(before), after: None })
    }

    /// Marks the finding malicious, or takes the mark back with `None`. A blank reason marks nothing.
    pub fn mark_malicious(&mut self, reason: Option<&str>) -> Option<Change> {
        if reason.is_some_and(|reason| reason.trim().is_empty()) {
            return None;
        }
        let after = reason.map(|reason| reason.trim().to_owned());
        self.record(Change::Malicious { before: self.malicious.clone(), after })
    }

    /// Leaves the scenario shown as it is and shows the next one.
    pub fn skip(&mut self) {
        self.position = (self.position + 1).min(self.steps.len());
    }

    /// Shows the scenario before.
    pub fn back(&mut self) {
        self.position = self.position.saturating_sub(1);
    }

    /// Shows a scenario; `false` when there is none with this id.
    pub fn go_to(&mut self, scenario: &str) -> bool {
        let index = self.index_of(scenario);
        self.position = index.unwrap_or(self.position);
        index.is_some()
    }

    /// Takes the latest change back, to any depth, and shows the scenario it was about.
    ///
    /// Returns the change that undoing was, for the journal; `None` when there is nothing left to undo.
    pub fn undo(&mut self) -> Option<Change> {
        let change = self.past.pop()?.reversed();
        self.apply(&change);
        if let Change::Scenario { id, .. } = &change {
            self.position = self.index_of(id).unwrap_or(self.position);
        }
        Some(change)
    }

    /// What the answers come to: marked malicious; benign when a scenario applies and its exclusion is recorded;
    /// suspicious when there are scenarios and every one is ruled out; otherwise open.
    pub fn outcome(&self) -> Verdict {
        let given = |wanted: fn(&Given) -> bool| move |step: &Step| step.given.as_ref().is_some_and(wanted);
        if self.malicious.is_some() {
            Verdict::Malicious
        } else if self.steps.iter().any(given(|g| g.answer == Answer::Applies && g.exclusion.is_some())) {
            Verdict::Benign
        } else if !self.steps.is_empty() && self.steps.iter().all(given(|g| g.answer == Answer::RuledOut)) {
            Verdict::Suspicious
        } else {
            Verdict::Open
        }
    }

    fn change_given(&mut self, scenario: &str, edit: impl FnOnce(&mut Given)) -> Option<Change> {
        let before = self.given(scenario)?.clone();
        let mut after = before.clone();
        edit(&mut after);
        self.record(Change::Scenario { id: scenario.to_owned(), before: Some(before), after: Some(after) })
    }

    fn record(&mut self, change: Change) -> Option<Change> {
        let same = match &change {
            Change::Scenario { before, after, .. } => before == after,
            Change::Malicious { before, after } => before == after,
        };
        if same || !self.apply(&change) {
            return None;
        }
        self.past.push(change.clone());
        Some(change)
    }

    /// Puts the `after` of a change in place; `false` when it is about a scenario that is not walked.
    fn apply(&mut self, change: &Change) -> bool {
        match change {
            Change::Malicious { after, .. } => self.malicious.clone_from(after),
            Change::Scenario { id, after, .. } => {
                let Some(step) = self.steps.iter_mut().find(|step| step.id == *id) else { return false };
                step.given.clone_from(after);
            }
        }
        true
    }

    fn index_of(&self, scenario: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.id == scenario)
    }

    /// First scenario without an answer from `start` on, then from the beginning; the end when all have one.
    fn next_open(&self, start: usize) -> usize {
        let len = self.steps.len();
        (start..len)
            .chain(0..start)
            .find(|index| self.steps.get(*index).is_some_and(|s| s.given.is_none()))
            .unwrap_or(len)
    }
}

#[cfg(test)]
mod tests;
