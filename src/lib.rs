//! Huntbook: from a YARA hit to a defensible verdict.
//!
//! The map of this house. Each room has one job, and what stands right may use what stands left of it, never the other
//! way round: `text, timeout, print ← storage, diagnostics ← sandbox, log, finding ← root ← accounts, hunt, elf ← scan, content ← hex,
//! evidence ← explain, triage ← case ← session ← places, report ← tui ← cli`.
//!
//! | room | its job |
//! | --- | --- |
//! | [`text`] | untrusted bytes to safe text |
//! | [`mod@print`] | standard output and standard error, safe for a terminal |
//! | [`sandbox`] | what the process gives up before it reads what others have made |
//! | [`timeout`] | calls that may never return, threads |
//! | [`storage`] | Huntbook's own files: where they lie, whose they must be |
//! | [`log`] | what happened, one line an event |
//! | [`finding`] | what a scan has found |
//! | [`root`] | the one place that opens what belongs to the tree, an image or the box |
//! | [`diagnostics`] | what is wrong with a file that a person wrote, and where |
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

pub mod accounts;
pub mod case;
pub mod cli;
pub mod content;
pub mod diagnostics;
pub mod elf;
pub mod evidence;
pub mod explain;
pub mod finding;
pub mod hex;
pub mod hunt;
pub mod log;
pub mod places;
pub mod print;
pub mod report;
pub mod root;
pub mod sandbox;
pub mod scan;
pub mod session;
pub mod storage;
pub mod text;
pub mod theme;
pub mod timeout;
pub mod triage;
pub mod tui;
