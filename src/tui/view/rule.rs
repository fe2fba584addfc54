//! The rule tab: attribution, the condition part by part, hypothesis, the source with the patterns that matched counted.

use super::parts;
use super::reading::Reading;
use crate::hunt::{Pattern, Rule};
use crate::text;
use crate::theme::Role;
use crate::tui::state::App;
use crate::tui::state::detail::Detail;
use crate::tui::state::elf_rows;
use crate::tui::widget::paint;

/// Columns of a source line's indentation kept at most.
const DEEPEST: usize = 24;

/// The tab's lines.
pub(super) fn build(app: &App, page: &mut Reading<'_>) {
    let Some(detail) = &app.detail else { return };
    let theme = &app.theme;
    let rule = &detail.hunt.rule;
    let width = page.width;
    page.wrapped(Role::Strong, &rule.id.name);
    let meta = [
        ("about", rule.description()),
        ("author", rule.author()),
        ("reference", rule.reference()),
        ("date", rule.date()),
        ("licence", rule.license()),
    ];
    let also = detail.hunt.also_in.iter().map(|origin| ("also in", Some(&**origin)));
    for (name, value) in meta.into_iter().chain(also) {
        let Some(value) = value else { continue };
        for (index, piece) in text::wrap(&text::escape_str(value), width.saturating_sub(12)).into_iter().enumerate() {
            let name = if index == 0 { name } else { "" };
            let role = if name == "reference" { Role::Link } else { Role::FieldValue };
            page.line(paint::Pieces::new(theme).add(Role::FieldName, format!("  {name:<10}")).add(role, piece).line());
        }
    }
    let samples = rule.known_samples();
    if !samples.is_empty() {
        let (role, said) = match detail.opened.finding.file.digest.sha256() {
            Some(sha256) if samples.contains(&sha256) => (Role::Malicious, "this file is a known sample of it"),
            Some(_) => (Role::Dim, "this file is none of its known samples"),
            None => (Role::Dim, "whether this file is one is not known, for it has a data digest and no SHA-256"),
        };
        let said = format!("{} known samples: {said}", samples.len());
        for piece in text::wrap(&said, width.saturating_sub(2)) {
            page.line(paint::Pieces::new(theme).add(role, format!("  {piece}")).line());
        }
    }
    page.blank();
    page.heading("Condition, part by part");
    if let Some((role, said)) = elf_rows::before(detail.explanation.as_ref()) {
        page.wrapped(role, &said);
    }
    if let Some(explanation) = &detail.explanation {
        for line in parts::condition(theme, &explanation.explained.rule, width) {
            page.line(line);
        }
    }
    page.blank();
    page.heading("Hypothesis");
    page.wrapped(Role::Text, &detail.hunt.hypothesis);
    page.blank();
    page.heading("Source (◆ matched)");
    source(page, app, detail);
}

/// The source line by line, each pattern on one of its own with how often it matched.
fn source(page: &mut Reading<'_>, app: &App, detail: &Detail) {
    let (theme, width) = (&app.theme, page.width);
    let legend = detail.hex.highlights.legend();
    for SourceRow { code, pattern, within } in rows(&detail.hunt.rule) {
        let shown = text::escape_str(&code.replace('\t', "    ")).into_owned();
        let matched = |named: &Pattern| {
            legend.iter().enumerate().find(|(_, legend)| *legend.pattern == *named.id && legend.count > 0)
        };
        let (sign, count) = match pattern.and_then(matched) {
            Some((index, legend)) => {
                ((Role::pattern(index), "◆"), format!(" ×{:<4}", text::count(legend.count as u64)))
            }
            None => ((Role::Dim, " "), " ".repeat(6)),
        };
        let role = if pattern.is_some() { Role::String } else { Role::Text };
        // A long line goes on below, further in than it begins.
        let code = shown.trim_start();
        let indent = " ".repeat((shown.len() - code.len() + if within { 4 } else { 0 }).min(DEEPEST));
        let head = text::width(&count) + 1 + indent.len();
        let mut pieces = cut(code, width.saturating_sub(head + 2)).into_iter();
        let first = pieces.next().unwrap_or_default();
        let line = paint::Pieces::new(theme).add(sign.0, sign.1).add(Role::Dim, count);
        page.line(line.add(role, format!("{indent}{first}")).line());
        for piece in pieces {
            let head = " ".repeat(head + 2);
            page.line(paint::Pieces::new(theme).add(Role::Dim, head).add(role, piece).line());
        }
    }
}

/// A line of a rule's source, or a part of one.
#[derive(Debug, PartialEq)]
struct SourceRow<'r> {
    code: &'r str,
    /// The pattern that is defined in it.
    pattern: Option<&'r Pattern>,
    /// Whether something of its line stands in the row before.
    within: bool,
}

/// The lines of the rule's source, broken before each pattern that has something other than space before it.
fn rows(rule: &Rule) -> Vec<SourceRow<'_>> {
    let mut rows = Vec::new();
    let mut patterns = rule.patterns.iter().peekable();
    let mut begin = 0;
    for line in rule.source.split_inclusive('\n') {
        let (mut start, end) = (begin, begin + line.len());
        begin = end;
        let text = |from: usize, to: usize| rule.source.get(from..to).unwrap_or_default();
        let mut row = SourceRow { code: "", pattern: None, within: false };
        while let Some(pattern) = patterns.next_if(|pattern| pattern.at < end) {
            if row.pattern.is_some() || !text(start, pattern.at).trim().is_empty() {
                rows.push(SourceRow { code: text(start, pattern.at).trim_end(), ..row });
                (start, row.within) = (pattern.at, true);
            }
            row.pattern = Some(pattern);
        }
        rows.push(SourceRow { code: text(start, end).trim_end_matches(['\r', '\n']), ..row });
    }
    rows
}

/// A line of source in pieces of at most so many columns; nothing of it is changed, not even its spaces.
fn cut(code: &str, columns: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut taken = 0;
    for letter in code.chars() {
        let wide = text::width(letter.encode_utf8(&mut [0; 4]));
        if taken + wide > columns.max(2) {
            pieces.push(String::new());
            taken = 0;
        }
        taken += wide;
        if let Some(piece) = pieces.last_mut() {
            piece.push(letter);
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn each_pattern_has_a_row_wherever_it_stands() {
        let source = "rule r { strings: $a = \"x\"\n  $b = \"y\" $c = { 00 }\n  /* $d = */ $e = /z/ // $f\n\n  $g = \"g\"\r\n  condition: $a }";
        let rules = crate::hunt::rules_of("", Path::new(""), source).unwrap();
        let rows = rows(&rules[0]);
        let shown: Vec<_> =
            rows.iter().map(|row| (row.code, row.pattern.map(|pattern| &*pattern.id), row.within)).collect();
        assert_eq!(
            shown,
            [
                ("rule r { strings:", None, false),
                ("$a = \"x\"", Some("$a"), true),
                ("  $b = \"y\"", Some("$b"), false),
                ("$c = { 00 }", Some("$c"), true),
                ("  /* $d = */", None, false),
                ("$e = /z/ // $f", Some("$e"), true),
                ("", None, false),
                ("  $g = \"g\"", Some("$g"), false),
                ("  condition: $a }", None, false),
            ]
        );
    }

    #[test]
    fn a_long_line_of_source_loses_nothing() {
        assert_eq!(cut("$a = \"日本  b\"", 7), ["$a = \"", "日本  b", "\""]);
        assert_eq!(cut("", 7), [""]);
        assert_eq!(cut("abc", 0).concat(), "abc");
    }
}
