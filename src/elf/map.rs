//! From an offset to the structures that lie there. The tables of a malformed file may overlap, and then all that
//! cover a byte are told.
//!
//! Headers are short, so those that cover an offset begin within a few bytes before it and are found by binary search;
//! which field it is follows from the header's kind. What headers name may be as long as the file; there is at most one
//! such area for each header, and they are gone through.

use std::ops::Range;

use super::record::{Shape, places};
use super::segments::LONGEST_INTERPRETER;
use super::{Class, Elf, ElfField, Section, Segment, header, sections, segments};

/// What a stretch of the file is, in the order in which it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Structure {
    /// The ELF header.
    Header,
    /// The program header at this place in [`Elf::segments`].
    ProgramHeader(usize),
    /// The section header at this place in [`Elf::sections`].
    SectionHeader(usize),
    /// The byte at which the code begins.
    Entry,
    /// The path of the interpreter that the kernel heeds.
    Interpreter,
    /// The bytes of the section at this place in [`Elf::sections`].
    Section(usize),
    /// The bytes of the segment at this place in [`Elf::segments`].
    Segment(usize),
}

impl Structure {
    /// The fields of a header; none for what is no header.
    pub fn fields(self, elf: &Elf) -> Vec<ElfField> {
        match self {
            Self::Header => elf.header.fields.clone(),
            Self::ProgramHeader(place) => elf.segments.get(place).map(Segment::fields).unwrap_or_default(),
            Self::SectionHeader(place) => elf.sections.get(place).map(Section::fields).unwrap_or_default(),
            Self::Entry | Self::Interpreter | Self::Section(_) | Self::Segment(_) => Vec::new(),
        }
    }

    fn shape(self, class: Class) -> Shape {
        match self {
            Self::Header => header::SHAPE,
            Self::ProgramHeader(_) => segments::shape(class),
            Self::SectionHeader(_) => sections::SHAPE,
            Self::Entry | Self::Interpreter | Self::Section(_) | Self::Segment(_) => &[],
        }
    }

    /// Its name, such as `program header 1 LOAD`. Safe text.
    pub fn name(self, elf: &Elf) -> String {
        let section = |place: usize| elf.sections.get(place).map_or_else(String::new, section_name);
        let segment = |place: usize| elf.segments.get(place).map_or_else(String::new, segment_name);
        match self {
            Self::Header => "ELF header".to_owned(),
            Self::ProgramHeader(place) => format!("program header {}", segment(place)),
            Self::SectionHeader(place) => format!("section header {}", section(place)),
            Self::Entry => "entry point".to_owned(),
            Self::Interpreter => "interpreter".to_owned(),
            Self::Section(place) => format!("section {}", section(place)),
            Self::Segment(place) => format!("segment {}", segment(place)),
        }
    }
}

fn section_name(section: &Section) -> String {
    let name = section.name.as_deref().filter(|name| !name.is_empty());
    format!("{} {}", section.index, name.unwrap_or(&section.type_name()))
}

fn segment_name(segment: &Segment) -> String {
    format!("{} {}", segment.index, segment.type_name())
}

/// A stretch of the file and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedField {
    /// Offsets of its bytes, as far as they lie in the file; at least one.
    pub range: Range<u64>,
    /// The structure.
    pub structure: Structure,
    /// Place of the field among those of its header; `None` for what is no header.
    pub field: Option<usize>,
}

impl MappedField {
    /// The header's field that this part comes from, as header and place among its fields: for a part of a header its
    /// own, for what a header names the one that says where.
    pub fn source(&self, elf: &Elf) -> Option<(Structure, usize)> {
        let (header, name) = match self.structure {
            Structure::Header | Structure::ProgramHeader(_) | Structure::SectionHeader(_) => {
                return self.field.map(|place| (self.structure, place));
            }
            Structure::Entry => (Structure::Header, "e_entry"),
            Structure::Interpreter => (Structure::ProgramHeader(heeded(elf)?), "p_offset"),
            Structure::Section(place) => (Structure::SectionHeader(place), "sh_offset"),
            Structure::Segment(place) => (Structure::ProgramHeader(place), "p_offset"),
        };
        let place = header.fields(elf).iter().position(|field| field.name == name)?;
        Some((header, place))
    }

    /// What the byte at `offset`, one of this part's, is: structure, field, value and meaning. Safe text.
    pub fn describe(&self, elf: &Elf, offset: u64) -> String {
        let name = self.structure.name(elf);
        let inside = offset.saturating_sub(self.range.start);
        let length = self.range.end - self.range.start;
        let said = match self.structure {
            Structure::Header | Structure::ProgramHeader(_) | Structure::SectionHeader(_) => {
                let fields = self.structure.fields(elf);
                self.field.and_then(|place| fields.get(place)).map(in_words).unwrap_or_default()
            }
            Structure::Entry => format!("address {:#x}", elf.entry.address),
            Structure::Interpreter => {
                let interpreter = elf.interpreter().and_then(|segment| segment.interpreter.as_ref());
                interpreter.map_or_else(String::new, |interpreter| interpreter.path.clone())
            }
            Structure::Section(place) => {
                let flags = elf.sections.get(place).map(Section::flags).unwrap_or_default();
                format!("{flags} byte {inside:#x} of {length:#x}")
            }
            Structure::Segment(place) => {
                let segment = elf.segments.get(place);
                let flags = segment.map(Segment::flags).unwrap_or_default();
                let address = segment.and_then(|segment| segment.values.p_vaddr.checked_add(inside));
                let address = address.map(|address| format!(", address {address:#x}")).unwrap_or_default();
                format!("{flags} byte {inside:#x} of {length:#x}{address}")
            }
        };
        format!("{name} · {}", said.trim_start())
    }
}

fn in_words(field: &ElfField) -> String {
    match field.value.number() {
        Some(number) => format!("{} = {number:#x} ({})", field.name, field.meaning),
        None => format!("{} ({})", field.name, field.meaning),
    }
}

/// A stretch of the file and the structure it belongs to.
type Stretch = (Range<u64>, Structure);

/// Where in a file which structure lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Map {
    class: Class,
    /// The headers, by offset.
    headers: Vec<Stretch>,
    /// Bytes of the longest header.
    longest: u64,
    /// What is no header, in the order of [`Structure`].
    areas: Vec<Stretch>,
    /// Where structures begin, by offset.
    starts: Vec<(u64, Structure)>,
}

impl Map {
    /// The map of a decoded file; takes some dozen bytes for each header, and reads nothing.
    pub fn new(elf: &Elf) -> Self {
        let class = elf.layout.class;
        let there = elf.header.fields.iter().map(ElfField::present).filter(|range| !range.is_empty());
        let first = there.map(|range| range.end).max().unwrap_or(0);
        let segments = elf.segments.iter().enumerate();
        let sections = elf.sections.iter().enumerate();
        let mut headers: Vec<Stretch> = std::iter::once((0..first, Structure::Header))
            .chain(segments.map(|(place, segment)| (segment.header(), Structure::ProgramHeader(place))))
            .chain(sections.map(|(place, section)| (section.header(), Structure::SectionHeader(place))))
            .filter(|(range, _)| !range.is_empty())
            .collect();
        headers.sort_by_key(|(range, structure)| (range.start, *structure));
        let longest = headers.iter().map(|(range, _)| range.end - range.start).max().unwrap_or(0);
        let areas = areas(elf);
        let mut starts: Vec<_> =
            headers.iter().chain(&areas).map(|(range, structure)| (range.start, *structure)).collect();
        starts.sort_unstable();
        Self { class, headers, longest, areas, starts }
    }

    /// All that covers the byte at `offset`, in the order of [`Structure`]: fields first, then what headers name.
    pub fn at(&self, offset: u64) -> impl Iterator<Item = MappedField> {
        let window = offset..offset.saturating_add(1);
        self.fields_at(offset).into_iter().chain(self.areas_within(window))
    }

    /// The fields that cover the byte at `offset`, in the order of [`Structure`].
    pub fn fields_at(&self, offset: u64) -> Vec<MappedField> {
        let mut fields: Vec<_> = self.fields_within(offset..offset.saturating_add(1)).collect();
        fields.sort_by_key(|part| part.structure);
        fields
    }

    /// All that covers any byte of `window`: fields by the offset of their header, then what headers name.
    pub fn within(&self, window: Range<u64>) -> impl Iterator<Item = MappedField> {
        self.fields_within(window.clone()).chain(self.areas_within(window))
    }

    /// The headers of which any byte lies in `window`, by offset.
    pub fn headers_within(&self, window: Range<u64>) -> impl Iterator<Item = &(Range<u64>, Structure)> {
        let first = self.headers.partition_point(|(range, _)| range.start.saturating_add(self.longest) <= window.start);
        let headers = self.headers.get(first..).unwrap_or_default().iter();
        let near = headers.take_while(move |(range, _)| range.start < window.end);
        near.filter(move |(range, _)| window.start < range.end)
    }

    /// What is neither header nor section nor segment and lies at least in part in `window`: entry point, interpreter.
    pub fn points_within(&self, window: Range<u64>) -> impl Iterator<Item = &(Range<u64>, Structure)> {
        let points =
            self.areas.iter().take_while(|(_, what)| matches!(what, Structure::Entry | Structure::Interpreter));
        points.filter(move |(range, _)| range.start < window.end && window.start < range.end)
    }

    fn fields_within(&self, window: Range<u64>) -> impl Iterator<Item = MappedField> {
        let (start, end) = (window.start, window.end);
        let fields = self.headers_within(window).flat_map(|(header, structure)| {
            places(structure.shape(self.class), self.class).enumerate().map(|(field, place)| {
                let at = |inside: usize| header.start.saturating_add(inside as u64);
                let range = at(place.start)..at(place.end).min(header.end);
                MappedField { range, structure: *structure, field: Some(field) }
            })
        });
        fields.filter(move |part| !part.range.is_empty() && part.range.start < end && start < part.range.end)
    }

    fn areas_within(&self, window: Range<u64>) -> impl Iterator<Item = MappedField> {
        let covers = move |range: &Range<u64>| range.start < window.end && window.start < range.end;
        let areas = self.areas.iter().filter(move |(range, _)| covers(range));
        areas.map(|(range, structure)| MappedField { range: range.clone(), structure: *structure, field: None })
    }

    /// The structures that begin in `window`, by offset and then in the order of [`Structure`].
    pub fn starts_within(&self, window: Range<u64>) -> &[(u64, Structure)] {
        let first = self.starts.partition_point(|(start, _)| *start < window.start);
        let end = self.starts.partition_point(|(start, _)| *start < window.end);
        self.starts.get(first..end).unwrap_or_default()
    }

    /// Offset of the first structure that begins after `offset`.
    pub fn next_start(&self, offset: u64) -> Option<u64> {
        let next = self.starts.partition_point(|(start, _)| *start <= offset);
        self.starts.get(next).map(|(start, _)| *start)
    }

    /// Offset of the last structure that begins before `offset`.
    pub fn previous_start(&self, offset: u64) -> Option<u64> {
        let before = self.starts.partition_point(|(start, _)| *start < offset).checked_sub(1)?;
        self.starts.get(before).map(|(start, _)| *start)
    }
}

/// Place of the segment that names the interpreter which the kernel heeds.
fn heeded(elf: &Elf) -> Option<usize> {
    elf.segments.iter().position(|segment| segment.interpreter.is_some())
}

/// What the headers name, as far as it lies in the file.
fn areas(elf: &Elf) -> Vec<Stretch> {
    let part = |structure, start: u64, end: u64| {
        let range = start..end.min(elf.file_size);
        (!range.is_empty()).then_some((range, structure))
    };
    let heeded = heeded(elf);
    let entry = elf.entry_offset().and_then(|at| part(Structure::Entry, at, at.saturating_add(1)));
    let interpreter = heeded.and_then(|place| elf.segments.get(place)).and_then(|segment| {
        let longest = segment.values.p_offset.saturating_add(LONGEST_INTERPRETER);
        part(Structure::Interpreter, segment.values.p_offset, segment.file_end().min(longest))
    });
    let sections = elf.sections.iter().enumerate().filter_map(|(place, section)| {
        let start = section.values.sh_offset;
        part(Structure::Section(place), start, section.file_end())
    });
    let segments = elf.segments.iter().enumerate().filter(|(place, _)| Some(*place) != heeded);
    let segments = segments
        .filter_map(|(place, segment)| part(Structure::Segment(place), segment.values.p_offset, segment.file_end()));
    entry.into_iter().chain(interpreter).chain(sections).chain(segments).collect()
}

#[cfg(test)]
mod tests {
    use super::super::decode;
    use super::super::fixtures::{Program, tiny45, with_sections};
    use super::*;

    fn told(file: &[u8], offset: u64) -> Vec<String> {
        let elf = decode(file, file.len() as u64).unwrap();
        Map::new(&elf).at(offset).map(|part| part.describe(&elf, offset)).collect()
    }

    #[test]
    fn a_byte_is_told_with_structure_field_value_and_meaning() {
        let file = with_sections();
        assert_eq!(
            told(&file, 0x45),
            ["program header 0 LOAD · p_flags = 0x5 (R-X)", "segment 0 LOAD · R-X byte 0x45 of 0x7f, address 0x400045"]
        );
        assert_eq!(
            told(&file, 120),
            [
                "entry point · address 0x400078",
                "section 1 .text · AX byte 0x0 of 0x7",
                "segment 0 LOAD · R-X byte 0x78 of 0x7f, address 0x400078"
            ]
        );
        let table = decode(&file, file.len() as u64).unwrap().section_table.offset;
        assert_eq!(told(&file, table + 64 + 4), ["section header 1 .text · sh_type = 0x1 (PROGBITS)"]);
        assert_eq!(told(&file, 1)[0], "ELF header · EI_MAG (0x7f and \"ELF\")");
        assert!(told(&file, file.len() as u64).is_empty());
    }

    #[test]
    fn headers_that_overlap_are_all_told() {
        let told = told(&tiny45(), 4);
        assert!(told[0].starts_with("ELF header · EI_CLASS = 0x1"), "{told:?}");
        assert!(told[1].starts_with("program header 0 LOAD · p_type = 0x1"), "{told:?}");
    }

    #[test]
    fn an_interpreter_is_told_instead_of_its_segment() {
        let mut program = Program::default();
        let path = b"/lib64/ld.so\0";
        let at = 64 + 2 * 56;
        program.segments.push([3, 4, at, at, at, path.len() as u64, path.len() as u64, 1]);
        program.code = path.to_vec();
        let told = told(&program.bytes(), at + 3);
        assert_eq!(told[0], "interpreter · /lib64/ld.so");
        assert!(told.iter().all(|line| !line.starts_with("segment 1")), "{told:?}");
    }

    #[test]
    fn every_part_leads_to_the_field_it_comes_from() {
        let file = with_sections();
        let elf = decode(&file, file.len() as u64).unwrap();
        let map = Map::new(&elf);
        let names = |offset| -> Vec<_> {
            let sources = map.at(offset).map(|part| part.source(&elf).unwrap());
            sources.map(|(header, place)| header.fields(&elf)[place].name).collect()
        };
        assert_eq!(names(120), ["e_entry", "sh_offset", "p_offset"]);
        assert_eq!(names(0x45), ["p_flags", "p_offset"]);
    }

    #[test]
    fn one_gets_from_structure_to_structure() {
        let file = with_sections();
        let elf = decode(&file, file.len() as u64).unwrap();
        let map = Map::new(&elf);
        let mut on = vec![0];
        while let Some(next) = map.next_start(*on.last().unwrap()) {
            on.push(next);
        }
        let table = elf.section_table.offset;
        assert_eq!(on, [0, 64, 120, 127, table, table + 64, table + 128]);
        let mut back = vec![u64::MAX];
        while let Some(previous) = map.previous_start(*back.last().unwrap()) {
            back.push(previous);
        }
        assert!(back[1..].iter().rev().eq(&on));
        let here: Vec<_> = map.starts_within(0..65).iter().map(|(_, structure)| *structure).collect();
        assert_eq!(here, [Structure::Header, Structure::Segment(0), Structure::ProgramHeader(0)]);
    }
}
