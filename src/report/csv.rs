//! CSV (RFC 4180), with cells that a spreadsheet would take for a formula defused.

use std::path::Path;

use super::origin::Origin;
use super::{Reported, Summary, ndjson};
use crate::case::NotScanned;
use crate::finding::Finding;
use crate::text::{self, subject};

/// Matches listed of one finding; the rest is counted.
const MATCHES: usize = 100;

/// What a spreadsheet takes for the beginning of a formula, in either width.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// One line, ended by CR LF.
pub(crate) fn line<I: IntoIterator<Item = S>, S: AsRef<str>>(cells: I) -> String {
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

/// The columns of a report. New ones are added at the end.
const COLUMNS: [&str; 34] = [
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
    "Host",
    "ScanUtc",
    "MountPath",
    "CaseId",
    "EventId",
    "Member",
    "SubjectSays",
    "Tags",
    "Notes",
    "AgainstTheBox",
];

/// The first line of a report.
pub(crate) fn head() -> String {
    line(COLUMNS)
}

/// A line of a report with the columns that every line has, `cells` put into theirs by name.
fn row(origin: &Origin, kind: &str, (path, id): (&Path, &str), cells: &[(&str, String)]) -> String {
    // What is inside of a file stands in a column of its own; a process has no other name than the one of its executable.
    let member = subject::shown_members(path).join(&format!(" {} ", subject::ARROW));
    let path = if member.is_empty() { path } else { subject::file_of(path) };
    let on_box = origin.on_box(path);
    let mount = if origin.is_mounted() { text::escape_path(path).into_owned() } else { String::new() };
    let all = [
        ("Kind", kind.to_owned()),
        ("FilePath", text::escape_path(&on_box).into_owned()),
        ("Host", origin.host_name().to_owned()),
        ("ScanUtc", origin.scan.started.to_string()),
        ("MountPath", mount),
        ("CaseId", origin.case_id.clone()),
        ("EventId", origin.event_id(id)),
        ("Member", member),
    ];
    let value = |column| cells.iter().chain(&all).find(|(name, _)| *name == column).map_or("", |(_, value)| value);
    line(COLUMNS.map(value))
}

/// A finding or candidate, with what was decided about it, see [`lines`](super::decided::lines).
pub(crate) fn finding(origin: &Origin, reported: Reported<'_>, decided: &[String]) -> String {
    let written = reported.written();
    let Reported { rule, finding, judged, exclusion, .. } = reported;
    let file = &finding.file;
    let kind = if judged.subject.candidate { "candidate" } else { "finding" };
    let said = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let id = format!("finding {}", judged.id);
    row(
        origin,
        kind,
        (&file.path, &id),
        &[
            ("Verdict", judged.verdict.to_string()),
            ("RuleName", rule.id.name.to_string()),
            ("FileSHA256", file.digest.sha256().map(|sha256| sha256.to_string()).unwrap_or_default()),
            ("Size", file.size.to_string()),
            ("Owner", file.owner.clone().unwrap_or_else(|| file.uid.to_string())),
            ("Group", file.group.clone().unwrap_or_else(|| file.gid.to_string())),
            ("Mode", format!("{:04o}", file.mode & 0o7777)),
            ("ModifiedUtc", file.modified.to_string()),
            ("MatchCount", finding.matches.len().to_string()),
            ("Matches", matches(finding)),
            ("Decisions", decided.join("; ")),
            ("Returned", said(judged.returned.as_deref())),
            ("Gone", judged.gone.map(|gone| gone.to_string()).unwrap_or_default()),
            ("ExclusionId", exclusion.map(|exclusion| exclusion.id.clone()).unwrap_or_default()),
            ("ExclusionReason", said(exclusion.and_then(|exclusion| exclusion.reason.as_deref()))),
            ("RuleAuthor", said(rule.author())),
            ("RuleReference", said(rule.reference())),
            ("RuleDate", said(rule.date())),
            ("RuleLicense", said(rule.license())),
            ("Tags", written.tags.iter().map(|tag| format!("#{tag}")).collect::<Vec<_>>().join(" ")),
            ("Notes", written.notes.join("; ")),
            ("AgainstTheBox", if judged.against_the_box { "yes".to_owned() } else { String::new() }),
            ("SubjectSays", file.stated.as_ref().map(|said| said.line()).unwrap_or_default()),
            ("FileDataDigest", file.digest.data_digest().map(|digest| digest.to_string()).unwrap_or_default()),
        ],
    )
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
pub(crate) fn missed(origin: &Origin, missed: &NotScanned) -> String {
    let id = ndjson::missed_id(missed);
    row(
        origin,
        "coverage",
        (&missed.path, &id),
        &[("Verdict", missed.reason.clone()), ("Detail", missed.detail.clone())],
    )
}

/// The last line: the tree, counts, and the journal's head.
pub(crate) fn summary(origin: &Origin, summary: &Summary) -> String {
    let Summary { tally, totals, head, .. } = summary;
    let scan = &origin.scan;
    let outcome = scan.ended.as_ref().map_or("did not end".to_owned(), |(_, end)| end.outcome.to_string());
    let detail =
        format!("scan {} {outcome}, {}, {} not met again, {}", scan.id, tally.words(), tally.gone, totals.missed());
    row(origin, "summary", (&scan.tree, "summary"), &[("Detail", detail), ("JournalHead", head.to_string())])
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
}
