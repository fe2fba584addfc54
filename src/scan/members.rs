//! What lies inside of a file that was scanned: every member is matched as a file is.

use std::cell::RefCell;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::coverage::{Leave, Reason, Unscanned};
use super::file_reader::BufferRef;
use super::read::SizedFile;
use super::streamed::{About, HELD, Streamed};
use super::subject::ScanSubject;
use super::worker::Worker;
use super::worker_slot::MemoryGuard;
use crate::archive::{self, ArchiveGap, Budget, Container, Large, Visit};
use crate::finding::{MemberFacts, StatedFacts};

/// Bytes of members that are held before all of the scan's memory is asked for.
const FEW: u64 = 4 << 20;

impl Worker<'_> {
    /// Matches the members of a container, which was matched itself.
    pub(super) fn members(&mut self, subject: &ScanSubject, container: Container) -> Result<(), Leave> {
        let Some(limits) = self.shared.archives.clone() else { return Ok(()) };
        let checkpoint = self.reader.checkpoints();
        let left: Rc<RefCell<Option<Leave>>> = Rc::default();
        let goes_on = {
            let (checkpoint, left) = (checkpoint.clone(), Rc::clone(&left));
            move || match checkpoint.pass() {
                _ if left.borrow().is_some() => false,
                Ok(()) => true,
                Err(leave) => {
                    left.borrow_mut().get_or_insert(leave);
                    false
                }
            }
        };
        let limits = archive::Limits { held: limits.held.min(self.shared.max_file_size), ..limits };
        let budget = Budget::new(limits, subject.content.size, &goes_on);
        let mut source = Positioned { content: &subject.content, at: 0 };
        let mut visit = Matcher { worker: self, container: subject, left: &left, share: None, reserved: 0 };
        archive::walk(&mut source, subject.path, container, &budget, &mut visit);
        drop(visit);
        self.reader.give_back();
        self.reader.at(subject.path)?;
        let leave = left.borrow_mut().take();
        leave.map_or(Ok(()), Err)
    }
}

/// Has members matched.
struct Matcher<'m, 'w, 's> {
    worker: &'m mut Worker<'w>,
    container: &'m ScanSubject<'s>,
    /// Why the container is left.
    left: &'m Rc<RefCell<Option<Leave>>>,
    share: Option<MemoryGuard<'w>>,
    /// Bytes that `share` stands for.
    reserved: u64,
}

impl<'v, 'w: 'v, 's: 'v> Visit<'v> for Matcher<'_, 'w, 's> {
    fn wants(&mut self, path: &Path) -> bool {
        if let Err(leave) = self.worker.reader.at(path) {
            self.left.borrow_mut().get_or_insert(leave);
            return false;
        }
        true
    }

    fn hold(&mut self, bytes: u64) -> bool {
        if bytes <= self.reserved {
            return true;
        }
        // What was reserved goes back first: nobody waits for more while having some.
        self.share = None;
        let wanted = if bytes <= FEW { FEW } else { u64::MAX };
        match self.worker.reader.reserve(wanted) {
            Ok(share) => (self.share, self.reserved) = (Some(share), wanted),
            Err(leave) => {
                self.left.borrow_mut().get_or_insert(leave);
                return false;
            }
        }
        true
    }

    fn member(&mut self, path: &Path, facts: MemberFacts, bytes: &mut Vec<u8>) {
        let worker = &mut *self.worker;
        worker.shared.progress.members.fetch_add(1, Ordering::Relaxed);
        let ScanSubject { opened, content, .. } = self.container;
        let subject = ScanSubject {
            path,
            opened,
            content: SizedFile { size: bytes.len() as u64, unstored: 0, ..*content },
            stated: Some(Arc::new(StatedFacts::Archive(facts))),
            is_memory: false,
        };
        std::mem::swap(bytes, &mut worker.reader.held);
        let outcome = worker.whole(&subject, BufferRef::Held, None);
        std::mem::swap(bytes, &mut worker.reader.held);
        if let Err(leave) = outcome {
            self.left.borrow_mut().get_or_insert(leave);
        }
    }

    fn large(&mut self, path: &Path, facts: &MemberFacts) -> Option<Box<dyn Large + 'v>> {
        let shared = self.worker.shared;
        if !self.hold(HELD) {
            return None;
        }
        shared.progress.members.fetch_add(1, Ordering::Relaxed);
        let about = About {
            path: path.to_owned(),
            opened: self.container.opened,
            stated: Some(Arc::new(StatedFacts::Archive(facts.clone()))),
            is_memory: false,
        };
        let streamed = Streamed::new(shared, self.worker.reader.checkpoints(), about);
        Some(Box::new(ByAndBy { streamed, left: Rc::clone(self.left) }))
    }

    fn gap(&mut self, path: &Path, gap: ArchiveGap) {
        if self.worker.reader.check().is_ok() {
            self.worker.shared.unscanned(Unscanned { path: path.to_owned(), reason: Reason::Inside(gap) });
        }
    }
}

/// A member that goes by.
struct ByAndBy<'w> {
    streamed: Streamed<'w>,
    left: Rc<RefCell<Option<Leave>>>,
}

impl Large for ByAndBy<'_> {
    fn feed(&mut self, bytes: &[u8]) {
        self.streamed.feed(bytes);
    }

    fn finish(self: Box<Self>) {
        if let Err(leave) = self.streamed.finish() {
            self.left.borrow_mut().get_or_insert(leave);
        }
    }
}

/// A file's bytes, read from where it was left.
struct Positioned<'c, 'f> {
    content: &'c SizedFile<'f>,
    at: u64,
}

impl Read for Positioned<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.content.size.saturating_sub(self.at);
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.content.fill(self.at, buffer.get_mut(..room).unwrap_or_default())?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Positioned<'_, '_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.content.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
