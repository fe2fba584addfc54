//! What `e_flags` says, in readelf's words, machine by machine.
//!
//! Numbers: the processor supplements (psABI) of ARM, MIPS, PowerPC, RISC-V, `LoongArch`, SPARC, IA-64 and others, and
//! glibc's `elf.h`.

use goblin::elf::header as eh;

/// Bits that are looked at, what they must be, and what that means.
type FlagName = (u32, u32, &'static str);

const fn bit(bit: u32, word: &'static str) -> FlagName {
    (bit, bit, word)
}

/// The version of ARM's EABI (`EF_ARM_EABIMASK`).
const ARM_EABI: u32 = 0xff00_0000;
const ARM_GNU: &[FlagName] = &[
    (ARM_EABI, 0, "GNU EABI"),
    bit(0x1, "relocatable executable"),
    bit(0x4, "interworking enabled"),
    bit(0x8, "uses APCS/26"),
    bit(0x10, "uses APCS/float"),
    bit(0x20, "position independent"),
    bit(0x40, "8 bit structure alignment"),
    bit(0x80, "uses new ABI"),
    bit(0x100, "uses old ABI"),
    bit(0x200, "software FP"),
    bit(0x400, "VFP"),
    bit(0x800, "Maverick FP"),
];
const ARM: &[FlagName] = &[
    (ARM_EABI, 0x0100_0000, "Version1 EABI"),
    (ARM_EABI, 0x0200_0000, "Version2 EABI"),
    (ARM_EABI, 0x0300_0000, "Version3 EABI"),
    (ARM_EABI, 0x0400_0000, "Version4 EABI"),
    (ARM_EABI, 0x0500_0000, "Version5 EABI"),
    bit(0x1, "relocatable executable"),
    bit(0x4, "sorted symbol tables"),
    bit(0x8, "dynamic symbols use segment index"),
    bit(0x10, "mapping symbols precede others"),
    bit(0x20, "position independent"),
    bit(0x200, "soft-float ABI"),
    bit(0x400, "hard-float ABI"),
    bit(0x0080_0000, "BE8"),
    bit(0x0040_0000, "LE8"),
];
const MIPS_MACHINE: u32 = 0x00ff_0000;
const MIPS_ABI: u32 = 0xf000;
const MIPS_ARCH: u32 = 0xf000_0000;
const MIPS: &[FlagName] = &[
    bit(0x1, "noreorder"),
    bit(0x2, "pic"),
    bit(0x4, "cpic"),
    bit(0x10, "ugen_reserved"),
    bit(0x20, "abi2"),
    bit(0x80, "odk first"),
    bit(0x100, "32bitmode"),
    bit(0x200, "fp64"),
    bit(0x400, "nan2008"),
    (MIPS_MACHINE, 0x0081_0000, "3900"),
    (MIPS_MACHINE, 0x0082_0000, "4010"),
    (MIPS_MACHINE, 0x0083_0000, "4100"),
    (MIPS_MACHINE, 0x0085_0000, "4650"),
    (MIPS_MACHINE, 0x0087_0000, "4120"),
    (MIPS_MACHINE, 0x0088_0000, "4111"),
    (MIPS_MACHINE, 0x008a_0000, "sb1"),
    (MIPS_MACHINE, 0x008b_0000, "octeon"),
    (MIPS_MACHINE, 0x008c_0000, "xlr"),
    (MIPS_MACHINE, 0x008d_0000, "octeon2"),
    (MIPS_MACHINE, 0x008e_0000, "octeon3"),
    (MIPS_MACHINE, 0x0091_0000, "5400"),
    (MIPS_MACHINE, 0x0092_0000, "5900"),
    (MIPS_MACHINE, 0x0093_0000, "interaptiv-mr2"),
    (MIPS_MACHINE, 0x0098_0000, "5500"),
    (MIPS_MACHINE, 0x0099_0000, "9000"),
    (MIPS_MACHINE, 0x00a0_0000, "loongson-2e"),
    (MIPS_MACHINE, 0x00a1_0000, "loongson-2f"),
    (MIPS_MACHINE, 0x00a2_0000, "gs464"),
    (MIPS_MACHINE, 0x00a3_0000, "gs464e"),
    (MIPS_MACHINE, 0x00a4_0000, "gs264e"),
    (MIPS_ABI, 0x1000, "o32"),
    (MIPS_ABI, 0x2000, "o64"),
    (MIPS_ABI, 0x3000, "eabi32"),
    (MIPS_ABI, 0x4000, "eabi64"),
    bit(0x0800_0000, "mdmx"),
    bit(0x0400_0000, "mips16"),
    bit(0x0200_0000, "micromips"),
    (MIPS_ARCH, 0, "mips1"),
    (MIPS_ARCH, 0x1000_0000, "mips2"),
    (MIPS_ARCH, 0x2000_0000, "mips3"),
    (MIPS_ARCH, 0x3000_0000, "mips4"),
    (MIPS_ARCH, 0x4000_0000, "mips5"),
    (MIPS_ARCH, 0x5000_0000, "mips32"),
    (MIPS_ARCH, 0x6000_0000, "mips64"),
    (MIPS_ARCH, 0x7000_0000, "mips32r2"),
    (MIPS_ARCH, 0x8000_0000, "mips64r2"),
    (MIPS_ARCH, 0x9000_0000, "mips32r6"),
    (MIPS_ARCH, 0xa000_0000, "mips64r6"),
];
const PPC: &[FlagName] = &[bit(0x8000_0000, "emb"), bit(0x1_0000, "relocatable"), bit(0x8000, "relocatable-lib")];
const PPC64: &[FlagName] = &[(3, 1, "abiv1"), (3, 2, "abiv2"), (3, 3, "abiv3")];
const S390: &[FlagName] = &[bit(1, "highgprs")];
const RISCV: &[FlagName] = &[
    bit(0x1, "RVC"),
    bit(0x8, "RVE"),
    bit(0x10, "TSO"),
    (6, 0, "soft-float ABI"),
    (6, 2, "single-float ABI"),
    (6, 4, "double-float ABI"),
    (6, 6, "quad-float ABI"),
];
const LOONGARCH: &[FlagName] = &[
    (7, 1, "SOFT-FLOAT"),
    (7, 2, "SINGLE-FLOAT"),
    (7, 3, "DOUBLE-FLOAT"),
    (0xc0, 0, "OBJ-v0"),
    (0xc0, 0x40, "OBJ-v1"),
];
const SPARC: &[FlagName] = &[
    bit(0x100, "v8+"),
    bit(0x200, "ultrasparcI"),
    bit(0x400, "halr1"),
    bit(0x800, "ultrasparcIII"),
    bit(0x80_0000, "ledata"),
];
/// The same, and the order of memory accesses that the program is made for.
const SPARCV9: &[FlagName] = &[
    bit(0x100, "v8+"),
    bit(0x200, "ultrasparcI"),
    bit(0x400, "halr1"),
    bit(0x800, "ultrasparcIII"),
    bit(0x80_0000, "ledata"),
    (3, 0, "tso"),
    (3, 1, "pso"),
    (3, 2, "rmo"),
];
const IA64: &[FlagName] = &[
    (0x10, 0x10, "64-bit"),
    (0x10, 0, "32-bit"),
    bit(0x20, "reduced fp model"),
    (0xc0, 0x80, "no function descriptors, constant gp"),
    (0xc0, 0x40, "constant gp"),
    bit(0x100, "absolute"),
];
const PARISC: &[FlagName] = &[
    (0xffff, 0x20b, "PA-RISC 1.0"),
    (0xffff, 0x210, "PA-RISC 1.1"),
    (0xffff, 0x214, "PA-RISC 2.0"),
    bit(0x1_0000, "trapnil"),
    bit(0x2_0000, "ext"),
    bit(0x4_0000, "lsb"),
    bit(0x8_0000, "wide"),
    bit(0x10_0000, "no kabp"),
    bit(0x40_0000, "lazyswap"),
];
const SH: &[FlagName] = &[
    (0x1f, 0x1, "sh1"),
    (0x1f, 0x2, "sh2"),
    (0x1f, 0x3, "sh3"),
    (0x1f, 0x4, "sh-dsp"),
    (0x1f, 0x5, "sh3-dsp"),
    (0x1f, 0x6, "sh4al-dsp"),
    (0x1f, 0x8, "sh3e"),
    (0x1f, 0x9, "sh4"),
    (0x1f, 0xb, "sh2e"),
    (0x1f, 0xc, "sh4a"),
    (0x1f, 0xd, "sh2a"),
    (0x1f, 0x10, "sh4-nofpu"),
    (0x1f, 0x11, "sh4a-nofpu"),
    (0x1f, 0x12, "sh4-nommu-nofpu"),
    (0x1f, 0x13, "sh2a-nofpu"),
    (0x1f, 0x14, "sh3-nommu"),
    bit(0x100, "pic"),
    bit(0x8000, "fdpic"),
];
const M68K: &[FlagName] = &[
    bit(0x0100_0000, "m68000"),
    bit(0x0081_0000, "cpu32"),
    bit(0x0200_0000, "fido_a"),
    (0x0f, 0x1, "cf, isa A, nodiv"),
    (0x0f, 0x2, "cf, isa A"),
    (0x0f, 0x3, "cf, isa A+"),
    (0x0f, 0x4, "cf, isa B, nousp"),
    (0x0f, 0x5, "cf, isa B"),
    (0x0f, 0x6, "cf, isa C"),
    (0x0f, 0x7, "cf, isa C, nodiv"),
    (0x30, 0x10, "mac"),
    (0x30, 0x20, "emac"),
    (0x30, 0x30, "emac_b"),
    bit(0x40, "float"),
];
const ARC_OS: u32 = 0xf00;
const ARC: &[FlagName] = &[
    (0xff, 0x2, "ARC600"),
    (0xff, 0x3, "ARC700"),
    (0xff, 0x4, "ARC601"),
    (0xff, 0x5, "ARC EM"),
    (0xff, 0x6, "ARC HS"),
    (ARC_OS, 0, "(ABI:legacy)"),
    (ARC_OS, 0x200, "(ABI:v2)"),
    (ARC_OS, 0x300, "v3 no-legacy-syscalls ABI"),
    (ARC_OS, 0x400, "v4 ABI"),
];
const AVR: &[FlagName] = &[
    (0x7f, 1, "avr:1"),
    (0x7f, 2, "avr:2"),
    (0x7f, 25, "avr:25"),
    (0x7f, 3, "avr:3"),
    (0x7f, 31, "avr:31"),
    (0x7f, 35, "avr:35"),
    (0x7f, 4, "avr:4"),
    (0x7f, 5, "avr:5"),
    (0x7f, 51, "avr:51"),
    (0x7f, 6, "avr:6"),
    (0x7f, 100, "avr:100"),
    (0x7f, 101, "avr:101"),
    (0x7f, 102, "avr:102"),
    (0x7f, 103, "avr:103"),
    (0x7f, 104, "avr:104"),
    (0x7f, 105, "avr:105"),
    (0x7f, 106, "avr:106"),
    (0x7f, 107, "avr:107"),
    bit(0x80, "link-relax"),
];
const BLACKFIN: &[FlagName] = &[bit(0x1, "PIC"), bit(0x2, "FDPIC"), bit(0x10, "code in L1"), bit(0x20, "data in L1")];
const RENESAS_RX: &[FlagName] = &[
    bit(0x1, "64-bit doubles"),
    bit(0x2, "dsp"),
    bit(0x4, "pid"),
    bit(0x8, "RX ABI"),
    bit(0x40, "bans String instructions"),
    bit(0x100, "V2"),
    bit(0x200, "V3"),
];
const RL78: &[FlagName] = &[bit(0x1, "64-bit doubles"), (0xc, 0x4, "G10"), (0xc, 0x8, "G13"), (0xc, 0xc, "G14")];
const VAX: &[FlagName] = &[bit(0x1, "non-PIC"), bit(0x100, "D-Float"), bit(0x200, "G-Float")];
const OPENRISC: &[FlagName] = &[bit(0x1, "no delay")];
const V850: &[FlagName] = &[
    (0xf000_0000, 0, "v850"),
    (0xf000_0000, 0x1000_0000, "v850e"),
    (0xf000_0000, 0x2000_0000, "v850e1"),
    (0xf000_0000, 0x4000_0000, "v850e2v3"),
];

fn rows(machine: u16, flags: u32) -> &'static [FlagName] {
    match machine {
        eh::EM_ARM if flags & ARM_EABI == 0 && flags != 0 => ARM_GNU,
        eh::EM_ARM => ARM,
        eh::EM_MIPS | eh::EM_MIPS_RS3_LE => MIPS,
        eh::EM_PPC => PPC,
        eh::EM_PPC64 => PPC64,
        eh::EM_S390 | 0xa390 => S390,
        eh::EM_RISCV => RISCV,
        eh::EM_LOONGARCH => LOONGARCH,
        eh::EM_SPARC | eh::EM_SPARC32PLUS => SPARC,
        eh::EM_SPARCV9 => SPARCV9,
        eh::EM_IA_64 => IA64,
        eh::EM_PARISC => PARISC,
        eh::EM_SH => SH,
        eh::EM_68K => M68K,
        eh::EM_ARC | eh::EM_ARC_COMPACT | eh::EM_ARC_COMPACT2 => ARC,
        eh::EM_AVR | 0x1057 => AVR,
        eh::EM_BLACKFIN => BLACKFIN,
        eh::EM_RX => RENESAS_RX,
        eh::EM_RL78 => RL78,
        eh::EM_VAX => VAX,
        eh::EM_OPENRISC => OPENRISC,
        eh::EM_V800 | 0x9080 => V850,
        _ => &[],
    }
}

/// What the flags say of a machine's file. Zero says nothing, as readelf has it.
pub(super) fn in_words(machine: u16, flags: u32) -> String {
    if flags == 0 {
        return "none set".to_owned();
    }
    let rows = rows(machine, flags);
    let said = rows.iter().filter(|(mask, value, _)| flags & mask == *value);
    let mut words: Vec<String> = said.clone().map(|(.., word)| (*word).to_owned()).collect();
    // What no row of the table explains must not go unsaid.
    let rest = said.fold(flags, |rest, (mask, ..)| rest & !mask);
    if rest != 0 {
        words.push(format!("bits {rest:#x}, of no meaning known here"));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words are what readelf prints for these numbers.
    #[test]
    fn flags_are_told_in_the_words_of_each_machine() {
        for (machine, flags, words) in [
            (eh::EM_ARM, 0x0500_0400, "Version5 EABI, hard-float ABI"),
            (eh::EM_ARM, 0x0500_0200, "Version5 EABI, soft-float ABI"),
            (eh::EM_ARM, 0x0400_0000, "Version4 EABI"),
            (eh::EM_ARM, 0x604, "GNU EABI, interworking enabled, software FP, VFP"),
            (eh::EM_MIPS, 0x7000_1007, "noreorder, pic, cpic, o32, mips32r2"),
            (eh::EM_MIPS, 0x1005, "noreorder, cpic, o32, mips1"),
            (eh::EM_MIPS, 0x808b_0007, "noreorder, pic, cpic, octeon, mips64r2"),
            (eh::EM_PPC, 0x8000, "relocatable-lib"),
            (eh::EM_PPC64, 2, "abiv2"),
            (eh::EM_RISCV, 5, "RVC, double-float ABI"),
            (eh::EM_LOONGARCH, 0x43, "DOUBLE-FLOAT, OBJ-v1"),
            (eh::EM_SPARCV9, 0x100, "v8+, tso"),
            (eh::EM_IA_64, 0x10, "64-bit"),
            (eh::EM_PARISC, 0x210, "PA-RISC 1.1"),
            (eh::EM_SH, 9, "sh4"),
            (eh::EM_AVR, 0x85, "avr:5, link-relax"),
            (eh::EM_386, 0, "none set"),
            (eh::EM_386, 2, "bits 0x2, of no meaning known here"),
            (eh::EM_PPC64, 0x10, "bits 0x10, of no meaning known here"),
        ] {
            assert_eq!(in_words(machine, flags), words, "{machine} {flags:#x}");
        }
    }
}
