//! A selection as text, and that text for the terminal's clipboard.

use super::byte;
use crate::text;

/// Bytes of a selection that are copied at most. In every form they fit into [`CLIPBOARD`].
pub(crate) const MAX_COPY_BYTES: usize = 8 * 1024;
/// Bytes of text that [`to_clipboard`] takes at most: with them the sequence in base64 has just under 100,000 bytes, and
/// terminals throw longer ones away.
pub(crate) const CLIPBOARD: usize = 74_900;

/// Bytes in a line where a form has lines.
const PER_LINE: usize = 16;

/// How bytes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyFormat {
    /// `7f 45 ?? 46`: `??` is an unknown byte.
    Hex,
    /// The bytes as UTF-8 with everything escaped that could fool a terminal.
    Text,
    /// An array in C, with the offset in a comment.
    CArray,
    /// A hex string for a YARA rule, `{ 7F 45 ?? 46 }`: an unknown byte is a wildcard.
    Yara,
    /// As [`Text`](Self::Text), in quotes, as a string of most languages.
    Quoted,
    /// Lines with their numbers; made by whoever knows these.
    Lines,
    /// The offset of the first byte: `0x1f40`.
    Offset,
}

/// Why nothing is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CopyError {
    /// There are no bytes.
    #[error("there is nothing to copy; select some bytes")]
    Nothing,
    /// There are too many bytes.
    #[error("{} bytes are too many to copy; select {} at most", text::count(*.0 as u64), text::count(MAX_COPY_BYTES as u64))]
    TooMany(usize),
    /// Unknown bytes cannot be written in this form.
    #[error("{} of the bytes are unknown; select others, or copy these as hex or YARA", text::count(*.0 as u64))]
    Unknown(usize),
    /// All bytes are unknown.
    #[error("none of the bytes is known; select others")]
    AllUnknown,
    /// The text is too long for the terminal.
    #[error("{} bytes of text are too many for the terminal's clipboard; the most is {}",
        text::count(*.0 as u64), text::count(CLIPBOARD as u64))]
    TooLong(usize),
}

/// Writes the selected bytes, the first of which is at `offset`, in `form`. Safe text, in lines where the form has lines.
///
/// # Errors
/// [`CopyError`], in words for the person who selected them; never for [`CopyError::TooLong`].
pub(crate) fn copy(offset: u64, bytes: &[Option<u8>], form: CopyFormat) -> Result<String, CopyError> {
    let known: Vec<u8> = bytes.iter().filter_map(|byte| *byte).collect();
    let unknown = bytes.len() - known.len();
    match form {
        _ if bytes.is_empty() => Err(CopyError::Nothing),
        CopyFormat::Offset => Ok(format!("{offset:#x}")),
        _ if bytes.len() > MAX_COPY_BYTES => Err(CopyError::TooMany(bytes.len())),
        _ if known.is_empty() => Err(CopyError::AllUnknown),
        CopyFormat::Hex => Ok(digits(bytes)),
        CopyFormat::Yara => Ok(yara(bytes)),
        _ if unknown > 0 => Err(CopyError::Unknown(unknown)),
        CopyFormat::Text | CopyFormat::Lines => Ok(text::escape(&known).into_owned()),
        // A backslash and what cannot be shown are escaped already.
        CopyFormat::Quoted => Ok(format!("\"{}\"", text::escape(&known).replace('"', "\\\""))),
        CopyFormat::CArray => Ok(c_array(offset, &known)),
    }
}

/// The escape sequence OSC 52 (xterm's control sequences, "Manipulate Selection Data"), with which a terminal puts
/// `text` into its clipboard, also over ssh. Terminals may ignore it; none answers whether it did.
///
/// # Errors
/// [`CopyError::TooLong`] for more than [`CLIPBOARD`] bytes.
pub(crate) fn to_clipboard(text: &str) -> Result<String, CopyError> {
    if text.len() > CLIPBOARD {
        return Err(CopyError::TooLong(text.len()));
    }
    Ok(format!("\x1b]52;c;{}\x1b\\", base64(text.as_bytes())))
}

fn digits(bytes: &[Option<u8>]) -> String {
    bytes.iter().map(|byte| byte::digits(*byte)).collect::<Vec<_>>().join(" ")
}

fn yara(bytes: &[Option<u8>]) -> String {
    let lines: Vec<String> = bytes.chunks(PER_LINE).map(|line| digits(line).to_uppercase()).collect();
    format!("{{ {} }}", lines.join("\n  "))
}

fn c_array(offset: u64, bytes: &[u8]) -> String {
    let line = |line: &[u8]| line.iter().map(|byte| format!("{byte:#04x}")).collect::<Vec<_>>().join(", ");
    let lines: Vec<String> = bytes.chunks(PER_LINE).map(|bytes| format!("    {},\n", line(bytes))).collect();
    format!("/* at {offset:#x} */\nstatic const unsigned char bytes[{}] = {{\n{}}};\n", bytes.len(), lines.concat())
}

/// Base64 with padding (RFC 4648 section 4).
fn base64(bytes: &[u8]) -> String {
    let digit = |value: u32| match (value & 63) as u8 {
        value @ 0..26 => char::from(b'A' + value),
        value @ 26..52 => char::from(b'a' + value - 26),
        value @ 52..62 => char::from(b'0' + value - 52),
        62 => '+',
        _ => '/',
    };
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(group.get(at).copied().unwrap_or(0)));
        // A group of n bytes has n + 1 digits that mean something.
        let quartet = [18, 12, 6, 0].into_iter().enumerate();
        out.extend(quartet.map(|(at, shift)| if at <= group.len() { digit(bits >> shift) } else { '=' }));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: [Option<u8>; 5] = [Some(0x7f), Some(b'E'), Some(0x1b), Some(b'\\'), Some(0xff)];

    #[test]
    fn every_form_of_a_few_bytes() {
        let copied = |form| copy(0x1f40, &HEAD, form).unwrap();
        assert_eq!(copied(CopyFormat::Hex), "7f 45 1b 5c ff");
        assert_eq!(copied(CopyFormat::Text), r"\x7fE\x1b\\\xff");
        assert_eq!(copy(0, &[Some(b'a'), Some(b'"')], CopyFormat::Quoted).unwrap(), r#""a\"""#);
        assert_eq!(copied(CopyFormat::Yara), "{ 7F 45 1B 5C FF }");
        assert_eq!(copied(CopyFormat::Offset), "0x1f40");
        assert_eq!(
            copied(CopyFormat::CArray),
            "/* at 0x1f40 */\nstatic const unsigned char bytes[5] = {\n    0x7f, 0x45, 0x1b, 0x5c, 0xff,\n};\n"
        );
    }

    #[test]
    fn unknown_bytes_are_wildcards_or_refused() {
        let holed = [Some(1), None, Some(2)];
        assert_eq!(copy(0, &holed, CopyFormat::Hex).unwrap(), "01 ?? 02");
        assert_eq!(copy(0, &holed, CopyFormat::Yara).unwrap(), "{ 01 ?? 02 }");
        assert_eq!(copy(0, &holed, CopyFormat::Text), Err(CopyError::Unknown(1)));
        assert_eq!(copy(0, &holed, CopyFormat::CArray), Err(CopyError::Unknown(1)));
        assert_eq!(copy(7, &[None], CopyFormat::Yara), Err(CopyError::AllUnknown));
        assert_eq!(copy(7, &[None], CopyFormat::Offset).unwrap(), "0x7");
        assert_eq!(copy(7, &[], CopyFormat::Offset), Err(CopyError::Nothing));
    }

    #[test]
    fn a_copied_hex_string_is_yara_and_finds_its_bytes() {
        let mut bytes: Vec<Option<u8>> = (0..50).map(Some).collect();
        bytes[20] = None;
        let source =
            format!("rule a {{ strings: $a = {} condition: $a at 3 }}", copy(0, &bytes, CopyFormat::Yara).unwrap());
        let rules = yara_x::compile(source.as_str()).unwrap();
        let hay: Vec<u8> = [9, 9, 9].into_iter().chain((0..50).map(|n| if n == 20 { 99 } else { n })).collect();
        let mut scanner = yara_x::Scanner::new(&rules);
        assert_eq!(scanner.scan(&hay).unwrap().matching_rules().count(), 1);
    }

    #[test]
    fn what_may_be_selected_fits_into_the_clipboard_and_no_more() {
        for byte in [0x1b, 0xff, b'\\'] {
            for form in [
                CopyFormat::Hex,
                CopyFormat::Text,
                CopyFormat::Quoted,
                CopyFormat::CArray,
                CopyFormat::Yara,
                CopyFormat::Offset,
            ] {
                let copied = copy(u64::MAX, &vec![Some(byte); MAX_COPY_BYTES], form).unwrap();
                assert!(to_clipboard(&copied).unwrap().len() < 100_000, "{form:?}");
            }
        }
        // Three bytes that become eight characters.
        let bidi: Vec<_> = "\u{202e}".repeat(MAX_COPY_BYTES / 3).bytes().map(Some).collect();
        assert!(to_clipboard(&copy(0, &bidi, CopyFormat::Text).unwrap()).is_ok());
        assert_eq!(
            copy(0, &vec![Some(0); MAX_COPY_BYTES + 1], CopyFormat::Hex),
            Err(CopyError::TooMany(MAX_COPY_BYTES + 1))
        );
        assert_eq!(to_clipboard(&"a".repeat(CLIPBOARD + 1)), Err(CopyError::TooLong(CLIPBOARD + 1)));
    }

    #[test]
    fn the_clipboard_sequence_is_base64_with_padding() {
        // RFC 4648 section 10.
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(to_clipboard(plain).unwrap(), format!("\x1b]52;c;{coded}\x1b\\"));
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xbf]), "+/+/");
    }
}
