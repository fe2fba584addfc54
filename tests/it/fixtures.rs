//! Files that match the built-in rules, and files that just fail to. They are made here, piece by piece, so that
//! neither the repository nor a built test holds anything that matches.

use std::path::Path;

/// One planted file.
pub struct Planted {
    /// Where in the tree.
    pub path: &'static str,
    /// The rule that matches it, if one does.
    pub rule: Option<&'static str>,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// The seven strings of `EQGRP_ssh_telnet_29`, in order.
pub fn ssh_telnet() -> [String; 7] {
    [
        ["received prompt, ", "we're in"].concat(),
        ["failed to login, ", "bad creds, abort"].concat(),
        ["sending command \" + str(n) + \"/\" + ", "str(tot) + \", len \" + str(len(chunk) + "].concat(),
        ["received nat - EPBA: ok, ", "payload: mangled, did not run"].concat(),
        [
            "no status returned from target, could be an exploit failure, ",
            "or this is a version where we don't expect a stus return",
        ]
        .concat(),
        ["received arp - EPBA: ok, ", "payload: fail"].concat(),
        ["chopped = string.rstrip(", "payload, \"\\x0a\")"].concat(),
    ]
}

/// The two strings of `EQGRP_payload`.
pub fn payload() -> [String; 2] {
    [["can't find target ", "version module!"].concat(), ["class ", "Payload:"].concat()]
}

/// The string of `EQGRP_MixText`.
pub fn mix_text() -> String {
    ["BinStore ", "enabled implants."].concat()
}

/// The string of `EQGRP_callbacks`.
pub fn callback() -> String {
    ["30.40.", "50.60:9342"].concat()
}

/// An i386 ELF of `size` bytes that holds both byte strings of `EQGRP_tinyexec`.
pub fn tinyexec(size: usize) -> Vec<u8> {
    let mut bytes = elf_header();
    bytes.extend([0x31, 0xc0]);
    // push edx-like prologue: pop edx; pop eax; push ebp; push edx; mov edx, esp; push ebp; push eax; mov ecx, esp
    bytes.extend([[0x5a, 0x58, 0x55, 0x52, 0x89], [0xe2, 0x55, 0x50, 0x89, 0xe1]].concat());
    bytes.extend([0xb0, 0x0b, 0xcd, 0x80]);
    bytes.extend([&b"\0.shs"[..], b"trtab\0.", b"text"].concat());
    bytes.resize(size, 0);
    bytes
}

/// An ELF header and one program header for i386, 84 bytes.
pub fn elf_header() -> Vec<u8> {
    let mut bytes = b"\x7fELF\x01\x01\x01".to_vec();
    bytes.resize(16, 0);
    for half in [2_u16, 3] {
        bytes.extend(half.to_le_bytes());
    }
    for word in [1_u32, 0x0804_8054, 52, 0, 0] {
        bytes.extend(word.to_le_bytes());
    }
    for half in [52_u16, 32, 1, 40, 0, 0] {
        bytes.extend(half.to_le_bytes());
    }
    for word in [1_u32, 0, 0x0804_8000, 0x0804_8000, 200, 200, 5, 0x1000] {
        bytes.extend(word.to_le_bytes());
    }
    bytes
}

fn script(lines: &[&str], size: usize) -> Vec<u8> {
    let mut bytes = b"#!/usr/bin/env python\n".to_vec();
    for line in lines {
        bytes.extend(b"    print('");
        bytes.extend(line.as_bytes());
        bytes.extend(b"')\n");
    }
    while bytes.len() < size {
        bytes.push(b'#');
    }
    bytes
}

/// UTF-16LE, as YARA's `wide` has it.
pub fn wide(text: &str) -> Vec<u8> {
    text.bytes().flat_map(|byte| [byte, 0]).collect()
}

/// Every rule at least once, and its near misses.
pub fn all() -> Vec<Planted> {
    let ssh = ssh_telnet();
    let [missing, class] = payload();
    let some = |path, rule, bytes| Planted { path, rule: Some(rule), bytes };
    let none = |path, bytes| Planted { path, rule: None, bytes };
    vec![
        some("ssh/two-in-small.py", "EQGRP_ssh_telnet_29", script(&[&ssh[0], &ssh[1]], 10_239)),
        none("ssh/two-in-10241-bytes.py", script(&[&ssh[0], &ssh[1]], 10_241)),
        some("ssh/three-in-large.py", "EQGRP_ssh_telnet_29", script(&[&ssh[0], &ssh[4], &ssh[6]], 700_000)),
        none("ssh/fullword-broken.py", script(&[&format!("un{}", ssh[0]), &format!("{}ly", ssh[5])], 0)),
        some("ssh/s5-needs-no-fullword.py", "EQGRP_ssh_telnet_29", script(&[&format!("x{}x", ssh[4]), &ssh[1]], 0)),
        some("opt/reports/payload.py", "EQGRP_payload", script(&[&missing, &class], 0)),
        none("opt/reports/only-one.py", script(&[&class], 0)),
        some("MixText.py", "EQGRP_MixText", script(&[&mix_text()], 0)),
        none("MixText-broken.py", script(&[&format!("{}x", mix_text())], 0)),
        some("callback.txt", "EQGRP_callbacks", callback().into_bytes()),
        some("callback-wide.bin", "EQGRP_callbacks", wide(&callback())),
        none("callback-other.txt", format!("1{}", callback()).into_bytes()),
        some("tinyexec-269", "EQGRP_tinyexec", tinyexec(269)),
        none("tinyexec-270", tinyexec(270)),
    ]
}

/// Writes every fixture below `root`.
pub fn plant(root: &Path) {
    for file in all() {
        let path = root.join(file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, file.bytes).unwrap();
    }
}

/// A 64-bit x86 program that a rule matches, with that many program headers (all but the first notes without bytes) and
/// section headers, each named after its number, all of them in tables that lie behind each other.
pub fn many_headers(segments: u32, sections: u32) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(16, 0);
    let names_at = 64 + 56 * u64::from(segments) + 40;
    let names: String = (0..sections).map(|section| format!(".text.function_{section:06}\0")).collect();
    let table = names_at + names.len() as u64;
    bytes.extend([2, 0, 62, 0, 1, 0, 0, 0]);
    for word in [0x40_0000 + names_at - 40, 64, table] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend([0; 4]);
    for half in [64, 56, segments as u16, 64, sections as u16, 1] {
        bytes.extend(half.to_le_bytes());
    }
    for segment in 0..segments {
        let (kind, flags, size) = if segment == 0 { (1_u32, 5_u32, names_at) } else { (4, 4, 0) };
        bytes.extend([kind, flags].into_iter().flat_map(u32::to_le_bytes));
        for number in [0, 0x40_0000, 0x40_0000, size, size, 0x1000_u64] {
            bytes.extend(number.to_le_bytes());
        }
    }
    // mov al, 60; syscall; and what the rule looks for.
    bytes.extend([0xb0, 60, 0x0f, 0x05, b' ']);
    bytes.extend(callback().as_bytes());
    bytes.resize(names_at as usize, 0);
    bytes.extend(names.as_bytes());
    for section in 0..sections {
        let (kind, at, size) = if section == 1 { (3_u32, names_at, names.len() as u64) } else { (1, 64, 8) };
        bytes.extend([section * 22, kind].into_iter().flat_map(u32::to_le_bytes));
        for number in [6, 0, at, size, 0, 1, 0_u64] {
            bytes.extend(number.to_le_bytes());
        }
        let end = table as usize + 64 * (section as usize + 1);
        bytes.resize(end, 0);
    }
    bytes
}
