//! Tables of incron: a path that is watched, events, a command (incrontab(5)).

use std::path::Path;

use super::reader::Reader;
use super::words::CommandSetting;
use super::{ScheduleEntry, Scheduler};

/// Tables of the system, and of users, named after them.
const SYSTEM: &str = "/etc/incron.d";
const USERS: [&str; 2] = ["/var/spool/incron", "/var/spool/incron/tabs"];

pub(super) fn read(reader: &mut Reader<'_>) {
    for path in reader.names(Path::new(SYSTEM)) {
        table(reader, &path, "root");
    }
    for path in USERS.iter().flat_map(|folder| reader.names(Path::new(folder))).collect::<Vec<_>>() {
        let user = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let is_folder = reader.root.locate(&path, false).is_ok_and(|found| found.metadata.is_dir());
        if !is_folder {
            table(reader, &path, &user);
        }
    }
}

fn table(reader: &mut Reader<'_>, path: &Path, user: &str) {
    let Some((attributes, lines)) = reader.table(path) else { return };
    for (line, text) in lines.into_iter().filter(|(_, text)| !text.is_empty() && !text.starts_with('#')) {
        let mut parts = text.splitn(3, char::is_whitespace);
        let (Some(watched), Some(events), Some(command)) = (parts.next(), parts.next(), parts.next()) else { continue };
        // The path and the name of what changed are put in for `$@` and `$#`.
        let command = command.replace("$@", watched).replace("$$", "$");
        let mut setting =
            CommandSetting { home: reader.home(user), path: super::search_path(), ..CommandSetting::default() };
        let entry = ScheduleEntry {
            scheduler: Scheduler::Incron,
            path: path.to_owned(),
            attributes,
            line,
            when: format!("at {events} of {watched}"),
            user: Some(user.to_owned()),
            command,
            ..ScheduleEntry::default()
        };
        reader.file(entry, &mut setting);
    }
}
