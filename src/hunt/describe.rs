//! Hunts as text for a terminal.
//!
//! Rules and scenarios may come from anywhere, so all of it is escaped.

use std::fmt::Write as _;

use super::check::Operand;
use super::site::Site;
use super::{Hunt, Scenario};
use crate::text;

/// One line for a list: rule, counts, and the beginning of what it is for, at most `columns` wide.
pub(crate) fn line(hunt: &Hunt, columns: usize) -> String {
    let name = text::escape_str(&hunt.rule.id.name);
    let (patterns, scenarios) = (hunt.rule.patterns.len(), hunt.scenarios.len());
    let about = text::escape_str(hunt.rule.description().unwrap_or(&hunt.hypothesis));
    let line = format!(
        "{name}  {}, {}  {about}",
        text::counted(patterns as u64, "pattern"),
        text::counted(scenarios as u64, "scenario")
    );
    text::truncate_end(&line, columns).into_owned()
}

/// The whole hunt as a person would read it, wrapped at `columns`; site sets are shown with what they hold.
pub(crate) fn describe(hunt: &Hunt, site: &Site, columns: usize) -> String {
    let mut page = Page { text: String::new(), columns: columns.max(20) };
    let rule = &hunt.rule;
    page.line(&rule.id.name);
    for (what, value) in [
        ("description", rule.description()),
        ("author", rule.author()),
        ("reference", rule.reference()),
        ("date", rule.date()),
        ("license", rule.license()),
        ("digest", Some(rule.digest.to_string().as_str())),
    ] {
        if let Some(value) = value {
            page.paragraph(2, &format!("{what}: {value}"));
        }
    }
    for origin in &hunt.also_in {
        page.paragraph(2, &format!("also in: {origin}"));
    }
    for sample in rule.known_samples() {
        page.paragraph(2, &format!("known sample: {sample}"));
    }
    let tactics = hunt.threat.named_tactics().iter().map(|tactic| tactic.name.to_owned()).collect();
    for (what, values) in [
        ("ATT&CK tactics", &tactics),
        ("ATT&CK techniques", &hunt.threat.techniques),
        ("known file names", &hunt.threat.file_names),
    ] {
        if !values.is_empty() {
            page.paragraph(2, &format!("{what}: {}", values.join(", ")));
        }
    }
    page.heading("Hypothesis");
    page.paragraph(2, &hunt.hypothesis);
    if let Some(candidate) = &hunt.candidate {
        page.heading("Candidates: worth a look without a match");
        page.paragraph(2, candidate);
    }
    page.heading("Rule");
    for line in rule.source.lines() {
        page.line(&format!("  {}", line.replace('\t', "    ")));
    }
    page.heading("Scenarios");
    for (index, scenario) in hunt.scenarios.iter().enumerate() {
        page.scenario(index + 1, scenario, site);
    }
    page.text
}

struct Page {
    text: String,
    columns: usize,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(&text::escape_str(line));
        self.text.push('\n');
    }

    fn heading(&mut self, title: &str) {
        self.text.push('\n');
        self.line(title);
    }

    fn paragraph(&mut self, indent: usize, paragraph: &str) {
        // Line ends within a paragraph are the author's layout, not his meaning.
        let words = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        for line in text::wrap(&text::escape_str(&words), self.columns.saturating_sub(indent)) {
            let _ = writeln!(self.text, "{:indent$}{line}", "");
        }
    }

    fn scenario(&mut self, number: usize, scenario: &Scenario, site: &Site) {
        if number > 1 {
            self.text.push('\n');
        }
        self.paragraph(2, &format!("{number}. {} [{}]", scenario.title, scenario.id));
        self.paragraph(5, &scenario.story);
        self.paragraph(5, &format!("Verify: {}", scenario.filter));
        for (index, line) in scenario.applies_when.iter().enumerate() {
            let checks: Vec<String> = line.iter().map(ToString::to_string).collect();
            let lead = if index == 0 { "Applies when" } else { "or when" };
            self.paragraph(5, &format!("{lead} {}", checks.join(" and ")));
        }
        for (index, line) in scenario.contradicted_when.iter().enumerate() {
            let checks: Vec<String> = line.iter().map(ToString::to_string).collect();
            let lead = if index == 0 { "Contradicted when" } else { "or when" };
            self.paragraph(5, &format!("{lead} {}", checks.join(" and ")));
        }
        for name in sets_of(scenario) {
            let values = site.set(name).map(|set| set.values.join(", ")).unwrap_or_default();
            let shown = if values.is_empty() { "nothing yet: name some in site.toml" } else { &values };
            self.paragraph(7, &format!("${name}: {shown}"));
        }
    }
}

/// The site sets that a scenario uses, each once.
fn sets_of(scenario: &Scenario) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for check in scenario.checks() {
        if let Operand::SiteSet(name) = &check.operand
            && !names.contains(&name.as_str())
        {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hunt::builtin;

    fn tinyexec() -> Hunt {
        let loaded = builtin::load(&Site::default()).unwrap();
        loaded.hunts.into_iter().find(|hunt| &*hunt.rule.id.name == "EQGRP_tinyexec").unwrap()
    }

    #[test]
    fn a_hunt_is_shown_whole_within_the_width() {
        let shown = describe(&tinyexec(), &Site::default(), 80);
        for part in [
            "author: Florian Roth",
            "license: Detection Rule License 1.1",
            "Hypothesis",
            "filesize < 270",
            "1. ",
            "Applies when process.parent.name is systemd and a systemd unit started",
            "Contradicted when no package ships the file (file.package)",
            "or when file.path lies under /etc/cron.d",
            "$admin_accounts: root, admin, %sudo",
        ] {
            assert!(shown.contains(part), "{part} is not in:\n{shown}");
        }
        // The rule's source is shown as it is; all else keeps to the width.
        let (before, rest) = shown.split_once("\nRule\n").unwrap();
        let (_, after) = rest.split_once("\nScenarios\n").unwrap();
        assert!(before.lines().chain(after.lines()).all(|line| text::width(line) <= 80), "{shown}");
    }

    #[test]
    fn an_empty_set_says_so() {
        let site = Site::parse(std::path::Path::new("site.toml"), "admin_accounts = []").unwrap();
        assert!(describe(&tinyexec(), &site, 80).contains("$admin_accounts: nothing yet"));
    }

    #[test]
    fn one_line_for_the_list() {
        assert_eq!(
            line(&tinyexec(), 200),
            "EQGRP_tinyexec  2 patterns, 5 scenarios  EQGRP Toolset Firewall - from files tinyexec"
        );
        assert_eq!(text::width(&line(&tinyexec(), 30)), 30);
    }

    #[test]
    fn nothing_reaches_the_terminal_raw() {
        let mut hunt = tinyexec();
        let evil = "\u{1b}[2J\u{202e}";
        hunt.hypothesis = evil.into();
        hunt.rule.source = format!("rule {evil}\n");
        std::sync::Arc::make_mut(&mut hunt.scenarios)[0].title = evil.into();
        hunt.rule.meta.clear();
        for shown in [describe(&hunt, &Site::default(), 80), line(&hunt, 80)] {
            assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}'), "{shown}");
        }
    }
}
