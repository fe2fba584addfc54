//! What a box said, as a case keeps it, so that checks come to the same on a machine that cannot ask the box.
//!
//! The evidence about a file is kept in parts, one a probe, each as JSON under the name of its probe. Parts that are the same for
//! many files (processes that could not be looked into, the time zone) are the same text, which a case stores once. What
//! checks ask of the box by name, paths and groups, is kept once for the box.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Evidence, Gatherer, Observed, Referrer};
use crate::finding::FileFacts;
use crate::text;

/// A name and a JSON text.
pub(crate) type RecordedPart = (String, String);

/// The part that holds what is of no probe: the path, when the box was asked, how long that took.
const ASKED: &str = "asked";
/// Paths and groups that are kept of one box at most.
const MAX_NAMED: usize = 100_000;
/// Members of the evidence that no probe answered.
const OF_NO_PROBE: [&str; 4] = ["path", "processes_at", "gathered_at", "took"];

/// What checks ask of a box by name, whether it can be asked now or was asked by a scan.
pub(crate) trait BoxQueries: Sync {
    /// Which of these paths (absolute, as on the box) exist, and who could have made them, beside the found file's `facts`;
    /// in the order asked. May block.
    fn host_paths(&self, paths: &[PathBuf], facts: &FileFacts) -> Vec<Observed<Referrer>>;

    /// The names of the accounts in a group of the box, safe to show. May block.
    fn members(&self, group: &str) -> Observed<Vec<String>>;
}

impl BoxQueries for Gatherer {
    fn host_paths(&self, paths: &[PathBuf], facts: &FileFacts) -> Vec<Observed<Referrer>> {
        self.host_paths(paths, facts)
    }

    fn members(&self, group: &str) -> Observed<Vec<String>> {
        self.members(group)
    }
}

/// A box that is asked only what it can tell at once.
pub(crate) struct ByNow<'g>(pub(crate) &'g Gatherer);

impl BoxQueries for ByNow<'_> {
    fn host_paths(&self, paths: &[PathBuf], facts: &FileFacts) -> Vec<Observed<Referrer>> {
        self.0.host_paths_by_now(paths, facts)
    }

    fn members(&self, group: &str) -> Observed<Vec<String>> {
        self.0.members(group)
    }
}

/// What a box said of paths and groups.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NamedFacts {
    groups: BTreeMap<String, Observed<Vec<String>>>,
    paths: BTreeMap<String, Observed<Referrer>>,
}

impl NamedFacts {
    /// As a case keeps it.
    pub(crate) fn parts(&self) -> Vec<RecordedPart> {
        parts_of(self)
    }

    /// What a case holds; `None` for parts that are none of this program's.
    pub(crate) fn of_parts(parts: &[RecordedPart]) -> Option<Self> {
        serde_json::from_value(whole(parts).ok()?).ok()
    }
}

fn beside(found: &Referrer, facts: &FileFacts) -> Referrer {
    Referrer { seconds_after_file: found.changed.seconds.saturating_sub(facts.changed.seconds), ..found.clone() }
}

impl BoxQueries for NamedFacts {
    fn host_paths(&self, paths: &[PathBuf], facts: &FileFacts) -> Vec<Observed<Referrer>> {
        let answer = |path: &PathBuf| match self.paths.get(&*path.to_string_lossy()) {
            Some(known) => known.as_ref().map(|found| beside(found, facts)),
            None => not_asked("this path"),
        };
        paths.iter().map(answer).collect()
    }

    fn members(&self, group: &str) -> Observed<Vec<String>> {
        self.groups.get(group).cloned().unwrap_or_else(|| not_asked("this group"))
    }
}

fn not_asked<T>(what: &str) -> Observed<T> {
    Observed::Unknown(format!("the box was not asked about {what} when it was scanned, and cannot be asked here"))
}

/// A box that is asked each thing once, and what it answered.
pub(crate) struct AskedOnce {
    gatherer: Gatherer,
    known: Mutex<NamedFacts>,
}

impl fmt::Debug for AskedOnce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AskedOnce").finish_non_exhaustive()
    }
}

impl AskedOnce {
    /// The box that `gatherer` asks; nothing is known yet.
    pub(crate) fn new(gatherer: Gatherer) -> Self {
        Self { gatherer, known: Mutex::default() }
    }

    /// The probes.
    pub(crate) fn gatherer(&self) -> &Gatherer {
        &self.gatherer
    }

    /// Asks for the members of all groups of the box, which checks on another machine may name. May block.
    pub(crate) fn ask_groups(&self) {
        if let Observed::Found(groups) = self.gatherer.groups() {
            let mut known = self.known();
            for (group, members) in groups.into_iter().take(MAX_NAMED) {
                known.groups.entry(group).or_insert(members);
            }
        }
    }

    /// All that was answered.
    pub(crate) fn answers(&self) -> NamedFacts {
        self.known().clone()
    }

    fn known(&self) -> MutexGuard<'_, NamedFacts> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BoxQueries for AskedOnce {
    fn host_paths(&self, paths: &[PathBuf], facts: &FileFacts) -> Vec<Observed<Referrer>> {
        let new: Vec<PathBuf> = {
            let known = self.known();
            paths.iter().filter(|path| !known.paths.contains_key(&*path.to_string_lossy())).cloned().collect()
        };
        if !new.is_empty() {
            let answers = self.gatherer.host_paths(&new, facts);
            let mut known = self.known();
            for (path, answer) in new.iter().zip(answers) {
                if known.paths.len() < MAX_NAMED {
                    known.paths.insert(path.to_string_lossy().into_owned(), answer);
                }
            }
        }
        self.known().host_paths(paths, facts)
    }

    fn members(&self, group: &str) -> Observed<Vec<String>> {
        if let Some(known) = self.known().groups.get(group) {
            return known.clone();
        }
        let members = self.gatherer.members(group);
        self.known().groups.insert(group.to_owned(), members.clone());
        members
    }
}

impl Evidence {
    /// As a case keeps it.
    pub(crate) fn parts(&self) -> Vec<RecordedPart> {
        parts_of(self)
    }

    /// What a case keeps about the file of these facts. All texts are safe to show again, whoever wrote the case.
    ///
    /// # Errors
    /// What is wrong with the parts; safe text.
    pub(crate) fn of_parts(facts: FileFacts, parts: &[RecordedPart]) -> Result<Self, String> {
        let said = |error: serde_json::Error| text::escape_str(&error.to_string()).into_owned();
        let evidence: Self = serde_json::from_value(whole(parts).map_err(said)?).map_err(said)?;
        Ok(Self { facts, ..evidence })
    }

    /// What is known of a file without asking any box: its facts as scanned and its path as on the box; for all else, `why` it
    /// is not known.
    pub(crate) fn not_gathered(facts: FileFacts, path: &Path, why: &str) -> Self {
        let mut members = serde_json::to_value(Self::default()).unwrap_or_default();
        for unknown in members.as_object_mut().into_iter().flat_map(Map::values_mut) {
            if let Some(reason) = unknown.get_mut("unknown") {
                *reason = why.into();
            }
        }
        let nothing: Self = serde_json::from_value(members).unwrap_or_default();
        Self { facts, path: path.to_owned(), ..nothing }
    }
}

/// Each member of the object that `value` is as a part; what is of no probe is one part together.
fn parts_of(value: &impl Serialize) -> Vec<RecordedPart> {
    let Ok(Value::Object(members)) = serde_json::to_value(value) else { return Vec::new() };
    let (own, probes): (Map<_, _>, Map<_, _>) =
        members.into_iter().partition(|(name, _)| OF_NO_PROBE.contains(&name.as_str()));
    let probes = probes.into_iter().map(|(name, value)| (name, value.to_string()));
    let own = (!own.is_empty()).then(|| (ASKED.to_owned(), Value::Object(own).to_string()));
    probes.chain(own).collect()
}

/// The object that the parts are of, all its texts safe to show.
fn whole(parts: &[RecordedPart]) -> serde_json::Result<Value> {
    let mut members = Map::new();
    for (name, text) in parts {
        let mut value: Value = serde_json::from_str(text)?;
        make_safe(&mut value);
        match value {
            Value::Object(own) if name == ASKED => members.extend(own),
            value => _ = members.insert(name.clone(), value),
        }
    }
    Ok(Value::Object(members))
}

/// Escapes texts that are not safe to show. Those of this program are; a case from elsewhere may hold others.
fn make_safe(value: &mut Value) {
    match value {
        Value::String(said) => {
            if let Cow::Owned(safe) = text::escape_str(said) {
                *said = safe;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(make_safe),
        Value::Object(members) => members.values_mut().for_each(make_safe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{facts, scratch};
    use super::*;
    use crate::finding::FileTime;

    fn gathered() -> (tempfile::TempDir, Gatherer, Evidence) {
        let odd = "opt/a\u{1b}[2J/x\u{202e}.py";
        let (dir, root) = scratch(&[
            ("etc/passwd", "root:x:0:0::/:\n"),
            ("etc/group", "adm:x:4:root,alice\n"),
            (odd, "one"),
            ("etc/crontab", "@daily root '/opt/a\u{1b}[2J/x\u{202e}.py'\n"),
            ("etc/ansible/hosts", ""),
        ]);
        let gatherer = Gatherer::new(root).with_proc("/proc");
        let evidence = gatherer.gather(&facts(&dir.path().join(odd)));
        (dir, gatherer, evidence)
    }

    #[test]
    fn what_is_kept_is_read_back_to_the_last_byte() {
        let (_dir, _, evidence) = gathered();
        let parts = evidence.parts();
        let back = Evidence::of_parts(evidence.facts.clone(), &parts).unwrap();
        assert_eq!(back.parts(), parts);
        assert_eq!(format!("{:?}", back.schedules), format!("{:?}", evidence.schedules));
        assert!(back.schedules.found().is_some_and(|found| found.len() == 1), "{back:?}");
        assert_eq!(back.path, evidence.path, "raw bytes and all");
        assert_eq!((back.gathered_at, back.took), (evidence.gathered_at, evidence.took));
        assert!(parts.iter().all(|(_, text)| !text.contains(['\u{1b}', '\u{202e}'])), "{parts:?}");
    }

    #[test]
    fn parts_that_are_missing_or_hostile_are_unknown_or_escaped() {
        let (_dir, _, evidence) = gathered();
        let parts = vec![("package".to_owned(), r#"{"unknown":"a\u001b[2J"}"#.to_owned())];
        let back = Evidence::of_parts(evidence.facts.clone(), &parts).unwrap();
        assert_eq!(back.package.reason(), Some(r"a\x1b[2J"));
        assert_eq!(back.schedules.reason(), Some(super::super::observed::NOT_GATHERED));
        for wrong in ["", "{", "[]", "7", r#"{"found":7}"#] {
            let parts = vec![("package".to_owned(), wrong.to_owned())];
            assert!(Evidence::of_parts(evidence.facts.clone(), &parts).is_err(), "{wrong}");
        }
        let none = Evidence::not_gathered(evidence.facts.clone(), Path::new("/opt/x"), "time was up");
        assert_eq!((none.schedules.reason(), none.zone.reason()), (Some("time was up"), Some("time was up")));
        assert_eq!(none.path, Path::new("/opt/x"));
    }

    #[test]
    fn paths_and_groups_are_asked_once_and_remembered() {
        let (dir, gatherer, evidence) = gathered();
        let once = AskedOnce::new(gatherer);
        once.ask_groups();
        let paths = [PathBuf::from("/etc/ansible"), PathBuf::from("/etc/salt")];
        let first = once.host_paths(&paths, &evidence.facts);
        assert!(first[0].found().is_some() && first[1] == Observed::NotFound, "{first:?}");
        std::fs::remove_dir_all(dir.path().join("etc/ansible")).unwrap();
        assert_eq!(once.host_paths(&paths, &evidence.facts), first);
        let kept = NamedFacts::of_parts(&once.answers().parts()).unwrap();
        assert_eq!(kept.host_paths(&paths, &evidence.facts), first);
        assert_eq!(kept.members("adm"), Observed::Found(vec!["root".into(), "alice".into()]));
        assert!(
            kept.members("other").reason().is_some()
                && kept.host_paths(&["/x".into()], &evidence.facts)[0].reason().is_some()
        );
        let later = FileFacts { changed: FileTime { seconds: 0, nanos: 0 }, ..evidence.facts };
        let (one, other) = (first[0].found().unwrap(), kept.host_paths(&paths, &later)[0].found().unwrap().clone());
        assert_eq!(other.seconds_after_file, one.changed.seconds, "beside each file's own time");
    }
}
