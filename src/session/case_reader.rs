//! A case read back: the findings of its last scan and what they came to, on any machine, whatever became of the tree.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::excluded::Excluded;
use super::finding_status::FindingStatus;
use super::hunt_words::HuntWords;
use super::kept_evidence::{self, ScenarioStatus, scenario_statuses};
use super::rule_catalog::RuleRef;
use crate::case::{
    Case, CaseError, CaseErrorKind, EvidenceEnd, FindingId, FindingRow, GivenAnswer, Gone, JournalEntry, RuleRecord,
    ScanRow, Sighting, Unmet,
};
use crate::evidence::Evidence;
use crate::finding::{Digest, FileFacts, Finding, FoundBy};
use crate::hunt::{Rule, rules_of};
use crate::triage::Verdict;

/// Findings read at once.
const PAGE: usize = 1024;

/// One finding of a case.
#[derive(Debug, Clone)]
pub struct Archived {
    /// Facts, matches and kept bytes.
    pub finding: Finding,
    /// What it has come to.
    pub judged: FindingStatus,
    /// Index of its rule in [`CaseReader::rules`].
    pub rule: usize,
    /// The answers in force.
    pub answers: Vec<GivenAnswer>,
    /// Everything ever recorded about it, first to last.
    pub history: Vec<JournalEntry>,
    /// The exclusion that covers it, as far as the case knows.
    pub exclusion: Option<Excluded>,
    /// The scenarios of its hunt: what the box said of each when the scan asked it, and the answer in force.
    pub scenarios: Vec<ScenarioStatus>,
}

/// A finding of a case without its facts and bytes.
#[derive(Debug, Clone)]
pub struct FindingSummary {
    /// Its number.
    pub id: FindingId,
    /// Index of its rule in [`CaseReader::rules`].
    pub rule: usize,
    /// Whether it is a candidate of the rule's hunt.
    pub candidate: bool,
    /// What it has come to.
    pub verdict: Verdict,
    /// The file.
    pub path: PathBuf,
    /// Digest of its content.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Why it is not excluded though an exclusion was made for it; safe text.
    pub returned: Option<String>,
    /// The exclusion that covers it.
    pub exclusion: Option<Excluded>,
}

/// A case that is only read.
#[derive(Debug)]
pub struct CaseReader {
    /// The case.
    pub case: Case,
    /// The scan that is reported: the last one.
    pub scan: ScanRow,
    /// The rules it ran with, candidate conditions under the rule of their hunt, then the other rules of findings that
    /// it did not meet.
    pub rules: Vec<Rule>,
    /// What the hunt of each rule says beside it, in the order of [`CaseReader::rules`].
    pub hunts: Vec<HuntWords>,
    by_id: HashMap<FoundBy, (usize, RuleRecord)>,
    /// The words of exclusions by their ids.
    exclusions: HashMap<String, Excluded>,
    unmet: Vec<Unmet>,
    /// How far the box was asked for the scan, if it was.
    pub evidence: Option<EvidenceEnd>,
    /// Why the box said nothing of a finding, for those of which it said nothing; safe text.
    why_not: String,
}

impl CaseReader {
    /// Opens the case at `path` and its last scan; nothing is written.
    ///
    /// # Errors
    /// When it cannot be read, or holds no scan.
    pub fn open(path: &Path) -> Result<Self, CaseError> {
        Self::of(Case::open_read_only(path)?)
    }

    /// The last scan of a case that is open already.
    ///
    /// # Errors
    /// When it cannot be read, or holds no scan.
    pub fn of(case: Case) -> Result<Self, CaseError> {
        let path = case.path().to_owned();
        let damaged = |what: String| CaseError { path: path.clone(), fault: CaseErrorKind::Damaged(what) };
        let scan = case.last_scan()?;
        let mut rules = Vec::new();
        let mut hunts = Vec::new();
        let mut by_id = HashMap::new();
        let unmet = case.unmet(&scan)?;
        let mut ran_with = case.rules(scan.id)?;
        ran_with.extend(rules_left_out(&case, &ran_with, &unmet)?);
        let (candidates, records): (Vec<_>, Vec<_>) = ran_with.into_iter().partition(|record| record.id.is_candidate());
        for record in records {
            let id = record.id.rule();
            let parsed = rules_of(&id.namespace, Path::new("case"), &record.source).unwrap_or_default();
            let rule = parsed.into_iter().find(|rule| rule.id == *id);
            let rule = rule.ok_or_else(|| damaged(format!("the source of {} cannot be read", record.id)))?;
            hunts.push(HuntWords::of_record(&record));
            by_id.insert(record.id.clone(), (rules.len(), record));
            rules.push(rule);
        }
        for record in candidates {
            // An older Huntbook knew the condition by its rule's name alone.
            let id = record.id.rule();
            let by_name = || rules.iter().position(|rule| rule.id.name == id.name);
            if let Some(rule) = rules.iter().position(|rule| rule.id == *id).or_else(by_name) {
                by_id.insert(record.id.clone(), (rule, record));
            }
        }
        let words = case.exclusion_words()?;
        let exclusions =
            words.into_iter().filter_map(|(id, words)| Some((id, Excluded::from_words(&words)?))).collect();
        let evidence = case.evidence_ends()?.remove(&scan.id);
        let why_not = kept_evidence::why_not(&case, &scan)?;
        Ok(Self { case, scan, rules, hunts, by_id, exclusions, unmet, evidence, why_not })
    }

    /// Hands every finding of the scan to `each`, in the order in which they were found.
    ///
    /// # Errors
    /// When the case cannot be read, or the first error of `each`.
    pub fn each<E: From<CaseError>>(&self, mut each: impl FnMut(Archived) -> Result<(), E>) -> Result<(), E> {
        self.each_row(|row| self.read(row.id, row.verdict, None)?.map_or(Ok(()), &mut each))
    }

    /// Hands every row of the scan's findings to `each`, page by page.
    fn each_row<E: From<CaseError>>(&self, mut each: impl FnMut(FindingRow) -> Result<(), E>) -> Result<(), E> {
        let mut after = FindingId(0);
        loop {
            let rows = self.case.findings(self.scan.id, after, PAGE)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.id;
            rows.into_iter().try_for_each(&mut each)?;
        }
    }

    /// Hands every finding of the scan to `each`, in the order in which they were found, without what takes long to read.
    ///
    /// # Errors
    /// When the case cannot be read, or the first error of `each`.
    pub fn list<E: From<CaseError>>(&self, mut each: impl FnMut(FindingSummary) -> Result<(), E>) -> Result<(), E> {
        self.each_row(|row| {
            let Some((rule, _)) = self.by_id.get(&row.found_by) else { return Ok(()) };
            let cover = if row.verdict == Verdict::Benign { self.case.cover(row.id)? } else { None };
            let in_force = cover.filter(|cover| cover.lapsed.is_none());
            each(FindingSummary {
                id: row.id,
                rule: *rule,
                candidate: row.found_by.is_candidate(),
                verdict: row.verdict,
                path: row.path,
                digest: row.digest,
                size: row.size,
                returned: row.lapsed.filter(|_| row.verdict == Verdict::Open),
                exclusion: in_force.map(|cover| {
                    let known = self.exclusions.get(&cover.exclusion).cloned();
                    known.unwrap_or_else(|| Excluded::known_by_id(&cover.exclusion))
                }),
            })
        })
    }

    /// One finding of the scan in full; `None` for one of a rule that the case does not hold.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn finding(&self, id: FindingId) -> Result<Option<Archived>, CaseError> {
        self.read(id, self.case.verdict(id)?, None)
    }

    /// Hands every finding to `each` that somebody decided on and that the scan did not meet, as it was last met.
    ///
    /// # Errors
    /// When the case cannot be read, or the first error of `each`.
    pub fn each_unmet<E: From<CaseError>>(&self, mut each: impl FnMut(Archived) -> Result<(), E>) -> Result<(), E> {
        for unmet in &self.unmet {
            if let Some(archived) = self.read(unmet.id, self.case.verdict(unmet.id)?, Some(unmet.gone))? {
                each(archived)?;
            }
        }
        Ok(())
    }

    /// What the box said of a finding when the scan asked it; `None` where it said nothing.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub(crate) fn evidence_of(&self, id: FindingId, file: &FileFacts) -> Result<Option<Evidence>, CaseError> {
        let parts = self.case.evidence(self.scan.id, id)?;
        Ok(if parts.is_empty() { None } else { Evidence::of_parts(file.clone(), &parts).ok() })
    }

    fn read(&self, id: FindingId, verdict: Verdict, gone: Option<Gone>) -> Result<Option<Archived>, CaseError> {
        let seen = if gone.is_some() { Sighting::Last } else { Sighting::In(self.scan.id) };
        let finding = self.case.load_finding(id, seen)?;
        let Some((rule, record)) = self.by_id.get(&finding.found_by) else { return Ok(None) };
        let candidate = finding.found_by.is_candidate();
        let cover = self.case.cover(id)?;
        let id_in_force = cover.as_ref().filter(|cover| cover.lapsed.is_none()).map(|cover| cover.exclusion.clone());
        let history = self.case.history(id)?;
        let exclusion = id_in_force.as_ref().map(|id| {
            let recorded = || history.iter().rev().find_map(|entry| Excluded::from_journal(entry, id));
            let known = self.exclusions.get(id).cloned().or_else(recorded);
            known.unwrap_or_else(|| Excluded::known_by_id(id))
        });
        let score = self.rules.get(*rule).map_or(0, Rule::score_or_default);
        let judged = FindingStatus {
            id,
            subject: RuleRef { hunt: *rule, candidate, digest: record.digest, score },
            verdict,
            returned: cover.and_then(|cover| cover.lapsed).filter(|_| verdict == Verdict::Open),
            against_the_box: exclusion.as_ref().is_some_and(Excluded::is_against_the_box),
            exclusion: id_in_force.and_then(|id| id.parse().ok()),
            gone,
        };
        let answers = self.case.answers(id)?;
        let scan = gone.map_or(self.scan.id, |gone| gone.last);
        let said = kept_evidence::kept_scenarios(&self.case, scan, id)?;
        let known = self.hunts.get(*rule).map(|hunt| hunt.scenarios.as_slice()).unwrap_or_default();
        let mut known: Vec<_> = known.iter().map(|scenario| (scenario.id.as_str(), scenario.title.as_str())).collect();
        if known.is_empty() {
            known.extend(record.scenarios.iter().map(|id| (id.as_str(), "")));
        }
        let scenarios = scenario_statuses(known, said.as_deref(), &self.why_not, &answers);
        Ok(Some(Archived { rule: *rule, answers, history, finding, judged, exclusion, scenarios }))
    }
}

/// The rules of findings that the scan did not meet because it ran without them, each as it was last met; for a candidate
/// its hunt's rule too.
fn rules_left_out(case: &Case, ran_with: &[RuleRecord], unmet: &[Unmet]) -> Result<Vec<RuleRecord>, CaseError> {
    let mut known: HashSet<FoundBy> = ran_with.iter().map(|record| record.id.clone()).collect();
    let left_out = unmet.iter().filter(|unmet| !known.contains(&unmet.found_by));
    let names: HashSet<_> = left_out.clone().map(|unmet| unmet.found_by.rule().name.clone()).collect();
    let mut scans: Vec<_> = left_out.map(|unmet| unmet.gone.last).collect();
    scans.sort_unstable_by(|a, b| b.cmp(a));
    scans.dedup();
    let mut more = Vec::new();
    for scan in scans {
        let of_scan = case.rules(scan)?.into_iter().filter(|record| names.contains(&record.id.rule().name));
        more.extend(of_scan.filter(|record| known.insert(record.id.clone())));
    }
    Ok(more)
}
