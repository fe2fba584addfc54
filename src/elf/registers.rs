//! What the general registers hold, as far as it is evident from the instructions before.
//!
//! Enough to name the system calls of small hand-written programs, which load `eax` with an immediate, by `push` and
//! `pop`, or from a register that the kernel left at zero. Anything else that writes a register makes it unknown.

use iced_x86::{Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register};

/// Values pushed that are remembered, at most.
const DEEPEST: usize = 16;

/// The sixteen general registers and the last values pushed; `None` for what is not evident.
pub(super) struct Registers {
    values: [Option<u64>; 16],
    stack: Vec<Option<u64>>,
    bits: u32,
    factory: InstructionInfoFactory,
}

impl Registers {
    /// Registers at the entry point: all zero where the kernel starts the program itself (`ELF_PLAT_INIT`), unknown
    /// where an interpreter ran before.
    pub(super) fn at_entry(bits: u32, started_by_kernel: bool) -> Self {
        let mut values = [started_by_kernel.then_some(0); 16];
        if let Some(stack_pointer) = values.get_mut(4) {
            *stack_pointer = None;
        }
        Self { values, stack: Vec::new(), bits, factory: InstructionInfoFactory::new() }
    }

    /// The value of a register, of its low part where a part is asked for.
    pub(super) fn get(&self, register: Register) -> Option<u64> {
        let value = self.values.get(index(register)?).copied()??;
        match (register.size(), is_high_byte(register)) {
            (1, true) => Some(value >> 8 & 0xff),
            (size, _) => Some(value & mask(size)),
        }
    }

    /// Makes a register unknown.
    pub(super) fn forget(&mut self, register: Register) {
        if let Some(value) = index(register).and_then(|index| self.values.get_mut(index)) {
            *value = None;
        }
    }

    /// Makes everything unknown, as after a call.
    pub(super) fn forget_all(&mut self) {
        self.values = [None; 16];
        self.stack.clear();
    }

    /// Takes one instruction into account.
    pub(super) fn step(&mut self, instruction: &Instruction) {
        let result = self.evaluate(instruction);
        let info = self.factory.info(instruction);
        let written: Vec<Register> = info
            .used_registers()
            .iter()
            .filter(|used| !matches!(used.access(), OpAccess::Read | OpAccess::CondRead | OpAccess::None))
            .map(iced_x86::UsedRegister::register)
            .collect();
        // Kept before it is forgotten: writing a part of a register leaves the rest as it was.
        let before = self.values;
        for register in written {
            self.forget(register);
        }
        self.track_stack(instruction);
        if let Some((register, value)) = result {
            self.set(register, value, &before);
        }
    }

    fn set(&mut self, register: Register, value: u64, before: &[Option<u64>; 16]) {
        let Some(at) = index(register) else { return };
        let old = before.get(at).copied().flatten();
        let merged = match (register.size(), is_high_byte(register)) {
            (1, true) => old.map(|old| old & !0xff00 | (value & 0xff) << 8),
            (size @ (1 | 2), _) => old.map(|old| old & !mask(size) | value & mask(size)),
            // A 32-bit write clears the upper half.
            (size, _) => Some(value & mask(size)),
        };
        if let Some(slot) = self.values.get_mut(at) {
            *slot = merged;
        }
    }

    /// The register that the instruction sets to an evident value.
    fn evaluate(&self, instruction: &Instruction) -> Option<(Register, u64)> {
        if instruction.op0_kind() != OpKind::Register {
            return None;
        }
        let target = instruction.op0_register();
        let old = || self.get(target);
        let source = || self.operand(instruction, 1);
        let same = instruction.op1_kind() == OpKind::Register && instruction.op1_register() == target;
        let value = match instruction.mnemonic() {
            Mnemonic::Mov | Mnemonic::Movzx => source()?,
            Mnemonic::Xor | Mnemonic::Sub if same => 0,
            Mnemonic::Xor => old()? ^ source()?,
            Mnemonic::And => old()? & source()?,
            Mnemonic::Or => old()? | source()?,
            Mnemonic::Add => old()?.wrapping_add(source()?),
            Mnemonic::Sub => old()?.wrapping_sub(source()?),
            Mnemonic::Inc => old()?.wrapping_add(1),
            Mnemonic::Dec => old()?.wrapping_sub(1),
            Mnemonic::Not => !old()?,
            Mnemonic::Neg => old()?.wrapping_neg(),
            Mnemonic::Pop => self.stack.last().copied()??,
            Mnemonic::Lea if instruction.memory_index() == Register::None => {
                self.get(instruction.memory_base())?.wrapping_add(instruction.memory_displacement64())
            }
            _ => return None,
        };
        Some((target, value))
    }

    fn operand(&self, instruction: &Instruction, operand: u32) -> Option<u64> {
        if instruction.op_count() <= operand {
            return None;
        }
        match instruction.op_kind(operand) {
            OpKind::Register => self.get(instruction.op_register(operand)),
            _ => instruction.try_immediate(operand).ok(),
        }
    }

    fn track_stack(&mut self, instruction: &Instruction) {
        match instruction.mnemonic() {
            Mnemonic::Push => {
                let value = self.operand(instruction, 0).map(|value| value & mask((self.bits / 8) as usize));
                if self.stack.len() == DEEPEST {
                    self.stack.remove(0);
                }
                self.stack.push(value);
            }
            Mnemonic::Pop => {
                self.stack.pop();
            }
            _ if instruction.stack_pointer_increment() != 0 => self.stack.clear(),
            _ if self.touches_stack_pointer(instruction) => self.stack.clear(),
            _ => {}
        }
    }

    fn touches_stack_pointer(&mut self, instruction: &Instruction) -> bool {
        self.factory.info(instruction).used_registers().iter().any(|used| {
            used.register().full_register() == Register::RSP
                && !matches!(used.access(), OpAccess::Read | OpAccess::CondRead)
        })
    }
}

fn index(register: Register) -> Option<usize> {
    let full = register.full_register();
    full.is_gpr64().then(|| full.number())
}

fn is_high_byte(register: Register) -> bool {
    matches!(register, Register::AH | Register::BH | Register::CH | Register::DH)
}

fn mask(bytes: usize) -> u64 {
    if bytes >= 8 { u64::MAX } else { (1 << (8 * bytes)) - 1 }
}

#[cfg(test)]
mod tests {
    use iced_x86::{Decoder, DecoderOptions};

    use super::*;

    fn run(bits: u32, started_by_kernel: bool, code: &[u8]) -> Registers {
        let mut registers = Registers::at_entry(bits, started_by_kernel);
        for instruction in &mut Decoder::new(bits, code, DecoderOptions::NONE) {
            registers.step(&instruction);
        }
        registers
    }

    fn eax(code: &[u8]) -> Option<u64> {
        run(32, false, code).get(Register::EAX)
    }

    #[test]
    fn the_usual_ways_to_load_a_number_are_seen_through() {
        assert_eq!(eax(&[0xb8, 11, 0, 0, 0]), Some(11)); // mov eax, 11
        assert_eq!(eax(&[0x31, 0xc0, 0x40]), Some(1)); // xor eax, eax; inc eax
        assert_eq!(eax(&[0x6a, 0x0b, 0x58]), Some(11)); // push 11; pop eax
        assert_eq!(eax(&[0x31, 0xc0, 0xb0, 0x66]), Some(0x66)); // xor eax, eax; mov al, 0x66
        assert_eq!(eax(&[0x31, 0xdb, 0x8d, 0x43, 0x05]), Some(5)); // xor ebx, ebx; lea eax, [ebx+5]
        assert_eq!(eax(&[0x31, 0xc0, 0xb4, 1]), Some(0x100)); // xor eax, eax; mov ah, 1
        assert_eq!(eax(&[0x6a, 0xff, 0x58]), Some(0xffff_ffff)); // push -1; pop eax
    }

    #[test]
    fn what_is_not_evident_stays_unknown() {
        assert_eq!(eax(&[0xb0, 1]), None); // mov al, 1, the rest unknown
        assert_eq!(eax(&[0xb8, 1, 0, 0, 0, 0x8b, 0x03]), None); // mov eax, [ebx]
        assert_eq!(eax(&[0xb8, 1, 0, 0, 0, 0x0f, 0xa2]), None); // cpuid
        assert_eq!(eax(&[0x6a, 1, 0x83, 0xec, 4, 0x58]), None); // push 1; sub esp, 4; pop eax
        assert_eq!(eax(&[0x58]), None);
    }

    #[test]
    fn the_kernel_hands_over_zeros_but_for_the_stack_pointer() {
        assert_eq!(run(32, true, &[0xb0, 1]).get(Register::EAX), Some(1));
        assert_eq!(run(32, true, &[]).get(Register::ESP), None);
        assert_eq!(run(64, true, &[0xb0, 60]).get(Register::RAX), Some(60));
    }

    #[test]
    fn the_stack_of_pushes_is_bounded() {
        let registers = run(32, false, &[0x6a; 2 * 200]);
        assert!(registers.stack.len() <= DEEPEST);
    }
}
