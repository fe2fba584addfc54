//! The report as Markdown (GFM, <https://github.github.com/gfm/>): headings, lists, tables and fenced lines only. Words of a person are
//! taken literally, what a box named stands in code spans, lines of files in fences that they cannot end.

use std::fmt::Write as _;
use std::io::Write;

use super::timeline::Timeline;
use super::{CaseReport, Detail, Exclusion, FindingGroup, Occurrence};
use crate::finding::Digest;
use crate::report::whole::{ReportSource, WriteError};
use crate::text;

/// Writes the document.
pub(super) fn write(whole: &ReportSource, report: &CaseReport, out: &mut dyn Write) -> Result<(), WriteError> {
    let mut page = format!("# Hunt on {}\n\n", code(&report.host));
    for (what, said) in &report.summary {
        let _ = writeln!(page, "- {what}: {}", plain(said));
    }
    page.push('\n');
    section(
        &mut page,
        "Malicious and suspicious",
        "Nothing was decided to be malicious or suspicious.",
        &report.decided,
    );
    section(&mut page, "Open", "Nothing is open.", &report.open);
    if !report.candidates.is_empty() {
        section(&mut page, "Candidates", "", &report.candidates);
    }
    if !report.not_met.is_empty() {
        section(&mut page, "Decided on earlier, not met by this scan", "", &report.not_met);
    }
    if !report.against.is_empty() {
        excluded(&mut page, "Excluded against the box", &report.against);
    }
    excluded(&mut page, "Excluded", &report.excluded);
    timeline(&mut page, &report.timeline);
    page.push_str("\n## Coverage\n\n");
    let _ = writeln!(page, "- {}", plain(&report.seen));
    for (reason, count, gap) in &report.coverage {
        let unseen = if *gap { "content unseen" } else { "no gap" };
        let _ = writeln!(page, "- {}: {}, {unseen}", plain(reason), text::count(*count));
    }
    out.write_all(page.as_bytes())?;
    if !report.coverage.is_empty() {
        out.write_all(b"\n### Everything that was not scanned\n\n")?;
    }
    whole.each_missed(|missed| {
        let path = text::escape_path(&whole.origin.on_box(&missed.path)).into_owned();
        Ok(out.write_all(format!("- {}: {}\n", code(&path), plain(&missed.detail)).as_bytes())?)
    })?;
    let mut page = String::from("\n## Annex\n");
    for (title, lines) in &report.annex {
        let _ = write!(page, "\n### {title}\n\n");
        for line in lines {
            let _ = writeln!(page, "- {}", plain(line));
        }
    }
    Ok(out.write_all(page.as_bytes())?)
}

fn section(page: &mut String, title: &str, nothing: &str, entries: &[FindingGroup]) {
    let _ = write!(page, "## {title}\n\n");
    if entries.is_empty() {
        let _ = write!(page, "{nothing}\n\n");
    }
    for entry in entries.iter().filter(|entry| entry.detail.is_some()) {
        told(page, entry);
    }
    let listed: Vec<_> = entries.iter().filter(|entry| entry.detail.is_none()).collect();
    if !listed.is_empty() {
        let _ = write!(page, "### {}, in a list\n\n", text::counted(listed.len() as u64, "more entry"));
        for entry in listed {
            for place in &entry.places {
                let _ =
                    writeln!(page, "- {} {} in {}: {}", entry.word, code(&entry.rule), code(&place.path), entry.digest);
            }
        }
        page.push('\n');
    }
}

fn told(page: &mut String, entry: &FindingGroup) {
    let first = entry.places.first().map(|place| code(&place.path)).unwrap_or_default();
    let more = match entry.places.len().saturating_sub(1) {
        0 => String::new(),
        more => format!(" and {}", text::counted(more as u64, "more place")),
    };
    let _ = write!(page, "### {}: {} in {first}{more}\n\n", entry.word, code(&entry.rule));
    for remark in &entry.remarks {
        let _ = writeln!(page, "- {}", plain(remark));
    }
    if !entry.hypothesis.is_empty() {
        let _ = writeln!(page, "- {}", plain(&entry.hypothesis));
    }
    let _ = match entry.digest {
        Digest::Whole(sha256) => writeln!(page, "- SHA-256: {sha256}"),
        Digest::DataOnly(_) => writeln!(page, "- digest: {} ({})", entry.digest, Digest::NO_SHA256),
    };
    let _ = writeln!(page, "- {}", text::counted(entry.size, "byte"));
    for place in &entry.places {
        one_place(page, place);
    }
    if let Some(detail) = &entry.detail {
        one_detail(page, detail);
    }
    page.push('\n');
}

fn one_place(page: &mut String, place: &Occurrence) {
    let mut facts: Vec<_> = place.facts.iter().map(|(what, said)| plain(&format!("{what} {said}"))).collect();
    facts.extend(place.mount.as_ref().map(|mount| format!("read at {}", code(mount))));
    let facts = if facts.is_empty() { String::new() } else { format!(": {}", facts.join(", ")) };
    let _ = writeln!(page, "- place {}{facts}", code(&place.path));
}

fn one_detail(page: &mut String, detail: &Detail) {
    for found in &detail.content.matches {
        let _ = writeln!(
            page,
            "- match {} {}, {}: {}",
            code(&found.pattern),
            plain(&found.place),
            found.kind,
            code(&found.data)
        );
    }
    if detail.content.more > 0 {
        let _ = writeln!(page, "- and {}", text::counted(detail.content.more as u64, "more match"));
    }
    if detail.capped {
        page.push_str("- a pattern met the cap on matches: there are more than were recorded\n");
    }
    for (subject, said) in &detail.box_said {
        let _ = writeln!(page, "- the box, {subject}: {}", plain(said));
    }
    for scenario in &detail.scenarios {
        let answer = scenario.answer.as_deref().unwrap_or("not answered");
        let _ = writeln!(page, "- scenario {}: {}", plain(&scenario.title), plain(answer));
        let why: Vec<_> = scenario.unknown.iter().map(|why| plain(why)).collect();
        let why = if why.is_empty() { String::new() } else { format!(": {}", why.join("; ")) };
        let _ = writeln!(page, "  - by the box: {}{why}", scenario.state);
        for against in &scenario.against {
            let _ = writeln!(page, "  - speaks against it: {}", plain(against));
        }
        for check in &scenario.checks {
            let seen = if check.seen.is_empty() { String::new() } else { format!(", {}", plain(&check.seen)) };
            let why: Vec<_> = check.why.iter().map(|why| plain(why)).collect();
            let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join("; ")) };
            let weak = if check.strength == "weak" { ", a weak sign" } else { "" };
            let _ = writeln!(page, "  - {}: {}{weak}{seen}{why}", plain(&check.check), check.result);
        }
    }
    for line in &detail.decisions {
        let _ = writeln!(page, "- {}", plain(line));
    }
    if !detail.content.lines.is_empty() {
        let lines: String = detail.content.lines.iter().map(|line| line.text.clone() + "\n").collect();
        let fence = "`".repeat(longest_run(&lines).max(2) + 1);
        let _ = write!(page, "\n{fence}text\n{lines}{fence}\n");
    }
}

fn timeline(page: &mut String, timeline: &Timeline) {
    page.push_str("## Timeline\n\n");
    table(page, ["When (UTC)", "What of", "What"]);
    for event in &timeline.events {
        row(page, &[format!("{:.0}", event.at), event.kind.title().to_owned(), event.text.clone()]);
    }
    if timeline.more > 0 {
        let _ = writeln!(page, "\n- {} events are left out", text::count(timeline.more as u64));
    }
}

/// The head of a table (GFM 4.10).
fn table<const N: usize>(page: &mut String, titles: [&str; N]) {
    let _ = writeln!(page, "| {} |", titles.join(" | "));
    let _ = writeln!(page, "|{}", " --- |".repeat(N));
}

/// A row. No code spans: a `|` in one ends its cell, whatever stands before it.
fn row(page: &mut String, cells: &[String]) {
    let cells: Vec<_> = cells.iter().map(|cell| plain(cell)).collect();
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}

fn excluded(page: &mut String, title: &str, all: &[Exclusion]) {
    let _ = write!(page, "## {title}\n\n");
    if all.is_empty() {
        page.push_str("No exclusion covers a finding of this scan.\n\n");
        return;
    }
    table(page, ["Why", "Verdict", "By", "When", "Until", "Ticket", "Covers", "Findings"]);
    for one in all {
        let said = |value: &Option<String>| value.clone().unwrap_or_else(|| "not on record".to_owned());
        let words = &one.words;
        let cells = [
            said(&words.reason),
            one.judgement.clone(),
            said(&words.by),
            one.decided_at.clone(),
            one.expiry.clone(),
            words.ticket.clone().unwrap_or_default(),
            said(&words.covers),
            text::count(one.findings),
        ];
        row(page, &cells);
    }
    page.push('\n');
    for one in all {
        let reason = one.words.reason.as_deref().unwrap_or("the reason is not on record");
        let _ = write!(page, "### {}\n\n", plain(reason));
        let _ = writeln!(page, "- excluded by {}: {}", plain(&one.words.id), plain(&one.words.to_string()));
        for (what, said) in
            [("covers", &one.words.covers), ("scenario", &one.words.scenario), ("ticket", &one.words.ticket)]
        {
            if let Some(said) = said {
                let _ = writeln!(page, "- {what}: {}", plain(said));
            }
        }
        for seen in &one.words.checks {
            let _ = writeln!(page, "- check {}: {}, {}", plain(&seen.check), plain(&seen.result), plain(&seen.seen));
        }
        let rules: Vec<_> = one.rules.iter().map(|rule| code(rule)).collect();
        let _ = writeln!(page, "- {} of {}", text::counted(one.findings, "finding"), rules.join(", "));
        for path in &one.places {
            let _ = writeln!(page, "- place {}", code(path));
        }
        match one.findings.saturating_sub(one.places.len() as u64) {
            0 => {}
            more => _ = writeln!(page, "- and {}", text::counted(more, "more place")),
        }
        page.push('\n');
    }
}

fn longest_run(lines: &str) -> usize {
    lines.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Words of a person: what Markdown, HTML or an automatic link could be made of is taken literally.
pub(in crate::report) fn plain(value: &str) -> String {
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
pub(in crate::report) fn code(value: &str) -> String {
    let shown = text::escape_str(value);
    if shown.trim().is_empty() {
        return "(blank)".to_owned();
    }
    let longest = shown.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if shown.starts_with(['`', ' ']) || shown.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{shown}{pad}{fence}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{code, plain, row};

    proptest! {
        /// What a reader of GFM sees: an escaped sign is itself, any other bar parts cells.
        #[test]
        fn no_words_leave_their_cell_or_become_markup(one in any::<String>(), other in r"[\\|`<&\[*_~!#\r\n a]{0,12}") {
            let mut page = String::new();
            row(&mut page, &[one, other]);
            let mut bars = 0;
            let mut signs = page.trim_end_matches('\n').chars();
            while let Some(sign) = signs.next() {
                match sign {
                    '\\' => prop_assert!(signs.next().is_some_and(|escaped| escaped.is_ascii_punctuation())),
                    '|' => bars += 1,
                    _ => prop_assert!(!"<&[`*_~!#\r\n".contains(sign), "{page:?}"),
                }
            }
            prop_assert_eq!(bars, 3, "{:?}", page);
        }
    }

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
