//! The code at the entry point of ARM, `AArch64`, MIPS and PowerPC files, in a straight line as it lies in the file.
//!
//! Words that are no instruction are shown as data, and the code goes on after them, because ARM keeps its constants
//! between instructions. What stands in the delay slot of a MIPS branch is shown after the branch, where it lies.
//!
//! Decoders, all in Rust without a C library behind them: yaxpeax-arm (ARM, Thumb, `AArch64`), powerpc, and
//! rabbitizer 2 (MIPS; a pre-release, held to one version, because its first version is C and yaxpeax-mips is no longer
//! kept). Some words make yaxpeax-arm panic; [`timeout::catch_panic`] makes data of those.

use goblin::elf::header as eh;
use yaxpeax_arch::{Decoder as _, LengthedInstruction as _, U8Reader};
use yaxpeax_arm::armv7::{ConditionCode, Opcode};

use super::Elf;
use super::instruction::Instruction;
use super::layout::{Class, Endian};
use super::names;
use super::source::Bytes;
use crate::timeout;

/// Set in `e_flags` of an ARM file whose numbers are big-endian and whose code is not (`EF_ARM_BE8`, ELF for the ARM
/// Architecture).
const ARM_BE8: u32 = 0x0080_0000;
/// The bits of a MIPS file's `e_flags` that name its instruction set (`EF_MIPS_ARCH`), and its values for release 6,
/// which gives other meanings to the words of earlier ones.
const MIPS_ARCH: u32 = 0xf000_0000;
const MIPS_32R6: u32 = 0x9000_0000;
const MIPS_64R6: u32 = 0xa000_0000;
/// The bits of a 64-bit PowerPC file's `e_flags` that number its ABI; with the second there are no descriptors.
const PPC64_ABI: u32 = 3;

/// An instruction set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    Arm,
    Thumb,
    AArch64,
    Mips,
    PowerPc,
    PowerPc64,
}

/// Where code begins, and how it is read.
pub(super) struct CodeStart {
    set: Set,
    endian: Endian,
    /// Where the first instruction is, which need not be `e_entry`.
    address: u64,
}

impl CodeStart {
    /// The code of a file for one of these machines; `None` for another machine or instruction set.
    pub(super) fn of(elf: &Elf, source: &dyn Bytes) -> Option<Self> {
        let values = &elf.header.values;
        let entry = values.e_entry;
        let code = |set, endian, address| Some(Self { set, endian, address });
        match values.e_machine {
            eh::EM_ARM => {
                let endian = if values.e_flags & ARM_BE8 == 0 { elf.layout.endian } else { Endian::Little };
                // The lowest bit of the entry point tells Thumb code.
                code(if entry & 1 == 0 { Set::Arm } else { Set::Thumb }, endian, entry & !1)
            }
            // Its instructions are little-endian whatever its data are.
            eh::EM_AARCH64 => code(Set::AArch64, Endian::Little, entry),
            // The lowest bit of the entry point tells MIPS16 or microMIPS code, which the decoder does not know.
            eh::EM_MIPS if entry & 1 == 0 && ![MIPS_32R6, MIPS_64R6].contains(&(values.e_flags & MIPS_ARCH)) => {
                code(Set::Mips, elf.layout.endian, entry)
            }
            eh::EM_PPC => code(Set::PowerPc, elf.layout.endian, entry),
            eh::EM_PPC64 => code(Set::PowerPc64, elf.layout.endian, described(elf, source).unwrap_or(entry)),
            _ => None,
        }
    }

    /// The file offset of its first instruction.
    pub(super) fn offset(&self, elf: &Elf) -> Option<u64> {
        elf.offset_of(self.address)
    }

    /// At most `most` instructions, up to the first byte that the file does not have.
    pub(super) fn list(&self, elf: &Elf, source: &dyn Bytes, most: usize) -> Vec<Instruction> {
        let mut out = Vec::new();
        let mut address = self.address;
        let mut block = IfThen::default();
        while out.len() < most {
            let Some(offset) = elf.offset_of(address) else { break };
            let mut bytes = source.read(offset, elf.memory.run(address, 4) as usize).into_owned();
            let condition = block.next();
            let decoded = timeout::catch_panic(|| self.decode(&bytes, address, condition)).ok().flatten();
            let (length, text) = decoded.unwrap_or_else(|| self.data(&bytes));
            if self.set == Set::Thumb && length == 2 {
                block.begin(self.half(&bytes));
            }
            bytes.truncate(length);
            if bytes.is_empty() {
                break;
            }
            let mnemonic = text.split_whitespace().next().unwrap_or_default();
            // ARM's may have a condition, as in `svceq`.
            let calls = ["syscall", "sc"].contains(&mnemonic) || mnemonic.starts_with("svc");
            let comment = calls.then(|| "system call".to_owned());
            out.push(Instruction { offset, address, bytes, text, comment });
            let Some(next) = address.checked_add(length as u64) else { break };
            address = next;
        }
        out
    }

    /// Length and text of bytes that are no instruction.
    fn data(&self, bytes: &[u8]) -> (usize, String) {
        let half = self.set == Set::Thumb && bytes.get(..2).is_some_and(|half| !is_wide(self.half(half)));
        let length = bytes.len().min(if half { 2 } else { 4 });
        let text = match (self.word(bytes), bytes) {
            _ if half => format!(".short {:#06x}", self.half(bytes)),
            (Some(word), _) => format!(".word {word:#010x}"),
            _ => "(cut off)".to_owned(),
        };
        (length, text)
    }

    fn half(&self, bytes: &[u8]) -> u16 {
        let two = [bytes.first().copied().unwrap_or(0), bytes.get(1).copied().unwrap_or(0)];
        if self.endian == Endian::Little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) }
    }

    fn word(&self, bytes: &[u8]) -> Option<u32> {
        let four: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
        Some(if self.endian == Endian::Little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) })
    }

    /// Length and text of an instruction; `None` for bytes that are none.
    fn decode(&self, bytes: &[u8], address: u64, condition: Option<ConditionCode>) -> Option<(usize, String)> {
        match self.set {
            Set::AArch64 => {
                let decoder = yaxpeax_arm::armv8::a64::InstDecoder::default();
                let instruction = decoder.decode(&mut U8Reader::new(&self.word(bytes)?.to_le_bytes())).ok()?;
                Some((4, absolute(&instruction.to_string(), address)))
            }
            Set::Arm => {
                let decoder = yaxpeax_arm::armv7::InstDecoder::default();
                let instruction = decoder.decode(&mut U8Reader::new(&self.word(bytes)?.to_le_bytes())).ok()?;
                Some((4, absolute(&instruction.to_string(), address)))
            }
            Set::Thumb => {
                let decoder = yaxpeax_arm::armv7::InstDecoder::default_thumb();
                let halves: Vec<u8> = bytes.chunks_exact(2).flat_map(|half| self.half(half).to_le_bytes()).collect();
                let mut instruction = decoder.decode(&mut U8Reader::new(&halves)).ok()?;
                let length = usize::try_from(instruction.len().to_const()).ok()?;
                if let Some(condition) = condition.filter(|_| instruction.opcode != Opcode::BKPT) {
                    instruction.condition = condition;
                    // The short forms set the flags outside of such a block only.
                    instruction.s &= length > 2;
                }
                (length <= bytes.len()).then(|| (length, absolute(&instruction.to_string(), address)))
            }
            Set::Mips => {
                let flags = rabbitizer::InstructionFlags::new(rabbitizer::IsaVersion::MIPS_IV);
                let vram = rabbitizer::Vram::new(address as u32);
                let instruction = rabbitizer::Instruction::new_checked(self.word(bytes)?, vram, flags)?;
                let target = instruction.get_branch_offset_generic();
                let target = target.map(|offset| format!("{:#x}", address.wrapping_add_signed(offset.inner().into())));
                let flags = rabbitizer::InstructionDisplayFlags::default();
                let text = instruction.display(&flags, target.as_deref(), 0).to_string();
                Some((4, text.split_whitespace().collect::<Vec<_>>().join(" ")))
            }
            Set::PowerPc | Set::PowerPc64 => {
                let mut extensions = powerpc::Extensions::from(powerpc::Extension::AltiVec);
                if self.set == Set::PowerPc64 {
                    extensions |= powerpc::Extension::Ppc64;
                }
                let instruction = powerpc::Ins::new(self.word(bytes)?, extensions);
                let text = instruction.simplified().to_string();
                let text = match (instruction.branch_offset(), text.rsplit_once(' ')) {
                    (Some(offset), Some((branch, _))) => {
                        let base = if instruction.field_aa() { 0 } else { address };
                        format!("{branch} {:#x}", base.wrapping_add_signed(offset.into()))
                    }
                    _ => text,
                };
                (instruction.op != powerpc::Opcode::Illegal).then_some((4, text))
            }
        }
    }
}

/// Whether a Thumb instruction that begins with this half-word is of 32 bits (ARM Architecture Reference Manual, A6.1).
fn is_wide(half: u16) -> bool {
    half >> 11 >= 0b11101
}

/// The conditions that a Thumb `it` puts on up to four instructions after it: `ITSTATE` of the ARM Architecture Reference
/// Manual, A2.5.2, the condition in its high half and how many are left, and which are inverted, in the rest.
#[derive(Default)]
struct IfThen(u8);

impl IfThen {
    /// Takes note of an instruction of 16 bits; one that is no `it` changes nothing.
    fn begin(&mut self, half: u16) {
        let [high, low] = half.to_be_bytes();
        if high == 0xbf && low & 0xf != 0 {
            self.0 = low;
        }
    }

    /// The condition of the next instruction, where it has one.
    fn next(&mut self) -> Option<ConditionCode> {
        use ConditionCode::{AL, EQ, GE, GT, HI, HS, LE, LO, LS, LT, MI, NE, PL, VC, VS};
        if self.0 & 0xf == 0 {
            return None;
        }
        let conditions = [EQ, NE, HS, LO, MI, PL, VS, VC, HI, LS, GE, LT, GT, LE, AL];
        let condition = conditions.get(usize::from(self.0 >> 4)).copied();
        self.0 = if self.0 & 7 == 0 { 0 } else { self.0 & 0xe0 | self.0 << 1 & 0x1f };
        condition
    }
}

/// An instruction with its target, which the decoder writes as `$+0x8`, as an address.
fn absolute(text: &str, address: u64) -> String {
    let target = text.split_once('$').and_then(|(before, rest)| {
        let end = rest.find([',', ']', ' ']).unwrap_or(rest.len());
        let (offset, after) = rest.split_at(end);
        let distance = u64::from_str_radix(offset.get(1..)?.strip_prefix("0x")?, 16).ok()?;
        let target = match offset.get(..1)? {
            "+" => address.wrapping_add(distance),
            "-" => address.wrapping_sub(distance),
            _ => return None,
        };
        Some(format!("{before}{target:#x}{after}"))
    });
    target.unwrap_or_else(|| text.to_owned())
}

/// What to call the machine of a file that nothing here decodes.
pub(super) fn unknown(elf: &Elf) -> String {
    let values = &elf.header.values;
    match (values.e_machine, values.e_flags & MIPS_ARCH) {
        (eh::EM_MIPS, _) if values.e_entry & 1 != 0 => "MIPS16 or microMIPS".to_owned(),
        (eh::EM_MIPS, MIPS_32R6 | MIPS_64R6) => "MIPS release 6".to_owned(),
        (machine, _) => names::machine_or_number(machine),
    }
}

/// Where the code of a 64-bit PowerPC file of the first ABI begins: its entry point is a descriptor that says so (64-bit
/// PowerPC ELF ABI Supplement, "Function Descriptors").
fn described(elf: &Elf, source: &dyn Bytes) -> Option<u64> {
    if elf.layout.class != Class::Elf64 || elf.header.values.e_flags & PPC64_ABI == 2 {
        return None;
    }
    let bytes = source.read(elf.offset_of(elf.header.values.e_entry)?, 8);
    let address = elf.layout.number(&bytes, 8);
    elf.offset_of(address).map(|_| address)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixtures::{BASE, Program, load};
    use super::super::{NoDisassembly, decode, disassemble_entry};
    use super::*;

    const AT: u64 = BASE + 120;

    fn listed(machine: u16, endian: Endian, entry: u64, code: &[u8]) -> Result<Vec<Instruction>, NoDisassembly> {
        let mut program = Program { machine, endian, code: code.to_vec(), entry, ..Program::default() };
        program.ident[5] = if endian == Endian::Big { 2 } else { 1 };
        program.segments[0] = load(5, 0, BASE, 120 + code.len() as u64);
        let file = program.bytes();
        disassemble_entry(&decode(&file, file.len() as u64).unwrap(), &file.as_slice(), 8)
    }

    fn texts(machine: u16, endian: Endian, entry: u64, code: &[u8]) -> Vec<String> {
        listed(machine, endian, entry, code).unwrap().into_iter().map(|instruction| instruction.text).collect()
    }

    fn words(words: &[u32], endian: Endian) -> Vec<u8> {
        let bytes = |word: &u32| if endian == Endian::Big { word.to_be_bytes() } else { word.to_le_bytes() };
        words.iter().flat_map(bytes).collect()
    }

    #[test]
    fn code_of_each_machine_is_listed_in_its_byte_order() {
        use Endian::{Big, Little};
        for endian in [Little, Big] {
            let code = words(&[0xd280_0540, 0xd400_0001, 0x1400_0002], Little);
            assert_eq!(texts(eh::EM_AARCH64, endian, AT, &code), ["mov x0, #0x2a", "svc #0x0", "b 0x400088"]);
            let code = words(&[0xe3a0_002a, 0xef00_0000, 0xeaff_fffe], endian);
            assert_eq!(texts(eh::EM_ARM, endian, AT, &code), ["mov r0, 0x2a", "svc 0x0", "b 0x400080"]);
            let code = words(&[0x2402_0fa1, 0x0000_000c, 0x1000_ffff, 0], endian);
            let said = ["addiu $v0, $zero, 0xFA1", "syscall 0", "b 0x400080", "nop"];
            assert_eq!(texts(eh::EM_MIPS, endian, AT, &code), said);
            let code = words(&[0x38a0_0000, 0x4400_0002, 0x4800_0008], endian);
            assert_eq!(texts(eh::EM_PPC, endian, AT, &code), ["li r5, 0x0", "sc", "b 0x400088"]);
            let code = words(&[0x38a0_0000, 0xe8a3_0008], endian);
            assert_eq!(texts(eh::EM_PPC64, endian, AT, &code), ["li r5, 0x0", "ld r5, 0x8(r3)"]);
        }
        let thumb = listed(eh::EM_ARM, Little, AT + 1, &[0x2a, 0x20, 0, 0xdf, 0x4f, 0xf0, 0, 0x0b]).unwrap();
        let said: Vec<_> = thumb.iter().map(|one| (one.offset, one.address, one.text.as_str())).collect();
        let expected = [(120, AT, "movs r0, 0x2a"), (122, AT + 2, "svc 0x0"), (124, AT + 4, "mov.w fp, 0x0")];
        assert_eq!(said, expected);
        assert_eq!(thumb[1].comment.as_deref(), Some("system call"));
    }

    #[test]
    fn a_thumb_block_has_its_conditions_on_the_instructions_they_govern() {
        let halves = |halves: &[u16]| halves.iter().flat_map(|half| half.to_le_bytes()).collect::<Vec<_>>();
        // ittee eq, two narrow ones, a wide one of two halves, a call of the system, and one that is free again.
        let code = halves(&[0xbf07, 0x202a, 0x1840, 0xf04f, 0x0b00, 0xdf00, 0x202a]);
        let listed = listed(eh::EM_ARM, Endian::Little, AT + 1, &code).unwrap();
        let said: Vec<_> = listed.iter().map(|one| one.text.as_str()).collect();
        let expected =
            ["ittee eq", "moveq r0, 0x2a", "addeq r0, r0, r1", "movne.w fp, 0x0", "svcne 0x0", "movs r0, 0x2a"];
        assert_eq!(said, expected);
        assert_eq!(listed[4].comment.as_deref(), Some("system call"));
        // What is no instruction takes its turn too; a block that no condition begins changes nothing.
        let said = texts(
            eh::EM_ARM,
            Endian::Little,
            AT + 1,
            &halves(&[0xbf0c, 0xffff, 0xffff, 0x202a, 0x202a, 0xbf08, 0xbe00, 0xbf00, 0x202a]),
        );
        assert_eq!(said[..4], ["ite eq", ".word 0xffffffff", "movne r0, 0x2a", "movs r0, 0x2a"]);
        // A breakpoint has no condition.
        assert_eq!(said[4..], ["it eq", "bkpt 0x0", "nop", "movs r0, 0x2a"]);
    }

    #[test]
    fn code_of_an_arm_file_with_big_endian_data_alone_is_little_endian() {
        let (mut be8, code) =
            (Program { machine: eh::EM_ARM, endian: Endian::Big, ..Program::default() }, 0xe3a0_002a_u32);
        (be8.ident[5], be8.code) = (2, code.to_le_bytes().to_vec());
        let mut file = be8.bytes();
        file[48..52].copy_from_slice(&ARM_BE8.to_be_bytes());
        let code = disassemble_entry(&decode(&file, file.len() as u64).unwrap(), &file.as_slice(), 1).unwrap();
        assert_eq!(code[0].text, "mov r0, 0x2a");
    }

    #[test]
    fn a_function_descriptor_leads_to_the_code() {
        let code = [&(AT + 16).to_be_bytes()[..], &[0; 8], &0x38a0_0000_u32.to_be_bytes()].concat();
        assert_eq!(texts(eh::EM_PPC64, Endian::Big, AT, &code), ["li r5, 0x0"]);
    }

    #[test]
    fn what_is_no_instruction_is_shown_as_data_and_the_code_goes_on() {
        let code = words(&[0x0000_0005, 0x2402_0fa1], Endian::Big);
        let said = [".word 0x00000005", "addiu $v0, $zero, 0xFA1", "(cut off)"];
        assert_eq!(texts(eh::EM_MIPS, Endian::Big, AT, &[&code[..], &[1, 2]].concat()), said);
        assert_eq!(texts(eh::EM_ARM, Endian::Little, AT + 1, &[0, 0xde, 0x2a, 0x20])[1], "movs r0, 0x2a");
    }

    #[test]
    fn a_set_that_nothing_decodes_is_named() {
        let refused = |machine, entry| listed(machine, Endian::Big, entry, &[0; 4]).unwrap_err().to_string();
        assert!(refused(eh::EM_MIPS, AT + 1).starts_with("no disassembler for MIPS16 or microMIPS here"));
        assert!(refused(eh::EM_SPARCV9, AT).starts_with("no disassembler for Sparc v9 here"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        /// The least that must hold of every word: no panic gets out, and as many bytes are used as there are.
        #[test]
        fn any_words_are_survived(code in prop::collection::vec(any::<u8>(), 1..40), big in any::<bool>()) {
            let endian = if big { Endian::Big } else { Endian::Little };
            for (machine, entry) in [
                (eh::EM_ARM, AT),
                (eh::EM_ARM, AT + 1),
                (eh::EM_AARCH64, AT),
                (eh::EM_MIPS, AT),
                (eh::EM_PPC, AT),
                (eh::EM_PPC64, AT),
            ] {
                let Ok(listed) = listed(machine, endian, entry, &code) else { continue };
                let mut next = listed[0].offset;
                for instruction in listed {
                    prop_assert_eq!(instruction.offset, next);
                    prop_assert!((1..=4).contains(&instruction.bytes.len()) && !instruction.text.is_empty());
                    prop_assert!(instruction.text.is_ascii() && !instruction.text.contains('\n'), "{:?}", instruction.text);
                    let at = instruction.offset as usize - 120;
                    prop_assert_eq!(code.get(at..at + instruction.bytes.len()), Some(&*instruction.bytes));
                    next += instruction.bytes.len() as u64;
                }
            }
        }
    }
}
