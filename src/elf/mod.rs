//! ELF files as they are, also when they are broken, tiny or lying.
//!
//! Strict parsers refuse the very files a responder must look at: a 45-byte program whose header overlaps its program
//! header, a section table past the end, nonsense in `e_ident`. The kernel runs them. So every field is decoded as far
//! as the bytes go, keeps its place and its raw bytes, and what is missing, impossible or odd is said.
//!
//! Formats: System V gABI chapters 4 (object files) and 5 (program loading). What runs: Linux `fs/binfmt_elf.c`.
//!
//! | file | job |
//! | --- | --- |
//! | `source` | where bytes come from: memory, a prefix, an open file |
//! | `layout` | word size and byte order, and how they were decided |
//! | `field`, `record` | one field: place, bytes, number, meaning; one structure's bytes, of which they are told |
//! | `header`, `segments`, `sections`, `table` | the three structures and their tables |
//! | `names`, `machines`, `machine_flags` | numbers to names |
//! | `map` | from an offset to the fields and structures there |
//! | `memory` | what is at which address once the kernel has mapped the file |
//! | `kind` | what it is: program, library, object, core file … |
//! | `kernel`, `conditions` | would Linux run it, and what that depends on |
//! | `strict` | what a strict parser says |
//! | `anomalies` | what is odd, each with a stable id |
//! | `instruction`, `disassembly`, `risc`, `registers`, `syscalls` | the code at the entry point, system calls named |
//! | `entropy`, `strings` | figures and texts of a small file |

pub mod anomalies;
pub mod conditions;
pub mod disassembly;
pub mod entropy;
pub mod field;
pub mod header;
mod instruction;
pub mod kernel;
pub mod kind;
pub mod layout;
mod machine_flags;
mod machines;
pub mod map;
pub mod memory;
pub mod names;
mod record;
mod registers;
mod risc;
pub mod sections;
pub mod segments;
pub mod source;
pub mod strict;
pub mod strings;
pub mod syscalls;
pub mod table;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod kernel_starter;
#[cfg(test)]
mod kernel_tests;
#[cfg(test)]
mod readelf_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod verdict_tests;

use serde::Serialize;

pub use anomalies::{Anomaly, ByteRange};
pub use disassembly::disassemble_entry;
pub use entropy::entropy;
pub use field::{ElfField, FieldValue};
pub use header::Header;
pub use instruction::{Instruction, NoDisassembly};
pub use kernel::KernelView;
pub use kind::ElfKind;
pub use layout::{Basis, Class, ElfLayout, Endian};
pub use map::{Map, MappedField, Structure};
pub use memory::{AddressContent, MemoryImage};
pub use sections::{NameTable, Section};
pub(crate) use segments::shown_interpreter;
pub use segments::{FileExtent, InterpSegment, Segment};
pub use source::{Bytes, FileBytes, Prefix};
pub use strict::Strict;
pub use strings::{ElfText, StringEncoding, strings};
pub use table::HeaderTable;

use sections::Extended;
use table::Claim;

/// A decoded ELF file. Serialises to the `elf` object of `huntbook inspect --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Elf {
    /// Length of the file in bytes.
    pub file_size: u64,
    /// What it is.
    pub kind: ElfKind,
    /// Word size and byte order, and what decided them.
    pub layout: ElfLayout,
    /// The ELF header.
    pub header: Header,
    /// Where the code begins.
    pub entry: EntryPoint,
    /// Where the program headers are.
    pub segment_table: HeaderTable,
    /// The program headers, at most [`segments::MAX_SEGMENTS`]. Too many to be serialised with the rest.
    #[serde(skip)]
    pub segments: Vec<Segment>,
    /// What the segments put at which address.
    #[serde(skip)]
    pub memory: MemoryImage,
    /// Where the section headers are.
    pub section_table: HeaderTable,
    /// Where the section names come from.
    pub section_names: NameTable,
    /// The section headers, at most [`sections::MAX_SECTIONS`]. Too many to be serialised with the rest.
    #[serde(skip)]
    pub sections: Vec<Section>,
    /// Whether Linux would run it.
    pub kernel: KernelView,
    /// What a strict parser says.
    pub strict: Strict,
    /// What is odd about the file, in file order of the structures concerned.
    pub anomalies: Vec<Anomaly>,
}

/// Where the code begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EntryPoint {
    /// Virtual address (`e_entry`).
    pub address: u64,
    /// Offset in the file, where a `PT_LOAD` segment maps the address from inside the file and it is no library.
    pub offset: Option<u64>,
}

/// Decodes the first bytes of a file that is `file_size` bytes long, `None` when they do not begin with the ELF magic.
///
/// What lies beyond `bytes` but inside the file is marked as not read.
pub fn decode(bytes: &[u8], file_size: u64) -> Option<Elf> {
    decode_with(&Prefix::new(bytes, file_size))
}

/// Decodes a file of which only what is needed is read, `None` when it does not begin with the ELF magic.
///
/// Reads the headers, up to 256 bytes for each section's name and up to 4 KiB for the interpreter's; a file of 4 MiB
/// or less is also read whole once for [`Strict`].
pub fn decode_with(source: &dyn Bytes) -> Option<Elf> {
    let head = source.read(0, 64);
    if !head.starts_with(goblin::elf::header::ELFMAG) {
        return None;
    }
    let layout = ElfLayout::decide(&head);
    let header = Header::read(source, layout);
    let extended = Extended::read(source, layout, &header);
    let judged = |count| if header.not_read { 0 } else { count };
    let segment_table = HeaderTable::place(
        source,
        Claim {
            offset: header.values.e_phoff,
            stride: u64::from(header.values.e_phentsize),
            needed: layout.program_header_size(),
            count: judged(extended.segment_count(&header)),
            most: segments::MAX_SEGMENTS,
        },
    );
    let section_table = HeaderTable::place(
        source,
        Claim {
            offset: header.values.e_shoff,
            stride: u64::from(header.values.e_shentsize),
            needed: layout.section_header_size(),
            count: judged(extended.section_count(&header)),
            most: sections::MAX_SECTIONS,
        },
    );
    let segments = segments::read(source, layout, segment_table, header.target());
    let (sections, section_names) = sections::read(source, layout, &header, section_table, extended);
    let address = header.values.e_entry;
    let mut elf = Elf {
        file_size: source.size(),
        kind: ElfKind::default(),
        layout,
        entry: EntryPoint { address, offset: None },
        header,
        segment_table,
        memory: MemoryImage::new(&segments),
        segments,
        section_table,
        section_names,
        sections,
        kernel: KernelView::default(),
        strict: Strict::NotAsked,
        anomalies: Vec::new(),
    };
    elf.kind = kind::find(&elf, source);
    elf.entry.offset = elf.offset_of(address).filter(|_| !elf.has_no_entry());
    elf.kernel = kernel::judge(&elf);
    elf.strict = strict::ask(&elf, source);
    elf.anomalies = anomalies::find(&elf);
    Some(elf)
}

impl Elf {
    /// Offset in the file of the byte that `address` shows once the file is mapped; `None` when no `PT_LOAD` segment
    /// maps it, when it is zeros in memory only, or when it lies past the end of the file.
    pub fn offset_of(&self, address: u64) -> Option<u64> {
        self.landing(address)?.offset.filter(|offset| *offset < self.file_size)
    }

    /// What is at `address` once the file is mapped; for a position-independent file before it is moved.
    pub fn landing(&self, address: u64) -> Option<AddressContent> {
        self.memory.landing(&self.segments, address)
    }

    /// Whether it has no entry point: a library that says 0, and what is not loaded at all.
    pub fn has_no_entry(&self) -> bool {
        match self.kind {
            ElfKind::SharedLibrary | ElfKind::Object | ElfKind::KernelModule => self.entry.address == 0,
            ElfKind::Program | ElfKind::Unknown => false,
            ElfKind::Core | ElfKind::DebugInformation => true,
        }
    }

    /// What it is and whether it runs, in one line, and then what that rests on, a line each. Safe text.
    pub fn in_words(&self) -> (String, Vec<String>) {
        kind::in_words(self)
    }

    /// Offset in the file of the entry point; `None` too for a library, which has none.
    pub fn entry_offset(&self) -> Option<u64> {
        self.entry.offset
    }

    /// Bits of the code: 32 or 64.
    pub fn bits(&self) -> u32 {
        match self.header.values.e_machine {
            // The x32 ABI keeps 64-bit code in 32-bit structures.
            goblin::elf::header::EM_X86_64 => 64,
            _ => self.layout.bits(),
        }
    }

    /// Whether it is of the x32 ABI: 64-bit code in 32-bit structures.
    pub fn is_x32(&self) -> bool {
        self.header.values.e_machine == goblin::elf::header::EM_X86_64 && self.layout.class == Class::Elf32
    }

    /// The first `PT_INTERP` segment, the one that the kernel heeds.
    pub fn interpreter(&self) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.interpreter.is_some())
    }
}
