//! Names for the numbers in ELF structures, as readelf prints them where that is plain enough.
//!
//! Numbers: gABI chapters 4 and 5, the processor supplements, and glibc's `elf.h` for what GNU adds.

use std::borrow::Cow;
use std::fmt::Write as _;

use goblin::elf::header as eh;
use goblin::elf::program_header as ph;
use goblin::elf::section_header as sh;

/// Machine 6: `EM_486` to the kernel (`include/uapi/linux/elf-em.h`), which runs it as i386; Intel MCU in the gABI.
pub const EM_486: u16 = 6;
/// Alpha's number in use; the gABI's own (41) never was.
pub const EM_ALPHA: u16 = 0x9026;

/// The machine's name, `None` for a number that is not in the table.
pub fn machine(machine: u16) -> Option<&'static str> {
    Some(match machine {
        eh::EM_NONE => "None",
        eh::EM_M32 => "WE32100",
        eh::EM_SPARC => "Sparc",
        eh::EM_386 => "Intel 80386",
        eh::EM_68K => "MC68000",
        eh::EM_88K => "MC88000",
        EM_486 => "Intel MCU (80486 to Linux)",
        eh::EM_860 => "Intel 80860",
        eh::EM_MIPS => "MIPS R3000",
        eh::EM_S370 => "IBM System/370",
        eh::EM_MIPS_RS3_LE => "MIPS R4000 big-endian",
        eh::EM_PARISC => "HPPA",
        eh::EM_SPARC32PLUS => "Sparc v8+",
        eh::EM_960 => "Intel 80960",
        eh::EM_PPC => "PowerPC",
        eh::EM_PPC64 => "PowerPC64",
        eh::EM_S390 => "IBM S/390",
        eh::EM_V800 => "Renesas V850",
        eh::EM_ARM => "ARM",
        eh::EM_FAKE_ALPHA => "Digital Alpha (old)",
        eh::EM_SH => "Renesas / SuperH SH",
        eh::EM_SPARCV9 => "Sparc v9",
        eh::EM_TRICORE => "Siemens Tricore",
        eh::EM_ARC => "ARC",
        eh::EM_IA_64 => "Intel IA-64",
        eh::EM_MIPS_X => "Stanford MIPS-X",
        eh::EM_COLDFIRE => "Motorola Coldfire",
        eh::EM_68HC12 => "Motorola MC68HC12 Microcontroller",
        eh::EM_X86_64 => "Advanced Micro Devices X86-64",
        eh::EM_PDP11 => "Digital Equipment Corp. PDP-11",
        eh::EM_VAX => "Digital VAX",
        eh::EM_CRIS => "Axis Communications 32-bit embedded processor",
        eh::EM_AVR => "Atmel AVR 8-bit microcontroller",
        eh::EM_OPENRISC => "OpenRISC 1000",
        eh::EM_XTENSA => "Tensilica Xtensa Processor",
        eh::EM_ALTERA_NIOS2 => "Altera Nios II",
        eh::EM_AARCH64 => "AArch64",
        eh::EM_TILEGX => "Tilera TILE-Gx multicore architecture family",
        eh::EM_MICROBLAZE => "Xilinx MicroBlaze",
        eh::EM_CUDA => "NVIDIA CUDA architecture",
        eh::EM_AMDGPU => "AMD GPU",
        eh::EM_RISCV => "RISC-V",
        eh::EM_BPF => "Linux BPF",
        eh::EM_CSKY => "C-SKY",
        eh::EM_LOONGARCH => "LoongArch",
        EM_ALPHA => "Alpha",
        _ => return None,
    })
}

/// [`machine`], or the number where it has no name.
pub fn machine_or_number(number: u16) -> String {
    machine(number).map_or_else(|| format!("unknown machine {number:#x}"), str::to_owned)
}

/// The object type's short name and what it is, `None` outside the gABI's five and its ranges.
pub fn object_type(object_type: u16) -> Option<(&'static str, &'static str)> {
    Some(match object_type {
        eh::ET_NONE => ("NONE", "no file type"),
        eh::ET_REL => ("REL", "relocatable file"),
        eh::ET_EXEC => ("EXEC", "executable file"),
        eh::ET_DYN => ("DYN", "shared object or position-independent executable"),
        eh::ET_CORE => ("CORE", "core file"),
        0xfe00..=0xfeff => ("OS", "specific to the operating system"),
        0xff00..=0xffff => ("PROC", "specific to the processor"),
        _ => return None,
    })
}

/// The operating system or ABI that `EI_OSABI` names.
pub fn os_abi(abi: u8) -> Option<&'static str> {
    Some(match abi {
        eh::ELFOSABI_NONE => "UNIX - System V",
        eh::ELFOSABI_HPUX => "UNIX - HP-UX",
        eh::ELFOSABI_NETBSD => "UNIX - NetBSD",
        eh::ELFOSABI_GNU => "UNIX - GNU",
        eh::ELFOSABI_SOLARIS => "UNIX - Solaris",
        eh::ELFOSABI_AIX => "UNIX - AIX",
        eh::ELFOSABI_IRIX => "UNIX - IRIX",
        eh::ELFOSABI_FREEBSD => "UNIX - FreeBSD",
        eh::ELFOSABI_TRU64 => "UNIX - TRU64",
        eh::ELFOSABI_MODESTO => "Novell - Modesto",
        eh::ELFOSABI_OPENBSD => "UNIX - OpenBSD",
        eh::ELFOSABI_ARM_AEABI => "ARM EABI",
        eh::ELFOSABI_ARM => "ARM",
        eh::ELFOSABI_STANDALONE => "Standalone App",
        _ => return None,
    })
}

/// A segment's type; the processor's own types depend on the machine.
pub fn segment_type(p_type: u32, machine: u16) -> Cow<'static, str> {
    let name = match (p_type, machine) {
        (ph::PT_NULL, _) => "NULL",
        (ph::PT_LOAD, _) => "LOAD",
        (ph::PT_DYNAMIC, _) => "DYNAMIC",
        (ph::PT_INTERP, _) => "INTERP",
        (ph::PT_NOTE, _) => "NOTE",
        (ph::PT_SHLIB, _) => "SHLIB",
        (ph::PT_PHDR, _) => "PHDR",
        (ph::PT_TLS, _) => "TLS",
        (ph::PT_GNU_EH_FRAME, _) => "GNU_EH_FRAME",
        (ph::PT_GNU_STACK, _) => "GNU_STACK",
        (ph::PT_GNU_RELRO, _) => "GNU_RELRO",
        (ph::PT_GNU_PROPERTY, _) => "GNU_PROPERTY",
        (0x6474_e554, _) => "GNU_SFRAME",
        (0x65a3_dbe6, _) => "OPENBSD_RANDOMIZE",
        (0x65a3_dbe7, _) => "OPENBSD_WXNEEDED",
        (ph::PT_SUNWBSS, _) => "SUNWBSS",
        (ph::PT_SUNWSTACK, _) => "SUNWSTACK",
        (0x7000_0000, eh::EM_MIPS) => "REGINFO",
        (0x7000_0001, eh::EM_MIPS) => "RTPROC",
        (0x7000_0002, eh::EM_MIPS) => "OPTIONS",
        (0x7000_0003, eh::EM_MIPS) => "ABIFLAGS",
        (ph::PT_ARM_EXIDX, eh::EM_ARM) => "EXIDX",
        (0x7000_0002, eh::EM_AARCH64) => "AARCH64_MEMTAG_MTE",
        (0x7000_0003, eh::EM_RISCV) => "RISCV_ATTRIBUTES",
        _ => {
            let ranges = &[(ph::PT_LOPROC, ph::PT_HIPROC, "LOPROC"), (ph::PT_LOOS, ph::PT_HIOS, "LOOS")];
            return ranged(p_type, ranges).into();
        }
    };
    name.into()
}

/// A section's type; the processor's own types depend on the machine.
pub fn section_type(sh_type: u32, machine: u16) -> Cow<'static, str> {
    let name = match (sh_type, machine) {
        (sh::SHT_NULL, _) => "NULL",
        (sh::SHT_PROGBITS, _) => "PROGBITS",
        (sh::SHT_SYMTAB, _) => "SYMTAB",
        (sh::SHT_STRTAB, _) => "STRTAB",
        (sh::SHT_RELA, _) => "RELA",
        (sh::SHT_HASH, _) => "HASH",
        (sh::SHT_DYNAMIC, _) => "DYNAMIC",
        (sh::SHT_NOTE, _) => "NOTE",
        (sh::SHT_NOBITS, _) => "NOBITS",
        (sh::SHT_REL, _) => "REL",
        (sh::SHT_SHLIB, _) => "SHLIB",
        (sh::SHT_DYNSYM, _) => "DYNSYM",
        (sh::SHT_INIT_ARRAY, _) => "INIT_ARRAY",
        (sh::SHT_FINI_ARRAY, _) => "FINI_ARRAY",
        (sh::SHT_PREINIT_ARRAY, _) => "PREINIT_ARRAY",
        (sh::SHT_GROUP, _) => "GROUP",
        (sh::SHT_SYMTAB_SHNDX, _) => "SYMTAB SECTION INDICES",
        (19, _) => "RELR",
        (sh::SHT_GNU_ATTRIBUTES, _) => "GNU_ATTRIBUTES",
        (sh::SHT_GNU_HASH, _) => "GNU_HASH",
        (sh::SHT_GNU_LIBLIST, _) => "GNU_LIBLIST",
        (sh::SHT_GNU_VERDEF, _) => "VERDEF",
        (sh::SHT_GNU_VERNEED, _) => "VERNEED",
        (sh::SHT_GNU_VERSYM, _) => "VERSYM",
        (0x7000_0001, eh::EM_X86_64) => "X86_64_UNWIND",
        (0x7000_0001, eh::EM_ARM) => "ARM_EXIDX",
        (0x7000_0003, eh::EM_ARM) => "ARM_ATTRIBUTES",
        (0x7000_0003, eh::EM_AARCH64) => "AARCH64_ATTRIBUTES",
        (0x7000_0003, eh::EM_RISCV) => "RISCV_ATTRIBUTES",
        (0x7000_0006, eh::EM_MIPS) => "MIPS_REGINFO",
        (0x7000_000d, eh::EM_MIPS) => "MIPS_OPTIONS",
        (0x7000_002a, eh::EM_MIPS) => "MIPS_ABIFLAGS",
        _ => {
            return ranged(
                sh_type,
                &[
                    (sh::SHT_LOPROC, sh::SHT_HIPROC, "LOPROC"),
                    (sh::SHT_LOOS, sh::SHT_HIOS, "LOOS"),
                    (sh::SHT_LOUSER, u32::MAX, "LOUSER"),
                ],
            )
            .into();
        }
    };
    name.into()
}

/// `LOOS+0x12` for a number in a reserved range, `unknown 0x12` for any other.
fn ranged(number: u32, ranges: &[(u32, u32, &str)]) -> String {
    match ranges.iter().find(|(low, high, _)| (low..=high).contains(&&number)) {
        Some((low, _, name)) => format!("{name}+{:#x}", number - low),
        None => format!("unknown {number:#x}"),
    }
}

/// A segment's permissions in three places, `RWX` or `R-X`; other bits follow in hex.
pub fn segment_flags(p_flags: u32) -> String {
    let known = [(ph::PF_R, 'R'), (ph::PF_W, 'W'), (ph::PF_X, 'X')];
    let mut out: String = known.iter().map(|&(bit, letter)| if p_flags & bit == 0 { '-' } else { letter }).collect();
    let rest = p_flags & !(ph::PF_R | ph::PF_W | ph::PF_X);
    if rest != 0 {
        let _ = write!(out, "+{rest:#x}");
    }
    out
}

/// Flag bit, readelf's letter, and the word for it.
const SECTION_FLAGS: [(u64, char, &str); 13] = [
    (sh::SHF_WRITE as u64, 'W', "write"),
    (sh::SHF_ALLOC as u64, 'A', "alloc"),
    (sh::SHF_EXECINSTR as u64, 'X', "execute"),
    (sh::SHF_MERGE as u64, 'M', "merge"),
    (sh::SHF_STRINGS as u64, 'S', "strings"),
    (sh::SHF_INFO_LINK as u64, 'I', "info"),
    (sh::SHF_LINK_ORDER as u64, 'L', "link order"),
    (sh::SHF_OS_NONCONFORMING as u64, 'O', "extra OS processing required"),
    (sh::SHF_GROUP as u64, 'G', "group"),
    (sh::SHF_TLS as u64, 'T', "TLS"),
    (sh::SHF_COMPRESSED as u64, 'C', "compressed"),
    (0x0020_0000, 'R', "retain"),
    (sh::SHF_EXCLUDE as u64, 'E', "exclude"),
];

/// A section of x86-64 that may be further away than 2 GiB (x86-64 psABI, "Section Attribute Flags").
const SHF_X86_64_LARGE: u64 = 0x1000_0000;

fn is_large(sh_flags: u64, machine: u16) -> bool {
    machine == eh::EM_X86_64 && sh_flags & SHF_X86_64_LARGE != 0
}

/// A section's flags in readelf's letters and order, such as `WA`; `o` and `p` stand for other bits of the operating
/// system and the processor, `x` for each that is no one's.
pub fn section_flags(sh_flags: u64, machine: u16) -> String {
    let masks = [(u64::from(sh::SHF_MASKOS), 'o'), (u64::from(sh::SHF_MASKPROC), 'p')];
    let mut out = String::new();
    let mut rest = sh_flags;
    while rest != 0 {
        let bit = rest & rest.wrapping_neg();
        rest &= !bit;
        let known = SECTION_FLAGS.iter().find(|(known, ..)| *known == bit).map(|(_, letter, _)| *letter);
        out.push(match (known, masks.iter().find(|(mask, _)| mask & bit != 0)) {
            (Some(letter), _) => letter,
            (None, _) if is_large(bit, machine) => 'l',
            (None, Some((mask, letter))) => {
                rest &= !mask;
                *letter
            }
            (None, None) => 'x',
        });
    }
    out
}

/// A section's flags in words.
pub fn section_flags_in_words(sh_flags: u64, machine: u16) -> String {
    let mut words: Vec<String> =
        SECTION_FLAGS.iter().filter(|(bit, ..)| sh_flags & bit != 0).map(|(.., word)| (*word).to_owned()).collect();
    let mut rest = SECTION_FLAGS.iter().fold(sh_flags, |rest, (bit, ..)| rest & !bit);
    if is_large(rest, machine) {
        words.push("large".to_owned());
        rest &= !SHF_X86_64_LARGE;
    }
    if rest != 0 {
        words.push(format!("other bits {rest:#x}"));
    }
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_read_like_readelf() {
        assert_eq!(segment_flags(7), "RWX");
        assert_eq!(segment_flags(5), "R-X");
        assert_eq!(segment_flags(0x1000_0004), "R--+0x10000000");
        assert_eq!(section_flags(0x6, eh::EM_386), "AX");
        assert_eq!(section_flags(0x30, eh::EM_386), "MS");
        assert_eq!(section_flags(0x0100_0000 | 0x1000_0000 | 0x1_0000, eh::EM_386), "xop");
        assert_eq!(section_flags(0x1000_0003, eh::EM_X86_64), "WAl");
        assert_eq!(section_flags(0x8100_0002, eh::EM_X86_64), "AoE");
        assert_eq!(section_flags_in_words(0x3, eh::EM_386), "write, alloc");
        assert_eq!(section_flags_in_words(0, eh::EM_386), "none");
        assert_eq!(section_flags_in_words(0x1000_0000, eh::EM_X86_64), "large");
        assert_eq!(section_flags_in_words(0x1000_0000, eh::EM_386), "other bits 0x10000000");
    }

    #[test]
    fn types_depend_on_the_machine_and_unknown_ones_keep_their_number() {
        assert_eq!(segment_type(0x7000_0001, eh::EM_ARM), "EXIDX");
        assert_eq!(segment_type(0x7000_0001, eh::EM_386), "LOPROC+0x1");
        assert_eq!(segment_type(0x1234, eh::EM_386), "unknown 0x1234");
        assert_eq!(section_type(0x7000_0001, eh::EM_X86_64), "X86_64_UNWIND");
        assert_eq!(section_type(0x8000_0010, eh::EM_386), "LOUSER+0x10");
        assert_eq!(machine_or_number(0xbeef), "unknown machine 0xbeef");
    }
}
