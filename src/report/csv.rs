//! CSV (RFC 4180), with cells that a spreadsheet would take for a formula defused.

use super::{Reported, Tally, Totals};
use crate::case::{Head, NotScanned, ScanRow};
use crate::finding::Finding;
use crate::text;

/// Matches listed of one finding; the rest is counted.
const MATCHES: usize = 100;

/// What a spreadsheet takes for the beginning of a formula, in either width.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// One line, ended by CR LF.
pub fn line<I: IntoIterator<Item = S>, S: AsRef<str>>(cells: I) -> String {
    let cells: Vec<_> = cells.into_iter().map(|cell| self::cell(cell.as_ref())).collect();
    cells.join(",") + "\r\n"
}

/// A cell: control and reordering characters made visible, formulas defused by a leading quote, quoted where needed.
fn cell(value: &str) -> String {
    let shown = text::escape_str(value);
    let formula = shown.trim_start().starts_with(FORMULA);
    let shown = if formula { format!("'{shown}") } else { shown.into_owned() };
    if formula || shown.contains([',', '"']) || shown.starts_with(' ') || shown.ends_with(' ') {
        format!("\"{}\"", shown.replace('"', "\"\""))
    } else {
        shown
    }
}

/// The first line of a report.
pub fn head() -> String {
    line([
        "Kind",
        "Verdict",
        "RuleName",
        "FilePath",
        "FileSHA256",
        "Size",
        "Owner",
        "Group",
        "Mode",
        "ModifiedUtc",
        "MatchCount",
        "Matches",
        "Decisions",
        "Returned",
        "Gone",
        "ExclusionId",
        "ExclusionReason",
        "RuleAuthor",
        "RuleReference",
        "RuleDate",
        "RuleLicense",
        "FileDataDigest",
        "Detail",
        "JournalHead",
    ])
}

/// Cells between the path and the last two.
const BETWEEN: usize = 18;

/// A finding or candidate, with what was decided about it, see [`lines`](super::decided::lines).
pub fn finding(reported: Reported<'_>, decided: &[String]) -> String {
    let Reported { rule, finding, judged, exclusion } = reported;
    let file = &finding.file;
    let kind = if judged.subject.candidate { "candidate" } else { "finding" };
    line([
        kind.to_owned(),
        judged.verdict.to_string(),
        rule.id.name.to_string(),
        text::escape_path(&file.path).into_owned(),
        file.digest.sha256().map(|sha256| sha256.to_string()).unwrap_or_default(),
        file.size.to_string(),
        file.owner.clone().unwrap_or_else(|| file.uid.to_string()),
        file.group.clone().unwrap_or_else(|| file.gid.to_string()),
        format!("{:04o}", file.mode & 0o7777),
        file.modified.to_string(),
        finding.matches.len().to_string(),
        matches(finding),
        decided.join("; "),
        judged.returned.clone().unwrap_or_default(),
        judged.gone.map(|gone| gone.to_string()).unwrap_or_default(),
        exclusion.map(|exclusion| exclusion.id.clone()).unwrap_or_default(),
        exclusion.map(|exclusion| exclusion.reason.clone()).unwrap_or_default(),
        rule.author().unwrap_or_default().to_owned(),
        rule.reference().unwrap_or_default().to_owned(),
        rule.date().unwrap_or_default().to_owned(),
        rule.license().unwrap_or_default().to_owned(),
        file.digest.data_digest().map(|digest| digest.to_string()).unwrap_or_default(),
        String::new(),
        String::new(),
    ])
}

/// Every match as `$pattern@offset+length`, both in bytes.
fn matches(finding: &Finding) -> String {
    let listed = finding.matches.iter().take(MATCHES);
    let mut words: Vec<_> =
        listed.map(|found| format!("{}@{}+{}", found.pattern, found.offset, found.length)).collect();
    match finding.matches.len().saturating_sub(MATCHES) {
        0 => {}
        more => words.push(format!("and {more} more")),
    }
    if finding.capped {
        words.push("the cap on matches was met".to_owned());
    }
    words.join(" ")
}

/// One thing that was not scanned.
pub fn missed(missed: &NotScanned) -> String {
    let path = text::escape_path(&missed.path).into_owned();
    rest(["coverage", missed.reason.as_str(), "", &path], &missed.detail, "")
}

/// The last line: the tree, counts, and the journal's head.
pub fn summary(scan: &ScanRow, tally: &Tally, totals: &Totals, journal_head: Head) -> String {
    let outcome = scan.ended.as_ref().map_or("did not end".to_owned(), |(_, end)| end.outcome.to_string());
    let detail =
        format!("scan {} {outcome}, {}, {} not met again, {}", scan.id, tally.words(), tally.gone, totals.missed());
    rest(["summary", "", "", &text::escape_path(&scan.tree)], &detail, &journal_head.to_string())
}

fn rest(first: [&str; 4], detail: &str, journal_head: &str) -> String {
    line(first.into_iter().chain([""; BETWEEN]).chain([detail, journal_head]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_cannot_break_out_or_calculate() {
        assert_eq!(cell("plain"), "plain");
        assert_eq!(cell("a,b"), "\"a,b\"");
        assert_eq!(cell("say \"x\""), "\"say \"\"x\"\"\"");
        assert_eq!(cell("=cmd|' /C calc'!A0"), "\"'=cmd|' /C calc'!A0\"");
        for formula in ["+1", "-1", "@SUM(A1)", " =1", "＝1"] {
            assert!(cell(formula).starts_with("\"'"), "{formula}");
        }
        assert_eq!(cell("a\r\nb\u{202e}"), r"a\r\nb\u{202e}");
        assert_eq!(cell("\t=1"), r"\t=1");
    }

    #[test]
    fn every_line_has_as_many_cells() {
        let count = |line: &str| line.matches(',').count();
        let scanned = NotScanned { path: "/x".into(), reason: "vanished".into(), detail: "gone".into() };
        assert_eq!(count(&missed(&scanned)), count(&head()));
    }
}
