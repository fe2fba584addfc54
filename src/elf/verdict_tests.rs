//! What a file is and whether it would run, on hand-made files.

use super::fixtures::{BASE, Program, load, with_sections};
use super::tests::{ids, program, whole};
use super::*;

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
    assert_eq!((library.kind, library.entry_offset()), (ElfKind::SharedLibrary, None));
    let (headline, lines) = library.in_words();
    assert!(headline.starts_with("a shared library for ") && !headline.contains("Linux would not"), "{headline}");
    assert!(lines[0].contains("no entry point of its own"), "{lines:?}");
    assert!(!ids(&library).iter().any(|id| id.starts_with("entry")), "{:?}", ids(&library));
    assert_eq!(dynamic(|p| p.entry = 0x40, 1, 1).kind, ElfKind::SharedLibrary);
    assert!(dynamic(|p| p.entry = 0x40, 1, 1).in_words().1[0].contains("0x40"));
    assert_eq!(dynamic(|_| {}, FLAGS_1, PIE).kind, ElfKind::Program);
    assert!(ids(&dynamic(|_| {}, FLAGS_1, PIE)).contains(&"entry-not-executable"), "0 is an entry point like others");
    assert_eq!(program(|p| p.e_type = 1).kind, ElfKind::Object);
    let core = program(|p| {
        p.e_type = 4;
        p.segments = vec![[1, 7, 0, BASE, 0, 0x78, 0x1000, 1], [0x6474_e551, 7, 0, 0, 0, 0, 0, 16]];
    });
    assert_eq!((core.kind, ids(&core)), (ElfKind::Core, vec!["trailing-bytes"]));
    let mut split = with_sections();
    let table = split.len() - 3 * 64;
    split[table + 64 + 4] = 8; // .text has no bytes
    split[64 + 32..64 + 40].copy_from_slice(&0x9000_u64.to_le_bytes());
    let split = whole(&split);
    assert_eq!(split.kind, ElfKind::DebugInformation);
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
