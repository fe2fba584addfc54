//! How deep a YARA source nests, found out without recursion.
//!
//! yara-x's parser and compiler descend once for each bracket, `not`, `~` and unary `-`; a few thousand of them overflow
//! the stack, which no one can catch. So sources are measured before they are parsed.

use std::path::Path;

use super::problem::{Problem, Problems};

/// The deepest nesting that is parsed. Rules in use stay below 30.
const MAX_NESTING: usize = 200;

/// # Errors
/// The place in `source` that nests deeper than [`MAX_NESTING`]; `path` is only named.
pub(super) fn check(path: &Path, source: &str) -> Result<(), Vec<Problem>> {
    let Some(offset) = too_deep(source) else { return Ok(()) };
    let mut problems = Problems::new(path, source);
    problems.note(&(offset..offset), message(), None);
    Err(problems.finish())
}

/// What is said of such a place.
pub(super) fn message() -> String {
    format!("nests deeper than {MAX_NESTING} levels")
}

/// Byte offset of the first place that nests deeper than [`MAX_NESTING`].
pub(super) fn too_deep(source: &str) -> Option<usize> {
    let bytes = source.as_bytes();
    // For each open bracket: its level and the operators right before it.
    let mut open: Vec<usize> = Vec::new();
    let (mut depth, mut operators, mut at) = (0, 0, 0);
    while let Some(byte) = bytes.get(at).copied() {
        let start = at;
        at += 1;
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'/' => match bytes.get(at) {
                Some(b'/') => at = end_of_line(bytes, at),
                Some(b'*') => at = end_of_comment(bytes, at + 1),
                _ => at = end_of_literal(bytes, at, b'/'),
            },
            b'"' => {
                operators = 0;
                at = end_of_literal(bytes, at, b'"');
            }
            b'(' | b'[' => {
                open.push(1 + operators);
                depth += 1 + operators;
                operators = 0;
            }
            b')' | b']' => {
                depth -= open.pop().unwrap_or(0);
                operators = 0;
            }
            b'-' | b'~' => operators += 1,
            _ if is_word(byte) => {
                at = bytes[at..].iter().position(|b| !is_word(*b)).map_or(bytes.len(), |length| at + length);
                match &bytes[start..at] {
                    b"not" | b"defined" => operators += 1,
                    // A new rule begins: what a broken one left open is no concern of it.
                    b"rule" => {
                        open.clear();
                        (depth, operators) = (0, 0);
                    }
                    _ => operators = 0,
                }
            }
            _ => operators = 0,
        }
        if depth + operators > MAX_NESTING {
            return Some(start);
        }
    }
    None
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn end_of_line(bytes: &[u8], from: usize) -> usize {
    bytes[from..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |length| from + length)
}

fn end_of_comment(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.windows(2).position(|two| two == b"*/").map_or(bytes.len(), |length| from + length + 2)
}

/// Past the closing quote or slash; a text or an expression ends with its line at the latest.
fn end_of_literal(bytes: &[u8], from: usize, close: u8) -> usize {
    let mut at = from;
    while let Some(byte) = bytes.get(at).copied() {
        match byte {
            b'\n' => return at,
            b'\\' => at += 2,
            byte if byte == close => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(text: &str) -> String {
        format!("rule a {{ condition: {text} }}")
    }

    #[test]
    fn what_nests_is_counted() {
        let deep = MAX_NESTING + 1;
        for opener in ["(", "not ", "~", "- ", "not (", "a[", "-(1 + "] {
            assert!(too_deep(&condition(&opener.repeat(deep))).is_some(), "{opener}");
            assert!(too_deep(&condition(&opener.repeat(20))).is_none(), "{opener}");
        }
    }

    #[test]
    fn what_does_not_nest_is_not_counted() {
        let deep = MAX_NESTING + 1;
        for flat in ["(a) ", "not a and ", "1 - ", "\"((\" ", "/\\(([(]/ ", "/* (( */ ", "// ((\n", "x[1] "] {
            assert!(too_deep(&condition(&flat.repeat(deep))).is_none(), "{flat}");
        }
        assert!(too_deep(&"rule a { condition: ((( }\n".repeat(deep)).is_none());
    }

    #[test]
    fn the_parser_and_the_compiler_stand_what_is_let_through() {
        for opener in ["(", "not "] {
            let text = condition(&format!(
                "{}true{}",
                opener.repeat(MAX_NESTING),
                ")".repeat(if opener == "(" { MAX_NESTING } else { 0 })
            ));
            assert_eq!(too_deep(&text), None);
            assert!(yara_x::compile(text.as_str()).is_ok());
        }
    }
}
