//! Scripts that a schedule or a unit runs, and that run others in turn: two levels of wrappers are looked into.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::words::Setting;
use super::{Reader, ScheduleEntry};

/// Wrappers within wrappers that are followed.
const MAX_LEVELS: u8 = 2;
/// Scripts looked into in all.
const MAX_SCRIPTS: usize = 200;
/// Bytes of a script looked at.
const MAX_BYTES: u64 = 256 * 1024;
/// Lines of one script that are filed.
const MAX_LINES: usize = 1000;
/// Lines of all scripts that are filed; a line may name many paths, each of which is looked for.
const MAX_LINES_IN_ALL: usize = 5000;

/// Where the lines of a script run, before it has said anything of its own.
pub(super) fn setting(path: &Path) -> Setting {
    Setting {
        home: Some("/root".into()),
        path: super::search_path(),
        script: Some(path.to_owned()),
        ..Setting::default()
    }
}

/// Files what the scripts name that entries name, under those entries.
pub(super) fn follow(reader: &mut Reader<'_>) {
    let mut at = 0;
    let (mut looked, mut lines) = (0, 0);
    // One script is looked into once for each table or unit, however many of its lines name it.
    let mut seen = HashSet::new();
    // Entries that are filed on the way are looked at in their turn.
    while let Some(named) = reader.pending.get(at).cloned() {
        at += 1;
        if !seen.insert((named.path.clone(), named.entry.path.clone())) {
            continue;
        }
        if looked >= MAX_SCRIPTS || lines >= MAX_LINES_IN_ALL {
            let path = named.path.clone();
            reader.gap(&path, "too many scripts are started by schedules, this one and others were not read");
            break;
        }
        if let Some(filed) = script(reader, &named) {
            looked += 1;
            lines += filed;
        }
    }
    reader.pending.clear();
}

/// A script that an entry names.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) path: PathBuf,
    pub(super) entry: ScheduleEntry,
}

impl Named {
    /// Whether a path that this entry names is to be looked into.
    pub(super) fn is_followed(entry: &ScheduleEntry) -> bool {
        entry.level < MAX_LEVELS
    }
}

/// Files the lines of one script. Returns how many, if it was read.
fn script(reader: &mut Reader<'_>, named: &Named) -> Option<usize> {
    // A table or a script of a folder is read as what it is.
    if named.path == named.entry.path {
        return None;
    }
    let text = reader.script_text(&named.path, MAX_BYTES)?;
    let mut filed = 0;
    let mut setting = Setting { home: setting_home(named), ..setting(&named.path) };
    let from = &named.entry;
    let via = match &from.via {
        Some(via) => format!("{via} → {}", named.path.display()),
        None => named.path.display().to_string(),
    };
    for (line, text) in super::numbered(&text).into_iter().take(MAX_LINES) {
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let entry =
            ScheduleEntry { level: from.level + 1, via: Some(format!("{via}:{line}")), command: text, ..from.clone() };
        reader.file(entry, &mut setting);
        filed += 1;
    }
    Some(filed)
}

fn setting_home(named: &Named) -> Option<PathBuf> {
    named.entry.home.clone()
}
