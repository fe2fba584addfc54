//! The arrows of `src/lib.rs`: a room may use only what stands left of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Each room's rank; a room may name rooms of a lower rank, and itself.
const RANKS: &[(&str, u8)] = &[
    ("text", 0),
    ("timeout", 0),
    ("finding", 1),
    ("log", 1),
    ("sandbox", 1),
    ("root", 2),
    ("accounts", 3),
    ("diagnostics", 1),
    ("hunt", 3),
    ("elf", 3),
    ("content", 4),
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
fn files() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&root, &mut found);
    let room = |path: &Path| {
        let first = path.strip_prefix(&root).unwrap().components().next().unwrap();
        first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned()
    };
    found.into_iter().map(|path| (room(&path), path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn every_room_uses_only_what_stands_left_of_it() {
    let ranks: BTreeMap<_, _> = RANKS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (room, path, source) in files() {
        let rank = *ranks.get(room.as_str()).unwrap_or_else(|| panic!("{room} has no rank"));
        for line in source.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for part in line.split("crate::").skip(1) {
                let used: String = part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                if let Some(other) = ranks.get(used.as_str())
                    && used != room
                    && *other >= rank
                {
                    wrong.push(format!("{}: {room} uses {used}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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

#[test]
fn no_file_is_two() {
    for (_, path, source) in files() {
        assert!(source.lines().count() <= 450, "{} has {} lines", path.display(), source.lines().count());
    }
}
