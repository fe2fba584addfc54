//! Each kind by its first bytes.

use super::*;

fn told(bytes: &[u8]) -> (FileKind, String, Vec<String>) {
    let content = identify(&bytes).unwrap();
    (content.kind, content.summary, content.details)
}

fn summary(bytes: &[u8]) -> String {
    told(bytes).1
}

#[test]
fn scripts_name_their_interpreter_as_linux_reads_it() {
    assert_eq!(summary(b"#!/bin/sh\necho"), "a script for /bin/sh");
    let (kind, said, details) = told(b"#! \t/usr/bin/env python3 -u \nprint()");
    assert_eq!((kind, said.as_str()), (FileKind::Script, "a script for /usr/bin/env"));
    assert_eq!(details, ["it is given the argument “python3 -u”"]);
    assert!(told(b"#!/bin/sh\r\necho").2[0].contains("CR LF"));
    assert!(summary(b"#!\n").contains("no interpreter"));
    assert_eq!(summary(b"#!/bin/\x1b[2J\n"), r"a script for /bin/\x1b[2J");
    assert!(told(&[&b"#!/"[..], &[b'x'; 300]].concat()).2[0].contains("256 bytes"));
}

/// A Windows program of one section; only what is looked at is there.
fn windows() -> Vec<u8> {
    let mut file = vec![0; 0x80 + 24 + 240 + 40];
    file[..2].copy_from_slice(b"MZ");
    file[0x3c] = 0x80;
    let header = &mut file[0x80..];
    header[..4].copy_from_slice(b"PE\0\0");
    header[4..6].copy_from_slice(&0x8664_u16.to_le_bytes());
    header[6] = 1;
    header[8..12].copy_from_slice(&1_600_000_000_u32.to_le_bytes());
    header[20] = 240;
    header[22] = 0x22;
    header[24..26].copy_from_slice(&0x20b_u16.to_le_bytes());
    header[24 + 68] = 3;
    header[264..269].copy_from_slice(b".text");
    header[264 + 39] = 0x60;
    file
}

#[test]
fn a_windows_program_tells_machine_subsystem_time_and_sections() {
    let (kind, said, details) = told(&windows());
    assert_eq!((kind, said.as_str()), (FileKind::Pe, "a Windows program (PE32+) for X86_64"));
    assert_eq!(details[0], "subsystem 3: Windows, on a console");
    assert_eq!(details[1], "time stamp 0x5f5e1000: 2020-09-13T12:26:40Z, if it is a time and no hash");
    assert!(details[4].starts_with("section .text R-X"), "{details:?}");
}

#[test]
fn each_kind_is_known_by_its_first_bytes() {
    for (bytes, kind, said) in [
        (&b""[..], FileKind::Empty, "an empty file"),
        (b"\x7fELF", FileKind::Elf, "an ELF file"),
        (b"MZ", FileKind::Pe, "a DOS program"),
        (b"\x1f\x8b\x08", FileKind::Archive, "gzip, one file compressed"),
        (b"!<arch>\ndebian-binary  ", FileKind::Archive, "Debian package"),
        (b"!<arch>\nlib.o/", FileKind::Archive, "ar archive (a static library, as a rule)"),
        (b"\x89PNG\r\n\x1a\n", FileKind::Image, "PNG image"),
        (b"\xca\xfe\xba\xbe\0\0\0\x34", FileKind::Document, "Java class file, version 52"),
        (b"plain\n", FileKind::Text, "text, ASCII, lines end in LF"),
        ("né\r\n".as_bytes(), FileKind::Text, "text, UTF-8, lines end in CR LF"),
        (b"\xef\xbb\xbfa", FileKind::Text, "text, UTF-8 with a byte order mark, no line ends"),
        (b"\xff\xfea\0\n\0", FileKind::Text, "text, UTF-16, little-endian, lines end in LF"),
        (b"caf\xe9 noir\n", FileKind::Text, "text, 8 bits a character (ISO 8859 or a code page), lines end in LF"),
        (b"\0\x02\x03\xff", FileKind::Data, "data of no format known here"),
    ] {
        let (was, summary, _) = told(bytes);
        assert_eq!((was, summary.as_str()), (kind, said), "{bytes:?}");
    }
    assert_eq!(told(b"PK\x05\x06\0\0\0\0\x02\0\x02\0\0\0\0\0\0\0\0\0\0\0").2, ["2 members"]);
    assert_eq!(
        told(b"\xca\xfe\xba\xbe\0\0\0\x01\x01\0\0\x07\0\0\0\x03\0\0\x10\0\0\0\x20\0\0\0\0\x0c").2,
        ["x86_64: 8,192 bytes from offset 0x1000 on"]
    );
    assert_eq!(
        summary(b"\xcf\xfa\xed\xfe\x0c\0\0\x01\0\0\0\0\x02\0\0\0\x03\0\0\0\x20\0\0\0"),
        "a Mach-O file of 64 bits (EXECUTE) for arm64"
    );
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_something(mut bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..600), start in 0..6_usize) {
        let starts: [&[u8]; 6] = [b"", b"#!", b"MZ", b"PK\x03\x04", b"\xca\xfe\xba\xbe\0\0\0\x05", b"\xfe\xed\xfa\xcf"];
        bytes.splice(..0, starts[start].iter().copied());
        let content = identify(&bytes.as_slice()).unwrap();
        let lines = std::iter::once(&content.summary).chain(&content.details);
        for line in lines {
            proptest::prop_assert!(!line.is_empty() && !line.contains(char::is_control), "{line:?}");
        }
        let mut file = windows();
        file.truncate(bytes.len());
        identify(&file.as_slice());
    }
}
