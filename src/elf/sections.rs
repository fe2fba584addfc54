//! Section headers (gABI chapter 4, "Sections"): the linker's view, which the kernel never looks at.

use std::borrow::Cow;
use std::ops::Range;

use goblin::elf::SectionHeader;
use goblin::elf::section_header as sh;
use serde::{Serialize, Serializer};

use super::field::ElfField;
use super::header::{COUNT_IN_SECTION_0, Header};
use super::layout::ElfLayout;
use super::names::{self, NumberContext};
use super::record::{RecordBytes, Shape, Width};
use super::segments::FileExtent;
use super::source::Bytes;
use super::table::HeaderTable;
use crate::text;
use crate::text::counted;

/// Section headers decoded at most: more than `e_shnum` can count; the rest is counted.
pub const MAX_SECTIONS: u64 = 65_536;

/// Bytes of a section's name shown at most.
const LONGEST_NAME: u64 = 256;

/// Bytes of a name shown once all names together are longer than the file: then many headers name one text, or parts
/// of one, and no linker made them.
const SHORT_NAME: u64 = 16;

pub(super) const SHAPE: Shape = &[
    ("sh_name", Width::Word),
    ("sh_type", Width::Word),
    ("sh_flags", Width::Native),
    ("sh_addr", Width::Native),
    ("sh_offset", Width::Native),
    ("sh_size", Width::Native),
    ("sh_link", Width::Word),
    ("sh_info", Width::Word),
    ("sh_addralign", Width::Native),
    ("sh_entsize", Width::Native),
];

/// One section header and the section it names.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// Place in the table, from 0.
    pub index: u64,
    /// Name from the string table, made safe to show, at most 256 bytes of it; `None` when there is none to be had.
    pub name: Option<Box<str>>,
    /// How the section's bytes lie in the file; empty for a section that has none there (`SHT_NOBITS`, `SHT_NULL`).
    pub extent: FileExtent,
    /// The numbers, zeros where the file ends too early.
    pub values: SectionHeader,
    /// Whether the file ends inside this header.
    pub cut: bool,
    target: NumberContext,
    record: RecordBytes,
}

impl Serialize for Section {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            index: u64,
            name: Option<&'a str>,
            r#type: Cow<'static, str>,
            flags: String,
            extent: FileExtent,
            fields: Vec<ElfField>,
            cut: bool,
        }
        let shown = Shown {
            index: self.index,
            name: self.name.as_deref(),
            r#type: self.type_name(),
            flags: self.flags(),
            extent: self.extent,
            fields: self.fields(),
            cut: self.cut,
        };
        shown.serialize(serializer)
    }
}

impl Section {
    /// Bytes the section takes in the file: none for `SHT_NOBITS` and `SHT_NULL`.
    pub fn file_size(&self) -> u64 {
        file_size(&self.values)
    }

    /// Offset in the file one past the section's last byte.
    pub fn file_end(&self) -> u64 {
        self.values.sh_offset.saturating_add(self.file_size())
    }

    /// Name of the type, such as `PROGBITS`, or its number.
    pub fn type_name(&self) -> Cow<'static, str> {
        names::section_type(self.values.sh_type, self.target)
    }

    /// Flags in readelf's letters, such as `AX`.
    pub fn flags(&self) -> String {
        names::section_flags(self.values.sh_flags, self.target.machine)
    }

    /// Every field of the header, in file order.
    pub fn fields(&self) -> Vec<ElfField> {
        self.record.fields(|field| meaning(field, self.target, self.name.as_deref()))
    }

    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<ElfField> {
        self.record.field(name, |field| meaning(field, self.target, self.name.as_deref()))
    }

    /// Offsets of the header's bytes that are there.
    pub fn header(&self) -> Range<u64> {
        self.record.present()
    }
}

/// Where the section names come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum NameTable {
    /// There are no sections to name.
    NoSections,
    /// `e_shstrndx` is 0: the file has no names.
    None,
    /// `e_shstrndx` names a section that is not there.
    BadIndex {
        /// The index.
        index: u64,
    },
    /// The section is there, but its header or its bytes were not at hand.
    NotRead {
        /// The index.
        index: u64,
    },
    /// The section is there.
    Found {
        /// The index.
        index: u64,
        /// Whether its type is `SHT_STRTAB`, as it must be.
        string_table: bool,
        /// Whether its last byte is a NUL, as it must be. False when that lies past the end of the file.
        terminated: bool,
    },
}

/// The parts of section 0 that carry what is too large for the ELF header (gABI chapter 4, "Extended numbering").
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Extended {
    sections: u64,
    names: u64,
    segments: u64,
}

impl Extended {
    /// Reads section 0 if the header refers to it.
    pub(super) fn read(source: &dyn Bytes, layout: ElfLayout, header: &Header) -> Self {
        let values = &header.values;
        let needed = values.e_shnum == 0 || values.e_shstrndx == 0xffff || values.e_phnum == COUNT_IN_SECTION_0;
        if values.e_shoff == 0 || !needed {
            return Self::default();
        }
        let record = RecordBytes::read(source, layout, values.e_shoff, SHAPE);
        if record.cut() || record.not_read() || record.word("sh_type") != sh::SHT_NULL {
            return Self::default();
        }
        Self { sections: record.number("sh_size"), names: record.number("sh_link"), segments: record.number("sh_info") }
    }

    /// Program headers the file claims.
    pub(super) fn segment_count(self, header: &Header) -> u64 {
        match header.values.e_phnum {
            COUNT_IN_SECTION_0 if self.segments != 0 => self.segments,
            count => u64::from(count),
        }
    }

    /// Section headers the file claims.
    pub(super) fn section_count(self, header: &Header) -> u64 {
        match header.values.e_shnum {
            _ if header.values.e_shoff == 0 => 0,
            0 => self.sections,
            count => u64::from(count),
        }
    }

    fn names_index(self, header: &Header) -> u64 {
        match header.values.e_shstrndx {
            0xffff => self.names,
            index => u64::from(index),
        }
    }
}

/// Reads the sections and their names.
pub(super) fn read(
    source: &dyn Bytes,
    layout: ElfLayout,
    header: &Header,
    table: HeaderTable,
    extended: Extended,
) -> (Vec<Section>, NameTable) {
    let index = extended.names_index(header);
    let at = table.offset.saturating_add(table.entry_size.saturating_mul(index));
    let mut names = if table.count == 0 {
        Names::absent(NameTable::NoSections)
    } else if index == 0 {
        Names::absent(NameTable::None)
    } else if index >= table.inside {
        Names::absent(NameTable::BadIndex { index })
    } else {
        Names::find(source, index, &RecordBytes::read(source, layout, at, SHAPE))
    };
    let target = header.target();
    let mut sections = Vec::with_capacity(table.decoded as usize);
    table.each(source, layout, SHAPE, |record| {
        let section = section(source, sections.len() as u64, record, (target, &mut names));
        sections.push(section);
    });
    (sections, names.table)
}

/// The string table with the section names.
struct Names<'a> {
    table: NameTable,
    source: Option<&'a dyn Bytes>,
    offset: u64,
    size: u64,
    /// Bytes that all names may still take before they are kept short.
    left: u64,
}

impl<'a> Names<'a> {
    fn absent(table: NameTable) -> Self {
        Self { table, source: None, offset: 0, size: 0, left: 0 }
    }

    fn find(source: &'a dyn Bytes, index: u64, record: &RecordBytes) -> Self {
        let (offset, size) = (record.number("sh_offset"), record.number("sh_size"));
        if record.not_read() || FileExtent::of(source, offset, size) == FileExtent::NotRead {
            return Self::absent(NameTable::NotRead { index });
        }
        let last = size.checked_sub(1).and_then(|last| offset.checked_add(last));
        let table = NameTable::Found {
            index,
            string_table: record.word("sh_type") == sh::SHT_STRTAB,
            terminated: last.is_some_and(|last| source.read(last, 1).first() == Some(&0)),
        };
        Self { table, source: Some(source), offset, size, left: source.size() }
    }

    fn get(&mut self, at: u64) -> Option<Box<str>> {
        let longest = if self.left > 0 { LONGEST_NAME } else { SHORT_NAME };
        let room = self.size.checked_sub(at).filter(|room| *room > 0)?.min(longest);
        let bytes = self.source?.read(self.offset.checked_add(at)?, room as usize);
        let name = bytes.split(|&byte| byte == 0).next().filter(|_| !bytes.is_empty())?;
        let mut shown = text::escape(name).into_owned();
        if longest == SHORT_NAME && name.len() as u64 == SHORT_NAME {
            shown.push(text::ELLIPSIS);
        }
        self.left = self.left.saturating_sub(shown.len() as u64);
        Some(shown.into())
    }
}

fn file_size(values: &SectionHeader) -> u64 {
    if matches!(values.sh_type, sh::SHT_NOBITS | sh::SHT_NULL) { 0 } else { values.sh_size }
}

fn section(
    source: &dyn Bytes,
    index: u64,
    record: RecordBytes,
    (target, names): (NumberContext, &mut Names),
) -> Section {
    let [name, kind, sh_flags, sh_addr, sh_offset, sh_size, link, info, sh_addralign, sh_entsize] = record.numbers();
    let values = SectionHeader {
        sh_name: name as usize,
        sh_type: kind as u32,
        sh_flags,
        sh_addr,
        sh_offset,
        sh_size,
        sh_link: link as u32,
        sh_info: info as u32,
        sh_addralign,
        sh_entsize,
    };
    let name = names.get(values.sh_name as u64);
    Section {
        index,
        extent: FileExtent::of(source, values.sh_offset, file_size(&values)),
        cut: record.cut(),
        name,
        values,
        target,
        record,
    }
}

fn meaning(field: &ElfField, target: NumberContext, name: Option<&str>) -> String {
    let number = field.value.number().unwrap_or(0);
    match field.name {
        "sh_name" => match name {
            Some("") => "no name".to_owned(),
            Some(name) => name.to_owned(),
            None => "not in a string table".to_owned(),
        },
        "sh_type" => names::section_type(number as u32, target).into_owned(),
        "sh_flags" => names::section_flags_in_words(number, target.machine),
        "sh_addr" if number == 0 => "not in memory".to_owned(),
        "sh_addr" => format!("at address {number:#x} in memory"),
        "sh_offset" => format!("the section begins {} into the file", counted(number, "byte")),
        "sh_size" => counted(number, "byte"),
        "sh_link" if number == 0 => "refers to no section".to_owned(),
        "sh_link" => format!("refers to section {number}"),
        "sh_info" if number == 0 => "no more to say".to_owned(),
        "sh_info" => format!("{number}, of a meaning that depends on the type"),
        "sh_addralign" if number <= 1 => "no alignment".to_owned(),
        "sh_addralign" => format!("aligned to {}", counted(number, "byte")),
        "sh_entsize" if number == 0 => "no table of entries of one size".to_owned(),
        "sh_entsize" => format!("entries of {}", counted(number, "byte")),
        _ => String::new(),
    }
}
