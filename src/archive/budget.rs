//! The limits of one file of the tree, and the readers that hold to them.

use std::cell::{Cell, RefCell};
use std::io::{self, Read, Seek, SeekFrom};
use std::time::{Duration, Instant};

use super::{ArchiveGap, Limits};

/// What may still come out of one file of the tree.
pub(crate) struct Budget<'t> {
    limits: Limits,
    /// Bytes that may come out: by the limit, or by the ratio to the file's own size.
    most: u64,
    out: Cell<u64>,
    members: Cell<u64>,
    deadline: Cell<Instant>,
    /// Whether its caller wants it to go on.
    goes_on: &'t dyn Fn() -> bool,
    end: RefCell<End>,
}

/// Whether, and why, nothing more comes out of a file.
enum End {
    NotYet,
    /// A limit was met, which was not told yet.
    Met(ArchiveGap),
    /// It was told, or the caller ended it.
    Over,
}

impl<'t> Budget<'t> {
    /// For a file of `size` bytes. `goes_on` is asked often; it may wait, which does not count.
    pub(crate) fn new(limits: Limits, size: u64, goes_on: &'t dyn Fn() -> bool) -> Self {
        let by_ratio = size.saturating_mul(limits.ratio).max(Limits::FREE);
        Self {
            most: by_ratio.min(limits.bytes),
            deadline: Cell::new(Instant::now() + limits.time),
            limits,
            out: Cell::new(0),
            members: Cell::new(0),
            goes_on,
            end: RefCell::new(End::NotYet),
        }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether it is over: a limit of the whole file was met, or nobody wants it to go on.
    pub(super) fn is_over(&self) -> bool {
        !matches!(*self.end.borrow(), End::NotYet)
    }

    /// The limit that was met, told once.
    pub(super) fn take_limit(&self) -> Option<ArchiveGap> {
        let mut end = self.end.borrow_mut();
        match std::mem::replace(&mut *end, End::Over) {
            End::Met(gap) => Some(gap),
            End::Over => None,
            End::NotYet => {
                *end = End::NotYet;
                None
            }
        }
    }

    fn end(&self, end: End) -> io::Error {
        if !self.is_over() {
            self.end.replace(end);
        }
        io::Error::other("a limit was met")
    }

    /// Time that does not count.
    pub(super) fn excuse(&self, time: Duration) {
        self.deadline.set(self.deadline.get() + time);
    }

    /// To be called often.
    pub(super) fn check(&self) -> io::Result<()> {
        if self.is_over() {
            return Err(self.end(End::Over));
        }
        let now = Instant::now();
        if now >= self.deadline.get() {
            return Err(self.end(End::Met(ArchiveGap::Time(self.limits.time.as_secs()))));
        }
        if !(self.goes_on)() {
            return Err(self.end(End::Over));
        }
        let waited = now.elapsed();
        if waited >= Duration::from_millis(1) {
            self.excuse(waited);
        }
        Ok(())
    }

    /// Counts one more member.
    pub(super) fn count_member(&self) -> io::Result<()> {
        self.members.set(self.members.get() + 1);
        if self.members.get() > self.limits.members {
            return Err(self.end(End::Met(ArchiveGap::Members(self.limits.members))));
        }
        self.check()
    }

    /// Counts bytes that came out.
    pub(super) fn count_bytes(&self, bytes: u64) -> io::Result<()> {
        let out = self.out.get().saturating_add(bytes);
        self.out.set(out);
        if out > self.most {
            let by_bytes = self.most == self.limits.bytes;
            let gap =
                if by_bytes { ArchiveGap::Bytes(self.limits.bytes) } else { ArchiveGap::Ratio(self.limits.ratio) };
            return Err(self.end(End::Met(gap)));
        }
        Ok(())
    }
}

/// Counts what comes out of a decoder.
pub(super) struct Metered<'b, 't, R> {
    inner: R,
    budget: &'b Budget<'t>,
}

impl<'b, 't, R: Read> Metered<'b, 't, R> {
    pub(super) fn new(inner: R, budget: &'b Budget<'t>) -> Self {
        Self { inner, budget }
    }
}

impl<R: Read> Read for Metered<'_, '_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.budget.check()?;
        let read = self.inner.read(buffer)?;
        self.budget.count_bytes(read as u64)?;
        Ok(read)
    }
}

/// Looks at the limits whenever a decoder wants more to decode: one that loops over its input comes to its end.
pub(super) struct Watched<'b, 't, R> {
    inner: R,
    budget: &'b Budget<'t>,
}

impl<'b, 't, R> Watched<'b, 't, R> {
    pub(super) fn new(inner: R, budget: &'b Budget<'t>) -> Self {
        Self { inner, budget }
    }
}

impl<R: Read> Read for Watched<'_, '_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.budget.check()?;
        self.inner.read(buffer)
    }
}

impl<R: Seek> Seek for Watched<'_, '_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.budget.check()?;
        self.inner.seek(to)
    }
}
