//! What matched, as a person reads it: text as text with the lines around it, bytes as hex.

use std::sync::Arc;

use serde::Serialize;

use crate::finding::{Finding, KeptBytes, PatternMatch};
use crate::hex::dump::{self, DumpExtent};
use crate::hex::snapshot::KeptSource;
use crate::hex::{HexLayout, Highlights};
use crate::hunt::Rule;
use crate::text;

/// Matches listed of one finding; the rest is counted.
const MATCHES: usize = 20;
/// Matched bytes shown of one match.
const BYTES: usize = 64;
/// Lines of text before and after a match.
const AROUND: usize = 2;
/// Lines of text shown of one finding.
const LINES: usize = 24;
/// Columns of a line of text.
const COLUMNS: usize = 160;
/// Lines of bytes around a match, and all in all.
const EXTENT: DumpExtent = DumpExtent { around: 1, most: 12 };
/// Columns of a line of bytes.
const HEX_COLUMNS: usize = 96;

/// One match.
#[derive(Debug, Clone, Serialize)]
pub(super) struct MatchView {
    /// The pattern's identifier, safe text.
    pub pattern: String,
    /// Where it is, and how long.
    pub place: String,
    /// The matched bytes, safe text.
    pub data: String,
    /// What `data` is: `text`, `text in UTF-16` or `bytes in hex`.
    pub kind: &'static str,
}

/// What is shown of the bytes of a finding.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct MatchedContent {
    /// Matches, the first of them.
    pub matches: Vec<MatchView>,
    /// How many more there are.
    pub more: usize,
    /// Lines around the matches, safe text.
    pub lines: Vec<ContextLine>,
}

/// A line of a file.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ContextLine {
    /// The line, safe text.
    pub text: String,
    /// Whether a match is on it.
    pub hit: bool,
}

impl MatchedContent {
    /// That of `finding`, which `rule` matched.
    pub(super) fn of(rule: &Rule, finding: &Finding) -> Self {
        let lines = text_lines(&finding.kept, &finding.matches);
        Self {
            matches: finding.matches.iter().take(MATCHES).map(match_view).collect(),
            more: finding.matches.len().saturating_sub(MATCHES),
            lines: lines.unwrap_or_else(|| byte_lines(rule, finding)),
        }
    }
}

fn match_view(found: &PatternMatch) -> MatchView {
    let data = found.data.get(..found.data.len().min(BYTES)).unwrap_or_default();
    let more = if found.length > data.len() as u64 { "…" } else { "" };
    let (shown, kind) = match (as_text(data), as_wide(data)) {
        (Some(text), _) => (text::escape_str(text).into_owned(), "text"),
        (None, Some(text)) => (text, "text in UTF-16"),
        (None, None) => (spaced(data), "bytes in hex"),
    };
    MatchView {
        pattern: text::escape_str(&found.pattern).into_owned(),
        place: format!("at {:#x}, {}", found.offset, text::counted(found.length, "byte")),
        data: shown + more,
        kind,
    }
}

/// Hex digits in pairs.
fn spaced(data: &[u8]) -> String {
    data.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// `data` as text that a person wrote: UTF-8 without control characters but tabs and line ends.
fn as_text(data: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(data).ok().filter(|text| !text.is_empty())?;
    text.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r')).then_some(text)
}

/// `data` as ASCII in UTF-16LE.
fn as_wide(data: &[u8]) -> Option<String> {
    let (pairs, rest) = data.as_chunks::<2>();
    let printable = |pair: &[u8; 2]| pair[1] == 0 && (b' '..=b'~').contains(&pair[0]);
    (pairs.len() > 1 && rest.is_empty() && pairs.iter().all(printable))
        .then(|| pairs.iter().map(|pair| char::from(pair[0])).collect())
}

/// The lines around the matches, with their numbers where all before them was kept; `None` when it is no text.
fn text_lines(kept: &KeptBytes, matches: &[PatternMatch]) -> Option<Vec<ContextLine>> {
    let mut shown = Vec::new();
    for excerpt in &kept.excerpts {
        let end = excerpt.offset + excerpt.bytes.len() as u64;
        let here: Vec<_> = matches.iter().filter(|m| m.offset < end && m.end() > excerpt.offset).collect();
        if here.is_empty() {
            continue;
        }
        let bytes = excerpt.bytes.as_slice();
        if bytes.iter().any(|byte| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c)) {
            return None;
        }
        let mut start = excerpt.offset;
        let lines: Vec<_> = bytes
            .split_inclusive(|byte| *byte == b'\n')
            .map(|line| {
                let at = start;
                start += line.len() as u64;
                (line, here.iter().any(|m| m.offset < start && m.end() > at))
            })
            .collect();
        let hits: Vec<_> = (0..lines.len()).filter(|index| lines[*index].1).collect();
        let mut last = None;
        for (index, (line, hit)) in lines.iter().enumerate() {
            let next = hits.partition_point(|at| *at + AROUND < index);
            if hits.get(next).is_none_or(|at| at.saturating_sub(AROUND) > index) {
                continue;
            }
            if shown.len() >= LINES {
                shown.push(ContextLine { text: "…".to_owned(), hit: false });
                return Some(shown);
            }
            if last.is_some_and(|last| last + 1 != index) || (last.is_none() && !shown.is_empty()) {
                shown.push(ContextLine { text: "…".to_owned(), hit: false });
            }
            last = Some(index);
            let number = if excerpt.offset == 0 { format!("{:>5}  ", index + 1) } else { "       ".to_owned() };
            let line = text::escape(line.trim_ascii_end()).replace("\\t", "    ");
            shown.push(ContextLine { text: number + &text::truncate_end(&line, COLUMNS), hit: *hit });
        }
    }
    Some(shown)
}

fn byte_lines(rule: &Rule, finding: &Finding) -> Vec<ContextLine> {
    let highlights = Highlights::new(rule.patterns.iter().map(|pattern| pattern.id.as_str()), &finding.matches);
    let mut source = KeptSource::new(Arc::clone(&finding.kept), finding.file.size);
    let layout = HexLayout::new(HEX_COLUMNS, 1, finding.file.size);
    let lines = dump::matches(&mut source, &layout, &highlights, EXTENT);
    lines.into_iter().map(|line| ContextLine { text: text::escape_str(&line).into_owned(), hit: false }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Excerpt;

    fn found(offset: u64, data: &[u8]) -> PatternMatch {
        PatternMatch { pattern: "$a".into(), offset, length: data.len() as u64, data: data.to_vec() }
    }

    #[test]
    fn text_is_text_and_bytes_are_hex() {
        let view = |data: &[u8]| {
            let view = match_view(&found(16, data));
            (view.kind, view.data)
        };
        assert_eq!(view(b"class X:"), ("text", "class X:".to_owned()));
        assert_eq!(view(b"a\0b\0"), ("text in UTF-16", "ab".to_owned()));
        assert_eq!(view(b"\x5a\x58\0"), ("bytes in hex", "5a 58 00".to_owned()));
        assert_eq!(view("a\u{202e}b".as_bytes()), ("text", r"a\u{202e}b".to_owned()));
        assert_eq!(match_view(&found(16, b"x")).place, "at 0x10, 1 byte");
    }

    #[test]
    fn lines_around_a_match_have_their_numbers() {
        let text = (1..=20).map(|n| format!("line {n}\n")).collect::<String>();
        let at = text.find("line 10").unwrap() as u64;
        let kept = |offset| KeptBytes { excerpts: vec![Excerpt { offset, bytes: text.clone().into_bytes() }] };
        let lines = text_lines(&kept(0), &[found(at, b"line 10"), found(0, b"line 1")]).unwrap();
        let shown: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
        let near = ["    1  line 1", "    2  line 2", "    3  line 3", "…", "    8  line 8"];
        assert_eq!(shown[..5], near);
        assert_eq!(lines.iter().filter(|line| line.hit).count(), 2);
        assert!(text_lines(&kept(512), &[found(512 + at, b"line 10")]).unwrap()[0].text.starts_with("       line"));
        let binary = KeptBytes { excerpts: vec![Excerpt { offset: 0, bytes: b"a\0b".to_vec() }] };
        assert!(text_lines(&binary, &[found(0, b"a")]).is_none());
    }
}
