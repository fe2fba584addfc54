//! Tables, units and folders that were made together with the file, or that others can write to.

use super::Contradiction;
use crate::evidence::baseline::DAY;
use crate::evidence::{ContentCheck, Evidence, NameMatch, Observed, Referrer, Schedule};
use crate::finding::FileTime;
use crate::hunt::{Check, Field, Truth};
use crate::text;
use crate::triage::assess::LineAssessment;
use crate::triage::assess::context::EvidenceContext;

/// What speaks against the schedules and places that name the file.
pub(super) fn schedules(evidence: &Evidence) -> Vec<Contradiction> {
    let all = [&evidence.schedules, &evidence.persistence].into_iter().filter_map(Observed::found).flatten();
    let naming: Vec<&Schedule> = all.filter(|one| one.names == NameMatch::File && one.never.is_none()).collect();
    // One entry that is older than the file is enough to explain it; each young one speaks against itself only.
    let mut found = Vec::new();
    for schedule in naming {
        let against = one(evidence, schedule);
        if against.is_empty() {
            return against;
        }
        found.extend(against);
    }
    found.dedup();
    found
}

/// What speaks against one of them: the table or unit, and the scripts between that and the file.
fn one(evidence: &Evidence, schedule: &Schedule) -> Vec<Contradiction> {
    let mut found = Vec::new();
    for referrer in std::iter::once(&schedule.referrer).chain(&schedule.wrappers).filter(|one| !is_as_shipped(one)) {
        let path = text::escape_path(&referrer.path);
        let is_wrapper = referrer.path != schedule.referrer.path;
        let shown = if is_wrapper {
            format!("{path}, by way of which it is run")
        } else {
            format!("{path}:{}, which names it", schedule.line)
        };
        if let Some(age) = as_young(evidence, referrer) {
            found.push(Contradiction::new("referrer-as-young", format!("{shown}, is {age}")));
        }
        if !referrer.writers.is_empty() {
            let who = referrer.writers.join(" and ");
            found.push(Contradiction::new("referrer-writable", format!("{who} can write to {shown}")));
        }
    }
    found
}

/// What speaks against the paths that the scenario's met lines ask for.
pub(super) fn host_paths(
    applies_when: &[Vec<Check>],
    lines: &[LineAssessment],
    known: &EvidenceContext<'_>,
) -> Vec<Contradiction> {
    let mut found = Vec::new();
    let met = applies_when.iter().zip(lines).filter(|(_, line)| line.truth != Truth::NotMet);
    for check in met.flat_map(|(checks, _)| checks).filter(|check| check.field == Field::HostPath) {
        let named = known.named(check);
        let there: Vec<&Referrer> =
            named.values.texts().iter().filter_map(|path| known.path(path)).filter_map(Observed::found).collect();
        // As long as one is old and only its owner's, it may be the one that counts.
        if there.iter().any(|path| folder_age(known.evidence, path).is_none() && path.writers.is_empty()) {
            continue;
        }
        for path in there {
            let shown = text::escape_path(&path.path).into_owned();
            if let Some(age) = folder_age(known.evidence, path) {
                found.push(Contradiction::new("folder-as-young", format!("{shown} is {age}")));
            }
            if !path.writers.is_empty() {
                let who = path.writers.join(" and ");
                found.push(Contradiction::new("folder-writable", format!("{who} can write to {shown}")));
            }
        }
    }
    found.dedup();
    found
}

fn is_as_shipped(referrer: &Referrer) -> bool {
    referrer.package.found().is_some_and(|owner| owner.installed && owner.content == ContentCheck::AsShipped)
}

/// In words, that what names the file is as young as it within a day, or younger.
///
/// Times of change are compared, which nobody can set back. On a box that was itself made or copied within a day they tell
/// nothing; there the times of content are compared.
fn as_young(evidence: &Evidence, referrer: &Referrer) -> Option<String> {
    let facts = &evidence.facts;
    let young_box = evidence.baseline.found().is_none_or(|baseline| baseline.is_young_at(facts.changed));
    let (theirs, ours, which) = if young_box {
        (referrer.modified, facts.modified, " by the times of content, as the whole box is no older")
    } else {
        (referrer.changed, facts.changed, "")
    };
    age(theirs, ours).map(|age| format!("{age}{which}"))
}

/// The same of a folder, whose birth counts: its other times change with every file in it.
fn folder_age(evidence: &Evidence, folder: &Referrer) -> Option<String> {
    if !folder.is_folder || is_as_shipped(folder) {
        return None;
    }
    // A folder of a package is not the intruder's.
    if folder.package.found().is_some_and(|owner| owner.installed) {
        return None;
    }
    let facts = &evidence.facts;
    if evidence.baseline.found().is_none_or(|baseline| baseline.is_young_at(facts.changed)) {
        return None;
    }
    age(folder.born?, facts.born.unwrap_or(facts.changed))
}

/// In words, how `theirs` is within a day of `ours`, or later; none when it is earlier.
fn age(theirs: FileTime, ours: FileTime) -> Option<String> {
    let after = theirs.seconds.saturating_sub(ours.seconds);
    if after < -DAY {
        return None;
    }
    let span = match after.unsigned_abs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    };
    Some(match after {
        0 => "as young as the file, made in the same second".to_owned(),
        1.. if after > DAY => format!("younger than the file, by {span}"),
        1.. => format!("as young as the file, {span} younger"),
        _ => format!("as young as the file, only {span} older"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn within_a_day_is_as_young_and_later_is_younger() {
        let at = |seconds| FileTime { seconds, nanos: 0 };
        for (theirs, said) in [
            (0, Some("as young as the file, made in the same second")),
            (-3600, Some("as young as the file, only 60 min older")),
            (-DAY, Some("as young as the file, only 24 h older")),
            (-DAY - 1, None),
            (60, Some("as young as the file, 60 s younger")),
            (10 * DAY, Some("younger than the file, by 10 days")),
        ] {
            assert_eq!(age(at(theirs + 1_000_000), at(1_000_000)).as_deref(), said, "{theirs}");
        }
    }
}
