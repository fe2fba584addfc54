//! The parts as indented lines for screen and terminal: sign, word, text; what was seen below.

use super::{Part, Value};
use crate::text;

/// Columns by which each level is indented, up to [`DEEPEST`] levels.
const INDENT: usize = 2;
const DEEPEST: usize = 8;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What the part that it belongs to comes to.
    pub value: Value,
    /// Whether it says why, instead of what the part is.
    pub because: bool,
    /// What it says; safe text.
    pub text: String,
}

/// The lines of `part` and all within, each at most `columns` wide unless that is too few to say anything.
pub fn lines(part: &Part, columns: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for (depth, part) in part.rows() {
        let indent = " ".repeat(INDENT * depth.min(DEEPEST));
        let room = columns.saturating_sub(indent.len()).max(20);
        let words: Vec<&str> = part.text.split_whitespace().collect();
        let said = format!("{} {}: {}", sign(part.value), part.value, text::escape_str(&words.join(" ")));
        // What is put together is told by its parts; a line is enough to recognise it.
        let said = match part.parts.as_slice() {
            [] => text::wrap(&said, room.saturating_sub(INDENT)),
            _ => vec![text::truncate_end(&said, room).into_owned()],
        };
        lines.extend(said.into_iter().enumerate().map(|(row, said)| {
            let hang = if row == 0 { "" } else { "  " };
            Line { value: part.value, because: false, text: format!("{indent}{hang}{said}") }
        }));
        let why = text::wrap(&text::escape_str(&part.because), room.saturating_sub(4));
        lines.extend(why.into_iter().filter(|why| !why.is_empty()).enumerate().map(|(row, why)| {
            let arrow = if row == 0 { "→" } else { " " };
            Line { value: part.value, because: true, text: format!("{indent}  {arrow} {why}") }
        }));
    }
    lines
}

fn sign(value: Value) -> char {
    match value {
        Value::True => '✔',
        Value::False => '✘',
        Value::Undefined => '∅',
        Value::Unknown => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str, because: &str, parts: Vec<Part>) -> Part {
        Part { text: text.to_owned(), value: Value::False, because: because.to_owned(), parts }
    }

    #[test]
    fn parts_are_indented_and_what_is_hostile_is_escaped() {
        let within = part("$a\n   at\t4", "not \u{1b}[31mfound", Vec::new());
        let shown = lines(&part(&"x and ".repeat(30), "0 of 1 true", vec![within]), 40);
        let texts: Vec<&str> = shown.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "✘ false: x and x and x and x and x and …",
                "  → 0 of 1 true",
                "  ✘ false: $a at 4",
                "    → not \\x1b[31mfound",
            ]
        );
    }

    #[test]
    fn lines_keep_to_the_columns_however_deep_they_are() {
        let deep = (0..100).fold(part(&"long ".repeat(50), &"word ".repeat(50), Vec::new()), |within, _| {
            part("not …", "", vec![within])
        });
        assert!(lines(&deep, 60).iter().all(|line| text::width(&line.text) <= 60));
    }
}
