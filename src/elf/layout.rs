//! Word size and byte order of an ELF file, and how they were decided when `e_ident` cannot be believed.
//!
//! `e_ident` says both (gABI, "ELF Identification"), but the x86 loaders of Linux never look: `load_elf_binary` in
//! `fs/binfmt_elf.c` compares the four magic bytes, then `e_type`, `e_machine` and `e_phentsize`. A file that lies in
//! `e_ident` runs all the same, so the machine has the last word here wherever it settles the question.

use goblin::elf::header::{
    EI_CLASS, EI_DATA, ELFCLASS32, ELFCLASS64, ELFDATA2LSB, ELFDATA2MSB, EM_386, EM_AARCH64, EM_BPF, EM_IA_64,
    EM_PPC64, EM_SPARCV9, EM_X86_64,
};
use serde::Serialize;

use super::names::{self, EM_486, EM_ALPHA};

/// Offset of `e_machine`, the same in both classes.
const MACHINE_AT: usize = 18;
/// Offset of `e_version`, the same in both classes.
const VERSION_AT: usize = 20;

/// Word size of the file's structures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Class {
    /// 32-bit structures.
    #[serde(rename = "ELF32")]
    Elf32,
    /// 64-bit structures.
    #[serde(rename = "ELF64")]
    Elf64,
}

impl Class {
    /// Its name in the specification.
    pub fn name(self) -> &'static str {
        match self {
            Self::Elf32 => "ELF32",
            Self::Elf64 => "ELF64",
        }
    }
}

/// Byte order of the file's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Endian {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

impl Endian {
    /// The other one.
    fn other(self) -> Self {
        match self {
            Self::Little => Self::Big,
            Self::Big => Self::Little,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Little => "little-endian",
            Self::Big => "big-endian",
        }
    }
}

/// What decided the word size or the byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The byte in `e_ident`, as the specification wants it.
    Ident,
    /// `e_machine`, because `e_ident` says something else or nothing.
    Machine,
    /// `e_version`, which is 1 in one order and not in the other.
    Version,
    /// `e_phentsize`, which is 32 in one layout and 56 in the other.
    ProgramHeaderSize,
    /// Nothing in the file; the commoner case was taken.
    Guess,
}

/// How the bytes of the file's structures are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ElfLayout {
    /// Word size.
    pub class: Class,
    /// What decided the word size.
    pub class_basis: Basis,
    /// Byte order.
    pub endian: Endian,
    /// What decided the byte order.
    pub endian_basis: Basis,
}

impl ElfLayout {
    /// Decides from the first 64 bytes of the file, or as many as there are.
    pub fn decide(head: &[u8]) -> Self {
        let (endian, endian_basis) = endian(head);
        let (class, class_basis) = class(head, endian);
        Self { class, class_basis, endian, endian_basis }
    }

    /// Bytes an ELF header takes: 52 or 64.
    pub fn header_size(self) -> u64 {
        self.either(52, 64)
    }

    /// Bytes a program header takes: 32 or 56.
    pub fn program_header_size(self) -> u64 {
        self.either(32, 56)
    }

    /// Bytes a section header takes: 40 or 64.
    pub fn section_header_size(self) -> u64 {
        self.either(40, 64)
    }

    /// Bits of an address: 32 or 64.
    pub fn bits(self) -> u32 {
        self.either(32, 64)
    }

    /// The number in `raw`, a field of `length` bytes (at most 8); bytes that are not there count as zeros, as they do
    /// for the kernel, which reads a header into a zeroed buffer.
    pub(super) fn number(self, raw: &[u8], length: usize) -> u64 {
        let mut bytes = [0; 8];
        let length = length.min(bytes.len());
        let raw = raw.get(..length).unwrap_or(raw);
        let start = if self.endian == Endian::Big { bytes.len() - length } else { 0 };
        if let Some(place) = bytes.get_mut(start..start + raw.len()) {
            place.copy_from_slice(raw);
        }
        if self.endian == Endian::Big { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) }
    }

    fn either<T>(self, elf32: T, elf64: T) -> T {
        match self.class {
            Class::Elf32 => elf32,
            Class::Elf64 => elf64,
        }
    }
}

fn half(head: &[u8], at: usize, endian: Endian) -> Option<u16> {
    let pair = head.get(at..at + 2)?.try_into().ok()?;
    Some(match endian {
        Endian::Little => u16::from_le_bytes(pair),
        Endian::Big => u16::from_be_bytes(pair),
    })
}

fn word(head: &[u8], at: usize, endian: Endian) -> Option<u32> {
    let bytes = head.get(at..at + 4)?.try_into().ok()?;
    Some(match endian {
        Endian::Little => u32::from_le_bytes(bytes),
        Endian::Big => u32::from_be_bytes(bytes),
    })
}

pub(super) fn is_x86(machine: u16) -> bool {
    matches!(machine, EM_386 | EM_486 | EM_X86_64)
}

fn endian(head: &[u8]) -> (Endian, Basis) {
    let claimed = match head.get(EI_DATA) {
        Some(&ELFDATA2LSB) => Some(Endian::Little),
        Some(&ELFDATA2MSB) => Some(Endian::Big),
        _ => None,
    };
    let known = |endian| half(head, MACHINE_AT, endian).is_some_and(|m| m != 0 && names::machine(m).is_some());
    if half(head, MACHINE_AT, Endian::Little).is_some_and(is_x86) {
        return (Endian::Little, if claimed == Some(Endian::Little) { Basis::Ident } else { Basis::Machine });
    }
    // The kernel of a machine reads its own order whatever is claimed; of the rest a version of 1 tells the order, since
    // some machines' numbers are others' with their bytes swapped (Kalray's 0x0100).
    let is_current = |endian| word(head, VERSION_AT, endian) == Some(1);
    match claimed {
        Some(endian) if is_current(endian) => return (endian, Basis::Ident),
        _ if is_current(Endian::Little) => return (Endian::Little, Basis::Version),
        _ if is_current(Endian::Big) => return (Endian::Big, Basis::Version),
        _ => {}
    }
    match claimed {
        // An order in which no machine is meant loses to one in which a machine is.
        Some(endian) if known(endian) || !known(endian.other()) => (endian, Basis::Ident),
        _ if known(Endian::Little) => (Endian::Little, Basis::Machine),
        _ if known(Endian::Big) => (Endian::Big, Basis::Machine),
        _ => (Endian::Little, Basis::Guess),
    }
}

fn class(head: &[u8], endian: Endian) -> (Class, Basis) {
    let claimed = match head.get(EI_CLASS) {
        Some(&ELFCLASS32) => Some(Class::Elf32),
        Some(&ELFCLASS64) => Some(Class::Elf64),
        _ => None,
    };
    // Where e_phentsize stands in each layout, and what it must be there.
    let by_entry_size = if half(head, 54, endian) == Some(56) {
        Some(Class::Elf64)
    } else if half(head, 42, endian) == Some(32) {
        Some(Class::Elf32)
    } else {
        None
    };
    let machine = half(head, MACHINE_AT, endian).unwrap_or(0);
    let decided = |class, basis| (class, if claimed == Some(class) { Basis::Ident } else { basis });
    match machine {
        EM_386 | EM_486 => decided(Class::Elf32, Basis::Machine),
        // EM_X86_64 in 32-bit structures is the x32 ABI; the program headers tell it from a lie in e_ident.
        EM_X86_64 if claimed == Some(Class::Elf32) => match by_entry_size {
            Some(Class::Elf64) => (Class::Elf64, Basis::ProgramHeaderSize),
            _ => (Class::Elf32, Basis::Ident),
        },
        EM_X86_64 => decided(Class::Elf64, Basis::Machine),
        _ => match (claimed, by_entry_size) {
            (Some(class), _) => (class, Basis::Ident),
            (None, Some(class)) => (class, Basis::ProgramHeaderSize),
            (None, None) => match machine {
                EM_AARCH64 | EM_ALPHA | EM_BPF | EM_IA_64 | EM_PPC64 | EM_SPARCV9 => (Class::Elf64, Basis::Machine),
                _ => (Class::Elf32, Basis::Guess),
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(class: u8, data: u8, machine: [u8; 2]) -> Vec<u8> {
        let mut head = vec![0; 64];
        head[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, data]);
        head[18..20].copy_from_slice(&machine);
        head
    }

    fn decided(head: &[u8]) -> (Class, Basis, Endian, Basis) {
        let layout = ElfLayout::decide(head);
        (layout.class, layout.class_basis, layout.endian, layout.endian_basis)
    }

    #[test]
    fn an_honest_ident_decides() {
        assert_eq!(decided(&head(2, 1, [62, 0])), (Class::Elf64, Basis::Ident, Endian::Little, Basis::Ident));
        assert_eq!(decided(&head(1, 1, [3, 0])), (Class::Elf32, Basis::Ident, Endian::Little, Basis::Ident));
        assert_eq!(decided(&head(1, 2, [0, 8])), (Class::Elf32, Basis::Ident, Endian::Big, Basis::Ident));
        assert_eq!(decided(&head(1, 1, [62, 0])), (Class::Elf32, Basis::Ident, Endian::Little, Basis::Ident));
    }

    #[test]
    fn on_x86_the_machine_overrules_a_lying_ident() {
        assert_eq!(decided(&head(2, 2, [3, 0])), (Class::Elf32, Basis::Machine, Endian::Little, Basis::Machine));
        assert_eq!(decided(&head(0, 0, [62, 0])), (Class::Elf64, Basis::Machine, Endian::Little, Basis::Machine));
        let mut lying = head(1, 1, [62, 0]);
        lying[54] = 56;
        assert_eq!(decided(&lying).0, Class::Elf64);
        assert_eq!(decided(&lying).1, Basis::ProgramHeaderSize);
    }

    #[test]
    fn without_an_ident_what_is_left_decides() {
        assert_eq!(decided(&head(0, 0, [0, 8])), (Class::Elf32, Basis::Guess, Endian::Big, Basis::Machine));
        assert_eq!(decided(&head(0, 0, [183, 0])), (Class::Elf64, Basis::Machine, Endian::Little, Basis::Machine));
        assert_eq!(decided(b"\x7fELF"), (Class::Elf32, Basis::Guess, Endian::Little, Basis::Guess));
    }

    #[test]
    fn an_order_in_which_the_machine_is_none_gives_way_to_the_other() {
        assert_eq!(decided(&head(2, 1, [0, 62])), (Class::Elf64, Basis::Ident, Endian::Big, Basis::Machine));
        assert_eq!(decided(&head(2, 2, [183, 0])), (Class::Elf64, Basis::Ident, Endian::Little, Basis::Machine));
        assert_eq!(decided(&head(1, 1, [0, 8])), (Class::Elf32, Basis::Ident, Endian::Big, Basis::Machine));
        assert_eq!(decided(&head(1, 2, [8, 0])), (Class::Elf32, Basis::Ident, Endian::Little, Basis::Machine));
        assert_eq!(decided(&head(1, 2, [0xbe, 0xef])), (Class::Elf32, Basis::Ident, Endian::Big, Basis::Ident));
    }

    #[test]
    fn the_version_tells_the_order_where_a_number_is_a_machine_in_both() {
        let kalray = |data| {
            let mut head = head(1, data, [0, 1]);
            head[20] = 1;
            head
        };
        assert_eq!(decided(&kalray(1)), (Class::Elf32, Basis::Ident, Endian::Little, Basis::Ident));
        assert_eq!(decided(&kalray(2)), (Class::Elf32, Basis::Ident, Endian::Little, Basis::Version));
    }

    #[test]
    fn numbers_are_read_in_both_orders_and_padded_with_zeros() {
        let mut layout = ElfLayout::decide(&head(1, 1, [3, 0]));
        assert_eq!(layout.number(&[1, 2], 2), 0x0201);
        assert_eq!(layout.number(&[1], 2), 1);
        layout.endian = Endian::Big;
        assert_eq!(layout.number(&[1, 2], 2), 0x0102);
        assert_eq!(layout.number(&[1], 2), 0x0100);
        assert_eq!(layout.number(&[0xff; 9], 9), u64::MAX);
    }
}
