//! Untrusted bytes to text that is safe to show, and text cut to a width.
//!
//! File names, rule meta, command lines and matched bytes come from a box that may be hostile. Whatever is shown on a
//! screen or printed as a line goes through this module first: control characters, escape sequences, bidirectional
//! overrides, zero-width characters, floods of combining marks and bytes that are not UTF-8 become visible escapes.
//! The raw bytes stay in the data.

pub mod fuzzy;
mod safe;
pub mod size;
pub mod subject;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

pub use safe::{PlainText, SafeText};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// How many zero-width marks may follow one visible character before the rest are escaped.
const MAX_MARKS: usize = 2;

/// The character that stands where text was cut away.
pub const ELLIPSIS: char = '…';

/// Makes untrusted bytes safe to show: what is not printable text becomes `\n`, `\t`, `\x1b` or `\u{202e}`.
///
/// A backslash is doubled only when the text needs escapes at all, so that ordinary paths stay as they are and what is
/// escaped already can be escaped again. Text that holds a backslash and an `n` therefore shows as one with a line end
/// does; of paths no two are shown alike, see [`escape_path`].
pub fn escape(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return escape_str(text);
    }
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        push_escaped(&mut out, chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    Cow::Owned(out)
}

/// [`escape`] for text that is already UTF-8.
pub fn escape_str(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    push_escaped(&mut out, text);
    Cow::Owned(out)
}

/// [`escape`] for a path or a name as the system has it: a backslash is always doubled, so that no two paths are shown
/// alike. What comes out stays as it is when it is escaped again as text. One that leads into a file, see [`subject`],
/// shows what it leads to: `/srv/a.tar.xz ▸ tools/payload.py`.
pub fn escape_path(path: &Path) -> Cow<'_, str> {
    let bytes = path.as_os_str().as_bytes();
    // A plain path is shown without a copy. The arrow is E2 96 B8 in UTF-8.
    if memchr::memchr3(0, b'\\', 0xe2, bytes).is_none() {
        return escape(bytes);
    }
    Cow::Owned(if subject::is_inside(path) { subject::shown(path) } else { escape_name(bytes) })
}

/// [`escape`] for one name: a backslash is always doubled, and the arrow between a container and its member is escaped.
fn escape_name(name: &[u8]) -> String {
    let shown = match escape(name) {
        Cow::Borrowed(plain) => plain.replace('\\', r"\\"),
        Cow::Owned(shown) => shown,
    };
    if shown.contains(subject::ARROW) { shown.replace(subject::ARROW, r"\u{25b8}") } else { shown }
}

/// Whether a character shows as itself, alone and wherever it stands.
pub fn is_plain_char(c: char) -> bool {
    classify(c, &mut 0) == Shown::AsIs
}

/// Lower-case hex digits of `bytes`, two to a byte, without separators.
pub fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// The bytes that pairs of hexadecimal digits, upper or lower case, stand for; `None` for anything else.
pub fn from_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = vec![0; digits.len() / 2];
    from_hex_into(digits, &mut bytes).then_some(bytes)
}

/// Fills `bytes` with what pairs of hexadecimal digits stand for; returns whether they are that, and just as many.
pub fn from_hex_into(digits: &[u8], bytes: &mut [u8]) -> bool {
    let mut all = digits.len() == bytes.len() * 2;
    let pairs = digits.chunks(2).zip(bytes.iter_mut());
    for (pair, byte) in pairs {
        let &[high, low] = pair else { return false };
        let (high, low) = (HEX_DIGITS[usize::from(high)], HEX_DIGITS[usize::from(low)]);
        all &= high < 16 && low < 16;
        *byte = high << 4 | low & 15;
    }
    all
}

/// The value of each hexadecimal digit, 16 for what is none: lists of millions of hashes are worth a table.
const HEX_DIGITS: [u8; 256] = {
    let mut values = [16; 256];
    let mut value: u8 = 0;
    while value < 16 {
        values[b"0123456789abcdef"[value as usize] as usize] = value;
        values[b"0123456789ABCDEF"[value as usize] as usize] = value;
        value += 1;
    }
    values
};

/// Columns that `text` takes on a terminal.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Cuts `text` at its end so that it takes at most `columns`, with an ellipsis where something was lost.
pub fn truncate_end(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    if columns == 0 {
        return Cow::Borrowed("");
    }
    let mut out = head(text, columns - 1).to_owned();
    out.push(ELLIPSIS);
    Cow::Owned(out)
}

/// Cuts `text` in its middle so that it takes at most `columns`: of a long path both ends stay readable.
///
/// The end gets two thirds of the room, because that is where a file's name stands.
pub fn truncate_middle(text: &str, columns: usize) -> Cow<'_, str> {
    match middle(text, columns) {
        None => Cow::Borrowed(text),
        Some(cut) => Cow::Owned(format!("{}{ELLIPSIS}{}", &text[..cut.start], &text[cut.end..])),
    }
}

/// The bytes that [`truncate_middle`] leaves out; `None` where all of `text` fits.
pub fn middle(text: &str, columns: usize) -> Option<Range<usize>> {
    if width(text) <= columns {
        return None;
    }
    let room = columns.saturating_sub(1);
    let front = if columns < 3 { room } else { room / 3 };
    Some(head(text, front).len()..text.len() - tail(text, room - front).len())
}

/// The bytes that [`truncate_end`] leaves out; `None` where all of `text` fits.
pub fn end(text: &str, columns: usize) -> Option<Range<usize>> {
    (width(text) > columns).then(|| head(text, columns.saturating_sub(1)).len()..text.len())
}

/// `text` cut or filled with spaces to exactly `columns`.
pub fn fit(text: &str, columns: usize) -> String {
    let mut out = truncate_end(text, columns).into_owned();
    let missing = columns.saturating_sub(width(&out));
    out.extend(std::iter::repeat_n(' ', missing));
    out
}

/// What was typed, in quotes that are not part of it; safe.
pub fn quoted(typed: &str) -> String {
    let quote = if typed.contains('\'') { '"' } else { '\'' };
    format!("{quote}{}{quote}", escape_str(typed))
}

/// A path as a word of a shell's command line; one that cannot be typed is escaped as it is shown.
pub fn shell_word(path: &Path) -> String {
    let shown = escape_path(path);
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:@%=".contains(c);
    if !shown.is_empty() && shown.chars().all(plain) {
        return shown.into_owned();
    }
    format!("'{}'", shown.replace('\'', "'\\''"))
}

/// A count of bytes for people: `317 B`, `4.2 KiB`, `1.0 GiB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A count of things: `1 file`, `111,871 files`, `2 entries`, `3 more matches`.
pub fn counted(number: u64, thing: &str) -> String {
    let (stem, end) = match thing.strip_suffix('y') {
        _ if number == 1 => (thing, ""),
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => (stem, "ies"),
        _ if thing.ends_with("ch") || thing.ends_with(['s', 'x']) => (thing, "es"),
        _ => (thing, "s"),
    };
    format!("{} {stem}{end}", count(number))
}

/// A count with thousands separated: `111,871`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Breaks `text` at spaces into lines of at most `columns`; words that are longer are cut.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let mut word = word;
            if !line.is_empty() && width(&line) + 1 + width(word) > columns {
                lines.push(std::mem::take(&mut line));
            }
            while width(word) > columns {
                let cut = head(word, columns);
                let cut = if cut.is_empty() { first_char(word) } else { cut };
                lines.push(cut.to_owned());
                word = &word[cut.len()..];
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

fn first_char(text: &str) -> &str {
    text.chars().next().map_or("", |c| &text[..c.len_utf8()])
}

fn head(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (index, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > columns {
            return &text[..index];
        }
    }
    text
}

fn tail(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (index, c) in text.char_indices().rev() {
        used += c.width().unwrap_or(0);
        if used > columns {
            return &text[index + c.len_utf8()..];
        }
    }
    text
}

fn is_plain(text: &str) -> bool {
    // Without an early end, so that many bytes are looked at at once.
    text.bytes().fold(true, |plain, b| plain & (0x20..0x7f).contains(&b)) || {
        let mut marks = 0;
        text.chars().all(|c| classify(c, &mut marks) == Shown::AsIs)
    }
}

fn push_escaped(out: &mut String, text: &str) {
    let mut marks = 0;
    for c in text.chars() {
        match classify(c, &mut marks) {
            Shown::AsIs if c == '\\' => out.push_str("\\\\"),
            Shown::AsIs => out.push(c),
            Shown::Escaped => push_escape(out, c),
        }
    }
}

/// Adds what is written for a character that is not shown as itself: `\n`, `\x1b`, `\u{202e}`.
pub fn push_escape(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if (c as u32) < 0x80 => {
            let _ = write!(out, "\\x{:02x}", c as u32);
        }
        c => {
            let _ = write!(out, "\\u{{{:x}}}", c as u32);
        }
    }
}

#[derive(PartialEq, Eq)]
enum Shown {
    AsIs,
    Escaped,
}

fn classify(c: char, marks: &mut usize) -> Shown {
    if c.is_control() || is_invisible(c) {
        return Shown::Escaped;
    }
    if c.width() == Some(0) {
        *marks += 1;
        return if *marks > MAX_MARKS { Shown::Escaped } else { Shown::AsIs };
    }
    *marks = 0;
    Shown::AsIs
}

/// Characters that are not controls by category but change or hide what is around them: bidirectional marks and
/// overrides (UAX #9), zero-width characters, blank letters, line separators, tags, variation selectors, private use.
fn is_invisible(c: char) -> bool {
    matches!(u32::from(c),
        0x00ad | 0x034f | 0x061c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f
        | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0x2800 | 0x3164 | 0xe000..=0xf8ff
        | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff
        | 0xf0000..=0x10_ffff)
        // Spaces other than U+0020 look like one and are not.
        || matches!(u32::from(c), 0x00a0 | 0x1680 | 0x2000..=0x200a | 0x202f | 0x205f | 0x3000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[test]
    fn ordinary_text_is_borrowed_as_it_is() {
        assert!(matches!(escape(b"/opt/reports/payload.py"), Cow::Borrowed(_)));
        assert_eq!(escape("/srv/Prüfung/日本".as_bytes()), "/srv/Prüfung/日本");
        assert_eq!(escape(br"C:\temp"), r"C:\temp");
    }

    #[test]
    fn no_two_paths_are_shown_alike() {
        let shown = |bytes: &'static [u8]| escape_path(Path::new(OsStr::from_bytes(bytes))).into_owned();
        assert_eq!([shown(b"a\x1bb"), shown(br"a\x1bb"), shown(br"a\\x1bb")], [r"a\x1bb", r"a\\x1bb", r"a\\\\x1bb"]);
        assert_eq!([shown(b"\xff"), shown(br"\xff"), shown(b"\n"), shown(br"\n")], [r"\xff", r"\\xff", r"\n", r"\\n"]);
        assert_eq!(escape_str(&shown(br"a\x1bb")), r"a\\x1bb", "once is enough");
        assert!(matches!(escape_path(Path::new("/srv/a b")), Cow::Borrowed("/srv/a b")));
    }

    #[test]
    fn what_could_fool_a_terminal_or_an_eye_is_escaped() {
        assert_eq!(escape(b"\x1b[2J"), r"\x1b[2J");
        assert_eq!(escape("a\u{202e}b".as_bytes()), r"a\u{202e}b");
        assert_eq!(escape("a\u{200b}b\u{9b}".as_bytes()), r"a\u{200b}b\u{9b}");
        assert_eq!(escape(b"a\nb\tc\\d"), r"a\nb\tc\\d");
        assert_eq!(escape(b"a\xff\xfeb"), r"a\xff\xfeb");
        let flood = format!("a{}", "\u{301}".repeat(50));
        assert!(width(&escape_str(&flood)) > 40);
    }

    #[test]
    fn cutting_counts_columns_not_bytes() {
        assert_eq!(truncate_end("日本語", 5), "日本…");
        assert_eq!(truncate_end("日本語", 6), "日本語");
        assert_eq!((end("日本語", 5), end("日本語", 6)), (Some("日本".len().."日本語".len()), None));
        assert_eq!(truncate_middle("/very/long/path/to/payload.py", 16), "/very…payload.py");
        assert_eq!(truncate_end("abc", 0), "");
        assert_eq!(fit("ab", 4), "ab  ");
    }

    #[test]
    fn one_is_counted_as_one() {
        assert_eq!([0, 1, 1234].map(|number| counted(number, "file")), ["0 files", "1 file", "1,234 files"]);
        let said = |thing| [1, 2].map(|number| counted(number, thing));
        assert_eq!(said("entry"), ["1 entry", "2 entries"]);
        assert_eq!(said("day"), ["1 day", "2 days"]);
        assert_eq!(said("more match"), ["1 more match", "2 more matches"]);
        assert_eq!(said("process"), ["1 process", "2 processes"]);
    }

    #[test]
    fn wrapping_never_exceeds_the_width_and_loses_no_word() {
        let text = "one two three, averyveryverylongword 日本語 end";
        for columns in 1..30 {
            let lines = wrap(text, columns);
            assert!(lines.iter().all(|l| width(l) <= columns.max(2)), "{columns}: {lines:?}");
            let joined: String = lines.concat().split_whitespace().collect();
            assert_eq!(joined, text.split_whitespace().collect::<String>());
        }
    }

    #[test]
    fn numbers_for_people() {
        assert_eq!(bytes(317), "317 B");
        assert_eq!(bytes(4301), "4.2 KiB");
        assert_eq!(bytes(1 << 30), "1.0 GiB");
        assert_eq!(bytes(1_048_575), "1.0 MiB");
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_118_710), "1,118,710");
    }

    #[test]
    fn hex_is_read_as_it_is_written() {
        assert_eq!(from_hex(hex(&[0, 0x7f, 0xff]).as_bytes()), Some(vec![0, 0x7f, 0xff]));
        assert_eq!(from_hex(b"aAfF"), Some(vec![0xaa, 0xff]));
        assert_eq!(from_hex(b""), Some(Vec::new()));
        for wrong in ["a", "abc", "+1", "0x", "g0", " 1", "\u{e9}"] {
            assert_eq!(from_hex(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
