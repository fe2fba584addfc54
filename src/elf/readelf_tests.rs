//! The same numbers as binutils' readelf on binaries that happen to be on the machine; skipped where it is absent.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Class, Elf, decode};

/// Binaries compared at most.
const MAX_FILES: usize = 60;

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
    let (mut compared, mut offered) = (0, 0);
    for path in candidates() {
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let Some(elf) = decode(&bytes, bytes.len() as u64) else { continue };
        offered += 1;
        let Some(said) = readelf(&path) else { continue };
        compare(&elf, &said, &path);
        compared += 1;
        if compared == MAX_FILES {
            break;
        }
    }
    eprintln!("compared {compared} files with readelf");
    assert!(compared == MAX_FILES || compared * 2 >= offered, "readelf takes few of {offered} files");
}

/// What readelf prints, `None` when it complains.
fn readelf(path: &Path) -> Option<String> {
    let output = Command::new("readelf").env("LC_ALL", "C").args(["-h", "-l", "-S", "-W"]).arg(path).output().ok()?;
    (output.status.success() && output.stderr.is_empty()).then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn compare(elf: &Elf, said: &str, path: &Path) {
    let header = |name: &str| {
        let line = said.lines().find_map(|line| line.trim().strip_prefix(name)).unwrap_or_default().trim().to_owned();
        let number = line.split_whitespace().next().unwrap_or_default().to_owned();
        (line, number)
    };
    let number = |name| parse(&header(name).1);
    let values = &elf.header.values;
    let class = if elf.layout.class == Class::Elf64 { "ELF64" } else { "ELF32" };
    assert_eq!(header("Class:").0, class, "{path:?}");
    assert_eq!(header("Data:").0, elf.header.field("EI_DATA").unwrap().meaning, "{path:?}");
    assert_eq!(header("Type:").1, elf.header.type_name, "{path:?}");
    assert_eq!(header("Machine:").0, elf.header.machine, "{path:?}");
    assert_eq!(header("OS/ABI:").0, elf.header.field("EI_OSABI").unwrap().meaning, "{path:?}");
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
        assert_eq!(number(name), Some(ours), "{name} {path:?}");
    }
    assert_eq!(sections(said), our_sections(elf), "{path:?}");
    assert_eq!(segments(said), our_segments(elf), "{path:?}");
}

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
