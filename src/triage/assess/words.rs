//! What was seen, in words that are safe to show: values, where they come from, and who could have made them so.

use super::CheckAssessment;
use super::context::{EvidenceContext, KNOWN_GOOD};
use super::partition::Partition;
use crate::evidence::{FolderEvidence, NameMatch, Referrer, Schedule, Scheduler, SeenValue};
use crate::hunt::{Check, Field, Operand, Strength, Truth};
use crate::text;

/// Values shown of each check; of more it is told how many.
const SHOWN: usize = 3;
/// Columns of one value.
const WIDTH: usize = 160;

impl CheckAssessment {
    /// An assessment of which only the outcome is known so far.
    pub(super) fn new(check: &Check, truth: Truth, seen: String) -> Self {
        let check = check.to_string();
        Self {
            check,
            truth,
            strength: None,
            seen,
            unknown: None,
            provenance: Vec::new(),
            warning: None,
            empty_set: None,
            set: None,
        }
    }
}

/// The name of a site set as a sentence has it: `backup accounts`; safe to show.
pub(crate) fn set_in_words(set: &str) -> String {
    if set == KNOWN_GOOD {
        return "known-good hashes".to_owned();
    }
    text::escape_str(set).replace('_', " ")
}

/// A check whose site set holds nothing.
pub(super) fn empty_set(check: &Check, set: &str) -> CheckAssessment {
    let what = set_in_words(set);
    let why = if set == KNOWN_GOOD {
        "no known-good hashes are named: give a list with --known-good, or name some in site.toml".to_owned()
    } else {
        format!("no {what} are named in site.toml")
    };
    let said = CheckAssessment::new(check, Truth::Unknown, String::new());
    CheckAssessment { unknown: Some(why), empty_set: Some(set.to_owned()), ..said }
}

/// A check on the values of a field.
pub(super) fn of_values(
    check: &Check,
    truth: Truth,
    split: &Partition<'_>,
    known: &EvidenceContext<'_>,
) -> CheckAssessment {
    let shown: &[&SeenValue] = match split {
        Partition { met, .. } if !met.is_empty() => met,
        Partition { maybe, .. } if !maybe.is_empty() => maybe,
        Partition { not_met, .. } => not_met,
    };
    let seen = match (split.met.is_empty(), shown) {
        (_, []) if truth == Truth::Unknown => String::new(),
        (_, []) => nothing(check.field).to_owned(),
        // What only may count has not been seen.
        (true, _) if !split.maybe.is_empty() => listed(texts(&split.not_met)),
        _ => listed(texts(shown)),
    };
    let may_count = || {
        split.maybe.first().map(|value| format!("{}: {}", text::escape_str(&value.value.to_string()), value.provenance))
    };
    let unknown = (truth == Truth::Unknown).then(|| split.unknown.clone().or_else(may_count).unwrap_or_default());
    let provenance = first(shown.iter().map(|value| value.provenance.as_str()));
    let warning = (truth == Truth::Met && check.operand != Operand::Exists(false)).then(|| warning(check.field, known));
    let strength = (truth == Truth::Met).then(|| {
        let best = split.met.iter().map(|value| value.strength.unwrap_or(check.field.strength())).max();
        check.strength.or(split.strength).or(best).unwrap_or(Strength::Weak)
    });
    let warning = warning.flatten();
    CheckAssessment { strength, unknown, provenance, warning, ..CheckAssessment::new(check, truth, seen) }
}

/// A check on paths of the box, of which these are there.
pub(super) fn of_paths(check: &Check, there: &[&Referrer], unknown: Option<&str>) -> CheckAssessment {
    let truth = match unknown {
        _ if !there.is_empty() => Truth::Met,
        Some(_) => Truth::Unknown,
        None => Truth::NotMet,
    };
    let paths: Vec<_> = there.iter().map(|path| path.path.to_string_lossy()).collect();
    let seen = match truth {
        Truth::Met => listed(paths),
        Truth::NotMet => "no such path".to_owned(),
        Truth::Unknown => String::new(),
    };
    let provenance: Vec<String> = there.iter().take(SHOWN).map(|path| format!("{}: {path}", escaped(path))).collect();
    let warning = there
        .first()
        .map(|path| format!("{} can change it, or could have made it", writers(&path.owner, &path.writers)));
    let unknown = unknown.filter(|_| truth == Truth::Unknown).map(str::to_owned);
    let strength = (truth == Truth::Met).then(|| check.strength.unwrap_or(Strength::Weak));
    CheckAssessment { strength, unknown, provenance, warning, ..CheckAssessment::new(check, truth, seen) }
}

fn texts(values: &[&SeenValue]) -> impl Iterator<Item = String> {
    values.iter().map(|seen| seen.value.to_string())
}

fn escaped(referrer: &Referrer) -> String {
    text::escape_path(&referrer.path).into_owned()
}

/// The first few values, each once, cut to a width.
fn listed<T: AsRef<str> + PartialEq>(values: impl IntoIterator<Item = T>) -> String {
    let mut each: Vec<T> = Vec::new();
    for value in values {
        if !each.contains(&value) {
            each.push(value);
            // Enough to tell that there are more; a shared file may be held by thousands of processes.
            if each.len() > SHOWN {
                break;
            }
        }
    }
    let shown =
        each.iter().take(SHOWN).map(|value| text::truncate_end(&text::escape_str(value.as_ref()), WIDTH).into_owned());
    let mut out = shown.collect::<Vec<_>>().join(", ");
    if each.len() > SHOWN {
        out.push_str(", and others");
    }
    out
}

/// The first few lines, each once.
fn first<'t>(lines: impl Iterator<Item = &'t str>) -> Vec<String> {
    let mut each: Vec<String> = Vec::new();
    for line in lines {
        if !each.iter().any(|known| known == line) {
            each.push(line.to_owned());
        }
        if each.len() == SHOWN {
            break;
        }
    }
    each
}

/// That a probe looked and found nothing.
pub(super) fn nothing(field: Field) -> &'static str {
    match field {
        Field::ScheduleCron => "no cron table, anacrontab or at job names the file",
        Field::ScheduleSystemd => "no systemd unit names the file",
        Field::ProcessName | Field::ProcessCommandLine | Field::ProcessUser | Field::ProcessStart => {
            "no process runs it"
        }
        Field::ProcessUnit => "no process of a unit that names the file runs it",
        Field::ProcessParentName | Field::ProcessAncestorName => "no process with a parent runs it",
        Field::DestinationPort | Field::DestinationIp | Field::NetworkDirection | Field::SourceIp => {
            "no connection of a process that runs the file"
        }
        Field::FilePackage | Field::FilePackageManager | Field::FilePackageState => "no package ships it",
        Field::FileRepositoryState => "it lies in no git or Subversion checkout",
        Field::FileContentKind => "it is no list of signatures",
        Field::FileContainer => "it lies in no container's layer",
        Field::FileCopy => "no file with the same content is known",
        Field::PersistenceKind => "no other place that starts programs names it",
        Field::EventBefore => "the logs tell of nothing in the hour before the file's last change",
        Field::HostPath => "no such path",
        Field::UserGroup => "no groups",
        Field::FilePath
        | Field::FileName
        | Field::FileOwner
        | Field::FileGroup
        | Field::FileMode
        | Field::FileMtime
        | Field::FileSha256 => "nothing",
    }
}

/// Who could have made a met check so, or how little it proves.
fn warning(field: Field, known: &EvidenceContext<'_>) -> Option<String> {
    let said = match field {
        Field::FilePath | Field::FileName => return folder_writers(known.evidence.folders.found()?),
        Field::FileOwner | Field::FileGroup | Field::FileMode => {
            "whoever has root can give a file any owner, group and mode"
        }
        Field::FileMtime => "the owner of a file can set its time",
        Field::FileSha256 => "the list is as good as its source",
        Field::FilePackage | Field::FilePackageManager | Field::FilePackageState => {
            "the package database lies on this box: whoever has root can change it too"
        }
        Field::ScheduleCron => return schedule_writers(known, |scheduler| scheduler != Scheduler::Systemd),
        Field::ScheduleSystemd => return schedule_writers(known, |scheduler| scheduler == Scheduler::Systemd),
        Field::FileRepositoryState => {
            "whoever can write to the repository can commit a file to it: look at its history"
        }
        Field::FileContentKind => "read the bytes around the match: nothing that could run belongs there",
        Field::FileContainer => "a container's files are as good as its image and whoever can start containers",
        Field::FileCopy => "a copy of a bad file is a bad file: judge the original",
        Field::PersistenceKind => "an intruder's persistence looks just the same: who wrote that place?",
        Field::EventBefore => "logs can be changed by whoever has root",
        Field::ProcessUnit => "an intruder with root can write a unit: see who could have made it so",
        Field::DestinationIp | Field::NetworkDirection => "any program can call an address: look at the other end",
        Field::ProcessName | Field::ProcessCommandLine => "any process can call itself so: look at its executable",
        Field::ProcessUser => "whoever has become this user, or root, could have started it",
        Field::ProcessStart => "whoever knows the times can start it by hand at one of them",
        Field::ProcessParentName | Field::ProcessAncestorName => {
            "any process can call itself so, and one whose parent has ended is given to process 1, systemd as a rule"
        }
        Field::DestinationPort => "any program can talk to a port: look at the other end",
        Field::SourceIp => "an intruder on this box has its addresses too",
        Field::UserGroup => "whoever has root can put an account into any group",
        Field::HostPath => return None,
    };
    Some(said.to_owned())
}

/// Who can put files beside the found one, or replace the folders it lies in.
fn folder_writers(folders: &[FolderEvidence]) -> Option<String> {
    let (nearest, above) = folders.split_first()?;
    let mut said = can_write(nearest);
    // The sticky bit keeps others from moving away what they do not own.
    for folder in above.iter().filter(|folder| !folder.writers.is_empty() && !folder.sticky) {
        said.push_str("; ");
        said.push_str(&can_write(folder));
    }
    Some(format!("who could have put it there: {said}"))
}

fn can_write(folder: &FolderEvidence) -> String {
    format!("{} can write to {}", writers(&folder.owner, &folder.writers), text::escape_path(&folder.path))
}

/// Who can write to the tables and units that name the file.
pub(super) fn schedule_writers(known: &EvidenceContext<'_>, wanted: fn(Scheduler) -> bool) -> Option<String> {
    let schedules = known.evidence.schedules.found().into_iter().flatten();
    let names_file = |schedule: &&Schedule| wanted(schedule.scheduler) && schedule.names == NameMatch::File;
    let said: Vec<String> = schedules
        .filter(names_file)
        .map(|schedule| &schedule.referrer)
        .map(|table| format!("{} can write to {}", writers(&table.owner, &table.writers), escaped(table)))
        .collect();
    let said = first(said.iter().map(String::as_str));
    (!said.is_empty()).then(|| format!("who could have made it so: {}", said.join("; ")))
}

/// The owner, root, and whoever else the mode lets write.
fn writers(owner: &str, others: &[String]) -> String {
    let root = (owner != "root").then_some("root");
    let mut all: Vec<&str> = [Some(owner), root].into_iter().flatten().collect();
    all.extend(others.iter().map(String::as_str));
    let last = all.pop().unwrap_or_default();
    if all.is_empty() { last.to_owned() } else { format!("{} and {last}", all.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_can_write_reads_like_a_sentence() {
        assert_eq!(writers("root", &[]), "root");
        assert_eq!(writers("alice", &[]), "alice and root");
        assert_eq!(writers("alice", &["group dev".into(), "everyone".into()]), "alice, root, group dev and everyone");
    }

    #[test]
    fn sets_are_named_as_a_sentence_has_them() {
        assert_eq!(set_in_words("backup_accounts"), "backup accounts");
        assert_eq!(set_in_words(KNOWN_GOOD), "known-good hashes");
        assert_eq!(set_in_words("a\u{1b}_b"), r"a\x1b b");
    }

    #[test]
    fn values_are_listed_once_cut_and_escaped() {
        assert_eq!(listed(vec!["b", "a", "b"]), "b, a");
        assert_eq!(listed(vec!["1", "2", "3", "4", "5"]), "1, 2, 3, and others");
        assert_eq!(listed(vec!["a\u{1b}[2J"]), r"a\x1b[2J");
        assert!(text::width(&listed(vec![&"x".repeat(9999)])) <= WIDTH);
        assert_eq!(first(["x", "x", "y", "z", "w"].into_iter()), ["x", "y", "z"]);
    }
}
