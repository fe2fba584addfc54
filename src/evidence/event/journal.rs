//! systemd's journal, whose files are not read: where it is the only log, what happened is not known.

use std::path::{Path, PathBuf};

use super::Events;
use crate::root::{Attributes, Root};
use crate::text;

/// Where journald keeps its files, one folder a machine (systemd-journald.service(8)).
const FOLDERS: [&str; 2] = ["/var/log/journal", "/run/log/journal"];
/// Files looked at.
const MAX_FILES: usize = 10_000;
/// Seconds by which a log of text may be older than the journal and still tell the same.
const DAY: i64 = 86_400;

/// Adds a gap where no log of text tells what the journal tells; `written` is when the newest of those was.
pub(super) fn tell(root: &Root, written: Option<i64>, events: &mut Events) {
    for folder in FOLDERS.map(Path::new) {
        let Some(newest) = newest(root, folder) else { continue };
        if written.is_some_and(|written| written + DAY >= newest) {
            continue;
        }
        let other =
            if written.is_some() { "the logs of text end before it" } else { "there is no log of text beside it" };
        let folder = text::escape_path(folder);
        let how = format!("journalctl --directory={folder} on a machine you trust shows it");
        events.gaps.add(format!("{folder}: systemd's journal is not read, and {other}; {how}"));
    }
}

/// When the newest file of a journal was written; `None` where there is none.
fn newest(root: &Root, folder: &Path) -> Option<i64> {
    let names = |folder: &Path| -> Vec<PathBuf> {
        let names = root.folder(folder).and_then(|open| open.names()).map(|(names, _)| names).unwrap_or_default();
        names.into_iter().take(MAX_FILES).map(|name| folder.join(name)).collect()
    };
    let is_journal = |path: &PathBuf| {
        let ending = path.extension().map(|ending| ending.to_string_lossy().into_owned());
        ending.is_some_and(|ending| matches!(ending.as_str(), "journal" | "journal~"))
    };
    let files = names(folder).into_iter().flat_map(|machine| names(&machine)).filter(is_journal).take(MAX_FILES);
    files.filter_map(|path| Some(Attributes::of(&root.locate(&path, false).ok()?.metadata).modified.seconds)).max()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use jiff::tz::TimeZone;

    use super::super::super::account::Accounts;
    use super::super::super::observed::Observed;
    use super::super::super::testing::{facts, put, scratch};
    use super::*;

    #[test]
    fn where_only_the_journal_knows_what_happened_is_unknown_and_beside_logs_of_text_it_is_not() {
        let (dir, root) = scratch(&[("x", "x"), ("var/log/journal/0123/system.journal", "LPKSHHRH")]);
        let around = || {
            let events = Events::read(&root, &Accounts::default(), &TimeZone::UTC);
            events.around(Path::new("/x"), &facts(&dir.path().join("x")))
        };
        let unknown = around();
        assert!(unknown.reason().unwrap().contains("/var/log/journal: systemd's journal is not read"), "{unknown:?}");
        assert!(unknown.reason().unwrap().contains("journalctl --directory=/var/log/journal"), "{unknown:?}");
        put(dir.path(), "var/log/auth.log", b"Nov 20 11:22:01 box kernel: nothing\n");
        assert_eq!(around(), Observed::NotFound);
        let old = SystemTime::now() - Duration::from_hours(24 * 30);
        std::fs::File::open(dir.path().join("var/log/auth.log")).unwrap().set_modified(old).unwrap();
        assert!(around().reason().unwrap().contains("the logs of text end before it"));
    }
}
