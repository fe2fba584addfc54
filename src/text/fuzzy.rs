//! Fuzzy matching: what a person types finds lines that hold its letters in order.
//!
//! Words are separated by blanks, and all of them must match, in any order. `'word` must stand in the line as it is,
//! `!word` must not. Letter case counts only in words with a capital.

use std::ops::Range;

use memchr::{memchr, memchr2};

/// What a word asks of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TermKind {
    /// Its letters, in order.
    Letters,
    /// All of it in one run.
    Exact,
    /// No such run.
    Not,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    kind: TermKind,
    /// Never empty; lower case unless `cased`.
    letters: Vec<char>,
    cased: bool,
}

/// What was typed, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FuzzyPattern {
    words: Vec<Word>,
}

/// How a line matches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Match {
    /// How well: runs, starts of words and the last part of a path count more. For comparison only.
    pub score: i64,
    /// Offsets in bytes of the letters that matched, ascending.
    pub places: Vec<usize>,
}

impl FuzzyPattern {
    /// Takes apart what was typed.
    pub fn new(typed: &str) -> Self {
        Self { words: typed.split_whitespace().filter_map(Word::new).collect() }
    }

    /// Takes words that were told apart already; they may hold blanks.
    pub fn of(words: impl IntoIterator<Item = (TermKind, String)>) -> Self {
        Self { words: words.into_iter().filter_map(|(kind, letters)| Word::of(kind, &letters)).collect() }
    }

    /// Whether it matches every line.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether every line that this matches is one that `wider` matches too.
    pub fn narrows(&self, wider: &Self) -> bool {
        let pairs = wider.words.iter().zip(&self.words);
        wider.words.len() <= self.words.len() && pairs.into_iter().all(|(wide, narrow)| narrow.narrows(wide))
    }

    /// Whether `line` matches; cheaper than [`Self::find`].
    pub fn matches(&self, line: &str) -> bool {
        self.words.iter().all(|word| match word.kind {
            TermKind::Letters => word.letters_from(line, 0, 0),
            TermKind::Exact => word.run(line, 0).is_some(),
            TermKind::Not => word.run(line, 0).is_none(),
        })
    }

    /// How near `line` comes to what was typed, the nearest first; `None` when it does not match. A word is the name (the
    /// last part of a path), begins it, stands in it, stands in a folder, has its letters in the name, or anywhere. Of
    /// several words the farthest counts.
    pub fn nearness(&self, line: &str) -> Option<u8> {
        let name = line.rfind('/').map_or(0, |slash| slash + 1);
        self.words.iter().try_fold(0, |far, word| Some(word.nearness(line, name)?.max(far)))
    }

    /// How `line` matches, if it does.
    pub fn find(&self, line: &str) -> Option<Match> {
        let mut found = Match::default();
        let name = line.rfind('/').map_or(0, |slash| slash + 1);
        for word in &self.words {
            let places = match word.kind {
                TermKind::Not if word.run(line, 0).is_none() => continue,
                TermKind::Not => return None,
                TermKind::Exact => word.best_run(line, name)?,
                TermKind::Letters => word.best_run(line, name).or_else(|| word.scattered(line))?,
            };
            found.score += score(line, name, &places);
            found.places.extend(places);
        }
        found.places.sort_unstable();
        found.places.dedup();
        Some(found)
    }
}

impl Word {
    fn new(typed: &str) -> Option<Self> {
        let (kind, letters) = match (typed.strip_prefix('\''), typed.strip_prefix('!')) {
            (Some(rest), _) => (TermKind::Exact, rest),
            (_, Some(rest)) => (TermKind::Not, rest),
            _ => (TermKind::Letters, typed),
        };
        Self::of(kind, letters)
    }

    fn of(kind: TermKind, letters: &str) -> Option<Self> {
        let cased = letters.chars().any(char::is_uppercase);
        let letters: Vec<char> = letters.chars().map(|c| if cased { c } else { lower(c) }).collect();
        (!letters.is_empty()).then_some(Self { kind, letters, cased })
    }

    fn narrows(&self, wider: &Self) -> bool {
        // A capital typed later makes the letters before it count by case, which is narrower still.
        let begins = self.letters.len() >= wider.letters.len()
            && self.letters.iter().zip(&wider.letters).all(|(&a, &b)| a == b || !wider.cased && lower(a) == b);
        match self.kind {
            TermKind::Not => self == wider,
            kind => kind == wider.kind && begins,
        }
    }

    fn is(&self, c: char, letter: char) -> bool {
        // As in `next`, an ASCII letter stands for ASCII letters only, though U+212A becomes a k in lower case.
        let folded = if letter.is_ascii() { c.to_ascii_lowercase() } else { lower(c) };
        c == letter || !self.cased && folded == letter
    }

    /// The first place from `from` on where `letter` stands. An ASCII byte is never a part of another character.
    fn next(&self, line: &str, from: usize, letter: char) -> Option<usize> {
        let rest = line.get(from..)?;
        let at = match u8::try_from(letter) {
            Ok(byte) if byte.is_ascii() && self.cased => memchr(byte, rest.as_bytes())?,
            Ok(byte) if byte.is_ascii() => memchr2(byte, byte.to_ascii_uppercase(), rest.as_bytes())?,
            _ => rest.char_indices().find(|(_, c)| self.is(*c, letter))?.0,
        };
        Some(from + at)
    }

    /// Whether the letters from the `skip`th on stand in order in what follows `from`.
    fn letters_from(&self, line: &str, from: usize, skip: usize) -> bool {
        let mut at = from;
        self.letters.iter().skip(skip).all(|&letter| match self.next(line, at, letter) {
            Some(place) => {
                at = after(line, place);
                true
            }
            None => false,
        })
    }

    fn nearness(&self, line: &str, name: usize) -> Option<u8> {
        let run = match self.kind {
            TermKind::Not if self.run(line, 0).is_none() => return Some(0),
            TermKind::Not => return None,
            TermKind::Letters | TermKind::Exact => self.run(line, name),
        };
        match (run, self.kind) {
            (Some(run), _) if run == (name..line.len()) => Some(0),
            (Some(run), _) if run.start == name => Some(1),
            (Some(_), _) => Some(2),
            (None, _) if self.run(line, 0).is_some() => Some(3),
            (None, TermKind::Letters) if self.letters_from(line, name, 0) => Some(4),
            (None, TermKind::Letters) if self.letters_from(line, 0, 0) => Some(5),
            (None, _) => None,
        }
    }

    /// The first run of all letters from `from` on.
    fn run(&self, line: &str, from: usize) -> Option<Range<usize>> {
        let mut from = from;
        loop {
            let start = self.next(line, from, *self.letters.first()?)?;
            let mut chars = line.get(start..)?.chars();
            let mut end = start;
            let whole = self
                .letters
                .iter()
                .all(|&letter| chars.next().filter(|c| self.is(*c, letter)).map(|c| end += c.len_utf8()).is_some());
            if whole {
                return Some(start..end);
            }
            from = after(line, start);
        }
    }

    /// The places of the run that scores best; the last of several.
    fn best_run(&self, line: &str, name: usize) -> Option<Vec<usize>> {
        let runs = std::iter::successors(self.run(line, 0), |run| self.run(line, after(line, run.start)));
        let best = runs.max_by_key(|run| (is_start(line, run.start), run.start >= name))?;
        Some(line.get(best.clone())?.char_indices().map(|(at, _)| best.start + at).collect())
    }

    /// Places of the letters that do not stand in one run: from as far back in the path as they all can, starts of words
    /// before other letters.
    fn scattered(&self, line: &str) -> Option<Vec<usize>> {
        let mut parts = line.rmatch_indices('/').map(|(slash, _)| slash + 1);
        let mut at = parts.find(|part| self.letters_from(line, *part, 0)).unwrap_or(0);
        let mut places = Vec::with_capacity(self.letters.len());
        for (index, &letter) in self.letters.iter().enumerate() {
            let first = self.next(line, at, letter)?;
            let goes_on = index > 0 && first == at;
            let start = std::iter::successors(Some(first), |&place| self.next(line, after(line, place), letter))
                .find(|&place| is_start(line, place))
                .filter(|&place| !goes_on && self.letters_from(line, after(line, place), index + 1));
            let place = start.unwrap_or(first);
            places.push(place);
            at = after(line, place);
        }
        Some(places)
    }
}

/// Points for the letters at `places` of a line whose last part begins at `name`.
fn score(line: &str, name: usize, places: &[usize]) -> i64 {
    let mut score = 0;
    let mut expected = None;
    for &place in places {
        let skipped = expected.map_or(0, |expected: usize| place.saturating_sub(expected));
        score += 1 + if expected == Some(place) { 8 } else { -(skipped.min(8) as i64) };
        score += if is_start(line, place) { 5 } else { 0 };
        score += if place >= name { 4 } else { 0 };
        expected = Some(after(line, place));
    }
    score
}

/// Whether a word or a part of a path begins here: at a separator's end, or at a capital after a small letter.
fn is_start(line: &str, at: usize) -> bool {
    let before = line.get(..at).and_then(|head| head.chars().next_back());
    let here = line.get(at..).and_then(|rest| rest.chars().next());
    match (before, here) {
        (None, _) => true,
        (Some(before), Some(here)) => {
            !before.is_alphanumeric() && here.is_alphanumeric() || before.is_lowercase() && here.is_uppercase()
        }
        (Some(_), None) => false,
    }
}

/// Where the character after the one at `at` begins.
fn after(line: &str, at: usize) -> usize {
    at + line.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
}

fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(typed: &str, line: &str) -> Option<String> {
        let found = FuzzyPattern::new(typed).find(line)?;
        let is_in = |at| found.places.binary_search(&at).is_ok();
        Some(line.char_indices().map(|(at, c)| if is_in(at) { format!("[{c}]") } else { c.to_string() }).collect())
    }

    #[test]
    fn words_match_in_any_order_and_capitals_ask_for_capitals() {
        let line = "/srv/www/Payload.py";
        for typed in ["", "pay", "pay srv", "srv pay", "pyld", "Pay", "'www", "!zip pay", "' !"] {
            assert!(FuzzyPattern::new(typed).matches(line), "{typed}");
        }
        for typed in ["PAY", "pay zip", "'pyld", "!www", "dap"] {
            assert!(!FuzzyPattern::new(typed).matches(line), "{typed}");
        }
        assert!(FuzzyPattern::new("prüf 日").matches("/日本/PRÜFUNG"));
    }

    #[test]
    fn runs_starts_and_the_name_are_preferred() {
        assert_eq!(shown("tmp", "/tmp/t_m_p/tmp").unwrap(), "/tmp/t_m_p/[t][m][p]");
        assert_eq!(shown("rp", "/opt/reports/payload.py").unwrap(), "/opt/[r]eports/[p]ayload.py");
        assert_eq!(shown("pl", "/opt/plan/pay-load.py").unwrap(), "/opt/[p][l]an/pay-load.py");
        assert_eq!(shown("sshpy", "/srv/h/ssh/a.py").unwrap(), "/srv/h/[s][s][h]/a.[p][y]");
        assert_eq!(shown("mt", "/x/MixText.py").unwrap(), "/x/[M]ix[T]ext.py");
        let order = ["/etc/cron.d/job", "/srv/cron/x", "/srv/acron/x", "/c/r/o/n"];
        let scores: Vec<_> = order.iter().map(|line| FuzzyPattern::new("cron").find(line).unwrap().score).collect();
        assert!(scores[1] >= scores[2] && scores[2] > scores[3], "{scores:?}");
        let name = FuzzyPattern::new("cron").find("/etc/x/cron").unwrap().score;
        assert!(name > scores[0]);
    }

    #[test]
    fn the_name_comes_before_folders_and_what_stands_as_typed_before_letters_in_order() {
        let near = |typed: &str, line: &str| FuzzyPattern::new(typed).nearness(line);
        let order = ["x/ssh.py", "ssh.pyc", "x/my-ssh.py", "ssh.py/x", "x/s-s-h-.py", "ssh/three_big2.py"];
        for (nearness, line) in (0..).zip(order) {
            assert_eq!(near("ssh.py", line), Some(nearness), "{line}");
        }
        assert_eq!((near("ssh.py !x", "x/ssh.py"), near("ssh.py", "ssh/py"), near("", "a")), (None, None, Some(0)));
        assert_eq!(near("ssh py", "x/ssh.py"), Some(2), "the farthest of its words");
        assert_eq!((near("'ssh", "ssh/x"), near("'ssh", "s/s/h")), (Some(3), None));
    }

    #[test]
    fn typing_on_narrows_and_a_longer_not_does_not() {
        let narrows = |new, old| FuzzyPattern::new(new).narrows(&FuzzyPattern::new(old));
        for (new, old) in
            [("a", ""), ("ab", "a"), ("a b", "a"), ("abC", "ab"), ("a !", "a"), ("a !b", "a"), ("'ab", "'a")]
        {
            assert!(narrows(new, old), "{new} {old}");
        }
        for (new, old) in [("a", "ab"), ("!ab", "!a"), ("", "a"), ("ab", "AB"), ("'a", "a !b")] {
            assert!(!narrows(new, old), "{new} {old}");
        }
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_matches(typed in "[aB'! é/._]{0,6}", line in "[abBé日/._]{0,20}") {
            let pattern = FuzzyPattern::new(&typed);
            let found = pattern.find(&line);
            prop_assert_eq!(found.is_some(), pattern.matches(&line));
            prop_assert_eq!(pattern.nearness(&line).is_some(), pattern.matches(&line));
            for place in found.unwrap_or_default().places {
                prop_assert!(line.is_char_boundary(place) && place < line.len());
            }
        }

        #[test]
        fn a_narrower_pattern_matches_nothing_more(old in "[aB'!é ]{0,4}", more in "[abB'!é ]{0,4}", line in "[abBÉé]{0,12}") {
            let (wide, narrow) = (FuzzyPattern::new(&old), FuzzyPattern::new(&format!("{old}{more}")));
            prop_assert!(!narrow.narrows(&wide) || !narrow.matches(&line) || wide.matches(&line));
        }
    }
}
