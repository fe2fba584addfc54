//! A program in machine code that makes itself harmless and then becomes another, for the tests that have the kernel judge.

use std::path::Path;

/// Status of the starter when it may not do what makes a file harmless.
const NOT_ALLOWED: u8 = 127;

/// Machine code that is put together piece by piece, at a known address.
pub(super) struct Starter {
    code: Vec<u8>,
    data: Vec<u8>,
}

impl Starter {
    const BASE: u64 = 0x10_0000;
    const DATA: u64 = Self::BASE + 0x800;

    fn keep(&mut self, bytes: &[u8]) -> u64 {
        let at = Self::DATA + self.data.len() as u64;
        self.data.extend(bytes);
        self.data.resize(self.data.len().next_multiple_of(8), 0);
        at
    }

    /// A system call with these arguments.
    fn call(&mut self, number: u32, arguments: &[u64]) {
        self.code.push(0xb8);
        self.code.extend(number.to_le_bytes());
        // mov rdi, rsi, rdx, r10, r8, imm64
        for (prefix, argument) in
            [[0x48, 0xbf], [0x48, 0xbe], [0x48, 0xba], [0x49, 0xba], [0x49, 0xb8]].iter().zip(arguments)
        {
            self.code.extend(prefix);
            self.code.extend(argument.to_le_bytes());
        }
        self.code.extend([0x0f, 0x05]);
    }

    /// Ends the program unless the last call gave 0.
    fn or_end(&mut self) {
        // test eax, eax; jz +12; mov edi, NOT_ALLOWED; mov eax, 60; syscall
        self.code.extend([0x85, 0xc0, 0x74, 12, 0xbf, NOT_ALLOWED, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05]);
    }

    /// A program that makes itself harmless and then becomes `path`, or ends with the error's number.
    pub(super) fn program(path: &Path) -> Vec<u8> {
        const PRCTL: u32 = 157;
        let mut it = Self { code: Vec::new(), data: Vec::new() };
        it.call(PRCTL, &[38, 1, 0, 0, 0]); // PR_SET_NO_NEW_PRIVS
        it.or_end();
        // RLIMIT_CPU, FSIZE, CORE, NPROC
        for (limit, most) in [(0, 1_u64), (1, 0), (4, 0), (6, 0)] {
            let limits = it.keep(&[most.to_le_bytes(), most.to_le_bytes()].concat());
            it.call(160, &[limit, limits]);
            it.or_end();
        }
        let mut name = path.as_os_str().as_encoded_bytes().to_vec();
        name.push(0);
        let name = it.keep(&name);
        let arguments = it.keep(&[name.to_le_bytes(), 0_u64.to_le_bytes()].concat());
        let none = it.keep(&0_u64.to_le_bytes());
        let filter = filter(name as u32);
        let instructions = it.keep(&filter);
        let program = it.keep(&[(filter.len() as u64 / 8).to_le_bytes(), instructions.to_le_bytes()].concat());
        it.call(PRCTL, &[22, 2, program, 0, 0]); // PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        it.or_end();
        it.call(59, &[name, arguments, none]); // execve
        it.code.extend([0xf7, 0xd8, 0x89, 0xc7, 0xb8, 60, 0, 0, 0, 0x0f, 0x05]); // neg eax; mov edi, eax; exit
        let entry = Self::BASE + 120;
        let size = Self::DATA - Self::BASE + it.data.len() as u64;
        let mut file = header64(2, entry, &[[1, 5, 0, Self::BASE, Self::BASE, size, size, 4096]]);
        file.extend(&it.code);
        assert!(file.len() as u64 <= Self::DATA - Self::BASE);
        file.resize((Self::DATA - Self::BASE) as usize, 0);
        file.extend(&it.data);
        file
    }
}

/// The filter of system calls, in instructions of `linux/filter.h`: `exit` and `exit_group`, and `execve` with this name;
/// all else kills.
fn filter(name: u32) -> Vec<u8> {
    const LOAD: u16 = 0x20;
    const EQUALS: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const ALLOW: u32 = 0x7fff_0000;
    const KILL: u32 = 0x8000_0000;
    let program: [(u16, u8, u8, u32); 14] = [
        (LOAD, 0, 0, 4), // arch
        (EQUALS, 0, 6, 0xc000_003e),
        (LOAD, 0, 0, 0), // nr
        (EQUALS, 9, 0, 60),
        (EQUALS, 8, 0, 231),
        (EQUALS, 0, 6, 59),
        (LOAD, 0, 0, 16), // the low half of the first argument
        (EQUALS, 5, 4, name),
        (EQUALS, 0, 3, 0x4000_0003),
        (LOAD, 0, 0, 0),
        (EQUALS, 2, 0, 1),
        (EQUALS, 1, 0, 252),
        (RETURN, 0, 0, KILL),
        (RETURN, 0, 0, ALLOW),
    ];
    let bytes = program.into_iter().map(|(code, yes, no, k)| {
        let [low, high] = code.to_le_bytes();
        [&[low, high, yes, no][..], &k.to_le_bytes()].concat()
    });
    bytes.flatten().collect()
}

/// A 64-bit header with program headers in the order of their structure.
pub(super) fn header64(e_type: u16, entry: u64, segments: &[[u64; 8]]) -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend([&e_type.to_le_bytes()[..], &62_u16.to_le_bytes(), &1_u32.to_le_bytes()].concat());
    file.extend([entry.to_le_bytes(), 64_u64.to_le_bytes(), 0_u64.to_le_bytes()].concat());
    file.extend([0, 0, 0, 0, 64, 0, 56, 0]);
    file.extend([segments.len() as u8, 0, 64, 0, 0, 0, 0, 0]);
    for segment in segments {
        for (number, width) in segment.iter().zip([4, 4, 8, 8, 8, 8, 8, 8]) {
            file.extend(&number.to_le_bytes()[..width]);
        }
    }
    file
}

/// The same with 32 bits; the segments' numbers are in the order of the 64-bit structure.
pub(super) fn header32(e_type: u16, entry: u64, segments: &[[u64; 8]]) -> Vec<u8> {
    let mut file = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend([&e_type.to_le_bytes()[..], &3_u16.to_le_bytes(), &1_u32.to_le_bytes()].concat());
    file.extend([(entry as u32).to_le_bytes(), 52_u32.to_le_bytes(), 0_u32.to_le_bytes()].concat());
    file.extend([0, 0, 0, 0, 52, 0, 32, 0]);
    file.extend([segments.len() as u8, 0, 40, 0, 0, 0, 0, 0]);
    for &[kind, flags, offset, address, physical, in_file, in_memory, align] in segments {
        for number in [kind, offset, address, physical, in_file, in_memory, flags, align] {
            file.extend((number as u32).to_le_bytes());
        }
    }
    file
}
