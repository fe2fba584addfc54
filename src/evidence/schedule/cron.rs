//! cron and anacron tables (crontab(5), anacrontab(5)) and the folders whose scripts they run (run-parts(8)).

use std::path::{Path, PathBuf};

use super::reader::Reader;
use super::script;
use super::words::CommandSetting;
use super::{ScheduleEntry, Scheduler};
use crate::root::Attributes;

/// Tables of the system, whose lines name a user.
const SYSTEM_TABLE: &str = "/etc/crontab";
const SYSTEM_TABLES: &str = "/etc/cron.d";
/// Tables of users, named after them: Debian, Red Hat, SUSE, Alpine.
const USER_TABLES: [&str; 4] = ["/var/spool/cron/crontabs", "/var/spool/cron", "/var/spool/cron/tabs", "/etc/crontabs"];
/// Folders whose scripts are run: where, when, and anacron's stamp for it.
const SCRIPT_FOLDERS: [(&str, &str); 10] = [
    ("/etc/cron.hourly", "hourly"),
    ("/etc/cron.daily", "daily"),
    ("/etc/cron.weekly", "weekly"),
    ("/etc/cron.monthly", "monthly"),
    ("/etc/cron.yearly", "yearly"),
    ("/etc/periodic/15min", "every 15 minutes"),
    ("/etc/periodic/hourly", "hourly"),
    ("/etc/periodic/daily", "daily"),
    ("/etc/periodic/weekly", "weekly"),
    ("/etc/periodic/monthly", "monthly"),
];
pub(super) fn read(reader: &mut Reader<'_>) {
    table(reader, Path::new(SYSTEM_TABLE), None);
    for path in reader.names(Path::new(SYSTEM_TABLES)) {
        table(reader, &path, None);
    }
    for folder in USER_TABLES {
        for path in reader.names(Path::new(folder)) {
            // Debian keeps its user tables in a folder below the one where Red Hat keeps them.
            let is_folder = reader.root.locate(&path, false).is_ok_and(|found| found.metadata.is_dir());
            if let Some(user) = path.file_name().map(|name| name.to_string_lossy().into_owned())
                && !is_folder
            {
                table(reader, &path, Some(&user));
            }
        }
    }
    anacrontab(reader, Path::new("/etc/anacrontab"));
    for (folder, when) in SCRIPT_FOLDERS {
        for path in reader.names(Path::new(folder)) {
            run_part(reader, &path, when);
        }
    }
}

/// When a variable of a table is used.
const ENVIRONMENT: &str = "in the environment of each job of this table";

/// Reads a table: of the system when `user` is `None`, so that each line names the user.
fn table(reader: &mut Reader<'_>, path: &Path, user: Option<&str>) {
    let Some(found) = reader.text(path) else { return };
    let (attributes, ends) = (found.attributes, found.bytes.is_empty() || found.bytes.ends_with(b"\n"));
    let lines = reader.lines_of(path, &found);
    // cron skips names that run-parts would skip, so that backups left by editors do not run.
    let in_folder = path.parent() == Some(Path::new(SYSTEM_TABLES));
    let rule = reader.names_rule;
    let note = if in_folder { rule.name_doubt(path, "Debian's cron") } else { None };
    let known = user.map(|user| reader.accounts.named(user).map(|user| user.uid));
    let refused = match known {
        None => rule.why_table_refused(&attributes),
        Some(uid) => rule.why_user_table_refused(&attributes, uid),
    };
    let never = if in_folder { rule.why_name_skipped(path, "cron") } else { None }.or(refused);
    let never = never.or_else(|| rule.why_unended(ends));
    let mut table_setting = CommandSetting { path: super::search_path(), ..CommandSetting::default() };
    let (mut zone, mut late) = (None, 0);
    let table = Table { path, attributes };
    for (line, text) in lines {
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let job = when(&text);
        if job.is_none()
            && let Some((name, value)) = variable(&text)
        {
            match name {
                "PATH" => table_setting.path = value.split(':').map(PathBuf::from).collect(),
                // cronie's crontab(5): the table's own time zone, and minutes of delay by chance.
                "CRON_TZ" => zone = Some(value.to_owned()),
                "RANDOM_DELAY" => late = value.parse::<u64>().unwrap_or(0).saturating_mul(60),
                _ => {}
            }
            table_setting.set(name, value);
        }
        let (when, user, command) = match (job, user) {
            (Some((when, command)), Some(user)) => (when, Some(user), command),
            (Some((when, rest)), None) => match rest.split_once(char::is_whitespace) {
                Some((user, command)) => (when, Some(user), command.trim_start()),
                None => continue,
            },
            (None, user) => (ENVIRONMENT.to_owned(), user, text.as_str()),
        };
        let command = &before_input(command);
        let home = table_setting.variables.get("HOME").map(PathBuf::from);
        let home = home.or_else(|| user.and_then(|user| reader.home(user)));
        let mut setting = CommandSetting { home, ..table_setting.clone() };
        let nobody = user.filter(|user| reader.accounts.named(user).is_none() && !reader.accounts.users().is_empty());
        let nobody = nobody.map(|user| format!("cron runs nothing for {user}, whom /etc/passwd does not name"));
        // The user of a table's line that is no job is not known.
        let never = never.clone().or(nobody.filter(|_| when != ENVIRONMENT));
        let user = user.map(str::to_owned);
        let zone = zone.clone();
        reader.file(
            ScheduleEntry { user, never, zone, late, note: note.clone(), ..table.entry(line, when, command) },
            &mut setting,
        );
    }
}

/// A command without what cron gives it to read: all that follows the first `%` without a backslash (crontab(5)).
fn before_input(command: &str) -> String {
    let mut out = String::with_capacity(command.len());
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match c {
            '%' => break,
            '\\' if chars.as_str().starts_with('%') => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    out
}

/// The file that entries are made from.
struct Table<'a> {
    path: &'a Path,
    attributes: Attributes,
}

impl Table<'_> {
    fn entry(&self, line: usize, when: String, command: &str) -> ScheduleEntry {
        ScheduleEntry {
            scheduler: Scheduler::Cron,
            path: self.path.to_owned(),
            attributes: self.attributes,
            line,
            when,
            user: None,
            command: command.to_owned(),
            ..ScheduleEntry::default()
        }
    }
}

/// A `NAME = value`, as crontab(5) lets it be written.
fn variable(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim().trim_matches(['"', '\'']);
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    plain.then(|| (name, value.trim().trim_matches(['"', '\''])))
}

/// Splits the time off a table's line: five fields, or `@daily` and the like.
fn when(line: &str) -> Option<(String, &str)> {
    if line.starts_with('@') {
        let (when, rest) = line.split_once(char::is_whitespace)?;
        return Some((when.to_owned(), rest.trim_start()));
    }
    let mut rest = line;
    let mut fields = Vec::new();
    for _ in 0..5 {
        let (field, after) = rest.split_once(char::is_whitespace)?;
        let known = |c: char| c.is_ascii_alphanumeric() || "*,-/~?#".contains(c);
        // Only month and weekday names hold letters, so a word is no minute.
        let is_word = fields.is_empty() && field.starts_with(|c: char| c.is_ascii_alphabetic());
        if field.is_empty() || is_word || !field.chars().all(known) {
            return None;
        }
        fields.push(field);
        rest = after.trim_start();
    }
    Some((fields.join(" "), rest))
}

/// Reads anacron's table: period in days or `@monthly`, delay in minutes, job's name, command.
fn anacrontab(reader: &mut Reader<'_>, path: &Path) {
    let Some((attributes, lines)) = reader.table(path) else { return };
    let table = Table { path, attributes };
    let mut setting =
        CommandSetting { home: Some("/".into()), path: super::search_path(), ..CommandSetting::default() };
    let mut late = 0;
    for (line, text) in lines.into_iter().filter(|(_, text)| !text.starts_with('#')) {
        if let Some((name, value)) = variable(&text) {
            if name == "RANDOM_DELAY" {
                late = value.parse::<u64>().unwrap_or(0).saturating_mul(60);
            }
            setting.set(name, value);
        }
        let mut fields = text.split_whitespace();
        let (Some(period), Some(delay), Some(job)) = (fields.next(), fields.next(), fields.next()) else { continue };
        if !(period.starts_with('@') || period.parse::<u32>().is_ok()) || delay.parse::<u32>().is_err() {
            continue;
        }
        let when = match period.strip_prefix('@') {
            Some(name) => name.to_owned(),
            None if period == "1" => "every day".to_owned(),
            None => format!("every {period} days"),
        };
        let command = fields.collect::<Vec<_>>().join(" ");
        let last_run = reader.stamp(&format!("/var/spool/anacron/{job}"));
        let entry =
            ScheduleEntry { scheduler: Scheduler::Anacron, last_run, late, ..table.entry(line, when, &command) };
        reader.file(entry, &mut setting.clone());
    }
}

/// Files a script that run-parts runs: under its own path, and each of its lines under what it names.
fn run_part(reader: &mut Reader<'_>, path: &Path, when: &str) {
    let Some(found) = reader.text(path) else { return };
    let rule = reader.names_rule;
    let never = rule.why_skipped(path, &found.attributes);
    let note = rule.name_doubt(path, "run-parts");
    let folder = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let last_run = folder.and_then(|folder| reader.stamp(&format!("/var/spool/anacron/{folder}")));
    let table = Table { path, attributes: found.attributes };
    let entry = |line, command: &str| ScheduleEntry {
        note: note.clone(),
        never: never.clone(),
        last_run,
        ..table.entry(line, when.to_owned(), command)
    };
    let itself = entry(1, &format!("the script {} itself", path.display()));
    reader.file_under(itself, vec![path.to_owned(), found.resolved]);
    // A program has no lines that could be read.
    if found.bytes.contains(&0) {
        return;
    }
    let mut setting = CommandSetting { home: Some("/".into()), ..script::setting(path) };
    for (line, text) in super::reader::numbered(&found.bytes) {
        if !text.is_empty() && !text.starts_with('#') {
            reader.file(entry(line, &text), &mut setting);
        }
    }
}

#[cfg(test)]
#[path = "cron_tests.rs"]
mod tests;
