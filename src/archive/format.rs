//! Which format bytes begin with.

use ::tar::Header;

/// First bytes that are looked at.
pub(super) const HEAD: usize = 512;

/// A format of containers. A compressed file is one with a single member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArchiveFormat {
    /// tar, of V7 up to pax.
    Tar,
    /// gzip (RFC 1952).
    Gzip,
    /// xz.
    Xz,
    /// What xz was before it: `.lzma`.
    Lzma,
    /// lzip.
    Lzip,
    /// bzip2.
    Bzip2,
    /// Zstandard (RFC 8878).
    Zstd,
    /// LZ4 frames.
    Lz4,
    /// ZIP: jar, docx, apk, whl.
    Zip,
    /// 7z.
    SevenZip,
    /// ar: static libraries, deb.
    Ar,
    /// rpm.
    Rpm,
    /// cpio, with its header in ASCII.
    Cpio,
}

impl ArchiveFormat {
    /// The format of what begins with `head`, its first [`HEAD`] bytes or all of it.
    pub fn of(head: &[u8]) -> Option<Self> {
        let first = head.get(..8)?;
        match first {
            // RFC 1952, 2.3: deflate is 8, and three bits of the flags are reserved.
            [0x1f, 0x8b, 8, flags, ..] if flags & 0xe0 == 0 => Some(Self::Gzip),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            // The numbers of pi and of its square root begin a block and the end.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26] => Some(Self::Bzip2),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            // The second is the older format, as `lz4 -l` and Linux kernels have it.
            [0x04, 0x22, 0x4d, 0x18, ..] | [0x02, 0x21, 0x4c, 0x18, ..] => Some(Self::Lz4),
            // An empty one, and one that was to be split over several media, begin otherwise (APPNOTE.TXT 6.3.10, 8.5).
            [b'P', b'K', 3, 4, ..]
            | [b'P', b'K', 5, 6, ..]
            | [b'P', b'K', 7, 8, b'P', b'K', 3, 4]
            | [b'P', b'K', b'0', b'0', b'P', b'K', 3, 4] => Some(Self::Zip),
            [b'L', b'Z', b'I', b'P', 1, ..] => Some(Self::Lzip),
            [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => Some(Self::SevenZip),
            b"!<arch>\n" => Some(Self::Ar),
            [0xed, 0xab, 0xee, 0xdb, ..] => Some(Self::Rpm),
            [b'0', b'7', b'0', b'7', b'0', b'1' | b'2' | b'7', ..] => Some(Self::Cpio),
            [0x5d, ..] if is_lzma(head) => Some(Self::Lzma),
            _ => is_tar(head).then_some(Self::Tar),
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tar => "tar",
            Self::Gzip => "gzip",
            Self::Xz => "xz",
            Self::Lzma => "lzma",
            Self::Lzip => "lzip",
            Self::Bzip2 => "bzip2",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Zip => "zip",
            Self::SevenZip => "7z",
            Self::Ar => "ar",
            Self::Rpm => "rpm",
            Self::Cpio => "cpio",
        }
    }

    /// Whether it can be read from its first byte on, without looking at its end.
    pub(super) fn is_streamed(self) -> bool {
        !matches!(self, Self::Zip | Self::SevenZip)
    }
}

/// The 13 bytes of an `.lzma` header have no magic: properties, a dictionary of 2^n or 2^n + 2^(n-1) bytes, and a size
/// that is unknown or sane (lzma-file-format.txt of XZ Utils, 1.1).
fn is_lzma(head: &[u8]) -> bool {
    let (Some(dictionary), Some(size)) = (
        head.get(1..5).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes),
        head.get(5..13).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes),
    ) else {
        return false;
    };
    let ones = dictionary.count_ones();
    let shape = ones == 1 || ones == 2 && (dictionary & (dictionary >> 1)) != 0;
    shape && dictionary >= 4096 && (size == u64::MAX || size < 1 << 38) && head.get(13) == Some(&0)
}

/// A header's checksum is all that every tar has.
fn is_tar(head: &[u8]) -> bool {
    let Some(block) = head.get(..512) else { return false };
    // Most files are told by the digits of the checksum, which are not there.
    let digits = block.get(148..154).unwrap_or_default();
    digits.iter().all(|byte| matches!(byte, b'0'..=b'7' | b' ')) && block.first() != Some(&0) && has_checksum(block)
}

/// Whether a block has the checksum of a header: the sum of its bytes, those of the checksum counted as spaces. Some old
/// ones added up signed bytes.
pub(super) fn has_checksum(block: &[u8]) -> bool {
    let Ok(block) = <&[u8; 512]>::try_from(block) else { return false };
    let Ok(expected) = Header::from_byte_slice(block).cksum() else { return false };
    let counted = |place: usize| !(148..156).contains(&place);
    let bytes = || block.iter().enumerate().filter(|(place, _)| counted(*place)).map(|(_, byte)| *byte);
    let unsigned: u32 = bytes().map(u32::from).sum::<u32>() + 8 * 32;
    let signed: i32 = bytes().map(|byte| i32::from(byte as i8)).sum::<i32>() + 8 * 32;
    expected == unsigned || i64::from(expected) == i64::from(signed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_looks_like_a_header_is_none() {
        for text in [&b"PK but no zip"[..], b"BZh9 is a word", b"070701", b"", b"!<arch> \n\n", b"]\0\0\x01\0"] {
            let mut head = text.to_vec();
            assert_eq!(ArchiveFormat::of(&head), None, "{text:?}");
            head.resize(HEAD, b' ');
            let cpio = text == b"070701";
            assert_eq!(ArchiveFormat::of(&head), cpio.then_some(ArchiveFormat::Cpio), "{text:?}");
        }
        assert_eq!(ArchiveFormat::of(&[0; HEAD]), None);
        assert_eq!(ArchiveFormat::of(&[b'7'; HEAD]), None);
    }
}
