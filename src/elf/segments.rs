//! Program headers (gABI chapter 5, "Program Header"): what of the file goes where in memory.

use std::borrow::Cow;
use std::ops::Range;

use goblin::elf::ProgramHeader;
use goblin::elf::program_header as ph;
use serde::{Serialize, Serializer};

use super::field::ElfField;
use super::layout::{Class, ElfLayout};
use super::names::{self, NumberContext};
use super::record::{RecordBytes, Shape, Width};
use super::source::Bytes;
use super::table::HeaderTable;
use crate::text;
use crate::text::counted;

/// Program headers decoded at most: more than `e_phnum` can count, and than the kernel takes; the rest is counted.
pub const MAX_SEGMENTS: u64 = 65_536;

/// Segments whose interpreter is read at most: the kernel heeds the first alone.
const MAX_INTERPRETERS: usize = 8;

/// Longest interpreter path the kernel takes, with its NUL, in bytes (`PATH_MAX`).
pub(super) const LONGEST_INTERPRETER: u64 = 4096;

const SHAPE_32: Shape = &[
    ("p_type", Width::Word),
    ("p_offset", Width::Native),
    ("p_vaddr", Width::Native),
    ("p_paddr", Width::Native),
    ("p_filesz", Width::Native),
    ("p_memsz", Width::Native),
    ("p_flags", Width::Word),
    ("p_align", Width::Native),
];

const SHAPE_64: Shape = &[
    ("p_type", Width::Word),
    ("p_flags", Width::Word),
    ("p_offset", Width::Native),
    ("p_vaddr", Width::Native),
    ("p_paddr", Width::Native),
    ("p_filesz", Width::Native),
    ("p_memsz", Width::Native),
    ("p_align", Width::Native),
];

/// How a stretch that a header names lies in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileExtent {
    /// It has no bytes.
    Empty,
    /// All of it lies inside the file and is at hand.
    Inside,
    /// All of it lies inside the file, but some of it was not at hand.
    NotRead,
    /// The file ends inside it.
    Cut,
    /// It begins at or after the end of the file.
    PastEnd,
}

impl FileExtent {
    pub(super) fn of(source: &dyn Bytes, offset: u64, length: u64) -> Self {
        let end = offset.saturating_add(length);
        if length == 0 {
            Self::Empty
        } else if offset >= source.size() {
            Self::PastEnd
        } else if end > source.size() {
            Self::Cut
        } else if end > source.readable() {
            Self::NotRead
        } else {
            Self::Inside
        }
    }

    /// Whether some of the stretch lies past the end of the file.
    pub fn exceeds_file(self) -> bool {
        matches!(self, Self::Cut | Self::PastEnd)
    }
}

/// One program header and the segment it names.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Place in the table, from 0.
    pub index: u64,
    /// How the segment's bytes lie in the file.
    pub extent: FileExtent,
    /// The path in a `PT_INTERP` segment, of the first eight of them.
    pub interpreter: Option<Box<InterpSegment>>,
    /// The numbers, zeros where the file ends too early.
    pub values: ProgramHeader,
    /// Whether the file ends inside this header.
    pub cut: bool,
    target: NumberContext,
    record: RecordBytes,
}

impl Serialize for Segment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            index: u64,
            r#type: Cow<'static, str>,
            flags: String,
            extent: FileExtent,
            #[serde(skip_serializing_if = "Option::is_none")]
            interpreter: Option<&'a InterpSegment>,
            fields: Vec<ElfField>,
            cut: bool,
        }
        let shown = Shown {
            index: self.index,
            r#type: self.type_name(),
            flags: self.flags(),
            extent: self.extent,
            interpreter: self.interpreter.as_deref(),
            fields: self.fields(),
            cut: self.cut,
        };
        shown.serialize(serializer)
    }
}

/// What a `PT_INTERP` segment holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InterpSegment {
    /// The path up to its NUL, made safe to show.
    pub path: String,
    /// The path as it stands in the file.
    #[serde(skip)]
    pub bytes: Vec<u8>,
    /// Whether the segment's last byte is a NUL, without which the kernel refuses the file. False where it was not read.
    pub terminated: bool,
}

/// Columns of an interpreter's path that a line shows.
const SHOWN_INTERPRETER: usize = 120;

/// The path of an interpreter, safe text, as it is shown in a line: an empty one in quotes, a long one by both of its ends.
pub(crate) fn shown_interpreter(path: &str) -> Cow<'_, str> {
    if path.is_empty() { "\"\"".into() } else { text::truncate_middle(path, SHOWN_INTERPRETER) }
}

impl Segment {
    /// Whether this segment is mapped (`PT_LOAD`).
    pub fn is_load(&self) -> bool {
        self.values.p_type == ph::PT_LOAD
    }

    /// Whether it may be written to (`PF_W`).
    pub fn is_writable(&self) -> bool {
        self.values.p_flags & ph::PF_W != 0
    }

    /// Whether it may be executed (`PF_X`).
    pub fn is_executable(&self) -> bool {
        self.values.p_flags & ph::PF_X != 0
    }

    /// Address one past the last byte in memory.
    pub fn memory_end(&self) -> u64 {
        self.values.p_vaddr.saturating_add(self.values.p_memsz.max(self.values.p_filesz))
    }

    /// Offset in the file one past the segment's last byte.
    pub fn file_end(&self) -> u64 {
        self.values.p_offset.saturating_add(self.values.p_filesz)
    }

    /// Name of the type, such as `LOAD`, or its number.
    pub fn type_name(&self) -> Cow<'static, str> {
        names::segment_type(self.values.p_type, self.target)
    }

    /// Permissions, such as `R-X`.
    pub fn flags(&self) -> String {
        names::segment_flags(self.values.p_flags)
    }

    /// Every field of the header, in file order.
    pub fn fields(&self) -> Vec<ElfField> {
        self.record.fields(|field| meaning(field, self.target))
    }

    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<ElfField> {
        self.record.field(name, |field| meaning(field, self.target))
    }

    /// Offsets of the header's bytes that are there.
    pub fn header(&self) -> Range<u64> {
        self.record.present()
    }
}

/// The fields of a program header.
pub(super) fn shape(class: Class) -> Shape {
    match class {
        Class::Elf32 => SHAPE_32,
        Class::Elf64 => SHAPE_64,
    }
}

pub(super) fn read(source: &dyn Bytes, layout: ElfLayout, table: HeaderTable, target: NumberContext) -> Vec<Segment> {
    let mut interpreters = 0;
    let mut segments = Vec::with_capacity(table.decoded as usize);
    table.each(source, layout, shape(layout.class), |record| {
        let mut segment = segment(source, segments.len() as u64, record, (layout.class, target));
        if segment.values.p_type == ph::PT_INTERP && interpreters < MAX_INTERPRETERS {
            interpreters += 1;
            segment.interpreter = Some(Box::new(interpreter(source, &segment.values)));
        }
        segments.push(segment);
    });
    segments
}

fn segment(source: &dyn Bytes, index: u64, record: RecordBytes, (class, target): (Class, NumberContext)) -> Segment {
    let (p_type, p_flags, [p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align]) = match class {
        Class::Elf32 => {
            let [kind, offset, vaddr, paddr, filesz, memsz, flags, align] = record.numbers();
            (kind as u32, flags as u32, [offset, vaddr, paddr, filesz, memsz, align])
        }
        Class::Elf64 => {
            let [kind, flags, rest @ ..] = record.numbers::<8>();
            (kind as u32, flags as u32, rest)
        }
    };
    let values = ProgramHeader { p_type, p_flags, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align };
    Segment {
        index,
        extent: FileExtent::of(source, values.p_offset, values.p_filesz),
        interpreter: None,
        cut: record.cut(),
        values,
        target,
        record,
    }
}

fn interpreter(source: &dyn Bytes, values: &ProgramHeader) -> InterpSegment {
    let length = values.p_filesz.min(LONGEST_INTERPRETER);
    let bytes = source.read(values.p_offset, length as usize);
    let path = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    InterpSegment {
        path: text::escape(path).into_owned(),
        bytes: path.to_vec(),
        terminated: bytes.len() as u64 == values.p_filesz && bytes.last() == Some(&0),
    }
}

fn meaning(field: &ElfField, target: NumberContext) -> String {
    let number = field.value.number().unwrap_or(0);
    match field.name {
        "p_type" => names::segment_type(number as u32, target).into_owned(),
        "p_flags" => names::segment_flags(number as u32),
        "p_offset" => format!("the segment begins {} into the file", counted(number, "byte")),
        "p_vaddr" => format!("it begins at address {number:#x}"),
        "p_paddr" => format!("physical address {number:#x}, which Linux ignores"),
        "p_filesz" => format!("the file holds {} of it", counted(number, "byte")),
        "p_memsz" => format!("it takes {} of memory", counted(number, "byte")),
        "p_align" if number <= 1 => "no alignment".to_owned(),
        "p_align" if number.is_power_of_two() => format!("aligned to {}", counted(number, "byte")),
        "p_align" => format!("{}, which is not a power of two", counted(number, "byte")),
        _ => String::new(),
    }
}
