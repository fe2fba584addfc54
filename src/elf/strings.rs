//! Printable text inside a file, as `strings(1)` finds it, in ASCII and UTF-16.

use serde::Serialize;

/// Bytes looked at, at most.
pub const MAX_BYTES: usize = 64 * 1024;

/// How a text is written in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StringEncoding {
    /// One byte a character.
    Ascii,
    /// Two bytes a character, least significant first.
    Utf16Le,
}

/// A run of printable characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ElfText {
    /// Offset of the first byte.
    pub offset: u64,
    /// Bytes the run takes in the file.
    pub length: u64,
    /// How it is written.
    pub encoding: StringEncoding,
    /// The characters, all of them printable ASCII or tabs.
    pub text: String,
}

/// Runs of at least `least` printable ASCII characters, tabs included, in the first 64 KiB of `bytes`, in file order
/// and not overlapping; both single-byte and UTF-16LE at any alignment. A `least` of 0 counts as 1.
pub fn strings(bytes: &[u8], least: usize) -> Vec<ElfText> {
    let bytes = bytes.get(..MAX_BYTES).unwrap_or(bytes);
    let least = least.max(1);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let narrow = rest.iter().take_while(|byte| is_printable(**byte)).count();
        // The last character before a NUL may begin a UTF-16 run: "xyzA.B.C." is "xyz" and "ABC".
        let lead = narrow.saturating_sub(1);
        let wide = rest.get(lead..).unwrap_or_default().chunks_exact(2);
        let wide = wide.take_while(|pair| matches!(pair, [low, 0] if is_printable(*low))).count();
        let narrow_only = if wide >= least { lead } else { narrow };
        if narrow_only >= least {
            found.push(text(at, rest.iter().take(narrow_only), narrow_only, StringEncoding::Ascii));
        }
        if wide >= least {
            let letters = rest.iter().skip(lead).step_by(2).take(wide);
            found.push(text(at + lead, letters, wide * 2, StringEncoding::Utf16Le));
        }
        at += (lead + wide * 2).max(narrow).max(1);
    }
    found
}

fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t')
}

fn text<'a>(at: usize, letters: impl Iterator<Item = &'a u8>, length: usize, encoding: StringEncoding) -> ElfText {
    let text = letters.map(|&byte| char::from(byte)).collect();
    ElfText { offset: at as u64, length: length as u64, encoding, text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(bytes: &[u8], least: usize) -> Vec<(u64, u64, StringEncoding, String)> {
        strings(bytes, least).into_iter().map(|t| (t.offset, t.length, t.encoding, t.text)).collect()
    }

    #[test]
    fn both_encodings_are_found_side_by_side() {
        use StringEncoding::{Ascii, Utf16Le};
        assert_eq!(found(b"\x00/bin/sh\x00ab", 4), [(1, 7, Ascii, "/bin/sh".into())]);
        assert_eq!(found(b"\x01c\0m\0d\0.\0\x02", 4), [(1, 8, Utf16Le, "cmd.".into())]);
        assert_eq!(found(b"wxyzA\0B\0C\0D\0", 4), [(0, 4, Ascii, "wxyz".into()), (4, 8, Utf16Le, "ABCD".into())]);
        assert_eq!(found(b"A\0B\0C\0D", 3), [(0, 6, Utf16Le, "ABC".into())]);
        assert!(found(b"abc", 4).is_empty());
        assert!(found(b"", 0).is_empty());
    }

    #[test]
    fn only_the_first_64_kib_are_looked_at() {
        assert_eq!(strings(&vec![b'a'; MAX_BYTES * 2], 4).first().map(|t| t.length), Some(MAX_BYTES as u64));
    }

    proptest! {
        #[test]
        fn runs_lie_inside_in_order_and_hold_what_they_say(
            bytes in proptest::collection::vec(prop_oneof![Just(0_u8), 0x60..0x68_u8, any::<u8>()], 0..400),
            least in 0..8_usize,
        ) {
            let mut end = 0;
            for text in strings(&bytes, least) {
                prop_assert!(text.offset >= end);
                end = text.offset + text.length;
                prop_assert!(end <= bytes.len() as u64);
                prop_assert!(text.text.len() >= least.max(1));
                let raw = &bytes[text.offset as usize..end as usize];
                let again: Vec<u8> = match text.encoding {
                    StringEncoding::Ascii => text.text.bytes().collect(),
                    StringEncoding::Utf16Le => text.text.bytes().flat_map(|b| [b, 0]).collect(),
                };
                prop_assert_eq!(raw, &again);
            }
        }
    }
}
