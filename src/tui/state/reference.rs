//! What was looked up because a check or a fact points to it, and the way that led there.

use crate::evidence::reference::{Reference, Referred};

/// Things gone through that can be gone back to; of more the first are forgotten.
const MAX_WAY: usize = 100;

/// One thing on the way.
#[derive(Debug)]
pub struct ReferenceStep {
    /// What it is.
    pub reference: Reference,
    /// What is known of it; `None` until that has arrived.
    pub page: Option<Referred>,
    /// The selected line.
    pub selected: usize,
    /// The first line shown; set by whoever draws.
    pub top: usize,
}

/// What is looked at, and what led there.
#[derive(Debug, Default)]
pub struct ReferenceView {
    way: Vec<ReferenceStep>,
}

impl ReferenceView {
    /// Goes to something.
    pub fn go(&mut self, reference: Reference) {
        if self.way.len() == MAX_WAY {
            self.way.remove(0);
        }
        self.way.push(ReferenceStep { reference, page: None, selected: 0, top: 0 });
    }

    /// Goes back to what led here; returns whether something did.
    pub fn back(&mut self) -> bool {
        self.way.pop();
        !self.way.is_empty()
    }

    /// What is looked at.
    pub fn here(&self) -> Option<&ReferenceStep> {
        self.way.last()
    }

    /// What is looked at.
    pub fn here_mut(&mut self) -> Option<&mut ReferenceStep> {
        self.way.last_mut()
    }

    /// How many things lie on the way.
    pub fn depth(&self) -> usize {
        self.way.len()
    }

    /// Takes what was looked up.
    pub fn arrived(&mut self, reference: &Reference, page: &Referred) {
        for stop in self.way.iter_mut().filter(|stop| stop.reference == *reference && stop.page.is_none()) {
            stop.selected = page.here();
            stop.page = Some(page.clone());
        }
    }
}

impl ReferenceStep {
    /// Moves by so many lines.
    pub fn step(&mut self, by: isize) {
        let last = self.page.as_ref().map_or(0, |page| page.lines.len().saturating_sub(1));
        self.selected = self.selected.saturating_add_signed(by).min(last);
    }

    /// What the selected line leads to.
    pub fn leads_to(&self) -> Option<&Reference> {
        self.page.as_ref()?.lines.get(self.selected)?.to.as_ref()
    }
}
