//! Would Linux run this file?
//!
//! The checks of `load_elf_binary`, `load_elf_phdrs` and `elf_load` in `fs/binfmt_elf.c` as they are since Linux 6.7, in
//! the kernel's order, with the numbers of x86: `elf_check_arch` and `elf_read_implies_exec` in
//! `arch/x86/include/asm/elf.h`. What older kernels do differently is in the notes. The kernel copies the header out of a
//! zeroed buffer of 256 bytes, so a file may end inside its header. Other machines' loaders check more and are not
//! judged: what a MIPS kernel makes of a MIPS file is left open. A test has the running kernel judge changed headers by
//! the thousand (`kernel_tests`).
//!
//! A name such as ENOEXEC in a reason is the error of `execve(2)`. What goes wrong once the old program is gone, such as
//! a segment that cannot be mapped, has no one left to report an error to: the kernel kills the process.

use std::fmt;

use goblin::elf::header as eh;
use goblin::elf::program_header as ph;
use serde::Serialize;

use super::Elf;
use super::conditions::first_few;
pub use super::conditions::{ProgramEnd, RunCondition};
use super::layout::{self, Class, Endian};
use super::memory::{PAGE, page_end, page_start};
use super::names::{self, EM_486};
use super::segments::{FileExtent, InterpSegment, LONGEST_INTERPRETER, Segment};
use crate::text::counted;

/// Most bytes of program headers the kernel takes.
const MAX_PROGRAM_HEADER_BYTES: u64 = 65_536;
/// Lowest address an ordinary user may map, by default (`vm.mmap_min_addr`).
const LOWEST_ADDRESS: u64 = 65_536;
/// More memory than this at once is said to be needed, bytes.
const MUCH_MEMORY: u64 = 1 << 30;
/// More memory than this at once is more than nearly every box has, bytes.
const TOO_MUCH_MEMORY: u64 = 1 << 40;
/// Largest file of ext4 with blocks of 4096 bytes; other file systems have larger ones.
const LARGEST_EXT4_FILE: u64 = 1 << 44;

/// The addresses of a process on a 64-bit kernel.
struct Addresses {
    /// One past the highest: `TASK_SIZE_MAX` with four-level page tables, or `IA32_PAGE_OFFSET`.
    limit: u64,
    /// The stack begins somewhere from here up to the limit (`STACK_RND_MASK`, and what a stack takes at first).
    stack: u64,
    /// A position-independent file without interpreter that takes no more than this always finds room, whatever the
    /// random offset; the least gap below the stack is 128 MiB (`mmap_base`).
    room: u64,
    /// The same for one with an interpreter, from `ELF_ET_DYN_BASE` on.
    room_for_interpreted: u64,
}

const ADDRESSES_32: Addresses = Addresses {
    limit: 0xffff_e000,
    stack: 0xffff_e000 - (16 << 20),
    room: 0xa000_0000,
    room_for_interpreted: 0xe000_0000,
};
const ADDRESSES_64: Addresses = Addresses {
    limit: 0x7fff_ffff_f000,
    stack: 0x7fff_ffff_f000 - (17 << 30),
    room: (1 << 47) - (2 << 40),
    room_for_interpreted: (1 << 47) / 3 - (2 << 40),
};
/// A multiple of this many bytes that is a possible place of a moved file is 0 alone: the least alignment of that kind.
const ONLY_AT_0: u64 = 1 << 47;

/// What the Linux kernel would make of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct KernelView {
    /// Whether it would load the file and execute an instruction of it; `None` when that cannot be told.
    pub runnable: Option<bool>,
    /// Why not, or why it cannot be told; empty when it would run.
    pub reasons: Vec<String>,
    /// What running it depends on.
    pub notes: Vec<String>,
    /// How it ends, where it would not run.
    #[serde(skip)]
    pub end: Option<ProgramEnd>,
    /// The notes, to be compared.
    #[serde(skip)]
    pub conditions: Vec<RunCondition>,
}

/// Whether the kernel makes all readable memory executable: a 32-bit process without a `PT_GNU_STACK` header.
pub(super) fn read_implies_exec(elf: &Elf) -> bool {
    layout::is_x86(elf.header.values.e_machine) && elf.layout.class == Class::Elf32 && stack(elf).is_none()
}

/// The header that says whether the stack is executable: of several the kernel heeds the last.
pub(super) fn stack(elf: &Elf) -> Option<&Segment> {
    elf.segments.iter().rfind(|segment| segment.values.p_type == ph::PT_GNU_STACK)
}

/// Whether the kernel would let code in this segment run. On x86 a page that can be written can be read.
pub(super) fn executes(elf: &Elf, segment: &Segment) -> bool {
    segment.is_executable() || (read_implies_exec(elf) && reads(segment))
}

/// Whether it may be read; zeros in memory always may.
fn reads(segment: &Segment) -> bool {
    segment.values.p_flags & ph::PF_R != 0
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
    end: Option<ProgramEnd>,
    unknown: Vec<String>,
    conditions: Vec<RunCondition>,
}

pub(super) fn judge(elf: &Elf) -> KernelView {
    let mut judge = Judge::default();
    if elf.header.not_read {
        judge.unknown.push("the ELF header was not read whole".to_owned());
    } else {
        judge.kind(elf);
        if judge.is_open() {
            judge.table(elf);
        }
        if judge.is_open() {
            judge.interpreter(elf);
            // Once execve has failed nothing is mapped.
            if judge.refused.is_empty() {
                judge.memory(elf);
                judge.entry(elf);
            }
        }
    }
    let runnable = match (judge.refused.is_empty(), judge.unknown.is_empty()) {
        (false, _) => Some(false),
        (true, false) => None,
        (true, true) => Some(true),
    };
    judge.refused.append(&mut judge.unknown);
    KernelView {
        runnable,
        reasons: first_few(judge.refused),
        notes: first_few(judge.conditions.iter().map(ToString::to_string).collect()),
        end: judge.end,
        conditions: judge.conditions,
    }
}

impl Judge {
    fn is_open(&self) -> bool {
        self.refused.is_empty() && self.unknown.is_empty()
    }

    fn refuse(&mut self, end: ProgramEnd, why: impl fmt::Display) {
        self.end = self.end.or(Some(end));
        self.refused.push(format!("{why} ({end})"));
    }

    fn error(&mut self, name: &'static str, why: impl fmt::Display) {
        self.refuse(ProgramEnd::Error(name), why);
    }

    fn kind(&mut self, elf: &Elf) {
        let values = &elf.header.values;
        if !matches!(values.e_type, eh::ET_EXEC | eh::ET_DYN) {
            self.error("ENOEXEC", format_args!("e_type is {}; only EXEC and DYN are loaded", elf.header.type_name));
        }
        if let Some(reversed) = reversed_machine(elf) {
            let read = format_args!("an x86 kernel reads them little-endian, e_machine as {reversed:#x}").to_string();
            self.error("ENOEXEC", format_args!("its numbers are big-endian; {read}"));
            return;
        }
        match values.e_machine {
            eh::EM_386 | EM_486 => self.conditions.push(RunCondition::Support32),
            eh::EM_X86_64 if elf.is_x32() => self.unknown.push(
                "it is of the x32 ABI, for which few kernels are built (CONFIG_X86_X32_ABI); others refuse it (ENOEXEC)"
                    .to_owned(),
            ),
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
            return self.error("ENOEXEC", format_args!("e_phentsize is {}, not {needed}", values.e_phentsize));
        }
        let bytes = needed * u64::from(values.e_phnum);
        if bytes == 0 || bytes > MAX_PROGRAM_HEADER_BYTES {
            let headers = counted(values.e_phnum.into(), "program header");
            let most = format!("the kernel takes 1 to {MAX_PROGRAM_HEADER_BYTES} bytes");
            self.error("ENOEXEC", format_args!("a table of {headers} in {bytes} bytes; {most}"));
        } else if elf.segment_table.inside < elf.segment_table.count {
            let (end, size) = (elf.segment_table.end(), elf.file_size);
            let ends = format!("end at offset {end:#x}, past the end of the file at {size:#x}");
            self.error("ENOEXEC", format_args!("the program headers {ends}"));
        } else if elf.segment_table.not_read > 0 {
            self.unknown.push("the program headers were not read".to_owned());
        }
    }

    fn interpreter(&mut self, elf: &Elf) {
        let Some((segment, interpreter)) = first_interpreter(elf) else { return };
        let size = segment.values.p_filesz;
        if !(2..=LONGEST_INTERPRETER).contains(&size) {
            let size = counted(size, "byte");
            self.error("ENOEXEC", format_args!("the interpreter's path takes {size}, not 2 to 4096"));
        } else if i64::try_from(segment.file_end()).is_err() {
            self.error("EINVAL", "the interpreter's path ends above the largest file offset");
        } else if segment.extent.exceeds_file() {
            self.error("EIO", "the interpreter's path lies past the end of the file");
        } else if segment.extent == FileExtent::NotRead {
            self.unknown.push("the interpreter's path was not read".to_owned());
        } else if !interpreter.terminated {
            self.error("ENOEXEC", "the interpreter's path does not end in a NUL");
        } else if interpreter.path.is_empty() {
            self.error("EACCES", "the interpreter's path is empty, which is the current folder");
        } else {
            self.conditions.push(RunCondition::Interpreter(interpreter.path.clone()));
        }
    }

    fn memory(&mut self, elf: &Elf) {
        let addresses = if elf.layout.bits() == 32 { ADDRESSES_32 } else { ADDRESSES_64 };
        let interpreted = first_interpreter(elf).is_some();
        if !elf.segments.iter().any(Segment::is_load) {
            // The interpreter is code enough.
            if !interpreted {
                self.refuse(ProgramEnd::Segv, "no segment is mapped: no PT_LOAD");
            }
            return;
        }
        let place = Placement::of(elf);
        if let Placement::Anywhere { span, before } = place {
            let room = if interpreted { addresses.room_for_interpreted } else { addresses.room };
            if span > addresses.limit {
                self.refuse(
                    ProgramEnd::Segv,
                    format_args!("its segments span {span:#x} addresses, more than there are"),
                );
            } else if span.saturating_add(before) > room {
                self.unknown.push(format!(
                    "its segments span {span:#x} addresses: whether that finds room depends on where it is put at random"
                ));
            }
        }
        match place {
            Placement::Nowhere => self.refuse(ProgramEnd::Segv, "its segments take no memory"),
            Placement::Before0 => {
                self.refuse(
                    ProgramEnd::Segv,
                    "its first segment would lie at 0, and begins within a page: that is no address",
                );
            }
            Placement::At { .. } | Placement::Anywhere { .. } => {}
        }
        for (nth, segment) in elf.segments.iter().filter(|segment| segment.is_load()).enumerate() {
            self.segment(elf, segment, &addresses, (place, nth == 0));
        }
    }

    fn segment(&mut self, elf: &Elf, segment: &Segment, addresses: &Addresses, (place, first): (Placement, bool)) {
        let ph::ProgramHeader { p_offset, p_vaddr, p_filesz, p_memsz, .. } = segment.values;
        let index = segment.index;
        if p_filesz > p_memsz {
            self.refuse(ProgramEnd::Segv, format_args!("segment {index} has more bytes in the file than in memory"));
        }
        let end = p_vaddr.checked_add(p_memsz).filter(|end| p_vaddr < addresses.limit && *end <= addresses.limit);
        if end.is_none() {
            let limit = addresses.limit;
            self.refuse(ProgramEnd::Segv, format_args!("segment {index} ends above the highest address {limit:#x}"));
            if elf.layout.bits() == 64
                && p_vaddr.checked_add(p_memsz).is_some_and(|end| end < super::conditions::LIMIT_FIVE_LEVELS)
            {
                self.conditions.push(RunCondition::FiveLevels { segment: index });
            }
        }
        if p_filesz > 0 && p_vaddr % PAGE != p_offset % PAGE {
            let differ = format!("p_vaddr {p_vaddr:#x} and p_offset {p_offset:#x} differ within a page");
            self.refuse(ProgramEnd::Segv, format_args!("segment {index}: {differ}"));
        }
        // The first mapping of a file that is moved takes room for all of them.
        let reserved = match place {
            Placement::Anywhere { span, .. } if first => span,
            _ => p_vaddr % PAGE + p_filesz.min(u64::MAX / 2),
        };
        let file_end = page_start(p_offset).checked_add(reserved).and_then(page_end);
        if p_filesz > 0 && file_end.is_none_or(|end| i64::try_from(end).is_err()) {
            self.refuse(ProgramEnd::Segv, format_args!("segment {index} ends above the largest file offset"));
        } else if p_filesz > 0 && file_end.is_some_and(|end| end >= LARGEST_EXT4_FILE) {
            self.conditions.push(RunCondition::LargeFile { segment: index });
        }
        let (Some(end), Some(cleared)) = (end, p_offset.checked_add(p_filesz)) else { return };
        let clears = p_memsz > p_filesz && p_filesz > 0 && segment.is_writable() && cleared % PAGE != 0;
        if clears && page_start(cleared) >= elf.file_size {
            let what = "the rest of its last page is to be cleared, but that page lies past the end of the file";
            self.refuse(ProgramEnd::Segv, format_args!("segment {index}: {what}"));
        }
        if p_memsz > p_filesz && !segment.is_writable() && p_filesz > 0 {
            self.conditions.push(RunCondition::UnwritableZeros { segment: index });
        } else if p_memsz > 0 && p_filesz == 0 {
            self.conditions.push(RunCondition::OnlyZeros { segment: index });
        }
        let zeros = if p_filesz > 0 { p_memsz.saturating_sub(p_filesz) } else { p_memsz };
        let copied = if segment.is_writable() && p_filesz > 0 { reserved } else { 0 };
        let bytes = zeros.max(copied);
        if bytes > TOO_MUCH_MEMORY {
            self.unknown.push(format!("segment {index} asks for more memory than nearly any box has"));
        }
        if bytes > MUCH_MEMORY {
            self.conditions.push(RunCondition::Memory { segment: index, bytes });
        }
        self.fixed(segment, addresses, (place, end));
    }

    /// What only matters where the place of a segment is known beforehand.
    fn fixed(&mut self, segment: &Segment, addresses: &Addresses, (place, end): (Placement, u64)) {
        let Placement::At { moved } = place else { return };
        if segment.values.p_memsz == 0 && segment.values.p_filesz == 0 {
            return;
        }
        let index = segment.index;
        let address = page_start(segment.values.p_vaddr).wrapping_sub(moved);
        if address >= addresses.limit {
            self.refuse(
                ProgramEnd::Segv,
                format_args!("segment {index} lies before the first, which comes to lie at 0"),
            );
        } else if address < LOWEST_ADDRESS {
            self.conditions.push(RunCondition::LowAddress { segment: index, address });
        } else if end.wrapping_sub(moved) > addresses.stack {
            self.unknown.push(format!("segment {index} lies where the kernel puts the stack, at random"));
        }
    }

    fn entry(&mut self, elf: &Elf) {
        // With an interpreter, its code runs first and decides about this file's entry.
        if first_interpreter(elf).is_some() || !self.refused.is_empty() {
            return;
        }
        let address = elf.entry.address;
        let landing = elf.landing(address);
        let segment = landing.and_then(|landing| elf.segments.get(landing.segment));
        let (Some(landing), Some(segment)) = (landing, segment) else {
            // Beside a file that is moved, or that takes up nearly all addresses, lies what the kernel maps for it, such as
            // the vDSO.
            let takes_all =
                |load: &Segment| load.is_load() && elf.layout.bits() == 32 && load.values.p_memsz >> 31 != 0;
            let beside = matches!(Placement::of(elf), Placement::Anywhere { .. }) || elf.segments.iter().any(takes_all);
            let end = if beside || !self.unknown.is_empty() { ProgramEnd::Signal } else { ProgramEnd::Segv };
            return self.refuse(end, format_args!("no segment maps the entry point {address:#x}"));
        };
        // A page is read before it is asked whether it may be executed, unless nothing at all is allowed.
        let past_end = landing.offset.zip(page_end(elf.file_size)).is_some_and(|(offset, end)| offset >= end);
        let bus = past_end && segment.values.p_flags & (ph::PF_R | ph::PF_W | ph::PF_X) != 0;
        // Where it is not certain that the file can be mapped, it is not certain what ends it.
        let end = match bus {
            _ if !self.unknown.is_empty() => ProgramEnd::Signal,
            true => ProgramEnd::Bus,
            false => ProgramEnd::Segv,
        };
        let executes = segment.is_executable() || (read_implies_exec(elf) && (landing.is_zeros() || reads(segment)));
        match landing.offset {
            _ if !executes => {
                let index = segment.index;
                let what = format!("lies in segment {index}, which is not executable");
                self.refuse(end, format_args!("the entry point {address:#x} {what}"));
                let was_executable = stack(elf).is_none_or(Segment::is_executable) && reads(segment);
                if was_executable && landing.offset.is_some_and(|offset| offset < elf.file_size) {
                    self.conditions.push(RunCondition::ReadImpliedExec);
                }
            }
            None => {
                self.refuse(end, format_args!("there are only zeros at the entry point {address:#x}"));
            }
            Some(offset) if offset >= elf.file_size => {
                let where_to = format!("maps to offset {offset:#x}, past the end of the file");
                self.refuse(end, format_args!("the entry point {address:#x} {where_to}"));
            }
            Some(_) if !segment.is_executable() => self.conditions.push(RunCondition::ReadImpliesExec),
            Some(_) => {}
        }
    }
}

/// Where the kernel puts a file.
#[derive(Debug, Clone, Copy)]
enum Placement {
    /// Where its addresses say, less `moved`.
    At {
        /// Subtracted from each address; a multiple of the page.
        moved: u64,
    },
    /// At random, as it needs room for `span` addresses.
    Anywhere {
        /// Addresses from the lowest of a page to the highest (`total_mapping_size`).
        span: u64,
        /// How far below the first segment the lowest lies: room for that is not asked for.
        before: u64,
    },
    /// Nowhere: it takes no memory.
    Nowhere,
    /// Where there is no memory: before the address 0.
    Before0,
}

impl Placement {
    fn of(elf: &Elf) -> Self {
        let loads = || elf.segments.iter().filter(|segment| segment.is_load()).map(|segment| &segment.values);
        let Some(first) = loads().next().filter(|_| elf.header.values.e_type == eh::ET_DYN) else {
            return Self::At { moved: 0 };
        };
        let interpreted = first_interpreter(elf).is_some();
        let lowest = loads().map(|load| page_start(load.p_vaddr)).min().unwrap_or(0);
        let highest = loads().map(|load| load.p_vaddr.saturating_add(load.p_memsz)).max().unwrap_or(0);
        let span = highest.saturating_sub(lowest);
        if span == 0 {
            return Self::Nowhere;
        }
        // Zeros are asked for at the address 0 and not at any, and so is what must be aligned beyond all places but that.
        let aligned = loads().map(|load| load.p_align).filter(|align| align.is_power_of_two()).max();
        if (first.p_filesz == 0 && !interpreted) || aligned.is_some_and(|align| align >= ONLY_AT_0) {
            // The page in which the first segment begins is rounded down, from 0 too.
            return match first.p_vaddr % PAGE {
                0 => Self::At { moved: first.p_vaddr },
                _ => Self::Before0,
            };
        }
        Self::Anywhere { span, before: page_start(first.p_vaddr) - lowest }
    }
}

fn first_interpreter(elf: &Elf) -> Option<(&Segment, &InterpSegment)> {
    let segment = elf.interpreter()?;
    Some((segment, segment.interpreter.as_deref()?))
}
