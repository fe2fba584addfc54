//! Integration tests: one binary, a module per subject.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod cli;
mod fixtures;
mod hostile;
mod layering;
mod pty;
mod readme;
mod scan;
mod scanning;
mod stage;
mod tui;
