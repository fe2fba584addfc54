//! A false-positive hash list for Loki, Loki-RS and THOR: `sha256;comment`, one a line.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::csv::{parts, status};
use crate::text;
use crate::triage::exclusion::Exclusion;

/// The file. What these scanners can't tell apart is said in comments: a hash skips the file for every rule, and a path
/// exclude would blind them, so paths are commented out.
pub fn list<'a>(exclusions: impl IntoIterator<Item = &'a Exclusion>, now: Timestamp) -> String {
    let mut out = String::from(
        "# Exclusions of Huntbook; name this file so that it holds the words hash and falsepositive.
# A hash here skips the file for ALL rules, not only for the one it was excluded for.
",
    );
    for exclusion in exclusions.into_iter().filter(|exclusion| status(exclusion, now) == "in force") {
        let (sha256, path) = parts(exclusion);
        let comment = format!(
            "{} {} until {:.0} by {}: {}",
            exclusion.rule, exclusion.judgement, exclusion.expires, exclusion.by, exclusion.reason
        );
        let comment = text::escape_str(&comment).replace(';', ",");
        if sha256.is_empty() {
            let _ = writeln!(out, "# by path, which these scanners can only exclude for all rules: {path}  {comment}");
        } else {
            let _ = writeln!(out, "{sha256};{comment}");
        }
    }
    out
}
