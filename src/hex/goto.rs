//! An offset as it is typed.
//!
//! | typed | means |
//! | --- | --- |
//! | `123`, `1,024` | offset in decimal |
//! | `0x7b`, `7bh` | offset in hex |
//! | `+16`, `-0x10` | so many bytes on or back from the cursor |
//! | `50%`, `12.5%` | so far through the file |
//! | `start`, `^` | the first byte |
//! | `end`, `$` | the last byte |

use crate::text;

/// Where to go, before the file's size and the cursor are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GotoTarget {
    /// An offset.
    Offset(u64),
    /// Bytes on from the cursor.
    Forward(u64),
    /// Bytes back from the cursor.
    Back(u64),
    /// Thousandths of a percent of the file, at most 100,000.
    Share(u64),
    /// The last byte.
    End,
}

/// Where one has got to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GotoOutcome {
    /// An offset in the file; 0 if it is empty.
    pub offset: u64,
    /// What to tell when it is not the one that was asked for.
    pub note: Option<String>,
}

/// What was typed is no offset. The typed text in the messages is escaped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GotoError {
    /// Nothing was typed.
    #[error("type an offset: 123, 0x7b, +16, -0x10, 50%, start or end")]
    Empty,
    /// Not a number.
    #[error("“{0}” is no offset: type 123, 0x7b, +16, -0x10, 50%, start or end")]
    NotANumber(String),
    /// Hex digits without a sign of being hex.
    #[error("“{0}” is no decimal number; if it is hex, type 0x{0}")]
    MaybeHex(String),
    /// More than an offset can be.
    #[error("“{0}” is larger than any offset (0xffffffffffffffff)")]
    TooLarge(String),
    /// More than the whole file.
    #[error("“{0}” is more than 100%")]
    OverAll(String),
}

impl GotoTarget {
    /// Reads what was typed. Case and spaces around it do not matter; `,` and `_` may separate digits.
    ///
    /// # Errors
    /// [`GotoError`], in words for the person who typed it.
    pub(crate) fn parse(typed: &str) -> Result<Self, GotoError> {
        let typed = typed.trim().to_ascii_lowercase();
        match typed.as_str() {
            "" => return Err(GotoError::Empty),
            "start" | "^" => return Ok(Self::Offset(0)),
            "end" | "$" => return Ok(Self::End),
            _ => {}
        }
        if let Some(share) = typed.strip_suffix('%') {
            return parse_share(&typed, share.trim_end());
        }
        match typed.split_at_checked(1) {
            Some(("+", rest)) => number(rest.trim_start()).map(Self::Forward),
            Some(("-", rest)) => number(rest.trim_start()).map(Self::Back),
            _ => number(&typed).map(Self::Offset),
        }
    }

    /// The offset this is in a file of `size` bytes with the cursor at `cursor`.
    pub(crate) fn resolve(self, cursor: u64, size: u64) -> GotoOutcome {
        let last = size.saturating_sub(1);
        let clamp = |offset: Option<u64>| match offset {
            _ if size == 0 => GotoOutcome { offset: 0, note: Some("the file is empty".to_owned()) },
            Some(offset) if offset <= last => GotoOutcome { offset, note: None },
            _ => GotoOutcome { offset: last, note: Some(format!("past the end; the last byte is at {last:#x}")) },
        };
        match self {
            Self::Offset(offset) => clamp(Some(offset)),
            Self::Forward(count) => clamp(cursor.checked_add(count)),
            Self::Back(count) => match cursor.checked_sub(count) {
                None if size > 0 => {
                    GotoOutcome { offset: 0, note: Some("before the beginning; this is it".to_owned()) }
                }
                offset => clamp(offset),
            },
            Self::Share(share) => {
                let offset = (u128::from(size) * u128::from(share) / 100_000) as u64;
                clamp(Some(offset.min(last)))
            }
            Self::End => clamp(Some(last)),
        }
    }
}

fn number(typed: &str) -> Result<u64, GotoError> {
    let shown = || text::escape_str(typed).into_owned();
    let hex = typed.strip_prefix("0x").or_else(|| typed.strip_suffix('h'));
    let (digits, radix) = hex.map_or((typed, 10), |digits| (digits, 16));
    let digits: String = digits.chars().filter(|c| !matches!(c, ',' | '_')).collect();
    if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(GotoError::NotANumber(shown()));
    }
    if radix == 10 && !digits.chars().all(|c| c.is_ascii_digit()) {
        return Err(GotoError::MaybeHex(shown()));
    }
    u64::from_str_radix(&digits, radix).map_err(|_| GotoError::TooLarge(shown()))
}

fn parse_share(typed: &str, share: &str) -> Result<GotoTarget, GotoError> {
    let wrong = || GotoError::NotANumber(text::escape_str(typed).into_owned());
    let (whole, fraction) = share.split_once('.').unwrap_or((share, "0"));
    let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !plain(whole) || !plain(fraction) || fraction.len() > 3 {
        return Err(wrong());
    }
    let fraction: u64 = format!("{fraction:0<3}").parse().map_err(|_| wrong())?;
    let over = || GotoError::OverAll(text::escape_str(typed).into_owned());
    let thousandths = whole.parse::<u64>().ok().and_then(|whole| whole.checked_mul(1000)).ok_or_else(over)?;
    match thousandths.checked_add(fraction) {
        Some(share) if share <= 100_000 => Ok(GotoTarget::Share(share)),
        _ => Err(over()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_form_is_read() {
        for (typed, target) in [
            ("123", GotoTarget::Offset(123)),
            (" 0x7B ", GotoTarget::Offset(0x7b)),
            ("7bh", GotoTarget::Offset(0x7b)),
            ("1,024", GotoTarget::Offset(1024)),
            ("0xdead_beef", GotoTarget::Offset(0xdead_beef)),
            ("+16", GotoTarget::Forward(16)),
            ("+ 0x10", GotoTarget::Forward(16)),
            ("-0x10", GotoTarget::Back(16)),
            ("50%", GotoTarget::Share(50_000)),
            ("12.5 %", GotoTarget::Share(12_500)),
            ("100.000%", GotoTarget::Share(100_000)),
            ("end", GotoTarget::End),
            ("$", GotoTarget::End),
            ("Start", GotoTarget::Offset(0)),
            ("0xffffffffffffffff", GotoTarget::Offset(u64::MAX)),
        ] {
            assert_eq!(GotoTarget::parse(typed), Ok(target), "{typed}");
        }
    }

    #[test]
    fn what_is_no_offset_is_told_in_words() {
        let error = |typed: &str| GotoTarget::parse(typed).unwrap_err().to_string();
        assert_eq!(error("7b"), "“7b” is no decimal number; if it is hex, type 0x7b");
        assert!(error("").starts_with("type an offset"));
        assert!(error("0x1ffffffffffffffff").contains("larger than any offset"));
        assert_eq!(error("101%"), "“101%” is more than 100%");
        assert!(error("99999999999999999999%").contains("100%"));
        for typed in ["x", "+", "-", "0x", "h", "%", "1.%", "1.2345%", "--1", "+-1", "é", "0x+1", "\u{202e}1", ",_"] {
            assert!(error(typed).contains("is no offset"), "{typed}: {}", error(typed));
        }
        assert!(!error("\u{202e}1").contains('\u{202e}'));
    }

    #[test]
    fn a_landing_is_in_the_file_and_says_when_it_is_elsewhere() {
        let at = |target: GotoTarget, cursor, size| target.resolve(cursor, size);
        let quiet = |offset| GotoOutcome { offset, note: None };
        assert_eq!(at(GotoTarget::Forward(16), 10, 100), quiet(26));
        assert_eq!(at(GotoTarget::Back(10), 10, 100), quiet(0));
        assert_eq!(at(GotoTarget::Share(50_000), 0, 100), quiet(50));
        assert_eq!(at(GotoTarget::Share(100_000), 0, 100), quiet(99));
        assert_eq!(at(GotoTarget::Share(100_000), 0, u64::MAX), quiet(u64::MAX - 1));
        assert_eq!(at(GotoTarget::End, 0, 100), quiet(99));
        assert_eq!(at(GotoTarget::Offset(100), 0, 100).note.unwrap(), "past the end; the last byte is at 0x63");
        assert_eq!(at(GotoTarget::Back(11), 10, 100).note.unwrap(), "before the beginning; this is it");
        assert_eq!(at(GotoTarget::Forward(u64::MAX), 10, 100).offset, 99);
        for target in [GotoTarget::End, GotoTarget::Back(1), GotoTarget::Share(100_000), GotoTarget::Offset(0)] {
            assert_eq!(at(target, 0, 0), GotoOutcome { offset: 0, note: Some("the file is empty".into()) });
        }
    }

    proptest! {
        #[test]
        fn a_printed_offset_is_read_back(offset in any::<u64>()) {
            prop_assert_eq!(GotoTarget::parse(&offset.to_string()), Ok(GotoTarget::Offset(offset)));
            prop_assert_eq!(GotoTarget::parse(&crate::text::count(offset)), Ok(GotoTarget::Offset(offset)));
            prop_assert_eq!(GotoTarget::parse(&format!("{offset:#x}")), Ok(GotoTarget::Offset(offset)));
            prop_assert_eq!(GotoTarget::parse(&format!("{offset:X}h")), Ok(GotoTarget::Offset(offset)));
        }

        #[test]
        fn whatever_is_typed_lands_in_the_file(typed in "\\PC{0,12}", cursor in any::<u64>(), size in any::<u64>()) {
            if let Ok(target) = GotoTarget::parse(&typed) {
                prop_assert!(target.resolve(cursor, size).offset < size.max(1));
            }
        }
    }
}
