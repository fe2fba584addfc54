//! An instruction as it is shown, and why there may be none.

use serde::{Serialize, Serializer};

use super::kind::ElfKind;
use crate::text;

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Instruction {
    /// Offset of its first byte in the file.
    pub offset: u64,
    /// Its virtual address, before a position-independent file is moved.
    pub address: u64,
    /// Its bytes; lower-case hex in JSON.
    #[serde(serialize_with = "as_hex")]
    pub bytes: Vec<u8>,
    /// The instruction, for x86 in Intel syntax; `(bad)`, or `.word` and the number, for bytes that are none.
    pub text: String,
    /// The system call it makes, or where the code goes on or ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

fn as_hex<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text::hex(bytes))
}

/// Why there is nothing to disassemble.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoDisassembly {
    /// Nothing here decodes its instructions.
    #[error("no disassembler for {machine} here; code of x86, ARM, AArch64, MIPS and PowerPC is shown")]
    Machine {
        /// The machine's name or number, and its instruction set where that is the reason.
        machine: String,
    },
    /// It is of a kind that has no entry point.
    #[error("{kind} has no entry point", kind = .0.name())]
    NotRun(ElfKind),
    /// No byte of the file is mapped at the entry point.
    #[error("the entry point {address:#x} is no byte of the file: look at the anomalies for why")]
    NoEntry {
        /// `e_entry`.
        address: u64,
    },
    /// The byte is in the file but was not at hand.
    #[error("the code at offset {offset:#x} was not read; decode the whole file to see it")]
    NotRead {
        /// Offset of the entry point in the file.
        offset: u64,
    },
}
