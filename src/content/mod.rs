//! What a file is by its bytes: ELF, PE, Mach-O, script, archive, image, document, text or data. Its name says nothing here.
//!
//! Only the few kilobytes that tell the kind are read. Signatures: the formats' own specifications, as file(1) knows
//! them. PE: Microsoft's "PE Format"; Mach-O: `mach-o/loader.h` and `mach-o/fat.h`; scripts: `fs/binfmt_script.c`. The
//! few numbers of PE and Mach-O headers are taken from where they lie, because the header may lie anywhere in a file of
//! any size; their names are goblin's.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use goblin::mach::constants::cputype::get_arch_name_from_types;
use goblin::mach::header::filetype_to_str;
use goblin::pe::header::machine_to_str;
use goblin::pe::subsystem;
use serde::Serialize;

use crate::elf::Bytes;
use crate::text;
use crate::text::counted;

/// Bytes from the first on by which a kind is told.
const HEAD: usize = 64 * 1024;
/// Bytes of a script's first line that Linux reads (`BINPRM_BUF_SIZE`).
const FIRST_LINE: usize = 256;
/// Sections and architectures that are listed at most.
const LISTED: usize = 96;
/// Bytes at the end of a ZIP archive in which its record of the end may begin: the record and the longest comment.
const ZIP_END: u64 = 22 + 65_535;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// An ELF file, of which [`crate::elf`] tells more.
    Elf,
    /// A program, library or driver of Windows or EFI.
    Pe,
    /// A program or library of macOS.
    MachO,
    /// A text that begins with `#!`.
    Script,
    /// Something with files in it, or one file compressed.
    Archive,
    /// A picture.
    Image,
    /// A document, database or other file of a known format.
    Document,
    /// Text.
    Text,
    /// Anything else.
    Data,
    /// Nothing.
    Empty,
}

impl FileKind {
    /// Its name in one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Elf => "ELF",
            Self::Pe => "PE",
            Self::MachO => "Mach-O",
            Self::Script => "Script",
            Self::Archive => "Archive",
            Self::Image => "Image",
            Self::Document => "Document",
            Self::Text => "Text",
            Self::Data => "Data",
            Self::Empty => "Empty",
        }
    }
}

/// What a file is, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileDescription {
    /// The kind.
    pub kind: FileKind,
    /// What it is, in one line. Safe text.
    pub summary: String,
    /// What more there is to say, a line each. Safe text.
    pub details: Vec<String>,
    /// The program that a script is for, as the bytes of its path.
    #[serde(skip)]
    pub interpreter: Option<Vec<u8>>,
}

impl FileDescription {
    fn new(kind: FileKind, summary: impl Into<String>) -> Self {
        Self { kind, summary: summary.into(), details: Vec::new(), interpreter: None }
    }
}

/// Signature, offset where it stands, kind and name. The first that fits counts.
const SIGNATURES: &[(&[u8], usize, FileKind, &str)] = &[
    (b"\x1f\x8b", 0, FileKind::Archive, "gzip, one file compressed"),
    (b"BZh", 0, FileKind::Archive, "bzip2, one file compressed"),
    (b"\xfd7zXZ\0", 0, FileKind::Archive, "xz, one file compressed"),
    (b"\x28\xb5\x2f\xfd", 0, FileKind::Archive, "Zstandard, one file compressed"),
    (b"\x04\x22\x4d\x18", 0, FileKind::Archive, "LZ4, one file compressed"),
    (b"LZIP", 0, FileKind::Archive, "lzip, one file compressed"),
    (b"\x1f\x9d", 0, FileKind::Archive, "compress, one file compressed"),
    (b"\x89LZO\0\r\n\x1a\n", 0, FileKind::Archive, "lzop, one file compressed"),
    (b"7z\xbc\xaf\x27\x1c", 0, FileKind::Archive, "7-Zip archive"),
    (b"Rar!\x1a\x07", 0, FileKind::Archive, "RAR archive"),
    (b"ustar", 257, FileKind::Archive, "tar archive"),
    (b"!<arch>\ndebian-binary", 0, FileKind::Archive, "Debian package"),
    (b"!<arch>\n", 0, FileKind::Archive, "ar archive (a static library, as a rule)"),
    (b"!<thin>\n", 0, FileKind::Archive, "thin ar archive, which names files outside"),
    (b"070701", 0, FileKind::Archive, "cpio archive"),
    (b"070702", 0, FileKind::Archive, "cpio archive"),
    (b"070707", 0, FileKind::Archive, "cpio archive"),
    (b"\xc7\x71", 0, FileKind::Archive, "cpio archive"),
    (b"\xed\xab\xee\xdb", 0, FileKind::Archive, "RPM package"),
    (b"MSCF\0\0\0\0", 0, FileKind::Archive, "Microsoft cabinet"),
    (b"hsqs", 0, FileKind::Archive, "squashfs file system"),
    (b"sqsh", 0, FileKind::Archive, "squashfs file system, big-endian"),
    (b"CD001", 0x8001, FileKind::Archive, "ISO 9660 file system"),
    (b"\x89PNG\r\n\x1a\n", 0, FileKind::Image, "PNG image"),
    (b"\xff\xd8\xff", 0, FileKind::Image, "JPEG image"),
    (b"GIF87a", 0, FileKind::Image, "GIF image"),
    (b"GIF89a", 0, FileKind::Image, "GIF image"),
    (b"II*\0", 0, FileKind::Image, "TIFF image"),
    (b"MM\0*", 0, FileKind::Image, "TIFF image, big-endian"),
    (b"WEBP", 8, FileKind::Image, "WebP image"),
    (b"\0\0\x01\0", 0, FileKind::Image, "Windows icon"),
    (b"%PDF-", 0, FileKind::Document, "PDF document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0, FileKind::Document, "OLE 2 document (Microsoft Office before 2007, MSI)"),
    (b"SQLite format 3\0", 0, FileKind::Document, "SQLite database"),
    (b"{\\rtf", 0, FileKind::Document, "RTF document"),
    (b"LUKS\xba\xbe", 0, FileKind::Document, "LUKS encrypted volume"),
    (b"\0asm", 0, FileKind::Document, "WebAssembly module"),
    (b"\xd4\xc3\xb2\xa1", 0, FileKind::Document, "network capture (pcap)"),
    (b"\xa1\xb2\xc3\xd4", 0, FileKind::Document, "network capture (pcap), big-endian"),
    (b"\x0a\x0d\x0d\x0a", 0, FileKind::Document, "network capture (pcapng)"),
    (b"dex\n", 0, FileKind::Document, "Android program (DEX)"),
];

/// Says what a file is; `None` when its first bytes are not at hand.
pub fn identify(source: &dyn Bytes) -> Option<FileDescription> {
    let head = source.read(0, HEAD);
    if head.is_empty() {
        return (source.size() == 0).then(|| FileDescription::new(FileKind::Empty, "an empty file"));
    }
    let whole = source.size() == head.len() as u64;
    Some(
        if head.starts_with(b"\x7fELF") { Some(FileDescription::new(FileKind::Elf, "an ELF file")) } else { None }
            .or_else(|| script(&head))
            .or_else(|| pe(source, &head))
            .or_else(|| mach_o(source, &head))
            .or_else(|| zip(source, &head))
            .or_else(|| by_signature(&head))
            .or_else(|| words(&head, whole))
            .unwrap_or_else(|| FileDescription::new(FileKind::Data, "data of no format known here")),
    )
}

fn by_signature(head: &[u8]) -> Option<FileDescription> {
    let fits = |(signature, at, ..): &&(&[u8], usize, FileKind, &str)| {
        head.get(*at..).is_some_and(|rest| rest.starts_with(signature))
    };
    let (.., kind, name) = SIGNATURES.iter().find(fits)?;
    Some(FileDescription::new(*kind, *name))
}

/// `#!`, the interpreter, and all that follows as one argument, as Linux reads it.
fn script(head: &[u8]) -> Option<FileDescription> {
    let rest = head.strip_prefix(b"#!")?;
    let line = rest.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let cut = line.len() > FIRST_LINE - 2;
    let line = line.get(..FIRST_LINE - 2).unwrap_or(line).trim_ascii();
    let end = line.iter().position(|byte| matches!(byte, b' ' | b'\t' | 0)).unwrap_or(line.len());
    let (path, argument) = line.split_at(end);
    let argument = argument.trim_ascii();
    let mut content = FileDescription::new(FileKind::Script, format!("a script for {}", text::escape(path)));
    if path.is_empty() {
        "a script that names no interpreter: Linux does not run it (ENOEXEC)".clone_into(&mut content.summary);
        return Some(content);
    }
    if !argument.is_empty() {
        content.details.push(format!("it is given the argument “{}”", text::escape(argument)));
    }
    if path.ends_with(b"\r") || argument.ends_with(b"\r") || rest.split(|b| *b == b'\n').next()?.ends_with(b"\r") {
        content.details.push("its lines end in CR LF: the CR belongs to the interpreter's name or argument".to_owned());
    }
    if cut {
        content.details.push("its first line is longer than the 256 bytes that Linux reads of it".to_owned());
    }
    content.interpreter = Some(path.to_vec());
    Some(content)
}

fn little(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let raw = bytes.get(at..at.checked_add(width)?)?;
    Some(raw.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn big(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let raw = bytes.get(at..at.checked_add(width)?)?;
    Some(raw.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn pe(source: &dyn Bytes, head: &[u8]) -> Option<FileDescription> {
    if !head.starts_with(b"MZ") {
        return None;
    }
    let Some(at) = little(head, 0x3c, 4) else { return Some(FileDescription::new(FileKind::Pe, "a DOS program")) };
    let header = source.read(at, 24 + 240);
    if !header.starts_with(b"PE\0\0") {
        return Some(FileDescription::new(
            FileKind::Pe,
            "a DOS program, or the header of a Windows one that is not where it should be",
        ));
    }
    let number = |at, width| little(&header, at, width).unwrap_or(0);
    let machine = number(4, 2) as u16;
    let (sections, time, optional, flags) = (number(6, 2), number(8, 4), number(20, 2), number(22, 2));
    let form = match number(24, 2) {
        0x10b => "PE32",
        0x20b => "PE32+",
        0x107 => "ROM image",
        _ => "PE with an unknown optional header",
    };
    let what = match flags {
        flags if flags & 0x2000 != 0 => "library",
        flags if flags & 0x2 == 0 => "object",
        _ => "program",
    };
    let named = match machine_to_str(machine) {
        "UNKNOWN" => format!("unknown machine {machine:#x}"),
        name => name.to_owned(),
    };
    let mut content = FileDescription::new(FileKind::Pe, format!("a Windows {what} ({form}) for {named}"));
    let subsystem = number(24 + 68, 2) as u16;
    content.details.push(format!("subsystem {subsystem}: {}", subsystem_name(subsystem)));
    content.details.push(format!("time stamp {time:#x}: {}", stamp(time)));
    content.details.push(format!("entry point at {:#x} from the image's base", number(24 + 16, 4)));
    content.details.push(counted(sections, "section"));
    let table = at.saturating_add(24 + optional);
    let listed = sections.min(LISTED as u64);
    let bytes = source.read(table, (listed * 40) as usize);
    for section in bytes.chunks_exact(40) {
        let number = |at| little(section, at, 4).unwrap_or(0);
        let name: Vec<u8> = section.iter().take(8).copied().take_while(|byte| *byte != 0).collect();
        let flags = number(36);
        let allowed: String = [(0x4000_0000, 'R'), (0x8000_0000, 'W'), (0x2000_0000, 'X')]
            .map(|(bit, letter)| if flags & bit == 0 { '-' } else { letter })
            .iter()
            .collect();
        content.details.push(format!(
            "section {} {allowed} {:#x} bytes at {:#x}, from offset {:#x} on ({:#x} bytes there)",
            text::escape(&name),
            number(8),
            number(12),
            number(20),
            number(16)
        ));
    }
    let there = bytes.chunks_exact(40).len() as u64;
    if there < sections {
        content.details.push(format!("{} more, cut or not listed", text::count(sections - there)));
    }
    Some(content)
}

fn subsystem_name(number: u16) -> &'static str {
    match number {
        subsystem::IMAGE_SUBSYSTEM_NATIVE => "native (driver)",
        subsystem::IMAGE_SUBSYSTEM_WINDOWS_GUI => "Windows, with windows",
        subsystem::IMAGE_SUBSYSTEM_WINDOWS_CUI => "Windows, on a console",
        subsystem::IMAGE_SUBSYSTEM_OS2_CUI => "OS/2, on a console",
        subsystem::IMAGE_SUBSYSTEM_POSIX_CUI => "POSIX, on a console",
        subsystem::IMAGE_SUBSYSTEM_WINDOWS_CE_GUI => "Windows CE",
        subsystem::IMAGE_SUBSYSTEM_EFI_APPLICATION => "EFI application",
        subsystem::IMAGE_SUBSYSTEM_EFI_BOOT_SERVICE_DRIVER => "EFI boot driver",
        subsystem::IMAGE_SUBSYSTEM_EFI_RUNTIME_DRIVER => "EFI runtime driver",
        subsystem::IMAGE_SUBSYSTEM_EFI_ROM => "EFI ROM",
        subsystem::IMAGE_SUBSYSTEM_XBOX => "Xbox",
        subsystem::IMAGE_SUBSYSTEM_WINDOWS_BOOT_APPLICATION => "Windows boot application",
        _ => "unknown",
    }
}

/// A time stamp in words: linkers that build the same file twice write a hash there instead.
fn stamp(seconds: u64) -> String {
    if seconds == 0 {
        return "none".to_owned();
    }
    let time = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "no time".to_owned(), |time| format!("{time}, if it is a time and no hash"))
}

fn mach_o(source: &dyn Bytes, head: &[u8]) -> Option<FileDescription> {
    let named = |cpu: u64, sub: u64| {
        let sub = sub as u32;
        // The upper byte holds capabilities (`CPU_SUBTYPE_MASK`).
        let name = get_arch_name_from_types(cpu as u32, sub & 0x00ff_ffff);
        name.map_or_else(|| format!("unknown machine {cpu:#x}/{sub:#x}"), str::to_owned)
    };
    let number = |is_big: bool, bytes: &[u8], at| if is_big { big(bytes, at, 4) } else { little(bytes, at, 4) };
    match (big(head, 0, 4)?, big(head, 4, 4)?) {
        (magic @ (0xfeed_face | 0xfeed_facf | 0xcefa_edfe | 0xcffa_edfe), _) => {
            let is_big = magic & 0xff00_0000 == 0xfe00_0000;
            let bits = if magic & 1 == 1 && is_big || magic & 0xff00_0000 == 0xcf00_0000 { 64 } else { 32 };
            let field = |place: usize| number(is_big, head, 4 * place).unwrap_or(0);
            let (kind, commands) = (field(3), field(4));
            let machine = named(field(1), field(2));
            let kind = text::escape_str(filetype_to_str(kind as u32)).into_owned();
            let mut content =
                FileDescription::new(FileKind::MachO, format!("a Mach-O file of {bits} bits ({kind}) for {machine}"));
            content.details.push(format!("{} in {}", counted(commands, "load command"), counted(field(5), "byte")));
            Some(content)
        }
        // The same four bytes begin a Java class, where a version of 45 and more follows.
        (0xcafe_babe | 0xcafe_babf, count) if count < 40 => {
            let wide = head.get(3) == Some(&0xbf);
            let size = if wide { 32 } else { 20 };
            let mut content = FileDescription::new(
                FileKind::MachO,
                format!("a universal Mach-O file, for {}", counted(count, "machine")),
            );
            let bytes = source.read(8, size * (count as usize).min(LISTED));
            for arch in bytes.chunks_exact(size) {
                let word = |at| big(arch, at, 4).unwrap_or(0);
                let width = if wide { 8 } else { 4 };
                let (offset, length) = (big(arch, 8, width).unwrap_or(0), big(arch, 8 + width, width).unwrap_or(0));
                let machine = named(word(0), word(4));
                content.details.push(format!("{machine}: {} from offset {offset:#x} on", counted(length, "byte")));
            }
            Some(content)
        }
        (0xcafe_babe, version) => {
            let major = version & 0xffff;
            Some(FileDescription::new(FileKind::Document, format!("Java class file, version {major}")))
        }
        _ => None,
    }
}

fn zip(source: &dyn Bytes, head: &[u8]) -> Option<FileDescription> {
    if !(head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")) {
        return None;
    }
    let names = |name: &[u8]| memchr::memmem::find(head.get(..4096).unwrap_or(head), name).is_some();
    let what = match () {
        () if names(b"META-INF/MANIFEST.MF") => "Java archive (ZIP)",
        () if names(b"AndroidManifest.xml") => "Android package (ZIP)",
        () if names(b"[Content_Types].xml") => "Office document (ZIP)",
        () if names(b"mimetypeapplication/vnd.oasis") => "OpenDocument (ZIP)",
        () => "ZIP archive",
    };
    let mut content = FileDescription::new(FileKind::Archive, what);
    let length = source.size().min(ZIP_END);
    let tail = source.read(source.size() - length, length as usize);
    let end = memchr::memmem::rfind(&tail, b"PK\x05\x06").and_then(|at| little(&tail, at + 10, 2));
    content.details.push(match end {
        Some(0xffff) => "65,535 members or more".to_owned(),
        Some(count) => counted(count, "member"),
        None => "its list of members is missing: the end is cut or not at hand".to_owned(),
    });
    Some(content)
}

/// Text, and in which encoding; `None` for bytes that are no text.
fn words(head: &[u8], whole: bool) -> Option<FileDescription> {
    let lines = |text: &str| {
        let (all, with_cr) = (text.matches('\n').count(), text.matches("\r\n").count());
        match (all, with_cr) {
            (0, _) => "no line ends".to_owned(),
            (all, with_cr) if all == with_cr => "lines end in CR LF".to_owned(),
            (_, 0) => "lines end in LF".to_owned(),
            _ => "lines end in LF and CR LF".to_owned(),
        }
    };
    let is_text = |text: &str| {
        let odd =
            text.chars().filter(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\x0c' | '\x08' | '\x1b'));
        odd.count() == 0
    };
    let told = |encoding: &str, text: &str| {
        let mut content = FileDescription::new(FileKind::Text, format!("text, {encoding}, {}", lines(text)));
        if text.contains('\x1b') {
            content.details.push("it holds escape sequences, which a terminal would obey".to_owned());
        }
        if !whole {
            let _ = write!(content.summary, " (by its first {})", counted(head.len() as u64, "byte"));
        }
        content
    };
    for (mark, name, order) in [
        (&b"\xff\xfe"[..], "UTF-16, little-endian", u16::from_le_bytes as fn([u8; 2]) -> u16),
        (b"\xfe\xff", "UTF-16, big-endian", u16::from_be_bytes),
    ] {
        if let Some(rest) = head.strip_prefix(mark) {
            let (pairs, _) = rest.as_chunks::<2>();
            let units = pairs.iter().copied().map(order);
            let text: String = char::decode_utf16(units).map(|c| c.unwrap_or('\0')).collect();
            return is_text(&text).then(|| told(name, &text));
        }
    }
    let (marked, rest) = match head.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => (true, rest),
        None => (false, head),
    };
    match std::str::from_utf8(rest) {
        Ok(text) => is_text(text).then(|| told(utf8_name(text, marked), text)),
        // Only the end of what was read may cut a character.
        Err(error) if error.error_len().is_none() && !whole => {
            let text = std::str::from_utf8(rest.get(..error.valid_up_to())?).ok()?;
            is_text(text).then(|| told(utf8_name(text, marked), text))
        }
        Err(_) => {
            let text: String = rest.iter().map(|byte| char::from(*byte)).collect();
            // Latin 1 and its relatives have letters from A0 on, and in some signs from 80 on.
            let plain = rest.iter().filter(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()).count();
            let no_odd = rest.iter().all(|byte| *byte >= 0x80 || matches!(byte, 8..=13 | 27 | 32..=126));
            (no_odd && plain * 10 >= rest.len() * 7)
                .then(|| told("8 bits a character (ISO 8859 or a code page)", &text))
        }
    }
}

fn utf8_name(text: &str, marked: bool) -> &'static str {
    match (marked, text.is_ascii()) {
        (true, _) => "UTF-8 with a byte order mark",
        (false, true) => "ASCII",
        (false, false) => "UTF-8",
    }
}
