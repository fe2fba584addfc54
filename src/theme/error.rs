//! What can be wrong with a theme, said so that its author can mend it.

use std::fmt;

use crate::{diagnostics, text};

/// Columns that a word from a theme file may take in a message.
const WORD_COLUMNS: usize = 60;

/// Why a theme can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ThemeError {
    /// The file was read and something in it is wrong.
    #[error("{place}: {fault}")]
    Wrong {
        /// Where.
        place: Place,
        /// What, and what to write instead.
        fault: Fault,
    },
    /// No built-in theme and no file in the user's folder has the name that was asked for.
    #[error("no theme is called `{name}`{}; give one of {known}, or the path of a TOML file", guess(nearest.as_deref()))]
    Unknown {
        /// The name as asked for, safe to show.
        name: String,
        /// The known name nearest to it.
        nearest: Option<String>,
        /// All known names, parted by commas.
        known: String,
    },
    /// The file could not be read as a theme at all.
    #[error("{path}: {cause}")]
    Unreadable {
        /// The file, safe to show.
        path: String,
        /// Why, and what to do.
        cause: String,
    },
}

/// A place in a theme file, safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Path of the file, or `themes/NAME.toml (built in)`.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Place {
    /// The place of the byte at `offset` of `text`, which is the content of `file`.
    pub(super) fn at(file: &str, text: &str, offset: usize) -> Self {
        let diagnostics::Place { line, column } = diagnostics::Place::of(text, offset);
        Self { file: file.to_owned(), line, column }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// What is wrong at a place. Words taken from the file are safe to show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The file is not TOML.
    #[error("this is not TOML: {0}")]
    Syntax(String),
    /// The file holds bytes that are not UTF-8, which TOML requires.
    #[error("this is not UTF-8; save the file as UTF-8")]
    NotUtf8,
    /// A key that no role has.
    #[error("`{key}` is no key of a theme{}", guess(*nearest))]
    UnknownKey {
        /// The key.
        key: String,
        /// The right key nearest to it.
        nearest: Option<&'static str>,
    },
    /// A dotted key without quotes, which TOML takes for a table.
    #[error("a dotted key is written in quotes: \"{key}\" = …")]
    Unquoted {
        /// The key.
        key: &'static str,
    },
    /// A key of a style that is none of fg, bg, modifiers, underline.
    #[error("a style has no `{field}`{}; it has fg, bg, modifiers and underline", guess(*nearest))]
    UnknownField {
        /// The key.
        field: String,
        /// The right key nearest to it.
        nearest: Option<&'static str>,
    },
    /// A colour that is neither in the palette nor one of the terminal's own.
    #[error("no colour is called `{name}`{}; define it under [palette] or write it as #rrggbb", guess(nearest.as_deref()))]
    UnknownColor {
        /// The name.
        name: String,
        /// The known name nearest to it.
        nearest: Option<String>,
    },
    /// A value that begins with `#` and is no colour.
    #[error("`{text}` is no colour; write # and six hex digits, such as #7aa2f7")]
    BadHex {
        /// The value.
        text: String,
    },
    /// A modifier that is not known.
    #[error("no modifier is called `{name}`{}; there are {known}", guess(*nearest))]
    UnknownModifier {
        /// The name.
        name: String,
        /// The known name nearest to it.
        nearest: Option<&'static str>,
        /// All known names, parted by commas.
        known: String,
    },
    /// `inherits` names a theme that is not there.
    #[error("no theme called `{name}` is there to inherit from{}; there are {known}", guess(nearest.as_deref()))]
    UnknownParent {
        /// The name.
        name: String,
        /// The known name nearest to it.
        nearest: Option<String>,
        /// All known names, parted by commas.
        known: String,
    },
    /// A theme inherits from itself, by way of others or straight.
    #[error("the themes inherit in a circle: {chain}; take one `inherits` out")]
    Circle {
        /// The names on the way, parted by arrows.
        chain: String,
    },
    /// A value of the wrong kind.
    #[error("`{key}` is {found}; it should be {wanted}")]
    WrongType {
        /// The key.
        key: String,
        /// What it holds, with its article.
        found: String,
        /// What it should hold.
        wanted: &'static str,
    },
}

/// What a message adds when it has a guess to offer.
fn guess(nearest: Option<&str>) -> String {
    nearest.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default()
}

/// A word from a file, safe to show and cut to a sensible length.
pub(super) fn word(raw: &str) -> String {
    let cut = raw.char_indices().nth(WORD_COLUMNS + 1).map_or(raw, |(end, _)| &raw[..end]);
    text::truncate_end(&text::escape_str(cut), WORD_COLUMNS).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_and_survive_wrong_offsets() {
        let text = "a = 1\nß = \"ü\" # x";
        let place = |offset| {
            let place = Place::at("f", text, offset);
            (place.line, place.column)
        };
        assert_eq!(place(0), (1, 1));
        assert_eq!(place(6), (2, 1));
        assert_eq!(place(text.find('#').unwrap()), (2, 9));
        assert_eq!(place(9999), (2, 12));
    }

    #[test]
    fn hostile_words_are_cut_and_escaped() {
        let shown = word(&"\u{1b}[31m".repeat(1000));
        assert!(shown.starts_with("\\x1b[31m"), "{shown}");
        assert!(text::width(&shown) <= WORD_COLUMNS, "{shown}");
    }
}
