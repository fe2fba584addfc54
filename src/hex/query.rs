//! What to search for, as it is typed.
//!
//! | typed | finds |
//! | --- | --- |
//! | `passwd`, `"two words "` | the text as UTF-8; in quotes when it begins like one of the forms below, or with a space |
//! | `i:passwd` | the text in any case, as far as its letters are ASCII |
//! | `u:cmd.exe` | the text as UTF-16, little endian: what YARA calls `wide` |
//! | `ub:cmd.exe` | the text as UTF-16, big endian |
//! | `x:de ad ?? e? ef` | bytes in hex, `?` for any digit; spaces and YARA's braces may be there or not |
//! | `r:/tmp/[a-z]+\x00` | a regular expression on bytes, of at most 4,096 matched bytes |
//!
//! Regular expressions are those of the crate `regex` without Unicode: `.` is any byte but a line feed, `\xff` is that
//! byte; `(?i)`, `(?s)` and `(?m)` work as they do in YARA. One that can match nothing at all is refused.

use super::matcher::{LONGEST_REGEX_MATCH, Mask, Matcher};
use crate::text;

/// Bytes of a text or hex query, and of a regular expression's source, at most.
pub(crate) const MAX_QUERY_BYTES: usize = 1024;
/// Bytes that a compiled regular expression, and what it caches while it runs, may take each.
const REGEX_MEMORY: usize = 4 * 1024 * 1024;
/// How deep a regular expression may nest.
const REGEX_DEPTH: u32 = 50;

/// What was typed cannot be searched for. The typed text in the messages is escaped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Nothing to search for.
    #[error("type what to search for: text, i:text, u:text, x:de ad ?? ef, or r:regular expression")]
    Empty,
    /// Too long.
    #[error("{0} bytes are too long to search for; the most is {MAX_QUERY_BYTES}")]
    TooLong(usize),
    /// Not two hex digits.
    #[error("“{0}” is no byte in hex: a byte is two digits of 0-9, a-f or ?, as in x:de ad ?? ef")]
    NotHex(String),
    /// Every digit is `?`.
    #[error("hex with nothing but ? is everywhere; give at least one digit")]
    OnlyWildcards,
    /// The regular expression can match no bytes at all.
    #[error("this regular expression can match nothing at all, which is everywhere; use + where there is * or ?")]
    MatchesNothing,
    /// The regular expression only matches what is too long to be looked for.
    #[error("all matches of this regular expression are longer than {LONGEST_REGEX_MATCH} bytes, which is the most")]
    MatchesTooLong,
    /// The regular expression is wrong.
    #[error("the regular expression is wrong: {0}")]
    Regex(String),
}

/// Something to search for.
#[derive(Debug, Clone)]
pub struct Query {
    description: String,
    matcher: Matcher,
}

impl Query {
    /// Reads what was typed.
    ///
    /// # Errors
    /// [`QueryError`], in words for the person who typed it.
    pub fn parse(typed: &str) -> Result<Self, QueryError> {
        match typed.split_once(':') {
            Some(("i", rest)) => Self::any_case(unquoted(rest)),
            Some(("u", rest)) => Self::utf16(unquoted(rest), "little", u16::to_le_bytes),
            Some(("ub", rest)) => Self::utf16(unquoted(rest), "big", u16::to_be_bytes),
            Some(("x", rest)) => Self::hex(rest),
            Some(("r", rest)) => Self::regex(rest),
            _ => {
                let typed = unquoted(typed);
                Self::literal(&format!("text {}", quoted(typed)), typed.as_bytes())
            }
        }
    }

    /// What is searched for, in words, with its length. Safe text.
    pub fn describe(&self) -> &str {
        &self.description
    }

    /// How to look for it.
    pub fn matcher(&self) -> &Matcher {
        &self.matcher
    }

    fn literal(what: &str, bytes: &[u8]) -> Result<Self, QueryError> {
        check_length(bytes.len())?;
        Ok(Self {
            description: format!("{what}, {}", text::counted(bytes.len() as u64, "byte")),
            matcher: Matcher::literal(bytes),
        })
    }

    fn utf16(typed: &str, order: &str, to_bytes: fn(u16) -> [u8; 2]) -> Result<Self, QueryError> {
        check_length(typed.len())?;
        let bytes: Vec<u8> = typed.encode_utf16().flat_map(to_bytes).collect();
        Self::literal(&format!("UTF-16 {order} endian {}", quoted(typed)), &bytes)
    }

    fn any_case(typed: &str) -> Result<Self, QueryError> {
        check_length(typed.len())?;
        let source = format!("(?i:{})", regex::escape(typed));
        let description = format!("text {} in any case, {}", quoted(typed), text::counted(typed.len() as u64, "byte"));
        Ok(Self { description, matcher: compile(&source)? })
    }

    fn hex(typed: &str) -> Result<Self, QueryError> {
        let typed = typed.trim();
        let inner = typed.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(typed);
        let mut masks = Vec::new();
        for word in inner.split([' ', '\t', ',']).filter(|word| !word.is_empty()) {
            let wrong = || QueryError::NotHex(text::escape_str(&text::truncate_end(word, 20)).into_owned());
            if !word.len().is_multiple_of(2) {
                return Err(wrong());
            }
            for pair in word.as_bytes().chunks(2) {
                masks.push(Mask::parse(pair).ok_or_else(wrong)?);
            }
        }
        check_length(masks.len())?;
        if masks.iter().all(|mask| mask.is_any()) {
            return Err(QueryError::OnlyWildcards);
        }
        let digits: Vec<String> = masks.iter().map(ToString::to_string).collect();
        let description = format!("hex {}, {}", digits.join(" "), text::counted(masks.len() as u64, "byte"));
        Ok(Self { description, matcher: Matcher::masked(masks) })
    }

    fn regex(source: &str) -> Result<Self, QueryError> {
        check_length(source.len())?;
        let matcher = compile(source)?;
        let most = text::count(LONGEST_REGEX_MATCH as u64);
        let description = format!("regular expression {}, matches of up to {most} bytes", quoted(source));
        Ok(Self { description, matcher })
    }
}

fn compile(source: &str) -> Result<Matcher, QueryError> {
    let mut parser = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).nest_limit(REGEX_DEPTH).build();
    let hir = parser.parse(source).map_err(|error| QueryError::Regex(syntax_error(&error)))?;
    let properties = hir.properties();
    match properties.minimum_len() {
        Some(0) => return Err(QueryError::MatchesNothing),
        Some(length) if length > LONGEST_REGEX_MATCH => return Err(QueryError::MatchesTooLong),
        _ => {}
    }
    let regex = regex::bytes::RegexBuilder::new(source)
        .unicode(false)
        .nest_limit(REGEX_DEPTH)
        .size_limit(REGEX_MEMORY)
        .dfa_size_limit(REGEX_MEMORY)
        .build()
        .map_err(|error| QueryError::Regex(text::escape_str(&error.to_string()).into_owned()))?;
    Ok(Matcher::regex(regex, properties))
}

/// The error in one line: its kind and where it is, without the drawing that spans several.
fn syntax_error(error: &regex_syntax::Error) -> String {
    let (kind, column) = match error {
        regex_syntax::Error::Parse(error) => (error.kind().to_string(), error.span().start.column),
        regex_syntax::Error::Translate(error) => (error.kind().to_string(), error.span().start.column),
        other => (other.to_string(), 1),
    };
    format!("{} (at character {column})", text::escape_str(&kind))
}

fn check_length(length: usize) -> Result<(), QueryError> {
    match length {
        0 => Err(QueryError::Empty),
        1..=MAX_QUERY_BYTES => Ok(()),
        _ => Err(QueryError::TooLong(length)),
    }
}

/// The text between a pair of double quotes, or all of it.
fn unquoted(typed: &str) -> &str {
    typed.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(typed)
}

fn quoted(typed: &str) -> String {
    format!("“{}”", text::escape_str(typed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    fn finds(typed: &str, hay: &[u8]) -> Option<(usize, usize)> {
        let never = AtomicBool::new(false);
        Query::parse(typed).unwrap().matcher().first(hay, 0..hay.len(), &never).map(|m| (m.start, m.len()))
    }

    #[test]
    fn every_form_finds_its_bytes() {
        assert_eq!(finds("passwd", b"/etc/passwd"), Some((5, 6)));
        assert_eq!(finds("/etc/", b"x/etc/passwd"), Some((1, 5)), "slashes are text, not a regular expression");
        assert_eq!(finds("\"x:12\"", b"  x:12"), Some((2, 4)));
        assert_eq!(finds("http://a", b"http://a"), Some((0, 8)));
        assert_eq!(finds("é", "né".as_bytes()), Some((1, 2)));
        assert_eq!(finds("i:PassWd", b"/etc/pASSwd"), Some((5, 6)));
        assert_eq!(finds("i:é.", "É.é.".as_bytes()), Some((3, 3)), "only ASCII letters have two cases");
        assert_eq!(finds("u:cmd", b"\0c\0m\0d\0"), Some((1, 6)));
        assert_eq!(finds("ub:cmd", b"\0c\0m\0d\0"), Some((0, 6)));
        assert_eq!(finds("u:😀", &[0, 0x3d, 0xd8, 0x00, 0xde]), Some((1, 4)));
        assert_eq!(finds("x:de ad ?? e? ef", b"\0\xde\xad\x01\xe7\xef"), Some((1, 5)));
        assert_eq!(finds("x:{ DEAD, ??E? ef }", b"\0\xde\xad\x01\xe7\xef"), Some((1, 5)));
        assert_eq!(finds("x:?0 ?f", b"\x11\x20\x3f"), Some((1, 2)));
        assert_eq!(finds(r"r:\xde[\xa0-\xaf].", b"\0\xde\xad\x01"), Some((1, 3)));
        assert_eq!(finds(r"r:(?i)abc", b"xABC"), Some((1, 3)));
        assert_eq!(finds(r"r:\bls\b", b"als ls"), Some((4, 2)));
        assert_eq!(finds("r:a.b", b"a\nba\xffb"), Some((3, 3)));
    }

    #[test]
    fn queries_say_what_they_are() {
        let describe = |typed: &str| Query::parse(typed).unwrap().describe().to_owned();
        assert_eq!(describe("passwd"), "text “passwd”, 6 bytes");
        assert_eq!(describe("u:cmd"), "UTF-16 little endian “cmd”, 6 bytes");
        assert_eq!(describe("ub:c"), "UTF-16 big endian “c”, 2 bytes");
        assert_eq!(describe("i:c"), "text “c” in any case, 1 byte");
        assert_eq!(describe("x:deAD??e?"), "hex DE AD ?? E?, 4 bytes");
        assert_eq!(describe("r:a+"), "regular expression “a+”, matches of up to 4,096 bytes");
        assert_eq!(describe("a\u{202e}b"), r"text “a\u{202e}b”, 5 bytes");
    }

    #[test]
    fn what_cannot_be_searched_for_is_told_in_words() {
        let error = |typed: &str| Query::parse(typed).unwrap_err();
        for empty in ["", "\"\"", "x:", "x:{ }", "u:", "i:", "r:"] {
            assert_eq!(error(empty), QueryError::Empty, "{empty}");
        }
        assert_eq!(error("x:de a"), QueryError::NotHex("a".into()));
        assert_eq!(error("x:de ag"), QueryError::NotHex("ag".into()));
        assert!(matches!(error("x:é"), QueryError::NotHex(_)));
        assert_eq!(error("x:?? ??"), QueryError::OnlyWildcards);
        assert_eq!(error(&"a".repeat(1025)), QueryError::TooLong(1025));
        assert_eq!(error(&format!("u:{}", "a".repeat(513))), QueryError::TooLong(1026));
        for nothing in ["r:a*", "r:(a|)", "r:^", r"r:\b", "r:a?b*"] {
            assert_eq!(error(nothing), QueryError::MatchesNothing, "{nothing}");
        }
        assert_eq!(error("r:a.{4096}"), QueryError::MatchesTooLong);
        assert_eq!(error("r:a(b").to_string(), "the regular expression is wrong: unclosed group (at character 2)");
    }

    #[test]
    fn a_regular_expression_may_not_blow_up() {
        for hostile in
            ["r:c((a{0,100}){0,100}){0,100}".to_owned(), format!("r:{}a{}", "(".repeat(400), ")".repeat(400))]
        {
            assert!(matches!(Query::parse(&hostile), Err(QueryError::Regex(_))), "{hostile}");
        }
    }
}
