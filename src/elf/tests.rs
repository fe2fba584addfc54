//! The decoder on hand-made files.

use super::fixtures::{BASE, EXIT_42, Program, load, mips_header, tiny45, with_sections};
use super::*;

fn whole(bytes: &[u8]) -> Elf {
    decode(bytes, bytes.len() as u64).unwrap()
}

fn ids(elf: &Elf) -> Vec<&'static str> {
    elf.anomalies.iter().map(|anomaly| anomaly.id).collect()
}

fn program(change: impl FnOnce(&mut Program)) -> Elf {
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
    assert!(error.to_string().contains("MIPS R3000"), "{error}");
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

/// Every row was run on Linux 6.18 as the program says itself: the verdicts here are the kernel's.
#[test]
fn the_kernel_view_agrees_with_what_linux_did() {
    let runs = |change: fn(&mut Program)| program(change).kernel.runnable;
    assert_eq!(runs(|p| p.ident[4..].fill(0)), Some(true));
    assert_eq!(runs(|p| p.ident[4..7].copy_from_slice(&[1, 2, 9])), Some(true));
    assert_eq!(runs(|p| p.ehsize = 0), Some(true));
    assert_eq!(runs(|p| p.e_type = 3), Some(true));
    assert_eq!(runs(|p| p.segments[0][1] = 1), Some(true));
    assert_eq!(runs(|p| p.segments[0][1] = 4), Some(false));
    assert_eq!(runs(|p| p.segments[0][6] = 10), Some(false));
    assert_eq!(runs(|p| p.segments[0][6] = 5000), Some(true));
    assert_eq!(runs(|p| p.segments[0][0] = 0), Some(false));
    assert_eq!(runs(|p| p.phentsize = 64), Some(false));
    assert_eq!(runs(|p| p.segments[0] = load(5, 0, BASE, 1)), Some(true));
    assert_eq!(runs(|p| p.segments[0] = load(5, 0, BASE, 1 << 40)), Some(true));
    assert_eq!(runs(|p| p.segments[0] = load(5, 0, BASE, 1 << 47)), Some(false));
    assert_eq!(runs(|p| p.segments[0] = load(5, 0, BASE + 0x10, 127)), Some(false));
    let padded = |count: usize| {
        program(|p| {
            p.segments.resize(count, [0; 8]);
            p.entry = BASE + 64 + 56 * count as u64;
            p.segments[0] = load(5, 0, BASE, p.entry - BASE + 7);
        })
    };
    assert_eq!(padded(1170).kernel.runnable, Some(true));
    assert_eq!(padded(1171).kernel.runnable, Some(false));
    let past = program(|p| {
        p.segments[0] = load(5, 0, BASE, 0x3000);
        p.entry = BASE + 0x2000;
    });
    assert_eq!(past.kernel.runnable, Some(false));
    assert!(ids(&past).contains(&"entry-past-end"));
}

/// A read-execute segment with more memory than file, and the entry between the two: only a segment that may be written
/// to has the rest of its page cleared. It ends with status 42.
#[test]
fn code_after_a_segment_that_cannot_be_written_to_runs() {
    let file = program(|p| {
        p.segments[0] = [1, 5, 0, BASE, 0, 120, 0x800, 0x1000];
    });
    assert_eq!((file.kernel.runnable, file.entry_offset()), (Some(true), Some(120)));
    assert!(!ids(&file).contains(&"entry-in-zeros"), "{:?}", ids(&file));
    let written = program(|p| p.segments[0] = [1, 7, 0, BASE, 0, 120, 0x800, 0x1000]);
    assert_eq!((written.kernel.runnable, written.entry_offset()), (Some(false), None));
    assert!(ids(&written).contains(&"entry-in-zeros"));
}

/// The first segment's bytes hold the code that a reader of byte ranges would show; the page is another's.
#[test]
fn the_code_that_is_shown_is_the_code_that_is_mapped() {
    let mut program = Program::default();
    let exit = |status| [0xb0, 60, 0x40, 0xb7, status, 0x0f, 0x05];
    program.segments = vec![load(5, 0, BASE, 0x200), load(5, 0x1100, BASE + 0x100, 0x10)];
    program.entry = BASE + 0xb0;
    let mut file = program.bytes();
    file.resize(0x1110, 0);
    file[0xb0..0xb7].copy_from_slice(&exit(7));
    file[0x10b0..0x10b7].copy_from_slice(&exit(42));
    let elf = whole(&file);
    assert_eq!((elf.kernel.runnable, elf.entry_offset()), (Some(true), Some(0x10b0)));
    let code = disassemble_entry(&elf, &file.as_slice(), 20).unwrap();
    assert_eq!(code[2].comment.as_deref(), Some("exit (system call 60) with status 42; the program ends"));
    assert!(ids(&elf).contains(&"entry-covered"), "{:?}", ids(&elf));
}

#[test]
fn an_interpreter_is_code_enough() {
    let mut program = Program { code: b"/lib/ld.so\0".to_vec(), ..Program::default() };
    program.segments = vec![[3, 4, 120, 0, 0, 11, 11, 1]];
    assert_eq!(whole(&program.bytes()).kernel.runnable, Some(true));
}

/// A file of this type with one dynamic entry, whose code is marked as such in no section.
fn dynamic(change: impl FnOnce(&mut Program), tag: u64, value: u64) -> Elf {
    let mut program = Program { e_type: 3, entry: 0, ..Program::default() };
    program.code = [tag.to_le_bytes(), value.to_le_bytes(), [0; 8], [0; 8]].concat();
    program.segments = vec![load(4, 0, 0, 0x100), [2, 6, 176, 176, 176, 32, 32, 8]];
    change(&mut program);
    whole(&program.bytes())
}

#[test]
fn each_kind_is_told_apart_and_judged_as_that() {
    const SONAME: u64 = 14;
    const FLAGS_1: u64 = 0x6fff_fffb;
    const PIE: u64 = 0x0800_0000;
    let library = dynamic(|_| {}, SONAME, 1);
    assert_eq!((library.kind, library.entry_offset()), (Kind::SharedLibrary, None));
    let (headline, lines) = library.in_words();
    assert!(headline.starts_with("a shared library for ") && !headline.contains("Linux would not"), "{headline}");
    assert!(lines[0].contains("no entry point of its own"), "{lines:?}");
    assert!(!ids(&library).iter().any(|id| id.starts_with("entry")), "{:?}", ids(&library));
    assert_eq!(dynamic(|p| p.entry = 0x40, 1, 1).kind, Kind::SharedLibrary);
    assert!(dynamic(|p| p.entry = 0x40, 1, 1).in_words().1[0].contains("0x40"));
    assert_eq!(dynamic(|_| {}, FLAGS_1, PIE).kind, Kind::Program);
    assert!(ids(&dynamic(|_| {}, FLAGS_1, PIE)).contains(&"entry-not-executable"), "0 is an entry point like others");
    assert_eq!(program(|p| p.e_type = 1).kind, Kind::Object);
    let core = program(|p| {
        p.e_type = 4;
        p.segments = vec![[1, 7, 0, BASE, 0, 0x78, 0x1000, 1], [0x6474_e551, 7, 0, 0, 0, 0, 0, 16]];
    });
    assert_eq!((core.kind, ids(&core)), (Kind::Core, vec!["trailing-bytes"]));
    let mut split = with_sections();
    let table = split.len() - 3 * 64;
    split[table + 64 + 4] = 8; // .text has no bytes
    split[64 + 32..64 + 40].copy_from_slice(&0x9000_u64.to_le_bytes());
    let split = whole(&split);
    assert_eq!(split.kind, Kind::DebugInformation);
    assert!(!ids(&split).contains(&"segment-past-end"), "{:?}", ids(&split));
}

/// A machine that the table does not have may be new, and its file is in order.
#[test]
fn an_unknown_machine_is_odd_only_where_more_is() {
    assert!(!ids(&program(|p| p.machine = 0xbee0)).contains(&"machine-unknown"));
}

/// Firmware is laid out for a loader that copies bytes, not pages.
#[test]
fn pages_are_no_rule_for_a_machine_without() {
    let firmware = |machine| {
        ids(&program(|p| {
            p.machine = machine;
            p.segments[0] = load(5, 0, BASE + 0x10, 127);
        }))
    };
    assert!(firmware(62).contains(&"segment-misaligned"));
    assert!(!firmware(83).contains(&"segment-misaligned") && !firmware(40).contains(&"segment-misaligned"));
}

/// Every row was run as well: the error is what execve gave, the signal what ended the process.
#[test]
fn a_file_that_does_not_run_says_how_it_fails() {
    let fails = |how: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut file = Program::default().bytes();
        change(&mut file);
        let kernel = whole(&file).kernel;
        assert_eq!(kernel.runnable, Some(false), "{how}");
        assert!(kernel.reasons.iter().all(|reason| reason.ends_with(how)), "{how}: {:?}", kernel.reasons);
    };
    let set = |at: usize, number: u64| {
        move |file: &mut Vec<u8>| {
            file.splice(at..at + 8, number.to_le_bytes());
        }
    };
    let (phoff, offset, address, in_file, in_memory) = (32, 72, 80, 96, 104);
    for past in [0x1000, 1 << 63, u64::MAX - 4095] {
        fails("(ENOEXEC)", &set(phoff, past));
    }
    fails("(ENOEXEC)", &|file| file[56] = 100);
    fails("(ENOEXEC)", &|file| file[16] = 1);
    for (at, number) in [(offset, 1 << 63), (offset, 8), (address, 1 << 47), (in_memory, 10), (in_memory, 1 << 47)] {
        fails("(killed by SIGSEGV)", &set(at, number));
    }
    fails("(killed by SIGSEGV)", &|file| file[64] = 0);
    fails("(killed by SIGSEGV)", &|file| file[68] = 4);
    let long = |entry: u64| {
        move |file: &mut Vec<u8>| {
            for (at, number) in [(24, entry), (in_file, 0x3000), (in_memory, 0x3000)] {
                set(at, number)(file);
            }
        }
    };
    fails("(killed by SIGSEGV)", &long(BASE + 0x800));
    fails("(killed by SIGBUS)", &long(BASE + 0x2000));
    fails("(killed by SIGSEGV)", &|file| {
        set(in_memory, 5000)(file);
        set(24, BASE + 4100)(file);
    });
}

/// A program all of whose numbers are big-endian.
fn reversed(data: u8, machine: u16) -> Elf {
    program(|p| (p.endian, p.ident[5], p.machine) = (Endian::Big, data, machine))
}

/// Run on Linux 6.18 as well: execve gives ENOEXEC whatever `EI_DATA` says.
#[test]
fn a_big_endian_x86_file_is_odd_and_does_not_run() {
    for (data, machine) in [(0, 62), (1, 62), (2, 62), (0, 3), (1, 3), (2, 3)] {
        let elf = reversed(data, machine);
        assert_eq!((elf.layout.endian, elf.header.values.e_machine), (Endian::Big, machine));
        assert_eq!(elf.kernel.runnable, Some(false), "EI_DATA {data}");
        let native = format!("e_machine as {:#x} (ENOEXEC)", machine.swap_bytes());
        assert!(elf.kernel.reasons[0].contains(&native), "{:?}", elf.kernel.reasons);
        assert_eq!(ids(&elf).iter().filter(|id| **id == "ident-data").count(), 1, "EI_DATA {data}");
    }
}

#[test]
fn a_machine_with_other_byte_orders_is_left_to_its_own_kernel() {
    for (machine, name) in [(8, "MIPS R3000"), (21, "PowerPC64"), (22, "IBM S/390")] {
        let elf = reversed(2, machine);
        assert_eq!(elf.kernel.runnable, None);
        let reason = &elf.kernel.reasons[0];
        assert!(reason.starts_with(&format!("it is for {name}, big-endian: its own kernel decides")), "{reason}");
        assert!(!ids(&elf).contains(&"ident-data"), "{name}");
    }
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
