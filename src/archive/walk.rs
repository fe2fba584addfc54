//! Going through a container, and through what is nested in it.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::budget::Budget;
use super::container::Container;
use super::format::{ArchiveFormat, HEAD};
use super::source::{ArchiveSource, broken, fill};
use super::{ArchiveGap, behind};
use crate::finding::MemberFacts;
use crate::text::subject::{Inside, inside};
use crate::timeout::catch_panic;

/// Bytes of a member that are read at once.
const CHUNK: usize = 64 * 1024;

/// Whoever wants to know of members.
pub(crate) trait Visit<'v> {
    /// Whether the bytes of what has this path are wanted, or of something in it.
    fn wants(&mut self, path: &Path) -> bool;

    /// Makes room for so many bytes of members in all; whether there is any.
    fn hold(&mut self, bytes: u64) -> bool;

    /// A member; the buffer may be exchanged for another with the same bytes, and is given back.
    fn member(&mut self, path: &Path, facts: MemberFacts, bytes: &mut Vec<u8>);

    /// A member that is too large to be held: who takes its bytes as they go by, if anybody does.
    fn large(&mut self, path: &Path, facts: &MemberFacts) -> Option<Box<dyn Large + 'v>>;

    /// Something that was not seen, or not all of it.
    fn gap(&mut self, path: &Path, gap: ArchiveGap);
}

/// Who takes a member that is too large to be held.
pub(crate) trait Large {
    /// The next bytes of it.
    fn feed(&mut self, bytes: &[u8]);

    /// There is no more of it.
    fn finish(self: Box<Self>);
}

/// Where a container's bytes come from.
pub(super) enum ContainerInput<'i> {
    /// From a decoder, or from within another container.
    Stream(&'i mut dyn Read),
    Seekable(&'i mut dyn ArchiveSource),
}

impl Read for ContainerInput<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stream(stream) => stream.read(buffer),
            Self::Seekable(source) => source.read(buffer),
        }
    }
}

impl ContainerInput<'_> {
    /// Leaves out so many bytes; where that is past the end, the next read says so.
    pub(super) fn skip(&mut self, bytes: u64) -> io::Result<()> {
        match self {
            Self::Seekable(source) => {
                let by = i64::try_from(bytes).map_err(|_| io::ErrorKind::UnexpectedEof)?;
                source.seek(SeekFrom::Current(by)).map(drop)
            }
            Self::Stream(stream) => io::copy(&mut stream.take(bytes), &mut io::sink()).map(drop),
        }
    }

    /// Fills the buffer as far as there are bytes; how many there are.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        fill(self, buffer)
    }
}

/// Data that end too early are an error.
pub(super) struct ExactTake<'t, R>(pub &'t mut io::Take<R>);

impl<R: Read> Read for ExactTake<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 if self.0.limit() > 0 && !buffer.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            read => Ok(read),
        }
    }
}

/// A member that a format has come to.
pub(super) struct Member {
    /// As the container says it.
    pub name: Vec<u8>,
    pub facts: MemberFacts,
    /// Its size as the container says it.
    pub size: Option<u64>,
}

/// The names that a container has had.
#[derive(Default)]
pub(super) struct MemberNames {
    random: RandomState,
    counts: HashMap<u64, u32>,
}

impl MemberNames {
    /// Which of this name it is, from 1.
    fn nth(&mut self, name: &[u8]) -> u32 {
        let count = self.counts.entry(self.random.hash_one(name)).or_default();
        *count = count.saturating_add(1);
        *count
    }
}

/// Where a format is.
pub(super) struct ContainerContext<'p> {
    pub path: &'p Path,
    pub depth: usize,
    pub names: MemberNames,
}

impl ContainerContext<'_> {
    fn of(&mut self, name: &[u8]) -> PathBuf {
        let nth = self.names.nth(name);
        inside(self.path, &Inside::Member { name: name.into(), nth })
    }
}

pub(super) struct Walker<'w, 't, 'v> {
    pub budget: &'w Budget<'t>,
    pub visit: &'w mut dyn Visit<'v>,
    /// Reads the members of a container of any format.
    pub read: ReadFormat,
    /// Bytes of members that are held: those that are nested in one another.
    pub held: u64,
}

/// Goes through the members of a container of this format.
pub(super) type ReadFormat = fn(&mut Walker, &mut ContainerContext, ArchiveFormat, ContainerInput) -> io::Result<()>;

impl Walker<'_, '_, '_> {
    /// Goes through what lies in `source`, or says that it is not looked into.
    pub(super) fn enter(&mut self, source: &mut dyn ArchiveSource, path: &Path, container: Container, depth: usize) {
        match container {
            Container::Of(format) => self.container(ContainerInput::Seekable(source), path, format, depth),
            Container::Unread(kind) => {
                self.visit.gap(path, ArchiveGap::Unsupported(format!("{kind}, which is not looked into")));
            }
            Container::Behind => match behind::find(source) {
                Ok(Some((at, Container::Of(format)))) => {
                    let mut rest = behind::Rest::new(source, at);
                    // Its reader left it anywhere.
                    if rest.rewind().is_ok() {
                        self.container(ContainerInput::Seekable(&mut rest), path, format, depth);
                    }
                }
                Ok(Some((_, Container::Unread(kind)))) => {
                    self.visit
                        .gap(path, ArchiveGap::Unsupported(format!("{kind} lies in it, which is not looked into")));
                }
                Err(error) if !self.budget.is_over() => self.visit.gap(path, broken(&error)),
                Ok(_) | Err(_) => {}
            },
        }
    }

    /// Goes through a container.
    pub(super) fn container(&mut self, input: ContainerInput, path: &Path, format: ArchiveFormat, depth: usize) {
        if depth > self.budget.limits().depth {
            return self.visit.gap(path, ArchiveGap::Depth(self.budget.limits().depth));
        }
        let place = &mut ContainerContext { path, depth, names: MemberNames::default() };
        let held = self.held;
        let read = self.read;
        let outcome = catch_panic(|| read(self, place, format, input));
        self.held = held;
        let gap = match outcome {
            Ok(Ok(())) => return,
            Ok(Err(error)) => broken(&error),
            Err(panic) => ArchiveGap::Broken(format!("its reader panicked; please report this ({panic})")),
        };
        if !self.budget.is_over() {
            self.visit.gap(path, gap);
        }
    }

    /// A member whose bytes cannot be had.
    pub(super) fn unreadable(&mut self, place: &mut ContainerContext, name: &[u8], gap: ArchiveGap) -> io::Result<()> {
        self.budget.count_member()?;
        let path = place.of(name);
        self.visit.gap(&path, gap);
        Ok(())
    }

    /// A member whose bytes `data` gives. It need not be read to its end.
    ///
    /// # Errors
    /// When a limit of the whole file was met.
    pub(super) fn member(
        &mut self,
        place: &mut ContainerContext,
        member: Member,
        data: &mut dyn Read,
    ) -> io::Result<()> {
        self.budget.count_member()?;
        let path = place.of(&member.name);
        if !self.visit.wants(&path) {
            return Ok(());
        }
        let room = self.budget.limits().held.saturating_sub(self.held);
        let mut bytes = Vec::new();
        if member.size.is_some_and(|size| size > room) {
            return self.large(&path, &member, bytes, data, place.depth);
        }
        match self.read_whole(data, &mut bytes, room) {
            Ok(()) => {}
            Err(ArchiveGap::Held(..)) if !self.budget.is_over() => {
                return self.large(&path, &member, bytes, data, place.depth);
            }
            Err(gap) => {
                let limit = self.budget.take_limit();
                if limit.is_none() && self.budget.is_over() {
                    return self.budget.check();
                }
                self.visit.gap(&path, limit.unwrap_or(gap));
                // What was read of it is looked at.
                if bytes.is_empty() {
                    return Ok(());
                }
            }
        }
        let container = Container::of(&bytes);
        self.visit.member(&path, member.facts, &mut bytes);
        if let Some(container) = container.filter(|_| !self.budget.is_over()) {
            self.held += bytes.len() as u64;
            self.enter(&mut Cursor::new(bytes.as_slice()), &path, container, place.depth + 1);
            self.held -= bytes.len() as u64;
        }
        if self.budget.is_over() { self.budget.check() } else { Ok(()) }
    }

    /// A member that is too large to be held, of which `begun` was read already: it goes by, and so does what lies in it
    /// where that can be read from its first byte on.
    fn large(
        &mut self,
        path: &Path,
        member: &Member,
        begun: Vec<u8>,
        data: &mut dyn Read,
        depth: usize,
    ) -> io::Result<()> {
        self.budget.check()?;
        let too_large = ArchiveGap::Held(member.size, self.budget.limits().held);
        let taker = self.visit.large(path, &member.facts);
        self.budget.check()?;
        if taker.is_none() {
            self.visit.gap(path, too_large.clone());
        }
        let held = begun.len() as u64;
        self.held += held;
        let mut passing = Passing { data: Cursor::new(begun).chain(data), taker };
        let mut head = vec![0; HEAD];
        let mut outcome = fill(&mut passing, &mut head).map(|filled| head.truncate(filled));
        match Container::of_head(&head) {
            Some(Container::Of(format)) if format.is_streamed() && outcome.is_ok() => {
                let mut stream = Cursor::new(head).chain(&mut passing);
                self.container(ContainerInput::Stream(&mut stream), path, format, depth + 1);
            }
            Some(Container::Of(_)) if passing.taker.is_some() => self.visit.gap(path, too_large),
            Some(Container::Unread(kind)) => self.enter(&mut io::empty(), path, Container::Unread(kind), depth),
            _ => {}
        }
        let mut chunk = vec![0; CHUNK];
        while outcome.is_ok() && passing.taker.is_some() {
            match self.budget.check().and_then(|()| passing.read(&mut chunk)) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => outcome = Err(error),
            }
        }
        let taker = passing.taker.take();
        self.held -= held;
        if let Err(error) = outcome {
            let limit = self.budget.take_limit();
            if limit.is_none() && self.budget.is_over() {
                return self.budget.check();
            }
            self.visit.gap(path, limit.unwrap_or_else(|| broken(&error)));
        }
        if let Some(taker) = taker {
            taker.finish();
        }
        if self.budget.is_over() { self.budget.check() } else { Ok(()) }
    }

    /// Reads a member into the buffer.
    fn read_whole(&mut self, data: &mut dyn Read, bytes: &mut Vec<u8>, room: u64) -> Result<(), ArchiveGap> {
        let mut chunk = vec![0; CHUNK];
        loop {
            self.budget.check().map_err(|error| broken(&error))?;
            // A read that fails keeps what came before it: decoders give what they have first.
            let read = match data.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(broken(&error)),
            };
            let length = bytes.len() as u64 + read as u64;
            let begun = Instant::now();
            if length > room || !self.visit.hold(self.held + length) {
                // Whoever takes it as it goes by has all of it.
                bytes.extend_from_slice(chunk.get(..read).unwrap_or_default());
                return Err(ArchiveGap::Held(None, self.budget.limits().held));
            }
            self.budget.excuse(begun.elapsed());
            bytes.extend_from_slice(chunk.get(..read).unwrap_or_default());
        }
    }

    /// What a decoder gives: if that is read from its first byte on, what is in it; else a member by this name.
    pub(super) fn content(
        &mut self,
        place: &mut ContainerContext,
        member: Member,
        data: &mut dyn Read,
    ) -> io::Result<()> {
        let mut head = vec![0; HEAD];
        let filled = match fill(data, &mut head) {
            Ok(filled) => filled,
            Err(error) => return self.member(place, member, &mut Failing(Some(error))),
        };
        head.truncate(filled);
        let format = ArchiveFormat::of(&head);
        let mut whole = Cursor::new(head).chain(data);
        match format.filter(|format| format.is_streamed()) {
            Some(format) => {
                self.container(ContainerInput::Stream(&mut whole), place.path, format, place.depth + 1);
                if self.budget.is_over() { self.budget.check() } else { Ok(()) }
            }
            None => self.member(place, member, &mut whole),
        }
    }
}

/// Bytes that somebody takes as they are read.
struct Passing<'v, R> {
    data: R,
    taker: Option<Box<dyn Large + 'v>>,
}

impl<R: Read> Read for Passing<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.data.read(buffer)?;
        if let Some(taker) = &mut self.taker {
            taker.feed(buffer.get(..read).unwrap_or_default());
        }
        Ok(read)
    }
}

/// Gives an error once.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}
