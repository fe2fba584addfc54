//! Text in messages, where braces and brackets mean something.

use crate::text;

/// `value` as itself in a message: safe to show, braces doubled (3.11.5), brackets no link's (3.11.6).
///
/// Common viewers take `[text](target)` for a link even where the brackets are escaped, so no bracket meets a
/// parenthesis.
pub(super) fn literal(value: &str) -> String {
    let shown = text::escape_str(value);
    shown.replace('{', "{{").replace('}', "}}").replace("](", "] (")
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn nothing_is_a_placeholder_or_a_link() {
        assert_eq!(literal("rule {0} [x](http://e)"), "rule {{0}} [x] (http://e)");
        assert_eq!(literal("a\u{202e}"), r"a\u{{202e}}");
    }
}
