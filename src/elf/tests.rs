//! The decoder on hand-made files.

use super::fixtures::{BASE, EXIT_42, Program, load, mips_header, tiny45, with_sections};
use super::*;

pub(super) fn whole(bytes: &[u8]) -> Elf {
    decode(bytes, bytes.len() as u64).unwrap()
}

pub(super) fn ids(elf: &Elf) -> Vec<&'static str> {
    elf.anomalies.iter().map(|anomaly| anomaly.id).collect()
}

pub(super) fn program(change: impl FnOnce(&mut Program)) -> Elf {
    let mut program = Program::default();
    change(&mut program);
    whole(&program.bytes())
}

#[test]
fn only_the_magic_makes_an_elf_file() {
    assert!(decode(b"", 0).is_none());
    assert!(decode(b"\x7fEL", 3).is_none());
    assert!(decode(b"MZ\x90\x00", 4).is_none());
    assert!(decode(b"\x7fELF", 4).is_some());
}

#[test]
fn a_45_byte_program_that_the_kernel_runs_is_decoded_whole() {
    let file = tiny45();
    assert_eq!(file.len(), 45);
    let elf = whole(&file);
    assert_eq!((elf.layout.class, elf.layout.endian), (Class::Elf32, Endian::Little));
    assert_eq!((elf.layout.class_basis, elf.layout.endian_basis), (Basis::Ident, Basis::Machine));
    let phnum = elf.header.field("e_phnum").unwrap();
    assert_eq!((phnum.raw.as_slice(), phnum.value), (&[1][..], FieldValue::Cut(1)));
    assert_eq!(elf.header.field("e_shnum").unwrap().value, FieldValue::Missing);
    assert_eq!(elf.segments.len(), 1);
    assert_eq!(elf.segments[0].values.p_vaddr, 0x1_0000);
    assert_eq!(elf.entry_offset(), Some(0x20));
    assert_eq!(elf.kernel.runnable, Some(true), "{:?}", elf.kernel);
    assert!(matches!(&elf.strict, Strict::Refused(_)), "{:?}", elf.strict);
    for id in [
        "header-truncated",
        "ident-data",
        "ident-version",
        "version",
        "program-headers-overlap-header",
        "sections-none",
        "segment-past-end",
        "entry-not-executable",
        "entry-in-headers",
        "executable-stack",
        "tiny-static",
    ] {
        assert!(ids(&elf).contains(&id), "{id} is missing from {:?}", ids(&elf));
    }
    let code = disassemble_entry(&elf, &file.as_slice(), 20).unwrap();
    let text: Vec<&str> = code.iter().map(|i| i.text.as_str()).collect();
    assert_eq!(text, ["mov bl, 0x2a", "xor eax, eax", "inc eax", "int 0x80"]);
    assert_eq!(code[3].offset, 37);
    assert_eq!(code[3].comment.as_deref(), Some("exit (system call 1) with status 42; the program ends"));
}

#[test]
fn a_plain_64_bit_program_is_decoded_and_accepted() {
    let elf = program(|_| {});
    assert_eq!(elf.kernel, KernelView { runnable: Some(true), ..KernelView::default() });
    assert_eq!(elf.strict, Strict::Accepted);
    assert_eq!(ids(&elf), ["sections-none", "tiny-static"]);
    assert_eq!(elf.segments[0].flags(), "R-X");
    let code = disassemble_entry(&elf, &Program::default().bytes().as_slice(), 20).unwrap();
    assert_eq!(code[2].comment.as_deref(), Some("exit (system call 60) with status 42; the program ends"));
    assert_eq!(code[2].address, BASE + 125);
}

#[test]
fn sections_have_their_names_and_places() {
    let file = with_sections();
    let elf = whole(&file);
    assert_eq!(ids(&elf), ["tiny-static"]);
    assert_eq!(elf.strict, Strict::Accepted);
    let names: Vec<_> = elf.sections.iter().map(|section| section.name.as_deref().unwrap()).collect();
    assert_eq!(names, ["", ".text", ".shstrtab"]);
    assert_eq!((&*elf.sections[1].type_name(), elf.sections[1].flags().as_str()), ("PROGBITS", "AX"));
    assert_eq!(elf.section_names, NameTable::Found { index: 2, string_table: true, terminated: true });
}

#[test]
fn a_big_endian_mips_header_alone_says_what_is_missing() {
    let elf = whole(&mips_header());
    assert_eq!((elf.layout.class, elf.layout.endian), (Class::Elf32, Endian::Big));
    assert_eq!(elf.header.machine, "MIPS R3000");
    assert_eq!(elf.header.values.e_flags, 0x7000_1007);
    assert_eq!(elf.segment_table.inside, 0);
    assert!(ids(&elf).contains(&"program-headers-past-end"));
    assert_eq!(elf.kernel.runnable, None);
    let error = disassemble_entry(&elf, &mips_header().as_slice(), 4).unwrap_err();
    assert_eq!(error, NoDisassembly::NoEntry { address: elf.entry.address });
}

#[test]
fn a_section_table_past_the_end_or_not_read_is_told_apart() {
    let file = with_sections();
    let cut = whole(&file[..file.len() - 100]);
    assert!(ids(&cut).contains(&"section-headers-past-end"));
    assert!(ids(&cut).contains(&"section-header-truncated"));
    assert!(ids(&cut).contains(&"section-names-index"));
    assert_eq!(cut.kernel.runnable, Some(true), "the kernel does not look at sections");
    let prefix = decode(&file[..130], file.len() as u64).unwrap();
    assert_eq!((prefix.section_table.not_read, prefix.sections.len()), (3, 0));
    assert_eq!(ids(&prefix), ["tiny-static"]);
    assert_eq!(prefix.strict, Strict::NotAsked);
    let head = decode(&file[..20], file.len() as u64).unwrap();
    assert_eq!(head.header.field("e_entry").unwrap().value, FieldValue::NotRead);
    assert_eq!(ids(&head), ["header-not-read"]);
    assert_eq!(head.kernel.runnable, None);
}

#[test]
fn section_counts_too_large_for_the_header_stand_in_section_0() {
    let mut file = with_sections();
    let table = file.len() - 3 * 64;
    file[60..62].fill(0);
    file[62..64].fill(0xff);
    file[table + 32] = 3; // sh_size
    file[table + 40] = 2; // sh_link
    let elf = whole(&file);
    assert_eq!(elf.sections.len(), 3);
    assert_eq!(elf.sections[1].name.as_deref(), Some(".text"));
}

#[test]
fn section_name_tables_that_cannot_be_are_named() {
    let file = with_sections();
    let changed = |at: usize, value: u8| {
        let mut file = file.clone();
        file[at] = value;
        whole(&file)
    };
    assert!(ids(&changed(62, 0)).contains(&"section-names-none"));
    assert!(ids(&changed(62, 9)).contains(&"section-names-index"));
    assert!(ids(&changed(62, 1)).contains(&"section-names-type"));
    assert!(ids(&changed(127 + 16, b'x')).contains(&"section-names-unterminated"));
}

#[test]
fn each_anomaly_of_segments_and_entry_is_found() {
    let has = |id: &str, change: fn(&mut Program)| {
        let found = ids(&program(change));
        assert!(found.contains(&id), "{id} is missing from {found:?}");
    };
    has("segment-writable-executable", |p| p.segments[0][1] = 7);
    has("entry-writable", |p| p.segments[0][1] = 7);
    has("entry-not-executable", |p| p.segments[0][1] = 6);
    has("entry-outside-segments", |p| p.entry = 1);
    has("entry-outside-segments", |p| p.segments[0] = load(5, 0, BASE, 64));
    has("entry-in-headers", |p| p.entry = BASE + 64);
    has("entry-in-zeros", |p| {
        p.segments[0][6] = 5000;
        p.entry = BASE + 4100;
    });
    has("entry-covered", |p| p.segments.push(load(7, 0, BASE, 64)));
    has("entry-covered", |p| p.segments.push([1, 7, 0, BASE + 0x80, 0, 0, 1, 0]));
    has("segments-share-page", |p| p.segments.push(load(5, 0x1ff0, BASE + 0xff0, 1)));
    has("segment-memory-smaller", |p| p.segments[0][6] = 1);
    has("segment-misaligned", |p| p.segments[0] = load(5, 0, BASE + 1, 127));
    has("segments-overlap", |p| p.segments.push(load(4, 0, BASE + 8, 16)));
    has("executable-stack", |p| p.segments.push([0x6474_e551, 7, 0, 0, 0, 0, 0, 16]));
    has("ident-padding", |p| p.ident[12] = 1);
    has("ident-class", |p| p.ident[4] = 1);
    has("header-size", |p| p.ehsize = 1);
    has("program-header-size", |p| p.phentsize = 1);
    has("program-headers-none", |p| p.segments.clear());
    has("type-unknown", |p| p.e_type = 77);
    has("machine-unknown", |p| (p.machine, p.ident[4]) = (0xbee0, 0));
    has("trailing-bytes", |p| p.code.extend([0; 100]));
}

fn with_interpreters(paths: &[&[u8]]) -> Elf {
    program(|p| {
        let mut at = 64 + 56 * (1 + paths.len() as u64);
        p.code.clear();
        for path in paths {
            p.segments.push([3, 4, at, 0, 0, path.len() as u64, path.len() as u64, 1]);
            p.code.extend(*path);
            at += path.len() as u64;
        }
        p.segments[0] = load(5, 0, BASE, at);
    })
}

#[test]
fn interpreters_are_named_and_judged() {
    let usual = with_interpreters(&[b"/lib64/ld-linux-x86-64.so.2\0"]);
    assert_eq!(usual.interpreter().unwrap().interpreter.as_ref().unwrap().path, "/lib64/ld-linux-x86-64.so.2");
    assert!(!ids(&usual).iter().any(|id| id.starts_with("interpreter")), "{:?}", ids(&usual));
    assert_eq!(usual.kernel.runnable, Some(true));
    for odd in [&b"/tmp/ld\0"[..], b"/library/ld\0", b"/lib/../tmp/ld\0", b"lib/ld\0", b"\0\0"] {
        assert!(ids(&with_interpreters(&[odd])).contains(&"interpreter-unusual"), "{odd:?}");
    }
    let lies_at = |offset: u64| {
        let mut changed = Program::default();
        changed.segments.push([3, 4, offset, 0, 0, 8, 8, 1]);
        whole(&changed.bytes()).kernel.reasons
    };
    assert_eq!(lies_at(0x2000), ["the interpreter's path lies past the end of the file (EIO)"]);
    for far in [1 << 63, (1 << 63) - 1] {
        assert_eq!(lies_at(far), ["the interpreter's path ends above the largest file offset (EINVAL)"]);
    }
    let open = with_interpreters(&[b"/lib/ld.so"]);
    assert!(ids(&open).contains(&"interpreter-unterminated"));
    assert_eq!(open.kernel.runnable, Some(false));
    assert!(ids(&with_interpreters(&[b"/lib/a\0", b"/lib/b\0"])).contains(&"interpreter-many"));
    let hostile = with_interpreters(&[b"/lib/\x1b[2J\0"]);
    assert_eq!(hostile.interpreter().unwrap().interpreter.as_ref().unwrap().path, r"/lib/\x1b[2J");
}

#[test]
fn a_kind_of_anomaly_is_listed_eight_times_and_then_counted() {
    let elf = program(|p| p.segments.resize(20, load(7, 0, BASE, 1)));
    let of_a_kind: Vec<_> = elf.anomalies.iter().filter(|a| a.id == "segment-writable-executable").collect();
    assert_eq!(of_a_kind.len(), 9);
    assert_eq!(of_a_kind[8].text, "and 11 more of this kind");
}

#[test]
fn code_is_followed_through_jumps_until_it_ends() {
    let code = |code: &[u8], most| {
        let mut program = Program { code: code.to_vec(), ..Program::default() };
        program.segments[0] = load(5, 0, BASE, 120 + code.len() as u64);
        let bytes = program.bytes();
        disassemble_entry(&whole(&bytes), &bytes.as_slice(), most).unwrap()
    };
    let hop = code(&[0xeb, 3, 1, 2, 3, 0xc3], 9);
    assert_eq!(hop.iter().map(|i| i.offset).collect::<Vec<_>>(), [120, 125]);
    assert_eq!(hop[0].comment.as_deref(), Some("goes on at offset 0x7d"));
    assert_eq!(hop[1].comment.as_deref(), Some("returns"));
    assert_eq!(code(&[0xeb, 0xfe], 9).len(), 1);
    assert_eq!(code(&[0x90; 50], 9).len(), 9);
    let comment = |bytes: &[u8]| code(bytes, 9).last().unwrap().comment.clone().unwrap();
    assert_eq!(comment(&[0x6a, 59, 0x58, 0x0f, 5]), "execve (system call 59)");
    assert_eq!(comment(&[0xb8, 0x66, 0, 0, 0, 0x6a, 3, 0x5b, 0xcd, 0x80]), "socketcall (system call 102): connect");
    assert_eq!(comment(&[0x66, 0xb8, 0x0f, 0x27, 0x0f, 5]), "system call 9999, which has no name here");
    assert_eq!(comment(&[0x8b, 3, 0x0f, 5]), "system call, number not evident");
    assert_eq!(comment(&[0x06]), "not an instruction: the program dies here");
    assert_eq!(comment(&[0xff, 0xe0]), "where it goes is not evident");
}

#[test]
fn a_library_has_no_entry_point_but_a_bare_program_at_address_0_has() {
    let bare = program(|p| (p.e_type, p.entry, p.segments[0]) = (3, 0, load(5, 0, 0, 127)));
    assert_eq!(bare.entry_offset(), Some(0));
    let library = program(|p| {
        (p.e_type, p.entry) = (3, 0);
        p.segments = vec![load(5, 0, 0, 183), [2, 4, 176, 176, 176, 7, 7, 8]];
    });
    assert_eq!(library.entry_offset(), None);
    assert!(!ids(&library).contains(&"entry-in-headers"), "{:?}", ids(&library));
}

#[test]
fn disassembly_says_why_there_is_none() {
    let refused = |elf: &Elf, bytes: &[u8]| disassemble_entry(elf, &bytes, 3).unwrap_err();
    let bytes = Program::default().bytes();
    assert_eq!(refused(&program(|p| p.entry = 5), &bytes), NoDisassembly::NoEntry { address: 5 });
    assert_eq!(refused(&whole(&bytes), &bytes[..120]), NoDisassembly::NotRead { offset: 120 });
}

#[test]
fn json_has_the_promised_shape() {
    let json = serde_json::to_value(whole(&with_sections())).unwrap();
    let field = &json["header"]["fields"][7];
    assert_eq!(field["name"], "e_type");
    assert_eq!(field["offset"], 16);
    assert_eq!(field["length"], 2);
    assert_eq!(field["raw"], "0200");
    assert_eq!(field["value"], 2);
    assert!(field["meaning"].as_str().unwrap().starts_with("EXEC"));
    assert_eq!(json["kind"], "program");
    assert!(json.get("sections").is_none() && json.get("segments").is_none(), "a file may claim very many");
    let elf = whole(&with_sections());
    let (section, segment) =
        (serde_json::to_value(&elf.sections[1]).unwrap(), serde_json::to_value(&elf.segments[0]).unwrap());
    assert_eq!((&section["name"], &section["flags"]), (&".text".into(), &"AX".into()));
    assert_eq!(segment["type"], "LOAD");
    assert_eq!(json["anomalies"][0]["id"], "tiny-static");
    assert_eq!(json["layout"]["class"], "ELF64");
    assert_eq!(json["strict"], "accepted");
    assert_eq!(json["kernel"]["runnable"], true);
    assert_eq!(json["entry"]["offset"], 120);
}

#[test]
fn exit_42_is_what_the_fixture_says() {
    assert_eq!(Program::default().bytes()[120..], EXIT_42);
}
