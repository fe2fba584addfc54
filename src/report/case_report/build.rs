//! From a case to the model of its report.

use std::collections::BTreeMap;

use serde_json::Value;

use super::content::MatchedContent;
use super::timeline::{self, Timeline, TimelineEvent, TimelineKind};
use super::{CaseReport, Detail, Exclusion, Explanation, FindingGroup, Occurrence, box_said};
use crate::case::{FindingId, ScanOutcome, Seq};
use crate::finding::{Digest, FileFacts, FileTime};
use crate::report::outgoing::credit;
use crate::report::whole::{ReportSource, WriteError};
use crate::report::{Tally, asked, decided};
use crate::scan::is_gap_kind;
use crate::session::{Archived, Excluded, FindingSummary};
use crate::text;
use crate::triage::Verdict;
use crate::version;

/// Entries that are told in full; those after them are lines of a list.
const DETAILED: usize = 300;
/// Places of one entry whose facts are told; the others are paths.
const PLACES: usize = 20;
/// Findings of one exclusion that are named.
const NAMED: usize = 20;
/// Rules that are named in the first lines.
const RULES: usize = 8;

/// Findings that become one entry: rule, whether they are candidates, content, whether they came back.
type Group = (usize, bool, Digest, Option<String>);

/// A finding that is listed with others of its content.
struct Member {
    id: FindingId,
    path: std::path::PathBuf,
    size: u64,
}

/// Findings by what they have come to.
#[derive(Default)]
struct Sorted {
    tally: Tally,
    malicious: BTreeMap<Group, Vec<Member>>,
    suspicious: BTreeMap<Group, Vec<Member>>,
    open: BTreeMap<Group, Vec<Member>>,
    candidates: BTreeMap<Group, Vec<Member>>,
    excluded: BTreeMap<String, Exclusion>,
}

impl ReportSource {
    pub(super) fn model(&self) -> Result<CaseReport, WriteError> {
        let sorted = self.sort()?;
        let mut tally = sorted.tally;
        let mut report =
            CaseReport { host: text::escape_str(self.origin.host_name()).into_owned(), ..CaseReport::default() };
        let mut room = DETAILED;
        let mut events = Vec::new();
        for (word, groups) in [("malicious", sorted.malicious), ("suspicious", sorted.suspicious)] {
            report.decided.extend(self.entries(word, groups, &mut room, &mut events)?);
        }
        let (returned, open): (BTreeMap<_, _>, BTreeMap<_, _>) =
            sorted.open.into_iter().partition(|(group, _)| group.3.is_some());
        report.open = self.entries("returned", returned, &mut room, &mut events)?;
        report.open.extend(self.entries("open", open, &mut room, &mut events)?);
        report.candidates = self.entries("candidate", sorted.candidates, &mut room, &mut events)?;
        let (against, excluded) = sorted.excluded.into_values().partition(Exclusion::is_against_the_box);
        (report.against, report.excluded) = (against, excluded);
        for list in [&mut report.against, &mut report.excluded] {
            list.sort_by(|a, b| a.words.reason.cmp(&b.words.reason).then(b.findings.cmp(&a.findings)));
        }
        self.archive.each_unmet(|archived| {
            tally.add(&archived.judged);
            report.not_met.extend(self.unmet_entry(&archived));
            Ok::<_, WriteError>(())
        })?;
        events.extend(self.scan_events());
        events.extend(self.decision_events()?);
        report.timeline = Timeline::of(events);
        let counts = self.archive.case.coverage_counts(self.archive.scan.id)?;
        report.coverage = counts
            .into_iter()
            .map(|(reason, count)| (text::escape_str(&reason).into_owned(), count, is_gap_kind(&reason)))
            .collect();
        report.coverage.sort_by_key(|(_, count, gap)| (!*gap, u64::MAX - count));
        report.counts = vec![
            ("malicious", tally.malicious),
            ("suspicious", tally.suspicious),
            ("open", tally.open),
            ("excluded", tally.benign),
            ("candidates", tally.candidates),
        ];
        report.seen = self.coverage_sentence(&report);
        report.summary = self.first_lines(&tally, &report);
        report.annex = self.annex();
        Ok(report)
    }

    fn sort(&self) -> Result<Sorted, WriteError> {
        let mut sorted = Sorted::default();
        self.archive.list(|listed| {
            let FindingSummary { id, rule, candidate, verdict, path, digest, size, returned, exclusion } = listed;
            *match verdict {
                _ if candidate => &mut sorted.tally.candidates,
                Verdict::Open => &mut sorted.tally.open,
                Verdict::Benign => &mut sorted.tally.benign,
                Verdict::Suspicious => &mut sorted.tally.suspicious,
                Verdict::Malicious => &mut sorted.tally.malicious,
            } += 1;
            let member = Member { id, path, size };
            let groups = match verdict {
                Verdict::Benign => {
                    self.add_excluded(&mut sorted.excluded, rule, &member, exclusion);
                    return Ok(());
                }
                Verdict::Malicious => &mut sorted.malicious,
                Verdict::Suspicious => &mut sorted.suspicious,
                Verdict::Open if candidate => &mut sorted.candidates,
                Verdict::Open => &mut sorted.open,
            };
            groups.entry((rule, candidate, digest, returned)).or_default().push(member);
            Ok::<_, WriteError>(())
        })?;
        Ok(sorted)
    }

    fn add_excluded(
        &self,
        all: &mut BTreeMap<String, Exclusion>,
        rule: usize,
        member: &Member,
        exclusion: Option<Excluded>,
    ) {
        let words = exclusion.unwrap_or_default();
        let entry = all.entry(words.id.clone()).or_insert_with(|| Exclusion {
            judgement: words.judgement(),
            decided_at: words.decided_at(),
            expiry: words.expiry(),
            words,
            rules: Vec::new(),
            places: Vec::new(),
            findings: 0,
        });
        entry.findings += 1;
        let name = self.rule_name(rule);
        if !entry.rules.contains(&name) {
            entry.rules.push(name);
        }
        if entry.places.len() < NAMED {
            entry.places.push(text::escape_path(&self.origin.on_box(&member.path)).into_owned());
        }
    }

    fn rule_name(&self, rule: usize) -> String {
        self.archive.rules.get(rule).map(|rule| text::escape_str(&rule.id.name).into_owned()).unwrap_or_default()
    }

    /// The entries of groups, the first of them in full while there is `room`; the times of their files go to `events`.
    fn entries(
        &self,
        word: &'static str,
        groups: BTreeMap<Group, Vec<Member>>,
        room: &mut usize,
        events: &mut Vec<TimelineEvent>,
    ) -> Result<Vec<FindingGroup>, WriteError> {
        let mut entries = Vec::with_capacity(groups.len());
        for ((rule, _, digest, returned), members) in groups {
            let mut entry = FindingGroup {
                word,
                rule: self.rule_name(rule),
                hypothesis: String::new(),
                size: members.first().map_or(0, |member| member.size),
                digest,
                places: Vec::with_capacity(members.len()),
                remarks: returned.into_iter().collect(),
                detail: None,
            };
            for (index, member) in members.iter().enumerate() {
                let told = *room > 0 && (index == 0 || index < PLACES && word != "open" && word != "candidate");
                let archived = if told { self.archive.finding(member.id)? } else { None };
                let path = text::escape_path(&self.origin.on_box(&member.path)).into_owned();
                let mut place = Occurrence { path, ..Occurrence::default() };
                if self.origin.is_mounted() {
                    place.mount = Some(text::escape_path(&member.path).into_owned());
                }
                if let Some(archived) = archived {
                    place.facts = facts(&archived.finding.file);
                    events.extend(timeline::file_events(&place.path, &archived.finding.file));
                    let evidence = self.archive.evidence_of(member.id, &archived.finding.file)?;
                    if let Some(evidence) = &evidence {
                        events.extend(box_said::events(&place.path, evidence));
                    }
                    if index == 0 {
                        entry.detail = self.detail(&archived);
                        if let Some((detail, evidence)) = entry.detail.as_mut().zip(evidence.as_ref()) {
                            detail.box_said = box_said::lines(evidence);
                        }
                        entry.hypothesis = self.hypothesis(archived.rule);
                    } else if let (Some(detail), Some(more)) = (&mut entry.detail, self.detail(&archived)) {
                        let own = more.decisions.into_iter().filter(|line| !detail.decisions.contains(line));
                        let own: Vec<_> = own.map(|line| format!("{}: {line}", place.path)).collect();
                        detail.decisions.extend(own);
                    }
                }
                entry.places.push(place);
            }
            *room = room.saturating_sub(1);
            entries.push(entry);
        }
        Ok(entries)
    }

    fn hypothesis(&self, rule: usize) -> String {
        let said =
            self.archive.hunts.get(rule).map(|hunt| hunt.hypothesis.split_whitespace().collect::<Vec<_>>().join(" "));
        said.map(|said| text::escape_str(&said).into_owned()).unwrap_or_default()
    }

    fn detail(&self, archived: &Archived) -> Option<Detail> {
        let reported = self.archive.reported(archived)?;
        let digest = &archived.finding.file.digest;
        let scenarios = archived.scenarios.iter().map(|status| Explanation {
            title: text::escape_str(if status.title.is_empty() { &status.box_said.id } else { &status.title })
                .into_owned(),
            state: status.box_said.state.clone(),
            unknown: status.box_said.unknown.clone(),
            against: status.box_said.against.clone(),
            checks: status.box_said.checks.clone(),
            answer: status.answer.as_ref().map(|given| decided::answer(given, digest)),
        });
        Some(Detail {
            content: MatchedContent::of(reported.rule, &archived.finding),
            capped: archived.finding.capped,
            box_said: Vec::new(),
            scenarios: scenarios.collect(),
            decisions: decided::decisions(&archived.history),
        })
    }

    fn unmet_entry(&self, archived: &Archived) -> Option<FindingGroup> {
        let gone = archived.judged.gone?;
        let file = &archived.finding.file;
        Some(FindingGroup {
            word: match archived.judged.verdict {
                Verdict::Malicious => "malicious",
                Verdict::Suspicious => "suspicious",
                Verdict::Benign => "excluded",
                Verdict::Open => "open",
            },
            rule: self.rule_name(archived.rule),
            hypothesis: String::new(),
            size: file.size,
            digest: file.digest,
            places: vec![Occurrence {
                path: text::escape_path(&self.origin.on_box(&file.path)).into_owned(),
                mount: self.origin.is_mounted().then(|| text::escape_path(&file.path).into_owned()),
                facts: facts(file),
            }],
            remarks: vec![gone.to_string()],
            detail: self.detail(archived),
        })
    }

    fn scan_events(&self) -> Vec<TimelineEvent> {
        let scan = &self.archive.scan;
        let mut events = vec![TimelineEvent::at(scan.started, TimelineKind::Scan, format!("scan {} began", scan.id))];
        if let Some((at, end)) = &scan.ended {
            events.push(TimelineEvent::at(*at, TimelineKind::Scan, format!("scan {} {}", scan.id, end.outcome)));
        }
        events
    }

    /// Decisions that were not undone; those that were recorded together are one.
    fn decision_events(&self) -> Result<Vec<TimelineEvent>, WriteError> {
        let mut events: Vec<TimelineEvent> = Vec::new();
        let mut group = None;
        let mut count = 0_u64;
        for entry in self.archive.case.entries(Seq(0)) {
            let entry = entry?;
            let Some(said) = decided::decision(&entry).filter(|_| !entry.undone) else { continue };
            if group == Some((entry.group, said.clone())) {
                count += 1;
                if let Some(event) = events.last_mut() {
                    event.text = format!("{said} ({})", text::counted(count, "finding"));
                }
                continue;
            }
            let about = entry.finding.as_ref().map(|(_, subject)| format!(": {}", subject.path.path));
            let told = format!("{said}{}", about.unwrap_or_default());
            events.push(TimelineEvent::at(entry.at, TimelineKind::Decision, text::escape_str(&told).into_owned()));
            (group, count) = (Some((entry.group, said)), 1);
        }
        Ok(events)
    }

    fn first_lines(&self, tally: &Tally, report: &CaseReport) -> Vec<(&'static str, String)> {
        let scan = &self.archive.scan;
        let names: Vec<_> = (0..self.archive.rules.len().min(RULES)).map(|rule| self.rule_name(rule)).collect();
        let more = match self.archive.rules.len().saturating_sub(RULES) {
            0 => String::new(),
            more => format!(" and {}", text::counted(more as u64, "more rule")),
        };
        let tree = text::escape_path(&self.origin.on_box(&scan.tree)).into_owned();
        let by = self.origin.began.as_ref().map(|began| format!(" by {}", text::escape_str(&began.actor.to_string())));
        let end = match &scan.ended {
            Some((at, end)) => format!(
                "ended at {at:.0} ({}): {}, {}",
                end.outcome,
                crate::scan::scanned(end.files, end.members.unwrap_or(0), end.processes.unwrap_or(0)),
                text::bytes(end.bytes)
            ),
            None => "did not end".to_owned(),
        };
        let known = tally.malicious + tally.suspicious;
        let came = match (known, tally.open) {
            (0, 0) => "Nothing stands against this tree: ".to_owned(),
            (0, _) => "Nothing is decided to be malicious or suspicious so far: ".to_owned(),
            _ => format!("{} malicious or suspicious: ", text::counted(known, "finding")),
        };
        let still = match (tally.open, report.not_met.len()) {
            (0, 0) => "Nothing.".to_owned(),
            (open, 0) => format!("{} without a decision.", text::counted(open, "finding")),
            (open, gone) => format!(
                "{} without a decision, {} decided on earlier and not met by this scan.",
                text::counted(open, "finding"),
                text::counted(gone as u64, "finding")
            ),
        };
        vec![
            (
                "Asked",
                format!(
                    "Whether {tree} on {} holds what these rules look for: {}{more}.",
                    report.host,
                    names.join(", ")
                ),
            ),
            ("Done", format!("Scan {} began at {:.0}{}, {end}.", scan.id, scan.started, by.unwrap_or_default())),
            ("Came of it", format!("{came}{}.", tally.words())),
            ("Seen", report.seen.clone()),
            ("Still open", still),
        ]
    }

    /// Coverage in one sentence.
    fn coverage_sentence(&self, report: &CaseReport) -> String {
        let whole = match self.archive.scan.ended.as_ref().map(|(_, end)| end.outcome) {
            Some(ScanOutcome::Finished) => "",
            _ => "The scan did not go through the whole tree. ",
        };
        let gaps: Vec<_> = report.coverage.iter().filter(|(_, _, gap)| *gap).collect();
        let by_choice: u64 = report.coverage.iter().filter(|(_, _, gap)| !gap).map(|(_, count, _)| count).sum();
        let left_out = match by_choice {
            0 => String::new(),
            some => format!(" {} left out on purpose.", text::count(some)),
        };
        if gaps.is_empty() {
            return format!("{whole}No content in the tree went unseen by what could be scanned.{left_out}");
        }
        let total = gaps.iter().map(|(_, count, _)| count).sum();
        let reasons: Vec<_> =
            gaps.iter().map(|(reason, count, _)| format!("{} {reason}", text::count(*count))).collect();
        format!(
            "{whole}{} could hold something that was not seen ({}): this report does not speak of them.{left_out}",
            text::counted(total, "place"),
            reasons.join(", ")
        )
    }

    fn annex(&self) -> Vec<(&'static str, Vec<String>)> {
        let (scan, case) = (&self.archive.scan, &self.origin.case);
        let option = |key: &str| scan.options.get(key).filter(|value| !value.is_null());
        let shown = |value: &Value| match value {
            Value::String(said) => text::escape_str(said).into_owned(),
            Value::Object(parts) => {
                let said = parts.iter().map(|(key, value)| format!("{key} {}", value.as_str().unwrap_or_default()));
                text::escape_str(&said.collect::<Vec<_>>().join(", ")).into_owned()
            }
            Value::Array(list) => {
                let words = list.iter().map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned));
                text::escape_str(&words.collect::<Vec<_>>().join(" ")).into_owned()
            }
            other => text::escape_str(&other.to_string()).into_owned(),
        };
        let mut how = Vec::new();
        how.extend(option("command").map(|command| format!("command: {}", shown(command))));
        how.extend(option("program").map(|program| format!("scanned by: {}", shown(program))));
        let own = version::executable().map_or_else(|_| String::new(), |digest| format!(", SHA-256 {digest}"));
        how.push(format!("written by: {}{own}", version::line()));
        let rest = scan.options.as_object().into_iter().flatten();
        let rest = rest.filter(|(key, value)| !["command", "program"].contains(&key.as_str()) && !is_empty(value));
        how.extend(rest.map(|(key, value)| format!("{}: {}", text::escape_str(key).replace('_', " "), shown(value))));
        let host = self.origin.host.iter().filter(|(_, value)| !value.is_empty());
        let host = host.map(|(name, value)| format!("{}: {}", text::escape_str(name), text::escape_str(value)));
        let credits = self
            .archive
            .rules
            .iter()
            .map(|rule| format!("{}, digest {}", credit(&rule.id.name, Some(rule)), rule.digest));
        vec![
            ("How it was done", how),
            ("The box", host.chain(self.clock()).chain(self.archive.evidence.as_ref().map(asked)).collect()),
            (
                "How to check it",
                vec![
                    format!("case: {case}, id {}", text::escape_str(&self.origin.case_id)),
                    format!("digest of all rules: {}", scan.rules_digest),
                    format!("journal head: {}", self.head),
                    format!("huntbook case verify {case} --head {} says whether anything was changed since", self.head),
                ],
            ),
            ("Rules", credits.collect()),
        ]
    }
}

impl ReportSource {
    /// How the clock of the box stood against UTC when it was scanned, as far as the box can tell.
    fn clock(&self) -> Option<String> {
        let offset = self.origin.host_fact("host.clock.offset")?;
        let hardware =
            match self.origin.host_fact("host.clock.hardware").and_then(|seconds| seconds.parse::<i64>().ok()) {
                None => "the hardware clock could not be read".to_owned(),
                Some(0) => "the hardware clock agreed, read as UTC".to_owned(),
                Some(off) => format!(
                    "it was {} {} the hardware clock, read as UTC",
                    text::counted(off.unsigned_abs(), "second"),
                    if off > 0 { "ahead of" } else { "behind" }
                ),
            };
        let offset = text::escape_str(offset);
        Some(format!(
            "clock: {:.0} UTC by the box's own clock when the scan began, local time {offset}; {hardware}",
            self.archive.scan.started
        ))
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Bool(set) => !set,
        _ => false,
    }
}

/// Owner, mode and times of a file.
fn facts(file: &FileFacts) -> Vec<(&'static str, String)> {
    let name = |name: &Option<String>, id: u32| match name {
        Some(name) => format!("{} ({id})", text::escape_str(name)),
        None => id.to_string(),
    };
    let time = |time: FileTime| time.timestamp().map_or_else(|| time.to_string(), |at| format!("{at:.0}"));
    let mut facts = vec![
        ("owner", format!("{}, group {}", name(&file.owner, file.uid), name(&file.group, file.gid))),
        ("mode", format!("{:04o}", file.mode & 0o7777)),
        ("modified", time(file.modified)),
        ("changed", time(file.changed)),
        ("accessed", time(file.accessed)),
    ];
    facts.extend(file.born.map(|born| ("created", time(born))));
    if let Some(said) = &file.stated {
        facts.push(("inside", said.line()));
    }
    facts
}
