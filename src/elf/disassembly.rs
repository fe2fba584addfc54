//! The code at the entry point. For x86 in Intel syntax, with Linux system calls named where their number is evident;
//! other machines are in [`super::risc`].
//!
//! Code of x86 is followed in a straight line and through direct jumps, because tiny programs hop over the header fields they
//! are folded into. It ends at a return, an indirect jump, an exit, or where it has been before.

use std::collections::HashSet;
use std::fmt::Write as _;

use goblin::elf::header as eh;
use iced_x86::{
    Code, Decoder, DecoderOptions, FlowControl, Formatter as _, IntelFormatter, Mnemonic, OpKind, Register,
};

use super::Elf;
use super::instruction::{Instruction, NoDisassembly};
use super::names::EM_486;
use super::registers::Registers;
use super::risc;
use super::source::Bytes;
use super::syscalls::{self, Abi};

/// The bit that marks a call of the x32 ABI (`__X32_SYSCALL_BIT` in `asm/unistd.h`).
const X32_BIT: u32 = 0x4000_0000;

/// Longest x86 instruction, bytes.
const MAX_INSTRUCTION_BYTES: u64 = 15;

/// Disassembles at most `most` instructions from the entry point on.
///
/// # Errors
///
/// When nothing here decodes the machine's code, when no byte of the file is mapped at the entry point, or when it was not
/// read.
pub fn disassemble_entry(elf: &Elf, source: &dyn Bytes, most: usize) -> Result<Vec<Instruction>, NoDisassembly> {
    let x86 = matches!(elf.header.values.e_machine, eh::EM_386 | EM_486 | eh::EM_X86_64);
    let risc = risc::CodeStart::of(elf, source);
    if !x86 && risc.is_none() {
        return Err(NoDisassembly::Machine { machine: risc::unknown(elf) });
    }
    if elf.has_no_entry() {
        return Err(NoDisassembly::NotRun(elf.kind));
    }
    let address = elf.entry.address;
    let offset = risc.as_ref().map_or(elf.entry.offset, |code| code.offset(elf));
    let offset = offset.ok_or(NoDisassembly::NoEntry { address })?;
    if source.read(offset, 1).is_empty() {
        return Err(NoDisassembly::NotRead { offset });
    }
    Ok(match risc {
        Some(code) => code.list(elf, source, most),
        None => Walk::new(elf, source).follow(most),
    })
}

/// Whether the code goes on after an instruction, and where.
enum Next {
    Falls,
    At(u64, String),
    Ends(String),
}

/// A system call as far as it is evident.
struct SystemCall {
    comment: String,
    /// Whether the program does not come back from it.
    ends: bool,
}

struct Walk<'a> {
    elf: &'a Elf,
    source: &'a dyn Bytes,
    registers: Registers,
    formatter: IntelFormatter,
    seen: HashSet<u64>,
}

impl<'a> Walk<'a> {
    fn new(elf: &'a Elf, source: &'a dyn Bytes) -> Self {
        let mut formatter = IntelFormatter::new();
        formatter.options_mut().set_hex_prefix("0x");
        formatter.options_mut().set_hex_suffix("");
        formatter.options_mut().set_uppercase_hex(false);
        formatter.options_mut().set_branch_leading_zeros(false);
        formatter.options_mut().set_space_after_operand_separator(true);
        let registers = Registers::at_entry(elf.bits(), elf.interpreter().is_none());
        Self { elf, source, registers, formatter, seen: HashSet::new() }
    }

    fn follow(mut self, most: usize) -> Vec<Instruction> {
        let mut out = Vec::new();
        let mut address = self.elf.entry.address;
        while out.len() < most && self.seen.insert(address) {
            let Some((mut shown, decoded)) = self.decode(address) else { break };
            let call = self.system_call(&decoded);
            self.registers.step(&decoded);
            self.after_call(&decoded);
            let next = self.next(&decoded, call.as_ref());
            let mut notes: Vec<String> = call.into_iter().map(|call| call.comment).collect();
            let target = match next {
                Next::Falls => Some(decoded.next_ip()),
                Next::At(target, note) => {
                    notes.push(note);
                    Some(target)
                }
                Next::Ends(note) => {
                    notes.push(note);
                    None
                }
            };
            shown.comment = (!notes.is_empty()).then(|| notes.join("; "));
            out.push(shown);
            let Some(target) = target else { break };
            address = target;
        }
        out
    }

    fn decode(&mut self, address: u64) -> Option<(Instruction, iced_x86::Instruction)> {
        let offset = self.elf.offset_of(address)?;
        // Where the next page of memory is another of the file, the instruction may go on there, but not in these bytes.
        let bytes = self.source.read(offset, self.elf.memory.run(address, MAX_INSTRUCTION_BYTES) as usize);
        let mut decoder = Decoder::try_with_ip(self.elf.bits(), &bytes, address, DecoderOptions::NONE).ok()?;
        if !decoder.can_decode() {
            return None;
        }
        let instruction = decoder.decode();
        let mut text = String::new();
        if instruction.is_invalid()
            && bytes.len() < MAX_INSTRUCTION_BYTES as usize
            && self.source.read(offset, MAX_INSTRUCTION_BYTES as usize).len() > bytes.len()
        {
            text.push_str("(goes on in other memory than this file's bytes)");
        } else if instruction.is_invalid() {
            text.push_str("(bad)");
        } else {
            self.formatter.format(&instruction, &mut text);
        }
        let raw = bytes.iter().take(instruction.len().max(1)).copied().collect();
        Some((Instruction { offset, address, bytes: raw, text, comment: None }, instruction))
    }

    /// What an instruction that enters the kernel asks of it.
    fn system_call(&self, instruction: &iced_x86::Instruction) -> Option<SystemCall> {
        let abi = entered(instruction)?;
        let Some(number) = self.registers.get(Register::EAX) else {
            return Some(SystemCall { comment: "system call, number not evident".to_owned(), ends: false });
        };
        let (number, first) = match abi {
            Abi::I386 => (number as u32, Register::EBX),
            Abi::X86_64 => (number as u32 & !X32_BIT, Register::EDI),
        };
        let first = self.registers.get(first).map(|first| first as u32);
        let name = syscalls::name(abi, number);
        let mut comment = match name {
            Some(name) => format!("{name} (system call {number})"),
            None => format!("system call {number}, which has no name here"),
        };
        if abi == Abi::X86_64 && self.registers.get(Register::EAX) != Some(u64::from(number)) {
            comment.push_str(" of the x32 ABI");
        }
        let ends = matches!(name, Some("exit" | "exit_group"));
        match first {
            Some(status) if ends => {
                let _ = write!(comment, " with status {}", status & 0xff);
            }
            Some(call) if name == Some("socketcall") => {
                let _ = write!(comment, ": {}", syscalls::socketcall_name(call).unwrap_or("unknown"));
            }
            _ => {}
        }
        Some(SystemCall { comment, ends })
    }

    /// What a call leaves unknown: everything, or for a system call its result and what the CPU clobbers.
    fn after_call(&mut self, instruction: &iced_x86::Instruction) {
        if entered(instruction).is_some() {
            self.registers.forget(Register::RAX);
            if instruction.mnemonic() == Mnemonic::Syscall {
                self.registers.forget(Register::RCX);
                self.registers.forget(Register::R11);
            }
        } else if matches!(instruction.flow_control(), FlowControl::Call | FlowControl::IndirectCall) {
            self.registers.forget_all();
        }
    }

    fn next(&self, instruction: &iced_x86::Instruction, call: Option<&SystemCall>) -> Next {
        if call.is_some_and(|call| call.ends) {
            return Next::Ends("the program ends".to_owned());
        }
        match instruction.flow_control() {
            FlowControl::UnconditionalBranch if is_near(instruction) => {
                let target = instruction.near_branch_target();
                match self.elf.offset_of(target) {
                    _ if self.seen.contains(&target) => Next::Ends("back to code shown above".to_owned()),
                    Some(_) if target == instruction.next_ip() => Next::Falls,
                    Some(offset) => Next::At(target, format!("goes on at offset {offset:#x}")),
                    None => Next::Ends("the target is no byte of the file".to_owned()),
                }
            }
            FlowControl::UnconditionalBranch | FlowControl::IndirectBranch => {
                Next::Ends("where it goes is not evident".to_owned())
            }
            FlowControl::Return => Next::Ends("returns".to_owned()),
            FlowControl::Exception => Next::Ends("not an instruction: the program dies here".to_owned()),
            _ if instruction.mnemonic() == Mnemonic::Hlt => Next::Ends("not allowed outside the kernel".to_owned()),
            _ => Next::Falls,
        }
    }
}

fn is_near(instruction: &iced_x86::Instruction) -> bool {
    matches!(instruction.op0_kind(), OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64)
}

fn entered(instruction: &iced_x86::Instruction) -> Option<Abi> {
    match instruction.code() {
        Code::Int_imm8 if instruction.immediate8() == 0x80 => Some(Abi::I386),
        Code::Sysenter => Some(Abi::I386),
        Code::Syscall => Some(Abi::X86_64),
        _ => None,
    }
}
