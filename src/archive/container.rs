//! What lies in a file: a container that is opened, one that is not, or something that one may lie behind.

use std::io::{self, SeekFrom};

use super::format::{ArchiveFormat, HEAD};
use super::source::{ArchiveSource, fill};

/// First bytes that tell what a file is: all of an ISO 9660 image's first descriptor's magic.
const FIRST: usize = 0x8006;
/// Bytes of the record that ends a ZIP, without its comment (APPNOTE.TXT 6.3.10, 4.3.16).
const ZIP_END: usize = 22;

const COMPRESS: &str = "a file of compress";
const ARJ: &str = "an ARJ archive";
const LHA: &str = "an LHA archive";

/// What may lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    /// A container of this format.
    Of(ArchiveFormat),
    /// A container that nothing here reads: what it is, with its article.
    Unread(&'static str),
    /// Something that an archive can lie behind, or a file that ends as a ZIP does.
    Behind,
}

impl Container {
    /// Of all bytes of a file.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        Self::of_head(bytes).or_else(|| Self::of_tail(bytes))
    }

    /// Of a file that is read from its first byte on; it is left there.
    ///
    /// # Errors
    /// What reading met.
    pub(super) fn at(source: &mut dyn ArchiveSource) -> io::Result<Option<Self>> {
        let mut first = vec![0; FIRST];
        let filled = fill(source, &mut first)?;
        let mut container = Self::of_head(first.get(..filled).unwrap_or_default());
        if container.is_none() {
            let size = source.seek(SeekFrom::End(0))?;
            source.seek(SeekFrom::Start(size.saturating_sub(ZIP_END as u64)))?;
            let mut last = [0; ZIP_END];
            let filled = fill(source, &mut last)?;
            container = Self::of_tail(last.get(..filled).unwrap_or_default());
        }
        source.rewind()?;
        Ok(container)
    }

    /// Of the first bytes of a file; of more than it takes, if there are.
    pub(crate) fn of_head(first: &[u8]) -> Option<Self> {
        let head = first.get(..HEAD).unwrap_or(first);
        if let Some(format) = ArchiveFormat::of(head) {
            return Some(Self::Of(format));
        }
        unread(first).map(Self::Unread).or_else(|| Carrier::of(head).map(|_| Self::Behind))
    }

    /// Whether its magic, which is met at `head`, is hardly met by chance in the midst of other bytes.
    pub(super) fn is_distinct(self, head: &[u8]) -> bool {
        match self {
            // Beside its flags (RFC 1952, 2.3): how hard it was compressed, and the system.
            Self::Of(ArchiveFormat::Gzip) => {
                matches!(head.get(3..10), Some([0 | 8, _, _, _, _, 0 | 2 | 4, 0..=13 | 255]))
            }
            Self::Of(ArchiveFormat::Lzma | ArchiveFormat::Cpio) | Self::Behind => false,
            Self::Of(_) => true,
            Self::Unread(kind) => ![COMPRESS, ARJ, LHA].contains(&kind),
        }
    }

    /// Of the last bytes of a file: a ZIP is read from its end, so anything may come before it.
    pub(crate) fn of_tail(last: &[u8]) -> Option<Self> {
        let end = last.last_chunk::<ZIP_END>()?;
        (end.starts_with(b"PK\x05\x06") && end.ends_with(&[0, 0])).then_some(Self::Behind)
    }
}

/// Something that an archive may lie behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    Elf,
    /// A program for Windows or DOS.
    Pe,
    Script,
    Png,
    Jpeg,
    Gif,
}

impl Carrier {
    /// Of the first bytes of a file.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        Some(match head.get(..4)? {
            b"\x7fELF" => Self::Elf,
            [b'M', b'Z', ..] => Self::Pe,
            [b'#', b'!', ..] => Self::Script,
            b"\x89PNG" => Self::Png,
            [0xff, 0xd8, 0xff, _] => Self::Jpeg,
            b"GIF8" => Self::Gif,
            _ => return None,
        })
    }
}

/// A container that nothing here reads, by its magic (as `magic(5)` of the file command has it).
fn unread(first: &[u8]) -> Option<&'static str> {
    let at = |offset: usize, magic: &[u8]| first.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    Some(match first.get(..4)? {
        b"Rar!" if at(4, &[0x1a, 7]) => "a RAR archive",
        b"MSCF" if at(4, &[0; 4]) => "a cabinet file",
        b"MSWI" if at(4, b"M\0\0\0") => "a Windows image (WIM)",
        b"hsqs" | b"sqsh" => "a squashfs image",
        b"xar!" => "a xar archive",
        b"QFI\xfb" => "a disk image (qcow)",
        b"KDMV" => "a disk image (VMDK)",
        [0x1f, 0x9d | 0xa0, ..] => COMPRESS,
        [0x89, b'L', b'Z', b'O'] if at(4, &[0, 0x0d, 0x0a, 0x1a]) => "a file of lzop",
        // Its header says its length, which is little (`ARJ`'s technical notes).
        [0x60, 0xea, length, high] if *high < 0x0b && *length > 10 && at(10, &[2]) => ARJ,
        _ if at(2, b"-lh") && at(6, b"-") || at(2, b"-lz") && at(6, b"-") => LHA,
        _ if at(7, b"**ACE**") => "an ACE archive",
        _ if at(0x8001, b"CD001") => "an ISO 9660 image",
        _ if at(0x40, b"\x7f\x10\xda\xbe") => "a disk image (VDI)",
        b"vhdx" if at(4, b"file") => "a disk image (VHDX)",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_that_are_not_read_are_known_by_their_magic() {
        let mut iso = vec![0; FIRST];
        iso[0x8001..].copy_from_slice(b"CD001");
        for (bytes, wanted) in [
            (&b"Rar!\x1a\x07\x01\0"[..], "a RAR archive"),
            (b"MSCF\0\0\0\0\x10", "a cabinet file"),
            (b"hsqs\x07\0\0\0", "a squashfs image"),
            (b"\x1f\x9d\x90abc", "a file of compress"),
            (b"\x89LZO\0\x0d\x0a\x1a\x0a", "a file of lzop"),
            (b"\x22\x10-lh5-abc", "an LHA archive"),
            (&iso, "an ISO 9660 image"),
        ] {
            assert_eq!(Container::of(bytes), Some(Container::Unread(wanted)));
            let by_chance = wanted == COMPRESS || wanted == LHA;
            assert_eq!(Container::Unread(wanted).is_distinct(bytes), !by_chance);
        }
        for bytes in [&b"Rar! is what it is"[..], b"hs", b"", b"`\xea is no archive", b"text -lh5 text"] {
            assert_eq!(Container::of(bytes), None, "{bytes:?}");
        }
    }
}
