//! One file of systemd's journal, read from an open descriptor: the entries of one value of a field, newest first.
//!
//! By hand, because a hostile file must not hold anything up, and because crates for it open paths themselves, by their own
//! rules, or map files into memory. Numbers are from systemd's `JOURNAL_FILE_FORMAT` and `journal-def.h`. Every offset is
//! checked, and no way through the file is longer than its bound.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;

/// First bytes of a journal file.
const SIGNATURE: &[u8; 8] = b"LPKSHHRH";
/// Bytes of the header that are looked at.
const HEADER: usize = 208;
/// Incompatible flags that are understood: XZ, LZ4, keyed hash, ZSTD, compact.
const KNOWN_FLAGS: u32 = 0b1_1111;
const COMPACT: u32 = 1 << 4;
/// Flags of an object.
const XZ: u8 = 1;
const LZ4: u8 = 2;
const ZSTD: u8 = 4;
/// Types of objects.
const DATA: u8 = 1;
const FIELD: u8 = 2;
const ENTRY: u8 = 3;
const FIELD_HASH_TABLE: u8 = 5;
const ENTRY_ARRAY: u8 = 6;
/// Bytes of an object's own header, and of what stands before the contents of each type.
const OBJECT: u64 = 16;
const FIELD_NAME: u64 = 40;
const ENTRY_ITEMS: u64 = 64;
const ARRAY_ITEMS: u64 = 24;
/// Bytes of one value that are read.
const MAX_VALUE: u64 = 64 << 10;
/// Buckets of a hash table, fields in one, values of a field, and parts of a list of entries that are gone through.
const MAX_BUCKETS: u64 = 1 << 14;
const MAX_CHAIN: usize = 1 << 16;
/// Values of one entry that are looked at.
const MAX_ITEMS: u64 = 1024;
/// Values whose names are remembered, since most entries share most of theirs.
const MAX_REMEMBERED: usize = 1 << 16;

/// An open file of a journal.
pub(super) struct JournalFile {
    file: File,
    size: u64,
    is_compact: bool,
    /// Offset and bytes of the buckets of the hash table of fields.
    fields: (u64, u64),
    /// Values that are of none of the fields that were asked for.
    of_no_use: HashSet<u64>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LoggedEntry {
    /// Microseconds since 1970.
    pub at: u64,
    /// Its number in the journal.
    pub number: u64,
    /// Where it is in the file: it tells the entries of one file apart.
    pub offset: u64,
    /// The message, as it stands there: not safe to show.
    pub message: String,
}

/// A number of an object or a file, little-endian.
fn le<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..at + N).and_then(|part| part.try_into().ok()).unwrap_or([0; N])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(le(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(le(bytes, at))
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl JournalFile {
    /// Reads the header.
    ///
    /// # Errors
    /// The file is no journal, or one that is written in a way not known here.
    pub(super) fn new(file: File) -> io::Result<Self> {
        let size = file.metadata()?.len();
        let mut header = [0; HEADER];
        file.read_exact_at(&mut header, 0)?;
        if !header.starts_with(SIGNATURE) {
            return Err(damaged("it does not begin as a journal does"));
        }
        let flags = u32_at(&header, 12);
        if flags & !KNOWN_FLAGS != 0 {
            return Err(damaged("a newer systemd wrote it in a way that is not known here"));
        }
        let fields = (u64_at(&header, 120), u64_at(&header, 128));
        Ok(Self { file, size, is_compact: flags & COMPACT != 0, fields, of_no_use: HashSet::new() })
    }

    /// The values of a field with the offsets of their objects.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged where this is told.
    pub(super) fn values(&self, field: &str) -> io::Result<Vec<(String, u64)>> {
        let Some(mut at) = self.first_value(field)? else { return Ok(Vec::new()) };
        let mut values = Vec::new();
        let mut seen = HashSet::new();
        while at != 0 && seen.insert(at) && seen.len() <= MAX_CHAIN {
            let (head, _) = self.object(at, DATA, self.payload())?;
            if let Some(value) = self.value(at, field)? {
                values.push((value, at));
            }
            at = u64_at(&head, 32);
        }
        Ok(values)
    }

    /// The offset of the first value of a field: every bucket is looked through, for the hash is keyed.
    fn first_value(&self, field: &str) -> io::Result<Option<u64>> {
        let (table, bytes) = self.fields;
        if table == 0 {
            return Ok(None);
        }
        self.object(table.saturating_sub(OBJECT), FIELD_HASH_TABLE, OBJECT)?;
        let mut left = MAX_CHAIN;
        for bucket in 0..(bytes / 16).min(MAX_BUCKETS) {
            let mut at = u64_at(&self.bytes(table + bucket * 16, 8)?, 0);
            while at != 0 && left > 0 {
                left -= 1;
                let (head, size) = self.object(at, FIELD, FIELD_NAME)?;
                let name = size.saturating_sub(FIELD_NAME);
                if name == field.len() as u64 && self.bytes(at + FIELD_NAME, name)? == field.as_bytes() {
                    return Ok(Some(u64_at(&head, 32)).filter(|first| *first != 0));
                }
                at = u64_at(&head, 24);
            }
        }
        Ok(None)
    }

    /// Up to `most` entries that have the value whose object is at `data`, the last ones of the file, and whether there are
    /// more.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged where this is told.
    pub(super) fn entries_with(&mut self, data: u64, most: usize) -> io::Result<(Vec<LoggedEntry>, bool)> {
        let (head, _) = self.object(data, DATA, self.payload())?;
        let (first, mut array) = (u64_at(&head, 40), u64_at(&head, 48));
        let count = u64_at(&head, 56);
        // Where each part of the list is and how much of it is in use; only the last ones are read.
        let mut parts = Vec::new();
        let (mut left, item) = (count.saturating_sub(1), self.item());
        while array != 0 && left > 0 && parts.len() < MAX_CHAIN {
            let (head, size) = self.object(array, ENTRY_ARRAY, ARRAY_ITEMS)?;
            let used = (size.saturating_sub(ARRAY_ITEMS) / item).min(left);
            if used == 0 {
                break;
            }
            parts.push((array + ARRAY_ITEMS, used));
            left -= used;
            array = u64_at(&head, 16);
        }
        let mut offsets = Vec::new();
        for (at, used) in parts.iter().rev() {
            let want = (most - offsets.len()) as u64;
            let skipped = used.saturating_sub(want);
            let bytes = self.bytes(at + skipped * item, (used - skipped) * item)?;
            offsets.extend(bytes.chunks_exact(item as usize).rev().map(|item| self.offset(item)));
            if offsets.len() >= most {
                break;
            }
        }
        if offsets.len() < most && first != 0 {
            offsets.push(first);
        }
        let more = count > offsets.len() as u64;
        let mut entries = Vec::with_capacity(offsets.len());
        for offset in offsets.into_iter().filter(|offset| *offset != 0) {
            entries.extend(self.entry(offset)?);
        }
        Ok((entries, more))
    }

    /// An entry; `None` where it has no message.
    fn entry(&mut self, offset: u64) -> io::Result<Option<LoggedEntry>> {
        let (head, size) = self.object(offset, ENTRY, ENTRY_ITEMS)?;
        let (number, at) = (u64_at(&head, 16), u64_at(&head, 24));
        let width = if self.is_compact { 4 } else { 16 };
        let count = (size.saturating_sub(ENTRY_ITEMS) / width).min(MAX_ITEMS);
        let items = self.bytes(offset + ENTRY_ITEMS, count * width)?;
        for item in items.chunks_exact(width as usize) {
            let data = self.offset(item);
            if data == 0 || self.of_no_use.contains(&data) {
                continue;
            }
            if let Some(message) = self.value(data, "MESSAGE")? {
                return Ok(Some(LoggedEntry { at, number, offset, message }));
            }
            if self.of_no_use.len() < MAX_REMEMBERED {
                self.of_no_use.insert(data);
            }
        }
        Ok(None)
    }

    /// What the object at `data` says of a field; `None` if it is of another one.
    fn value(&self, data: u64, field: &str) -> io::Result<Option<String>> {
        let payload = self.payload();
        let (head, size) = self.object(data, DATA, payload)?;
        let packing = head.get(1).copied().unwrap_or_default() & (XZ | LZ4 | ZSTD);
        let length = size.saturating_sub(payload);
        let begins = |bytes: &[u8]| bytes.starts_with(field.as_bytes()) && bytes.get(field.len()) == Some(&b'=');
        if packing == 0 {
            let begin = self.bytes(data + payload, length.min(field.len() as u64 + 1))?;
            if !begins(&begin) {
                return Ok(None);
            }
        }
        let bytes = self.bytes(data + payload, length.min(MAX_VALUE))?;
        let bytes = if packing == 0 { bytes } else { unpacked(packing, &bytes)? };
        Ok(begins(&bytes).then(|| String::from_utf8_lossy(&bytes[field.len() + 1..]).into_owned()))
    }

    /// The first bytes of the object at `offset`, which must be of this type and at least so long, and its whole length.
    fn object(&self, offset: u64, kind: u8, least: u64) -> io::Result<(Vec<u8>, u64)> {
        if !offset.is_multiple_of(8) || offset < HEADER as u64 - 16 {
            return Err(damaged("an offset leads to no object"));
        }
        let head = self.bytes(offset, least)?;
        let size = u64_at(&head, 8);
        let ends_inside = offset.checked_add(size).is_some_and(|end| end <= self.size);
        if head.first() != Some(&kind) || size < least || !ends_inside {
            return Err(damaged("an object is not what it should be"));
        }
        Ok((head, size))
    }

    fn bytes(&self, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        // Of a list of entries no more is asked for than the file has.
        if offset.checked_add(length).is_none_or(|end| end > self.size) {
            return Err(damaged("an offset leads out of the file"));
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    /// Bytes before the value of a data object.
    fn payload(&self) -> u64 {
        if self.is_compact { 72 } else { 64 }
    }

    /// Bytes of one offset in a list of entries.
    fn item(&self) -> u64 {
        if self.is_compact { 4 } else { 8 }
    }

    fn offset(&self, item: &[u8]) -> u64 {
        if self.is_compact { u64::from(u32_at(item, 0)) } else { u64_at(item, 0) }
    }
}

/// Unpacks the beginning of a value.
pub(super) fn unpacked(packing: u8, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    match packing {
        XZ => {
            lzma_rust2::XzReader::new(bytes, false).take(MAX_VALUE).read_to_end(&mut out)?;
        }
        ZSTD => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(bytes).map_err(io::Error::other)?;
            decoder.take(MAX_VALUE).read_to_end(&mut out)?;
        }
        // The length when unpacked in 8 bytes, then one block.
        LZ4 => {
            let length = u64_at(bytes, 0).min(MAX_VALUE) as usize;
            let block = bytes.get(8..).unwrap_or_default();
            out = lz4_flex::block::decompress(block, length).map_err(io::Error::other)?;
        }
        _ => return Err(damaged("a value is packed in two ways")),
    }
    Ok(out)
}
