//! 7z, block by block: what is wrong with one hides no other.

use std::io;

use sevenz_rust2::{Archive, ArchiveEntry, BlockDecoder, Error, Password};

use super::ArchiveGap;
use super::budget::Metered;
use super::source::{ArchiveSource, broken};
use super::walk::{ContainerContext, Member, Walker};
use crate::finding::{FileTime, MemberFacts};

/// Memory for the list of members and for a decoder each, in KiB.
const MEMORY: usize = 160 * 1024;
/// Seconds from 1601, where its times begin, to 1970, and its units in a second (7zFormat.txt, `FILETIME`).
const TO_1970: i64 = 11_644_473_600;
const UNITS: u64 = 10_000_000;

pub(super) fn members(
    walker: &mut Walker,
    place: &mut ContainerContext,
    source: &mut dyn ArchiveSource,
) -> io::Result<()> {
    let mut source = source;
    let password = Password::empty();
    let archive = match Archive::read_with_memory_limit(&mut source, &password, MEMORY) {
        Ok(archive) => archive,
        Err(error) => {
            return gap(&error).map_or_else(
                || Err(io::Error::other(error.to_string())),
                |gap| {
                    walker.visit.gap(place.path, gap);
                    Ok(())
                },
            );
        }
    };
    for block in 0..archive.blocks.len() {
        walker.budget.check()?;
        let (mut reached, mut stopped) = (false, None);
        let decoder = BlockDecoder::new_with_memory_limit(1, MEMORY, block, &archive, &password, &mut source);
        let names: Vec<String> = decoder.entries().iter().map(|entry| entry.name().to_owned()).collect();
        let outcome = decoder.for_each_entries(&mut |entry, data| {
            reached = true;
            if entry.is_directory() || !entry.has_stream() {
                return Ok(true);
            }
            let budget = walker.budget;
            stopped = walker.member(place, member(entry), &mut Metered::new(data, budget)).err();
            Ok(stopped.is_none())
        });
        if let Some(error) = stopped {
            return Err(error);
        }
        let Err(error) = outcome else { continue };
        walker.budget.check()?;
        let gap = gap(&error).unwrap_or_else(|| ArchiveGap::Broken(error.to_string()));
        if reached {
            walker.visit.gap(place.path, gap);
            continue;
        }
        // Nothing came of the block, so each of its members is listed.
        for name in names {
            walker.unreadable(place, name.as_bytes(), gap.clone())?;
        }
    }
    for entry in archive.files.iter().filter(|entry| !entry.has_stream() && !entry.is_directory()) {
        walker.member(place, member(entry), &mut io::empty())?;
    }
    Ok(())
}

fn member(entry: &ArchiveEntry) -> Member {
    let modified = entry.has_last_modified_date.then(|| u64::from(entry.last_modified_date()));
    let facts = MemberFacts {
        format: "7z".to_owned(),
        // p7zip and 7-Zip keep the mode in the upper half of the attributes where this bit is set.
        mode: (entry.has_windows_attributes && entry.windows_attributes() & 0x8000 != 0)
            .then(|| entry.windows_attributes() >> 16),
        modified: modified.map(|units| FileTime {
            seconds: (units / UNITS).cast_signed() - TO_1970,
            nanos: (units % UNITS) as u32 * 100,
        }),
        ..MemberFacts::default()
    };
    Member { name: entry.name().as_bytes().to_vec(), facts, size: Some(entry.size()) }
}

/// What an error means where it is more than damage.
fn gap(error: &Error) -> Option<ArchiveGap> {
    match error {
        Error::PasswordRequired | Error::MaybeBadPassword(_) => Some(ArchiveGap::Encrypted),
        Error::UnsupportedCompressionMethod(method) if method.contains("AES") => Some(ArchiveGap::Encrypted),
        Error::UnsupportedCompressionMethod(method) => Some(ArchiveGap::Unsupported(format!("compressed by {method}"))),
        Error::Unsupported(what) => Some(ArchiveGap::Unsupported(what.to_string())),
        Error::Io(error, _) => Some(broken(error)),
        _ => None,
    }
}
