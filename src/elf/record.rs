//! One structure of the file as its bytes; its fields are told when they are asked for, so that 65,536 headers take
//! little more room than they do in the file.

use std::ops::Range;

use super::field::{ElfField, FieldValue};
use super::layout::{Class, ElfLayout};
use super::source::Bytes;

/// How wide a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    fn bytes(self, class: Class) -> usize {
        match self {
            Self::Byte => 1,
            Self::Half => 2,
            Self::Word => 4,
            Self::Native => match class {
                Class::Elf32 => 4,
                Class::Elf64 => 8,
            },
            Self::Bytes(count) => usize::from(count),
        }
    }
}

/// The fields of a structure in file order.
pub(super) type Shape = &'static [(&'static str, Width)];

/// The places of the fields of `shape`, from the structure's first byte on.
pub(super) fn places(shape: Shape, class: Class) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    shape.iter().map(move |(_, width)| {
        at += width.bytes(class);
        at - width.bytes(class)..at
    })
}

/// Bytes of the largest structure, the 64-bit ELF header or section header.
pub(super) const LARGEST: usize = 64;

/// The bytes of one structure, as far as they go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordBytes {
    offset: u64,
    file_size: u64,
    shape: Shape,
    layout: ElfLayout,
    /// Bytes that the structure takes.
    length: u8,
    /// Of those, the bytes that are there.
    kept: u8,
    bytes: [u8; LARGEST],
}

impl RecordBytes {
    /// Reads the structure at `offset` as far as the bytes go.
    pub(super) fn read(source: &dyn Bytes, layout: ElfLayout, offset: u64, shape: Shape) -> Self {
        let length = size(shape, layout);
        Self::of(&source.read(offset, length), layout, (offset, source.size()), shape)
    }

    /// The structure at `offset` in a file of `file_size` bytes, of which `there` are the bytes at hand.
    pub(super) fn of(there: &[u8], layout: ElfLayout, (offset, file_size): (u64, u64), shape: Shape) -> Self {
        let length = size(shape, layout);
        let mut bytes = [0; LARGEST];
        let there = there.get(..length).unwrap_or(there);
        if let Some(place) = bytes.get_mut(..there.len()) {
            place.copy_from_slice(there);
        }
        Self { offset, file_size, shape, layout, length: length as u8, kept: there.len() as u8, bytes }
    }

    /// The bytes that are there, in the file.
    pub(super) fn present(&self) -> Range<u64> {
        self.offset..self.offset.saturating_add(u64::from(self.kept))
    }

    /// The number of a field as the kernel would read it: zeros where bytes are missing.
    pub(super) fn number(&self, name: &str) -> u64 {
        let mut fields = self.shape.iter().zip(places(self.shape, self.layout.class));
        let place = fields.find_map(|((other, _), place)| (*other == name).then_some(place));
        let known = place.filter(|place| place.end <= usize::from(self.kept) || !self.not_read());
        // What the file does not have is zero in `bytes`.
        known.and_then(|place| self.bytes.get(place)).map_or(0, |raw| self.layout.number(raw, raw.len()))
    }

    /// The numbers of the first `N` fields, each as [`RecordBytes::number`] says, in one pass.
    pub(super) fn numbers<const N: usize>(&self) -> [u64; N] {
        let mut numbers = [0; N];
        let not_read = self.not_read();
        let mut at = 0;
        for (number, (_, width)) in numbers.iter_mut().zip(self.shape) {
            let end = at + width.bytes(self.layout.class);
            if let Some(raw) = self.bytes.get(at..end).filter(|_| end <= usize::from(self.kept) || !not_read) {
                *number = self.layout.number(raw, raw.len());
            }
            at = end;
        }
        numbers
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
        self.is_short() && self.present().end < self.file_size
    }

    /// Whether the file ends inside the structure or before it.
    pub(super) fn cut(&self) -> bool {
        self.is_short() && self.present().end >= self.file_size
    }

    fn is_short(&self) -> bool {
        self.kept < self.length
    }

    /// The fields in words, in file order; what is cut, missing or not read says so.
    pub(super) fn fields(&self, meaning: impl Fn(&ElfField) -> String) -> Vec<ElfField> {
        let fields = self.shape.iter().zip(places(self.shape, self.layout.class));
        fields.map(|((name, width), place)| self.explained(name, *width, place, &meaning)).collect()
    }

    /// The field of that name.
    pub(super) fn field(&self, name: &str, meaning: impl Fn(&ElfField) -> String) -> Option<ElfField> {
        let mut fields = self.shape.iter().zip(places(self.shape, self.layout.class));
        let ((name, width), place) = fields.find(|((other, _), _)| *other == name)?;
        Some(self.explained(name, *width, place, &meaning))
    }

    fn explained(
        &self,
        name: &'static str,
        width: Width,
        place: Range<usize>,
        meaning: &impl Fn(&ElfField) -> String,
    ) -> ElfField {
        let length = place.len();
        let offset = self.offset.saturating_add(place.start as u64);
        let end = place.end.min(usize::from(self.kept));
        let raw = self.bytes.get(place.start..end).unwrap_or_default().to_vec();
        let is_number = !matches!(width, Width::Bytes(_));
        let value = if raw.len() == length {
            if is_number { FieldValue::Number(self.layout.number(&raw, length)) } else { FieldValue::Bytes }
        } else if offset.saturating_add(raw.len() as u64) < self.file_size {
            FieldValue::NotRead
        } else if !raw.is_empty() && is_number {
            FieldValue::Cut(self.layout.number(&raw, length))
        } else {
            FieldValue::Missing
        };
        let mut field = ElfField {
            name,
            offset,
            length: length as u64,
            file_size: self.file_size,
            raw,
            value,
            meaning: String::new(),
        };
        field.meaning = match value {
            FieldValue::Number(_) | FieldValue::Bytes => meaning(&field),
            FieldValue::Cut(_) => format!(
                "{} (the file ends after {} of {length} bytes, zeros for the rest)",
                meaning(&field),
                field.raw.len(),
            ),
            FieldValue::Missing => format!("missing: the file ends at offset {:#x}", self.file_size),
            FieldValue::NotRead => "not read".to_owned(),
        };
        field
    }
}

fn size(shape: Shape, layout: ElfLayout) -> usize {
    shape.iter().map(|(_, width)| width.bytes(layout.class)).sum()
}

#[cfg(test)]
mod tests {
    use super::super::source::Prefix;
    use super::*;

    const SHAPE: Shape = &[("a", Width::Half), ("b", Width::Bytes(2)), ("c", Width::Native), ("d", Width::Word)];

    fn record(bytes: &[u8], file_size: u64) -> RecordBytes {
        let layout = ElfLayout::decide(b"\x7fELF\x01\x01");
        RecordBytes::read(&Prefix::new(bytes, file_size), layout, 0, SHAPE)
    }

    fn values(bytes: &[u8], file_size: u64) -> Vec<FieldValue> {
        let fields = record(bytes, file_size).fields(|_| String::new());
        fields.into_iter().map(|field| field.value).collect()
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
    fn all_numbers_at_once_are_those_of_each_field() {
        let bytes = [1, 0, 9, 9, 2, 0, 0, 0, 3, 0, 0, 0];
        for length in 0..=bytes.len() {
            for size in [length as u64, 50] {
                let record = record(&bytes[..length], size);
                assert_eq!(record.numbers(), ["a", "b", "c", "d"].map(|name| record.number(name)));
            }
        }
    }

    #[test]
    fn a_record_says_whether_it_is_whole_cut_or_not_read() {
        let whole = record(&[1, 0, 9, 9, 2, 0, 0, 0, 3, 0, 0, 0], 12);
        assert_eq!((whole.cut(), whole.not_read(), whole.present()), (false, false, 0..12));
        let cut = record(&[1, 0, 9, 9, 2], 5);
        assert_eq!((cut.cut(), cut.not_read(), cut.present(), cut.number("c")), (true, false, 0..5, 2));
        let part = record(&[1, 0, 9, 9, 2], 50);
        assert_eq!((part.cut(), part.not_read(), part.number("c"), part.number("none")), (false, true, 0, 0));
    }
}
