//! An archive behind something else: a self-extracting program, an installer's script with its archive after the last
//! line, an image with something appended, a ZIP with anything before it.

use std::io::{self, Read, Seek, SeekFrom};

use super::container::{Carrier, Container};
use super::format::{ArchiveFormat, HEAD};
use super::source::{ArchiveSource, fill};

/// Bytes of a script, and of what comes after a program or an image, in which an archive is looked for. 7-Zip looks as far.
const WINDOW: usize = 1 << 20;
/// Chunks of a PNG file that are gone through.
const MAX_CHUNKS: usize = 100_000;
/// Bytes of a JPEG or GIF file that are looked through.
const MAX_IMAGE: usize = 32 << 20;

/// The container that lies behind what the file is, and where it begins.
///
/// # Errors
/// What reading met.
pub(super) fn find(source: &mut dyn ArchiveSource) -> io::Result<Option<(u64, Container)>> {
    let size = source.seek(SeekFrom::End(0))?;
    let end = read(source, size.saturating_sub(22), 22)?;
    if Container::of_tail(&end).is_some() {
        // Its reader goes from the end to the beginning, wherever that is.
        return Ok(Some((0, Container::Of(ArchiveFormat::Zip))));
    }
    let head = read(source, 0, 4096)?;
    let after = match Carrier::of(&head) {
        Some(Carrier::Elf) => elf_end(source, &head)?,
        Some(Carrier::Pe) => pe_end(&head),
        Some(Carrier::Png) => png_end(source, size)?,
        Some(Carrier::Script) => return in_script(source, size),
        Some(Carrier::Jpeg) if !end.ends_with(&[0xff, 0xd9]) => return after_mark(source, size, &[0xff, 0xd9]),
        Some(Carrier::Gif) if !end.ends_with(b"\x3b") => return after_mark(source, size, b"\x3b"),
        _ => None,
    };
    let Some(after) = after.filter(|after| *after < size) else { return Ok(None) };
    let bytes = read(source, after, WINDOW)?;
    // Padding, or a text for the program, may come between.
    let found = (0..bytes.len()).find_map(|at| Some((after + at as u64, distinct(&bytes, at)?)));
    Ok(found)
}

/// An archive at this place of `bytes` whose magic is not met by chance.
fn distinct(bytes: &[u8], at: usize) -> Option<Container> {
    let rest = bytes.get(at..)?;
    let head = rest.get(..HEAD).unwrap_or(rest);
    Container::of_head(head).filter(|found| found.is_distinct(head))
}

/// An archive that begins right after a line of a script.
fn in_script(source: &mut dyn ArchiveSource, size: u64) -> io::Result<Option<(u64, Container)>> {
    let bytes = read(source, 0, WINDOW.min(usize::try_from(size).unwrap_or(WINDOW)))?;
    let mut lines = memchr::memchr_iter(b'\n', &bytes);
    Ok(lines.find_map(|line| Some((line as u64 + 1, distinct(&bytes, line + 1)?))))
}

/// An archive that begins right after a mark that ends an image.
fn after_mark(source: &mut dyn ArchiveSource, size: u64, mark: &[u8]) -> io::Result<Option<(u64, Container)>> {
    let bytes = read(source, 0, MAX_IMAGE.min(usize::try_from(size).unwrap_or(MAX_IMAGE)))?;
    let mut marks = memchr::memmem::find_iter(&bytes, mark);
    Ok(marks.find_map(|at| Some(((at + mark.len()) as u64, distinct(&bytes, at + mark.len())?))))
}

/// The bytes from a place on; fewer at the end.
fn read(source: &mut dyn ArchiveSource, at: u64, length: usize) -> io::Result<Vec<u8>> {
    source.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    source.take(length as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A number of so many bytes.
fn number(bytes: &[u8], at: usize, width: usize, is_big: bool) -> Option<u64> {
    let mut number: Vec<u8> = bytes.get(at..at.checked_add(width)?)?.to_vec();
    if is_big {
        number.reverse();
    }
    number.resize(8, 0);
    Some(u64::from_le_bytes(number.try_into().ok()?))
}

/// Where an ELF file ends by its own tables of segments and sections (elf(5)).
fn elf_end(source: &mut dyn ArchiveSource, head: &[u8]) -> io::Result<Option<u64>> {
    let (is_64, is_big) = (head.get(4) == Some(&2), head.get(5) == Some(&2));
    let field = |at_32: usize, at_64: usize, width_32: usize, width_64: usize| {
        let (at, width) = if is_64 { (at_64, width_64) } else { (at_32, width_32) };
        number(head, at, width, is_big).unwrap_or(0)
    };
    let (segments, sections) = (field(28, 32, 4, 8), field(32, 40, 4, 8));
    let (segment_size, segment_count) = (field(42, 54, 2, 2), field(44, 56, 2, 2));
    let (section_size, section_count) = (field(46, 58, 2, 2), field(48, 60, 2, 2));
    let mut end = if sections == 0 { 0 } else { sections.saturating_add(section_size * section_count) };
    let table = read(source, segments, (segment_size * segment_count).min(64 * 1024) as usize)?;
    for segment in table.chunks_exact((segment_size as usize).max(1)) {
        let (offset, size) = if is_64 {
            (number(segment, 8, 8, is_big), number(segment, 32, 8, is_big))
        } else {
            (number(segment, 4, 4, is_big), number(segment, 16, 4, is_big))
        };
        end = end.max(offset.unwrap_or(0).saturating_add(size.unwrap_or(0)));
    }
    Ok((end > 0).then_some(end))
}

/// Where a program for Windows ends by its table of sections (PE Format, "COFF File Header", "Section Table").
fn pe_end(head: &[u8]) -> Option<u64> {
    let at = usize::try_from(number(head, 0x3c, 4, false)?).ok()?;
    head.get(at..)?.starts_with(b"PE\0\0").then_some(())?;
    let (sections, optional) = (number(head, at + 6, 2, false)?, number(head, at + 20, 2, false)?);
    let table = head.get(at + 24 + usize::try_from(optional).ok()?..)?;
    let ends = table.chunks_exact(40).take(usize::try_from(sections).ok()?);
    ends.filter_map(|section| Some(number(section, 16, 4, false)? + number(section, 20, 4, false)?)).max()
}

/// Where a PNG file ends by its own chunks (RFC 2083, 3.2).
fn png_end(source: &mut dyn ArchiveSource, size: u64) -> io::Result<Option<u64>> {
    const END: &[u8; 12] = b"\0\0\0\0IEND\xaeB`\x82";
    if read(source, size.saturating_sub(12), 12)? == END {
        return Ok(None);
    }
    let mut at = 8;
    for _ in 0..MAX_CHUNKS {
        let mut head = [0; 8];
        source.seek(SeekFrom::Start(at))?;
        if fill(source, &mut head)? < head.len() {
            return Ok(None);
        }
        let [a, b, c, d, kind @ ..] = head;
        at = at.saturating_add(12 + u64::from(u32::from_be_bytes([a, b, c, d])));
        if &kind == b"IEND" {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

/// What comes from a place of a source on.
pub(super) struct Rest<'s> {
    source: &'s mut dyn ArchiveSource,
    from: u64,
}

impl<'s> Rest<'s> {
    pub(super) fn new(source: &'s mut dyn ArchiveSource, from: u64) -> Self {
        Self { source, from }
    }
}

impl Read for Rest<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.source.read(buffer)
    }
}

impl Seek for Rest<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => SeekFrom::Start(self.from.checked_add(at).ok_or(io::ErrorKind::InvalidInput)?),
            other => other,
        };
        self.source.seek(to)?.checked_sub(self.from).ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::path::Path;

    use super::super::{Limits, list};
    use super::*;
    use crate::text::escape_path;

    fn sample(name: &str) -> Vec<u8> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus/archive");
        std::fs::read(folder.join(name)).unwrap()
    }

    /// An ELF file of one segment and no section.
    fn elf() -> Vec<u8> {
        let mut elf = vec![0; 400];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        elf[32] = 64;
        (elf[54], elf[56]) = (56, 1);
        elf[64 + 32..64 + 34].copy_from_slice(&400_u16.to_le_bytes());
        elf
    }

    /// A program for Windows of one section.
    fn pe() -> Vec<u8> {
        let mut pe = vec![0; 600];
        (pe[0], pe[1], pe[0x3c]) = (b'M', b'Z', 0x80);
        pe[0x80..0x84].copy_from_slice(b"PE\0\0");
        (pe[0x86], pe[0x94]) = (1, 0);
        pe[0x98 + 16..0x98 + 18].copy_from_slice(&88_u16.to_le_bytes());
        pe[0x98 + 20..0x98 + 22].copy_from_slice(&512_u16.to_le_bytes());
        pe
    }

    fn png() -> Vec<u8> {
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        png.extend(b"\0\0\0\x04IDATPK\x03\x04crc4");
        png.extend(b"\0\0\0\0IEND\xaeB`\x82");
        png
    }

    #[test]
    fn an_archive_is_found_behind_what_can_carry_one() {
        let config = b";!@Install@!UTF-8!\nRunProgram=\"a\"\n;!@InstallEnd@!".to_vec();
        let script = b"#!/bin/sh\ntail -n +4 \"$0\" | tar x\nexit\n".to_vec();
        let jpeg = b"\xff\xd8\xff\xe0 an image \xff\xd9".to_vec();
        let gif = b"GIF89a an image;".to_vec();
        for (name, stub) in [
            ("elf", elf()),
            ("elf and a text", [elf(), config.clone()].concat()),
            ("pe", pe()),
            ("pe and a text", [pe(), config].concat()),
            ("script", script),
            ("png", png()),
            ("jpeg", jpeg),
            ("gif", gif),
        ] {
            for archive in ["lzma2.7z", "tar.gz", "tar.xz", "tar.zst", "tar.bz2", "deflate.zip", "behind.zip"] {
                let bytes = [stub.clone(), sample(archive)].concat();
                let (members, gaps) = list(Path::new("/a"), &bytes, &Limits::default()).unwrap();
                let paths: Vec<_> = members.iter().map(|member| escape_path(&member.0).into_owned()).collect();
                assert!(paths.iter().any(|path| path == "/a ▸ tools/payload.py"), "{archive} behind {name}: {gaps:?}");
                assert_eq!((members.len(), gaps), (2, Vec::new()), "{archive} behind {name}");
            }
            let (members, gaps) =
                list(Path::new("/a"), &[&stub[..], b"Rar!\x1a\x07\x01\0"].concat(), &Limits::default()).unwrap();
            assert!(
                members.is_empty() && gaps[0].1.to_string().contains("a RAR archive lies in it"),
                "{name}: {gaps:?}"
            );
            let (members, gaps) = list(Path::new("/a"), &stub, &Limits::default()).unwrap();
            assert!(members.is_empty() && gaps.is_empty(), "{name}");
        }
        // Whatever a ZIP lies behind.
        let bytes = [&b"nothing that is known\n"[..], &sample("deflate.zip")].concat();
        assert_eq!(list(Path::new("/a"), &bytes, &Limits::default()).unwrap().0.len(), 2);
    }

    #[test]
    fn chance_and_damage_find_nothing() {
        let mut state = 1_u64;
        let mut noise = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        let noise: Vec<u8> = (0..1 << 20).map(|_| noise()).collect();
        for stub in [elf(), pe(), b"#!/bin/sh\n".to_vec(), b"\xff\xd8\xff\xe0".to_vec(), b"GIF89a".to_vec(), png()] {
            let found = find(&mut Cursor::new([stub.clone(), noise.clone()].concat())).unwrap();
            assert_eq!(found, None);
            for cut in 0..stub.len() {
                assert_eq!(find(&mut Cursor::new(&stub[..cut])).unwrap(), None);
            }
        }
        // Offsets and counts that lead anywhere.
        let mut wild = elf();
        wild[32..64].fill(0xff);
        assert_eq!(find(&mut Cursor::new(wild)).unwrap(), None);
        let mut wild = pe();
        wild[0x3c..0x40].fill(0xff);
        assert_eq!(find(&mut Cursor::new(wild)).unwrap(), None);
    }
}
