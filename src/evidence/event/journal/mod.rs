//! What systemd's journal tells: logins, other users, cron's jobs and audited programs, by the programs that said so.

mod file;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{EventKind, Events, log};
use crate::root::{Attributes, Root};
use crate::text;
use file::JournalFile;

/// Where journald keeps its files, one folder a machine (systemd-journald.service(8)).
const FOLDERS: [&str; 2] = ["/var/log/journal", "/run/log/journal"];
/// Files listed, and files read: those that were written last.
const MAX_LISTED: usize = 10_000;
const MAX_FILES: usize = 64;
/// Entries of one program in one file, and of all, that are read.
const MAX_OF_ONE: usize = 5000;
const MAX_ENTRIES: usize = 60_000;
/// The field that names the program, and the one that tells the kernel's audit from programs (systemd.journal-fields(7)).
const PROGRAM: &str = "SYSLOG_IDENTIFIER";
const TRANSPORT: &str = "_TRANSPORT";

/// Reads the journals of a box. Files that cannot be read, and bounds that are met, are gaps.
pub(super) fn read(root: &Root, events: &mut Events) {
    let mut files: Vec<_> = FOLDERS.iter().flat_map(|folder| journals(root, Path::new(folder))).collect();
    files.sort_by_key(|(written, path)| (std::cmp::Reverse(*written), path.clone()));
    if files.len() > MAX_FILES {
        let said = format!("systemd's journal has {} files, the newest {MAX_FILES} were read", files.len());
        events.gaps.add(said);
    }
    let mut left = MAX_ENTRIES;
    for (_, path) in files.into_iter().take(MAX_FILES) {
        let opened = root.locate(&path, false).and_then(|located| located.open()).and_then(JournalFile::new);
        if let Err(error) = opened.and_then(|mut file| one(&mut file, &path, &mut left, events)) {
            let mut said = format!("{}: not read to its end: {error}", text::escape_path(&path));
            let _ = write!(said, "; journalctl --file on a machine you trust may show it");
            events.gaps.add(said);
        }
    }
}

/// The files of a journal with when each was written, in seconds since 1970.
fn journals(root: &Root, folder: &Path) -> Vec<(i64, PathBuf)> {
    let names = |folder: &Path| -> Vec<PathBuf> {
        let names = root.folder(folder).and_then(|open| open.names()).map(|(names, _)| names).unwrap_or_default();
        names.into_iter().take(MAX_LISTED).map(|name| folder.join(name)).collect()
    };
    // One that was not closed is renamed to end in `~`.
    let is_journal = |path: &PathBuf| {
        let ending = path.extension().map(|ending| ending.to_string_lossy().into_owned());
        ending.is_some_and(|ending| matches!(ending.as_str(), "journal" | "journal~"))
    };
    let files = names(folder).into_iter().flat_map(|machine| names(&machine)).filter(is_journal).take(MAX_LISTED);
    files
        .filter_map(|path| {
            let located = root.locate(&path, false).ok()?;
            let is = Attributes::of(&located.metadata);
            (located.metadata.is_file() && is.size > 0).then_some((is.modified.seconds, path))
        })
        .collect()
}

/// Reads one file as far as it tells something of interest.
fn one(file: &mut JournalFile, path: &Path, left: &mut usize, events: &mut Events) -> std::io::Result<()> {
    let source = events.source(path);
    let programs = file.values(PROGRAM)?.into_iter().filter(|(program, _)| log::is_of_interest(program));
    let audit = file.values(TRANSPORT)?.into_iter().filter(|(transport, _)| transport == "audit");
    for (program, data) in programs.chain(audit).collect::<Vec<_>>() {
        let most = MAX_OF_ONE.min(*left);
        let (entries, more) = file.entries_with(data, most)?;
        *left -= entries.len().min(*left);
        if more {
            let said = format!(
                "{}: the last {} of what {} wrote there were read",
                text::escape_path(path),
                text::counted(entries.len() as u64, "entry"),
                text::escape_str(&program)
            );
            events.gaps.add(said);
        }
        for entry in entries {
            let at = i64::try_from(entry.at / 1_000_000).ok();
            let told = match program.as_str() {
                "audit" => {
                    let kind = entry.message.split(' ').next().unwrap_or_default();
                    log::is_audited(kind).then_some((EventKind::Audit, entry.message.as_str()))
                }
                program => log::by_program(program, &entry.message),
            };
            if let (Some(at), Some((kind, said))) = (at, told) {
                events.add(source, usize::try_from(entry.number).unwrap_or(usize::MAX), Some(at), kind, said);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
