//! Trees that were scanned before: the cases in a folder, the newest first.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::case::{Case, CaseError, CaseSummary, with_its_log};

/// Cases that are looked into at most.
const MAX_TREES: usize = 50;
/// Names in the folder that are looked at at most.
const NAMES: usize = 10_000;

/// A tree that was scanned before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recent {
    /// The case of it.
    pub case: PathBuf,
    /// What that case is about.
    pub summary: CaseSummary,
}

/// Hands each case in `folder` to `each`, those written to last first, until that returns false. The cases are only read.
/// A folder that is not there holds none; a case without a scan is left out, one that cannot be read is said.
pub(crate) fn each_recent(folder: &Path, mut each: impl FnMut(Result<Recent, CaseError>) -> bool) {
    let mut found: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .take(NAMES)
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "case"))
        .filter_map(|path| Some((written(&path)?, path)))
        .collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    for (_, case) in found.into_iter().take(MAX_TREES) {
        let summary = Case::open_read_only(&case).and_then(|opened| opened.summary());
        let go_on = match summary {
            Ok(Some(summary)) => each(Ok(Recent { case, summary })),
            Ok(None) => true,
            Err(error) => each(Err(error)),
        };
        if !go_on {
            return;
        }
    }
}

/// When the case at `path` was written to last; what is written last lies in its `-wal` file until it is closed.
fn written(path: &Path) -> Option<SystemTime> {
    let time = |path: &Path| fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?.modified().ok();
    let [case, log, ..] = with_its_log(path);
    let (case, log) = (time(&case)?, time(&log));
    Some(log.map_or(case, |log| log.max(case)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{ScanPlan, Stamp};
    use crate::triage::Actor;

    fn scanned(folder: &Path, name: &str, trees: &[&str]) {
        let mut case = Case::open(&folder.join(name)).unwrap();
        let stamp = |at| Stamp { actor: Actor::current(), host: "web01".into(), at };
        case.record_host(&[("host.name", "web01")], &stamp(jiff::Timestamp::UNIX_EPOCH)).unwrap();
        for (second, tree) in trees.iter().enumerate() {
            let plan = ScanPlan { tree: tree.into(), options: serde_json::json!({}), rules: Vec::new() };
            let at = jiff::Timestamp::new(1_700_000_000 + second as i64, 0).unwrap();
            case.start_scan(&plan, &stamp(at)).unwrap();
        }
    }

    #[test]
    fn cases_come_newest_first_and_a_broken_one_hides_no_other() {
        let dir = tempfile::tempdir().unwrap();
        scanned(dir.path(), "old.case", &["/old"]);
        scanned(dir.path(), "new.case", &["/before", "/new"]);
        scanned(dir.path(), "empty.case", &[]);
        std::fs::write(dir.path().join("broken.case"), "not a database").unwrap();
        std::fs::write(dir.path().join("other.txt"), "x").unwrap();
        for (name, second) in [("old.case", 1), ("broken.case", 2), ("empty.case", 3), ("new.case", 4)] {
            let file = std::fs::File::options().append(true).open(dir.path().join(name)).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(second)).unwrap();
        }
        let mut trees = Vec::new();
        each_recent(dir.path(), |recent| {
            trees.push(
                recent.map_or_else(|error| error.to_string(), |recent| recent.summary.tree.display().to_string()),
            );
            true
        });
        assert_eq!((trees.len(), &*trees[0], &*trees[2]), (3, "/new", "/old"));
        assert!(trees[1].contains("broken.case"), "{}", trees[1]);
        let mut asked = 0;
        each_recent(dir.path(), |_| {
            asked += 1;
            false
        });
        assert_eq!(asked, 1);
        each_recent(&dir.path().join("none"), |_| panic!("there is none"));
    }
}
