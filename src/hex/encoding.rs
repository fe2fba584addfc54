//! How bytes are read as text, one character at a time.

use std::fmt;

/// Bytes that tell the encoding: as many as are looked at of what is in sight.
const LOOKED_AT: usize = 4096;

/// An encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// UTF-8 (RFC 3629).
    #[default]
    Utf8,
    /// UTF-16, the low byte first (RFC 2781): wide strings of Windows.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
    /// ISO 8859-1: each byte is the character of its number.
    Latin1,
}

/// What stands at an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A character.
    Char(char),
    /// A byte that is no character in the encoding.
    Byte(u8),
    /// Half of a pair of UTF-16 without its other half.
    Half(u16),
    /// A byte that is not known.
    Unknown,
}

impl Encoding {
    /// All of them, in the order in which they are gone through.
    pub const ALL: [Self; 4] = [Self::Utf8, Self::Utf16Le, Self::Utf16Be, Self::Latin1];

    /// The next one, round and round.
    #[must_use]
    pub fn next(self) -> Self {
        let place = Self::ALL.iter().position(|encoding| *encoding == self).unwrap_or(0);
        Self::ALL[(place + 1) % Self::ALL.len()]
    }

    /// Bytes that a character takes at least; characters begin at multiples of it.
    pub fn step(self) -> usize {
        match self {
            Self::Utf8 | Self::Latin1 => 1,
            Self::Utf16Le | Self::Utf16Be => 2,
        }
    }

    /// What the first of `bytes` begin, and how many of them it takes; `None` when there are none.
    pub fn unit(self, bytes: &[Option<u8>]) -> Option<(Unit, usize)> {
        let first = *bytes.first()?;
        let Some(byte) = first else { return Some((Unit::Unknown, self.step().min(bytes.len()))) };
        Some(match self {
            Self::Latin1 => (Unit::Char(char::from(byte)), 1),
            Self::Utf8 => utf8(bytes).map_or((Unit::Byte(byte), 1), |(c, length)| (Unit::Char(c), length)),
            Self::Utf16Le | Self::Utf16Be => {
                let code = |at: usize| {
                    let pair = [*bytes.get(at)?, *bytes.get(at + 1)?];
                    let [Some(a), Some(b)] = pair else { return None };
                    Some(if self == Self::Utf16Le { u16::from_le_bytes([a, b]) } else { u16::from_be_bytes([a, b]) })
                };
                // Pairs stay pairs, whatever is wrong with one.
                let Some(high) = code(0) else {
                    return Some(if bytes.len() < 2 { (Unit::Byte(byte), 1) } else { (Unit::Unknown, 2) });
                };
                let codes = [high, code(2).unwrap_or(0)];
                match char::decode_utf16(codes).next() {
                    Some(Ok(c)) => (Unit::Char(c), 2 * c.len_utf16()),
                    _ => (Unit::Half(high), 2),
                }
            }
        })
    }

    /// Whether a line feed ends at `at` (the offset of its last byte among `bytes`, of which the first is at an offset that
    /// is a multiple of [`step`](Self::step)).
    pub fn is_line_end(self, bytes: &[Option<u8>], at: usize) -> bool {
        match self {
            Self::Utf8 | Self::Latin1 => bytes.get(at).copied().flatten() == Some(b'\n'),
            Self::Utf16Le | Self::Utf16Be => {
                let Some(start) = at.checked_sub(1).filter(|start| start % 2 == 0) else { return false };
                self.unit(bytes.get(start..at + 1).unwrap_or_default()) == Some((Unit::Char('\n'), 2))
            }
        }
    }

    /// The encoding that `bytes` seem to be in, and whether they are text in it: no more than one character in twenty is a
    /// control or no character at all. `begins` says that they are the first of the file, which a byte order mark may
    /// lead in.
    pub fn guess(bytes: &[Option<u8>], begins: bool) -> (Self, bool) {
        let bytes = bytes.get(..LOOKED_AT).unwrap_or(bytes);
        let known: Vec<u8> = bytes.iter().map_while(|byte| *byte).collect();
        let marked = match known.as_slice() {
            [0xff, 0xfe, ..] if begins => Some(Self::Utf16Le),
            [0xfe, 0xff, ..] if begins => Some(Self::Utf16Be),
            _ => None,
        };
        let zeros = |parity: usize| known.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
        let half = known.len() / 2;
        let wide = match (zeros(0), zeros(1)) {
            // Letters of Latin scripts have a zero for their high byte, and none for the low one.
            (even, odd) if half > 4 && odd * 2 > half && even * 10 < half => Some(Self::Utf16Le),
            (even, odd) if half > 4 && even * 2 > half && odd * 10 < half => Some(Self::Utf16Be),
            _ => None,
        };
        let broken = |encoding: Self| {
            let (mut at, mut all, mut odd) = (0, 0, 0);
            while let Some((unit, length)) = encoding.unit(bytes.get(at..).unwrap_or_default()) {
                let is_odd = match unit {
                    Unit::Char(c) => c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}' | '\u{1b}'),
                    // What is cut off at the end of what is looked at is no fault.
                    Unit::Byte(_) | Unit::Half(_) => at + 4 < bytes.len(),
                    Unit::Unknown => false,
                };
                (at, all, odd) = (at + length, all + 1, odd + usize::from(is_odd));
            }
            (odd, all)
        };
        let is_text = |(odd, all): (usize, usize)| all > 0 && odd * 20 <= all;
        if let Some(encoding) = marked.or(wide) {
            return (encoding, is_text(broken(encoding)));
        }
        let utf8 = broken(Self::Utf8);
        if is_text(utf8) {
            return (Self::Utf8, true);
        }
        let has_zero = known.contains(&0);
        let latin1 = broken(Self::Latin1);
        if !has_zero && is_text(latin1) { (Self::Latin1, true) } else { (Self::Utf8, false) }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Le => "UTF-16 LE",
            Self::Utf16Be => "UTF-16 BE",
            Self::Latin1 => "Latin-1",
        })
    }
}

/// The character that the first bytes are in UTF-8.
fn utf8(bytes: &[Option<u8>]) -> Option<(char, usize)> {
    let mut buffer = [0; 4];
    let length = match bytes.first().copied().flatten()? {
        0..0x80 => 1,
        0xc2..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf5 => 4,
        _ => return None,
    };
    for (to, from) in buffer.iter_mut().zip(bytes.get(..length)?) {
        *to = (*from)?;
    }
    let text = std::str::from_utf8(buffer.get(..length)?).ok()?;
    text.chars().next().map(|c| (c, length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(bytes: &[u8]) -> Vec<Option<u8>> {
        bytes.iter().map(|byte| Some(*byte)).collect()
    }

    fn read(encoding: Encoding, bytes: &[u8]) -> Vec<Unit> {
        let bytes = known(bytes);
        let mut at = 0;
        let mut units = Vec::new();
        while let Some((unit, length)) = encoding.unit(&bytes[at..]) {
            units.push(unit);
            at += length;
        }
        units
    }

    #[test]
    fn characters_are_read_and_what_is_none_is_told_byte_by_byte() {
        use Unit::{Byte, Char, Half};
        assert_eq!(read(Encoding::Utf8, "aé€𝄞".as_bytes()), [Char('a'), Char('é'), Char('€'), Char('𝄞')]);
        assert_eq!(
            read(Encoding::Utf8, b"\xc3a\xff\xc0\x80"),
            [Byte(0xc3), Char('a'), Byte(0xff), Byte(0xc0), Byte(0x80)]
        );
        assert_eq!(read(Encoding::Utf16Le, b"a\0\x1e\xd8"), [Char('a'), Half(0xd81e)]);
        assert_eq!(read(Encoding::Utf16Be, b"\xd8\x34\xdd\x1e\0"), [Char('𝄞'), Byte(0)]);
        assert_eq!(read(Encoding::Latin1, b"\xe9"), [Char('é')]);
        assert_eq!(Encoding::Utf8.unit(&[None]), Some((Unit::Unknown, 1)));
        assert_eq!(Encoding::Utf8.unit(&[Some(0xc3), None]), Some((Byte(0xc3), 1)));
    }

    #[test]
    fn the_encoding_is_told_by_the_bytes() {
        let guess = |bytes: &[u8]| Encoding::guess(&known(bytes), true);
        let wide = |swap: bool, text: &str| -> Vec<u8> {
            text.encode_utf16().flat_map(|code| if swap { code.to_be_bytes() } else { code.to_le_bytes() }).collect()
        };
        assert_eq!(guess(b"#!/usr/bin/python3\nimport os\n"), (Encoding::Utf8, true));
        assert_eq!(guess("prüfe 日本\n".as_bytes()), (Encoding::Utf8, true));
        assert_eq!(guess(b"gr\xfc\xdfe und mehr davon\n"), (Encoding::Latin1, true));
        assert_eq!(guess(&wide(false, "import os, sys\r\n")), (Encoding::Utf16Le, true));
        assert_eq!(guess(&wide(true, "import os, sys\r\n")), (Encoding::Utf16Be, true));
        assert_eq!(guess(b"\xff\xfea\0"), (Encoding::Utf16Le, true));
        assert_eq!(guess(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0"), (Encoding::Utf8, false));
        assert!(!guess(b"").1);
    }

    #[test]
    fn a_line_ends_at_its_feed() {
        let le = known(b"a\0\n\0\n\x01");
        let ends: Vec<_> = (0..6).filter(|at| Encoding::Utf16Le.is_line_end(&le, *at)).collect();
        assert_eq!(ends, [3]);
        assert!(Encoding::Utf8.is_line_end(&known(b"a\n"), 1) && !Encoding::Utf8.is_line_end(&[None], 0));
    }

    proptest! {
        #[test]
        fn text_comes_back(text in "\\PC{0,40}") {
            let utf16 = |be: bool| -> Vec<u8> {
                text.encode_utf16().flat_map(|code| if be { code.to_be_bytes() } else { code.to_le_bytes() }).collect()
            };
            let coded = [text.as_bytes().to_vec(), utf16(false), utf16(true)];
            for (encoding, bytes) in [Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be].into_iter().zip(coded) {
                let chars: Vec<_> = text.chars().map(Unit::Char).collect();
                prop_assert_eq!(read(encoding, &bytes), chars);
            }
        }

        #[test]
        fn any_bytes_are_read_to_their_end(bytes in prop::collection::vec(prop::option::of(any::<u8>()), 0..60)) {
            for encoding in Encoding::ALL {
                let mut at = 0;
                while let Some((_, length)) = encoding.unit(&bytes[at..]) {
                    prop_assert!(length > 0 && at + length <= bytes.len());
                    at += length;
                }
                prop_assert_eq!(at, bytes.len());
                let _ = Encoding::guess(&bytes, true);
            }
        }
    }
}
