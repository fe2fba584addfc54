//! The little Markdown that help pages are written in, as text for a terminal: paragraphs, lists, tables, code, headings.

use crate::text;

/// Columns that the first cell of a table may take beside the others; a wider one has a line to itself.
const BESIDE: usize = 24;

/// The page with its lines wrapped at `columns`; code keeps its lines, indented by four.
pub(super) fn plain(markdown: &str, columns: usize) -> String {
    let mut out = String::new();
    let mut paragraph = Vec::new();
    let mut lines = markdown.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(heading) = line.strip_prefix("## ") {
            end(&mut paragraph, columns, &mut out);
            push(&mut out, &[heading.to_uppercase()]);
        } else if line.starts_with("```") {
            end(&mut paragraph, columns, &mut out);
            let code: Vec<_> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
            push(&mut out, &code.iter().map(|line| format!("    {line}").trim_end().to_owned()).collect::<Vec<_>>());
        } else if line.starts_with('|') {
            end(&mut paragraph, columns, &mut out);
            let mut rows = vec![line];
            while let Some(row) = lines.next_if(|line| line.starts_with('|')) {
                rows.push(row);
            }
            push(&mut out, &table(&rows, columns));
        } else if line.trim().is_empty() {
            end(&mut paragraph, columns, &mut out);
        } else {
            paragraph.push(line.trim());
        }
    }
    end(&mut paragraph, columns, &mut out);
    out
}

/// Adds a block, with an empty line before it unless it is the first.
fn push(out: &mut String, lines: &[String]) {
    if !out.is_empty() {
        out.push('\n');
    }
    for line in lines {
        out.push_str(line);
        out.push('\n');
    }
}

fn end(paragraph: &mut Vec<&str>, columns: usize, out: &mut String) {
    if !paragraph.is_empty() {
        push(out, &text::wrap(&unmarked(&paragraph.join(" ")), columns));
        paragraph.clear();
    }
}

/// A table without its heading: the first cell, then the others, wrapped beside it or below it.
fn table(rows: &[&str], columns: usize) -> Vec<String> {
    let rows: Vec<_> = rows.iter().skip(2).map(|row| cells(row)).collect();
    let widest = rows.iter().filter_map(|row| row.first()).map(|cell| text::width(cell)).max().unwrap_or_default();
    let first = widest.min(BESIDE).min(columns / 3);
    let indent = first + 4;
    let mut out = Vec::new();
    for row in &rows {
        let Some((name, rest)) = row.split_first() else { continue };
        let mut said = text::wrap(&rest.join("; "), columns.saturating_sub(indent).max(10)).into_iter();
        if text::width(name) <= first {
            let beside = said.next().unwrap_or_default();
            out.push(format!("  {}  {beside}", text::fit(name, first)).trim_end().to_owned());
        } else {
            out.extend(text::wrap(name, columns.saturating_sub(2).max(10)).iter().map(|line| format!("  {line}")));
        }
        out.extend(said.map(|line| format!("{:indent$}{line}", "")));
    }
    out
}

/// The cells of one row, marks taken off; `\|` is a bar.
fn cells(row: &str) -> Vec<String> {
    let row = row.trim().trim_start_matches('|').replace("\\|", "\u{0}");
    let row = row.strip_suffix('|').unwrap_or(&row);
    row.split('|').map(|cell| unmarked(cell.trim()).replace('\u{0}', "|")).collect()
}

/// Text without the marks for code, stress and links.
fn unmarked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['`', '*', '[']) {
        out.push_str(&rest[..at]);
        let from = &rest[at..];
        // Code is taken as it is: a star or a bracket in it is one.
        if let Some((code, after)) = from.strip_prefix('`').and_then(|code| code.split_once('`')) {
            out.push_str(code);
            rest = after;
        } else if let Some(after) = from.strip_prefix("**") {
            rest = after;
        } else if let Some((label, after)) = link(from) {
            out.push_str(&unmarked(label));
            rest = after;
        } else if let Some(after) = from.strip_prefix('*') {
            rest = after;
        } else {
            out.push_str(&from[..1]);
            rest = &from[1..];
        }
    }
    out + rest
}

/// A link's label, and what follows the link.
fn link(text: &str) -> Option<(&str, &str)> {
    let (label, after) = text.strip_prefix('[')?.split_once("](")?;
    let (_, after) = after.split_once(')')?;
    (!label.contains('[')).then_some((label, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_become_lines() {
        let page = plain(
            "A **stressed** `word*` and a [link](#there) [[x]].\nSame paragraph.\n\n## Head\n| a | b |\n| - | - |\n| `x \\| y` | one |\n| a name that is far too long | two |\n```sh\nls  -l\n```",
            60,
        );
        let wanted = "A stressed word* and a link [[x]]. Same paragraph.\n\nHEAD\n\n  x | y                 one\n  a name that is far too long\n                        two\n\n    ls  -l\n";
        assert_eq!(page, wanted);
    }
}
