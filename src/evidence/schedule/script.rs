//! Scripts that a schedule or a unit runs, and that run others in turn: two levels of wrappers are looked into.
//!
//! Each script is read once, whoever starts it: which paths its lines name does not depend on that, but for the home of the
//! user. Who starts it is kept beside it, so that a look-up goes from a file to the lines that name it, to their script, and
//! to what starts that.

use std::cell::LazyCell;
use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::filing::{names_file, sourced, truncate};
use super::reader::{Reader, Started, numbered};
use super::words::CommandSetting;
use super::{ScheduleEntry, is_trivial, search_path};
use crate::root::Attributes;
use crate::text;

/// Scripts looked into in all.
const MAX_SCRIPTS: usize = 20_000;
/// Bytes of one script that are looked at, and of all.
const MAX_BYTES: u64 = 1 << 20;
const MAX_BYTES_IN_ALL: u64 = 64 << 20;
/// Lines of one script that are looked at, and of all.
const MAX_LINES: usize = 20_000;
const MAX_LINES_IN_ALL: usize = 1_000_000;
/// Paths that lines of scripts are kept under, each as often as scripts name it.
const MAX_NAMED: usize = 2_000_000;
/// Bytes kept of a line.
const MAX_LINE: usize = 512;
/// Ways to one file by scripts that are told.
const MAX_WAYS: usize = 200;

/// Where the lines of a script run, before it has said anything of its own.
pub(super) fn setting(path: &Path) -> CommandSetting {
    CommandSetting {
        home: Some("/root".into()),
        path: search_path(),
        script: Some(path.to_owned()),
        ..CommandSetting::default()
    }
}

/// A script that something starts.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) path: PathBuf,
    pub(super) attributes: Attributes,
    /// Numbers of the entries that start it, one a table or unit.
    started_by: Vec<u32>,
    /// Numbers of the lines of scripts that entries start, and that start it.
    run_by: Vec<u32>,
}

/// A line of a script that names some path which is there.
#[derive(Debug)]
struct Line {
    script: u32,
    number: usize,
    command: String,
    /// Why what it names is not run, if it is not.
    never: Option<String>,
}

/// How a schedule or a unit comes to a file by way of scripts.
#[derive(Debug)]
pub(super) struct Way {
    /// Number of the entry that starts the first script.
    pub(super) entry: u32,
    /// The scripts with their lines: `/opt/a.sh:3 → /opt/b.sh:7`.
    pub(super) via: String,
    /// The line that names the file.
    pub(super) command: String,
    /// Why what it names is not run, if it is not.
    pub(super) never: Option<String>,
    /// That there are more ways than are told.
    pub(super) note: Option<String>,
    /// The scripts, that whose line names the file last.
    pub(super) scripts: Vec<u32>,
}

/// What is started by way of scripts.
#[derive(Debug, Default)]
pub(super) struct Scripts {
    all: Vec<Script>,
    lines: Vec<Line>,
    /// Numbers of lines by the paths that they name, one a script.
    by_path: HashMap<PathBuf, Vec<u32>>,
}

impl Scripts {
    /// The ways to `path`, [`MAX_WAYS`] at most.
    pub(super) fn ways(&self, path: &Path) -> Vec<Way> {
        let mut ways = Vec::new();
        for line in self.by_path.get(path).into_iter().flatten().filter_map(|number| self.line(*number)) {
            let Some(script) = self.script(line.script) else { continue };
            let way = |entry: &u32, via: String, scripts: &[u32]| Way {
                entry: *entry,
                via,
                scripts: scripts.to_vec(),
                command: line.command.clone(),
                never: line.never.clone(),
                note: None,
            };
            let here = format!("{}:{}", script.path.display(), line.number);
            ways.extend(script.started_by.iter().map(|entry| way(entry, here.clone(), &[line.script])));
            for outer in script.run_by.iter().filter_map(|number| self.line(*number)) {
                let Some(wrapper) = self.script(outer.script) else { continue };
                let via = format!("{}:{} → {here}", wrapper.path.display(), outer.number);
                ways.extend(
                    wrapper.started_by.iter().map(|entry| way(entry, via.clone(), &[outer.script, line.script])),
                );
                if ways.len() > MAX_WAYS {
                    break;
                }
            }
            if ways.len() > MAX_WAYS {
                ways.truncate(MAX_WAYS);
                if let Some(last) = ways.last_mut() {
                    last.note =
                        Some(format!("more than {MAX_WAYS} tables and units come to it by scripts, not all are told"));
                }
                break;
            }
        }
        ways
    }

    fn line(&self, number: u32) -> Option<&Line> {
        self.lines.get(number as usize)
    }

    /// The script of this number.
    pub(super) fn script(&self, number: u32) -> Option<&Script> {
        self.all.get(number as usize)
    }
}

/// Looks into what entries name, and into what those scripts name.
pub(super) fn follow(reader: &mut Reader<'_>) {
    let mut following = Following::default();
    let mut seen = HashSet::new();
    for Started { path, home, entry, is_sourced } in std::mem::take(&mut reader.pending) {
        let Some(of) = reader
            .schedules
            .entries
            .get(entry as usize)
            .map(|of: &ScheduleEntry| (of.path.clone(), of.never.is_none()))
        else {
            continue;
        };
        // A table, or a script of a folder, is read as what it is.
        if path == of.0 {
            continue;
        }
        let Some(script) = following.script(reader, &path, home, is_sourced) else { continue };
        // Of a table or unit that starts it several times one is enough, unless that is one that never runs.
        if seen.insert((script, of))
            && let Some(script) = following.scripts.all.get_mut(script as usize)
        {
            script.started_by.push(entry);
        }
    }
    let named = std::mem::take(&mut following.named);
    let mut seen = HashSet::new();
    for Named { line, path, home, is_sourced } in named {
        let Some(from) = following.scripts.line(line).map(|line| line.script) else { continue };
        let Some(script) = following.script(reader, &path, home, is_sourced) else { continue };
        if from != script
            && seen.insert((from, script))
            && let Some(script) = following.scripts.all.get_mut(script as usize)
        {
            script.run_by.push(line);
        }
    }
    reader.schedules.scripts = following.scripts;
}

/// What a line of a script names, and may be a script.
struct Named {
    /// Number of the line.
    line: u32,
    path: PathBuf,
    /// Home of the user.
    home: Option<PathBuf>,
    /// Whether a shell reads commands from it.
    is_sourced: bool,
}

/// What is known of a path.
#[derive(Default)]
struct KnownPath {
    /// Numbers of the script by the home that its lines were read with.
    scripts: Vec<(PathBuf, u32)>,
    /// Whether it was seen to be no script; and if it is, whether that was asked of it as of one that is sourced.
    is_none: Option<bool>,
}

/// Scripts being looked into.
#[derive(Default)]
struct Following {
    scripts: Scripts,
    known: HashMap<PathBuf, KnownPath>,
    /// What lines of scripts name.
    named: Vec<Named>,
    /// Paths that the script being read has named.
    here: HashSet<OsString>,
    lines: usize,
    bytes: u64,
    paths: usize,
    is_full: bool,
}

impl Following {
    /// The number of a script, which is read by the first who asks; `None` when it is none. What a shell reads commands from
    /// (`is_sourced`) need not be executable.
    fn script(&mut self, reader: &mut Reader<'_>, path: &Path, home: Option<PathBuf>, is_sourced: bool) -> Option<u32> {
        // `/bin/x` and `/usr/bin/x` are one where one folder is a link to the other. Its own name stays: a script may have
        // been meant to be called by that of a link.
        let folder = path.parent().and_then(|folder| reader.there.resolve(folder))?;
        let path = folder.join(path.file_name()?);
        // Without a home, cron and systemd start it in `/`.
        let home = home.filter(|home| reader.there.is_there(home)).unwrap_or_else(|| "/".into());
        if let Some(known) = self.known.get(&path) {
            if let Some((_, number)) = known.scripts.iter().find(|(known, _)| *known == home) {
                return Some(*number);
            }
            if known.is_none.is_some_and(|as_sourced| as_sourced || !is_sourced) {
                return None;
            }
        }
        let number = self.read(reader, &path, &home, is_sourced);
        let known = self.known.entry(path).or_default();
        match number {
            Some(number) => known.scripts.push((home, number)),
            None => known.is_none = Some(is_sourced),
        }
        number
    }

    fn read(&mut self, reader: &mut Reader<'_>, path: &Path, home: &Path, is_sourced: bool) -> Option<u32> {
        let full = self.scripts.all.len() >= MAX_SCRIPTS
            || self.lines >= MAX_LINES_IN_ALL
            || self.bytes >= MAX_BYTES_IN_ALL
            || self.paths >= MAX_NAMED;
        if full {
            if !std::mem::replace(&mut self.is_full, true) {
                reader.gap(path, "too many scripts are started by schedules, this one and others were not read");
            }
            return None;
        }
        let (attributes, bytes) = reader.script_text(path, MAX_BYTES, is_sourced)?;
        self.bytes += bytes.len() as u64;
        self.here.clear();
        let number = self.scripts.all.len() as u32;
        self.scripts.all.push(Script { path: path.to_owned(), attributes, started_by: Vec::new(), run_by: Vec::new() });
        let mut setting = CommandSetting { home: Some(home.to_owned()), ..setting(path) };
        let all = numbered(&bytes);
        if all.len() > MAX_LINES {
            reader
                .gap(path, &format!("only the first {} lines of this script were read", text::count(MAX_LINES as u64)));
        }
        for (line, command) in all.into_iter().take(MAX_LINES) {
            if !command.is_empty() && !command.starts_with('#') {
                self.lines += 1;
                self.file(reader, &mut setting, number, line, command);
            }
        }
        Some(number)
    }

    /// Files one line of a script under what it names and is there.
    fn file(
        &mut self,
        reader: &mut Reader<'_>,
        setting: &mut CommandSetting,
        script: u32,
        line: usize,
        mut command: String,
    ) {
        let there = &mut reader.there;
        let paths = setting.paths_there(&command, &mut |folder, name| there.lies_in(folder, OsStr::new(name)));
        let (paths, parts) = reader.meant(&command, paths);
        truncate(&mut command, MAX_LINE);
        self.file_under(reader, setting, Line { script, number: line, command: command.clone(), never: None }, paths);
        for (path, never) in parts {
            let line = Line { script, number: line, command: command.clone(), never };
            self.file_under(reader, setting, line, vec![path]);
        }
    }

    fn file_under(&mut self, reader: &mut Reader<'_>, setting: &CommandSetting, line: Line, paths: Vec<PathBuf>) {
        let (number, script, before) = (self.scripts.lines.len() as u32, line.script, self.named.len());
        let mut is_filed = false;
        let sourced = LazyCell::new(|| sourced(&line.command));
        for path in paths {
            // The first line of a script that names it stands for all.
            if self.paths >= MAX_NAMED || self.here.contains(path.as_os_str()) || !reader.there.is_there(&path) {
                continue;
            }
            self.here.insert(path.as_os_str().to_owned());
            let resolved = reader.there.resolve(&path).filter(|resolved| *resolved != path);
            if line.never.is_none() && !is_trivial(&path) {
                let (path, home, is_sourced) = (path.clone(), setting.home.clone(), names_file(&sourced, &path));
                self.named.push(Named { line: number, path, home, is_sourced });
            }
            for path in [Some(path), resolved].into_iter().flatten() {
                let numbers = self.scripts.by_path.entry(path).or_default();
                let last = numbers.last().and_then(|last| self.scripts.lines.get(*last as usize));
                if numbers.last() == Some(&number) || last.is_some_and(|last| last.script == script) {
                    continue;
                }
                numbers.push(number);
                self.paths += 1;
                is_filed = true;
            }
        }
        // A number that nothing was filed under is given to the next line.
        if is_filed {
            self.scripts.lines.push(line);
        } else {
            self.named.truncate(before);
        }
    }
}
