//! From what was typed to words and terms. Every text can be read; what is wrong is left out and told.

use std::ops::Range;

use super::field::{FIELDS, FilterField, FilterValue};
use super::term::{Ask, Compare, Seconds, Term, TermTest};
use super::{BoxState, Filter, Sign, Wrong};
use crate::text;
use crate::text::fuzzy::{FuzzyPattern, TermKind};

/// One blank-separated part of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// Bytes of what was typed.
    pub at: Range<usize>,
    /// Whether what it asks for must not be.
    pub not: bool,
    /// The name of the field as it was typed.
    pub field: Option<Range<usize>>,
    /// `:`, `=`, `>`, `<`, `>=` or `<=` after it.
    pub sign: &'static str,
    /// Where what is asked of the field begins, or the word.
    pub value_at: usize,
    /// What is asked, without quotes.
    pub value: String,
    /// Whether a part of it was in quotes.
    pub quoted: bool,
    /// The quote that does not end.
    pub open_quote: Option<usize>,
}

/// The parts of a filter.
pub(super) fn tokens(typed: &str) -> Vec<Token> {
    let mut all = Vec::new();
    let mut at = 0;
    while let Some(skipped) = typed[at..].find(|c: char| !c.is_whitespace()) {
        let token = token(typed, at + skipped);
        at = token.at.end;
        all.push(token);
    }
    all
}

fn token(typed: &str, start: usize) -> Token {
    // A lone sign is still a word of its own.
    let not =
        typed[start..].starts_with('-') && typed[start + 1..].starts_with(|c: char| !c.is_whitespace() && c != '-');
    let begin = start + usize::from(not);
    let (field, sign, value_at) = head(typed, begin);
    let (mut value, mut quoted, mut open) = (String::new(), false, None);
    let mut end = value_at;
    for c in typed[value_at..].chars() {
        match (c, open) {
            ('"', None) => (open, quoted) = (Some(end), true),
            ('"', Some(_)) => open = None,
            (c, None) if c.is_whitespace() => break,
            _ => value.push(c),
        }
        end += c.len_utf8();
    }
    Token { at: start..end, not, field, sign, value_at, value, quoted, open_quote: open }
}

/// Name of a field, the sign after it, and where what follows begins.
fn head(typed: &str, begin: usize) -> (Option<Range<usize>>, &'static str, usize) {
    let rest = &typed[begin..];
    let letters = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    let sign = [">=", "<=", ":", "=", ">", "<"].into_iter().find(|sign| rest[letters..].starts_with(sign));
    let name = &rest[..letters];
    match sign {
        // Names of files hold such signs too; only after a colon is an unknown field a slip.
        Some(sign) if letters > 0 && (sign == ":" || FilterField::named(name).is_some()) => {
            (Some(begin..begin + letters), sign, begin + letters + sign.len())
        }
        _ => (None, "", begin),
    }
}

pub(super) fn parse(typed: &str) -> Filter {
    let mut filter = Filter::default();
    let mut words = Vec::new();
    for token in tokens(typed) {
        let read = match &token.field {
            None => word(&token).map(|word| words.extend(word)),
            Some(name) => term(typed, &token, name.clone()).map(|term| filter.terms.push(term)),
        };
        if let Err(wrong) = read
            && filter.wrong.is_none()
        {
            filter.wrong = Some(wrong);
        }
    }
    filter.pattern = FuzzyPattern::of(words);
    filter
}

fn word(token: &Token) -> Result<Option<(TermKind, String)>, Wrong> {
    if let Some(quote) = token.open_quote {
        return Err(unfinished(quote..token.at.end, "the quote does not end".to_owned()));
    }
    let (kind, letters) = match (token.value.strip_prefix('\''), token.value.strip_prefix('!')) {
        _ if token.quoted => (TermKind::Exact, token.value.as_str()),
        (Some(rest), _) => (TermKind::Exact, rest),
        (_, Some(rest)) => (TermKind::Not, rest),
        _ => (TermKind::Letters, token.value.as_str()),
    };
    Ok((!letters.is_empty()).then(|| (if token.not { TermKind::Not } else { kind }, letters.to_owned())))
}

fn wrong(at: Range<usize>, said: String) -> Wrong {
    Wrong { at, message: said, unfinished: false }
}

fn unfinished(at: Range<usize>, said: String) -> Wrong {
    Wrong { at, message: said, unfinished: true }
}

fn term(typed: &str, token: &Token, name: Range<usize>) -> Result<Term, Wrong> {
    let typed_name = &typed[name.clone()];
    let Some(field) = FilterField::named(typed_name) else {
        let names = || FIELDS.iter().flat_map(|known| known.names.iter().copied());
        let meant = nearest(typed_name, names());
        let meant = meant.map_or_else(
            || format!("fields are {}", FIELDS.iter().map(|known| known.names[0]).collect::<Vec<_>>().join(", ")),
            |meant| format!("did you mean {meant}:?"),
        );
        return Err(wrong(
            name,
            format!("no field {} ({meant}); in quotes it is sought in paths", text::quoted(typed_name)),
        ));
    };
    if let Some(quote) = token.open_quote {
        return Err(unfinished(quote..token.at.end, "the quote does not end".to_owned()));
    }
    let value_at = token.value_at..token.at.end;
    if token.value.is_empty() {
        let said = match field.known().values {
            [] => format!("{}: takes {}", field.name(), field.known().what),
            values => format!("{}: takes {}", field.name(), words_of(values)),
        };
        return Err(unfinished(token.at.clone(), said));
    }
    if !field.is_measured() && !matches!(token.sign, ":" | "=") {
        let said = format!("{} is no number: write {}:{}", field.name(), field.name(), text::escape_str(&token.value));
        return Err(wrong(name.start..value_at.end, said));
    }
    let mut any = Vec::new();
    // In quotes a comma is a comma.
    let values: Vec<&str> = if token.quoted { vec![&token.value] } else { token.value.split(',').collect() };
    for value in values.into_iter().filter(|value| !value.is_empty()) {
        any.push(wanted(field, token.sign, value).map_err(|said| wrong(value_at.clone(), said))?);
    }
    if any.is_empty() {
        return Err(unfinished(token.at.clone(), format!("{}: takes a value before the comma", field.name())));
    }
    Ok(Term { not: token.not, any })
}

fn wanted(field: FilterField, sign: &str, value: &str) -> Result<TermTest, String> {
    let known = field.known();
    let one_of = || {
        let lower = value.to_ascii_lowercase();
        known.values.iter().map(|(name, _)| *name).find(|name| *name == lower).ok_or_else(|| {
            let meant = nearest(&lower, known.values.iter().map(|(name, _)| *name));
            let meant = meant.map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
            format!("{}: takes {}{meant}", field.name(), words_of(known.values))
        })
    };
    Ok(match field {
        FilterField::Rule => TermTest::Rule(Ask::part(value)),
        FilterField::Host => TermTest::Host(Ask::part(value)),
        FilterField::Path => TermTest::Path(Ask::part(value)),
        FilterField::Name => TermTest::Name(Ask::part(value)),
        FilterField::Tag => TermTest::Tag(Ask::whole(value.strip_prefix('#').unwrap_or(value))),
        FilterField::Owner => TermTest::Owner(Ask::whole(value), value.parse().ok()),
        FilterField::State => TermTest::State(one_of()?),
        FilterField::In => TermTest::In(one_of()?),
        FilterField::Box => TermTest::Box(BoxState::named(one_of()?)),
        FilterField::Is => TermTest::Is(Sign::named(one_of()?).ok_or_else(|| "there is no such sign".to_owned())?),
        FilterField::Hash => TermTest::Hash(hash(value)?),
        FilterField::Size => TermTest::Size(Compare::read(sign, value, |text| {
            let size = text::size::parse_size(text)?;
            Ok((size, size))
        })?),
        FilterField::Matches | FilterField::Score => {
            let number = |text: &str| {
                let number: u64 = text.parse().map_err(|_| format!("{} is no number", text::quoted(text)))?;
                Ok((number, number))
            };
            let compare = Compare::read(sign, value, number)?;
            if field == FilterField::Score { TermTest::Score(compare) } else { TermTest::Matches(compare) }
        }
        FilterField::Modified => TermTest::Modified(Compare::read(sign, value, Seconds::read)?),
    })
}

fn hash(value: &str) -> Result<Vec<u8>, String> {
    let digits = value.strip_prefix("sha256:").unwrap_or(value);
    let nibble = |c: char| c.to_digit(16).map(|digit| digit as u8);
    let nibbles: Option<Vec<u8>> = digits.chars().map(nibble).collect();
    match nibbles {
        Some(nibbles) if nibbles.len() <= 64 => Ok(nibbles),
        Some(_) => Err("a SHA-256 has 64 hexadecimal digits, and this is longer".to_owned()),
        None => Err(format!("{} is not hexadecimal: 0 to 9 and a to f", text::quoted(value))),
    }
}

fn words_of(values: &[FilterValue]) -> String {
    values.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// The word that is most like what was typed, if one is like it: two slips at most, and fewer than half of its letters.
fn nearest<'n>(typed: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let typed = typed.to_ascii_lowercase();
    let begins = |name: &str| typed.len() >= 2 && name.starts_with(&typed);
    let far = |name: &str| if begins(name) { 0 } else { slips(&typed, name) };
    let nearest = names.map(|name| (far(name), name)).min_by_key(|(far, _)| *far);
    nearest.filter(|(far, name)| *far <= 2 && far * 2 < name.len().max(2)).map(|(_, name)| name)
}

/// Letters to change, add, leave out or swap with their neighbour to get from one to the other.
fn slips(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(32).collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = match (i, j) {
                (0, j) => j,
                (i, 0) => i,
                (i, j) => {
                    let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                    let mut least = change.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                    if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                        least = least.min(rows[i - 2][j - 2] + 1);
                    }
                    least
                }
            };
        }
    }
    rows[a.len()][b.len()]
}
