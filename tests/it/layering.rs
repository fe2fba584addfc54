//! The arrows of `src/lib.rs`: a room may use only what stands left of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Each room's rank; a room may name rooms of a lower rank, and itself.
const RANKS: &[(&str, u8)] = &[
    ("text", 0),
    ("timeout", 0),
    ("proc", 0),
    ("print", 1),
    ("finding", 1),
    ("storage", 1),
    ("log", 2),
    ("sandbox", 2),
    ("root", 2),
    ("accounts", 3),
    ("diagnostics", 1),
    ("archive", 3),
    ("hunt", 3),
    ("elf", 3),
    ("content", 4),
    ("version", 4),
    ("scan", 4),
    ("hex", 5),
    ("evidence", 5),
    ("explain", 6),
    ("triage", 6),
    ("case", 7),
    ("session", 8),
    ("places", 9),
    ("report", 9),
    ("theme", 9),
    ("tui", 10),
    ("cli", 11),
    ("internals", 12),
    ("lib", 12),
    ("main", 12),
];

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every source file with the room it belongs to.
pub fn files() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&root, &mut found);
    let room = |path: &Path| {
        let first = path.strip_prefix(&root).unwrap().components().next().unwrap();
        first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned()
    };
    found.into_iter().map(|path| (room(&path), path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

/// Identifiers at the beginning of what follows a path's `::`: one, or those of a group in braces.
fn heads(after: &str) -> Vec<String> {
    let name = |text: &str| text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = after.strip_prefix('{') else { return vec![name(after)] };
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                found.push(name(group[start..at].trim()));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(name(group[start..at].trim()));
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

/// What a file names of the crate's root: `crate::X`, and `super::…::X` where that many `super` lead there.
fn named_of_the_root(path: &Path, source: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let is_folder = path.file_name().is_some_and(|name| name == "mod.rs");
    let depth = path.strip_prefix(root).unwrap().components().count() - usize::from(is_folder);
    let code: Vec<_> = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let to_root = "super::".repeat(depth);
    ["crate::", &to_root].iter().flat_map(|way| code.split(way).skip(1)).flat_map(heads).collect()
}

#[test]
fn every_room_uses_only_what_stands_left_of_it() {
    let ranks: BTreeMap<_, _> = RANKS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (room, path, source) in files() {
        let rank = *ranks.get(room.as_str()).unwrap_or_else(|| panic!("{room} has no rank"));
        for used in named_of_the_root(&path, &source) {
            if let Some(other) = ranks.get(used.as_str())
                && used != room
                && *other >= rank
            {
                wrong.push(format!("{}: {room} uses {used}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_room_in_braces_or_by_way_of_super_is_seen_too() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/hunt/load.rs");
    let source = "use crate::{tui::{self, view}, text};\nlet a = super::super::cli::main();\nuse super::load;";
    assert_eq!(named_of_the_root(&file, source), ["tui", "text", "cli"]);
}

#[test]
fn only_the_screen_knows_the_terminal() {
    for (room, path, source) in files() {
        if !matches!(room.as_str(), "tui" | "theme") {
            for name in ["ratatui", "crossterm"] {
                let used = source.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(name));
                assert!(!used, "{} names {name}", path.display());
            }
        }
    }
}

/// A static program finds no random bytes where `/dev` is missing, unless it asks the kernel itself.
#[test]
fn identifiers_are_made_in_one_place() {
    for (_, path, source) in files() {
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        let is_test = path.components().any(|part| part.as_os_str() == "tests");
        assert!(is_test || !code.contains("new_v4("), "{}: use storage::new_id", path.display());
    }
}

/// Where files are opened that belong to no tree, image or box, and why that is so. All else goes through `root`.
const OWN_FILES: &[(&str, &str)] = &[
    ("root/", "the room itself"),
    ("case/", "cases are Huntbook's own files"),
    ("cli/output.rs", "what is written because a person named it"),
    ("cli/prepare.rs", "the folder that a new case is made in"),
    ("cli/confine.rs", "the folders that Huntbook writes its own files in"),
    ("cli/launch.rs", "the program's own standard streams, and its own child in /proc"),
    ("sandbox.rs", "the folders that Huntbook writes its own files in"),
    ("storage.rs", "whose Huntbook's own files are, and the kernel's word on this process in /proc/self"),
    ("version.rs", "the running program"),
    ("cli/deploy/", "what is written because a person named it"),
    ("cli/hunts.rs", "rule files that a person named"),
    ("hunt/", "rule files that a person named"),
    ("log/", "the log is Huntbook's own file"),
    ("scan/mod.rs", "device and inode of Huntbook's own files"),
    ("storage/cache.rs", "the cache is Huntbook's own file"),
    ("session/records.rs", "the register is Huntbook's own file"),
    ("triage/register/", "the register is Huntbook's own file"),
    ("storage/new_file.rs", "what is written because a person named it"),
    ("report/writing.rs", "what is written because a person named it"),
    ("scan/only.rs", "paths that a person listed, brought into the form of the tree's own; nothing is opened"),
    ("theme/", "the person's own settings"),
    ("tui/config.rs", "the person's own settings"),
    ("places/recent.rs", "cases are Huntbook's own files"),
    ("places/mounts.rs", "the kernel's table of mounts, and how full each is"),
    ("evidence/process/", "the kernel's own words in /proc"),
    ("evidence/proc_file.rs", "the kernel's own words in /proc"),
    ("evidence/socket_table.rs", "the kernel's own words in /proc"),
    ("evidence/xattr.rs", "the path of a descriptor that the room has opened"),
];

/// What opens, lists or stats a path.
const OPENING: &[&str] = &[
    "File::open(",
    "File::options(",
    "OpenOptions::new(",
    "fs::read(",
    "fs::read_to_string(",
    "fs::read_dir(",
    "fs::read_link(",
    "fs::metadata(",
    "fs::symlink_metadata(",
    "fs::canonicalize(",
    ".canonicalize()",
    ".read_dir()",
    ".symlink_metadata()",
    ".exists()",
    "path.is_dir()",
    "folder.is_dir()",
    "path.is_file()",
    "(CWD,",
    "fs::open(",
    "fs::stat(",
    "fs::lstat(",
    "fs::statfs(",
    "fs::statvfs(",
    "openat2(",
    "getxattr(",
    "WalkBuilder",
];

#[test]
fn only_one_room_opens_what_belongs_to_a_box() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut wrong, mut used) = (Vec::new(), std::collections::BTreeSet::new());
    for (_, path, source) in files() {
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let is_test = ["tests", "testing.rs", "fixtures.rs"].iter().any(|word| name.contains(word));
        let lines: Vec<_> = source.lines().collect();
        let tests = lines.windows(2).position(|two| two[0] == "#[cfg(test)]" && two[1].ends_with('{'));
        let code = lines.iter().take(tests.unwrap_or(lines.len()));
        let opens = |line: &str| OPENING.iter().any(|call| line.contains(call)) && !line.trim_start().starts_with("//");
        let lines: Vec<_> = code.filter(|line| opens(line)).copied().collect();
        if is_test || lines.is_empty() {
            continue;
        }
        match OWN_FILES.iter().find(|(own, _)| name.starts_with(own)) {
            Some((own, _)) => _ = used.insert(*own),
            None => wrong.push(format!("{name}: {}", lines.join("; "))),
        }
    }
    assert!(wrong.is_empty(), "not through `root`:\n{}", wrong.join("\n"));
    let unused: Vec<_> = OWN_FILES.iter().filter(|(own, _)| !used.contains(own)).collect();
    assert!(unused.is_empty(), "{unused:?} open nothing any more");
}
