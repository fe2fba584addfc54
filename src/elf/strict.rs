//! What a strict parser makes of the file, as a second opinion.
//!
//! goblin's parsers for the header and both header tables are asked: the parts that are decoded here. Its whole
//! `Elf::parse` also builds symbol and string tables, which on a hostile file costs many times the file's size.

use goblin::container::Ctx;
use goblin::elf::{self, ProgramHeader, SectionHeader};
use serde::{Serialize, Serializer};

use super::Elf;
use super::source::Bytes;

/// Larger files are not read whole for a second opinion, bytes.
const LARGEST: u64 = 4 << 20;

/// What goblin's strict parser says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Strict {
    /// It takes the file, and reads the same numbers.
    Accepted,
    /// It takes the file, but reads other numbers, because it believes what `e_ident` or the table sizes say.
    Differs,
    /// It refuses the file, and why.
    Refused(String),
    /// It was not asked: the file is over 4 MiB or not at hand whole.
    NotAsked,
}

impl Serialize for Strict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Accepted => serializer.serialize_str("accepted"),
            Self::Differs => serializer.serialize_str("accepted, with other numbers"),
            Self::Refused(reason) => serializer.collect_str(&format_args!("refused: {reason}")),
            Self::NotAsked => serializer.serialize_str("not asked"),
        }
    }
}

pub(super) fn ask(elf: &Elf, source: &dyn Bytes) -> Strict {
    if source.size() > LARGEST || source.readable() < source.size() {
        return Strict::NotAsked;
    }
    let bytes = source.read(0, source.size() as usize);
    if bytes.len() as u64 != source.size() {
        return Strict::NotAsked;
    }
    match same_numbers(elf, &bytes) {
        Ok(true) => Strict::Accepted,
        Ok(false) => Strict::Differs,
        Err(error) => Strict::Refused(crate::text::escape_str(&error.to_string()).into_owned()),
    }
}

fn same_numbers(elf: &Elf, bytes: &[u8]) -> goblin::error::Result<bool> {
    let header = elf::Elf::parse_header(bytes)?;
    let ctx = Ctx::new(header.container()?, header.endianness()?);
    let segments = ProgramHeader::parse(bytes, header.e_phoff as usize, usize::from(header.e_phnum), ctx)?;
    let sections = SectionHeader::parse(bytes, header.e_shoff as usize, usize::from(header.e_shnum), ctx)?;
    let ours = (elf.segments.iter().map(|s| &s.values), elf.sections.iter().map(|s| &s.values));
    Ok(header == elf.header.values
        && segments.iter().take(elf.segments.len()).eq(ours.0)
        && sections.iter().take(elf.sections.len()).eq(ours.1))
}
