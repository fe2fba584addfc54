//! All that a container holds, for tests and fuzzing.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use super::{ArchiveGap, Budget, Container, Large, Limits, Visit, walk};
use crate::finding::MemberFacts;

/// Members with their paths and bytes, and what was not seen.
pub(super) type MemberListing = (Vec<(PathBuf, MemberFacts, Vec<u8>)>, Vec<(PathBuf, ArchiveGap)>);

/// What the container with these bytes holds, called `path`; `None` where they are of no known format.
pub fn list(path: &Path, bytes: &[u8], limits: &Limits) -> Option<MemberListing> {
    let container = Container::of(bytes)?;
    let goes_on = || true;
    let budget = Budget::new(limits.clone(), bytes.len() as u64, &goes_on);
    let mut all = All { limits, listing: MemberListing::default() };
    walk(&mut Cursor::new(bytes), path, container, &budget, &mut all);
    Some(all.listing)
}

struct All<'l> {
    limits: &'l Limits,
    listing: MemberListing,
}

impl<'v> Visit<'v> for All<'_> {
    fn wants(&mut self, _: &Path) -> bool {
        true
    }

    fn hold(&mut self, bytes: u64) -> bool {
        bytes <= self.limits.held
    }

    fn member(&mut self, path: &Path, facts: MemberFacts, bytes: &mut Vec<u8>) {
        self.listing.0.push((path.to_owned(), facts, bytes.clone()));
    }

    fn large(&mut self, _: &Path, _: &MemberFacts) -> Option<Box<dyn Large + 'v>> {
        None
    }

    fn gap(&mut self, path: &Path, gap: ArchiveGap) {
        self.listing.1.push((path.to_owned(), gap));
    }
}
