//! Going through a container, and through what is nested in it.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::budget::{Budget, Watched};
use super::format::{ArchiveFormat, HEAD};
use super::{Gap, ar, compressed, cpio, rpm, sevenz, tar, zip};
use crate::finding::MemberFacts;
use crate::text::subject::{Inside, inside};
use crate::timeout::catch_panic;

/// Bytes of a member that are read at once.
const CHUNK: usize = 64 * 1024;

/// Something with bytes at offsets.
pub(crate) trait Source: Read + Seek {}
impl<T: Read + Seek> Source for T {}

/// Whoever wants to know of members.
pub(crate) trait Visit {
    /// Whether the bytes of what has this path are wanted, or of something in it.
    fn wants(&mut self, path: &Path) -> bool;

    /// Makes room for so many bytes of members in all; whether there is any.
    fn hold(&mut self, bytes: u64) -> bool;

    /// A member; the buffer may be exchanged for another with the same bytes, and is given back.
    fn member(&mut self, path: &Path, facts: MemberFacts, bytes: &mut Vec<u8>);

    /// Something that was not seen, or not all of it.
    fn gap(&mut self, path: &Path, gap: Gap);
}

/// Goes through all members of the container at `path`, which has `format`, and through theirs.
pub(crate) fn walk(
    source: &mut dyn Source,
    path: &Path,
    format: ArchiveFormat,
    budget: &Budget,
    visit: &mut dyn Visit,
) {
    let mut walker = Walker { budget, visit, held: 0 };
    let mut source = Watched::new(source, budget);
    walker.container(Input::Seekable(&mut source), path, format, 1);
    if let Some(limit) = budget.take_limit() {
        visit.gap(path, limit);
    }
}

/// Where a container's bytes come from.
pub(super) enum Input<'i> {
    /// From a decoder, or from within another container.
    Stream(&'i mut dyn Read),
    Seekable(&'i mut dyn Source),
}

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stream(stream) => stream.read(buffer),
            Self::Seekable(source) => source.read(buffer),
        }
    }
}

impl Input<'_> {
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

/// Fills the buffer as far as there are bytes; how many there are.
pub(super) fn fill(from: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
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

pub(super) struct Walker<'w, 't> {
    pub budget: &'w Budget<'t>,
    pub visit: &'w mut dyn Visit,
    /// Bytes of members that are held: those that are nested in one another.
    held: u64,
}

impl Walker<'_, '_> {
    /// Goes through a container.
    pub(super) fn container(&mut self, input: Input, path: &Path, format: ArchiveFormat, depth: usize) {
        if depth > self.budget.limits().depth {
            return self.visit.gap(path, Gap::Depth(self.budget.limits().depth));
        }
        let place = &mut ContainerContext { path, depth, names: MemberNames::default() };
        let held = self.held;
        let outcome = catch_panic(|| match (format, input) {
            (ArchiveFormat::Tar, input) => tar::members(self, place, input),
            (ArchiveFormat::Cpio, input) => cpio::members(self, place, input),
            (ArchiveFormat::Ar, input) => ar::members(self, place, input),
            (ArchiveFormat::Rpm, input) => rpm::members(self, place, input),
            (ArchiveFormat::Zip, Input::Seekable(source)) => zip::members(self, place, source),
            (ArchiveFormat::SevenZip, Input::Seekable(source)) => sevenz::members(self, place, source),
            // Nobody comes here: what is not streamed is held first.
            (ArchiveFormat::Zip | ArchiveFormat::SevenZip, Input::Stream(_)) => Ok(()),
            (compressed, input) => compressed::content(self, place, compressed, input),
        });
        self.held = held;
        let gap = match outcome {
            Ok(Ok(())) => return,
            Ok(Err(error)) => broken(&error),
            Err(panic) => Gap::Broken(format!("its reader panicked; please report this ({panic})")),
        };
        if !self.budget.is_over() {
            self.visit.gap(path, gap);
        }
    }

    /// A member whose bytes cannot be had.
    pub(super) fn unreadable(&mut self, place: &mut ContainerContext, name: &[u8], gap: Gap) -> io::Result<()> {
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
        if let Some(size) = member.size.filter(|size| *size > room) {
            self.visit.gap(&path, Gap::Held(Some(size), self.budget.limits().held));
            return Ok(());
        }
        let mut bytes = Vec::new();
        if let Err(gap) = self.read(data, &mut bytes, room) {
            let limit = self.budget.take_limit();
            if limit.is_none() && self.budget.is_over() {
                return self.budget.check();
            }
            let gap = limit.unwrap_or(gap);
            let too_large = matches!(gap, Gap::Held(..));
            self.visit.gap(&path, gap);
            // What was read of it is looked at, unless a part of it is all that there is room for.
            if too_large || bytes.is_empty() {
                return Ok(());
            }
        }
        let format = ArchiveFormat::of(bytes.get(..HEAD.min(bytes.len())).unwrap_or_default());
        self.visit.member(&path, member.facts, &mut bytes);
        if let Some(format) = format.filter(|_| !self.budget.is_over()) {
            self.held += bytes.len() as u64;
            self.container(Input::Seekable(&mut Cursor::new(bytes.as_slice())), &path, format, place.depth + 1);
            self.held -= bytes.len() as u64;
        }
        if self.budget.is_over() { self.budget.check() } else { Ok(()) }
    }

    /// Reads a member into the buffer.
    fn read(&mut self, data: &mut dyn Read, bytes: &mut Vec<u8>, room: u64) -> Result<(), Gap> {
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
                return Err(Gap::Held(None, self.budget.limits().held));
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
                self.container(Input::Stream(&mut whole), place.path, format, place.depth + 1);
                if self.budget.is_over() { self.budget.check() } else { Ok(()) }
            }
            None => self.member(place, member, &mut whole),
        }
    }
}

/// Gives an error once.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// What it means that reading failed.
pub(super) fn broken(error: &io::Error) -> Gap {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Gap::Broken("its end is missing".to_owned()),
        io::ErrorKind::Unsupported => Gap::Unsupported(error.to_string()),
        _ => Gap::Broken(error.to_string()),
    }
}
