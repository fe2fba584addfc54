//! The report over many boxes as Markdown (GFM); see `case_report/markdown.rs` for how texts are kept from being markup.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::{ContentRow, ManyReport, boxes};
use crate::report::case_report::{code, plain};
use crate::text;

pub(super) fn write(report: &ManyReport, out: &mut dyn Write) -> io::Result<()> {
    let mut page = String::from("# Hunt over many boxes\n\n");
    for (what, said) in &report.summary {
        let _ = writeln!(page, "- {what}: {}", plain(said));
    }
    page.push_str("\n## Boxes\n\n");
    page.push_str(
        "| box | result | open | suspicious | malicious | excluded | candidates | coverage | evidence | tree |\n",
    );
    page.push_str("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (file, why) in &report.unread {
        let _ = writeln!(page, "| {} | not done | | | | | | {} | | |", plain(file), plain(why));
    }
    for one in &report.boxes {
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            plain(&one.host),
            one.result,
            one.open,
            one.suspicious,
            one.malicious,
            one.excluded,
            one.candidates,
            plain(&one.coverage),
            plain(&one.evidence),
            plain(&one.tree)
        );
    }
    page.push_str("\n## Contents, those on few boxes first\n\n");
    if report.contents.is_empty() {
        page.push_str("Nothing was found on any of the boxes.\n");
    }
    out.write_all(page.as_bytes())?;
    for content in &report.contents {
        let mut page = String::new();
        one_content(&mut page, content);
        out.write_all(page.as_bytes())?;
    }
    Ok(())
}

fn one_content(page: &mut String, content: &ContentRow) {
    let rules: Vec<_> = content.rules.iter().map(|rule| code(rule)).collect();
    let _ = write!(page, "### {} on {} of {}\n\n", rules.join(", "), content.boxes, boxes(content.of));
    let _ = writeln!(page, "- {}: {}", content.digest_name, content.digest);
    let verdicts: Vec<_> =
        content.verdicts.iter().map(|(word, count)| format!("{} {word}", text::count(*count))).collect();
    let _ = writeln!(page, "- findings: {}", verdicts.join(", "));
    let _ = writeln!(page, "- {}, first seen {}", text::counted(content.size, "byte"), content.first_seen);
    let _ =
        writeln!(page, "- owned by {}", content.owners.iter().map(|owner| plain(owner)).collect::<Vec<_>>().join(", "));
    let more =
        |count: usize| if count == 0 { String::new() } else { format!(" and {} more", text::count(count as u64)) };
    let hosts: Vec<_> = content.hosts.iter().map(|host| plain(host)).collect();
    let _ = writeln!(page, "- on {}{}", hosts.join(", "), more(content.more_hosts));
    for path in &content.paths {
        let _ = writeln!(page, "- path {}", code(path));
    }
    if content.more_paths > 0 {
        let _ = writeln!(page, "- and {}", text::counted(content.more_paths as u64, "more path"));
    }
    for scenario in &content.scenarios {
        let states: Vec<_> = scenario
            .states
            .iter()
            .map(|(state, count)| format!("{} on {}", plain(state), text::count(*count)))
            .collect();
        let answers: Vec<_> =
            scenario.answers.iter().map(|(word, count)| format!("{word} for {}", text::count(*count))).collect();
        let answers = if answers.is_empty() { "not answered".to_owned() } else { answers.join(", ") };
        let _ = writeln!(page, "- scenario {}: {}; {answers}", plain(&scenario.title), states.join(", "));
    }
    page.push('\n');
}
