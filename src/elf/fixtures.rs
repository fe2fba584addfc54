//! Hand-made ELF files for the tests, as plain numbers.

use super::layout::Endian;

/// A 45-byte i386 program that ends with status 42. Its program header begins at byte 4, inside the ELF header, and
/// the file ends in the middle of `e_phnum`. It runs on Linux.
pub(super) fn tiny45() -> Vec<u8> {
    let mut file = b"\x7fELF".to_vec();
    for word in [1, 0, 0x0001_0000_u32] {
        file.extend(word.to_le_bytes()); // p_type, p_offset, p_vaddr; EI_CLASS is 1, EI_DATA is 0
    }
    file.extend([2, 0, 3, 0]); // e_type, e_machine; p_paddr
    for word in [0x0001_0020, 0x0001_0020, 4_u32] {
        file.extend(word.to_le_bytes()); // e_version, e_entry, e_phoff; p_filesz, p_memsz, p_flags
    }
    file.extend([0xb3, 42, 0x31, 0xc0]); // mov bl, 42; xor eax, eax; e_shoff, p_align
    file.extend([0x40, 0xcd, 0x80, 0]); // inc eax; int 0x80; e_flags
    file.extend([0x34, 0, 0x20, 0, 1]); // e_ehsize, e_phentsize, half of e_phnum
    file
}

/// What a 64-bit x86 program looks like, in parts that a test may change.
pub(super) struct Program {
    pub(super) endian: Endian,
    pub(super) ident: [u8; 16],
    pub(super) e_type: u16,
    pub(super) machine: u16,
    pub(super) entry: u64,
    pub(super) ehsize: u16,
    pub(super) phentsize: u16,
    pub(super) segments: Vec<[u64; 8]>,
    pub(super) code: Vec<u8>,
}

pub(super) const BASE: u64 = 0x40_0000;

/// `mov al, 60; mov dil, 42; syscall`
pub(super) const EXIT_42: [u8; 7] = [0xb0, 60, 0x40, 0xb7, 42, 0x0f, 0x05];

/// A program header's numbers in the order of the 64-bit structure.
pub(super) fn load(flags: u64, offset: u64, address: u64, size: u64) -> [u64; 8] {
    [1, flags, offset, address, address, size, size, 0x1000]
}

impl Default for Program {
    fn default() -> Self {
        let mut ident = [0; 16];
        ident[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        Self {
            endian: Endian::Little,
            ident,
            e_type: 2,
            machine: 62,
            entry: BASE + 120,
            ehsize: 64,
            phentsize: 56,
            segments: vec![load(5, 0, BASE, 127)],
            code: EXIT_42.to_vec(),
        }
    }
}

impl Program {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut file = self.ident.to_vec();
        let mut put = |number: u64, width: usize| match self.endian {
            Endian::Little => file.extend(&number.to_le_bytes()[..width]),
            Endian::Big => file.extend(&number.to_be_bytes()[8 - width..]),
        };
        for (number, width) in [(self.e_type.into(), 2), (self.machine.into(), 2), (1, 4)] {
            put(number, width);
        }
        for (number, width) in [(self.entry, 8), (64, 8), (0, 8), (0, 4)] {
            put(number, width);
        }
        for half in [self.ehsize, self.phentsize, self.segments.len() as u16, 0, 0, 0] {
            put(half.into(), 2);
        }
        for segment in &self.segments {
            segment.iter().zip([4, 4, 8, 8, 8, 8, 8, 8]).for_each(|(number, width)| put(*number, width));
        }
        file.extend(&self.code);
        file
    }
}

/// [`Program`] with sections `.text` and `.shstrtab` and their table at the end.
pub(super) fn with_sections() -> Vec<u8> {
    let mut file = Program::default().bytes();
    let names = file.len() as u64;
    file.extend(b"\0.text\0.shstrtab\0");
    let names_size = file.len() as u64 - names;
    file.resize(file.len().next_multiple_of(8), 0);
    let table = file.len() as u64;
    let sections: [[u64; 10]; 3] =
        [[0; 10], [1, 1, 6, BASE + 120, 120, 7, 0, 0, 1, 0], [7, 3, 0, 0, names, names_size, 0, 0, 1, 0]];
    for section in sections {
        for (at, number) in section.into_iter().enumerate() {
            let width = if matches!(at, 0 | 1 | 6 | 7) { 4 } else { 8 };
            file.extend(&number.to_le_bytes()[..width]);
        }
    }
    file[40..48].copy_from_slice(&table.to_le_bytes());
    for (at, half) in [(58, 64_u16), (60, 3), (62, 2)] {
        file[at..at + 2].copy_from_slice(&half.to_le_bytes());
    }
    file
}

/// The header of a big-endian 32-bit MIPS program and nothing else.
pub(super) fn mips_header() -> Vec<u8> {
    let mut file = b"\x7fELF\x01\x02\x01".to_vec();
    file.resize(16, 0);
    file.extend([0, 2, 0, 8, 0, 0, 0, 1]);
    for word in [0x0040_0100, 52, 0, 0x7000_1007_u32] {
        file.extend(word.to_be_bytes());
    }
    for half in [52, 32, 2, 40, 0, 0_u16] {
        file.extend(half.to_be_bytes());
    }
    file
}

/// A 32-bit i386 program of `size` bytes all of which are its header tables: program headers from offset 0 on, folded
/// into the ELF header, and section headers over them; every number of them is `filler`, and the section that should
/// hold the names is the whole file.
pub(super) fn tables_over_each_other(size: usize, filler: u32) -> Vec<u8> {
    let mut file: Vec<u8> = filler.to_le_bytes().repeat(size.max(92).div_ceil(4));
    file[..20].copy_from_slice(b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x03\0");
    for (at, word) in [(24, 0x54_u32), (28, 0), (32, 52)] {
        file[at..at + 4].copy_from_slice(&word.to_le_bytes());
    }
    for (at, half) in [(42, 32_u16), (44, 0xfffe), (46, 40), (48, 0xfffe), (50, 0)] {
        file[at..at + 2].copy_from_slice(&half.to_le_bytes());
    }
    file
}
