//! Members of a ZIP by their own headers: those that its list does not have, and all where there is no list.
//!
//! By hand, because the crate goes by the list, and from a stream reads only members that say their length ahead.

use std::io::{self, BufReader, Read as _, SeekFrom};
use std::ops::Range;

use bzip2::bufread::BzDecoder;
use flate2::bufread::DeflateDecoder;
use lzma_rust2::{LzmaReader, XzReader};
use ruzstd::decoding::StreamingDecoder;

use super::ArchiveGap;
use super::budget::Metered;
use super::compressed::MEMORY;
use super::source::{ArchiveSource, broken, fill};
use super::walk::{ContainerContext, Member, Walker};
use crate::finding::{FileTime, MemberFacts};

/// Bytes of a member's own header before its name (APPNOTE.TXT 6.3.10, 4.3.7).
pub(super) const HEADER: u64 = 30;
/// Zstandard, by both of its numbers (4.4.5).
pub(super) const ZSTD: [u16; 2] = [93, 20];
const SIGNATURE: &[u8; 4] = b"PK\x03\x04";
/// What may stand behind a member's data (4.3.9).
const DESCRIPTOR: &[u8; 4] = b"PK\x07\x08";
/// Names are mostly shorter; a longer one is no header.
const MAX_NAME: u16 = 4096;
/// Methods that are a number of the specification (4.4.5); anything else is no header.
const METHODS: [u16; 22] = [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 14, 16, 18, 19, 20, 93, 94, 95, 97, 98, 99];

/// Members between the places of `range`, wherever they are. `oddity` is said of each.
pub(super) fn members(
    walker: &mut Walker,
    place: &mut ContainerContext,
    source: &mut dyn ArchiveSource,
    range: Range<u64>,
    oddity: Option<&str>,
) -> io::Result<()> {
    let mut at = range.start;
    while let Some(found) = find(source, *SIGNATURE, at..range.end)? {
        walker.budget.check()?;
        at = match Local::read(source, found) {
            Ok(Some(local)) if local.is_sane(range.end) => one(walker, place, source, &local, (range.end, oddity))?,
            _ => found + SIGNATURE.len() as u64,
        };
        walker.budget.check()?;
    }
    Ok(())
}

/// A member; where to look for the next.
fn one(
    walker: &mut Walker,
    place: &mut ContainerContext,
    source: &mut dyn ArchiveSource,
    local: &Local,
    (end, oddity): (u64, Option<&str>),
) -> io::Result<u64> {
    let length = match local.length {
        Some(length) => length.min(end - local.data),
        // What is only stored does not say where it ends.
        None if local.method == 0 => described_end(source, local.data..end)?.unwrap_or(end) - local.data,
        None => end - local.data,
    };
    let is_known = local.length.is_some() || local.method == 0;
    let next = if is_known { local.data + length } else { local.data };
    if local.name.ends_with(b"/") && length == 0 {
        return Ok(next);
    }
    if local.flags & 1 != 0 {
        walker.unreadable(place, &local.name, ArchiveGap::Encrypted)?;
        return Ok(next);
    }
    source.seek(SeekFrom::Start(local.data))?;
    let facts = MemberFacts { format: "zip".to_owned(), oddity: oddity.map(str::to_owned), ..local.times.facts() };
    let member = Member { name: local.name.clone(), facts, size: None };
    let budget = walker.budget;
    let mut raw = BufReader::new(source.take(length));
    let decoded = match local.method {
        0 => walker.member(place, member, &mut Metered::new(raw, budget)),
        8 => {
            let mut data = DeflateDecoder::new(raw);
            walker.member(place, member, &mut Metered::new(&mut data, budget))?;
            return Ok(if is_known { next } else { local.data + data.total_in() });
        }
        12 => walker.member(place, member, &mut Metered::new(BzDecoder::new(raw), budget)),
        95 => walker.member(place, member, &mut Metered::new(XzReader::new_mem_limit(raw, true, MEMORY), budget)),
        14 => match lzma(&mut raw) {
            Ok(data) => walker.member(place, member, &mut Metered::new(data, budget)),
            Err(error) => walker.unreadable(place, &local.name, broken(&error)),
        },
        method if ZSTD.contains(&method) => match StreamingDecoder::new(raw).map_err(io::Error::other) {
            Ok(data) => walker.member(place, member, &mut Metered::new(data, budget)),
            Err(error) => walker.unreadable(place, &local.name, broken(&error)),
        },
        method => {
            let what = format!("compressed by method {method}, and not in the archive's list");
            walker.unreadable(place, &local.name, ArchiveGap::Unsupported(what))
        }
    };
    decoded.map(|()| next)
}

/// LZMA as ZIP has it: two bytes of a version, the length of the properties, and those (5.8.8).
fn lzma<R: io::Read>(raw: &mut R) -> io::Result<LzmaReader<&mut R>> {
    let mut head = [0; 9];
    raw.read_exact(&mut head)?;
    let [_, _, 5, 0, properties, a, b, c, d] = head else {
        return Err(io::Error::other("LZMA with properties of another length"));
    };
    let dictionary = u32::from_le_bytes([a, b, c, d]);
    if dictionary >> 10 > MEMORY {
        return Err(io::Error::other("its dictionary takes more memory than there is for one"));
    }
    LzmaReader::new_with_props(raw, u64::MAX, properties, dictionary, None)
}

/// Where data end behind which a descriptor says their length.
fn described_end(source: &mut dyn ArchiveSource, range: Range<u64>) -> io::Result<Option<u64>> {
    let mut at = range.start;
    while let Some(found) = find(source, *DESCRIPTOR, at..range.end)? {
        let mut fields = [0; 12];
        source.seek(SeekFrom::Start(found))?;
        let [_, _, _, _, _, _, _, _, a, b, c, d] = fields_of(source, &mut fields)?;
        if u64::from(u32::from_le_bytes([a, b, c, d])) == found - range.start {
            return Ok(Some(found));
        }
        at = found + DESCRIPTOR.len() as u64;
    }
    Ok(None)
}

fn fields_of<const N: usize>(source: &mut dyn ArchiveSource, fields: &mut [u8; N]) -> io::Result<[u8; N]> {
    fill(source, fields)?;
    Ok(*fields)
}

/// The first place of `what` in the range.
fn find(source: &mut dyn ArchiveSource, what: [u8; 4], range: Range<u64>) -> io::Result<Option<u64>> {
    const CHUNK: usize = 64 * 1024;
    if range.end.saturating_sub(range.start) < what.len() as u64 {
        return Ok(None);
    }
    source.seek(SeekFrom::Start(range.start))?;
    let mut buffer = vec![0; CHUNK];
    // Bytes of the last chunk, which a signature may begin in.
    let (mut kept, mut at) = (0, range.start);
    loop {
        let left = usize::try_from(range.end.saturating_sub(at)).unwrap_or(usize::MAX);
        let room = buffer.get_mut(kept..).unwrap_or_default();
        let room_length = room.len().min(left);
        let filled = fill(source, room.get_mut(..room_length).unwrap_or_default())?;
        let held = kept + filled;
        let bytes = buffer.get(..held).unwrap_or_default();
        if let Some(found) = memchr::memmem::find(bytes, &what) {
            return Ok(Some(at - kept as u64 + found as u64));
        }
        if filled == 0 {
            return Ok(None);
        }
        at += filled as u64;
        let keep = held.min(what.len() - 1);
        buffer.copy_within(held - keep..held, 0);
        kept = keep;
    }
}

/// A member's own header.
#[derive(Debug)]
pub(super) struct Local {
    pub name: Vec<u8>,
    pub times: Times,
    /// Where its data begin.
    pub data: u64,
    flags: u16,
    method: u16,
    /// Of its data, where that is said ahead.
    length: Option<u64>,
    version: u16,
}

impl Local {
    /// The header at this place; `None` where there is no such.
    ///
    /// # Errors
    /// What reading met.
    pub(super) fn read(source: &mut dyn ArchiveSource, at: u64) -> io::Result<Option<Self>> {
        source.seek(SeekFrom::Start(at))?;
        let mut fields = [0; HEADER as usize];
        if fill(source, &mut fields)? < fields.len() || !fields.starts_with(SIGNATURE) {
            return Ok(None);
        }
        let two = |at: usize| fields.get(at..at + 2).and_then(|two| two.try_into().ok()).map_or(0, u16::from_le_bytes);
        let four = |at: usize| u64::from(two(at)) | u64::from(two(at + 2)) << 16;
        let (name_length, extra_length) = (two(26), two(28));
        let mut rest = vec![0; usize::from(name_length) + usize::from(extra_length)];
        if fill(source, &mut rest)? < rest.len() {
            return Ok(None);
        }
        let extra = rest.split_off(usize::from(name_length));
        let flags = two(6);
        let length = Some(four(18)).filter(|length| (*length != 0 || flags & 8 == 0) && *length != u64::from(u32::MAX));
        Ok(Some(Self {
            name: rest,
            times: Times { dos: (two(12), two(10)), unix: unix_time(&extra) },
            data: at + HEADER + u64::from(name_length) + u64::from(extra_length),
            flags,
            method: two(8),
            length,
            version: two(4),
        }))
    }

    /// Whether it is more than four bytes that look like one.
    fn is_sane(&self, end: u64) -> bool {
        // The upper byte of the version is of no meaning to it (4.4.3); the lower one is ten times a version up to 6.3.
        self.data <= end
            && !self.name.is_empty()
            && self.name.len() <= usize::from(MAX_NAME)
            && self.version & 0xff <= 63
            && METHODS.contains(&self.method)
    }
}

/// When a member was changed last, as its own header says it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Times {
    /// Date and time of day where the archive was made (4.4.6).
    dos: (u16, u16),
    /// Seconds since 1970.
    unix: Option<i64>,
}

impl Times {
    /// The time alone.
    pub(super) fn facts(self) -> MemberFacts {
        let at = |seconds| FileTime { seconds, nanos: 0 };
        match self.unix {
            Some(seconds) => MemberFacts { modified: Some(at(seconds)), ..MemberFacts::default() },
            None => {
                let modified = self.of_day().map(at);
                MemberFacts { modified, modified_is_local: modified.is_some(), ..MemberFacts::default() }
            }
        }
    }

    /// Seconds since 1970 as if the time of day were UTC.
    fn of_day(self) -> Option<i64> {
        let (date, time) = self.dos;
        let part = |of: u16, from: u32, bits: u32| i8::try_from(of >> from & ((1 << bits) - 1)).ok();
        let year = 1980 + i16::try_from(date >> 9).ok()?;
        let date = jiff::civil::Date::new(year, part(date, 5, 4)?, part(date, 0, 5)?).ok()?;
        let time = jiff::civil::Time::new(part(time, 11, 5)?, part(time, 5, 6)?, part(time, 0, 5)? * 2, 0).ok()?;
        Some(date.to_datetime(time).to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
    }
}

/// The last change among the extra fields: `UT` of Info-ZIP (proginfo/extrafld.txt, "Extended Timestamp").
fn unix_time(mut extra: &[u8]) -> Option<i64> {
    while let [a, b, c, d, rest @ ..] = extra {
        let length = usize::from(u16::from_le_bytes([*c, *d]));
        let field = rest.get(..length)?;
        if let ([b'U', b'T'], [flags, time @ ..]) = ([*a, *b], field)
            && flags & 1 != 0
        {
            return Some(i32::from_le_bytes(time.get(..4)?.try_into().ok()?).into());
        }
        extra = rest.get(length..)?;
    }
    None
}
