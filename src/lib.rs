//! Huntbook: from a YARA hit to a defensible verdict.
//!
//! The map of this house. Each room has one job, and data flows one way:
//! `text ← hunt, finding, elf ← scan, evidence ← triage, case`.

pub mod accounts;
pub mod case;
pub mod elf;
pub mod evidence;
pub mod finding;
pub mod hex;
pub mod hunt;
pub mod scan;
pub mod text;
pub mod theme;
pub mod triage;
