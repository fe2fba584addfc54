//! How a worker reads a file: its buffers, the control of the scan, the time that a file may take, and the progress.

use std::cell::Cell;
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::control::Directive;
use super::coverage::{Leave, Reason};
use super::prefilter::Pass;
use super::read::{CHUNK, DataExtent, SizedFile};
use super::shared::Shared;
use super::worker_slot::{MemoryGuard, WorkerSlot};
use crate::archive::Container;

/// What a worker reads with and into.
pub(super) struct FileReader<'s> {
    slot: &'s WorkerSlot,
    shared: &'s Shared,
    checkpoint: Checkpoint<'s>,
    /// What the current file is, if something may lie in it.
    pub container: Option<Container>,
    /// [`CHUNK`] bytes that every file goes through.
    chunk: Vec<u8>,
    /// A file, or a part of one, that does not fit in there.
    pub held: Vec<u8>,
    /// Bytes of the current file that the progress knows of.
    counted: u64,
}

/// Where the thread learns what to do with its file.
#[derive(Clone)]
pub(super) struct Checkpoint<'s> {
    slot: &'s WorkerSlot,
    shared: &'s Shared,
    /// The skips asked for before the current file began.
    skips: u64,
    /// When the current file has taken too long. What it waits for beside its file system moves it on.
    deadline: Rc<Cell<Instant>>,
}

impl<'s> Checkpoint<'s> {
    /// What all workers share.
    pub(super) fn shared(&self) -> &'s Shared {
        self.shared
    }

    /// Whether this worker's file is still wanted of it: to be asked before anything is told of it.
    pub(super) fn check(&self) -> Result<(), Leave> {
        Ok(self.slot.check()?)
    }

    /// To be called between two parts of a file: does what the control says, and leaves a file that takes too long.
    pub(super) fn pass(&self) -> Result<(), Leave> {
        let begun = Instant::now();
        if begun >= self.deadline.get() {
            return Err(Leave::Unscanned(Reason::FileTimedOut(self.shared.file_timeout.as_secs())));
        }
        self.obey()?;
        let paused = begun.elapsed();
        if paused >= Duration::from_millis(1) {
            self.excuse(paused);
        }
        Ok(())
    }

    /// Time that is not the file's.
    fn excuse(&self, time: Duration) {
        self.deadline.set(self.deadline.get() + time);
    }

    /// Does what the control says; waits here while the scan is paused.
    fn obey(&self) -> Result<(), Leave> {
        self.slot.check()?;
        match self.shared.control.checkpoint(self.skips) {
            Directive::Continue => Ok(()),
            Directive::SkipFile => Err(Leave::Unscanned(Reason::Skipped)),
            Directive::Cancel => Err(Leave::Cancelled),
        }
    }
}

/// The content of a file that is matched whole.
#[derive(Clone, Copy)]
pub(super) enum BufferRef {
    /// So many bytes of the chunk.
    Chunk(usize),
    Held,
}

impl<'s> FileReader<'s> {
    pub(super) fn new(slot: &'s WorkerSlot, shared: &'s Shared) -> Self {
        let checkpoint = Checkpoint { slot, shared, skips: 0, deadline: Rc::new(Cell::new(Instant::now())) };
        Self { slot, shared, checkpoint, container: None, chunk: vec![0; CHUNK], held: Vec::new(), counted: 0 }
    }

    /// Tells those who watch that a file begins.
    pub(super) fn begin_file(&mut self, path: &Path, device: u64) -> Result<(), Leave> {
        self.counted = 0;
        self.container = None;
        self.checkpoint.skips = self.shared.control.skips();
        self.checkpoint.deadline.set(Instant::now() + self.shared.file_timeout);
        self.slot.begin(path, Some(device), self.checkpoint.skips)?;
        self.checkpoint.obey()
    }

    /// Tells those who watch that something inside of the file begins.
    pub(super) fn at(&self, path: &Path) -> Result<(), Leave> {
        Ok(self.slot.at(path)?)
    }

    /// The file's checkpoint, for those who do not have the reader at hand.
    pub(super) fn checkpoints(&self) -> Checkpoint<'s> {
        self.checkpoint.clone()
    }

    /// Lends the chunk out beside the rest.
    pub(super) fn with_chunk<T>(&mut self, work: impl FnOnce(&mut Self, &mut [u8]) -> T) -> T {
        let mut chunk = std::mem::take(&mut self.chunk);
        let outcome = work(self, &mut chunk);
        self.chunk = chunk;
        outcome
    }

    /// Reads a range of a file into the buffer; less of it at the end of the file.
    pub(super) fn hold_range(&mut self, content: &SizedFile, range: Range<u64>) -> Result<(), Leave> {
        self.held.resize(range.end.saturating_sub(range.start) as usize, 0);
        let filled = content.fill(range.start, &mut self.held)?;
        self.held.truncate(filled);
        self.check()
    }

    /// Waits for the right to hold so many bytes; the wait does not count as the file's.
    pub(super) fn reserve(&mut self, bytes: u64) -> Result<MemoryGuard<'s>, Leave> {
        let begun = Instant::now();
        let share = self.shared.memory.take(bytes, || self.checkpoint.obey());
        self.checkpoint.excuse(begun.elapsed());
        Ok(self.slot.hold(share?)?)
    }

    /// Gives the buffer's memory back, but for this worker's part of what all may keep.
    pub(super) fn give_back(&mut self) {
        let workers = self.shared.workers as u64;
        if self.held.capacity() as u64 > self.shared.memory.total() / workers.max(1) {
            self.held = Vec::new();
        }
    }

    /// Whether this worker's file is still wanted of it: to be asked before anything is told of it.
    pub(super) fn check(&self) -> Result<(), Leave> {
        Ok(self.slot.check()?)
    }

    /// To be called between two parts of a file: does what the control says, and leaves a file that takes too long.
    pub(super) fn checkpoint(&mut self) -> Result<(), Leave> {
        self.checkpoint.pass()
    }

    /// Looks whether something may lie in the file: at bytes of it that end at `end`.
    fn look_inside(&mut self, bytes: &[u8], end: u64, size: u64) {
        if end == bytes.len() as u64 {
            self.container = Container::of_head(bytes);
        }
        if end == size && self.container.is_none() {
            self.container = Container::of_tail(bytes);
        }
    }

    /// Tells the progress that the file was read up to `offset`, if that is new.
    fn advance(&mut self, offset: u64) {
        let new = offset.saturating_sub(self.counted);
        self.counted += new;
        self.shared.progress.bytes.fetch_add(new, Ordering::Relaxed);
    }

    pub(super) fn bytes(&self, content: BufferRef) -> &[u8] {
        match content {
            BufferRef::Chunk(length) => self.chunk.get(..length).unwrap_or_default(),
            BufferRef::Held => &self.held,
        }
    }

    /// Reads a file into the chunk, wherever `stat` thinks its end is; `None` if it does not fit.
    pub(super) fn hold_small(&mut self, content: &SizedFile) -> Result<Option<BufferRef>, Leave> {
        let known = content.size as usize;
        let wanted = if known == 0 { CHUNK } else { known };
        let filled = content.fill(0, self.chunk.get_mut(..wanted).unwrap_or_default())?;
        self.advance(filled as u64);
        self.with_chunk(|reader, chunk| {
            reader.look_inside(chunk.get(..filled).unwrap_or_default(), filled as u64, filled as u64);
        });
        // The kernel makes it up as it is read where it is longer than the chunk.
        Ok((filled < CHUNK).then_some(BufferRef::Chunk(filled)))
    }

    /// Reads a file into the buffer: as many bytes as its size says, or, if it says none, to its end.
    pub(super) fn hold(&mut self, content: &SizedFile) -> Result<(), Leave> {
        let limit = self.shared.max_file_size;
        let known = content.size;
        let most = if known == 0 { limit } else { known };
        self.held.clear();
        self.held.reserve_exact(known as usize);
        let mut at = 0;
        while at < most {
            self.checkpoint()?;
            let room = (most - at).min(CHUNK as u64) as usize;
            let filled = content.fill(at, self.chunk.get_mut(..room).unwrap_or_default())?;
            self.held.extend_from_slice(self.chunk.get(..filled).unwrap_or_default());
            at += filled as u64;
            self.with_chunk(|reader, chunk| reader.look_inside(chunk.get(..filled).unwrap_or_default(), at, known));
            self.advance(at);
            if filled < room {
                return Ok(());
            }
        }
        if known == 0 { Err(Leave::Unscanned(Reason::TooLarge { size: at, limit })) } else { Ok(()) }
    }

    /// Streams a file through a prefilter; how many bytes were read.
    pub(super) fn stream(&mut self, content: &SizedFile, pass: &mut Pass) -> Result<u64, Leave> {
        let mut reached = 0;
        self.with_chunk(|reader, chunk| {
            content.stream(chunk, |end, stretch| {
                if let DataExtent::Bytes(bytes) = stretch {
                    reader.look_inside(bytes, end, content.size);
                }
                reached = end;
                reader.advance(end);
                reader.checkpoint()?;
                match stretch {
                    DataExtent::Bytes(bytes) => pass.feed(bytes),
                    DataExtent::Hole(length) => pass.skip_zeros(length),
                };
                Ok::<_, Leave>(if pass.wants_more() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
            })
        })?;
        let read = if pass.wants_more() { reached } else { content.size };
        self.advance(read);
        Ok(read)
    }
}
