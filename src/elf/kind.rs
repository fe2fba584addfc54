//! What an ELF file is: said before anything is judged of it, because what is odd in a program is usual elsewhere.

use goblin::elf::dynamic as dy;
use goblin::elf::header as eh;
use goblin::elf::program_header as ph;
use goblin::elf::section_header as sh;
use serde::Serialize;

use super::Elf;
use super::layout::{Class, ElfLayout};
use super::sections::Section;
use super::segments::Segment;
use super::source::Bytes;

/// Bytes of the dynamic section that are looked at.
const MAX_DYNAMIC_BYTES: u64 = 64 * 1024;

/// What an ELF file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ElfKind {
    /// Something that is run.
    Program,
    /// Code that programs load (`ET_DYN` with a dynamic section that is not marked as a program's).
    SharedLibrary,
    /// Code that is yet to be linked (`ET_REL`).
    Object,
    /// Code that the kernel loads: an object with a section `.modinfo` or `.gnu.linkonce.this_module`.
    KernelModule,
    /// The memory of a process (`ET_CORE`).
    Core,
    /// What was split off from a program or library for debuggers: its code sections have no bytes.
    DebugInformation,
    /// None of these.
    #[default]
    Unknown,
}

impl ElfKind {
    /// What it is, in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Program => "a program",
            Self::SharedLibrary => "a shared library",
            Self::Object => "an object file, to be linked",
            Self::KernelModule => "a kernel module",
            Self::Core => "a core file, the memory of a process",
            Self::DebugInformation => "debug information, split off from a program or library",
            Self::Unknown => "of no known type",
        }
    }

    /// Whether it is mapped and run, as it is or as part of a program.
    pub fn is_loaded(self) -> bool {
        matches!(self, Self::Program | Self::SharedLibrary)
    }
}

/// What the dynamic section says of the kind.
#[derive(Debug, Clone, Copy, Default)]
struct Dynamic {
    has_name: bool,
    is_program: bool,
}

impl Dynamic {
    fn read(source: &dyn Bytes, layout: ElfLayout, segments: &[Segment]) -> Option<Self> {
        let segment = segments.iter().find(|segment| segment.values.p_type == ph::PT_DYNAMIC)?;
        let length = segment.values.p_filesz.min(MAX_DYNAMIC_BYTES);
        let bytes = source.read(segment.values.p_offset, length as usize);
        let word = match layout.class {
            Class::Elf32 => 4,
            Class::Elf64 => 8,
        };
        let mut found = Self::default();
        for entry in bytes.chunks_exact(2 * word) {
            let (tag, value) = entry.split_at(word);
            match (layout.number(tag, word), layout.number(value, word)) {
                (dy::DT_NULL, _) => break,
                (dy::DT_SONAME, _) => found.has_name = true,
                // Linkers write it into programs alone: debuggers find the loaded libraries by it.
                (dy::DT_DEBUG, _) => found.is_program = true,
                (dy::DT_FLAGS_1, flags) if flags & dy::DF_1_PIE != 0 => found.is_program = true,
                _ => {}
            }
        }
        Some(found)
    }
}

pub(super) fn find(elf: &Elf, source: &dyn Bytes) -> ElfKind {
    if elf.header.not_read {
        return ElfKind::Unknown;
    }
    let is_named = |section: &Section, name: &str| section.name.as_deref() == Some(name);
    let module = |section: &Section| is_named(section, ".modinfo") || is_named(section, ".gnu.linkonce.this_module");
    // `objcopy --only-keep-debug` turns sections into such without bytes.
    let code = |section: &&Section| section.values.sh_flags & u64::from(sh::SHF_EXECINSTR) != 0;
    let mut code = elf.sections.iter().filter(code).peekable();
    let split = code.peek().is_some() && code.all(|section| section.values.sh_type == sh::SHT_NOBITS);
    let interpreted = elf.segments.iter().any(|segment| segment.values.p_type == ph::PT_INTERP);
    match elf.header.values.e_type {
        eh::ET_CORE => ElfKind::Core,
        eh::ET_REL | eh::ET_EXEC | eh::ET_DYN if split => ElfKind::DebugInformation,
        eh::ET_REL if elf.sections.iter().any(module) => ElfKind::KernelModule,
        eh::ET_REL => ElfKind::Object,
        eh::ET_EXEC => ElfKind::Program,
        eh::ET_DYN => match Dynamic::read(source, elf.layout, &elf.segments) {
            Some(Dynamic { has_name: true, .. }) => ElfKind::SharedLibrary,
            Some(Dynamic { is_program: false, .. }) if !interpreted => ElfKind::SharedLibrary,
            _ => ElfKind::Program,
        },
        _ => ElfKind::Unknown,
    }
}

/// What the file is, for which machine, and whether it runs: the first line first, then what it rests on. Safe text.
pub(super) fn in_words(elf: &Elf) -> (String, Vec<String>) {
    let read = format!("read as {}, {}", elf.layout.class.name(), elf.layout.endian.name());
    let what = format!("{} for {}, {read}", elf.kind.name(), elf.header.machine);
    let lines = elf.kernel.reasons.iter().chain(&elf.kernel.notes).cloned();
    let interpreted = elf.interpreter().is_some();
    match elf.kind {
        ElfKind::Program | ElfKind::Unknown => {
            let runs = match elf.kernel.runnable {
                Some(true) => "Linux would run it",
                Some(false) => "Linux would not run it",
                None => "whether Linux would run it cannot be told",
            };
            (format!("{what}; {runs}"), lines.collect())
        }
        ElfKind::SharedLibrary => {
            let entry = match (elf.entry.address, interpreted) {
                (0, false) => "programs load it; it has no entry point of its own (e_entry is 0)".to_owned(),
                (0, true) => "programs load it; it names an interpreter, but its entry point is 0".to_owned(),
                (address, true) => {
                    format!("programs load it; it names an interpreter, so it may be run as well, from {address:#x} on")
                }
                (address, false) => format!(
                    "programs load it; the entry point {address:#x} is heeded only when it is run like a program, as a \
                     dynamic linker may be, and many linkers write one into every library"
                ),
            };
            let run = match elf.kernel.runnable {
                Some(true) if elf.entry.address != 0 => {
                    Some("run like a program, its code would be entered".to_owned())
                }
                _ => None,
            };
            let notes: Vec<String> = if interpreted { lines.collect() } else { Vec::new() };
            (what, std::iter::once(entry).chain(run).chain(notes).collect())
        }
        ElfKind::Object | ElfKind::KernelModule | ElfKind::Core | ElfKind::DebugInformation => {
            (what, vec!["it is no program: execve(2) refuses it, or nothing of it could run".to_owned()])
        }
    }
}
