//! What the box adds to whether a file runs, beyond what the file says itself.

use crate::elf::conditions::ProgramEnd;
use crate::elf::{Elf, ElfKind};
use crate::root::Root;

use super::interpreter::{self, Interpreter};
use super::memory::{self, MemoryFit};
use super::x32::X32;

/// What the box was asked about a file that is run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Execution {
    /// What there is at the path of the interpreter that the file names.
    pub interpreter: Option<Interpreter>,
    /// Whether the kernel runs programs of the x32 ABI, for one of those.
    pub x32: Option<X32>,
    /// Whether there is memory enough, for a program that asks for much.
    pub memory: Option<MemoryFit>,
}

impl Execution {
    /// Whether there is anything to ask the box about such a file.
    pub(crate) fn concerns(program: Option<&Elf>, script: Option<&[u8]>) -> bool {
        let asks =
            |program: &Elf| program.interpreter().is_some() || program.is_x32() || memory::asked(program).is_some();
        script.is_some() || program.is_some_and(asks)
    }

    /// Asks the box about an ELF file, or about the interpreter of a script. What `execve(2)` refuses for what the file says
    /// never comes to that.
    pub(crate) fn ask(root: &Root, program: Option<&Elf>, script: Option<&[u8]>) -> Self {
        let program = program.filter(|program| !matches!(program.kernel.end, Some(ProgramEnd::Error(_))));
        Self {
            interpreter: interpreter::named(root, program, script),
            x32: program.and_then(|program| X32::of(root, program)),
            memory: program.and_then(|program| MemoryFit::of(root, program)),
        }
    }

    /// What it says, a line each, and whether the file does not run for that. Safe text.
    pub fn lines(&self) -> impl Iterator<Item = (bool, String)> {
        let interpreter = self.interpreter.as_ref().map(|found| {
            let path = found.shown();
            (found.error.is_some(), format!("on this box the interpreter {path} {}", found.message))
        });
        let x32 = self.x32.as_ref().map(|x32| (x32.supported == Some(false), x32.message.clone()));
        let memory = self.memory.as_ref().map(|memory| (memory.enough == Some(false), memory.message.clone()));
        interpreter.into_iter().chain(x32).chain(memory)
    }

    /// What an ELF file is and whether it runs here, in one line, and then what the file says to that, a line each. Safe
    /// text.
    pub fn in_words(&self, program: &Elf) -> (String, Vec<String>) {
        let (mut headline, lines) = program.in_words();
        let runs =
            matches!(program.kind, ElfKind::Program | ElfKind::Unknown) && program.kernel.runnable != Some(false);
        if runs && self.lines().any(|(fails, _)| fails) {
            headline.push_str(", but this box does not");
        }
        (headline, lines)
    }
}
