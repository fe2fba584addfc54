//! Would Linux run this file?
//!
//! The checks of `load_elf_binary` and `load_elf_phdrs` in `fs/binfmt_elf.c`, in the kernel's order, with the numbers
//! of x86: `elf_check_arch` and `elf_read_implies_exec` in `arch/x86/include/asm/elf.h`. The kernel copies the header
//! out of a zeroed buffer of 256 bytes, so a file may end inside its header. Other machines' loaders check more and
//! are not judged: what a MIPS kernel makes of a MIPS file is left open.
//!
//! A name such as ENOEXEC in a reason is the error of `execve(2)`. What goes wrong once the old program is gone, such as
//! a segment that cannot be mapped, has no one left to report an error to: the kernel kills the process.

use goblin::elf::header as eh;
use goblin::elf::program_header as ph;
use serde::Serialize;

use super::Elf;
use super::layout::{self, Class, Endian};
use super::names::{self, EM_486};
use super::segments::{Extent, Interpreter, LONGEST_INTERPRETER, PAGE, Segment};

/// Most bytes of program headers the kernel takes.
const MOST_TABLE_BYTES: u64 = 65_536;
/// One past the highest address of a 32-bit process on a 64-bit kernel (`IA32_PAGE_OFFSET`).
const TASK_SIZE_32: u64 = 0xffff_e000;
/// One past the highest address of a 64-bit process with four-level page tables (`TASK_SIZE_MAX`).
const TASK_SIZE_64: u64 = 0x7fff_ffff_f000;
/// Lowest address an ordinary user may map, by default (`vm.mmap_min_addr`).
const LOWEST_ADDRESS: u64 = 65_536;

/// How a process ends whose file the kernel took before it met what is wrong, or whose first instruction fails.
const KILLED: &str = "(killed by SIGSEGV)";
/// The same where a whole page of a segment lies past the end of the file.
const KILLED_PAST_END: &str = "(killed by SIGBUS)";

/// Reasons and notes listed at most, each.
const MOST_SAID: usize = 16;

/// What the Linux kernel would make of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct KernelView {
    /// Whether it would load the file and execute an instruction of it; `None` when that cannot be told.
    pub runnable: Option<bool>,
    /// Why not, or why it cannot be told; empty when it would run.
    pub reasons: Vec<String>,
    /// What running it depends on.
    pub notes: Vec<String>,
}

/// Whether the kernel makes all readable memory executable: i386 without a `PT_GNU_STACK` header.
pub(super) fn read_implies_exec(elf: &Elf) -> bool {
    matches!(elf.header.values.e_machine, eh::EM_386 | EM_486)
        && !elf.segments.iter().any(|segment| segment.values.p_type == ph::PT_GNU_STACK)
}

/// Whether the kernel would let code in this segment run. On x86 a page that can be written can be read.
pub(super) fn executes(elf: &Elf, segment: &Segment) -> bool {
    segment.is_executable() || (read_implies_exec(elf) && segment.values.p_flags & ph::PF_R != 0)
}

/// What a kernel of the machine reads in `e_machine` of an x86 file whose numbers are big-endian. It reads the header in
/// its own byte order, little-endian, and never looks at `EI_DATA`.
pub(super) fn reversed_machine(elf: &Elf) -> Option<u16> {
    let machine = elf.header.values.e_machine;
    (elf.layout.endian == Endian::Big && layout::is_x86(machine)).then(|| machine.swap_bytes())
}

/// Reasons gathered on the way; the first refusal does not hide the next.
#[derive(Default)]
struct Judge {
    refused: Vec<String>,
    unknown: Vec<String>,
    notes: Vec<String>,
}

pub(super) fn judge(elf: &Elf) -> KernelView {
    let mut judge = Judge::default();
    if elf.header.not_read {
        judge.unknown.push("the ELF header was not read whole".to_owned());
    } else {
        judge.kind(elf);
        if judge.refused.is_empty() && judge.unknown.is_empty() {
            judge.table(elf);
        }
        if judge.refused.is_empty() && judge.unknown.is_empty() {
            judge.interpreter(elf);
            judge.memory(elf);
            judge.entry(elf);
        }
    }
    let runnable = match (judge.refused.is_empty(), judge.unknown.is_empty()) {
        (false, _) => Some(false),
        (true, false) => None,
        (true, true) => Some(true),
    };
    judge.refused.append(&mut judge.unknown);
    KernelView { runnable, reasons: first_few(judge.refused), notes: first_few(judge.notes) }
}

/// Each of 2048 segments may give several reasons; the rest is counted.
fn first_few(mut said: Vec<String>) -> Vec<String> {
    if let Some(more) = said.len().checked_sub(MOST_SAID).filter(|more| *more > 0) {
        said.truncate(MOST_SAID);
        said.push(format!("and {} more like these", crate::text::count(more as u64)));
    }
    said
}

impl Judge {
    fn kind(&mut self, elf: &Elf) {
        let values = &elf.header.values;
        if !matches!(values.e_type, eh::ET_EXEC | eh::ET_DYN) {
            self.refused.push(format!("e_type is {}; only EXEC and DYN are loaded (ENOEXEC)", elf.header.type_name));
        }
        if let Some(reversed) = reversed_machine(elf) {
            self.refused.push(format!(
                "its numbers are big-endian; an x86 kernel reads them little-endian, e_machine as {reversed:#x} (ENOEXEC)"
            ));
            return;
        }
        match values.e_machine {
            eh::EM_386 | EM_486 => {
                self.notes.push("on an x86-64 kernel it needs 32-bit support (CONFIG_IA32_EMULATION)".to_owned());
            }
            eh::EM_X86_64 if elf.layout.class == Class::Elf32 => {
                self.notes.push("it needs a kernel with the x32 ABI (CONFIG_X86_X32_ABI)".to_owned());
            }
            eh::EM_X86_64 => {}
            machine => self.unknown.push(format!(
                "it is for {}, {}: its own kernel decides; only the checks of the x86 kernel are known here",
                names::machine_or_number(machine),
                elf.layout.endian.name()
            )),
        }
    }

    fn table(&mut self, elf: &Elf) {
        let values = &elf.header.values;
        let needed = elf.layout.program_header_size();
        if u64::from(values.e_phentsize) != needed {
            self.refused.push(format!("e_phentsize is {}, not {needed} (ENOEXEC)", values.e_phentsize));
            return;
        }
        let bytes = needed * u64::from(values.e_phnum);
        if bytes == 0 || bytes > MOST_TABLE_BYTES {
            self.refused.push(format!(
                "a table of {} in {bytes} bytes; the kernel takes 1 to {MOST_TABLE_BYTES} bytes (ENOEXEC)",
                crate::text::counted(values.e_phnum.into(), "program header")
            ));
        } else if elf.segment_table.inside < elf.segment_table.count {
            self.refused.push(format!(
                "the program headers end at offset {:#x}, past the end of the file at {:#x} (ENOEXEC)",
                elf.segment_table.end(),
                elf.file_size
            ));
        } else if elf.segment_table.not_read > 0 {
            self.unknown.push("the program headers were not read".to_owned());
        }
    }

    fn interpreter(&mut self, elf: &Elf) {
        let Some((segment, interpreter)) = first_interpreter(elf) else { return };
        let size = segment.values.p_filesz;
        if !(2..=LONGEST_INTERPRETER).contains(&size) {
            self.refused.push(format!(
                "the interpreter's path takes {}, not 2 to 4096 (ENOEXEC)",
                crate::text::counted(size, "byte")
            ));
        } else if i64::try_from(segment.file_end()).is_err() {
            self.refused.push("the interpreter's path ends above the largest file offset (EINVAL)".to_owned());
        } else if segment.extent.exceeds_file() {
            self.refused.push("the interpreter's path lies past the end of the file (EIO)".to_owned());
        } else if segment.extent == Extent::NotRead {
            self.unknown.push("the interpreter's path was not read".to_owned());
        } else if !interpreter.terminated {
            self.refused.push("the interpreter's path does not end in a NUL (ENOEXEC)".to_owned());
        } else {
            self.notes.push(format!("the interpreter {} must be there (else ENOENT)", interpreter.path));
        }
    }

    fn memory(&mut self, elf: &Elf) {
        let limit = if elf.layout.bits() == 32 { TASK_SIZE_32 } else { TASK_SIZE_64 };
        let is_fixed = elf.header.values.e_type == eh::ET_EXEC;
        if !elf.segments.iter().any(Segment::is_load) {
            self.refused.push(format!("no segment is mapped: no PT_LOAD {KILLED}"));
        }
        for segment in elf.segments.iter().filter(|segment| segment.is_load()) {
            let values = &segment.values;
            let index = segment.index;
            if values.p_filesz > values.p_memsz {
                self.refused.push(format!("segment {index} has more bytes in the file than in memory {KILLED}"));
            }
            if values.p_vaddr.checked_add(values.p_memsz).is_none_or(|end| end > limit) {
                self.refused.push(format!("segment {index} ends above the highest address {limit:#x} {KILLED}"));
            }
            if values.p_filesz > 0 && values.p_vaddr % PAGE != values.p_offset % PAGE {
                self.refused.push(format!(
                    "segment {index}: p_vaddr {:#x} and p_offset {:#x} differ within a page {KILLED}",
                    values.p_vaddr, values.p_offset
                ));
            }
            if i64::try_from(segment.file_end()).is_err() {
                self.refused.push(format!("segment {index} ends above the largest file offset {KILLED}"));
            }
            if is_fixed && values.p_vaddr < LOWEST_ADDRESS {
                self.notes.push(format!(
                    "segment {index} lies at {:#x}, below vm.mmap_min_addr (65536 by default): only root may map it, else it is \
                     killed by SIGSEGV",
                    values.p_vaddr
                ));
            }
            if values.p_memsz > values.p_filesz && values.p_filesz > 0 && !segment.is_writable() {
                self.notes.push(format!(
                    "segment {index} has zeroed memory it may not write: before Linux 6.7 it is killed by SIGSEGV"
                ));
            }
        }
    }

    fn entry(&mut self, elf: &Elf) {
        // With an interpreter, its code runs first and decides about this file's entry.
        if first_interpreter(elf).is_some() || !self.refused.is_empty() {
            return;
        }
        let address = elf.entry.address;
        match elf.landing(address) {
            None => self.refused.push(format!("no segment maps the entry point {address:#x} {KILLED}")),
            Some(landing) if !executes(elf, landing.segment) => self.refused.push(format!(
                "the entry point {address:#x} lies in segment {}, which is not executable {KILLED}",
                landing.segment.index
            )),
            Some(landing) => match landing.offset {
                None => self.refused.push(format!("there are only zeros at the entry point {address:#x} {KILLED}")),
                Some(offset) if offset >= elf.file_size => self.refused.push(format!(
                    "the entry point {address:#x} maps to offset {offset:#x}, past the end of the file {}",
                    if offset < elf.file_size.next_multiple_of(PAGE) { KILLED } else { KILLED_PAST_END }
                )),
                Some(_) if !landing.segment.is_executable() => self.notes.push(
                    "its code runs only because the kernel makes readable memory executable for i386 files without \
                     PT_GNU_STACK"
                        .to_owned(),
                ),
                Some(_) => {}
            },
        }
    }
}

fn first_interpreter(elf: &Elf) -> Option<(&Segment, &Interpreter)> {
    let segment = elf.interpreter()?;
    Some((segment, segment.interpreter.as_deref()?))
}
