//! Safe text as types: what is painted or printed takes only it.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use super::{Shown, classify, escape_path, escape_str, is_plain};

/// Text that is safe to show. It cannot be made without passing through this module, so that whatever takes one can be
/// handed anything: what is not plain is escaped on the way in, and what is escaped already stays as it is.
///
/// It holds a line end only where [`SafeText::lines`] made it.
///
/// ```
/// use huntbook::internals::text::SafeText;
///
/// assert_eq!(SafeText::from("/srv/a\u{9b}2J").as_str(), r"/srv/a\u{9b}2J");
/// assert_eq!(SafeText::lines("error\n  \u{202e}x").as_str(), "error\n  \\u{202e}x");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SafeText(String);

impl SafeText {
    /// Text of several lines, each made safe; the line ends stay.
    pub fn lines(text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.contains('\n') {
            return Self::from(text);
        }
        let lines: Vec<_> = text.lines().map(escape_str).collect();
        Self(lines.join("\n"))
    }

    /// A path, escaped so that no two look alike.
    pub fn path(path: &Path) -> Self {
        Self(escape_path(path).into_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for SafeText {
    fn from(text: String) -> Self {
        if is_plain(&text) { Self(text) } else { Self(escape_str(&text).into_owned()) }
    }
}

impl From<&str> for SafeText {
    fn from(text: &str) -> Self {
        Self(escape_str(text).into_owned())
    }
}

impl From<&String> for SafeText {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<Cow<'_, str>> for SafeText {
    fn from(text: Cow<'_, str>) -> Self {
        match text {
            Cow::Borrowed(text) => Self::from(text),
            Cow::Owned(text) => Self::from(text),
        }
    }
}

impl From<SafeText> for String {
    fn from(text: SafeText) -> Self {
        text.0
    }
}

impl std::ops::Deref for SafeText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Tells plain characters from others in a text that arrives in pieces, floods of combining marks among them.
#[derive(Debug, Default)]
pub struct PlainText {
    marks: usize,
}

impl PlainText {
    /// Whether `c` shows as itself after all that came before it.
    pub fn is_plain(&mut self, c: char) -> bool {
        classify(c, &mut self.marks) == Shown::AsIs
    }

    /// Forgets what came before: a new line, or characters that are known to be plain.
    pub fn restart(&mut self) {
        self.marks = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_stays_unsafe_and_none_is_escaped_twice(text in any::<String>()) {
            let once = SafeText::from(text.as_str());
            prop_assert_eq!(&once, &SafeText::from(text.clone()));
            prop_assert!(is_plain(&once));
            prop_assert_eq!(SafeText::from(once.as_str()), once);
            for line in SafeText::lines(text.clone()).split('\n') {
                prop_assert!(is_plain(line));
            }
        }
    }
}
