//! One finding as the list holds it, and what findings have come to, counted.

use std::cmp::Ordering;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use crate::case::{FindingId, Gone};
use crate::finding::{Digest, FileTime};
use crate::triage::Verdict;
use crate::triage::filter::{FilteredFinding, Sign, Signs};

/// One line of the list: what must be at hand for every finding, however many there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFinding {
    /// The finding's number in the case.
    pub id: FindingId,
    /// Number of the box that it is on, among many; 0 for one.
    pub at: u32,
    /// Index of its hunt.
    pub hunt: usize,
    /// The file, raw.
    pub path: Box<Path>,
    /// Size of the file in bytes.
    pub size: u64,
    /// Last change of the file's content.
    pub modified: FileTime,
    /// Digest of the file's content.
    pub digest: Digest,
    /// Places where a pattern matched.
    pub matches: usize,
    /// How much a match of its rule weighs, from 0 to 100.
    pub score: u8,
    /// Whether its rule is a plain one: no hunt, so that no scenario says what to look at.
    pub plain: bool,
    /// The owner's user id; of a process, that of the user it ran as.
    pub uid: u32,
    /// That user's name on the box, raw.
    pub owner: Option<Arc<str>>,
    /// What is written on it, if something is.
    pub written: Option<Box<Written>>,
    /// What the box says of it, and the scan before.
    pub signs: Signs,
    /// Whether it is a candidate: no rule matched.
    pub candidate: bool,
    /// What it has come to.
    pub verdict: Verdict,
    /// Why it came back though an exclusion once covered it, in words.
    pub returned: Option<String>,
    /// Whether the exclusion that covers it was recorded against what the box says.
    pub against_the_box: bool,
    /// Since when it was not met, and why.
    pub gone: Option<Gone>,
}

/// What a responder wrote on a finding beside decisions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// Its tags, in order.
    pub tags: Vec<Box<str>>,
    /// Its last note, raw.
    pub note: Option<Box<str>>,
}

impl ListedFinding {
    /// Its tags.
    pub fn tags(&self) -> &[Box<str>] {
        self.written.as_ref().map_or(&[], |written| &written.tags)
    }

    /// What the box says of it at a glance: a letter, and whether it is so.
    pub fn letters(&self) -> [(char, bool); 3] {
        [('L', Sign::Live), ('S', Sign::Scheduled), ('N', Sign::Listening)]
            .map(|(letter, sign)| (letter, self.signs.has(sign)))
    }

    /// All that is known of it by signs.
    pub fn all_signs(&self) -> Signs {
        let more = [
            (Sign::Gone, self.gone.is_some()),
            (Sign::Tagged, !self.tags().is_empty()),
            (Sign::AgainstTheBox, self.against_the_box),
        ];
        more.into_iter().filter(|(_, on)| *on).fold(self.signs, |signs, (sign, _)| signs.with(sign))
    }

    /// It as a filter asks about it; `path` is what is sought in.
    pub(super) fn asked<'r>(&'r self, path: &'r str) -> FilteredFinding<'r> {
        FilteredFinding {
            rule: self.hunt,
            host: self.at as usize,
            verdict: self.verdict,
            returned: self.returned.is_some(),
            candidate: self.candidate,
            path,
            raw: &self.path,
            size: self.size,
            modified: self.modified,
            digest: &self.digest,
            matches: self.matches as u64,
            score: self.score,
            uid: self.uid,
            owner: self.owner.as_deref(),
            tags: self.tags(),
            signs: self.all_signs(),
        }
    }

    /// Findings that need a decision come first, and those that came back before the others.
    pub(super) fn rank(&self) -> u8 {
        match (self.verdict, self.returned.is_some(), self.candidate) {
            (Verdict::Malicious, ..) => 1,
            (Verdict::Suspicious, ..) => 3,
            (Verdict::Benign, ..) => 5,
            (Verdict::Open, true, _) => 0,
            (Verdict::Open, false, false) => 2,
            (Verdict::Open, false, true) => 4,
        }
    }

    /// Whether nothing is decided on a finding of this rank.
    pub(super) fn rank_is_open(rank: u8) -> bool {
        matches!(rank, 0 | 2 | 4)
    }

    /// How rows are ordered when nothing else is asked for; no two of them are equal.
    pub(super) fn by_path(&self, other: &Self) -> Ordering {
        let rest = |row: &Self| (row.at, row.hunt, row.candidate, row.id);
        compare_paths(&self.path, &other.path).then_with(|| rest(self).cmp(&rest(other)))
    }

    /// Whether somebody still has to decide.
    pub fn is_open(&self) -> bool {
        self.verdict == Verdict::Open
    }
}

/// Compares paths part by part, as [`Path`] does for those without empty parts, at a fraction of the time: no byte of a
/// name comes before the slash that ends a part.
fn compare_paths(a: &Path, b: &Path) -> Ordering {
    let (a, b) = (a.as_os_str().as_bytes(), b.as_os_str().as_bytes());
    let rank = |byte: u8| if byte == b'/' { 0 } else { byte };
    match a.iter().zip(b).find(|(a, b)| a != b) {
        Some((a, b)) => rank(*a).cmp(&rank(*b)),
        None => a.len().cmp(&b.len()),
    }
}

/// How many findings of a hunt have come to what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Nothing decided; candidates not counted.
    pub open: usize,
    /// Covered by an exclusion.
    pub benign: usize,
    /// Every scenario ruled out.
    pub suspicious: usize,
    /// Said to be malicious, or a known sample.
    pub malicious: usize,
    /// Candidates nothing is decided on.
    pub candidates: usize,
}

impl Counts {
    /// All of them.
    pub fn all(&self) -> usize {
        self.open + self.benign + self.suspicious + self.malicious + self.candidates
    }

    pub(super) fn plus(self, other: &Self) -> Self {
        Self {
            open: self.open + other.open,
            benign: self.benign + other.benign,
            suspicious: self.suspicious + other.suspicious,
            malicious: self.malicious + other.malicious,
            candidates: self.candidates + other.candidates,
        }
    }

    pub(super) fn slot(&mut self, row: &ListedFinding) -> &mut usize {
        match row.verdict {
            Verdict::Open if row.candidate => &mut self.candidates,
            Verdict::Open => &mut self.open,
            Verdict::Benign => &mut self.benign,
            Verdict::Suspicious => &mut self.suspicious,
            Verdict::Malicious => &mut self.malicious,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn paths_compare_as_their_parts_do(a in "(/[a \\-~é]{1,3}){1,4}", b in "(/[a \\-~é]{1,3}){1,4}") {
            let (a, b) = (Path::new(&a), Path::new(&b));
            prop_assert_eq!(compare_paths(a, b), a.cmp(b));
        }
    }
}
