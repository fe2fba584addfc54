//! The ELF header (gABI chapter 4, "ELF Header"), field by field.

use goblin::elf::header as eh;
use serde::Serialize;

use super::field::ElfField;
use super::layout::ElfLayout;
use super::machine_flags;
use super::names::{self, NumberContext};
use super::record::{RecordBytes, Shape, Width};
use super::source::Bytes;
use crate::text::counted;

pub(super) const SHAPE: Shape = &[
    ("EI_MAG", Width::Bytes(4)),
    ("EI_CLASS", Width::Byte),
    ("EI_DATA", Width::Byte),
    ("EI_VERSION", Width::Byte),
    ("EI_OSABI", Width::Byte),
    ("EI_ABIVERSION", Width::Byte),
    ("EI_PAD", Width::Bytes(7)),
    ("e_type", Width::Half),
    ("e_machine", Width::Half),
    ("e_version", Width::Word),
    ("e_entry", Width::Native),
    ("e_phoff", Width::Native),
    ("e_shoff", Width::Native),
    ("e_flags", Width::Word),
    ("e_ehsize", Width::Half),
    ("e_phentsize", Width::Half),
    ("e_phnum", Width::Half),
    ("e_shentsize", Width::Half),
    ("e_shnum", Width::Half),
    ("e_shstrndx", Width::Half),
];

/// `e_phnum` when the count stands in section 0 (`PN_XNUM`).
pub(super) const COUNT_IN_SECTION_0: u16 = 0xffff;

/// The ELF header as far as the bytes go.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Header {
    /// Short name of the object type, such as `EXEC`, or its number.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Name of the machine, or its number.
    pub machine: String,
    /// Every field in file order; `e_ident` in its parts.
    pub fields: Vec<ElfField>,
    /// The numbers as the kernel reads them: zeros where the file ends too early.
    #[serde(skip)]
    pub values: eh::Header,
    /// Whether the file ends inside the header.
    pub cut: bool,
    /// Whether the file has header bytes that were not at hand; nothing is judged then.
    pub not_read: bool,
}

impl Header {
    pub(super) fn read(source: &dyn Bytes, layout: ElfLayout) -> Self {
        let record = RecordBytes::read(source, layout, 0, SHAPE);
        let mut ident = [0; eh::SIZEOF_IDENT];
        for (byte, there) in ident.iter_mut().zip(source.read(0, eh::SIZEOF_IDENT).iter()) {
            *byte = *there;
        }
        let values = eh::Header {
            e_ident: ident,
            e_type: record.half("e_type"),
            e_machine: record.half("e_machine"),
            e_version: record.word("e_version"),
            e_entry: record.number("e_entry"),
            e_phoff: record.number("e_phoff"),
            e_shoff: record.number("e_shoff"),
            e_flags: record.word("e_flags"),
            e_ehsize: record.half("e_ehsize"),
            e_phentsize: record.half("e_phentsize"),
            e_phnum: record.half("e_phnum"),
            e_shentsize: record.half("e_shentsize"),
            e_shnum: record.half("e_shnum"),
            e_shstrndx: record.half("e_shstrndx"),
        };
        Self {
            type_name: names::object_type(values.e_type)
                .map_or_else(|| format!("unknown type {:#x}", values.e_type), |(short, _)| short.to_owned()),
            machine: names::machine_or_number(values.e_machine),
            cut: record.cut(),
            not_read: record.not_read(),
            fields: record.fields(|field| meaning(field, layout, values.e_machine)),
            values,
        }
    }

    /// What the meaning of types depends on.
    pub(super) fn target(&self) -> NumberContext {
        NumberContext { machine: self.values.e_machine, os_abi: self.values.e_ident[eh::EI_OSABI] }
    }

    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&ElfField> {
        self.fields.iter().find(|field| field.name == name)
    }
}

fn meaning(field: &ElfField, layout: ElfLayout, machine: u16) -> String {
    let number = field.value.number().unwrap_or(0);
    match field.name {
        "EI_MAG" => "0x7f and \"ELF\"".to_owned(),
        "EI_CLASS" => match number as u8 {
            eh::ELFCLASSNONE => "invalid class".to_owned(),
            eh::ELFCLASS32 => "ELF32".to_owned(),
            eh::ELFCLASS64 => "ELF64".to_owned(),
            _ => "unknown class".to_owned(),
        },
        "EI_DATA" => match number as u8 {
            eh::ELFDATANONE => "invalid data encoding".to_owned(),
            eh::ELFDATA2LSB => "2's complement, little endian".to_owned(),
            eh::ELFDATA2MSB => "2's complement, big endian".to_owned(),
            _ => "unknown data encoding".to_owned(),
        },
        "EI_VERSION" | "e_version" => version(number),
        "EI_OSABI" => names::os_abi(number as u8).unwrap_or("unknown OS or ABI").to_owned(),
        "EI_ABIVERSION" => format!("ABI version {number}"),
        "EI_PAD" if field.raw.iter().all(|&byte| byte == 0) => "padding, all zero".to_owned(),
        "EI_PAD" => "padding, not zero as it should be".to_owned(),
        "e_type" => match names::object_type(number as u16) {
            Some((short, long)) => format!("{short} ({long})"),
            None => "unknown type".to_owned(),
        },
        "e_machine" => names::machine_or_number(number as u16),
        "e_entry" if number == 0 => "no entry point".to_owned(),
        "e_entry" => format!("execution begins at address {number:#x}"),
        "e_phoff" if number == 0 => "no program header table".to_owned(),
        "e_phoff" => format!("program headers begin {} into the file", counted(number, "byte")),
        "e_shoff" if number == 0 => "no section header table".to_owned(),
        "e_shoff" => format!("section headers begin {} into the file", counted(number, "byte")),
        "e_flags" => machine_flags::in_words(machine, number as u32),
        "e_ehsize" => size(number, layout.header_size(), "the ELF header"),
        "e_phentsize" => size(number, layout.program_header_size(), "a program header"),
        "e_phnum" if number == u64::from(COUNT_IN_SECTION_0) => {
            "the count of program headers stands in section 0".to_owned()
        }
        "e_phnum" => counted(number, "program header"),
        "e_shentsize" => size(number, layout.section_header_size(), "a section header"),
        "e_shnum" => counted(number, "section header"),
        "e_shstrndx" => match number as u16 {
            0 => "no section holds the section names".to_owned(),
            0xffff => "the index of the section with the section names stands in section 0".to_owned(),
            index => format!("section {index} holds the section names"),
        },
        _ => String::new(),
    }
}

fn version(number: u64) -> String {
    if number == u64::from(eh::EV_CURRENT) { "1 (current)".to_owned() } else { "not a version of ELF".to_owned() }
}

fn size(number: u64, right: u64, what: &str) -> String {
    if number == right { counted(number, "byte") } else { format!("{}; {what} takes {right}", counted(number, "byte")) }
}
