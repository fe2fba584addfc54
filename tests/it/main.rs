//! Integration tests: one binary, a module per subject.

#![allow(unreachable_pub, reason = "a test binary has no outside")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod anywhere;
mod appearance;
mod archives;
mod attacks;
mod bytes;
mod chooser;
mod circles;
mod cli;
mod deploy;
mod endings;
mod exclusions;
mod explained;
mod exports;
mod fixtures;
mod fuzz_seeds;
mod handover;
mod hostile;
mod hostile_names;
mod huge;
mod input_races;
mod inspect;
mod journeys;
mod layering;
mod lists;
mod log;
mod many_boxes;
mod missing_files;
mod mouse;
mod parsers;
mod processes;
mod pty;
mod random;
mod readme;
mod recording;
mod register;
mod reports;
mod scan;
mod scanning;
mod schemas;
mod screen_harness;
mod screen_snapshot;
mod screens;
mod sparse;
mod svg;
mod terminal_progress;
mod travelling;
mod tui;
mod usage;
mod workbench;
