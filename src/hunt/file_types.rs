//! The type that the first bytes of a file tell, in the names that rules written for Loki and THOR compare with.
//!
//! The variable `filetype` has the name of the first kind that fits, and `UNKNOWN` for all else. The names are those of
//! signature-base's list `misc/file-type-signatures.txt`, and, for kinds that list lacks, those that published rules
//! compare with (`MACH-O`, `BATCH`, `ASP`, `Python`). The bytes are those of the formats' own specifications. Two things
//! differ from that list on purpose: kinds that a single byte would tell (`E8`, `E9` and `EB` as `SYS`) are not there, and
//! UTF-16 text is a registry file only where it says so. A list that lies beside the rules is asked first, as it is.

use std::path::Path;
use std::sync::Arc;

use super::file;

/// What a file is called whose first bytes tell nothing.
pub(crate) const UNKNOWN: &str = "UNKNOWN";
/// First bytes of a file, as many as the table looks at.
pub(crate) const HEADER_BYTES: usize = 512;
/// Where signature-base keeps the list, seen from a folder of rules.
const PLACES: [&str; 3] =
    ["file-type-signatures.txt", "misc/file-type-signatures.txt", "../misc/file-type-signatures.txt"];
/// Bytes of such a list at most.
const MAX_BYTES: u64 = 1 << 20;

/// The kinds that a list beside the rules names; without one there are the built-in ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileTypes(Arc<[(Vec<u8>, String)]>);

impl FileTypes {
    /// The list that lies beside the first of `rules`, files or folders, that has one.
    pub fn beside<P: AsRef<Path>>(rules: &[P]) -> Self {
        let folder = |path: &Path| if path.is_dir() { path.to_owned() } else { path.with_file_name("") };
        let places = rules.iter().flat_map(|path| PLACES.map(|place| folder(path.as_ref()).join(place)));
        let mut lists = places.filter(|place| place.is_file()).filter_map(|place| file::read(&place, MAX_BYTES).ok());
        lists.next().map(|list| Self::parse(&list)).unwrap_or_default()
    }

    /// Reads lines of `HEX BYTES;NAME`; blank lines, comments and what is none of these are passed over, as Loki does.
    fn parse(list: &str) -> Self {
        let kind = |line: &str| {
            let (bytes, name) = line.split_once(';').filter(|_| !line.starts_with('#'))?;
            let bytes: String = bytes.split_whitespace().collect();
            let bytes = crate::text::from_hex(bytes.as_bytes()).filter(|bytes| !bytes.is_empty())?;
            Some((bytes, name.trim().to_owned()))
        };
        Self(list.lines().filter_map(kind).collect())
    }

    /// The name of the kind that `header`, the first bytes of a file, tells.
    pub fn name_of(&self, header: &[u8]) -> &str {
        let header = header.get(..HEADER_BYTES).unwrap_or(header);
        let listed = self.0.iter().find(|(magic, _)| header.starts_with(magic)).map(|(_, name)| name.as_str());
        listed.unwrap_or_else(|| built_in(header))
    }
}

/// The kinds whose bytes stand at the beginning, longer ones before those they begin with.
const KINDS: [(&[u8], &str); 56] = [
    (b"MZ", "EXE"),
    (b"\x7fELF", "ELF"),
    (b"\xfe\xed\xfa\xce", "MACH-O"),
    (b"\xfe\xed\xfa\xcf", "MACH-O"),
    (b"\xce\xfa\xed\xfe", "MACH-O"),
    (b"\xcf\xfa\xed\xfe", "MACH-O"),
    (b"\xca\xfe\xba\xbf", "MACH-O"),
    (b"PK\x03\x04\x14\x00\x06\x00", "Office"),
    (b"PK\x03\x04\x14\x00\x08\x00", "JAR"),
    (b"PK\x03\x04", "ZIP"),
    (b"PK\x05\x06", "PKZIP"),
    (b"PKSpX", "PKSFX"),
    (b"WinZip", "WinZIP"),
    (b"JARCS\0", "JARCS"),
    (b"\x5f\x27\xa8\x89", "JAR"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"7z\xbc\xaf\x27\x1c", "7Zip"),
    (b"\x1f\x8b\x08", "GZIP"),
    (b"\x1f\x9d", "TARZ"),
    (b"\x1f\xa0", "TARZ"),
    (b"BZh", "BZip2"),
    (b"\x60\xea", "ARJ"),
    (b"MSCF", "CAB"),
    (b"ustar", "TAR"),
    (b"%PDF", "PDF"),
    (b"{\\rtf1", "RTF"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "OLE"),
    (b"\x0dDOC", "DOC"),
    (b"GIF8", "GIF"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"MDMP", "MDMP"),
    (b"regf", "Registry Hive"),
    (b"REGEDIT4", "Windows Registry File"),
    (b"Windows Registry Editor", "Windows Registry File"),
    (b"\xff\xfeW\0i\0n\0d\0o\0w\0s\0 \0R\0e\0g\0i\0s\0t\0r\0y\0", "Windows Registry File"),
    (b"\xff\xfe<\0?\0x\0m\0l\0", "Windows At Job"),
    (b"\xff\xfe<\0%\0@\0", "JSP"),
    (b"0\0\0\0LfLe", "EVT Event Viewer File"),
    (b"ElfFile\0", "EVTX"),
    (b"FILE0", "NTFS MFT"),
    (b"L\0\0\0\x01\x14\x02\0", "LNK"),
    (b"\xd4\xc3\xb2\xa1", "WINPCAP"),
    (b"\xa1\xb2\xc3\xd4", "LIBPCAP"),
    (b"\xa1\xb2\xcd\x34", "LIBPCAP"),
    (b"\xffKEYB   ", "SYS Keyboard Driver"),
    (b"\xff\xff\xff\xff", "SYS"),
    (b"# Disk D", "VMDK"),
    (b"COWD", "VMDK"),
    (b"KDMV", "VMDK"),
    (b"conectix", "VHD"),
    (b"_CASE_", "Encase File"),
    (b"AES", "AESCrypt"),
    (b"CWS", "SWF"),
    (b"ZWS", "SWF"),
    (b"FWS", "FWS (Flash)"),
];

fn built_in(header: &[u8]) -> &'static str {
    match header {
        // One magic number, two formats: a universal binary counts its programs here, a class tells its version, which
        // has been 45 and more since the first.
        [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, ..45, ..] => return "MACH-O",
        [0xca, 0xfe, 0xba, 0xbe, ..] => return "Class",
        // POSIX tar has its magic number behind the first member's name and numbers.
        _ if header.get(257..262).is_some_and(|magic| magic == b"ustar") => return "TAR",
        _ => {}
    }
    let known = KINDS.iter().find(|(magic, _)| header.starts_with(magic)).map(|(_, name)| *name);
    known.unwrap_or_else(|| script(header))
}

/// The kind of a script, by its first words.
fn script(header: &[u8]) -> &'static str {
    let text = header.strip_prefix(b"\xef\xbb\xbf").unwrap_or(header).trim_ascii_start().to_ascii_lowercase();
    let begins = |words: &[&str]| words.iter().any(|word| text.starts_with(word.as_bytes()));
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let holds = |word: &str| line.windows(word.len()).any(|part| part == word.as_bytes());
    match () {
        () if begins(&["<?php"]) => "PHP",
        () if begins(&["<?xm"]) => "XML",
        () if begins(&["<%"]) && (holds("vbscript") || holds("jscript") || holds("language=\"c#\"")) => "ASP",
        () if begins(&["<%"]) => "JSP",
        () if begins(&["#!"]) && holds("python") => "Python",
        () if begins(&["#!/"]) => "UNIX SCRIPT",
        () if begins(&["#!"]) => "Script",
        () if begins(&["@echo off", "@echo on", "echo off", "@setlocal", "setlocal ", "rem ", ":: "]) => "BATCH",
        () if begins(&["function ", "dim ", "option explicit", "on error resume next", "wscript."]) => "VBS",
        () => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_rules_compare_with() {
        for (bytes, name) in [
            (&b"MZ\x90"[..], "EXE"),
            (b"\x7fELF\x02", "ELF"),
            (b"\xcf\xfa\xed\xfe", "MACH-O"),
            (b"\xca\xfe\xba\xbe\0\0\0\x02", "MACH-O"),
            (b"\xca\xfe\xba\xbe\0\0\0\x34", "Class"),
            (b"\xff\xd8\xff\xe0", "JPEG"),
            (b"GIF89a", "GIF"),
            (b"{\\rtf1\\ansi", "RTF"),
            (b"<?php eval($_POST[1]);", "PHP"),
            (b"\xef\xbb\xbf<?PHP ", "PHP"),
            (b"<%@ page import=\"java.io.*\" %>", "JSP"),
            (b"<%@ Language=VBScript %>", "ASP"),
            (b"@ECHO OFF\r\n", "BATCH"),
            (b"#!/usr/bin/env python3\n", "Python"),
            (b"#!/bin/sh\n# python", "UNIX SCRIPT"),
            (b"MDMP\x93\xa7", "MDMP"),
            (b"PK\x03\x04\x14\0\x06\0\x08", "Office"),
            (b"PK\x03\x04\x0a\0", "ZIP"),
            (b"plain text", "UNKNOWN"),
            (b"", "UNKNOWN"),
        ] {
            assert_eq!(FileTypes::default().name_of(bytes), name, "{}", bytes.escape_ascii());
        }
        let mut tar = vec![b'a'; HEADER_BYTES];
        tar[257..262].copy_from_slice(b"ustar");
        assert_eq!(FileTypes::default().name_of(&tar), "TAR");
    }

    #[test]
    fn a_list_beside_the_rules_is_asked_first() {
        let dir = tempfile::tempdir().unwrap();
        let rules = dir.path().join("yara");
        std::fs::create_dir_all(&rules).unwrap();
        std::fs::create_dir_all(dir.path().join("misc")).unwrap();
        let list = "#\n# 4D 5A;NO\n\n4d 5A;DOS\n 01 02 ;One Two\nnothing\nXX;no\n;none\n";
        std::fs::write(dir.path().join("misc/file-type-signatures.txt"), list).unwrap();
        std::fs::write(rules.join("a.yar"), "").unwrap();
        for path in [rules.clone(), rules.join("a.yar")] {
            let types = FileTypes::beside(&[path]);
            assert_eq!(types.name_of(b"MZ\x90"), "DOS");
            assert_eq!(types.name_of(b"\x01\x02\x03"), "One Two");
            assert_eq!(types.name_of(b"\x7fELF"), "ELF");
        }
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(FileTypes::beside(&[empty.path()]), FileTypes::default());
    }
}
