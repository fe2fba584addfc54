//! The bytes of one member, found again by its path.

use std::cell::Cell;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use super::{ArchiveGap, ArchiveSource, Budget, Container, Large, Limits, Visit, walk};
use crate::finding::MemberFacts;
use crate::text::subject;

/// Bytes of a member that is brought back to be looked at.
pub(crate) const MAX_MEMBER: u64 = 256 << 20;
/// How long that may take.
const TIME: Duration = Duration::from_secs(20);

/// The bytes of the member at `path`, whose outermost container is `source`, of `size` bytes.
///
/// # Errors
/// Why they are not to be had; `None` when there is no such member.
pub(crate) fn member(source: &mut dyn ArchiveSource, size: u64, path: &Path) -> Result<Vec<u8>, Option<ArchiveGap>> {
    let container = Container::at(source).map_err(|error| Some(super::source::broken(&error)))?.ok_or(None)?;
    let limits = Limits { time: TIME, held: MAX_MEMBER, ..Limits::default() };
    let sought = Cell::new(true);
    let goes_on = || sought.get();
    let budget = Budget::new(limits, size, &goes_on);
    let mut search = Search { path, sought: &sought, found: None, gap: None };
    walk(source, subject::file_of(path), container, &budget, &mut search);
    search.found.ok_or(search.gap)
}

struct Search<'s> {
    path: &'s Path,
    sought: &'s Cell<bool>,
    found: Option<Vec<u8>>,
    gap: Option<ArchiveGap>,
}

impl<'v> Visit<'v> for Search<'_> {
    fn wants(&mut self, path: &Path) -> bool {
        let (path, sought) = (path.as_os_str().as_bytes(), self.path.as_os_str().as_bytes());
        let rest = sought.strip_prefix(path);
        self.found.is_none() && rest.is_some_and(|rest| rest.first().is_none_or(|byte| *byte == 0))
    }

    fn hold(&mut self, _: u64) -> bool {
        true
    }

    fn member(&mut self, path: &Path, _: MemberFacts, bytes: &mut Vec<u8>) {
        if path == self.path {
            self.found = Some(bytes.clone());
            self.sought.set(false);
        }
    }

    fn large(&mut self, _: &Path, _: &MemberFacts) -> Option<Box<dyn Large + 'v>> {
        None
    }

    fn gap(&mut self, _: &Path, gap: ArchiveGap) {
        self.gap.get_or_insert(gap);
    }
}
