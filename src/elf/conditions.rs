//! How a program ends that does not run, and what it depends on whether it does; in words.

use std::fmt;

use super::segments::shown_interpreter;
use crate::text::{self, counted};

/// Reasons and notes listed at most, each.
const MAX_REASONS: usize = 16;

/// One past the highest address with five-level page tables.
pub(super) const LIMIT_FIVE_LEVELS: u64 = 0xff_ffff_ffff_f000;

/// How a program ends that does not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramEnd {
    /// `execve(2)` fails with this error.
    Error(&'static str),
    /// The kernel took the file before it met what is wrong, or the first instruction fails.
    Segv,
    /// The same where a whole page of a segment lies past the end of the file.
    Bus,
    /// One signal or another, by what the kernel has put at the entry point.
    Signal,
}

impl fmt::Display for ProgramEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(name) => f.write_str(name),
            Self::Segv => f.write_str("killed by SIGSEGV"),
            Self::Bus => f.write_str("killed by SIGBUS"),
            Self::Signal => f.write_str("killed by a signal"),
        }
    }
}

/// What it depends on whether a file runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunCondition {
    /// The kernel runs programs of 32 bits.
    Support32,
    /// The interpreter is there.
    Interpreter(String),
    /// The segment at this place may be mapped so low.
    LowAddress {
        /// Place in the table.
        segment: u64,
        /// Its lowest address once it is moved to where it is mapped.
        address: u64,
    },
    /// So much memory can be had at once.
    Memory {
        /// Place in the table.
        segment: u64,
        /// Bytes.
        bytes: u64,
    },
    /// The kernel has more addresses.
    FiveLevels {
        /// Place in the table.
        segment: u64,
    },
    /// The file system has files as large as the segment's offset.
    LargeFile {
        /// Place in the table.
        segment: u64,
    },
    /// The kernel lets zeroed memory be that may not be written to.
    UnwritableZeros {
        /// Place in the table.
        segment: u64,
    },
    /// The kernel maps a segment without bytes in the file as zeros.
    OnlyZeros {
        /// Place in the table.
        segment: u64,
    },
    /// The kernel makes readable memory executable.
    ReadImpliesExec,
    /// It would run on a kernel that makes readable memory executable in 64-bit programs too.
    ReadImpliedExec,
}

impl fmt::Display for RunCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Support32 => f.write_str("on an x86-64 kernel it needs 32-bit support (CONFIG_IA32_EMULATION)"),
            Self::Interpreter(path) => {
                write!(f, "the interpreter {} must be there (else ENOENT)", shown_interpreter(path))
            }
            Self::LowAddress { segment, address } => write!(
                f,
                "segment {segment} comes to lie at {address:#x}, below vm.mmap_min_addr (65536 by default): only root may map \
                 it, else it is killed by SIGSEGV"
            ),
            Self::Memory { segment, bytes } => write!(
                f,
                "segment {segment} asks for {} of memory at once: where memory and swap are less, it is killed by SIGSEGV",
                counted(*bytes, "byte")
            ),
            Self::FiveLevels { segment } => write!(
                f,
                "segment {segment} would fit on a machine with five-level page tables, up to {LIMIT_FIVE_LEVELS:#x}"
            ),
            Self::LargeFile { segment } => write!(
                f,
                "segment {segment} lies at an offset that some file systems have no files for (ext4: 16 TiB): there it is \
                 killed by SIGSEGV"
            ),
            Self::UnwritableZeros { segment } => write!(
                f,
                "segment {segment} has zeroed memory it may not write: before Linux 6.7 it is killed by SIGSEGV"
            ),
            Self::OnlyZeros { segment } => write!(
                f,
                "segment {segment} has no bytes in the file: before Linux 6.7 its zeros were mapped only if no other \
                 segment reached further, and without permission to execute"
            ),
            Self::ReadImpliesExec => f.write_str(
                "its code runs only because the kernel makes readable memory executable for 32-bit files \
                 without PT_GNU_STACK",
            ),
            Self::ReadImpliedExec => f.write_str(
                "before Linux 5.8 it would run: readable memory was executable for want of PT_GNU_STACK, or if that asked \
                 for an executable stack",
            ),
        }
    }
}

/// Each of 2048 segments may give several reasons; the rest is counted.
pub(super) fn first_few(mut said: Vec<String>) -> Vec<String> {
    if let Some(more) = said.len().checked_sub(MAX_REASONS).filter(|more| *more > 0) {
        said.truncate(MAX_REASONS);
        said.push(format!("and {} more like these", text::count(more as u64)));
    }
    said
}
