//! What the program says when it ends, and on the way there.

use std::io;

use crate::print;

/// Findings that no exclusion covers.
pub(crate) const OPEN: u8 = 1;
/// Wrong usage, or a failure, a signal or a reader that went, which ended the scan early.
pub(crate) const FAILED: u8 = 2;
/// No such finding, but part of the tree could not be scanned.
pub(crate) const INCOMPLETE: u8 = 3;

/// Says something on standard error, and in the log, that does not end the program.
pub(crate) fn warn(line: &str) {
    tracing::warn!("{line}");
    print::say(line);
}

/// Whoever read the output has seen enough: `huntbook hunts list | head`.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>());
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
