//! Names for the numbers in ELF structures, as readelf prints them where that is plain enough.
//!
//! Numbers: gABI chapters 4 and 5, the processor supplements, and glibc's `elf.h` for what GNU adds.

use std::borrow::Cow;
use std::fmt::Write as _;

use goblin::elf::header as eh;
use goblin::elf::program_header as ph;
use goblin::elf::section_header as sh;

pub use super::machines::{machine, machine_or_number};

/// Machine 6: `EM_486` to the kernel (`include/uapi/linux/elf-em.h`), which runs it as i386; Intel MCU in the gABI.
pub const EM_486: u16 = 6;
/// What the meaning of a number depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberContext {
    /// `e_machine`.
    pub machine: u16,
    /// `EI_OSABI`.
    pub os_abi: u8,
}

/// Alpha's number in use; the gABI's own (41) never was.
pub const EM_ALPHA: u16 = 0x9026;

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

/// A segment's type; the processor's own types depend on the machine, the system's on the ABI.
pub fn segment_type(p_type: u32, target: NumberContext) -> Cow<'static, str> {
    let NumberContext { machine, os_abi } = target;
    if os_abi == eh::ELFOSABI_SOLARIS
        && let Some(name) = solaris_segment(p_type)
    {
        return name.into();
    }
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
        (0x65a4_1be6, _) => "OPENBSD_BOOTDATA",
        (0x7000_0000, eh::EM_MIPS | eh::EM_MIPS_RS3_LE) => "REGINFO",
        (0x7000_0001, eh::EM_MIPS | eh::EM_MIPS_RS3_LE) => "RTPROC",
        (0x7000_0002, eh::EM_MIPS | eh::EM_MIPS_RS3_LE) => "OPTIONS",
        (0x7000_0003, eh::EM_MIPS | eh::EM_MIPS_RS3_LE) => "ABIFLAGS",
        (0x7000_0000, eh::EM_PARISC) => "PARISC_ARCHEXT",
        (0x7000_0001, eh::EM_PARISC) => "PARISC_UNWIND",
        (0x7000_0002, eh::EM_PARISC) => "PARISC_WEAKORDER",
        (0x7000_0000, eh::EM_S390 | 0xa390) => "S390_PGSTE",
        (0x7000_0000, eh::EM_IA_64) => "IA_64_ARCHEXT",
        (0x7000_0001, eh::EM_IA_64) => "IA_64_UNWIND",
        (0x7000_0000, eh::EM_TI_C6000) => "C6000_PHATTR",
        (0x7000_0000, eh::EM_AARCH64) => "AARCH64_ARCHEXT",
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

fn solaris_segment(p_type: u32) -> Option<&'static str> {
    Some(match p_type {
        0x6464_e550 => "SUNW_UNWIND",
        0x6474_e550 => "SUNW_EH_FRAME",
        ph::PT_SUNWBSS => "SUNWBSS",
        ph::PT_SUNWSTACK => "SUNWSTACK",
        0x6fff_fffc => "SUNWDTRACE",
        0x6fff_fffd => "SUNWCAP",
        _ => return None,
    })
}

/// The names of Solaris for what are GNU's numbers elsewhere (Oracle's "Linkers and Libraries Guide", "Sections").
fn solaris_section(sh_type: u32) -> Option<&'static str> {
    Some(match sh_type {
        0x6fff_ffee => "SUNW_ancillary",
        0x6fff_ffef => "SUNW_capchain",
        0x6fff_fff0 => "SUNW_capinfo",
        0x6fff_fff1 => "SUNW_symsort",
        0x6fff_fff2 => "SUNW_tlssort",
        0x6fff_fff3 => "SUNW_LDYNSYM",
        0x6fff_fff4 => "SUNW_dof",
        0x6fff_fff5 => "SUNW_cap",
        0x6fff_fff6 => "SUNW_SIGNATURE",
        0x6fff_fff7 => "SUNW_ANNOTATE",
        0x6fff_fff8 => "SUNW_DEBUGSTR",
        0x6fff_fff9 => "SUNW_DEBUG",
        0x6fff_fffa => "SUNW_move",
        0x6fff_fffb => "SUNW_COMDAT",
        0x6fff_fffc => "SUNW_syminfo",
        0x6fff_fffd => "SUNW_verdef",
        0x6fff_fffe => "SUNW_verneed",
        0x6fff_ffff => "SUNW_versym",
        _ => return None,
    })
}

/// What MIPS calls its section types, from `SHT_LOPROC` on; empty where a number has no name (MIPS psABI, SGI's
/// `elfconst.h`).
const MIPS_SECTIONS: [&str; 44] = [
    "LIBLIST",
    "MSYM",
    "CONFLICT",
    "GPTAB",
    "UCODE",
    "DEBUG",
    "REGINFO",
    "PACKAGE",
    "PACKSYM",
    "RELD",
    "",
    "IFACE",
    "CONTENT",
    "OPTIONS",
    "",
    "",
    "SHDR",
    "FDESC",
    "EXTSYM",
    "DENSE",
    "PDESC",
    "LOCSYM",
    "AUXSYM",
    "OPTSYM",
    "LOCSTR",
    "LINE",
    "RFDESC",
    "DELTASYM",
    "DELTAINST",
    "DELTACLASS",
    "DWARF",
    "DELTADECL",
    "SYMBOL_LIB",
    "EVENTS",
    "TRANSLATE",
    "PIXIE",
    "XLATE",
    "XLATE_DEBUG",
    "WHIRL",
    "EH_REGION",
    "XLATE_OLD",
    "PDR_EXCEPTION",
    "ABIFLAGS",
    "XHASH",
];

/// The processor's own section types.
fn processor_section(sh_type: u32, machine: u16) -> Option<Cow<'static, str>> {
    let number = sh_type.checked_sub(sh::SHT_LOPROC)?;
    if matches!(machine, eh::EM_MIPS | eh::EM_MIPS_RS3_LE) {
        let name = MIPS_SECTIONS.get(number as usize).filter(|name| !name.is_empty())?;
        return Some(format!("MIPS_{name}").into());
    }
    Some(
        match (number, machine) {
            (0, eh::EM_PARISC) => "PARISC_EXT",
            (1, eh::EM_PARISC) => "PARISC_UNWIND",
            (2, eh::EM_PARISC) => "PARISC_DOC",
            (3, eh::EM_PARISC) => "PARISC_ANNOT",
            (4, eh::EM_PARISC) => "PARISC_DLKM",
            (8, eh::EM_PARISC) => "PARISC_SYMEXTN",
            (9, eh::EM_PARISC) => "PARISC_STUBS",
            (0, eh::EM_IA_64) => "IA_64_EXT",
            (1, eh::EM_IA_64) => "IA_64_UNWIND",
            (0, eh::EM_V800 | eh::EM_V850 | 0x9080) => "V850 Small Common",
            (1, eh::EM_V800 | eh::EM_V850 | 0x9080) => "V850 Tiny Common",
            (2, eh::EM_V800 | eh::EM_V850 | 0x9080) => "V850 Zero Common",
            (1, eh::EM_X86_64 | 180 | 181) => "X86_64_UNWIND",
            (1, eh::EM_ARM) => "ARM_EXIDX",
            (2, eh::EM_ARM) => "ARM_PREEMPTMAP",
            (3, eh::EM_ARM) => "ARM_ATTRIBUTES",
            (4, eh::EM_ARM) => "ARM_DEBUGOVERLAY",
            (5, eh::EM_ARM) => "ARM_OVERLAYSECTION",
            (1, eh::EM_ARC | eh::EM_ARC_COMPACT | eh::EM_ARC_COMPACT2) => "ARC_ATTRIBUTES",
            (3, eh::EM_MSP430) => "MSP430_ATTRIBUTES",
            (1, eh::EM_TI_C6000) => "C6000_UNWIND",
            (2, eh::EM_TI_C6000) => "C6000_PREEMPTMAP",
            (3, eh::EM_TI_C6000) => "C6000_ATTRIBUTES",
            (3, eh::EM_AARCH64) => "AARCH64_ATTRIBUTES",
            (3, eh::EM_RISCV) => "RISCV_ATTRIBUTES",
            (1, EM_NFP) => "NFP_MECONFIG",
            (2, EM_NFP) => "NFP_INITREG",
            (1, eh::EM_CSKY) => "CSKY_ATTRIBUTES",
            _ => return None,
        }
        .into(),
    )
}

/// Netronome's number.
const EM_NFP: u16 = 250;

/// A section's type; the processor's own types depend on the machine, the system's on the ABI.
pub fn section_type(sh_type: u32, target: NumberContext) -> Cow<'static, str> {
    let NumberContext { machine, os_abi } = target;
    let solaris = if os_abi == eh::ELFOSABI_SOLARIS { solaris_section(sh_type) } else { None };
    if let Some(name) = solaris.map(Cow::from).or_else(|| processor_section(sh_type, machine)) {
        return name;
    }
    let name = match sh_type {
        sh::SHT_NULL => "NULL",
        sh::SHT_PROGBITS => "PROGBITS",
        sh::SHT_SYMTAB => "SYMTAB",
        sh::SHT_STRTAB => "STRTAB",
        sh::SHT_RELA => "RELA",
        sh::SHT_HASH => "HASH",
        sh::SHT_DYNAMIC => "DYNAMIC",
        sh::SHT_NOTE => "NOTE",
        sh::SHT_NOBITS => "NOBITS",
        sh::SHT_REL => "REL",
        sh::SHT_SHLIB => "SHLIB",
        sh::SHT_DYNSYM => "DYNSYM",
        sh::SHT_INIT_ARRAY => "INIT_ARRAY",
        sh::SHT_FINI_ARRAY => "FINI_ARRAY",
        sh::SHT_PREINIT_ARRAY => "PREINIT_ARRAY",
        sh::SHT_GROUP => "GROUP",
        sh::SHT_SYMTAB_SHNDX => "SYMTAB SECTION INDICES",
        19 => "RELR",
        sh::SHT_GNU_ATTRIBUTES => "GNU_ATTRIBUTES",
        sh::SHT_GNU_HASH => "GNU_HASH",
        sh::SHT_GNU_LIBLIST => "GNU_LIBLIST",
        sh::SHT_GNU_VERDEF => "VERDEF",
        sh::SHT_GNU_VERNEED => "VERNEED",
        sh::SHT_GNU_VERSYM => "VERSYM",
        0x6000_0001 => "ANDROID_REL",
        0x6000_0002 => "ANDROID_RELA",
        0x6fff_4700 => "GNU_INCREMENTAL_INPUTS",
        0x6fff_4c00 => "LLVM_ODRTAB",
        0x6fff_4c01 => "LLVM_LINKER_OPTIONS",
        0x6fff_4c03 => "LLVM_ADDRSIG",
        0x6fff_ff00 => "ANDROID_RELR",
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
        let on = |machine| NumberContext { machine, os_abi: 0 };
        assert_eq!(segment_type(0x7000_0001, on(eh::EM_ARM)), "EXIDX");
        assert_eq!(segment_type(0x7000_0001, on(eh::EM_386)), "LOPROC+0x1");
        assert_eq!(segment_type(0x1234, on(eh::EM_386)), "unknown 0x1234");
        assert_eq!(section_type(0x7000_0001, on(eh::EM_X86_64)), "X86_64_UNWIND");
        assert_eq!(section_type(0x7000_002a, on(eh::EM_MIPS)), "MIPS_ABIFLAGS");
        assert_eq!(section_type(0x7000_000a, on(eh::EM_MIPS)), "LOPROC+0xa");
        assert_eq!(section_type(0x8000_0010, on(eh::EM_386)), "LOUSER+0x10");
    }

    #[test]
    fn types_of_the_system_depend_on_the_abi() {
        let on = |os_abi| NumberContext { machine: eh::EM_386, os_abi };
        let (gnu, solaris) = (on(eh::ELFOSABI_GNU), on(eh::ELFOSABI_SOLARIS));
        assert_eq!(
            (section_type(0x6fff_fff6, gnu), section_type(0x6fff_fff6, solaris)),
            ("GNU_HASH".into(), "SUNW_SIGNATURE".into())
        );
        assert_eq!(
            (segment_type(0x6fff_fffb, gnu), segment_type(0x6fff_fffb, solaris)),
            ("LOOS+0xffffffb".into(), "SUNWSTACK".into())
        );
    }
}
