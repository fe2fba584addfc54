//! The parts as indented lines for screen and terminal: sign, word, text; what was seen behind it or below.

use super::{ConditionPart, PartValue};
use crate::text;

/// Columns by which each level is indented, up to [`DEEPEST`] levels.
const INDENT: usize = 2;
const DEEPEST: usize = 8;

/// One line: what the part is, why it comes to what it does, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConditionLine {
    /// What the part comes to.
    pub value: PartValue,
    /// Indentation, sign, word and source text; safe text.
    pub part: String,
    /// What was seen, with the arrow before it; empty if another line says it. Safe text.
    pub because: String,
}

/// The lines of `part` and all within, each at most `columns` wide unless that is too few to say anything.
pub(crate) fn lines(part: &ConditionPart, columns: usize) -> Vec<ConditionLine> {
    part.rows().into_iter().flat_map(|(depth, part)| lines_of(depth, part, columns)).collect()
}

fn lines_of(depth: usize, part: &ConditionPart, columns: usize) -> Vec<ConditionLine> {
    let indent = " ".repeat(INDENT * depth.min(DEEPEST));
    let room = columns.saturating_sub(indent.len()).max(20);
    let words: Vec<&str> = part.text.split_whitespace().collect();
    let said = format!("{} {}: {}", sign(part.value), part.value, text::escape_str(&words.join(" ")));
    let because = text::escape_str(&part.because);
    let line = |part_text: String, because: String| ConditionLine { value: part.value, part: part_text, because };
    let arrow = if because.is_empty() { String::new() } else { format!(" → {because}") };
    if text::width(&said) + text::width(&arrow) <= room {
        return vec![line(format!("{indent}{said}"), arrow)];
    }
    // What is put together is told by its parts; a line is enough to recognise it.
    let said = match part.parts.as_slice() {
        [] => text::wrap(&said, room.saturating_sub(INDENT)),
        _ => vec![text::truncate_end(&said, room).into_owned()],
    };
    let hang = |row| if row == 0 { "" } else { "  " };
    let said =
        said.into_iter().enumerate().map(|(row, said)| line(format!("{indent}{}{said}", hang(row)), String::new()));
    let why = text::wrap(&because, room.saturating_sub(4)).into_iter().filter(|why| !why.is_empty()).enumerate();
    let why = why.map(|(row, why)| {
        let arrow = if row == 0 { "→" } else { " " };
        line(format!("{indent}  "), format!("{arrow} {why}"))
    });
    said.chain(why).collect()
}

fn sign(value: PartValue) -> char {
    match value {
        PartValue::True => '✔',
        PartValue::False => '✘',
        PartValue::Undefined => '∅',
        PartValue::Unknown => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str, because: &str, parts: Vec<ConditionPart>) -> ConditionPart {
        ConditionPart { text: text.to_owned(), value: PartValue::False, because: because.to_owned(), parts }
    }

    fn whole(lines: &[ConditionLine]) -> Vec<String> {
        lines.iter().map(|line| format!("{}{}", line.part, line.because)).collect()
    }

    #[test]
    fn parts_are_indented_and_what_is_hostile_is_escaped() {
        let within = part("$a\n   at\t4", "not \u{1b}[31mfound", Vec::new());
        let shown = lines(&part(&"x and ".repeat(30), "0 of 1 true", vec![within.clone()]), 40);
        assert_eq!(
            whole(&shown),
            ["✘ false: x and x and x and x and x and …", "  → 0 of 1 true", "  ✘ false: $a at 4 → not \\x1b[31mfound"]
        );
        assert_eq!(whole(&lines(&within, 30)), ["✘ false: $a at 4", "  → not \\x1b[31mfound"]);
    }

    #[test]
    fn lines_keep_to_the_columns_however_deep_they_are() {
        let deep = (0..100).fold(part(&"long ".repeat(50), &"word ".repeat(50), Vec::new()), |within, _| {
            part("not …", "", vec![within])
        });
        let shown = lines(&deep, 60);
        assert!(shown.len() > 101 && whole(&shown).iter().all(|line| text::width(line) <= 60));
    }
}
