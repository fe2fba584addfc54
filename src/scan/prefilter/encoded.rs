//! The spellings of text patterns with `xor` and `base64`.

use yara_x_parser::ast::{LiteralString, PatternModifier, TextPattern};

use super::bytes::ByteSet;
use super::required::Run;

/// The alphabet of RFC 4648, section 4.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Whether the text stands in a file in another form than its own bytes.
pub(super) fn is_encoded(text: &TextPattern) -> bool {
    let modifiers = &text.modifiers;
    modifiers.xor().is_some() || modifiers.base64().is_some() || modifiers.base64wide().is_some()
}

/// Runs of which one is in every file that has the encoded pattern; `None` if no such runs are known.
pub(super) fn runs(text: &TextPattern) -> Option<Vec<Run>> {
    let modifiers = &text.modifiers;
    let plain: Vec<u8> = text.text.value.to_vec();
    let wide = || plain.iter().flat_map(|byte| [*byte, 0]).collect::<Vec<u8>>();
    let mut texts = Vec::new();
    texts.extend(modifiers.wide().is_some().then(wide));
    texts.extend((texts.is_empty() || modifiers.ascii().is_some()).then(|| plain.clone()));
    if let Some(PatternModifier::Xor { start, end, .. }) = modifiers.xor() {
        let keyed = |key: u8| texts.iter().map(move |text| run(text.iter().map(|byte| byte ^ key)));
        return Some((*start..=*end).flat_map(keyed).collect());
    }
    let coded = |alphabet: &Option<LiteralString>| -> Option<Vec<Vec<u8>>> {
        let alphabet: [u8; 64] = match alphabet {
            None => *ALPHABET,
            Some(own) => own.value.to_vec().try_into().ok()?,
        };
        let shifted = texts.iter().flat_map(|text| (0..3).map(move |before| (text, before)));
        Some(shifted.map(|(text, before)| base64(text, before, &alphabet)).collect())
    };
    let mut runs = Vec::new();
    if let Some(PatternModifier::Base64 { alphabet, .. }) = modifiers.base64() {
        runs.extend(coded(alphabet)?.into_iter().map(run));
    }
    if let Some(PatternModifier::Base64Wide { alphabet, .. }) = modifiers.base64wide() {
        for characters in coded(alphabet)? {
            let size = characters.len() / PIECES;
            if size < MIN_IN_PIECE {
                return None;
            }
            let pieces = characters.chunks_exact(size).take(PIECES);
            runs.extend(pieces.map(|piece| {
                let mut wide: Vec<u8> = piece.iter().flat_map(|character| [*character, 0]).collect();
                wide.pop();
                run(wide)
            }));
        }
    }
    Some(runs).filter(|runs| !runs.is_empty())
}

/// Parts that a text in wide base64 is cut into. yara-x passes over any `=` between its characters, but decodes at most five
/// characters more than the text takes (`verify_base64` there), so that at least one of six parts has none inside.
const PIECES: usize = 6;
/// Characters that a part must have to be searched for.
const MIN_IN_PIECE: usize = 4;

fn run(bytes: impl IntoIterator<Item = u8>) -> Run {
    bytes.into_iter().map(ByteSet::one).collect()
}

/// The characters that stand for nothing but `text` where so many other bytes, 0 to 2, come before it.
fn base64(text: &[u8], before: usize, alphabet: &[u8; 64]) -> Vec<u8> {
    let bits = 8 * before..8 * (before + text.len());
    let bit = |at: usize| text.get(at / 8 - before).map_or(0, |byte| usize::from(byte >> (7 - at % 8) & 1));
    let characters = bits.start.div_ceil(6)..bits.end / 6;
    let value = |character: usize| (6 * character..6 * character + 6).fold(0, |value, at| value << 1 | bit(at));
    characters.filter_map(|character| alphabet.get(value(character)).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_three_spellings_in_base64() {
        let of = |before| String::from_utf8(base64(b"ipsum", before, ALPHABET)).unwrap();
        assert_eq!([0, 1, 2].map(of), ["aXBzdW", "lwc3Vt", "pcHN1b"]);
        assert_eq!(base64(b"foobar", 0, ALPHABET), b"Zm9vYmFy");
    }
}
