//! What is known of one file, as far as a condition can ask.

use super::known::{Integer, Known};
use crate::elf::Bytes;
use crate::scan::{Externals, Places};

/// One file, and where the patterns of one rule are in it.
#[derive(Clone, Copy)]
pub struct Facts<'f> {
    /// The file's size and bytes; those that are not given though they lie before the end are unknown.
    pub bytes: &'f dyn Bytes,
    /// Where each pattern is, in the order of the rule's `strings` section; unknown for one beyond the list.
    pub places: &'f [Option<Places>],
    /// The external variables; `None` if they are not known.
    pub externals: Option<&'f Externals>,
}

/// What `uint16be` and its kin read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    width: u8,
    big_endian: bool,
    signed: bool,
}

impl Field {
    /// The field that a function of YARA reads, by the function's name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let (name, big_endian) = name.strip_suffix("be").map_or((name, false), |name| (name, true));
        let (bits, signed) = name.strip_prefix("uint").map(|bits| (bits, false)).or_else(|| {
            let bits = name.strip_prefix("int")?;
            Some((bits, true))
        })?;
        let width = match bits {
            "8" => 1,
            "16" => 2,
            "32" => 4,
            "64" => 8,
            _ => return None,
        };
        Some(Self { width, big_endian, signed })
    }

    fn value(self, bytes: &[u8]) -> Integer {
        let join = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        let value = if self.big_endian { bytes.iter().fold(0, join) } else { bytes.iter().rev().fold(0, join) };
        let spare = 64 - 8 * u32::from(self.width);
        let value = if self.signed { i128::from((value << spare).cast_signed() >> spare) } else { value.into() };
        Integer { value, unsigned: self.width == 8 && !self.signed }
    }
}

impl Facts<'_> {
    /// Reads a field; undefined when it does not lie in the file.
    pub(super) fn read(&self, field: Field, offset: Integer) -> Known {
        let end = offset.value + i128::from(field.width);
        let Ok(start) = u64::try_from(offset.value) else { return Known::Undefined };
        if end > i128::from(self.bytes.size()) {
            return Known::Undefined;
        }
        let bytes = self.bytes.read(start, field.width.into());
        if bytes.len() == usize::from(field.width) {
            Known::Integer(field.value(&bytes))
        } else {
            Known::unknown("the bytes there are not at hand")
        }
    }

    /// The value of an external variable; `None` if that is not what the name stands for.
    pub(super) fn external(&self, name: &str) -> Option<Known> {
        if !crate::hunt::EXTERNAL_VARIABLES.contains(&name) {
            return None;
        }
        let Some(externals) = self.externals else { return Some(Known::unknown("the file's name is not at hand")) };
        let mut value = Known::Undefined;
        externals.each(|external, text| {
            if external == name {
                value = Known::Text(text.as_bytes().to_vec());
            }
        });
        Some(value)
    }
}
