//! Reads the places of the table: what lies there, and what its lines name.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use super::places::{How, PLACES, PersistencePlace};
use super::reader::Reader;
use super::unit;
use super::words::CommandSetting;
use super::{ScheduleEntry, Scheduler, script};
use crate::root::{Attributes, Root};

/// Files looked at in one pattern of a place.
const MAX_FILES: usize = 5000;
/// Homes whose files are looked at.
const MAX_HOMES: usize = 2000;

pub(super) fn read(reader: &mut Reader<'_>) {
    let mut homes: Vec<(PathBuf, String)> = (reader.accounts.users().iter())
        .filter(|user| user.home.is_absolute() && user.home != Path::new("/"))
        .map(|user| (user.home.clone(), user.name.clone()))
        .collect();
    homes.sort();
    homes.dedup_by(|a, b| a.0 == b.0);
    // Homes that are not there cost nothing more than this.
    homes.retain(|(home, _)| reader.root.locate(home, true).is_ok_and(|found| found.metadata.is_dir()));
    if homes.len() > MAX_HOMES {
        reader.gap(Path::new("/etc/passwd"), "too many homes, the startup files of some users were not read");
        homes.truncate(MAX_HOMES);
    }
    for place in PLACES {
        for pattern in place.paths {
            match pattern.strip_prefix("~/") {
                Some(below) => {
                    for (home, user) in &homes {
                        each(reader, place, home, below, Some(user));
                    }
                }
                None => each(reader, place, Path::new("/"), pattern.trim_start_matches('/'), None),
            }
        }
    }
}

/// Reads the files below `folder` that the rest of a pattern means.
fn each(reader: &mut Reader<'_>, place: &'static PersistencePlace, folder: &Path, pattern: &str, user: Option<&str>) {
    let mut found = vec![folder.to_owned()];
    let parts: Vec<&str> = pattern.split('/').collect();
    for (place, part) in parts.iter().enumerate() {
        let is_last = place + 1 == parts.len();
        let next: Vec<PathBuf> = match matcher(part) {
            None => found.into_iter().map(|folder| folder.join(part)).collect(),
            Some(matcher) => {
                let mut next = Vec::new();
                for folder in &found {
                    let names = reader.names(folder);
                    let hidden =
                        |name: &OsStr| name.as_encoded_bytes().first() == Some(&b'.') && !part.starts_with('.');
                    let fits =
                        |path: &&PathBuf| path.file_name().is_some_and(|name| !hidden(name) && matcher.is_match(name));
                    let is_way = |path: &&PathBuf| is_last || may_be_folder(reader.root, path);
                    next.extend(names.iter().filter(fits).filter(is_way).cloned());
                }
                next
            }
        };
        found = next;
        if found.len() > MAX_FILES {
            reader.gap(folder, "too many files of one kind, not all were read");
            found.truncate(MAX_FILES);
        }
    }
    for path in found {
        file(reader, place, &path, user);
    }
}

/// Whether what lies at `path` is a folder, or may be one. A link that leads nowhere, or to what a process has open as
/// `/dev/stdin` does, is none.
fn may_be_folder(root: &Root, path: &Path) -> bool {
    match root.locate(path, true) {
        Ok(found) => found.metadata.is_dir(),
        Err(_) => root.locate(path, false).is_ok_and(|found| !found.metadata.is_symlink()),
    }
}

/// What a part of a pattern that holds a `*` matches. As in a shell, a leading dot must be named.
fn matcher(part: &str) -> Option<GlobMatcher> {
    let glob = || GlobBuilder::new(part).literal_separator(true).build().ok();
    if part.contains('*') { glob().map(|glob| glob.compile_matcher()) } else { None }
}

fn file(reader: &mut Reader<'_>, place: &'static PersistencePlace, path: &Path, user: Option<&str>) {
    // Most places are not there on most boxes; a folder of the same name is none.
    let Ok(located) = reader.root.locate(path, true) else { return };
    if !located.metadata.is_file() {
        return;
    }
    let user = user.unwrap_or("root");
    let attributes = Attributes::of(&located.metadata);
    let itself = |reader: &mut Reader<'_>| {
        let lies = "it lies there itself";
        reader.file_under(entry(place, path, attributes, 1, lies, user), vec![path.to_owned(), located.path.clone()]);
    };
    if matches!(place.how, How::Script | How::Itself) || starts_what_lies_there(path) {
        itself(reader);
    }
    if place.how == How::Itself {
        return;
    }
    let Some(found) = reader.text_of_place(path) else { return };
    // A program has no lines that could be read.
    if found.bytes.contains(&0) {
        return;
    }
    let mut setting = CommandSetting { home: reader.home(user), ..script::setting(path) };
    match place.how {
        How::Keys(keys) => {
            for item in unit::parse(&found.bytes) {
                if keys.contains(&item.key.as_str()) {
                    let paths = setting.paths(&item.value);
                    let command = format!("{}={}", item.key, item.value);
                    reader.file_under(entry(place, path, attributes, item.line, &command, user), paths);
                }
            }
        }
        How::Modules => {
            for (line, text) in super::reader::numbered(&found.bytes) {
                let name = text.split_ascii_whitespace().find(|word| !word.starts_with('-') && *word != "modprobe");
                if let Some(name) = name.filter(|_| !text.starts_with(['#', ';'])) {
                    let module = name.replace('-', "_");
                    reader.file_module(entry(place, path, attributes, line, &text, user), module);
                }
            }
        }
        How::Lines | How::Script | How::Itself => {
            for (line, text) in super::reader::numbered(&found.bytes) {
                if !text.is_empty() && !text.starts_with(['#', ';', '!']) {
                    reader.file(entry(place, path, attributes, line, &text, user), &mut setting);
                }
            }
        }
    }
}

/// Whether what lies in a folder of a place is started whatever it says, like the parts of a shell's startup.
fn starts_what_lies_there(path: &Path) -> bool {
    let folder = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    folder.is_some_and(|folder| {
        matches!(folder.as_str(), "profile.d" | "conf.d" | "plugin" | "grub.d" | "Xsession.d" | "xinitrc.d" | "hooks")
            || folder.strip_suffix(".d").is_some_and(|stem| stem.starts_with("if-"))
            || matches!(folder.as_str(), "actions" | "scripts" | "Autostart" | "autostart-scripts" | "env")
            || matches!(folder.as_str(), "Init" | "PostLogin" | "PreSession" | "polkit-1")
    })
}

fn entry(
    place: &'static PersistencePlace,
    path: &Path,
    attributes: Attributes,
    line: usize,
    command: &str,
    user: &str,
) -> ScheduleEntry {
    ScheduleEntry {
        scheduler: Scheduler::Place,
        place: Some(place),
        path: path.to_owned(),
        attributes,
        line,
        when: place.when.to_owned(),
        user: Some(user.to_owned()),
        command: command.to_owned(),
        ..ScheduleEntry::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::account::BoxAccounts;
    use super::super::super::package::Packages;
    use super::super::super::testing::{facts, put, scratch};
    use super::super::{NameMatch, Schedules};
    use super::*;
    use crate::hunt::persistence::KINDS;

    #[test]
    fn every_kind_has_a_row_with_a_technique_and_a_source_and_the_other_way_about() {
        let mut kinds: Vec<&str> = PLACES.iter().map(|place| place.kind).collect();
        assert_eq!(kinds, KINDS, "in the same order");
        kinds.dedup();
        assert_eq!(kinds.len(), PLACES.len());
        assert!(PLACES.len() >= 57, "{}", PLACES.len());
        for place in PLACES {
            let digits = place.technique.trim_start_matches('T').replace('.', "");
            assert!(digits.len() >= 4 && digits.bytes().all(|b| b.is_ascii_digit()), "{}", place.kind);
            assert!(!place.source.is_empty() && !place.when.is_empty() && !place.paths.is_empty(), "{}", place.kind);
            for path in place.paths {
                assert!(path.starts_with('/') || path.starts_with("~/"), "{path}");
            }
        }
    }

    /// What a file of a place says so that it names `/opt/x/evil`.
    fn content(place: &PersistencePlace) -> String {
        match place.how {
            How::Script | How::Lines | How::Itself => "#!/bin/sh\n# nothing\nx /opt/x/evil y\n".to_owned(),
            How::Keys(keys) => format!("[x]\nOther=/opt/no\n{}=/opt/x/evil --now\n", keys[0]),
            How::Modules => "# nothing\nevil\n".to_owned(),
        }
    }

    #[test]
    fn each_path_of_each_row_is_read_and_what_it_names_is_found() {
        let (dir, root) = scratch(&[("etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n")]);
        let concrete = |pattern: &str| {
            let path = pattern.replace("y*ml", "yml").replace(".*rc", ".xrc").replace('*', "some");
            path.replace("~/", "/home/ann/")
        };
        let module = "/lib/modules/6.1/extra/evil.ko";
        for path in [module, "/opt/x/evil"] {
            put(dir.path(), path, b"");
        }
        for place in PLACES {
            for pattern in place.paths {
                put(dir.path(), &concrete(pattern), content(place).as_bytes());
            }
        }
        let (accounts, packages) = (BoxAccounts::read(&root), Packages::read(&root));
        let schedules = Schedules::read(&root, &accounts);
        for place in PLACES {
            for path in place.paths.iter().map(|pattern| concrete(pattern)) {
                let evil = match place.how {
                    How::Modules => module,
                    // What lies in such a place is what is started.
                    How::Itself => path.as_str(),
                    _ => "/opt/x/evil",
                };
                let facts = facts(&dir.path().join(evil.trim_start_matches('/')));
                let found = schedules.naming(Path::new(evil), &facts, &packages, &accounts);
                let is_it = |one: &&super::super::Schedule| {
                    one.place.is_some_and(|found| found.kind == place.kind) && one.referrer.path == Path::new(&path)
                };
                let hit = found.found().into_iter().flatten().find(is_it);
                let hit = hit.unwrap_or_else(|| panic!("{} {path}", place.kind));
                assert_eq!(hit.names, NameMatch::File, "{} {path}", place.kind);
            }
        }
    }
}
