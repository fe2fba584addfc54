//! at jobs: a shell script each, whose name says when it runs (at(1); the name is made in at's `at.c`, `writefile`).

use std::path::Path;

use super::reader::Reader;
use super::words::CommandSetting;
use super::{ScheduleEntry, Scheduler};
use crate::finding::FileTime;

/// Where jobs wait: Debian, Red Hat, SUSE.
const FOLDERS: [&str; 3] = ["/var/spool/cron/atjobs", "/var/spool/at", "/var/spool/atjobs"];

pub(super) fn read(reader: &mut Reader<'_>) {
    for folder in FOLDERS {
        for path in reader.names(Path::new(folder)) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if let Some(at) = runs_at(&name) {
                job(reader, &path, at);
            }
        }
    }
}

/// The time in a job's name: a letter for the queue (`=` while it runs), five hex digits of job number, eight hex digits
/// of minutes since 1970.
fn runs_at(name: &str) -> Option<FileTime> {
    let digits = name.get(1..).filter(|digits| digits.len() == 13 && digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    let minutes = i64::from_str_radix(digits.get(5..)?, 16).ok()?;
    Some(FileTime { seconds: minutes * 60, nanos: 0 })
}

fn job(reader: &mut Reader<'_>, path: &Path, at: FileTime) {
    let Some((attributes, lines)) = reader.table(path) else { return };
    let user = reader.accounts.user(attributes.uid);
    let mut setting = CommandSetting { home: reader.home(&user), ..CommandSetting::default() };
    for (line, text) in lines {
        // The job's environment was saved with it; its variables name many folders that the job never touches.
        if text.is_empty() || text.starts_with('#') || text.contains("; export ") {
            continue;
        }
        let entry = ScheduleEntry {
            scheduler: Scheduler::At,
            path: path.to_owned(),
            attributes,
            line,
            when: "once".to_owned(),
            user: Some(user.clone()),
            command: text,
            next_run: Some(at),
            ..ScheduleEntry::default()
        };
        reader.file(entry, &mut setting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_name_holds_its_time() {
        // 0x01c5ab80 minutes.
        assert_eq!(runs_at("a0000b01c5ab80").map(|at| at.seconds), Some(0x01c5_ab80 * 60));
        assert_eq!(runs_at("=0000b01c5ab80").map(|at| at.seconds), Some(0x01c5_ab80 * 60));
        assert_eq!(runs_at(".SEQ"), None);
        assert_eq!(runs_at("a0000b01c5ab8"), None);
        assert_eq!(runs_at("é0000b01c5ab80"), None);
    }
}
