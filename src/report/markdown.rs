//! A case for people: what was scanned, what was found, what was decided and why, what was not seen.

use std::fmt::Write as _;

use super::{Reported, Tally};
use crate::case::{GivenAnswer, NotScanned, ScanRow};
use crate::hunt::Rule;
use crate::text;
use crate::triage::Verdict;

/// Matches listed of one finding; the rest is counted.
const MATCHES: usize = 20;

/// Text within a line: Markdown and HTML are taken literally.
fn plain(value: &str) -> String {
    let mut out = String::new();
    for c in text::escape_str(value).chars() {
        if c.is_ascii_punctuation() && !matches!(c, '/' | '.' | ',' | ':' | '-' | '_' | '(' | ')' | '\'' | '%' | '=') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The beginning: which box, which tree, when, and the journal's head.
pub fn head(host: &str, scan: &ScanRow, journal_head: &str) -> String {
    let mut out = format!("# Hunt on {}\n\n", plain(host));
    let ended = scan.ended.as_ref().map_or("did not end".to_owned(), |(at, end)| {
        format!("{} at {at:.0}: {} files, {}", end.outcome, text::count(end.files), text::bytes(end.bytes))
    });
    let _ = writeln!(out, "- tree: {}", plain(&text::escape_path(&scan.tree)));
    let _ = writeln!(out, "- scan {} began at {:.0}, {ended}", scan.id, scan.started);
    let _ = writeln!(out, "- rules: {}", scan.rules_digest);
    let _ = writeln!(out, "- journal head: {journal_head}\n");
    out
}

/// A finding with its answers.
pub fn finding(reported: Reported<'_>, answers: &[GivenAnswer]) -> String {
    let Reported { rule, finding, judged, exclusion } = reported;
    let file = &finding.file;
    let word = match judged.verdict {
        Verdict::Open if judged.subject.candidate => "candidate".to_owned(),
        verdict => verdict.to_string(),
    };
    let mut out = format!("## {word}: {} in {}\n\n", plain(&rule.id.name), plain(&text::escape_path(&file.path)));
    let _ = writeln!(out, "- SHA-256: {}", file.sha256);
    let owner = file.owner.clone().unwrap_or_else(|| file.uid.to_string());
    let _ = writeln!(
        out,
        "- {} bytes, owner {}, mode {:04o}, modified {}",
        text::count(file.size),
        plain(&owner),
        file.mode & 0o7777,
        file.modified
    );
    if let Some(why) = &judged.returned {
        let _ = writeln!(out, "- {}", plain(why));
    }
    if let Some(excluded) = exclusion {
        let _ = writeln!(
            out,
            "- excluded ({}) by {} until {}: {}",
            plain(&excluded.verdict),
            plain(&excluded.by),
            plain(&excluded.expires),
            plain(&excluded.reason)
        );
    }
    for given in answers {
        let note = given.note.as_ref().map(|note| format!(": {}", plain(note))).unwrap_or_default();
        let by = plain(&given.by.to_string());
        let _ = writeln!(out, "- {} {}, by {by} at {:.0}{note}", plain(&given.scenario), given.answer, given.at);
    }
    for found in finding.matches.iter().take(MATCHES) {
        let data = text::hex(found.data.get(..found.data.len().min(32)).unwrap_or_default());
        let _ = writeln!(out, "- {} at {:#x}, {} bytes: {data}", plain(&found.pattern), found.offset, found.length);
    }
    if finding.matches.len() > MATCHES {
        let _ = writeln!(out, "- and {} more matches", finding.matches.len() - MATCHES);
    }
    out.push('\n');
    out
}

/// The end: counts, coverage, and whose rules these are.
pub fn foot<'r>(tally: &Tally, missed: &[NotScanned], rules: impl IntoIterator<Item = &'r Rule>) -> String {
    let mut out = format!(
        "## In all\n\n- {} open, {} suspicious, {} malicious, {} excluded, {} candidates\n\n## Not scanned: {}\n\n",
        tally.open,
        tally.suspicious,
        tally.malicious,
        tally.benign,
        tally.candidates,
        missed.len()
    );
    for item in missed {
        let _ = writeln!(out, "- {}: {}", plain(&text::escape_path(&item.path)), plain(&item.detail));
    }
    out.push_str("\n## Rules\n\n");
    for rule in rules {
        let of = |value: Option<&str>| plain(value.unwrap_or("unknown"));
        let _ = writeln!(
            out,
            "- {}: author {}, reference {}, licence {}",
            plain(&rule.id.name),
            of(rule.author()),
            of(rule.reference()),
            of(rule.license())
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn nothing_in_a_name_is_markup() {
        assert_eq!(plain("a|b`c`<script>"), r"a\|b\`c\`\<script\>");
        assert_eq!(plain("x\n# y"), r"x\\n\# y");
    }
}
