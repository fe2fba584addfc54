//! What runs without a file that the walk could reach: executables and libraries that are deleted, replaced or were never
//! on a disk, and the memory of processes. Read through `/proc/PID`; no process is stopped, and nothing is written.

mod listing;
mod options;

use std::collections::HashSet;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::coverage::{Leave, Reason, Unscanned};
use super::file_reader::BufferRef;
use super::read::{CHUNK, SizedFile};
use super::shared::Shared;
use super::streamed::{self, About, Streamed};
use super::subject::ScanSubject;
use super::worker::Worker;
use crate::finding::StatedFacts;
use crate::proc::maps::{Region, page};
use crate::sandbox;
use crate::text::subject::{Inside, inside};
use crate::timeout::blocking_call;
use listing::{Image, RunningProcess};
pub use options::ProcessOptions;
pub(super) use options::ProcessScan;

/// Goes through all processes.
pub(super) fn run(worker: &mut Worker) -> Result<(), Leave> {
    let shared = worker.shared;
    let proc = Path::new("/proc");
    let numbers = match asked(listing::numbers) {
        Ok(numbers) => numbers,
        Err(error) => {
            shared.unscanned(Unscanned { path: proc.to_owned(), reason: Reason::of(&error) });
            return Ok(());
        }
    };
    let own = std::process::id();
    let (mut seen, mut refused) = (HashSet::new(), 0_u64);
    for pid in numbers {
        let named = shared.processes.only.is_empty() || shared.processes.only.contains(&pid);
        if !named || pid == own || pid <= shared.processes.last.load(Ordering::Acquire) {
            continue;
        }
        shared.processes.last.store(pid, Ordering::Release);
        worker.reader.begin_file(&proc.join(pid.to_string()), 0)?;
        let boot = shared.boot;
        match asked(move || listing::running(pid, boot)) {
            Ok(Some(mut running)) => {
                running.facts.user = shared.accounts.user_name(running.facts.uid).map(str::to_owned);
                process(worker, &running, &mut seen)?;
            }
            // One of the kernel's own, or it has ended: it runs no more than what was there before it.
            Ok(None) => {}
            Err(error) if matches!(Reason::of(&error), Reason::Vanished) || is_gone(&error) => {}
            Err(error) if matches!(Reason::of(&error), Reason::Permission) => refused += 1,
            Err(error) => worker.miss(&proc.join(pid.to_string()), Reason::of(&error))?,
        }
    }
    if refused > 0 {
        let what = format!("{} may not be looked into; root sees all", crate::text::counted(refused, "process"));
        shared.unscanned(Unscanned { path: proc.to_owned(), reason: Reason::Partly(what) });
    }
    Ok(())
}

/// Does something where `/proc` says what it knows of other processes.
fn asked<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    let outcome = blocking_call(|| sandbox::outside(work));
    outcome.unwrap_or_else(|| Err(io::Error::other("asking the kernel broke off")))
}

/// Whether the process has ended (`ESRCH`).
fn is_gone(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::SRCH)
}

fn process(worker: &mut Worker, running: &RunningProcess, seen: &mut HashSet<(u64, u64)>) -> Result<(), Leave> {
    if worker.shared.processes.executables {
        for image in running.images.iter().filter(|image| !image.state.is_empty()) {
            let stat = &image.opened.stat;
            // What several run is one file.
            if !seen.insert((stat.st_dev, stat.st_ino)) || worker.shared.own.contains(&(stat.st_dev, stat.st_ino)) {
                continue;
            }
            let path = path_of(running, image);
            let outcome = file(worker, running, image, &path);
            worker.done(&path, outcome)?;
        }
    }
    if worker.shared.processes.memory
        && let Some(image) = running.images.first()
    {
        let of_process = path_of(running, image);
        let number = running.facts.pid;
        let memory = match asked(move || listing::memory(number)) {
            Ok(memory) => memory,
            Err(error) if is_gone(&error) => return worker.miss(&of_process, Reason::Vanished),
            Err(error) => return worker.miss(&of_process, Reason::of(&error)),
        };
        for region in memory.regions.iter().filter(|region| region.is_private_memory()) {
            let path = inside(&of_process, &Inside::Region(region.name().into_bytes().into()));
            let outcome = self::region(worker, (running, image), &memory, region, &path);
            worker.done(&path, outcome)?;
        }
    }
    Ok(())
}

fn path_of(running: &RunningProcess, image: &Image) -> PathBuf {
    let (name, state) = (running.facts.name.as_bytes().into(), image.state.as_bytes().into());
    inside(&image.path, &Inside::Process { pid: running.facts.pid, name, state })
}

/// Matches an executable or a library as a file is.
fn file(worker: &mut Worker, running: &RunningProcess, image: &Image, path: &Path) -> Result<(), Leave> {
    worker.reader.begin_file(path, image.opened.stat.st_dev)?;
    let content = SizedFile::new(&image.opened.file, &image.opened.stat);
    let said = Some(Arc::new(StatedFacts::Kernel(running.facts.clone())));
    let subject = ScanSubject { path, opened: &image.opened, content, stated: said, is_memory: false };
    worker.content(&subject)?;
    match worker.reader.container.take() {
        Some(container) => worker.members(&subject, container),
        None => Ok(()),
    }
}

/// Matches a region of memory as if it were a file.
fn region(
    worker: &mut Worker,
    (running, image): (&RunningProcess, &Image),
    memory: &listing::ProcessMemory,
    region: &Region,
    path: &Path,
) -> Result<(), Leave> {
    worker.reader.begin_file(path, 0)?;
    let (size, limit) = (region.range.end - region.range.start, worker.shared.max_file_size);
    let facts = crate::finding::ProcessFacts { region: Some(region.name()), ..running.facts.clone() };
    let said = Some(Arc::new(StatedFacts::Kernel(facts)));
    if size > limit {
        let _share = worker.reader.reserve(streamed::HELD)?;
        let about = About { path: path.to_owned(), opened: &image.opened, stated: said, is_memory: true };
        let outcome = pass_by(worker, memory, &region.range, about);
        worker.reader.give_back();
        return outcome;
    }
    let _share = worker.reader.reserve(size)?;
    let held = hold(worker, memory, &region.range);
    let outcome = held.and_then(|()| {
        let content = SizedFile { size, unstored: 0, ..SizedFile::new(&image.opened.file, &image.opened.stat) };
        let subject = ScanSubject { path, opened: &image.opened, content, stated: said, is_memory: true };
        worker.whole(&subject, BufferRef::Held, None).map(drop)
    });
    worker.reader.give_back();
    outcome
}

/// Reads a region into the buffer. Pages that were never touched are zeros, and are not read.
fn hold(worker: &mut Worker, memory: &listing::ProcessMemory, range: &Range<u64>) -> Result<(), Leave> {
    let size = (range.end - range.start) as usize;
    worker.reader.held.clear();
    worker.reader.held.resize(size, 0);
    for touched in memory.touched(range) {
        let mut at = touched.start;
        while at < touched.end {
            worker.reader.checkpoint()?;
            let place = (at - range.start) as usize;
            let end = size.min(place + CHUNK.min((touched.end - at) as usize));
            let room = worker.reader.held.get_mut(place..end).unwrap_or_default();
            // One page that cannot be read hides no other.
            let read = blocking_call(|| rustix::io::pread(&memory.file, room, at)).unwrap_or(0);
            at += if read == 0 { page() } else { read as u64 };
        }
    }
    Ok(())
}

/// Matches a region that is too large to be held, bit by bit.
fn pass_by(
    worker: &mut Worker,
    memory: &listing::ProcessMemory,
    range: &Range<u64>,
    about: About,
) -> Result<(), Leave> {
    let mut streamed = Streamed::new(worker.shared, worker.reader.checkpoints(), about);
    let mut at = range.start;
    let mut buffer = vec![0; CHUNK];
    for touched in memory.touched(range) {
        streamed.skip_zeros(touched.start - at);
        at = touched.start;
        while at < touched.end {
            worker.reader.checkpoint()?;
            let room = CHUNK.min((touched.end - at) as usize);
            let room = buffer.get_mut(..room).unwrap_or_default();
            match blocking_call(|| rustix::io::pread(&memory.file, &mut *room, at)).unwrap_or(0) {
                // One page that cannot be read hides no other.
                0 => {
                    streamed.skip_zeros(page().min(touched.end - at));
                    at += page();
                }
                read => {
                    streamed.feed(room.get(..read).unwrap_or_default());
                    at += read as u64;
                }
            }
        }
    }
    streamed.skip_zeros(range.end.saturating_sub(at));
    streamed.finish()
}

impl Worker<'_> {
    /// Lists what was not scanned.
    fn miss(&mut self, path: &Path, reason: Reason) -> Result<(), Leave> {
        self.reader.check()?;
        self.shared.unscanned(Unscanned { path: path.to_owned(), reason });
        Ok(())
    }

    /// Ends with something of a process.
    fn done(&mut self, path: &Path, outcome: Result<(), Leave>) -> Result<(), Leave> {
        self.shared.progress.processes.fetch_add(1, Ordering::Relaxed);
        match outcome {
            Err(Leave::Unscanned(reason)) => self.miss(path, reason),
            outcome => outcome,
        }
    }
}

/// When the box was started, in seconds since 1970; 0 where the kernel does not say.
pub(super) fn boot() -> i64 {
    listing::boot()
}

/// Does what `Shared` wants of processes on the thread of a worker.
pub(super) fn run_on(slot: &super::worker_slot::WorkerSlot, shared: &Shared) {
    let shelf = super::engine::ScannerRules::new();
    let mut worker = Worker::new(slot, shared, &shelf);
    // Where it is left, nobody wants to hear of the rest.
    let _ = run(&mut worker);
}
