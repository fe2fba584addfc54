//! The text of a YARA file, with what it includes, and where in which file each part of it was read.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::problem::{Problem, SourcePlace};

/// The text of one YARA file, to be compiled into a namespace of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleText {
    /// The namespace that the rules' ids carry.
    pub namespace: String,
    /// Where the text comes from, for messages.
    pub origin: String,
    /// The text.
    pub text: Arc<str>,
    /// The file's own text, where `text` has others' in it.
    own: Option<Arc<str>>,
    /// What was included in the place of a statement, in the order of the text.
    included: Vec<Included>,
    /// Bytes that were not UTF-8: where U+FFFD stands for them.
    pub(super) not_utf8: Vec<usize>,
    /// See [`RuleText::warnings`].
    warnings: Option<Arc<[String]>>,
}

/// A stretch of a text that was read from another file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Included {
    /// Where it stands in the whole text.
    range: Range<usize>,
    /// Length in bytes of the statement that it took the place of.
    statement: usize,
    text: Arc<RuleText>,
}

impl RuleText {
    /// The text of the file at `path`, whose name is the namespace.
    pub(super) fn of(path: &Path, text: impl Into<Arc<str>>) -> Self {
        let namespace = path.to_string_lossy().into_owned();
        let origin = namespace.clone();
        let text = text.into();
        Self { namespace, origin, text, own: None, included: Vec::new(), not_utf8: Vec::new(), warnings: None }
    }

    /// What the compiler warned of when it took the text in a namespace of its own; `None` if it was not asked yet.
    pub fn warnings(&self) -> Option<&Arc<[String]>> {
        self.warnings.as_ref()
    }

    /// The same text, which the compiler has taken with these warnings.
    pub(super) fn taken_with(self, warnings: Vec<String>) -> Self {
        Self { warnings: Some(warnings.into()), ..self }
    }

    /// What tells two with the same text apart: where included files begin and end in it, and what was not UTF-8.
    pub(super) fn marks(&self) -> String {
        let included: Vec<_> =
            self.included.iter().map(|part| (&part.range, part.statement, part.text.marks())).collect();
        format!("{} {:?} {included:?} {:?}", self.origin, self.own, self.not_utf8)
    }

    /// Changes the text.
    pub(crate) fn change(&mut self, change: impl FnOnce(&str) -> String) {
        (self.text, self.warnings) = (change(&self.text).into(), None);
    }

    /// The same text in another namespace.
    pub(super) fn in_namespace(self, namespace: &str) -> Self {
        Self { namespace: namespace.to_owned(), ..self }
    }

    /// The text of the file at `path`. Bytes that are not UTF-8 become U+FFFD, and are known afterwards: in a comment
    /// they harm nobody.
    pub(super) fn of_bytes(path: &Path, bytes: &[u8]) -> Self {
        let mut text = String::with_capacity(bytes.len());
        let mut not_utf8 = Vec::new();
        for chunk in bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).utf8_chunks() {
            text.push_str(chunk.valid());
            if !chunk.invalid().is_empty() {
                not_utf8.push(text.len());
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        Self { not_utf8, ..Self::of(path, text) }
    }

    /// The same with `included` in the place of each statement. The statements are in the order of the text.
    pub(super) fn with_included(self, statements: Vec<(Range<usize>, Self)>) -> Self {
        if statements.is_empty() {
            return self;
        }
        let (mut text, mut not_utf8, mut parts) = (String::new(), Vec::new(), Vec::new());
        let mut from = 0;
        for (statement, included) in statements {
            self.copy(from..statement.start, &mut text, &mut not_utf8);
            let start = text.len();
            not_utf8.extend(included.not_utf8.iter().map(|at| at + start));
            text.push_str(&included.text);
            let range = start..text.len();
            parts.push(Included { range, statement: statement.len(), text: Arc::new(included) });
            from = statement.end;
        }
        self.copy(from..self.text.len(), &mut text, &mut not_utf8);
        Self { own: Some(Arc::clone(&self.text)), text: text.into(), included: parts, not_utf8, warnings: None, ..self }
    }

    /// Copies a stretch of the text that nothing is included in.
    fn copy(&self, range: Range<usize>, text: &mut String, not_utf8: &mut Vec<usize>) {
        let start = text.len();
        not_utf8.extend(self.not_utf8.iter().filter(|at| range.contains(at)).map(|at| at - range.start + start));
        text.push_str(self.text.get(range).unwrap_or_default());
    }

    /// The file that the byte at `offset` was read from, and the place in that file.
    pub(super) fn place(&self, offset: usize) -> (PathBuf, SourcePlace) {
        if let Some(part) = self.included.iter().find(|part| part.range.contains(&offset)) {
            return part.text.place(offset - part.range.start);
        }
        let Some(own) = &self.own else { return (PathBuf::from(&self.origin), SourcePlace::of(&self.text, offset)) };
        let before = self.included.iter().filter(|part| part.range.end <= offset);
        let at = before.fold(offset, |at, part| at + part.statement - part.range.len());
        (PathBuf::from(&self.origin), SourcePlace::of(own, at))
    }

    /// A problem at `span`, bytes of the whole text, in the file that they were read from.
    pub(super) fn problem(&self, span: &Range<usize>, message: impl Into<String>, hint: Option<String>) -> Problem {
        let (path, place) = self.place(span.start);
        Problem { path, place: Some(place), message: message.into(), hint }
    }

    /// The same text with blanks in the place of `ranges`: all that stays keeps its place.
    pub(super) fn without(&self, ranges: &[Range<usize>]) -> Self {
        if ranges.is_empty() {
            return self.clone();
        }
        let mut text = self.text.to_string();
        for range in ranges {
            let blank: String = text.get(range.clone()).unwrap_or_default().bytes().map(blank).collect();
            if blank.len() == range.len() {
                text.replace_range(range.clone(), &blank);
            }
        }
        Self { text: text.into(), warnings: None, ..self.clone() }
    }
}

/// A line end stays one, so that lines keep their numbers.
fn blank(byte: u8) -> char {
    if byte == b'\n' { '\n' } else { ' ' }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &RuleText, word: &str) -> String {
        let (path, SourcePlace { line, column }) = text.place(text.text.find(word).unwrap());
        format!("{}:{line}:{column}", path.display())
    }

    #[test]
    fn a_place_in_included_text_is_one_of_the_file_it_was_read_from() {
        let deep = RuleText::of(Path::new("deep"), "one\ntwo");
        let middle = RuleText::of(Path::new("middle"), "three\n  XX four\nfive");
        let middle = middle.with_included(vec![(8..10, deep)]);
        let text = RuleText::of(Path::new("top"), "six\n YYY seven\neight");
        let text = text.with_included(vec![(5..8, middle)]);
        assert_eq!(&*text.text, "six\n three\n  one\ntwo four\nfive seven\neight");
        let places = ["one", "two", "three", "four", "five", "six", "seven", "eight"].map(|word| place(&text, word));
        let wanted =
            ["deep:1:1", "deep:2:1", "middle:1:1", "middle:2:6", "middle:3:1", "top:1:1", "top:2:6", "top:3:1"];
        assert_eq!(places, wanted);
        let shorter = text.without(&[4..9]);
        assert_eq!(&shorter.text[..11], "six\n     e\n");
        assert_eq!(place(&shorter, "two"), "deep:2:1");
    }

    #[test]
    fn bytes_that_are_no_text_are_known() {
        let text = RuleText::of_bytes(Path::new("x"), b"\xef\xbb\xbfa\xe9b\n\xff");
        assert_eq!(&*text.text, "a\u{fffd}b\n\u{fffd}");
        assert_eq!(text.not_utf8, [1, 6]);
        let outer = RuleText::of_bytes(Path::new("y"), b"\xe9 I \xe9").with_included(vec![(4..5, text)]);
        assert!(outer.not_utf8.iter().all(|at| outer.text[*at..].starts_with('\u{fffd}')), "{outer:?}");
        assert_eq!(outer.not_utf8.len(), 4);
    }
}
