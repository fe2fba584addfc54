//! Huntbook: from a YARA hit to a defensible verdict.
//!
//! The map of this house. Each room has one job, and what stands right may use what stands left of it, never the other
//! way round: `text, timeout, proc, print ← storage, diagnostics ← sandbox, log, finding ← root ← accounts, archive, hunt, elf ← scan, content, version ← hex,
//! evidence ← explain, triage ← case ← session ← places, report ← tui ← cli`.
//!
//! | room | its job |
//! | --- | --- |
//! | [`text`] | untrusted bytes to safe text |
//! | [`mod@proc`] | what the files of a process in `/proc` say |
//! | [`mod@print`] | standard output and standard error, safe for a terminal |
//! | [`sandbox`] | what the process gives up before it reads what others have made |
//! | [`timeout`] | calls that may never return, threads |
//! | [`storage`] | Huntbook's own files: where they lie, whose they must be |
//! | [`log`] | what happened, one line an event |
//! | [`finding`] | what a scan has found |
//! | [`version`] | which Huntbook this is: commit, build, engine, the file that runs |
//! | [`root`] | the one place that opens what belongs to the tree, an image or the box |
//! | [`diagnostics`] | what is wrong with a file that a person wrote, and where |
//! | [`archive`] | what lies inside of archives, packages and compressed files |
//! | [`hunt`] | rules, hypotheses, scenarios and their checks; the five built-in hunts |
//! | [`elf`] | ELF headers, malformed ones above all |
//! | [`content`] | what kind of file it is, by its bytes |
//! | [`hex`] | bytes of any size of file: laid out, marked, searched, copied |
//! | [`scan`] | walk, read, match; coverage |
//! | [`accounts`], [`evidence`] | what the box itself says, read-only |
//! | [`explain`] | a rule's condition, part by part, for one file |
//! | [`triage`] | answers, exclusions, the register |
//! | [`case`] | the record of one hunt on one box, with its journal |
//! | [`session`] | rules, scan, register and case put together, without a screen |
//! | [`places`] | what there is to scan: recent trees, mounts, folders |
//! | [`report`] | what goes out: one format a file |
//! | [`theme`] | colours |
//! | [`tui`] | the screen |
//! | [`cli`] | arguments to exit code |

mod accounts;
mod archive;
mod case;
mod cli;
mod content;
mod diagnostics;
mod elf;
mod evidence;
mod explain;
mod finding;
mod hex;
mod hunt;
mod log;
mod places;
mod print;
mod proc;
mod report;
mod root;
mod sandbox;
mod scan;
mod session;
mod storage;
mod text;
mod theme;
mod timeout;
mod triage;
mod tui;
mod version;

#[doc(hidden)]
#[allow(missing_docs, reason = "each item is described where it is defined")]
pub mod internals;

pub use cli::main;
