//! Integration tests: one binary, a module per subject.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod bytes;
mod cli;
mod exclusions;
mod exports;
mod fixtures;
mod hostile;
mod huge;
mod inspect;
mod layering;
mod parsers;
mod pty;
mod readme;
mod reports;
mod scan;
mod scanning;
mod stage;
mod tricks;
mod tui;
