//! One byte: its kind, and the character that stands for it beside the hex digits.

/// What a byte is, as far as one byte can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ByteClass {
    /// Not known: not kept, or not readable.
    Unknown,
    /// 0x00.
    Null,
    /// Printable ASCII but for the space: 0x21 to 0x7e.
    Printable,
    /// Space, tab, line feed, vertical tab, form feed, carriage return.
    Space,
    /// Any other ASCII control character.
    Control,
    /// 0x80 to 0xff.
    High,
}

impl ByteClass {
    /// The kind of `byte`.
    pub(crate) fn of(byte: Option<u8>) -> Self {
        match byte {
            None => Self::Unknown,
            Some(0) => Self::Null,
            Some(b'!'..=b'~') => Self::Printable,
            Some(b' ' | b'\t'..=b'\r') => Self::Space,
            Some(0x80..) => Self::High,
            Some(_) => Self::Control,
        }
    }
}

/// The character for a byte in the text column: itself if it is printable ASCII, `?` if it is unknown, else a dot.
pub(crate) fn glyph(byte: Option<u8>) -> char {
    match byte {
        None => '?',
        Some(byte @ b' '..=b'~') => char::from(byte),
        Some(_) => '.',
    }
}

/// Two hex digits, `??` for an unknown byte.
pub(crate) fn digits(byte: Option<u8>) -> String {
    byte.map_or_else(|| "??".to_owned(), |byte| format!("{byte:02x}"))
}

/// Matched bytes as text, and whether they are a wide string: UTF-16LE of ASCII only, as YARA's `wide` matches. Safe
/// text; of a wide string without its zeros.
pub(crate) fn readable(bytes: &[u8]) -> (String, bool) {
    let is_wide = |pair: &[u8]| matches!(pair, [b' '..=b'~' | b'\t'..=b'\r', 0]);
    let pairs = bytes.chunks(2);
    let wide = bytes.len() >= 2 && bytes.len().is_multiple_of(2) && pairs.clone().all(is_wide);
    if wide {
        let narrow: Vec<u8> = pairs.filter_map(|pair| pair.first().copied()).collect();
        return (crate::text::escape(&narrow).into_owned(), true);
    }
    (crate::text::escape(bytes).into_owned(), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_a_kind_and_a_harmless_glyph() {
        let count = |kind| (0..=255).filter(|b| ByteClass::of(Some(*b)) == kind).count();
        assert_eq!(count(ByteClass::Null), 1);
        assert_eq!(count(ByteClass::Printable), 94);
        assert_eq!(count(ByteClass::Space), 6);
        assert_eq!(count(ByteClass::Control), 27);
        assert_eq!(count(ByteClass::High), 128);
        assert!((0..=255).all(|b| matches!(glyph(Some(b)), ' '..='~')));
        assert_eq!((glyph(None), digits(None), digits(Some(7))), ('?', "??".into(), "07".into()));
    }

    #[test]
    fn wide_strings_read_as_text() {
        assert_eq!(readable(b"c\0m\0d\0"), ("cmd".into(), true));
        assert_eq!(readable(b"cmd\x1b"), (r"cmd\x1b".into(), false));
        assert_eq!(readable(b"c\0m"), (r"c\x00m".into(), false));
        assert_eq!(readable(b""), (String::new(), false));
    }
}
