//! Where one has been: the places that a jump left, to be gone back to.

use super::detail::Tab;
use crate::case::FindingId;

/// Places kept; of more the oldest are forgotten.
const MAX: usize = 100;

/// A place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JumpPlace {
    /// The finding.
    pub finding: FindingId,
    /// Its tab.
    pub tab: Tab,
    /// Where the cursor stood in its bytes.
    pub offset: u64,
}

/// The places, and which of them one is at.
#[derive(Debug, Default)]
pub struct Jumps {
    places: Vec<JumpPlace>,
    /// Places from here on were gone back from.
    at: usize,
}

impl Jumps {
    /// Keeps a place that is about to be left. What was gone back from is forgotten.
    pub fn leave(&mut self, place: JumpPlace) {
        self.places.truncate(self.at);
        if self.places.last() != Some(&place) {
            self.places.push(place);
        }
        if self.places.len() > MAX {
            self.places.remove(0);
        }
        self.at = self.places.len();
    }

    /// The place that was left before; `here` is kept, to be gone forward to.
    pub fn back(&mut self, here: Option<JumpPlace>) -> Option<JumpPlace> {
        let mut before = self.at.checked_sub(1)?;
        if self.at == self.places.len()
            && let Some(here) = here
        {
            if self.places.get(before) == Some(&here) {
                // Nothing was moved since: that place is this one.
                before = before.checked_sub(1)?;
            } else {
                self.places.push(here);
            }
        }
        self.at = before;
        self.places.get(before).copied()
    }

    /// The place that was gone back from.
    pub fn forward(&mut self) -> Option<JumpPlace> {
        let next = self.places.get(self.at + 1).copied()?;
        self.at += 1;
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(offset: u64) -> JumpPlace {
        JumpPlace { finding: FindingId(1), tab: Tab::Hex, offset }
    }

    #[test]
    fn jumps_are_gone_back_and_forward_and_a_new_one_forgets_what_lay_ahead() {
        let mut jumps = Jumps::default();
        assert_eq!(jumps.back(Some(place(9))), None);
        jumps.leave(place(1));
        jumps.leave(place(2));
        assert_eq!(jumps.back(Some(place(3))), Some(place(2)));
        assert_eq!(jumps.back(Some(place(2))), Some(place(1)));
        assert_eq!(jumps.back(Some(place(1))), None);
        assert_eq!(jumps.forward(), Some(place(2)));
        assert_eq!(jumps.forward(), Some(place(3)));
        assert_eq!(jumps.forward(), None);
        assert_eq!(jumps.back(Some(place(3))), Some(place(2)));
        jumps.leave(place(7));
        assert_eq!(jumps.forward(), None);
        for offset in 0..1000 {
            jumps.leave(place(offset));
        }
        assert!(std::iter::from_fn(|| jumps.back(None)).count() <= MAX);
    }
}
