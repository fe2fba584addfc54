//! What is wrong with a file that a person wrote: where it is, what it is, and the nearest right word. The TOML files that
//! people write are read with [`table`], so that every mistake in them has its place.

pub(crate) mod table;

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::string::FromUtf8Error;

use crate::text;

/// Problems listed of one file at most; what is beyond is counted.
const MAX_LISTED: usize = 100;
/// Characters of a word from the file that are quoted at most.
const MAX_WORD_CHARS: usize = 60;

/// A line and a column, both counted from 1; columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourcePlace {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl SourcePlace {
    /// The place of the byte at `offset` in `source`; one past the end when `offset` lies beyond it.
    pub fn of(source: &str, offset: usize) -> Self {
        let before = &source.as_bytes()[..offset.min(source.len())];
        let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |newline| newline + 1);
        let line = before.split(|b| *b == b'\n').count();
        // A byte that continues a character begins no column of its own.
        let column = before[start..].iter().filter(|b| **b & 0xc0 != 0x80).count() + 1;
        Self { line, column }
    }
}

/// One thing that is wrong with one file. Shown as `path:line:column: message (hint)`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// Where in the file; `None` when it is about the file as a whole.
    pub place: Option<SourcePlace>,
    /// What is wrong. May quote the file, so it is escaped when shown.
    pub message: String,
    /// What to do about it, such as "did you mean `file.path`?".
    pub hint: Option<String>,
}

impl Problem {
    /// A problem with the file as a whole.
    pub fn whole(path: &Path, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), place: None, message: message.into(), hint: None }
    }

    /// That the file is not UTF-8 text, at its first byte that is not.
    pub(crate) fn not_utf8(path: &Path, error: &FromUtf8Error) -> Self {
        let place = SourcePlace::of(&String::from_utf8_lossy(error.as_bytes()), error.utf8_error().valid_up_to());
        Self { place: Some(place), ..Self::whole(path, "is not UTF-8 text").hint("save it as UTF-8") }
    }

    /// The same problem with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::escape_path(&self.path))?;
        if let Some(place) = self.place {
            write!(f, ":{}:{}", place.line, place.column)?;
        }
        write!(f, ": {}", text::escape_str(&self.message))?;
        match &self.hint {
            Some(hint) => write!(f, " ({})", text::escape_str(hint)),
            None => Ok(()),
        }
    }
}

/// The problems of one file as they are met.
#[derive(Debug)]
pub(crate) struct Problems<'s> {
    path: &'s Path,
    source: &'s str,
    list: Vec<Problem>,
    beyond: usize,
}

impl<'s> Problems<'s> {
    pub(crate) fn new(path: &'s Path, source: &'s str) -> Self {
        Self { path, source, list: Vec::new(), beyond: 0 }
    }

    /// Notes a problem at `span`, byte offsets in the source.
    pub(crate) fn note(&mut self, span: &Range<usize>, message: impl Into<String>, hint: Option<String>) {
        if self.list.len() == MAX_LISTED {
            self.beyond += 1;
            return;
        }
        let place = Some(SourcePlace::of(self.source, span.start));
        self.list.push(Problem { path: self.path.to_owned(), place, message: message.into(), hint });
    }

    /// All problems in the order of the file.
    pub(crate) fn finish(mut self) -> Vec<Problem> {
        self.list.sort_by_key(|problem| problem.place);
        if self.beyond > 0 {
            self.list.push(Problem::whole(
                self.path,
                format!("and {}, not listed", text::counted(self.beyond as u64, "more problem")),
            ));
        }
        self.list
    }
}

/// A word from the file between backticks, cut when it is longer than any word that would be right.
pub(crate) fn quoted(word: &str) -> String {
    match word.char_indices().nth(MAX_WORD_CHARS) {
        Some((end, _)) => format!("`{}…`", &word[..end]),
        None => format!("`{word}`"),
    }
}

/// "did you mean `right`?" for the candidate nearest to `wrong`, if one is near.
pub(crate) fn did_you_mean<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(wrong, candidates).map(|right| format!("did you mean `{right}`?"))
}

/// [`did_you_mean`], or else the list of what would be right.
pub(crate) fn did_you_mean_one_of(wrong: &str, candidates: &[&str]) -> Option<String> {
    let near = did_you_mean(wrong, candidates.iter().copied());
    near.or_else(|| Some(format!("one of: {}", candidates.join(", "))))
}

/// The candidate nearest to `word`, if about a third of it is mistyped at most: letters put in, left out, changed, or
/// swapped with the next (optimal string alignment). Letters that differ only in case do not count.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const MAX_CHARS: usize = 64;
    let length = word.chars().take(MAX_CHARS + 1).count();
    if length > MAX_CHARS {
        return None;
    }
    let word = word.to_lowercase();
    let distance = |candidate: &str| strsim::osa_distance(&word, &candidate.to_lowercase());
    let ranked = candidates.into_iter().map(|candidate| (distance(candidate), candidate));
    let near = ranked.filter(|(distance, _)| *distance <= (length + 1) / 3);
    near.min_by_key(|(distance, _)| *distance).map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_from_one() {
        let source = "a\nüb\n";
        assert_eq!(SourcePlace::of(source, 0), SourcePlace { line: 1, column: 1 });
        assert_eq!(SourcePlace::of(source, 4), SourcePlace { line: 2, column: 2 });
        assert_eq!(SourcePlace::of(source, 99), SourcePlace { line: 3, column: 1 });
    }

    #[test]
    fn the_nearest_word_is_offered_only_when_it_is_near() {
        let words = ["file.path", "file.name", "process.name"];
        assert_eq!(nearest("file.pth", words), Some("file.path"));
        assert_eq!(nearest("File.Naem", words), Some("file.name"));
        assert_eq!(nearest("proces.name", words), Some("process.name"));
        assert_eq!(nearest("colour", words), None);
        assert_eq!(nearest("c", ["a"]), None);
        assert_eq!(nearest(&"x".repeat(1000), words), None);
    }

    #[test]
    fn a_problem_shows_where_what_and_what_to_do_and_no_raw_control() {
        let source = "x = 1\n\u{1b}y";
        let path = Path::new("a\nb.toml");
        let mut problems = Problems::new(path, source);
        problems.note(&(6..7), "odd \u{1b}[2J", Some("leave it out".into()));
        let shown = problems.finish()[0].to_string();
        assert_eq!(shown, r"a\nb.toml:2:1: odd \x1b[2J (leave it out)");
    }

    #[test]
    fn a_flood_of_problems_is_counted_not_kept() {
        let mut problems = Problems::new(Path::new("x"), "");
        for _ in 0..1000 {
            problems.note(&(0..0), "wrong", None);
        }
        let list = problems.finish();
        assert_eq!(list.len(), MAX_LISTED + 1);
        assert_eq!(list[MAX_LISTED].to_string(), "x: and 900 more problems, not listed");
    }
}
