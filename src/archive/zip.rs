//! ZIP: what its list of members, at its end, leads to; where that is missing, the members one after the other.

use std::io::{self, Read as _, SeekFrom};

use ruzstd::decoding::StreamingDecoder;
use zip::CompressionMethod;
use zip::read::{Config, ZipReadOptions, read_zipfile_from_stream};
use zip::result::ZipError;
use zip::unstable::read::ZipIterable;

use super::Gap;
use super::budget::Metered;
use super::walk::{ContainerContext, Member, Source, Walker, broken};
use crate::finding::{FileTime, MemberFacts};

/// Zstandard, by both of its numbers (APPNOTE.TXT 6.3.10, 4.4.5).
const ZSTD: [u16; 2] = [93, 20];
/// Bytes of a member's own header before its name.
const HEADER: u64 = 30;

pub(super) fn members(walker: &mut Walker, place: &mut ContainerContext, source: &mut dyn Source) -> io::Result<()> {
    let mut source = source;
    let mut archive = match ZipIterable::try_new(&mut source, Config::default()) {
        Ok(archive) => archive,
        Err(error) => {
            walker.budget.check()?;
            let gap = Gap::Broken(format!("its list of members cannot be read ({error})"));
            walker.visit.gap(place.path, gap);
            source.seek(SeekFrom::Start(0))?;
            return one_by_one(walker, place, source);
        }
    };
    let files = archive.files().map_err(error)?;
    while let Some(entry) = files.next() {
        walker.budget.check()?;
        let entry = entry.map_err(error)?;
        if entry.is_dir() {
            continue;
        }
        let name = entry.name_raw().to_vec();
        if entry.encrypted() {
            walker.unreadable(place, &name, Gap::Encrypted)?;
            continue;
        }
        let facts = MemberFacts {
            format: "zip".to_owned(),
            mode: entry.unix_mode(),
            modified: entry.last_modified().and_then(local),
            ..MemberFacts::default()
        };
        let member = Member { name: name.clone(), facts, size: None };
        let budget = walker.budget;
        let method = number(entry.compression());
        if ZSTD.contains(&method) {
            let reader = files.reader_mut();
            let raw = raw_data(reader, entry.header_start(), entry.compressed_size());
            match raw.and_then(|raw| StreamingDecoder::new(raw).map_err(io::Error::other)) {
                Ok(data) => walker.member(place, member, &mut Metered::new(data, budget))?,
                Err(error) => walker.unreadable(place, &name, broken(&error))?,
            }
            continue;
        }
        // A checksum that is wrong hides nothing: what is there is looked at.
        match entry.with_reader(files.reader_mut(), ZipReadOptions::new().ignore_crc32(true)) {
            Ok(data) => walker.member(place, member, &mut Metered::new(data, budget))?,
            Err(error) if budget.is_over() => return Err(self::error(error)),
            Err(error) => walker.unreadable(place, &name, gap(error))?,
        }
    }
    Ok(())
}

/// The stored bytes of a member, found by its own header.
fn raw_data<'s>(reader: &'s mut (impl Source + 's), header: u64, length: u64) -> io::Result<impl io::Read + 's> {
    reader.seek(SeekFrom::Start(header))?;
    let mut fields = [0; HEADER as usize];
    reader.read_exact(&mut fields)?;
    let [b'P', b'K', 3, 4, .., n0, n1, e0, e1] = fields else {
        return Err(io::Error::other("a member's own header is missing"));
    };
    let names = i64::from(u16::from_le_bytes([n0, n1])) + i64::from(u16::from_le_bytes([e0, e1]));
    reader.seek(SeekFrom::Current(names))?;
    Ok(reader.take(length))
}

fn one_by_one(walker: &mut Walker, place: &mut ContainerContext, source: &mut dyn Source) -> io::Result<()> {
    let mut source = source;
    let budget = walker.budget;
    loop {
        budget.check()?;
        let Some(data) = read_zipfile_from_stream(&mut source).map_err(error)? else { return Ok(()) };
        let name = data.name_raw().to_vec();
        if data.is_dir() {
            continue;
        }
        let facts = MemberFacts {
            format: "zip".to_owned(),
            modified: data.last_modified().and_then(local),
            ..MemberFacts::default()
        };
        walker.member(place, Member { name, facts, size: None }, &mut Metered::new(data, budget))?;
    }
}

#[expect(deprecated, reason = "the number is what the format has; the crate's names depend on its features")]
fn number(method: CompressionMethod) -> u16 {
    method.to_u16()
}

/// What is stored is the time of day where the archive was made, without a zone; it is shown as if that were UTC.
fn local(time: zip::DateTime) -> Option<FileTime> {
    let month = i8::try_from(time.month()).ok()?;
    let day = i8::try_from(time.day()).ok()?;
    let date = jiff::civil::Date::new(i16::try_from(time.year()).ok()?, month, day).ok()?;
    let hour = |value: u8| i8::try_from(value).ok();
    let time = jiff::civil::Time::new(hour(time.hour())?, hour(time.minute())?, hour(time.second())?, 0).ok()?;
    let at = date.to_datetime(time).to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(FileTime { seconds: at.timestamp().as_second(), nanos: 0 })
}

fn gap(error: ZipError) -> Gap {
    match error {
        ZipError::UnsupportedArchive(what) => Gap::Unsupported(what.to_owned()),
        ZipError::InvalidPassword => Gap::Encrypted,
        ZipError::Io(error) => broken(&error),
        error => Gap::Broken(error.to_string()),
    }
}

fn error(error: ZipError) -> io::Error {
    match error {
        ZipError::Io(error) => error,
        ZipError::UnsupportedArchive(what) => io::Error::new(io::ErrorKind::Unsupported, what),
        error => io::Error::other(error.to_string()),
    }
}
