//! Integration tests: one binary, a module per subject.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod attacks;
mod bytes;
mod chooser;
mod cli;
mod exclusions;
mod explained;
mod exports;
mod fixtures;
mod fuzz_seeds;
mod gone;
mod handover;
mod hostile;
mod huge;
mod inspect;
mod journeys;
mod layering;
mod lists;
mod log;
mod looks;
mod manners;
mod parsers;
mod portrait;
mod pty;
mod random;
mod readme;
mod recording;
mod register;
mod reports;
mod scan;
mod scanning;
mod screens;
mod sparse;
mod stage;
mod svg;
mod tired;
mod tricks;
mod tui;
mod usage;
