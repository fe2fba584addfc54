//! A false-positive hash list for Loki, Loki-RS and THOR: `sha256;comment`, one a line.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::outgoing::{Outgoing, ScopePath, credits};
use crate::finding::Digest;
use crate::text;
use crate::triage::bound;
use crate::triage::exclusion::Exclusion;
use crate::triage::scope::ScopeKind;

/// The name that Loki, Loki-RS and THOR all take for a list of good hashes.
///
/// By THOR's manual (Custom Signatures, IOC files by keyword in their name) the word `hash` alone makes a list of malicious
/// hashes; `falsepositive-hash`, `falsepositive-hashes`, `trusted-hash` and `trusted-hashes` make a list of good ones.
pub const FILE_NAME: &str = "huntbook-falsepositive-hashes.txt";

/// Whether all three scanners take a file of this name for a list of good hashes.
pub fn is_read_as_good(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("falsepositive-hash")
}

const HEADING: &str = "\
# Keep its name, huntbook-falsepositive-hashes.txt: THOR takes a file with the word hash in its name for MALICIOUS hashes
# unless the name has falsepositive-hash or trusted-hash; Loki and Loki-RS want the words falsepositive and hash.
# A hash here skips the file for ALL rules and wherever it lies, not only for the rule it was excluded for.
# They can exclude a path for all rules only, which would blind them there: paths are comments, as excludes.cfg has them.
";

/// The list of what is in force at `now`. The first line is a comment, for some of these scanners skip it.
pub fn list(outgoing: &[Outgoing<'_>], now: Timestamp) -> String {
    let mut out = format!("# Huntbook's exclusions as they stood at {now:.0}\n{HEADING}");
    for credit in credits(outgoing) {
        let _ = writeln!(out, "# {credit}");
    }
    for one in outgoing {
        if !one.state.is_in_force() {
            let _ = writeln!(out, "# left out: {} ({})", one.exclusion.id, one.state);
            continue;
        }
        let comment = comment(one.exclusion);
        if !one.exclusion.boxes.is_empty() {
            let boxes = bound::named(&one.exclusion.boxes);
            let _ = writeln!(out, "# left out, it counts on {boxes} only: {}  {comment}", one.exclusion.id);
            continue;
        }
        match one.digest() {
            Some(Digest::DataOnly(_)) => {
                let _ = writeln!(out, "# left out, it has no SHA-256: {}  {comment}", one.exclusion.id);
            }
            Some(Digest::Whole(sha256)) => _ = writeln!(out, "{sha256};{comment}"),
            None => _ = writeln!(out, "# {}  {comment}", path_pattern(one)),
        }
    }
    out
}

/// What stands behind a hash: no second field, no second line.
fn comment(exclusion: &Exclusion) -> String {
    let comment = format!(
        "{} {} until {:.0} by {}: {}",
        exclusion.rule, exclusion.judgement, exclusion.expires, exclusion.by, exclusion.reason
    );
    text::escape_str(&comment).replace(';', ",")
}

/// The path as a regular expression, or as people read it where no text stands for it.
fn path_pattern(one: &Outgoing<'_>) -> String {
    match one.path() {
        ScopePath::Exact(path) if one.exclusion.scope.kind() == ScopeKind::Folder => {
            format!("^{}/", regex::escape(&path))
        }
        ScopePath::Exact(path) => format!("^{}$", regex::escape(&path)),
        ScopePath::Any | ScopePath::Inexact => format!("not expressible: {}", one.shown_path()),
    }
}
