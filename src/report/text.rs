//! A scan for people: a paragraph a finding, what was not scanned, and a line that sums up.

use std::fmt::Write as _;

use super::asked;
use super::origin::Origin;
use super::{Reported, Summary, missed_word};
use crate::case::NotScanned;
use crate::finding::PatternMatch;
use crate::scan::scanned;
use crate::text;
use crate::triage::Verdict;

/// Matches of one finding that are listed; the rest is counted.
const MATCHES: usize = 10;
/// Matched bytes that are shown of one match.
const BYTES: usize = 32;

/// Warnings of the rules' compiler that are printed; the rest is counted.
const WARNINGS: usize = 5;

/// What the rules' compiler warned of.
pub(crate) fn warnings(warnings: &[String]) -> String {
    let mut out = String::new();
    for line in warnings.iter().take(WARNINGS).flat_map(|warning| warning.lines()) {
        let _ = writeln!(out, "{}", text::escape_str(line));
    }
    match warnings.len().saturating_sub(WARNINGS) {
        0 => {}
        more => _ = writeln!(out, "… and {}; --log FILE keeps them all", text::counted(more as u64, "more warning")),
    }
    out
}

/// A finding, or a candidate.
pub(crate) fn finding(reported: Reported<'_>) -> String {
    let Reported { rule, finding, judged, exclusion, .. } = reported;
    let facts = &finding.file;
    let word = match judged.verdict {
        Verdict::Open if judged.returned.is_some() => "returned",
        Verdict::Open if judged.subject.candidate => "candidate",
        Verdict::Open => "open",
        Verdict::Benign => "excluded",
        Verdict::Suspicious => "suspicious",
        Verdict::Malicious => "malicious",
    };
    let owner =
        facts.owner.as_deref().map_or_else(|| facts.uid.to_string(), |name| text::escape_str(name).into_owned());
    let (name, digest) = facts.digest.labelled();
    let mut out = format!("{word:<10} {}  {}\n", text::escape_str(&rule.id.name), text::escape_path(&facts.path));
    let _ = writeln!(
        out,
        "    {}, {:04o} {owner}, modified {}, {name} {digest}",
        text::bytes(facts.size),
        facts.mode & 0o7777,
        facts.modified.timestamp().map_or_else(|| facts.modified.to_string(), |time| format!("{time:.0}")),
    );
    if let Some(said) = &facts.stated {
        let _ = writeln!(out, "    {said}");
    }
    for found in finding.matches.iter().take(MATCHES) {
        let _ = writeln!(out, "    {}", pattern_match(found));
    }
    match finding.matches.len().saturating_sub(MATCHES) {
        0 => {}
        more => _ = writeln!(out, "    and {}", text::counted(more as u64, "more match")),
    }
    if finding.capped {
        let _ = writeln!(out, "    a pattern met the cap on matches: there are more than are listed");
    }
    if let Some(gone) = &judged.gone {
        let _ = writeln!(out, "    {gone}");
    }
    if let Some(why) = &judged.returned {
        let _ = writeln!(out, "    {why}");
    }
    if let Some(exclusion) = exclusion {
        let _ = writeln!(out, "    {exclusion}");
    }
    out
}

fn pattern_match(found: &PatternMatch) -> String {
    let shown = found.data.get(..BYTES.min(found.data.len())).unwrap_or_default();
    let more = if found.length > shown.len() as u64 { "…" } else { "" };
    format!(
        "{:#x} {} {}: {}{more}",
        found.offset,
        text::escape_str(&found.pattern),
        text::counted(found.length, "byte"),
        text::escape(shown)
    )
}

/// One thing that was not scanned.
pub(crate) fn missed(missed: &NotScanned) -> String {
    let (path, detail) = (text::escape_path(&missed.path), text::escape_str(&missed.detail));
    format!("{} {path}: {detail}\n", missed_word(&missed.reason))
}

/// The last lines.
pub(crate) fn summary(origin: &Origin, summary: &Summary) -> String {
    let Summary { tally, totals, head, evidence, unsaved } = summary;
    let mut out = String::new();
    let _ = writeln!(out, "{}", tally.words());
    if tally.gone > 0 {
        let _ = writeln!(out, "{} decided on earlier and not met again", text::count(tally.gone));
    }
    let _ = writeln!(
        out,
        "{}, {} in {:.2} s; {}{}",
        scanned(totals.files.unwrap_or(0), totals.members.unwrap_or(0), totals.processes.unwrap_or(0)),
        text::bytes(totals.bytes.unwrap_or(0)),
        totals.elapsed.unwrap_or_default().as_secs_f64(),
        totals.missed(),
        if origin.is_complete() { "" } else { "; the scan did not go to its end" }
    );
    if totals.unused_rules > 0 {
        let rules = text::counted(totals.unused_rules, "rule");
        let _ = writeln!(out, "{rules} not used, each named above with the reason; --strict-rules refuses such rules");
    }
    if let Some(end) = evidence {
        let _ = writeln!(out, "{}", asked(end));
    }
    let _ = writeln!(out, "case {}", origin.case);
    if let Some(why) = unsaved {
        let _ = writeln!(out, "the case is NOT whole on disk: {}", crate::text::escape_str(why));
    }
    let _ = writeln!(out, "journal head {head}");
    out
}
