//! Many cases as one report: a table of the boxes, and one of the contents that were found on them, rare ones first.
//!
//! The formats of lines are those of each case, one after the other.

mod markdown;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};

use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Serialize;

use super::case_report::page;
use super::whole::{ReportFormat, ReportSource, WriteError};
use super::{Tally, asked, missed};
use crate::case::{Case, CaseError, GivenAnswer, ScanId};
use crate::finding::Digest;
use crate::hunt::standard;
use crate::session::many::{BoxCase, ContentGroup, ManyCases, ManyFinding};
use crate::session::{self, HuntWords, ScenarioStatus, ScenarioWords};
use crate::text;
use crate::triage::Verdict;

/// The page, with the head that the report of one case has.
const PAGE: &str = concat!(include_str!("../case_report/head.html"), include_str!("many.html"));
/// Contents that are told with what the boxes said; those after them are lines of the table.
const DETAILED: usize = 300;
/// Findings of one content whose boxes are asked what they said.
const ASKED: usize = 500;
/// Paths, owners and boxes of one content that are named.
const NAMED: usize = 12;

/// The report.
#[derive(Debug, Default, Serialize)]
struct ManyReport {
    /// What was done and what came of it.
    summary: Vec<(&'static str, String)>,
    counts: Vec<(&'static str, u64)>,
    boxes: Vec<BoxRow>,
    /// Cases that could not be read, and why.
    unread: Vec<(String, String)>,
    contents: Vec<ContentRow>,
}

/// A box, as its row of the table tells it.
#[derive(Debug, Serialize)]
struct BoxRow {
    host: String,
    tree: String,
    /// `done`, `partial` or `not done`.
    result: &'static str,
    started: String,
    open: u64,
    excluded: u64,
    suspicious: u64,
    malicious: u64,
    candidates: u64,
    coverage: String,
    evidence: String,
    case: String,
}

/// A content, on however many boxes.
#[derive(Debug, Serialize)]
struct ContentRow {
    digest_name: &'static str,
    digest: String,
    boxes: u32,
    of: u32,
    size: u64,
    rules: Vec<String>,
    /// Verdict and how many findings have it.
    verdicts: Vec<(String, u64)>,
    /// The earliest change of the file on any of the boxes.
    first_seen: String,
    owners: Vec<String>,
    paths: Vec<String>,
    more_paths: usize,
    hosts: Vec<String>,
    more_hosts: usize,
    scenarios: Vec<Across>,
}

/// A scenario over all boxes.
#[derive(Debug, Default, Serialize)]
struct Across {
    title: String,
    /// What the boxes said, and on how many.
    states: Vec<(String, u64)>,
    /// What was answered, and for how many findings.
    answers: Vec<(&'static str, u64)>,
}

/// Refuses a format that holds one scan.
///
/// # Errors
/// Which formats take many cases.
pub(crate) fn check(format: ReportFormat) -> anyhow::Result<()> {
    anyhow::ensure!(
        !matches!(format, ReportFormat::Sarif | ReportFormat::Stix),
        "a document in {} is of one case; for many take markdown, html, ndjson, csv, sentinel, timesketch or text",
        format.name()
    );
    Ok(())
}

/// Writes one of several cases in a format of lines.
///
/// # Errors
/// When the case cannot be read, or what `out` says.
pub(crate) fn write_next(
    whole: &ReportSource,
    format: ReportFormat,
    first: bool,
    out: &mut dyn Write,
) -> Result<(), WriteError> {
    whole.write_with(format, first, out)
}

/// Writes the page over all cases.
///
/// # Errors
/// When a case cannot be read again, or what `out` says.
pub(crate) fn write(many: &ManyCases, format: ReportFormat, out: &mut dyn Write) -> Result<(), WriteError> {
    let report = ManyReport::of(many);
    match format {
        ReportFormat::Html => {
            let values = context! { report => Value::from(Serde(&report)) };
            page(PAGE, "Hunt over many boxes", values, out).map_err(|error| WriteError::Io(io::Error::other(error)))
        }
        _ => Ok(markdown::write(&report, out)?),
    }
}

impl ManyReport {
    fn of(many: &ManyCases) -> Self {
        let contents = many.contents();
        let tallies = tallies(many);
        let total = tallies.iter().fold(Tally::default(), |sum, one| Tally {
            open: sum.open + one.open,
            benign: sum.benign + one.benign,
            suspicious: sum.suspicious + one.suspicious,
            malicious: sum.malicious + one.malicious,
            candidates: sum.candidates + one.candidates,
            gone: 0,
        });
        let told = &contents[..contents.len().min(DETAILED)];
        let mut across = across(many, told);
        let rows = contents
            .iter()
            .enumerate()
            .map(|(place, group)| content_row(many, group, across.remove(&place).unwrap_or_default()));
        let rows: Vec<_> = rows.collect();
        let mut boxes: Vec<_> = many.cases.iter().zip(&tallies).map(|(one, tally)| box_row(one, tally)).collect();
        // What a scan did not get through is the first that whoever takes over must know.
        boxes.sort_by_key(|one| ["not done", "partial"].iter().position(|result| one.result == *result).unwrap_or(2));
        Self {
            summary: summary(many, &total, contents.len()),
            counts: vec![
                ("malicious", total.malicious),
                ("suspicious", total.suspicious),
                ("open", total.open),
                ("excluded", total.benign),
                ("candidates", total.candidates),
            ],
            contents: rows,
            boxes,
            unread: many.unread.iter().map(|(file, why)| (text::escape_path(file).into_owned(), why.clone())).collect(),
        }
    }
}

/// What the findings of each case have come to.
fn tallies(many: &ManyCases) -> Vec<Tally> {
    let mut tallies = vec![Tally::default(); many.cases.len()];
    for finding in &many.findings {
        let Some(tally) = tallies.get_mut(finding.case as usize) else { continue };
        *match finding.verdict {
            _ if many.rule_of(finding).is_some_and(crate::finding::FoundBy::is_candidate) => &mut tally.candidates,
            Verdict::Open => &mut tally.open,
            Verdict::Benign => &mut tally.benign,
            Verdict::Suspicious => &mut tally.suspicious,
            Verdict::Malicious => &mut tally.malicious,
        } += 1;
    }
    tallies
}

fn summary(many: &ManyCases, total: &Tally, contents: usize) -> Vec<(&'static str, String)> {
    let count = |result: &str| many.cases.iter().filter(|one| one.result() == result).count() as u64;
    let unread = match many.unread.len() {
        0 => String::new(),
        1 => "; 1 case could not be read or holds no scan".to_owned(),
        some => format!("; {} could not be read or hold no scan", text::counted(some as u64, "case")),
    };
    let times: BTreeSet<_> = many.cases.iter().map(|one| one.scan.started).collect();
    let when = match (times.first(), times.last()) {
        (Some(first), Some(last)) => format!(", scanned from {first:.0} to {last:.0}"),
        _ => String::new(),
    };
    vec![
        (
            "Boxes",
            format!(
                "{} in {}{when}: {} done, {} in part, {} not done{unread}.",
                boxes(many.boxes),
                text::counted(many.cases.len() as u64, "case"),
                text::count(count("done")),
                text::count(count("partial")),
                text::count(count("not done"))
            ),
        ),
        ("Came of it", format!("{}: {}.", text::counted(contents as u64, "content"), total.words())),
    ]
}

/// `1 box`, `14 boxes`.
fn boxes(number: u32) -> String {
    if number == 1 { "1 box".to_owned() } else { format!("{} boxes", text::count(number.into())) }
}

fn box_row(one: &BoxCase, tally: &Tally) -> BoxRow {
    BoxRow {
        host: one.host.clone(),
        tree: text::escape_path(&one.scan.tree).into_owned(),
        result: one.result(),
        started: format!("{:.0}", one.scan.started),
        open: tally.open,
        excluded: tally.benign,
        suspicious: tally.suspicious,
        malicious: tally.malicious,
        candidates: tally.candidates,
        coverage: missed(one.scan.not_scanned, one.gaps),
        evidence: one.evidence.as_ref().map_or_else(|| "the box was not asked".to_owned(), asked),
        case: text::escape_path(&one.path).into_owned(),
    }
}

fn content_row(many: &ManyCases, group: &ContentGroup, scenarios: Vec<Across>) -> ContentRow {
    let findings: Vec<&ManyFinding> =
        group.findings.iter().filter_map(|index| many.findings.get(*index as usize)).collect();
    let names = |texts: BTreeSet<String>| {
        let more = texts.len().saturating_sub(NAMED);
        (texts.into_iter().take(NAMED).collect::<Vec<_>>(), more)
    };
    let mut verdicts: BTreeMap<u8, (String, u64)> = BTreeMap::new();
    for finding in &findings {
        let word = match finding.verdict {
            Verdict::Malicious => (0, "malicious"),
            Verdict::Suspicious => (1, "suspicious"),
            Verdict::Open if finding.returned.is_some() => (2, "returned"),
            Verdict::Open => (3, "open"),
            Verdict::Benign => (4, "excluded"),
        };
        verdicts.entry(word.0).or_insert_with(|| (word.1.to_owned(), 0)).1 += 1;
    }
    let owner = |finding: &&ManyFinding| match &finding.owner {
        Some(name) => format!("{} ({})", text::escape_str(name), finding.uid),
        None => finding.uid.to_string(),
    };
    let first = findings.iter().map(|finding| finding.changed.min(finding.modified)).min();
    let (paths, more_paths) =
        names(findings.iter().map(|finding| text::escape_path(&finding.path).into_owned()).collect());
    let (hosts, more_hosts) =
        names(findings.iter().filter_map(|finding| Some(many.case_of(finding)?.host.clone())).collect());
    let rules = findings.iter().filter_map(|finding| many.rule_of(finding));
    let (rules, _) = names(rules.map(|rule| text::escape_str(&rule.name()).into_owned()).collect());
    ContentRow {
        digest_name: match group.digest {
            Digest::Whole(_) => "SHA-256",
            Digest::DataOnly(_) => "data digest",
        },
        digest: group.digest.to_string(),
        boxes: group.boxes,
        of: many.boxes,
        size: findings.first().map_or(0, |finding| finding.size),
        rules,
        verdicts: verdicts.into_values().collect(),
        first_seen: first
            .map(|time| time.timestamp().map_or_else(|| time.to_string(), |at| format!("{at:.0}")))
            .unwrap_or_default(),
        owners: names(findings.iter().map(owner).collect()).0,
        paths,
        more_paths,
        hosts,
        more_hosts,
        scenarios,
    }
}

/// What the boxes said of the scenarios of these contents and what was answered, by the place of the content; each case is
/// opened once. A case that cannot be read again says nothing.
fn across(many: &ManyCases, contents: &[ContentGroup]) -> HashMap<usize, Vec<Across>> {
    let mut by_case: BTreeMap<u32, Vec<(usize, &ManyFinding)>> = BTreeMap::new();
    for (place, group) in contents.iter().enumerate() {
        for index in group.findings.iter().take(ASKED) {
            if let Some(finding) = many.findings.get(*index as usize) {
                by_case.entry(finding.case).or_default().push((place, finding));
            }
        }
    }
    let mut all: HashMap<usize, BTreeMap<(usize, String), Across>> = HashMap::new();
    let mut titles = Titles::default();
    for (case, findings) in by_case {
        let Some(one) = many.cases.get(case as usize) else { continue };
        let told = statuses(many, one, &findings, &mut titles);
        for (place, statuses) in told.unwrap_or_default() {
            let scenarios = all.entry(place).or_default();
            for (order, status) in statuses.into_iter().enumerate() {
                let ScenarioStatus { title, box_said: said, answer } = status;
                let known = scenarios.keys().find(|(_, id)| *id == said.id).cloned();
                let across = scenarios.entry(known.unwrap_or((order, said.id.clone()))).or_default();
                if across.title.is_empty() {
                    across.title = if title.is_empty() { said.id } else { text::escape_str(&title).into_owned() };
                }
                count(&mut across.states, said.state);
                if let Some(GivenAnswer { answer, .. }) = answer {
                    count(&mut across.answers, answer.word());
                }
            }
        }
    }
    all.into_iter().map(|(place, scenarios)| (place, scenarios.into_values().collect())).collect()
}

fn count<T: PartialEq>(all: &mut Vec<(T, u64)>, what: T) {
    match all.iter_mut().find(|(known, _)| *known == what) {
        Some((_, count)) => *count += 1,
        None => all.push((what, 1)),
    }
}

/// What scenarios are called, by the index of what found something. Cases of one hunt mostly ran with the same rules, so those of a
/// case are read only where one is missing.
#[derive(Default)]
struct Titles(HashMap<u32, Vec<ScenarioWords>>);

impl Titles {
    fn learn(&mut self, many: &ManyCases, case: &Case, scan: ScanId, needed: &[u32]) -> Result<(), CaseError> {
        if needed.iter().all(|rule| self.0.contains_key(rule)) {
            return Ok(());
        }
        let kept: HashMap<_, _> =
            case.rules(scan)?.iter().map(|record| (record.id.rule().clone(), HuntWords::of_record(record))).collect();
        for rule in needed {
            let words = many.rules.get(*rule as usize).and_then(|found_by| kept.get(found_by.rule()));
            self.0.entry(*rule).or_insert_with(|| words.map(|words| words.scenarios.clone()).unwrap_or_default());
        }
        Ok(())
    }

    /// The title that the case keeps, or of a scenario that fits any hunt its own.
    fn of(&self, rule: u32, scenario: &str) -> Option<&str> {
        let kept = self.0.get(&rule).into_iter().flatten().find(|words| words.id == scenario);
        let title = kept.map(|words| words.title.as_str());
        title.or_else(|| standard::scenario(scenario).map(|scenario| scenario.title.as_str()))
    }
}

/// The scenarios of findings of one case, by the place of their content.
fn statuses(
    many: &ManyCases,
    one: &BoxCase,
    findings: &[(usize, &ManyFinding)],
    titles: &mut Titles,
) -> Result<Vec<(usize, Vec<ScenarioStatus>)>, CaseError> {
    let case = Case::open_read_only(&one.path)?;
    let mut needed: Vec<_> = findings.iter().map(|(_, finding)| finding.rule).collect();
    needed.sort_unstable();
    needed.dedup();
    titles.learn(many, &case, one.scan.id, &needed)?;
    let mut all = Vec::with_capacity(findings.len());
    for (place, finding) in findings {
        let mut told = session::kept_statuses(&case, &one.scan, finding.id)?;
        for status in &mut told {
            if let Some(title) = titles.of(finding.rule, &status.box_said.id) {
                title.clone_into(&mut status.title);
            }
        }
        all.push((*place, told));
    }
    Ok(all)
}
