//! One field of an ELF structure: its bytes, where they lie, the number they make and what it means.

use std::ops::Range;

use serde::{Serialize, Serializer};

use crate::text;

/// One field of the ELF header, a program header or a section header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Name in the specification, such as `e_phoff`; the parts of `e_ident` go by their index names.
    pub name: &'static str,
    /// Offset in the file at which the field begins, or would begin.
    pub offset: u64,
    /// Bytes the field takes by the specification.
    pub length: u64,
    /// The bytes of the field that are there: all, some or none. Lower-case hex in JSON.
    #[serde(serialize_with = "as_hex")]
    pub raw: Vec<u8>,
    /// The number, where the field is one.
    pub value: FieldValue,
    /// What the value says, in words; for a missing field, why it is missing.
    pub meaning: String,
}

impl Field {
    /// The bytes of the file that this field has in fact; empty when it is missing.
    pub fn present(&self) -> Range<u64> {
        self.offset..self.offset.saturating_add(self.raw.len() as u64)
    }
}

fn as_hex<S: Serializer>(raw: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text::hex(raw))
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
        let field = Field {
            name: "e_type",
            offset: 16,
            length: 2,
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
}
