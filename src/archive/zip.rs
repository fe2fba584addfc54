//! ZIP: what its list of members, at its end, leads to; then what lies between those and is not in the list.

use std::io::{self, SeekFrom};
use std::ops::Range;

use ruzstd::decoding::StreamingDecoder;
use zip::CompressionMethod;
use zip::read::{Config, ZipFileEntry, ZipReadOptions};
use zip::result::ZipError;
use zip::unstable::read::ZipIterable;

use super::ArchiveGap;
use super::budget::Metered;
use super::source::{ArchiveSource, broken};
use super::walk::{ContainerContext, Member, Walker};
use super::zip_local::{self, HEADER, Local, Times, ZSTD};
use crate::finding::MemberFacts;

/// Bytes that the list has of a member before its name (4.3.12).
const LISTED: u64 = 46;

pub(super) fn members(
    walker: &mut Walker,
    place: &mut ContainerContext,
    source: &mut dyn ArchiveSource,
) -> io::Result<()> {
    let size = source.seek(SeekFrom::End(0))?;
    let mut listed = Listed { ranges: Vec::new(), begin: size, end: 0 };
    let outcome = by_list(walker, place, source, &mut listed);
    walker.budget.check()?;
    let oddity = match &outcome {
        Ok(()) => Some("the archive's list does not have it, which most programs go by"),
        Err(error) => {
            let gap = ArchiveGap::Broken(format!("its list of members cannot be read ({error})"));
            walker.visit.gap(place.path, gap);
            None
        }
    };
    for range in listed.gaps(size) {
        zip_local::members(walker, place, source, range, oddity)?;
    }
    Ok(())
}

/// Where the members lie that the list has.
struct Listed {
    ranges: Vec<Range<u64>>,
    /// Where the list begins, as far as that is known.
    begin: u64,
    /// A place that the list reaches to at least.
    end: u64,
}

impl Listed {
    /// What lies between them, and behind the list, if a member may be in it.
    fn gaps(mut self, size: u64) -> Vec<Range<u64>> {
        if self.end > self.begin {
            self.ranges.push(self.begin..self.end);
        }
        self.ranges.sort_unstable_by_key(|range| range.start);
        let mut gaps = Vec::new();
        let mut at = 0;
        for range in self.ranges.iter().chain([&(size..size)]) {
            if range.start > at && range.start - at > HEADER {
                gaps.push(at..range.start);
            }
            at = at.max(range.end);
        }
        gaps
    }
}

/// # Errors
/// Why the list, or the rest of it, cannot be read, or a limit of the whole file.
fn by_list(
    walker: &mut Walker,
    place: &mut ContainerContext,
    source: &mut dyn ArchiveSource,
    listed: &mut Listed,
) -> io::Result<()> {
    let mut source = source;
    let mut archive = ZipIterable::try_new(&mut source, Config::default()).map_err(error)?;
    let files = archive.files().map_err(error)?;
    while let Some(entry) = files.next() {
        walker.budget.check()?;
        let entry = entry.map_err(error)?;
        let at = entry.central_header_start();
        (listed.begin, listed.end) = (listed.begin.min(at), listed.end.max(at.saturating_add(LISTED)));
        let local = Local::read(files.reader_mut(), entry.header_start());
        walker.budget.check()?;
        if let Ok(Some(local)) = &local {
            let data = local.data.saturating_add(entry.compressed_size());
            listed.ranges.push(entry.header_start()..data);
        }
        if !entry.is_dir() {
            entry_of(walker, place, files.reader_mut(), entry, local.ok().flatten().as_ref())?;
        }
    }
    Ok(())
}

fn entry_of(
    walker: &mut Walker,
    place: &mut ContainerContext,
    mut reader: &mut impl ArchiveSource,
    entry: ZipFileEntry,
    local: Option<&Local>,
) -> io::Result<()> {
    let name = entry.name_raw().to_vec();
    if entry.encrypted() {
        return walker.unreadable(place, &name, ArchiveGap::Encrypted);
    }
    let times = local.map_or_else(Times::default, |local| local.times);
    let other = local.filter(|local| local.name != name);
    let facts = MemberFacts {
        format: "zip".to_owned(),
        mode: entry.unix_mode(),
        oddity: other.map(|local| format!("its own header calls it {}", String::from_utf8_lossy(&local.name))),
        ..times.facts()
    };
    let member = Member { name: name.clone(), facts, size: None };
    let budget = walker.budget;
    if ZSTD.contains(&number(entry.compression())) {
        let Some(local) = local else {
            let gap = ArchiveGap::Broken("a member's own header is missing".to_owned());
            return walker.unreadable(place, &name, gap);
        };
        reader.seek(SeekFrom::Start(local.data))?;
        let raw = io::Read::take(&mut reader, entry.compressed_size());
        return match StreamingDecoder::new(raw).map_err(io::Error::other) {
            Ok(data) => walker.member(place, member, &mut Metered::new(data, budget)),
            Err(error) => walker.unreadable(place, &name, broken(&error)),
        };
    }
    // A checksum that is wrong hides nothing: what is there is looked at.
    match entry.with_reader(&mut reader, ZipReadOptions::new().ignore_crc32(true)) {
        Ok(data) => walker.member(place, member, &mut Metered::new(data, budget)),
        Err(error) if budget.is_over() => Err(self::error(error)),
        Err(error) => walker.unreadable(place, &name, gap(error)),
    }
}

#[expect(deprecated, reason = "the number is what the format has; the crate's names depend on its features")]
fn number(method: CompressionMethod) -> u16 {
    method.to_u16()
}

fn gap(error: ZipError) -> ArchiveGap {
    match error {
        ZipError::UnsupportedArchive(what) => ArchiveGap::Unsupported(what.to_owned()),
        ZipError::InvalidPassword => ArchiveGap::Encrypted,
        ZipError::Io(error) => broken(&error),
        error => ArchiveGap::Broken(error.to_string()),
    }
}

fn error(error: ZipError) -> io::Error {
    match error {
        ZipError::Io(error) => error,
        ZipError::UnsupportedArchive(what) => io::Error::new(io::ErrorKind::Unsupported, what),
        error => io::Error::other(error.to_string()),
    }
}
