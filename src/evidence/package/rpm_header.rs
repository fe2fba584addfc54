//! rpm's header structure, as its database keeps it: read carefully, because the bytes may be anything.
//!
//! Format: <https://rpm.org/docs/latest/manual/format_header.html>. In the database a header stands without its magic:
//! two big-endian counts (index entries, bytes of data), the index of 16 bytes an entry, the data.

/// Tags (<https://rpm.org/docs/latest/manual/tags.html>).
pub(super) mod tag {
    pub(in super::super) const NAME: u32 = 1000;
    pub(in super::super) const VERSION: u32 = 1001;
    pub(in super::super) const RELEASE: u32 = 1002;
    pub(in super::super) const EPOCH: u32 = 1003;
    pub(in super::super) const FILESTATES: u32 = 1029;
    pub(in super::super) const FILEMODES: u32 = 1030;
    pub(in super::super) const FILEDIGESTS: u32 = 1035;
    pub(in super::super) const FILEUSERNAME: u32 = 1039;
    pub(in super::super) const FILEGROUPNAME: u32 = 1040;
    pub(in super::super) const DIRINDEXES: u32 = 1116;
    pub(in super::super) const BASENAMES: u32 = 1117;
    pub(in super::super) const DIRNAMES: u32 = 1118;
    pub(in super::super) const FILECAPS: u32 = 5010;
    pub(in super::super) const FILEDIGESTALGO: u32 = 5011;
}

const CHAR: u32 = 1;
const INT8: u32 = 2;
const INT16: u32 = 3;
const INT32: u32 = 4;
const STRING: u32 = 6;
const STRING_ARRAY: u32 = 8;
const I18N_STRING: u32 = 9;

/// A header over the bytes of one database row.
pub(super) struct RpmHeader<'a> {
    index: &'a [[u8; 16]],
    data: &'a [u8],
}

impl<'a> RpmHeader<'a> {
    /// `None` when the counts do not fit the bytes.
    pub(super) fn parse(blob: &'a [u8]) -> Option<Self> {
        let (entries, rest) = blob.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (index, data) = rest.split_at_checked((u32::from_be_bytes(*entries) as usize).checked_mul(16)?)?;
        let data = data.get(..u32::from_be_bytes(*length) as usize)?;
        Some(Self { index: index.as_chunks::<16>().0, data })
    }

    /// Type, count, and the data from the value's offset on.
    fn find(&self, tag: u32) -> Option<(u32, usize, &'a [u8])> {
        let word = |entry: &[u8; 16], at: usize| {
            entry.get(at..).and_then(|bytes| bytes.first_chunk::<4>()).map_or(0, |bytes| u32::from_be_bytes(*bytes))
        };
        let entry = self.index.iter().find(|entry| word(entry, 0) == tag)?;
        Some((word(entry, 4), word(entry, 12) as usize, self.data.get(word(entry, 8) as usize..)?))
    }

    /// The strings of a tag: as many as it counts, fewer when the data ends before.
    pub(super) fn strings(&self, tag: u32) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (count, data) = match self.find(tag) {
            Some((STRING | STRING_ARRAY | I18N_STRING, count, data)) => (count, data),
            _ => (0, &[][..]),
        };
        let terminated = data.iter().rposition(|byte| *byte == 0).and_then(|end| data.get(..end));
        terminated.into_iter().flat_map(|data| data.split(|byte| *byte == 0)).take(count)
    }

    /// One small number of a tag that lists them: a byte or 16 bits each.
    pub(super) fn small_number(&self, tag: u32, index: usize) -> Option<u16> {
        let (kind, count, data) = self.find(tag)?;
        if index >= count {
            return None;
        }
        match kind {
            CHAR | INT8 => data.get(index).map(|byte| u16::from(*byte)),
            INT16 => {
                let bytes = data.get(index.checked_mul(2)?..)?.first_chunk::<2>()?;
                Some(u16::from_be_bytes(*bytes))
            }
            _ => None,
        }
    }

    /// The first string of a tag as text.
    pub(super) fn string(&self, tag: u32) -> Option<String> {
        self.strings(tag).next().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// The 32-bit numbers of a tag.
    pub(super) fn numbers(&self, tag: u32) -> impl Iterator<Item = u32> + use<'a> {
        let (count, data) = match self.find(tag) {
            Some((INT32, count, data)) => (count, data),
            _ => (0, &[][..]),
        };
        data.as_chunks::<4>().0.iter().take(count).map(|bytes| u32::from_be_bytes(*bytes))
    }
}

/// Builds a header from tag, type, count and data, for tests.
#[cfg(test)]
pub(super) fn build(values: &[(u32, u32, u32, Vec<u8>)]) -> Vec<u8> {
    let (mut index, mut data) = (Vec::new(), Vec::new());
    for (tag, kind, count, value) in values {
        while *kind == INT32 && data.len() % 4 != 0 {
            data.push(0);
        }
        for word in [*tag, *kind, data.len() as u32, *count] {
            index.extend(word.to_be_bytes());
        }
        data.extend(value);
    }
    [&(values.len() as u32).to_be_bytes()[..], &(data.len() as u32).to_be_bytes(), &index, &data].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Vec<u8> {
        build(&[
            (tag::NAME, STRING, 1, b"bash\0".to_vec()),
            (tag::BASENAMES, STRING_ARRAY, 2, b"bash\0sh\0".to_vec()),
            (tag::DIRINDEXES, INT32, 2, [0u32.to_be_bytes(), 1u32.to_be_bytes()].concat()),
        ])
    }

    fn read_all(blob: &[u8]) -> usize {
        let Some(header) = RpmHeader::parse(blob) else { return 0 };
        [tag::NAME, tag::BASENAMES, tag::DIRINDEXES]
            .into_iter()
            .map(|tag| header.strings(tag).count() + header.numbers(tag).count())
            .sum()
    }

    #[test]
    fn values_are_read_by_tag_and_type() {
        let blob = sample();
        let header = RpmHeader::parse(&blob).unwrap();
        assert_eq!(header.string(tag::NAME).unwrap(), "bash");
        assert_eq!(header.strings(tag::BASENAMES).collect::<Vec<_>>(), [&b"bash"[..], b"sh"]);
        assert_eq!(header.numbers(tag::DIRINDEXES).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(header.numbers(tag::NAME).count() + header.strings(tag::DIRINDEXES).count(), 0);
        assert_eq!(header.string(tag::VERSION), None);
        for length in 0..blob.len() {
            assert_eq!(read_all(&blob[..length]), 0);
        }
    }

    proptest! {
        #[test]
        fn damaged_headers_give_less_but_never_fail(at in 0..100usize, byte: u8) {
            let mut blob = sample();
            let at = at % blob.len();
            blob[at] = byte;
            prop_assert!(read_all(&blob) <= blob.len() * 3);
        }
    }
}
