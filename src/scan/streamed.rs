//! Content that goes by once and is too large to be held: a member of an archive, a region of memory. It is matched as a
//! large file is, rules that allow it over parts of it; those that want it whole are in coverage where they may match it.
//!
//! A large file is asked first which rules are left and where they may match, and read again there. Here nothing is read
//! twice: all rules that can be told by parts are matched together, over every piece that may hold any of their patterns.

use std::path::PathBuf;
use std::sync::Arc;

use sha2::Digest as _;

use super::coverage::{Leave, Reason, Unscanned};
use super::engine::{Failure, PartFacts, PartsScan};
use super::file_reader::Checkpoint;
use super::prefilter::{Pass, RuleIndex};
use super::read::SizedFile;
use super::rules::{self, Pack};
use super::shared::Shared;
use super::subject::{ScanSubject, externals_of, report, wants_whole};
use super::windows::{PIECE, WindowPieces};
use crate::finding::{Digest, Excerpt, KeptBytes, PatternMatch, Sha256, StatedFacts};
use crate::root::OpenedFile;
use crate::text;

/// Bytes that are kept around what may match, to be shown.
const MAX_KEPT: usize = 2 << 20;
/// Bytes held of it at most: a piece, and what is kept.
pub(super) const HELD: u64 = PIECE + MAX_KEPT as u64;

/// Content that is matched while it goes by.
pub(super) struct Streamed<'w> {
    checkpoint: Checkpoint<'w>,
    shared: &'w Shared,
    about: About<'w>,
    pass: Pass<'w>,
    /// Bytes that the pass does not have yet: it is told the size before the last of them.
    pending: Vec<u8>,
    size: u64,
    hash: sha2::Sha256,
    matching: Option<Matching<'w>>,
}

/// What it is.
pub(super) struct About<'w> {
    pub path: PathBuf,
    /// The file that it lies in, or that runs.
    pub opened: &'w OpenedFile,
    pub stated: Option<Arc<StatedFacts>>,
    /// See [`ScanSubject::is_memory`].
    pub is_memory: bool,
}

impl<'w> Streamed<'w> {
    pub(super) fn new(shared: &'w Shared, checkpoint: Checkpoint<'w>, about: About<'w>) -> Self {
        let matching = shared.rules.told_by_parts().map(Matching::new);
        Self {
            checkpoint,
            shared,
            pass: shared.rules.prefilter().pass_without_size(),
            pending: Vec::new(),
            size: 0,
            hash: sha2::Sha256::new(),
            matching,
            about,
        }
    }

    /// The next bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.flush_pass();
        self.pending.extend_from_slice(bytes);
        self.size += bytes.len() as u64;
        if !self.about.is_memory {
            self.hash.update(bytes);
        }
        if let Some(matching) = &mut self.matching {
            matching.feed(self.shared, &self.about, bytes);
        }
    }

    /// So many zeros, of memory that was never touched.
    pub(super) fn skip_zeros(&mut self, length: u64) {
        self.flush_pass();
        self.pass.skip_zeros(length);
        self.size += length;
        if let Some(matching) = &mut self.matching {
            matching.skip_zeros(self.shared, &self.about, length);
        }
    }

    fn flush_pass(&mut self) {
        if self.pass.wants_more() {
            self.pass.feed(&self.pending);
        }
        self.pending.clear();
    }

    /// Reports what was found in all of it.
    ///
    /// # Errors
    /// Nobody wants to hear of it any more.
    pub(super) fn finish(mut self) -> Result<(), Leave> {
        self.checkpoint.pass()?;
        self.pass.ends_at(self.size);
        self.flush_pass();
        let rules = &self.shared.rules;
        let (told, whole): (Vec<RuleIndex>, Vec<RuleIndex>) =
            self.pass.left().iter().partition(|rule| rules.is_told_by_parts(**rule));
        let mut notes = Vec::new();
        if !whole.is_empty() {
            notes.push(wants_whole(whole.len(), self.size, self.shared.max_file_size));
        }
        if let Some(matching) = self.matching.take() {
            let (found, kept, more) = matching.finish(self.shared, &self.about, self.size);
            notes.extend(more);
            rules.note_use(self.size, &told, found.iter().map(|found| found.index));
            if !found.is_empty() {
                let digest = self.digest()?;
                let subject = self.about.subject(self.size);
                report(&self.checkpoint, &subject, (self.size, digest), found, |matches, whole| {
                    KeptBytes::gather(self.size, matches, whole, |range| excerpt(&kept, range.start, range.end))
                })?;
            }
        }
        self.checkpoint.check()?;
        for reason in notes {
            self.shared.unscanned(Unscanned { path: self.about.path.clone(), reason });
        }
        Ok(())
    }

    fn digest(&mut self) -> Result<Digest, Leave> {
        if self.about.is_memory {
            let executable = SizedFile::new(&self.about.opened.file, &self.about.opened.stat);
            let mut buffer = vec![0; super::read::CHUNK];
            return super::facts::digest(&executable, &mut buffer, |_| self.checkpoint.pass());
        }
        Ok(Digest::Whole(Sha256(std::mem::take(&mut self.hash).finalize().into())))
    }
}

impl About<'_> {
    fn subject(&self, size: u64) -> ScanSubject<'_> {
        let content = SizedFile { size, unstored: 0, ..SizedFile::new(&self.opened.file, &self.opened.stat) };
        let Self { path, opened, stated: said, is_memory } = self;
        ScanSubject { path, opened, content, stated: said.clone(), is_memory: *is_memory }
    }
}

/// Rules that are matched over pieces.
struct Matching<'w> {
    pack: &'w Pack,
    pieces: WindowPieces<'static>,
    /// The bytes of the piece that is being filled.
    buffer: Vec<u8>,
    /// Where in the content they begin.
    from: u64,
    /// Begun with the first piece.
    parts: Option<PartsScan<'w>>,
    failure: Option<Failure>,
    /// Bytes around what may match, in order.
    kept: Vec<Excerpt>,
    kept_bytes: usize,
}

impl<'w> Matching<'w> {
    fn new(pack: &'w Pack) -> Self {
        let reach = pack.parts().map(|told| told.windowed.reach()).unwrap_or_default();
        Self {
            pack,
            pieces: WindowPieces::of_all(reach, PIECE),
            buffer: Vec::new(),
            from: 0,
            parts: None,
            failure: None,
            kept: Vec::new(),
            kept_bytes: 0,
        }
    }

    fn feed(&mut self, shared: &'w Shared, about: &About, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = (PIECE as usize).saturating_sub(self.buffer.len()).min(bytes.len());
            let (now, later) = bytes.split_at(room);
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() as u64 == PIECE {
                let buffer = std::mem::take(&mut self.buffer);
                let was_exact = self.pieces.exact();
                let piece = self.pieces.cut(&buffer);
                if !self.piece(shared, about, piece) {
                    // Nothing may match near the cut.
                    self.pieces.set_exact(was_exact);
                }
                let next = self.pieces.position();
                self.buffer = buffer;
                self.buffer.drain(..(next - self.from) as usize);
                self.from = next;
            }
        }
    }

    fn skip_zeros(&mut self, shared: &'w Shared, about: &About, length: u64) {
        const ZEROS: [u8; 4096] = [0; 4096];
        let end = self.from + self.buffer.len() as u64 + length;
        // What lies before a longer hole is a piece for itself, and the next begins before the hole's end: zeros match
        // nothing here (see `Locator::skip_zeros`), and no match reaches through so many.
        let edge = length.min(PIECE / 2);
        let mut left = edge;
        while left > 0 {
            let some = left.min(ZEROS.len() as u64);
            self.feed(shared, about, ZEROS.get(..some as usize).unwrap_or(&ZEROS));
            left -= some;
        }
        if length > edge {
            self.flush(shared, about);
            let before = (length - edge).min(PIECE / 2);
            self.buffer = vec![0; before as usize];
            self.from = end - before;
            self.pieces.jump(self.from);
        }
    }

    /// Has what is in the buffer matched as the last piece.
    fn flush(&mut self, shared: &'w Shared, about: &About) {
        let buffer = std::mem::take(&mut self.buffer);
        let _ = self.piece(shared, about, &buffer);
    }

    /// Matches a piece that begins where the buffer does; whether something may match near its end.
    fn piece(&mut self, shared: &'w Shared, about: &About, bytes: &[u8]) -> bool {
        let (Some(told), None) = (self.pack.parts(), &self.failure) else { return false };
        if self.parts.is_none() {
            let header = bytes.get(..rules::HEADER as usize).unwrap_or(bytes);
            let externals = externals_of(shared, &about.subject(0), header);
            let facts = PartFacts { filesize: 0, header, externals: &externals };
            self.keep(bytes, 0..KeptBytes::WHOLE);
            match PartsScan::begin(&shared.rules, self.pack, &facts, shared.match_timeout) {
                Some(parts) => self.parts = Some(parts),
                None => self.failure = Some(Failure::Engine("they cannot be compiled for it".to_owned())),
            }
        }
        let mut spots: Vec<(u64, u64)> = Vec::new();
        told.prefilter.locate().feed(bytes, |offset, length| spots.push((offset, length)));
        if spots.is_empty() {
            return false;
        }
        let (reach, length) = (told.windowed.reach().bytes, bytes.len() as u64);
        let is_near = spots.iter().any(|(offset, spot)| offset + spot + 2 * reach >= length);
        let around = KeptBytes::AROUND + PatternMatch::KEPT as u64;
        for (offset, length) in spots {
            self.keep(bytes, offset.saturating_sub(around)..offset + length + around);
        }
        if let Some(parts) = &mut self.parts
            && let Err(failure) = parts.scan(self.from, bytes)
        {
            self.failure = Some(failure);
        }
        is_near
    }

    /// Keeps a range of the piece, if there is room.
    fn keep(&mut self, piece: &[u8], range: std::ops::Range<u64>) {
        let end = range.end.min(piece.len() as u64);
        let known = self.kept.last().map_or(0, |last| last.offset + last.bytes.len() as u64);
        let start = (self.from + range.start).max(known) - self.from;
        let Some(bytes) = piece.get(start as usize..end as usize).filter(|bytes| !bytes.is_empty()) else { return };
        if self.kept_bytes + bytes.len() > MAX_KEPT {
            return;
        }
        self.kept_bytes += bytes.len();
        match self.kept.last_mut() {
            Some(last) if known == self.from + start => last.bytes.extend_from_slice(bytes),
            _ => self.kept.push(Excerpt { offset: self.from + start, bytes: bytes.to_vec() }),
        }
    }

    /// What all pieces together match, what was kept of them, and what is not sure.
    fn finish(
        mut self,
        shared: &'w Shared,
        about: &About,
        size: u64,
    ) -> (Vec<super::engine::RuleMatches>, Vec<Excerpt>, Vec<Reason>) {
        self.flush(shared, about);
        let Self { pack, pieces, parts, mut failure, kept, .. } = self;
        let mut notes = Vec::new();
        let read = |range: std::ops::Range<u64>| {
            let known =
                kept.iter().find(|one| one.offset <= range.start && range.start < one.offset + one.bytes.len() as u64);
            let known = known.and_then(|one| one.bytes.get((range.start - one.offset) as usize..)).unwrap_or_default();
            known.get(..(range.end - range.start) as usize).unwrap_or(known).to_vec()
        };
        let mut found = Vec::new();
        if let (Some(parts), None) = (parts, &failure) {
            match parts.of_size(size).finish(read) {
                Ok(all) => found = all,
                Err(why) => failure = Some(why),
            }
        }
        let count = text::counted(pack.len() as u64, "rule");
        notes.extend(failure.map(|failure| failure.over(count)));
        if !pieces.exact() {
            let what = "it goes by in pieces, and a match may depend on what was cut off where words do not end";
            notes.push(Reason::Partly(what.to_owned()));
        }
        (found, kept, notes)
    }
}

/// What was kept of a range, if all of it was.
fn excerpt(kept: &[Excerpt], start: u64, end: u64) -> Option<Vec<u8>> {
    let one = kept.iter().find(|one| one.offset <= start && end <= one.offset + one.bytes.len() as u64)?;
    one.bytes.get((start - one.offset) as usize..(end - one.offset) as usize).map(<[u8]>::to_vec)
}
