//! One field of an ELF structure: its bytes, where they lie, the number they make and what it means.

use std::ops::Range;

use serde::{Serialize, Serializer};

use super::layout::{Class, Layout};
use super::source::Bytes;
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

/// How wide a field is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Width {
    /// One byte.
    Byte,
    /// `Elf32_Half`, `Elf64_Half`: two bytes.
    Half,
    /// `Elf32_Word`, `Elf64_Word`: four bytes.
    Word,
    /// An address, offset or `Xword`: four or eight bytes by class.
    Native,
    /// So many bytes that are no number.
    Bytes(u8),
}

impl Width {
    fn bytes(self, class: Class) -> u64 {
        match self {
            Self::Byte => 1,
            Self::Half => 2,
            Self::Word => 4,
            Self::Native => match class {
                Class::Elf32 => 4,
                Class::Elf64 => 8,
            },
            Self::Bytes(count) => u64::from(count),
        }
    }
}

/// The fields of a structure in file order.
pub(super) type Shape = &'static [(&'static str, Width)];

/// The fields of one structure in the file, before they are put in words.
pub(super) struct Record {
    fields: Vec<Field>,
    file_size: u64,
}

impl Record {
    /// Reads the structure at `offset` as far as the bytes go.
    pub(super) fn read(source: &dyn Bytes, layout: Layout, offset: u64, shape: Shape) -> Self {
        let length: u64 = shape.iter().map(|(_, width)| width.bytes(layout.class)).sum();
        let bytes = source.read(offset, length as usize);
        let mut fields = Vec::with_capacity(shape.len());
        let mut at: u64 = 0;
        for &(name, width) in shape {
            let length = width.bytes(layout.class);
            let raw: Vec<u8> = bytes.iter().skip(at as usize).take(length as usize).copied().collect();
            let start = offset.saturating_add(at);
            let got = raw.len() as u64;
            let number = layout.number(&raw, length as usize);
            let value = if got == length {
                if matches!(width, Width::Bytes(_)) { FieldValue::Bytes } else { FieldValue::Number(number) }
            } else if start.saturating_add(got) < source.size() {
                FieldValue::NotRead
            } else if got > 0 && !matches!(width, Width::Bytes(_)) {
                FieldValue::Cut(number)
            } else {
                FieldValue::Missing
            };
            fields.push(Field { name, offset: start, length, raw, value, meaning: String::new() });
            at += length;
        }
        Self { fields, file_size: source.size() }
    }

    /// The number of a field as the kernel would read it: zeros where bytes are missing.
    pub(super) fn number(&self, name: &str) -> u64 {
        self.fields.iter().find(|field| field.name == name).and_then(|field| field.value.number()).unwrap_or(0)
    }

    /// The low half of a field, for fields of two bytes.
    pub(super) fn half(&self, name: &str) -> u16 {
        self.number(name) as u16
    }

    /// The low word of a field, for fields of four bytes.
    pub(super) fn word(&self, name: &str) -> u32 {
        self.number(name) as u32
    }

    /// Whether any byte of the structure was not at hand although the file has it.
    pub(super) fn not_read(&self) -> bool {
        self.fields.iter().any(|field| field.value == FieldValue::NotRead)
    }

    /// Whether the file ends inside the structure or before it.
    pub(super) fn cut(&self) -> bool {
        self.fields.iter().any(|field| matches!(field.value, FieldValue::Cut(_) | FieldValue::Missing))
    }

    /// Puts the fields in words; what is cut, missing or not read says so.
    pub(super) fn explain(self, meaning: impl Fn(&Field) -> String) -> Vec<Field> {
        let end = self.file_size;
        let mut fields = self.fields;
        for field in &mut fields {
            field.meaning = match field.value {
                FieldValue::Number(_) | FieldValue::Bytes => meaning(field),
                FieldValue::Cut(_) => format!(
                    "{} (the file ends after {} of {} bytes, zeros for the rest)",
                    meaning(field),
                    field.raw.len(),
                    field.length
                ),
                FieldValue::Missing => format!("missing: the file ends at offset {end:#x}"),
                FieldValue::NotRead => "not read".to_owned(),
            };
        }
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::Prefix;
    use super::*;

    const SHAPE: Shape = &[("a", Width::Half), ("b", Width::Bytes(2)), ("c", Width::Native), ("d", Width::Word)];

    fn values(bytes: &[u8], file_size: u64) -> Vec<FieldValue> {
        let layout = Layout::decide(b"\x7fELF\x01\x01");
        let record = Record::read(&Prefix::new(bytes, file_size), layout, 0, SHAPE);
        record.fields.iter().map(|field| field.value).collect()
    }

    #[test]
    fn a_field_is_whole_cut_missing_or_not_read() {
        use FieldValue::{Bytes, Cut, Missing, NotRead, Number};
        assert_eq!(values(&[1, 0, 9, 9, 2, 0, 0, 0, 3, 0, 0, 0], 12), [Number(1), Bytes, Number(2), Number(3)]);
        assert_eq!(values(&[1, 0, 9, 9, 2], 5), [Number(1), Bytes, Cut(2), Missing]);
        assert_eq!(values(&[1, 0, 9], 3), [Number(1), Missing, Missing, Missing]);
        assert_eq!(values(&[1, 0, 9, 9, 2], 50), [Number(1), Bytes, NotRead, NotRead]);
    }

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
