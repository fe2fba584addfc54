//! One field of an ELF structure: its bytes, where they lie, the number they make and what it means.

use std::ops::Range;

use serde::{Serialize, Serializer};

use crate::text;

/// One field of the ELF header, a program header or a section header.
///
/// In JSON `offset` and `length` are those of [`ElfField::in_file`], so that the range always lies inside the file;
/// `missing` counts the bytes that the field lacks, and is left out when it lacks none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElfField {
    /// Name in the specification, such as `e_phoff`; the parts of `e_ident` go by their index names.
    pub name: &'static str,
    /// Offset in the file at which the field begins, or would begin.
    pub offset: u64,
    /// Bytes the field takes by the specification.
    pub length: u64,
    /// Length of the whole file in bytes.
    pub file_size: u64,
    /// The bytes of the field that are at hand: all, some or none. Lower-case hex in JSON.
    pub raw: Vec<u8>,
    /// The number, where the field is one.
    pub value: FieldValue,
    /// What the value says, in words; for a missing field, why it is missing.
    pub meaning: String,
}

impl ElfField {
    /// Offsets of the field's bytes that the file has, at hand or not; empty, at the end of the file, when it has none.
    pub fn in_file(&self) -> Range<u64> {
        let end = self.offset.saturating_add(self.length);
        self.offset.min(self.file_size)..end.min(self.file_size)
    }

    /// Bytes that the field lacks because the file ends inside it or before it.
    pub fn missing(&self) -> u64 {
        let there = self.in_file();
        self.length - (there.end - there.start)
    }

    /// Offsets of the field's bytes that are at hand; empty when none are.
    pub fn present(&self) -> Range<u64> {
        self.offset..self.offset.saturating_add(self.raw.len() as u64)
    }
}

impl Serialize for ElfField {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            name: &'static str,
            offset: u64,
            length: u64,
            #[serde(skip_serializing_if = "Option::is_none")]
            missing: Option<u64>,
            raw: String,
            value: FieldValue,
            meaning: &'a str,
        }
        let there = self.in_file();
        let shown = Shown {
            name: self.name,
            offset: there.start,
            length: there.end - there.start,
            missing: Some(self.missing()).filter(|missing| *missing > 0),
            raw: text::hex(&self.raw),
            value: self.value,
            meaning: &self.meaning,
        };
        shown.serialize(serializer)
    }
}

/// What a field's bytes come to. In JSON a number, or null when there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldValue {
    /// A number in the file's byte order.
    Number(u64),
    /// Not a number but plain bytes, such as the magic.
    Bytes,
    /// The file ends inside the field; the number is what comes of zeros in the place of the bytes that are not there.
    Cut(u64),
    /// The file ends before the field.
    Missing,
    /// The file has the field, but its bytes were not at hand.
    NotRead,
}

impl FieldValue {
    /// The number, if there is one.
    pub fn number(self) -> Option<u64> {
        match self {
            Self::Number(number) | Self::Cut(number) => Some(number),
            Self::Bytes | Self::Missing | Self::NotRead => None,
        }
    }
}

impl Serialize for FieldValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.number().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_in_json_has_hex_bytes_and_a_plain_number() {
        let field = ElfField {
            name: "e_type",
            offset: 16,
            length: 2,
            file_size: 64,
            raw: vec![2, 0],
            value: FieldValue::Number(2),
            meaning: "EXEC".into(),
        };
        assert_eq!(
            serde_json::to_string(&field).unwrap(),
            r#"{"name":"e_type","offset":16,"length":2,"raw":"0200","value":2,"meaning":"EXEC"}"#
        );
        assert_eq!(serde_json::to_string(&FieldValue::Missing).unwrap(), "null");
    }

    #[test]
    fn the_place_of_a_field_in_json_lies_inside_the_file() {
        let json = |file_size, raw: &[u8], value| {
            let raw = raw.to_vec();
            let field =
                ElfField { name: "e_entry", offset: 24, length: 8, file_size, raw, value, meaning: String::new() };
            let json = serde_json::to_value(&field).unwrap();
            (json["offset"].as_u64().unwrap(), json["length"].as_u64().unwrap(), json["missing"].as_u64())
        };
        assert_eq!(json(32, &[1; 8], FieldValue::Number(0)), (24, 8, None));
        assert_eq!(json(32, &[], FieldValue::NotRead), (24, 8, None));
        assert_eq!(json(27, &[1; 3], FieldValue::Cut(0)), (24, 3, Some(5)));
        assert_eq!(json(24, &[], FieldValue::Missing), (24, 0, Some(8)));
        assert_eq!(json(16, &[], FieldValue::Missing), (16, 0, Some(8)));
    }
}
