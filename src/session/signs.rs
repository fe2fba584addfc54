//! What the box says of a finding, as a list shows it at a glance and a filter asks for it.

use std::collections::HashMap;

use super::kept_evidence::SCENARIOS;
use crate::case::{Case, CaseError, FindingId, ScanId};
use crate::evidence::{Evidence, NameMatch, Schedule, Socket};
use crate::triage::assess::BoxSaid;
use crate::triage::filter::{BoxState, Sign, Signs};

/// Name of the part that holds what a list shows of it at a glance.
pub(super) const SIGNS: &str = "signs";

/// What the box says of the file of this evidence, and of the scenarios of its finding.
pub(crate) fn signs_of(evidence: &Evidence, scenarios: &[BoxSaid]) -> Signs {
    let live = evidence.processes.found().is_some_and(|processes| !processes.is_empty());
    // What names a folder above it, or never runs, starts nothing.
    let starts = |all: &Vec<Schedule>| all.iter().any(|one| one.names == NameMatch::File && one.never.is_none());
    let scheduled = [&evidence.schedules, &evidence.persistence].into_iter().filter_map(|all| all.found()).any(starts);
    let listening = evidence.sockets.found().is_some_and(|sockets| sockets.iter().any(Socket::is_listening));
    let known = [(Sign::Live, live), (Sign::Scheduled, scheduled), (Sign::Listening, listening)];
    known.into_iter().filter(|(_, on)| *on).fold(states(scenarios), |signs, (sign, _)| signs.with(sign))
}

fn states(scenarios: &[BoxSaid]) -> Signs {
    scenarios.iter().fold(Signs::default(), |signs, said| {
        signs.saying(match said.state.as_str() {
            "supported" => BoxState::Supported,
            "contradicted" => BoxState::Contradicted,
            "unsupported" => BoxState::Unsupported,
            _ => BoxState::Unknown,
        })
    })
}

/// The part that keeps the signs of a finding in its case.
pub(super) fn part(signs: Signs) -> Option<String> {
    serde_json::to_string(&signs.names()).ok()
}

/// What `case` keeps of what the box said of the findings of `scan`.
///
/// # Errors
/// When the case cannot be read.
pub(crate) fn kept_signs(case: &Case, scan: ScanId) -> Result<HashMap<FindingId, Signs>, CaseError> {
    let mut all: HashMap<FindingId, Signs> = HashMap::new();
    // Of most findings the box says the same.
    let mut read: HashMap<i64, Signs> = HashMap::new();
    case.each_evidence_part(scan, &[SCENARIOS, SIGNS], |finding, kind, part, text| {
        let signs = *read.entry(part).or_insert_with(|| {
            let text = text();
            if kind == SCENARIOS {
                states(&BoxSaid::all_of(&text).unwrap_or_default())
            } else {
                Signs::of_names(&serde_json::from_str::<Vec<String>>(&text).unwrap_or_default())
            }
        });
        let known = all.entry(finding).or_default();
        *known = known.and(signs);
    })?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Gatherer;
    use crate::evidence::testing::{facts, put};
    use crate::root::Root;

    #[test]
    fn only_what_names_the_file_itself_schedules_it_and_what_the_box_says_is_told() {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "etc/passwd", b"root:x:0:0::/:\n");
        put(dir.path(), "etc/crontab", b"* * * * * root /opt/job/run.py\n0 1 * * * root tar cf /b.tar /opt/data\n");
        for path in ["opt/job/run.py", "opt/data/notes.py", "opt/other.py"] {
            put(dir.path(), path, b"x");
        }
        let gatherer = Gatherer::new(Root::image(dir.path()));
        let said = |state: &str| BoxSaid { state: state.to_owned(), ..BoxSaid::default() };
        let signs = |path: &str| {
            let evidence = gatherer.gather(&facts(&dir.path().join(path)));
            signs_of(&evidence, &[said("unsupported"), said("contradicted")])
        };
        let run = signs("opt/job/run.py");
        assert!(run.has(Sign::Scheduled) && !run.has(Sign::Live) && !run.has(Sign::Listening));
        assert!(!signs("opt/data/notes.py").has(Sign::Scheduled), "a job that saves its folder does not start it");
        assert!(!signs("opt/other.py").has(Sign::Scheduled));
        assert!(run.says(BoxState::Contradicted) && run.says(BoxState::Unsupported) && !run.says(BoxState::Supported));
        assert!(run.is_asked() && Signs::default().says(BoxState::Unasked));
        let again = Signs::of_names(&serde_json::from_str::<Vec<String>>(&part(run).unwrap()).unwrap());
        assert!(again.has(Sign::Scheduled) && !again.has(Sign::Live));
    }
}
