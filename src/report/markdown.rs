//! A case for people: what was scanned, what was found, what was decided and why, what was not seen.

use std::fmt::Write as _;

use super::outgoing::credit;
use super::{Reported, Tally, Totals};
use crate::case::{Head, NotScanned, ScanRow};
use crate::finding::{Digest, PatternMatch};
use crate::hunt::Rule;
use crate::text;
use crate::triage::Verdict;

/// Matches listed of one finding; the rest is counted.
const MATCHES: usize = 20;
/// Matched bytes shown of one match.
const BYTES: usize = 32;

/// Words of a person: what Markdown, HTML or an automatic link could be made of is taken literally.
fn plain(value: &str) -> String {
    let mut out = String::new();
    for c in text::escape_str(value).chars() {
        let harmless = match c {
            '.' | ':' => !could_link(&out),
            _ => matches!(c, '/' | ',' | '-' | '(' | ')' | '\'' | '%' | '='),
        };
        if c.is_ascii_punctuation() && !harmless {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Whether a `.` or `:` after `before` could go on an automatic link (GFM 6.9): `www.`, `http:`.
fn could_link(before: &str) -> bool {
    let word = before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_ascii_lowercase();
    ["www", "http", "https", "ftp", "mailto", "xmpp"].iter().any(|scheme| word.ends_with(scheme))
}

/// What a box named, as a code span (GFM 6.3): nothing in it is markup, and its backticks cannot end it.
fn code(value: &str) -> String {
    let shown = text::escape_str(value);
    if shown.trim().is_empty() {
        return "(blank)".to_owned();
    }
    let longest = shown.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if shown.starts_with(['`', ' ']) || shown.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{shown}{pad}{fence}")
}

/// The beginning: which box, which tree, when, and the journal's head.
pub fn head(host: &str, scan: &ScanRow, journal_head: Head) -> String {
    let mut out = format!("# Hunt on {}\n\n", code(host));
    let ended = scan.ended.as_ref().map_or("did not end".to_owned(), |(at, end)| {
        format!("{} at {at:.0}: {}, {}", end.outcome, text::counted(end.files, "file"), text::bytes(end.bytes))
    });
    let _ = writeln!(out, "- tree: {}", code(&text::escape_path(&scan.tree)));
    let _ = writeln!(out, "- scan {} began at {:.0}, {ended}", scan.id, scan.started);
    let _ = writeln!(out, "- rules: {}", scan.rules_digest);
    let _ = writeln!(out, "- journal head: {journal_head}\n");
    out
}

/// A finding with what was decided about it, see [`lines`](super::decided::lines).
pub fn finding(reported: Reported<'_>, decided: &[String]) -> String {
    let Reported { rule, finding, judged, exclusion, .. } = reported;
    let file = &finding.file;
    let word = match judged.verdict {
        Verdict::Open if judged.subject.candidate => "candidate".to_owned(),
        verdict => verdict.to_string(),
    };
    let mut out = format!("## {word}: {} in {}\n\n", code(&rule.id.name), code(&text::escape_path(&file.path)));
    let _ = match file.digest {
        Digest::Whole(sha256) => writeln!(out, "- SHA-256: {sha256}"),
        Digest::DataOnly(_) => writeln!(out, "- digest: {} ({})", file.digest, Digest::NO_SHA256),
    };
    let owner = file.owner.clone().unwrap_or_else(|| file.uid.to_string());
    let _ = writeln!(
        out,
        "- {}, owner {}, mode {:04o}, modified {}",
        text::counted(file.size, "byte"),
        code(&owner),
        file.mode & 0o7777,
        file.modified
    );
    if let Some(gone) = &judged.gone {
        let _ = writeln!(out, "- {}", plain(&gone.to_string()));
    }
    if let Some(why) = &judged.returned {
        let _ = writeln!(out, "- {}", plain(why));
    }
    if let Some(excluded) = exclusion {
        let _ = writeln!(
            out,
            "- excluded by {} ({}): {}",
            plain(&excluded.id),
            plain(excluded.covers.as_deref().unwrap_or("what it covers is in the register only")),
            plain(&excluded.to_string())
        );
    }
    for line in decided {
        let _ = writeln!(out, "- {}", plain(line));
    }
    for found in finding.matches.iter().take(MATCHES) {
        let _ = writeln!(out, "- {}", pattern_match(found));
    }
    match finding.matches.len().saturating_sub(MATCHES) {
        0 => {}
        more => _ = writeln!(out, "- and {}", text::counted(more as u64, "more match")),
    }
    if finding.capped {
        out.push_str("- a pattern met the cap on matches: there are more than were recorded\n");
    }
    out.push('\n');
    out
}

fn pattern_match(found: &PatternMatch) -> String {
    let data = found.data.get(..found.data.len().min(BYTES)).unwrap_or_default();
    let more = if found.length > data.len() as u64 { "…" } else { "" };
    let length = text::counted(found.length, "byte");
    format!("{} at {:#x}, {length}: {}{more}", code(&found.pattern), found.offset, text::hex(data))
}

/// What follows the findings: counts, and the heading of what was not scanned.
pub fn tally(tally: &Tally, totals: &Totals) -> String {
    format!(
        "## In all\n\n- {}\n- {} decided on earlier and not met by this scan\n\n## Coverage: {}\n\n",
        tally.words(),
        tally.gone,
        totals.missed()
    )
}

/// One thing that was not scanned.
pub fn missed(missed: &NotScanned) -> String {
    format!("- {}: {}\n", code(&text::escape_path(&missed.path)), plain(&missed.detail))
}

/// The end: whose rules these are.
pub fn foot<'r>(rules: impl IntoIterator<Item = &'r Rule>) -> String {
    let mut out = String::from("\n## Rules\n\n");
    for rule in rules {
        let _ = writeln!(out, "- {}", plain(&credit(&rule.id.name, Some(rule))));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{code, plain};

    #[test]
    fn nothing_in_a_persons_words_is_markup() {
        assert_eq!(plain("a|b`c`<script>"), r"a\|b\`c\`\<script\>");
        assert_eq!(plain("x\n# y"), r"x\\n\# y");
        assert_eq!(plain("_a_ *b*"), r"\_a\_ \*b\*");
        assert_eq!(plain("job 1.2: see http://e.x and www.e.x"), r"job 1.2: see http\://e.x and www\.e.x");
        assert_eq!(plain("[x](y)"), r"\[x\](y)");
    }

    #[test]
    fn nothing_in_a_name_ends_its_code_span() {
        assert_eq!(code("/a|b"), "`/a|b`");
        assert_eq!(code("/a`b``c"), "```/a`b``c```");
        assert_eq!(code("/a`"), "`` /a` ``");
        assert_eq!(code("/a\n</script>"), r"`/a\n</script>`");
        assert_eq!(code("/a "), "` /a  `");
        assert_eq!(code(" "), "(blank)");
    }
}
