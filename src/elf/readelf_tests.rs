//! The same numbers as binutils' readelf on binaries that happen to be on the machine; skipped where it is absent.
//!
//! `HUNTBOOK_ELF_FILES` names a folder all of whose files, at any depth, are compared instead of some dozens.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Class, Elf, decode};

/// Binaries compared at most.
const MAX_FILES: usize = 60;

/// Every regular file below a folder.
fn below(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => below(&entry.path(), out),
            Ok(kind) if kind.is_file() => out.push(entry.path()),
            _ => {}
        }
    }
}

/// The files that are compared, and how many of them at most.
fn chosen() -> (Vec<PathBuf>, usize) {
    let Some(folder) = std::env::var_os("HUNTBOOK_ELF_FILES") else { return (candidates(), MAX_FILES) };
    let mut files = Vec::new();
    below(Path::new(&folder), &mut files);
    (files, usize::MAX)
}

fn candidates() -> Vec<PathBuf> {
    let folders = ["/usr/bin", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let mut out = Vec::new();
    for folder in folders {
        let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
        let mut files: Vec<PathBuf> = entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
            .map(|entry| entry.path())
            .collect();
        files.sort();
        // Spread over the folder, so that not all begin with the same letters.
        let step = (files.len() / MAX_FILES).max(1);
        out.extend(files.into_iter().step_by(step));
    }
    out
}

#[test]
fn numbers_agree_with_readelf() {
    if Command::new("readelf").arg("--version").output().is_err() {
        eprintln!("skipped: there is no readelf on this machine");
        return;
    }
    let (mut compared, mut offered, mut differences) = (0, 0, Vec::new());
    let (files, most) = chosen();
    for path in files {
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let Some(elf) = decode(&bytes, bytes.len() as u64) else { continue };
        offered += 1;
        let Some(said) = readelf(&path) else { continue };
        differences.extend(compare(&elf, &said).into_iter().map(|what| format!("{}: {what}", path.display())));
        compared += 1;
        if compared == most {
            break;
        }
    }
    eprintln!("compared {compared} files with readelf");
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    assert!(compared == most || compared * 2 >= offered, "readelf takes few of {offered} files");
}

/// What readelf prints, `None` when it complains.
fn readelf(path: &Path) -> Option<String> {
    let output = Command::new("readelf").env("LC_ALL", "C").args(["-h", "-l", "-S", "-W"]).arg(path).output().ok()?;
    (output.status.success() && output.stderr.is_empty()).then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What is not as readelf says.
fn compare(elf: &Elf, said: &str) -> Vec<String> {
    let header = |name: &str| {
        let line = said.lines().find_map(|line| line.trim().strip_prefix(name)).unwrap_or_default().trim().to_owned();
        let number = line.split_whitespace().next().unwrap_or_default().to_owned();
        (line, number)
    };
    let mut differences = Vec::new();
    let mut same = |name: &str, theirs: &str, ours: &str| {
        if theirs != ours {
            differences.push(format!("{name} {theirs:?}, here {ours:?}"));
        }
    };
    let values = &elf.header.values;
    let class = if elf.layout.class == Class::Elf64 { "ELF64" } else { "ELF32" };
    same("Class:", &header("Class:").0, class);
    same("Data:", &header("Data:").0, &elf.header.field("EI_DATA").unwrap().meaning);
    same("Type:", &header("Type:").1, &elf.header.type_name);
    same("Machine:", &header("Machine:").0, &elf.header.machine);
    same("OS/ABI:", &header("OS/ABI:").0, &elf.header.field("EI_OSABI").unwrap().meaning);
    for (name, ours) in [
        ("Entry point address:", values.e_entry),
        ("Start of program headers:", values.e_phoff),
        ("Start of section headers:", values.e_shoff),
        ("Size of this header:", values.e_ehsize.into()),
        ("Size of program headers:", values.e_phentsize.into()),
        ("Number of program headers:", values.e_phnum.into()),
        ("Size of section headers:", values.e_shentsize.into()),
        ("Number of section headers:", values.e_shnum.into()),
        ("Section header string table index:", values.e_shstrndx.into()),
    ] {
        same(name, &format!("{:?}", parse(&header(name).1)), &format!("{:?}", Some(ours)));
    }
    let (theirs, ours) = (sections(said), our_sections(elf));
    same("sections", &theirs.len().to_string(), &ours.len().to_string());
    for (theirs, ours) in theirs.iter().zip(&ours) {
        same("section", theirs, &ours.replace(NEWER.0, if theirs.contains(NEWER.1) { NEWER.1 } else { NEWER.0 }));
    }
    same("segments", &format!("{:x?}", segments(said)), &format!("{:x?}", our_segments(elf)));
    differences
}

/// A section type that has a name here and in LLVM, and a number in binutils 2.40.
const NEWER: (&str, &str) = (" LLVM_ADDRSIG ", " LOOS+0xfff4c03 ");

fn parse(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Lines such as `[ 1] .interp PROGBITS 0000000000000318 000318 00001c 00 A 0 0 1`, without the bracket.
fn sections(said: &str) -> Vec<String> {
    let rows = said.lines().filter_map(|line| line.trim().strip_prefix('[')?.split_once(']'));
    let rows = rows.filter(|(index, _)| index.trim().parse::<u64>().is_ok());
    rows.map(|(_, row)| row.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn our_sections(elf: &Elf) -> Vec<String> {
    let width = if elf.layout.class == Class::Elf64 { 16 } else { 8 };
    // readelf names SHF_GNU_RETAIN only in files that say they are for GNU or FreeBSD.
    let retain = if matches!(elf.header.values.e_ident[7], 3 | 9) { "R" } else { "o" };
    let row = |section: &super::Section| {
        let v = &section.values;
        let row = format!(
            "{} {} {:0width$x} {:06x} {:06x} {:02x} {} {} {} {}",
            section.name.as_deref().unwrap_or_default(),
            section.type_name(),
            v.sh_addr,
            v.sh_offset,
            v.sh_size,
            v.sh_entsize,
            section.flags().replace('R', retain),
            v.sh_link,
            v.sh_info,
            v.sh_addralign,
        );
        row.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    elf.sections.iter().map(row).collect()
}

/// Lines such as `LOAD 0x000000 0x0000000000000000 0x0000000000000000 0x0005f0 0x0005f0 R E 0x1000`.
fn segments(said: &str) -> Vec<(String, Vec<u64>, String)> {
    let rows = said.lines().skip_while(|line| !line.starts_with("Program Headers:")).skip(2);
    let rows = rows.take_while(|line| !line.trim().is_empty()).filter(|line| !line.trim().starts_with('['));
    rows.filter_map(|row| {
        let words: Vec<&str> = row.split_whitespace().collect();
        let (name, rest) = words.split_first()?;
        let mut numbers: Vec<u64> = rest.iter().take(5).filter_map(|word| parse(word)).collect();
        numbers.push(parse(rest.last()?)?);
        let flags = rest.get(5..rest.len() - 1)?.concat().replace('E', "X");
        Some(((*name).to_owned(), numbers, flags))
    })
    .collect()
}

fn our_segments(elf: &Elf) -> Vec<(String, Vec<u64>, String)> {
    let row = |segment: &super::Segment| {
        let v = &segment.values;
        let numbers = vec![v.p_offset, v.p_vaddr, v.p_paddr, v.p_filesz, v.p_memsz, v.p_align];
        (segment.type_name().into_owned(), numbers, segment.flags().replace('-', ""))
    };
    elf.segments.iter().map(row).collect()
}
