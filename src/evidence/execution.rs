//! What the box adds to whether a file runs, beyond what the file says itself.

use crate::elf::Elf;
use crate::root::Root;

use super::interpreter::{self, Interpreter};
use super::x32::X32;

/// What the box was asked about a file that is run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Execution {
    /// What there is at the path of the interpreter that the file names.
    pub interpreter: Option<Interpreter>,
    /// Whether the kernel runs programs of the x32 ABI, for one of those.
    pub x32: Option<X32>,
}

impl Execution {
    /// Whether there is anything to ask the box about such a file.
    pub(crate) fn concerns(program: Option<&Elf>, script: Option<&[u8]>) -> bool {
        script.is_some() || program.is_some_and(|program| program.interpreter().is_some() || program.is_x32())
    }

    /// Asks the box about an ELF file, or about the interpreter of a script.
    pub(crate) fn ask(root: &Root, program: Option<&Elf>, script: Option<&[u8]>) -> Self {
        Self {
            interpreter: interpreter::named(root, program, script),
            x32: program.and_then(|program| X32::of(root, program)),
        }
    }

    /// What it says, a line each, and whether the file does not run for that. Safe text.
    pub fn lines(&self) -> impl Iterator<Item = (bool, String)> {
        let interpreter = self.interpreter.as_ref().map(|Interpreter { path, error, said }| {
            (error.is_some(), format!("on this box the interpreter {path} {said}"))
        });
        let x32 = self.x32.as_ref().map(|x32| (x32.supported == Some(false), x32.said.clone()));
        interpreter.into_iter().chain(x32)
    }
}
