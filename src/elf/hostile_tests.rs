//! The decoder on files cut at every length, damaged files, and anything at all.

use goblin::elf::header as eh;
use proptest::prelude::*;

use super::fixtures::{Program, mips_header, tables_over_each_other, tiny45, with_sections};
use super::*;

/// What must hold of any decoded file.
fn sound(elf: &Elf) {
    let fields = elf.header.fields.iter();
    let fields = fields.cloned().chain(elf.segments.iter().flat_map(Segment::fields));
    for field in fields.chain(elf.sections.iter().flat_map(Section::fields)) {
        assert!(field.raw.len() as u64 <= field.length);
        assert!(field.raw.is_empty() || field.present().end <= elf.file_size, "{field:?} of {}", elf.file_size);
        assert!(!field.meaning.is_empty(), "{field:?}");
    }
    for anomaly in &elf.anomalies {
        assert!(anomaly.text.lines().count() == 1);
        if let Some(place) = anomaly.place {
            assert!(place.length > 0 && place.offset + place.length <= elf.file_size, "{anomaly:?}");
        }
    }
    assert!(elf.segments.len() as u64 <= segments::MAX_SEGMENTS);
    assert!(elf.sections.len() as u64 <= sections::MAX_SECTIONS);
    assert!(elf.entry_offset().is_none_or(|offset| offset < elf.file_size));
    assert_eq!(elf.kernel.runnable == Some(true), elf.kernel.reasons.is_empty(), "{:?}", elf.kernel);
    let mut headers = vec![serde_json::to_value(elf).unwrap()["header"].clone()];
    headers.extend(elf.segments.iter().map(|segment| serde_json::to_value(segment).unwrap()));
    headers.extend(elf.sections.iter().map(|section| serde_json::to_value(section).unwrap()));
    for field in headers.iter().flat_map(|header| header["fields"].as_array().unwrap()) {
        let number = |name: &str| field[name].as_u64();
        let (offset, length) = (number("offset").unwrap(), number("length").unwrap());
        assert!(offset.checked_add(length).is_some_and(|end| end <= elf.file_size), "{field} of {}", elf.file_size);
        assert!(field["raw"].as_str().unwrap().len() as u64 <= 2 * length, "{field}");
        assert!(length + number("missing").unwrap_or(0) > 0, "{field}");
    }
}

/// Every part of the map lies in the file, and is found from any of its bytes; every field with bytes is a part.
fn mapped(elf: &Elf) {
    let map = Map::new(elf);
    let parts: Vec<_> = map.within(0..u64::MAX).collect();
    for part in &parts {
        assert!(!part.range.is_empty() && part.range.end <= elf.file_size, "{part:?} of {}", elf.file_size);
        for offset in [part.range.start, part.range.start.midpoint(part.range.end - 1), part.range.end - 1] {
            let covering: Vec<_> = map.at(offset).collect();
            assert!(covering.contains(part) && covering.iter().all(|part| part.range.contains(&offset)));
            assert!(!part.describe(elf, offset).ends_with("· "), "{part:?}");
        }
        assert!(map.starts_within(part.range.start..part.range.end).len() + part.field.unwrap_or(0) > 0);
    }
    let headers = std::iter::once(Structure::Header)
        .chain((0..elf.segments.len()).map(Structure::ProgramHeader))
        .chain((0..elf.sections.len()).map(Structure::SectionHeader));
    let fields = headers.flat_map(|header| header.fields(elf)).filter(|field| !field.present().is_empty());
    assert_eq!(fields.count(), parts.iter().filter(|part| part.field.is_some()).count());
}

/// Decodes, disassembles and checks whatever comes of it; `file_size` may exceed what is given.
fn survive(bytes: &[u8], file_size: u64) {
    let Some(elf) = decode(bytes, file_size) else {
        assert!(!bytes.starts_with(b"\x7fELF"));
        return;
    };
    sound(&elf);
    mapped(&elf);
    if let Ok(code) = disassemble_entry(&elf, &Prefix::new(bytes, file_size), 64) {
        assert!(!code.is_empty() && code.len() <= 64);
        for instruction in code {
            let at = instruction.offset as usize;
            assert_eq!(bytes.get(at..at + instruction.bytes.len()), Some(instruction.bytes.as_slice()));
        }
    }
}

#[test]
fn good_files_cut_at_every_length_are_decoded_as_far_as_they_go() {
    for file in [with_sections(), tiny45(), Program::default().bytes(), mips_header()] {
        for length in 0..=file.len() {
            survive(&file[..length], length as u64);
            survive(&file[..length], file.len() as u64);
        }
    }
}

#[test]
fn this_test_program_itself_is_decoded_from_memory_and_from_the_open_file_alike() {
    let Ok(path) = std::env::current_exe() else { return };
    let (Ok(file), Ok(bytes)) = (std::fs::File::open(&path), std::fs::read(&path)) else { return };
    let elf = decode(&bytes, bytes.len() as u64).unwrap();
    assert_eq!(decode_with(&FileBytes::new(&file).unwrap()).unwrap(), elf);
    sound(&elf);
    assert_ne!(elf.kernel.runnable, Some(false), "it runs");
    if matches!(elf.header.values.e_machine, eh::EM_X86_64 | eh::EM_386) {
        assert!(!disassemble_entry(&elf, &bytes.as_slice(), 8).unwrap().is_empty());
    }
    for length in [20, 64, 100, 4096] {
        survive(&bytes[..length], length as u64);
        survive(&bytes[..length], bytes.len() as u64);
    }
}

/// Bytes on the heap that a decoded file takes, near enough.
fn weight(elf: &Elf) -> usize {
    let names = elf.sections.iter().filter_map(|section| section.name.as_ref()).map(|name| name.len());
    let said = elf.kernel.reasons.iter().chain(&elf.kernel.notes).map(String::len);
    let said = said.chain(elf.anomalies.iter().map(|anomaly| anomaly.text.len() + size_of::<Anomaly>()));
    let paths = elf.segments.iter().filter_map(|segment| segment.interpreter.as_ref()).map(|found| found.path.len());
    names.chain(said).chain(paths).sum::<usize>()
        + elf.segments.capacity() * size_of::<Segment>()
        + elf.sections.capacity() * size_of::<Section>()
}

#[test]
fn a_megabyte_of_headers_over_each_other_takes_a_small_multiple_of_its_size() {
    // Interpreters by the thousand, segments that overlap, names that overlap.
    for filler in [3, 1, 0x1010_1010, 0x0001_0101, 0, u32::MAX] {
        for names in [0_u16, 1, 2] {
            let mut file = tables_over_each_other(1 << 20, filler);
            file[50..52].copy_from_slice(&names.to_le_bytes());
            // Section 1, should it hold the names, is the whole file.
            for (at, word) in [(52 + 40 + 16, 0), (52 + 40 + 20, 1_u32 << 20)] {
                file[at..at + 4].copy_from_slice(&word.to_le_bytes());
            }
            let elf = decode(&file, file.len() as u64).unwrap();
            assert_eq!((elf.segments.len(), elf.sections.len()), (32_768, 26_214));
            assert!(weight(&elf) < 16 * file.len(), "{} bytes for {filler:#x}", weight(&elf));
            assert!(elf.anomalies.len() < 300 && elf.kernel.reasons.len() < 20);
            assert_eq!(Map::new(&elf).at(0).next().map(|part| part.structure), Some(Structure::Header));
        }
    }
}

/// A good file with some of its bytes, mostly of its headers, changed.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let base =
        prop_oneof![Just(with_sections()), Just(tiny45()), Just(Program::default().bytes()), Just(mips_header())];
    let edits = prop::collection::vec(
        (any::<prop::sample::Index>(), prop_oneof![any::<u8>(), Just(0), Just(1), Just(0x7f), Just(0xff)]),
        0..24,
    );
    (base, edits).prop_map(|(mut file, edits)| {
        for (at, value) in edits {
            let at = at.index(file.len());
            file[at] = value;
        }
        file[..4].copy_from_slice(b"\x7fELF");
        file
    })
}

proptest! {
    #[test]
    fn any_bytes_are_survived(mut bytes in prop::collection::vec(any::<u8>(), 4..2000), beyond in 0..u64::MAX / 2) {
        survive(&bytes, beyond);
        bytes[..4].copy_from_slice(b"\x7fELF");
        survive(&bytes, bytes.len() as u64);
        survive(&bytes, beyond);
    }

    #[test]
    fn damaged_files_are_survived(file in mutated(), keep in any::<prop::sample::Index>(), beyond in any::<u64>()) {
        survive(&file, file.len() as u64);
        survive(&file[..keep.index(file.len())], file.len() as u64);
        survive(&file, beyond);
    }

    #[test]
    fn what_the_strict_parser_accepts_without_lies_has_its_numbers(file in mutated()) {
        let elf = decode(&file, file.len() as u64).unwrap();
        let honest = elf.layout.class_basis == Basis::Ident
            && elf.layout.endian_basis == Basis::Ident
            && elf.segment_table.complete() && elf.section_table.complete()
            && elf.segment_table.entry_size == elf.layout.program_header_size()
            && elf.section_table.entry_size == elf.layout.section_header_size();
        prop_assert!(!(honest && elf.strict == Strict::Differs), "{:?}", elf);
    }
}
