//! Files what was read under the paths that its commands name: what patterns fit, what run-parts runs, and links resolved.

use std::cell::LazyCell;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::reader::{Reader, Started};
use super::words::CommandSetting;
use super::{ScheduleEntry, is_trivial};
use crate::evidence::clock;
use crate::root::Attributes;
use crate::text;

/// Bytes kept of one command.
pub(super) const MAX_COMMAND: usize = 4096;
/// Lines kept in all.
const MAX_ENTRIES: usize = 1_000_000;
/// Time zones whose rules are looked up; there are about 600.
const MAX_ZONES: usize = 1000;
/// Files that one pattern in a command may mean.
const MAX_MATCHING: usize = 1000;

impl Reader<'_> {
    /// Files an entry under every path that its command names. An entry that names none is dropped.
    pub(super) fn file(&mut self, mut entry: ScheduleEntry, setting: &mut CommandSetting) {
        let paths = setting.paths(&entry.command);
        entry.home = entry.home.or_else(|| setting.home.clone());
        self.file_command(entry, paths);
    }

    /// Files an entry under the paths of its command, and what patterns and run-parts make of them.
    pub(super) fn file_command(&mut self, mut entry: ScheduleEntry, paths: Vec<PathBuf>) {
        let (paths, parts) = self.meant(&entry.command, paths);
        truncate(&mut entry.command, MAX_COMMAND);
        for (path, never) in parts {
            self.file_under(ScheduleEntry { never, ..entry.clone() }, vec![path]);
        }
        self.file_under(entry, paths);
    }

    /// What a command means with these paths: those that patterns fit beside them; and what run-parts runs of the folders
    /// among them, with why it skips it, if it does.
    pub(super) fn meant(
        &mut self,
        command: &str,
        mut paths: Vec<PathBuf>,
    ) -> (Vec<PathBuf>, Vec<(PathBuf, Option<String>)>) {
        let more: Vec<PathBuf> =
            paths.iter().filter(|path| has_pattern(path)).flat_map(|path| self.matching(path)).collect();
        paths.extend(more);
        let folders: &[PathBuf] = if names_run_parts(command) { &paths } else { &[] };
        let parts = folders.iter().flat_map(|folder| self.parts(folder)).collect();
        (paths, parts)
    }

    /// The scripts of a folder that is given to run-parts, and why each is skipped, if it is.
    fn parts(&mut self, folder: &Path) -> Vec<(PathBuf, Option<String>)> {
        if is_trivial(folder) || !self.root.locate(folder, true).is_ok_and(|found| found.metadata.is_dir()) {
            return Vec::new();
        }
        let mut parts = Vec::new();
        for path in self.names(folder) {
            let Ok(located) = self.root.locate(&path, true) else { continue };
            let never = self.names_rule.why_skipped(&path, &Attributes::of(&located.metadata));
            parts.push((path, never));
        }
        parts
    }

    /// The files that a path with a pattern in its last part means (glob(7)).
    fn matching(&mut self, path: &Path) -> Vec<PathBuf> {
        if let Some(known) = self.matched.get(path) {
            return known.clone();
        }
        let found = self.look_for(path);
        self.matched.insert(path.to_owned(), found.clone());
        found
    }

    fn look_for(&mut self, path: &Path) -> Vec<PathBuf> {
        let (Some(folder), Some(pattern)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
            return Vec::new();
        };
        let Ok(glob) = globset::Glob::new(pattern) else { return Vec::new() };
        let matcher = glob.compile_matcher();
        if has_pattern(folder) {
            return Vec::new();
        }
        let fits = |name: &OsStr| matcher.is_match(name);
        let names = match self.there.names(folder, fits) {
            Some(names) => names,
            // Too many to be kept, or not to be read: as many as can be listed, and why not all.
            None => {
                let names = self.names(folder).into_iter();
                names.filter_map(|path| path.file_name().filter(|name| fits(name)).map(OsStr::to_owned)).collect()
            }
        };
        names.into_iter().take(MAX_MATCHING).map(|name| folder.join(name)).collect()
    }

    /// Files an entry that has the kernel load a module.
    pub(super) fn file_module(&mut self, entry: ScheduleEntry, module: String) {
        let number = self.schedules.entries.len() as u32;
        self.schedules.by_module.entry(module).or_default().push(number);
        self.schedules.entries.push(entry);
    }

    pub(super) fn file_under(&mut self, entry: ScheduleEntry, paths: Vec<PathBuf>) {
        if self.schedules.entries.len() >= MAX_ENTRIES {
            return self.gap(&entry.path.clone(), "too many scheduled commands, not all were read");
        }
        if let Some(zone) = entry.zone.as_ref().filter(|zone| !self.schedules.zones.contains_key(*zone))
            && self.schedules.zones.len() < MAX_ZONES
        {
            let rules = clock::named(self.root, zone);
            self.schedules.zones.insert(zone.clone(), rules);
        }
        let number = self.schedules.entries.len() as u32;
        let mut filed = false;
        let sourced = LazyCell::new(|| sourced(&entry.command));
        for path in paths {
            // Of the many things that a word may mean most are not there, and need not be resolved one by one.
            let is_there = self.there.is_there(&path);
            if is_there && !is_trivial(&path) {
                let is_sourced = names_file(&sourced, &path);
                self.pending.push(Started { path: path.clone(), home: entry.home.clone(), entry: number, is_sourced });
            }
            let resolved = if is_there { self.there.resolve(&path) } else { None };
            for path in [Some(path), resolved].into_iter().flatten() {
                let numbers = self.schedules.by_path.entry(path).or_default();
                if numbers.last() != Some(&number) {
                    numbers.push(number);
                }
                filed = true;
            }
        }
        if filed {
            self.schedules.entries.push(entry);
        }
    }
}

/// The last parts of the paths that a shell reads commands from: `. FILE` or `source FILE` (dot in POSIX' shell language).
pub(super) fn sourced(command: &str) -> Vec<&str> {
    let (mut names, mut reads) = (Vec::new(), false);
    for word in command.split(|c: char| c.is_whitespace() || "\"';&|(){}".contains(c)).filter(|word| !word.is_empty()) {
        if reads {
            names.extend(word.rsplit('/').next());
        }
        reads = matches!(word, "." | "source");
    }
    names
}

/// Whether one of these is the last part of a path.
pub(super) fn names_file(names: &[&str], path: &Path) -> bool {
    !names.is_empty() && path.file_name().and_then(OsStr::to_str).is_some_and(|name| names.contains(&name))
}

/// Whether a command has run-parts run what is in a folder.
fn names_run_parts(command: &str) -> bool {
    command.split(|c: char| c.is_whitespace() || "\"';&|()/".contains(c)).any(|word| word == "run-parts")
}

fn has_pattern(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().iter().any(|byte| matches!(byte, b'*' | b'?'))
}

/// Cuts a command that is longer than so many bytes, and says so.
pub(super) fn truncate(command: &mut String, most: usize) {
    if command.len() > most {
        command.truncate(command.floor_char_boundary(most));
        command.push(text::ELLIPSIS);
    }
}
