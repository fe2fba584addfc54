//! What the fuzz targets feed, as plain functions: the fuzzer calls them with bytes of its own, and `cargo test` with the
//! committed seeds and small changes to them.

use std::path::{Component, Path};

use huntbook::elf;
use huntbook::evidence::Gatherer;
use huntbook::finding::{FileFacts, FileTime, Sha256};
use huntbook::hunt::known_good::KnownGood;
use huntbook::hunt::{RuleFiles, RuleOptions, Site, load_dir};
use huntbook::root::Root;

/// Any bytes through the ELF decoder. The last byte says how much of the file is kept from the decoder, so that plain ELF
/// files serve as a corpus.
pub fn elf(data: &[u8]) {
    let Some((hidden, bytes)) = data.split_last() else { return };
    let file_size = bytes.len() as u64 + u64::from(*hidden);
    let Some(decoded) = elf::decode(bytes, file_size) else { return };
    let _ = elf::disassemble_entry(&decoded, &elf::Prefix::new(bytes, file_size), 256);
    let map = elf::Map::new(&decoded);
    for offset in [0, bytes.len() as u64 / 2, file_size] {
        map.at(offset).take(8).for_each(|part| drop(part.describe(&decoded, offset)));
    }
    let _ = elf::strings(bytes, 4);
    let _ = elf::entropy(bytes);
}

/// A box made of texts: a line `=== PATH` begins each file, so that seeds can be read and written by hand. What lies
/// below `proc/` is taken for the box's `/proc`. All probes are asked about one file of it.
pub fn box_texts(data: &[u8]) {
    let Ok(dir) = tempfile::tempdir() else { return };
    let mut sections = data.split_inclusive(|byte| *byte == b'\n').peekable();
    while let Some(line) = sections.next() {
        let Some(path) = line.strip_prefix(b"=== ") else { continue };
        let path = String::from_utf8_lossy(path);
        let mut content = Vec::new();
        while let Some(line) = sections.next_if(|line| !line.starts_with(b"=== ")) {
            content.extend_from_slice(line);
        }
        let path = Path::new(path.trim_end_matches('\n'));
        let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        if !inside || path.as_os_str().is_empty() {
            continue;
        }
        let path = dir.path().join(path);
        // A path that cannot be made is as good as one that is not there.
        let _ = path.parent().map(std::fs::create_dir_all);
        let _ = std::fs::write(path, content);
    }
    let proc = dir.path().join("proc");
    let gatherer = Gatherer::new(Root::image(dir.path())).with_proc(proc);
    let evidence = gatherer.gather(&facts(&dir.path().join("opt/tool/payload.py")));
    let _ = serde_json::to_string(&evidence);
    for field in huntbook::hunt::Field::ALL {
        let _ = evidence.field(field.name());
    }
}

/// A site's facts.
pub fn site_toml(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = Site::parse(Path::new("site.toml"), text);
}

/// The document of a hunt for a rule `a`.
pub fn hunt_toml(data: &[u8]) {
    with_files(&[("a.yar", b"rule a { condition: true }"), ("a.toml", data)], |folder| {
        let _ = load_dir(folder, &Site::default(), &RuleOptions::default());
    });
}

/// Plain rules, of which only what compiles is to be left.
pub fn plain_rules(data: &[u8]) {
    with_files(&[("a.yar", data), ("b.yar", b"include \"a.yar\"\nrule b { condition: true }")], |folder| {
        let _ = RuleFiles::read(folder, &RuleOptions::default());
    });
}

/// A list of hashes of known-good content.
pub fn known_good(data: &[u8]) {
    with_files(&[("list", data)], |folder| drop(KnownGood::load(&[folder.join("list")])));
}

/// Calls `work` with a folder of these files.
fn with_files(files: &[(&str, &[u8])], work: impl FnOnce(&Path)) {
    let Ok(dir) = tempfile::tempdir() else { return };
    if files.iter().all(|(name, bytes)| std::fs::write(dir.path().join(name), bytes).is_ok()) {
        work(dir.path());
    }
}

fn facts(path: &Path) -> FileFacts {
    let time = FileTime { seconds: 1_700_000_000, nanos: 0 };
    FileFacts {
        path: path.to_owned(),
        dev: 1,
        ino: 2,
        mode: 0o10_0755,
        links: 1,
        uid: 1000,
        gid: 1000,
        owner: None,
        group: None,
        size: 3,
        accessed: time,
        modified: time,
        changed: time,
        born: None,
        digest: Sha256::of(b"abc").into(),
        noatime: true,
    }
}
