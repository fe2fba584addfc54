//! What the threads tell of a finding: what its bytes decode to, what its rule's conditions come to, what the box says.

use std::collections::BTreeMap;

use crate::content::FileDescription;
use crate::elf::{Elf, ElfText, Instruction, Map};
use crate::evidence::Evidence;
use crate::evidence::execution::Execution;
use crate::explain::Explained;
use crate::triage::assess::ScenarioAssessment;

/// What was made of the file's bytes.
#[derive(Debug, Clone, Default)]
pub struct Decoded {
    /// Whether the first bytes, which tell an ELF file, are at hand.
    pub begins: bool,
    /// What kind of file it is; `None` where that cannot be told.
    pub content: Option<FileDescription>,
    /// What the box adds to whether it runs.
    pub execution: Execution,
    /// The ELF headers; `None` for another kind of file.
    pub elf: Option<Box<Elf>>,
    /// Where in the file which of its structures lies.
    pub map: Option<Map>,
    /// The code at the entry point, or why there is none; safe text.
    pub code: Option<Result<Vec<Instruction>, String>>,
    /// Bits a byte, of a small file.
    pub entropy: Option<f64>,
    /// Printable texts of a small file.
    pub strings: Vec<ElfText>,
}

/// What the conditions of the hunt come to.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The rule's, and the candidate test's.
    pub explained: Explained,
    /// What a responder must know about the bytes that it rests on; safe text.
    pub notice: Option<String>,
}

/// What the box says, and what the scenarios come to by that.
#[derive(Debug)]
pub struct Gathered {
    /// What the box says.
    pub evidence: Evidence,
    /// One for each scenario, in their order.
    pub scenarios: Vec<ScenarioAssessment>,
    /// Whether the box has answered all; what has not been answered is unknown until then.
    pub is_whole: bool,
}

/// What many boxes said of one scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcrossBoxes {
    /// The scenario's id.
    pub id: String,
    /// By state: on how many findings, and on which boxes, the first of them; safe text.
    pub states: BTreeMap<String, (u64, Vec<String>)>,
}
